/* Two endpoints and a wire between them in virtual time: a relay (0) that accepts, and a node (1) that
 * connects. Each sends one datagram a tick while its link is up.  A hook sees every datagram and may drop or
 * delay it. */
#ifndef SMX_TESTS_LINK_FIXTURE_H
#define SMX_TESTS_LINK_FIXTURE_H

#include "proto/link/link.h"
#include "proto/link/wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <sodium.h>

enum { QUEUE = 512, CONNECTOR = 1, ACCEPTOR = 0 };

struct flight {
    smx_time at;
    int to; /* -1: free */
    struct smx_addr from;
    size_t len;
    uint8_t bytes[SMX_LINK_DATAGRAM_MAX];
};

struct node {
    struct smx_endpoint *ep;
    struct smx_x25519 keys;
    struct smx_addr addr;
    struct smx_out out;
    uint32_t link; /* of the first UP, or of connect */
    smx_time q;
    uint64_t tick;
    unsigned ups, resumed, downs, cells, datagrams; /* seen by the owner */
    uint64_t last_tick;
    bool silent; /* sends nothing in its ticks */
};

struct net {
    struct node n[2];
    smx_time now;
    struct smx_wall wall;
    smx_time delay;
    struct smx_rng rng;
    enum smx_link_kind kind;
    uint8_t cells;
    uint32_t handshakes_per_s;
    /* Looks at a datagram on its way to node `to`: false loses it; *delay may be changed. */
    bool (*hook)(struct net *net, int to, const uint8_t *bytes, size_t len, smx_time *delay);
    int counts[8]; /* the hook's own */
    struct flight flight[QUEUE];
};

static const struct smx_link_timing timing = {
    .relay_q = SMX_MS(10),
    .client_q = SMX_MS(20),
    .margin_min = SMX_MS(1),
    .margin_max = SMX_MS(15),
    .margin_unknown = SMX_MS(5),
};

static inline const struct smx_link_counters *counters(const struct net *net, int i)
{
    return smx_endpoint_counters(net->n[i].ep);
}

static inline uint8_t *memory(size_t len)
{
    uint8_t *p = calloc(1, len);

    assert_non_null(p);
    return p;
}

static inline void node_start(struct net *net, int i)
{
    struct node *n = &net->n[i];
    struct smx_endpoint_config config = {
        .local = n->keys,
        .relay_links_max = 4,
        .client_links_max = 8,
        .accept_clients = i == ACCEPTOR,
        .handshakes_per_s = net->handshakes_per_s,
        .timing = timing,
    };

    assert_int_equal(smx_endpoint_new(&n->ep, &config, &net->rng), SMX_OK);
    if (net->kind == SMX_LINK_RELAY)
        assert_int_equal(smx_endpoint_allow(n->ep, (const uint8_t(*)[32])net->n[!i].keys.public, 1), SMX_OK);
}

static inline struct net *net_new(enum smx_link_kind kind, uint8_t cells)
{
    static const uint8_t seed[SMX_RNG_SEED] = "link tests";
    struct net *net = (struct net *)memory(sizeof *net);

    assert_true(sodium_init() >= 0);
    smx_rng_init(&net->rng, seed);
    net->now = SMX_SECOND(1000);
    net->wall.s = 1800000000;
    net->delay = SMX_MS(30);
    net->kind = kind;
    net->cells = cells;
    for (int i = 0; i < QUEUE; i++)
        net->flight[i].to = -1;
    for (int i = 0; i < 2; i++) {
        struct node *n = &net->n[i];

        smx_x25519_make(&n->keys, &net->rng);
        assert_int_equal(smx_addr_parse(&n->addr, i == ACCEPTOR ? "192.0.2.1:9000" : "198.51.100.7:4000"),
                         SMX_OK);
        assert_int_equal(smx_out_new(&n->out, 64, 64 * SMX_LINK_DATAGRAM_MAX), SMX_OK);
        n->q = kind == SMX_LINK_RELAY ? SMX_MS(10) : SMX_MS(20);
        n->link = SMX_LINK_NONE;
        n->tick = 1000 + 77 * (uint64_t)i;
    }
    for (int i = 0; i < 2; i++)
        node_start(net, i);
    return net;
}

static inline void net_free(struct net *net)
{
    for (int i = 0; i < 2; i++) {
        smx_endpoint_free(net->n[i].ep);
        smx_out_free(&net->n[i].out);
    }
    free(net);
}

static inline void connect_up(struct net *net)
{
    struct node *n = &net->n[CONNECTOR];

    assert_int_equal(smx_endpoint_connect(n->ep, net->now, &net->n[ACCEPTOR].addr,
                                          net->n[ACCEPTOR].keys.public, net->kind, net->cells, &n->link),
                     SMX_OK);
}

/* Gives a datagram to a node at once, as if it came from there. */
static inline struct smx_link_rx feed(struct net *net, int to, const struct smx_addr *from,
                                      const uint8_t *bytes, size_t len)
{
    struct node *n = &net->n[to];
    uint8_t *copy = memory(len + 1); /* exactly len usable bytes would be 0 for the empty one */
    struct smx_link_rx rx;

    memcpy(copy, bytes, len);
    smx_endpoint_receive(n->ep, net->now, net->wall, from, copy, len, &n->out, &rx);
    if (rx.what == SMX_LINK_RX_UP) {
        n->ups++;
        n->resumed += rx.resumed;
        n->link = rx.link;
        assert_int_equal(rx.kind, net->kind);
        assert_int_equal(rx.accepted, to == ACCEPTOR);
    }
    if (rx.cell_count > 0) {
        n->datagrams++;
        n->last_tick = rx.tick;
        assert_int_equal(rx.cell_count, net->cells);
        assert_int_equal(rx.sub, 0);
        for (int i = 0; i < rx.cell_count; i++) {
            const uint8_t *cell = rx.cells + (size_t)i * SMX_LINK_CELL;

            assert_false(smx_wire_is_rekey(cell));
            n->cells += cell[3] == 9; /* a cell of circuit 9; the others are filler */
        }
    }
    rx.cells = NULL;
    free(copy);
    return rx;
}

static inline void launch(struct net *net, int from)
{
    struct node *n = &net->n[from];

    for (size_t i = 0; i < n->out.dgram_count; i++) {
        const struct smx_dgram *d = &n->out.dgram[i];
        const uint8_t *bytes = n->out.bytes + d->at;
        smx_time delay = net->delay;
        struct flight *f = net->flight;
        int to = !from;

        if (net->hook && !net->hook(net, to, bytes, d->len, &delay))
            continue;
        if (!smx_addr_equal(&d->to, &net->n[to].addr))
            continue; /* nobody is there */
        while (f < net->flight + QUEUE && f->to >= 0)
            f++;
        assert_true(f < net->flight + QUEUE);
        *f = (struct flight){.at = net->now + delay, .to = to, .from = n->addr, .len = d->len};
        memcpy(f->bytes, bytes, d->len);
    }
    smx_out_reset(&n->out);
}

/* The owner's part: one datagram in each tick, full of cells, link commands first. */
static inline void node_tick(struct net *net, int i)
{
    struct node *n = &net->n[i];
    uint8_t *cells;

    n->tick++;
    if (n->silent || n->link == SMX_LINK_NONE || !smx_link_is_up(n->ep, n->link))
        return;
    cells = smx_link_begin(n->ep, n->link, &n->out);
    assert_non_null(cells);
    for (uint8_t c = 0; c < net->cells; c++) {
        uint8_t *cell = cells + (size_t)c * SMX_LINK_CELL;

        if (smx_link_command(n->ep, n->link, net->now, cell))
            continue;
        memset(cell, 0, SMX_LINK_CELL);
        cell[3] = 9;
    }
    smx_link_seal(n->ep, n->link, cells, n->tick, 0);
}

static inline void step(struct net *net)
{
    net->now += SMX_MS(1);
    if (net->now % SMX_SECOND(1) == 0)
        net->wall.s++;
    for (struct flight *f = net->flight; f < net->flight + QUEUE; f++)
        if (f->to >= 0 && f->at <= net->now) {
            int to = f->to;

            f->to = -1;
            feed(net, to, &f->from, f->bytes, f->len);
            launch(net, to);
        }
    for (int i = 0; i < 2; i++) {
        struct node *n = &net->n[i];
        uint32_t down;

        if (!n->ep)
            continue;
        smx_endpoint_expire(n->ep, net->now, net->wall, &n->out);
        assert_true(smx_endpoint_deadline(n->ep) > net->now);
        while (smx_endpoint_next_down(n->ep, &down)) {
            assert_int_equal(down, n->link);
            n->downs++;
        }
        if (net->now % n->q == 0)
            node_tick(net, i);
        launch(net, i);
    }
}

static inline void run(struct net *net, unsigned ms)
{
    while (ms-- > 0)
        step(net);
}

/* Header of a datagram for that node, unmasked. */
static inline struct smx_wire_head peek(const struct net *net, int to, const uint8_t *bytes, size_t len)
{
    struct smx_wire_keys keys;
    uint8_t copy[SMX_LINK_DATAGRAM_MAX];

    memcpy(copy, bytes, len);
    smx_wire_keys(&keys, net->n[to].keys.public);
    smx_wire_mask(keys.mask, copy, len);
    return smx_wire_head_read(copy);
}

/* 0 for cells, else the type of handshake (cookies are masked by their sender: never seen as such). */
static inline unsigned handshake_type(const struct net *net, int to, const uint8_t *bytes, size_t len)
{
    struct smx_wire_head head = peek(net, to, bytes, len);

    return head.index == 0 ? (unsigned)(head.counter >> 56) : 0;
}

#endif
