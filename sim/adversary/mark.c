#include "sim/adversary/mark.h"

#include "sim/adversary/signal.h"

#include <string.h>

void smx_mark_draw_delay(uint8_t *level, size_t bins, size_t chip_bins, struct smx_rng *rng)
{
    uint8_t now = 0;

    for (size_t i = 0; i < bins; i++) {
        if (i % (2 * chip_bins) == 0)
            now = (uint8_t)smx_rng_below(rng, 2);
        else if (i % chip_bins == 0)
            now = !now;
        level[i] = now;
    }
}

void smx_mark_draw_drop(uint8_t *level, size_t bins, uint32_t ppm, struct smx_rng *rng)
{
    for (size_t i = 0; i < bins; i++)
        level[i] = smx_rng_below(rng, 1000000) < ppm;
}

void smx_mark_delays(float *x, const uint8_t *level, size_t bins)
{
    for (size_t i = 0; i < bins; i++)
        x[i] = level[i];
    smx_signal_standardize(x, bins);
}

/* A loss is a hole.  A delay that begins is a hole as long as the swing; one that ends is as many datagrams
 * more. */
void smx_mark_rate(float *x, const uint8_t *level, size_t bins, bool drop, size_t swing_bins)
{
    memset(x, 0, bins * sizeof *x);
    for (size_t i = 0; i < bins; i++) {
        if (drop)
            x[i] = -(float)level[i];
        else if (i > 0 && level[i] != level[i - 1])
            for (size_t k = i; k < i + swing_bins && k < bins; k++)
                x[k] += level[i] ? -1 : 1;
    }
    smx_signal_standardize(x, bins);
}

bool smx_mark_prepare(float *x, size_t bins, size_t slow_bins)
{
    smx_signal_sharpen(x, bins, slow_bins);
    return smx_signal_standardize(x, bins);
}

double smx_mark_fit(const float *mark, const float *seen, size_t bins)
{
    return smx_signal_correlate(mark, seen, bins, 0, SMX_MARK_LAG_MS / SMX_MARK_BIN_MS, NULL);
}
