/* Who is let in: strangers in a row, and contacts while messages hold all slots. */
#include "tests/unit/sim/network.h"

static struct smx_sim_network *three_callers_of_bob(uint64_t seed)
{
    static const char *const name[] = {"alice", "bob", "carol", "dave"};
    struct smx_sim_network_config config = smx_sim_network_preset(seed);
    struct smx_sim_network *n;

    config.relays = 6;
    config.params.batch_s = 2;
    n = smx_sim_network_new(&config);
    for (size_t i = 0; i < 4; i++) {
        smx_sim_client_make(n, i, (uint32_t)i + 1, name[i], i == 1 ? 1 : 2);
        n->user[i].answers = true;
        smx_sim_client_start(n, i);
    }
    run_until_ready(n, 60000);
    return n;
}

static bool is_answered(struct smx_sim_network *n, size_t from, unsigned ms)
{
    struct smx_sim_call *c = smx_sim_call_place(&n->user[from], smx_sim_target_name("bob"));
    bool answered;

    for (unsigned t = 0; t < ms && !c->answered; t += 100)
        smx_sim_run_for(n, 100);
    answered = c->answered;
    if (!smx_sim_call_is_over(c))
        smx_sim_call_hang_up(&n->user[from], c);
    smx_sim_run_for(n, 1500);
    return answered;
}

static void strangers_in_a_row_are_let_in_and_then_a_contact_though_a_message_holds_the_slot(void **state)
{
    struct smx_sim_network *n = three_callers_of_bob(7);
    size_t text;

    (void)state;
    assert_true(is_answered(n, 0, 3000));
    assert_true(is_answered(n, 2, 3000)); /* not ten seconds later */
    assert_true(is_answered(n, 3, 3000));
    text = smx_sim_text_send(&n->user[1], smx_sim_target_name("carol"), "how are you?", 12);
    smx_sim_run_for(n, 3000);
    assert_int_equal(n->user[1].text[text].code, 200);
    assert_int_equal(n->user[1].client->meeting[0].state, MEETING_OPEN); /* bob's only slot */
    assert_true(is_answered(n, 0, 8000));
    smx_sim_network_free(n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strangers_in_a_row_are_let_in_and_then_a_contact_though_a_message_holds_the_slot),
    };
    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
