#include "directory/rates.h"
#include "proto/link/link.h"

#include <stdlib.h>
#include <string.h>

struct rates {
    struct smx_consensus *c;
    const struct smx_relaydesc *const *desc;
    size_t room;
    uint32_t *circuits; /* of the place at work, to each place behind it */
};

static uint32_t report_of(const struct smx_relaydesc *desc, const uint8_t id[SMX_DOC_KEY])
{
    for (size_t i = 0; i < desc->report_count; i++)
        if (memcmp(desc->report[i].id, id, SMX_DOC_KEY) == 0)
            return desc->report[i].circuits;
    return 0;
}

/* Fills r->circuits for place a.  The smaller of both ends' reports: nobody can blow up another's link alone.
 */
static void read_reports(const struct rates *r, size_t a)
{
    const struct smx_relaydesc *mine = r->desc[a];

    memset(r->circuits, 0, r->c->relay_count * sizeof *r->circuits);
    for (size_t i = 0; i < mine->report_count; i++) {
        size_t b = smx_consensus_find(r->c, mine->report[i].id);
        uint32_t theirs;

        if (b == SMX_RELAY_NONE || b <= a || smx_consensus_link_rate(r->c, a, b) == 0)
            continue;
        theirs = report_of(r->desc[b], mine->id);
        r->circuits[b] = mine->report[i].circuits < theirs ? mine->report[i].circuits : theirs;
    }
}

/* Circuits plus half, in whole datagrams per tick; parts share them. */
static uint32_t rate_for(const struct smx_params *p, uint64_t circuits, uint64_t parts)
{
    uint64_t room =
        2 * parts * SMX_LINK_CELLS_MAX * (p->slot_period_ms / p->tick_ms); /* twice, for the half */
    uint64_t rate = (3 * circuits + room - 1) / room;

    return rate > SMX_LINK_RATE_MAX ? SMX_LINK_RATE_MAX : (uint32_t)rate;
}

/* Circuits between guards and middles: every slot and every listening and errand circuit is one of them. */
static uint64_t all_circuits(const struct rates *r)
{
    uint64_t sum = 0;

    for (size_t a = 0; a < r->c->relay_count; a++) {
        read_reports(r, a);
        for (size_t b = a + 1; b < r->c->relay_count; b++)
            if (r->c->relay[a].layer == SMX_LAYER_GUARD || r->c->relay[b].layer == SMX_LAYER_GUARD)
                sum += r->circuits[b];
    }
    return sum;
}

static bool is_of(const struct rates *r, size_t place, enum smx_layer layer)
{
    return r->c->relay[place].layer == layer;
}

enum smx_err smx_rates_fill(struct smx_consensus *c, size_t room, const struct smx_relaydesc *const *desc)
{
    struct rates r = {c, desc, room, calloc(c->relay_count + 1, sizeof *r.circuits)};
    size_t ends = c->layer_count[SMX_LAYER_END];
    uint32_t join_rate;

    c->link_count = 0;
    if (!r.circuits)
        return SMX_E_MEMORY;
    join_rate = ends ? rate_for(&c->params, all_circuits(&r), ends) : 0;
    for (size_t a = 0; a < c->relay_count; a++) {
        read_reports(&r, a);
        for (size_t b = a + 1; b < c->relay_count && c->link_count < room; b++) {
            bool middle = is_of(&r, a, SMX_LAYER_MIDDLE) || is_of(&r, b, SMX_LAYER_MIDDLE);
            uint32_t rate = middle ? rate_for(&c->params, r.circuits[b], 1) : join_rate;

            if (rate > c->params.link_floor && smx_consensus_link_rate(c, a, b) > 0)
                c->link[c->link_count++] = (struct smx_link_rate){(uint16_t)a, (uint16_t)b, rate};
        }
    }
    free(r.circuits);
    return SMX_OK;
}
