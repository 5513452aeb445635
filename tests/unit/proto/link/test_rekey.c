/* New keys on a live link: overlap, loss, reorder, and what a peer can't do with it. */
#include "tests/unit/proto/link/fixture.h"

#define FIRST_REKEY 120000 /* ms */

static void a_live_link_gets_new_keys_every_two_minutes_and_loses_nothing(void **state)
{
    struct net *net = net_new(SMX_LINK_CLIENT, 3);

    (void)state;
    connect_up(net);
    run(net, 3 * FIRST_REKEY + 5000);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(counters(net, i)->rekeys, 3);
        assert_int_equal(counters(net, i)->handshakes_done, 1);
        assert_int_equal(counters(net, i)->rekeys_refused, 0);
        assert_int_equal(net->n[i].downs, 0);
        assert_int_equal(net->n[i].ups, 1);
        /* each rekey takes the place of one cell each way, which its owner sees as filler */
        assert_int_equal(net->n[i].cells, net->n[i].datagrams * 3 - 3);
        assert_in_range(counters(net, !i)->sent - net->n[i].datagrams, 0, 3); /* still under way */
    }
    net_free(net);
}

static bool lossy_hook(struct net *net, int to, const uint8_t *bytes, size_t len, smx_time *delay)
{
    (void)to, (void)bytes, (void)len;
    *delay += SMX_MS(smx_rng_below(&net->rng, 80)); /* reorders over four ticks and more */
    return smx_rng_below(&net->rng, 100) >= 30;
}

static void rekeys_get_through_loss_and_reorder(void **state)
{
    (void)state;
    for (int round = 0; round < 4; round++) {
        struct net *net = net_new(SMX_LINK_RELAY, 6);

        smx_rng_bytes(&net->rng, net->counts, (size_t)round); /* another course each time */
        connect_up(net);
        run(net, 1000);
        net->hook = lossy_hook;
        run(net, 2 * FIRST_REKEY + 20000);
        for (int i = 0; i < 2; i++) {
            uint64_t share = net->n[i].datagrams * 100 / counters(net, !i)->sent;

            assert_int_equal(counters(net, i)->rekeys, 2);
            assert_int_equal(net->n[i].downs, 0);
            assert_in_range(share, 66, 74); /* what was not lost on the way was read: old keys serve on */
            assert_int_equal(counters(net, i)->bad_tag, 0);
            assert_int_equal(counters(net, i)->bad_counter, 0);
            assert_int_equal(counters(net, i)->bad_index, 0);
        }
        net_free(net);
    }
}

/* Loses all cells to node counts[0] for as long as counts[1] says. */
static bool one_way_hook(struct net *net, int to, const uint8_t *bytes, size_t len, smx_time *delay)
{
    (void)bytes, (void)len, (void)delay;
    return !(net->counts[1] && to == net->counts[0]);
}

static void a_lost_request_or_answer_is_repeated(void **state)
{
    (void)state;
    for (int to = 0; to < 2; to++) {
        struct net *net = net_new(SMX_LINK_CLIENT, 3);

        net->hook = one_way_hook;
        net->counts[0] = to;
        connect_up(net);
        run(net, FIRST_REKEY - 500);
        net->counts[1] = 1;
        run(net, 2500); /* request or answer falls in here; the link stays up */
        net->counts[1] = 0;
        run(net, 2500);
        for (int i = 0; i < 2; i++) {
            assert_int_equal(counters(net, i)->rekeys, 1);
            assert_int_equal(net->n[i].downs, 0);
            /* an answer that is repeated costs no public-key work again */
            assert_int_equal(counters(net, i)->handshakes_read, 2);
        }
        net_free(net);
    }
}

static bool slow_hook(struct net *net, int to, const uint8_t *bytes, size_t len, smx_time *delay)
{
    (void)bytes, (void)len;
    if (net->counts[1] && to == CONNECTOR)
        *delay += SMX_MS(1600);
    return true;
}

static void an_answer_slower_than_the_repetition_still_counts(void **state)
{
    struct net *net = net_new(SMX_LINK_CLIENT, 3);

    (void)state;
    net->hook = slow_hook;
    connect_up(net);
    run(net, FIRST_REKEY / 2);
    net->counts[1] = 1;
    run(net, FIRST_REKEY);
    assert_int_equal(counters(net, CONNECTOR)->rekeys, 1);
    assert_int_equal(counters(net, ACCEPTOR)->rekeys, 1);
    assert_int_equal(counters(net, CONNECTOR)->rekeys_refused, 1); /* the second answer, to the repetition */
    net_free(net);
}

/* Keeps the first datagram to the acceptor once counts[0] is set. */
static struct flight kept;
static bool keep_hook(struct net *net, int to, const uint8_t *bytes, size_t len, smx_time *delay)
{
    (void)delay;
    if (to != ACCEPTOR || net->counts[0]-- != 1)
        return true;
    kept.len = len;
    kept.from = net->n[CONNECTOR].addr;
    memcpy(kept.bytes, bytes, len);
    return false;
}

static void old_keys_are_gone_ten_seconds_after_a_rekey(void **state)
{
    (void)state;
    for (int late = 0; late < 2; late++) {
        struct net *net = net_new(SMX_LINK_CLIENT, 3);
        struct smx_link_rx rx;

        connect_up(net);
        run(net, FIRST_REKEY - 1000);
        net->hook = keep_hook;
        net->counts[0] = 1;
        run(net, late ? 15000 : 2000);
        rx = feed(net, ACCEPTOR, &kept.from, kept.bytes, kept.len);
        assert_int_equal(counters(net, ACCEPTOR)->rekeys, 1);
        assert_int_equal(rx.what, late ? SMX_LINK_RX_NONE : SMX_LINK_RX_CELLS);
        assert_int_equal(counters(net, ACCEPTOR)->bad_index, late);
        net_free(net);
    }
}

/* Sends a command cell of our own making over the true link. */
static void send_cell(struct net *net, const uint8_t cell[SMX_LINK_CELL])
{
    struct node *n = &net->n[CONNECTOR];
    uint8_t *cells = smx_link_begin(n->ep, n->link, &n->out);

    assert_non_null(cells);
    memset(cells, 0, (size_t)net->cells * SMX_LINK_CELL);
    memcpy(cells + SMX_LINK_CELL, cell, SMX_LINK_CELL);
    smx_link_seal(n->ep, n->link, cells, ++n->tick, 0);
    launch(net, CONNECTOR);
    run(net, 40);
}

static void request_make(struct net *net, uint8_t cell[SMX_LINK_CELL], const struct smx_x25519 *who,
                         struct smx_wire_hello hello)
{
    uint8_t payload[SMX_WIRE_HELLO_1], msg1[SMX_WIRE_MSG1];
    struct smx_noise noise;

    smx_noise_init(&noise, SMX_NOISE_IK, true, smx_wire_prologue, SMX_WIRE_PROLOGUE, who,
                   net->n[ACCEPTOR].keys.public);
    smx_wire_hello1_write(payload, &hello);
    assert_int_equal(smx_noise_write(&noise, &net->rng, payload, sizeof payload, msg1), SMX_OK);
    smx_wire_rekey_write(cell, &(struct smx_wire_rekey){.step = 1, .sender = 5, .msg = msg1});
    smx_noise_fini(&noise);
}

static void a_rekey_of_another_key_or_incarnation_is_refused(void **state)
{
    struct net *net = net_new(SMX_LINK_CLIENT, 3);
    struct smx_x25519 other;
    uint8_t cell[SMX_LINK_CELL];

    (void)state;
    connect_up(net);
    smx_x25519_make(&other, &net->rng);
    run(net, 70000); /* no request is listened to in the first minute */
    request_make(net, cell, &net->n[CONNECTOR].keys,
                 (struct smx_wire_hello){.boot = 1, .kind = 0, .cells = 3});
    send_cell(net, cell);
    run(net, 31000);
    request_make(net, cell, &other, (struct smx_wire_hello){.boot = 1, .kind = 0, .cells = 3});
    send_cell(net, cell);
    assert_int_equal(counters(net, ACCEPTOR)->rekeys_refused, 2);
    assert_int_equal(counters(net, ACCEPTOR)->handshakes_read, 3);
    assert_int_equal(counters(net, ACCEPTOR)->rekeys, 0);
    run(net, 60000); /* and the honest one goes through afterwards */
    assert_int_equal(counters(net, ACCEPTOR)->rekeys, 1);
    net_free(net);
}

static void rekeys_can_not_be_used_to_make_us_work(void **state)
{
    struct net *net = net_new(SMX_LINK_CLIENT, 3);
    uint8_t cell[SMX_LINK_CELL];

    (void)state;
    connect_up(net);
    run(net, 1000);
    for (int i = 0; i < 50; i++) {
        request_make(net, cell, &net->n[CONNECTOR].keys,
                     (struct smx_wire_hello){.boot = 1, .kind = 0, .cells = 3});
        send_cell(net, cell);
        run(net, 1000);
    }
    assert_int_equal(counters(net, ACCEPTOR)->handshakes_read, 1);
    assert_int_equal(counters(net, ACCEPTOR)->rekeys_refused, 50);
    net_free(net);
}

static void a_malformed_rekey_is_refused_and_hidden(void **state)
{
    struct net *net = net_new(SMX_LINK_CLIENT, 3);
    uint8_t cell[SMX_LINK_CELL] = {0};

    (void)state;
    connect_up(net);
    run(net, 1000);
    cell[8] = SMX_WIRE_REKEY_TYPE;
    for (int step = 0; step < 4; step++) { /* 1 and 2: an unwanted one; feed() checks that no owner sees it */
        cell[9] = (uint8_t)step;
        send_cell(net, cell);
    }
    cell[SMX_LINK_CELL - 1] = 1;
    send_cell(net, cell);
    cell[7] = 1; /* seq */
    send_cell(net, cell);
    assert_int_equal(counters(net, ACCEPTOR)->rekeys_refused, 6);
    net_free(net);
}

static void a_session_that_nobody_renews_ends_after_ten_minutes(void **state)
{
    struct net *net = net_new(SMX_LINK_CLIENT, 3);

    (void)state;
    connect_up(net);
    run(net, 1000);
    for (int i = 0; i < 605;
         i++) { /* the connector has cells, but its link layer is never asked for commands */
        struct node *n = &net->n[CONNECTOR];

        n->silent = true;
        if (smx_link_is_up(n->ep, n->link)) {
            uint8_t *cells = smx_link_begin(n->ep, n->link, &n->out);

            memset(cells, 0, (size_t)net->cells * SMX_LINK_CELL);
            smx_link_seal(n->ep, n->link, cells, ++n->tick, 0);
            launch(net, CONNECTOR);
        }
        run(net, 1000);
    }
    assert_int_equal(counters(net, CONNECTOR)->rekeys, 0);
    assert_true(net->n[ACCEPTOR].downs >= 1 && net->n[CONNECTOR].downs >= 1);
    assert_int_equal(counters(net, CONNECTOR)->handshakes_done, 2);
    net_free(net);
}

/* Rounds of ms: the way both ways, and at most a tick that the other side waits for. */
static void round_trips_are_measured_by_both_sides(void **state)
{
    (void)state;
    for (smx_time delay = SMX_MS(1); delay <= SMX_MS(150); delay += SMX_MS(37)) {
        struct net *net = net_new(SMX_LINK_RELAY, 6);

        net->delay = delay;
        connect_up(net);
        assert_int_equal(smx_link_rtt(net->n[CONNECTOR].ep, net->n[CONNECTOR].link), 0);
        run(net, 4000);
        for (int round = 0; round < 2; round++) {
            for (int i = 0; i < 2; i++) {
                smx_time rtt = smx_link_rtt(net->n[i].ep, net->n[i].link);

                assert_in_range(rtt, 2 * delay, 2 * delay + SMX_MS(13)); /* steps of the fixture are 1 ms */
            }
            run(net, FIRST_REKEY); /* and again by rekeys */
        }
        net_free(net);
    }
}

/* After a minute every datagram takes longer by counts[0] ms. */
static bool longer_hook(struct net *net, int to, const uint8_t *bytes, size_t len, smx_time *delay)
{
    (void)to, (void)bytes, (void)len;
    *delay += SMX_MS(net->counts[0]);
    return true;
}

static void a_path_that_has_become_longer_shows_within_minutes(void **state)
{
    struct net *net = net_new(SMX_LINK_RELAY, 6);

    (void)state;
    net->hook = longer_hook;
    connect_up(net);
    run(net, 1000);
    net->counts[0] = 100;
    run(net, 5 * FIRST_REKEY);
    for (int i = 0; i < 2; i++)
        assert_in_range(smx_link_rtt(net->n[i].ep, net->n[i].link), SMX_MS(260), SMX_MS(273));
    net_free(net);
}

static void a_lost_answer_never_makes_a_round_trip_look_shorter(void **state)
{
    struct net *net = net_new(SMX_LINK_RELAY, 6);

    (void)state;
    net->hook = one_way_hook;
    connect_up(net);
    run(net, FIRST_REKEY - 1000);
    for (net->counts[0] = 0; net->counts[0] < 2; net->counts[0]++) {
        net->counts[1] = 1; /* over the time of a rekey, once each way */
        run(net, 2500);
        net->counts[1] = 0;
        run(net, FIRST_REKEY - 2500);
        for (int i = 0; i < 2; i++)
            assert_true(smx_link_rtt(net->n[i].ep, net->n[i].link) >= SMX_MS(60));
    }
    net_free(net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_live_link_gets_new_keys_every_two_minutes_and_loses_nothing),
        cmocka_unit_test(rekeys_get_through_loss_and_reorder),
        cmocka_unit_test(a_lost_request_or_answer_is_repeated),
        cmocka_unit_test(an_answer_slower_than_the_repetition_still_counts),
        cmocka_unit_test(old_keys_are_gone_ten_seconds_after_a_rekey),
        cmocka_unit_test(a_rekey_of_another_key_or_incarnation_is_refused),
        cmocka_unit_test(rekeys_can_not_be_used_to_make_us_work),
        cmocka_unit_test(a_malformed_rekey_is_refused_and_hidden),
        cmocka_unit_test(round_trips_are_measured_by_both_sides),
        cmocka_unit_test(a_path_that_has_become_longer_shows_within_minutes),
        cmocka_unit_test(a_lost_answer_never_makes_a_round_trip_look_shorter),
        cmocka_unit_test(a_session_that_nobody_renews_ends_after_ten_minutes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
