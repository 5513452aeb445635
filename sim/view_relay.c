#include "sim/view_relay.h"

#include "relay/core.h"

const struct smx_endpoint *smx_view_relay_endpoint(const struct smx_relay *r)
{
    return r->ep;
}

void smx_view_relay_memory(const struct smx_relay *r, smx_view_memory fn, void *arg)
{
    const struct smx_keymap *map[] = {&r->created, &r->cookies, &r->waiting, &r->listeners, &r->sources};
    const struct smx_shelf *shelf[] = {&r->bodies, &r->cells, &r->notes, &r->buffers};

    fn(arg, r, sizeof *r);
    fn(arg, r->circuit, r->circuit_fresh * sizeof *r->circuit);
    for (size_t i = 0; i < sizeof shelf / sizeof shelf[0]; i++)
        fn(arg, shelf[i]->bytes, shelf[i]->fresh * shelf[i]->size);
    fn(arg, r->neighbour, r->links * sizeof *r->neighbour);
    fn(arg, r->command, ((size_t)r->links * 4 + (size_t)COMMANDS_PER_LINK * 4) * sizeof *r->command);
    fn(arg, r->served, r->served_fresh * sizeof *r->served);
    fn(arg, r->source, r->config.client_links_max * sizeof *r->source);
    for (size_t i = 0; i < sizeof map / sizeof map[0]; i++)
        fn(arg, map[i]->key, map[i]->cap * sizeof *map[i]->key);
}

/* ---- ticks ---- */

/* What the consensus that it has in force wants. */
static uint32_t rate_of(const struct smx_relay *r, const struct neighbour *n)
{
    uint32_t rate;

    if (n->kind == SMX_LINK_CLIENT)
        return 1;
    if (r->place == NONE || n->place == NONE)
        return n->rate;
    rate = smx_consensus_link_rate(&r->consensus, r->place, n->place);
    return rate < SMX_RELAY_RATE ? rate : SMX_RELAY_RATE;
}

struct smx_view_tick smx_view_relay_tick(const struct smx_relay *r, smx_time local, uint32_t link,
                                         uint64_t tick)
{
    const struct neighbour *n = &r->neighbour[link];
    uint64_t mix = n->kind == SMX_LINK_CLIENT ? tick * r->period[SMX_PERIOD_SLOT] + n->phase : tick;

    return (struct smx_view_tick){
        .length = r->tick * (n->kind == SMX_LINK_CLIENT ? r->period[SMX_PERIOD_SLOT] : 1),
        .late = (int64_t)(smx_clock_read(&r->clock, local) - smx_relay_tick_time(r, mix)),
        .rate = rate_of(r, n)};
}

/* ---- cells ---- */

/* The circuit and direction that leave by this link with this id; NULL: there is none any more. */
static const struct circuit *leaving(const struct smx_relay *r, uint32_t link, uint32_t id, bool *back)
{
    for (uint32_t i = 0; i < r->config.circuits_max; i++) {
        const struct circuit *k = &r->circuit[i];

        if (!k->used)
            continue;
        *back = k->bwd.link == link && k->bwd.id == id;
        if (*back || (k->fwd.link == link && k->fwd.id == id))
            return k;
    }
    return NULL;
}

/* A link command may take the turn of a listening or errand circuit on a client's link. */
static uint64_t gap_on(bool client_link, bool slot)
{
    return client_link && !slot ? 3 : 1;
}

void smx_view_relay_cell(struct smx_cells *c, smx_time now, const struct smx_relay *r, uint32_t link,
                         uint64_t tick, const uint8_t *cell)
{
    struct smx_cell_head head = smx_cell_head_read(cell);
    struct smx_cells_of *of = smx_cells_find(c, head.circuit);
    bool client_link = r->neighbour[link].kind == SMX_LINK_CLIENT, back;
    uint64_t gap;

    if (head.circuit == 0)
        return;
    if (!of) {
        const struct circuit *k = leaving(r, link, head.circuit, &back);

        if (!k)
            return; /* it ended in this very tick */
        of = smx_cells_add(c, head.circuit, smx_relay_link_period(r, link, k->period), tick);
        of->shared = back && k->twin != NONE;
    }

    gap = gap_on(client_link, of->period == smx_relay_link_period(r, link, SMX_PERIOD_SLOT));
    if (of->seen && !of->shared &&
        tick - of->tick > gap * of->period) { /* has it begun to share its place? */
        const struct circuit *k = leaving(r, link, head.circuit, &back);

        of->shared = k && back && k->twin != NONE;
    }
    smx_cells_judge(c, now, of, tick, head.seq, gap);
}

/* ---- looks ---- */

/* Two in one place: one of them has each turn.  True: it shares. */
static bool shares(struct smx_cells *c, smx_time now, const struct smx_relay *r, const struct circuit *k,
                   uint64_t due)
{
    struct smx_cells_of *of = smx_cells_find(c, k->bwd.id), *other;

    if (!of)
        return k->twin != NONE;
    if (k->twin == NONE) {
        of->shared = of->shared && of->tick < due; /* the last turn may have been the other's */
        return of->shared;
    }
    of->shared = true;
    other = smx_cells_find(c, r->circuit[k->twin].bwd.id);
    if (other && of->seen && other->seen && of->tick == other->tick)
        smx_complain(c->verdict, now, "links",
                     "%s: two circuits that share a place both had a cell in tick %llu", c->where,
                     (unsigned long long)of->tick);
    return true;
}

static void look_at_departure(struct smx_cells *c, smx_time now, const struct smx_relay *r, uint32_t link,
                              const struct circuit *k, const struct departure *d, uint64_t newest)
{
    uint64_t number, due;

    if (d->link != link || d->id == 0 || r->next == 0)
        return;
    number = smx_timetable_number(&d->tt, r->next - 1);
    if (number < d->tt.number0)
        return; /* not yet */
    due = smx_relay_link_tick(r, link, smx_timetable_tick(&d->tt, number));
    if (due > newest)
        return; /* the link is not up, and there is nothing to be had */
    if (d == &k->bwd && shares(c, now, r, k, due))
        return;
    smx_cells_due(c, now, d->id, smx_relay_link_period(r, link, k->period), due, (uint32_t)(number + d->d),
                  gap_on(r->neighbour[link].kind == SMX_LINK_CLIENT, k->period == SMX_PERIOD_SLOT));
}

void smx_view_relay_look(struct smx_cells *c, smx_time now, const struct smx_relay *r, uint32_t link,
                         uint64_t newest)
{
    for (uint32_t i = 0; i < r->config.circuits_max; i++)
        if (r->circuit[i].used) {
            look_at_departure(c, now, r, link, &r->circuit[i], &r->circuit[i].bwd, newest);
            look_at_departure(c, now, r, link, &r->circuit[i], &r->circuit[i].fwd, newest);
        }
    smx_cells_forget(c, newest);
}
