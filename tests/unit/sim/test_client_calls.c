/* Two clients, nine relays and a directory in virtual time: from no consensus at all to a call and its end.
 */
#include "tests/unit/sim/network.h"

static void clients_come_up_from_the_network_file_alone(void **state)
{
    struct network *n = network_new(1);

    (void)state;
    run_until_ready(n, 40000);
    assert_true(n->user[0].ready);
    assert_string_equal(n->user[0].own[0], "alice");
    assert_string_equal(n->user[1].own[0], "bob");
    network_free(n);
}

static void a_call_is_set_up_carries_frames_both_ways_and_ends(void **state)
{
    struct network *n = network_new(2);
    struct user *alice = &n->user[0], *bob = &n->user[1];
    struct played_call *out, *in;

    (void)state;
    run_until_ready(n, 40000);
    bob->answers = true;
    out = place_call(alice, target_name("bob"));
    run_for(n, 3000);
    assert_true(out->ringing);
    assert_true(out->answered);
    print_message("set-up %u ms\n", (unsigned)((out->rang - out->placed) / 1000000));
    in = &bob->call[0];
    run_for(n, 10000);
    assert_true(out->frames_in > 480);
    assert_true(in->frames_in > 480);
    assert_int_equal(out->wrong + in->wrong, 0);
    print_message("missing %u and %u\n", out->missing, in->missing);
    hang_up(alice, out);
    run_for(n, 2000);
    assert_true(in->ended);
    network_free(n);
}

static void a_message_arrives_either_way_and_its_pipe_serves_the_answer(void **state)
{
    struct network *n = network_new(3);
    struct user *alice = &n->user[0], *bob = &n->user[1];
    size_t sent, answer;

    (void)state;
    run_until_ready(n, 40000);
    sent = send_text(alice, target_name("bob"), "how are you?", 12);
    run_for(n, 3000);
    assert_true(alice->text[sent].done);
    assert_int_equal(alice->text[sent].code, 200);
    assert_int_equal(bob->text_count, 1);
    assert_memory_equal(bob->text[0].text, "how are you?", 12);
    answer = send_text(bob, target_key(alice), "fine", 4);
    run_for(n, 1500);
    assert_int_equal(bob->text[answer].code, 200);
    assert_memory_equal(alice->text[alice->text_count - 1].text, "fine", 4);
    assert_int_equal(smx_client_counters(alice->client)->meetings, 1);
    assert_int_equal(smx_client_counters(bob->client)->meetings, 1);
    network_free(n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clients_come_up_from_the_network_file_alone),
        cmocka_unit_test(a_call_is_set_up_carries_frames_both_ways_and_ends),
        cmocka_unit_test(a_message_arrives_either_way_and_its_pipe_serves_the_answer),
    };
    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
