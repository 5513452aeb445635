#include "sim/hist.h"

#include <stdlib.h>

_Static_assert(SMX_SPREAD_PARTS == 1 << 6, "the parts are the six bits below a value's highest");

static const uint64_t GREATEST = (UINT64_C(1) << SMX_SPREAD_BITS) - 1;

void smx_spread_fini(struct smx_spread *s)
{
    free(s->bin);
    *s = (struct smx_spread){0};
}

/* 0..127 have bins of their own; from there on, octave o (values of 7 + o bits) begins at bin 64 (o + 1). */
size_t smx_spread_bin(uint64_t value)
{
    unsigned octave = 0;

    if (value > GREATEST)
        value = GREATEST;
    while (value >> octave >= (uint64_t)2 * SMX_SPREAD_PARTS)
        octave++;
    return (size_t)octave * SMX_SPREAD_PARTS + (size_t)(value >> octave);
}

uint64_t smx_spread_edge(size_t bin)
{
    size_t octave = bin / SMX_SPREAD_PARTS;

    if (octave == 0)
        return bin;
    return (uint64_t)(SMX_SPREAD_PARTS + bin % SMX_SPREAD_PARTS) << (octave - 1);
}

void smx_spread_add_times(struct smx_spread *s, uint64_t value, uint64_t times)
{
    if (times == 0)
        return;
    if (value > GREATEST)
        value = GREATEST;
    if (!s->bin && !(s->bin = calloc(SMX_SPREAD_BINS, sizeof *s->bin)))
        abort();
    if (s->count == 0 || value < s->least)
        s->least = value;
    if (s->count == 0 || value > s->most)
        s->most = value;
    s->bin[smx_spread_bin(value)] += times;
    s->count += times;
    s->sum += value * times;
}

void smx_spread_add(struct smx_spread *s, uint64_t value)
{
    smx_spread_add_times(s, value, 1);
}

void smx_spread_merge(struct smx_spread *into, const struct smx_spread *from)
{
    if (from->count == 0)
        return;
    if (!into->bin && !(into->bin = calloc(SMX_SPREAD_BINS, sizeof *into->bin)))
        abort();
    for (size_t i = 0; i < SMX_SPREAD_BINS; i++)
        into->bin[i] += from->bin[i];
    if (into->count == 0 || from->least < into->least)
        into->least = from->least;
    if (into->count == 0 || from->most > into->most)
        into->most = from->most;
    into->count += from->count;
    into->sum += from->sum;
}

double smx_spread_mean(const struct smx_spread *s)
{
    return s->count ? (double)s->sum / (double)s->count : 0;
}

double smx_spread_quantile(const struct smx_spread *s, double q)
{
    double wanted = q * (double)s->count, below = 0;

    if (s->count == 0 || q <= 0)
        return (double)s->least;
    for (size_t i = smx_spread_bin(s->least); i < SMX_SPREAD_BINS; i++) {
        double here = (double)s->bin[i];

        if (here > 0 && below + here >= wanted) {
            double low = (double)smx_spread_edge(i), high = (double)smx_spread_edge(i + 1);
            double value = high - low > 1 ? low + (high - low) * (wanted - below) / here : low;

            if (value < (double)s->least)
                return (double)s->least;
            return value > (double)s->most ? (double)s->most : value;
        }
        below += here;
    }
    return (double)s->most;
}

double smx_spread_share(const struct smx_spread *s, uint64_t value)
{
    uint64_t below = 0;
    size_t bin = smx_spread_bin(value);
    double low = (double)smx_spread_edge(bin), high = (double)smx_spread_edge(bin + 1);

    if (s->count == 0 || value < s->least)
        return 0;
    if (value >= s->most)
        return 1;
    for (size_t i = 0; i < bin; i++)
        below += s->bin[i];
    return ((double)below + (double)s->bin[bin] * ((double)value + 1 - low) / (high - low)) /
           (double)s->count;
}
