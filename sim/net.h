/* sim/net.h - what a network does to datagrams: delay, jitter, loss, copies, reordering, damage, slow lines.
 * Paths are directed, between nodes named by small numbers; a pair without a path of its own has the common
 * one. Pure and deterministic: randomness comes from the generator that is handed in.
 *
 * Delay is latency, plus a queueing tail (exponential), plus bursts: at random moments a queue stands in the
 * way, at first burst_height long, and drains evenly over burst_length (exponential, mean).  None of it lets
 * a later datagram overtake.  Loss is independent, or in runs (E. Gilbert 1960, E. Elliott 1963): each
 * datagram moves the path between a good state, in which none is lost by this, and a bad one, in which all
 * are; burst_run is the mean length of a bad state in datagrams, burst_loss its share of all. */
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
    smx_time latency;     /* of every datagram */
    smx_time jitter;      /* mean of an exponential part on top; the path stays in order */
    smx_time burst_every; /* mean time between bursts of delay; 0: none */
    smx_time burst_length, burst_height;
    uint32_t loss;       /* never arrive, each by itself */
    uint32_t burst_loss; /* never arrive, in runs */
    uint32_t burst_run;  /* datagrams; 0 counts as 1 */
    uint32_t duplicate;  /* arrive twice */
    uint32_t reorder;    /* are overtaken: up to reorder_by later, out of order */
    uint32_t corrupt;    /* arrive with one bit changed */
    smx_time reorder_by;
    bool cut; /* nothing arrives */
};

struct smx_net_pair {
    uint64_t key; /* from << 32 | to, plus one; 0: free place */
    bool own;     /* path below counts, not the common one */
    bool bad;     /* the state that loses runs */
    struct smx_net_path path;
    smx_time newest;               /* arrival of the latest datagram in order */
    smx_time burst_from, burst_to; /* the last burst or the next one; both 0: none drawn yet */
};

/* A node's line to all others. */
struct smx_net_line {
    uint64_t up, down;           /* bit/s; 0: no limit */
    smx_time up_free, down_free; /* when it is done with what it has */
};

/* Writes the path of a pair that is met for the first time. */
typedef void (*smx_net_model)(void *arg, uint32_t from, uint32_t to, struct smx_net_path *path);

struct smx_net {
    struct smx_net_path common;
    smx_net_model model; /* NULL: pairs begin with the common path */
    void *model_arg;
    struct smx_net_pair *pair; /* open addressing, at most half full */
    size_t pair_count, pair_size;
    struct smx_net_line *line; /* by node; of those below line_count */
    size_t line_count;
    smx_time queue; /* what would wait longer for a line is lost */
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
/* All pairs from now on that have no path of their own yet get one from the model. */
void smx_net_set_model(struct smx_net *net, smx_net_model model, void *arg);
/* Lines of `nodes` nodes, without limits at first; [node] of net->line may be changed at any time.  False:
 * out of memory. */
bool smx_net_lines(struct smx_net *net, size_t nodes, smx_time queue);
/* What becomes of a datagram of len bytes (of IP) sent now: the number of copies that arrive, and when.  A
 * line's `down` is taken in the order of sending, which is that of arrival while one node sends to it. */
size_t smx_net_send(struct smx_net *net, struct smx_rng *rng, smx_time now, uint32_t from, uint32_t to,
                    size_t len, struct smx_net_fate fate[SMX_NET_FATES]);

#endif
