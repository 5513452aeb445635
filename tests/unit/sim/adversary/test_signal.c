/* Series: what is planted is found, what is not there is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "proto/base/rng.h"
#include "sim/adversary/signal.h"

enum { BINS = 1000 };

static struct smx_rng rng_of(uint8_t seed)
{
    uint8_t bytes[SMX_RNG_SEED] = {seed};
    struct smx_rng rng;

    smx_rng_init(&rng, bytes);
    return rng;
}

static void a_later_copy_correlates_at_its_lag(void **state)
{
    struct smx_rng rng = rng_of(1);
    float a[BINS], b[BINS];
    size_t at = 0;

    (void)state;
    for (size_t i = 0; i < BINS; i++)
        a[i] = (float)smx_rng_below(&rng, 10);
    for (size_t i = 0; i < BINS; i++)
        b[i] = 3 * (i >= 7 ? a[i - 7] : 5) + (float)smx_rng_below(&rng, 10);
    assert_true(smx_signal_standardize(a, BINS));
    assert_true(smx_signal_standardize(b, BINS));
    assert_float_equal(smx_signal_at_lag(a, a, BINS, 0), 1, 1e-4);
    assert_true(smx_signal_correlate(a, b, BINS, 0, 25, &at) > 0.9);
    assert_int_equal(at, 7);
    assert_true(smx_signal_correlate(a, b, BINS, 8, 25, &at) < 0.2);
}

static void what_never_changes_says_nothing(void **state)
{
    float a[BINS];

    (void)state;
    for (size_t i = 0; i < BINS; i++)
        a[i] = 0.7F;
    assert_false(smx_signal_standardize(a, BINS));
    assert_float_equal(smx_signal_at_lag(a, a, BINS, 0), 0, 0);
}

static void a_step_is_found_where_it_is(void **state)
{
    struct smx_rng rng = rng_of(2);
    float x[BINS];
    struct smx_change *change;
    size_t count;

    (void)state;
    for (size_t i = 0; i < BINS; i++)
        x[i] = (i >= 300 && i < 700 ? 10.0F : 0.0F) + (float)smx_rng_below(&rng, 3);
    change = smx_changes(x, BINS, 25, 3, &count);
    assert_int_equal(count, 2);
    assert_true(change[0].up && !change[1].up);
    assert_in_range(change[0].at, 299, 301);
    assert_in_range(change[1].at, 699, 701);
    free(change);
}

static void noise_has_no_steps(void **state)
{
    struct smx_rng rng = rng_of(3);
    float x[BINS];
    size_t count;

    (void)state;
    for (size_t i = 0; i < BINS; i++)
        x[i] = (float)smx_rng_below(&rng, 3);
    assert_null(smx_changes(x, BINS, 25, 3, &count));
    assert_int_equal(count, 0);
}

static void changes_at(struct smx_change *c, size_t count, struct smx_rng *rng)
{
    uint32_t at = 0;

    for (size_t i = 0; i < count; i++) {
        at += 20 + smx_rng_below(rng, 150);
        c[i] = (struct smx_change){.at = at, .up = i % 2 == 0};
    }
}

static void changes_that_follow_are_told_from_others(void **state)
{
    struct smx_rng rng = rng_of(4);
    struct smx_change a[30], b[30], other[30];

    (void)state;
    for (int trial = 0; trial < 50; trial++) {
        changes_at(a, 30, &rng);
        changes_at(other, 30, &rng);
        memcpy(b, a, sizeof b);
        for (size_t i = 0; i < 30; i++)
            b[i].at += 9 + smx_rng_below(&rng, 3);
        b[11].at += 10; /* one comes late */
        assert_true(smx_changes_match(a, 30, b, 30, 3000, 25, 2) > 20);
        assert_true(smx_changes_match(a, 30, other, 30, 3000, 25, 2) < 5);
        for (size_t i = 0; i < 30; i++) /* at the same times, but the wrong way */
            b[i].up = !b[i].up;
        assert_true(smx_changes_match(a, 30, b, 30, 3000, 25, 2) < 5);
    }
    assert_float_equal(smx_changes_match(a, 0, b, 30, 3000, 25, 2), 0, 0);
    assert_float_equal(smx_changes_match(a, 30, b, 0, 3000, 25, 2), 0, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_later_copy_correlates_at_its_lag),
        cmocka_unit_test(what_never_changes_says_nothing),
        cmocka_unit_test(a_step_is_found_where_it_is),
        cmocka_unit_test(noise_has_no_steps),
        cmocka_unit_test(changes_that_follow_are_told_from_others),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
