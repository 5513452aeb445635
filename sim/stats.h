/* sim/stats.h - shares with their intervals, tests against chance, entropy.
 *
 * Pure functions of numbers; no state, no allocation but where said. Doubles are computed in one order, so
 * the same binary gives the same bits. Intervals have a level (0.95, 0.999): the method covers the true value
 * with at least (Clopper-Pearson) or near (Wilson) that probability.
 *
 * Sources: E. Wilson, JASA 22 (1927); C. Clopper and E. Pearson, Biometrika 26 (1934); L. Brown, T. Cai,
 * A. DasGupta, Statistical Science 16 (2001), for which to use when; C. Shannon (1948) and A. Serjantov,
 * G. Danezis, PET 2002, for the anonymity set; N. Smirnov (1948), M. Stephens (1970). */
#ifndef SMX_SIM_STATS_H
#define SMX_SIM_STATS_H

#include <stddef.h>
#include <stdint.h>

struct smx_interval {
    double low, high;
};

/* ---- distributions ---- */

/* z with P(|N(0,1)| <= z) = level; 1.96 for 0.95. */
double smx_normal_z(double level);
/* P(X <= k), P(X = k) of n trials with probability p each. */
double smx_binomial_below(uint64_t k, uint64_t n, double p);
double smx_binomial_at(uint64_t k, uint64_t n, double p);
/* Regularised incomplete beta function I_x(a, b); a, b > 0. */
double smx_beta(double a, double b, double x);

/* ---- a share of trials ---- */

/* successes of trials, trials > 0 (else 0..1). */
struct smx_interval smx_wilson(uint64_t successes, uint64_t trials, double level);
/* The exact one: never too short.  For claims. */
struct smx_interval smx_clopper_pearson(uint64_t successes, uint64_t trials, double level);

/* If each trial succeeds by chance p: the probability of at least so many successes, and of an outcome no
 * likelier than this one (two-sided, as R's binom.test).  When chances differ between trials, p is their
 * mean: the true spread is then smaller, so the tests err towards "chance" and what they refuse is refused.
 */
double smx_binomial_more(uint64_t successes, uint64_t trials, double p);
double smx_binomial_test(uint64_t successes, uint64_t trials, double p);
/* Least and most number of successes within which chance p stays with at least this probability: at most
 * (1 - level) / 2 lie below low, and above high. */
void smx_binomial_range(uint64_t trials, double p, double level, uint64_t *low, uint64_t *high);

/* ---- anonymity ---- */

/* Entropy in bits of weights that need not sum to 1 (negative ones count as 0); all 0: 0.  2 to the power of
 * it is the size of the set of equals that hides as well. */
double smx_entropy(const double *weight, size_t count);

/* ---- two samples ---- */

/* Kolmogorov-Smirnov: the greatest distance of the two distributions (sorts a and b in place), and p, the
 * probability of at least that much if both come from one.  p is exact, ties or not, up to n * m = 10^6 (it
 * allocates m + 1 doubles), else by Smirnov's limit with Stephens' correction, for which ties make p too
 * great.  Running out of memory ends the program. An empty sample: 0 and 1. */
double smx_ks(double *a, size_t n, double *b, size_t m, double *p);

#endif
