#include "sim/agenda.h"

#include <stdlib.h>

struct entry {
    smx_time at;
    uint64_t serial; /* order among equal times */
    void (*fn)(void *arg, uint64_t number);
    void *arg;
    uint64_t number;
};

struct smx_agenda {
    struct smx_world *world;
    struct entry *heap; /* [0] is due first */
    size_t count, room;
    uint64_t serial;
};

struct smx_agenda *smx_agenda_new(struct smx_world *world)
{
    struct smx_agenda *a = calloc(1, sizeof *a);

    if (!a)
        abort(); /* as the header says */
    a->world = world;
    return a;
}

void smx_agenda_free(struct smx_agenda *a)
{
    if (!a)
        return;
    free(a->heap);
    free(a);
}

static bool is_before(const struct entry *a, const struct entry *b)
{
    return a->at != b->at ? a->at < b->at : a->serial < b->serial;
}

static void push(struct smx_agenda *a, struct entry new)
{
    size_t i;

    if (a->count == a->room) {
        a->room = a->room ? 2 * a->room : 64;
        a->heap = realloc(a->heap, a->room * sizeof *a->heap);
        if (!a->heap)
            abort();
    }
    for (i = a->count++; i > 0 && is_before(&new, &a->heap[(i - 1) / 2]); i = (i - 1) / 2)
        a->heap[i] = a->heap[(i - 1) / 2];
    a->heap[i] = new;
}

static struct entry pop(struct smx_agenda *a)
{
    struct entry first = a->heap[0], last = a->heap[--a->count];
    size_t i = 0;

    for (;;) {
        size_t child = 2 * i + 1;

        if (child + 1 < a->count && is_before(&a->heap[child + 1], &a->heap[child]))
            child++;
        if (child >= a->count || !is_before(&a->heap[child], &last))
            break;
        a->heap[i] = a->heap[child];
        i = child;
    }
    a->heap[i] = last;
    return first;
}

/* Each entry has one of these in the world, at its time. */
static void wake(void *arg)
{
    struct smx_agenda *a = arg;

    while (a->count > 0 && a->heap[0].at <= smx_world_now(a->world)) {
        struct entry e = pop(a);

        e.fn(e.arg, e.number);
    }
}

void smx_agenda_at(struct smx_agenda *a, smx_time at, void (*fn)(void *arg, uint64_t number), void *arg,
                   uint64_t number)
{
    smx_time now = smx_world_now(a->world);

    push(a, (struct entry){at > now ? at : now, a->serial++, fn, arg, number});
    smx_world_at(a->world, at, wake, a);
}
