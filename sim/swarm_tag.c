#include "sim/swarm_parts.h"

#include "relay/core.h"

static void alter(struct smx_relay *r, struct departure *d, struct smx_rng *rng, uint32_t one_in, bool gone)
{
    for (unsigned i = 0; i < RING; i++) {
        if (d->link == NONE || !(d->have >> i & 1) || smx_rng_below(rng, one_in) > 0)
            continue;
        if (gone)
            smx_relay_depart_lose(r, d, i);
        else
            smx_relay_depart_body(r, d, i)[smx_rng_below(rng, SMX_CELL_BODY)] ^=
                (uint8_t)(1U << smx_rng_below(rng, 8));
    }
}

void smx_swarm_tag(struct smx_relay *r, struct smx_rng *rng, uint32_t one_in, bool gone)
{
    for (uint32_t i = 0; i < r->config.circuits_max; i++)
        if (r->circuit[i].used) {
            alter(r, &r->circuit[i].fwd, rng, one_in, gone);
            alter(r, &r->circuit[i].bwd, rng, one_in, gone);
        }
}
