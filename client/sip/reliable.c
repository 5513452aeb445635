/* client/sip/reliable.c - provisional responses that are acknowledged, on each leg by itself.
 * Source: docs/protocol/70-phone.md, section 9; RFC 3262.
 *
 *   from a phone that requires it:  our 180 with RSeq, again and again --PRACK--> 200
 *                                   without an offer in its INVITE: the 180 holds ours, the PRACK its answer
 *   to phones:                      18x with RSeq -> our PRACK in the early dialog of its tag
 *
 * A session in an 18x is kept by its tag until the 200 comes; nothing is heard before that, either way. */
#include "client/sip/core.h"

#include <string.h>

/* ---- as the called side ---- */

void smx_rel_ring(struct smx_ua *ua, smx_time now, struct smx_leg *leg, struct smx_txn *txn)
{
    if (leg->reliable) {
        leg->rseq = 1 + smx_rng_below(&ua->rng, 1U << 30);
        leg->prack_owed = true;
        leg->prack_gap = SMX_SIP_T1;
        leg->prack_again = now + SMX_SIP_T1;
        leg->prack_until = now + SMX_SIP_GIVE_UP;
    }
    smx_leg_respond(ua, now, leg, txn, 180);
}

/* RAck: 776656 1 INVITE */
static bool is_for(const struct smx_leg *leg, const struct smx_sip *sip)
{
    const struct smx_span *rack = smx_gate_get(&sip->gate, SMX_H_RACK);
    struct smx_span rest = rack ? *rack : (struct smx_span){NULL, 0};
    struct smx_span rseq = smx_span_cut(&rest, ' '), cseq;
    uint32_t r, c;

    rest = smx_span_trim(rest);
    cseq = smx_span_cut(&rest, ' ');
    return leg->rseq != 0 && smx_span_u32(rseq, UINT32_MAX, &r) && smx_span_u32(cseq, UINT32_MAX, &c) &&
           r == leg->rseq && c == leg->answer_cseq && smx_span_is(smx_span_trim(rest), "INVITE");
}

void smx_rel_prack(struct smx_ua *ua, smx_time now, struct smx_call *call, struct smx_leg *leg,
                   const struct smx_sip *sip, const struct smx_flow *flow)
{
    bool answers = leg->prack_owed && leg->answer_offers;
    struct smx_sdp sdp;
    struct smx_txn *txn;
    unsigned status = 0;

    if (call->over || !is_for(leg, sip))
        status = 481;
    else if (sip->cseq <= leg->remote_cseq)
        status = 500;
    else
        status = smx_session_read(ua, leg->codecs, &sdp, sip, flow);
    if (status == 0 && answers != (sdp.media_count > 0))
        status = 488; /* it owes us an answer, or would make an offer out of turn */
    if (status != 0) {
        smx_ua_reply(ua, sip, flow, status);
        return;
    }
    txn = smx_ua_open(ua, sip, flow);
    if (!txn)
        return;
    leg->remote_cseq = sip->cseq;
    smx_leg_accept_request(ua, leg, txn, false, false);
    leg->prack_owed = false;
    if (answers) {
        smx_session_answered(now, call, leg, &sdp);
        leg->answer_offers = false;
        leg->answer_bare = true;
    }
    if (leg->answer_held)
        smx_call_answer(ua, now, call);
}

/* True: the phone has never acknowledged it. */
bool smx_rel_expire(struct smx_ua *ua, smx_time now, struct smx_leg *leg)
{
    const struct smx_txn *txn = smx_txn_get(&ua->txns, leg->invite);

    if (leg->state != SMX_LEG_ASKED || !leg->prack_owed || leg->prack_again > now)
        return false;
    if (leg->prack_until <= now)
        return true;
    if (txn)
        smx_out_flow(ua, &leg->flow, (struct smx_span){txn->last, txn->last_len});
    leg->prack_gap *= 2; /* without a bound, up to the end (RFC 3262, 3) */
    leg->prack_again = smx_time_min(now + leg->prack_gap, leg->prack_until);
    return false;
}

smx_time smx_rel_deadline(const struct smx_leg *leg)
{
    return leg->state == SMX_LEG_ASKED && leg->prack_owed ? leg->prack_again : SMX_NEVER;
}

/* ---- as the calling side ---- */

static struct smx_fork *fork_of(struct smx_leg *leg, const char *tag)
{
    for (size_t i = 0; i < SMX_LEG_FORKS; i++)
        if (leg->fork[i].tag[0] && strcmp(leg->fork[i].tag, tag) == 0)
            return &leg->fork[i];
    return NULL;
}

bool smx_rel_is_fork(const struct smx_leg *leg, const char *tag)
{
    for (size_t i = 0; i < SMX_LEG_FORKS; i++)
        if (leg->fork[i].tag[0] && strcmp(leg->fork[i].tag, tag) == 0)
            return true;
    return false;
}

bool smx_rel_final_session(const struct smx_ua *ua, struct smx_leg *leg, const struct smx_sip *sip,
                           struct smx_sdp *sdp)
{
    const struct smx_fork *fork = sip->to_tag ? fork_of(leg, sip->to_tag) : NULL;

    if (smx_session_read(ua, leg->codecs, sdp, sip, &leg->flow) != 0)
        return false;
    if (sdp->media_count == 0 && fork)
        *sdp = fork->sdp;
    return sdp->media_count > 0;
}

static struct smx_fork *new_fork(struct smx_leg *leg, const char *tag)
{
    for (size_t i = 0; i < SMX_LEG_FORKS; i++)
        if (!leg->fork[i].tag[0]) {
            (void)smx_span_copy(leg->fork[i].tag, sizeof leg->fork[i].tag, smx_span_of(tag));
            return &leg->fork[i];
        }
    return NULL; /* a phone that is so many is not acknowledged, and will do without */
}

void smx_rel_provisional(struct smx_ua *ua, struct smx_leg *leg, const struct smx_sip *sip)
{
    const struct smx_span *line = smx_gate_get(&sip->gate, SMX_H_RSEQ);
    uint32_t rseq = 0;
    bool reliable = line && smx_span_u32(*line, UINT32_MAX, &rseq) && rseq > 0 &&
                    smx_sip_has_option(sip, SMX_H_REQUIRE, "100rel");
    struct smx_fork *fork;
    struct smx_sdp sdp;

    if (sip->status == 100 || !sip->to_tag || (!reliable && sip->body.len == 0))
        return;
    fork = fork_of(leg, sip->to_tag);
    if (!fork)
        fork = new_fork(leg, sip->to_tag);
    if (!fork || (reliable && fork->rseq != 0 && rseq != fork->rseq + 1))
        return; /* once more, or out of order (RFC 3262, 4) */
    if (sip->contact_count == 1 && !smx_span_is(sip->contact[0].uri, "*"))
        (void)smx_span_copy(fork->target, sizeof fork->target, sip->contact[0].uri);
    if (smx_session_read(ua, leg->codecs, &sdp, sip, &leg->flow) == 0 && sdp.media_count > 0)
        fork->sdp = sdp;
    if (!reliable)
        return;
    fork->rseq = rseq;
    smx_leg_prack(ua, leg, fork);
}
