/* sim/adversary/mark.h - marks that are put on a flow by holding datagrams back or losing them, and the
 * matched filters that know them again.
 *
 * A mark is a level, 0 or 1, for each bin of 20 ms.  Delay: at 1 a datagram is held back by the swing; levels
 * are drawn in chips, each followed by its opposite, so that the mean stays (Manchester code).  Drop: at 1 it
 * is lost.  What a filter returns is compared with what it returns for marks that were never put on anything:
 * then a false positive has a known probability, whatever the traffic.  Sources: X. Wang, S. Chen, S.
 * Jajodia, "Tracking anonymous peer-to-peer VoIP calls on the Internet" (CCS 2005); A. Houmansadr, N.
 * Kiyavash, N. Borisov, "RAINBOW" (NDSS 2009).  Pure functions on the caller's memory; those that need memory
 * of their own end the program when there is none. */
#ifndef SMX_SIM_ADVERSARY_MARK_H
#define SMX_SIM_ADVERSARY_MARK_H

#include "proto/base/rng.h"
#include "proto/base/time.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    SMX_MARK_BIN_MS = 20,
    SMX_MARK_LAG_MS = 500, /* it is looked for so much later at most */
    SMX_MARK_DECOYS = 99,  /* marks that were never used; one false positive in a hundred */
};

void smx_mark_draw_delay(uint8_t *level, size_t bins, size_t chip_bins, struct smx_rng *rng);
void smx_mark_draw_drop(uint8_t *level, size_t bins, uint32_t ppm, struct smx_rng *rng);

/* What a mark does to the delays of a flow, and to its rate, as series to correlate with; standardized. */
void smx_mark_delays(float *x, const uint8_t *level, size_t bins);
void smx_mark_rate(float *x, const uint8_t *level, size_t bins, bool drop, size_t swing_bins);

/* Takes away what changes more slowly than so many bins, and standardizes; false: nothing is left. */
bool smx_mark_prepare(float *x, size_t bins, size_t slow_bins);
/* How well a prepared series of what was seen fits a mark's: the best correlation over lags. */
double smx_mark_fit(const float *mark, const float *seen, size_t bins);

#endif
