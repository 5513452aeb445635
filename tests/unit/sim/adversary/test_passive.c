/* The passive matchers on made-up traces: they find calls where traffic follows talk, and guess where it does
 * not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "sim/adversary/passive.h"

enum { RELAYS = 4, PAIRS = 20, SPAN_S = 30, TURNS = SPAN_S * 50 };

struct fixture {
    struct smx_rng rng;
    struct smx_trace *trace;
    uint32_t caller[PAIRS], callee[PAIRS];
};

/* Each sends one datagram in 20 ms; with `bare`, only while he talks, and his partner is sent it 90 to 130 ms
 * later. */
static void make_traffic(struct fixture *f, bool bare)
{
    uint32_t *sends = calloc(2 * PAIRS, sizeof *sends);

    assert_non_null(sends);
    for (uint32_t turn = 0; turn < TURNS; turn++)
        for (uint32_t i = 0; i < 2 * PAIRS; i++) {
            smx_time at = SMX_MS(20) * turn + SMX_US(300 * i);
            uint32_t me = RELAYS + i, other = RELAYS + (i + PAIRS) % (2 * PAIRS);

            if (smx_rng_below(&f->rng, 50) == 0)
                sends[i] = !sends[i];
            if (sends[i] || !bare)
                smx_trace_add(f->trace, at, me, i % RELAYS, 700);
            if (!bare)
                smx_trace_add(f->trace, at, i % RELAYS, me, 700);
            else if (sends[i])
                smx_trace_add(f->trace, at + SMX_MS(90) + SMX_MS(other % 40), other % RELAYS, other, 700);
        }
    free(sends);
}

static void set_up(struct fixture *f, uint8_t seed, bool bare)
{
    uint8_t bytes[SMX_RNG_SEED] = {seed};

    smx_rng_init(&f->rng, bytes);
    f->trace = smx_trace_new(0, SMX_SECOND(SPAN_S + 1), RELAYS);
    for (uint32_t i = 0; i < PAIRS; i++) {
        f->caller[i] = RELAYS + i;
        f->callee[i] = RELAYS + PAIRS + i;
    }
    make_traffic(f, bare);
}

typedef void (*matcher)(struct smx_match *, const struct smx_trace *, uint32_t, smx_time);

static void attack(struct smx_attack_result *result, struct fixture *f, matcher fill)
{
    struct smx_match m;

    smx_match_init(&m, f->caller, PAIRS, f->callee, PAIRS);
    for (size_t i = 0; i < PAIRS; i++)
        m.pair[i * PAIRS + i] = true;
    fill(&m, f->trace, RELAYS, SMX_SECOND(SPAN_S));
    smx_match_judge(&m, result, &f->rng);
    smx_match_fini(&m);
}

static void calls_are_found_where_nothing_hides_them(void **state)
{
    const matcher fill[] = {smx_passive_rates, smx_passive_changes};

    (void)state;
    for (size_t way = 0; way < 2; way++) {
        struct smx_attack_result result = {.trials = 0};
        struct fixture f;
        struct smx_auc auc;

        set_up(&f, 1, true);
        attack(&result, &f, fill[way]);
        auc = smx_auc_of(&result.scores_true, &result.scores_false, 0.95);
        assert_int_equal(result.trials, PAIRS);
        assert_true(result.successes >= PAIRS - 1);
        assert_float_equal(smx_attack_chance(&result), 1.0 / PAIRS, 1e-9);
        assert_true(auc.auc > 0.99);
        smx_attack_result_fini(&result);
        smx_trace_free(f.trace);
    }
}

/* 10 networks of 20 calls: 10 right guesses in the mean; 1 to 23 with probability 0.9999. */
static void a_constant_rate_leaves_guesses(void **state)
{
    const matcher fill[] = {smx_passive_rates, smx_passive_changes};

    (void)state;
    for (size_t way = 0; way < 2; way++) {
        struct smx_attack_result result = {.trials = 0};
        struct smx_auc auc;

        for (uint8_t seed = 1; seed <= 10; seed++) {
            struct fixture f;

            set_up(&f, seed, false);
            attack(&result, &f, fill[way]);
            smx_trace_free(f.trace);
        }
        auc = smx_auc_of(&result.scores_true, &result.scores_false, 0.999);
        assert_int_equal(result.trials, 10 * PAIRS);
        assert_in_range(result.successes, 1, 23);
        assert_true(auc.auc >= auc.chance_low && auc.auc <= auc.chance_high);
        smx_attack_result_fini(&result);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls_are_found_where_nothing_hides_them),
        cmocka_unit_test(a_constant_rate_leaves_guesses),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
