/* What a person is shown of a client is what is there, and what happened to his call. */
#include "tests/unit/sim/network.h"

enum { FEW = 12 }; /* slots that a join's first moments, and a move, may cost */

static bool says_nothing(void *arg, struct smx_sim_user *u, const struct smx_sim_call *c,
                         struct smx_frame *frame)
{
    (void)arg;
    (void)u;
    (void)c;
    (void)frame;
    return false;
}

static struct smx_view view_of(const struct smx_sim_user *u)
{
    struct smx_view v;

    smx_client_view(u->client, &v);
    return v;
}

static void every_circuit_is_shown_with_its_relays_layer_by_layer(void **state)
{
    struct smx_sim_network *n = ready_network(1);
    struct smx_view v = view_of(&n->user[0]);
    const struct smx_consensus *c = &n->user[0].client->consensus;

    (void)state;
    assert_int_equal(v.circuit_count, 4);
    assert_int_equal(v.relay_count, RELAYS);
    assert_int_equal(v.cells, 3);
    for (size_t i = 0; i < v.circuit_count; i++) {
        const struct smx_view_circuit *k = &v.circuit[i];

        assert_int_equal(k->state, SMX_VIEW_IDLE);
        assert_int_equal(k->hop_count, 3);
        for (size_t h = 0; h < 3; h++) {
            size_t place = smx_consensus_find(c, k->hop[h].id);

            assert_true(k->hop[h].stands && k->hop[h].listed);
            assert_int_equal(c->relay[place].layer, h);
            assert_true(smx_addr_equal(&k->hop[h].addr, &c->relay[place].addr[0]));
        }
        assert_memory_equal(k->hop[0].id, v.circuit[0].hop[0].id, SMX_DOC_KEY);
    }
    assert_int_equal(v.identity_count, 1);
    assert_int_equal(v.identity[0].name_count, 1);
    assert_true(v.identity[0].name[0].ours && v.identity[0].listening);
    assert_string_equal(v.identity[0].name[0].text, "alice");
    assert_int_equal(v.call_count, 0);
    smx_sim_network_free(n);
}

static void before_there_is_a_network_nothing_is_made_up(void **state)
{
    struct smx_sim_network *n = network_new(2);
    struct smx_view v = view_of(&n->user[0]);

    (void)state;
    assert_int_equal(v.relay_count, 0);
    for (size_t i = 0; i < v.circuit_count; i++) {
        assert_int_equal(v.circuit[i].state, SMX_VIEW_WAITS);
        assert_int_equal(v.circuit[i].hop_count, 0);
    }
    assert_false(v.status.ready || v.identity[0].name[0].ours);
    smx_sim_network_free(n);
}

/* Alice and bob talk; the path from alice's guard to her loses a tenth, bob's loses nothing. */
static void a_call_is_shown_from_its_ringing_on_and_losses_where_they_are_heard(void **state)
{
    struct smx_sim_network *n = ready_network(3);
    struct smx_sim_user *alice = &n->user[0], *bob = &n->user[1];
    struct smx_sim_call *out;
    struct smx_view a, b;

    (void)state;
    out = smx_sim_call_place(alice, smx_sim_target_name("bob"));
    a = view_of(alice);
    assert_int_equal(a.call_count, 1);
    assert_int_equal(a.call[0].state, SMX_VIEW_CALLING);
    assert_string_equal(a.call[0].peer, "bob");
    smx_sim_run_for(n, 2000);
    a = view_of(alice);
    b = view_of(bob);
    assert_int_equal(a.call[0].state, SMX_VIEW_AWAITED);
    assert_int_equal(b.call_count, 1);
    assert_int_equal(b.call[0].state, SMX_VIEW_RINGS);
    assert_memory_equal(b.call[0].key, alice->public, SMX_DOC_KEY);
    smx_sim_call_pick_up(bob, &bob->call[0]);
    smx_sim_run_for(n, 1000);
    a = view_of(alice);
    for (uint32_t i = 0; i < RELAYS; i++)
        smx_net_path(smx_world_net(n->world), i, alice->node)->loss = 100000;
    smx_sim_run_for(n, 10000);
    assert_int_equal(a.call_count, 1);
    assert_int_equal(a.call[0].state, SMX_VIEW_TALKING);
    assert_true(a.call[0].heard.lost < FEW);
    a = view_of(alice);
    b = view_of(bob);
    assert_true(a.call[0].out && !b.call[0].out);
    assert_string_equal(a.call[0].peer, "bob");
    assert_memory_equal(a.call[0].key, bob->public, SMX_DOC_KEY);
    assert_int_equal(a.call[0].heard.due, out->frames_in + out->missing);
    assert_int_equal(a.call[0].heard.lost + a.call[0].heard.quiet, out->missing);
    assert_true(a.call[0].heard.lost > 25 && a.call[0].heard.lost < 90); /* 50 of 500 are expected */
    assert_true(a.call[0].lately.due > 250 && a.call[0].lately.due <= 500);
    assert_true(a.call[0].lately.lost > 10 && a.call[0].lately.lost < 80);
    assert_true(b.call[0].heard.lost < FEW);
    assert_true(a.call[0].round_trip_known && a.call[0].round_trip > SMX_MS(20) &&
                a.call[0].round_trip < SMX_MS(1000));
    assert_int_equal(a.circuit[a.call[0].slot].state, SMX_VIEW_JOINED);
    assert_int_equal(a.circuit[a.call[0].slot].hop_count, 3);
    assert_true(b.circuit[b.call[0].slot].hop_count >= 3); /* and a fourth, unless both end at one relay */
    assert_int_equal(a.contact_count, 1);
    smx_sim_call_hang_up(alice, out);
    smx_sim_run_for(n, 3000);
    a = view_of(alice);
    assert_int_equal(a.call_count, 0);
    smx_sim_network_free(n);
}

static void a_phone_that_says_nothing_is_quiet_and_not_lost(void **state)
{
    static const struct smx_sim_follower mute = {.take = says_nothing};
    struct smx_sim_network *n = ready_network(4);
    struct smx_sim_user *alice = &n->user[0], *bob = &n->user[1];
    struct smx_view a;

    (void)state;
    bob->answers = true;
    bob->follower = &mute;
    (void)smx_sim_call_place(alice, smx_sim_target_name("bob"));
    smx_sim_run_for(n, 8000);
    a = view_of(alice);
    assert_int_equal(a.call_count, 1);
    assert_true(a.call[0].heard.due > 200);
    assert_true(a.call[0].heard.lost < FEW);
    assert_int_equal(a.call[0].heard.lost + a.call[0].heard.quiet, a.call[0].heard.due);
    smx_sim_network_free(n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_circuit_is_shown_with_its_relays_layer_by_layer),
        cmocka_unit_test(before_there_is_a_network_nothing_is_made_up),
        cmocka_unit_test(a_call_is_shown_from_its_ringing_on_and_losses_where_they_are_heard),
        cmocka_unit_test(a_phone_that_says_nothing_is_quiet_and_not_lost),
    };

    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
