#include "sim/stats.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sim/scores.h"
#include "tests/support/vectors.h"

enum { SAMPLE = 128 };

#define NEAR(value, wanted, by) assert_true(fabs((value) - (wanted)) <= (by))

static double number(struct smx_vec *v, const char *key)
{
    return strtod(smx_vec_text(v, key), NULL);
}

static size_t numbers(struct smx_vec *v, const char *key, double out[SAMPLE])
{
    const char *at = smx_vec_text(v, key);
    size_t count = 0;

    for (char *end; *at; at = end) {
        assert_true(count < SAMPLE);
        out[count++] = strtod(at, &end);
        assert_true(end > at);
    }
    return count;
}

static void check_share(struct smx_vec *v)
{
    uint64_t k = smx_vec_int(v, "k"), n = smx_vec_int(v, "n"), low, high;
    double level = number(v, "level"), chance = number(v, "chance");
    struct smx_interval w = smx_wilson(k, n, level), c = smx_clopper_pearson(k, n, level);

    NEAR(w.low, number(v, "wilson_low"), 1e-10);
    NEAR(w.high, number(v, "wilson_high"), 1e-10);
    NEAR(c.low, number(v, "exact_low"), 1e-10);
    NEAR(c.high, number(v, "exact_high"), 1e-10);
    NEAR(smx_binomial_more(k, n, chance), number(v, "more"), 1e-11);
    NEAR(smx_binomial_test(k, n, chance), number(v, "both"), 1e-11);
    smx_binomial_range(n, chance, level, &low, &high);
    assert_int_equal(low, smx_vec_int(v, "range_low"));
    assert_int_equal(high, smx_vec_int(v, "range_high"));
}

static void fill(struct smx_scores *s, const double *value, size_t count)
{
    for (size_t i = 0; i < count; i++)
        smx_scores_add(s, value[i]);
}

static void check_auc(struct smx_vec *v)
{
    struct smx_scores hit = {0}, miss = {0};
    double a[SAMPLE], b[SAMPLE];
    struct smx_auc r;

    fill(&hit, a, numbers(v, "a", a));
    fill(&miss, b, numbers(v, "b", b));
    r = smx_auc_of(&hit, &miss, number(v, "level"));
    NEAR(r.auc, number(v, "auc"), 1e-12);
    NEAR(r.low, number(v, "low"), 1e-10);
    NEAR(r.high, number(v, "high"), 1e-10);
    NEAR(r.chance_low, number(v, "chance_low"), 1e-10);
    NEAR(r.chance_high, number(v, "chance_high"), 1e-10);
    assert_true(r.slack == 0);
    smx_scores_fini(&hit);
    smx_scores_fini(&miss);
}

static void check_ks(struct smx_vec *v)
{
    double a[SAMPLE], b[SAMPLE], p;
    size_t n = numbers(v, "a", a), m = numbers(v, "b", b);

    NEAR(smx_ks(a, n, b, m, &p), number(v, "d"), 1e-12);
    NEAR(p, number(v, "p"), 1e-12);
}

static void figures_are_those_of_the_reference(void **state)
{
    unsigned shares = 0, aucs = 0, samples = 0;
    struct smx_vec v;

    (void)state;
    smx_vec_open(&v, "tests/vectors/simstats.txt");
    while (smx_vec_next(&v)) {
        if (smx_vec_has(&v, "k")) {
            check_share(&v);
            shares++;
        } else if (smx_vec_has(&v, "level")) {
            check_auc(&v);
            aucs++;
        } else {
            check_ks(&v);
            samples++;
        }
    }
    assert_true(shares >= 18 && aucs >= 8 && samples >= 5);
}

/* R. Newcombe, Statistics in Medicine 17 (1998), table I. */
static void intervals_are_the_published_ones(void **state)
{
    static const struct {
        uint64_t k, n;
        double wl, wh, el, eh;
    } newcombe[] = {
        {81, 263, 0.2553, 0.3662, 0.2527, 0.3676},
        {15, 148, 0.0624, 0.1605, 0.0578, 0.1617},
        {0, 20, 0, 0.1611, 0, 0.1684},
        {1, 29, 0.0061, 0.1718, 0.0009, 0.1776},
    };

    (void)state;
    for (size_t i = 0; i < sizeof newcombe / sizeof *newcombe; i++) {
        struct smx_interval w = smx_wilson(newcombe[i].k, newcombe[i].n, 0.95);
        struct smx_interval e = smx_clopper_pearson(newcombe[i].k, newcombe[i].n, 0.95);

        NEAR(w.low, newcombe[i].wl, 5e-5);
        NEAR(w.high, newcombe[i].wh, 5e-5);
        NEAR(e.low, newcombe[i].el, 5e-5);
        NEAR(e.high, newcombe[i].eh, 5e-5);
    }
    NEAR(smx_binomial_test(682, 925, 0.75), 0.3825, 5e-5); /* R's manual of binom.test: Mendel's peas */
    NEAR(smx_normal_z(0.95), 1.959963985, 1e-9);
    NEAR(smx_normal_z(0.999), 3.290526731, 1e-9);
}

/* Add up all outcomes in which the interval holds the true share. */
static double coverage(struct smx_interval (*interval)(uint64_t, uint64_t, double), uint64_t n, double p)
{
    double sum = 0;

    for (uint64_t k = 0; k <= n; k++) {
        struct smx_interval i = interval(k, n, 0.95);

        if (i.low <= p && p <= i.high)
            sum += smx_binomial_at(k, n, p);
    }
    return sum;
}

static void the_exact_interval_never_covers_too_little_and_wilsons_nearly_enough(void **state)
{
    double mean = 0;

    (void)state;
    for (unsigned percent = 1; percent < 100; percent++) {
        double p = percent / 100.0;

        assert_true(coverage(smx_clopper_pearson, 60, p) >= 0.95);
        assert_true(coverage(smx_wilson, 60, p) >= 0.83); /* its known weak spot is near the edges */
        mean += coverage(smx_wilson, 60, p) / 99;
    }
    NEAR(mean, 0.95, 0.01);
}

static void large_numbers_of_trials_keep_their_digits(void **state)
{
    uint64_t low, high;

    (void)state;
    /* the normal approximation is good here: a check of size, by another way */
    smx_binomial_range(1000000, 0.01, 0.999, &low, &high);
    NEAR((double)low, 10000 - 3.2905 * 99.4987, 4);
    NEAR((double)high, 10000 + 3.2905 * 99.4987, 4);
    NEAR(smx_binomial_below(500000, 1000000, 0.5), 0.5 + 0.5 * smx_binomial_at(500000, 1000000, 0.5), 1e-9);
    NEAR(smx_binomial_at(500000, 1000000, 0.5), sqrt(2 / (acos(-1.0) * 1e6)), 1e-8);
    assert_true(smx_binomial_more(20000, 1000000, 0.01) < 1e-100);
    assert_true(smx_clopper_pearson(1000000, 1000000, 0.95).low > 0.999996);
}

static void entropy_of_equals_is_the_logarithm_of_their_number(void **state)
{
    double weight[8] = {2, 2, 2, 2, 2, 2, 2, 2};

    (void)state;
    NEAR(smx_entropy(weight, 8), 3, 1e-12);
    NEAR(smx_entropy((double[]){0.5, 0.25, 0.125, 0.125}, 4), 1.75, 1e-12);
    NEAR(smx_entropy((double[]){5, 0, -1}, 3), 0, 1e-12);
    NEAR(smx_entropy((double[]){0, 0}, 2), 0, 0);
}

static void samples_of_one_kind_are_told_apart_as_often_as_p_says(void **state)
{
    enum { TRIALS = 400, N = 40, M = 60 };
    uint64_t x = 88172645463325252u;
    unsigned below = 0;

    (void)state;
    for (int t = 0; t < TRIALS; t++) {
        double a[N], b[M], p;

        for (int i = 0; i < N + M; i++) { /* G. Marsaglia's xorshift: any numbers will do */
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
            *(i < N ? &a[i] : &b[i - N]) = (double)(x >> 11);
        }
        (void)smx_ks(a, N, b, M, &p);
        below += p <= 0.1;
    }
    assert_true(smx_binomial_more(below, TRIALS, 0.1) > 1e-4 && below > TRIALS / 40);
}

static void long_samples_get_nearly_the_exact_p(void **state)
{
    enum { N = 1001, M = 1001, SHORT = 990 };
    static double a[N], b[M];
    double p_exact, p_limit;

    (void)state;
    for (int i = 0; i < N; i++) {
        a[i] = i;
        b[i] = i + 52.5;
    }
    (void)smx_ks(a, SHORT, b, SHORT, &p_exact);
    (void)smx_ks(a, N, b, M, &p_limit);
    NEAR(p_limit, p_exact, 0.01);
    assert_true(p_exact > 0.05 && p_exact < 0.2);
}

/* ---- lists of scores ---- */

static double smooth(uint64_t *x)
{
    *x ^= *x << 13;
    *x ^= *x >> 7;
    *x ^= *x << 17;
    return (double)(*x >> 11) / (double)(UINT64_C(1) << 53) - 0.3;
}

static void long_lists_are_bounded_and_their_auc_is_off_by_less_than_they_say(void **state)
{
    enum { HIT = 3000, MISS = 30000 };
    static double hit[HIT], miss[MISS];
    struct smx_scores a = {0}, b = {0};
    uint64_t x = 7, won = 0;
    struct smx_auc r;

    (void)state;
    for (int i = 0; i < HIT; i++)
        smx_scores_add(&a, hit[i] = smooth(&x) + 0.05);
    for (int i = 0; i < MISS; i++)
        smx_scores_add(&b, miss[i] = smooth(&x));
    for (int i = 0; i < HIT; i++)
        for (int j = 0; j < MISS; j++)
            won += 2 * (hit[i] > miss[j]) + (hit[i] == miss[j]);
    r = smx_auc_of(&a, &b, 0.95);
    assert_true(a.used <= SMX_SCORES && b.used <= SMX_SCORES && a.count == HIT && b.count == MISS);
    assert_true(r.slack > 0 && r.slack < 0.001);
    NEAR(r.auc, (double)won / 2 / HIT / MISS, r.slack);
    smx_scores_fini(&a);
    smx_scores_fini(&b);
}

static void a_list_depends_on_its_scores_and_not_on_their_order(void **state)
{
    enum { COUNT = 20000, PARTS = 7 };
    struct smx_scores whole = {0}, parts[PARTS] = {{0}}, merged = {0};
    static double score[COUNT];
    uint64_t x = 99;

    (void)state;
    for (int i = 0; i < COUNT; i++) {
        score[i] = smooth(&x) * (i % 3 ? 1 : 1e-6);
        smx_scores_add(&whole, score[i]);
    }
    for (int i = COUNT; i-- > 0;)
        smx_scores_add(&parts[i % PARTS], score[i]);
    for (int i = PARTS; i-- > 0;) {
        smx_scores_merge(&merged, &parts[i]);
        smx_scores_fini(&parts[i]);
    }
    smx_scores_settle(&whole);
    assert_int_equal(merged.used, whole.used);
    assert_int_equal(merged.dropped, whole.dropped);
    assert_true(whole.dropped > 0);
    assert_memory_equal(merged.list, whole.list, whole.used * sizeof *whole.list);
    smx_scores_fini(&whole);
    smx_scores_fini(&merged);
}

static void a_curve_rises_from_corner_to_corner(void **state)
{
    struct smx_scores hit = {0}, miss = {0};
    struct smx_roc_point *roc;
    size_t count;

    (void)state;
    assert_null(smx_roc(&hit, &miss, &count));
    fill(&hit, (double[]){0.9, 0.8, 0.4}, 3);
    fill(&miss, (double[]){0.8, 0.3, -0.5, -INFINITY}, 4);
    roc = smx_roc(&hit, &miss, &count);
    assert_int_equal(count, 7);
    assert_true(roc[0].true_share == 0 && roc[0].false_share == 0);
    assert_true(roc[6].true_share == 1 && roc[6].false_share == 1);
    assert_true(roc[2].threshold == 0.8 && roc[2].false_share == 0.25);
    NEAR(smx_roc_at(roc, count, 0), 1.0 / 3, 1e-12);
    NEAR(smx_roc_at(roc, count, 0.1), 1.0 / 3, 1e-12);
    NEAR(smx_roc_at(roc, count, 0.25), 1, 1e-12);
    for (size_t i = 1; i < count; i++)
        assert_true(roc[i].true_share >= roc[i - 1].true_share && roc[i].threshold < roc[i - 1].threshold);
    free(roc);
    smx_scores_fini(&hit);
    smx_scores_fini(&miss);
}

static void scores_that_always_tell_leave_a_chance_of_failure_that_was_not_seen(void **state)
{
    struct smx_scores hit = {0}, miss = {0};
    struct smx_auc r;

    (void)state;
    for (int i = 0; i < 50; i++) {
        smx_scores_add(&hit, 1);
        smx_scores_add(&miss, 0);
    }
    r = smx_auc_of(&hit, &miss, 0.95);
    assert_true(r.auc == 1 && r.high == 1);
    NEAR(r.low, smx_clopper_pearson(50, 50, 0.95).low, 1e-9);
    assert_true(r.chance_high < r.low);
    smx_scores_fini(&hit);
    smx_scores_fini(&miss);
    for (int i = 0; i < 50; i++) {
        smx_scores_add(&hit, 7);
        smx_scores_add(&miss, 7);
    }
    r = smx_auc_of(&hit, &miss, 0.95); /* and scores that are all the same */
    assert_true(r.auc == 0.5 && r.chance_low == 0.5 && r.chance_high == 0.5);
    NEAR(r.high, 0.5 + smx_clopper_pearson(0, 50, 0.95).high / 2, 1e-9);
    NEAR(r.low, 1 - r.high, 1e-9);
    smx_scores_fini(&hit);
    smx_scores_fini(&miss);
}

/* Random scores: AUC within the interval of chance as often as its level says. */
static void chance_stays_within_its_interval(void **state)
{
    enum { TRIALS = 400 };
    unsigned outside = 0;
    uint64_t x = 5;

    (void)state;
    for (int t = 0; t < TRIALS; t++) {
        struct smx_scores hit = {0}, miss = {0};
        struct smx_auc r;

        for (int i = 0; i < 20; i++)
            smx_scores_add(&hit, smooth(&x));
        for (int i = 0; i < 80; i++)
            smx_scores_add(&miss, smooth(&x));
        r = smx_auc_of(&hit, &miss, 0.9);
        outside += r.auc < r.chance_low || r.auc > r.chance_high;
        smx_scores_fini(&hit);
        smx_scores_fini(&miss);
    }
    assert_true(smx_binomial_test(outside, TRIALS, 0.1) > 1e-4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(figures_are_those_of_the_reference),
        cmocka_unit_test(intervals_are_the_published_ones),
        cmocka_unit_test(the_exact_interval_never_covers_too_little_and_wilsons_nearly_enough),
        cmocka_unit_test(large_numbers_of_trials_keep_their_digits),
        cmocka_unit_test(entropy_of_equals_is_the_logarithm_of_their_number),
        cmocka_unit_test(samples_of_one_kind_are_told_apart_as_often_as_p_says),
        cmocka_unit_test(long_samples_get_nearly_the_exact_p),
        cmocka_unit_test(long_lists_are_bounded_and_their_auc_is_off_by_less_than_they_say),
        cmocka_unit_test(a_list_depends_on_its_scores_and_not_on_their_order),
        cmocka_unit_test(a_curve_rises_from_corner_to_corner),
        cmocka_unit_test(scores_that_always_tell_leave_a_chance_of_failure_that_was_not_seen),
        cmocka_unit_test(chance_stays_within_its_interval),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
