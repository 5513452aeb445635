/* tests/bench/bench_relay.c - CPU time of a relay core in the middle of circuits, and two floors beside it.
 *
 *     guards (bare links, origins) --- the relay under test, place 0 --- ends (relay cores)
 *
 * All links and circuits are real, time is virtual, nothing is on a network.  What arrives is handed to the
 * relay in one go before each of its ticks, as the daemon does; only that and the tick are timed.  In turns
 * with it, in each run:
 *   floor  the cryptography alone: each datagram unmasked and opened, one HCTR2 layer for each cell of a
 *          circuit, each datagram sealed, with as many links and keys as the relay has, keys in random order
 *   UDP    a bare forwarder on loopback, recvfrom and sendto, one datagram at a time, of the same size
 * One line of JSON a case. */
#include "proto/circuit/origin.h"
#include "proto/circuit/quantum.h"
#include "relay/relay.h"
#include "tests/bench/bench.h"
#include "tests/bench/floors.h"

#include <sodium.h>
#include <stdint.h>
#include <string.h>

enum {
    SIDE = 6, /* guards, and ends */
    NODES = 1 + 2 * SIDE,
    FIRST_END = 1 + SIDE,
    LINKS = 2 * SIDE,
    QUEUE = 8192, /* datagrams on their way */
    INBOX = 2048, /* datagrams of one tick */
    TICKS = 40,   /* of one run */
    WARM_TICKS = 150,
    OPENED_A_TICK = 4,                        /* circuits that a guard begins in one of its ticks */
    BUILD_MS = 60000,                         /* all must stand by then */
    CIRCUITS = 4096,                          /* the daemon's tables, as preset */
    CLIENTS = 512,                            /* */
    NEIGHBOURS = 128,                         /* */
    SLOT_TICKS = 2,                           /* mix ticks in a slot's period */
    PLACES = SLOT_TICKS * SMX_LINK_CELLS_MAX, /* of a datagram a tick */
};

_Static_assert((int)LINKS == (int)FLOOR_LINKS, "the floor has as many links");

static const struct smx_wall the_wall = {1790000000};
static const smx_time latency = SMX_MS(3);

struct packet {
    smx_time at;
    size_t from, to;
    size_t len;
    uint8_t bytes[SMX_LINK_DATAGRAM_MAX];
};

struct guard {
    struct smx_endpoint *ep;
    struct smx_rng rng;
    uint32_t link;
    bool up;
    smx_time base;
    uint64_t next; /* tick */
    struct smx_origin *origin;
    size_t opened;
};

struct net {
    smx_time now;
    struct smx_rng rng;
    struct smx_out out;
    struct smx_consensus view;
    size_t per_guard; /* circuits */
    uint32_t rate;    /* datagrams a tick, on each link of the relay */
    struct guard guard[SIDE];
    struct smx_relay *relay[NODES]; /* none for guards */
    struct packet *queue;           /* ring; the latency is one, so it is in order */
    size_t first, queued;
    struct packet *inbox;
    size_t arrived;
    /* measured */
    size_t ticks;
    double receive_ns, expire_ns;
};

static struct smx_addr address(size_t node)
{
    return (struct smx_addr){.ip = {[10] = 0xff, [11] = 0xff, [12] = 10, [15] = (uint8_t)node}, .port = 9000};
}

/* ---- the wire ---- */

static void flush(struct net *n, size_t from)
{
    for (size_t i = 0; i < n->out.dgram_count; i++) {
        const struct smx_dgram *d = &n->out.dgram[i];
        struct packet *p = &n->queue[(n->first + n->queued++) % QUEUE];

        need(n->queued <= QUEUE, "queue full");
        p->at = n->now + latency;
        p->from = from;
        p->to = d->to.ip[15];
        p->len = d->len;
        memcpy(p->bytes, n->out.bytes + d->at, d->len);
    }
    need(n->out.dropped == 0, "out full");
    smx_out_reset(&n->out);
}

static void guard_cell(struct net *n, struct guard *g, uint64_t tick, uint8_t *cell)
{
    uint32_t id = smx_cell_head_read(cell).circuit;
    struct smx_origin_rx rx;
    struct smx_created created;

    if (id >= 1 && id <= n->per_guard)
        smx_origin_cell(&g->origin[id - 1], n->now, tick, cell, &rx);
    else if (id == 0 && smx_created_decode(&created, cell) == SMX_OK)
        smx_origin_created(&g->origin[created.back_id - 1], n->now, tick, &created, &rx);
    else
        need(id == 0 && smx_command_type(cell) == SMX_CMD_FILLER, "a guard got a strange cell");
}

static void guard_receive(struct net *n, struct guard *g, struct packet *p)
{
    struct smx_addr from = address(p->from);
    struct smx_link_rx rx;

    smx_endpoint_receive(g->ep, n->now, the_wall, &from, p->bytes, p->len, &n->out, &rx);
    flush(n, p->to);
    if (rx.what == SMX_LINK_RX_UP) {
        g->link = rx.link;
        g->up = true;
    }
    for (size_t i = 0; rx.what != SMX_LINK_RX_NONE && i < rx.cell_count; i++)
        guard_cell(n, g, rx.tick, rx.cells + i * SMX_CELL_SIZE);
}

static void deliver(struct net *n)
{
    struct packet *p = &n->queue[n->first];
    struct smx_addr from = address(p->from);

    n->now = p->at;
    if (p->to == 0) {
        need(n->arrived < INBOX, "inbox full");
        n->inbox[n->arrived++] = *p;
    } else if (p->to < FIRST_END) {
        guard_receive(n, &n->guard[p->to - 1], p);
    } else {
        smx_relay_receive(n->relay[p->to], n->now, the_wall, &from, p->bytes, p->len, &n->out);
        flush(n, p->to);
    }
    n->first = (n->first + 1) % QUEUE;
    n->queued--;
}

/* ---- guards: the far end of the links, and the owners of all circuits ---- */

static struct smx_hop_target target_of(const struct net *n, size_t place)
{
    const struct smx_relay_info *r = &n->view.relay[place];
    struct smx_hop_target t;

    memcpy(t.id, r->id, sizeof t.id);
    memcpy(t.onion, r->onion[0].key, sizeof t.onion);
    memcpy(t.tag, r->onion[0].tag, sizeof t.tag);
    return t;
}

static void guard_open(struct net *n, struct guard *g, size_t which)
{
    size_t k = g->opened++;
    struct smx_hop_target path[2] = {target_of(n, 0), target_of(n, FIRST_END + (k + which) % SIDE)};

    need(smx_origin_open(&g->origin[k], n->now, g->next, k % SLOT_TICKS, path, 2, (uint32_t)k + 1,
                         k % SLOT_TICKS, SMX_MS(50)) == SMX_OK,
         "a circuit can't be begun");
}

static void guard_cells(struct net *n, struct guard *g, struct smx_quantum *q)
{
    for (size_t k = 0; k < g->opened; k++) {
        struct smx_origin_send send = {.peer = NULL};

        if (g->next % SLOT_TICKS == k % SLOT_TICKS)
            smx_origin_turn(&g->origin[k], n->now, g->next, &send, smx_quantum_add(q));
    }
    smx_quantum_close(q);
}

static void guard_tick(struct net *n, size_t which)
{
    struct guard *g = &n->guard[which];
    uint8_t *cells[SMX_QUANTUM_DATAGRAMS];
    struct smx_origin_rx rx;
    struct smx_quantum q;

    smx_endpoint_expire(g->ep, n->now, the_wall, &n->out);
    for (size_t k = 0; k < g->opened; k++)
        smx_origin_expire(&g->origin[k], n->now, &rx);
    for (size_t k = 0; g->up && k < OPENED_A_TICK && g->opened < n->per_guard; k++)
        guard_open(n, g, which);
    for (uint32_t k = 0; g->up && k < n->rate; k++)
        need((cells[k] = smx_link_begin(g->ep, g->link, &n->out)) != NULL, "a link went down");
    if (g->up) {
        smx_quantum_open(&q, cells, n->rate, SMX_LINK_CELLS_MAX, &g->rng);
        guard_cells(n, g, &q);
        for (uint32_t k = 0; k < n->rate; k++)
            smx_link_seal(g->ep, g->link, cells[k], g->next, k);
    }
    g->next++;
    flush(n, which + 1);
}

/* ---- time ---- */

static void measured_tick(struct net *n)
{
    double start = cpu_ns(), middle;

    for (size_t i = 0; i < n->arrived; i++) {
        struct packet *p = &n->inbox[i];
        struct smx_addr from = address(p->from);

        smx_relay_receive(n->relay[0], p->at, the_wall, &from, p->bytes, p->len, &n->out);
    }
    middle = cpu_ns();
    smx_relay_expire(n->relay[0], n->now, the_wall, &n->out);
    n->expire_ns += cpu_ns() - middle;
    n->receive_ns += middle - start;
    n->ticks++;
    n->arrived = 0;
    flush(n, 0);
}

static smx_time deadline_of(const struct net *n, size_t node)
{
    if (node >= 1 && node < FIRST_END)
        return n->guard[node - 1].base + n->guard[node - 1].next * SMX_MS(10);
    return smx_relay_deadline(n->relay[node]);
}

static void step(struct net *n)
{
    size_t who = 0;

    for (size_t i = 1; i < NODES; i++)
        if (deadline_of(n, i) < deadline_of(n, who))
            who = i;
    if (n->queued > 0 && n->queue[n->first].at <= deadline_of(n, who)) {
        deliver(n);
        return;
    }
    n->now = deadline_of(n, who);
    if (who == 0) {
        measured_tick(n);
    } else if (who < FIRST_END) {
        guard_tick(n, who - 1);
    } else {
        smx_relay_expire(n->relay[who], n->now, the_wall, &n->out);
        flush(n, who);
    }
}

static void run_ticks(struct net *n, size_t ticks)
{
    n->ticks = 0;
    n->receive_ns = n->expire_ns = 0;
    while (n->ticks < ticks)
        step(n);
}

static bool all_stand(const struct net *n)
{
    for (size_t i = 0; i < SIDE; i++)
        for (size_t k = 0; k < n->per_guard; k++)
            if (n->guard[i].origin[k].state != SMX_ORIGIN_OPEN)
                return false;
    return true;
}

/* ---- making it ---- */

static void give_consensus(struct net *n, size_t node)
{
    struct smx_consensus c = n->view;

    c.relay = malloc(NODES * sizeof *c.relay);
    c.link = malloc(LINKS * sizeof *c.link);
    need(c.relay && c.link, "out of memory");
    memcpy(c.relay, n->view.relay, NODES * sizeof *c.relay);
    memcpy(c.link, n->view.link, LINKS * sizeof *c.link);
    need(smx_relay_consensus(n->relay[node], n->now, &c, calloc(1, 1), 1) == SMX_OK, "consensus refused");
}

/* A relay, or for a guard only its link end; its lines in the consensus. */
static void make_node(struct net *n, size_t node)
{
    struct smx_relay_config config = {.relay_links_max = node == 0 ? NEIGHBOURS : NODES,
                                      .client_links_max = node == 0 ? CLIENTS : 1,
                                      .circuits_max = CIRCUITS,
                                      .has_v4 = true};
    struct smx_endpoint_config ep = {.relay_links_max = 1, .client_links_max = 1, .accept_clients = true};
    struct smx_relay_info *r = &n->view.relay[node];
    struct guard *g = node >= 1 && node < FIRST_END ? &n->guard[node - 1] : NULL;
    uint8_t seed[SMX_RNG_SEED];

    r->id[0] = (uint8_t)node; /* ascending, as places are */
    r->layer = node == 0 ? SMX_LAYER_MIDDLE : g ? SMX_LAYER_GUARD : SMX_LAYER_END;
    r->flags = SMX_RELAY_RUNNING;
    r->addr[0] = address(node);
    r->addr_count = r->onion_count = 1;
    memcpy(config.id, r->id, sizeof config.id);
    smx_x25519_make(&config.link, &n->rng);
    memcpy(r->link_key, config.link.public, sizeof r->link_key);
    if (g) {
        ep.local = config.link;
        smx_rng_fork(&g->rng, &n->rng);
        g->base = n->now + smx_rng_below(&n->rng, SMX_MS(10));
        g->origin = calloc(n->per_guard + 1, sizeof *g->origin);
        need(g->origin && smx_endpoint_new(&g->ep, &ep, &n->rng) == SMX_OK, "out of memory");
        for (size_t k = 0; k < n->per_guard; k++)
            smx_origin_init(&g->origin[k], SMX_PERIOD_SLOT, SLOT_TICKS, &g->rng);
        return;
    }
    smx_rng_bytes(&n->rng, seed, sizeof seed);
    need(smx_relay_new(&n->relay[node], &config, seed) == SMX_OK, "out of memory");
    need(smx_relay_onion_key(n->relay[node], 1, r->onion[0].key) == SMX_OK, "no onion key");
    smx_onion_tag(r->onion[0].tag, r->onion[0].key);
    r->onion[0].epoch = 1;
}

static void set_timing(struct guard *g, const struct smx_params *p)
{
    smx_endpoint_set_timing(g->ep, &(struct smx_link_timing){.relay_q = SMX_MS(p->tick_ms),
                                                             .client_q = SMX_MS(p->slot_period_ms),
                                                             .margin_min = SMX_US(p->margin_min_us),
                                                             .margin_max = SMX_US(p->margin_max_us),
                                                             .margin_unknown = SMX_US(p->margin_unknown_us)});
}

static void net_new(struct net *n, size_t circuits)
{
    static const uint8_t seed[SMX_RNG_SEED] = "bench relay";

    *n = (struct net){.now = SMX_SECOND(1000), .per_guard = circuits / SIDE};
    /* as the directory does: circuits plus half, in whole datagrams, one at least */
    n->rate = (uint32_t)((3 * n->per_guard / 2 + PLACES - 1) / PLACES);
    if (n->rate == 0)
        n->rate = 1;
    smx_rng_init(&n->rng, seed);
    n->queue = malloc(QUEUE * sizeof *n->queue);
    n->inbox = malloc(INBOX * sizeof *n->inbox);
    n->view = (struct smx_consensus){.epoch = 1, .valid_after = {the_wall.s - 60}};
    smx_params_preset(&n->view.params);
    n->view.params.floor_circuits = 0;
    n->view.relay = calloc(NODES, sizeof *n->view.relay);
    n->view.link = calloc(LINKS, sizeof *n->view.link);
    need(n->queue && n->inbox && n->view.relay && n->view.link, "out of memory");
    need(smx_out_new(&n->out, 2048, (size_t)2048 * SMX_LINK_DATAGRAM_MAX) == SMX_OK, "out of memory");
    n->view.relay_count = NODES;
    n->view.link_count = LINKS;
    for (size_t i = 0; i < LINKS; i++)
        n->view.link[i] = (struct smx_link_rate){0, (uint16_t)(i + 1), n->rate};
    for (size_t i = 0; i < NODES; i++)
        make_node(n, i);
    for (size_t i = 0; i < NODES; i++) {
        if (n->relay[i]) {
            give_consensus(n, i);
            continue;
        }
        set_timing(&n->guard[i - 1], &n->view.params);
        need(smx_endpoint_allow(n->guard[i - 1].ep, (const uint8_t(*)[SMX_X25519])n->view.relay[0].link_key,
                                1) == SMX_OK,
             "out of memory");
    }
    while (!all_stand(n) || n->ticks < WARM_TICKS) {
        need(n->now < SMX_SECOND(1000) + SMX_MS(BUILD_MS), "the circuits do not come to stand");
        step(n);
    }
}

static void net_free(struct net *n)
{
    for (size_t i = 0; i < NODES; i++)
        smx_relay_free(n->relay[i]);
    for (size_t i = 0; i < SIDE; i++) {
        for (size_t k = 0; k < n->per_guard; k++)
            smx_origin_fini(&n->guard[i].origin[k]);
        free(n->guard[i].origin);
        smx_endpoint_free(n->guard[i].ep);
    }
    free(n->view.relay);
    free(n->view.link);
    smx_out_free(&n->out);
    free(n->queue);
    free(n->inbox);
}

/* ---- the runs ---- */

static uint64_t cells_of(const struct smx_relay_counters *c)
{
    return c->cells_forward + c->cells_backward;
}

static void bench(size_t circuits)
{
    static struct net n;
    static struct floor f;
    struct runs tick_us, receive_us, expire_us, floor_us, datagram_ns, cell_ns, udp;
    struct smx_relay_counters before, after;
    size_t datagrams, cells;

    net_new(&n, circuits);
    datagrams = (size_t)LINKS * n.rate;
    floor_new(&f, &n.rng, circuits, n.rate);
    before = *smx_relay_counters(n.relay[0]);
    for (size_t i = 0; i < BENCH_RUNS; i++) {
        uint64_t cells_before = cells_of(smx_relay_counters(n.relay[0]));
        uint64_t received = smx_relay_link_counters(n.relay[0])->received;

        run_ticks(&n, TICKS);
        need(smx_relay_link_counters(n.relay[0])->received - received >= datagrams * (TICKS - 1),
             "datagrams are missing");
        cells = (cells_of(smx_relay_counters(n.relay[0])) - cells_before + TICKS / 2) / TICKS;
        receive_us.of[i] = n.receive_ns / TICKS / 1e3;
        expire_us.of[i] = n.expire_ns / TICKS / 1e3;
        tick_us.of[i] = receive_us.of[i] + expire_us.of[i];
        datagram_ns.of[i] = tick_us.of[i] * 1e3 / (double)datagrams;
        cell_ns.of[i] = cells ? tick_us.of[i] * 1e3 / (double)cells : 0;
        floor_us.of[i] = 0;
        for (size_t k = 0; k < TICKS; k++)
            floor_us.of[i] += floor_tick(&f, cells) / TICKS / 1e3;
        udp.of[i] = udp_ns();
    }
    after = *smx_relay_counters(n.relay[0]);
    printf("{\"circuits\": %zu, \"links\": %d, \"datagram_bytes\": %d, \"datagrams_per_tick\": %zu, "
           "\"cells_per_tick\": %zu, \"late\": %llu, \"filler\": %llu",
           circuits, LINKS, SMX_LINK_DATAGRAM_MAX, datagrams, cells,
           (unsigned long long)(after.cells_late - before.cells_late),
           (unsigned long long)(after.cells_filler - before.cells_filler));
    print_runs("tick_us", &tick_us, 1);
    print_runs("receive_us", &receive_us, 1);
    print_runs("expire_us", &expire_us, 1);
    print_runs("datagram_ns", &datagram_ns, 0);
    if (circuits > 0)
        print_runs("cell_ns", &cell_ns, 0);
    print_runs("floor_us", &floor_us, 1);
    print_ratio("over_floor", &tick_us, &floor_us);
    print_runs("udp_datagram_ns", &udp, 0);
    print_ratio("datagram_over_udp", &datagram_ns, &udp);
    if (circuits > 0)
        print_ratio("cell_over_udp", &cell_ns, &udp);
    printf(", \"core_percent\": %.2f}\n", median(&tick_us) / 100);
    fflush(stdout);
    floor_free(&f);
    net_free(&n);
}

int main(void)
{
    static const size_t circuits[] = {0, 60, 600};

    if (sodium_init() < 0)
        return 1;
    for (size_t i = 0; i < sizeof circuits / sizeof circuits[0]; i++)
        bench(circuits[i]);
    return 0;
}
