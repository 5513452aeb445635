/* proto/link/seen.h - the ephemeral keys of recent handshakes, so that none counts twice.
 * Source: docs/protocol/10-link.md, section 4.
 * A timestamp may be two minutes off either way, so a captured init is good for four: two generations of that
 * length each are kept, as 64-bit keyed hashes.  A full generation ends early: then the oldest are forgotten
 * sooner, and what may be repeated is an init that makes no link, since nobody can go on with it.
 * Pure; sized at _new. */
#ifndef SMX_LINK_SEEN_H
#define SMX_LINK_SEEN_H

#include "proto/base/err.h"
#include "proto/base/rng.h"
#include "proto/base/time.h"

#include <stdbool.h>
#include <stdint.h>

struct smx_seen {
    uint64_t *hash[2]; /* open addressing, 0 = free; this generation and the one before */
    uint32_t size;     /* places in each, a power of two */
    uint32_t count;    /* used in this generation, at most half */
    smx_time since;
    uint8_t key[16];
};

/* Remembers the last cap keys at least. */
enum smx_err smx_seen_new(struct smx_seen *s, uint32_t cap, struct smx_rng *rng) SMX_MUST_CHECK;
void smx_seen_free(struct smx_seen *s);
/* True when this is the first time; remembers it then. */
bool smx_seen_add(struct smx_seen *s, smx_time now, const uint8_t ephemeral[32]);

#endif
