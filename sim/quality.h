/* sim/quality.h - how a call sounds: what is heard of one direction of it, judged by the E-model.
 *
 * A hearing follows one direction of one call, frame by frame, as the phone that listens meets it: with a
 * buffer of 40 ms, whose depth is counted from the quickest frame of the last second. A frame that comes more
 * than 40 ms after that is late and counts as lost. Mouth to ear is 20 ms (a frame is spoken before it is
 * sent) + from one phone to the other + 40 ms. Pure; the caller's memory; times are the world's. */
#ifndef SMX_SIM_QUALITY_H
#define SMX_SIM_QUALITY_H

#include "proto/media/emodel.h"
#include "sim/result.h"

#define SMX_MOS_GOOD 4.0 /* what a good call has, at least */

enum {
    SMX_FRAME_MS = 20,
    SMX_PHONE_BUFFER_MS = 40,
    SMX_HEARING_FRAMES = 128, /* remembered: 2.56 s of speech */
    SMX_BUFFER_MEMORY = 50,   /* frames heard by which the phone sets its buffer: 1 s */
    SMX_SILENCE_FRAMES = 10,  /* as many in a row not heard are a silence: 200 ms */
};

struct smx_hearing {
    uint64_t sent, judged; /* frames given to the client; those of them (the first ones) judged already */
    struct {
        smx_time sent;
        bool heard;
    } frame[SMX_HEARING_FRAMES];            /* of frame n: place n mod SMX_HEARING_FRAMES */
    smx_time transit[SMX_BUFFER_MEMORY];    /* of those that came last */
    uint64_t came;                          /* frames that came, late ones too */
    smx_time last_sent, last_came;          /* of the frame that came last */
    int64_t jitter;                         /* RFC 3550, A.8: 16 times the estimate */
    uint64_t heard, late, lost, runs;       /* runs: of lost ones */
    uint64_t run;                           /* lost ones up to the last judged, in a row */
    uint64_t delay_sum;                     /* ns, mouth to ear, of frames heard */
    struct smx_spread delay, step, silence; /* us; as SMX_M_LATENCY, _STEP, _SILENCE */
};

void smx_hearing_init(struct smx_hearing *h);
void smx_hearing_fini(struct smx_hearing *h);
/* The speaking phone hands frame h->sent (0, 1, ...) to its client. */
void smx_hearing_sent(struct smx_hearing *h, smx_time now);
/* Frame `number` is handed to the listening phone.  One that came before, was never sent, or is so old that
 * it is forgotten counts for nothing. */
void smx_hearing_came(struct smx_hearing *h, uint64_t number, smx_time now);

/* The call is over.  Frames sent less than a second ago that have not come are not held against the network:
 * nobody waited for them. */
struct smx_heard {
    uint64_t frames;    /* judged: heard or lost; 0: the rest says nothing */
    double ms;          /* mouth to ear, mean of frames heard */
    double loss, burst; /* percent; as for smx_loss_impairment, at least 1 */
    double jitter_ms;   /* RFC 3550 */
    double rating, mos;
};
struct smx_heard smx_hearing_end(struct smx_hearing *h, smx_time now);

/* Ends both directions of a call and adds all to the result, where frames were judged at all. near: its ends
 * are up to 8,000 km apart. */
void smx_result_call(struct smx_result *r, struct smx_hearing *to_callee, struct smx_hearing *to_caller,
                     smx_time now, bool near);

#endif
