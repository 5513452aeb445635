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
    *net = (struct smx_net){.pair = NULL};
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

size_t smx_net_send(struct smx_net *net, struct smx_rng *rng, smx_time now, uint32_t from, uint32_t to,
                    struct smx_net_fate fate[SMX_NET_FATES])
{
    struct smx_net_pair *pair = pair_of(net, from, to);
    const struct smx_net_path *path;
    size_t count = 1;

    if (!pair)
        return 0; /* out of memory: as if lost */
    path = pair->own ? &pair->path : &net->common;
    if (path->cut || happens(rng, path->loss))
        return 0;
    if (happens(rng, path->duplicate))
        count = 2;
    for (size_t i = 0; i < count; i++) {
        smx_time at = now + path->latency + (path->jitter ? smx_rng_exp(rng, path->jitter) : 0);

        if (at < pair->newest)
            at = pair->newest; /* a queue: what was sent later does not overtake */
        pair->newest = at;
        if (happens(rng, path->reorder))
            at += up_to(rng, path->reorder_by);
        fate[i] = (struct smx_net_fate){.at = at, .corrupt = happens(rng, path->corrupt)};
    }
    return count;
}
