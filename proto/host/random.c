#include "proto/host/random.h"

#include <sodium.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

static void seed_from_kernel(uint8_t seed[SMX_RNG_SEED])
{
    ssize_t got;

    do
        got = getrandom(seed, SMX_RNG_SEED, 0);
    while (got < 0 && errno == EINTR);
    if (got != SMX_RNG_SEED) /* whole or nothing for so few bytes */
        abort();
}

void smx_random_init(struct smx_rng *rng)
{
    uint8_t seed[SMX_RNG_SEED];
#ifdef SMX_TEST_SEED
    const char *text = getenv("SIPMIX_TEST_SEED");

    if (text)
        crypto_generichash(seed, sizeof seed, (const uint8_t *)text, strlen(text), NULL, 0);
    else
#endif
        seed_from_kernel(seed);
    smx_rng_init(rng, seed);
    sodium_memzero(seed, sizeof seed);
}
