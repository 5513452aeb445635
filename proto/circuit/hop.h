/* proto/circuit/hop.h - one hop of a circuit: its handshake, its onion layers, the messages meant for it.
 * Source: docs/protocol/30-circuit.md.  Handshake: Noise_NK to the relay's onion key (proto/crypto/noise.h),
 * prologue = "sipmix hop v1" | suite | relay identity | key tag | period.  Layer: HCTR2-AES-256
 * (proto/crypto/wideblock.h), tweak = direction u8 | zero 7 | count u64.  A cell is meant for the hop at
 * which its body begins with 16 zero bytes. */
#ifndef SMX_CIRCUIT_HOP_H
#define SMX_CIRCUIT_HOP_H

#include "proto/base/err.h"
#include "proto/base/rng.h"
#include "proto/circuit/cell.h"
#include "proto/circuit/command.h"
#include "proto/crypto/noise.h"
#include "proto/crypto/wideblock.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SMX_RELAY_ID = 32, SMX_HOP_HASH = 64, SMX_COOKIE = 16, SMX_MEET_MSG2 = 64 }; /* bytes */

enum smx_hop_type {
    SMX_HOP_NOP = 0,      /* either way: authenticated filler */
    SMX_HOP_EXTEND = 1,   /* forward; answered by EXTENDED or REFUSED */
    SMX_HOP_EXTENDED = 2, /* constant u64 | message 2 */
    SMX_HOP_REFUSED = 3,  /* request type u8 | enum smx_refusal u8; with SMX_REFUSAL_WORK: | bits u8 */
    SMX_HOP_COOKIE = 4,   /* cookie 16: forward, answered by COOKIE_OK with the same content */
    SMX_HOP_COOKIE_OK = 5,
    SMX_HOP_JOIN = 6,    /* cookie 16 | message 2 of the meeting 64: forward; answered by JOINED or REFUSED */
    SMX_HOP_JOINED = 7,  /* cookie 16 */
    SMX_HOP_MET = 8,     /* cookie 16 | message 2 of the meeting 64: to the cookie's owner */
    SMX_HOP_LEAVE = 9,   /* forward, no content; answered by LEFT */
    SMX_HOP_LEFT = 10,   /* also unasked, when the other side left */
    SMX_HOP_LISTEN = 11, /* pseudonym key 32 | signature 64: forward; answered by LISTENING or REFUSED */
    SMX_HOP_LISTENING = 12,
    SMX_HOP_STREAM = 13, /* a segment of the stream between the origin and the circuit's last hop */
};

enum {
    SMX_HOP_ZERO = 16,
    SMX_HOP_CONTENT = SMX_CELL_BODY - SMX_HOP_ZERO - 2, /* 198 bytes */
};

/* EXTEND: suite u8 | relay id 32 | key tag 8 | period u8 | d u64 | work u64 | message 1 48 */
struct smx_extend {
    uint8_t suite;
    uint8_t relay[SMX_RELAY_ID];
    uint8_t tag[SMX_KEY_TAG];
    uint8_t period;
    uint64_t d;    /* the new hop's forward count is the extender's plus d */
    uint64_t work; /* as in the CREATE that is made from it */
    uint8_t msg1[SMX_HOP_MSG1];
};
enum { SMX_EXTEND_SIZE = 1 + SMX_RELAY_ID + SMX_KEY_TAG + 1 + 8 + 8 + SMX_HOP_MSG1 };
enum smx_err smx_extend_decode(struct smx_extend *e, const uint8_t *content, size_t len) SMX_MUST_CHECK;
void smx_extend_encode(uint8_t content[SMX_EXTEND_SIZE], const struct smx_extend *e);

struct smx_hop_msg {
    uint8_t type; /* enum smx_hop_type, or one that this version does not know */
    uint8_t len;  /* bytes of content */
    const uint8_t *content;
};

/* Writes zero 16 | type | length | content | zeros.  len <= SMX_HOP_CONTENT. */
void smx_hop_msg_encode(uint8_t body[SMX_CELL_BODY], uint8_t type, const void *content, size_t len);
/* True when body, already deciphered, begins with 16 zero bytes (constant time). */
bool smx_hop_is_own(const uint8_t body[SMX_CELL_BODY]);
/* Decodes such a body; m->content points into it.  SMX_E_MALFORMED: not own, length too large, padding not
 * zero. */
enum smx_err smx_hop_msg_decode(struct smx_hop_msg *m, const uint8_t body[SMX_CELL_BODY]) SMX_MUST_CHECK;

/* The two layers of one hop, as one side has them: the origin seals forward and opens backward, the relay the
 * other way round. */
struct smx_hop_layers {
    struct smx_wideblock seal;
    struct smx_wideblock_both open;
    uint8_t hash[SMX_HOP_HASH]; /* the handshake's: binds LISTEN to this circuit */
};
void smx_hop_layers_fini(struct smx_hop_layers *l); /* wipes */
/* dir is where the cell goes, and so the same on both sides. */
enum smx_way { SMX_FORWARD = 0, SMX_BACKWARD = 1 };
void smx_hop_encipher(struct smx_hop_layers *l, enum smx_way dir, uint64_t count,
                      uint8_t body[SMX_CELL_BODY]);
void smx_hop_decipher(struct smx_hop_layers *l, enum smx_way dir, uint64_t count,
                      uint8_t body[SMX_CELL_BODY]);

/* Who the handshake is with. */
struct smx_hop_target {
    uint8_t id[SMX_RELAY_ID];
    uint8_t onion[32]; /* X25519 */
    uint8_t tag[SMX_KEY_TAG];
};

/* Work for a circuit (proto/crypto/work.h): its purpose is the onion key, by its tag, its key the ephemeral
 * one with which message 1 begins. */
unsigned smx_hop_work(const uint8_t tag[SMX_KEY_TAG], const uint8_t msg1[SMX_HOP_MSG1], uint64_t work);
bool smx_hop_work_search(const uint8_t tag[SMX_KEY_TAG], const uint8_t msg1[SMX_HOP_MSG1], unsigned bits,
                         uint64_t *work);

/* Origin: start yields message 1 and keeps the state in *n; finish consumes message 2 and fills *l. */
enum smx_err smx_hop_start(struct smx_noise *n, uint8_t msg1[SMX_HOP_MSG1],
                           const struct smx_hop_target *target, uint8_t period,
                           struct smx_rng *rng) SMX_MUST_CHECK;
/* The same with the ephemeral secret given: only for known answers; never twice with one secret. */
enum smx_err smx_hop_start_with_ephemeral(struct smx_noise *n, uint8_t msg1[SMX_HOP_MSG1],
                                          const struct smx_hop_target *target, uint8_t period,
                                          const uint8_t secret[SMX_X25519]) SMX_MUST_CHECK;
enum smx_err smx_hop_finish(struct smx_hop_layers *l, struct smx_noise *n,
                            const uint8_t msg2[SMX_HOP_MSG2]) SMX_MUST_CHECK;
/* Relay: one call.  SMX_E_AUTH when message 1 is not for this key; then nothing has changed. */
enum smx_err smx_hop_answer(struct smx_hop_layers *l, uint8_t msg2[SMX_HOP_MSG2],
                            const uint8_t msg1[SMX_HOP_MSG1], const uint8_t id[SMX_RELAY_ID],
                            const struct smx_x25519 *onion, const uint8_t tag[SMX_KEY_TAG], uint8_t period,
                            struct smx_rng *rng) SMX_MUST_CHECK;
enum smx_err smx_hop_answer_with_ephemeral(struct smx_hop_layers *l, uint8_t msg2[SMX_HOP_MSG2],
                                           const uint8_t msg1[SMX_HOP_MSG1], const uint8_t id[SMX_RELAY_ID],
                                           const struct smx_x25519 *onion, const uint8_t tag[SMX_KEY_TAG],
                                           uint8_t period, const uint8_t secret[SMX_X25519]) SMX_MUST_CHECK;

#endif
