/* proto/media/g711.c - see g711.h.  Both laws: sign, three bits of segment, four of step. */
#include "proto/media/g711.h"

enum { PCMU_BIAS = 132, PCMU_CLIP = 32635 };

int16_t smx_pcmu_decode(uint8_t code)
{
    unsigned v = code ^ 0xffU; /* sent inverted */
    int magnitude = (int)((((v & 0x0fU) << 3) + PCMU_BIAS) << (v >> 4 & 7U)) - PCMU_BIAS;

    return (int16_t)(v & 0x80U ? -magnitude : magnitude);
}

int16_t smx_pcma_decode(uint8_t code)
{
    unsigned v = code ^ 0x55U; /* even bits are sent inverted */
    unsigned segment = v >> 4 & 7U;
    int magnitude = (int)((v & 0x0fU) << 4) + 8;

    if (segment > 0)
        magnitude = (magnitude + 256) << (segment - 1);
    return (int16_t)(v & 0x80U ? magnitude : -magnitude); /* here the sign bit means positive */
}

/* The number of the segment: 0 up to 2^first - 1, then one more for each doubling. */
static unsigned segment_of(int magnitude, unsigned first)
{
    unsigned segment = 0;

    while (segment < 7 && magnitude >= 1 << (first + segment))
        segment++;
    return segment;
}

uint8_t smx_pcmu_encode(int16_t sample)
{
    int magnitude = sample < 0 ? -(int)sample - 1 : sample; /* one's complement, as G.191 has it */
    unsigned segment;

    magnitude = (magnitude > PCMU_CLIP ? PCMU_CLIP : magnitude) + PCMU_BIAS;
    segment = segment_of(magnitude, 8);
    return (uint8_t) ~((sample < 0 ? 0x80U : 0U) | segment << 4 |
                       ((unsigned)magnitude >> (segment + 3) & 0x0fU));
}

uint8_t smx_pcma_encode(int16_t sample)
{
    int magnitude = sample < 0 ? -(int)sample - 1 : sample;
    unsigned segment = segment_of(magnitude, 8);
    unsigned step = (unsigned)magnitude >> (segment < 2 ? 4 : segment + 3) & 0x0fU;

    return (uint8_t)(((sample < 0 ? 0U : 0x80U) | segment << 4 | step) ^ 0x55U);
}
