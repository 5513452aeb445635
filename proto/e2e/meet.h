/* proto/e2e/meet.h - how two clients meet: the introduction's two messages.
 * Source: docs/protocol/45-meeting.md, sections 1 to 3.
 *
 * Noise_IK; initiator = caller, responder = callee with the X25519 key of his day.
 *   prologue  "sipmix meet v1" | suite u8 | callee's pseudonym key[32] | introduction relay[32] | day key[32]
 *   msg1      e 32 | s 48 | payload 160 + 16                                                       256 bytes
 *   payload   0 version u8 = 1 | 1 flags u8 (bit 0: named) | 2 rendezvous[32] | 34 cookie[16]
 *             | 50 caller's pseudonym key[32] | 82 signature[64] | 146 zero 14
 *   msg2      e 32 | payload (zero 16) + 16                                                         64 bytes
 * The signature is Ed25519 over "sipmix caller v1" | caller's Noise static | prologue; key and signature are
 * zero when unnamed.  Message 1 alone proves no caller: whoever has seen one could send it again.  The first
 * cell that opens in the pipe does. Pure; the caller's memory, which holds secrets until _fini. */
#ifndef SMX_E2E_MEET_H
#define SMX_E2E_MEET_H

#include "proto/base/err.h"
#include "proto/base/rng.h"
#include "proto/crypto/noise.h"
#include "proto/e2e/pipe.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    SMX_MEET_PAYLOAD = 1 + 1 + 32 + 16 + 32 + 64 + 14, /* bytes */
    SMX_MEET_1 = SMX_NOISE_IK_1 + SMX_MEET_PAYLOAD,    /* bytes of message 1 */
    SMX_MEET_PAYLOAD_2 = 16,                           /* bytes, zero */
    SMX_MEET_2 = SMX_NOISE_IK_2 + SMX_MEET_PAYLOAD_2,  /* bytes of message 2 */
    SMX_MEET_SIGNED_SECRET = 64,                       /* bytes: an Ed25519 secret in libsodium's form */
};
_Static_assert(SMX_MEET_1 == 256 && SMX_MEET_2 == 64, "what introduction and join carry");

/* Whom the caller means: all from the callee's descriptor. */
struct smx_meet_callee {
    uint8_t pseudonym[32];    /* Ed25519 */
    uint8_t introduction[32]; /* identity of the introduction relay */
    uint8_t day_key[32];      /* X25519 */
};

/* Where to meet. */
struct smx_meet_place {
    uint8_t rendezvous[32]; /* identity of the end relay */
    uint8_t cookie[16];
};

struct smx_meet {
    struct smx_noise noise;
};
void smx_meet_fini(struct smx_meet *m); /* wipes; fine on a struct of zeros, and twice */

/* Caller: writes message 1.  secret is that of the caller's pseudonym, or NULL to stay unnamed.  The Noise
 * static is drawn fresh.  SMX_E_AUTH: the day key is of low order. */
enum smx_err smx_meet_call(struct smx_meet *m, struct smx_rng *rng, const struct smx_meet_callee *to,
                           const struct smx_meet_place *at, const uint8_t *secret,
                           uint8_t msg1[SMX_MEET_1]) SMX_MUST_CHECK;
/* The same with static and ephemeral secrets given: only for known answers. */
enum smx_err smx_meet_call_with(struct smx_meet *m, const uint8_t static_secret[32],
                                const uint8_t ephemeral[32], const struct smx_meet_callee *to,
                                const struct smx_meet_place *at, const uint8_t *secret,
                                uint8_t msg1[SMX_MEET_1]) SMX_MUST_CHECK;
/* Caller: reads message 2.  SMX_E_AUTH, SMX_E_MALFORMED: not the callee's; a true one may still come. */
enum smx_err smx_meet_finish(struct smx_meet *m, const uint8_t msg2[SMX_MEET_2],
                             struct smx_meet_keys *keys) SMX_MUST_CHECK;

/* Callee: the ephemeral keys seen under one day key, so that an introduction works once.  Memory is the
 * caller's. */
struct smx_meet_memory {
    uint64_t *slot; /* hashes, 0 = free; the table of an open-addressing set */
    size_t slot_count, used;
    uint8_t key[16]; /* SipHash; secret, so that nobody can choose what collides */
};
/* slot_count is a power of two; three quarters of it are used at most. */
void smx_meet_memory_init(struct smx_meet_memory *mem, uint64_t *slot, size_t slot_count,
                          struct smx_rng *rng);
/* The same for one that was kept: with its key, and then each hash that was in its table (0 is ignored, and
 * so is what finds no room). */
void smx_meet_memory_restore(struct smx_meet_memory *mem, uint64_t *slot, size_t slot_count,
                             const uint8_t key[16]);
void smx_meet_memory_add(struct smx_meet_memory *mem, uint64_t hash);
/* Three quarters are used: nothing more finds room. */
bool smx_meet_memory_is_full(const struct smx_meet_memory *mem);

/* What message 1 says. */
struct smx_meet_offer {
    struct smx_meet_place place;
    bool named;         /* caller holds a key that signed this, for this callee */
    uint8_t caller[32]; /* pseudonym key, or zeros */
};

/* Callee: reads message 1, sent to `self` under the day's key pair.
 * SMX_E_AUTH: not for this key, or a forged signature; SMX_E_MALFORMED: breaks the format; SMX_E_REPLAY: seen
 * before; SMX_E_FULL: too many under this day key.  *m and *offer then hold nothing. */
enum smx_err smx_meet_read(struct smx_meet *m, struct smx_meet_offer *offer, struct smx_meet_memory *mem,
                           const struct smx_meet_callee *self, const struct smx_x25519 *day,
                           const uint8_t msg1[SMX_MEET_1]) SMX_MUST_CHECK;
/* Callee: writes message 2. */
enum smx_err smx_meet_answer(struct smx_meet *m, struct smx_rng *rng, uint8_t msg2[SMX_MEET_2],
                             struct smx_meet_keys *keys) SMX_MUST_CHECK;
enum smx_err smx_meet_answer_with(struct smx_meet *m, const uint8_t ephemeral[32], uint8_t msg2[SMX_MEET_2],
                                  struct smx_meet_keys *keys) SMX_MUST_CHECK;

#endif
