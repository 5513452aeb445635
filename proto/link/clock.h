/* proto/link/clock.h - the clock that a node's ticks run by: the machine's, corrected slowly, so that the
 * ticks of its neighbours keep their place on it.  Source: docs/protocol/10-link.md, section 9.
 *
 *   reading = time + (local - since) * (1 + rate)       since, time: where the present piece of the line
 * began
 *
 * A new piece begins where the last one ended: readings never jump and never run back.  The rate has a part
 * that is learned (how wrong the machine's clock is) and one that takes back what has gone wrong so far.
 * Pure; integers only; the caller's memory. */
#ifndef SMX_LINK_CLOCK_H
#define SMX_LINK_CLOCK_H

#include "proto/base/time.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    SMX_CLOCK_PPB_MAX = 200000,   /* the rate stays within +- so many parts in 10^9 */
    SMX_CLOCK_PPB_CHANGE = 10000, /* and changes by no more from one steering to the next */
    SMX_CLOCK_STEP_MS = 1000,     /* from one steering to the next, at least */
};

struct smx_clock {
    smx_time since, time; /* local time, and reading, where this piece began */
    int32_t ppb;          /* rate of this piece */
    int32_t learned;      /* the part of it that stays, ppb */
};

/* Reads what the machine's clock says, until it is steered. */
void smx_clock_init(struct smx_clock *c, smx_time now);
/* The reading at a local time, which should not lie far before the last steering. */
smx_time smx_clock_read(const struct smx_clock *c, smx_time local);
/* A local time at which it has reached that reading, a few ns after the first.  SMX_NEVER stays. */
smx_time smx_clock_when(const struct smx_clock *c, smx_time reading);
/* Is it time to be steered again? */
bool smx_clock_is_due(const struct smx_clock *c, smx_time now);
/* Its rate is the largest allowed: the machine's clock, or what it keeps to, is out of bounds. */
bool smx_clock_is_at_bound(const struct smx_clock *c);
/* Begins a new piece.  ahead: by how many ns this clock has come to lie before those it shall keep to since
 * they met (below 0: behind); 0 when that is not known. */
void smx_clock_steer(struct smx_clock *c, smx_time now, int64_t ahead);

#endif
