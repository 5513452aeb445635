/* relay/life.c - how long circuits last, and how many there may be.
 *
 *   places    a circuit of a client has a place on his link backward; the one that replaces it shares it by
 *             turns, until one of the two is not heard any more
 *   orphans   circuits whose upstream has fallen silent: they go on as filler for a while
 *   bounds    circuits that clients may make, by link and by source address; clients of one source
 *
 * Timers: circuit.fade (started by silence, stopped by a cell), circuit.end (fixed at birth), the buckets. */
#include "relay/core.h"

#include <stdlib.h>
#include <string.h>

/* ---- shared places ---- */

void smx_relay_share(struct smx_relay *r, uint32_t at, uint32_t old)
{
    struct circuit *c = &r->circuit[at], *o = &r->circuit[old];

    if (o->twin != NONE)
        smx_relay_depart_drop(r, o->twin, BWD); /* two at the most: the third has been given up */
    c->twin = old;
    o->twin = at;
    c->turn = 1;
    o->turn = 0;
    o->missed = 0;
}

void smx_relay_heard(struct smx_relay *r, uint32_t at, smx_time now)
{
    struct circuit *c = &r->circuit[at], *other;

    c->heard = now;
    c->began = true;
    smx_shelf_give(&r->cells, &c->created); /* its owner has it */
    if (c->orphan)
        smx_relay_adopt(r, at);
    if (c->twin == NONE || r->config.cover_off) /* without cover silence says nothing */
        return;
    c->missed = 0;
    other = &r->circuit[c->twin];
    other->missed++;
    if (other->missed * r->tick * r->period[other->period] >=
        (other->began ? SMX_MS(SHARE_SILENT_MS) : SMX_MS(SHARE_BEGIN_MS)))
        smx_relay_depart_drop(r, c->twin, BWD);
}

/* ---- orphans ---- */

void smx_relay_orphan(struct smx_relay *r, uint32_t at, smx_time now)
{
    struct circuit *c = &r->circuit[at];
    uint32_t most = r->config.circuits_max / ORPHAN_SHARE;

    c->orphan = true;
    c->fade = now + smx_rng_exp(&r->rng, SMX_SECOND(r->consensus.params.epoch_s) / FADE_SHARE);
    c->older = r->orphan_newest;
    c->newer = NONE;
    if (r->orphan_newest != NONE)
        r->circuit[r->orphan_newest].newer = at;
    else
        r->orphan_oldest = at;
    r->orphan_newest = at;
    if (++r->orphans > (most > 0 ? most : 1)) {
        r->count.orphans_dropped++;
        smx_relay_circuit_end(r, r->orphan_oldest);
    }
}

void smx_relay_adopt(struct smx_relay *r, uint32_t at)
{
    struct circuit *c = &r->circuit[at];

    if (c->older != NONE)
        r->circuit[c->older].newer = c->newer;
    else
        r->orphan_oldest = c->newer;
    if (c->newer != NONE)
        r->circuit[c->newer].older = c->older;
    else
        r->orphan_newest = c->older;
    r->orphans--;
    c->orphan = false;
    c->fade = SMX_NEVER;
}

/* ---- the last day ---- */

smx_time smx_relay_end_of_life(const struct smx_relay *r, smx_time now)
{
    uint64_t epoch = r->consensus.params.epoch_s;
    uint64_t left = 2 * epoch - (uint64_t)r->wall.s % epoch;

    return r->config.cover_off ? SMX_NEVER : now + SMX_SECOND(left) + SMX_SECOND(epoch) / FADE_SHARE;
}

/* ---- rates that fall ---- */

static bool is_over(const struct smx_relay *r, uint32_t link, uint32_t class)
{
    const struct neighbour *n = &r->neighbour[link];

    return (uint32_t)n->slot_count[class % r->period[SMX_PERIOD_SLOT]] + n->listen_count[class] >
           smx_relay_capacity(r, link, class);
}

void smx_relay_fit(struct smx_relay *r, uint32_t link)
{
    const struct neighbour *n = &r->neighbour[link];

    for (uint32_t class = 0; class < r->period[SMX_PERIOD_LISTEN]; class ++)
        while (is_over(r, link, class)) { /* the newest first: the lists begin with it */
            uint32_t slot = n->slot[class % r->period[SMX_PERIOD_SLOT]];
            uint32_t ref = n->listen[class] != NONE ? n->listen[class] : slot;

            r->count.circuits_unfit++;
            if (ref % 2 == BWD)
                smx_relay_circuit_end(r, ref / 2);
            else
                smx_relay_detach(r, ref / 2);
        }
}

/* ---- bounds on clients ---- */

bool smx_relay_token(struct bucket *b, smx_time now, uint32_t burst, smx_time each)
{
    uint64_t more = (now - b->from) / each;

    if (more >= b->spent) { /* full again */
        b->spent = 0;
        b->from = now;
    } else {
        b->spent -= (uint32_t)more;
        b->from += more * each;
    }
    if (b->spent >= burst)
        return false;
    b->spent++;
    return true;
}

/* What one subscriber has: an IPv4 address, or an IPv6 network of 64 bits. */
static size_t source_key(uint8_t key[16], const struct smx_addr *addr)
{
    size_t len = smx_addr_is_v4(addr) ? 16 : 8;

    memcpy(key, addr->ip, len);
    return len;
}

static struct source *source_at(struct smx_relay *r, uint32_t at)
{
    return at == NONE ? NULL : &r->source[at];
}

enum smx_err smx_relay_sources_new(struct smx_relay *r)
{
    uint32_t count = r->config.client_links_max;

    r->source = calloc(count + 1, sizeof *r->source);
    if (!r->source)
        return SMX_E_MEMORY;
    for (uint32_t i = 0; i < count; i++)
        r->source[i].next_free = i + 1 < count ? i + 1 : NONE;
    r->source_free = count > 0 ? 0 : NONE;
    return smx_keymap_new(&r->sources, count + 1, &r->rng);
}

bool smx_relay_source_add(struct smx_relay *r, uint32_t link)
{
    struct neighbour *n = &r->neighbour[link];
    uint8_t key[16];
    size_t len = source_key(key, smx_link_addr(r->ep, link));
    uint32_t at = smx_keymap_find(&r->sources, key, len);

    if (at == NONE) { /* there are as many sources as client links */
        at = r->source_free;
        r->source_free = r->source[at].next_free;
        r->source[at] = (struct source){.links = 0};
        smx_keymap_put(&r->sources, at, key, len);
    } else if (r->source[at].links >= r->config.source_links_max) {
        r->count.clients_refused++;
        return false;
    }
    r->source[at].links++;
    n->source = at;
    return true;
}

void smx_relay_source_drop(struct smx_relay *r, uint32_t link)
{
    struct neighbour *n = &r->neighbour[link];
    struct source *s = source_at(r, n->source);

    if (!s)
        return;
    if (--s->links == 0) {
        smx_keymap_drop(&r->sources, n->source);
        s->next_free = r->source_free;
        r->source_free = n->source;
    }
    n->source = NONE;
}

bool smx_relay_may_create_more(struct smx_relay *r, uint32_t link, smx_time now)
{
    struct neighbour *n = &r->neighbour[link];
    struct source *s = source_at(r, n->source);

    if (n->kind != SMX_LINK_CLIENT)
        return true;
    if (smx_relay_token(&n->creates, now, LINK_CREATES, SMX_MS(LINK_CREATE_MS)) &&
        (!s || smx_relay_token(&s->creates, now, r->config.source_links_max * SOURCE_CREATES,
                               SMX_MS(LINK_CREATE_MS) * SOURCE_CREATES / r->config.source_links_max)))
        return true;
    r->count.creates_limited++;
    return false;
}
