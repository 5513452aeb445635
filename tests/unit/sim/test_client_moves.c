/* A call lives on when a relay of its path dies: twelve relays, two clients, virtual time, one relay killed
 * in mid-call.  The guard's death is judged here too; how a real network does is tests/integration's affair.
 */
#include "client/core.h"
#include "tests/unit/sim/network.h"

struct talk {
    struct smx_sim_network *n;
    struct smx_sim_user *alice, *bob;
    struct smx_sim_call *out, *in;
    uint32_t seen[2];  /* frames that had come */
    smx_time since[2]; /* when the last new one came */
    smx_time gap[2];   /* longest time without */
};

static struct talk begin_with(uint64_t seed)
{
    struct smx_sim_network_config config = smx_sim_network_preset(seed);
    struct talk t = {0};

    config.relays = 15;
    config.params.epoch_s = 7200; /* hardly a renewal meanwhile */
    t.n = smx_sim_network_new(&config);
    smx_sim_client_make(t.n, 0, 1, "alice", 2);
    smx_sim_client_make(t.n, 1, 2, "bob", 2);
    smx_sim_client_start(t.n, 0);
    smx_sim_client_start(t.n, 1);
    assert_true(run_to_ready(t.n, 60000));
    t.alice = &t.n->user[0];
    t.bob = &t.n->user[1];
    t.bob->answers = true;
    t.out = smx_sim_call_place(t.alice, smx_sim_target_name("bob"));
    smx_sim_run_for(t.n, 4000);
    assert_true(t.out->answered);
    t.in = &t.bob->call[0];
    return t;
}

static size_t relay_of(const struct talk *t, enum position p)
{
    return relay_at(t->n, t->alice, t->bob, p);
}

static bool crosses_six(const struct talk *t)
{
    return t->bob->client->circuit[open_meeting(t->bob)->slot].origin.hop_count == END + 2 &&
           relay_of(t, CALLER_MIDDLE) != relay_of(t, CALLEE_MIDDLE) &&
           relay_of(t, CALLER_GUARD) != relay_of(t, CALLEE_GUARD);
}

/* A call over six relays: not one whose callee's slot happens to end at the rendezvous, nor one with a relay
 * on both sides. */
static struct talk begin(uint64_t seed)
{
    for (;; seed += 1000) {
        struct talk t = begin_with(seed);

        if (crosses_six(&t))
            return t;
        smx_sim_network_free(t.n);
    }
}

/* Runs on, and writes down how long either heard nothing. */
static void listen(struct talk *t, unsigned ms)
{
    const struct smx_sim_call *side[2] = {t->out, t->in};

    for (unsigned at = 0; at < ms; at += 10) {
        smx_time now = smx_world_now(t->n->world);

        for (int i = 0; i < 2; i++) {
            uint32_t real = side[i]->frames_in;

            if (t->since[i] == 0 || real != t->seen[i]) {
                t->seen[i] = real;
                t->since[i] = now;
            } else if (now - t->since[i] > t->gap[i]) {
                t->gap[i] = now - t->since[i];
            }
        }
        smx_sim_run_for(t->n, 10);
    }
}

static void kill_one(enum position p, uint64_t seed)
{
    struct talk t = begin(seed);
    unsigned limit = p == CALLER_GUARD || p == CALLEE_GUARD ? 2000 : 1000;
    size_t dead = relay_of(&t, p);

    listen(&t, 2000);
    smx_sim_relay_kill(t.n, dead);
    listen(&t, 8000);
    print_message("%s: %u and %u ms without sound\n", position_name[p], (unsigned)(t.gap[0] / 1000000),
                  (unsigned)(t.gap[1] / 1000000));
    assert_false(t.out->ended);
    assert_false(t.in->ended);
    assert_true(t.gap[0] < SMX_MS(limit));
    assert_true(t.gap[1] < SMX_MS(limit));
    smx_sim_call_hang_up(t.alice, t.out);
    smx_sim_run_for(t.n, 2000);
    assert_true(t.in->ended);
    smx_sim_network_free(t.n);
}

static void a_call_outlives_the_relay_at_each_position(void **state)
{
    (void)state;
    for (enum position p = CALLER_MIDDLE; p <= CALLEE_MIDDLE; p++)
        kill_one(p, 70 + p);
}

static void a_call_outlives_either_guard(void **state)
{
    (void)state;
    kill_one(CALLER_GUARD, 80);
    kill_one(CALLEE_GUARD, 81);
}

/* After this each has one slot left, lengthened to the rendezvous, and then that dies too. */
static struct talk cut_off(uint64_t seed)
{
    struct talk t = begin(seed);
    size_t rendezvous = relay_of(&t, CALLER_END);

    listen(&t, 2000);
    smx_sim_relay_kill(t.n, relay_of(&t, CALLER_MIDDLE));
    listen(&t, 2000);
    assert_int_equal(t.alice->client->circuit[open_meeting(t.alice)->slot].origin.hop_count, END + 2);
    assert_int_not_equal(relay_of(&t, CALLER_END), rendezvous);
    t.gap[0] = t.gap[1] = 0;
    smx_sim_relay_kill(t.n, rendezvous);
    return t;
}

static void nobody_knows_a_way_back(struct talk *t)
{
    open_meeting(t->alice)->back.rejoin_number = open_meeting(t->bob)->back.rejoin_number = 0;
    open_meeting(t->alice)->back.second_known = false;
}

static struct talk cut_off_for_good(uint64_t seed)
{
    struct talk t = cut_off(seed);

    nobody_knows_a_way_back(&t);
    return t;
}

/* The slot itself serves to go to the callee's second meeting. */
static void a_call_on_the_callers_last_slot_outlives_the_rendezvous(void **state)
{
    struct talk t = cut_off(101);

    (void)state;
    listen(&t, 4000);
    print_message("the rendezvous, without another slot: %u and %u ms without sound\n",
                  (unsigned)(t.gap[0] / 1000000), (unsigned)(t.gap[1] / 1000000));
    assert_true(t.gap[0] < SMX_MS(1500) && t.gap[1] < SMX_MS(1500));
    assert_int_equal(smx_client_counters(t.alice->client)->calls_resumed, 0);
    smx_sim_network_free(t.n);
}

static void a_call_goes_on_over_a_new_meeting_when_neither_has_a_way_back(void **state)
{
    struct talk t = cut_off_for_good(108);

    (void)state;
    listen(&t, 500);
    smx_client_call_direction(t.bob->client, smx_sim_user_now(t.bob), t.in->id, 1); /* nobody hears it */
    listen(&t, 7500);
    print_message("a new meeting: %u and %u ms without sound\n", (unsigned)(t.gap[0] / 1000000),
                  (unsigned)(t.gap[1] / 1000000));
    assert_int_equal(smx_client_counters(t.alice->client)->calls_resumed, 1);
    assert_int_equal(smx_client_counters(t.bob->client)->calls_resumed, 1);
    assert_true(t.gap[0] < SMX_MS(5000) && t.gap[1] < SMX_MS(5000));
    assert_int_equal(t.alice->call_count, 1);
    assert_int_equal(t.bob->call_count, 1); /* no phone has noticed */
    assert_false(t.out->ended || t.in->ended);
    assert_int_equal(t.out->far_direction, 1);
    smx_sim_call_hang_up(t.bob, t.in);
    smx_sim_run_for(t.n, 2000);
    assert_true(t.out->ended);
    smx_sim_network_free(t.n);
}

/* The slot that is no call's is gone for good. */
static void has_one_slot(struct smx_sim_user *u)
{
    struct smx_client *c = u->client;
    struct meeting *m = open_meeting(u);

    for (size_t i = 0; i < c->slots; i++) {
        if (&c->meeting[i] == m)
            continue;
        smx_circuit_drop(c, &c->circuit[c->meeting[i].slot], smx_sim_user_now(u));
        c->circuit[c->meeting[i].slot].open_at = SMX_NEVER;
    }
}

/* The slot is held by the call that has gone silent. */
static void kill_with_one_slot(struct talk t, struct smx_sim_user *who, enum position p)
{
    listen(&t, 2000);
    has_one_slot(who);
    listen(&t, 500);
    nobody_knows_a_way_back(&t);
    smx_sim_relay_kill(t.n, relay_of(&t, p));
    listen(&t, 8000);
    print_message("a new meeting over the only slot: %u and %u ms without sound\n",
                  (unsigned)(t.gap[0] / 1000000), (unsigned)(t.gap[1] / 1000000));
    assert_int_equal(smx_client_counters(t.alice->client)->calls_resumed, 1);
    assert_true(t.gap[0] < SMX_MS(5000) && t.gap[1] < SMX_MS(5000));
    assert_false(t.out->ended || t.in->ended);
    smx_sim_network_free(t.n);
}

static void who_has_but_a_slot_that_leads_nowhere_meets_again_with_it(void **state)
{
    struct talk t = begin(108);

    (void)state;
    kill_with_one_slot(t, t.alice, CALLEE_MIDDLE);
    t = begin(108);
    kill_with_one_slot(t, t.bob, CALLER_MIDDLE);
}

static void a_call_that_is_over_there_does_not_go_on(void **state)
{
    struct talk t = cut_off_for_good(108);

    (void)state;
    listen(&t, 1000);
    smx_sim_call_hang_up(t.bob, t.in); /* nobody hears it */
    listen(&t, 8000);
    assert_true(t.out->ended);
    assert_int_equal(t.bob->call_count, 1);
    smx_sim_network_free(t.n);
}

static void who_hangs_up_meanwhile_has_his_slots_back(void **state)
{
    struct talk t = cut_off_for_good(108);
    const struct smx_client *c = t.alice->client;
    bool began = false;

    (void)state;
    for (unsigned at = 0; at < 5000 && !began; at += 10) {
        listen(&t, 10);
        for (size_t i = 0; i < c->slots; i++)
            began = began || c->meeting[i].resumes;
    }
    assert_true(began);
    smx_sim_call_hang_up(t.alice, t.out);
    listen(&t, 100);
    for (size_t i = 0; i < c->slots; i++)
        assert_false(c->meeting[i].resumes);
    assert_int_equal(c->count.calls_resumed, 0);
    smx_sim_network_free(t.n);
}

static void a_death_hurries_a_move_that_was_only_due(void **state)
{
    struct talk t = begin(97);
    struct smx_client *c = t.alice->client;

    (void)state;
    listen(&t, 2000);
    for (size_t i = 0; i < c->slots; i++) /* so there is none to move to, as long as nothing is wrong */
        c->circuit[i].due = true;
    listen(&t, 200);
    assert_true(open_meeting(t.alice)->move.state != MOVE_NONE);
    smx_sim_relay_kill(t.n, relay_of(&t, CALLER_MIDDLE));
    listen(&t, 4000);
    print_message("while due: %u and %u ms without sound\n", (unsigned)(t.gap[0] / 1000000),
                  (unsigned)(t.gap[1] / 1000000));
    assert_true(t.gap[0] < SMX_MS(1000) && t.gap[1] < SMX_MS(1000));
    smx_sim_network_free(t.n);
}

static void when_a_relay_dies_on_either_side_at_once_the_call_goes_on_or_ends_cleanly(void **state)
{
    struct talk t = begin(90);

    (void)state;
    listen(&t, 1000);
    smx_sim_relay_kill(t.n, relay_of(&t, CALLER_MIDDLE));
    smx_sim_relay_kill(t.n, relay_of(&t, CALLEE_MIDDLE));
    listen(&t, 4000);
    print_message("both middles: %u and %u ms without sound\n", (unsigned)(t.gap[0] / 1000000),
                  (unsigned)(t.gap[1] / 1000000));
    smx_sim_run_for(t.n, 20000);
    assert_int_equal(t.out->ended, t.in->ended);
    if (!t.out->ended)
        assert_true(t.gap[0] < SMX_SECOND(3) && t.gap[1] < SMX_SECOND(3));
    smx_sim_network_free(t.n);
}

static void a_dead_half_of_the_peer_moves_nobody_but_him(void **state)
{
    struct talk t = begin(91);

    (void)state;
    listen(&t, 1000);
    smx_sim_relay_kill(t.n, relay_of(&t, CALLEE_MIDDLE));
    listen(&t, 4000);
    assert_int_equal(smx_client_counters(t.alice->client)->moves, 0);
    assert_int_equal(smx_client_counters(t.bob->client)->moves, 1);
    smx_sim_network_free(t.n);
}

static void a_silent_peer_ends_the_call_after_twenty_seconds(void **state)
{
    struct talk t = begin(92);

    (void)state;
    smx_sim_client_sleep(t.n, 1);
    smx_sim_run_for(t.n, 18000);
    assert_false(t.out->ended);
    smx_sim_run_for(t.n, 5000);
    assert_true(t.out->ended);
    smx_sim_network_free(t.n);
}

static void a_client_that_slept_takes_up_the_call_again_or_it_ends(void **state)
{
    (void)state;
    for (size_t who = 0; who < 2; who++) {
        struct talk t = begin(93 + who);
        uint32_t before[2];

        listen(&t, 1000);
        smx_sim_client_sleep(t.n, who);
        smx_sim_run_for(t.n, 10000);
        smx_sim_client_start(t.n, who);
        for (unsigned s = 0; s < 24; s += 2) { /* by then 20 s of silence would have ended it */
            before[0] = t.out->frames_in;
            before[1] = t.in->frames_in;
            smx_sim_run_for(t.n, 2000);
            if (t.out->frames_in - before[0] > 95 && t.in->frames_in - before[1] > 95)
                break;
        }
        print_message("after 10 s of sleep: %u and %u frames in two seconds, ended %d and %d\n",
                      t.out->frames_in - before[0], t.in->frames_in - before[1], t.out->ended, t.in->ended);
        if (t.out->ended || t.in->ended) {
            assert_true(t.out->ended && t.in->ended);
        } else {
            assert_true(t.out->frames_in - before[0] > 95);
            assert_true(t.in->frames_in - before[1] > 95);
        }
        smx_sim_network_free(t.n);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_call_outlives_the_relay_at_each_position),
        cmocka_unit_test(a_call_outlives_either_guard),
        cmocka_unit_test(a_call_on_the_callers_last_slot_outlives_the_rendezvous),
        cmocka_unit_test(a_call_goes_on_over_a_new_meeting_when_neither_has_a_way_back),
        cmocka_unit_test(who_has_but_a_slot_that_leads_nowhere_meets_again_with_it),
        cmocka_unit_test(a_call_that_is_over_there_does_not_go_on),
        cmocka_unit_test(who_hangs_up_meanwhile_has_his_slots_back),
        cmocka_unit_test(a_death_hurries_a_move_that_was_only_due),
        cmocka_unit_test(when_a_relay_dies_on_either_side_at_once_the_call_goes_on_or_ends_cleanly),
        cmocka_unit_test(a_dead_half_of_the_peer_moves_nobody_but_him),
        cmocka_unit_test(a_silent_peer_ends_the_call_after_twenty_seconds),
        cmocka_unit_test(a_client_that_slept_takes_up_the_call_again_or_it_ends),
    };
    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
