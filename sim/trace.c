#include "sim/trace.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { US = 1000 };

/* Links in the order in which they were first seen, and a table of their places by both ends. */
struct smx_trace {
    smx_time from, until;
    uint32_t relays;
    struct smx_trace_link *link;
    size_t links, room;
    size_t *place; /* open addressing, at most half full: number of the link plus one */
    size_t places; /* a power of two */
};

static void *must(void *p)
{
    if (!p)
        abort(); /* as the header says */
    return p;
}

struct smx_trace *smx_trace_new(smx_time from, smx_time until, uint32_t relays)
{
    struct smx_trace *t = must(calloc(1, sizeof *t));

    assert(until >= from && (until - from) / US <= UINT32_MAX);
    t->from = from;
    t->until = until;
    t->relays = relays;
    t->places = 1024;
    t->place = must(calloc(t->places, sizeof *t->place));
    return t;
}

void smx_trace_free(struct smx_trace *t)
{
    if (!t)
        return;
    for (size_t i = 0; i < t->links; i++)
        free(t->link[i].entry);
    free(t->link);
    free(t->place);
    free(t);
}

static size_t place_of(const struct smx_trace *t, uint32_t from, uint32_t to)
{
    uint64_t hash = ((uint64_t)from << 32 | to) * UINT64_C(0x9e3779b97f4a7c15);
    size_t i = (size_t)(hash >> 32) & (t->places - 1);

    while (t->place[i] != 0 && (t->link[t->place[i] - 1].from != from || t->link[t->place[i] - 1].to != to))
        i = (i + 1) & (t->places - 1);
    return i;
}

static void grow(struct smx_trace *t)
{
    t->places *= 2;
    free(t->place);
    t->place = must(calloc(t->places, sizeof *t->place));
    for (size_t i = 0; i < t->links; i++)
        t->place[place_of(t, t->link[i].from, t->link[i].to)] = i + 1;
}

static struct smx_trace_link *link_of(struct smx_trace *t, uint32_t from, uint32_t to)
{
    size_t i = place_of(t, from, to);

    if (t->place[i] != 0)
        return &t->link[t->place[i] - 1];
    if (t->links == t->room) {
        t->room = t->room ? 2 * t->room : 64;
        t->link = must(realloc(t->link, t->room * sizeof *t->link));
    }
    t->link[t->links] = (struct smx_trace_link){.from = from, .to = to};
    t->place[i] = ++t->links;
    if (2 * t->links > t->places)
        grow(t);
    return &t->link[t->links - 1];
}

void smx_trace_add(struct smx_trace *t, smx_time at, uint32_t from, uint32_t to, size_t len)
{
    struct smx_trace_link *l;
    struct smx_trace_entry *last;
    uint32_t us;

    if (at < t->from || at >= t->until)
        return;
    if (t->relays != SMX_TRACE_ALL && (from < t->relays) == (to < t->relays))
        return;
    us = (uint32_t)((at - t->from) / US);
    l = link_of(t, from, to);
    last = l->count > 0 ? &l->entry[l->count - 1] : NULL;
    assert(!last || last->us <= us);
    if (last && last->us == us && last->len == len && last->count < UINT16_MAX) {
        last->count++;
        return;
    }
    if (l->count == l->room) {
        l->room = l->room ? 2 * l->room : 256;
        l->entry = must(realloc(l->entry, l->room * sizeof *l->entry));
    }
    l->entry[l->count++] = (struct smx_trace_entry){.us = us, .len = (uint16_t)len, .count = 1};
}

bool smx_trace_tap(void *arg, smx_time now, uint32_t from, uint32_t to, uint8_t *bytes, size_t len,
                   smx_time *delay)
{
    (void)bytes;
    (void)delay;
    smx_trace_add(arg, now, from, to, len);
    return true;
}

const struct smx_trace_link *smx_trace_link(const struct smx_trace *t, uint32_t from, uint32_t to)
{
    size_t i = place_of(t, from, to);

    return t->place[i] == 0 ? NULL : &t->link[t->place[i] - 1];
}

size_t smx_trace_entries(const struct smx_trace *t)
{
    size_t sum = 0;

    for (size_t i = 0; i < t->links; i++)
        sum += t->link[i].count;
    return sum;
}

void smx_trace_rate(const struct smx_trace *t, uint32_t from, uint32_t to, enum smx_trace_unit unit,
                    smx_time start, smx_time bin, float *rate, size_t bins)
{
    const struct smx_trace_link *l = smx_trace_link(t, from, to);

    for (size_t i = 0; l && i < l->count; i++) {
        const struct smx_trace_entry *e = &l->entry[i];
        smx_time at = (smx_time)e->us * US;

        if (at >= start && (at - start) / bin < bins)
            rate[(at - start) / bin] += (float)e->count * (unit == SMX_TRACE_BYTES ? (float)e->len : 1);
    }
}

void smx_trace_rate_access(const struct smx_trace *t, uint32_t relays, uint32_t node, bool to_node,
                           enum smx_trace_unit unit, smx_time start, smx_time bin, float *rate, size_t bins)
{
    for (uint32_t r = 0; r < relays; r++)
        smx_trace_rate(t, to_node ? r : node, to_node ? node : r, unit, start, bin, rate, bins);
}
