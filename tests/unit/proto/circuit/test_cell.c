#include "proto/circuit/cell.h"

#include "tests/support/vectors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static void check_cell(struct smx_vec *v)
{
    const uint8_t *wire = smx_vec_fixed(v, "wire", SMX_CELL_SIZE);
    const uint8_t *body = smx_vec_fixed(v, "body", SMX_CELL_BODY);
    struct smx_cell_head head = smx_cell_head_read(wire);
    uint8_t cell[SMX_CELL_SIZE];

    assert_int_equal(head.circuit, smx_vec_int(v, "circuit"));
    assert_int_equal(head.seq, smx_vec_int(v, "seq"));
    assert_memory_equal(wire + SMX_CELL_HEAD, body, SMX_CELL_BODY);
    memcpy(cell, wire, sizeof cell);
    memset(cell, 0x5a, SMX_CELL_HEAD);
    smx_cell_head_write(cell, head);
    assert_memory_equal(cell, wire, sizeof cell);
}

static uint64_t u64_at(const uint8_t *at)
{
    uint64_t v = 0;

    for (size_t i = 0; i < 8; i++)
        v = v << 8 | at[i];
    return v;
}

static void check_window(struct smx_vec *v)
{
    size_t len, count;
    const uint8_t *offered = smx_vec_bytes(v, "offered", &len);
    const uint8_t *accepted = smx_vec_bytes(v, "accepted", &count);
    struct smx_counts c;

    assert_int_equal(len, count * 8);
    smx_counts_init(&c, smx_vec_int(v, "before"));
    for (size_t i = 0; i < count; i++)
        assert_int_equal(smx_counts_accept(&c, u64_at(offered + i * 8)), accepted[i]);
}

static void the_vectors_hold(void **state)
{
    struct smx_vec v;
    size_t count = 0;

    (void)state;
    smx_vec_open(&v, "tests/vectors/cell.txt");
    for (; smx_vec_next(&v); count++) {
        if (smx_vec_has(&v, "wire"))
            check_cell(&v);
        else if (smx_vec_has(&v, "expected"))
            assert_true(smx_cell_unwrap((uint32_t)smx_vec_int(&v, "seq"), smx_vec_int(&v, "expected")) ==
                        smx_vec_int(&v, "count"));
        else
            check_window(&v);
    }
    assert_true(count > 45);
}

static void a_number_within_64_comes_back_and_no_other(void **state)
{
    static const uint64_t base[] = {SMX_COUNT_MIN - 1,       SMX_COUNT_MIN,     SMX_COUNT_MIN + 63,
                                    (UINT64_C(7) << 32) - 1, UINT64_C(7) << 32, (UINT64_C(1) << 51) + 12345};

    (void)state;
    for (size_t i = 0; i < sizeof base / sizeof *base; i++) {
        for (int64_t ahead = -200; ahead <= 200; ahead++) {
            uint64_t number = base[i] + (uint64_t)ahead;
            bool near = ahead >= -SMX_CELL_SKEW && ahead <= SMX_CELL_SKEW;

            assert_true(smx_cell_unwrap((uint32_t)number, base[i]) == (near ? number : 0));
        }
    }
}

/* The window against the plainest thing that does the same: a table of all numbers. */
static void each_number_is_accepted_once_whatever_the_order(void **state)
{
    enum { NUMBERS = 4000, FIRST = 100 };
    static const uint8_t seed[SMX_RNG_SEED] = {3};
    static bool seen[NUMBERS];
    struct smx_counts c;
    struct smx_rng rng;
    uint64_t newest = FIRST - 1;
    size_t taken = 0;

    (void)state;
    memset(seen, 0, sizeof seen);
    smx_rng_init(&rng, seed);
    smx_counts_init(&c, FIRST - 1);
    for (size_t i = 0; i < 20000; i++) {
        uint64_t n = i / 6 + smx_rng_below(&rng, 160);
        bool fresh;

        if (n >= NUMBERS)
            break;
        fresh = n >= FIRST && !seen[n] && n + 64 > newest;
        assert_int_equal(smx_counts_accept(&c, n), fresh);
        if (fresh) {
            seen[n] = true;
            taken++;
            newest = n > newest ? n : newest;
        }
    }
    assert_true(taken > 2000);
    smx_rng_fini(&rng);
}

static void first_numbers_are_drawn_between_2_32_and_2_48_more(void **state)
{
    static const uint8_t seed[SMX_RNG_SEED] = {4};
    struct smx_rng rng;
    uint64_t all_set = UINT64_MAX, any_set = 0;

    (void)state;
    smx_rng_init(&rng, seed);
    for (size_t i = 0; i < 1000; i++) {
        uint64_t n = smx_count_draw(&rng);

        assert_true(n >= SMX_COUNT_MIN && n < SMX_COUNT_MIN + (UINT64_C(1) << 48));
        any_set |= n - SMX_COUNT_MIN;
        all_set &= n - SMX_COUNT_MIN;
    }
    assert_true(any_set == (UINT64_C(1) << 48) - 1); /* every bit of it is drawn */
    assert_true(all_set == 0);
    smx_rng_fini(&rng);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_vectors_hold),
        cmocka_unit_test(a_number_within_64_comes_back_and_no_other),
        cmocka_unit_test(each_number_is_accepted_once_whatever_the_order),
        cmocka_unit_test(first_numbers_are_drawn_between_2_32_and_2_48_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
