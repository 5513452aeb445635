/* tests/fuzz/fuzz_noise.c - reads a handshake message in each pattern and role.
 * The first byte chooses: bit 0 the pattern, bit 1 the reader, bit 2 whether the rest is the message itself,
 * or is added to a genuine one (and its length decides how much of that arrives), so that inputs get past the
 * first tag.  What is not genuine must be refused and change nothing. */
#include "proto/crypto/noise.h"

#include <stdlib.h>
#include <string.h>

enum { ROOM = 2048, PAYLOAD = 40 }; /* bytes */

static void must(bool holds)
{
    if (!holds)
        abort();
}

static bool same(const void *a, const void *b, size_t len)
{
    return memcmp(a, b, len) == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const uint8_t secret[3][SMX_X25519] = {{1}, {2}, {3}}, text[PAYLOAD] = {9};
    struct smx_x25519 init, resp;
    struct smx_noise a, b, *reader, before;
    uint8_t genuine[ROOM] = {0}, message[ROOM], payload[ROOM];
    size_t genuine_len;
    enum smx_noise_pattern pattern;
    enum smx_err err;
    bool is_genuine;

    if (len < 1 || len > ROOM)
        return 0;
    pattern = data[0] & 1 ? SMX_NOISE_NK : SMX_NOISE_IK;
    smx_x25519_from_secret(&init, secret[0]);
    smx_x25519_from_secret(&resp, secret[1]);
    smx_noise_init(&a, pattern, true, NULL, 0, pattern == SMX_NOISE_IK ? &init : NULL, resp.public);
    smx_noise_init(&b, pattern, false, NULL, 0, &resp, NULL);
    genuine_len = smx_noise_overhead(&a) + PAYLOAD;
    must(smx_noise_write_with_ephemeral(&a, secret[2], text, PAYLOAD, genuine) == SMX_OK);
    reader = &b;
    if (data[0] & 2) {
        must(smx_noise_read(&b, genuine, genuine_len, payload) == SMX_OK);
        genuine_len = smx_noise_overhead(&b) + PAYLOAD;
        memset(genuine, 0, sizeof genuine);
        must(smx_noise_write_with_ephemeral(&b, secret[0], text, PAYLOAD, genuine) == SMX_OK);
        reader = &a;
    }
    len--;
    for (size_t i = 0; i < len; i++)
        message[i] = data[1 + i] ^ (data[0] & 4 ? genuine[i] : 0);
    is_genuine = len == genuine_len && same(message, genuine, len);
    memcpy(&before, reader, sizeof before);
    err = smx_noise_read(reader, message, len, payload);
    must((err == SMX_OK) == is_genuine);
    must(err == SMX_OK ? same(payload, text, PAYLOAD) : same(&before, reader, sizeof before));
    return 0;
}
