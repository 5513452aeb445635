/* proto/crypto/work.h - proof of work: what a request costs its sender while many ask.
 * Source: docs/protocol/05-crypto.md, section 8.
 *
 *   work = leading zero bits of derive(32, label, purpose || key 32 || nonce u64)
 *
 * The purpose says for whom, the key (an ephemeral one) for which request: work done for one is worth nothing
 * for another.  Pure; no allocation. */
#ifndef SMX_CRYPTO_WORK_H
#define SMX_CRYPTO_WORK_H

#include "proto/base/time.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    SMX_WORK_KEY = 32,
    SMX_WORK_PURPOSE = 32,  /* bytes at most */
    SMX_WORK_BITS_MIN = 8,  /* the first that are asked for */
    SMX_WORK_BITS_MAX = 20, /* about half a second of a core */
    SMX_WORK_SLACK = 1,     /* bits less are enough: the demand may have risen meanwhile */
    SMX_WORK_TRIES = 1000,  /* in one go: half a millisecond, so that the tick is not late */
};

unsigned smx_work_bits(const char *label, const void *purpose, size_t purpose_len,
                       const uint8_t key[SMX_WORK_KEY], uint64_t nonce);
/* Tries SMX_WORK_TRIES nonces from *nonce on.  True: *nonce shows that many bits; false: go on from *nonce.
 */
bool smx_work_search(const char *label, const void *purpose, size_t purpose_len,
                     const uint8_t key[SMX_WORK_KEY], unsigned bits, uint64_t *nonce);

/* How many bits are asked for: none, until more requests a second come than are wanted.  Each bit halves what
 * one who has given his computers to it can send. */
struct smx_demand {
    uint32_t rate;       /* requests a second */
    unsigned bits;       /* 0: none, else SMX_WORK_BITS_MIN to _MAX */
    smx_time since;      /* when counting began */
    uint32_t good, poor; /* requests since then, with enough work and without */
};
/* What is asked for now. */
unsigned smx_demand_bits(struct smx_demand *d, smx_time now);
/* A request that shows so many bits: true when they are enough.  All are to be counted. */
bool smx_demand_meets(struct smx_demand *d, smx_time now, unsigned bits);

#endif
