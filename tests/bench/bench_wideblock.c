/* tests/bench/bench_wideblock.c - CPU time of one onion layer on one 216-byte cell; prints one line of JSON.
 * hot: one key over and over.  cold: keys at random among many, as a relay with many circuits has them.
 * Medians of RUNS runs, ns per cell. */
#include "proto/crypto/wideblock.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { CELL = 216, RUNS = 9, CELLS = 40000, KEYS = 16384 };

static struct smx_wideblock_both wb[KEYS];

struct bench {
    size_t keys;
    bool decipher;
};

static double now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double median_ns(struct bench b)
{
    double ns[RUNS];
    uint8_t cell[CELL] = {0}, tweak[SMX_WIDEBLOCK_TWEAK] = {0};
    uint32_t pick = 1;

    for (size_t run = 0; run < RUNS; run++) {
        double start = now_ns();

        for (size_t i = 0; i < CELLS; i++) {
            pick =
                pick * 1664525 + 1013904223; /* spreads well enough over a power of two, from its high bits */
            if (b.decipher)
                smx_wideblock_decipher(&wb[(pick >> 8) % b.keys], tweak, cell, CELL);
            else
                smx_wideblock_encipher(&wb[(pick >> 8) % b.keys].forth, tweak, cell, CELL);
        }
        ns[run] = (now_ns() - start) / CELLS;
    }
    qsort(ns, RUNS, sizeof *ns, by_value);
    return ns[RUNS / 2];
}

int main(void)
{
    double hot_enc, hot_dec, cold_enc, cold_dec, portable, init_start, init_ns;
    uint8_t key[SMX_KEY] = {0}, h[SMX_POLYVAL_BLOCK];

    if (sodium_init() < 0)
        return 1;
    init_start = now_ns();
    for (uint32_t i = 0; i < KEYS; i++) {
        memcpy(key, &i, sizeof i);
        smx_wideblock_both_init(&wb[i], key);
    }
    init_ns = (now_ns() - init_start) / KEYS;
    hot_enc = median_ns((struct bench){1, false});
    hot_dec = median_ns((struct bench){1, true});
    cold_enc = median_ns((struct bench){KEYS, false});
    cold_dec = median_ns((struct bench){KEYS, true});
    smx_polyval_bytes(h, &wb[0].forth.hash.power[0]);
    smx_polyval_key_init_portable(&wb[0].forth.hash, h);
    portable = median_ns((struct bench){1, false});
    printf(
        "{\"bench\": \"wideblock\", \"cell_bytes\": %d, \"clmul\": %s, \"encipher_ns\": %.0f, "
        "\"decipher_ns\": %.0f, \"cold_encipher_ns\": %.0f, \"cold_decipher_ns\": %.0f, \"cold_keys\": %d, "
        "\"portable_polyval_encipher_ns\": %.0f, \"init_ns\": %.0f, \"encipher_bytes\": %zu, \"both_bytes\": "
        "%zu}\n",
        CELL, wb[1].forth.hash.clmul ? "true" : "false", hot_enc, hot_dec, cold_enc, cold_dec, KEYS, portable,
        init_ns, sizeof wb->forth, sizeof *wb);
    return 0;
}
