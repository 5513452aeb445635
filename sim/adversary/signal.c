#include "sim/adversary/signal.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

/* ---- correlation ---- */

bool smx_signal_standardize(float *x, size_t bins)
{
    double mean = 0, power = 0;

    for (size_t i = 0; i < bins; i++)
        mean += (double)x[i];
    mean /= bins > 0 ? (double)bins : 1;
    for (size_t i = 0; i < bins; i++)
        power += ((double)x[i] - mean) * ((double)x[i] - mean);
    for (size_t i = 0; i < bins; i++) /* below that it is rounding */
        x[i] = power > 1e-9 ? (float)(((double)x[i] - mean) / sqrt(power)) : 0;
    return power > 1e-9;
}

void smx_signal_sharpen(float *x, size_t bins, size_t around)
{
    double *sum = calloc(bins + 1, sizeof *sum);

    if (!sum)
        abort();
    for (size_t i = 0; i < bins; i++)
        sum[i + 1] = sum[i] + (double)x[i];
    for (size_t i = 0; i < bins; i++) {
        size_t from = i > around ? i - around : 0, to = i + around < bins ? i + around : bins;

        x[i] -= (float)((sum[to] - sum[from]) / (double)(to - from));
    }
    free(sum);
}

double smx_signal_at_lag(const float *a, const float *b, size_t bins, size_t lag)
{
    enum { LANES = 8 }; /* sums of their own, always in the same order */
    float sum[LANES] = {0};
    double all = 0;
    size_t n = bins - lag, i = 0;

    assert(lag < bins);
    b += lag;
    for (; i + LANES <= n; i += LANES)
        for (size_t k = 0; k < LANES; k++)
            sum[k] += a[i + k] * b[i + k];
    for (; i < n; i++)
        sum[0] += a[i] * b[i];
    for (size_t k = 0; k < LANES; k++)
        all += (double)sum[k];
    return all;
}

double smx_signal_correlate(const float *a, const float *b, size_t bins, size_t least, size_t most,
                            size_t *at)
{
    double best = -INFINITY;

    for (size_t lag = least; lag <= most && lag < bins; lag++) {
        double r = smx_signal_at_lag(a, b, bins, lag);

        if (r > best) {
            best = r;
            if (at)
                *at = lag;
        }
    }
    return best;
}

/* ---- presence ---- */

void smx_signal_evidence(const float *rate, size_t bins, size_t around, float *if_sent, float *if_not)
{
    const double arrives = 0.85; /* a datagram comes through, in the same bin */
    const double other = 0.3;    /* share of what is there that comes from elsewhere */
    double *sum = calloc(bins + 1, sizeof *sum);

    if (!sum)
        abort();
    for (size_t i = 0; i < bins; i++)
        sum[i + 1] = sum[i] + (rate[i] > 0 ? 1 : 0);
    for (size_t i = 0; i < bins; i++) {
        size_t from = i > around ? i - around : 0, to = i + around < bins ? i + around : bins;
        double here = fmin(fmax((sum[to] - sum[from]) / (double)(to - from), 0.01), 0.99);
        double if_other = other * here, if_both = arrives + (1 - arrives) * if_other;

        if_sent[i] = (float)(rate[i] > 0 ? log(if_both / here) : log((1 - if_both) / (1 - here)));
        if_not[i] = (float)(rate[i] > 0 ? log(if_other / here) : log((1 - if_other) / (1 - here)));
    }
    free(sum);
}

/* ---- moments of change ---- */

struct smx_change *smx_changes(const float *x, size_t bins, size_t window, float step, size_t *count)
{
    double *sum = calloc(bins + 1, sizeof *sum), *leap = calloc(bins + 1, sizeof *leap);
    struct smx_change *found = malloc((bins + 1) * sizeof *found);

    assert(window > 0);
    if (!sum || !leap || !found)
        abort();
    *count = 0;
    for (size_t i = 0; i < bins; i++)
        sum[i + 1] = sum[i] + (double)x[i];
    for (size_t i = window; i + window <= bins; i++)
        leap[i] = (sum[i + window] - 2 * sum[i] + sum[i - window]) / (double)window;
    for (size_t i = window; i + window <= bins; i++) {
        double height = fabs(leap[i]);
        bool highest = height >= (double)step;

        for (size_t k = i - window; highest && k <= i + window && k <= bins; k++)
            highest = k < i ? fabs(leap[k]) < height : fabs(leap[k]) <= height;
        if (highest)
            found[(*count)++] = (struct smx_change){.at = (uint32_t)i, .up = leap[i] > 0};
    }
    free(sum);
    free(leap);
    if (*count > 0)
        return found;
    free(found);
    return NULL;
}

/* Distance in bins of the change of b nearest to `at` that goes the same way; they stand in order. */
static double nearest(const struct smx_change *b, size_t count, double at, bool up, size_t *from)
{
    double best = INFINITY;

    while (*from + 1 < count && (double)b[*from + 1].at < at)
        ++*from;
    for (size_t k = *from > 2 ? *from - 2 : 0; k < count && (double)b[k].at < at + best; k++)
        if (b[k].up == up && fabs((double)b[k].at - at) < best)
            best = fabs((double)b[k].at - at);
    return best;
}

/* How many changes one may expect in a bin, going one way, from those within a second. */
static double *densities(const struct smx_change *b, size_t count, size_t bins)
{
    enum { AROUND = 50 };
    double *density = calloc(bins + 1, sizeof *density), *sum = calloc(bins + 1, sizeof *sum);

    if (!density || !sum)
        abort();
    for (size_t i = 0; i < count; i++)
        sum[b[i].at + 1 < bins ? b[i].at + 1 : bins]++;
    for (size_t i = 0; i < bins; i++)
        sum[i + 1] += sum[i];
    for (size_t i = 0; i <= bins; i++) {
        size_t from = i > AROUND ? i - AROUND : 0, to = i + AROUND < bins ? i + AROUND : bins;

        density[i] = (sum[to] - sum[from] + (double)count * AROUND / (double)bins) / 2 / (2 * AROUND);
    }
    free(sum);
    return density;
}

double smx_changes_match(const struct smx_change *a, size_t a_count, const struct smx_change *b,
                         size_t b_count, size_t bins, size_t most, double spread)
{
    enum { FOUND = 8, MISSED = 2 }; /* in 10: a change of a has, or has not, one of b behind it */
    double *density, best = -INFINITY;

    if (a_count == 0 || b_count == 0)
        return 0;
    density = densities(b, b_count, bins);
    for (size_t delay = 0; delay <= most; delay++) {
        double sum = 0;
        size_t from = 0;

        for (size_t i = 0; i < a_count; i++) {
            size_t at = a[i].at + delay < bins ? a[i].at + delay : bins;
            double d = nearest(b, b_count, (double)at, a[i].up, &from);

            sum += log((MISSED + FOUND * exp(-d / spread) / (2 * spread) / density[at]) / (FOUND + MISSED));
        }
        best = fmax(best, sum);
    }
    free(density);
    return best - log((double)(most + 1));
}
