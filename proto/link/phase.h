/* proto/link/phase.h - when a neighbour's datagrams come: its tick grid on our clock, and its jitter.
 * Source: docs/protocol/10-link.md, section 7.
 *
 * A datagram of tick t that arrived at a has the offset a - t * q.  Time is cut into windows of 2 s; of each
 * the smallest offset counts: path's delay and the other side's phase together, without the jitter.
 *
 *   baseline  the smallest of the last 14 to 16 s
 *   margin    what 99.99 % of the last minutes' datagrams stayed below, over the baseline; the first
 *             4 s of a link don't count
 *   drift     the sum of the steps from window to window: how far our clock has run ahead of the
 *             peer's since the link came up; a step of more than 1 ms is the path's, and not counted
 *
 * Offsets are taken modulo 2^64, so a neighbour that counts nonsense harms only what it sends itself.
 * Pure; the caller's memory; no allocation. */
#ifndef SMX_LINK_PHASE_H
#define SMX_LINK_PHASE_H

#include "proto/base/stats.h"
#include "proto/base/time.h"

#include <stdbool.h>
#include <stdint.h>

enum { SMX_PHASE_BINS = 64, SMX_PHASE_SAMPLES = 1000 }; /* fewer samples: the margin is unknown */
enum { SMX_PHASE_WINDOW_MS = 2000, SMX_PHASE_WINDOWS = 8 };

/* Network parameters (proto/doc/params.h) that the links of a node go by. */
struct smx_link_timing {
    smx_time relay_q;        /* length of a tick on relay links: tick_ms */
    smx_time client_q;       /* and on client links: slot_period_ms */
    smx_time margin_min;     /* bounds of the margin */
    smx_time margin_max;     /* */
    smx_time margin_unknown; /* while there are fewer than SMX_PHASE_SAMPLES */
};

struct smx_phase {
    uint64_t last_tick;              /* newest seen */
    smx_time low[SMX_PHASE_WINDOWS]; /* smallest offset of this window, of the one before, ... */
    uint32_t low_count;              /* how many of these there are; 0 before the first datagram */
    smx_time low_since;              /* when this window began */
    smx_time settled;                /* smallest offset of the last whole window with a datagram */
    int64_t drift;                   /* ns */
    bool settles, follows;           /* there is one; and another before, not further than a clock drifts */
    smx_time begun;                  /* first datagram */
    smx_time decay_since;            /* when the histogram was last halved */
    uint32_t samples;                /* stops at SMX_PHASE_SAMPLES */
    struct smx_hist late;            /* how much later than the baseline, in ns */
    uint64_t late_weight[SMX_PHASE_BINS];
};

/* Forgets everything.  The struct must not be moved afterwards. */
void smx_phase_init(struct smx_phase *p, const struct smx_link_timing *timing);
/* Measures the margin anew, because margin_max, and so the histogram's scale, has changed. */
void smx_phase_rescale(struct smx_phase *p, const struct smx_link_timing *timing);
/* The authentic datagram of a tick arrived; q is the tick's length on this link. */
void smx_phase_add(struct smx_phase *p, smx_time q, uint64_t tick, smx_time arrival);
/* When a datagram of that tick arrives at the earliest; means nothing before the first smx_phase_add. */
smx_time smx_phase_expected(const struct smx_phase *p, smx_time q, uint64_t tick);
/* How far our clock has run ahead (below 0: fallen behind), in ns; false while that is not known: before two
 * whole windows, after a jump, when nothing has come for two windows. */
bool smx_phase_drift(const struct smx_phase *p, smx_time now, int64_t *drift);
smx_time smx_phase_margin(const struct smx_phase *p, const struct smx_link_timing *timing);

#endif
