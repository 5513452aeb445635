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

struct bench {
    struct smx_wideblock *wb;
    size_t count;
    void (*step)(const struct smx_wideblock *, const uint8_t *, uint8_t *, size_t);
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

static double median_ns(const struct bench *b)
{
    double ns[RUNS];
    uint8_t cell[CELL] = {0}, tweak[SMX_WIDEBLOCK_TWEAK] = {0};
    uint32_t pick = 1;

    for (size_t run = 0; run < RUNS; run++) {
        double start = now_ns();

        for (size_t i = 0; i < CELLS; i++) {
            pick =
                pick * 1664525 + 1013904223; /* spreads well enough over a power of two, from its high bits */
            b->step(&b->wb[(pick >> 8) % b->count], tweak, cell, CELL);
        }
        ns[run] = (now_ns() - start) / CELLS;
    }
    qsort(ns, RUNS, sizeof *ns, by_value);
    return ns[RUNS / 2];
}

int main(void)
{
    static struct smx_wideblock wb[KEYS];
    double hot_enc, hot_dec, cold_enc, portable;
    double init_start, init_ns;
    uint8_t key[SMX_KEY] = {0}, h[SMX_POLYVAL_BLOCK];

    if (sodium_init() < 0)
        return 1;
    init_start = now_ns();
    for (uint32_t i = 0; i < KEYS; i++) {
        memcpy(key, &i, sizeof i);
        if (smx_wideblock_init(&wb[i], key, i == 0 ? SMX_WIDEBLOCK_BOTH : SMX_WIDEBLOCK_ENCIPHER) != SMX_OK)
            return 1;
    }
    init_ns = (now_ns() - init_start) / KEYS;
    hot_enc = median_ns(&(struct bench){wb, 1, smx_wideblock_encipher});
    hot_dec = median_ns(&(struct bench){wb, 1, smx_wideblock_decipher});
    cold_enc = median_ns(&(struct bench){wb, KEYS, smx_wideblock_encipher});
    smx_polyval_bytes(h, &wb[0].hash.power[0]);
    smx_polyval_key_init_portable(&wb[0].hash, h);
    portable = median_ns(&(struct bench){wb, 1, smx_wideblock_encipher});
    printf("{\"bench\": \"wideblock\", \"cell_bytes\": %d, \"clmul\": %s, \"encipher_ns\": %.0f, "
           "\"decipher_ns\": %.0f, \"cold_encipher_ns\": %.0f, \"cold_keys\": %d, "
           "\"portable_polyval_encipher_ns\": %.0f, \"init_ns\": %.0f, \"struct_bytes\": %zu}\n",
           CELL, wb[1].hash.clmul ? "true" : "false", hot_enc, hot_dec, cold_enc, KEYS, portable, init_ns,
           sizeof *wb);
    for (size_t i = 0; i < KEYS; i++)
        smx_wideblock_fini(&wb[i]);
    return 0;
}
