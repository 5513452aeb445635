/* Two clients, nine relays and a directory in virtual time: from no consensus at all to a call and its end.
 */
#include "tests/unit/sim/network.h"

static void clients_come_up_from_the_network_file_alone(void **state)
{
    struct smx_sim_network *n = network_new(1);

    (void)state;
    run_until_ready(n, 40000);
    assert_true(n->user[0].ready);
    assert_string_equal(n->user[0].own[0], "alice");
    assert_string_equal(n->user[1].own[0], "bob");
    smx_sim_network_free(n);
}

static void a_call_is_set_up_carries_frames_both_ways_and_ends(void **state)
{
    struct smx_sim_network *n = network_new(2);
    struct smx_sim_user *alice = &n->user[0], *bob = &n->user[1];
    struct smx_sim_call *out, *in;

    (void)state;
    run_until_ready(n, 40000);
    bob->answers = true;
    out = smx_sim_call_place(alice, smx_sim_target_name("bob"));
    smx_sim_run_for(n, 3000);
    assert_true(out->ringing);
    assert_true(out->answered);
    print_message("set-up %u ms\n", (unsigned)((out->rang - out->placed) / 1000000));
    in = &bob->call[0];
    smx_sim_run_for(n, 10000);
    assert_true(out->frames_in > 480);
    assert_true(in->frames_in > 480);
    assert_int_equal(out->wrong + in->wrong, 0);
    print_message("missing %u and %u\n", out->missing, in->missing);
    smx_client_call_direction(bob->client, smx_sim_user_now(bob), in->id, 3);
    smx_sim_run_for(n, 1000);
    assert_int_equal(out->far_direction, 3);
    smx_sim_call_hang_up(alice, out);
    smx_sim_run_for(n, 2000);
    assert_true(in->ended);
    smx_sim_network_free(n);
}

static void a_message_arrives_either_way_and_its_pipe_serves_the_answer(void **state)
{
    struct smx_sim_network *n = network_new(3);
    struct smx_sim_user *alice = &n->user[0], *bob = &n->user[1];
    size_t sent, answer;

    (void)state;
    run_until_ready(n, 40000);
    sent = smx_sim_text_send(alice, smx_sim_target_name("bob"), "how are you?", 12);
    smx_sim_run_for(n, 3000);
    assert_true(alice->text[sent].done);
    assert_int_equal(alice->text[sent].code, 200);
    assert_int_equal(bob->text_count, 1);
    assert_memory_equal(bob->text[0].text, "how are you?", 12);
    answer = smx_sim_text_send(bob, smx_sim_target_key(alice), "fine", 4);
    smx_sim_run_for(n, 1500);
    assert_int_equal(bob->text[answer].code, 200);
    assert_memory_equal(alice->text[alice->text_count - 1].text, "fine", 4);
    assert_int_equal(smx_client_counters(alice->client)->meetings, 1);
    assert_int_equal(smx_client_counters(bob->client)->meetings, 1);
    smx_sim_network_free(n);
}

static void calls_succeed_in_a_row_each_party_calling_and_each_hanging_up(void **state)
{
    struct smx_sim_network *n = ready_network(4);

    (void)state;
    for (unsigned i = 0; i < 6; i++) {
        struct smx_sim_user *a = &n->user[i % 2], *b = &n->user[1 - i % 2];
        struct smx_sim_call *out, *in;

        a->call_count = b->call_count = 0;
        b->answers = true;
        out = smx_sim_call_place(a, smx_sim_target_name(b->own[0]));
        smx_sim_run_for(n, 2000);
        assert_true(out->answered);
        in = &b->call[0];
        assert_string_equal(in->to, b->own[0]);
        if (i / 2 % 2 == 0) {
            smx_sim_call_hang_up(a, out);
        } else {
            smx_sim_call_hang_up(b, in);
        }
        smx_sim_run_for(n, 500 + 700 * (i % 3));
        assert_true(out->ended);
        assert_true(in->ended);
    }
    for (size_t i = 0; i < CLIENTS; i++) {
        assert_int_equal(smx_client_counters(n->user[i].client)->calls, 6);
        assert_int_equal(smx_client_counters(n->user[i].client)->meetings_failed, 0);
        assert_int_equal(smx_client_counters(n->user[i].client)->circuits_died, 0);
    }
    smx_sim_network_free(n);
}

static void a_key_address_works_without_a_name(void **state)
{
    struct smx_sim_network *n = ready_network(5);
    struct smx_sim_call *out = smx_sim_call_place(&n->user[0], smx_sim_target_key(&n->user[1]));

    (void)state;
    smx_sim_run_for(n, 2000);
    assert_true(out->ringing);
    assert_false(out->answered);
    smx_sim_network_free(n);
}

static void a_name_that_nobody_has_is_404_and_nothing_else_is(void **state)
{
    struct smx_sim_network *n = ready_network(6);
    struct smx_sim_user *alice = &n->user[0];
    struct smx_sim_call *out = smx_sim_call_place(alice, smx_sim_target_name("nobody"));
    uint8_t other[32];

    (void)state;
    smx_sim_run_for(n, 1000);
    assert_true(out->failed);
    assert_int_equal(out->code, 404);
    /* bob is known, but his client is off */
    smx_world_set_core(n->world, n->user[1].node, NULL);
    out = smx_sim_call_place(alice, smx_sim_target_name("bob"));
    smx_sim_run_for(n, 15000);
    assert_true(out->failed);
    assert_int_equal(out->code, 480);
    memset(other, 7, sizeof other);
    memcpy(n->user[1].public, other, sizeof other);
    out = smx_sim_call_place(alice, smx_sim_target_key(&n->user[1]));
    smx_sim_run_for(n, 2000);
    assert_int_equal(out->code, 404);
    smx_sim_network_free(n);
}

static void a_call_can_be_cancelled_at_any_moment(void **state)
{
    struct smx_sim_network *n = ready_network(7);
    struct smx_sim_user *alice = &n->user[0], *bob = &n->user[1];
    struct smx_sim_call *out;

    (void)state;
    for (unsigned ms = 0; ms < 1200; ms += 150) {
        alice->call_count = bob->call_count = 0;
        out = smx_sim_call_place(alice, smx_sim_target_name("bob"));
        smx_sim_run_for(n, ms + 1);
        assert_false(out->failed);
        smx_sim_call_hang_up(alice, out);
        smx_sim_run_for(n, 6000);
        for (size_t i = 0; i < bob->call_count; i++)
            assert_true(bob->call[i].ended);
    }
    bob->answers = true;
    alice->call_count = bob->call_count = 0;
    out = smx_sim_call_place(alice, smx_sim_target_name("bob"));
    for (unsigned ms = 0; ms < 3000 && (bob->call_count == 0 || !bob->call[0].answered); ms++)
        smx_sim_run_for(n, 1);
    assert_true(bob->call[0].answered);
    assert_false(out->answered); /* he doesn't know yet */
    smx_sim_call_hang_up(alice, out);
    smx_sim_run_for(n, 2000);
    assert_true(bob->call[0].ended);
    smx_sim_run_for(n, 2000);
    alice->call_count = bob->call_count = 0;
    assert_true(smx_sim_call_place(alice, smx_sim_target_name("bob"))->out);
    smx_sim_run_for(n, 2000);
    assert_true(alice->call[0].answered);
    smx_sim_network_free(n);
}

static void a_stranger_hears_ringing_and_480_whatever_the_reason(void **state)
{
    struct smx_sim_network *n = ready_network(8);
    struct smx_sim_user *alice = &n->user[0], *bob = &n->user[1];

    (void)state;
    for (unsigned why = 0; why < 2; why++) {
        struct smx_sim_call *out;

        alice->call_count = bob->call_count = 0;
        bob->absent = why == 0;
        bob->refuse_with = why == 1 ? 486 : 0;
        out = smx_sim_call_place(alice, smx_sim_target_name("bob"));
        smx_sim_run_for(n, 2000);
        assert_true(out->ringing);
        assert_false(out->failed);
        smx_sim_run_for(n, 36000);
        assert_true(out->failed);
        assert_int_equal(out->code, 480);
        smx_sim_run_for(n, 2000);
    }
    smx_sim_network_free(n);
}

static void a_contact_is_told_busy_at_once(void **state)
{
    struct smx_sim_network *n = ready_network(9);
    struct smx_sim_user *alice = &n->user[0], *bob = &n->user[1];
    struct smx_sim_call *out;

    (void)state;
    bob->answers = true;
    out = smx_sim_call_place(alice, smx_sim_target_name("bob")); /* from now on they know each other */
    smx_sim_run_for(n, 2000);
    smx_sim_call_hang_up(alice, out);
    smx_sim_run_for(n, 2000);
    bob->answers = false;
    bob->refuse_with = 486;
    out = smx_sim_call_place(alice, smx_sim_target_name("bob"));
    smx_sim_run_for(n, 4000);
    assert_true(out->failed);
    assert_int_equal(out->code, 486);
    /* and when bob himself is calling somebody: the phone is not even asked */
    bob->refuse_with = 0;
    bob->call_count = 0;
    smx_sim_call_place(bob, smx_sim_target_name("nobody-at-all"));
    out = smx_sim_call_place(alice, smx_sim_target_name("bob"));
    smx_sim_run_for(n, 2000);
    assert_int_equal(bob->call_count, 2);
    smx_sim_network_free(n);
}

static void a_changed_key_is_refused(void **state)
{
    struct smx_sim_network *n = network_new(10);
    struct smx_sim_user *alice = &n->user[0];
    char line[128], key[SMX_KEY_TEXT];
    struct smx_sim_call *out;
    unsigned at;
    size_t text;

    (void)state;
    smx_base32_encode(key, alice->public, 32); /* somebody else's */
    snprintf(line, sizeof line, "# a comment\nbob %s\n", key);
    assert_int_equal(smx_client_load_contacts(alice->client, line, strlen(line), &at), SMX_OK);
    run_until_ready(n, 60000);
    out = smx_sim_call_place(alice, smx_sim_target_name("bob"));
    smx_sim_run_for(n, 3000);
    assert_int_equal(out->code, 480);
    text = smx_sim_text_send(alice, smx_sim_target_name("bob"), "psst", 4);
    smx_sim_run_for(n, 3000);
    assert_int_equal(alice->text[text].code, 480);
    assert_int_equal(smx_client_counters(alice->client)->contact_key_changed, 2);
    assert_int_equal(n->user[1].call_count + n->user[1].text_count, 0);
    smx_sim_network_free(n);
}

static void a_long_message_survives_a_lossy_network(void **state)
{
    struct smx_sim_network *n = network_without_clients(11);
    struct smx_net *net = smx_world_net(n->world);
    static char text[SMX_RECORD_TEXT];
    size_t sent;

    (void)state;
    net->common.loss = 5000; /* half a percent at each of a dozen links */
    smx_sim_client_make(n, 0, 1, "alice", 2);
    smx_sim_client_make(n, 1, 2, "bob", 2);
    smx_sim_client_start(n, 0);
    smx_sim_client_start(n, 1);
    run_until_ready(n, 90000);
    memset(text, 'x', sizeof text);
    text[5000] = '\n';
    sent = smx_sim_text_send(&n->user[0], smx_sim_target_name("bob"), text, sizeof text);
    smx_sim_run_for(n, 12000);
    assert_int_equal(n->user[0].text[sent].code, 200);
    assert_int_equal(n->user[1].text[0].len, sizeof text);
    assert_memory_equal(n->user[1].text[0].text, text, sizeof text);
    smx_sim_network_free(n);
}

static void a_call_whose_peer_falls_silent_ends_after_20_seconds(void **state)
{
    struct smx_sim_network *n = ready_network(12);
    struct smx_sim_user *alice = &n->user[0], *bob = &n->user[1];
    struct smx_sim_call *out;

    (void)state;
    bob->answers = true;
    out = smx_sim_call_place(alice, smx_sim_target_name("bob"));
    smx_sim_run_for(n, 2000);
    assert_true(out->answered);
    smx_world_set_core(n->world, bob->node, NULL);
    smx_sim_run_for(n, 15000);
    assert_false(out->ended);
    smx_sim_run_for(n, 10000);
    assert_true(out->ended);
    smx_sim_run_for(n, 10000);
    assert_true(smx_client_is_ready(alice->client));
    smx_sim_network_free(n);
}

static void a_message_during_a_call_uses_its_pipe_and_disturbs_little(void **state)
{
    struct smx_sim_network *n = ready_network(13);
    struct smx_sim_user *alice = &n->user[0], *bob = &n->user[1];
    static char text[4000];
    struct smx_sim_call *in;
    uint32_t missing;
    size_t sent;

    (void)state;
    memset(text, 'y', sizeof text);
    bob->answers = true;
    smx_sim_call_place(alice, smx_sim_target_name("bob"));
    smx_sim_run_for(n, 3000);
    in = &bob->call[0];
    missing = in->missing;
    sent = smx_sim_text_send(alice, smx_sim_target_name("bob"), text, sizeof text);
    smx_sim_run_for(n, 6000);
    assert_int_equal(alice->text[sent].code, 200);
    assert_int_equal(smx_client_counters(alice->client)->meetings, 1);
    assert_true(in->missing - missing <= 6000 / 20 / 5);
    smx_sim_network_free(n);
}

static void a_call_takes_the_slot_that_a_message_left_behind(void **state)
{
    struct smx_sim_network *n = network_without_clients(14);
    struct smx_sim_call *out;

    (void)state;
    smx_sim_client_make(n, 0, 1, "alice", 1);
    smx_sim_client_make(n, 1, 2, "bob", 2);
    smx_sim_client_start(n, 0);
    smx_sim_client_start(n, 1);
    run_until_ready(n, 60000);
    smx_sim_text_send(&n->user[0], smx_sim_target_name("bob"), "hi", 2);
    smx_sim_run_for(n, 2000);
    out = smx_sim_call_place(&n->user[0], smx_sim_target_name("nobody"));
    smx_sim_run_for(n, 4000);
    assert_true(out->failed);
    assert_int_equal(out->code, 404); /* so it came to look up, with the only slot */
    smx_sim_network_free(n);
}

static void cut_relays(struct smx_sim_network *n, bool cut)
{
    for (uint32_t i = 0; i < RELAYS; i++)
        for (uint32_t k = 0; k < RELAYS; k++)
            if (i != k)
                smx_net_path(smx_world_net(n->world), i, k)->cut = cut;
}

static void circuits_that_could_not_be_built_leave_room_for_the_next(void **state)
{
    struct smx_sim_network *n = network_without_clients(15);

    (void)state;
    cut_relays(n, true);
    smx_sim_client_make(n, 0, 1, "alice", 2);
    smx_sim_client_make(n, 1, 2, "bob", 2);
    smx_sim_client_start(n, 0);
    smx_sim_client_start(n, 1);
    smx_sim_run_for(n, 6000);
    cut_relays(n, false);
    run_until_ready(n, 40000);
    smx_sim_network_free(n);
}

static void a_call_goes_on_after_the_line_was_dead_for_seconds(void **state)
{
    struct smx_sim_network *n = ready_network(16);
    struct smx_sim_user *alice = &n->user[0], *bob = &n->user[1];
    struct smx_sim_call *out;
    uint32_t before;

    (void)state;
    bob->answers = true;
    out = smx_sim_call_place(alice, smx_sim_target_name("bob"));
    smx_sim_run_for(n, 3000);
    for (unsigned ms = 1500; ms <= 6000; ms += 4500) { /* 6 s: the link comes up anew */
        cut_client(n, alice, true);
        smx_sim_run_for(n, ms);
        cut_client(n, alice, false);
        smx_sim_run_for(n, 3000);
        before = out->frames_in;
        smx_sim_run_for(n, 2000);
        assert_false(out->ended);
        assert_true(out->frames_in - before > 95);
    }
    assert_int_equal(out->wrong, 0);
    smx_sim_network_free(n);
}

static void a_call_waits_for_what_is_being_rebuilt(void **state)
{
    struct smx_sim_network *n = ready_network(17);
    struct smx_sim_user *alice = &n->user[0];
    struct smx_client *c = alice->client;
    struct smx_sim_call *out;

    (void)state;
    n->user[1].answers = true;
    for (size_t i = 0; i < c->circuit_count; i++) {
        smx_circuit_drop(c, &c->circuit[i], smx_sim_user_now(alice));
        c->circuit[i].open_at = smx_sim_user_now(alice);
        c->circuit[i].urgent = true;
    }
    out = smx_sim_call_place(alice, smx_sim_target_name("bob"));
    smx_sim_run_for(n, 5000);
    assert_true(out->answered);
    smx_sim_network_free(n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clients_come_up_from_the_network_file_alone),
        cmocka_unit_test(a_call_is_set_up_carries_frames_both_ways_and_ends),
        cmocka_unit_test(a_message_arrives_either_way_and_its_pipe_serves_the_answer),
        cmocka_unit_test(calls_succeed_in_a_row_each_party_calling_and_each_hanging_up),
        cmocka_unit_test(a_key_address_works_without_a_name),
        cmocka_unit_test(a_name_that_nobody_has_is_404_and_nothing_else_is),
        cmocka_unit_test(a_call_can_be_cancelled_at_any_moment),
        cmocka_unit_test(a_stranger_hears_ringing_and_480_whatever_the_reason),
        cmocka_unit_test(a_contact_is_told_busy_at_once),
        cmocka_unit_test(a_changed_key_is_refused),
        cmocka_unit_test(a_long_message_survives_a_lossy_network),
        cmocka_unit_test(a_call_whose_peer_falls_silent_ends_after_20_seconds),
        cmocka_unit_test(a_message_during_a_call_uses_its_pipe_and_disturbs_little),
        cmocka_unit_test(a_call_takes_the_slot_that_a_message_left_behind),
        cmocka_unit_test(circuits_that_could_not_be_built_leave_room_for_the_next),
        cmocka_unit_test(a_call_goes_on_after_the_line_was_dead_for_seconds),
        cmocka_unit_test(a_call_waits_for_what_is_being_rebuilt),
    };
    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
