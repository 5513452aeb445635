/* Which sets of corrupt relays find both ends of a call, and how often real clients choose one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <sodium.h>
#include <string.h>

#include "sim/adversary/corrupt.h"

enum {
    GA = 1 << SMX_PLACE_GUARD_A,
    MA = 1 << SMX_PLACE_MIDDLE_A,
    EA = 1 << SMX_PLACE_END_A,
    EB = 1 << SMX_PLACE_END_B,
    MB = 1 << SMX_PLACE_MIDDLE_B,
    GB = 1 << SMX_PLACE_GUARD_B,
    NA = 1 << SMX_PLACE_ERRAND_MIDDLE,
    RA = 1 << SMX_PLACE_ERRAND_END,
    NB = 1 << SMX_PLACE_LISTEN_MIDDLE,
    IB = 1 << SMX_PLACE_LISTEN_END,
    ALL = (1 << SMX_PLACES) - 1,
};
enum {
    CELLS = SMX_MEANS_CELLS,
    BUILD = CELLS | SMX_MEANS_BUILD,
    TIMES = BUILD | SMX_MEANS_TIMES,
    MUTE = TIMES | SMX_MEANS_MUTE,
    END = MUTE | SMX_MEANS_END,
};

static bool is_minimal(unsigned means, unsigned places)
{
    unsigned set[SMX_CORRUPT_SETS];
    size_t count = smx_corrupt_minimal(means, set);

    for (size_t i = 0; i < count; i++)
        if (set[i] == places)
            return true;
    return false;
}

static void without_both_guards_no_set_is_enough(void **state)
{
    (void)state;
    assert_false(smx_corrupt_suffices(ALL & ~GA, END));
    assert_false(smx_corrupt_suffices(ALL & ~GB, END));
    assert_false(smx_corrupt_suffices(GA | GB, END)); /* nor are they by themselves */
    assert_true(smx_corrupt_suffices(ALL, CELLS));
}

static void by_cells_alone_it_takes_a_whole_chain(void **state)
{
    unsigned set[SMX_CORRUPT_SETS];

    (void)state;
    assert_int_equal(smx_corrupt_minimal(CELLS, set), 2);
    assert_true(is_minimal(CELLS, GA | MA | EA | EB | MB | GB));
    assert_true(is_minimal(CELLS, GA | NA | RA | IB | NB | GB));
}

static void each_means_needs_fewer_relays(void **state)
{
    (void)state;
    assert_true(is_minimal(BUILD, GA | EA | EB | GB));
    assert_true(is_minimal(BUILD, GA | RA | IB | GB));
    assert_true(is_minimal(TIMES, GA | RA | EB | GB));
    assert_true(is_minimal(TIMES, GA | EA | IB | GB));
    assert_true(is_minimal(MUTE, GA | EA | GB)); /* both guards and the join */
    assert_false(smx_corrupt_suffices(GA | EB | GB, MUTE));
    assert_true(is_minimal(END, GA | EB | GB));
    assert_false(smx_corrupt_suffices(GA | MA | MB | GB, END)); /* no end: nothing joins them */
    assert_false(smx_corrupt_suffices(GA | IB | GB, END));
}

static void the_bound_is_the_sum_over_sufficient_sets(void **state)
{
    const double none[3] = {0, 0, 0}, all[3] = {1, 1, 1}, fifth[3] = {0.2, 0.2, 0.2};

    (void)state;
    assert_true(fabs(smx_corrupt_bound(END, none)) < 1e-12);
    assert_true(fabs(smx_corrupt_bound(CELLS, all) - 1) < 1e-12);
    /* two chains of six that share the guards */
    assert_true(fabs(smx_corrupt_bound(CELLS, fifth) - 0.04 * (2 * pow(0.2, 4) - pow(0.2, 8))) < 1e-12);
}

/* A few relays more or less, and the share moves: what is compared with is what was reached. */
static void real_clients_fall_as_often_as_the_bound_says(void **state)
{
    static struct smx_corrupt_tally t;
    struct smx_corrupt_config config = {
        .each = 12, .share = 0.5, .pairs = 150, .days = 10, .calls = 1, .epoch_s = 3600};
    uint8_t seed[SMX_RNG_SEED] = "corrupt";
    struct smx_rng rng;
    size_t guards;

    (void)state;
    smx_rng_init(&rng, seed);
    smx_corrupt_count(&t, &config, &rng);
    assert_int_equal(t.calls, config.pairs * 10);
    for (size_t i = 0; i < 3; i++)
        assert_true(t.got[i] > 0.4 && t.got[i] < 0.6);
    for (size_t level = 0; level < SMX_MEANS_LEVELS; level++) {
        double bound = smx_corrupt_bound((2U << level) - 1, t.got), share = (double)t.fell[level] / 1500;

        assert_true(fabs(share - bound) <
                    4 * sqrt(bound / 150) + 0.02); /* pairs, not calls, are independent */
        assert_true(level == 0 || t.fell[level] >= t.fell[level - 1]);
        for (unsigned day = 1; day < config.days; day++)
            assert_true(t.exposed[level][day] >= t.exposed[level][day - 1]);
    }
    /* Guards persist: with all other places drawn ten times, no pair falls whose guards are honest. */
    guards = (size_t)(150 * t.got[0] * t.got[0] + 4 * sqrt(150 * 0.25 * 0.75));
    assert_true(t.exposed[4][9] <= guards);
    smx_rng_fini(&rng);
}

static void without_persistent_guards_everybody_falls_in_time(void **state)
{
    static struct smx_corrupt_tally t;
    struct smx_corrupt_config config = {
        .each = 12, .share = 0.5, .pairs = 20, .days = 30, .calls = 2, .epoch_s = 3600, .forget = true};
    uint8_t seed[SMX_RNG_SEED] = "forget";
    struct smx_rng rng;

    (void)state;
    smx_rng_init(&rng, seed);
    smx_corrupt_count(&t, &config, &rng);
    assert_int_equal(t.exposed[3][29], 20);
    smx_rng_fini(&rng);
}

static void nobody_falls_to_nobody(void **state)
{
    static struct smx_corrupt_tally t;
    struct smx_corrupt_config config = {.each = 4, .pairs = 5, .days = 3, .calls = 3, .epoch_s = 3600};
    uint8_t seed[SMX_RNG_SEED] = "nobody";
    struct smx_rng rng;

    (void)state;
    smx_rng_init(&rng, seed);
    smx_corrupt_count(&t, &config, &rng);
    assert_int_equal(t.calls, 45);
    assert_int_equal(t.fell[4], 0);
    smx_rng_fini(&rng);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_both_guards_no_set_is_enough),
        cmocka_unit_test(by_cells_alone_it_takes_a_whole_chain),
        cmocka_unit_test(each_means_needs_fewer_relays),
        cmocka_unit_test(the_bound_is_the_sum_over_sufficient_sets),
        cmocka_unit_test(real_clients_fall_as_often_as_the_bound_says),
        cmocka_unit_test(without_persistent_guards_everybody_falls_in_time),
        cmocka_unit_test(nobody_falls_to_nobody),
    };

    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests_name("sim/adversary/corrupt", tests, NULL, NULL);
}
