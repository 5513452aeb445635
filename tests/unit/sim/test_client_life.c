/* A client over time: restarts, guards, names, consensuses, and the pace that nothing changes. */
#include "tests/unit/sim/network.h"

static const struct smx_client_counters *count_of(const struct smx_sim_user *u)
{
    return smx_client_counters(u->client);
}

static void coming_back_publishes_nothing_and_keeps_guard_and_place(void **state)
{
    struct smx_sim_network *n = ready_network(21);
    struct smx_sim_user *alice = &n->user[0];
    uint8_t guard[32], intro[32];
    struct smx_sim_call *out;

    (void)state;
    smx_sim_run_for(n, 3 * BATCH_S * 1000); /* what was uploaded has been seen in a batch */
    memcpy(guard, alice->client->paths.guard[0], sizeof guard);
    memcpy(intro, alice->client->identity[0].intro, sizeof intro);
    smx_sim_client_restart(n, 0);
    run_until_ready(n, 15000);
    assert_int_equal(count_of(alice)->uploads, 0);
    assert_memory_equal(alice->client->paths.guard[0], guard, sizeof guard);
    assert_memory_equal(smx_circuit_end(smx_circuit_of(alice->client, CIRCUIT_LISTEN, 0)), intro,
                        sizeof intro);
    assert_string_equal(alice->own[0], "alice");
    out = smx_sim_call_place(&n->user[1], smx_sim_target_name("alice"));
    smx_sim_run_for(n, 2000);
    assert_true(out->ringing);
    smx_sim_network_free(n);
}

static void an_introduction_from_before_a_restart_does_not_work_again(void **state)
{
    struct smx_sim_network *n = ready_network(22);
    struct smx_sim_user *alice = &n->user[0], *bob = &n->user[1];
    struct smx_sim_call *out = smx_sim_call_place(alice, smx_sim_target_name("bob"));
    uint64_t seen = 0, kept = 0;

    (void)state;
    smx_sim_run_for(n, 2000);
    assert_true(out->ringing);
    for (size_t d = 0; d < DAYS; d++)
        seen += bob->client->identity[0].day[d].memory.used;
    assert_int_equal(seen, 1);
    smx_sim_client_restart(n, 1);
    for (size_t d = 0; d < DAYS; d++)
        kept += bob->client->identity[0].day[d].memory.used;
    assert_int_equal(kept, 1);
    smx_sim_network_free(n);
}

static void when_the_guard_dies_the_other_one_serves(void **state)
{
    struct smx_sim_network *n = ready_network(23);
    struct smx_sim_user *alice = &n->user[0];
    struct smx_sim_call *out;

    (void)state;
    smx_sim_relay_kill(n, smx_sim_relay_number(n, alice->client->paths.guard[0]));
    smx_sim_run_for(n, 400);
    assert_int_equal(count_of(alice)->guard_changes, 0); /* it takes half a second of silence */
    smx_sim_run_for(n, 1600);
    assert_int_equal(count_of(alice)->guard_changes, 1);
    run_until_ready(n, 10000);
    out = smx_sim_call_place(&n->user[1], smx_sim_target_name("alice"));
    smx_sim_run_for(n, 3000);
    assert_true(out->ringing);
    smx_sim_network_free(n);
}

/* Datagrams to the guard take 40 ms more from now on: all that goes forward comes too late for timetables
 * that are fixed, and nothing that comes back tells. */
static void circuits_that_hear_but_are_not_heard_are_built_anew(void **state)
{
    struct smx_sim_network_config config = smx_sim_network_preset(29);
    struct smx_sim_network *n;
    struct smx_sim_user *alice;
    size_t text;

    (void)state;
    config.params.epoch_s = 1800; /* no renewal mends it */
    n = smx_sim_network_new(&config);
    smx_sim_client_make(n, 0, 1, "alice", 2);
    alice = &n->user[0];
    smx_sim_client_start(n, 0);
    run_until_ready(n, 60000);
    for (uint32_t i = 0; i < n->relays; i++)
        smx_net_path(smx_world_net(n->world), alice->node, i)->latency += SMX_MS(40);
    text = smx_sim_text_send(alice, smx_sim_target_name("nobody"), "hello", 5);
    smx_sim_run_for(n, 12000);
    assert_true(alice->text[text].done);
    assert_int_not_equal(alice->text[text].code, 404); /* the directory was not asked */
    smx_sim_run_for(n, 120000);
    assert_in_range(count_of(alice)->circuits_died, 1, 4); /* the errand */
    text = smx_sim_text_send(alice, smx_sim_target_name("nobody"), "hello", 5);
    smx_sim_run_for(n, 3000);
    assert_int_equal(alice->text[text].code, 404);
    smx_sim_network_free(n);
}

static void a_name_is_claimed_by_registering_and_cannot_be_claimed_twice(void **state)
{
    struct smx_sim_network *n = ready_network(24);
    struct smx_sim_user *alice = &n->user[0], *bob = &n->user[1];
    struct smx_client_status status;
    struct smx_sim_call *out;

    (void)state;
    smx_client_claim(alice->client, smx_sim_user_now(alice), "Wonder.Land");
    smx_client_claim(bob->client, smx_sim_user_now(bob), "alice");
    smx_sim_run_for(n, 25000);
    assert_int_equal(alice->own_count, 3);
    assert_string_equal(alice->own[1], "wonder.land");
    assert_string_equal(bob->refused, "alice");
    assert_int_equal(bob->own_count, 2);
    smx_sim_run_for(n, 2 * BATCH_S * 1000);
    out = smx_sim_call_place(bob, smx_sim_target_name("wonder.land"));
    smx_sim_run_for(n, 2000);
    assert_true(out->ringing);
    /* a name in the configuration that is taken: reached by the key, and told */
    bob->seed = 3;
    strcpy(bob->name, "alice");
    smx_sim_client_restart(n, 1);
    smx_sim_run_for(n, 40000);
    smx_client_status(bob->client, &status);
    assert_int_equal(status.problem, SMX_CLIENT_NAME_TAKEN);
    assert_string_equal(status.name, "");
    assert_true(status.ready);
    out = smx_sim_call_place(alice, smx_sim_target_key(bob));
    smx_sim_run_for(n, 2000);
    assert_true(out->ringing);
    smx_sim_network_free(n);
}

static void with_no_name_configured_a_random_one_is_had(void **state)
{
    struct smx_sim_network *n = network_without_clients(25);

    (void)state;
    smx_sim_client_make(n, 0, 1, "", 2);
    smx_sim_client_make(n, 1, 2, "", 2);
    smx_sim_client_start(n, 0);
    smx_sim_client_start(n, 1);
    run_until_ready(n, 60000);
    assert_int_equal(strlen(n->user[0].own[0]), 13);
    assert_memory_equal(n->user[0].own[0], "anon-", 5);
    assert_string_not_equal(n->user[0].own[0], n->user[1].own[0]);
    smx_sim_network_free(n);
}

static void a_new_consensus_is_fetched_before_the_old_one_expires(void **state)
{
    struct smx_sim_network *n = ready_network(26);
    struct smx_sim_call *out;

    (void)state;
    smx_sim_run_for(n, 4 * EPOCH_S * 1000);
    for (size_t i = 0; i < CLIENTS; i++) {
        assert_true(count_of(&n->user[i])->consensuses >= 4);
        assert_int_equal(count_of(&n->user[i])->circuits_died, 0);
    }
    out = smx_sim_call_place(&n->user[0], smx_sim_target_name("bob"));
    smx_sim_run_for(n, 2000);
    assert_true(out->ringing);
    smx_sim_network_free(n);
}

/* A consensus is valid for three epochs; relays take the keys of the two epochs before, this one and the
 * next. */
static void circuits_are_built_with_the_keys_of_the_epoch_however_old_the_consensus_is(void **state)
{
    struct smx_sim_network *n = ready_network(29);
    struct smx_client *c = n->user[0].client;
    struct smx_hop_target target;
    uint8_t key[32];

    (void)state;
    for (uint64_t later = 0; later < 3; later++) {
        uint64_t listed = c->consensus.epoch + (later > 1 ? 1 : later); /* its newest one, at last */

        c->wall.s = (int64_t)((c->consensus.epoch + later) * EPOCH_S + 1);
        for (size_t i = 0; i < n->relays; i++) {
            assert_true(smx_paths_target(c, n->relay[i].id, &target));
            assert_int_equal(smx_relay_onion_key(n->relay[i].core, listed, key), SMX_OK);
            assert_memory_equal(target.onion, key, sizeof key);
        }
    }
    smx_sim_network_free(n);
}

/* It comes back with a list of the epoch before, some seconds before the list grows older, of the one before
 * that, and with one that has expired: each time calls can be placed soon, and no relay refuses a key.
 */
static void after_an_outage_of_epochs_calls_can_be_placed_soon(void **state)
{
    struct smx_sim_network *n = ready_network(30);
    struct smx_sim_user *alice = &n->user[0];
    const unsigned back_at[] = {116, 150, 190}; /* s, from the beginning of the list's epoch */
    const unsigned cut_at = 25;                 /* by then it is here */

    (void)state;
    for (size_t i = 0; i < sizeof back_at / sizeof back_at[0]; i++) {
        int64_t into = smx_world_wall(n->world, alice->node).s % EPOCH_S;

        smx_sim_run_for(n, (unsigned)((EPOCH_S + cut_at - into) * 1000));
        assert_int_equal(alice->client->consensus.epoch, smx_world_wall(n->world, alice->node).s / EPOCH_S);
        cut_client(n, alice, true);
        smx_sim_run_for(n, (back_at[i] - cut_at) * 1000);
        cut_client(n, alice, false);
        smx_sim_run_for(n, 25000);
        assert_int_equal(count_of(alice)->circuits_refused, 0);
        assert_true(call_for(n, 0, "bob", 4000)->ringing);
    }
    smx_sim_network_free(n);
}

static void without_a_relay_that_answers_http_is_asked_for(void **state)
{
    struct smx_sim_network *n = network_without_clients(27);
    struct smx_bytes b = smx_directory_consensus(n->directory);
    struct smx_sim_user *u = &n->user[0];
    uint8_t *bad;

    (void)state;
    for (size_t i = 0; i < n->file.relay_count; i++)
        n->file.relay[i].addr[0].port = 1; /* nobody is there */
    smx_sim_client_make(n, 0, 1, "alice", 2);
    smx_sim_client_make(n, 1, 2, "bob", 2);
    smx_sim_client_start(n, 0);
    smx_sim_run_for(n, 5000);
    assert_false(smx_client_wants_http(u->client));
    smx_sim_run_for(n, 15000);
    assert_true(smx_client_wants_http(u->client));
    bad = malloc(b.len);
    assert_non_null(bad);
    memcpy(bad, b.at, b.len);
    bad[b.len - 1] ^= 1; /* a lying directory */
    assert_int_not_equal(
        smx_client_consensus(u->client, smx_sim_user_now(u), smx_world_wall(n->world, u->node), bad, b.len),
        SMX_OK);
    assert_true(smx_client_wants_http(u->client));
    assert_int_equal(
        smx_client_consensus(u->client, smx_sim_user_now(u), smx_world_wall(n->world, u->node), b.at, b.len),
        SMX_OK);
    assert_false(smx_client_wants_http(u->client));
    free(bad);
    smx_sim_network_free(n);
}

static void a_second_identity_has_its_own_circuits_and_address(void **state)
{
    struct smx_sim_network *n = network_without_clients(28);
    struct smx_sim_user *bob = &n->user[1];
    struct smx_client_identity own[2];
    struct smx_client_config config = {.network = &n->file, .slots = 2, .identity = own, .identity_count = 2};
    uint8_t seed[SMX_RNG_SEED] = {9};
    struct smx_sim_call *out;

    (void)state;
    memset(own, 0, sizeof own);
    smx_sim_client_make(n, 0, 1, "alice", 2);
    smx_sim_client_make(n, 1, 2, "bob", 2); /* for the phone's side only */
    smx_client_free(bob->client);
    for (size_t i = 0; i < 2; i++) {
        seed[1] = (uint8_t)i;
        crypto_sign_seed_keypair(own[i].public, own[i].secret, seed);
    }
    strcpy(own[0].name, "bob");
    strcpy(own[1].name, "bob.at.work");
    config.phone = &bob->phone;
    config.has_v4 = true;
    assert_int_equal(smx_client_new(&bob->client, &config, seed, smx_world_now(n->world)), SMX_OK);
    smx_sim_client_start(n, 0);
    smx_sim_client_start(n, 1);
    run_until_ready(n, 60000);
    smx_sim_run_for(n, 10000);
    out = smx_sim_call_place(&n->user[0], smx_sim_target_name("bob.at.work"));
    smx_sim_run_for(n, 2000);
    assert_true(out->ringing);
    assert_string_equal(bob->call[0].to, "bob.at.work");
    smx_sim_network_free(n);
}

/* ---- pace ---- */

enum { PACE_NS = 4000 }; /* 200 ppm of a tick: what following the guard's clock may ask for */

struct pace {
    const struct smx_sim_network *n;
    uint64_t ticks[CLIENTS]; /* datagrams that left */
    smx_time last[CLIENTS];
    size_t size;
    uint64_t odd; /* of another size, or at another time */
};

static bool measure_pace(void *arg, smx_time now, uint32_t from, uint32_t to, uint8_t *bytes, size_t len,
                         smx_time *delay)
{
    struct pace *p = arg;

    (void)to;
    (void)bytes;
    (void)delay;
    for (size_t i = 0; i < CLIENTS; i++) {
        if (p->n->user[i].node != from)
            continue;
        p->odd += len != p->size || (p->last[i] > 0 && (now < p->last[i] + SMX_MS(20) - PACE_NS ||
                                                        now > p->last[i] + SMX_MS(20) + PACE_NS));
        p->last[i] = now;
        p->ticks[i]++;
    }
    return true;
}

static void nothing_that_a_user_does_changes_the_pace_or_size_of_datagrams(void **state)
{
    struct smx_sim_network *n = ready_network(29);
    struct smx_sim_user *alice = &n->user[0], *bob = &n->user[1];
    struct pace pace = {.n = n, .size = 12 + 3 * 224 + 16};
    smx_time start = smx_world_now(n->world);
    struct smx_sim_call *out;

    (void)state;
    smx_world_watch(n->world, measure_pace, &pace);
    smx_sim_run_for(n, 2000);
    smx_sim_text_send(bob, smx_sim_target_name("alice"), "call me", 7);
    smx_sim_run_for(n, 2000);
    bob->answers = true;
    out = smx_sim_call_place(alice, smx_sim_target_name("bob"));
    smx_sim_run_for(n, 4000);
    assert_true(out->answered);
    smx_sim_call_hang_up(alice, out);
    smx_sim_run_for(n, 2000);
    smx_sim_call_place(alice, smx_sim_target_name("nobody"));
    smx_client_claim(alice->client, smx_sim_user_now(alice), "another");
    smx_sim_run_for(n, 5000);
    assert_int_equal(pace.odd, 0);
    for (size_t i = 0; i < CLIENTS; i++)
        assert_in_range(pace.ticks[i], (smx_world_now(n->world) - start) / SMX_MS(20) - 1,
                        (smx_world_now(n->world) - start) / SMX_MS(20) + 1);
    smx_world_unwatch(n->world, measure_pace, &pace);
    smx_sim_network_free(n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(coming_back_publishes_nothing_and_keeps_guard_and_place),
        cmocka_unit_test(an_introduction_from_before_a_restart_does_not_work_again),
        cmocka_unit_test(when_the_guard_dies_the_other_one_serves),
        cmocka_unit_test(circuits_that_hear_but_are_not_heard_are_built_anew),
        cmocka_unit_test(a_name_is_claimed_by_registering_and_cannot_be_claimed_twice),
        cmocka_unit_test(with_no_name_configured_a_random_one_is_had),
        cmocka_unit_test(a_new_consensus_is_fetched_before_the_old_one_expires),
        cmocka_unit_test(circuits_are_built_with_the_keys_of_the_epoch_however_old_the_consensus_is),
        cmocka_unit_test(after_an_outage_of_epochs_calls_can_be_placed_soon),
        cmocka_unit_test(without_a_relay_that_answers_http_is_asked_for),
        cmocka_unit_test(a_second_identity_has_its_own_circuits_and_address),
        cmocka_unit_test(nothing_that_a_user_does_changes_the_pace_or_size_of_datagrams),
    };
    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
