/* sim/net.h - what a network does to datagrams: delay, jitter, loss, copies, reordering, damage.
 * Paths are directed, between nodes named by small numbers; a pair without a path of its own has the common
 * one. Pure and deterministic: randomness comes from the generator that is handed in. */
#ifndef SMX_SIM_NET_H
#define SMX_SIM_NET_H

#include "proto/base/err.h"
#include "proto/base/rng.h"
#include "proto/base/time.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Shares are in millionths of all datagrams. */
struct smx_net_path {
    smx_time latency;   /* of every datagram */
    smx_time jitter;    /* mean of an exponential part on top; the path stays in order */
    uint32_t loss;      /* never arrive */
    uint32_t duplicate; /* arrive twice */
    uint32_t reorder;   /* are overtaken: up to reorder_by later, out of order */
    smx_time reorder_by;
    uint32_t corrupt; /* arrive with one bit changed */
    bool cut;         /* nothing arrives */
};

struct smx_net_pair {
    uint64_t key; /* from << 32 | to, plus one; 0: free place */
    bool own;     /* path below counts, not the common one */
    struct smx_net_path path;
    smx_time newest; /* arrival of the latest datagram in order */
};

struct smx_net {
    struct smx_net_path common;
    struct smx_net_pair *pair; /* open addressing, at most half full */
    size_t pair_count, pair_size;
};

/* How one copy of a datagram arrives. */
struct smx_net_fate {
    smx_time at;
    bool corrupt;
};
enum { SMX_NET_FATES = 2 };

void smx_net_init(struct smx_net *net, const struct smx_net_path *common);
void smx_net_fini(struct smx_net *net);
/* The path of a pair, to be read or changed; it is a copy of the common one at first.  NULL: out of memory.
 * The pointer is good until the next call. */
struct smx_net_path *smx_net_path(struct smx_net *net, uint32_t from, uint32_t to);
/* Back to the common path. */
void smx_net_heal(struct smx_net *net, uint32_t from, uint32_t to);
/* What becomes of a datagram sent now: the number of copies that arrive, and when. */
size_t smx_net_send(struct smx_net *net, struct smx_rng *rng, smx_time now, uint32_t from, uint32_t to,
                    struct smx_net_fate fate[SMX_NET_FATES]);

#endif
