/* tests/bench/bench_link.c - CPU time of links: to seal and to open a datagram of each size, to answer a
 * handshake, to drop garbage.  Two real endpoints, virtual time, nothing on a network; one line of JSON a
 * size. */
#include "proto/crypto/keypair.h"
#include "proto/link/link.h"
#include "tests/bench/bench.h"

#include <sodium.h>
#include <stdint.h>
#include <string.h>

enum { BATCH = 64, BATCHES = 40, HANDSHAKES = 40, GARBAGE = 400, CLIENT_CELLS = 3 };

static const struct smx_wall the_wall = {1790000000};
static const struct smx_link_timing timing = {.relay_q = SMX_MS(10),
                                              .client_q = SMX_MS(20),
                                              .margin_min = SMX_MS(1),
                                              .margin_max = SMX_MS(15),
                                              .margin_unknown = SMX_MS(5)};

struct node {
    struct smx_x25519 key;
    struct smx_addr addr;
    struct smx_endpoint *ep;
    struct smx_out out;
    uint32_t link;
};

struct pair { /* b answers, a connects */
    struct smx_rng rng;
    smx_time now;
    uint64_t tick;
    enum smx_link_kind kind;
    uint8_t cells;
    struct node a, b;
    double answer_ns; /* of the last connect: what it cost b until it was up */
};

static void node_new(struct pair *p, struct node *n, uint8_t host, bool answers)
{
    struct smx_endpoint_config config = {
        .relay_links_max = 4, .client_links_max = 16, .accept_clients = answers, .timing = timing};

    smx_x25519_make(&n->key, &p->rng);
    config.local = n->key;
    n->addr = (struct smx_addr){.ip = {[10] = 0xff, [11] = 0xff, [12] = 10, [15] = host}, .port = 9000};
    n->link = SMX_LINK_NONE;
    need(smx_endpoint_new(&n->ep, &config, &p->rng) == SMX_OK, "out of memory");
}

/* Every datagram in from's out arrives at to; returns what the receiving of the last one said. */
static enum smx_link_rx_kind carry(struct pair *p, struct node *from, struct node *to)
{
    struct smx_link_rx rx = {.what = SMX_LINK_RX_NONE};

    for (size_t i = 0; i < from->out.dgram_count; i++) {
        struct smx_dgram *d = &from->out.dgram[i];

        smx_endpoint_receive(to->ep, p->now, the_wall, &from->addr, from->out.bytes + d->at, d->len, &to->out,
                             &rx);
        if (rx.what == SMX_LINK_RX_UP)
            to->link = rx.link;
    }
    smx_out_reset(&from->out);
    return rx.what;
}

static void seal_one(struct pair *p, struct node *n)
{
    uint8_t *cells = smx_link_begin(n->ep, n->link, &n->out);

    need(cells != NULL, "link down");
    smx_link_seal(n->ep, n->link, cells, p->tick++, 0);
}

/* A new node a makes the link; b's part is timed: to read the init, to answer, to hear the first datagram. */
static void connect_pair(struct pair *p)
{
    double start;

    node_new(p, &p->a, 1, false);
    if (p->kind == SMX_LINK_RELAY)
        need(smx_endpoint_allow(p->b.ep, (const uint8_t(*)[SMX_X25519])p->a.key.public, 1) == SMX_OK,
             "out of memory");
    need(smx_endpoint_connect(p->a.ep, p->now, &p->b.addr, p->b.key.public, p->kind, p->cells, &p->a.link) ==
             SMX_OK,
         "no room for a link");
    p->now += SMX_SECOND(1);
    p->tick += 100;
    smx_endpoint_expire(p->a.ep, p->now, the_wall, &p->a.out);
    need(p->a.out.dgram_count == 1, "no handshake");
    start = cpu_ns();
    (void)carry(p, &p->a, &p->b);
    p->answer_ns = cpu_ns() - start;
    need(carry(p, &p->b, &p->a) == SMX_LINK_RX_UP, "no answer to the handshake");
    seal_one(p, &p->a);
    start = cpu_ns();
    need(carry(p, &p->a, &p->b) == SMX_LINK_RX_UP, "the link is not up");
    p->answer_ns += cpu_ns() - start;
}

static void disconnect_pair(struct pair *p)
{
    smx_link_close(p->b.ep, p->b.link);
    smx_endpoint_free(p->a.ep);
}

static double handshake_ns(struct pair *p)
{
    double sum = 0;

    for (size_t i = 0; i < HANDSHAKES; i++) {
        disconnect_pair(p);
        connect_pair(p);
        sum += p->answer_ns;
    }
    return sum / HANDSHAKES;
}

static void datagram_ns(struct pair *p, double *seal, double *open)
{
    double start;

    *seal = *open = 0;
    for (size_t i = 0; i < BATCHES; i++) {
        p->now += SMX_MS(20);
        start = cpu_ns();
        for (size_t k = 0; k < BATCH; k++)
            seal_one(p, &p->a);
        *seal += cpu_ns() - start;
        start = cpu_ns();
        need(carry(p, &p->a, &p->b) == SMX_LINK_RX_CELLS, "a datagram was not opened");
        *open += cpu_ns() - start;
    }
    *seal /= BATCH * BATCHES;
    *open /= BATCH * BATCHES;
}

/* Random bytes of the right size. */
static double garbage_ns(struct pair *p)
{
    uint8_t bytes[SMX_LINK_DATAGRAM_MAX];
    struct smx_link_rx rx;
    double sum = 0;

    for (size_t i = 0; i < GARBAGE; i++) {
        double start;

        smx_rng_bytes(&p->rng, bytes, sizeof bytes);
        start = cpu_ns();
        smx_endpoint_receive(p->b.ep, p->now, the_wall, &p->a.addr, bytes, SMX_LINK_DATAGRAM(p->cells),
                             &p->b.out, &rx);
        sum += cpu_ns() - start;
    }
    return sum / GARBAGE;
}

/* What a pair of cpu_ns costs, which is in each figure above that has one for each event. */
static double clock_ns(void)
{
    double start = cpu_ns(), end = start;

    for (size_t i = 0; i < 1000; i++)
        end = cpu_ns();
    return (end - start) / 1000;
}

static void bench(enum smx_link_kind kind, uint8_t cells)
{
    static const uint8_t seed[SMX_RNG_SEED] = "bench link";
    struct pair p = {.now = SMX_SECOND(1000), .kind = kind, .cells = cells};
    struct runs seal, open, handshake, garbage, per_s;
    double clock = clock_ns();

    smx_rng_init(&p.rng, seed);
    need(smx_out_new(&p.a.out, BATCH, BATCH * SMX_LINK_DATAGRAM_MAX) == SMX_OK &&
             smx_out_new(&p.b.out, BATCH, BATCH * SMX_LINK_DATAGRAM_MAX) == SMX_OK,
         "out of memory");
    node_new(&p, &p.b, 2, true);
    connect_pair(&p);
    for (size_t i = 0; i < BENCH_RUNS; i++) {
        datagram_ns(&p, &seal.of[i], &open.of[i]);
        handshake.of[i] = handshake_ns(&p) - 2 * clock;
        garbage.of[i] = garbage_ns(&p) - clock;
        per_s.of[i] = 1e9 / handshake.of[i];
    }
    printf("{\"kind\": \"%s\", \"datagram_bytes\": %zu, \"cells\": %d",
           kind == SMX_LINK_RELAY ? "relay" : "client", SMX_LINK_DATAGRAM(cells), cells);
    print_runs("seal_ns", &seal, 0);
    print_runs("open_ns", &open, 0);
    print_runs("answer_handshake_ns", &handshake, 0);
    print_runs("handshakes_per_s", &per_s, 0);
    print_runs("drop_garbage_ns", &garbage, 0);
    printf("}\n");
    disconnect_pair(&p);
    smx_endpoint_free(p.b.ep);
    smx_out_free(&p.a.out);
    smx_out_free(&p.b.out);
}

int main(void)
{
    if (sodium_init() < 0)
        return 1;
    bench(SMX_LINK_RELAY, SMX_LINK_CELLS_MAX);
    bench(SMX_LINK_CLIENT, CLIENT_CELLS);
    return 0;
}
