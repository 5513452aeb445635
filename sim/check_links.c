#include "sim/check_links.h"

#include "proto/crypto/aead.h"
#include "proto/link/endpoint.h" /* a checker reads headers as their sender could */
#include "sim/view_client.h"
#include "sim/view_relay.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* An endpoint's link, from its owner's side. */
struct track {
    uint8_t peer[SMX_X25519]; /* who it was with */
    bool runs, open;
    uint32_t session, to;
    struct smx_addr addr; /* where the last one went */
    uint64_t downs;
    uint64_t tick;
    uint32_t k, rate; /* number of the last datagram in it; how many it should have */
    smx_time at;
    bool excused;          /* it may have been late */
    uint32_t look_session; /* at the last look that found it up, */
    uint64_t look_downs;
    struct smx_addr look_addr;
    smx_time up; /* as it has been since this one */
    char where[48];
    struct smx_cells cells;
};

struct sender {
    const struct smx_endpoint *ep;
    uint64_t boot; /* another one is another life of it, even at the same place */
    struct track *track;
    uint32_t links;
    uint32_t last; /* link found last */
    smx_time excused;
};

struct smx_check_links {
    struct smx_sim_network *n;
    struct smx_verdict *verdict;
    struct smx_rng rng;
    uint32_t open_one_in;
    struct sender *sender; /* by node */
    size_t senders;
    bool watches;
    struct smx_check_links_counters count;
};

static void *must(void *p)
{
    if (!p)
        abort(); /* as the header says */
    return p;
}

#define SAY(c, now, ...) smx_complain((c)->verdict, now, "links", __VA_ARGS__)

struct smx_check_links *smx_check_links_new(struct smx_sim_network *n, struct smx_verdict *verdict,
                                            uint64_t seed, uint32_t open_one_in)
{
    struct smx_check_links *c = must(calloc(1, sizeof *c));
    uint8_t bytes[SMX_RNG_SEED] = "links";

    memcpy(bytes + 8, &seed, sizeof seed);
    smx_rng_init(&c->rng, bytes);
    c->n = n;
    c->verdict = verdict;
    c->open_one_in = open_one_in;
    c->senders = n->relays + n->config.clients_max;
    c->sender = must(calloc(c->senders, sizeof *c->sender));
    return c;
}

static void forget_sender(struct sender *s)
{
    for (uint32_t i = 0; i < s->links; i++)
        smx_cells_free(&s->track[i].cells);
    free(s->track);
    s->track = NULL;
    s->links = 0;
}

static bool tap(void *arg, smx_time now, uint32_t from, uint32_t to, uint8_t *bytes, size_t len,
                smx_time *delay)
{
    (void)delay;
    smx_check_links_datagram(arg, now, from, to, bytes, len);
    return true;
}

void smx_check_links_watch(struct smx_check_links *c)
{
    smx_world_watch(c->n->world, tap, c);
    c->watches = true;
}

void smx_check_links_free(struct smx_check_links *c)
{
    if (!c)
        return;
    if (c->watches)
        smx_world_unwatch(c->n->world, tap, c);
    for (size_t i = 0; i < c->senders; i++)
        forget_sender(&c->sender[i]);
    free(c->sender);
    smx_rng_fini(&c->rng);
    free(c);
}

const struct smx_check_links_counters *smx_check_links_counters(const struct smx_check_links *c)
{
    return &c->count;
}

void smx_check_links_excuse(struct smx_check_links *c, uint32_t node)
{
    c->sender[node].excused = smx_world_now(c->n->world);
}

/* ---- who sends ---- */

static const struct smx_relay *relay_of(const struct smx_check_links *c, uint32_t node)
{
    return node < c->n->relays ? c->n->relay[node].core : NULL;
}

static const struct smx_client *client_of(const struct smx_check_links *c, uint32_t node)
{
    return node >= c->n->relays && node - c->n->relays < c->n->clients
               ? c->n->user[node - c->n->relays].client
               : NULL;
}

static const struct smx_endpoint *endpoint_of(const struct smx_check_links *c, uint32_t node)
{
    const struct smx_relay *r = relay_of(c, node);
    const struct smx_client *k = client_of(c, node);

    return r ? smx_view_relay_endpoint(r) : k ? smx_view_client_endpoint(k) : NULL;
}

/* The sender's tracks, new ones if it lives anew; NULL: it is dead. */
static struct sender *sender_of(struct smx_check_links *c, uint32_t node)
{
    const struct smx_endpoint *ep = endpoint_of(c, node);
    struct sender *s = &c->sender[node];

    if (!ep)
        return NULL;
    if (s->ep == ep && s->boot == ep->boot && s->links == ep->links_max)
        return s;
    forget_sender(s);
    s->ep = ep;
    s->boot = ep->boot;
    s->links = ep->links_max;
    s->last = 0;
    s->track = must(calloc(s->links, sizeof *s->track));
    return s;
}

/* Is this a datagram that the link has sealed?  Then *head is its header. */
static bool is_of(const struct link *l, const struct smx_addr *to, const uint8_t *bytes, size_t len,
                  struct smx_wire_head *head)
{
    uint8_t ends[SMX_LINK_HEAD + SMX_LINK_TAG]; /* all that the mask looks at */

    if (l->state != LINK_UP || l->now.index == 0 || len != SMX_LINK_DATAGRAM(l->cells) ||
        !smx_addr_equal(&l->addr, to))
        return false;
    memcpy(ends, bytes, SMX_LINK_HEAD);
    memcpy(ends + SMX_LINK_HEAD, bytes + len - SMX_LINK_TAG, SMX_LINK_TAG);
    smx_wire_mask(l->mask_key, ends, sizeof ends);
    *head = smx_wire_head_read(ends);
    return head->index == l->now.peer_index;
}

/* SMX_LINK_NONE: a handshake. */
static uint32_t find_link(struct sender *s, const struct smx_addr *to, const uint8_t *bytes, size_t len,
                          struct smx_wire_head *head)
{
    if (is_of(&s->ep->link[s->last], to, bytes, len, head))
        return s->last;
    for (uint32_t i = 0; i < s->links; i++)
        if (is_of(&s->ep->link[i], to, bytes, len, head))
            return s->last = i;
    return SMX_LINK_NONE;
}

static struct track *track_of(struct smx_check_links *c, struct sender *s, uint32_t link, uint32_t from,
                              uint32_t to)
{
    struct track *t = &s->track[link];
    const struct link *l = &s->ep->link[link];

    if (t->runs && memcmp(t->peer, l->peer_static, sizeof t->peer) == 0)
        return t;
    smx_cells_free(&t->cells);
    memset(t, 0, sizeof *t);
    memcpy(t->peer, l->peer_static, sizeof t->peer);
    t->open = smx_rng_below(&c->rng, c->open_one_in) == 0;
    t->to = to;
    snprintf(t->where, sizeof t->where, "node %u to %u", from, to);
    t->cells.where = t->where;
    t->cells.verdict = c->verdict;
    return t;
}

/* ---- ticks ---- */

static struct smx_view_tick tick_of(const struct smx_check_links *c, uint32_t node, uint32_t link,
                                    uint64_t tick)
{
    smx_time local = smx_world_local(c->n->world, node);
    const struct smx_relay *r = relay_of(c, node);

    return r ? smx_view_relay_tick(r, local, link, tick)
             : smx_view_client_tick(client_of(c, node), local, tick);
}

static void judge_tick(struct smx_check_links *c, const struct track *t, smx_time now, smx_time q,
                       uint64_t tick, bool excused)
{
    smx_time gap = now - t->at, want = (tick - t->tick) * q;
    smx_time slack = want / (1000000 / SMX_LINKS_SLACK_PPM) + SMX_US(1);

    c->count.ticks++;
    if (t->k + 1 != t->rate)
        SAY(c, now, "%s: %u datagrams in a tick, not %u", t->where, t->k + 1, t->rate);
    if (tick <= t->tick)
        SAY(c, now, "%s: tick %llu after %llu", t->where, (unsigned long long)tick,
            (unsigned long long)t->tick);
    else if (tick != t->tick + 1 && !excused)
        SAY(c, now, "%s: %llu ticks left out", t->where, (unsigned long long)(tick - t->tick - 1));
    else if ((gap > want + slack || gap + slack < want) && !excused)
        SAY(c, now, "%s: %.6f ms between ticks", t->where, (double)gap / 1e6);
}

static void judge_head(struct smx_check_links *c, const struct sender *s, struct track *t, smx_time now,
                       uint32_t from, uint32_t link, uint64_t counter)
{
    const struct link *l = &s->ep->link[link];
    uint64_t tick = counter >> 8;
    uint32_t k = counter & 0xff;
    bool excused = s->excused > 0 && (!t->runs || s->excused >= t->at);
    struct smx_view_tick view;

    if (t->runs && tick == t->tick) {
        if (k != t->k + 1 || now != t->at)
            SAY(c, now, "%s: datagram %u of tick %llu comes after %u, %llu ns later", t->where, k,
                (unsigned long long)tick, t->k, (unsigned long long)(now - t->at));
        t->k = k;
        return;
    }
    view = tick_of(c, from, link, tick);
    if (k != 0)
        SAY(c, now, "%s: tick %llu begins with datagram %u", t->where, (unsigned long long)tick, k);
    if ((view.late < 0 || view.late > (int64_t)SMX_US(1)) && !excused)
        SAY(c, now, "%s: tick %llu leaves %lld ns after its time", t->where, (unsigned long long)tick,
            (long long)view.late);
    if (t->runs) {
        bool late = t->excused; /* then this one comes soon after it */

        t->excused = excused;
        excused = excused || late || t->session != l->now.index || t->downs != s->ep->count.downs ||
                  !smx_addr_equal(&t->addr, &l->addr); /* what went to where nobody is was not seen */
        judge_tick(c, t, now, view.length, tick, excused);
        if (tick != t->tick + 1)
            t->cells.broken = tick;
    }
    t->runs = true;
    t->session = l->now.index;
    t->addr = l->addr;
    t->downs = s->ep->count.downs;
    t->tick = tick;
    t->k = k;
    t->rate = view.rate;
    t->at = now;
}

static void open_cells(struct smx_check_links *c, const struct sender *s, struct track *t, smx_time now,
                       uint32_t from, uint32_t link, struct smx_wire_head head, const uint8_t *bytes,
                       size_t len)
{
    uint8_t plain[SMX_LINK_DATAGRAM_MAX], unmasked[SMX_LINK_HEAD];
    const struct link *l = &s->ep->link[link];
    const struct smx_relay *r = relay_of(c, from);

    smx_wire_head_write(unmasked, head);
    if (smx_aead_open(l->now.send, head.counter, unmasked, SMX_LINK_HEAD, bytes + SMX_LINK_HEAD,
                      len - SMX_LINK_HEAD, plain) != SMX_OK) {
        SAY(c, now, "%s: a datagram that its link's key does not open", t->where);
        return;
    }
    for (size_t i = 0; i < l->cells; i++)
        if (r)
            smx_view_relay_cell(&t->cells, now, r, link, head.counter >> 8, plain + i * SMX_LINK_CELL);
        else
            smx_view_client_cell(&t->cells, now, client_of(c, from), head.counter >> 8,
                                 plain + i * SMX_LINK_CELL);
}

void smx_check_links_datagram(struct smx_check_links *c, smx_time now, uint32_t from, uint32_t to,
                              const uint8_t *bytes, size_t len)
{
    struct sender *s = from < c->senders ? sender_of(c, from) : NULL;
    struct smx_wire_head head;
    struct track *t;
    uint32_t link;

    if (!s || len < SMX_LINK_DATAGRAM(1) || len > SMX_LINK_DATAGRAM_MAX)
        return; /* sizes are judged elsewhere */
    link = find_link(s, smx_world_addr(c->n->world, to), bytes, len, &head);
    if (link == SMX_LINK_NONE) {
        c->count.handshakes++;
        return;
    }
    t = track_of(c, s, link, from, to);
    t->to = to;
    judge_head(c, s, t, now, from, link, head.counter);
    if (t->open)
        open_cells(c, s, t, now, from, link, head, bytes, len);
}

/* ---- looks ---- */

static void look_at_link(struct smx_check_links *c, const struct sender *s, uint32_t node, uint32_t link,
                         smx_time now)
{
    struct track *t = &s->track[link];
    const struct link *l = &s->ep->link[link];
    const struct smx_relay *r = relay_of(c, node);
    const struct smx_client *k = client_of(c, node);
    smx_time since;

    if (!t->runs || l->state != LINK_UP || memcmp(t->peer, l->peer_static, sizeof t->peer) != 0 ||
        (k && !smx_view_client_sends_on(k, link)))
        return;
    if (t->look_session != l->now.index || t->look_downs != s->ep->count.downs ||
        !smx_addr_equal(&t->look_addr, &l->addr)) {
        t->look_session = l->now.index; /* it may have come up this moment */
        t->look_downs = s->ep->count.downs;
        t->look_addr = l->addr;
        t->up = now;
    }
    since = t->up > t->at ? t->up : t->at;
    if (now > since + 2 * tick_of(c, node, link, t->tick).length && now > s->excused + SMX_SECOND(1) &&
        smx_addr_equal(&l->addr, smx_world_addr(c->n->world, t->to))) {
        SAY(c, now, "%s: the link is up, and nothing was sent for %.3f ms", t->where,
            (double)(now - since) / 1e6);
        t->runs = false; /* said once */
    }
    if (!t->open)
        return;
    if (r)
        smx_view_relay_look(&t->cells, now, r, link, t->tick);
    else
        smx_view_client_look(&t->cells, now, k, t->tick);
    c->count.cells += t->cells.judged;
    c->count.circuits += t->cells.found;
    t->cells.judged = t->cells.found = 0;
}

void smx_check_links_look(struct smx_check_links *c)
{
    smx_time now = smx_world_now(c->n->world);

    for (uint32_t i = 0; i < c->senders; i++) {
        const struct sender *s = endpoint_of(c, i) ? sender_of(c, i) : NULL;

        for (uint32_t k = 0; s && k < s->links; k++)
            look_at_link(c, s, i, k, now);
    }
}

static bool is_up(const struct smx_endpoint *ep, const uint8_t peer_static[SMX_X25519])
{
    for (uint32_t i = 0; i < ep->links_max; i++)
        if (ep->link[i].state == LINK_UP && memcmp(ep->link[i].peer_static, peer_static, SMX_X25519) == 0)
            return true;
    return false;
}

/* Does the first one's consensus want a link to the second? */
static bool is_wanted(const struct smx_sim_relay *a, const struct smx_sim_relay *b)
{
    const struct smx_consensus *v = smx_relay_current(a->core);
    size_t own = v ? smx_consensus_find(v, a->id) : SMX_RELAY_NONE;
    size_t other = v ? smx_consensus_find(v, b->id) : SMX_RELAY_NONE;

    return own != SMX_RELAY_NONE && other != SMX_RELAY_NONE && smx_consensus_link_rate(v, own, other) > 0;
}

size_t smx_check_links_missing(const struct smx_check_links *c, char text[SMX_COMPLAINT])
{
    size_t missing = 0;

    for (size_t a = 0; a < c->n->relays; a++)
        for (size_t b = 0; b < c->n->relays; b++) {
            const struct smx_sim_relay *x = &c->n->relay[a], *y = &c->n->relay[b];

            if (a == b || !x->core || !y->core || !is_wanted(x, y) ||
                is_up(smx_view_relay_endpoint(x->core), y->link.public))
                continue;
            missing++;
            snprintf(text, SMX_COMPLAINT, "relay %zu has no link to %zu", a, b);
        }
    return missing;
}
