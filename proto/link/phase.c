#include "proto/link/phase.h"

#include <string.h>

/* Short, for what is steered by them has to see soon what it did; of 100 datagrams and more, so that one of
 * them came without delay.  Clocks that drift apart by 50 ppm move a baseline of 16 s by 0.8 ms. */
#define WINDOW SMX_MS(SMX_PHASE_WINDOW_MS)
#define DECAY  SMX_SECOND(60)
/* What a link shows while programs start and caches are cold says nothing about its life. */
#define SETTLE SMX_SECOND(4)

enum {
    JUMP_NS = 1000000, /* in one window: 500 ppm, more than two clocks within their bounds can differ */
    FORGET = 256,      /* windows: what nobody takes back within nine minutes is the path's, not a clock's */
};

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
    smx_time low = p->low[0];

    for (uint32_t i = 1; i < p->low_count; i++)
        if (is_earlier(p->low[i], low))
            low = p->low[i];
    return low;
}

/* A window is over: how far is it from the one before? */
static void settle(struct smx_phase *p)
{
    int64_t step = (int64_t)(p->low[0] - p->settled);

    p->follows = p->settles && step >= -JUMP_NS && step <= JUMP_NS;
    if (p->follows)
        p->drift += step - p->drift / FORGET;
    p->settled = p->low[0];
    p->settles = true;
}

static void window_begin(struct smx_phase *p, smx_time arrival, smx_time offset)
{
    smx_time passed = (arrival - p->low_since) / WINDOW;

    settle(p);
    if (passed < SMX_PHASE_WINDOWS) {
        memmove(p->low + 1, p->low, (SMX_PHASE_WINDOWS - 1) * sizeof p->low[0]);
        p->low_count = p->low_count < SMX_PHASE_WINDOWS ? p->low_count + 1 : SMX_PHASE_WINDOWS;
    } else { /* after a long silence only the new counts */
        p->low_count = 1;
    }
    p->low[0] = offset;
    p->low_since += passed * WINDOW;
}

void smx_phase_add(struct smx_phase *p, smx_time q, uint64_t tick, smx_time arrival)
{
    smx_time offset = arrival - tick * q;

    if (p->low_count == 0) {
        p->low[0] = offset;
        p->low_count = 1;
        p->begun = p->low_since = p->decay_since = arrival;
        p->last_tick = tick;
    }
    if (tick > p->last_tick)
        p->last_tick = tick;
    if (arrival >= p->low_since + WINDOW)
        window_begin(p, arrival, offset);
    else if (is_earlier(offset, p->low[0]))
        p->low[0] = offset;
    if (arrival >= p->decay_since + DECAY) {
        smx_hist_decay(&p->late);
        p->decay_since = arrival;
    }
    if (arrival < p->begun + SETTLE)
        return;
    smx_hist_add(&p->late, offset - baseline(p)); /* not negative: the baseline is the smallest */
    if (p->samples < SMX_PHASE_SAMPLES)
        p->samples++;
}

bool smx_phase_drift(const struct smx_phase *p, smx_time now, int64_t *drift)
{
    if (!p->follows || now >= p->low_since + 2 * WINDOW)
        return false;
    *drift = p->drift;
    return true;
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
