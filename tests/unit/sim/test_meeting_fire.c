/* Meetings under fire: both call each other, cells lost, late or twice at any moment of the set-up, cookies
 * that are used or unknown, several callers, a callee that vanishes.  After each, slots and relays are as
 * before. */
#include "sim/check_slots.h"
#include "sim/check_tables.h"
#include "tests/unit/sim/network.h"

enum { ALICE, BOB, CAROL, PEOPLE };

struct fire {
    struct smx_sim_network *n;
    struct smx_sim_user *alice, *bob, *carol;
    struct smx_tables before;
};

/* Three who are ready; those who are acquainted have called each other once. */
static void light(struct fire *f, uint64_t seed, bool acquainted)
{
    static const char *const names[PEOPLE] = {"alice", "bob", "carol"};
    struct smx_sim_network_config config = smx_sim_network_preset(seed);

    config.params.epoch_s = 600; /* few renewals meanwhile */
    f->n = smx_sim_network_new(&config);
    for (unsigned i = 0; i < PEOPLE; i++) {
        smx_sim_client_make(f->n, i, (uint8_t)(i + 1), names[i], 2);
        f->n->user[i].answers = true;
        smx_sim_client_start(f->n, i);
    }
    f->alice = &f->n->user[ALICE];
    f->bob = &f->n->user[BOB];
    f->carol = &f->n->user[CAROL];
    run_until_ready(f->n, 90000);
    for (size_t i = 0; acquainted && i < PEOPLE; i++) {
        struct smx_sim_user *a = &f->n->user[i], *b = &f->n->user[(i + 1) % PEOPLE];
        struct smx_sim_call *p = smx_sim_call_place(a, smx_sim_target_name(b->name));

        smx_sim_run_for(f->n, 3000);
        assert_true(p->answered);
        smx_sim_call_hang_up(a, p);
        smx_sim_run_for(f->n, 3000);
        smx_sim_user_forget(a);
        smx_sim_user_forget(b);
    }
    f->before = smx_network_tables(f->n);
}

static bool all_idle(const struct fire *f)
{
    bool idle = true;

    for (size_t i = 0; i < PEOPLE; i++)
        idle = idle && smx_slots_are_idle(f->n->user[i].client);
    return idle;
}

/* Everybody hangs up.  Within 20 s nothing is left of it: not in slots, nor at relays. */
static void burn_down(struct fire *f)
{
    struct smx_tables after;
    size_t waiting = 0;
    char text[SMX_COMPLAINT];

    for (size_t i = 0; i < PEOPLE; i++)
        for (size_t k = 0; k < f->n->user[i].call_count; k++)
            if (!smx_sim_call_is_over(&f->n->user[i].call[k]))
                smx_sim_call_hang_up(&f->n->user[i], &f->n->user[i].call[k]);
    for (unsigned s = 0; s < 20 && !all_idle(f); s++)
        smx_sim_run_for(f->n, 1000);
    for (size_t i = 0; i < PEOPLE && !all_idle(f); i++)
        print_message("%s: %s\n", f->n->user[i].name, smx_slots_text(f->n->user[i].client, text));
    assert_true(all_idle(f));
    smx_sim_run_for(f->n, 3000); /* copies of what is said once */
    after = smx_network_tables(f->n);
    assert_int_equal(after.joined, 0);
    assert_int_equal(after.waiting, 0);
    assert_int_equal(after.introductions, 0);
    assert_int_equal(after.lost, 0);
    assert_true(after.circuits <= 2 * f->before.circuits); /* those replaced go on for a while */
    for (size_t i = 0; i < PEOPLE; i++)
        waiting += smx_slots_free(f->n->user[i].client);
    assert_true(after.cookies >= waiting);
    for (size_t i = 0; i < PEOPLE; i++)
        smx_sim_user_forget(&f->n->user[i]);
}

static void put_out(struct fire *f)
{
    burn_down(f);
    smx_sim_network_free(f->n);
}

/* ---- glare ---- */

static void two_who_call_each_other_at_the_same_time_have_one_call(void **state)
{
    struct fire f;

    (void)state;
    light(&f, 31, true);
    for (unsigned apart = 0; apart <= 240; apart += 80) {
        bool alice_first = apart % 160 == 0;
        struct smx_sim_user *a = alice_first ? f.alice : f.bob, *b = alice_first ? f.bob : f.alice;
        struct smx_sim_call *out = smx_sim_call_place(a, smx_sim_target_name(b->name)), *back;
        uint32_t heard;

        smx_sim_run_for(f.n, apart);
        assert_int_equal(b->call_count, 0); /* he knows of nothing yet */
        back = smx_sim_call_place(b, smx_sim_target_name(a->name));
        smx_sim_run_for(f.n, 4000);
        assert_int_equal(a->call_count, 1); /* each phone has the one that it placed, */
        assert_int_equal(b->call_count, 1);
        assert_true(out->answered && !smx_sim_call_is_over(out)); /* which has been answered */
        assert_true(back->answered && !smx_sim_call_is_over(back));
        heard = back->frames_in;
        smx_sim_run_for(f.n, 2000);
        assert_in_range(back->frames_in - heard, 95, 105);
        smx_sim_call_hang_up(apart % 240 ? a : b, apart % 240 ? out : back);
        smx_sim_run_for(f.n, 1000);
        assert_true(out->ended && back->ended);
        burn_down(&f);
    }
    put_out(&f);
}

/* ---- cells that are lost, late, or twice ---- */

enum { RELAYS_ALL = UINT32_MAX };

struct weather {
    smx_time from, until;
    uint32_t node; /* whose line it is; RELAYS_ALL: all between relays */
    bool in, out;  /* which way */
    smx_time held; /* late by so much; 0: lost */
};

static bool blow(void *arg, smx_time now, uint32_t from, uint32_t to, uint8_t *bytes, size_t len,
                 smx_time *delay)
{
    const struct weather *w = arg;
    bool hit = w->node == RELAYS_ALL ? from < RELAYS && to < RELAYS
                                     : (from == w->node && w->out) || (to == w->node && w->in);

    (void)bytes;
    (void)len;
    if (now < w->from || now >= w->until || !hit)
        return true;
    *delay = w->held;
    return w->held > 0;
}

/* A call that gets through although, at any moment of its set-up, somebody's line is bad for a while. */
static void weather_any_time(struct fire *f, struct weather w, unsigned ms)
{
    for (unsigned at = 0; at < 600; at += 230) {
        struct smx_sim_call *out;

        w.from = smx_world_now(f->n->world) + SMX_MS(at);
        w.until = w.from + SMX_MS(ms);
        smx_world_watch(f->n->world, blow, &w);
        out = smx_sim_call_place(f->alice, smx_sim_target_name("bob"));
        smx_sim_run_for(f->n, 6000);
        if (!out->answered || smx_sim_call_is_over(out))
            print_message("bad line from %u ms on, %s%s\n", at, w.in ? "in" : "", w.out ? "out" : "");
        assert_true(out->answered && !smx_sim_call_is_over(out));
        assert_int_equal(f->bob->call_count, 1);
        assert_true(out->frames_in > 100);
        smx_world_unwatch(f->n->world, blow, &w);
        burn_down(f);
    }
}

static void a_call_gets_through_when_cells_are_lost_on_the_callers_line(void **state)
{
    struct fire f;

    (void)state;
    light(&f, 32, true);
    weather_any_time(&f, (struct weather){.node = f.alice->node, .in = true}, 120);
    weather_any_time(&f, (struct weather){.node = f.alice->node, .out = true}, 120);
    put_out(&f);
}

static void a_call_gets_through_when_cells_are_lost_on_the_callees_line(void **state)
{
    struct fire f;

    (void)state;
    light(&f, 33, true);
    weather_any_time(&f, (struct weather){.node = f.bob->node, .in = true}, 120);
    weather_any_time(&f, (struct weather){.node = f.bob->node, .out = true}, 120);
    put_out(&f);
}

static void a_call_gets_through_when_a_line_is_dead_for_a_third_of_a_second(void **state)
{
    struct fire f;

    (void)state;
    light(&f, 32, true);
    weather_any_time(&f, (struct weather){.node = f.alice->node, .in = true, .out = true}, 330);
    weather_any_time(&f, (struct weather){.node = f.bob->node, .in = true, .out = true}, 330);
    put_out(&f);
}

static void a_call_gets_through_when_cells_come_late(void **state)
{
    struct fire f;

    (void)state;
    light(&f, 34, true);
    weather_any_time(&f, (struct weather){.node = f.bob->node, .in = true, .held = SMX_MS(400)}, 200);
    weather_any_time(&f, (struct weather){.node = f.alice->node, .out = true, .held = SMX_MS(400)}, 200);
    put_out(&f);
}

static void a_call_gets_through_when_relays_lose_what_they_tell_each_other(void **state)
{
    struct fire f;

    (void)state;
    light(&f, 35, true);
    weather_any_time(&f, (struct weather){.node = RELAYS_ALL, .in = true}, 120);
    put_out(&f);
}

static void when_everything_comes_twice_there_is_one_call(void **state)
{
    struct fire f;
    struct smx_sim_call *out;

    (void)state;
    light(&f, 36, true);
    smx_world_net(f.n->world)->common.duplicate = 1000000;
    out = smx_sim_call_place(f.alice, smx_sim_target_name("bob"));
    smx_sim_run_for(f.n, 4000);
    assert_true(out->answered);
    assert_int_equal(f.bob->call_count, 1);
    assert_int_equal(out->wrong, 0);
    put_out(&f);
}

/* ---- cookies ---- */

/* The callee's slot that is on its way to a rendezvous. */
static struct meeting *on_its_way(struct smx_sim_user *u)
{
    for (size_t i = 0; i < u->client->slots; i++)
        if (u->client->meeting[i].state == MEETING_EXTEND)
            return &u->client->meeting[i];
    return NULL;
}

static struct meeting *wait_for_way(struct fire *f, struct smx_sim_user *u)
{
    for (unsigned ms = 0; ms < 3000 && !on_its_way(u); ms += 5)
        smx_sim_run_for(f->n, 5);
    return on_its_way(u);
}

static void a_join_with_a_used_or_unknown_cookie_fails_and_frees_the_slots(void **state)
{
    uint8_t used[SMX_COOKIE] = {1, 2, 3}; /* unknown, at first */
    struct fire f;

    (void)state;
    light(&f, 37, true);
    for (unsigned round = 0; round < 4; round++) {
        struct smx_sim_call *out = smx_sim_call_place(f.alice, smx_sim_target_name("bob"));
        struct meeting *m = wait_for_way(&f, f.bob);

        if (m && round % 2 == 0)
            memcpy(m->offer.place.cookie, used, sizeof used);
        else if (m)
            memcpy(used, m->offer.place.cookie, sizeof used);
        smx_sim_run_for(f.n, 14000);
        if (!m) { /* both slots end at the same relay: no EXTEND to wait for */
            assert_true(out->answered);
        } else if (round % 2 == 0) {
            assert_true(out->failed);
            assert_int_equal(out->code, 480);
            assert_int_equal(f.bob->call_count, 0);
        } else {
            assert_true(out->answered);
        }
        burn_down(&f);
    }
    put_out(&f);
}

/* ---- more than two ---- */

static void a_contact_hears_busy_while_the_callee_talks_and_nobody_is_disturbed(void **state)
{
    struct fire f;
    struct smx_sim_call *out, *waiting;

    (void)state;
    light(&f, 38, true);
    out = smx_sim_call_place(f.alice, smx_sim_target_name("bob"));
    smx_sim_run_for(f.n, 3000);
    assert_true(out->answered);
    for (unsigned i = 0; i < 3; i++) {
        uint32_t missing = out->missing + f.bob->call[0].missing;

        waiting = smx_sim_call_place(f.carol, smx_sim_target_name("bob"));
        smx_sim_run_for(f.n, 5000);
        assert_true(waiting->failed);
        assert_int_equal(waiting->code, 486);
        assert_int_equal(f.bob->call_count, 1);
        assert_true(out->missing + f.bob->call[0].missing - missing <= 2);
        smx_sim_run_for(f.n, 15000);
        assert_false(smx_sim_call_is_over(out));
    }
    put_out(&f);
}

static void of_two_callers_at_once_one_gets_through_and_the_other_an_answer(void **state)
{
    struct fire f;

    (void)state;
    light(&f, 39, true);
    for (unsigned apart = 0; apart < 700; apart += 300) {
        struct smx_sim_call *a = smx_sim_call_place(f.alice, smx_sim_target_name("bob")), *c;

        smx_sim_run_for(f.n, apart);
        c = smx_sim_call_place(f.carol, smx_sim_target_name("bob"));
        smx_sim_run_for(f.n, 12000);
        assert_true(a->answered != c->answered);
        assert_int_equal((a->answered ? c : a)->code, 486);
        assert_false(smx_sim_call_is_over(a->answered ? a : c));
        assert_int_equal(f.bob->call_count, 1);
        burn_down(&f);
    }
    put_out(&f);
}

/* ---- a callee that vanishes ---- */

static void a_callee_that_vanishes_on_his_way_leaves_nothing_behind(void **state)
{
    struct fire f;

    (void)state;
    light(&f, 40, true);
    for (unsigned round = 0; round < 2; round++) {
        struct smx_sim_call *out = smx_sim_call_place(f.alice, smx_sim_target_name("bob"));

        if (!wait_for_way(&f, f.bob)) { /* his slot ends at the rendezvous already */
            burn_down(&f);
            continue;
        }
        smx_sim_client_sleep(f.n, BOB);
        smx_sim_run_for(f.n, 43000);
        assert_true(out->failed);
        assert_int_equal(out->code, 480);
        smx_sim_client_start(f.n, BOB);
        smx_sim_client_restart(f.n, BOB); /* he knows nothing any more */
        smx_sim_user_forget(f.bob);
        run_until_ready(f.n, 60000);
        smx_sim_run_for(f.n, 20000); /* what he had before is silent, and has ended or fades */
        burn_down(&f);
    }
    put_out(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_who_call_each_other_at_the_same_time_have_one_call),
        cmocka_unit_test(a_call_gets_through_when_cells_are_lost_on_the_callers_line),
        cmocka_unit_test(a_call_gets_through_when_cells_are_lost_on_the_callees_line),
        cmocka_unit_test(a_call_gets_through_when_a_line_is_dead_for_a_third_of_a_second),
        cmocka_unit_test(a_call_gets_through_when_cells_come_late),
        cmocka_unit_test(a_call_gets_through_when_relays_lose_what_they_tell_each_other),
        cmocka_unit_test(when_everything_comes_twice_there_is_one_call),
        cmocka_unit_test(a_join_with_a_used_or_unknown_cookie_fails_and_frees_the_slots),
        cmocka_unit_test(a_contact_hears_busy_while_the_callee_talks_and_nobody_is_disturbed),
        cmocka_unit_test(of_two_callers_at_once_one_gets_through_and_the_other_an_answer),
        cmocka_unit_test(a_callee_that_vanishes_on_his_way_leaves_nothing_behind),
    };
    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
