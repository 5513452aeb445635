#include "sim/check_cells.h"

#include <stdlib.h>
#include <string.h>

enum { FORGET_TICKS = 64 }; /* a circuit that is no more, and had no cell for so long */

void smx_cells_free(struct smx_cells *c)
{
    free(c->of);
    *c = (struct smx_cells){.of = NULL};
}

struct smx_cells_of *smx_cells_find(struct smx_cells *c, uint32_t id)
{
    for (size_t i = 0; i < c->count; i++)
        if (c->of[i].id == id)
            return &c->of[i];
    return NULL;
}

struct smx_cells_of *smx_cells_add(struct smx_cells *c, uint32_t id, uint32_t period, uint64_t tick)
{
    if (c->count == c->cap) {
        c->cap = c->cap ? 2 * c->cap : 16;
        c->of = realloc(c->of, c->cap * sizeof *c->of);
        if (!c->of)
            abort(); /* sim/check_links.h */
    }
    c->of[c->count] = (struct smx_cells_of){.id = id, .period = period, .tick = tick};
    return &c->of[c->count++];
}

#define SAY(c, now, ...) smx_complain((c)->verdict, now, "links", __VA_ARGS__)

void smx_cells_judge(struct smx_cells *c, smx_time now, struct smx_cells_of *of, uint64_t tick, uint32_t seq,
                     uint64_t gap)
{
    uint64_t ticks = tick - of->tick;

    c->judged++;
    if (of->seen && ticks == 0)
        SAY(c, now, "%s: two cells of one circuit in tick %llu", c->where, (unsigned long long)tick);
    else if (of->seen && (ticks % of->period != 0 || seq - of->seq != (uint32_t)(ticks / of->period)))
        SAY(c, now, "%s: count %u after %u, %llu ticks later, with a period of %u", c->where, seq, of->seq,
            (unsigned long long)ticks, of->period);
    else if (of->seen && !of->shared && ticks > gap * of->period && of->tick >= c->broken)
        SAY(c, now, "%s: a circuit without a cell for %llu ticks", c->where, (unsigned long long)ticks);
    of->seen = true;
    of->tick = tick;
    of->seq = seq;
}

/* ---- looks ---- */

void smx_cells_forget(struct smx_cells *c, uint64_t newest)
{
    for (size_t i = c->count; i-- > 0;)
        if (c->of[i].tick + FORGET_TICKS < newest)
            c->of[i] = c->of[--c->count];
}

void smx_cells_due(struct smx_cells *c, smx_time now, uint32_t id, uint32_t period, uint64_t due,
                   uint32_t seq, uint64_t gap)
{
    struct smx_cells_of *of = smx_cells_find(c, id);
    uint64_t last;

    if (!of) {
        smx_cells_add(c, id, period, due); /* its first cell may yet come */
        return;
    }
    if (of->tick >= due) {
        c->found += of->seen;
        return;
    }
    last = of->tick > c->broken ? of->tick : c->broken;
    if (!of->seen || last == c->broken)
        gap += 2;
    if (of->said || last + (gap - 1) * period >= due)
        return;
    of->said = true;
    SAY(c, now, "%s: no cell of a live circuit: count %u was due in tick %llu, the last one was in %llu",
        c->where, seq, (unsigned long long)due, (unsigned long long)of->tick);
}
