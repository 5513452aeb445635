#include "relay/core.h"

#include <stdlib.h>
#include <string.h>

/* ---- links come and go ---- */

static uint32_t place_of_key(const struct smx_relay *r, const uint8_t link_key[SMX_X25519])
{
    for (uint32_t i = 0; i < r->consensus.relay_count; i++)
        if (memcmp(r->consensus.relay[i].link_key, link_key, SMX_X25519) == 0)
            return i;
    return NONE;
}

static uint32_t rate_of(const struct smx_relay *r, uint32_t place)
{
    uint32_t rate =
        place == NONE || r->place == NONE ? 0 : smx_consensus_link_rate(&r->consensus, r->place, place);

    return rate > LINK_RATE_MAX ? LINK_RATE_MAX : rate;
}

/* All circuits over this link end here and now: their owner, or the whole neighbour, is gone. */
static void drop_circuits(struct smx_relay *r, uint32_t link)
{
    for (uint32_t i = 0; i < r->circuit_fresh; i++) {
        struct circuit *c = &r->circuit[i];

        if (!c->used)
            continue;
        if (c->bwd.link == link)
            smx_relay_circuit_end(r, i);
        else if (c->fwd.link == link)
            smx_relay_detach(r, i);
    }
}

void smx_relay_link_close(struct smx_relay *r, uint32_t link)
{
    struct neighbour *n = &r->neighbour[link];

    drop_circuits(r, link);
    smx_relay_drop_commands(r, link);
    smx_relay_service_free(r, &n->stream);
    smx_relay_source_drop(r, link);
    smx_link_close(r->ep, link);
    n->used = n->up = false;
}

static void link_begin(struct smx_relay *r, uint32_t link, enum smx_link_kind kind, uint32_t place)
{
    struct neighbour *n = &r->neighbour[link];

    if (link >= r->links_met)
        r->links_met = link + 1;
    memset(n, 0, sizeof *n);
    n->used = true;
    n->kind = kind;
    n->cells = smx_link_cells(r->ep, link);
    n->place = place;
    n->rate = kind == SMX_LINK_RELAY ? rate_of(r, place) : 1;
    n->secret = smx_rng_u32(&r->rng) | UINT32_C(1) << 31;
    n->phase = (uint8_t)smx_rng_below(&r->rng, r->period[SMX_PERIOD_SLOT]);
    n->stream = n->source = NONE;
    memset(n->slot, 0xff, sizeof n->slot); /* NONE */
    memset(n->listen, 0xff, sizeof n->listen);
}

bool smx_relay_link_up(struct smx_relay *r, const struct smx_link_rx *rx)
{
    struct neighbour *n = &r->neighbour[rx->link];

    if (!n->used) {
        link_begin(r, rx->link, rx->kind,
                   rx->kind == SMX_LINK_RELAY ? place_of_key(r, smx_link_peer_static(r->ep, rx->link))
                                              : NONE);
        if (rx->kind == SMX_LINK_CLIENT && !smx_relay_source_add(r, rx->link)) {
            smx_relay_link_close(r, rx->link);
            return false;
        }
    } else if (!rx->resumed) {
        drop_circuits(r, rx->link);
    }
    n->up = true;
    n->looked = false;
    return true;
}

/* ---- who they are ---- */

const struct smx_addr *smx_relay_reach(const struct smx_relay *r, const struct smx_relay_info *info)
{
    for (size_t i = 0; i < info->addr_count; i++)
        if (smx_addr_is_v4(&info->addr[i]) ? r->config.has_v4 : r->config.has_v6)
            return &info->addr[i];
    return NULL;
}

enum smx_err smx_relay_meet_neighbours(struct smx_relay *r, smx_time now)
{
    uint8_t(*keys)[SMX_X25519] = malloc((r->consensus.relay_count + 1) * sizeof *keys);
    size_t count = 0;
    enum smx_err err;

    if (!keys)
        return SMX_E_MEMORY;
    for (uint32_t i = 0; i < r->links; i++) { /* who has left, or stands elsewhere now */
        struct neighbour *n = &r->neighbour[i];

        if (!n->used || n->kind != SMX_LINK_RELAY)
            continue;
        n->place = place_of_key(r, smx_link_peer_static(r->ep, i));
        n->rate = rate_of(r, n->place);
        if (n->rate == 0)
            smx_relay_link_close(r, i);
        else
            smx_relay_fit(r, i);
    }
    for (uint32_t i = 0; i < r->consensus.relay_count; i++) {
        const struct smx_relay_info *info = &r->consensus.relay[i];
        const struct smx_addr *addr = smx_relay_reach(r, info);
        uint32_t link;

        if (i == r->place || rate_of(r, i) == 0)
            continue;
        memcpy(keys[count++], info->link_key, SMX_X25519);
        if (r->place < i && addr &&
            smx_endpoint_connect(r->ep, now, addr, info->link_key, SMX_LINK_RELAY, SMX_LINK_CELLS_MAX,
                                 &link) == SMX_OK)
            link_begin(r, link, SMX_LINK_RELAY, i); /* of two relays the one with the smaller id connects */
    }
    err = smx_endpoint_allow(r->ep, (const uint8_t(*)[SMX_X25519])keys, count);
    free(keys);
    return err;
}
