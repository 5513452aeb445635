/* A loop of second order: rate = learned - ahead / HOLD_S, and learned falls by ahead / LEARN_S2 each second.
 * Of a clock that is wrong by 100 ppm from one moment on, the reading strays by 0.8 ms at most and is back
 * after a minute.  HOLD_S is four times what a drift takes to be seen (proto/link/phase.h: two windows of
 * 2 s), also where two neighbours correct the same difference at the same time; LEARN_S2 lets nothing
 * oscillate. */
#include "proto/link/clock.h"

enum {
    HOLD_S = 10,
    LEARN_S2 = 500,
    FORGET = 16384, /* steps: in some hours what was learned fades, so that neighbours who lead each other
                       astray come back */
    AHEAD_MAX = 5000000, /* ns: more asks for no more than the largest rate anyway */
};

/* floor(ns * ppb / 10^9), of any ns */
static int64_t scaled(int64_t ns, int32_t ppb)
{
    int64_t second = 1000000000;
    int64_t part = ns % second * ppb;
    int64_t floor = part / second - (part % second < 0);

    return ns / second * ppb + floor;
}

static int32_t within(int64_t value, int64_t low, int64_t high)
{
    return (int32_t)(value < low ? low : value > high ? high : value);
}

void smx_clock_init(struct smx_clock *c, smx_time now)
{
    *c = (struct smx_clock){.since = now, .time = now};
}

smx_time smx_clock_read(const struct smx_clock *c, smx_time local)
{
    int64_t ns = (int64_t)(local - c->since);

    return c->time + (smx_time)(ns + scaled(ns, c->ppb));
}

smx_time smx_clock_when(const struct smx_clock *c, smx_time reading)
{
    smx_time local = c->since + (reading - c->time);
    int64_t short_by;

    if (reading == SMX_NEVER)
        return SMX_NEVER;
    local -= (smx_time)scaled((int64_t)(reading - c->time), c->ppb); /* not late: 1 - r <= 1 / (1 + r) */
    while ((short_by = (int64_t)(reading - smx_clock_read(c, local))) > 0)
        local += (smx_time)short_by;
    return local;
}

bool smx_clock_is_due(const struct smx_clock *c, smx_time now)
{
    return now >= c->since + SMX_MS(SMX_CLOCK_STEP_MS);
}

void smx_clock_steer(struct smx_clock *c, smx_time now, int64_t ahead)
{
    int64_t learned, ppb;

    c->time = smx_clock_read(c, now);
    c->since = now;
    ahead = within(ahead, -AHEAD_MAX, AHEAD_MAX);
    learned = c->learned - ahead / LEARN_S2 - c->learned / FORGET;
    c->learned = within(learned, -SMX_CLOCK_PPB_MAX, SMX_CLOCK_PPB_MAX);
    ppb = within(c->learned - ahead / HOLD_S, c->ppb - SMX_CLOCK_PPB_CHANGE, c->ppb + SMX_CLOCK_PPB_CHANGE);
    c->ppb = within(ppb, -SMX_CLOCK_PPB_MAX, SMX_CLOCK_PPB_MAX);
}

bool smx_clock_is_at_bound(const struct smx_clock *c)
{
    return c->ppb == SMX_CLOCK_PPB_MAX || c->ppb == -SMX_CLOCK_PPB_MAX;
}
