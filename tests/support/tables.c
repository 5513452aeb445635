/* What relays have in use; checks.c has the rest of checks.h. */
#include "tests/support/checks.h"

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
    return count;
}

/* In the queues of all links, and in the list of free ones; their sum never changes. */
static size_t queued_commands(const struct smx_relay *r)
{
    size_t queued = 0;

    for (uint32_t i = 0; i < r->links; i++)
        queued += r->neighbour[i].used ? r->neighbour[i].command_count : 0;
    return queued;
}

void relay_tables(const struct smx_relay *r, struct tables *t)
{
    size_t circuits = 0;

    for (uint32_t i = 0; i < r->config.circuits_max; i++) {
        const struct circuit *c = &r->circuit[i];

        if (!c->used)
            continue;
        circuits++;
        t->joined += c->down == DOWN_PEER;
        t->notes += c->note_count;
        t->streams += c->stream != NONE;
    }
    for (uint32_t i = 0; i < r->links; i++)
        t->streams += r->neighbour[i].used && r->neighbour[i].stream != NONE;
    for (size_t i = 0; i < INTRODUCTIONS; i++)
        t->introductions += (size_t)r->asked[i].used + r->coming[i].used;
    for (size_t i = 0; i < UPLOADS; i++)
        t->uploads += r->upload[i].used;
    t->circuits += circuits;
    t->cookies += used_places(&r->cookies);
    t->waiting += used_places(&r->waiting);
    t->listeners += used_places(&r->listeners);
    t->commands += queued_commands(r);
    t->lost += r->config.circuits_max - circuits - free_circuits(r);
}

struct tables network_tables(const struct smx_sim_network *n)
{
    struct tables t = {0};

    for (size_t i = 0; i < n->relays; i++)
        if (n->relay[i].core)
            relay_tables(n->relay[i].core, &t);
    return t;
}
