#include "tests/unit/proto/circuit/fake.h"

/* Is the way forward alive?  What comes back does not tell. */

enum { STEPS_PER_S = 1000 / FAKE_STEP_MS };

static void steps_s(struct fake *f, size_t seconds)
{
    fake_steps(f, seconds * STEPS_PER_S);
}

static int setup_probing(void **state)
{
    int err = fake_setup_open(state);
    struct fake *f = *state;

    smx_origin_doubt(&f->o, f->now + SMX_SECOND(5));
    return err;
}

static void a_way_forward_that_is_dead_is_found_though_all_is_well_backward(void **state)
{
    struct fake *f = *state;

    f->lose_forward = SIZE_MAX;
    steps_s(f, 4);
    assert_int_equal(f->events[SMX_ORIGIN_DIED], 0);
    assert_int_equal(f->o.noise, 0);
    steps_s(f, 1 + SMX_ORIGIN_TRIES * SMX_ORIGIN_RETRY_MS / 1000 + 1);
    assert_int_equal(f->events[SMX_ORIGIN_DIED], 1);
    assert_int_equal(f->events[SMX_ORIGIN_FAILED], 0);
}

static void an_answer_is_nobodys_business(void **state)
{
    struct fake *f = *state;
    size_t before = f->requests;

    steps_s(f, 600);
    assert_int_equal(f->requests - before, 1);
    assert_int_equal(f->events[SMX_ORIGIN_ANSWERED], 0);
    assert_int_equal(f->events[SMX_ORIGIN_FAILED], 0);
    assert_int_equal(f->events[SMX_ORIGIN_DIED], 0);
}

static void a_refusal_is_an_answer_too(void **state)
{
    struct fake *f = *state;

    f->refuses = true;
    steps_s(f, 100);
    assert_int_equal(f->events[SMX_ORIGIN_FAILED], 0);
    assert_int_equal(f->events[SMX_ORIGIN_DIED], 0);
}

static void lost_cells_do_not_kill(void **state)
{
    struct fake *f = *state;

    for (size_t i = 0; i < 100 * STEPS_PER_S; i++) {
        f->lose_forward = (size_t)__builtin_popcountl(i) % 2; /* half of them, in no rhythm */
        fake_step(f);
    }
    assert_int_equal(f->events[SMX_ORIGIN_DIED], 0);
}

static void a_probe_makes_way_for_a_request(void **state)
{
    struct fake *f = *state;

    f->silent = true;
    smx_origin_doubt(&f->o, f->now);
    steps_s(f, 1);
    assert_true(f->o.request.active);
    assert_false(smx_origin_is_asking(&f->o));
    f->silent = false;
    assert_int_equal(smx_origin_request(&f->o, f->now, 2, SMX_HOP_LEAVE, NULL, 0), SMX_OK);
    assert_true(smx_origin_is_asking(&f->o));
    steps_s(f, 1);
    assert_int_equal(f->last.request, SMX_HOP_LEAVE);
    assert_int_equal(f->events[SMX_ORIGIN_ANSWERED], 1);
}

static void nothing_is_probed_while_something_stands_beyond_the_end(void **state)
{
    static const uint8_t peer_body[SMX_CELL_BODY] = "end to end";
    struct fake *f = *state;
    size_t before = f->requests;

    smx_origin_set_joined(&f->o, true);
    f->peer = peer_body;
    steps_s(f, 200);
    assert_int_equal(f->requests, before);
}

#define PROBING(test) cmocka_unit_test_setup_teardown(test, setup_probing, fake_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        PROBING(a_way_forward_that_is_dead_is_found_though_all_is_well_backward),
        PROBING(an_answer_is_nobodys_business),
        PROBING(a_refusal_is_an_answer_too),
        PROBING(lost_cells_do_not_kill),
        PROBING(a_probe_makes_way_for_a_request),
        PROBING(nothing_is_probed_while_something_stands_beyond_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
