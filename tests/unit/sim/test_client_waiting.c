/* Two calls at a time, calls without a name, and calls that begin anew because their first way was none. */
#include "tests/unit/sim/network.h"

enum { ALICE, BOB, CAROL, PEOPLE };

/* All know each other if contacts. */
static struct smx_sim_network *people(uint64_t seed, size_t count, bool contacts)
{
    static const char *const name[] = {"alice", "bob", "carol"};
    struct smx_sim_network_config config = smx_sim_network_preset(seed);
    struct smx_sim_network *n;
    char text[512], key[SMX_KEY_TEXT];
    unsigned at;
    int len;

    config.relays = 6;
    config.params.batch_s = 2;
    n = smx_sim_network_new(&config);
    for (size_t i = 0; i < count; i++) {
        smx_sim_client_make(n, i, (uint32_t)i + 1, name[i], 2);
        n->user[i].answers = true;
    }
    for (size_t i = 0; i < count; i++) {
        len = 0;
        for (size_t k = 0; contacts && k < count; k++) {
            smx_base32_encode(key, n->user[k].public, 32);
            if (k != i)
                len += snprintf(text + len, sizeof text - (size_t)len, "%s %s\n", name[k], key);
        }
        assert_int_equal(smx_client_load_contacts(n->user[i].client, text, (size_t)len, &at), SMX_OK);
        smx_sim_client_start(n, i);
    }
    run_until_ready(n, 60000);
    return n;
}

static void a_second_call_rings_only_with_call_waiting_and_both_go_on(void **state)
{
    struct smx_sim_network *n = people(1, 3, true);
    struct smx_sim_user *bob = &n->user[BOB];
    struct smx_sim_call *first = call_for(n, ALICE, "bob", 3000), *second;
    uint32_t before;

    (void)state;
    assert_true(first->answered);
    second = call_for(n, CAROL, "bob", 3000);
    assert_int_equal(second->code, 486);
    assert_int_equal(bob->call_count, 1); /* his phone was not asked */
    bob->client->call_waiting = true;
    second = call_for(n, CAROL, "bob", 3000);
    assert_true(second->ringing && second->answered);
    before = first->frames_in;
    smx_sim_run_for(n, 4000);
    assert_true(first->frames_in - before > 190 && second->frames_in > 190);
    assert_true(bob->call[0].frames_in > 190 && bob->call[1].frames_in > 190);
    assert_int_equal(first->wrong + second->wrong + bob->call[0].wrong + bob->call[1].wrong, 0);
    smx_sim_call_hang_up(bob, &bob->call[0]);
    smx_sim_run_for(n, 2000);
    assert_true(first->ended);
    assert_false(second->ended);
    smx_sim_network_free(n);
}

static void a_second_call_may_always_be_made_and_a_third_not(void **state)
{
    struct smx_sim_network *n = people(2, 3, true);
    struct smx_sim_call *first = call_for(n, BOB, "alice", 3000), *second = call_for(n, BOB, "carol", 3000),
                        *third;

    (void)state;
    assert_true(first->answered && second->answered);
    third = call_for(n, BOB, "alice", 0);
    assert_int_equal(third->code, 503);
    smx_sim_run_for(n, 1000);
    assert_false(smx_sim_call_is_over(first) || smx_sim_call_is_over(second));
    smx_sim_network_free(n);
}

static void a_stranger_hears_the_same_of_one_in_a_call_with_call_waiting_unless_he_is_answered(void **state)
{
    struct smx_sim_network *n = people(3, 3, false);
    struct smx_sim_user *bob = &n->user[BOB];
    struct smx_sim_call *out;

    (void)state;
    bob->client->call_waiting = true;
    assert_true(call_for(n, ALICE, "bob", 3000)->answered);
    bob->answers = false;
    out = call_for(n, CAROL, "bob", 2500);
    assert_true(out->ringing);
    assert_int_equal(bob->call_count, 2); /* his phone rings indeed */
    bob->refuse_with = 486;
    smx_sim_run_for(n, 27000);
    assert_false(out->failed); /* not at the time at which he says no, */
    smx_sim_run_for(n, 8000);
    assert_int_equal(out->code, 480); /* nor with his code */
    smx_sim_network_free(n);
}

/* What a stranger's client holds of the callee while it rings: nothing may tell a phone from a decoy. */
static void a_stranger_is_told_the_same_ways_back_whether_a_phone_rings_or_a_decoy(void **state)
{
    uint16_t rejoin[2];

    (void)state;
    for (size_t busy = 0; busy < 2; busy++) {
        struct smx_sim_network *n = people(9, 3, false);
        struct smx_sim_user *bob = &n->user[BOB];
        const struct meeting *m = n->user[CAROL].client->meeting;

        if (busy)
            assert_true(call_for(n, ALICE, "bob", 3000)->answered);
        bob->answers = false;
        assert_true(call_for(n, CAROL, "bob", 5000)->ringing);
        assert_int_equal(bob->call_count, 1); /* the call that he has, or the one that rings */
        if (m->state != MEETING_OPEN)
            m++;
        assert_int_equal(m->state, MEETING_OPEN);
        rejoin[busy] = m->back.rejoin_number;
        assert_false(m->back.second_known);
        smx_sim_network_free(n);
    }
    assert_int_equal(rejoin[0], 1);
    assert_int_equal(rejoin[1], 1);
}

static void an_unnamed_call_has_a_pipe_of_its_own_and_shows_no_name(void **state)
{
    struct smx_sim_network *n = people(4, 2, true);
    struct smx_sim_user *alice = &n->user[ALICE], *bob = &n->user[BOB];
    struct smx_client_target to = smx_sim_target_name("bob");
    size_t text;

    (void)state;
    to.unnamed = true;
    (void)smx_sim_call_place(alice, to);
    smx_sim_run_for(n, 3000);
    assert_true(alice->call[0].answered);
    assert_string_equal(bob->call[0].from, "anonymous");
    text = smx_sim_text_send(alice, to, "guess who", 9); /* goes with the call */
    smx_sim_run_for(n, 3000);
    assert_int_equal(alice->text[text].code, 200);
    assert_string_equal(bob->text[bob->text_count - 1].from, "anonymous");
    assert_int_equal(smx_client_counters(alice->client)->meetings, 1);
    text = smx_sim_text_send(alice, smx_sim_target_name("bob"), "it is me", 8);
    smx_sim_run_for(n, 3000);
    assert_int_equal(alice->text[text].code, 200);
    assert_string_equal(bob->text[bob->text_count - 1].from, "alice");
    assert_int_equal(smx_client_counters(alice->client)->meetings, 2);
    smx_sim_call_hang_up(alice, &alice->call[0]);
    smx_sim_run_for(n, 2000);
    (void)smx_sim_call_place(alice, to); /* though there is a pipe that knows her */
    assert_int_equal(alice->client->meeting[0].state == MEETING_LOOKUP ||
                         alice->client->meeting[1].state == MEETING_LOOKUP,
                     true);
    smx_sim_network_free(n);
}

static void a_call_begins_anew_when_the_pipe_of_a_message_is_dead(void **state)
{
    struct smx_sim_network *n = people(5, 2, true);
    struct smx_sim_user *alice = &n->user[ALICE];
    size_t text = smx_sim_text_send(alice, smx_sim_target_name("bob"), "hello", 5);

    (void)state;
    smx_sim_run_for(n, 2000);
    assert_int_equal(alice->text[text].code, 200);
    smx_sim_client_restart(n, BOB);
    run_until_ready(n, 12000); /* sooner than the pipe counts as dead */
    n->user[BOB].answers = true;
    assert_int_equal(alice->client->meeting[0].state == MEETING_OPEN ||
                         alice->client->meeting[1].state == MEETING_OPEN,
                     true);
    assert_true(call_for(n, ALICE, "bob", 4000)->answered);
    smx_sim_network_free(n);
}

static void a_call_begins_anew_when_the_pipe_dies_under_it(void **state)
{
    struct smx_sim_network *n = people(6, 2, true);
    struct smx_sim_user *alice = &n->user[ALICE], *bob = &n->user[BOB];
    struct meeting *m;
    struct smx_sim_call *out;

    (void)state;
    (void)smx_sim_text_send(alice, smx_sim_target_name("bob"), "hello", 5);
    smx_sim_run_for(n, 2000);
    m = &bob->client->meeting[0];
    m = m->state == MEETING_OPEN ? m : &bob->client->meeting[1];
    out = call_for(n, ALICE, "bob", 0);
    smx_meeting_leave(bob->client, smx_sim_user_now(bob), m);
    smx_sim_run_for(n, 8000);
    assert_false(out->failed);
    assert_true(out->answered);
    assert_int_equal(smx_client_counters(alice->client)->meetings, 2);
    smx_sim_network_free(n);
}

static void a_call_that_joins_a_messages_meeting_does_not_fail_with_it(void **state)
{
    struct smx_sim_network *n = people(7, 2, true);
    struct smx_sim_user *alice = &n->user[ALICE], *bob = &n->user[BOB];
    struct smx_sim_call *out;

    (void)state;
    smx_sim_client_sleep(n, BOB);
    (void)smx_sim_text_send(alice, smx_sim_target_name("bob"), "hello", 5);
    smx_sim_run_for(n, 2500); /* he sleeps through the introduction */
    smx_sim_client_start(n, BOB);
    out = call_for(n, ALICE, "bob", 14000);
    assert_false(out->failed);
    assert_true(out->answered);
    assert_int_equal(smx_client_counters(alice->client)->meetings_failed, 1);
    (void)bob;
    smx_sim_network_free(n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_second_call_rings_only_with_call_waiting_and_both_go_on),
        cmocka_unit_test(a_second_call_may_always_be_made_and_a_third_not),
        cmocka_unit_test(a_stranger_hears_the_same_of_one_in_a_call_with_call_waiting_unless_he_is_answered),
        cmocka_unit_test(a_stranger_is_told_the_same_ways_back_whether_a_phone_rings_or_a_decoy),
        cmocka_unit_test(an_unnamed_call_has_a_pipe_of_its_own_and_shows_no_name),
        cmocka_unit_test(a_call_begins_anew_when_the_pipe_of_a_message_is_dead),
        cmocka_unit_test(a_call_begins_anew_when_the_pipe_dies_under_it),
        cmocka_unit_test(a_call_that_joins_a_messages_meeting_does_not_fail_with_it),
    };
    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
