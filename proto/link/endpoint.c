#include "proto/link/endpoint.h"

#include <assert.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define NONE SMX_LINK_NONE

/* ---- numbers, indexes and keys ---- */

struct link *smx_link_at(const struct smx_endpoint *ep, uint32_t link)
{
    assert(link < ep->links_max && ep->link[link].state != LINK_FREE);
    return &ep->link[link];
}

uint32_t smx_link_number(const struct smx_endpoint *ep, const struct link *l)
{
    return (uint32_t)(l - ep->link);
}

smx_time smx_link_q(const struct smx_endpoint *ep, const struct link *l)
{
    return l->kind == SMX_LINK_RELAY ? ep->timing.relay_q : ep->timing.client_q;
}

uint32_t smx_index_new(struct smx_endpoint *ep, const struct link *l, uint32_t which)
{
    uint32_t index;

    do /* at most 3 of 8 places are taken */
        index = smx_rng_u32(&ep->rng);
    while (index == 0 || ep->ref[index & ep->ref_mask] != NONE);
    ep->ref[index & ep->ref_mask] = smx_link_number(ep, l) * REF_KINDS + which;
    return index;
}

void smx_index_free(struct smx_endpoint *ep, uint32_t index)
{
    if (index != 0)
        ep->ref[index & ep->ref_mask] = NONE;
}

static void index_is_now(struct smx_endpoint *ep, const struct link *l, uint32_t index, uint32_t which)
{
    if (index != 0)
        ep->ref[index & ep->ref_mask] = smx_link_number(ep, l) * REF_KINDS + which;
}

struct link *smx_index_find(const struct smx_endpoint *ep, uint32_t index, uint32_t *which)
{
    uint32_t ref = ep->ref[index & ep->ref_mask];
    struct link *l;
    uint32_t has = 0;

    if (ref == NONE)
        return NULL;
    l = &ep->link[ref / REF_KINDS];
    *which = ref % REF_KINDS;
    if (*which == REF_DIAL)
        has = l->dial->index;
    else
        has = *which == REF_NOW ? l->now.index : l->alt.index;
    return has == index ? l : NULL;
}

static uint32_t *chain_of(const struct smx_endpoint *ep, const uint8_t key[SMX_X25519])
{
    uint64_t hash;

    crypto_shorthash((uint8_t *)&hash, key, SMX_X25519, ep->chain_key);
    return &ep->chain[hash & ep->chain_mask];
}

struct link *smx_link_find(const struct smx_endpoint *ep, const uint8_t peer_static[SMX_X25519])
{
    for (uint32_t i = *chain_of(ep, peer_static); i != NONE; i = ep->link[i].next)
        if (memcmp(ep->link[i].peer_static, peer_static, SMX_X25519) == 0)
            return &ep->link[i];
    return NULL;
}

/* ---- the life of a link ---- */

static uint32_t *free_list(struct smx_endpoint *ep, enum smx_link_kind kind)
{
    return kind == SMX_LINK_RELAY ? &ep->free_relay : &ep->free_client;
}

struct link *smx_link_take(struct smx_endpoint *ep, const uint8_t peer_static[SMX_X25519],
                           enum smx_link_kind kind, uint8_t cells)
{
    uint32_t *free = free_list(ep, kind);
    uint32_t *chain = chain_of(ep, peer_static);
    struct smx_wire_keys keys;
    struct link *l;
    uint32_t number = *free;

    if (number == NONE)
        return NULL;
    l = &ep->link[number];
    *free = l->next;
    l->next = *chain;
    *chain = number;
    l->kind = kind;
    l->cells = cells;
    memcpy(l->peer_static, peer_static, SMX_X25519);
    smx_wire_keys(&keys, peer_static);
    memcpy(l->mask_key, keys.mask, sizeof l->mask_key);
    smx_phase_init(&l->phase, &ep->timing);
    return l;
}

void smx_link_drop_now(struct smx_endpoint *ep, struct link *l)
{
    smx_index_free(ep, l->now.index);
    smx_session_clear(&l->now);
}

void smx_link_drop_alt(struct smx_endpoint *ep, struct link *l)
{
    smx_index_free(ep, l->alt.index);
    smx_session_clear(&l->alt);
    if (l->alt_use == ALT_REKEY) /* not confirmed: the same request may come again */
        l->rekeyed = false;
    l->alt_use = ALT_NONE;
    l->answer_waits = false;
}

void smx_link_drop_dial(struct smx_endpoint *ep, struct link *l)
{
    if (!l->dial)
        return;
    smx_index_free(ep, l->dial->index);
    smx_noise_fini(&l->dial->noise);
    l->dial->index = 0;
    l->dial->rekey = l->dial->command = l->dial->made = false;
}

static void dial_free(struct smx_endpoint *ep, struct link *l)
{
    struct dial **at = &ep->dials;

    if (!l->dial)
        return;
    smx_link_drop_dial(ep, l);
    while (*at != l->dial)
        at = &(*at)->next_dial;
    *at = l->dial->next_dial;
    smx_vault_give(ep->vault, l->dial, sizeof *l->dial);
    l->dial = NULL;
}

void smx_link_give(struct smx_endpoint *ep, struct link *l)
{
    uint32_t number = smx_link_number(ep, l);
    uint32_t *at = chain_of(ep, l->peer_static);
    uint32_t *free = free_list(ep, l->kind);
    struct smx_session now, alt;
    bool listed = l->down_listed;

    while (*at != number)
        at = &ep->link[*at].next;
    *at = l->next;
    dial_free(ep, l);
    smx_link_drop_now(ep, l);
    smx_link_drop_alt(ep, l);
    now = l->now;
    alt = l->alt;
    sodium_memzero(l, sizeof *l);
    l->now = now; /* cleared; what is left is the place of the windows */
    l->alt = alt;
    l->down_listed = listed; /* the ring holds each number once at most */
    l->next = *free;
    *free = number;
    smx_heap_set(&ep->heap, number, SMX_NEVER);
}

void smx_link_close(struct smx_endpoint *ep, uint32_t link)
{
    smx_link_give(ep, smx_link_at(ep, link));
}

void smx_link_swap(struct smx_endpoint *ep, struct link *l, smx_time now, bool keep_old)
{
    struct smx_session old = l->now;

    l->now = l->alt;
    l->alt = old;
    sodium_memzero(&old, sizeof old);
    l->alt_use = ALT_OLD;
    index_is_now(ep, l, l->now.index, REF_NOW);
    index_is_now(ep, l, l->alt.index, REF_ALT);
    l->alt_until = now + SMX_LINK_OVERLAP;
    l->answer_waits = false;
    l->born = now;
    if (!keep_old)
        smx_link_drop_alt(ep, l);
}

void smx_link_come_up(struct smx_endpoint *ep, struct link *l, smx_time now, uint64_t peer_boot,
                      struct smx_link_rx *rx)
{
    bool resumed = l->was_up && l->peer_boot == peer_boot;

    if (!resumed)
        smx_phase_init(&l->phase, &ep->timing);
    if (l->state != LINK_UP || !resumed) {
        rx->what = SMX_LINK_RX_UP;
        rx->link = smx_link_number(ep, l);
        rx->kind = l->kind;
        rx->accepted = l->dial == NULL;
        rx->resumed = resumed;
    }
    l->state = LINK_UP;
    l->was_up = true;
    l->peer_boot = peer_boot;
    l->heard = now;
    if (l->dial) {
        smx_link_drop_dial(ep, l);
        l->dial->tries = 0;
        l->dial->next = l->born + SMX_LINK_REKEY;
    }
    smx_link_arm(ep, l);
}

void smx_link_go_down(struct smx_endpoint *ep, struct link *l, smx_time now)
{
    uint32_t number = smx_link_number(ep, l);

    ep->count.downs++;
    l->state = LINK_DOWN;
    if (!l->down_listed) {
        l->down_listed = true;
        ep->down[(ep->down_first + ep->down_count++) % ep->links_max] = number;
    }
    if (l->dial) { /* many notice at the same time: spread them */
        smx_link_drop_dial(ep, l);
        l->dial->next = now + SMX_MS(smx_rng_below(&ep->rng, 500));
    }
}

bool smx_endpoint_next_down(struct smx_endpoint *ep, uint32_t *link)
{
    while (ep->down_count > 0) {
        uint32_t number = ep->down[ep->down_first];
        struct link *l = &ep->link[number];

        ep->down_first = (ep->down_first + 1) % ep->links_max;
        ep->down_count--;
        l->down_listed = false;
        if (l->state == LINK_DOWN && l->was_up) { /* else closed or up again meanwhile */
            *link = number;
            return true;
        }
    }
    return false;
}

/* ---- timers ---- */

void smx_link_arm(struct smx_endpoint *ep, struct link *l)
{
    smx_time at = SMX_NEVER;

    if (l->alt_use != ALT_NONE)
        at = smx_time_min(at, l->alt_until);
    if (l->now.index != 0)
        at = smx_time_min(at, l->born + SMX_LINK_SESSION_END);
    if (l->state == LINK_UP)
        at = smx_time_min(at, l->heard + SMX_LINK_SILENCE);
    if (l->dial)
        at = smx_time_min(at, l->dial->next);
    smx_heap_set(&ep->heap, smx_link_number(ep, l), at);
}

static void link_expire(struct smx_endpoint *ep, struct link *l, smx_time now, struct smx_wall wall,
                        struct smx_out *out)
{
    if (l->alt_use != ALT_NONE && now >= l->alt_until) {
        smx_link_drop_alt(ep, l);
        if (l->state == LINK_HALF) {
            smx_link_give(ep, l);
            return;
        }
    }
    if (l->now.index != 0 && now >= l->born + SMX_LINK_SESSION_END) {
        smx_link_drop_now(ep, l);
        if (l->state == LINK_UP)
            smx_link_go_down(ep, l, now);
    }
    if (l->state == LINK_UP && now >= l->heard + SMX_LINK_SILENCE)
        smx_link_go_down(ep, l, now);
    if (l->dial && now >= l->dial->next) {
        if (l->state == LINK_UP)
            smx_rekey_ask(ep, l, now, wall);
        else
            smx_handshake_send(ep, l, now, wall, out);
    }
    smx_link_arm(ep, l);
}

void smx_endpoint_expire(struct smx_endpoint *ep, smx_time now, struct smx_wall wall, struct smx_out *out)
{
    uint32_t number;

    while (smx_heap_pop(&ep->heap, now, &number)) /* each link's next deadline lies after now */
        link_expire(ep, &ep->link[number], now, wall, out);
}

smx_time smx_endpoint_deadline(const struct smx_endpoint *ep)
{
    return smx_heap_deadline(&ep->heap);
}

/* ---- the endpoint ---- */

static uint32_t power_of_two(uint32_t at_least)
{
    uint32_t n = 64;

    while (n < at_least)
        n *= 2;
    return n;
}

static void links_init(struct smx_endpoint *ep)
{
    uint64_t *bits = ep->window_bits;

    ep->free_relay = ep->free_client = NONE;
    for (uint32_t i = ep->links_max; i-- > 0;) {
        struct link *l = &ep->link[i];
        bool relay = i < ep->relay_links_max;
        size_t size = relay ? SMX_SESSION_RELAY_WINDOW : SMX_SESSION_CLIENT_WINDOW;
        uint32_t *free = free_list(ep, relay ? SMX_LINK_RELAY : SMX_LINK_CLIENT);

        smx_session_init(&l->now, !relay, bits, (uint32_t)size);
        smx_session_init(&l->alt, !relay, bits + size / 64, (uint32_t)size);
        bits += 2 * (size / 64);
        l->next = *free;
        *free = i;
    }
}

enum smx_err smx_endpoint_new(struct smx_endpoint **made, const struct smx_endpoint_config *config,
                              struct smx_rng *rng)
{
    struct smx_endpoint *ep = smx_vault_take(config->vault, sizeof *ep);
    size_t words = 2 * ((size_t)config->relay_links_max * (SMX_SESSION_RELAY_WINDOW / 64) +
                        (size_t)config->client_links_max * (SMX_SESSION_CLIENT_WINDOW / 64));

    if (!ep)
        return SMX_E_MEMORY;
    ep->vault = config->vault;
    ep->relay_links_max = config->relay_links_max;
    ep->links_max = config->relay_links_max + config->client_links_max;
    assert(ep->links_max >= 1 && ep->links_max <= 1U << 24);
    ep->ref_mask = power_of_two(8 * ep->links_max) - 1; /* three sessions a link at most */
    ep->chain_mask = power_of_two(ep->links_max) - 1;
    ep->link = smx_vault_take(ep->vault, ep->links_max * sizeof *ep->link);
    ep->window_bits = calloc(words, sizeof *ep->window_bits);
    ep->ref = malloc((ep->ref_mask + 1) * sizeof *ep->ref);
    ep->chain = malloc((ep->chain_mask + 1) * sizeof *ep->chain);
    ep->down = calloc(ep->links_max, sizeof *ep->down);
    ep->aead = smx_aead_new();
    smx_rng_fork(&ep->rng, rng);
    if (!ep->link || !ep->window_bits || !ep->ref || !ep->chain || !ep->down || !ep->aead)
        goto fail;
    if (smx_heap_new(&ep->heap, ep->links_max) || smx_seen_new(&ep->seen, 4 * ep->links_max, &ep->rng))
        goto fail;
    memset(ep->ref, 0xff, (ep->ref_mask + 1) * sizeof *ep->ref);
    memset(ep->chain, 0xff, (ep->chain_mask + 1) * sizeof *ep->chain);
    links_init(ep);
    ep->local = config->local;
    smx_wire_keys(&ep->own, ep->local.public);
    ep->boot = smx_rng_u64(&ep->rng);
    smx_rng_bytes(&ep->rng, ep->chain_key, sizeof ep->chain_key);
    ep->accept_clients = config->accept_clients;
    ep->timing = config->timing;
    ep->clock = config->clock;
    smx_load_init(&ep->load, config->handshakes_per_s ? config->handshakes_per_s : SMX_LINK_HANDSHAKES_PER_S,
                  &ep->rng);
    *made = ep;
    return SMX_OK;
fail:
    smx_endpoint_free(ep);
    return SMX_E_MEMORY;
}

void smx_endpoint_free(struct smx_endpoint *ep)
{
    if (!ep)
        return;
    while (ep->dials) {
        struct dial *d = ep->dials;

        ep->dials = d->next_dial;
        smx_vault_give(ep->vault, d, sizeof *d);
    }
    smx_vault_give(ep->vault, ep->link, ep->links_max * sizeof *ep->link); /* wipes, and takes NULL */
    free(ep->window_bits);
    free(ep->ref);
    free(ep->chain);
    free(ep->down);
    smx_aead_free(ep->aead);
    free(ep->allowed);
    smx_heap_free(&ep->heap);
    smx_seen_free(&ep->seen);
    smx_vault_give(ep->vault, ep, sizeof *ep);
}

void smx_endpoint_set_timing(struct smx_endpoint *ep, const struct smx_link_timing *timing)
{
    bool ticks_changed = ep->timing.relay_q != timing->relay_q || ep->timing.client_q != timing->client_q;
    bool scale_changed = ep->timing.margin_max != timing->margin_max;

    ep->timing = *timing;
    for (uint32_t i = 0; (ticks_changed || scale_changed) && i < ep->links_max; i++) {
        struct link *l = &ep->link[i];

        if (l->state == LINK_FREE)
            continue;
        if (ticks_changed)
            smx_phase_init(&l->phase, timing);
        else
            smx_phase_rescale(&l->phase, timing);
    }
}

static int by_key(const void *a, const void *b)
{
    return memcmp(((const struct allowed *)a)->key, ((const struct allowed *)b)->key, SMX_X25519);
}

struct allowed *smx_link_allowed(const struct smx_endpoint *ep, const uint8_t key[SMX_X25519])
{
    struct allowed wanted;

    if (ep->allowed_count == 0)
        return NULL;
    memcpy(wanted.key, key, SMX_X25519);
    return bsearch(&wanted, ep->allowed, ep->allowed_count, sizeof wanted, by_key);
}

enum smx_err smx_endpoint_allow(struct smx_endpoint *ep, const uint8_t (*keys)[SMX_X25519], size_t count)
{
    struct allowed *set = calloc(count + 1, sizeof *set);

    if (!set)
        return SMX_E_MEMORY;
    for (size_t i = 0; i < count; i++) {
        const struct allowed *before = smx_link_allowed(ep, keys[i]);

        memcpy(set[i].key, keys[i], SMX_X25519);
        set[i].newest_s = before ? before->newest_s : INT64_MIN;
    }
    if (count > 0)
        qsort(set, count, sizeof *set, by_key);
    free(ep->allowed);
    ep->allowed = set;
    ep->allowed_count = count;
    return SMX_OK;
}

enum smx_err smx_endpoint_connect(struct smx_endpoint *ep, smx_time now, const struct smx_addr *addr,
                                  const uint8_t peer_static[SMX_X25519], enum smx_link_kind kind,
                                  uint8_t cells, uint32_t *link)
{
    struct link *l = smx_link_find(ep, peer_static);
    struct dial *d;

    assert(cells >= 1 && cells <= SMX_LINK_CELLS_MAX &&
           (kind == SMX_LINK_CLIENT || cells == SMX_LINK_CELLS_MAX));
    if (l && l->state != LINK_HALF) {
        *link = smx_link_number(ep, l);
        return SMX_E_STATE;
    }
    if (l) /* the owner has never heard of it */
        smx_link_give(ep, l);
    if (*free_list(ep, kind) == NONE)
        return SMX_E_FULL;
    d = smx_vault_take(ep->vault, sizeof *d);
    if (!d)
        return SMX_E_MEMORY;
    l = smx_link_take(ep, peer_static, kind, cells);
    *link = smx_link_number(ep, l);
    d->addr = *addr;
    d->next = now;
    d->link = *link;
    d->next_dial = ep->dials;
    ep->dials = d;
    l->dial = d;
    l->addr = *addr;
    l->state = LINK_DOWN;
    smx_link_arm(ep, l);
    return SMX_OK;
}

const struct smx_link_counters *smx_endpoint_counters(const struct smx_endpoint *ep)
{
    return &ep->count;
}
