/* proto/link/load.h - what stands between a datagram that asks for public-key work and that work.
 * Source: docs/protocol/10-link.md, section 5.
 *
 * Handshakes take tokens: `rate` a second come in freely.  When those are used up, an init must carry a
 * cookie, which proves that its sender gets what is sent to his address; such inits have four times the rate,
 * and each source (IPv4 address, IPv6 /64) at most SMX_LOAD_PER_SOURCE a second.  When many sources together
 * want more than that, an init must also show work, made for its cookie and its ephemeral key.  A cookie is a
 * MAC over the sender's address under a secret that changes every two minutes: nothing is stored for anybody.
 * Pure; sources share a small table by a keyed hash, so two of them may rarely share an allowance. */
#ifndef SMX_LINK_LOAD_H
#define SMX_LINK_LOAD_H

#include "proto/base/out.h"
#include "proto/base/rng.h"
#include "proto/base/time.h"
#include "proto/crypto/derive.h"
#include "proto/crypto/work.h"

#include <stdbool.h>
#include <stdint.h>

enum { SMX_LOAD_SOURCES = 1024, SMX_LOAD_PER_SOURCE = 8, SMX_LOAD_PROVEN = 4 };

struct smx_load_bucket {
    uint32_t rate;  /* tokens a second, and at most so many at a time */
    uint64_t level; /* tokens, in ns of their coming: rate * level / 1 s */
    smx_time filled;
};

struct smx_load {
    struct smx_load_bucket free, proven;
    struct smx_demand demand;   /* of work in proven ones */
    uint8_t secret[2][SMX_KEY]; /* of this period and of the one before */
    smx_time secret_since;
    uint8_t hash_key[16];
    smx_time source_since; /* when the counts of sources began */
    uint16_t source[SMX_LOAD_SOURCES];
};

enum smx_load_verdict {
    SMX_LOAD_GO,     /* go on */
    SMX_LOAD_PAID,   /* go on, if its ephemeral key is new: what was worked for counts once */
    SMX_LOAD_COOKIE, /* answer with a cookie, and with what smx_load_work_bits says */
    SMX_LOAD_DROP,
};

void smx_load_init(struct smx_load *l, uint32_t rate, struct smx_rng *rng);
/* Asked for each init with a good first MAC: datagram as it came, unmasked. */
enum smx_load_verdict smx_load_init_verdict(struct smx_load *l, smx_time now, const struct smx_addr *from,
                                            const uint8_t *datagram, size_t len, struct smx_rng *rng);
/* Bits of work that an init with a cookie must show now. */
unsigned smx_load_work_bits(struct smx_load *l, smx_time now);
/* Asked for each response to a handshake of our own: only the total counts. */
bool smx_load_response_may(struct smx_load *l, smx_time now);
/* The cookie of this address at this time. */
void smx_load_cookie(struct smx_load *l, smx_time now, const struct smx_addr *from, uint8_t cookie[SMX_MAC16],
                     struct smx_rng *rng);

#endif
