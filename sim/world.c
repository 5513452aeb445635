#include "sim/world.h"

#include "proto/base/fetch.h"
#include "proto/base/heap.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { OUT_DATAGRAMS = 16384, DATAGRAM = 1500, NODES = 1 << 16, ADDR_PLACES = 4 * NODES, WATCHERS = 16 };

/* A datagram under way, or a call that somebody asked for.  They come in two sizes: many are of clients. */
struct event {
    struct event *next_free;
    void (*fn)(void *arg); /* NULL: a datagram */
    void *arg;
    uint32_t to;
    struct smx_addr from, sent_to;
    bool waits; /* for its node, which is paused, since came */
    smx_time came;
    uint16_t len, room;
    uint8_t bytes[];
};
enum { SIZES = 2 };
static const uint16_t size_of_event[SIZES] = {768, DATAGRAM};

struct due {
    smx_time at;
    uint64_t serial; /* order among equal times */
    struct event *event;
};

struct node {
    const struct smx_node_ops *ops;
    void *core;
    struct smx_addr addr;
    struct smx_node_clock clock;
    smx_time paused; /* until then */
    struct smx_world_traffic traffic;
};

struct watcher {
    smx_world_tap tap;
    void *arg;
};

struct smx_world {
    smx_time now;
    struct smx_wall wall;
    struct smx_rng rng;
    struct smx_net net;
    struct smx_out out;
    struct node *node;
    uint32_t node_count, node_cap;
    uint32_t *by_addr;         /* open addressing: node number plus one; 0 free */
    struct smx_heap deadlines; /* of nodes, in the world's time */
    struct due *due;           /* heap: [0] first */
    size_t due_count, due_cap;
    uint64_t serial;
    struct event *free_events[SIZES];
    struct watcher watcher[WATCHERS];
    size_t watchers;
    smx_world_arrival arrival;
    void *arrival_arg;
    struct smx_world_counters count;
};

static void *must(void *p)
{
    if (!p)
        abort(); /* as the header says */
    return p;
}

/* ---- clocks ---- */

enum { BILLION = 1000000000 }; /* ns in a second, and parts in ppb: a clock gains ppb ns each second */

static smx_time to_local(const struct node *n, smx_time t)
{
    int64_t gained = (int64_t)(t / BILLION) * n->clock.ppb + (int64_t)(t % BILLION) * n->clock.ppb / BILLION;

    return n->clock.origin + t + (smx_time)gained;
}

/* The first time of the world at which the node's clock shows local. */
static smx_time to_world(const struct node *n, smx_time local)
{
    uint64_t second = (uint64_t)((int64_t)BILLION + n->clock.ppb); /* of the world, on the node's clock */
    uint64_t shown = local - n->clock.origin;
    smx_time t;

    if (local == SMX_NEVER)
        return SMX_NEVER;
    if ((int64_t)shown <= 0) /* the origin of a clock whose rate was changed may lie before 0 */
        return 0;
    t = shown / second * BILLION + shown % second * BILLION / second;
    while (to_local(n, t) < local) /* rounding: a step or two */
        t++;
    return t;
}

smx_time smx_world_local(const struct smx_world *w, uint32_t node)
{
    assert(node < w->node_count);
    return to_local(&w->node[node], w->now);
}

void smx_world_set_rate(struct smx_world *w, uint32_t node, int32_t ppb)
{
    struct node *n = &w->node[node];
    smx_time before;

    assert(node < w->node_count);
    before = to_local(n, w->now);
    n->clock.ppb = ppb;
    n->clock.origin += before - to_local(n, w->now);
    smx_world_flush(w, node);
}

struct smx_wall smx_world_wall(const struct smx_world *w, uint32_t node)
{
    assert(node < w->node_count);
    return (struct smx_wall){w->wall.s + (int64_t)(w->now / SMX_SECOND(1)) + w->node[node].clock.wall_s};
}

/* ---- addresses ---- */

static uint32_t *addr_place(const struct smx_world *w, const struct smx_addr *addr)
{
    uint64_t hash = addr->port;
    size_t i;

    for (size_t b = 0; b < sizeof addr->ip; b++)
        hash = (hash ^ addr->ip[b]) * UINT64_C(0x100000001b3);
    i = (size_t)(hash ^ hash >> 32) & (ADDR_PLACES - 1);
    while (w->by_addr[i] != 0 && !smx_addr_equal(&w->node[w->by_addr[i] - 1].addr, addr))
        i = (i + 1) & (ADDR_PLACES - 1);
    return &w->by_addr[i];
}

static void addr_table_fill(struct smx_world *w)
{
    memset(w->by_addr, 0, ADDR_PLACES * sizeof *w->by_addr);
    for (uint32_t i = 0; i < w->node_count; i++)
        *addr_place(w, &w->node[i].addr) = i + 1;
}

const struct smx_addr *smx_world_addr(const struct smx_world *w, uint32_t node)
{
    assert(node < w->node_count);
    return &w->node[node].addr;
}

void smx_world_set_addr(struct smx_world *w, uint32_t node, const struct smx_addr *addr)
{
    assert(node < w->node_count && *addr_place(w, addr) == 0);
    w->node[node].addr = *addr;
    addr_table_fill(w); /* simple, and moves are rare */
}

/* ---- the heap of what is due ---- */

enum { CHILDREN = 4 }; /* children of a place share a line or two of the cache */

static bool is_before(const struct due *a, const struct due *b)
{
    return a->at != b->at ? a->at < b->at : a->serial < b->serial;
}

static void due_push(struct smx_world *w, smx_time at, struct event *e)
{
    struct due new = {at, w->serial++, e};
    size_t i;

    if (w->due_count == w->due_cap) {
        w->due_cap = w->due_cap ? 2 * w->due_cap : 1024;
        w->due = must(realloc(w->due, w->due_cap * sizeof *w->due));
    }
    for (i = w->due_count++; i > 0 && is_before(&new, &w->due[(i - 1) / CHILDREN]); i = (i - 1) / CHILDREN)
        w->due[i] = w->due[(i - 1) / CHILDREN];
    w->due[i] = new;
}

/* The child of place i that is due first, or NULL. */
static struct due *first_child(struct smx_world *w, size_t i)
{
    size_t from = CHILDREN * i + 1, to = from + CHILDREN < w->due_count ? from + CHILDREN : w->due_count;
    struct due *first;

    if (from >= w->due_count)
        return NULL;
    first = &w->due[from];
    for (size_t k = from + 1; k < to; k++)
        if (is_before(&w->due[k], first))
            first = &w->due[k];
    return first;
}

static struct event *due_pop(struct smx_world *w)
{
    struct event *first = w->due[0].event;
    struct due last = w->due[--w->due_count];
    struct due *child;
    size_t i = 0;

    while ((child = first_child(w, i)) != NULL && is_before(child, &last)) {
        w->due[i] = *child;
        i = (size_t)(child - w->due);
    }
    w->due[i] = last;
    /* The next one was written long ago: it comes from far away while this one is worked on. */
    if (w->due_count > 0)
        smx_fetch(w->due[0].event, sizeof *first + DATAGRAM);
    return first;
}

static struct event *event_take(struct smx_world *w, size_t len)
{
    size_t size = len > size_of_event[0];
    struct event *e = w->free_events[size];

    assert(len <= size_of_event[size]);
    if (e) {
        w->free_events[size] = e->next_free;
    } else {
        e = must(malloc(sizeof *e + size_of_event[size]));
        e->room = size_of_event[size];
    }
    e->len = (uint16_t)len;
    return e;
}

static void event_give(struct smx_world *w, struct event *e)
{
    size_t size = e->room > size_of_event[0];

    e->next_free = w->free_events[size];
    w->free_events[size] = e;
}

/* ---- nodes ---- */

struct smx_world *smx_world_new(uint64_t seed, struct smx_wall wall, const struct smx_net_path *common)
{
    struct smx_world *w = must(calloc(1, sizeof *w));
    uint8_t bytes[SMX_RNG_SEED] = "world";

    for (int i = 0; i < 8; i++)
        bytes[SMX_RNG_SEED - 1 - i] = (uint8_t)(seed >> 8 * i);
    smx_rng_init(&w->rng, bytes);
    smx_net_init(&w->net, common);
    w->wall = wall;
    w->by_addr = must(calloc(ADDR_PLACES, sizeof *w->by_addr));
    if (smx_out_new(&w->out, OUT_DATAGRAMS, (size_t)OUT_DATAGRAMS * DATAGRAM) ||
        smx_heap_new(&w->deadlines, NODES))
        abort();
    return w;
}

void smx_world_free(struct smx_world *w)
{
    if (!w)
        return;
    for (size_t i = 0; i < w->due_count; i++)
        free(w->due[i].event);
    for (size_t i = 0; i < SIZES; i++)
        while (w->free_events[i]) {
            struct event *e = w->free_events[i];

            w->free_events[i] = e->next_free;
            free(e);
        }
    free(w->due);
    free(w->node);
    free(w->by_addr);
    smx_heap_free(&w->deadlines);
    smx_out_free(&w->out);
    smx_net_fini(&w->net);
    free(w);
}

smx_time smx_world_now(const struct smx_world *w)
{
    return w->now;
}

struct smx_rng *smx_world_rng(struct smx_world *w)
{
    return &w->rng;
}

struct smx_net *smx_world_net(struct smx_world *w)
{
    return &w->net;
}

struct smx_out *smx_world_out(struct smx_world *w)
{
    return &w->out;
}

const struct smx_world_counters *smx_world_counters(const struct smx_world *w)
{
    return &w->count;
}

const struct smx_world_traffic *smx_world_traffic(const struct smx_world *w, uint32_t node)
{
    assert(node < w->node_count);
    return &w->node[node].traffic;
}

void smx_world_watch(struct smx_world *w, smx_world_tap tap, void *arg)
{
    assert(w->watchers < WATCHERS);
    w->watcher[w->watchers++] = (struct watcher){tap, arg};
}

void smx_world_unwatch(struct smx_world *w, smx_world_tap tap, void *arg)
{
    size_t i = 0;

    while (i < w->watchers && (w->watcher[i].tap != tap || w->watcher[i].arg != arg))
        i++;
    assert(i < w->watchers);
    w->watchers--;
    memmove(&w->watcher[i], &w->watcher[i + 1], (w->watchers - i) * sizeof w->watcher[0]);
}

void smx_world_watch_arrivals(struct smx_world *w, smx_world_arrival fn, void *arg)
{
    w->arrival = fn;
    w->arrival_arg = arg;
}

static void deadline_read(struct smx_world *w, uint32_t node)
{
    const struct node *n = &w->node[node];
    smx_time at = SMX_NEVER;

    if (n->core && n->ops->deadline)
        at = to_world(n, n->ops->deadline(n->core));
    if (at < n->paused)
        at = n->paused;
    if (at != SMX_NEVER && at < w->now)
        at = w->now;
    smx_heap_set(&w->deadlines, node, at);
}

uint32_t smx_world_add(struct smx_world *w, const struct smx_node_ops *ops, void *core,
                       const struct smx_node_clock *clock)
{
    static const struct smx_node_clock exact;
    uint32_t number = w->node_count;
    uint32_t ip = (UINT32_C(10) << 24) + number + 1;
    struct smx_addr addr = {
        .ip = {[10] = 0xff, 0xff, (uint8_t)(ip >> 24), (uint8_t)(ip >> 16), (uint8_t)(ip >> 8), (uint8_t)ip},
        .port = 9000};

    assert(number < NODES);
    if (number == w->node_cap) {
        w->node_cap = w->node_cap ? 2 * w->node_cap : 64;
        w->node = must(realloc(w->node, w->node_cap * sizeof *w->node));
    }
    w->node[number] = (struct node){ops, core, addr, clock ? *clock : exact, 0, {0}};
    *addr_place(w, &addr) = number + 1;
    w->node_count++;
    deadline_read(w, number);
    return number;
}

void smx_world_set_core(struct smx_world *w, uint32_t node, void *core)
{
    assert(node < w->node_count);
    w->node[node].core = core;
    deadline_read(w, node);
}

void smx_world_pause(struct smx_world *w, uint32_t node, smx_time until)
{
    assert(node < w->node_count);
    w->node[node].paused = until;
    deadline_read(w, node);
}

void smx_world_at(struct smx_world *w, smx_time at, void (*fn)(void *arg), void *arg)
{
    struct event *e = event_take(w, 0);

    e->fn = fn;
    e->arg = arg;
    due_push(w, at > w->now ? at : w->now, e);
}

/* ---- sending and arriving ---- */

/* What they hold it back by, all together; false: one of them loses it. */
static bool pass_watchers(struct smx_world *w, uint32_t from, uint32_t to, uint8_t *bytes, size_t len,
                          smx_time *held)
{
    *held = 0;
    for (size_t i = 0; i < w->watchers; i++) {
        smx_time delay = 0;

        if (!w->watcher[i].tap(w->watcher[i].arg, w->now, from, to, bytes, len, &delay))
            return false;
        *held += delay;
    }
    return true;
}

static struct event *on_its_way(struct smx_world *w, uint32_t from, uint32_t to,
                                const struct smx_addr *sent_to, const uint8_t *bytes, size_t len)
{
    struct event *e = event_take(w, len);

    e->fn = NULL;
    e->waits = false;
    e->to = to;
    e->from = w->node[from].addr;
    e->sent_to = *sent_to;
    memcpy(e->bytes, bytes, len);
    return e;
}

static void transmit(struct smx_world *w, uint32_t from, const struct smx_dgram *d)
{
    uint8_t *bytes = w->out.bytes + d->at;
    uint32_t to = *addr_place(w, &d->to);
    struct smx_net_fate fate[SMX_NET_FATES];
    smx_time held;
    size_t copies;

    w->count.sent++;
    w->node[from].traffic.datagrams_out++;
    w->node[from].traffic.bytes_out += d->len;
    if (to-- == 0) {
        w->count.nowhere++;
        return;
    }
    if (!pass_watchers(w, from, to, bytes, d->len, &held)) {
        w->count.lost++;
        return;
    }
    copies = smx_net_send(&w->net, &w->rng, w->now, from, to, d->len + SMX_WORLD_IP, fate);
    w->count.lost += copies == 0;
    for (size_t i = 0; i < copies; i++) {
        struct event *e = on_its_way(w, from, to, &d->to, bytes, d->len);

        if (fate[i].corrupt && d->len > 0)
            e->bytes[smx_rng_below(&w->rng, d->len)] ^= (uint8_t)(1 << smx_rng_below(&w->rng, 8));
        due_push(w, fate[i].at + held, e);
    }
}

void smx_world_inject(struct smx_world *w, smx_time at, uint32_t from, uint32_t to, const uint8_t *bytes,
                      size_t len)
{
    assert(from < w->node_count && to < w->node_count);
    due_push(w, at > w->now ? at : w->now, on_its_way(w, from, to, &w->node[to].addr, bytes, len));
}

void smx_world_flush(struct smx_world *w, uint32_t node)
{
    assert(node < w->node_count);
    for (size_t i = 0; i < w->out.dgram_count; i++)
        transmit(w, node, &w->out.dgram[i]);
    smx_out_reset(&w->out);
    deadline_read(w, node);
}

static void arrive(struct smx_world *w, struct event *e)
{
    struct node *n = &w->node[e->to];

    if (!n->core || !n->ops->receive || !smx_addr_equal(&n->addr, &e->sent_to)) {
        w->count.nowhere++;
        return;
    }
    w->count.arrived++;
    if (w->arrival)
        w->arrival(w->arrival_arg, w->now, e->to, e->bytes, e->len);
    n->traffic.datagrams_in++;
    n->traffic.bytes_in += e->len;
    n->ops->receive(n->core, to_local(n, e->waits ? e->came : w->now), smx_world_wall(w, e->to), &e->from,
                    e->bytes, e->len, &w->out);
    smx_world_flush(w, e->to);
}

/* Its node is paused; the kernel keeps it, with the time at which it came. */
static void keep(struct smx_world *w, struct event *e)
{
    if (!e->waits)
        e->came = w->now;
    e->waits = true;
    due_push(w, w->node[e->to].paused, e);
}

bool smx_world_step(struct smx_world *w, smx_time until)
{
    smx_time next = smx_heap_deadline(&w->deadlines);
    uint32_t node;

    if (w->due_count > 0 && w->due[0].at <= next) {
        struct event *e;

        if (w->due[0].at > until)
            return false;
        w->now = w->due[0].at;
        w->count.steps++;
        e = due_pop(w);
        if (!e->fn && w->now < w->node[e->to].paused) {
            keep(w, e);
            return true;
        }
        if (e->fn)
            e->fn(e->arg);
        else
            arrive(w, e);
        event_give(w, e);
        return true;
    }
    if (next > until || !smx_heap_pop(&w->deadlines, next, &node))
        return false;
    w->now = next;
    w->count.steps++;
    if (w->node[node].ops->expire)
        w->node[node].ops->expire(w->node[node].core, smx_world_local(w, node), smx_world_wall(w, node),
                                  &w->out);
    smx_world_flush(w, node);
    /* a core whose expire leaves its own deadline behind would hold the clock for ever */
    assert(smx_heap_deadline(&w->deadlines) > next || w->deadlines.item[0].index != node);
    return true;
}

void smx_world_run(struct smx_world *w, smx_time until)
{
    while (smx_world_step(w, until))
        ;
    if (until > w->now)
        w->now = until;
}
