#include "proto/base/rng.h"
#include "proto/link/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>

#define START (SMX_SECOND(5000) + 123456789)

static void unsteered_it_reads_the_machines_clock(void **state)
{
    struct smx_clock c;

    (void)state;
    smx_clock_init(&c, START);
    assert_int_equal(smx_clock_read(&c, START), START);
    assert_int_equal(smx_clock_read(&c, START + SMX_SECOND(86400)), START + SMX_SECOND(86400));
    assert_int_equal(smx_clock_read(&c, START - 77), START - 77);
    assert_int_equal(smx_clock_when(&c, START + 5), START + 5);
    assert_int_equal(smx_clock_when(&c, SMX_NEVER), SMX_NEVER);
}

/* Steered at random, at random times: neither the reading nor the rate leaps, and every reading is reached.
 */
static void readings_never_leap_or_run_back_and_each_is_reached(void **state)
{
    static const uint8_t seed[SMX_RNG_SEED] = {1};
    struct smx_rng rng;
    struct smx_clock c;
    smx_time now = START, last = START;

    (void)state;
    smx_rng_init(&rng, seed);
    smx_clock_init(&c, now);
    for (int i = 0; i < 20000; i++) {
        smx_time passed = smx_rng_u64(&rng) >> (30 + smx_rng_below(&rng, 34)) /* up to 17 s */;
        smx_time reading = smx_clock_read(&c, now + passed), when, before;
        int32_t ppb = c.ppb;

        now += passed;
        assert_true(reading >= last);
        assert_in_range(reading - last + 1, passed - passed / 5000, passed + passed / 5000 + 2);
        when = smx_clock_when(&c, reading);
        assert_true(smx_clock_read(&c, when) >= reading);
        assert_in_range(when + 2, now, now + 4);
        before = reading - smx_rng_below(&rng, 1000000);
        when = smx_clock_when(&c, before);
        assert_true(smx_clock_read(&c, when) >= before && smx_clock_read(&c, when) - before <= 2);
        smx_clock_steer(&c, now, (int64_t)smx_rng_u64(&rng) >> smx_rng_below(&rng, 60));
        assert_int_equal(smx_clock_read(&c, now), reading);
        assert_in_range(abs(c.ppb - ppb), 0, SMX_CLOCK_PPB_CHANGE);
        assert_in_range(abs(c.ppb), 0, SMX_CLOCK_PPB_MAX);
        last = reading;
    }
}

static void early_and_rare_steering_is_told_apart(void **state)
{
    struct smx_clock c;

    (void)state;
    smx_clock_init(&c, START);
    assert_false(smx_clock_is_due(&c, START + SMX_MS(SMX_CLOCK_STEP_MS) - 1));
    assert_true(smx_clock_is_due(&c, START + SMX_MS(SMX_CLOCK_STEP_MS)));
}

struct course {
    int64_t most, last; /* ns ahead: furthest, and in the end */
};

/* A machine's clock is wrong by so many ppb; what it has strayed is known so many seconds later. */
static struct course follow(struct smx_clock *c, int64_t ppb, unsigned seconds, unsigned later)
{
    int64_t past[8] = {0};
    struct course k = {0, 0};

    smx_clock_init(c, START);
    for (unsigned s = 1; s <= seconds; s++) {
        smx_time now = START + (smx_time)(s * (1000000000 + ppb));

        k.last = (int64_t)(smx_clock_read(c, now) - START - SMX_SECOND(s));
        past[s % 8] = k.last;
        if (llabs(k.last) > llabs(k.most))
            k.most = k.last;
        smx_clock_steer(c, now, past[(s - later) % 8]);
    }
    return k;
}

static void a_wrong_machine_strays_by_a_millisecond_at_most_and_comes_back(void **state)
{
    struct smx_clock c;

    (void)state;
    for (int64_t ppb = -100000; ppb <= 100000; ppb += 20000) {
        struct course k = follow(&c, ppb, 120, 3);

        assert_in_range(llabs(k.most), 0, SMX_MS(1));
        assert_in_range(llabs(k.last), 0, SMX_US(100));
        assert_in_range(llabs(c.learned + ppb), 0, 10000);
        k = follow(&c, ppb, 3600, 3);
        assert_in_range(llabs(k.last), 0, SMX_US(20));
    }
}

static void beyond_its_bound_it_gives_up_and_says_so(void **state)
{
    struct smx_clock c;
    struct course k = follow(&c, 300000, 600, 3);

    (void)state;
    assert_true(smx_clock_is_at_bound(&c));
    assert_in_range(k.last, SMX_MS(60), SMX_MS(80)); /* 100 ppm are left */
    follow(&c, 150000, 600, 3);                      /* control */
    assert_false(smx_clock_is_at_bound(&c));
}

static void what_it_has_learned_it_keeps_for_hours_without_hearing_anything(void **state)
{
    struct smx_clock c;

    (void)state;
    follow(&c, 100000, 600, 3);
    for (unsigned s = 1; s <= 600; s++)
        smx_clock_steer(&c, c.since + SMX_SECOND(1), 0);
    assert_in_range(llabs(c.ppb + 100000), 0, 4000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unsteered_it_reads_the_machines_clock),
        cmocka_unit_test(readings_never_leap_or_run_back_and_each_is_reached),
        cmocka_unit_test(early_and_rare_steering_is_told_apart),
        cmocka_unit_test(a_wrong_machine_strays_by_a_millisecond_at_most_and_comes_back),
        cmocka_unit_test(beyond_its_bound_it_gives_up_and_says_so),
        cmocka_unit_test(what_it_has_learned_it_keeps_for_hours_without_hearing_anything),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
