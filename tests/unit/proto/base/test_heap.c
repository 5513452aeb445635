#include "proto/base/heap.h"
#include "proto/base/rng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static void the_earliest_deadline_leaves_first_and_only_when_due(void **state)
{
    struct smx_heap h;
    uint32_t index = 99;

    (void)state;
    assert_int_equal(smx_heap_new(&h, 4), SMX_OK);
    assert_true(smx_heap_deadline(&h) == SMX_NEVER);
    smx_heap_set(&h, 2, 30);
    smx_heap_set(&h, 0, 20);
    smx_heap_set(&h, 3, 10);
    assert_int_equal(smx_heap_deadline(&h), 10);
    assert_false(smx_heap_pop(&h, 9, &index));
    assert_true(smx_heap_pop(&h, 25, &index));
    assert_int_equal(index, 3);
    assert_true(smx_heap_pop(&h, 25, &index));
    assert_int_equal(index, 0);
    assert_false(smx_heap_pop(&h, 25, &index));
    assert_int_equal(smx_heap_deadline(&h), 30);
    smx_heap_free(&h);
}

static void equal_deadlines_leave_in_order_of_index(void **state)
{
    struct smx_heap h;
    uint32_t index;

    (void)state;
    assert_int_equal(smx_heap_new(&h, 7), SMX_OK);
    for (uint32_t i = 7; i-- > 0;)
        smx_heap_set(&h, i, 5);
    for (uint32_t i = 0; i < 7; i++) {
        assert_true(smx_heap_pop(&h, 5, &index));
        assert_int_equal(index, i);
    }
    smx_heap_free(&h);
}

static void never_takes_an_index_out_and_twice_does_nothing(void **state)
{
    struct smx_heap h;
    uint32_t index;

    (void)state;
    assert_int_equal(smx_heap_new(&h, 2), SMX_OK);
    smx_heap_set(&h, 0, 1);
    smx_heap_set(&h, 1, 2);
    smx_heap_set(&h, 0, SMX_NEVER);
    smx_heap_set(&h, 0, SMX_NEVER);
    assert_int_equal(h.count, 1);
    assert_true(smx_heap_pop(&h, 2, &index));
    assert_int_equal(index, 1);
    smx_heap_free(&h);
}

/* Against a plain table: random moves and removals, then everything in order. */
static void any_sequence_of_moves_agrees_with_a_plain_table(void **state)
{
    enum { CAP = 50, MOVES = 20000 };
    smx_time table[CAP];
    struct smx_heap h;
    struct smx_rng rng;
    uint32_t index;

    (void)state;
    smx_rng_init(&rng, (const uint8_t[SMX_RNG_SEED]){1});
    assert_int_equal(smx_heap_new(&h, CAP), SMX_OK);
    for (int i = 0; i < CAP; i++)
        table[i] = SMX_NEVER;
    for (int n = 0; n < MOVES; n++) {
        uint32_t i = smx_rng_below(&rng, CAP);
        smx_time first = SMX_NEVER;

        table[i] = smx_rng_below(&rng, 4) == 0 ? SMX_NEVER : smx_rng_below(&rng, 100);
        smx_heap_set(&h, i, table[i]);
        for (int j = 0; j < CAP; j++)
            first = smx_time_min(first, table[j]);
        assert_true(smx_heap_deadline(&h) == first);
        if (smx_rng_below(&rng, 5) == 0 && smx_heap_pop(&h, 50, &index)) {
            assert_true(table[index] == first && first <= 50);
            table[index] = SMX_NEVER;
        }
    }
    smx_heap_free(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_earliest_deadline_leaves_first_and_only_when_due),
        cmocka_unit_test(equal_deadlines_leave_in_order_of_index),
        cmocka_unit_test(never_takes_an_index_out_and_twice_does_nothing),
        cmocka_unit_test(any_sequence_of_moves_agrees_with_a_plain_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
