/* The virtual clock and network, with toys and with true links. */
#include "proto/link/link.h"
#include "sim/world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>
#include <sodium.h>

/* ---- toys: one that sends at intervals, one that writes down what it gets ---- */

struct toy {
    struct smx_addr to;
    smx_time next, every;
    unsigned sent, got;
    uint8_t last[100];
    smx_time last_at;
    struct smx_wall last_wall;
    struct smx_addr last_from;
    uint64_t digest;
};

static void toy_receive(void *core, smx_time now, struct smx_wall wall, const struct smx_addr *from,
                        uint8_t *bytes, size_t len, struct smx_out *out)
{
    struct toy *t = core;

    (void)out;
    assert_int_equal(len, sizeof t->last);
    t->got++;
    t->last_at = now;
    t->last_wall = wall;
    t->last_from = *from;
    memcpy(t->last, bytes, len);
    for (size_t i = 0; i < len; i++)
        t->digest = (t->digest ^ bytes[i] ^ now) * 1099511628211U;
}

static void toy_expire(void *core, smx_time now, struct smx_wall wall, struct smx_out *out)
{
    struct toy *t = core;

    (void)wall;
    if (now < t->next)
        return;
    memset(smx_out_add(out, &t->to, sizeof t->last), (int)++t->sent, sizeof t->last);
    t->next += t->every;
}

static smx_time toy_deadline(void *core)
{
    return ((struct toy *)core)->next;
}

static const struct smx_node_ops talker = {toy_receive, toy_expire, toy_deadline};
static const struct smx_node_ops listener = {toy_receive, NULL, NULL};

struct fixture {
    struct smx_world *w;
    struct toy a, b;
    uint32_t na, nb;
};

static void start(struct fixture *f, const struct smx_net_path *path, const struct smx_node_clock *clock_a,
                  const struct smx_node_clock *clock_b)
{
    memset(f, 0, sizeof *f);
    f->w = smx_world_new(7, (struct smx_wall){1000000}, path);
    f->a.next = (clock_a ? clock_a->origin : 0) + SMX_MS(100);
    f->a.every = SMX_MS(100);
    f->na = smx_world_add(f->w, &talker, &f->a, clock_a);
    f->nb = smx_world_add(f->w, &listener, &f->b, clock_b);
    f->a.to = *smx_world_addr(f->w, f->nb);
}

static void datagrams_arrive_after_the_latency_from_where_they_were_sent(void **state)
{
    struct fixture f;

    (void)state;
    start(&f, &(struct smx_net_path){.latency = SMX_MS(30)}, NULL, NULL);
    smx_world_run(f.w, SMX_MS(129));
    assert_int_equal(f.b.got, 0);
    smx_world_run(f.w, SMX_MS(130));
    assert_int_equal(f.b.got, 1);
    assert_int_equal(f.b.last_at, SMX_MS(130));
    assert_int_equal(f.b.last_wall.s, 1000000);
    assert_true(smx_addr_equal(&f.b.last_from, smx_world_addr(f.w, f.na)));
    smx_world_run(f.w, SMX_SECOND(10));
    assert_int_equal(f.b.got, 99);
    assert_int_equal(f.b.last_wall.s, 1000009);
    assert_int_equal(smx_world_now(f.w), SMX_SECOND(10));
    assert_int_equal(smx_world_counters(f.w)->arrived, 99);
    smx_world_free(f.w);
}

static void each_node_has_clocks_of_its_own(void **state)
{
    const struct smx_node_clock fast = {.origin = SMX_SECOND(5), .ppb = 100000}; /* 100 ppm */
    const struct smx_node_clock slow = {.origin = SMX_SECOND(900), .ppb = -200000, .wall_s = -77};
    struct fixture f;

    (void)state;
    start(&f, &(struct smx_net_path){.latency = 0}, &fast, &slow);
    smx_world_run(f.w, SMX_SECOND(1000));
    assert_int_equal(smx_world_local(f.w, f.na), SMX_SECOND(1005) + SMX_MS(100));
    assert_int_equal(f.a.sent, 10001); /* one more than an exact clock */
    assert_int_equal(smx_world_local(f.w, f.nb), SMX_SECOND(1900) - SMX_MS(200));
    assert_int_equal(smx_world_wall(f.w, f.nb).s, 1000000 + 1000 - 77);
    smx_world_free(f.w);
}

static void the_same_seed_gives_the_same_run_and_another_gives_another(void **state)
{
    static const uint64_t seeds[] = {1, 1, 2};
    uint64_t digest[3];

    (void)state;
    for (int i = 0; i < 3; i++) {
        const struct smx_net_path rough = {.latency = SMX_MS(10),
                                           .jitter = SMX_MS(5),
                                           .loss = 100000,
                                           .duplicate = 100000,
                                           .reorder = 100000,
                                           .reorder_by = SMX_MS(300),
                                           .corrupt = 100000};
        struct fixture f;

        memset(&f, 0, sizeof f);
        f.w = smx_world_new(seeds[i], (struct smx_wall){0}, &rough);
        f.a.every = SMX_MS(7);
        f.na = smx_world_add(f.w, &talker, &f.a, NULL);
        f.nb = smx_world_add(f.w, &listener, &f.b, NULL);
        f.a.to = *smx_world_addr(f.w, f.nb);
        smx_world_run(f.w, SMX_SECOND(20));
        digest[i] = f.b.digest;
        smx_world_free(f.w);
    }
    assert_true(digest[0] == digest[1]);
    assert_true(digest[0] != digest[2]);
}

static void who_moves_or_dies_gets_nothing_at_the_old_address(void **state)
{
    struct fixture f;
    struct smx_addr new;

    (void)state;
    start(&f, &(struct smx_net_path){.latency = SMX_MS(50)}, NULL, NULL);
    assert_int_equal(smx_addr_parse(&new, "[2001:db8::1]:7"), SMX_OK);
    smx_world_run(f.w, SMX_MS(320)); /* two have arrived, one is under way */
    smx_world_set_addr(f.w, f.nb, &new);
    smx_world_run(f.w, SMX_MS(920));
    assert_int_equal(f.b.got, 2);
    assert_int_equal(smx_world_counters(f.w)->nowhere, 7);
    f.a.to = new;
    smx_world_run(f.w, SMX_MS(1070));
    assert_int_equal(f.b.got, 3);
    smx_world_set_core(f.w, f.nb, NULL);
    smx_world_run(f.w, SMX_MS(2000));
    assert_int_equal(f.b.got, 3);
    smx_world_set_core(f.w, f.nb, &f.b);
    smx_world_run(f.w, SMX_MS(2100));
    assert_int_equal(f.b.got, 4);
    smx_world_free(f.w);
}

static bool tap(void *arg, smx_time now, uint32_t from, uint32_t to, uint8_t *bytes, size_t len,
                smx_time *delay)
{
    unsigned *seen = arg;

    (void)now, (void)len;
    assert_int_equal(from, 0);
    assert_int_equal(to, 1);
    if (bytes[0] == 2)
        *delay = SMX_MS(550);
    if (bytes[0] == 4)
        bytes[1] = 0xee;
    return ++*seen != 3;
}

static void a_tap_sees_holds_changes_and_takes(void **state)
{
    struct fixture f;
    unsigned seen = 0;

    (void)state;
    start(&f, &(struct smx_net_path){.latency = SMX_MS(1)}, NULL, NULL);
    smx_world_watch(f.w, tap, &seen);
    smx_world_run(f.w, SMX_MS(450));
    assert_int_equal(seen, 4);
    assert_int_equal(f.b.got, 2); /* 1 and 4 */
    assert_int_equal(f.b.last[1], 0xee);
    smx_world_unwatch(f.w, tap, &seen);
    smx_world_run(f.w, SMX_MS(760));
    assert_int_equal(f.b.last[0], 2);
    assert_int_equal(f.b.got, 6);
    smx_world_free(f.w);
}

struct arrivals {
    unsigned count;
    uint32_t to;
    smx_time at;
    uint8_t first;
};

static void arrives(void *arg, smx_time now, uint32_t to, const uint8_t *bytes, size_t len)
{
    struct arrivals *a = arg;

    assert_int_equal(len, 100);
    *a = (struct arrivals){a->count + 1, to, now, bytes[0]};
}

static void arrivals_are_told_and_what_somebody_made_up_is_one(void **state)
{
    struct fixture f;
    struct arrivals a = {.count = 0};
    uint8_t forged[100] = {77};
    unsigned seen = 0;

    (void)state;
    start(&f, &(struct smx_net_path){.latency = SMX_MS(1)}, NULL, NULL);
    smx_world_watch(f.w, tap, &seen);
    smx_world_watch_arrivals(f.w, arrives, &a);
    smx_world_inject(f.w, SMX_MS(150), f.na, f.nb, forged, sizeof forged);
    smx_world_run(f.w, SMX_MS(160));
    assert_int_equal(seen, 1); /* nobody watches what is made up */
    assert_int_equal(a.count, 2);
    assert_int_equal(a.to, f.nb);
    assert_int_equal(a.at, SMX_MS(150));
    assert_int_equal(a.first, 77);
    assert_int_equal(f.b.last[0], 77);
    assert_true(smx_addr_equal(&f.b.last_from, smx_world_addr(f.w, f.na)));
    smx_world_watch_arrivals(f.w, NULL, NULL);
    smx_world_run(f.w, SMX_MS(450));
    assert_int_equal(a.count, 2);
    smx_world_free(f.w);
}

struct call {
    struct smx_world *w;
    smx_time at[3];
    int count;
};

static void called(void *arg)
{
    struct call *c = arg;

    c->at[c->count++] = smx_world_now(c->w);
    if (c->count == 1)
        smx_world_at(c->w, smx_world_now(c->w) + 5, called, c);
}

static void calls_come_in_their_time_and_may_ask_for_more(void **state)
{
    struct call c = {.w = smx_world_new(1, (struct smx_wall){0}, &(struct smx_net_path){.latency = 1})};

    (void)state;
    smx_world_at(c.w, 300, called, &c);
    smx_world_at(c.w, 200, called, &c);
    assert_true(smx_world_step(c.w, 1000));
    assert_false(smx_world_step(c.w, 204));
    smx_world_run(c.w, 1000);
    assert_int_equal(c.count, 3);
    assert_int_equal(c.at[0], 200);
    assert_int_equal(c.at[1], 205);
    assert_int_equal(c.at[2], 300);
    smx_world_at(c.w, 5000, called, &c); /* never comes: freed with the world */
    smx_world_free(c.w);
}

/* ---- true links over a bad network ---- */

struct peer {
    struct smx_endpoint *ep;
    uint32_t link;
    smx_time next;
    uint64_t tick;
    unsigned ups, downs, datagrams;
};

static void peer_receive(void *core, smx_time now, struct smx_wall wall, const struct smx_addr *from,
                         uint8_t *bytes, size_t len, struct smx_out *out)
{
    struct peer *p = core;
    struct smx_link_rx rx;

    smx_endpoint_receive(p->ep, now, wall, from, bytes, len, out, &rx);
    if (rx.what == SMX_LINK_RX_UP) {
        p->link = rx.link;
        p->ups++;
    }
    p->datagrams += rx.cell_count > 0;
}

static void peer_expire(void *core, smx_time now, struct smx_wall wall, struct smx_out *out)
{
    struct peer *p = core;
    uint32_t link;
    uint8_t *cells;

    smx_endpoint_expire(p->ep, now, wall, out);
    while (smx_endpoint_next_down(p->ep, &link))
        p->downs++;
    if (now < p->next)
        return;
    p->next += SMX_MS(10);
    p->tick++;
    if (p->link == SMX_LINK_NONE || !(cells = smx_link_begin(p->ep, p->link, out)))
        return;
    memset(cells, 0, SMX_LINK_CELLS_MAX * SMX_LINK_CELL);
    smx_link_command(p->ep, p->link, now, cells);
    smx_link_seal(p->ep, p->link, cells, p->tick, 0);
}

static smx_time peer_deadline(void *core)
{
    struct peer *p = core;

    return smx_time_min(p->next, smx_endpoint_deadline(p->ep));
}

static const struct smx_node_ops peer_ops = {peer_receive, peer_expire, peer_deadline};

static void links_live_for_minutes_over_a_bad_network_with_drifting_clocks(void **state)
{
    const struct smx_net_path bad = {.latency = SMX_MS(40),
                                     .jitter = SMX_US(500),
                                     .loss = 50000,
                                     .duplicate = 20000,
                                     .reorder = 20000,
                                     .reorder_by = SMX_MS(60),
                                     .corrupt = 10000};
    static const struct smx_node_clock clock[2] = {
        {.origin = SMX_SECOND(3), .ppb = 20000}, {.origin = SMX_SECOND(70000), .ppb = -20000, .wall_s = 50}};
    struct smx_world *w = smx_world_new(99, (struct smx_wall){1800000000}, &bad);
    struct smx_endpoint_config config[2] = {{.relay_links_max = 2}, {.relay_links_max = 2}};
    struct peer p[2];
    uint32_t n[2];
    smx_time now, expected;

    (void)state;
    assert_true(sodium_init() >= 0);
    memset(p, 0, sizeof p);
    for (int i = 0; i < 2; i++) {
        smx_x25519_make(&config[i].local, smx_world_rng(w));
        config[i].timing = (struct smx_link_timing){SMX_MS(10), SMX_MS(20), SMX_MS(1), SMX_MS(15), SMX_MS(5)};
        assert_int_equal(smx_endpoint_new(&p[i].ep, &config[i], smx_world_rng(w)), SMX_OK);
        p[i].link = SMX_LINK_NONE;
        p[i].next = clock[i].origin + SMX_MS(3);
        n[i] = smx_world_add(w, &peer_ops, &p[i], &clock[i]);
    }
    for (int i = 0; i < 2; i++)
        assert_int_equal(smx_endpoint_allow(p[i].ep, (const uint8_t(*)[32])config[!i].local.public, 1),
                         SMX_OK);
    assert_int_equal(smx_endpoint_connect(p[0].ep, smx_world_local(w, n[0]), smx_world_addr(w, n[1]),
                                          config[1].local.public, SMX_LINK_RELAY, 6, &p[0].link),
                     SMX_OK);
    smx_world_flush(w, n[0]);
    smx_world_run(w, SMX_SECOND(300));
    for (int i = 0; i < 2; i++) {
        const struct smx_link_counters *c = smx_endpoint_counters(p[i].ep);

        assert_int_equal(p[i].ups, 1);
        assert_int_equal(p[i].downs, 0);
        assert_int_equal(c->rekeys, 2);
        assert_in_range(p[i].datagrams, 30000 * 93 / 100, 30000 * 95 / 100);
        assert_true(c->bad_counter > 400); /* the copies */
        assert_true(c->bad_tag + c->bad_index + c->bad_size > 200);
        assert_in_range(smx_link_margin(p[i].ep, p[i].link), SMX_MS(5), SMX_MS(15));
    }
    /* Node 0 knows when a tick of node 1 comes: 40 ms after it was sent, on clocks that drift apart by 40
     * ppm. */
    now = smx_world_local(w, n[0]);
    expected = smx_link_expected(p[0].ep, p[0].link, p[1].tick);
    assert_in_range(expected - now + SMX_MS(10), SMX_MS(40), SMX_MS(53));
    for (int i = 0; i < 2; i++)
        smx_endpoint_free(p[i].ep);
    smx_world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(datagrams_arrive_after_the_latency_from_where_they_were_sent),
        cmocka_unit_test(each_node_has_clocks_of_its_own),
        cmocka_unit_test(the_same_seed_gives_the_same_run_and_another_gives_another),
        cmocka_unit_test(who_moves_or_dies_gets_nothing_at_the_old_address),
        cmocka_unit_test(a_tap_sees_holds_changes_and_takes),
        cmocka_unit_test(arrivals_are_told_and_what_somebody_made_up_is_one),
        cmocka_unit_test(calls_come_in_their_time_and_may_ask_for_more),
        cmocka_unit_test(links_live_for_minutes_over_a_bad_network_with_drifting_clocks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
