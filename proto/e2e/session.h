/* proto/e2e/session.h - the cells that two clients send each other through a join.
 * Source: docs/protocol/45-meeting.md, section 4.
 *
 *   0 zero 16 | 16 counter u64 | 24 type u8 | 25 length u8 | 26 content[190], zero padded      216 bytes
 *
 * all enciphered with HCTR2 (tweak = 15 zero bytes | direction u8: 0 from the caller, 1 from the callee), so
 * that the relays of the join can't tell one type, or filler, from another.  The counter makes each cell
 * unique and starts at 1. Memory is the caller's, but for the cipher contexts (libcrypto). */
#ifndef SMX_E2E_SESSION_H
#define SMX_E2E_SESSION_H

#include "proto/base/err.h"
#include "proto/crypto/wideblock.h"

#include <stddef.h>
#include <stdint.h>

enum {
    SMX_SESSION_CELL = 216,    /* bytes */
    SMX_SESSION_ZERO = 16,     /* bytes that must come out as zero */
    SMX_SESSION_CONTENT = 190, /* bytes at most */
    SMX_SESSION_WINDOW = 64,   /* cells that may overtake one */
};
_Static_assert(SMX_SESSION_ZERO + 8 + 1 + 1 + SMX_SESSION_CONTENT == SMX_SESSION_CELL, "a full cell");

enum smx_session_type {
    SMX_SESSION_IDLE = 0,   /* nothing to say, but alive */
    SMX_SESSION_PCMU = 1,   /* a frame and a piece of stream: proto/media/frame.h */
    SMX_SESSION_PCMA = 2,   /* the same */
    SMX_SESSION_STREAM = 3, /* a segment: proto/stream/stream.h */
};

enum smx_meet_side { SMX_MEET_CALLER = 0, SMX_MEET_CALLEE = 1 }; /* also the direction in the tweak */

/* What a meeting ends with: proto/e2e/meet.h.  The caller of these functions wipes it. */
struct smx_meet_keys {
    enum smx_meet_side side; /* ours */
    uint8_t to_callee[SMX_KEY], to_caller[SMX_KEY];
};

struct smx_session {
    struct smx_wideblock seal, open;
    enum smx_meet_side side;
    uint64_t sent;     /* counter of the last cell sealed */
    uint64_t heard;    /* highest counter opened; 0: none yet */
    uint64_t heard_at; /* bit n: counter heard - n was opened */
};

struct smx_session_msg {
    uint8_t type; /* enum smx_session_type, or one that this version does not know */
    uint8_t len;
    const uint8_t *content; /* points into the cell */
};

/* SMX_E_MEMORY: *s is then as after _fini. */
enum smx_err smx_session_init(struct smx_session *s, const struct smx_meet_keys *keys) SMX_MUST_CHECK;
/* Frees and wipes; fine on a struct of zeros, and twice. */
void smx_session_fini(struct smx_session *s);

/* Makes the next cell; len <= SMX_SESSION_CONTENT, content may be NULL when it is 0. */
void smx_session_seal(struct smx_session *s, uint8_t cell[SMX_SESSION_CELL], enum smx_session_type type,
                      const void *content, size_t len);
/* Deciphers in place.  SMX_E_AUTH: not the peer's (filler or noise); SMX_E_REPLAY: seen, or too old to tell;
 * SMX_E_MALFORMED: the peer broke the format.  The cell is spoilt then, the session unchanged. */
enum smx_err smx_session_open(struct smx_session *s, uint8_t cell[SMX_SESSION_CELL],
                              struct smx_session_msg *m) SMX_MUST_CHECK;

#endif
