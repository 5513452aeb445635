#include "proto/base/rng.h"
#include "proto/base/window.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

enum { SIZE = 256 };

struct fixture {
    struct smx_window w;
    uint64_t bits[SIZE / 64];
};

static int setup(void **state)
{
    static struct fixture f;

    memset(f.bits, 0xff, sizeof f.bits);
    smx_window_init(&f.w, f.bits, SIZE);
    *state = &f;
    return 0;
}

static enum smx_err offer(struct smx_window *w, uint64_t counter)
{
    enum smx_err err = smx_window_check(w, counter);

    if (err == SMX_OK)
        smx_window_add(w, counter);
    return err;
}

static void each_counter_passes_once_in_any_order(void **state)
{
    struct fixture *f = *state;

    for (uint64_t c = 0; c < 100; c++)
        assert_int_equal(offer(&f->w, c ^ 1), SMX_OK);
    for (uint64_t c = 0; c < 100; c++)
        assert_int_equal(offer(&f->w, c), SMX_E_REPLAY);
}

static void a_check_alone_changes_nothing(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(smx_window_check(&f->w, 5), SMX_OK);
    assert_int_equal(smx_window_check(&f->w, 5), SMX_OK);
}

static void the_window_holds_exactly_its_size(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(offer(&f->w, 1000), SMX_OK);
    assert_int_equal(offer(&f->w, 1000 - SIZE), SMX_E_REPLAY);
    assert_int_equal(offer(&f->w, 1000 - SIZE + 1), SMX_OK);
    assert_int_equal(offer(&f->w, 1000 - SIZE + 1), SMX_E_REPLAY);
}

static void a_far_jump_forgets_all_marks_but_its_own(void **state)
{
    struct fixture *f = *state;

    for (uint64_t c = 0; c < SIZE; c++)
        assert_int_equal(offer(&f->w, c), SMX_OK);
    assert_int_equal(offer(&f->w, UINT64_C(1) << 40), SMX_OK);
    assert_int_equal(offer(&f->w, UINT64_C(1) << 40), SMX_E_REPLAY);
    for (uint64_t c = 1; c < SIZE; c++)
        assert_int_equal(offer(&f->w, (UINT64_C(1) << 40) - c), SMX_OK);
}

static void the_last_counters_of_64_bits_work_and_the_very_last_is_refused(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(offer(&f->w, UINT64_MAX - 1), SMX_OK);
    assert_int_equal(offer(&f->w, UINT64_MAX - 1), SMX_E_REPLAY);
    assert_int_equal(offer(&f->w, UINT64_MAX), SMX_E_REPLAY);
    assert_int_equal(offer(&f->w, UINT64_MAX - SIZE), SMX_OK);
    assert_int_equal(offer(&f->w, UINT64_MAX - SIZE - 1), SMX_E_REPLAY);
}

/* Against a table of everything seen, with jumps around the sizes of a word and of the window. */
static void any_sequence_agrees_with_a_plain_table(void **state)
{
    enum { SPAN = 1 << 19, STEPS = 30000 };
    static bool seen[SPAN];
    struct fixture *f = *state;
    struct smx_rng rng;
    uint64_t top = 0;

    smx_rng_init(&rng, (const uint8_t[SMX_RNG_SEED]){2});
    for (int n = 0; n < STEPS; n++) {
        uint64_t ahead = smx_rng_below(&rng, smx_rng_below(&rng, 50) ? 8 : 2 * SIZE);
        uint64_t back = smx_rng_below(&rng, 2) ? smx_rng_below(&rng, SIZE + 70) : 0;
        uint64_t c = top + ahead >= back ? top + ahead - back : 0;
        bool fresh = (c > top || top - c < SIZE) && !seen[c];

        assert_true(c < SPAN);
        assert_int_equal(offer(&f->w, c), fresh ? SMX_OK : SMX_E_REPLAY);
        seen[c] = true;
        top = c > top ? c : top;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(each_counter_passes_once_in_any_order, setup),
        cmocka_unit_test_setup(a_check_alone_changes_nothing, setup),
        cmocka_unit_test_setup(the_window_holds_exactly_its_size, setup),
        cmocka_unit_test_setup(a_far_jump_forgets_all_marks_but_its_own, setup),
        cmocka_unit_test_setup(the_last_counters_of_64_bits_work_and_the_very_last_is_refused, setup),
        cmocka_unit_test_setup(any_sequence_agrees_with_a_plain_table, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
