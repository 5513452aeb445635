/* client/sip/call.c - the back-to-back user agent: one call between a phone and the network side.
 *
 *   from a phone                                        to phones, up to SMX_UA_LEGS at once
 *   INVITE -> ASKED --200--> ANSWERED --ACK--> UP       CALLING --1xx--> RINGING --2xx, ACK--> UP
 *     |error, CANCEL            |no ACK        |BYE        \--CANCELLED--/  |error       |BYE
 *   FREE                      FREE           FREE        FREE             FREE         FREE
 *
 * A call is told to the network side once and ended for it once (over); its legs may live on until SIP is
 * done with them.  Timers: lapse.c. */
#include "client/sip/core.h"

#include <stdlib.h>
#include <string.h>

#define RING_FROM_PHONE SMX_SECOND(300) /* the network side decides long before */
#define RING_TO_PHONES  SMX_SECOND(180)

struct smx_call *smx_call_at(const struct smx_ua *ua, size_t i)
{
    return ua->call[i] && ua->call[i]->id != 0 ? ua->call[i] : NULL;
}

struct smx_call *smx_call_get(struct smx_ua *ua, uint32_t id)
{
    for (size_t i = 0; i < ua->call_max; i++) {
        struct smx_call *call = smx_call_at(ua, i);

        if (call && call->id == id)
            return call;
    }
    return NULL;
}

/* An own call that the network side may still speak of. */
static struct smx_call *live(struct smx_ua *ua, uint32_t id)
{
    struct smx_call *call = smx_call_get(ua, id);

    return call && !call->over ? call : NULL;
}

struct smx_call *smx_call_new(struct smx_ua *ua)
{
    struct smx_call **entry = NULL;

    for (size_t i = 0; i < ua->call_max; i++)
        if (!smx_call_at(ua, i))
            entry = &ua->call[i];
    if (!entry)
        return NULL;
    if (!*entry)
        *entry = malloc(sizeof **entry);
    if (!*entry)
        return NULL;
    memset(*entry, 0, sizeof **entry);
    (*entry)->id = smx_ua_new_id(ua);
    (*entry)->refusal = 480;
    return *entry;
}

/* A new call with a pair of ports, or NULL. */
static struct smx_call *new_call(struct smx_ua *ua)
{
    bool taken[SMX_UA_CALLS] = {false};
    struct smx_call *call;
    size_t pair = 0;

    for (size_t i = 0; i < ua->call_max; i++) {
        call = smx_call_at(ua, i);
        if (call && call->has_pair)
            taken[call->pair] = true;
    }
    while (pair < ua->port_count && taken[pair])
        pair++;
    call = pair < ua->port_count ? smx_call_new(ua) : NULL;
    if (!call)
        return NULL;
    call->pair = pair;
    call->has_pair = true;
    return call;
}

void smx_call_settle(struct smx_call *call)
{
    if (!call->over)
        return;
    call->has_pair = false;
    smx_secure_end(call);
    for (size_t i = 0; i < SMX_UA_LEGS; i++)
        if (call->leg[i].state != SMX_LEG_FREE)
            return;
    call->id = 0;
}

void smx_call_hang_up(struct smx_ua *ua, smx_time now, struct smx_leg *leg)
{
    smx_leg_bye(ua, leg);
    if (smx_session_is_asking(ua, leg)) { /* its end must be acknowledged */
        leg->state = SMX_LEG_GONE;
        leg->cancel_until = now + SMX_SIP_GIVE_UP;
    } else {
        smx_leg_free(ua, leg);
    }
}

/* Ends what is left of the legs, each in the way of its state. */
static void end_legs(struct smx_ua *ua, smx_time now, struct smx_call *call, unsigned status)
{
    for (size_t i = 0; i < SMX_UA_LEGS; i++) {
        struct smx_leg *leg = &call->leg[i];
        struct smx_txn *txn = smx_txn_get(&ua->txns, leg->invite);

        switch (leg->state) {
        case SMX_LEG_ASKED:
            if (txn)
                smx_leg_respond(ua, now, leg, txn, status);
            smx_leg_free(ua, leg);
            break;
        case SMX_LEG_CALLING:
        case SMX_LEG_RINGING:
            smx_leg_cancel(ua, now, leg);
            break;
        case SMX_LEG_UP:
            smx_call_hang_up(ua, now, leg);
            break;
        case SMX_LEG_ANSWERED: /* a BYE before the ACK would overtake our 200 (RFC 3261, 15) */
            call->bye_after_ack = true;
            break;
        case SMX_LEG_CANCELLED:
        case SMX_LEG_GONE:
        case SMX_LEG_LEFT:
        case SMX_LEG_FREE:
            break;
        }
    }
}

void smx_call_end(struct smx_ua *ua, smx_time now, struct smx_call *call, unsigned status)
{
    call->over = true;
    smx_transfer_ended(ua, now, call, status);
    end_legs(ua, now, call, status);
    smx_call_settle(call);
}

void smx_call_give_up(struct smx_ua *ua, smx_time now, struct smx_call *call)
{
    if (call->from_phone || call->answered)
        (void)smx_out_order(ua, SMX_UA_CALL_END, call->id);
    else
        smx_out_order(ua, SMX_UA_CALL_REFUSE, call->id)->code = 480;
    smx_call_end(ua, now, call, 480);
}

void smx_call_lost(struct smx_ua *ua, smx_time now, struct smx_call *call)
{
    if (!call->over && call->join.through) { /* without its phone, too */
        smx_transfer_part(ua, now, call);
        return;
    }
    if (!call->over)
        (void)smx_out_order(ua, SMX_UA_CALL_END, call->id);
    smx_call_end(ua, now, call, 480);
}

/* ---- from a phone ---- */

static bool is_merged(const struct smx_ua *ua, const struct smx_sip *sip)
{
    for (size_t i = 0; i < ua->call_max; i++) {
        const struct smx_call *call = smx_call_at(ua, i);

        if (call && call->from_phone && smx_span_is(sip->call_id, call->leg[0].call_id) &&
            strcmp(sip->from_tag, call->leg[0].remote_tag) == 0)
            return true;
    }
    return false;
}

void smx_call_invite(struct smx_ua *ua, smx_time now, const struct smx_sip *sip, const struct smx_flow *flow)
{
    struct smx_ua_target target;
    struct smx_sdp sdp;
    struct smx_call *call;
    struct smx_txn *txn;
    struct smx_ua_order *order;
    unsigned status;

    status = is_merged(ua, sip) ? 482 : smx_uri_target(ua, &sip->uri, &target);
    if (status == 0 && smx_sip_privacy(sip) == SMX_PRIVACY_UNKNOWN)
        status = 500; /* RFC 3323, 4.2: critical */
    if (status == 0)
        status = smx_session_read(ua, SMX_SDP_G711, &sdp, sip, flow); /* the far side may have but that */
    if (status == 0 && (!ua->ready || ua->ending || !smx_out_has_order_room(ua)))
        status = 503;
    if (status != 0) {
        smx_ua_reply(ua, sip, flow, status);
        return;
    }
    call = new_call(ua);
    if (!call) {
        ua->stats.table_full++;
        smx_ua_reply(ua, sip, flow, 503);
        return;
    }
    if (sdp.media_count > 0)
        smx_reg_savp(ua, flow, sdp.savp);
    call->from_phone = true;
    call->opus = sdp.opus != 0; /* not for an offer of ours: it may go out before the far side answers */
    if (!smx_leg_accept(ua, call, &call->leg[0], sip, flow)) {
        smx_ua_reply(ua, sip, flow, 400);
        call->id = 0;
        return;
    }
    status = smx_timer_asked(&call->leg[0], sip);
    if (status != 0) {
        smx_ua_reply(ua, sip, flow, status);
        call->id = 0;
        return;
    }
    txn = smx_ua_open(ua, sip, flow);
    if (!txn) {
        call->id = 0;
        return;
    }
    call->leg[0].invite = smx_txn_ref(&ua->txns, txn);
    call->leg[0].sdp = sdp;
    call->leg[0].own = sdp.direction;
    call->leg[0].answer_offers = sdp.media_count == 0;
    call->leg[0].answer_cseq = sip->cseq;
    call->leg[0].reliable = smx_sip_has_option(sip, SMX_H_REQUIRE, "100rel");
    call->ring_until = now + RING_FROM_PHONE;
    smx_leg_respond(ua, now, &call->leg[0], txn, 100);
    order = smx_out_order(ua, SMX_UA_CALL_START, call->id);
    order->target = target;
    order->opus = call->opus;
    order->unnamed = call->unnamed = smx_sip_privacy(sip) == SMX_PRIVACY_UNNAMED;
    if (ua->display_name && !call->unnamed)
        smx_display_name(*smx_gate_get(&sip->gate, SMX_H_FROM), order->display);
    smx_reg_identity(ua, sip, call->identity);
    memcpy(order->identity, call->identity, sizeof order->identity);
}

void smx_ua_call_ringing(struct smx_ua *ua, smx_time now, uint32_t id)
{
    struct smx_call *call = live(ua, id);
    struct smx_txn *txn;

    smx_txn_time(&ua->txns, now);
    txn = call && call->from_phone && !call->rang ? smx_txn_get(&ua->txns, call->leg[0].invite) : NULL;
    if (txn && call->leg[0].state == SMX_LEG_ASKED) {
        call->rang = true;
        smx_rel_ring(ua, now, &call->leg[0], txn);
    }
    if (call && call->join.out)
        smx_transfer_rings(ua, call);
    smx_txn_settle(&ua->txns);
}

void smx_call_answer(struct smx_ua *ua, smx_time now, struct smx_call *call)
{
    struct smx_leg *leg = &call->leg[0];
    struct smx_txn *txn = smx_txn_get(&ua->txns, leg->invite);

    if (!txn || leg->state != SMX_LEG_ASKED)
        return;
    leg->answer_held = leg->prack_owed && leg->answer_offers;
    if (leg->answer_held) /* the phone's answer to our offer comes first (RFC 3262, 3) */
        return;
    leg->prack_owed = false;
    smx_timer_start(leg, now);
    smx_leg_respond(ua, now, leg, txn, 200);
    leg->state = SMX_LEG_ANSWERED;
    leg->settled = !leg->answer_offers;
    call->answered = true;
    smx_media_start(ua, now, call);
    smx_session_tell(ua, now, call, leg);
}

void smx_ua_call_answered(struct smx_ua *ua, smx_time now, uint32_t id)
{
    struct smx_call *call = live(ua, id);

    smx_txn_time(&ua->txns, now);
    if (call && call->join.out)
        smx_transfer_answered(ua, now, call, call->leg[0].codecs == SMX_SDP_OPUS_ALONE);
    else if (call && call->from_phone)
        smx_call_answer(ua, now, call);
    smx_txn_settle(&ua->txns);
}

void smx_ua_call_failed(struct smx_ua *ua, smx_time now, uint32_t id, unsigned code)
{
    static const unsigned known[] = {404, 408, 480, 486, 488, 503, 603};
    struct smx_call *call = live(ua, id);
    unsigned status = 480;

    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (known[i] == code)
            status = code;
    smx_txn_time(&ua->txns, now);
    if (call)
        smx_call_end(ua, now, call, status);
    smx_txn_settle(&ua->txns);
}

void smx_ua_call_ended(struct smx_ua *ua, smx_time now, uint32_t id)
{
    smx_ua_call_failed(ua, now, id, 480);
}

void smx_ua_call_direction(struct smx_ua *ua, smx_time now, uint32_t id, enum smx_direction far)
{
    struct smx_call *call = live(ua, id);

    smx_txn_time(&ua->txns, now);
    if (call && (call->join.through || call->join.parted)) {
        smx_transfer_direction(ua, call, far);
    } else if (call && call->answered) {
        call->leg[call->winner].far = far;
        smx_session_tell(ua, now, call, &call->leg[call->winner]);
    }
    smx_txn_settle(&ua->txns);
}

void smx_call_cancel(struct smx_ua *ua, struct smx_txn *invite)
{
    for (size_t i = 0; i < ua->call_max; i++) {
        struct smx_call *call = smx_call_at(ua, i);

        if (!call || call->leg[0].state != SMX_LEG_ASKED ||
            smx_txn_get(&ua->txns, call->leg[0].invite) != invite)
            continue;
        (void)smx_out_order(ua, SMX_UA_CALL_END, call->id);
        smx_call_end(ua, ua->txns.now, call, 487);
        return;
    }
}

/* ---- inside a dialog ---- */

void smx_call_ack(struct smx_ua *ua, smx_time now, struct smx_call *call, struct smx_leg *leg,
                  const struct smx_sip *sip)
{
    struct smx_sdp sdp;

    if (!leg->answer_owed || sip->cseq != leg->answer_cseq)
        return;
    leg->answer_owed = false;
    leg->answer_bare = false;
    leg->state = SMX_LEG_UP;
    if (leg->answer_offers) {
        if (smx_session_read(ua, leg->codecs, &sdp, sip, &leg->flow) != 0 || sdp.media_count == 0) {
            smx_call_lost(ua, now, call);
            return;
        }
        leg->answer_offers = false;
        smx_session_answered(now, call, leg, &sdp);
    }
    if (call->bye_after_ack)
        smx_call_end(ua, now, call, 480);
    else
        smx_session_tell(ua, now, call, leg);
}

void smx_call_bye(struct smx_ua *ua, struct smx_call *call, struct smx_leg *leg, const struct smx_sip *sip,
                  const struct smx_flow *flow)
{
    struct smx_text out = {ua->build, 0, sizeof ua->build, false};
    struct smx_txn *invite, *txn = smx_ua_open(ua, sip, flow);
    struct smx_response response = {.status = 200};

    if (!txn)
        return;
    response.echo = (struct smx_span){txn->echo, txn->echo_len};
    smx_write_response(&out, &response);
    smx_txn_respond(&ua->txns, txn, 200, smx_text_done(&out));
    invite = smx_txn_get(&ua->txns, leg->invite);
    if (leg->state == SMX_LEG_ASKED &&
        invite) /* a BYE in an early dialog ends the INVITE too (RFC 3261, 15.1.2) */
        smx_leg_respond(ua, ua->txns.now, leg, invite, 487);
    if (!call->over && call->join.with != 0) { /* it has handed its call on */
        smx_transfer_parted(call);
        smx_leg_free(ua, leg);
        return;
    }
    smx_leg_free(ua, leg);
    if (!call->over)
        (void)smx_out_order(ua, SMX_UA_CALL_END, call->id);
    smx_call_end(ua, ua->txns.now, call, 480);
}

/* ---- to phones ---- */

static enum smx_err incoming(struct smx_ua *ua, smx_time now, const char *from, const char *identity,
                             bool opus, uint32_t *id)
{
    const struct smx_binding *phone[SMX_UA_LEGS];
    size_t count, asked = 0;
    struct smx_call *call;

    smx_txn_time(&ua->txns, now);
    smx_reg_expire(ua, now);
    count = smx_reg_phones(ua, identity, phone);
    if (count == 0 || ua->ending)
        return SMX_E_ABSENT;
    call = new_call(ua);
    if (!call)
        return SMX_E_FULL;
    (void)smx_span_copy(call->identity, sizeof call->identity, smx_span_of(identity));
    call->ring_until = now + RING_TO_PHONES;
    call->opus = opus;
    for (size_t i = 0; i < count; i++)
        asked += smx_leg_invite(ua, call, i, phone[i], from);
    if (asked == 0)
        call->id = 0;
    *id = call->id;
    smx_txn_settle(&ua->txns);
    return asked > 0 ? SMX_OK : SMX_E_FULL;
}

enum smx_err smx_ua_call_incoming(struct smx_ua *ua, smx_time now, const char *from, const char *identity,
                                  uint32_t *id)
{
    return incoming(ua, now, from, identity, false, id);
}

enum smx_err smx_ua_call_incoming_opus(struct smx_ua *ua, smx_time now, const char *from,
                                       const char *identity, uint32_t *id)
{
    return incoming(ua, now, from, identity, ua->opus, id);
}

/* No phone is left that could answer. */
static void refuse_if_alone(struct smx_ua *ua, struct smx_call *call)
{
    if (call->over) {
        smx_call_settle(call);
        return;
    }
    for (size_t i = 0; i < SMX_UA_LEGS; i++)
        if (call->leg[i].state != SMX_LEG_FREE && call->leg[i].state != SMX_LEG_CANCELLED)
            return;
    smx_out_order(ua, SMX_UA_CALL_REFUSE, call->id)->code = (uint16_t)call->refusal;
    call->over = true;
    smx_call_settle(call);
}

void smx_call_leg_failed(struct smx_ua *ua, struct smx_call *call, struct smx_leg *leg, unsigned status)
{
    if (status == 603 || (call->refusal == 480 && (status == 486 || status == 600)))
        call->refusal = status == 600 ? 486 : status; /* else the reason is the phone's own affair */
    smx_leg_free(ua, leg);
    refuse_if_alone(ua, call);
}

/* The first 2xx of a leg: it wins, or comes too late. */
static void leg_accepted(struct smx_ua *ua, smx_time now, struct smx_call *call, struct smx_leg *leg,
                         const struct smx_sip *sip)
{
    bool wanted = leg->state != SMX_LEG_CANCELLED && !call->answered && !call->over;
    struct smx_sdp sdp;

    (void)smx_span_copy(leg->remote_tag, sizeof leg->remote_tag, smx_span_of(sip->to_tag ? sip->to_tag : ""));
    smx_leg_retarget(leg, sip);
    leg->state = SMX_LEG_UP;
    if (!smx_rel_final_session(ua, leg, sip, &sdp) || !wanted) {
        smx_leg_bye(ua, leg);
        smx_call_leg_failed(ua, call, leg, 480);
        return;
    }
    call->winner = (size_t)(leg - call->leg);
    call->answered = true;
    for (size_t i = 0; i < SMX_UA_LEGS; i++)
        if (call->leg[i].state == SMX_LEG_CALLING || call->leg[i].state == SMX_LEG_RINGING)
            smx_leg_cancel(ua, now, &call->leg[i]);
    smx_out_order(ua, SMX_UA_CALL_ANSWER, call->id)->opus = smx_media_choose(leg, &sdp);
    smx_timer_agreed(leg, sip);
    smx_timer_start(leg, now);
    smx_session_answered(now, call, leg, &sdp);
    smx_media_start(ua, now, call);
    smx_session_tell(ua, now, call, leg);
}

/* The phone was several: this one is not the one that we talk to. */
static void surplus_fork(struct smx_ua *ua, const struct smx_leg *leg, const struct smx_sip *sip)
{
    struct smx_text out = {ua->build, 0, sizeof ua->build, false};
    struct smx_leg other = *leg;

    smx_leg_write_ack(ua, leg, sip, &out);
    smx_out_flow(ua, &leg->flow, smx_text_done(&out));
    (void)smx_span_copy(other.remote_tag, sizeof other.remote_tag,
                        smx_span_of(sip->to_tag ? sip->to_tag : ""));
    smx_leg_retarget(&other, sip);
    smx_leg_bye(ua, &other);
}

void smx_call_response(struct smx_ua *ua, smx_time now, struct smx_txn *txn, const struct smx_sip *sip)
{
    struct smx_call *call = smx_call_get(ua, txn->owner.id);
    struct smx_leg *leg = call ? &call->leg[txn->owner.leg] : NULL;
    struct smx_text ack = {ua->build, 0, sizeof ua->build, false};

    if (leg && smx_txn_get(&ua->txns, leg->ask) == txn) {
        smx_session_response(ua, now, call, leg, txn, sip);
        return;
    }
    if (!leg || smx_txn_get(&ua->txns, leg->invite) != txn)
        leg = NULL; /* hung up meanwhile: only the machine answers */
    if (leg && smx_txn_is_second_fork(&ua->txns, txn, sip)) {
        surplus_fork(ua, leg, sip);
        return;
    }
    if (leg && sip->status >= 200)
        smx_leg_write_ack(ua, leg, sip, &ack);
    if (!smx_txn_response(&ua->txns, txn, sip, smx_text_done(&ack)) || !leg)
        return;
    if (leg->state != SMX_LEG_CANCELLED &&
        ((sip->status == 422 && smx_timer_raised(leg, sip)) ||  /* with the time it wants (RFC 4028, 7.3), */
         (sip->status == 488 && smx_secure_raised(ua, leg))) && /* with the profile it may want */
        smx_leg_send_invite(ua, call, leg))
        return;
    if (sip->status >= 300) {
        smx_call_leg_failed(ua, call, leg, sip->status);
    } else if (sip->status >= 200) {
        leg_accepted(ua, now, call, leg, sip);
    } else if (leg->state == SMX_LEG_CANCELLED) {
        if (!leg->cancel_sent)
            smx_leg_send_cancel(ua, leg);
    } else {
        leg->state = SMX_LEG_RINGING;
        smx_rel_provisional(ua, leg, sip);
        if (sip->status >= 180 && !call->rang) {
            call->rang = true;
            (void)smx_out_order(ua, SMX_UA_CALL_RINGING, call->id);
        }
    }
}
