#include "proto/base/rng.h"
#include "proto/link/phase.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define Q SMX_MS(10)

static const struct smx_link_timing timing = {
    .relay_q = Q,
    .client_q = SMX_MS(20),
    .margin_min = SMX_MS(1),
    .margin_max = SMX_MS(15),
    .margin_unknown = SMX_MS(5),
};

struct fixture {
    struct smx_phase p;
    struct smx_rng rng;
    uint64_t tick;
    smx_time origin; /* arrival of tick 0 without jitter */
};

static void start(struct fixture *f)
{
    static const uint8_t seed[SMX_RNG_SEED] = {3};

    smx_rng_init(&f->rng, seed);
    smx_phase_init(&f->p, &timing);
    f->tick = 500;
    f->origin = SMX_SECOND(77) + 12345;
}

/* That many ticks, each with up to so much jitter. */
static void feed(struct fixture *f, unsigned ticks, smx_time jitter)
{
    while (ticks-- > 0) {
        smx_time late = jitter ? smx_rng_below(&f->rng, (uint32_t)jitter) : 0;

        f->tick++;
        smx_phase_add(&f->p, Q, f->tick, f->origin + f->tick * Q + late);
    }
}

static smx_time error_of(const struct fixture *f)
{
    return smx_phase_expected(&f->p, Q, f->tick + 7) - (f->origin + (f->tick + 7) * Q);
}

static void the_baseline_is_the_arrival_without_jitter(void **state)
{
    struct fixture f;

    (void)state;
    start(&f);
    feed(&f, 2000, SMX_MS(4));
    assert_in_range(error_of(&f), 0, SMX_US(20));
    assert_int_equal(f.p.last_tick, f.tick);
}

static void a_longer_path_is_learned_within_16_seconds_and_a_shorter_at_once(void **state)
{
    struct fixture f;

    (void)state;
    start(&f);
    feed(&f, 6000, SMX_MS(1));
    f.origin += SMX_MS(30);
    feed(&f, 1300, SMX_MS(1));
    assert_true((int64_t)error_of(&f) < -(int64_t)SMX_MS(29)); /* still the old one: 13 s */
    feed(&f, 400, SMX_MS(1));
    assert_in_range(error_of(&f), 0, SMX_US(20));
    f.origin -= SMX_MS(50);
    feed(&f, 100, SMX_MS(1));
    assert_in_range(error_of(&f), 0, SMX_US(100));
}

/* As feed, while the other's clock is slow by so many ppb (below 0: fast). */
static void feed_drifting(struct fixture *f, unsigned ticks, smx_time jitter, int64_t ppb)
{
    while (ticks-- > 0) {
        f->origin += (smx_time)(ppb * (int64_t)Q / 1000000000);
        feed(f, 1, jitter);
    }
}

static bool drift_of(const struct fixture *f, int64_t *drift)
{
    return smx_phase_drift(&f->p, f->origin + f->tick * Q, drift);
}

static void assert_drift(const struct fixture *f, int64_t us, int64_t within_us)
{
    int64_t drift = 0;

    assert_true(drift_of(f, &drift));
    assert_in_range(drift + (int64_t)SMX_SECOND(1), (int64_t)SMX_SECOND(1) + (us - within_us) * 1000,
                    (int64_t)SMX_SECOND(1) + (us + within_us) * 1000);
}

static void the_drift_is_unknown_until_two_windows_are_over(void **state)
{
    struct fixture f;
    int64_t drift = 77;

    (void)state;
    start(&f);
    feed(&f, 400, SMX_MS(1));
    assert_false(drift_of(&f, &drift));
    assert_int_equal(drift, 77);
    feed(&f, 2, SMX_MS(1));
    assert_true(drift_of(&f, &drift));
    assert_in_range(drift + SMX_US(100), 0, SMX_US(200));
}

static void the_drift_is_what_the_clocks_did_without_the_jitter(void **state)
{
    struct fixture f;

    (void)state;
    start(&f);
    feed_drifting(&f, 2001, SMX_MS(5), 50000);
    assert_drift(&f, 900, 150); /* 20 s less the first window, at 50 ppm */
    start(&f);
    feed_drifting(&f, 2001, SMX_MS(5), -50000);
    assert_drift(&f, -900, 150);
    feed(&f, 2000, SMX_MS(5)); /* the difference is gone: what has drifted stays */
    assert_drift(&f, -900, 150);
    start(&f); /* control */
    feed(&f, 2001, SMX_MS(5));
    assert_drift(&f, 0, 100);
}

static void the_baseline_follows_a_clock_that_drifts_either_way(void **state)
{
    struct fixture f;

    (void)state;
    start(&f);
    feed_drifting(&f, 12000, SMX_MS(2), -100000);
    assert_in_range(error_of(&f), 0, SMX_US(100));
    start(&f);
    feed_drifting(&f, 12000, SMX_MS(2), 100000);
    assert_in_range(-(int64_t)error_of(&f), 0, SMX_US(1600)); /* 16 s old at most */
}

static void a_jump_is_the_paths_and_not_the_clocks(void **state)
{
    struct fixture f;
    int64_t drift;

    (void)state;
    for (int sign = -1; sign <= 1; sign += 2) {
        start(&f);
        feed_drifting(&f, 2001, SMX_US(100), 50000);
        f.origin += (smx_time)(sign * (int64_t)SMX_MS(30));
        feed(&f, 400, SMX_US(100));
        assert_false(drift_of(&f, &drift) && drift > (int64_t)SMX_MS(1)); /* either not known, or not moved */
        feed(&f, 400, SMX_US(100));
        assert_drift(&f, 900, 150);
    }
    start(&f); /* control: as much, but slowly, is a drift */
    feed_drifting(&f, 2001, SMX_MS(1), 400000);
    assert_drift(&f, 7100, 300);
}

static void a_peer_beyond_500_ppm_has_no_drift_to_go_by(void **state)
{
    struct fixture f;
    int64_t drift;

    (void)state;
    start(&f);
    feed_drifting(&f, 6001, SMX_US(100), 1000000);
    assert_false(drift_of(&f, &drift));
}

static void a_silent_peer_has_no_drift_until_it_speaks_again(void **state)
{
    struct fixture f;
    int64_t drift;

    (void)state;
    start(&f);
    feed_drifting(&f, 2001, SMX_MS(1), 50000);
    f.tick += 390;
    assert_true(drift_of(&f, &drift));
    f.tick += 200;
    assert_false(drift_of(&f, &drift));
    f.origin += SMX_US(100); /* what it drifted meanwhile counts */
    feed(&f, 401, SMX_MS(1));
    assert_drift(&f, 1100, 150);
}

static void what_nobody_takes_back_is_forgotten_within_the_hour(void **state)
{
    struct fixture f;

    (void)state;
    start(&f);
    feed_drifting(&f, 2001, SMX_MS(1), 400000);
    assert_drift(&f, 7100, 300);
    feed(&f, 100 * 60 * 60, SMX_MS(1));
    assert_drift(&f, 0, 100);
}

static void the_margin_is_unknown_until_a_thousand_datagrams_after_the_first_seconds(void **state)
{
    struct fixture f;

    (void)state;
    start(&f);
    feed(&f, 399, SMX_MS(14)); /* while everything starts, much is late: that is not remembered */
    feed(&f, 999, SMX_MS(3));
    assert_int_equal(smx_phase_margin(&f.p, &timing), SMX_MS(5));
    feed(&f, 4, SMX_MS(3)); /* the first one's own delay shifts when the seconds end */
    assert_in_range(smx_phase_margin(&f.p, &timing), SMX_US(2900), SMX_US(3300));
}

static void the_margin_stays_within_its_bounds(void **state)
{
    struct fixture f;

    (void)state;
    start(&f);
    feed(&f, 3000, 0);
    assert_int_equal(smx_phase_margin(&f.p, &timing), SMX_MS(1));
    start(&f);
    feed(&f, 3000, SMX_MS(80));
    assert_int_equal(smx_phase_margin(&f.p, &timing), SMX_MS(15));
}

static void one_outlier_in_ten_thousand_does_not_move_the_margin_but_many_do(void **state)
{
    struct fixture f;

    (void)state;
    start(&f);
    feed(&f, 6000, SMX_MS(2));
    f.origin += SMX_MS(12);
    feed(&f, 1, 0);
    f.origin -= SMX_MS(12);
    feed(&f, 11000, SMX_MS(2));
    assert_in_range(smx_phase_margin(&f.p, &timing), SMX_US(1900), SMX_US(2400));
    for (int i = 0; i < 50; i++) {
        f.origin += SMX_MS(8);
        feed(&f, 1, 0);
        f.origin -= SMX_MS(8);
        feed(&f, 20, SMX_MS(2));
    }
    assert_in_range(smx_phase_margin(&f.p, &timing), SMX_US(7900), SMX_US(8400));
}

static void the_margin_forgets_within_minutes(void **state)
{
    struct fixture f;

    (void)state;
    start(&f);
    feed(&f, 6000, SMX_MS(10));
    assert_true(smx_phase_margin(&f.p, &timing) > SMX_MS(9));
    feed(&f, 100 * 60 * 15, SMX_MS(2));
    assert_true(smx_phase_margin(&f.p, &timing) < SMX_US(2400));
}

static void after_a_silence_only_the_new_counts(void **state)
{
    struct fixture f;

    (void)state;
    start(&f);
    feed(&f, 2000, SMX_MS(1));
    f.tick += 100 * 120;
    f.origin += SMX_MS(40);
    feed(&f, 1, 0);
    assert_int_equal(error_of(&f), 0);
}

static void another_scale_keeps_the_baseline_and_measures_the_margin_anew(void **state)
{
    struct smx_link_timing wider = timing;
    struct fixture f;

    (void)state;
    wider.margin_max = SMX_MS(40);
    start(&f);
    feed(&f, 3000, SMX_MS(30));
    smx_phase_rescale(&f.p, &wider);
    assert_in_range(error_of(&f), 0, SMX_US(100));
    assert_int_equal(f.p.last_tick, f.tick);
    assert_int_equal(smx_phase_margin(&f.p, &wider), SMX_MS(5));
    feed(&f, 1000, SMX_MS(30));
    assert_in_range(smx_phase_margin(&f.p, &wider), SMX_MS(29), SMX_MS(32));
}

static void nonsense_ticks_do_no_harm(void **state)
{
    struct fixture f;

    (void)state;
    start(&f);
    for (int i = 0; i < 5000; i++)
        smx_phase_add(&f.p, Q, smx_rng_u64(&f.rng) >> 8, SMX_SECOND(1) + (smx_time)i);
    assert_in_range(smx_phase_margin(&f.p, &timing), timing.margin_min, timing.margin_max);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_baseline_is_the_arrival_without_jitter),
        cmocka_unit_test(a_longer_path_is_learned_within_16_seconds_and_a_shorter_at_once),
        cmocka_unit_test(the_drift_is_unknown_until_two_windows_are_over),
        cmocka_unit_test(the_drift_is_what_the_clocks_did_without_the_jitter),
        cmocka_unit_test(the_baseline_follows_a_clock_that_drifts_either_way),
        cmocka_unit_test(a_jump_is_the_paths_and_not_the_clocks),
        cmocka_unit_test(a_peer_beyond_500_ppm_has_no_drift_to_go_by),
        cmocka_unit_test(a_silent_peer_has_no_drift_until_it_speaks_again),
        cmocka_unit_test(what_nobody_takes_back_is_forgotten_within_the_hour),
        cmocka_unit_test(the_margin_is_unknown_until_a_thousand_datagrams_after_the_first_seconds),
        cmocka_unit_test(the_margin_stays_within_its_bounds),
        cmocka_unit_test(one_outlier_in_ten_thousand_does_not_move_the_margin_but_many_do),
        cmocka_unit_test(the_margin_forgets_within_minutes),
        cmocka_unit_test(after_a_silence_only_the_new_counts),
        cmocka_unit_test(another_scale_keeps_the_baseline_and_measures_the_margin_anew),
        cmocka_unit_test(nonsense_ticks_do_no_harm),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
