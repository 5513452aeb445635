#include "proto/base/pool.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static void a_handle_leads_to_its_object_until_that_is_given_back(void **state)
{
    struct smx_pool p;
    uint32_t a, b;
    uint64_t *at_a, *at_b;

    (void)state;
    assert_int_equal(smx_pool_new(&p, 3, sizeof *at_a), SMX_OK);
    at_a = smx_pool_take(&p, &a);
    at_b = smx_pool_take(&p, &b);
    assert_ptr_equal(smx_pool_get(&p, a), at_a);
    assert_ptr_equal(smx_pool_get(&p, b), at_b);
    assert_int_equal(smx_pool_give(&p, a), SMX_OK);
    assert_null(smx_pool_get(&p, a));
    assert_ptr_equal(smx_pool_get(&p, b), at_b);
    assert_int_equal(smx_pool_give(&p, a), SMX_E_ABSENT);
    assert_int_equal(p.count, 1);
    smx_pool_free(&p);
}

static void a_stale_handle_misses_the_next_object_in_its_place(void **state)
{
    struct smx_pool p;
    uint32_t old, new;
    uint8_t *at;

    (void)state;
    assert_int_equal(smx_pool_new(&p, 1, 1), SMX_OK);
    at = smx_pool_take(&p, &old);
    *at = 7;
    assert_int_equal(smx_pool_give(&p, old), SMX_OK);
    assert_ptr_equal(smx_pool_take(&p, &new), at);
    assert_int_equal(*at, 0);
    assert_int_not_equal(old, new);
    assert_int_equal(smx_pool_index(&p, old), smx_pool_index(&p, new));
    assert_null(smx_pool_get(&p, old));
    smx_pool_free(&p);
}

static void a_full_pool_refuses_until_something_is_given_back(void **state)
{
    struct smx_pool p;
    uint32_t h[5], more;

    (void)state;
    assert_int_equal(smx_pool_new(&p, 5, 16), SMX_OK);
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 5; i++)
            assert_non_null(smx_pool_take(&p, &h[i]));
        assert_null(smx_pool_take(&p, &more));
        for (int i = 0; i < 5; i++)
            assert_int_equal(smx_pool_give(&p, h[i]), SMX_OK);
    }
    smx_pool_free(&p);
}

static void the_place_that_was_free_longest_is_taken_next(void **state)
{
    struct smx_pool p;
    uint32_t h, first;

    (void)state;
    assert_int_equal(smx_pool_new(&p, 4, 1), SMX_OK);
    assert_non_null(smx_pool_take(&p, &first));
    assert_int_equal(smx_pool_give(&p, first), SMX_OK);
    for (int i = 0; i < 3; i++) {
        assert_non_null(smx_pool_take(&p, &h));
        assert_int_not_equal(smx_pool_index(&p, h), smx_pool_index(&p, first));
    }
    assert_non_null(smx_pool_take(&p, &h));
    assert_int_equal(smx_pool_index(&p, h), smx_pool_index(&p, first));
    smx_pool_free(&p);
}

static void handles_that_were_never_given_out_lead_nowhere(void **state)
{
    struct smx_pool p;
    uint32_t h;

    (void)state;
    assert_int_equal(smx_pool_new(&p, 5, 1), SMX_OK);
    assert_non_null(smx_pool_take(&p, &h));
    for (uint32_t i = 0; i < 64; i++)
        assert_true((smx_pool_get(&p, i) != NULL) == (i == h));
    assert_null(smx_pool_get(&p, UINT32_MAX));
    assert_int_equal(smx_pool_handle(&p, smx_pool_index(&p, h)), h);
    assert_int_equal(smx_pool_handle(&p, 4), 0);
    smx_pool_free(&p);
}

static void generations_wrap_without_a_handle_of_zero(void **state)
{
    struct smx_pool p;
    uint32_t h;

    (void)state;
    assert_int_equal(smx_pool_new(&p, 1, 1), SMX_OK);
    p.generation[0] = UINT32_MAX - 1;
    for (int i = 0; i < 3; i++) {
        assert_non_null(smx_pool_take(&p, &h));
        assert_int_not_equal(h, 0);
        assert_int_equal(smx_pool_give(&p, h), SMX_OK);
    }
    smx_pool_free(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_handle_leads_to_its_object_until_that_is_given_back),
        cmocka_unit_test(a_stale_handle_misses_the_next_object_in_its_place),
        cmocka_unit_test(a_full_pool_refuses_until_something_is_given_back),
        cmocka_unit_test(the_place_that_was_free_longest_is_taken_next),
        cmocka_unit_test(handles_that_were_never_given_out_lead_nowhere),
        cmocka_unit_test(generations_wrap_without_a_handle_of_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
