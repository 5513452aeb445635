/* proto/media/repeat.h - frames of Opus that travel more than once, and the wait that makes use of it.
 * Source: docs/protocol/45-meeting.md, section 6.
 *
 *   smx_repeat_push, a slot --> [the newest frames] --> smx_repeat_encode --> cell
 *   cell --> smx_playout_opus --> [frames by the tick in which they are due] --> smx_playout_take, a tick
 *
 * As many frames go in a cell as fit, whatever piece of the stream goes beside them: three of up to 52 bytes
 * (20.8 kb/s), two of up to 78 (31.2 kb/s), else one.  Who plays them waits as many ticks as the cells have
 * repeats; for G.711 none.  Pure; no allocation. */
#ifndef SMX_MEDIA_REPEAT_H
#define SMX_MEDIA_REPEAT_H

#include "proto/media/frame.h"

#include <stdbool.h>

enum { SMX_PLAYOUT = 8 }; /* ticks that may wait to be played */

/* ---- out ---- */

struct smx_repeat {
    struct smx_frame frame[SMX_OPUS_COPIES]; /* the newest first; len 0: none */
};

/* Once a slot: its frame of Opus, NULL when there is none. */
void smx_repeat_push(struct smx_repeat *r, const struct smx_frame *frame);
/* None of the frames that a cell may hold is there. */
bool smx_repeat_is_empty(const struct smx_repeat *r);
/* Writes the cell whose frame 0 is the one pushed last; its length. */
size_t smx_repeat_encode(const struct smx_repeat *r, uint16_t number, const uint8_t *piece, size_t piece_len,
                         uint8_t out[SMX_FRAME_CELL]);

/* ---- in ---- */

struct smx_playout {
    struct {
        uint64_t tick;
        bool came;     /* a cell, whatever was in it */
        bool have;     /* a frame, which is still to be played */
        bool numbered; /* it has been here, played or not */
        uint16_t number;
        struct smx_frame frame;
    } place[SMX_PLAYOUT];
    unsigned wait; /* ticks; grows when cells come that have more repeats, until smx_playout_begin */
};

void smx_playout_begin(struct smx_playout *p);
/* A cell of the peer's came in this tick; if it has frames, one of the next two follows. */
void smx_playout_came(struct smx_playout *p, uint64_t tick);
/* A frame of G.711 that came in this tick. */
void smx_playout_put(struct smx_playout *p, uint64_t tick, uint16_t number, const struct smx_frame *frame);
/* A cell of Opus that came in this tick; what was to be played before `next` is over. */
void smx_playout_opus(struct smx_playout *p, uint64_t tick, uint64_t next, const struct smx_opus_cell *cell);
/* The frame of this tick and its number, once; false: there is none.  came: this tick's cell has come. */
bool smx_playout_take(struct smx_playout *p, uint64_t tick, struct smx_frame *frame, uint16_t *number,
                      bool *came);

#endif
