/* proto/host/random.h - where a daemon's randomness begins: the seed of its generator, from getrandom(2).
 * Built with -DSMX_TEST_SEED (never in a release; --version says so), the text in the environment's
 * SIPMIX_TEST_SEED gives the seed instead, so that a test can repeat a run. */
#ifndef SMX_HOST_RANDOM_H
#define SMX_HOST_RANDOM_H

#include "proto/base/rng.h"

/* Never fails: without randomness the program ends. */
void smx_random_init(struct smx_rng *rng);

#endif
