/* sim/hist.h - how values spread: a histogram whose bins grow with the value, for figures of simulations.
 *
 * Each power of two is cut into SMX_SPREAD_PARTS equal bins, values below that have one each: a quantile is
 * off by less than 1/64 (1.6 %) of itself. Two histograms are merged by adding bins, so it doesn't matter how
 * runs were dealt out over processes. Least, most and sum are kept exactly. An empty one is all zeros and
 * owns nothing; memory comes with the first value, and running out of it ends the program, as in sim/world.h.
 * Shape: HdrHistogram (G. Tene), with a power of two for the parts. */
#ifndef SMX_SIM_HIST_H
#define SMX_SIM_HIST_H

#include <stddef.h>
#include <stdint.h>

enum {
    SMX_SPREAD_PARTS = 64,
    SMX_SPREAD_BITS = 48, /* greater values count as 2^48 - 1: 78 hours in ns */
    SMX_SPREAD_BINS = SMX_SPREAD_PARTS * (SMX_SPREAD_BITS - 6 + 1),
};

struct smx_spread {
    uint64_t *bin; /* SMX_SPREAD_BINS counts; NULL: no value yet */
    uint64_t count, sum, least, most;
};

void smx_spread_fini(struct smx_spread *s); /* leaves it empty */
void smx_spread_add(struct smx_spread *s, uint64_t value);
void smx_spread_add_times(struct smx_spread *s, uint64_t value, uint64_t times);
void smx_spread_merge(struct smx_spread *into, const struct smx_spread *from);

/* The value at or below which lies the share q (0..1), between the least and the most, even within a bin.
 * 0 when empty. */
double smx_spread_quantile(const struct smx_spread *s, double q);
double smx_spread_mean(const struct smx_spread *s); /* exact; 0 when empty */
/* Share of values at or below value: exact when a bin ends there, else even within the bin. */
double smx_spread_share(const struct smx_spread *s, uint64_t value);

/* Bins: the number of the bin of a value, and the least value of a bin (of SMX_SPREAD_BINS: 2^48). */
size_t smx_spread_bin(uint64_t value);
uint64_t smx_spread_edge(size_t bin);

#endif
