/* What must not get in: repeated, stale, foreign, altered, too many.  And what it may cost. */
#include "tests/unit/proto/link/fixture.h"

/* One datagram on its way, kept for the tests: the first of type counts[0] since counts[1] was cleared. */
static struct flight kept;

static bool keep_hook(struct net *net, int to, const uint8_t *bytes, size_t len, smx_time *delay)
{
    (void)delay;
    if (net->counts[1] || (int)handshake_type(net, to, bytes, len) != net->counts[0])
        return true;
    net->counts[1] = 1;
    kept.to = to;
    kept.len = len;
    kept.from = net->n[!to].addr;
    memcpy(kept.bytes, bytes, len);
    return net->counts[2] == 0; /* counts[2]: it does not arrive */
}

static struct net *keeping(enum smx_link_kind kind, uint8_t cells, int type)
{
    struct net *net = net_new(kind, cells);

    net->hook = keep_hook;
    net->counts[0] = type;
    return net;
}

static void a_repeated_init_is_refused_from_anywhere(void **state)
{
    struct net *net = keeping(SMX_LINK_CLIENT, 3, SMX_WIRE_INIT);
    struct smx_addr elsewhere;

    (void)state;
    assert_int_equal(smx_addr_parse(&elsewhere, "203.0.113.1:1"), SMX_OK);
    connect_up(net);
    run(net, 1000);
    feed(net, ACCEPTOR, &kept.from, kept.bytes, kept.len);
    run(net, 100000);
    feed(net, ACCEPTOR, &elsewhere, kept.bytes, kept.len);
    assert_int_equal(counters(net, ACCEPTOR)->handshake_repeated, 2);
    run(net, 21000); /* its time has run out: it would be refused even if nobody remembered */
    feed(net, ACCEPTOR, &elsewhere, kept.bytes, kept.len);
    assert_int_equal(counters(net, ACCEPTOR)->handshake_time, 1);
    assert_int_equal(counters(net, ACCEPTOR)->handshakes_done, 1);
    assert_int_equal(net->n[CONNECTOR].downs, 0);
    net_free(net);
}

static void a_captured_init_that_comes_first_makes_no_link(void **state)
{
    struct net *net = keeping(SMX_LINK_CLIENT, 3, SMX_WIRE_INIT);
    struct smx_addr elsewhere;

    (void)state;
    assert_int_equal(smx_addr_parse(&elsewhere, "203.0.113.1:1"), SMX_OK);
    net->counts[2] = 1;
    connect_up(net);
    run(net, 100);
    feed(net, ACCEPTOR, &elsewhere, kept.bytes,
         kept.len); /* the answer goes there; only the client can go on */
    run(net, 5000);
    assert_int_equal(net->n[ACCEPTOR].ups, 1);
    assert_true(
        smx_addr_equal(smx_link_addr(net->n[ACCEPTOR].ep, net->n[ACCEPTOR].link), &net->n[CONNECTOR].addr));
    net_free(net);
}

static void a_repeated_response_changes_nothing(void **state)
{
    struct net *net = keeping(SMX_LINK_CLIENT, 3, SMX_WIRE_RESPONSE);

    (void)state;
    connect_up(net);
    run(net, 1000);
    feed(net, CONNECTOR, &kept.from, kept.bytes, kept.len);
    assert_int_equal(counters(net, CONNECTOR)->bad_index, 1);
    assert_int_equal(counters(net, CONNECTOR)->handshakes_read, 1);
    run(net, 1000);
    assert_int_equal(net->n[CONNECTOR].ups, 1);
    assert_int_equal(net->n[CONNECTOR].downs, 0);
    net_free(net);
}

static void a_clock_may_be_two_minutes_off_and_no_more(void **state)
{
    static const int64_t off[] = {-121, -120, 0, 120, 121, INT64_MAX / 2, INT64_MIN / 2};

    (void)state;
    for (size_t i = 0; i < sizeof off / sizeof *off; i++) {
        struct net *net = keeping(SMX_LINK_CLIENT, 3, SMX_WIRE_INIT);
        bool good = off[i] >= -120 && off[i] <= 120;
        struct smx_wall true_wall = net->wall;

        net->counts[2] = 1;
        connect_up(net);
        net->wall.s += off[i];
        run(net, 10);
        net->wall = true_wall;
        feed(net, ACCEPTOR, &kept.from, kept.bytes, kept.len);
        assert_int_equal(counters(net, ACCEPTOR)->handshake_time, !good);
        assert_int_equal(net->n[ACCEPTOR].out.dgram_count, good);
        net_free(net);
    }
}

static void of_one_relay_an_older_init_is_refused_after_a_newer(void **state)
{
    struct net *net = keeping(SMX_LINK_RELAY, 6, SMX_WIRE_INIT);

    (void)state;
    net->counts[2] = 1;
    connect_up(net);
    run(net, 10000); /* the first was kept; later ones made the link */
    assert_int_equal(net->n[ACCEPTOR].ups, 1);
    feed(net, ACCEPTOR, &kept.from, kept.bytes, kept.len);
    assert_int_equal(counters(net, ACCEPTOR)->handshake_repeated, 1);
    net_free(net);
}

static void only_relays_of_the_consensus_make_relay_links(void **state)
{
    struct net *net = net_new(SMX_LINK_RELAY, 6);
    uint8_t others[3][32] = {{1}, {2}, {3}};

    (void)state;
    assert_int_equal(smx_endpoint_allow(net->n[ACCEPTOR].ep, (const uint8_t(*)[32])others, 3), SMX_OK);
    connect_up(net);
    run(net, 5000);
    assert_int_equal(net->n[ACCEPTOR].ups, 0);
    assert_true(counters(net, ACCEPTOR)->handshake_stranger >= 2);
    memcpy(others[1], net->n[CONNECTOR].keys.public, 32);
    assert_int_equal(smx_endpoint_allow(net->n[ACCEPTOR].ep, (const uint8_t(*)[32])others, 3), SMX_OK);
    run(net, 3000);
    assert_int_equal(net->n[ACCEPTOR].ups, 1);
    assert_int_equal(smx_endpoint_allow(net->n[ACCEPTOR].ep, NULL, 0), SMX_OK);
    run(net, 10000);
    assert_int_equal(net->n[ACCEPTOR].downs, 0); /* what is there stays */
    net_free(net);
}

static void a_client_accepts_nobody_and_does_no_work_for_it(void **state)
{
    struct net *net = net_new(SMX_LINK_CLIENT, 3);
    uint32_t link;

    (void)state;
    assert_int_equal(smx_endpoint_connect(net->n[ACCEPTOR].ep, net->now, &net->n[CONNECTOR].addr,
                                          net->n[CONNECTOR].keys.public, SMX_LINK_CLIENT, 3, &link),
                     SMX_OK);
    run(net, 5000);
    assert_true(counters(net, CONNECTOR)->handshake_stranger >= 2);
    assert_int_equal(counters(net, CONNECTOR)->handshakes_read, 0);
    net_free(net);
}

static void two_that_connect_to_each_other_both_refuse(void **state)
{
    struct net *net = net_new(SMX_LINK_RELAY, 6);
    uint32_t link;

    (void)state;
    connect_up(net);
    assert_int_equal(smx_endpoint_connect(net->n[ACCEPTOR].ep, net->now, &net->n[CONNECTOR].addr,
                                          net->n[CONNECTOR].keys.public, SMX_LINK_RELAY, 6, &link),
                     SMX_OK);
    run(net, 5000);
    assert_int_equal(net->n[0].ups + net->n[1].ups, 0);
    smx_link_close(net->n[ACCEPTOR].ep, link);
    run(net, 3000);
    assert_int_equal(net->n[ACCEPTOR].ups, 1);
    net_free(net);
}

static void for_another_nodes_key_not_even_the_first_mac_holds(void **state)
{
    struct net *net = net_new(SMX_LINK_CLIENT, 3);
    struct smx_x25519 other;

    (void)state;
    smx_x25519_make(&other, &net->rng);
    assert_int_equal(smx_endpoint_connect(net->n[CONNECTOR].ep, net->now, &net->n[ACCEPTOR].addr,
                                          other.public, SMX_LINK_CLIENT, 3, &net->n[CONNECTOR].link),
                     SMX_OK);
    run(net, 10000);
    assert_int_equal(counters(net, ACCEPTOR)->handshakes_read, 0);
    /* the mask's key is another's too, so it does not look like a handshake at all */
    assert_true(counters(net, ACCEPTOR)->bad_index + counters(net, ACCEPTOR)->handshake_mac >= 5);
    net_free(net);
}

/* ---- altered and cut ---- */

static void drops(struct net *net, int to, const struct flight *f, const uint8_t *bytes, size_t len)
{
    struct smx_link_counters before = *counters(net, to);
    struct smx_link_rx rx = feed(net, to, &f->from, bytes, len);

    assert_int_equal(rx.what, SMX_LINK_RX_NONE);
    assert_int_equal(net->n[to].out.dgram_count, 0);
    assert_int_equal(counters(net, to)->received, before.received);
    assert_int_equal(counters(net, to)->handshakes_read, before.handshakes_read);
}

static void every_cut_and_every_flipped_bit_is_dropped_and_changes_nothing(void **state)
{
    static const int types[] = {SMX_WIRE_INIT, SMX_WIRE_RESPONSE, 0};

    (void)state;
    for (size_t t = 0; t < sizeof types / sizeof *types; t++) {
        struct net *net = keeping(SMX_LINK_CLIENT, 1, types[t]);
        uint8_t longer[SMX_LINK_DATAGRAM_MAX + 1] = {0};
        unsigned ups;

        net->counts[2] = 1;
        connect_up(net);
        while (!net->counts[1])
            step(net);
        ups = net->n[kept.to].ups;
        for (size_t len = 0; len < kept.len; len++)
            drops(net, kept.to, &kept, kept.bytes, len);
        memcpy(longer, kept.bytes, kept.len);
        for (size_t len = kept.len + 1; len <= sizeof longer; len++)
            drops(net, kept.to, &kept, longer, len);
        for (size_t bit = 0; bit < 8 * kept.len; bit++) {
            if (types[t] != 0 && bit / 8 >= kept.len - 32 && bit / 8 < kept.len - 16)
                continue; /* mac2 without load: nobody looks at it, and nothing depends on it */
            longer[bit / 8] ^= (uint8_t)(1 << bit % 8);
            drops(net, kept.to, &kept, longer, kept.len);
            longer[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
        feed(net, kept.to, &kept.from, kept.bytes, kept.len); /* and the true one still counts */
        launch(net, kept.to);
        run(net, 100);
        assert_int_equal(net->n[kept.to].ups, ups + 1);
        assert_int_equal(net->n[ACCEPTOR].ups, 1);
        assert_int_equal(counters(net, CONNECTOR)->handshakes_sent, 1);
        net_free(net);
    }
}

static void a_datagram_counts_once(void **state)
{
    struct net *net = keeping(SMX_LINK_CLIENT, 3, 0);
    struct smx_link_rx rx;

    (void)state;
    connect_up(net);
    run(net, 500);
    rx = feed(net, kept.to, &kept.from, kept.bytes, kept.len);
    assert_int_equal(rx.what, SMX_LINK_RX_NONE);
    assert_int_equal(counters(net, kept.to)->bad_counter, 1);
    net_free(net);
}

static void the_size_of_another_link_class_is_dropped(void **state)
{
    struct net *net = net_new(SMX_LINK_CLIENT, 3);
    uint8_t datagram[SMX_LINK_DATAGRAM_MAX] = {0};

    (void)state;
    connect_up(net);
    run(net, 500);
    /* authentic or not is never asked: the size alone decides, after the index */
    net->hook = keep_hook;
    net->counts[0] = 0;
    net->counts[1] = 0;
    run(net, 40);
    memcpy(datagram, kept.bytes, SMX_LINK_HEAD);
    memcpy(datagram + SMX_LINK_DATAGRAM(4) - 16, kept.bytes + kept.len - 16, 16); /* the same sample */
    drops(net, kept.to, &kept, datagram, SMX_LINK_DATAGRAM(4));
    assert_int_equal(counters(net, kept.to)->bad_size, 1);
    net_free(net);
}

/* ---- load ---- */

static void flood(struct net *net, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        struct smx_addr from = {.ip = {0x20, 1, 0xd, 0xb8}, .port = 7};
        uint8_t datagram[SMX_LINK_DATAGRAM(3)], msg1[SMX_WIRE_MSG1];
        struct smx_wire_keys keys;

        smx_rng_bytes(&net->rng, from.ip + 4, 12);
        smx_rng_bytes(&net->rng, msg1, sizeof msg1); /* no true handshake, but its first MAC holds */
        smx_wire_keys(&keys, net->n[ACCEPTOR].keys.public);
        smx_wire_init_write(datagram, 3, 9, msg1, 0, &net->rng);
        smx_wire_macs_write(datagram, sizeof datagram, keys.mac1, NULL);
        smx_wire_mask(keys.mask, datagram, sizeof datagram);
        feed(net, ACCEPTOR, &from, datagram, sizeof datagram);
        smx_out_reset(&net->n[ACCEPTOR].out);
    }
}

static void under_load_a_client_gets_a_cookie_and_then_its_link(void **state)
{
    struct net *net;
    unsigned ms = 0;

    (void)state;
    net = net_new(SMX_LINK_CLIENT, 3);
    smx_endpoint_free(net->n[ACCEPTOR].ep);
    net->handshakes_per_s = 20;
    node_start(net, ACCEPTOR);
    connect_up(net);
    for (; net->n[CONNECTOR].ups == 0 && ms < 5000; ms++) {
        flood(net, 3); /* 3000 a second */
        step(net);
    }
    assert_in_range(ms, 100, 2000);
    assert_int_equal(counters(net, CONNECTOR)->cookies_taken, 1);
    assert_int_equal(counters(net, CONNECTOR)->handshakes_sent, 2);
    assert_true(counters(net, ACCEPTOR)->cookies_sent > 250);
    assert_true(counters(net, ACCEPTOR)->handshakes_read <= 20 + 20 * (ms / 1000 + 1) + 1);
    net_free(net);
}

/* Sources that have asked for their cookies, and now use them. */
enum { SOURCES = 400 };
struct crowd {
    struct smx_addr addr[SOURCES];
    uint8_t cookie[SOURCES][SMX_MAC16], bits[SOURCES];
    size_t next;
    uint8_t last[SMX_LINK_DATAGRAM(3)]; /* sent */
};

static struct smx_addr crowd_addr(struct net *net)
{
    struct smx_addr addr = {.ip = {0x20, 1, 0xd, 0xb8}, .port = 7};

    smx_rng_bytes(&net->rng, addr.ip + 4, 12);
    return addr;
}

/* An init of source i, with its cookie if it has one, and with work if it does any. */
static void crowd_sends(struct net *net, struct crowd *c, size_t i, bool has_cookie, uint64_t work)
{
    struct node *acceptor = &net->n[ACCEPTOR];
    uint8_t datagram[SMX_LINK_DATAGRAM(3)], msg1[SMX_WIRE_MSG1], mac1[SMX_MAC16];
    struct smx_wire_handshake h;
    struct smx_wire_keys keys;

    smx_rng_bytes(&net->rng, msg1, sizeof msg1);
    while (has_cookie && work && c->bits[i] > 0 &&
           !smx_wire_work_search(msg1, c->cookie[i], c->bits[i], &work))
        ;
    smx_wire_keys(&keys, acceptor->keys.public);
    smx_wire_init_write(datagram, 3, 9, msg1, work, &net->rng);
    smx_wire_macs_write(datagram, sizeof datagram, keys.mac1, has_cookie ? c->cookie[i] : NULL);
    memcpy(mac1, smx_wire_mac1(datagram, sizeof datagram), sizeof mac1);
    smx_wire_mask(keys.mask, datagram, sizeof datagram);
    memcpy(c->last, datagram, sizeof datagram);
    feed(net, ACCEPTOR, &c->addr[i], datagram, sizeof datagram);
    if (acceptor->out.dgram_count == 1 && acceptor->out.dgram[0].len == sizeof datagram) {
        uint8_t *answer = acceptor->out.bytes + acceptor->out.dgram[0].at;

        smx_wire_mask(keys.mask, answer, sizeof datagram);
        if (smx_wire_handshake_read(&h, answer, sizeof datagram) == SMX_OK && h.type == SMX_WIRE_COOKIE)
            assert_int_equal(smx_wire_cookie_open(c->cookie[i], &c->bits[i], &h, keys.cookie, mac1), SMX_OK);
    }
    smx_out_reset(&acceptor->out);
}

static void a_crowd_that_does_not_work_keeps_nobody_out(void **state)
{
    struct net *net = net_new(SMX_LINK_CLIENT, 3);
    struct crowd *c = calloc(1, sizeof *c);
    unsigned ms = 0;

    (void)state;
    assert_non_null(c);
    smx_endpoint_free(net->n[ACCEPTOR].ep);
    net->handshakes_per_s = 20; /* 80 with cookies */
    node_start(net, ACCEPTOR);
    for (int i = 0; i < 100; i++)
        flood(net, 1);
    for (size_t i = 0; i < SOURCES; i++) {
        c->addr[i] = crowd_addr(net);
        crowd_sends(net, c, i, false, 0);
    }
    for (; ms < 15000 && net->n[CONNECTOR].ups == 0; ms++) {
        if (ms == 5000)
            connect_up(net);
        flood(net, 1); /* so that nothing is free */
        for (int k = 0; k < 3; k++)
            crowd_sends(net, c, c->next++ % SOURCES, true, 0);
        step(net);
    }
    assert_in_range(ms, 5000, 10000);
    free(c);
    assert_true(counters(net, ACCEPTOR)->handshakes_paid >= 1);
    net_free(net);
}

static void what_was_paid_for_counts_once(void **state)
{
    struct net *net = net_new(SMX_LINK_CLIENT, 3);
    struct crowd *c = calloc(1, sizeof *c);
    uint64_t paid;

    (void)state;
    assert_non_null(c);
    smx_endpoint_free(net->n[ACCEPTOR].ep);
    net->handshakes_per_s = 20;
    node_start(net, ACCEPTOR);
    flood(net, 100);
    for (size_t i = 0; i < SOURCES; i++) {
        c->addr[i] = crowd_addr(net);
        crowd_sends(net, c, i, false, 0);
    }
    for (int ms = 0; ms < 1100; ms++) { /* work is asked for from then on */
        flood(net, 1);
        crowd_sends(net, c, c->next++ % SOURCES, true, 0);
        step(net);
    }
    paid = counters(net, ACCEPTOR)->handshakes_paid;
    flood(net, 20);             /* nothing is free */
    for (int i = 0; i < 2; i++) /* the first may learn that more is asked for by now */
        crowd_sends(net, c, 0, true, 1);
    assert_in_range(counters(net, ACCEPTOR)->handshakes_paid, paid + 1, paid + 2);
    paid = counters(net, ACCEPTOR)->handshakes_paid;
    feed(net, ACCEPTOR, &c->addr[0], c->last, sizeof c->last);
    assert_int_equal(counters(net, ACCEPTOR)->handshakes_paid, paid);
    assert_int_equal(counters(net, ACCEPTOR)->handshake_repeated, 1);
    free(c);
    net_free(net);
}

static void a_forged_cookie_is_not_taken(void **state)
{
    struct net *net = keeping(SMX_LINK_CLIENT, 3, SMX_WIRE_INIT);
    static const uint8_t cookie[16] = {1};
    uint8_t datagram[SMX_LINK_DATAGRAM(3)], mac1[16] = {0};
    struct smx_wire_keys keys;
    uint32_t index;

    (void)state;
    net->counts[2] = 1;
    connect_up(net);
    run(net, 10);
    smx_wire_keys(&keys, net->n[ACCEPTOR].keys.public);
    smx_wire_mask(keys.mask, kept.bytes, kept.len);
    memcpy(&index, kept.bytes + SMX_LINK_HEAD, 4);
    for (int real = 0; real < 2; real++) {
        if (real) /* who has seen the init on its way can do it, and harms nobody: a cookie is only one more
                     MAC */
            memcpy(mac1, kept.bytes + kept.len - 16, 16);
        smx_wire_cookie_write(datagram, 3, __builtin_bswap32(index), keys.cookie, mac1, cookie, 0, &net->rng);
        smx_wire_mask(keys.mask, datagram, sizeof datagram);
        feed(net, CONNECTOR, &net->n[ACCEPTOR].addr, datagram, sizeof datagram);
        assert_int_equal(counters(net, CONNECTOR)->cookies_taken, real);
    }
    run(net, 3000);
    assert_int_equal(net->n[CONNECTOR].ups, 1);
    net_free(net);
}

static void half_open_links_fill_the_table_for_five_seconds_only(void **state)
{
    struct net *net = net_new(SMX_LINK_CLIENT, 3);
    struct smx_endpoint_config config = {.client_links_max = 1, .timing = timing};

    (void)state;
    for (int i = 0; i < 12; i++) { /* the acceptor has room for 8 */
        struct smx_endpoint *ep;
        uint32_t link;

        smx_x25519_make(&config.local, &net->rng);
        assert_int_equal(smx_endpoint_new(&ep, &config, &net->rng), SMX_OK);
        assert_int_equal(smx_endpoint_connect(ep, net->now, &net->n[ACCEPTOR].addr,
                                              net->n[ACCEPTOR].keys.public, SMX_LINK_CLIENT, 3, &link),
                         SMX_OK);
        smx_endpoint_expire(ep, net->now, net->wall, &net->n[CONNECTOR].out);
        launch(net, CONNECTOR);
        smx_endpoint_free(ep);
    }
    run(net, 1000);
    assert_int_equal(counters(net, ACCEPTOR)->handshake_full, 4);
    connect_up(net);
    run(net, 8000);
    assert_int_equal(net->n[ACCEPTOR].ups, 1);
    net_free(net);
}

/* ---- what an observer sees ---- */

static uint32_t histogram[SMX_LINK_DATAGRAM_MAX][256];

static bool histogram_hook(struct net *net, int to, const uint8_t *bytes, size_t len, smx_time *delay)
{
    (void)delay;
    if (to == ACCEPTOR && (int)handshake_type(net, to, bytes, len) == net->counts[0]) {
        net->counts[1]++;
        for (size_t i = 0; i < len; i++)
            histogram[i][bytes[i]]++;
    }
    return true;
}

static void no_byte_of_a_datagram_is_predictable(void **state)
{
    struct net *net = net_new(SMX_LINK_CLIENT, 1);

    (void)state;
    memset(histogram, 0, sizeof histogram);
    net->hook = histogram_hook;
    connect_up(net);
    while (net->counts[1] < 10000)
        step(net);
    for (size_t i = 0; i < SMX_LINK_DATAGRAM(1); i++) {
        double chi2 = 0, wanted = net->counts[1] / 256.0;

        for (int v = 0; v < 256; v++)
            chi2 += (histogram[i][v] - wanted) * (histogram[i][v] - wanted) / wanted;
        assert_true(chi2 < 400); /* 255 degrees of freedom: 6.4 standard deviations */
    }
    net_free(net);
}

static void no_byte_of_a_handshake_is_constant(void **state)
{
    struct net *net = net_new(SMX_LINK_CLIENT, 2);

    (void)state;
    memset(histogram, 0, sizeof histogram);
    net->hook = histogram_hook;
    net->counts[0] = SMX_WIRE_INIT;
    for (int i = 0; i < 1000; i++) {
        connect_up(net);
        run(net, 1);
        smx_link_close(net->n[CONNECTOR].ep, net->n[CONNECTOR].link);
    }
    assert_int_equal(net->counts[1], 1000);
    for (size_t i = 0; i < SMX_LINK_DATAGRAM(2); i++)
        for (int v = 0; v < 256; v++)
            assert_true(histogram[i][v] < 35); /* 4 in the mean; 8 where X25519 leaves the highest bit zero */
    net_free(net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_repeated_init_is_refused_from_anywhere),
        cmocka_unit_test(a_captured_init_that_comes_first_makes_no_link),
        cmocka_unit_test(a_repeated_response_changes_nothing),
        cmocka_unit_test(a_clock_may_be_two_minutes_off_and_no_more),
        cmocka_unit_test(of_one_relay_an_older_init_is_refused_after_a_newer),
        cmocka_unit_test(only_relays_of_the_consensus_make_relay_links),
        cmocka_unit_test(a_client_accepts_nobody_and_does_no_work_for_it),
        cmocka_unit_test(two_that_connect_to_each_other_both_refuse),
        cmocka_unit_test(for_another_nodes_key_not_even_the_first_mac_holds),
        cmocka_unit_test(every_cut_and_every_flipped_bit_is_dropped_and_changes_nothing),
        cmocka_unit_test(a_datagram_counts_once),
        cmocka_unit_test(the_size_of_another_link_class_is_dropped),
        cmocka_unit_test(under_load_a_client_gets_a_cookie_and_then_its_link),
        cmocka_unit_test(a_crowd_that_does_not_work_keeps_nobody_out),
        cmocka_unit_test(what_was_paid_for_counts_once),
        cmocka_unit_test(a_forged_cookie_is_not_taken),
        cmocka_unit_test(half_open_links_fill_the_table_for_five_seconds_only),
        cmocka_unit_test(no_byte_of_a_datagram_is_predictable),
        cmocka_unit_test(no_byte_of_a_handshake_is_constant),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
