#include "proto/base/ring.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static void what_goes_in_first_comes_out_first_across_the_seam(void **state)
{
    struct smx_ring r;
    uint64_t in = 0, out = 0;

    (void)state;
    assert_int_equal(smx_ring_new(&r, 3, sizeof(uint64_t)), SMX_OK);
    for (int round = 0; round < 10; round++) {
        while (r.count < 2)
            *(uint64_t *)smx_ring_push(&r) = in++;
        assert_true(*(uint64_t *)smx_ring_front(&r) == out++);
        smx_ring_pop(&r);
    }
    smx_ring_free(&r);
}

static void a_full_ring_refuses_and_an_empty_one_has_no_front(void **state)
{
    struct smx_ring r;

    (void)state;
    assert_int_equal(smx_ring_new(&r, 2, 1), SMX_OK);
    assert_null(smx_ring_front(&r));
    assert_non_null(smx_ring_push(&r));
    assert_non_null(smx_ring_push(&r));
    assert_null(smx_ring_push(&r));
    assert_int_equal(r.count, 2);
    smx_ring_free(&r);
}

static void a_new_element_is_zero_where_an_old_one_stood(void **state)
{
    struct smx_ring r;

    (void)state;
    assert_int_equal(smx_ring_new(&r, 1, 1), SMX_OK);
    *(uint8_t *)smx_ring_push(&r) = 0xff;
    smx_ring_pop(&r);
    assert_int_equal(*(uint8_t *)smx_ring_push(&r), 0);
    smx_ring_free(&r);
    smx_ring_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_goes_in_first_comes_out_first_across_the_seam),
        cmocka_unit_test(a_full_ring_refuses_and_an_empty_one_has_no_front),
        cmocka_unit_test(a_new_element_is_zero_where_an_old_one_stood),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
