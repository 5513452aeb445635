#include "relay/core.h"

#include <stdlib.h>

/* ns: what a layer can weigh against the others.  Twice what two clocks stray that meet 100 ppm apart. */
enum { LAYER_NS_MAX = 2000000 };

static int by_layer_and_drift(const void *one, const void *other)
{
    const struct smx_drift *a = one, *b = other;

    if (a->layer != b->layer)
        return a->layer < b->layer ? -1 : 1;
    return (a->ns > b->ns) - (a->ns < b->ns);
}

static int64_t bounded(int64_t ns)
{
    return ns < -LAYER_NS_MAX ? -LAYER_NS_MAX : ns > LAYER_NS_MAX ? LAYER_NS_MAX : ns;
}

static int64_t median(const struct smx_drift *drift, size_t count)
{
    return (bounded(drift[(count - 1) / 2].ns) + bounded(drift[count / 2].ns)) / 2;
}

int64_t smx_relay_clock_ahead(struct smx_drift *drift, size_t count)
{
    int64_t sum = 0;
    int64_t layers = 0;

    if (count == 0)
        return 0;
    qsort(drift, count, sizeof *drift, by_layer_and_drift);
    for (size_t from = 0, to = 0; from < count; from = to, layers++) {
        while (to < count && drift[to].layer == drift[from].layer)
            to++;
        sum += median(drift + from, to - from);
    }
    return sum / layers;
}

/* A neighbour whose clock has run away from ours, or leaps all the time, is left to itself: the cells of its
 * circuits come too late or too early from now on.  The counter tells. */
static void look_at_clocks(struct smx_relay *r, smx_time now)
{
    if (now < r->looked + SMX_SECOND(CLOCKS_LOOK_S))
        return;
    r->looked = now;
    for (uint32_t i = 0; i < r->links; i++) {
        struct neighbour *n = &r->neighbour[i];
        int64_t drift;

        if (n->up && n->kind == SMX_LINK_RELAY && n->looked &&
            (!smx_link_drift(r->ep, i, now, &drift) || llabs(drift) > (int64_t)SMX_MS(CLOCKS_APART_MS)))
            r->count.clocks_strange++;
        n->looked = n->up;
    }
}

void smx_relay_steer(struct smx_relay *r, smx_time now)
{
    size_t count = 0;

    if (!smx_clock_is_due(&r->clock, now))
        return;
    for (uint32_t i = 0; i < r->links; i++) {
        const struct neighbour *n = &r->neighbour[i];

        /* never clients: anybody can be many of these */
        if (!n->up || n->kind != SMX_LINK_RELAY || n->place == NONE ||
            !smx_link_drift(r->ep, i, now, &r->drifts[count].ns))
            continue;
        r->drifts[count++].layer = r->consensus.relay[n->place].layer;
    }
    smx_clock_steer(&r->clock, now, smx_relay_clock_ahead(r->drifts, count));
    r->count.clock_at_bound += smx_clock_is_at_bound(&r->clock);
    look_at_clocks(r, now);
}
