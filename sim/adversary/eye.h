/* sim/adversary/eye.h - what a corrupt guard sees of a client's slots: when the cells come that it is to pass
 * on to him.
 *
 * The guard does all that an honest one does; its owner only looks.  So he knows of each cell on which
 * circuit it came, its count, and when, which nobody on the wire does.  The core's tables are looked at each
 * 5 ms; cells leave relays at ticks of 10 ms, so no more could be had by looking more often.  Touches
 * nothing. */
#ifndef SMX_SIM_ADVERSARY_EYE_H
#define SMX_SIM_ADVERSARY_EYE_H

#include "proto/base/time.h"
#include "sim/run.h"

#include <stddef.h>
#include <stdint.h>

enum { SMX_EYE_LOOK_MS = 5, SMX_EYE_CIRCUITS = 4 };

struct smx_eye_cell {
    uint32_t us;      /* since the eye was opened */
    int32_t delay_us; /* how much later it came than the circuit's first cell, by their counts */
};

/* Of one client and one of his slots' circuits; new circuits take the places of those that have ended. */
struct smx_eye_view {
    uint32_t relay, circuit;
    uint16_t generation;
    bool used;
    uint64_t first; /* count that delays are measured from */
    smx_time first_at;
    uint64_t known[4]; /* counts in the places of the ring, as they were last */
    struct smx_eye_cell *cell;
    size_t count, room;
};

struct smx_eye {
    struct smx_sim *sim;
    uint32_t node; /* the client */
    smx_time opened, found;
    struct smx_eye_view view[SMX_EYE_CIRCUITS];
};

/* From now on. */
void smx_eye_open(struct smx_eye *e, struct smx_sim *sim, uint32_t node);
void smx_eye_close(struct smx_eye *e);
void smx_eye_look(struct smx_eye *e); /* each SMX_EYE_LOOK_MS */
/* Bins of so many ms from `from` on (the world's time): mean delay of the cells that came, in ms, the last
 * one before where none came; or how many came. */
void smx_eye_delays(const struct smx_eye *e, size_t view, smx_time from, unsigned bin_ms, float *x,
                    size_t bins);
void smx_eye_rate(const struct smx_eye *e, size_t view, smx_time from, unsigned bin_ms, float *x,
                  size_t bins);

#endif
