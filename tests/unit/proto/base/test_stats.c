#include "proto/base/stats.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

enum { BINS = 10, WIDTH = 100 };

static void a_quantile_is_the_upper_edge_of_its_bin(void **state)
{
    uint64_t weight[BINS];
    struct smx_hist h;

    (void)state;
    smx_hist_init(&h, weight, BINS, WIDTH);
    for (uint64_t v = 0; v < 1000; v++)
        smx_hist_add(&h, v);
    assert_int_equal(smx_hist_quantile(&h, 1), 100);
    assert_int_equal(smx_hist_quantile(&h, 100000), 100);
    assert_int_equal(smx_hist_quantile(&h, 100001), 200);
    assert_int_equal(smx_hist_quantile(&h, 500000), 500);
    assert_int_equal(smx_hist_quantile(&h, 1000000), 1000);
}

static void one_in_ten_thousand_is_above_the_quantile_of_9999(void **state)
{
    uint64_t weight[BINS];
    struct smx_hist h;

    (void)state;
    smx_hist_init(&h, weight, BINS, WIDTH);
    for (int i = 0; i < 9999; i++)
        smx_hist_add(&h, 50);
    smx_hist_add(&h, 750);
    assert_int_equal(smx_hist_quantile(&h, 999900), 100);
    smx_hist_add(&h, 750);
    assert_int_equal(smx_hist_quantile(&h, 999900), 800);
}

static void an_empty_histogram_says_0(void **state)
{
    uint64_t weight[BINS];
    struct smx_hist h;

    (void)state;
    smx_hist_init(&h, weight, BINS, WIDTH);
    assert_int_equal(smx_hist_quantile(&h, 999900), 0);
}

static void the_last_bin_takes_what_lies_beyond(void **state)
{
    uint64_t weight[BINS];
    struct smx_hist h;

    (void)state;
    smx_hist_init(&h, weight, BINS, WIDTH);
    smx_hist_add(&h, UINT64_MAX);
    assert_int_equal(smx_hist_quantile(&h, 1), BINS * WIDTH);
}

static void old_values_fade_before_new_ones_and_vanish_in_the_end(void **state)
{
    uint64_t weight[BINS];
    struct smx_hist h;

    (void)state;
    smx_hist_init(&h, weight, BINS, WIDTH);
    for (int i = 0; i < 3; i++)
        smx_hist_add(&h, 850);
    smx_hist_add(&h, 50);
    assert_int_equal(smx_hist_quantile(&h, 500000), 900);
    smx_hist_decay(&h);
    smx_hist_decay(&h);
    smx_hist_add(&h, 50);
    assert_int_equal(smx_hist_quantile(&h, 500000), 100);
    assert_int_equal(smx_hist_quantile(&h, 990000), 900); /* not forgotten yet */
    for (int i = 0; i < 30; i++)
        smx_hist_decay(&h);
    assert_int_equal(smx_hist_quantile(&h, 1000000), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_quantile_is_the_upper_edge_of_its_bin),
        cmocka_unit_test(one_in_ten_thousand_is_above_the_quantile_of_9999),
        cmocka_unit_test(an_empty_histogram_says_0),
        cmocka_unit_test(the_last_bin_takes_what_lies_beyond),
        cmocka_unit_test(old_values_fade_before_new_ones_and_vanish_in_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
