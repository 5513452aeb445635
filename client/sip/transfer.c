/* client/sip/transfer.c - calls that the phone hands on, and that go through this client from then on.
 * Source: docs/protocol/70-phone.md, section 14; RFC 3515, 3891, 4488, 5589.
 *
 *   blind     REFER --202, NOTIFY 100--> a call of our own to the target, as the identity of the first
 *               rings: NOTIFY 180    fails: NOTIFY with its status, and the phone has its call as before
 *               answered: NOTIFY 200, through
 *   attended  REFER that names another call of the phone (Replaces): both are there; BYE in that one, through
 *
 * Through: frames, holds and keys of one far side go to the other.  Each has the call that it had, with this
 * client; neither is told anything of the other.  The phone hangs up when it likes; a call that it has left
 * ends with the other.  Timer: part_at. */
#include "client/sip/core.h"

#include <string.h>

#define RING_MAX   SMX_SECOND(180)
#define PART_AFTER SMX_SECOND(5) /* a phone hangs up when it has heard that it is done */

enum { WAITING = 2 }; /* frames; what is taken comes as steadily as what is put */

static struct smx_leg *leg_of(struct smx_call *call)
{
    return &call->leg[call->winner];
}

static void notify(struct smx_ua *ua, struct smx_call *call, unsigned status, bool last)
{
    if (!call->join.silent && !call->join.parted && leg_of(call)->state == SMX_LEG_UP)
        smx_leg_notify(ua, leg_of(call), call->join.event, status, last);
}

/* ---- the two far sides, joined ---- */

/* Tells this far side what the other one wants. */
static void tell(struct smx_ua *ua, struct smx_call *call, enum smx_direction far)
{
    if (call->join.told == far || !smx_out_has_order_room(ua))
        return;
    call->join.told = far;
    smx_out_order(ua, SMX_UA_CALL_DIRECTION, call->id)->code = (uint16_t)far;
}

static void join(struct smx_ua *ua, smx_time now, struct smx_call *a, struct smx_call *b)
{
    struct smx_call *both[] = {a, b};

    for (size_t i = 0; i < 2; i++) {
        struct smx_join *j = &both[i]->join;

        j->with = both[1 - i]->id;
        j->through = true;
        j->far = j->out || j->parted ? j->far : leg_of(both[i])->far;
        j->told = j->out || j->parted ? j->told : leg_of(both[i])->own_told;
        j->part_at = j->parted ? SMX_NEVER : now + PART_AFTER;
    }
    tell(ua, a, b->join.far);
    tell(ua, b, a->join.far);
}

static struct smx_call *other_of(struct smx_ua *ua, const struct smx_call *call)
{
    return smx_call_get(ua, call->join.with);
}

void smx_transfer_direction(struct smx_ua *ua, struct smx_call *call, enum smx_direction far)
{
    struct smx_call *other = other_of(ua, call);

    call->join.far = far;
    if (other && call->join.through)
        tell(ua, other, far);
}

void smx_transfer_key(struct smx_ua *ua, struct smx_call *call, struct smx_dtmf_key key)
{
    struct smx_call *other = other_of(ua, call);

    if (other && smx_out_has_order_room(ua))
        smx_out_order(ua, SMX_UA_CALL_KEY, other->id)->key = key;
}

void smx_transfer_put(struct smx_ua *ua, struct smx_call *call, const struct smx_frame *frame)
{
    struct smx_call *other = other_of(ua, call);
    struct smx_join *j = other ? &other->join : NULL;

    if (!j || !frame)
        return; /* the far side conceals it */
    if (j->count == WAITING) {
        j->first = (j->first + 1) % SMX_UA_HANDED;
        j->count--;
    }
    j->frame[(j->first + j->count++) % SMX_UA_HANDED] = *frame;
}

bool smx_transfer_take(struct smx_call *call, struct smx_frame *frame)
{
    struct smx_join *j = &call->join;

    if (j->count == 0)
        return false;
    *frame = j->frame[j->first];
    j->first = (j->first + 1) % SMX_UA_HANDED;
    j->count--;
    return true;
}

/* ---- the phone leaves, or a far side does ---- */

void smx_transfer_parted(struct smx_call *call)
{
    struct smx_leg *leg = leg_of(call);

    if (!call->join.through) { /* what it wants stays as it was */
        call->join.far = leg->far;
        call->join.told = leg->own_told;
    }
    call->join.parted = true;
    call->join.part_at = SMX_NEVER;
    call->has_pair = false;
    smx_secure_end(call);
}

void smx_transfer_part(struct smx_ua *ua, smx_time now, struct smx_call *call)
{
    if (leg_of(call)->state == SMX_LEG_UP)
        smx_call_hang_up(ua, now, leg_of(call));
    smx_transfer_parted(call);
}

void smx_transfer_ended(struct smx_ua *ua, smx_time now, struct smx_call *call, unsigned status)
{
    struct smx_call *other = other_of(ua, call);
    bool failed = call->join.out && !call->join.through;

    if (call->join.with != 0 && !call->join.through && !call->join.out)
        notify(ua, call, 480, true); /* there is nobody to hand on any more */
    call->join.with = 0;
    if (!other || other->over)
        return;
    other->join.with = 0;
    if (failed && !other->join.parted) {
        notify(ua, other, status, true);
        other->join = (struct smx_join){.with = 0};
        return;
    }
    (void)smx_out_order(ua, SMX_UA_CALL_END, other->id);
    smx_call_end(ua, now, other, 480);
}

void smx_transfer_expire(struct smx_ua *ua, smx_time now, struct smx_call *call)
{
    if (call->join.through && call->join.part_at <= now)
        smx_transfer_part(ua, now, call);
}

/* ---- what the network side says of the call that we made ---- */

void smx_transfer_rings(struct smx_ua *ua, struct smx_call *call)
{
    struct smx_call *first = other_of(ua, call);

    if (first && !call->rang)
        notify(ua, first, 180, false);
    call->rang = true;
}

void smx_transfer_answered(struct smx_ua *ua, smx_time now, struct smx_call *call, bool in_opus)
{
    struct smx_call *first = other_of(ua, call);

    if (call->answered || !first)
        return;
    if (in_opus != call->opus) { /* nothing is transcoded here */
        (void)smx_out_order(ua, SMX_UA_CALL_END, call->id);
        smx_call_end(ua, now, call, 488);
        return;
    }
    call->answered = true;
    join(ua, now, first, call);
    notify(ua, first, 200, true);
}

/* ---- REFER ---- */

/* The dialog of the phone's that a Replaces means; phones differ in whose tag is whose. */
static bool is_meant(const struct smx_leg *leg, const struct smx_refer *refer)
{
    return strcmp(leg->call_id, refer->call_id) == 0 &&
           ((strcmp(leg->local_tag, refer->to_tag) == 0 && strcmp(leg->remote_tag, refer->from_tag) == 0) ||
            (strcmp(leg->local_tag, refer->from_tag) == 0 && strcmp(leg->remote_tag, refer->to_tag) == 0));
}

static bool is_of_phone(const struct smx_leg *leg, const struct smx_flow *flow)
{
    return leg->flow.tls == flow->tls &&
           memcmp(leg->flow.addr.ip, flow->addr.ip, sizeof flow->addr.ip) == 0 &&
           (flow->tcp || leg->flow.addr.port == flow->addr.port);
}

static struct smx_call *find_replaced(struct smx_ua *ua, struct smx_call *but, const struct smx_refer *refer,
                                      const struct smx_flow *flow)
{
    for (size_t i = 0; i < ua->call_max; i++) {
        struct smx_call *call = smx_call_at(ua, i);

        if (call && call != but && call->answered && !call->over && call->join.with == 0 &&
            leg_of(call)->state == SMX_LEG_UP && leg_of(call)->codecs == leg_of(but)->codecs &&
            is_meant(leg_of(call), refer) && is_of_phone(leg_of(call), flow))
            return call;
    }
    return NULL;
}

static bool wants_no_notify(const struct smx_sip *sip)
{
    const struct smx_span *line = smx_gate_get(&sip->gate, SMX_H_REFER_SUB);
    struct smx_span rest = line ? *line : (struct smx_span){"", 0};

    return smx_span_is_nocase(smx_span_trim(smx_span_cut(&rest, ';')), "false");
}

static unsigned refusal_of(struct smx_ua *ua, struct smx_call *call, const struct smx_leg *leg,
                           const struct smx_sip *sip, struct smx_refer *refer, struct smx_ua_target *target)
{
    if (call->over)
        return 481;
    if (!call->answered || leg != leg_of(call))
        return 603; /* there is nobody yet to hand on */
    if (sip->cseq <= leg->remote_cseq)
        return 500;
    if (leg->state != SMX_LEG_UP || call->join.with != 0)
        return 491;
    if (!smx_sip_refer(sip, refer))
        return 400;
    if (smx_sip_privacy(sip) == SMX_PRIVACY_UNKNOWN)
        return 500;
    if (!ua->ready || ua->ending || !smx_out_has_order_room(ua))
        return 503;
    return refer->replaces ? 0 : smx_uri_target(ua, &refer->uri, target);
}

static void accept(struct smx_ua *ua, struct smx_call *call, struct smx_leg *leg, struct smx_txn *txn,
                   const struct smx_sip *sip)
{
    struct smx_text out = {ua->build, 0, sizeof ua->build, false};
    struct smx_response response = {.status = 202, .echo = {txn->echo, txn->echo_len}};
    char contact[128];
    struct smx_text c = {contact, 0, sizeof contact, false};

    call->join = (struct smx_join){
        .silent = wants_no_notify(sip), .event = leg->referred ? sip->cseq : 0, .part_at = SMX_NEVER};
    leg->referred = true;
    leg->remote_cseq = sip->cseq;
    smx_leg_retarget(leg, sip);
    smx_ua_write_contact(ua, &leg->flow, leg->contact, &c);
    response.contact = smx_text_done(&c);
    response.no_subscription = call->join.silent;
    smx_write_response(&out, &response);
    smx_txn_respond(&ua->txns, txn, 202, smx_text_done(&out));
}

static void call_target(struct smx_ua *ua, smx_time now, struct smx_call *call, struct smx_call *out,
                        const struct smx_ua_target *target)
{
    struct smx_ua_order *order = smx_out_order(ua, SMX_UA_CALL_START, out->id);

    out->from_phone = true;
    out->ring_until = now + RING_MAX;
    out->join = (struct smx_join){.with = call->id, .out = true, .parted = true, .part_at = SMX_NEVER};
    call->join.with = out->id;
    memcpy(out->identity, call->identity, sizeof out->identity);
    order->target = *target;
    order->unnamed = out->unnamed;
    order->opus = out->opus;
    memcpy(order->identity, out->identity, sizeof order->identity);
    notify(ua, call, 100, false);
}

void smx_transfer_refer(struct smx_ua *ua, smx_time now, struct smx_call *call, struct smx_leg *leg,
                        const struct smx_sip *sip, const struct smx_flow *flow)
{
    struct smx_ua_target target;
    struct smx_refer refer;
    struct smx_call *second = NULL;
    struct smx_txn *txn;
    unsigned status = refusal_of(ua, call, leg, sip, &refer, &target);

    if (status == 0) {
        second = refer.replaces ? find_replaced(ua, call, &refer, flow) : smx_call_new(ua);
        if (!second)
            status = refer.replaces ? 603 : 503;
    }
    if (status != 0) {
        smx_ua_reply(ua, sip, flow, status);
        return;
    }
    txn = smx_ua_open(ua, sip, flow);
    if (!txn) {
        if (!refer.replaces)
            second->id = 0;
        return;
    }
    accept(ua, call, leg, txn, sip);
    if (refer.replaces) {
        second->join = (struct smx_join){.silent = true};
        join(ua, now, call, second);
        notify(ua, call, 200, true);
        smx_transfer_part(ua, now, second);
    } else {
        second->opus = leg->codecs == SMX_SDP_OPUS_ALONE;
        second->unnamed = call->unnamed || smx_sip_privacy(sip) == SMX_PRIVACY_UNNAMED;
        call_target(ua, now, call, second, &target);
    }
}
