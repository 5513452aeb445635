/* proto/e2e/pipe.h - the cells that two clients send each other through a join.
 * Source: docs/protocol/45-meeting.md, section 4.
 *
 *   0 zero 16 | 16 counter u64 | 24 type u8 | 25 length u8 | 26 content[190], zero padded      216 bytes
 *
 * all enciphered with HCTR2 (tweak = 15 zero bytes | direction u8: 0 from the caller, 1 from the callee), so
 * that the relays of the join can't tell one type, or filler, from another.  The counter makes each cell
 * unique and starts at 1.  Memory is the caller's. */
#ifndef SMX_E2E_PIPE_H
#define SMX_E2E_PIPE_H

#include "proto/base/err.h"
#include "proto/base/window.h"
#include "proto/crypto/wideblock.h"

#include <stddef.h>
#include <stdint.h>

enum {
    SMX_PIPE_CELL = 216,    /* bytes */
    SMX_PIPE_ZERO = 16,     /* bytes that must come out as zero */
    SMX_PIPE_CONTENT = 190, /* bytes at most */
    SMX_PIPE_WINDOW = 64,   /* how far cells may overtake one another */
};
_Static_assert(SMX_PIPE_ZERO + 8 + 1 + 1 + SMX_PIPE_CONTENT == SMX_PIPE_CELL, "a full cell");

enum smx_pipe_type {
    SMX_PIPE_IDLE = 0,   /* nothing to say, but alive */
    SMX_PIPE_PCMU = 1,   /* a frame and a piece of stream: proto/media/frame.h */
    SMX_PIPE_PCMA = 2,   /* the same */
    SMX_PIPE_STREAM = 3, /* a segment: proto/stream/stream.h */
    SMX_PIPE_OPUS = 4,   /* frames and a piece of stream: proto/media/frame.h */
};

enum smx_meet_side { SMX_MEET_CALLER = 0, SMX_MEET_CALLEE = 1 }; /* also the direction in the tweak */

/* What a meeting ends with: proto/e2e/meet.h.  The caller of these functions wipes it. */
struct smx_meet_keys {
    enum smx_meet_side side; /* ours */
    uint8_t to_callee[SMX_KEY], to_caller[SMX_KEY];
};

struct smx_pipe {
    struct smx_wideblock seal;
    struct smx_wideblock_both open;
    enum smx_meet_side side;
    uint64_t sent; /* counter of the last cell sealed */
    struct smx_window heard;
    uint64_t heard_bits[SMX_PIPE_WINDOW / 64];
};

struct smx_pipe_msg {
    uint8_t type; /* enum smx_pipe_type, or one that this version does not know */
    uint8_t len;
    const uint8_t *content; /* points into the cell */
};

/* *s must stay where it is. */
void smx_pipe_init(struct smx_pipe *s, const struct smx_meet_keys *keys);
/* Wipes. */
void smx_pipe_fini(struct smx_pipe *s);

/* Makes the next cell; len <= SMX_PIPE_CONTENT, content may be NULL when it is 0. */
void smx_pipe_seal(struct smx_pipe *s, uint8_t cell[SMX_PIPE_CELL], enum smx_pipe_type type,
                   const void *content, size_t len);
/* Deciphers in place.  SMX_E_AUTH: not the peer's (filler or noise); SMX_E_REPLAY: seen, or too old to tell;
 * SMX_E_MALFORMED: the peer broke the format.  The cell is spoilt then, the pipe unchanged. */
enum smx_err smx_pipe_open(struct smx_pipe *s, uint8_t cell[SMX_PIPE_CELL],
                           struct smx_pipe_msg *m) SMX_MUST_CHECK;

#endif
