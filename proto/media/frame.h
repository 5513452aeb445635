/* proto/media/frame.h - 20 ms frames in an end-to-end cell, with room for a piece of the stream.
 * Source: docs/protocol/45-meeting.md, section 6.
 *   0 number u16 | 2 samples[160] | 162 stream segment[0..28]     content of a cell of type PCMU or PCMA
 *   0 number u16 | 2 count u8 | 3 len u8[count] | frames | stream segment[0..28]                     OPUS
 * number counts slots of 20 ms and wraps; the receiver conceals what is missing.  An Opus cell repeats the
 * frames of the slots before: frame i is that of slot number - i, len 0 says that there is none.  Pure; views
 * borrow. */
#ifndef SMX_MEDIA_FRAME_H
#define SMX_MEDIA_FRAME_H

#include "proto/base/err.h"
#include "proto/media/rtp.h"

#include <stddef.h>
#include <stdint.h>

enum {
    SMX_FRAME_PIECE = 28, /* bytes of stream segment at most */
    SMX_FRAME_CELL = 2 + SMX_FRAME_PAYLOAD + SMX_FRAME_PIECE,
    SMX_OPUS_COPIES = 3, /* frames in a cell at most */
};
_Static_assert(SMX_FRAME_CELL == 190, "fills an end-to-end cell");
_Static_assert(2 + 1 + 1 + SMX_OPUS_MAX + SMX_FRAME_PIECE <= SMX_FRAME_CELL, "one frame always fits");

struct smx_frame_cell {
    uint16_t number;
    const uint8_t *samples; /* SMX_FRAME_PAYLOAD bytes, 8 kHz */
    const uint8_t *piece;   /* may be NULL when piece_len is 0 */
    size_t piece_len;
};

/* Returns the length. */
size_t smx_frame_encode(uint8_t out[SMX_FRAME_CELL], const struct smx_frame_cell *f);
/* SMX_E_MALFORMED: too short or too long; *f is then untouched. */
enum smx_err smx_frame_decode(struct smx_frame_cell *f, const uint8_t *in, size_t len) SMX_MUST_CHECK;

struct smx_opus_cell {
    uint16_t number;                       /* of frame 0 */
    uint8_t count;                         /* 1..SMX_OPUS_COPIES */
    const uint8_t *frame[SMX_OPUS_COPIES]; /* may be NULL when len is 0 */
    uint8_t len[SMX_OPUS_COPIES];          /* 0..SMX_OPUS_MAX */
    const uint8_t *piece;                  /* as above */
    size_t piece_len;
};

/* Returns the length.  The frames must fit beside the piece (assert). */
size_t smx_opus_encode(uint8_t out[SMX_FRAME_CELL], const struct smx_opus_cell *f);
/* SMX_E_MALFORMED: a count or length out of bounds, too short or too long; *f is then untouched. */
enum smx_err smx_opus_decode(struct smx_opus_cell *f, const uint8_t *in, size_t len) SMX_MUST_CHECK;

#endif
