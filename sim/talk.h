/* sim/talk.h - one side of a conversation: a phone that speaks RTP, and what the other one hears of it.
 *
 * The phone makes a packet of 20 ms by a clock of its own, at a phase of its own; it goes through the same
 * code that receives a real phone's (proto/media/edge.h), which hands the client a frame each time it wants
 * one.  A frame carries its number, by which it is known again where it is heard (sim/quality.h).  Speech
 * comes in spurts and pauses of exponential length (after ITU-T P.59); a phone with silence suppression sends
 * nothing in pauses.  Times are the world's.  Pure. */
#ifndef SMX_SIM_TALK_H
#define SMX_SIM_TALK_H

#include "proto/base/rng.h"
#include "proto/media/edge.h"
#include "sim/quality.h"

#include <stdbool.h>

struct smx_talk {
    struct smx_edge edge;
    struct smx_rng rng;
    struct smx_hearing hearing; /* of what this side says, at the other one */
    smx_time next;              /* when the phone's next packet is complete */
    bool dtx, speaks;
    smx_time talk, pause, turn; /* means; the end of the spurt or pause */
    uint16_t seq;
    uint32_t timestamp, ssrc;
    uint64_t given; /* packets */
};

/* The phone begins to speak.  dtx: it sends nothing in pauses; talk, pause: their means. */
void smx_talk_begin(struct smx_talk *t, smx_time now, struct smx_rng *rng, bool dtx, smx_time talk,
                    smx_time pause);
void smx_talk_fini(struct smx_talk *t);
/* The client wants a frame; false: there is none. */
bool smx_talk_take(struct smx_talk *t, smx_time now, struct smx_frame *frame);
/* What the other side's client plays of it; NULL and what is none of its frames are no news. */
void smx_talk_heard(struct smx_talk *t, smx_time now, const struct smx_frame *frame);

#endif
