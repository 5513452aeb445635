#include "sim/check_once.h"

#include "proto/link/endpoint.h" /* whose counters are read: life of a node by its endpoint */
#include "sim/view_client.h"
#include "sim/view_relay.h"

#include <stdlib.h>
#include <string.h>

enum { AGE_S = 15, BEGIN_S = 1 }; /* of a generation; what was under way at the beginning has arrived */

struct generation { /* open addressing, at most half full */
    uint64_t *hash; /* 0: free; the lowest bit says that it has arrived */
    size_t count, size;
};

struct judged {              /* a node */
    uint64_t boot, accepted; /* of its life; before the last arrival */
    const char *why;         /* the last arrival must not be accepted, and why; NULL: it may */
};

struct smx_check_once {
    const struct smx_sim_network *n;
    struct smx_verdict *verdict;
    struct generation now, before;
    smx_time begun, turned;
    struct judged *node;
    size_t nodes;
    struct smx_check_once_counters count;
};

static void *must(void *p)
{
    if (!p)
        abort(); /* as the header says */
    return p;
}

struct smx_check_once *smx_check_once_new(const struct smx_sim_network *n, struct smx_verdict *verdict)
{
    struct smx_check_once *c = must(calloc(1, sizeof *c));

    c->n = n;
    c->verdict = verdict;
    c->nodes = n->relays + n->config.clients_max;
    c->begun = smx_world_now(n->world);
    c->node = must(calloc(c->nodes, sizeof *c->node));
    return c;
}

void smx_check_once_free(struct smx_check_once *c)
{
    if (!c)
        return;
    free(c->now.hash);
    free(c->before.hash);
    free(c->node);
    free(c);
}

const struct smx_check_once_counters *smx_check_once_counters(const struct smx_check_once *c)
{
    return &c->count;
}

/* ---- what was sent ---- */

static uint64_t hash_of(uint32_t to, const uint8_t *bytes, size_t len)
{
    uint64_t h = len ^ (uint64_t)to << 32, word;
    size_t at = 0;

    for (; at + sizeof word <= len; at += sizeof word) {
        memcpy(&word, bytes + at, sizeof word);
        h = (h ^ word) * UINT64_C(0x9e3779b97f4a7c15);
        h ^= h >> 32;
    }
    for (; at < len; at++)
        h = (h ^ bytes[at]) * UINT64_C(0x100000001b3);
    return (h | 2) & ~UINT64_C(1);
}

static uint64_t *place_in(const struct generation *g, uint64_t hash)
{
    size_t i = (size_t)(hash >> 8) & (g->size - 1);

    while (g->hash[i] != 0 && (g->hash[i] & ~UINT64_C(1)) != hash)
        i = (i + 1) & (g->size - 1);
    return &g->hash[i];
}

static void grow(struct generation *g)
{
    struct generation bigger = {.count = g->count, .size = g->size ? 2 * g->size : 8192};

    bigger.hash = must(calloc(bigger.size, sizeof *bigger.hash));
    for (size_t i = 0; i < g->size; i++)
        if (g->hash[i] != 0)
            *place_in(&bigger, g->hash[i] & ~UINT64_C(1)) = g->hash[i];
    free(g->hash);
    *g = bigger;
}

static void turn(struct smx_check_once *c, smx_time now)
{
    struct generation oldest = c->before;

    c->turned = now;
    c->before = c->now;
    c->now = oldest;
    c->now.count = 0;
    if (c->now.size > 0)
        memset(c->now.hash, 0, c->now.size * sizeof *c->now.hash);
}

void smx_check_once_sent(struct smx_check_once *c, smx_time now, uint32_t to, const uint8_t *bytes,
                         size_t len)
{
    uint64_t hash = hash_of(to, bytes, len);
    uint64_t *place;

    if (now >= c->turned + SMX_SECOND(AGE_S))
        turn(c, now);
    if (2 * c->now.count >= c->now.size)
        grow(&c->now);
    place = place_in(&c->now, hash);
    c->now.count += *place == 0;
    *place = hash;
}

/* ---- what arrives ---- */

/* NULL: the node is dead. */
static const struct smx_endpoint *endpoint_of(const struct smx_check_once *c, uint32_t node)
{
    size_t client = node - c->n->relays;

    if (node < c->n->relays)
        return c->n->relay[node].core ? smx_view_relay_endpoint(c->n->relay[node].core) : NULL;
    return client < c->n->clients && c->n->user[client].client
               ? smx_view_client_endpoint(c->n->user[client].client)
               : NULL;
}

static uint64_t accepted_by(const struct smx_endpoint *ep)
{
    return ep->count.received + ep->count.handshakes_done;
}

static void judge(struct smx_check_once *c, smx_time now, uint32_t node)
{
    const struct smx_endpoint *ep = endpoint_of(c, node);
    struct judged *j = &c->node[node];

    if (j->why && ep && ep->boot == j->boot && accepted_by(ep) != j->accepted)
        smx_complain(c->verdict, now, "once", "node %u accepted a datagram %s", node, j->why);
    j->why = NULL;
}

void smx_check_once_arrives(struct smx_check_once *c, smx_time now, uint32_t to, const uint8_t *bytes,
                            size_t len)
{
    uint64_t hash = hash_of(to, bytes, len), *place = NULL;
    struct judged *j = &c->node[to];
    const struct smx_endpoint *ep;

    if (to >= c->nodes)
        return;
    judge(c, now, to);
    c->count.arrivals++;
    if (c->now.size > 0)
        place = place_in(&c->now, hash);
    if ((!place || *place == 0) && c->before.size > 0)
        place = place_in(&c->before, hash);
    if ((!place || *place == 0) && now < c->begun + SMX_SECOND(BEGIN_S)) {
        /* it may have been sent before */
    } else if (!place || *place == 0) {
        j->why = "that nobody sent";
        c->count.strange++;
    } else if (*place & 1) {
        j->why = "that it had before";
        c->count.again++;
    } else {
        *place |= 1;
    }
    ep = endpoint_of(c, to);
    if (ep) {
        j->boot = ep->boot;
        j->accepted = accepted_by(ep);
    }
}

void smx_check_once_look(struct smx_check_once *c, smx_time now)
{
    for (uint32_t i = 0; i < c->nodes; i++)
        judge(c, now, i);
}
