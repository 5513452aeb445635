/* Circuits that are replaced in time, and guards that die, return or are out of reach: in a living network of
 * epochs of 60 s. */
#include "tests/unit/sim/network.h"

enum { NODES = RELAYS + CLIENTS, EPOCHS = 10, CIRCUITS = 4 };

static const struct smx_client_counters *count_of(const struct smx_sim_user *u)
{
    return smx_client_counters(u->client);
}

static bool all_stand(const struct smx_sim_user *u)
{
    for (size_t k = 0; k < u->client->circuit_count; k++)
        if (!smx_circuit_is_open(&u->client->circuit[k]))
            return false;
    return u->client->circuit_count == CIRCUITS && u->client->identity[0].listening;
}

/* ---- what the wire shows ---- */

struct wire {
    uint32_t now[NODES][NODES]; /* datagrams since the last look */
    uint32_t least[NODES][NODES], most[NODES][NODES];
    size_t size[NODES][NODES]; /* of all of them */
    bool sizes_differ;
};

static bool see(void *arg, smx_time now, uint32_t from, uint32_t to, uint8_t *bytes, size_t len,
                smx_time *delay)
{
    struct wire *w = arg;

    (void)now;
    (void)bytes;
    (void)delay;
    if (from >= NODES || to >= NODES)
        return true;
    w->now[from][to]++;
    w->sizes_differ = w->sizes_differ || (w->size[from][to] != 0 && w->size[from][to] != len);
    w->size[from][to] = len;
    return true;
}

static void look(struct wire *w, bool first)
{
    for (size_t i = 0; i < NODES; i++)
        for (size_t k = 0; k < NODES; k++) {
            uint32_t n = w->now[i][k];

            w->least[i][k] = first || n < w->least[i][k] ? n : w->least[i][k];
            w->most[i][k] = first || n > w->most[i][k] ? n : w->most[i][k];
            w->now[i][k] = 0;
        }
}

/* ---- renewal ---- */

static void each_circuit_is_renewed_once_an_epoch_at_a_time_of_its_own_and_no_link_shows_it(void **state)
{
    struct smx_sim_network *n = ready_network(41);
    struct wire *w = calloc(1, sizeof *w);
    uint32_t id[CLIENTS][CIRCUITS];
    unsigned renewed[CLIENTS][CIRCUITS] = {{0}}, in_quarter[4] = {0}, together = 0, all = 0;

    (void)state;
    assert_non_null(w);
    smx_sim_run_for(n, 60000); /* past the epoch of the start, with its own renewals */
    for (size_t i = 0; i < CLIENTS; i++)
        for (size_t k = 0; k < CIRCUITS; k++)
            id[i][k] = n->user[i].client->circuit[k].origin.back_id;
    smx_world_watch(n->world, see, w);
    for (unsigned s = 0; s < EPOCHS * EPOCH_S; s++) {
        for (unsigned part = 0; part < 10; part++) {
            unsigned at_once = 0;

            smx_sim_run_for(n, 100);
            for (size_t i = 0; i < CLIENTS; i++) {
                assert_true(all_stand(&n->user[i])); /* at any time */
                for (size_t k = 0; k < CIRCUITS; k++) {
                    uint32_t now = n->user[i].client->circuit[k].origin.back_id;

                    if (now == id[i][k])
                        continue;
                    id[i][k] = now;
                    renewed[i][k]++;
                    all++;
                    at_once++;
                    in_quarter[smx_world_wall(n->world, n->user[i].node).s % EPOCH_S * 4 / EPOCH_S]++;
                }
            }
            together += at_once > 1;
        }
        look(w, s == 0);
    }
    for (size_t i = 0; i < CLIENTS; i++) {
        assert_int_equal(count_of(&n->user[i])->circuits_died, 0);
        assert_int_equal(count_of(&n->user[i])->renewals_failed, 0);
        assert_int_equal(count_of(&n->user[i])->circuits_opened, CIRCUITS);
        for (size_t k = 0; k < CIRCUITS; k++) /* one may lie just outside at either side */
            assert_in_range(renewed[i][k], EPOCHS - 1, EPOCHS + 1);
    }
    for (size_t q = 0; q < 4; q++) /* a quarter of 80 is 20, give or take 4 */
        assert_in_range(in_quarter[q], all / 4 - 15, all / 4 + 15);
    assert_true(together <= 3);
    assert_false(w->sizes_differ);
    for (size_t i = 0; i < NODES; i++)
        for (size_t k = 0; k < NODES; k++) { /* a tick may fall into the next second; clocks are steered */
            if (w->most[i][k] - w->least[i][k] > 2)
                print_message("%zu to %zu: %u to %u in a second\n", i, k, w->least[i][k], w->most[i][k]);
            assert_true(w->most[i][k] - w->least[i][k] <= 2);
        }
    free(w);
    smx_sim_network_free(n);
}

static void calls_at_any_time_come_through(void **state)
{
    enum { CALLS = 30 }; /* in two minutes: two epochs */
    struct smx_sim_network *n = ready_network(42);
    unsigned slow = 0;

    (void)state;
    for (size_t i = 0; i < CLIENTS; i++)
        n->user[i].answers = true;
    for (unsigned i = 0; i < CALLS; i++) {
        struct smx_sim_user *from = &n->user[i % 2], *to = &n->user[1 - i % 2];
        struct smx_sim_call *out;
        unsigned ms = 0;

        smx_sim_user_forget(from);
        smx_sim_user_forget(to);
        out = smx_sim_call_place(from, smx_sim_target_name(to->own[0]));
        for (; ms < 10000 && !out->answered; ms += 50)
            smx_sim_run_for(n, 50);
        if (!out->answered)
            explain(n);
        assert_true(out->answered);
        slow += ms > 2000;
        smx_sim_run_for(n, 300 + smx_rng_below(smx_world_rng(n->world), 1500));
        assert_true(out->frames_in > 0);
        assert_false(out->ended);
        smx_sim_call_hang_up(from, out);
        smx_sim_run_for(n, 1000 + smx_rng_below(smx_world_rng(n->world), 2000));
    }
    assert_true(slow <= 3);
    for (size_t i = 0; i < CLIENTS; i++) {
        assert_true(count_of(&n->user[i])->circuits_renewed >= 3);
        assert_int_equal(count_of(&n->user[i])->calls, CALLS);
        assert_int_equal(count_of(&n->user[i])->requests_lost, 0);
    }
    smx_sim_network_free(n);
}

static void an_introduction_that_meets_a_renewal_is_not_lost(void **state)
{
    struct smx_sim_network *n = ready_network(43);
    struct smx_sim_user *alice = &n->user[0], *bob = &n->user[1];

    (void)state;
    for (unsigned i = 0; i < 12; i++) { /* each a little later in the life of bob's new listening circuit */
        struct circuit *k = smx_circuit_of(bob->client, CIRCUIT_LISTEN, 0);
        struct smx_sim_call *out;

        smx_sim_user_forget(alice);
        smx_sim_user_forget(bob);
        smx_sim_run_for(n, 8000); /* what was before is over */
        smx_circuit_renew(bob->client, k, smx_sim_user_now(bob));
        smx_sim_run_for(n, 40);
        assert_non_null(k->young);
        smx_sim_run_for(n, 250 * i);
        out = smx_sim_call_place(alice, smx_sim_target_name("bob"));
        smx_sim_run_for(n, 4000);
        if (!out->ringing)
            explain(n);
        assert_true(out->ringing);
        smx_sim_call_hang_up(alice, out);
        smx_sim_run_for(n, 2000);
    }
    assert_true(count_of(bob)->circuits_renewed >= 12);
    smx_sim_network_free(n);
}

static void a_slot_that_is_needed_keeps_its_circuit_and_is_due(void **state)
{
    struct smx_sim_network *n = ready_network(44);
    struct smx_sim_user *alice = &n->user[0], *bob = &n->user[1];
    struct smx_sim_call *out;
    size_t slot = 0;

    (void)state;
    for (size_t k = 0; k < 2; k++) /* both are being renewed when the call is placed */
        smx_circuit_renew(alice->client, &alice->client->circuit[k], smx_sim_user_now(alice));
    smx_sim_run_for(n, 60);
    bob->answers = true;
    out = smx_sim_call_place(alice, smx_sim_target_name("bob"));
    smx_sim_run_for(n, 100);
    while (slot < 2 && smx_meeting_may_renew(alice->client, slot))
        slot++;
    assert_true(slot < 2);
    assert_null(alice->client->circuit[slot].young); /* given up */
    assert_true(smx_circuit_is_due(alice->client, &alice->client->circuit[slot]));
    smx_sim_run_for(n, 3000);
    assert_true(out->answered);
    assert_false(out->ended);
    smx_sim_network_free(n);
}

/* A slot of each that end at the same relay.  The first one's is due, and the other slot of the second. */
static struct circuit *common_end(struct smx_sim_user *a, struct smx_sim_user *b)
{
    for (size_t i = 0; i < 4; i++) {
        struct circuit *one = &a->client->circuit[i % 2], *two = &b->client->circuit[i / 2];

        if (memcmp(smx_circuit_end(one), smx_circuit_end(two), SMX_RELAY_ID) != 0)
            continue;
        for (size_t k = 0; k < 2; k++)
            a->client->circuit[k].due = b->client->circuit[k].due = false;
        b->client->circuit[1 - i / 2].due = one->due = true;
        return one;
    }
    return NULL;
}

/* Even if it ends at the rendezvous: it would have to move at once, and its renewal be put off. */
static void a_call_leaves_a_slot_alone_whose_time_has_come(void **state)
{
    (void)state;
    for (uint64_t seed = 44; seed < 47; seed++) {
        struct smx_sim_network *n = ready_network(seed);
        struct smx_sim_user *alice = &n->user[0], *bob = &n->user[1];
        struct smx_sim_call *out;
        struct circuit *due;

        alice->answers = bob->answers = true;
        out = smx_sim_call_place(alice, smx_sim_target_name("bob")); /* he is a contact from then on */
        smx_sim_run_for(n, 2000);
        smx_sim_call_hang_up(alice, out);
        smx_sim_run_for(n, 500);
        for (size_t k = 0; k < 2; k++) /* else the next call goes by the same pipe */
            smx_meeting_close(alice->client, smx_sim_user_now(alice), &alice->client->meeting[k]);
        smx_sim_run_for(n, 1500);
        due = common_end(alice, bob);
        assert_non_null(due); /* 2 of 3 ends each */
        for (size_t k = 0; k < 2; k++)
            alice->client->circuit[k].renew_at = bob->client->circuit[k].renew_at = SMX_NEVER;
        out = smx_sim_call_place(bob, smx_sim_target_name("alice"));
        for (int i = 0; i < 200 && !out->ringing; i++)
            smx_sim_run_for(n, 20);
        assert_true(out->ringing);
        assert_int_equal(smx_meeting_on(alice->client, due->of)->state, MEETING_IDLE);
        smx_sim_network_free(n);
    }
}

/* ---- guards ---- */

static size_t guard_of(const struct smx_sim_network *n, size_t i)
{
    const struct smx_client *c = n->user[i].client;

    return smx_sim_relay_number(n, c->paths.guard[c->uplink.guard]);
}

static void when_the_guard_dies_all_circuits_stand_within_two_seconds(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 5; seed++) {
        struct smx_sim_network *n = ready_network(50 + seed);
        struct smx_sim_user *alice = &n->user[0];
        size_t guard = guard_of(n, 0);

        smx_sim_run_for(n, 1000 * (unsigned)seed);
        smx_sim_relay_kill(n, guard);
        smx_sim_run_for(n, 450);
        assert_int_equal(count_of(alice)->guard_changes, 0);
        smx_sim_run_for(n, 1550);
        if (!all_stand(alice))
            explain(n);
        assert_true(all_stand(alice));
        assert_int_equal(count_of(alice)->guard_changes, 1);
        assert_int_not_equal(guard_of(n, 0), guard);
        for (size_t k = 0; k < CIRCUITS; k++)
            assert_memory_equal(alice->client->circuit[k].origin.path[0].id, n->relay[guard_of(n, 0)].id, 32);
        smx_sim_network_free(n);
    }
}

static void a_guard_that_comes_back_at_once_has_forgotten_us_and_we_notice(void **state)
{
    struct smx_sim_network *n = ready_network(56);
    size_t guard = guard_of(n, 0);

    (void)state;
    smx_sim_relay_kill(n, guard);
    smx_sim_run_for(n, 100);
    smx_sim_relay_revive(n, guard);
    smx_sim_run_for(n, 2900);
    assert_true(all_stand(&n->user[0]));
    smx_sim_network_free(n);
}

static void a_guard_without_a_second_one_is_waited_for(void **state)
{
    struct smx_sim_network *n = ready_network(57);
    struct smx_sim_user *alice = &n->user[0];
    size_t guard = guard_of(n, 0);

    (void)state;
    alice->client->paths.guard_count = 1;
    smx_sim_relay_kill(n, guard);
    smx_sim_run_for(n, 5000);
    smx_sim_relay_revive(n, guard);
    smx_sim_run_for(n, 15000);
    assert_int_equal(guard_of(n, 0), guard);
    if (!all_stand(alice))
        explain(n);
    assert_true(all_stand(alice));
    smx_sim_network_free(n);
}

struct loss {
    uint32_t node;
    bool on;
};

static bool lose(void *arg, smx_time now, uint32_t from, uint32_t to, uint8_t *bytes, size_t len,
                 smx_time *delay)
{
    const struct loss *l = arg;

    (void)now;
    (void)bytes;
    (void)len;
    (void)delay;
    return !l->on || (from != l->node && to != l->node);
}

static void a_second_without_the_network_costs_no_circuit(void **state)
{
    struct smx_sim_network *n = ready_network(58);
    struct smx_sim_user *alice = &n->user[0];
    struct loss loss = {.node = alice->node, .on = true};

    (void)state;
    smx_world_watch(n->world, lose, &loss);
    smx_sim_run_for(n, 1500);
    loss.on = false;
    smx_sim_run_for(n, 3000);
    assert_true(all_stand(alice));
    assert_int_equal(count_of(alice)->circuits_died, 0);
    smx_world_unwatch(n->world, lose, &loss);
    smx_sim_network_free(n);
}

static void after_a_minute_without_the_network_circuits_come_back_one_by_one(void **state)
{
    struct smx_sim_network *n = ready_network(59);
    struct smx_sim_user *alice = &n->user[0];
    struct loss loss = {.node = alice->node, .on = true};
    unsigned creating = 0, most = 0;

    (void)state;
    smx_world_watch(n->world, lose, &loss);
    smx_sim_run_for(n, 60000);
    loss.on = false;
    for (unsigned ms = 0; ms < 120000 && !all_stand(alice); ms += 20) {
        smx_sim_run_for(n, 20);
        creating = 0;
        for (size_t k = 0; k < CIRCUITS; k++)
            creating += alice->client->circuit[k].origin.state == SMX_ORIGIN_CREATING;
        most = creating > most ? creating : most;
    }
    assert_true(all_stand(alice));
    assert_true(most < CIRCUITS);
    smx_world_unwatch(n->world, lose, &loss);
    smx_sim_network_free(n);
}

static void after_sleep_everything_is_built_anew(void **state)
{
    struct smx_sim_network *n = ready_network(60);
    struct smx_sim_user *alice = &n->user[0];
    uint32_t id[CIRCUITS];
    unsigned ms = 0;

    (void)state;
    for (size_t k = 0; k < CIRCUITS; k++)
        id[k] = alice->client->circuit[k].origin.back_id;
    smx_sim_client_sleep(n, 0);
    smx_sim_run_for(n, 20000);
    smx_sim_client_start(n, 0);
    for (; ms < 30000 && !(ms > 1000 && all_stand(alice)); ms += 100)
        smx_sim_run_for(n, 100);
    if (!all_stand(alice))
        explain(n);
    assert_true(all_stand(alice));
    for (size_t k = 0; k < CIRCUITS; k++)
        assert_int_not_equal(alice->client->circuit[k].origin.back_id, id[k]);
    assert_int_equal(count_of(alice)->circuits_refused, 0);
    smx_sim_network_free(n);
}

static void an_expired_consensus_is_replaced_and_asking_for_one_backs_off(void **state)
{
    struct smx_sim_network *n = ready_network(61);
    struct smx_sim_user *alice = &n->user[0];
    struct loss loss = {.node = alice->node, .on = true};
    struct smx_client_status status;

    (void)state;
    smx_world_watch(n->world, lose, &loss);
    smx_sim_run_for(n, 6 * EPOCH_S * 1000);
    smx_client_status(alice->client, &status);
    assert_int_equal(status.problem, SMX_CLIENT_EXPIRED);
    assert_false(status.ready);
    assert_int_equal(alice->client->uplink.role, UPLINK_BOOT);
    assert_true(alice->client->uplink.rounds >= 3);
    loss.on = false;
    run_until_ready(n, 60000);
    assert_int_equal(alice->client->uplink.rounds, 0);
    smx_world_unwatch(n->world, lose, &loss);
    smx_sim_network_free(n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_circuit_is_renewed_once_an_epoch_at_a_time_of_its_own_and_no_link_shows_it),
        cmocka_unit_test(calls_at_any_time_come_through),
        cmocka_unit_test(an_introduction_that_meets_a_renewal_is_not_lost),
        cmocka_unit_test(a_slot_that_is_needed_keeps_its_circuit_and_is_due),
        cmocka_unit_test(a_call_leaves_a_slot_alone_whose_time_has_come),
        cmocka_unit_test(when_the_guard_dies_all_circuits_stand_within_two_seconds),
        cmocka_unit_test(a_guard_that_comes_back_at_once_has_forgotten_us_and_we_notice),
        cmocka_unit_test(a_guard_without_a_second_one_is_waited_for),
        cmocka_unit_test(a_second_without_the_network_costs_no_circuit),
        cmocka_unit_test(after_a_minute_without_the_network_circuits_come_back_one_by_one),
        cmocka_unit_test(after_sleep_everything_is_built_anew),
        cmocka_unit_test(an_expired_consensus_is_replaced_and_asking_for_one_backs_off),
    };

    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
