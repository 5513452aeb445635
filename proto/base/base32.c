#include "proto/base/base32.h"

static const char digits[] = "abcdefghijklmnopqrstuvwxyz234567";

void smx_base32_encode(char *text, const uint8_t *in, size_t len)
{
    uint32_t bits = 0;
    unsigned held = 0; /* bits not yet written, 0..4 between bytes */

    for (size_t i = 0; i < len; i++) {
        bits = bits << 8 | in[i];
        for (held += 8; held >= 5; held -= 5)
            *text++ = digits[bits >> (held - 5) & 31];
    }
    if (held)
        *text++ = digits[bits << (5 - held) & 31];
    *text = 0;
}

static int value(char c)
{
    if (c >= 'a' && c <= 'z')
        return c - 'a';
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= '2' && c <= '7')
        return c - '2' + 26;
    return -1;
}

enum smx_err smx_base32_decode(uint8_t *out, size_t out_len, const char *text, size_t text_len)
{
    uint32_t bits = 0;
    unsigned held = 0;
    size_t done = 0;

    if (text_len != SMX_BASE32_LEN(out_len))
        return SMX_E_MALFORMED;
    for (size_t i = 0; i < text_len; i++) {
        int v = value(text[i]);

        if (v < 0)
            return SMX_E_MALFORMED;
        bits = bits << 5 | (uint32_t)v;
        held += 5;
        if (held >= 8) {
            held -= 8;
            out[done++] = (uint8_t)(bits >> held);
        }
    }
    return (bits & ((1U << held) - 1)) ? SMX_E_MALFORMED : SMX_OK;
}
