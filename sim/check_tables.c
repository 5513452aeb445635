#include "sim/check_tables.h"

#include "relay/core.h"

static size_t used_places(const struct smx_keymap *map)
{
    size_t used = 0;

    for (uint32_t i = 0; i < map->cap; i++)
        used += map->used[i] != 0;
    return used;
}

static size_t free_circuits(const struct smx_relay *r)
{
    size_t count = 0;

    for (uint32_t at = r->circuit_free; at != NONE && count <= r->config.circuits_max; count++)
        at = r->circuit[at].bwd.next;
    return count + r->config.circuits_max - r->circuit_fresh;
}

static size_t streams_max(const struct smx_relay *r)
{
    return r->config.circuits_max / 2 + 1;
}

static size_t free_streams(const struct smx_relay *r)
{
    size_t count = 0;

    for (uint32_t at = r->served_free; at != NONE && count <= streams_max(r); count++)
        at = r->served[at].next_free;
    return count + r->served_max - r->served_fresh;
}

static size_t free_commands(const struct smx_relay *r)
{
    size_t count = 0;

    for (uint32_t at = r->command_free; at != NONE && count <= r->command_max; count++)
        at = r->command[at].next;
    return count + r->command_max - r->command_fresh;
}

static size_t queued_commands(const struct smx_relay *r)
{
    size_t queued = 0;

    for (uint32_t i = 0; i < r->links; i++)
        queued += r->neighbour[i].used ? r->neighbour[i].command_count : 0;
    return queued;
}

/* Whether a table holds more or less than it has places: both are wrong. */
static size_t lost(size_t places, size_t used, size_t unused)
{
    return used + unused > places ? used + unused - places : places - used - unused;
}

static size_t kept_cells(const struct departure *d)
{
    size_t count = 0;

    for (size_t i = 0; i < RING; i++)
        count += d->have >> i & 1;
    return count;
}

void smx_relay_tables(const struct smx_relay *r, struct smx_tables *t)
{
    size_t circuits = 0, streams = 0, commands = queued_commands(r), bodies = 0, cells = 0, notes = 0;

    for (uint32_t i = 0; i < r->config.circuits_max; i++) {
        const struct circuit *c = &r->circuit[i];

        if (!c->used)
            continue;
        circuits++;
        t->joined += c->down == DOWN_PEER;
        t->owned_joins += c->down == DOWN_PEER && !c->orphan && !r->circuit[c->peer].orphan;
        notes += c->note_count;
        bodies += kept_cells(&c->fwd) + kept_cells(&c->bwd);
        cells += (size_t)(c->created != NONE) + (c->ask != NONE);
        streams += c->stream != NONE;
    }
    for (uint32_t i = 0; i < r->links; i++)
        streams += r->neighbour[i].used && r->neighbour[i].stream != NONE;
    for (size_t i = 0; i < INTRODUCTIONS; i++)
        t->introductions += (size_t)r->asked[i].used + r->coming[i].used;
    for (size_t i = 0; i < UPLOADS; i++)
        t->uploads += r->upload[i].used;
    t->circuits += circuits;
    t->notes += notes;
    t->streams += streams;
    t->cookies += used_places(&r->cookies);
    t->waiting += used_places(&r->waiting);
    t->listeners += used_places(&r->listeners);
    t->commands += commands;
    t->lost += lost(r->config.circuits_max, circuits, free_circuits(r));
    t->lost += lost(streams_max(r), streams, free_streams(r));
    t->lost += lost(r->command_max, commands, free_commands(r));
    t->lost += lost(r->bodies.used, bodies, 0); /* shelves */
    t->lost += lost(r->cells.used, cells, 0);
    t->lost += lost(r->notes.used, notes, 0);
}

struct smx_tables smx_network_tables(const struct smx_sim_network *n)
{
    struct smx_tables t = {0};

    for (size_t i = 0; i < n->relays; i++)
        if (n->relay[i].core)
            smx_relay_tables(n->relay[i].core, &t);
    return t;
}

/* ---- what must hold ---- */

#define SAY(verdict, n, ...) smx_complain(verdict, smx_world_now((n)->world), "tables", __VA_ARGS__)

static void look_at_relay(const struct smx_sim_network *n, size_t i, struct smx_verdict *verdict)
{
    const struct smx_relay *r = n->relay[i].core;
    struct smx_tables t = {0};

    smx_relay_tables(r, &t);
    if (t.lost > 0)
        SAY(verdict, n, "relay %zu: %zu places of its tables are lost", i, t.lost);
    if (t.circuits != r->circuit_used)
        SAY(verdict, n, "relay %zu: %zu circuits, and %u counted", i, t.circuits, r->circuit_used);
    if (r->orphans > r->config.circuits_max / ORPHAN_SHARE + 1)
        SAY(verdict, n, "relay %zu: %u orphans of %u circuits", i, r->orphans, r->config.circuits_max);
    for (uint32_t k = 0; k < r->links; k++)
        if (r->neighbour[k].used && r->neighbour[k].command_count > COMMANDS_PER_LINK)
            SAY(verdict, n, "relay %zu: %u commands wait for one link", i, r->neighbour[k].command_count);
    for (uint32_t k = 0; k < r->config.circuits_max; k++)
        if (r->circuit[k].used && r->circuit[k].note_count > NOTES)
            SAY(verdict, n, "relay %zu: %u words wait for one circuit", i, r->circuit[k].note_count);
}

void smx_check_tables_look(const struct smx_sim_network *n, struct smx_verdict *verdict)
{
    for (size_t i = 0; i < n->relays; i++)
        if (n->relay[i].core)
            look_at_relay(n, i, verdict);
    if (smx_world_out(n->world)->dropped > 0)
        SAY(verdict, n, "%llu datagrams found no room in the world's out",
            (unsigned long long)smx_world_out(n->world)->dropped);
}

void smx_check_tables_calm(const struct smx_sim_network *n, struct smx_verdict *verdict, size_t ghosts)
{
    struct smx_tables t = smx_network_tables(n);

    smx_check_tables_look(n, verdict);
    if (t.owned_joins > ghosts || t.waiting > 0 || t.introductions > 0)
        SAY(verdict, n, "without calls: %zu joined, %zu waiting, %zu introductions", t.owned_joins, t.waiting,
            t.introductions);
}
