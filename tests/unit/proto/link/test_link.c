/* A link's life: handshake, loss, silence, resumption, roaming. */
#include "tests/unit/proto/link/fixture.h"

static void a_client_comes_up_and_both_sides_get_every_cell(void **state)
{
    struct net *net = net_new(SMX_LINK_CLIENT, 3);

    (void)state;
    connect_up(net);
    run(net, 1000);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(net->n[i].ups, 1);
        assert_int_equal(net->n[i].resumed, 0);
        assert_int_equal(net->n[i].downs, 0);
        assert_true(net->n[i].datagrams >= 43);
        assert_int_equal(net->n[i].cells, net->n[i].datagrams * 3);
        assert_int_equal(smx_link_cells(net->n[i].ep, net->n[i].link), 3);
        assert_int_equal(smx_link_kind(net->n[i].ep, net->n[i].link), SMX_LINK_CLIENT);
        assert_memory_equal(smx_link_peer_static(net->n[i].ep, net->n[i].link), net->n[!i].keys.public, 32);
        assert_int_equal(counters(net, i)->handshakes_done, 1);
    }
    assert_int_equal(counters(net, CONNECTOR)->handshakes_sent, 1);
    net_free(net);
}

static void relays_come_up_when_the_consensus_names_both(void **state)
{
    struct net *net = net_new(SMX_LINK_RELAY, 6);

    (void)state;
    connect_up(net);
    run(net, 500);
    assert_int_equal(net->n[ACCEPTOR].ups, 1);
    assert_int_equal(net->n[CONNECTOR].ups, 1);
    assert_true(net->n[ACCEPTOR].datagrams > 35);
    assert_int_equal(net->n[ACCEPTOR].cells, 6 * net->n[ACCEPTOR].datagrams);
    net_free(net);
}

static bool size_hook(struct net *net, int to, const uint8_t *bytes, size_t len, smx_time *delay)
{
    (void)to, (void)bytes, (void)delay;
    assert_int_equal(len, SMX_LINK_DATAGRAM(net->cells));
    net->counts[0]++;
    return true;
}

static void all_datagrams_of_a_link_have_one_size(void **state)
{
    (void)state;
    for (int cells = 1; cells <= SMX_LINK_CELLS_MAX; cells++) {
        struct net *net = net_new(SMX_LINK_CLIENT, (uint8_t)cells);

        net->hook = size_hook;
        connect_up(net);
        run(net, 200);
        assert_int_equal(net->n[ACCEPTOR].ups, 1);
        assert_true(net->counts[0] > 5);
        net_free(net);
    }
}

static void hundreds_of_clients_keep_apart_and_a_full_relay_refuses_the_next(void **state)
{
    enum { CLIENTS = 300 };
    struct net *net = net_new(SMX_LINK_CLIENT, 2); /* for its clock, addresses and outs */
    struct smx_endpoint_config config = {.client_links_max = CLIENTS,
                                         .accept_clients = true,
                                         .handshakes_per_s = 10 * CLIENTS,
                                         .local = net->n[ACCEPTOR].keys,
                                         .timing = timing};
    struct smx_out *out = &net->n[CONNECTOR].out, *back = &net->n[ACCEPTOR].out;
    struct smx_endpoint *relay;
    struct smx_link_rx rx;
    bool taken[CLIENTS] = {false};

    (void)state;
    assert_int_equal(smx_endpoint_new(&relay, &config, &net->rng), SMX_OK);
    config.client_links_max = 1;
    config.accept_clients = false;
    for (int i = 0; i <= CLIENTS; i++) {
        struct smx_addr from = {.ip = {0x20, 1, 0xd, 0xb8, [14] = (uint8_t)(i >> 8), (uint8_t)i}, .port = 5};
        struct smx_endpoint *client;
        uint32_t link;
        uint8_t *cells;

        smx_x25519_make(&config.local, &net->rng);
        assert_int_equal(smx_endpoint_new(&client, &config, &net->rng), SMX_OK);
        assert_int_equal(smx_endpoint_connect(client, net->now, &net->n[ACCEPTOR].addr,
                                              net->n[ACCEPTOR].keys.public, SMX_LINK_CLIENT, 2, &link),
                         SMX_OK);
        smx_endpoint_expire(client, net->now, net->wall, out);
        smx_endpoint_receive(relay, net->now, net->wall, &from, out->bytes, out->dgram[0].len, back, &rx);
        smx_out_reset(out);
        assert_int_equal(back->dgram_count, i < CLIENTS);
        if (i < CLIENTS) {
            smx_endpoint_receive(client, net->now, net->wall, &net->n[ACCEPTOR].addr, back->bytes,
                                 back->dgram[0].len, out, &rx);
            smx_out_reset(back);
            assert_int_equal(rx.what, SMX_LINK_RX_UP);
            cells = smx_link_begin(client, link, out);
            memset(cells, i & 0x7f, (size_t)2 * SMX_LINK_CELL);
            smx_link_seal(client, link, cells, 9, 0);
            smx_endpoint_receive(relay, net->now, net->wall, &from, out->bytes, out->dgram[0].len, back, &rx);
            smx_out_reset(out);
            assert_int_equal(rx.what, SMX_LINK_RX_UP);
            assert_true(rx.link < CLIENTS && !taken[rx.link] && rx.cells[100] == (i & 0x7f));
            assert_true(smx_addr_equal(smx_link_addr(relay, rx.link), &from));
            taken[rx.link] = true;
        }
        smx_endpoint_free(client);
    }
    assert_int_equal(smx_endpoint_counters(relay)->handshake_full, 1);
    for (uint32_t i = 0; i < CLIENTS; i++) /* all fall silent, and all are told */
        taken[i] = false;
    smx_endpoint_expire(relay, net->now + SMX_SECOND(4), net->wall, back);
    for (uint32_t link; smx_endpoint_next_down(relay, &link); taken[link] = true)
        assert_false(taken[link]);
    for (uint32_t i = 0; i < CLIENTS; i++) {
        assert_true(taken[i]);
        smx_link_close(relay, i);
    }
    assert_true(smx_endpoint_deadline(relay) == SMX_NEVER);
    smx_endpoint_free(relay);
    net_free(net);
}

/* Loses the first datagram of the type in counts[0]. */
static bool lose_first_hook(struct net *net, int to, const uint8_t *bytes, size_t len, smx_time *delay)
{
    (void)delay;
    if (net->counts[1] == 0 && (int)handshake_type(net, to, bytes, len) == net->counts[0]) {
        net->counts[1]++;
        return false;
    }
    return true;
}

static void the_loss_of_any_first_message_is_made_good(void **state)
{
    static const int lost[] = {SMX_WIRE_INIT, SMX_WIRE_RESPONSE, 0 /* the first cells, which confirm */};

    (void)state;
    for (size_t i = 0; i < sizeof lost / sizeof *lost; i++) {
        struct net *net = net_new(SMX_LINK_CLIENT, 3);

        net->hook = lose_first_hook;
        net->counts[0] = lost[i];
        connect_up(net);
        run(net, 3000);
        assert_int_equal(net->counts[1], 1);
        assert_int_equal(net->n[ACCEPTOR].ups, 1);
        assert_int_equal(net->n[CONNECTOR].ups, 1);
        assert_true(net->n[CONNECTOR].datagrams > 20);
        assert_int_equal(counters(net, CONNECTOR)->handshakes_sent, lost[i] ? 2 : 1);
        net_free(net);
    }
}

static bool lose_all_hook(struct net *net, int to, const uint8_t *bytes, size_t len, smx_time *delay)
{
    (void)delay;
    if (net->counts[2]) { /* look only */
        if (handshake_type(net, to, bytes, len) == SMX_WIRE_INIT)
            net->counts[3]++;
        return false;
    }
    return true;
}

static void a_silent_link_goes_down_after_three_seconds_and_resumes_by_itself(void **state)
{
    struct net *net = net_new(SMX_LINK_CLIENT, 3);

    (void)state;
    net->hook = lose_all_hook;
    connect_up(net);
    run(net, 1000);
    net->counts[2] = 1;
    run(net, 2900);
    assert_int_equal(net->n[ACCEPTOR].downs + net->n[CONNECTOR].downs, 0);
    run(net, 300);
    assert_int_equal(net->n[ACCEPTOR].downs, 1);
    assert_int_equal(net->n[CONNECTOR].downs, 1);
    assert_false(smx_link_is_up(net->n[ACCEPTOR].ep, net->n[ACCEPTOR].link));
    assert_null(smx_link_begin(net->n[ACCEPTOR].ep, net->n[ACCEPTOR].link, &net->n[ACCEPTOR].out));
    run(net, 60000);
    assert_in_range(net->counts[3], 8, 20); /* tries anew, ever more slowly */
    net->counts[2] = 0;
    run(net, 22000);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(net->n[i].ups, 2);
        assert_int_equal(net->n[i].resumed, 1);
        assert_int_equal(net->n[i].downs, 1);
    }
    net_free(net);
}

static bool lose_to_connector_hook(struct net *net, int to, const uint8_t *bytes, size_t len, smx_time *delay)
{
    (void)bytes, (void)len, (void)delay;
    return !(net->counts[0] && to == CONNECTOR);
}

static void a_link_that_is_deaf_one_way_resumes_when_it_hears_again(void **state)
{
    struct net *net = net_new(SMX_LINK_RELAY, 6);

    (void)state;
    net->hook = lose_to_connector_hook;
    connect_up(net);
    run(net, 1000);
    net->counts[0] = 1;
    run(net, 5000);
    net->counts[0] = 0;
    run(net, 3000);
    for (int i = 0; i < 2; i++) {
        assert_true(smx_link_is_up(net->n[i].ep, net->n[i].link));
        assert_int_equal(net->n[i].resumed, net->n[i].ups - 1);
    }
    assert_int_equal(net->n[CONNECTOR].downs, 1);
    net_free(net);
}

static void a_peer_that_restarted_comes_up_as_another_incarnation(void **state)
{
    struct net *net = net_new(SMX_LINK_RELAY, 6);

    (void)state;
    connect_up(net);
    run(net, 1000);
    for (int i = 0; i < 2; i++) { /* each in turn: the acceptor, then the connector */
        smx_endpoint_free(net->n[i].ep);
        node_start(net, i);
        net->n[i].tick = 5; /* counts anew */
        net->n[i].link = SMX_LINK_NONE;
        if (i == CONNECTOR)
            connect_up(net);
        run(net, 8000);
        assert_int_equal(net->n[!i].resumed, 0);
        assert_true(smx_link_is_up(net->n[0].ep, net->n[0].link));
        assert_true(smx_link_is_up(net->n[1].ep, net->n[1].link));
        assert_true(net->n[!i].last_tick < 1000);
        assert_int_equal(smx_link_last_tick(net->n[!i].ep, net->n[!i].link), net->n[!i].last_tick);
    }
    assert_int_equal(net->n[ACCEPTOR].ups, 3);
    assert_int_equal(net->n[CONNECTOR].ups, 3);
    net_free(net);
}

static void new_network_parameters_leave_what_is_up_up(void **state)
{
    struct net *net = net_new(SMX_LINK_RELAY, 6);
    struct smx_link_timing other = timing;
    uint64_t tick;

    (void)state;
    connect_up(net);
    run(net, 16000);
    tick = smx_link_last_tick(net->n[ACCEPTOR].ep, net->n[ACCEPTOR].link);
    assert_int_equal(smx_link_margin(net->n[ACCEPTOR].ep, net->n[ACCEPTOR].link), timing.margin_min);
    other.margin_min = SMX_MS(2);
    smx_endpoint_set_timing(net->n[ACCEPTOR].ep, &other);
    assert_int_equal(smx_link_margin(net->n[ACCEPTOR].ep, net->n[ACCEPTOR].link), other.margin_min);
    other.margin_max = SMX_MS(20);
    smx_endpoint_set_timing(net->n[ACCEPTOR].ep, &other);
    assert_int_equal(smx_link_margin(net->n[ACCEPTOR].ep, net->n[ACCEPTOR].link), other.margin_unknown);
    assert_true(smx_link_last_tick(net->n[ACCEPTOR].ep, net->n[ACCEPTOR].link) == tick);
    /* the newest tick came at this very step of a millisecond, at most ten before */
    assert_in_range(net->now - smx_link_expected(net->n[ACCEPTOR].ep, net->n[ACCEPTOR].link, tick), 0,
                    SMX_MS(10));
    other.relay_q = SMX_MS(5);
    smx_endpoint_set_timing(net->n[ACCEPTOR].ep, &other);
    assert_int_equal(smx_link_last_tick(net->n[ACCEPTOR].ep, net->n[ACCEPTOR].link), 0);
    assert_int_equal(net->n[ACCEPTOR].downs, 0);
    net_free(net);
}

static void a_client_that_roams_is_answered_at_its_new_address(void **state)
{
    struct net *net = net_new(SMX_LINK_CLIENT, 3);

    (void)state;
    connect_up(net);
    run(net, 1000);
    assert_int_equal(smx_addr_parse(&net->n[CONNECTOR].addr, "[2001:db8::5]:4001"), SMX_OK);
    run(net, 1000);
    assert_int_equal(counters(net, ACCEPTOR)->roams, 1);
    assert_true(
        smx_addr_equal(smx_link_addr(net->n[ACCEPTOR].ep, net->n[ACCEPTOR].link), &net->n[CONNECTOR].addr));
    assert_int_equal(net->n[CONNECTOR].downs, 0);
    assert_true(net->n[CONNECTOR].datagrams > 80);
    net_free(net);
}

/* Holds one datagram of the connector back by 200 ms. */
static bool late_hook(struct net *net, int to, const uint8_t *bytes, size_t len, smx_time *delay)
{
    (void)bytes, (void)len;
    if (to == ACCEPTOR && net->counts[0]-- == 1)
        *delay += SMX_MS(200);
    return true;
}

static void an_older_datagram_does_not_roam_back(void **state)
{
    struct net *net = net_new(SMX_LINK_CLIENT, 3);

    (void)state;
    connect_up(net);
    run(net, 1000);
    net->hook = late_hook;
    net->counts[0] = 1;
    run(net, 20); /* it leaves from the old address, and comes after the first ones from the new */
    net->hook = NULL;
    assert_int_equal(smx_addr_parse(&net->n[CONNECTOR].addr, "198.51.100.8:4001"), SMX_OK);
    run(net, 1000);
    assert_int_equal(counters(net, ACCEPTOR)->roams, 1);
    assert_int_equal(counters(net, ACCEPTOR)->bad_counter, 0);
    net_free(net);
}

static void a_handshake_goes_to_the_given_address_even_after_roaming(void **state)
{
    struct net *net = net_new(SMX_LINK_CLIENT, 3);
    struct smx_addr home = net->n[ACCEPTOR].addr;

    (void)state;
    net->hook = lose_all_hook;
    connect_up(net);
    run(net, 500);
    assert_int_equal(smx_addr_parse(&net->n[ACCEPTOR].addr, "192.0.2.99:1"), SMX_OK);
    run(net, 500);
    assert_int_equal(counters(net, CONNECTOR)->roams, 1);
    net->n[ACCEPTOR].addr = home;
    net->counts[2] = 1;
    run(net, 3500);
    net->counts[2] = 0;
    run(net, 3000);
    assert_true(smx_link_is_up(net->n[CONNECTOR].ep, net->n[CONNECTOR].link));
    assert_true(smx_addr_equal(smx_link_addr(net->n[CONNECTOR].ep, net->n[CONNECTOR].link), &home));
    net_free(net);
}

static void closing_forgets_the_link_and_frees_its_place(void **state)
{
    struct net *net = net_new(SMX_LINK_CLIENT, 3);
    uint64_t stray;

    (void)state;
    connect_up(net);
    run(net, 500);
    smx_link_close(net->n[ACCEPTOR].ep, net->n[ACCEPTOR].link);
    net->n[ACCEPTOR].link = SMX_LINK_NONE;
    stray = counters(net, ACCEPTOR)->bad_index;
    run(net, 1000);
    assert_true(counters(net, ACCEPTOR)->bad_index > stray + 40);
    run(net, 6000); /* the client notices and makes a new one, which for the relay is its first */
    assert_int_equal(net->n[ACCEPTOR].ups, 2);
    assert_int_equal(net->n[ACCEPTOR].resumed, 0);
    assert_int_equal(net->n[ACCEPTOR].downs, 0);
    smx_link_close(net->n[CONNECTOR].ep, net->n[CONNECTOR].link);
    net->n[CONNECTOR].link = SMX_LINK_NONE;
    connect_up(net);
    run(net, 3000);
    assert_int_equal(net->n[CONNECTOR].ups, 3);
    net_free(net);
}

static void a_second_connect_to_the_same_key_names_the_first(void **state)
{
    struct net *net = net_new(SMX_LINK_CLIENT, 3);
    uint32_t again = 77;

    (void)state;
    connect_up(net);
    assert_int_equal(smx_endpoint_connect(net->n[CONNECTOR].ep, net->now, &net->n[ACCEPTOR].addr,
                                          net->n[ACCEPTOR].keys.public, net->kind, net->cells, &again),
                     SMX_E_STATE);
    assert_int_equal(again, net->n[CONNECTOR].link);
    net_free(net);
}

static void connecting_more_often_than_there_is_room_is_refused(void **state)
{
    struct net *net = net_new(SMX_LINK_CLIENT, 3);
    uint8_t key[32] = {9};
    uint32_t link;

    (void)state;
    for (int i = 0; i < 8; i++, key[1]++)
        assert_int_equal(smx_endpoint_connect(net->n[CONNECTOR].ep, net->now, &net->n[ACCEPTOR].addr, key,
                                              SMX_LINK_CLIENT, 3, &link),
                         SMX_OK);
    assert_int_equal(smx_endpoint_connect(net->n[CONNECTOR].ep, net->now, &net->n[ACCEPTOR].addr, key,
                                          SMX_LINK_CLIENT, 3, &link),
                     SMX_E_FULL);
    net_free(net);
}

static bool digest_hook(struct net *net, int to, const uint8_t *bytes, size_t len, smx_time *delay)
{
    (void)to, (void)delay;
    for (size_t i = 0; i < len; i++)
        net->counts[i % 8] = (int)((unsigned)net->counts[i % 8] * 31U + bytes[i]);
    return true;
}

static void equal_seeds_give_equal_datagrams(void **state)
{
    int first[8];

    (void)state;
    for (int round = 0; round < 2; round++) {
        struct net *net = net_new(SMX_LINK_RELAY, 6);

        net->hook = digest_hook;
        connect_up(net);
        run(net, 400);
        if (round == 0)
            memcpy(first, net->counts, sizeof first);
        assert_memory_equal(first, net->counts, sizeof first);
        net_free(net);
    }
}

static void what_is_of_no_session_is_given_back_as_it_came(void **state)
{
    struct net *net = net_new(SMX_LINK_CLIENT, 3);
    uint8_t sent[SMX_LINK_DATAGRAM(3)], bytes[SMX_LINK_DATAGRAM(3)];
    struct smx_link_rx rx;
    unsigned foreign = 0;

    (void)state;
    connect_up(net);
    run(net, 1000);
    for (int i = 0; i < 1000; i++) { /* two endpoints behind one socket can be asked one after the other */
        smx_rng_bytes(&net->rng, sent, sizeof sent);
        memcpy(bytes, sent, sizeof sent);
        smx_endpoint_receive(net->n[CONNECTOR].ep, net->now, net->wall, &net->n[ACCEPTOR].addr, bytes,
                             sizeof bytes, &net->n[CONNECTOR].out, &rx);
        foreign += rx.foreign;
        assert_memory_equal(bytes, sent, sizeof sent);
    }
    assert_int_equal(foreign, 1000);
    assert_int_equal(counters(net, CONNECTOR)->bad_index, 1000);
    net_free(net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_client_comes_up_and_both_sides_get_every_cell),
        cmocka_unit_test(relays_come_up_when_the_consensus_names_both),
        cmocka_unit_test(all_datagrams_of_a_link_have_one_size),
        cmocka_unit_test(hundreds_of_clients_keep_apart_and_a_full_relay_refuses_the_next),
        cmocka_unit_test(the_loss_of_any_first_message_is_made_good),
        cmocka_unit_test(a_silent_link_goes_down_after_three_seconds_and_resumes_by_itself),
        cmocka_unit_test(a_link_that_is_deaf_one_way_resumes_when_it_hears_again),
        cmocka_unit_test(a_peer_that_restarted_comes_up_as_another_incarnation),
        cmocka_unit_test(new_network_parameters_leave_what_is_up_up),
        cmocka_unit_test(a_client_that_roams_is_answered_at_its_new_address),
        cmocka_unit_test(an_older_datagram_does_not_roam_back),
        cmocka_unit_test(a_handshake_goes_to_the_given_address_even_after_roaming),
        cmocka_unit_test(closing_forgets_the_link_and_frees_its_place),
        cmocka_unit_test(a_second_connect_to_the_same_key_names_the_first),
        cmocka_unit_test(connecting_more_often_than_there_is_room_is_refused),
        cmocka_unit_test(equal_seeds_give_equal_datagrams),
        cmocka_unit_test(what_is_of_no_session_is_given_back_as_it_came),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
