#include "proto/base/stats.h"

#include <assert.h>
#include <string.h>

enum { ONE = 1 << 20, MILLION = 1000000 };

void smx_hist_init(struct smx_hist *h, uint64_t *weight, uint32_t bin_count, uint64_t width)
{
    assert(bin_count >= 1 && width >= 1);
    *h = (struct smx_hist){.weight = weight, .width = width, .bin_count = bin_count};
    memset(weight, 0, bin_count * sizeof *weight);
}

void smx_hist_add(struct smx_hist *h, uint64_t value)
{
    uint64_t bin = value / h->width;

    h->weight[bin < h->bin_count ? bin : h->bin_count - 1] += ONE;
    h->total += ONE;
}

uint64_t smx_hist_quantile(const struct smx_hist *h, uint32_t ppm)
{
    /* Rounded up without overflow: total is a whole number of millions and a rest. */
    uint64_t wanted = h->total / MILLION * ppm + (h->total % MILLION * ppm + MILLION - 1) / MILLION;
    uint64_t seen = 0;

    assert(ppm >= 1 && ppm <= MILLION);
    if (h->total == 0)
        return 0;
    for (uint32_t i = 0; i < h->bin_count; i++) {
        seen += h->weight[i];
        if (seen >= wanted)
            return (i + 1) * h->width;
    }
    return h->bin_count * h->width;
}

void smx_hist_decay(struct smx_hist *h)
{
    h->total = 0;
    for (uint32_t i = 0; i < h->bin_count; i++) {
        h->weight[i] /= 2;
        h->total += h->weight[i];
    }
}
