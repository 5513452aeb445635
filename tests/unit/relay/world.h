/* tests/unit/relay/world.h - nine real relay cores and two bare owners of circuits on a virtual wire.
 * Time is virtual, randomness seeded: the same seed and the same meddling give the same bytes. */
#ifndef SMX_TEST_RELAY_WORLD_H
#define SMX_TEST_RELAY_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "proto/circuit/origin.h"
#include "proto/circuit/quantum.h"
#include "proto/link/link.h"
#include "proto/stream/stream.h"
#include "relay/relay.h"

enum { RELAYS = 9, OWNERS = 2, CIRCUITS = 4, QUEUE = 65536, CELLS = 3 };

static const struct smx_wall the_wall = {1790000000};

/* An owner's circuits: 0 and 1 are slots, 2 listens, 3 is the errand circuit; the last two share a cell by
 * turns. */
struct owner_circuit {
    struct smx_origin origin;
    bool answered, failed, opened, died;
    uint8_t answer[SMX_HOP_CONTENT];
    uint8_t answer_type;
    uint8_t last_type; /* of the last message other than NOP */
    uint8_t last[SMX_HOP_CONTENT];
    uint8_t nop_hop;
    uint32_t cells; /* that came back */
    bool mute;      /* its turns are filler */
    bool talks;     /* sends numbered bodies to the peer */
    uint32_t sent, got, lost;
    uint64_t got_last;
    bool streams; /* the stream below runs to the circuit's end */
    struct smx_stream stream;
    uint8_t tx[SMX_STREAM_BUFFER_MIN], rx[16384];
    uint8_t message[16384]; /* the last one that came */
    size_t message_len, messages;
};

struct owner {
    struct smx_endpoint *ep;
    struct smx_x25519 key;
    struct smx_addr addr;
    struct smx_rng rng;
    uint32_t link;
    bool up;
    smx_time base;
    uint64_t next;
    struct owner_circuit circuit[CIRCUITS];
};

struct packet {
    smx_time at;
    uint64_t order;
    struct smx_addr from, to;
    uint16_t len;
    uint8_t bytes[SMX_LINK_DATAGRAM_MAX];
};

struct world {
    smx_time now;
    struct smx_rng rng;
    struct smx_relay *relay[RELAYS];
    struct smx_addr addr[RELAYS];
    struct smx_consensus view; /* ours, to look things up */
    size_t guard[3], middle[3], end[3];
    struct owner owner[OWNERS];
    struct smx_out out;
    struct packet *queue; /* heap */
    size_t queued;
    uint64_t order;
    smx_time latency, jitter;
    struct smx_rng jitter_rng;
    /* Sees each datagram as it leaves; may alter it; returns how many copies arrive (1 as a rule), *delay is
     * added. */
    int (*meddle)(struct world *w, const struct smx_addr *from, const struct smx_addr *to, uint8_t *bytes,
                  size_t len, smx_time *delay);
    void *meddle_ctx;
};

static struct smx_addr address(uint8_t a, uint8_t b)
{
    struct smx_addr addr = {.ip = {[10] = 0xff, [11] = 0xff, [12] = 127, [13] = 1, [14] = a, [15] = b},
                            .port = 9001};

    return addr;
}

static void seed_of(uint8_t seed[SMX_RNG_SEED], struct smx_rng *rng)
{
    smx_rng_bytes(rng, seed, SMX_RNG_SEED);
}

/* ---- the wire ---- */

static bool before(const struct packet *a, const struct packet *b)
{
    return a->at != b->at ? a->at < b->at : a->order < b->order;
}

static void queue_push(struct world *w, const struct packet *p)
{
    size_t i = w->queued++;

    assert_true(w->queued <= QUEUE);
    while (i > 0 && before(p, &w->queue[(i - 1) / 2])) {
        w->queue[i] = w->queue[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    w->queue[i] = *p;
}

static void queue_pop(struct world *w, struct packet *p)
{
    struct packet *last = &w->queue[--w->queued];
    size_t i = 0;

    *p = w->queue[0];
    for (;;) {
        size_t child = 2 * i + 1;

        if (child >= w->queued)
            break;
        if (child + 1 < w->queued && before(&w->queue[child + 1], &w->queue[child]))
            child++;
        if (!before(&w->queue[child], last))
            break;
        w->queue[i] = w->queue[child];
        i = child;
    }
    if (w->queued > 0)
        w->queue[i] = *last;
}

static void flush(struct world *w, const struct smx_addr *from)
{
    for (size_t i = 0; i < w->out.dgram_count; i++) {
        struct smx_dgram *d = &w->out.dgram[i];
        struct packet p = {.from = *from, .to = d->to, .len = d->len};
        smx_time delay = 0;
        int copies = 1;

        memcpy(p.bytes, w->out.bytes + d->at, d->len);
        if (w->meddle)
            copies = w->meddle(w, from, &d->to, p.bytes, p.len, &delay);
        for (; copies > 0; copies--) {
            p.at = w->now + w->latency + delay;
            if (w->jitter > 0)
                p.at += smx_rng_below(&w->jitter_rng, (uint32_t)w->jitter);
            p.order = w->order++;
            queue_push(w, &p);
        }
    }
    smx_out_reset(&w->out);
}

/* ---- owners ---- */

static void take_messages(struct owner_circuit *c)
{
    const uint8_t *msg;
    size_t len;

    while (smx_stream_message(&c->stream, &msg, &len)) {
        assert_true(len <= sizeof c->message);
        memcpy(c->message, msg, len);
        c->message_len = len;
        c->messages++;
    }
}

static void owner_event(struct owner_circuit *c, smx_time now, const struct smx_origin_rx *rx)
{
    switch (rx->event) {
    case SMX_ORIGIN_NOTHING:
        break;
    case SMX_ORIGIN_MESSAGE:
        if (rx->msg.type == SMX_HOP_NOP) {
            c->nop_hop = rx->hop;
            break;
        }
        if (rx->msg.type == SMX_HOP_STREAM && c->streams) {
            assert_int_equal(smx_stream_receive(&c->stream, now, rx->msg.content, rx->msg.len), SMX_OK);
            take_messages(c);
            break;
        }
        c->last_type = rx->msg.type;
        memcpy(c->last, rx->msg.content, rx->msg.len);
        break;
    case SMX_ORIGIN_ANSWERED:
        c->answered = true;
        c->answer_type = rx->msg.type;
        memcpy(c->answer, rx->msg.content, rx->msg.len);
        break;
    case SMX_ORIGIN_PEER: {
        uint64_t number;

        memcpy(&number, rx->peer + 8, sizeof number);
        if (memcmp(rx->peer, "peercell", 8) == 0) {
            c->got++;
            if (c->got_last && number > c->got_last + 1)
                c->lost += (uint32_t)(number - c->got_last - 1);
            c->got_last = number;
        }
        break;
    }
    case SMX_ORIGIN_OPENED:
        c->opened = true;
        break;
    case SMX_ORIGIN_FAILED:
        c->failed = true;
        break;
    case SMX_ORIGIN_DIED:
        c->died = true;
        break;
    }
}

static void owner_receive(struct world *w, struct owner *o, struct packet *p)
{
    struct smx_link_rx rx;

    smx_endpoint_receive(o->ep, w->now, the_wall, &p->from, p->bytes, p->len, &w->out, &rx);
    flush(w, &o->addr);
    if (rx.what == SMX_LINK_RX_UP)
        o->up = true;
    for (size_t i = 0; rx.what != SMX_LINK_RX_NONE && i < rx.cell_count; i++) {
        uint8_t *cell = rx.cells + i * SMX_CELL_SIZE;
        uint32_t id = smx_cell_head_read(cell).circuit;
        struct smx_origin_rx orx = {.event = SMX_ORIGIN_NOTHING};
        struct smx_created created;
        struct smx_refused refused;

        if (id >= 1 && id <= CIRCUITS) {
            o->circuit[id - 1].cells++;
            smx_origin_cell(&o->circuit[id - 1].origin, w->now, rx.tick, cell, &orx);
            owner_event(&o->circuit[id - 1], w->now, &orx);
        } else if (id == 0 && smx_command_type(cell) == SMX_CMD_CREATED &&
                   smx_created_decode(&created, cell) == SMX_OK) {
            smx_origin_created(&o->circuit[created.back_id - 1].origin, w->now, rx.tick, &created, &orx);
            owner_event(&o->circuit[created.back_id - 1], w->now, &orx);
        } else if (id == 0 && smx_command_type(cell) == SMX_CMD_REFUSED &&
                   smx_refused_decode(&refused, cell) == SMX_OK) {
            smx_origin_refused(&o->circuit[refused.back_id - 1].origin, &refused, &orx);
            owner_event(&o->circuit[refused.back_id - 1], w->now, &orx);
        }
    }
}

static void owner_tick(struct world *w, struct owner *o)
{
    static const size_t turn[2][CELLS] = {{0, 1, 2}, {0, 1, 3}};
    struct smx_origin_rx rx;
    uint8_t *cells;
    struct smx_quantum q;

    smx_endpoint_expire(o->ep, w->now, the_wall, &w->out);
    for (size_t i = 0; i < CIRCUITS; i++) {
        smx_origin_expire(&o->circuit[i].origin, w->now, &rx);
        owner_event(&o->circuit[i], w->now, &rx);
    }
    cells = o->up ? smx_link_begin(o->ep, o->link, &w->out) : NULL;
    if (cells) {
        smx_quantum_open(&q, &cells, 1, CELLS, &o->rng);
        for (size_t i = 0; i < CELLS; i++) {
            struct owner_circuit *c = &o->circuit[turn[o->next % 2][i]];
            struct smx_origin_send send = {.peer = NULL};
            uint8_t peer[SMX_CELL_BODY] = "peercell";
            uint8_t *cell = smx_quantum_add(&q), seg[SMX_HOP_CONTENT];

            if (c->streams && c->origin.state == SMX_ORIGIN_OPEN &&
                !smx_origin_needs_turn(&c->origin, w->now)) {
                send = (struct smx_origin_send){.content = seg, .hop = 2, .type = SMX_HOP_STREAM};
                send.content_len = smx_stream_segment(&c->stream, w->now, seg, sizeof seg);
                if (send.content_len == 0)
                    send.content = NULL;
            }
            if (c->talks && c->origin.joined && !smx_origin_needs_turn(&c->origin, w->now)) {
                uint64_t number = ++c->sent;

                memcpy(peer + 8, &number, sizeof number);
                send.peer = peer;
            }
            if (i == CELLS - 1 && smx_link_command(o->ep, o->link, w->now, cell))
                continue;
            if (c->mute)
                smx_filler_encode(cell);
            else
                smx_origin_turn(&c->origin, w->now, o->next, &send, cell);
        }
        smx_quantum_close(&q);
        smx_link_seal(o->ep, o->link, cells, o->next, 0);
    }
    flush(w, &o->addr);
    o->next++;
}

/* ---- time ---- */

static void deliver(struct world *w)
{
    struct packet p;

    queue_pop(w, &p);
    w->now = p.at;
    for (size_t i = 0; i < RELAYS; i++)
        if (smx_addr_equal(&p.to, &w->addr[i])) {
            smx_relay_receive(w->relay[i], w->now, the_wall, &p.from, p.bytes, p.len, &w->out);
            flush(w, &w->addr[i]);
            return;
        }
    for (size_t i = 0; i < OWNERS; i++)
        if (smx_addr_equal(&p.to, &w->owner[i].addr))
            owner_receive(w, &w->owner[i], &p);
}

static void run_until(struct world *w, smx_time end)
{
    for (;;) {
        smx_time at = w->queued > 0 ? w->queue[0].at : SMX_NEVER;
        int who = -1; /* 0.. relays, then owners */

        for (int i = 0; i < RELAYS; i++)
            if (smx_relay_deadline(w->relay[i]) < at) {
                at = smx_relay_deadline(w->relay[i]);
                who = i;
            }
        for (int i = 0; i < OWNERS; i++)
            if (w->owner[i].base + w->owner[i].next * SMX_MS(20) < at) {
                at = w->owner[i].base + w->owner[i].next * SMX_MS(20);
                who = RELAYS + i;
            }
        if (at > end)
            break;
        if (who < 0) {
            deliver(w);
            continue;
        }
        w->now = at;
        if (who < RELAYS) {
            smx_relay_expire(w->relay[who], w->now, the_wall, &w->out);
            flush(w, &w->addr[who]);
        } else {
            owner_tick(w, &w->owner[who - RELAYS]);
        }
    }
    w->now = end;
}

static void run_for(struct world *w, unsigned ms)
{
    run_until(w, w->now + SMX_MS(ms));
}

/* ---- making it ---- */

static int by_id(const void *a, const void *b)
{
    return memcmp(((const struct smx_relay_info *)a)->id, ((const struct smx_relay_info *)b)->id,
                  SMX_DOC_KEY);
}

static void give_consensus(struct world *w, size_t i)
{
    struct smx_consensus c = w->view;
    uint8_t *envelope = malloc(4);

    c.relay = malloc(RELAYS * sizeof *c.relay);
    assert_non_null(c.relay);
    assert_non_null(envelope);
    memcpy(envelope, "doc", 4);
    memcpy(c.relay, w->view.relay, RELAYS * sizeof *c.relay);
    c.link = NULL;
    assert_int_equal(smx_relay_consensus(w->relay[i], w->now, &c, envelope, 4), SMX_OK);
}

static void make_relays(struct world *w, bool cover_off, enum smx_relay_timetables timetables)
{
    struct smx_relay_config config[RELAYS] = {{.circuits_max = 0}};
    struct smx_relay_info *info = calloc(RELAYS, sizeof *info);
    uint8_t seed[SMX_RNG_SEED];
    size_t n[3] = {0};

    assert_non_null(info);
    for (size_t i = 0; i < RELAYS; i++) {
        struct smx_relay_info *r = &info[i];

        smx_rng_bytes(&w->rng, r->id, sizeof r->id);
        r->layer = (uint8_t)(i % 3);
        r->flags = SMX_RELAY_RUNNING;
        r->weight = 1000;
        r->addr_count = 1;
    }
    qsort(info, RELAYS, sizeof *info, by_id);
    for (size_t i = 0; i < RELAYS; i++) {
        struct smx_relay_info *r = &info[i];
        struct smx_x25519 link;

        smx_x25519_make(&link, &w->rng);
        memcpy(r->link_key, link.public, sizeof r->link_key);
        memcpy(config[i].id, r->id, sizeof r->id);
        config[i].link = link;
        config[i].relay_links_max = 16;
        config[i].client_links_max = 8;
        config[i].circuits_max = 64;
        config[i].has_v4 = true;
        config[i].cover_off = cover_off;
        config[i].timetables = timetables;
        seed_of(seed, &w->rng);
        assert_int_equal(smx_relay_new(&w->relay[i], &config[i], seed), SMX_OK);
        w->addr[i] = r->addr[0] = address(1, (uint8_t)i);
        r->onion_count = 1;
        assert_int_equal(smx_relay_onion_key(w->relay[i], 1, r->onion[0].key), SMX_OK);
        smx_onion_tag(r->onion[0].tag, r->onion[0].key);
        r->onion[0].epoch = 1;
        (r->layer == SMX_LAYER_GUARD    ? w->guard
         : r->layer == SMX_LAYER_MIDDLE ? w->middle
                                        : w->end)[n[r->layer]++] = i;
    }
    w->view =
        (struct smx_consensus){.epoch = 1, .valid_after = {1789990000}, .relay = info, .relay_count = RELAYS};
    smx_params_preset(&w->view.params);
    w->view.params.floor_circuits = 0; /* but where a test wants one */
    w->view.params.epoch_s = 60;
    for (size_t i = 0; i < RELAYS; i++)
        give_consensus(w, i);
}

static void make_owner(struct world *w, size_t i)
{
    struct owner *o = &w->owner[i];
    struct smx_endpoint_config config = {.relay_links_max = 1, .client_links_max = 1};
    const struct smx_relay_info *guard = &w->view.relay[w->guard[i]];

    smx_rng_fork(&o->rng, &w->rng);
    smx_x25519_make(&o->key, &o->rng);
    config.local = o->key;
    config.timing = (struct smx_link_timing){.relay_q = SMX_MS(10),
                                             .client_q = SMX_MS(20),
                                             .margin_min = SMX_MS(1),
                                             .margin_max = SMX_MS(15),
                                             .margin_unknown = SMX_MS(5)};
    assert_int_equal(smx_endpoint_new(&o->ep, &config, &o->rng), SMX_OK);
    o->addr = address(2, (uint8_t)i);
    assert_int_equal(smx_endpoint_connect(o->ep, w->now, &guard->addr[0], guard->link_key, SMX_LINK_CLIENT,
                                          CELLS, &o->link),
                     SMX_OK);
    o->base = w->now + smx_rng_below(&o->rng, 20000000);
    for (size_t k = 0; k < CIRCUITS; k++)
        smx_origin_init(&o->circuit[k].origin, k < 2 ? SMX_PERIOD_SLOT : SMX_PERIOD_LISTEN, k < 2 ? 1 : 2,
                        &o->rng);
}

static struct world *world_with(uint64_t seed, bool cover_off, enum smx_relay_timetables timetables)
{
    struct world *w = calloc(1, sizeof *w);
    uint8_t bytes[SMX_RNG_SEED] = {0};

    assert_non_null(w);
    memcpy(bytes, &seed, sizeof seed);
    smx_rng_init(&w->rng, bytes);
    smx_rng_fork(&w->jitter_rng, &w->rng);
    w->now = SMX_SECOND(1000);
    w->latency = SMX_MS(3);
    w->queue = malloc(QUEUE * sizeof *w->queue);
    assert_non_null(w->queue);
    assert_int_equal(smx_out_new(&w->out, 4096, 8 << 20), SMX_OK);
    make_relays(w, cover_off, timetables);
    for (size_t i = 0; i < OWNERS; i++)
        make_owner(w, i);
    return w;
}

static struct world *world_new(uint64_t seed, bool cover_off)
{
    return world_with(seed, cover_off, SMX_TIMETABLES_FIXED);
}

static void world_free(struct world *w)
{
    for (size_t i = 0; i < RELAYS; i++)
        smx_relay_free(w->relay[i]);
    for (size_t i = 0; i < OWNERS; i++) {
        for (size_t k = 0; k < CIRCUITS; k++)
            smx_origin_fini(&w->owner[i].circuit[k].origin);
        smx_endpoint_free(w->owner[i].ep);
    }
    free(w->view.relay);
    smx_out_free(&w->out);
    free(w->queue);
    free(w);
}

static struct smx_hop_target target_of(const struct world *w, size_t place)
{
    struct smx_hop_target t;

    memcpy(t.id, w->view.relay[place].id, sizeof t.id);
    memcpy(t.onion, w->view.relay[place].onion[0].key, sizeof t.onion);
    memcpy(t.tag, w->view.relay[place].onion[0].tag, sizeof t.tag);
    return t;
}

/* Builds circuit k of owner i over its guard, the middle m and the end e. */
static void build(struct world *w, size_t i, size_t k, size_t m, size_t e)
{
    struct owner *o = &w->owner[i];
    struct smx_hop_target path[3] = {target_of(w, w->guard[i]), target_of(w, w->middle[m]),
                                     target_of(w, w->end[e])};
    uint32_t phase = k < 2 ? 0 : (uint32_t)k - 2;

    assert_int_equal(smx_origin_open(&o->circuit[k].origin, w->now, o->next, phase, path, 3, (uint32_t)k + 1,
                                     (uint8_t)phase, SMX_MS(50)),
                     SMX_OK);
}

#endif
