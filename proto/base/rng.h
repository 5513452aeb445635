/* proto/base/rng.h - random bytes from a seed: ChaCha20 keystream with fast key erasure
 * (D. J. Bernstein, "Fast-key-erasure random-number generators", 2017).
 * Cores take all randomness from one of these, so the same seed gives the same bytes; a daemon seeds it
 * from getrandom(2), a test or the simulator from a number.  Not for several threads at once. */
#ifndef SMX_BASE_RNG_H
#define SMX_BASE_RNG_H

#include <stddef.h>
#include <stdint.h>

enum { SMX_RNG_SEED = 32, SMX_RNG_POOL = 1024 }; /* bytes */

struct smx_rng {
    uint8_t key[SMX_RNG_SEED];
    uint8_t pool[SMX_RNG_POOL]; /* unused bytes at the end, used ones zeroed */
    size_t used;
};

void smx_rng_init(struct smx_rng *rng, const uint8_t seed[SMX_RNG_SEED]);
void smx_rng_fini(struct smx_rng *rng); /* wipes */
/* A generator of its own for a part, independent of all that rng yields later. */
void smx_rng_fork(struct smx_rng *child, struct smx_rng *rng);
void smx_rng_bytes(struct smx_rng *rng, void *out, size_t len);
uint32_t smx_rng_u32(struct smx_rng *rng);
uint64_t smx_rng_u64(struct smx_rng *rng);
/* Uniform in 0..n-1 without bias; n >= 1. */
uint32_t smx_rng_below(struct smx_rng *rng, uint32_t n);
/* Exponential with the given mean (any unit), cut at 20 times the mean. */
uint64_t smx_rng_exp(struct smx_rng *rng, uint64_t mean);

#endif
