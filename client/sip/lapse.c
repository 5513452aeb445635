/* client/sip/lapse.c - what ends by time or by lost connections, and all calls at our own end.
 * Timers: ring_until (a call that nobody answers), answer_again and answer_until (our 200 until its ACK),
 * cancel_until (a phone that never answers a cancelled INVITE, or never connects again to hear the end of an
 * earlier run's call), and those of media.c, session.c and transfer.c. */
#include "client/sip/core.h"

void smx_call_timeout(struct smx_ua *ua, uint32_t id, size_t leg)
{
    struct smx_call *call = smx_call_get(ua, id);
    enum smx_leg_state state = call ? call->leg[leg].state : SMX_LEG_FREE;

    if (state == SMX_LEG_UP || state == SMX_LEG_ANSWERED)
        smx_session_unanswered(ua, ua->txns.now, call, &call->leg[leg]);
    else if (state != SMX_LEG_FREE)
        smx_call_leg_failed(ua, call, &call->leg[leg], 480);
}

void smx_ua_hang_up(struct smx_ua *ua, smx_time now)
{
    smx_txn_time(&ua->txns, now);
    ua->ending = true;
    for (size_t i = 0; i < ua->call_max; i++) {
        struct smx_call *call = smx_call_at(ua, i);

        if (call && !call->over)
            smx_call_give_up(ua, now, call);
    }
    smx_txn_settle(&ua->txns);
}

void smx_call_flow_lost(struct smx_ua *ua, uint64_t conn)
{
    for (size_t i = 0; i < ua->call_max; i++) {
        struct smx_call *call = smx_call_at(ua, i);

        /* an answered call goes on: media has its own way, and the phone may connect again */
        if (call && call->leg[0].state == SMX_LEG_ASKED && call->leg[0].flow.tcp &&
            call->leg[0].flow.conn == conn)
            smx_call_lost(ua, ua->txns.now, call);
    }
}

static bool ends_by_itself(const struct smx_leg *leg)
{
    return leg->state == SMX_LEG_CANCELLED || leg->state == SMX_LEG_LEFT || leg->state == SMX_LEG_GONE;
}

static void expire_leg(struct smx_ua *ua, smx_time now, struct smx_call *call, struct smx_leg *leg)
{
    struct smx_txn *txn = smx_txn_get(&ua->txns, leg->invite);

    if (leg->answer_owed && leg->answer_until <= now) { /* no ACK: RFC 3261, 13.3.1.4 */
        leg->answer_owed = false;
        leg->state = SMX_LEG_UP;
        smx_call_lost(ua, now, call);
    } else if (leg->answer_owed && leg->answer_again <= now) {
        if (txn)
            smx_out_flow(ua, &leg->flow, (struct smx_span){txn->last, txn->last_len});
        leg->answer_gap = smx_time_min(2 * leg->answer_gap, SMX_SIP_T2);
        leg->answer_again = now + leg->answer_gap;
    } else if (smx_rel_expire(ua, now, leg)) {
        if (!call->over)
            (void)smx_out_order(ua, SMX_UA_CALL_END, call->id);
        smx_call_end(ua, now, call, 500);
    } else if (ends_by_itself(leg) && leg->cancel_until <= now) {
        smx_call_leg_failed(ua, call, leg, 480);
    } else {
        smx_session_tell(ua, now, call, leg);
    }
}

void smx_call_expire(struct smx_ua *ua, smx_time now)
{
    for (size_t i = 0; i < ua->call_max; i++) {
        struct smx_call *call = smx_call_at(ua, i);

        if (!call)
            continue;
        for (size_t j = 0; call->id != 0 && j < SMX_UA_LEGS; j++)
            expire_leg(ua, now, call, &call->leg[j]);
        if (call->id != 0 && !call->over)
            smx_transfer_expire(ua, now, call);
        if (call->id == 0 || call->over)
            continue;
        if (call->answered) {
            smx_media_expire(ua, now, call);
        } else if (call->ring_until <= now) {
            smx_call_give_up(ua, now, call);
        }
    }
}

smx_time smx_call_deadline(const struct smx_ua *ua)
{
    smx_time first = SMX_NEVER;

    for (size_t i = 0; i < ua->call_max; i++) {
        const struct smx_call *call = smx_call_at(ua, i);

        if (!call)
            continue;
        for (size_t j = 0; j < SMX_UA_LEGS; j++) {
            const struct smx_leg *leg = &call->leg[j];

            if (leg->answer_owed)
                first = smx_time_min(first, smx_time_min(leg->answer_again, leg->answer_until));
            if (ends_by_itself(leg))
                first = smx_time_min(first, leg->cancel_until);
            first = smx_time_min(first, smx_rel_deadline(leg));
            first = smx_time_min(first, smx_session_deadline(ua, call, leg));
        }
        if (!call->over && call->join.through)
            first = smx_time_min(first, call->join.part_at);
        if (!call->over)
            first = smx_time_min(first, call->answered ? smx_media_deadline(call) : call->ring_until);
    }
    return first;
}
