#include "proto/base/rng.h"
#include "tests/support/vectors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static void the_vectors_hold(void **state)
{
    struct smx_vec v;

    (void)state;
    smx_vec_open(&v, "tests/vectors/rng.txt");
    while (smx_vec_next(&v)) {
        struct smx_rng rng, child;
        size_t out_len;
        const uint8_t *out = smx_vec_bytes(&v, "out", &out_len);
        uint8_t got[8192];

        smx_rng_init(&rng, smx_vec_fixed(&v, "seed", SMX_RNG_SEED));
        smx_rng_bytes(&rng, got, smx_vec_int(&v, "skip"));
        if (smx_vec_is(&v, "draw", "below")) {
            for (size_t i = 0; i < out_len; i++)
                got[i] = (uint8_t)smx_rng_below(&rng, (uint32_t)smx_vec_int(&v, "n"));
        } else if (smx_vec_is(&v, "draw", "fork")) {
            smx_rng_fork(&child, &rng);
            smx_rng_bytes(&child, got, out_len);
        } else {
            smx_rng_bytes(&rng, got, out_len);
        }
        assert_memory_equal(got, out, out_len);
    }
}

static void the_same_seed_gives_the_same_bytes_in_any_portions(void **state)
{
    struct smx_rng a, b;
    uint8_t at_once[5000], bit_by_bit[5000];

    (void)state;
    smx_rng_init(&a, (const uint8_t[SMX_RNG_SEED]){7});
    smx_rng_init(&b, (const uint8_t[SMX_RNG_SEED]){7});
    smx_rng_bytes(&a, at_once, sizeof at_once);
    for (size_t at = 0, n = 1; at < sizeof bit_by_bit; at += n, n = n % 97 + 1) {
        if (n > sizeof bit_by_bit - at)
            n = sizeof bit_by_bit - at;
        smx_rng_bytes(&b, bit_by_bit + at, n);
    }
    assert_memory_equal(at_once, bit_by_bit, sizeof at_once);
}

static void given_bytes_are_erased_from_the_state(void **state)
{
    struct smx_rng rng;
    uint8_t out[64];

    (void)state;
    smx_rng_init(&rng, (const uint8_t[SMX_RNG_SEED]){8});
    smx_rng_bytes(&rng, out, sizeof out);
    for (size_t i = 0; i < sizeof out; i++)
        assert_int_equal(rng.pool[i], 0);
    smx_rng_fini(&rng);
    for (size_t i = 0; i < sizeof rng; i++)
        assert_int_equal(((uint8_t *)&rng)[i], 0);
}

static void below_keeps_its_bound_where_half_of_all_draws_are_refused(void **state)
{
    const uint32_t bound[] = {1, 2, 3, UINT32_C(0x80000001), UINT32_MAX};
    struct smx_rng rng;

    (void)state;
    smx_rng_init(&rng, (const uint8_t[SMX_RNG_SEED]){9});
    for (size_t b = 0; b < sizeof bound / sizeof *bound; b++)
        for (int i = 0; i < 1000; i++)
            assert_true(smx_rng_below(&rng, bound[b]) < bound[b]);
}

static void exponential_draws_have_their_mean_and_their_limit(void **state)
{
    enum { DRAWS = 100000, MEAN = 1000000 };
    struct smx_rng rng;
    uint64_t sum = 0, below_mean = 0;

    (void)state;
    smx_rng_init(&rng, (const uint8_t[SMX_RNG_SEED]){10});
    for (int i = 0; i < DRAWS; i++) {
        uint64_t v = smx_rng_exp(&rng, MEAN);

        assert_true(v <= 20 * (uint64_t)MEAN);
        sum += v;
        below_mean += v < MEAN;
    }
    assert_in_range(sum / DRAWS, MEAN - MEAN / 50, MEAN + MEAN / 50);
    assert_in_range(below_mean, DRAWS * 62 / 100, DRAWS * 64 / 100); /* 1 - 1/e */
    assert_int_equal(smx_rng_exp(&rng, 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_vectors_hold),
        cmocka_unit_test(the_same_seed_gives_the_same_bytes_in_any_portions),
        cmocka_unit_test(given_bytes_are_erased_from_the_state),
        cmocka_unit_test(below_keeps_its_bound_where_half_of_all_draws_are_refused),
        cmocka_unit_test(exponential_draws_have_their_mean_and_their_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
