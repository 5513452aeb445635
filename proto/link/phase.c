#include "proto/link/phase.h"

#include <string.h>

/* Two windows of this length make the baseline: short enough that clocks which drift apart by 50 ppm move it
 * by 3 ms at most, long enough that it rests on a datagram without delay. */
#define WINDOW SMX_SECOND(30)
#define DECAY  SMX_SECOND(60)

void smx_phase_init(struct smx_phase *p, const struct smx_link_timing *timing)
{
    memset(p, 0, sizeof *p);
    smx_hist_init(&p->late, p->late_weight, SMX_PHASE_BINS, timing->margin_max / SMX_PHASE_BINS + 1);
}

void smx_phase_rescale(struct smx_phase *p, const struct smx_link_timing *timing)
{
    smx_hist_init(&p->late, p->late_weight, SMX_PHASE_BINS, timing->margin_max / SMX_PHASE_BINS + 1);
    if (p->samples > 0)
        p->samples = 1; /* the baseline stays */
}

/* Offsets lie on a circle of 2^64 ns (584 years): earlier means the shorter way round. */
static bool is_earlier(smx_time a, smx_time b)
{
    return (int64_t)(a - b) < 0;
}

static smx_time baseline(const struct smx_phase *p)
{
    return is_earlier(p->low[1], p->low[0]) ? p->low[1] : p->low[0];
}

void smx_phase_add(struct smx_phase *p, smx_time q, uint64_t tick, smx_time arrival)
{
    smx_time offset = arrival - tick * q;

    if (p->samples == 0) {
        p->low[0] = p->low[1] = offset;
        p->low_since = p->decay_since = arrival;
        p->last_tick = tick;
    }
    if (tick > p->last_tick)
        p->last_tick = tick;
    if (arrival >= p->low_since + 2 * WINDOW) { /* after a silence both windows are stale */
        p->low[0] = p->low[1] = offset;
        p->low_since = arrival;
    } else if (arrival >= p->low_since + WINDOW) {
        p->low[1] = p->low[0];
        p->low[0] = offset;
        p->low_since += WINDOW;
    } else if (is_earlier(offset, p->low[0])) {
        p->low[0] = offset;
    }
    if (arrival >= p->decay_since + DECAY) {
        smx_hist_decay(&p->late);
        p->decay_since = arrival;
    }
    smx_hist_add(&p->late, offset - baseline(p)); /* not negative: the baseline is the smallest */
    if (p->samples < SMX_PHASE_SAMPLES)
        p->samples++;
}

smx_time smx_phase_expected(const struct smx_phase *p, smx_time q, uint64_t tick)
{
    return baseline(p) + tick * q;
}

smx_time smx_phase_margin(const struct smx_phase *p, const struct smx_link_timing *timing)
{
    smx_time margin;

    if (p->samples < SMX_PHASE_SAMPLES)
        return timing->margin_unknown;
    margin = smx_hist_quantile(&p->late, 999900);
    if (margin < timing->margin_min)
        return timing->margin_min;
    return margin > timing->margin_max ? timing->margin_max : margin;
}
