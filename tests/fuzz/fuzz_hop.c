/* One hop: the first byte chooses, the rest is a body, the content of an EXTEND, or is added to a genuine
 * message of the handshake, so that only the genuine one may pass. */
#include "proto/circuit/hop.h"

#include <stdlib.h>
#include <string.h>

static void must(bool holds)
{
    if (!holds)
        abort();
}

static void body(const uint8_t *data, size_t len)
{
    uint8_t in[SMX_CELL_BODY] = {0}, again[SMX_CELL_BODY];
    struct smx_hop_msg m;

    memcpy(in, data, len < sizeof in ? len : sizeof in);
    if (smx_hop_msg_decode(&m, in) != SMX_OK)
        return;
    must(smx_hop_is_own(in) && m.len <= SMX_HOP_CONTENT);
    smx_hop_msg_encode(again, m.type, m.content, m.len);
    must(memcmp(again, in, sizeof in) == 0);
}

static void extend(const uint8_t *data, size_t len)
{
    uint8_t again[SMX_EXTEND_SIZE];
    struct smx_extend e;

    if (smx_extend_decode(&e, data, len) != SMX_OK)
        return;
    smx_extend_encode(again, &e);
    must(len == sizeof again && memcmp(again, data, len) == 0);
}

/* Adds the input to a message; true when that changed it. */
static bool alter(uint8_t *msg, size_t msg_len, const uint8_t *data, size_t len)
{
    uint8_t any = 0;

    for (size_t i = 0; i < msg_len && i < len; i++) {
        msg[i] ^= data[i];
        any |= data[i];
    }
    return any != 0;
}

static void handshake(bool first, const uint8_t *data, size_t len)
{
    static const uint8_t secret[3][SMX_X25519] = {{1}, {2}, {3}};
    struct smx_hop_target to = {.id = {4}, .tag = {5}};
    struct smx_hop_layers a, b;
    struct smx_x25519 onion;
    struct smx_noise n;
    uint8_t msg1[SMX_HOP_MSG1], msg2[SMX_HOP_MSG2];
    bool altered = false;

    smx_x25519_from_secret(&onion, secret[0]);
    memcpy(to.onion, onion.public, sizeof to.onion);
    must(smx_hop_start_with_ephemeral(&n, msg1, &to, SMX_PERIOD_SLOT, secret[1]) == SMX_OK);
    if (first)
        altered = alter(msg1, sizeof msg1, data, len);
    if (smx_hop_answer_with_ephemeral(&b, msg2, msg1, to.id, &onion, to.tag, SMX_PERIOD_SLOT, secret[2]) ==
        SMX_OK) {
        must(!altered);
        if (!first)
            altered = alter(msg2, sizeof msg2, data, len);
        must((smx_hop_finish(&a, &n, msg2) == SMX_OK) == !altered);
        if (!altered) {
            must(memcmp(a.hash, b.hash, sizeof a.hash) == 0);
            smx_hop_layers_fini(&a);
        }
        smx_hop_layers_fini(&b);
    } else {
        must(altered);
    }
    smx_noise_fini(&n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    if (len == 0)
        return 0;
    if (data[0] % 4 == 0)
        body(data + 1, len - 1);
    else if (data[0] % 4 == 1)
        extend(data + 1, len - 1);
    else
        handshake(data[0] % 4 == 2, data + 1, len - 1);
    return 0;
}
