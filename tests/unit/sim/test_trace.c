/* What a watcher of links writes down. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sim/trace.h"

static void datagrams_outside_the_time_or_the_links_are_not_kept(void **state)
{
    struct smx_trace *t = smx_trace_new(SMX_SECOND(10), SMX_SECOND(20), 3);
    smx_time delay = 7;
    uint8_t byte = 0;

    (void)state;
    smx_trace_add(t, SMX_SECOND(9), 5, 1, 700);
    smx_trace_add(t, SMX_SECOND(10), 5, 1, 700);
    smx_trace_add(t, SMX_SECOND(11), 1, 2, 1372); /* between relays */
    smx_trace_add(t, SMX_SECOND(20), 5, 1, 700);
    assert_true(smx_trace_tap(t, SMX_SECOND(12), 2, 6, &byte, 1, &delay));
    assert_int_equal(delay, 7);
    assert_int_equal(smx_trace_entries(t), 2);
    assert_null(smx_trace_link(t, 1, 2));
    assert_int_equal(smx_trace_link(t, 5, 1)->count, 1);
    assert_int_equal(smx_trace_link(t, 5, 1)->entry[0].us, 0);
    assert_int_equal(smx_trace_link(t, 2, 6)->entry[0].us, 2000000);
    smx_trace_free(t);
    smx_trace_free(NULL);
}

static void equal_datagrams_of_one_moment_are_one_entry(void **state)
{
    struct smx_trace *t = smx_trace_new(0, SMX_SECOND(10), SMX_TRACE_ALL);
    float rate[2] = {0}, bytes[2] = {0};

    (void)state;
    for (int i = 0; i < 5; i++)
        smx_trace_add(t, SMX_MS(100), 0, 1, 1372);
    smx_trace_add(t, SMX_MS(100), 0, 1, 100);
    smx_trace_add(t, SMX_MS(150), 0, 1, 100);
    assert_int_equal(smx_trace_entries(t), 3);
    smx_trace_rate(t, 0, 1, SMX_TRACE_DATAGRAMS, SMX_MS(100), SMX_MS(50), rate, 2);
    smx_trace_rate(t, 0, 1, SMX_TRACE_BYTES, SMX_MS(100), SMX_MS(50), bytes, 2);
    assert_float_equal(rate[0], 6, 0);
    assert_float_equal(rate[1], 1, 0);
    assert_float_equal(bytes[0], 5 * 1372 + 100, 0);
    assert_float_equal(bytes[1], 100, 0);
    smx_trace_free(t);
}

static void thousands_of_links_are_kept_apart(void **state)
{
    struct smx_trace *t = smx_trace_new(0, SMX_SECOND(10), SMX_TRACE_ALL);
    float rate = 0;

    (void)state;
    for (uint32_t i = 0; i < 3000; i++)
        for (uint32_t k = 0; k <= i % 3; k++)
            smx_trace_add(t, SMX_MS(i + k), i, i + 1, 700);
    for (uint32_t i = 0; i < 3000; i++)
        assert_int_equal(smx_trace_link(t, i, i + 1)->count, i % 3 + 1);
    smx_trace_rate_access(t, 3000, 1000, true, SMX_TRACE_DATAGRAMS, 0, SMX_SECOND(10), &rate, 1);
    assert_float_equal(rate, 1, 0); /* 999 is a multiple of 3 */
    smx_trace_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(datagrams_outside_the_time_or_the_links_are_not_kept),
        cmocka_unit_test(equal_datagrams_of_one_moment_are_one_entry),
        cmocka_unit_test(thousands_of_links_are_kept_apart),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
