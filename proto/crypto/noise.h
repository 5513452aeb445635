/* proto/crypto/noise.h - Noise_IK and Noise_NK with 25519_ChaChaPoly_BLAKE2b.
 * Source: The Noise Protocol Framework, revision 34; docs/protocol/05-crypto.md, section 4.
 *
 *   IK  <- s                       NK  <- s
 *       ...                            ...
 *       -> e, es, s, ss                -> e, es
 *       <- e, ee, se                   <- e, ee
 *
 * Either way two messages: the initiator writes one and reads one, then both split.  A message is
 *   IK 1   e[32]  s[32 + 16]  payload[n + 16]         96 + n bytes
 *   IK 2   e[32]              payload[n + 16]         48 + n
 *   NK 1   e[32]              payload[n + 16]         48 + n
 *   NK 2   e[32]              payload[n + 16]         48 + n
 * and always begins with the sender's ephemeral public key, for those who remember what they have seen.
 *
 * A call that fails leaves the state exactly as it was: a forged message 2 can't end a handshake whose true
 * answer is still under way.  Public keys of low order are refused, always.
 * Pure; works on the caller's memory, which holds secrets until smx_noise_fini. */
#ifndef SMX_CRYPTO_NOISE_H
#define SMX_CRYPTO_NOISE_H

#include "proto/base/err.h"
#include "proto/base/rng.h"
#include "proto/crypto/aead.h"
#include "proto/crypto/keypair.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum smx_noise_pattern { SMX_NOISE_IK, SMX_NOISE_NK };

enum {
    SMX_NOISE_HASH = 64, /* bytes of the handshake hash */
    /* bytes that a message has besides its payload */
    SMX_NOISE_IK_1 = SMX_X25519 + SMX_X25519 + SMX_AEAD_TAG + SMX_AEAD_TAG,
    SMX_NOISE_IK_2 = SMX_X25519 + SMX_AEAD_TAG,
    SMX_NOISE_NK_1 = SMX_X25519 + SMX_AEAD_TAG,
    SMX_NOISE_NK_2 = SMX_X25519 + SMX_AEAD_TAG,
};

struct smx_noise {
    enum smx_noise_pattern pattern;
    bool initiator;
    uint8_t message;           /* messages done: 0, 1, 2; 3 after the split */
    bool rs_known;             /* rs is set; for an IK responder after message 1 */
    uint8_t h[SMX_NOISE_HASH]; /* names as in the specification */
    uint8_t ck[SMX_NOISE_HASH];
    uint8_t k[SMX_KEY];
    uint64_t n;
    struct smx_x25519 s, e;
    uint8_t rs[SMX_X25519], re[SMX_X25519];
};

/* Begins a handshake.  Both sides must give the same prologue.
 * local: the own static pair; NULL for an NK initiator only, who has none.
 * remote_static: the responder's public key for an initiator; NULL for a responder. */
void smx_noise_init(struct smx_noise *ns, enum smx_noise_pattern pattern, bool initiator,
                    const void *prologue, size_t prologue_len, const struct smx_x25519 *local,
                    const uint8_t *remote_static);
void smx_noise_fini(struct smx_noise *ns); /* wipes */

/* Bytes that the next message has besides its payload (SMX_NOISE_IK_1 ...). */
size_t smx_noise_overhead(const struct smx_noise *ns);

/* Writes the own message: smx_noise_overhead() + payload_len bytes to out, which must not overlap payload.
 * SMX_E_STATE: not our turn; SMX_E_AUTH: the other side's key has low order. */
enum smx_err smx_noise_write(struct smx_noise *ns, struct smx_rng *rng, const void *payload,
                             size_t payload_len, uint8_t *out) SMX_MUST_CHECK;
/* The same with the ephemeral secret given: only for known answers; never twice with one secret. */
enum smx_err smx_noise_write_with_ephemeral(struct smx_noise *ns, const uint8_t secret[SMX_X25519],
                                            const void *payload, size_t payload_len,
                                            uint8_t *out) SMX_MUST_CHECK;

/* Reads the other side's message of in_len bytes; its payload, in_len - smx_noise_overhead() bytes, goes to
 * payload, which must not overlap in and may be NULL when that is 0.
 * SMX_E_STATE: not their turn; SMX_E_MALFORMED: too short; SMX_E_AUTH: forged, altered, for somebody else,
 * or a key of low order.  After a failure payload is untouched or zeros. */
enum smx_err smx_noise_read(struct smx_noise *ns, const uint8_t *in, size_t in_len,
                            uint8_t *payload) SMX_MUST_CHECK;

/* The other side's static public key, or NULL: a responder knows it in IK, after message 1. */
const uint8_t *smx_noise_remote_static(const struct smx_noise *ns);

/* After both messages, once: the two keys, from the initiator to the responder and back.  Wipes all secrets;
 * the hash and the remote static key can still be asked for.  SMX_E_STATE: too early, or again. */
enum smx_err smx_noise_split(struct smx_noise *ns, uint8_t to_responder[SMX_KEY],
                             uint8_t to_initiator[SMX_KEY]) SMX_MUST_CHECK;

/* The handshake hash (channel binding): unique to this handshake once both messages are done; public. */
const uint8_t *smx_noise_hash(const struct smx_noise *ns);

#endif
