/* client/sip/session.c - offers and answers inside a dialog: hold, resume, a new port or address, a refresh.
 * Source: docs/protocol/70-phone.md, section 4; RFC 3261, 14; RFC 3264, 8; RFC 3311.
 *
 *   phone: re-INVITE, UPDATE -> answered here at once; only whether the phone sends and listens crosses
 *   network side: far -> our re-INVITE, one at a time
 *
 * One offer at a time, whoever makes it.  A phone's offer that meets ours gets 491; ours that meets the
 * phone's waits for 2.1 to 4 s if the Call-ID is ours, else up to 2 s (RFC 3261, 14.1).
 * Timers: ask_at; ask_until (an INVITE's transaction waits for ever once there is a provisional response). */
#include "client/sip/core.h"

#include <string.h>

#define REFUSED_GAP SMX_SECOND(30) /* before a refresh is tried again */
#define ASK_GAP     SMX_MS(500)    /* between two re-INVITEs of ours, whatever the far side does */

unsigned smx_session_read(const struct smx_ua *ua, enum smx_sdp_codecs codecs, struct smx_sdp *sdp,
                          const struct smx_sip *sip, const struct smx_flow *flow)
{
    const struct smx_span *type = smx_gate_get(&sip->gate, SMX_H_CONTENT_TYPE);
    struct smx_span value, params;

    memset(sdp, 0, sizeof *sdp);
    if (sip->body.len == 0)
        return 0;
    value = type ? *type : (struct smx_span){NULL, 0};
    params = value;
    value = smx_span_trim(smx_span_cut(&params, ';'));
    if (!smx_span_is_nocase(value, "application/sdp"))
        return 415;
    switch (smx_sdp_read(sdp, sip->body)) {
    case SMX_OK:
        if (!ua->opus)
            sdp->opus = 0;
        return smx_sdp_has(sdp, codecs) ? smx_secure_admit(ua, flow, sdp) : 488;
    case SMX_E_MALFORMED:
        return 400;
    default:
        return 488;
    }
}

/* ---- what the phone says ---- */

static void take(smx_time now, struct smx_call *call, struct smx_leg *leg, const struct smx_sdp *sdp)
{
    bool moved = sdp->has_ip != leg->sdp.has_ip || memcmp(sdp->ip, leg->sdp.ip, sizeof sdp->ip) != 0;
    uint16_t port_before = moved ? 0 : leg->sdp.port; /* another address is as new as another port */

    leg->sdp = *sdp;
    leg->settled = true;
    if (call->answered && leg == &call->leg[call->winner])
        smx_media_change(now, call, port_before);
}

void smx_session_offered(smx_time now, struct smx_call *call, struct smx_leg *leg, const struct smx_sdp *sdp)
{
    take(now, call, leg, sdp);
    leg->own = sdp->direction;
}

void smx_session_answered(smx_time now, struct smx_call *call, struct smx_leg *leg, const struct smx_sdp *sdp)
{
    /* where our offer left it no choice, the answer says nothing about what the phone wants */
    unsigned forced = smx_sdp_mirror(leg->offering);

    take(now, call, leg, sdp);
    leg->own = (enum smx_direction)(((unsigned)sdp->direction & ~forced) | ((unsigned)leg->own & forced));
    leg->said = leg->offering;
    leg->shown = leg->offering_far;
}

bool smx_session_is_asking(struct smx_ua *ua, const struct smx_leg *leg)
{
    const struct smx_txn *txn = smx_txn_get(&ua->txns, leg->ask);

    return txn && !txn->final;
}

static bool our_offer_is_out(struct smx_ua *ua, const struct smx_leg *leg)
{
    return smx_session_is_asking(ua, leg) || (leg->answer_owed && leg->answer_offers);
}

void smx_session_reinvite(struct smx_ua *ua, smx_time now, struct smx_call *call, struct smx_leg *leg,
                          const struct smx_sip *sip, const struct smx_flow *flow)
{
    struct smx_sdp sdp;
    struct smx_txn *txn;
    unsigned status = 0;

    if (call->over)
        status = 481;
    else if (leg->state != SMX_LEG_UP || leg->answer_owed || our_offer_is_out(ua, leg))
        status = 491;
    else if (sip->cseq <= leg->remote_cseq)
        status = 500;
    else
        status = smx_session_read(ua, leg->codecs, &sdp, sip, flow);
    if (status == 0)
        status = smx_timer_asked(leg, sip);
    if (status != 0) {
        smx_ua_reply(ua, sip, flow, status);
        return;
    }
    txn = smx_ua_open(ua, sip, flow);
    if (!txn)
        return;
    leg->remote_cseq = sip->cseq;
    smx_leg_retarget(leg, sip);
    leg->answer_cseq = sip->cseq;
    leg->answer_offers = sdp.media_count == 0;
    if (!leg->answer_offers) {
        smx_session_offered(now, call, leg, &sdp);
        leg->shown = leg->far;
    }
    smx_timer_start(leg, now);
    smx_leg_respond(ua, now, leg, txn, 200);
    smx_session_tell(ua, now, call, leg);
}

void smx_session_update(struct smx_ua *ua, smx_time now, struct smx_call *call, struct smx_leg *leg,
                        const struct smx_sip *sip, const struct smx_flow *flow)
{
    struct smx_sdp sdp;
    struct smx_txn *txn;
    unsigned status = 0;

    if (call->over)
        status = 481;
    else if (sip->cseq <= leg->remote_cseq)
        status = 500;
    else
        status = smx_session_read(ua, leg->codecs, &sdp, sip, flow);
    if (status == 0 && sdp.media_count > 0) { /* RFC 3311, 5.2 */
        if (our_offer_is_out(ua, leg))
            status = 491;
        else if (!leg->settled)
            status = 500;
    }
    if (status == 0)
        status = smx_timer_asked(leg, sip);
    if (status != 0) {
        smx_ua_reply(ua, sip, flow, status);
        return;
    }
    txn = smx_ua_open(ua, sip, flow);
    if (!txn)
        return;
    leg->remote_cseq = sip->cseq;
    if (leg->state != SMX_LEG_RINGING) /* a CANCEL repeats the INVITE's address */
        smx_leg_retarget(leg, sip);
    if (call->answered)
        smx_timer_start(leg, now);
    if (sdp.media_count > 0) {
        smx_session_offered(now, call, leg, &sdp);
        leg->shown = leg->far;
    }
    smx_leg_accept_request(ua, leg, txn, sdp.media_count > 0, true);
    smx_session_tell(ua, now, call, leg);
}

/* ---- what we say ---- */

static bool is_talking(const struct smx_call *call, const struct smx_leg *leg)
{
    return call->answered && !call->over && !call->join.through && leg->state != SMX_LEG_FREE &&
           leg == &call->leg[call->winner];
}

/* When the phone is to be asked for something: a direction, a refresh. */
static smx_time news_at(const struct smx_call *call, const struct smx_leg *leg)
{
    if (!is_talking(call, leg) || leg->state != SMX_LEG_UP || leg->answer_owed)
        return SMX_NEVER;
    if (leg->shown != leg->far)
        return leg->ask_at;
    return leg->refresh_at > leg->ask_at ? leg->refresh_at : leg->ask_at;
}

void smx_session_tell(struct smx_ua *ua, smx_time now, struct smx_call *call, struct smx_leg *leg)
{
    if (is_talking(call, leg) && leg->own != leg->own_told && smx_out_has_order_room(ua)) {
        leg->own_told = leg->own;
        smx_out_order(ua, SMX_UA_CALL_DIRECTION, call->id)->code = (uint16_t)leg->own;
    }
    if (is_talking(call, leg) && leg->expire_at <= now) {
        smx_call_lost(ua, now, call); /* nobody has refreshed it */
        return;
    }
    if (smx_session_is_asking(ua, leg)) {
        if (leg->ask_until <= now) { /* the phone only says that it tries */
            leg->ask_until = SMX_NEVER;
            smx_session_unanswered(ua, now, call, leg);
        }
        return;
    }
    if (now < news_at(call, leg))
        return;
    leg->ask_at = now + ASK_GAP;
    leg->ask_until = now + SMX_SIP_GIVE_UP;
    (void)smx_leg_reinvite(ua, call, leg); /* no room: again after the gap */
}

/* RFC 3261, 14.1, in its steps of 10 ms. */
static smx_time after_glare(struct smx_ua *ua, const struct smx_call *call)
{
    return call->from_phone ? SMX_MS(10) * smx_rng_below(&ua->rng, 201)
                            : SMX_MS(2100) + SMX_MS(10) * smx_rng_below(&ua->rng, 191);
}

void smx_session_response(struct smx_ua *ua, smx_time now, struct smx_call *call, struct smx_leg *leg,
                          struct smx_txn *txn, const struct smx_sip *sip)
{
    struct smx_text ack = {ua->build, 0, sizeof ua->build, false};
    struct smx_sdp sdp;

    if (sip->status >= 200)
        smx_leg_write_ack(ua, leg, sip, &ack);
    if (!smx_txn_response(&ua->txns, txn, sip, smx_text_done(&ack)) || sip->status < 200)
        return;
    if (leg->state == SMX_LEG_GONE) { /* it has our BYE, too */
        smx_leg_free(ua, leg);
        smx_call_settle(call);
    } else if (sip->status < 300) {
        smx_leg_retarget(leg, sip);
        if (smx_session_read(ua, leg->codecs, &sdp, sip, &leg->flow) != 0 || sdp.media_count == 0) {
            smx_call_lost(ua, now, call);
            return;
        }
        smx_timer_agreed(leg, sip);
        smx_timer_start(leg, now);
        smx_session_answered(now, call, leg, &sdp);
        smx_session_tell(ua, now, call, leg);
    } else if (sip->status == 422 && smx_timer_raised(leg, sip)) {
        leg->ask_at = now;
    } else if (sip->status == 491) {
        leg->ask_at = now + after_glare(ua, call);
    } else if (sip->status == 408 || sip->status == 481) { /* RFC 3261, 12.2.1.2 */
        smx_call_lost(ua, now, call);
    } else {
        leg->shown = leg->offering_far; /* it won't; the session stays as it was */
        leg->ask_at = now + REFUSED_GAP;
    }
}

void smx_session_unanswered(struct smx_ua *ua, smx_time now, struct smx_call *call, struct smx_leg *leg)
{
    (void)leg;
    if (!call->over)
        smx_call_lost(ua, now, call);
}

smx_time smx_session_deadline(const struct smx_ua *ua, const struct smx_call *call, const struct smx_leg *leg)
{
    const struct smx_txn *ask = &ua->txns.txn[leg->ask.slot];
    bool asking = leg->ask.serial != 0 && ask->serial == leg->ask.serial && !ask->final;

    smx_time end = is_talking(call, leg) ? leg->expire_at : SMX_NEVER;

    return smx_time_min(end, asking ? leg->ask_until : news_at(call, leg));
}
