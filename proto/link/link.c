/* The way of datagrams: in from the network to their link, and out from begin to seal. */
#include "proto/link/endpoint.h"

#include "proto/base/fetch.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

/* A datagram of the session that was answered but not yet heard proves that the peer has it: it is in use
 * from now on.  After a handshake the old session is gone at once; after a rekey it stays for what is still
 * under way. */
static void confirm(struct smx_endpoint *ep, struct link *l, smx_time now, const struct smx_addr *from,
                    struct smx_link_rx *rx)
{
    smx_link_answered(l, now);
    if (l->alt_use == ALT_REKEY) {
        smx_link_swap(ep, l, now, true);
        ep->count.rekeys++;
        smx_link_arm(ep, l);
        return;
    }
    smx_link_swap(ep, l, now, false);
    l->addr = *from;
    l->newest = 0;
    l->rekey_from = now + SMX_LINK_REKEY / 2;
    l->rekeyed = false;
    ep->count.handshakes_done++;
    smx_link_come_up(ep, l, now, l->alt_boot, rx);
}

static void take_rekeys(struct smx_endpoint *ep, struct link *l, smx_time now, uint8_t *cells)
{
    for (uint8_t i = 0; i < l->cells; i++) {
        uint8_t *cell = cells + (size_t)i * SMX_LINK_CELL;

        if (!smx_wire_is_rekey(cell))
            continue;
        smx_rekey_receive(ep, l, now, cell);
        memset(cell, 0, SMX_LINK_CELL); /* FILLER, docs/protocol/20-cell.md */
    }
}

static smx_time reading(const struct smx_endpoint *ep, smx_time now)
{
    return ep->clock ? smx_clock_read(ep->clock, now) : now;
}

static void receive_cells(struct smx_endpoint *ep, struct link *l, uint32_t which, smx_time now,
                          const struct smx_addr *from, uint8_t *datagram, size_t len, uint64_t counter,
                          struct smx_link_rx *rx)
{
    switch (smx_session_open(which == REF_NOW ? &l->now : &l->alt, ep->aead, datagram, len, counter)) {
    case SMX_OK:
        break;
    case SMX_E_AUTH:
        ep->count.bad_tag++;
        return;
    default:
        ep->count.bad_counter++;
        return;
    }
    ep->count.received++;
    rx->what = SMX_LINK_RX_CELLS;
    if (which == REF_ALT && l->alt_use != ALT_OLD)
        confirm(ep, l, now, from, rx);
    else if (l->state != LINK_UP)
        smx_link_come_up(ep, l, now, l->peer_boot, rx);
    if (counter >= l->newest) {
        l->newest = counter;
        if (!smx_addr_equal(&l->addr, from)) {
            l->addr = *from;
            ep->count.roams++;
        }
    }
    if (now > l->heard)
        l->heard = now;
    smx_phase_add(&l->phase, smx_link_q(ep, l), counter >> 8, reading(ep, now));
    rx->link = smx_link_number(ep, l);
    rx->tick = counter >> 8;
    rx->sub = (uint8_t)counter;
    rx->cells = datagram + SMX_LINK_HEAD;
    rx->cell_count = l->cells;
    take_rekeys(ep, l, now, rx->cells);
}

void smx_endpoint_receive(struct smx_endpoint *ep, smx_time arrival, struct smx_wall wall,
                          const struct smx_addr *from, uint8_t *bytes, size_t len, struct smx_out *out,
                          struct smx_link_rx *rx)
{
    struct smx_wire_head head;
    struct link *l;
    uint32_t which = 0;

    memset(rx, 0, sizeof *rx);
    rx->link = SMX_LINK_NONE;
    if (len < SMX_LINK_DATAGRAM(1) || len > SMX_LINK_DATAGRAM_MAX) {
        ep->count.bad_size++;
        return;
    }
    smx_wire_mask(ep->own.mask, bytes, len);
    head = smx_wire_head_read(bytes);
    if (head.index == 0) {
        smx_handshake_receive(ep, arrival, wall, from, bytes, len, out, rx);
        return;
    }
    l = smx_index_find(ep, head.index, &which);
    if (l)
        smx_fetch(l, offsetof(struct link, phase.late_weight));
    if (!l || which == REF_DIAL) {
        smx_wire_mask(ep->own.mask, bytes, len); /* as it came */
        rx->foreign = !smx_handshake_receive_cookie(ep, arrival, from, bytes, len);
        ep->count.bad_index += rx->foreign;
        return;
    }
    if (len != SMX_LINK_DATAGRAM(l->cells)) {
        ep->count.bad_size++;
        return;
    }
    receive_cells(ep, l, which, arrival, from, bytes, len, head.counter, rx);
}

/* ---- sending ---- */

uint8_t *smx_link_begin(struct smx_endpoint *ep, uint32_t link, struct smx_out *out)
{
    const struct link *l = smx_link_at(ep, link);
    uint8_t *datagram;

    if (l->state != LINK_UP)
        return NULL;
    datagram = smx_out_add(out, &l->addr, SMX_LINK_DATAGRAM(l->cells));
    return datagram ? datagram + SMX_LINK_HEAD : NULL;
}

void smx_link_seal(struct smx_endpoint *ep, uint32_t link, uint8_t *cells, uint64_t t, uint32_t k)
{
    struct link *l = smx_link_at(ep, link);
    uint64_t counter = t << 8 | k;

    assert(t < UINT64_C(1) << 56 && k < 256 && counter >= l->counter && l->now.index != 0);
    assert(l->kind == SMX_LINK_RELAY || k == 0);
    l->counter = counter + 1;
    smx_session_seal(&l->now, ep->aead, l->mask_key, cells - SMX_LINK_HEAD, SMX_LINK_DATAGRAM(l->cells),
                     counter);
    ep->count.sent++;
}

/* ---- what is known of a link ---- */

bool smx_link_is_up(const struct smx_endpoint *ep, uint32_t link)
{
    return smx_link_at(ep, link)->state == LINK_UP;
}

uint8_t smx_link_cells(const struct smx_endpoint *ep, uint32_t link)
{
    return smx_link_at(ep, link)->cells;
}

enum smx_link_kind smx_link_kind(const struct smx_endpoint *ep, uint32_t link)
{
    return smx_link_at(ep, link)->kind;
}

const uint8_t *smx_link_peer_static(const struct smx_endpoint *ep, uint32_t link)
{
    return smx_link_at(ep, link)->peer_static;
}

const struct smx_addr *smx_link_addr(const struct smx_endpoint *ep, uint32_t link)
{
    return &smx_link_at(ep, link)->addr;
}

smx_time smx_link_heard(const struct smx_endpoint *ep, uint32_t link)
{
    return smx_link_at(ep, link)->heard;
}

smx_time smx_link_expected(const struct smx_endpoint *ep, uint32_t link, uint64_t t)
{
    const struct link *l = smx_link_at(ep, link);

    return smx_phase_expected(&l->phase, smx_link_q(ep, l), t);
}

smx_time smx_link_margin(const struct smx_endpoint *ep, uint32_t link)
{
    return smx_phase_margin(&smx_link_at(ep, link)->phase, &ep->timing);
}

bool smx_link_drift(const struct smx_endpoint *ep, uint32_t link, smx_time now, int64_t *drift)
{
    return smx_phase_drift(&smx_link_at(ep, link)->phase, reading(ep, now), drift);
}

void smx_link_answered(struct link *l, smx_time now)
{
    smx_time took = now > l->asked ? now - l->asked : 0;

    if (l->asked == 0 || took > SMX_LINK_HALF_OPEN)
        return; /* an answer to nothing that we know of */
    l->asked = 0;
    memmove(l->rtt_us + 1, l->rtt_us, sizeof l->rtt_us - sizeof l->rtt_us[0]);
    l->rtt_us[0] = (uint32_t)(took / SMX_US(1)) + 1;
}

smx_time smx_link_rtt(const struct smx_endpoint *ep, uint32_t link)
{
    const struct link *l = smx_link_at(ep, link);
    uint32_t least = 0;

    for (size_t i = 0; i < SMX_LINK_RTTS; i++)
        if (l->rtt_us[i] != 0 && (least == 0 || l->rtt_us[i] < least))
            least = l->rtt_us[i];
    return SMX_US(least);
}

uint64_t smx_link_last_tick(const struct smx_endpoint *ep, uint32_t link)
{
    return smx_link_at(ep, link)->phase.last_tick;
}
