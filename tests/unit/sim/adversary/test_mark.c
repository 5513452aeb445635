/* Matched filters: a mark is found where it was put, and one time in a hundred where it was not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sim/adversary/mark.h"

enum { BINS = 1500, SLOW = 40, TRIALS = 200 };

enum seen { DELAYS, HOLES };

/* Does the true mark fit best?  Noise is some times as strong as the mark. */
static bool is_found(enum seen what, bool put, uint32_t noise, struct smx_rng *rng)
{
    uint8_t level[BINS], decoy[BINS];
    float seen[BINS], mark[BINS];
    double true_fit;
    bool first = true;

    if (what == DELAYS)
        smx_mark_draw_delay(level, BINS, 10, rng);
    else
        smx_mark_draw_drop(level, BINS, 10000, rng);
    for (size_t i = 0; i < BINS; i++) {
        float effect = put && i >= 9 ? (float)level[i - 9] : 0;

        seen[i] = (what == DELAYS ? 10 * effect : 10 - 10 * effect) +
                  (float)smx_rng_below(rng, 10 * noise + 1) + (float)i / 100; /* and a clock that drifts */
    }
    assert_true(smx_mark_prepare(seen, BINS, SLOW));
    for (int i = 0; i <= SMX_MARK_DECOYS; i++) {
        double fit;

        if (i > 0 && what == DELAYS)
            smx_mark_draw_delay(decoy, BINS, 10, rng);
        else if (i > 0)
            smx_mark_draw_drop(decoy, BINS, 10000, rng);
        if (what == DELAYS)
            smx_mark_delays(mark, i == 0 ? level : decoy, BINS);
        else
            smx_mark_rate(mark, i == 0 ? level : decoy, BINS, true, 1);
        fit = smx_mark_fit(mark, seen, BINS);
        if (i == 0)
            true_fit = fit;
        else
            first = first && true_fit > fit;
    }
    return first;
}

static unsigned found(enum seen what, bool put, uint32_t noise, unsigned trials)
{
    uint8_t bytes[SMX_RNG_SEED] = {6};
    struct smx_rng rng;
    unsigned count = 0;

    smx_rng_init(&rng, bytes);
    for (unsigned i = 0; i < trials; i++)
        count += is_found(what, put, noise, &rng);
    return count;
}

static void a_mark_is_found_in_noise(void **state)
{
    (void)state;
    assert_int_equal(found(DELAYS, true, 4, 20), 20);
    assert_true(found(HOLES, true, 1, 20) >= 19);
}

static void a_mark_that_was_not_put_is_found_once_in_a_hundred(void **state)
{
    (void)state;
    assert_in_range(found(DELAYS, false, 1, TRIALS), 0, 9); /* 2 in the mean; P(more) < 0.0001 */
    assert_in_range(found(HOLES, false, 1, TRIALS), 0, 9);
}

static void levels_keep_their_mean(void **state)
{
    uint8_t bytes[SMX_RNG_SEED] = {7}, level[BINS];
    struct smx_rng rng;
    unsigned sum = 0, run = 0;

    (void)state;
    smx_rng_init(&rng, bytes);
    smx_mark_draw_delay(level, BINS, 10, &rng);
    for (size_t i = 0; i < BINS; i++) {
        sum += level[i];
        run = i > 0 && level[i] == level[i - 1] ? run + 1 : 1;
        assert_true(run <= 20);
    }
    assert_int_equal(sum, BINS / 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_mark_is_found_in_noise),
        cmocka_unit_test(a_mark_that_was_not_put_is_found_once_in_a_hundred),
        cmocka_unit_test(levels_keep_their_mean),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
