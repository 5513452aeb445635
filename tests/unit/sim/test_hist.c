#include "sim/hist.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>

static void bins_join_without_a_gap_and_stay_narrow(void **state)
{
    (void)state;
    for (size_t i = 0; i < SMX_SPREAD_BINS; i++) {
        uint64_t low = smx_spread_edge(i), high = smx_spread_edge(i + 1);

        assert_true(low < high);
        assert_int_equal(smx_spread_bin(low), i);
        assert_int_equal(smx_spread_bin(high - 1), i);
        assert_true(high - low == 1 || (high - low) * SMX_SPREAD_PARTS <= low);
    }
    assert_true(smx_spread_edge(SMX_SPREAD_BINS) == UINT64_C(1) << SMX_SPREAD_BITS);
    assert_int_equal(smx_spread_bin(UINT64_MAX), SMX_SPREAD_BINS - 1);
}

static void quantiles_are_within_a_64th_of_the_true_ones(void **state)
{
    enum { COUNT = 10000 };
    static const double share[] = {0.001, 0.01, 0.1, 0.5, 0.9, 0.99, 0.999, 1};
    struct smx_spread s = {0};

    (void)state;
    for (uint64_t i = 1; i <= COUNT; i++)
        smx_spread_add(&s, i * i);
    for (size_t i = 0; i < sizeof share / sizeof *share; i++) {
        double true_one = pow(share[i] * COUNT, 2), got = smx_spread_quantile(&s, share[i]);

        assert_true(fabs(got - true_one) <= true_one / SMX_SPREAD_PARTS);
        assert_true(fabs(smx_spread_share(&s, (uint64_t)true_one) - share[i]) < 0.01);
    }
    assert_true(smx_spread_quantile(&s, 0) == 1);
    assert_true(smx_spread_quantile(&s, 1) == (double)COUNT * COUNT);
    assert_true(smx_spread_mean(&s) == (COUNT + 1.0) * (2.0 * COUNT + 1) / 6);
    smx_spread_fini(&s);
}

static void small_values_are_exact(void **state)
{
    struct smx_spread s = {0};

    (void)state;
    smx_spread_add_times(&s, 3, 6);
    smx_spread_add_times(&s, 7, 3);
    smx_spread_add_times(&s, 100, 1);
    smx_spread_add_times(&s, 50, 0);
    assert_int_equal(s.count, 10);
    assert_true(smx_spread_quantile(&s, 0.5) == 3 && smx_spread_quantile(&s, 0.9) == 7);
    assert_true(smx_spread_share(&s, 3) == 0.6 && smx_spread_share(&s, 99) == 0.9);
    assert_true(smx_spread_share(&s, 2) == 0 && smx_spread_share(&s, 100) == 1);
    smx_spread_fini(&s);
}

static void merging_is_as_adding_all_to_one(void **state)
{
    struct smx_spread all = {0}, a = {0}, b = {0}, none = {0};

    (void)state;
    for (uint64_t i = 0; i < 5000; i++) {
        smx_spread_add(&all, i * 977 % 65537);
        smx_spread_add(i % 3 ? &a : &b, i * 977 % 65537);
    }
    smx_spread_merge(&a, &none);
    smx_spread_merge(&none, &b);
    smx_spread_merge(&none, &a);
    assert_memory_equal(none.bin, all.bin, SMX_SPREAD_BINS * sizeof *all.bin);
    assert_true(none.count == all.count && none.sum == all.sum && none.least == all.least &&
                none.most == all.most);
    smx_spread_fini(&all);
    smx_spread_fini(&a);
    smx_spread_fini(&b);
    smx_spread_fini(&none);
}

static void nothing_has_no_memory_and_zeros(void **state)
{
    struct smx_spread s = {0};

    (void)state;
    assert_true(smx_spread_quantile(&s, 0.5) == 0 && smx_spread_mean(&s) == 0 &&
                smx_spread_share(&s, 5) == 0);
    assert_null(s.bin);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bins_join_without_a_gap_and_stay_narrow),
        cmocka_unit_test(quantiles_are_within_a_64th_of_the_true_ones),
        cmocka_unit_test(small_values_are_exact),
        cmocka_unit_test(merging_is_as_adding_all_to_one),
        cmocka_unit_test(nothing_has_no_memory_and_zeros),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
