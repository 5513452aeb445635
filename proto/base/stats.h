/* proto/base/stats.h - a histogram that forgets: quantiles of recent values, such as a link's jitter.
 * Bins of one width from 0 up; the last also takes all that lies beyond.  Pure; the caller's memory. */
#ifndef SMX_BASE_STATS_H
#define SMX_BASE_STATS_H

#include <stdint.h>

struct smx_hist {
    uint64_t *weight; /* of each bin; a new value weighs 2^20, so that it lasts 20 halvings */
    uint64_t total;   /* of all bins */
    uint64_t width;   /* of a bin, in the unit of the values */
    uint32_t bin_count;
};

/* weight: bin_count words of the caller, borrowed for the life of h and zeroed here. */
void smx_hist_init(struct smx_hist *h, uint64_t *weight, uint32_t bin_count, uint64_t width);
void smx_hist_add(struct smx_hist *h, uint64_t value);
/* The upper edge of the first bin at or below which lie ppm millionths of the weight (ppm 1..1000000); 0 when
 * the histogram is empty. */
uint64_t smx_hist_quantile(const struct smx_hist *h, uint32_t ppm);
/* Halves the weight of all that was added so far: exponential decay, when called at equal intervals. */
void smx_hist_decay(struct smx_hist *h);

#endif
