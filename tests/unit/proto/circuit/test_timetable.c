#include "proto/circuit/timetable.h"

#include "tests/support/vectors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static void the_vectors_hold(void **state)
{
    struct smx_vec v;
    size_t count = 0;

    (void)state;
    smx_vec_open(&v, "tests/vectors/timetable.txt");
    for (; smx_vec_next(&v); count++) {
        uint64_t tick = smx_vec_int(&v, "tick");
        struct smx_timetable t;

        if (smx_vec_has(&v, "newest")) {
            assert_true(smx_tick_unwrap((uint32_t)smx_vec_int(&v, "low"), smx_vec_int(&v, "newest")) == tick);
            continue;
        }
        t = (struct smx_timetable){.tick0 = smx_vec_int(&v, "tick0"),
                                   .number0 = smx_vec_int(&v, "number0"),
                                   .period = (uint32_t)smx_vec_int(&v, "period")};
        assert_true(smx_timetable_number(&t, tick) == smx_vec_int(&v, "number"));
        assert_int_equal(smx_timetable_is_due(&t, tick), smx_vec_int(&v, "due"));
        if (smx_timetable_is_due(&t, tick))
            assert_true(smx_timetable_tick(&t, smx_vec_int(&v, "number")) == tick);
    }
    assert_true(count > 150);
}

static void exactly_one_cell_is_due_in_each_period(void **state)
{
    (void)state;
    for (uint32_t period = 1; period <= 16; period++) {
        struct smx_timetable t = {.tick0 = 1000, .number0 = 77, .period = period};
        uint64_t next = t.number0;

        for (uint64_t tick = 900; tick < 1000 + 20 * (uint64_t)period; tick++) {
            if (!smx_timetable_is_due(&t, tick)) {
                assert_true(smx_timetable_number(&t, tick) == next - 1);
                continue;
            }
            assert_true(smx_timetable_number(&t, tick) == next);
            assert_true(smx_timetable_tick(&t, next) == tick);
            next++;
        }
        assert_true(next == t.number0 + 20);
    }
}

static void a_skipped_tick_skips_its_number(void **state)
{
    const struct smx_timetable t = {.tick0 = 10, .number0 = 500, .period = 2};

    (void)state;
    assert_true(smx_timetable_number(&t, 12) == 501);
    assert_true(smx_timetable_number(&t, 18) ==
                504); /* nothing went out in 14 and 16: 502 and 503 are gone */
}

static void a_tick_unwraps_to_the_nearest(void **state)
{
    static const uint64_t newest[] = {UINT64_C(1) << 31, UINT64_C(1) << 32, (UINT64_C(5) << 32) - 1,
                                      UINT64_C(5) << 32, (UINT64_C(1) << 55) + 99};

    (void)state;
    for (size_t i = 0; i < sizeof newest / sizeof *newest; i++) {
        for (int64_t ahead = -1000; ahead <= 1000; ahead++)
            assert_true(smx_tick_unwrap((uint32_t)(newest[i] + (uint64_t)ahead), newest[i]) ==
                        newest[i] + (uint64_t)ahead);
        assert_true(smx_tick_unwrap((uint32_t)(newest[i] + INT32_MAX), newest[i]) == newest[i] + INT32_MAX);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_vectors_hold),
        cmocka_unit_test(exactly_one_cell_is_due_in_each_period),
        cmocka_unit_test(a_skipped_tick_skips_its_number),
        cmocka_unit_test(a_tick_unwraps_to_the_nearest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
