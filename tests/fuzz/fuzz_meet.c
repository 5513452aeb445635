/* Messages of an introduction, and cells of a pipe.  The input is the payload of a message 1 that is
 * genuine otherwise, then as much of a cell's plaintext: noise would only ever meet the tag. */
#include "proto/e2e/meet.h"

#include <stdlib.h>
#include <string.h>

static void must(bool holds)
{
    if (!holds)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const uint8_t seed[SMX_RNG_SEED];
    uint8_t payload[SMX_MEET_PAYLOAD] = {0}, msg1[SMX_MEET_1], msg2[SMX_MEET_2], cell[SMX_PIPE_CELL] = {0};
    uint8_t tweak[SMX_WIDEBLOCK_TWEAK] = {0};
    uint64_t slot[4];
    char prologue[14 + 1 + 96] = "sipmix meet v1\1";
    struct smx_meet_callee callee = {.pseudonym = {0}};
    struct smx_meet_memory memory;
    struct smx_meet_offer offer;
    struct smx_meet_keys keys;
    struct smx_x25519 day, own;
    struct smx_noise caller;
    struct smx_meet m;
    struct smx_rng rng;

    smx_rng_init(&rng, seed);
    smx_x25519_make(&day, &rng);
    smx_x25519_make(&own, &rng);
    memcpy(callee.day_key, day.public, sizeof callee.day_key);
    memcpy(prologue + 15 + 64, day.public, 32);
    memcpy(payload, data, len < sizeof payload ? len : sizeof payload);
    smx_noise_init(&caller, SMX_NOISE_IK, true, prologue, sizeof prologue, &own, day.public);
    if (smx_noise_write(&caller, &rng, payload, sizeof payload, msg1) != SMX_OK)
        return 0;
    smx_meet_memory_init(&memory, slot, 4, &rng);
    if (smx_meet_read(&m, &offer, &memory, &callee, &day, msg1) == SMX_OK &&
        smx_meet_answer(&m, &rng, msg2, &keys) == SMX_OK) {
        struct smx_wideblock peer;
        struct smx_pipe_msg msg;
        struct smx_pipe s;

        if (len > sizeof payload)
            memcpy(cell, data + sizeof payload,
                   len - sizeof payload < sizeof cell ? len - sizeof payload : sizeof cell);
        smx_pipe_init(&s, &keys);
        smx_wideblock_init(&peer, keys.to_callee);
        smx_wideblock_encipher(&peer, tweak, cell, sizeof cell);
        if (smx_pipe_open(&s, cell, &msg) == SMX_OK)
            must(msg.len <= SMX_PIPE_CONTENT);
        smx_pipe_fini(&s);
    }
    smx_meet_fini(&m);
    return 0;
}
