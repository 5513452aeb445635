#include "sim/stats.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

enum { HALVINGS = 200, FRACTIONS = 100000 }; /* of an interval of doubles; terms of a continued fraction */

/* ---- distributions ---- */

double smx_normal_z(double level)
{
    double low = 0, high = 40;

    for (int i = 0; i < HALVINGS; i++) {
        double middle = (low + high) / 2;

        if (erfc(middle / sqrt(2)) > 1 - level)
            low = middle;
        else
            high = middle;
    }
    return low;
}

/* The continued fraction of I_x(a, b), by Lentz's method; converges fast for x < (a + 1) / (a + b + 2).
 * Abramowitz and Stegun, 26.5.8. */
static double beta_fraction(double a, double b, double x)
{
    const double tiny = 1e-300;
    double c = 1, d = 1 - (a + b) * x / (a + 1), value;

    d = 1 / (fabs(d) < tiny ? tiny : d);
    value = d;
    for (int i = 1; i < FRACTIONS; i++) {
        double m = i, step;

        for (int odd = 0; odd < 2; odd++) {
            double term = odd ? -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
                              : m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));

            d = 1 + term * d;
            d = 1 / (fabs(d) < tiny ? tiny : d);
            c = 1 + term / c;
            c = fabs(c) < tiny ? tiny : c;
            step = c * d;
            value *= step;
        }
        if (fabs(step - 1) < 1e-15)
            break;
    }
    return value;
}

double smx_beta(double a, double b, double x)
{
    double front;

    if (x <= 0)
        return 0;
    if (x >= 1)
        return 1;
    front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x));
    if (x < (a + 1) / (a + b + 2))
        return front * beta_fraction(a, b, x) / a;
    return 1 - front * beta_fraction(b, a, 1 - x) / b;
}

double smx_binomial_below(uint64_t k, uint64_t n, double p)
{
    return k >= n ? 1 : smx_beta((double)(n - k), (double)k + 1, 1 - p);
}

double smx_binomial_at(uint64_t k, uint64_t n, double p)
{
    double a = (double)k, b = (double)(n - k);

    if (k > n)
        return 0;
    if (p <= 0 || p >= 1)
        return (p <= 0 ? k == 0 : k == n) ? 1 : 0;
    return exp(lgamma(a + b + 1) - lgamma(a + 1) - lgamma(b + 1) + a * log(p) + b * log1p(-p));
}

double smx_binomial_more(uint64_t successes, uint64_t trials, double p)
{
    if (successes == 0)
        return 1;
    return successes > trials ? 0 : smx_beta((double)successes, (double)(trials - successes) + 1, p);
}

/* ---- a share of trials ---- */

struct smx_interval smx_wilson(uint64_t successes, uint64_t trials, double level)
{
    double n = (double)trials, share = (double)successes / n, z = smx_normal_z(level), zz = z * z;
    double middle = (share + zz / (2 * n)) / (1 + zz / n);
    double half = z / (1 + zz / n) * sqrt(share * (1 - share) / n + zz / (4 * n * n));

    if (trials == 0)
        return (struct smx_interval){0, 1};
    return (struct smx_interval){successes == 0 ? 0 : middle - half, successes == trials ? 1 : middle + half};
}

/* The x at which I_x(a, b) = share. */
static double beta_quantile(double a, double b, double share)
{
    double low = 0, high = 1;

    for (int i = 0; i < HALVINGS; i++) {
        double middle = (low + high) / 2;

        if (smx_beta(a, b, middle) < share)
            low = middle;
        else
            high = middle;
        if (high - low < 1e-16)
            break;
    }
    return (low + high) / 2;
}

struct smx_interval smx_clopper_pearson(uint64_t successes, uint64_t trials, double level)
{
    double k = (double)successes, rest = (double)(trials - successes), tail = (1 - level) / 2;

    if (trials == 0)
        return (struct smx_interval){0, 1};
    return (struct smx_interval){successes == 0 ? 0 : beta_quantile(k, rest + 1, tail),
                                 successes == trials ? 1 : beta_quantile(k + 1, rest, 1 - tail)};
}

/* Outcomes no likelier than `successes` lie in its own tail, and in the other one from some number on. */
double smx_binomial_test(uint64_t successes, uint64_t trials, double p)
{
    double seen = smx_binomial_at(successes, trials, p) * (1 + 1e-7); /* equal ones differ by rounding */
    double mode = (double)trials * p;
    bool is_low = (double)successes < mode;
    uint64_t low = is_low ? (uint64_t)ceil(mode) : 0, high = is_low ? trials + 1 : (uint64_t)floor(mode) + 1;
    double both;

    if ((double)successes == mode || trials == 0)
        return 1;
    while (low < high) { /* the first that is unlikely (to the right), or that is not (to the left) */
        uint64_t middle = low + (high - low) / 2;

        if ((smx_binomial_at(middle, trials, p) <= seen) == is_low)
            high = middle;
        else
            low = middle + 1;
    }
    if (is_low)
        both = smx_binomial_below(successes, trials, p) + smx_binomial_more(low, trials, p);
    else
        both = smx_binomial_more(successes, trials, p) + (low ? smx_binomial_below(low - 1, trials, p) : 0);
    return both < 1 ? both : 1;
}

void smx_binomial_range(uint64_t trials, double p, double level, uint64_t *low, uint64_t *high)
{
    double tail = (1 - level) / 2;
    uint64_t a = 0, b = trials;

    while (a < b) { /* the greatest with P(X < it) within the tail */
        uint64_t middle = a + (b - a + 1) / 2;

        if (smx_binomial_below(middle - 1, trials, p) <= tail)
            a = middle;
        else
            b = middle - 1;
    }
    *low = a;
    b = trials;
    while (a < b) { /* the least with P(X > it) within the tail */
        uint64_t middle = a + (b - a) / 2;

        if (smx_binomial_more(middle + 1, trials, p) <= tail)
            b = middle;
        else
            a = middle + 1;
    }
    *high = a;
}

/* ---- anonymity ---- */

double smx_entropy(const double *weight, size_t count)
{
    double total = 0, bits = 0;

    for (size_t i = 0; i < count; i++)
        total += fmax(weight[i], 0);
    for (size_t i = 0; i < count; i++)
        if (weight[i] > 0)
            bits -= weight[i] / total * log2(weight[i] / total);
    return bits > 0 ? bits : 0;
}

/* ---- two samples ---- */

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* Orders of n a's and m b's are ways over a grid; u is the share of ways that stay closer than `apart` (in
 * units of 1/nm) wherever a value ends.  ends[i]: value i of all, sorted, differs from the next. */
static double ways_closer(size_t n, size_t m, const bool *ends, double apart)
{
    double *u = calloc(m + 1, sizeof *u), result;

    if (!u)
        abort();
    for (size_t i = 0; i <= n; i++)
        for (size_t j = 0; j <= m; j++) {
            double here = i + j == 0 ? 1 : 0;

            if (i > 0)
                here += u[j] * (double)i / (double)(i + j);
            if (j > 0)
                here += u[j - 1] * (double)j / (double)(i + j);
            if (i + j > 0 && ends[i + j - 1] &&
                fabs((double)i * (double)m - (double)j * (double)n) > apart - 0.5)
                here = 0;
            u[j] = here;
        }
    result = u[m];
    free(u);
    return result;
}

static double ks_limit(double d, double n, double m)
{
    double root = sqrt(n * m / (n + m)), x = (root + 0.12 + 0.11 / root) * d, sum = 0;

    if (x < 0.2) /* the sum below is slow there, and 1 to 12 digits */
        return 1;
    for (int k = 1; k <= 100; k++)
        sum += (k % 2 ? 2 : -2) * exp(-2.0 * k * k * x * x);
    return fmin(fmax(sum, 0), 1);
}

double smx_ks(double *a, size_t n, double *b, size_t m, double *p)
{
    bool *ends;
    size_t i = 0, j = 0;
    double most = 0; /* times n m: a whole number */

    *p = 1;
    if (n == 0 || m == 0)
        return 0;
    ends = calloc(n + m, sizeof *ends);
    if (!ends)
        abort();
    qsort(a, n, sizeof *a, by_value);
    qsort(b, m, sizeof *b, by_value);
    while (i < n || j < m) {
        double value = j == m || (i < n && a[i] <= b[j]) ? a[i] : b[j];

        while (i < n && a[i] == value)
            i++;
        while (j < m && b[j] == value)
            j++;
        ends[i + j - 1] = true;
        most = fmax(most, fabs((double)i * (double)m - (double)j * (double)n));
    }
    if ((double)n * (double)m <= 1e6)
        *p = most == 0 ? 1 : fmin(fmax(1 - ways_closer(n, m, ends, most), 0), 1);
    else
        *p = ks_limit(most / ((double)n * (double)m), (double)n, (double)m);
    free(ends);
    return most / ((double)n * (double)m);
}
