/* First handshakes: datagrams of their own.  Noise_IK; docs/protocol/10-link.md, sections 3 to 5. */
#include "proto/link/endpoint.h"

#include <sodium.h>
#include <string.h>

/* An init is answered by a new one with a fresh ephemeral key, never repeated: 2 s after the first, so that a
 * slow path can work, then each second, and from the eighth on ever more slowly.  A quarter either way at
 * random. */
static smx_time pause_after(struct smx_endpoint *ep, uint32_t tries)
{
    uint32_t ms = tries == 1 ? 2000 : 1000;

    for (uint32_t i = 8; i < tries && ms < 16000; i++)
        ms *= 2;
    return SMX_MS(ms - ms / 4 + smx_rng_below(&ep->rng, ms / 2));
}

/* Message 1 of the next init, in d->msg1. */
static void make_init(struct smx_endpoint *ep, struct link *l, struct smx_wall wall)
{
    struct dial *d = l->dial;
    const struct smx_wire_hello hello = {wall, ep->boot, (uint8_t)l->kind, l->cells};
    uint8_t payload[SMX_WIRE_HELLO_1];

    smx_link_drop_dial(ep, l);
    smx_wire_hello1_write(payload, &hello);
    smx_noise_init(&d->noise, SMX_NOISE_IK, true, smx_wire_prologue, SMX_WIRE_PROLOGUE, &ep->local,
                   l->peer_static);
    if (smx_noise_write(&d->noise, &ep->rng, payload, sizeof payload, d->msg1)) {
        /* The key that we were given is none: what goes out instead can't be told from a handshake. */
        ep->count.handshake_crypto++;
        smx_rng_bytes(&ep->rng, d->msg1, sizeof d->msg1);
    }
    d->made = true;
    d->work = smx_rng_u64(&ep->rng);
}

void smx_handshake_send(struct smx_endpoint *ep, struct link *l, smx_time now, struct smx_wall wall,
                        struct smx_out *out)
{
    struct dial *d = l->dial;
    size_t len = SMX_LINK_DATAGRAM(l->cells);
    bool proven = now < d->cookie_until;
    struct smx_wire_keys keys;
    uint8_t *datagram;

    if (!d->made)
        make_init(ep, l, wall);
    if (proven && d->bits > 0 && !smx_wire_work_search(d->msg1, d->cookie, d->bits, &d->work)) {
        d->next = now + SMX_LINK_WORK_PAUSE;
        return;
    }
    d->made = false;
    d->tries++;
    d->next = now + pause_after(ep, d->tries);
    datagram = smx_out_add(out, &d->addr, len);
    if (!datagram)
        return;
    d->index = smx_index_new(ep, l, REF_DIAL);
    smx_wire_init_write(datagram, l->cells, d->index, d->msg1, d->work, &ep->rng);
    smx_wire_keys(&keys, l->peer_static);
    smx_wire_macs_write(datagram, len, keys.mac1, proven ? d->cookie : NULL);
    memcpy(d->mac1, smx_wire_mac1(datagram, len), sizeof d->mac1);
    smx_wire_mask(l->mask_key, datagram, len);
    l->asked = now;
    ep->count.handshakes_sent++;
}

/* ---- the accepting side ---- */

static void send_cookie(struct smx_endpoint *ep, smx_time now, const struct smx_addr *from,
                        const struct smx_wire_handshake *h, const uint8_t *init, size_t len,
                        struct smx_out *out)
{
    uint8_t *datagram = smx_out_add(out, from, len);
    uint8_t cookie[SMX_MAC16];

    if (!datagram)
        return;
    smx_load_cookie(&ep->load, now, from, cookie, &ep->rng);
    smx_wire_cookie_write(datagram, h->cells, h->sender, ep->own.cookie, smx_wire_mac1(init, len), cookie,
                          (uint8_t)smx_load_work_bits(&ep->load, now), &ep->rng);
    /* Whom this goes to stands enciphered in his init: our own key masks it, which he knows. */
    smx_wire_mask(ep->own.mask, datagram, len);
    ep->count.cookies_sent++;
}

/* Whether the sender of an authentic init may have a link; sets *l to the one that he has, or NULL. */
static bool may_enter(struct smx_endpoint *ep, struct smx_wall wall, const struct smx_wire_hello *hello,
                      const uint8_t *peer_static, struct link **l)
{
    struct allowed *relay = NULL;

    if (hello->wall.s < wall.s - SMX_LINK_CLOCK_SKEW || hello->wall.s > wall.s + SMX_LINK_CLOCK_SKEW) {
        ep->count.handshake_time++;
        return false;
    }
    if (hello->kind == SMX_LINK_RELAY)
        relay = smx_link_allowed(ep, peer_static);
    *l = smx_link_find(ep, peer_static);
    if (hello->kind == SMX_LINK_RELAY ? !relay : !ep->accept_clients) {
        ep->count.handshake_stranger++;
        return false;
    }
    if (*l && ((*l)->dial || (*l)->kind != (enum smx_link_kind)hello->kind || (*l)->cells != hello->cells)) {
        ep->count.handshake_stranger++; /* only one side connects, and what a link is stays */
        return false;
    }
    if (relay && hello->wall.s < relay->newest_s) {
        ep->count.handshake_repeated++;
        return false;
    }
    if (relay)
        relay->newest_s = hello->wall.s;
    return true;
}

static void answer_init(struct smx_endpoint *ep, smx_time now, const struct smx_addr *from,
                        const struct smx_wire_handshake *h, struct link *l, struct smx_noise *noise,
                        uint64_t peer_boot, struct smx_out *out)
{
    const struct smx_wire_hello hello = {.boot = ep->boot, .cells = l->cells};
    size_t len = SMX_LINK_DATAGRAM(l->cells);
    uint8_t payload[SMX_WIRE_HELLO_2], msg2[SMX_WIRE_MSG2];
    struct smx_wire_keys keys;
    uint8_t *datagram;
    uint32_t index;

    smx_wire_hello2_write(payload, &hello);
    if (smx_noise_write(noise, &ep->rng, payload, sizeof payload, msg2)) {
        ep->count.handshake_crypto++;
        return;
    }
    smx_link_drop_alt(ep, l);
    index = smx_index_new(ep, l, REF_ALT);
    if (smx_session_start(&l->alt, noise, index, h->sender))
        return; /* can't be: both messages are done */
    l->alt_use = ALT_HANDSHAKE;
    l->alt_boot = peer_boot;
    l->alt_until = now + SMX_LINK_HALF_OPEN;
    l->asked = 0;
    if (l->state == LINK_HALF)
        l->addr = *from;
    datagram = smx_out_add(out, from, len);
    if (!datagram)
        return; /* as if lost on the way */
    smx_wire_response_write(datagram, l->cells, index, h->sender, msg2, &ep->rng);
    smx_wire_keys(&keys, l->peer_static);
    smx_wire_macs_write(datagram, len, keys.mac1, NULL);
    smx_wire_mask(l->mask_key, datagram, len);
    l->asked = now;
}

static void receive_init(struct smx_endpoint *ep, smx_time now, struct smx_wall wall,
                         const struct smx_addr *from, const struct smx_wire_handshake *h,
                         const uint8_t *datagram, size_t len, struct smx_out *out)
{
    struct smx_wire_hello hello;
    uint8_t payload[SMX_WIRE_HELLO_1];
    struct smx_noise noise;
    struct link *l = NULL;
    bool paid = false;

    if (!ep->accept_clients && ep->allowed_count == 0) {
        ep->count.handshake_stranger++; /* nobody may connect: no work at all */
        return;
    }
    switch (smx_load_init_verdict(&ep->load, now, from, datagram, len, &ep->rng)) {
    case SMX_LOAD_COOKIE:
        send_cookie(ep, now, from, h, datagram, len, out);
        return;
    case SMX_LOAD_DROP:
        ep->count.handshake_overload++;
        return;
    case SMX_LOAD_PAID: /* the message begins with the ephemeral key */
        if (!smx_seen_add(&ep->seen, now, h->msg)) {
            ep->count.handshake_repeated++;
            return;
        }
        ep->count.handshakes_paid++;
        paid = true;
        break;
    case SMX_LOAD_GO:
        break;
    }
    ep->count.handshakes_read++;
    smx_noise_init(&noise, SMX_NOISE_IK, false, smx_wire_prologue, SMX_WIRE_PROLOGUE, &ep->local, NULL);
    if (smx_noise_read(&noise, h->msg, SMX_WIRE_MSG1, payload)) {
        ep->count.handshake_crypto++;
        goto done;
    }
    if (smx_wire_hello1_read(&hello, payload) || hello.cells != h->cells || hello.kind > SMX_LINK_RELAY ||
        (hello.kind == SMX_LINK_RELAY && hello.cells != SMX_LINK_CELLS_MAX)) {
        ep->count.handshake_format++;
        goto done;
    }
    if (!may_enter(ep, wall, &hello, smx_noise_remote_static(&noise), &l))
        goto done;
    if (!paid && !smx_seen_add(&ep->seen, now, h->msg)) {
        ep->count.handshake_repeated++;
        goto done;
    }
    if (!l) {
        l = smx_link_take(ep, smx_noise_remote_static(&noise), (enum smx_link_kind)hello.kind, hello.cells);
        if (!l) {
            ep->count.handshake_full++;
            goto done;
        }
        l->state = LINK_HALF;
        l->alt_until = now + SMX_LINK_HALF_OPEN;
    }
    answer_init(ep, now, from, h, l, &noise, hello.boot, out);
    if (l->state == LINK_HALF && l->alt_use == ALT_NONE)
        smx_link_give(ep, l); /* it could not be answered */
    else
        smx_link_arm(ep, l);
done:
    smx_noise_fini(&noise);
    sodium_memzero(payload, sizeof payload);
}

/* ---- the connecting side ---- */

static void receive_response(struct smx_endpoint *ep, smx_time now, const struct smx_wire_handshake *h,
                             struct smx_link_rx *rx)
{
    struct smx_wire_hello hello;
    uint8_t payload[SMX_WIRE_HELLO_2];
    uint32_t which = 0;
    struct link *l = smx_index_find(ep, h->receiver, &which);
    uint32_t index;

    if (!l || which != REF_DIAL || l->dial->rekey || h->cells != l->cells) {
        ep->count.bad_index++;
        return;
    }
    if (!smx_load_response_may(&ep->load, now)) {
        ep->count.handshake_overload++;
        return;
    }
    ep->count.handshakes_read++;
    if (smx_noise_read(&l->dial->noise, h->msg, SMX_WIRE_MSG2, payload)) {
        ep->count.handshake_crypto++;
        return;
    }
    smx_link_drop_alt(ep, l);
    index = l->dial->index;
    if (smx_wire_hello2_read(&hello, payload) || hello.cells != l->cells ||
        smx_session_start(&l->alt, &l->dial->noise, index, h->sender)) {
        ep->count.handshake_format++; /* authentic nonsense; the next init starts anew */
        smx_link_drop_dial(ep, l);
        return;
    }
    l->dial->index = 0; /* the index goes on with the session */
    smx_link_swap(ep, l, now, false);
    l->addr = l->dial->addr;
    l->newest = 0;
    smx_link_answered(l, now);
    ep->count.handshakes_done++;
    smx_link_come_up(ep, l, now, hello.boot, rx);
}

bool smx_handshake_receive_cookie(struct smx_endpoint *ep, smx_time now, const struct smx_addr *from,
                                  uint8_t *datagram, size_t len)
{
    for (struct dial *d = ep->dials; d; d = d->next_dial) {
        struct link *l = &ep->link[d->link];
        struct smx_wire_handshake h;
        struct smx_wire_keys keys;
        uint8_t bits;

        if (d->index == 0 || d->rekey || len != SMX_LINK_DATAGRAM(l->cells) ||
            !smx_addr_equal(&d->addr, from))
            continue;
        smx_wire_mask(l->mask_key, datagram, len);
        smx_wire_keys(&keys, l->peer_static);
        if (!smx_wire_handshake_read(&h, datagram, len) && h.type == SMX_WIRE_COOKIE &&
            h.receiver == d->index && !smx_wire_cookie_open(d->cookie, &bits, &h, keys.cookie, d->mac1)) {
            d->bits = bits < SMX_WORK_BITS_MAX ? bits : SMX_WORK_BITS_MAX;
            d->cookie_until = now + SMX_LINK_COOKIE_LIFE;
            d->next = smx_time_min(d->next, now + SMX_MS(200 + smx_rng_below(&ep->rng, 400)));
            ep->count.cookies_taken++;
            smx_link_arm(ep, l);
            return true;
        }
        smx_wire_mask(l->mask_key, datagram, len); /* as it was */
    }
    return false;
}

void smx_handshake_receive(struct smx_endpoint *ep, smx_time now, struct smx_wall wall,
                           const struct smx_addr *from, uint8_t *datagram, size_t len, struct smx_out *out,
                           struct smx_link_rx *rx)
{
    struct smx_wire_handshake h;

    if (smx_wire_handshake_read(&h, datagram, len) || h.type == SMX_WIRE_COOKIE) {
        ep->count.handshake_format++;
        return;
    }
    if (!smx_wire_mac1_holds(datagram, len, ep->own.mac1)) {
        ep->count.handshake_mac++;
        return;
    }
    if (h.type == SMX_WIRE_INIT)
        receive_init(ep, now, wall, from, &h, datagram, len, out);
    else
        receive_response(ep, now, &h, rx);
}
