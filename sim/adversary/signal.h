/* sim/adversary/signal.h - what attackers do with series of numbers: correlate them at several lags, look for
 * where they change, and match lists of such moments.
 *
 * A series is an array of bins of one width.  Pure functions on the caller's memory, but smx_changes, which
 * hands out memory of its own; running out of it ends the program.  Sources: D. Page, Biometrika 41 (1954),
 * for sums that find changes; B. Levine et al., "Timing attacks in low-latency mix systems" (FC 2004), for
 * correlation of binned rates; A. Houmansadr, N. Kiyavash, N. Borisov, "RAINBOW" (NDSS 2009), for matched
 * filters. */
#ifndef SMX_SIM_ADVERSARY_SIGNAL_H
#define SMX_SIM_ADVERSARY_SIGNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- correlation ---- */

/* Takes the mean away and scales to sum of squares 1.  A series that never changes becomes all 0, and false
 * is returned: it says nothing. */
bool smx_signal_standardize(float *x, size_t bins);
/* Takes away the mean of the bins around each one, so many before and behind. */
void smx_signal_sharpen(float *x, size_t bins, size_t around);
/* Pearson's correlation of two standardized series, b later than a by so many bins; 0 <= lag < bins. */
double smx_signal_at_lag(const float *a, const float *b, size_t bins, size_t lag);
/* The greatest at lags least..most; *at, if not NULL, is where. */
double smx_signal_correlate(const float *a, const float *b, size_t bins, size_t least, size_t most,
                            size_t *at);

/* ---- presence ---- */

/* Turns a series of rates into what each bin of it says about a source that sends in the same bins, or not: a
 * log-likelihood ratio against chance, given how often something is there in the `around` bins before and
 * behind. What is rare says much, what is always there nothing.  if_sent and if_not have as many bins; the
 * sum over bins of if_not, and of if_sent - if_not where the source sends, is the evidence for it. */
void smx_signal_evidence(const float *rate, size_t bins, size_t around, float *if_sent, float *if_not);

/* ---- moments of change ---- */

struct smx_change {
    uint32_t at; /* bin: the first with the new level */
    bool up;
};

/* Where the mean of the next `window` bins differs from that of the last by at least `step` and by more than
 * at any moment near.  To be freed by the caller; NULL and *count 0: nowhere. */
struct smx_change *smx_changes(const float *x, size_t bins, size_t window, float step, size_t *count);

/* How much more likely b is as it is if its changes follow those of a by one delay of 0..most bins, than if
 * it had them at random times of the same density: a log-likelihood ratio, the best over the delay, less the
 * price of having looked for it; 0 if either has none.  spread: mean deviation from the delay, in bins. */
double smx_changes_match(const struct smx_change *a, size_t a_count, const struct smx_change *b,
                         size_t b_count, size_t bins, size_t most, double spread);

#endif
