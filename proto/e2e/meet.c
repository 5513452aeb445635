#include "proto/e2e/meet.h"

#include "proto/base/bytes.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

#define PROLOGUE_LABEL "sipmix meet v1"
#define CALLER_LABEL   "sipmix caller v1"

enum {
    SUITE = 1,
    VERSION = 1,
    FLAG_NAMED = 1,
    PROLOGUE = sizeof PROLOGUE_LABEL - 1 + 1 + 32 + 32 + 32,
    SIGNED = sizeof CALLER_LABEL - 1 + 32 + PROLOGUE,
};

static void prologue_of(uint8_t out[PROLOGUE], const struct smx_meet_callee *to)
{
    struct smx_wr w = {out, PROLOGUE};

    smx_wr_bytes(&w, PROLOGUE_LABEL, sizeof PROLOGUE_LABEL - 1);
    smx_wr_u8(&w, SUITE);
    smx_wr_bytes(&w, to->pseudonym, sizeof to->pseudonym);
    smx_wr_bytes(&w, to->introduction, sizeof to->introduction);
    smx_wr_bytes(&w, to->day_key, sizeof to->day_key);
    smx_wr_done(&w);
}

/* What a named caller signs: that this Noise static is his, and whom he calls with it. */
static void signed_of(uint8_t out[SIGNED], const uint8_t noise_static[32], const uint8_t prologue[PROLOGUE])
{
    struct smx_wr w = {out, SIGNED};

    smx_wr_bytes(&w, CALLER_LABEL, sizeof CALLER_LABEL - 1);
    smx_wr_bytes(&w, noise_static, 32);
    smx_wr_bytes(&w, prologue, PROLOGUE);
    smx_wr_done(&w);
}

void smx_meet_fini(struct smx_meet *m)
{
    smx_noise_fini(&m->noise);
}

/* ---- caller ---- */

static void payload_encode(uint8_t out[SMX_MEET_PAYLOAD], const struct smx_meet_place *at,
                           const uint8_t *secret, const uint8_t noise_static[32],
                           const uint8_t prologue[PROLOGUE])
{
    struct smx_wr w = {out, SMX_MEET_PAYLOAD};

    smx_wr_u8(&w, VERSION);
    smx_wr_u8(&w, secret ? FLAG_NAMED : 0);
    smx_wr_bytes(&w, at->rendezvous, sizeof at->rendezvous);
    smx_wr_bytes(&w, at->cookie, sizeof at->cookie);
    if (secret) {
        uint8_t to_sign[SIGNED], sig[crypto_sign_BYTES];

        signed_of(to_sign, noise_static, prologue);
        crypto_sign_detached(sig, NULL, to_sign, sizeof to_sign, secret);
        smx_wr_bytes(&w, secret + 32, 32); /* libsodium: seed, then public key */
        smx_wr_bytes(&w, sig, sizeof sig);
    }
    smx_wr_pad(&w);
}

/* rng or ephemeral is given. */
static enum smx_err call(struct smx_meet *m, const struct smx_x25519 *own, struct smx_rng *rng,
                         const uint8_t *ephemeral, const struct smx_meet_callee *to,
                         const struct smx_meet_place *at, const uint8_t *secret, uint8_t msg1[SMX_MEET_1])
{
    uint8_t prologue[PROLOGUE], payload[SMX_MEET_PAYLOAD];
    enum smx_err err;

    prologue_of(prologue, to);
    payload_encode(payload, at, secret, own->public, prologue);
    smx_noise_init(&m->noise, SMX_NOISE_IK, true, prologue, sizeof prologue, own, to->day_key);
    if (ephemeral)
        err = smx_noise_write_with_ephemeral(&m->noise, ephemeral, payload, sizeof payload, msg1);
    else
        err = smx_noise_write(&m->noise, rng, payload, sizeof payload, msg1);
    sodium_memzero(payload, sizeof payload);
    if (err != SMX_OK)
        smx_meet_fini(m);
    return err;
}

enum smx_err smx_meet_call(struct smx_meet *m, struct smx_rng *rng, const struct smx_meet_callee *to,
                           const struct smx_meet_place *at, const uint8_t *secret, uint8_t msg1[SMX_MEET_1])
{
    struct smx_x25519 own;
    enum smx_err err;

    smx_x25519_make(&own, rng);
    err = call(m, &own, rng, NULL, to, at, secret, msg1);
    sodium_memzero(&own, sizeof own);
    return err;
}

enum smx_err smx_meet_call_with(struct smx_meet *m, const uint8_t static_secret[32],
                                const uint8_t ephemeral[32], const struct smx_meet_callee *to,
                                const struct smx_meet_place *at, const uint8_t *secret,
                                uint8_t msg1[SMX_MEET_1])
{
    struct smx_x25519 own;
    enum smx_err err;

    smx_x25519_from_secret(&own, static_secret);
    err = call(m, &own, NULL, ephemeral, to, at, secret, msg1);
    sodium_memzero(&own, sizeof own);
    return err;
}

enum smx_err smx_meet_finish(struct smx_meet *m, const uint8_t msg2[SMX_MEET_2], struct smx_meet_keys *keys)
{
    static const uint8_t zero[SMX_MEET_PAYLOAD_2];
    struct smx_noise before = m->noise;
    uint8_t payload[SMX_MEET_PAYLOAD_2];
    enum smx_err err = smx_noise_read(&m->noise, msg2, SMX_MEET_2, payload);

    if (err == SMX_OK && memcmp(payload, zero, sizeof zero) != 0) {
        m->noise = before;
        err = SMX_E_MALFORMED;
    }
    if (err == SMX_OK) {
        keys->side = SMX_MEET_CALLER;
        err = smx_noise_split(&m->noise, keys->to_callee, keys->to_caller);
    }
    sodium_memzero(&before, sizeof before);
    return err;
}

/* ---- callee: what was seen ---- */

void smx_meet_memory_restore(struct smx_meet_memory *mem, uint64_t *slot, size_t slot_count,
                             const uint8_t key[16])
{
    assert(slot_count >= 4 && (slot_count & (slot_count - 1)) == 0);
    *mem = (struct smx_meet_memory){.slot = slot, .slot_count = slot_count};
    memset(slot, 0, slot_count * sizeof *slot);
    memcpy(mem->key, key, sizeof mem->key);
}

void smx_meet_memory_init(struct smx_meet_memory *mem, uint64_t *slot, size_t slot_count, struct smx_rng *rng)
{
    uint8_t key[sizeof mem->key];

    smx_rng_bytes(rng, key, sizeof key);
    smx_meet_memory_restore(mem, slot, slot_count, key);
}

static uint64_t memory_hash(const struct smx_meet_memory *mem, const uint8_t ephemeral[32])
{
    uint64_t hash;

    crypto_shorthash((uint8_t *)&hash, ephemeral, 32, mem->key);
    return hash ? hash : 1;
}

/* Where hash is, or where it would go. */
static uint64_t *memory_find(const struct smx_meet_memory *mem, uint64_t hash)
{
    size_t at = hash & (mem->slot_count - 1);

    while (mem->slot[at] != 0 && mem->slot[at] != hash)
        at = (at + 1) & (mem->slot_count - 1);
    return &mem->slot[at];
}

bool smx_meet_memory_is_full(const struct smx_meet_memory *mem)
{
    return mem->used >= mem->slot_count / 4 * 3;
}

void smx_meet_memory_add(struct smx_meet_memory *mem, uint64_t hash)
{
    uint64_t *slot = memory_find(mem, hash);

    if (hash == 0 || *slot == hash || smx_meet_memory_is_full(mem))
        return;
    *slot = hash;
    mem->used++;
}

/* ---- callee ---- */

static enum smx_err payload_decode(struct smx_meet_offer *offer, const uint8_t in[SMX_MEET_PAYLOAD],
                                   const uint8_t noise_static[32], const uint8_t prologue[PROLOGUE])
{
    struct smx_rd r = {in, SMX_MEET_PAYLOAD, false};
    struct smx_meet_offer got = {.named = false};
    uint8_t version = smx_rd_u8(&r), flags = smx_rd_u8(&r);
    uint8_t to_sign[SIGNED], sig[crypto_sign_BYTES];

    smx_rd_bytes(&r, got.place.rendezvous, sizeof got.place.rendezvous);
    smx_rd_bytes(&r, got.place.cookie, sizeof got.place.cookie);
    got.named = flags & FLAG_NAMED;
    if (got.named) {
        smx_rd_bytes(&r, got.caller, sizeof got.caller);
        smx_rd_bytes(&r, sig, sizeof sig);
    }
    smx_rd_zeros(&r, r.left);
    if (!smx_rd_done(&r) || version != VERSION || (flags & ~FLAG_NAMED) != 0)
        return SMX_E_MALFORMED;
    if (got.named) {
        signed_of(to_sign, noise_static, prologue);
        if (crypto_sign_verify_detached(sig, to_sign, sizeof to_sign, got.caller) != 0)
            return SMX_E_AUTH;
    }
    *offer = got;
    return SMX_OK;
}

enum smx_err smx_meet_read(struct smx_meet *m, struct smx_meet_offer *offer, struct smx_meet_memory *mem,
                           const struct smx_meet_callee *self, const struct smx_x25519 *day,
                           const uint8_t msg1[SMX_MEET_1])
{
    uint8_t prologue[PROLOGUE], payload[SMX_MEET_PAYLOAD] = {0};
    uint64_t hash = memory_hash(mem, msg1);
    struct smx_meet_offer got;
    enum smx_err err;

    if (*memory_find(mem, hash) == hash)
        return SMX_E_REPLAY; /* before any public-key work */
    if (smx_meet_memory_is_full(mem))
        return SMX_E_FULL;
    prologue_of(prologue, self);
    smx_noise_init(&m->noise, SMX_NOISE_IK, false, prologue, sizeof prologue, day, NULL);
    err = smx_noise_read(&m->noise, msg1, SMX_MEET_1, payload);
    if (err == SMX_OK)
        err = payload_decode(&got, payload, smx_noise_remote_static(&m->noise), prologue);
    sodium_memzero(payload, sizeof payload);
    if (err != SMX_OK) {
        smx_meet_fini(m);
        return err;
    }
    smx_meet_memory_add(mem, hash);
    *offer = got;
    return SMX_OK;
}

/* rng or ephemeral is given. */
static enum smx_err answer(struct smx_meet *m, struct smx_rng *rng, const uint8_t *ephemeral,
                           uint8_t msg2[SMX_MEET_2], struct smx_meet_keys *keys)
{
    static const uint8_t zero[SMX_MEET_PAYLOAD_2];
    enum smx_err err;

    if (ephemeral)
        err = smx_noise_write_with_ephemeral(&m->noise, ephemeral, zero, sizeof zero, msg2);
    else
        err = smx_noise_write(&m->noise, rng, zero, sizeof zero, msg2);
    if (err != SMX_OK)
        return err;
    keys->side = SMX_MEET_CALLEE;
    return smx_noise_split(&m->noise, keys->to_callee, keys->to_caller);
}

enum smx_err smx_meet_answer(struct smx_meet *m, struct smx_rng *rng, uint8_t msg2[SMX_MEET_2],
                             struct smx_meet_keys *keys)
{
    return answer(m, rng, NULL, msg2, keys);
}

enum smx_err smx_meet_answer_with(struct smx_meet *m, const uint8_t ephemeral[32], uint8_t msg2[SMX_MEET_2],
                                  struct smx_meet_keys *keys)
{
    return answer(m, NULL, ephemeral, msg2, keys);
}
