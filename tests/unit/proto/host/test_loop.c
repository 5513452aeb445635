#include "proto/host/loop.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

struct fixture {
    struct smx_loop *loop;
    struct smx_timer *timer, *other;
    smx_time fired[8];
    unsigned count, hups;
};

static int setup(void **state)
{
    static struct fixture f;

    f = (struct fixture){.loop = smx_loop_new()};
    *state = &f;
    return f.loop ? 0 : -1;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    smx_timer_free(f->timer);
    smx_timer_free(f->other);
    smx_loop_free(f->loop);
    return 0;
}

static void note_and_stop(void *arg, smx_time now)
{
    struct fixture *f = arg;

    f->fired[f->count++] = now;
    smx_loop_stop(f->loop);
}

static void a_timer_never_fires_early(void **state)
{
    struct fixture *f = *state;

    f->timer = smx_timer_new(f->loop, note_and_stop, f);
    for (unsigned i = 0; i < 5; i++) {
        smx_time deadline = smx_loop_now() + SMX_US(300) + SMX_US(170) * i;

        smx_timer_arm(f->timer, deadline);
        assert_int_equal(smx_loop_run(f->loop), SMX_OK);
        assert_int_equal(f->count, i + 1);
        assert_true(f->fired[i] >= deadline);
    }
}

static void a_past_deadline_fires_at_once(void **state)
{
    struct fixture *f = *state;

    f->timer = smx_timer_new(f->loop, note_and_stop, f);
    smx_timer_arm(f->timer, 0);
    assert_int_equal(smx_loop_run(f->loop), SMX_OK);
    smx_timer_arm(f->timer, 1);
    assert_int_equal(smx_loop_run(f->loop), SMX_OK);
    assert_int_equal(f->count, 2);
}

static void the_last_deadline_armed_is_the_one_that_holds(void **state)
{
    struct fixture *f = *state;
    smx_time deadline = smx_loop_now() + SMX_MS(4);

    f->timer = smx_timer_new(f->loop, note_and_stop, f);
    smx_timer_arm(f->timer, deadline - SMX_MS(4)); /* due already, but replaced */
    smx_timer_arm(f->timer, deadline);
    assert_int_equal(smx_loop_run(f->loop), SMX_OK);
    assert_int_equal(f->count, 1);
    assert_true(f->fired[0] >= deadline);
}

static void a_disarmed_timer_stays_silent(void **state)
{
    struct fixture *f = *state;

    f->timer = smx_timer_new(f->loop, note_and_stop, f);
    f->other = smx_timer_new(f->loop, note_and_stop, f);
    smx_timer_arm(f->timer, smx_loop_now());
    smx_timer_arm(f->timer, SMX_NEVER);
    smx_timer_arm(f->other, smx_loop_now() + SMX_MS(3));
    assert_int_equal(smx_loop_run(f->loop), SMX_OK);
    assert_int_equal(f->count, 1);
}

static void note_hup(void *arg)
{
    struct fixture *f = arg;

    f->hups++;
    raise(SIGTERM);
}

static void hup_calls_back_and_term_and_int_end_the_run(void **state)
{
    struct fixture *f = *state;

    smx_loop_on_hup(f->loop, note_hup, f);
    raise(SIGHUP);
    assert_int_equal(smx_loop_run(f->loop), SMX_OK);
    assert_int_equal(f->hups, 1);
    raise(SIGINT);
    assert_int_equal(smx_loop_run(f->loop), SMX_OK);
}

static void note_end(void *arg)
{
    struct fixture *f = arg;

    f->count++;
    smx_timer_arm(f->timer, smx_loop_now() + SMX_MS(2));
}

static void who_has_a_last_word_ends_by_himself_or_by_the_second_signal(void **state)
{
    struct fixture *f = *state;

    f->timer = smx_timer_new(f->loop, note_and_stop, f);
    smx_loop_on_end(f->loop, note_end, f);
    raise(SIGTERM);
    assert_int_equal(smx_loop_run(f->loop), SMX_OK);
    assert_int_equal(f->count, 2); /* the word, then the timer */
    smx_loop_on_end(f->loop, note_end, f);
    raise(SIGTERM);
    raise(SIGINT);
    assert_int_equal(smx_loop_run(f->loop), SMX_OK);
    assert_int_equal(f->count, 3);
}

static void the_calendar_is_past_2020_and_the_monotonic_clock_runs(void **state)
{
    smx_time before = smx_loop_now();

    (void)state;
    assert_true(smx_loop_wall().s > 1577836800);
    assert_true(smx_loop_now() >= before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_timer_never_fires_early, setup, teardown),
        cmocka_unit_test_setup_teardown(a_past_deadline_fires_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(the_last_deadline_armed_is_the_one_that_holds, setup, teardown),
        cmocka_unit_test_setup_teardown(a_disarmed_timer_stays_silent, setup, teardown),
        cmocka_unit_test_setup_teardown(hup_calls_back_and_term_and_int_end_the_run, setup, teardown),
        cmocka_unit_test_setup_teardown(who_has_a_last_word_ends_by_himself_or_by_the_second_signal, setup,
                                        teardown),
        cmocka_unit_test(the_calendar_is_past_2020_and_the_monotonic_clock_runs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
