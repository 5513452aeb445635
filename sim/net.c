#include "sim/net.h"

#include <stdlib.h>
#include <string.h>

enum { MILLION = 1000000 };

void smx_net_init(struct smx_net *net, const struct smx_net_path *common)
{
    *net = (struct smx_net){.common = *common};
}

void smx_net_fini(struct smx_net *net)
{
    free(net->pair);
    free(net->line);
    *net = (struct smx_net){.pair = NULL};
}

void smx_net_set_model(struct smx_net *net, smx_net_model model, void *arg)
{
    net->model = model;
    net->model_arg = arg;
}

bool smx_net_lines(struct smx_net *net, size_t nodes, smx_time queue)
{
    struct smx_net_line *line = calloc(nodes, sizeof *line);

    if (!line)
        return false;
    free(net->line);
    net->line = line;
    net->line_count = nodes;
    net->queue = queue;
    return true;
}

static struct smx_net_pair *place_of(struct smx_net_pair *pair, size_t size, uint64_t key)
{
    size_t i = (size_t)(key * UINT64_C(0x9e3779b97f4a7c15) >> 32) & (size - 1);

    while (pair[i].key != 0 && pair[i].key != key)
        i = (i + 1) & (size - 1);
    return &pair[i];
}

static bool grow(struct smx_net *net)
{
    size_t size = net->pair_size ? 2 * net->pair_size : 256;
    struct smx_net_pair *pair = calloc(size, sizeof *pair);

    if (!pair)
        return false;
    for (size_t i = 0; i < net->pair_size; i++)
        if (net->pair[i].key != 0)
            *place_of(pair, size, net->pair[i].key) = net->pair[i];
    free(net->pair);
    net->pair = pair;
    net->pair_size = size;
    return true;
}

static struct smx_net_pair *pair_of(struct smx_net *net, uint32_t from, uint32_t to)
{
    uint64_t key = ((uint64_t)from << 32 | to) + 1;
    struct smx_net_pair *p;

    if (2 * net->pair_count >= net->pair_size && !grow(net))
        return NULL;
    p = place_of(net->pair, net->pair_size, key);
    if (p->key == 0) {
        p->key = key;
        net->pair_count++;
        if (net->model) {
            p->own = true;
            net->model(net->model_arg, from, to, &p->path);
        }
    }
    return p;
}

struct smx_net_path *smx_net_path(struct smx_net *net, uint32_t from, uint32_t to)
{
    struct smx_net_pair *p = pair_of(net, from, to);

    if (!p)
        return NULL;
    if (!p->own)
        p->path = net->common;
    p->own = true;
    return &p->path;
}

void smx_net_heal(struct smx_net *net, uint32_t from, uint32_t to)
{
    struct smx_net_pair *p = pair_of(net, from, to);

    if (p)
        p->own = false;
}

static bool happens(struct smx_rng *rng, uint32_t share)
{
    return share > 0 && smx_rng_below(rng, MILLION) < share;
}

static smx_time up_to(struct smx_rng *rng, smx_time most)
{
    return most ? smx_rng_u64(rng) % most : 0;
}

/* A draw below a share of 1, in double; means of drawn lengths are that exact. */
static bool leaves(struct smx_rng *rng, double share)
{
    return smx_rng_u32(rng) < share * 4294967296.0;
}

/* Moves the path between its two states, once a datagram; is this one lost? */
static bool in_bad_run(struct smx_net_pair *pair, const struct smx_net_path *path, struct smx_rng *rng)
{
    double run = path->burst_run ? path->burst_run : 1, share = path->burst_loss / 1e6;

    if (path->burst_loss == 0) {
        pair->bad = false;
        return false;
    }
    if (pair->bad)
        pair->bad = !leaves(rng, 1 / run);
    else
        pair->bad = leaves(rng, share / (1 - share) / run);
    return pair->bad;
}

/* What a burst of delay adds now. */
static smx_time burst(struct smx_net_pair *pair, const struct smx_net_path *path, struct smx_rng *rng,
                      smx_time now)
{
    if (path->burst_every == 0)
        return 0;
    while (now >= pair->burst_to) {
        pair->burst_from = pair->burst_to + smx_rng_exp(rng, path->burst_every);
        pair->burst_to = pair->burst_from + 1 + smx_rng_exp(rng, path->burst_length);
    }
    if (now < pair->burst_from)
        return 0;
    return (smx_time)((double)path->burst_height * (double)(pair->burst_to - now) /
                      (double)(pair->burst_to - pair->burst_from));
}

/* The line takes the datagram at *at, and is done with it then; false: it would have to wait too long. */
static bool pass_line(uint64_t rate, smx_time *line_free, smx_time queue, size_t len, smx_time *at)
{
    smx_time from = *line_free > *at ? *line_free : *at;

    if (rate == 0)
        return true;
    if (from - *at > queue)
        return false;
    *line_free = *at = from + (smx_time)len * 8 * SMX_SECOND(1) / rate;
    return true;
}

/* One copy, which leaves the sender's line at `at`. */
static struct smx_net_fate travel(struct smx_net_pair *pair, const struct smx_net_path *path,
                                  struct smx_rng *rng, smx_time at)
{
    at += path->latency + (path->jitter ? smx_rng_exp(rng, path->jitter) : 0) + burst(pair, path, rng, at);
    if (at < pair->newest)
        at = pair->newest; /* a queue: what was sent later does not overtake */
    pair->newest = at;
    if (happens(rng, path->reorder))
        at += up_to(rng, path->reorder_by);
    return (struct smx_net_fate){.at = at, .corrupt = happens(rng, path->corrupt)};
}

size_t smx_net_send(struct smx_net *net, struct smx_rng *rng, smx_time now, uint32_t from, uint32_t to,
                    size_t len, struct smx_net_fate fate[SMX_NET_FATES])
{
    struct smx_net_pair *pair = pair_of(net, from, to);
    struct smx_net_line *out = from < net->line_count ? &net->line[from] : NULL;
    struct smx_net_line *in = to < net->line_count ? &net->line[to] : NULL;
    const struct smx_net_path *path;
    size_t copies = 1, count = 0;

    if (!pair)
        return 0; /* out of memory: as if lost */
    path = pair->own ? &pair->path : &net->common;
    if (out && !pass_line(out->up, &out->up_free, net->queue, len, &now))
        return 0;
    if (path->cut || happens(rng, path->loss) || in_bad_run(pair, path, rng))
        return 0;
    if (happens(rng, path->duplicate))
        copies = 2;
    for (size_t i = 0; i < copies; i++) {
        fate[count] = travel(pair, path, rng, now);
        count += !in || pass_line(in->down, &in->down_free, net->queue, len, &fate[count].at);
    }
    return count;
}
