#include "sim/view_client.h"

#include "client/core.h"

const struct smx_endpoint *smx_view_client_endpoint(const struct smx_client *c)
{
    return c->ep;
}

uint8_t smx_view_client_cells(const struct smx_client *c)
{
    return c->cells;
}

const uint8_t *smx_view_client_guard(const struct smx_client *c)
{
    return c->uplink.guard < c->paths.guard_count ? c->paths.guard[c->uplink.guard] : NULL;
}

bool smx_view_client_hears_strangers(const struct smx_client *c, smx_time now)
{
    for (size_t i = 0; i < c->slots; i++)
        if (c->meeting[i].stranger && c->meeting[i].call.state != CALL_TALKING)
            return false;
    return c->screen[0].tokens > 0 || now >= c->screen[0].refill;
}

bool smx_view_client_sends_on(const struct smx_client *c, uint32_t link)
{
    return c->uplink.up && c->uplink.link == link;
}

void smx_view_client_memory(const struct smx_client *c, smx_view_memory fn, void *arg)
{
    fn(arg, c, sizeof *c);
    fn(arg, c->identity, c->identity_count * sizeof *c->identity);
    fn(arg, c->meeting, c->slots * sizeof *c->meeting);
    for (size_t i = 0; i < c->slots; i++)
        fn(arg, c->meeting[i].memory, c->meeting[i].memory ? sizeof *c->meeting[i].memory : 0);
    for (size_t i = 0; i < TEXTS; i++)
        fn(arg, c->text_out[i].text, c->text_out[i].len);
    fn(arg, c->circuit, c->circuit_count * sizeof *c->circuit);
    fn(arg, c->contact, c->contact_count * sizeof *c->contact);
}

struct smx_view_tick smx_view_client_tick(const struct smx_client *c, smx_time local, uint64_t tick)
{
    return (struct smx_view_tick){.length = c->q,
                                  .late =
                                      (int64_t)(smx_clock_read(&c->clock, local) - (c->base + tick * c->q)),
                                  .rate = 1};
}

/* ---- cells ---- */

void smx_view_client_cell(struct smx_cells *c, smx_time now, const struct smx_client *client, uint64_t tick,
                          const uint8_t *cell)
{
    struct smx_cell_head head = smx_cell_head_read(cell);
    struct smx_cells_of *of = smx_cells_find(c, head.circuit);

    if (head.circuit == 0)
        return;
    for (size_t i = 0; !of && i < client->circuit_count; i++) {
        const struct circuit *k = &client->circuit[i];

        if (k->origin.forward_id == head.circuit || (k->young && k->young->origin.forward_id == head.circuit))
            of = smx_cells_add(c, head.circuit, k->origin.ticks, tick);
    }
    if (!of)
        return;        /* filler of a circuit that is none */
    of->shared = true; /* a young one may take turns; the looks judge those that stand alone */
    smx_cells_judge(c, now, of, tick, head.seq, 1);
}

void smx_view_client_look(struct smx_cells *c, smx_time now, const struct smx_client *client, uint64_t newest)
{
    if (client->uplink.role != UPLINK_GUARD)
        return; /* it asks for a consensus, and its circuits have no turns */
    for (size_t i = 0; i < client->circuit_count; i++) {
        const struct circuit *k = &client->circuit[i];
        const struct smx_timetable *tt = &k->origin.send;
        uint64_t number;

        if (k->origin.state != SMX_ORIGIN_OPEN || k->young || newest < tt->tick0)
            continue;
        number = smx_timetable_number(tt, newest);
        smx_cells_due(c, now, k->origin.forward_id, k->origin.ticks, smx_timetable_tick(tt, number),
                      (uint32_t)number, 2 + (k->role != CIRCUIT_SLOT));
    }
    smx_cells_forget(c, newest);
}
