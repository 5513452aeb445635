/* proto/media/frame.h - one 20 ms frame of G.711 in an end-to-end cell, with room for a piece of the stream.
 * Source: docs/protocol/45-meeting.md, section 6.
 *   0 number u16 | 2 samples[160] | 162 stream segment[0..28]     content of a cell of type PCMU or PCMA
 * number counts slots of 20 ms and wraps; the receiver conceals what is missing.  Pure; views borrow. */
#ifndef SMX_MEDIA_FRAME_H
#define SMX_MEDIA_FRAME_H

#include "proto/base/err.h"
#include "proto/media/rtp.h"

#include <stddef.h>
#include <stdint.h>

enum {
    SMX_FRAME_PIECE = 28, /* bytes of stream segment at most */
    SMX_FRAME_CELL = 2 + SMX_FRAME_PAYLOAD + SMX_FRAME_PIECE,
};
_Static_assert(SMX_FRAME_CELL == 190, "fills an end-to-end cell");

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

#endif
