#include "proto/base/heap.h"

#include <assert.h>
#include <stdlib.h>

enum smx_err smx_heap_new(struct smx_heap *h, uint32_t cap)
{
    *h = (struct smx_heap){.cap = cap};
    h->item = calloc(cap, sizeof *h->item);
    h->place = calloc(cap, sizeof *h->place);
    if (!h->item || !h->place) {
        smx_heap_free(h);
        return SMX_E_MEMORY;
    }
    return SMX_OK;
}

void smx_heap_free(struct smx_heap *h)
{
    free(h->item);
    free(h->place);
    *h = (struct smx_heap){0};
}

static bool before(struct smx_heap_item a, struct smx_heap_item b)
{
    return a.deadline != b.deadline ? a.deadline < b.deadline : a.index < b.index;
}

static void put(struct smx_heap *h, uint32_t at, struct smx_heap_item it)
{
    h->item[at] = it;
    h->place[it.index] = at + 1;
}

/* Brings the hole at at to where it belongs, up or down, and fills it. */
static void settle(struct smx_heap *h, uint32_t at, struct smx_heap_item it)
{
    while (at > 0 && before(it, h->item[(at - 1) / 2])) {
        put(h, at, h->item[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
    for (;;) {
        uint32_t child = 2 * at + 1;

        if (child + 1 < h->count && before(h->item[child + 1], h->item[child]))
            child++;
        if (child >= h->count || !before(h->item[child], it))
            break;
        put(h, at, h->item[child]);
        at = child;
    }
    put(h, at, it);
}

static void take_out(struct smx_heap *h, uint32_t at)
{
    struct smx_heap_item last = h->item[--h->count];

    h->place[h->item[at].index] = 0;
    if (at < h->count)
        settle(h, at, last);
}

void smx_heap_set(struct smx_heap *h, uint32_t index, smx_time deadline)
{
    uint32_t place;

    assert(index < h->cap);
    place = h->place[index];
    if (deadline == SMX_NEVER) {
        if (place)
            take_out(h, place - 1);
        return;
    }
    settle(h, place ? place - 1 : h->count++, (struct smx_heap_item){deadline, index});
}

smx_time smx_heap_deadline(const struct smx_heap *h)
{
    return h->count ? h->item[0].deadline : SMX_NEVER;
}

bool smx_heap_pop(struct smx_heap *h, smx_time now, uint32_t *index)
{
    if (h->count == 0 || h->item[0].deadline > now)
        return false;
    *index = h->item[0].index;
    take_out(h, 0);
    return true;
}
