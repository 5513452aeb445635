#include "proto/base/rng.h"

#include <math.h>
#include <sodium.h>
#include <string.h>

void smx_rng_init(struct smx_rng *rng, const uint8_t seed[SMX_RNG_SEED])
{
    memcpy(rng->key, seed, SMX_RNG_SEED);
    memset(rng->pool, 0, sizeof rng->pool);
    rng->used = sizeof rng->pool;
}

void smx_rng_fini(struct smx_rng *rng)
{
    sodium_memzero(rng, sizeof *rng);
}

/* One keystream: its first 32 bytes replace the key, so that yesterday's bytes can't be had from today's
 * state. */
static void refill(struct smx_rng *rng)
{
    static const uint8_t nonce[crypto_stream_chacha20_ietf_NONCEBYTES];
    uint8_t stream[SMX_RNG_SEED + SMX_RNG_POOL];

    crypto_stream_chacha20_ietf(stream, sizeof stream, nonce, rng->key);
    memcpy(rng->key, stream, SMX_RNG_SEED);
    memcpy(rng->pool, stream + SMX_RNG_SEED, SMX_RNG_POOL);
    sodium_memzero(stream, sizeof stream);
    rng->used = 0;
}

void smx_rng_bytes(struct smx_rng *rng, void *out, size_t len)
{
    uint8_t *to = out;

    while (len > 0) {
        size_t take;

        if (rng->used == sizeof rng->pool)
            refill(rng);
        take = sizeof rng->pool - rng->used;
        if (take > len)
            take = len;
        memcpy(to, rng->pool + rng->used, take);
        sodium_memzero(rng->pool + rng->used, take);
        rng->used += take;
        to += take;
        len -= take;
    }
}

void smx_rng_fork(struct smx_rng *child, struct smx_rng *rng)
{
    uint8_t seed[SMX_RNG_SEED];

    smx_rng_bytes(rng, seed, sizeof seed);
    smx_rng_init(child, seed);
    sodium_memzero(seed, sizeof seed);
}

uint32_t smx_rng_u32(struct smx_rng *rng)
{
    uint32_t v;

    smx_rng_bytes(rng, &v, sizeof v);
    return v;
}

uint64_t smx_rng_u64(struct smx_rng *rng)
{
    uint64_t v;

    smx_rng_bytes(rng, &v, sizeof v);
    return v;
}

uint32_t smx_rng_below(struct smx_rng *rng, uint32_t n)
{
    uint32_t floor = (uint32_t)-n % n; /* 2^32 mod n values would be favoured: draw again */
    uint32_t v;

    do
        v = smx_rng_u32(rng);
    while (v < floor);
    return v % n;
}

uint64_t smx_rng_exp(struct smx_rng *rng, uint64_t mean)
{
    double u = ((double)(smx_rng_u64(rng) >> 11) + 1.0) / 9007199254740992.0; /* (0, 1], 2^53 steps */
    double v = -log(u) * (double)mean;

    return v > 20.0 * (double)mean ? 20 * mean : (uint64_t)v;
}
