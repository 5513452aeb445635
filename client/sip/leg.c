/* client/sip/leg.c - one dialog with one phone: the messages of RFC 3261, 12 to 15, written from its state.
 */
#include "client/sip/core.h"

#include <sodium.h>
#include <string.h>

enum { WITH_CONTACT = 1, WITH_OFFER = 2, WITH_TIMER = 4 };

static void new_branch(struct smx_ua *ua, char out[48])
{
    static const char cookie[] = "z9hG4bK";

    memcpy(out, cookie, sizeof cookie);
    smx_ua_token(ua, out + sizeof cookie - 1);
}

/* A From or To value and its tag. */
static struct smx_span tagged(struct smx_text *room, const char *address, const char *tag)
{
    size_t begin = room->len;

    smx_text_add(room, address);
    if (tag[0]) {
        smx_text_add(room, ";tag=");
        smx_text_add(room, tag);
    }
    return (struct smx_span){room->at + begin, room->full ? 0 : room->len - begin};
}

static uint64_t new_session(struct smx_ua *ua)
{
    const uint64_t least = 100000000000000000U; /* 18 digits, whatever is drawn */

    return least + smx_rng_u64(&ua->rng) % (9 * least);
}

/* Our offer, or our answer to `to`; a new version if it says anything new (RFC 3264, 8). */
static void write_sdp(struct smx_ua *ua, struct smx_leg *leg, const struct smx_sdp *to, struct smx_text *out)
{
    struct smx_sdp_own own = {.session = leg->sdp_session,
                              .port = leg->port,
                              .direction = leg->far,
                              .codecs = leg->codecs,
                              .opus = leg->sdp.opus};
    uint8_t hash[crypto_shorthash_BYTES];
    struct smx_text draft = *out;

    if (to)
        leg->said = own.direction = smx_sdp_both(smx_sdp_mirror(to->direction), leg->far);
    else
        leg->offering = leg->offering_far = leg->far;
    leg->event = to ? to->event : SMX_SDP_EVENT;
    leg->event_48 = to ? to->event_48 : SMX_SDP_EVENT_48;
    leg->opus = to ? to->opus : own.opus != 0 ? own.opus : SMX_SDP_OPUS;
    memcpy(own.ip, ua->media_ip, sizeof own.ip);
    own.rtcp_mux = to ? to->rtcp_mux : leg->sdp.rtcp_mux;
    smx_secure_own(ua, leg, to, &own);
    smx_sdp_write(&draft, &own, to);
    crypto_shorthash(hash, (const uint8_t *)draft.at + out->len, draft.len - out->len, ua->hash_key);
    if (memcmp(hash, &leg->sdp_hash, sizeof hash) != 0)
        leg->sdp_version++;
    memcpy(&leg->sdp_hash, hash, sizeof leg->sdp_hash);
    own.version = leg->sdp_version;
    smx_sdp_write(out, &own, to);
    sodium_memzero(own.crypto, sizeof own.crypto);
}

/* Writes a request of ours inside (or beginning) the dialog; cseq 0: the next number. */
static void write_request(struct smx_ua *ua, struct smx_leg *leg, const char *method, const char *branch,
                          uint32_t cseq, int parts, struct smx_text *out)
{
    char names[2048], contact[128], sdp[2048];
    struct smx_text n = {names, 0, sizeof names, false}, c = {contact, 0, sizeof contact, false};
    struct smx_text s = {sdp, 0, sizeof sdp, false};
    struct smx_request request = {
        .method = method,
        .uri = leg->target,
        .tcp = leg->flow.tcp,
        .tls = leg->flow.tls,
        .self = smx_ua_self(ua, &leg->flow),
        .branch = branch,
        .from = tagged(&n, leg->local, leg->local_tag),
        .to = tagged(&n, leg->remote, leg->remote_tag),
        .call_id = leg->call_id,
        .cseq = cseq ? cseq : ++leg->local_cseq,
        .rack = leg->rack,
        .event = leg->event_id,
        .state = leg->state_text,
    };

    if (parts & WITH_CONTACT) {
        smx_ua_write_contact(ua, &leg->flow, leg->contact, &c);
        request.contact = smx_text_done(&c);
    }
    if (parts & WITH_OFFER) {
        write_sdp(ua, leg, NULL, &s);
        request.type = "application/sdp";
        request.body = smx_text_done(&s);
    }
    if (parts & WITH_TIMER)
        smx_timer_offer(leg, &request);
    if (leg->fragment.len > 0) {
        request.type = "message/sipfrag;version=2.0";
        request.body = leg->fragment;
    }
    smx_write_request(out, &request);
}

struct smx_leg *smx_leg_find(struct smx_ua *ua, const struct smx_sip *sip, const struct smx_flow *flow,
                             struct smx_call **call)
{
    for (size_t i = 0; i < ua->call_max; i++) {
        struct smx_call *known = smx_call_at(ua, i);

        for (size_t j = 0; known && j < SMX_UA_LEGS; j++) {
            struct smx_leg *leg = &known->leg[j];

            if (leg->state == SMX_LEG_FREE || !smx_span_is(sip->call_id, leg->call_id) ||
                strcmp(sip->to_tag, leg->local_tag) != 0 ||
                (strcmp(sip->from_tag, leg->remote_tag) != 0 &&
                 (leg->state != SMX_LEG_RINGING || !smx_rel_is_fork(leg, sip->from_tag))))
                continue;
            if (leg->flow.tcp != flow->tcp || leg->flow.tls != flow->tls ||
                memcmp(leg->flow.addr.ip, flow->addr.ip, sizeof flow->addr.ip) != 0)
                return NULL; /* somebody else who has read the dialog's names */
            if (!flow->tcp && leg->flow.addr.port != flow->addr.port)
                return NULL;
            if (flow->tcp && leg->flow.conn != flow->conn) {
                if (smx_ua_flow_alive(ua, &leg->flow))
                    return NULL;
                leg->flow = *flow; /* the phone has connected anew */
            }
            *call = known;
            return leg;
        }
    }
    return NULL;
}

bool smx_leg_accept(struct smx_ua *ua, const struct smx_call *call, struct smx_leg *leg,
                    const struct smx_sip *sip, const struct smx_flow *flow)
{
    struct smx_span from = *smx_gate_get(&sip->gate, SMX_H_FROM), local;
    struct smx_text out = {leg->local, 0, sizeof leg->local - 1, false};
    struct smx_text remote = {leg->remote, 0, sizeof leg->remote - 1, false};

    memset(leg, 0, sizeof *leg);
    leg->port = ua->ports[call->pair].rtp;
    leg->flow = *flow;
    local = smx_sip_address(*smx_gate_get(&sip->gate, SMX_H_TO));
    smx_text_add(&out, "<");
    smx_text_span(&out, local);
    smx_text_add(&out, ">");
    from = smx_sip_address(from);
    smx_text_add(&remote, "<");
    smx_text_span(&remote, from);
    smx_text_add(&remote, ">");
    if (local.len == 0 || from.len == 0 || out.full || remote.full || sip->contact_count != 1 ||
        smx_span_is(sip->contact[0].uri, "*") ||
        !smx_span_copy(leg->target, sizeof leg->target, sip->contact[0].uri) ||
        !smx_span_copy(leg->call_id, sizeof leg->call_id, sip->call_id) ||
        !smx_span_copy(leg->remote_tag, sizeof leg->remote_tag, smx_span_of(sip->from_tag)))
        return false;
    smx_ua_tag(ua, sip, leg->local_tag);
    smx_ua_token(ua, leg->contact);
    leg->remote_cseq = sip->cseq;
    leg->sdp_session = new_session(ua);
    leg->state = SMX_LEG_ASKED;
    return true;
}

bool smx_leg_invite(struct smx_ua *ua, struct smx_call *call, size_t index, const struct smx_binding *phone,
                    const char *from)
{
    struct smx_leg *leg = &call->leg[index];
    struct smx_text local = {leg->local, 0, sizeof leg->local - 1, false};

    memset(leg, 0, sizeof *leg);
    leg->port = ua->ports[call->pair].rtp;
    leg->flow = phone->flow;
    leg->srtp.savp = phone->savp;
    leg->codecs = call->opus ? SMX_SDP_OPUS_G711 : SMX_SDP_G711;
    smx_write_caller(ua, &local, from);
    leg->remote[0] = '<';
    (void)smx_span_copy(leg->remote + 1, sizeof leg->remote - 1, smx_span_of(phone->to));
    leg->remote[strlen(leg->remote)] = '>'; /* zeros follow: remote is far longer than to */
    (void)smx_span_copy(leg->target, sizeof leg->target, smx_span_of(phone->uri));
    smx_ua_token(ua, leg->call_id);
    smx_ua_token(ua, leg->local_tag);
    smx_ua_token(ua, leg->contact);
    leg->sdp_session = new_session(ua);
    return smx_leg_send_invite(ua, call, leg);
}

bool smx_leg_send_invite(struct smx_ua *ua, struct smx_call *call, struct smx_leg *leg)
{
    struct smx_text out = {ua->build, 0, sizeof ua->build, false};
    size_t index = (size_t)(leg - call->leg);
    struct smx_txn *txn;

    new_branch(ua, leg->branch);
    write_request(ua, leg, "INVITE", leg->branch, 0, WITH_CONTACT | WITH_OFFER | WITH_TIMER, &out);
    leg->invite_cseq = leg->local_cseq;
    txn = smx_txn_request(
        &ua->txns, &leg->flow,
        &(struct smx_txn_new){
            SMX_M_INVITE, leg->branch, leg->call_id, leg->local_cseq, {SMX_OWNER_LEG, call->id, index}},
        smx_text_done(&out));
    if (!txn)
        return false;
    leg->invite = smx_txn_ref(&ua->txns, txn);
    leg->state = SMX_LEG_CALLING;
    return true;
}

void smx_leg_respond(struct smx_ua *ua, smx_time now, struct smx_leg *leg, struct smx_txn *txn,
                     unsigned status)
{
    char contact[128], sdp[2048];
    struct smx_text c = {contact, 0, sizeof contact, false}, s = {sdp, 0, sizeof sdp, false};
    struct smx_text out = {ua->build, 0, sizeof ua->build, false};
    struct smx_response response = {.status = status, .echo = {txn->echo, txn->echo_len}};

    if (status > 100 && status < 300) {
        smx_ua_write_contact(ua, &leg->flow, leg->contact, &c);
        response.contact = smx_text_done(&c);
    }
    if (status == 180)
        response.rseq = leg->rseq;
    if (status == 200)
        smx_timer_answer(leg, &response);
    if ((status == 200 && !leg->answer_bare) || (response.rseq != 0 && leg->answer_offers)) {
        write_sdp(ua, leg, leg->answer_offers ? NULL : &leg->sdp, &s);
        response.type = "application/sdp";
        response.body = smx_text_done(&s);
    }
    smx_write_response(&out, &response);
    if (status == 200) { /* repeated until the ACK, on any transport (RFC 3261, 13.3.1.4) */
        leg->invite = smx_txn_ref(&ua->txns, txn);
        leg->answer_owed = true;
        leg->answer_gap = SMX_SIP_T1;
        leg->answer_again = now + SMX_SIP_T1;
        leg->answer_until = now + SMX_SIP_GIVE_UP;
    }
    smx_txn_respond(&ua->txns, txn, status, smx_text_done(&out));
}

void smx_leg_accept_request(struct smx_ua *ua, struct smx_leg *leg, struct smx_txn *txn, bool answers,
                            bool refreshes)
{
    char contact[128], sdp[2048];
    struct smx_text c = {contact, 0, sizeof contact, false}, s = {sdp, 0, sizeof sdp, false};
    struct smx_text out = {ua->build, 0, sizeof ua->build, false};
    struct smx_response response = {.status = 200, .echo = {txn->echo, txn->echo_len}};

    smx_ua_write_contact(ua, &leg->flow, leg->contact, &c);
    response.contact = smx_text_done(&c);
    if (refreshes)
        smx_timer_answer(leg, &response);
    if (answers) {
        write_sdp(ua, leg, &leg->sdp, &s);
        response.type = "application/sdp";
        response.body = smx_text_done(&s);
    }
    smx_write_response(&out, &response);
    smx_txn_respond(&ua->txns, txn, 200, smx_text_done(&out));
}

bool smx_leg_reinvite(struct smx_ua *ua, struct smx_call *call, struct smx_leg *leg)
{
    struct smx_text out = {ua->build, 0, sizeof ua->build, false};
    size_t index = (size_t)(leg - call->leg);
    struct smx_txn *txn;

    new_branch(ua, leg->branch);
    write_request(ua, leg, "INVITE", leg->branch, 0, WITH_CONTACT | WITH_OFFER | WITH_TIMER, &out);
    txn = smx_txn_request(
        &ua->txns, &leg->flow,
        &(struct smx_txn_new){
            SMX_M_INVITE, leg->branch, leg->call_id, leg->local_cseq, {SMX_OWNER_LEG, call->id, index}},
        smx_text_done(&out));
    if (txn)
        leg->ask = smx_txn_ref(&ua->txns, txn);
    return txn != NULL;
}

void smx_leg_retarget(struct smx_leg *leg, const struct smx_sip *sip)
{
    if (sip->contact_count == 1 && !smx_span_is(sip->contact[0].uri, "*"))
        (void)smx_span_copy(leg->target, sizeof leg->target, sip->contact[0].uri);
}

void smx_leg_send_cancel(struct smx_ua *ua, struct smx_leg *leg)
{
    struct smx_text out = {ua->build, 0, sizeof ua->build, false};

    leg->cancel_sent = true;
    write_request(ua, leg, "CANCEL", leg->branch, leg->invite_cseq, 0, &out); /* RFC 3261, 9.1: same branch */
    (void)smx_txn_request(
        &ua->txns, &leg->flow,
        &(struct smx_txn_new){
            SMX_M_CANCEL, leg->branch, leg->call_id, leg->invite_cseq, {SMX_OWNER_NONE, 0, 0}},
        smx_text_done(&out));
}

void smx_leg_cancel(struct smx_ua *ua, smx_time now, struct smx_leg *leg)
{
    bool may_send = leg->state == SMX_LEG_RINGING; /* before a 1xx the phone may not know the call yet */

    leg->state = SMX_LEG_CANCELLED;
    leg->cancel_until = now + SMX_SIP_GIVE_UP;
    if (may_send)
        smx_leg_send_cancel(ua, leg);
}

void smx_leg_bye(struct smx_ua *ua, struct smx_leg *leg)
{
    struct smx_text out = {ua->build, 0, sizeof ua->build, false};
    char branch[48];

    new_branch(ua, branch);
    write_request(ua, leg, "BYE", branch, 0, 0, &out);
    (void)smx_txn_request(
        &ua->txns, &leg->flow,
        &(struct smx_txn_new){SMX_M_BYE, branch, leg->call_id, leg->local_cseq, {SMX_OWNER_NONE, 0, 0}},
        smx_text_done(&out));
}

void smx_leg_prack(struct smx_ua *ua, struct smx_leg *leg, const struct smx_fork *fork)
{
    struct smx_text out = {ua->build, 0, sizeof ua->build, false};
    char rack[64], branch[48];
    struct smx_text r = {rack, 0, sizeof rack, false};
    struct smx_leg with = *leg;

    (void)smx_span_copy(with.remote_tag, sizeof with.remote_tag, smx_span_of(fork->tag));
    if (fork->target[0])
        (void)smx_span_copy(with.target, sizeof with.target, smx_span_of(fork->target));
    smx_text_u64(&r, fork->rseq);
    smx_text_add(&r, " ");
    smx_text_u64(&r, leg->invite_cseq);
    smx_text_add(&r, " INVITE");
    new_branch(ua, branch);
    with.rack = smx_text_done(&r);
    write_request(ua, &with, "PRACK", branch, 0, 0, &out);
    leg->local_cseq = with.local_cseq;
    (void)smx_txn_request(
        &ua->txns, &leg->flow,
        &(struct smx_txn_new){SMX_M_PRACK, branch, leg->call_id, leg->local_cseq, {SMX_OWNER_NONE, 0, 0}},
        smx_text_done(&out));
}

void smx_leg_notify(struct smx_ua *ua, struct smx_leg *leg, uint32_t event, unsigned status, bool last)
{
    struct smx_text out = {ua->build, 0, sizeof ua->build, false};
    char fragment[64], id[32], branch[48];
    struct smx_text f = {fragment, 0, sizeof fragment, false}, e = {id, 0, sizeof id, false};
    struct smx_leg with = *leg;

    smx_text_add(&f, "SIP/2.0 ");
    smx_text_u64(&f, status);
    smx_text_add(&f, " ");
    smx_text_add(&f, smx_sip_reason(status));
    smx_text_add(&f, "\r\n");
    smx_text_add(&e, "refer");
    if (event != 0) { /* RFC 3515, 2.4.6 */
        smx_text_add(&e, ";id=");
        smx_text_u64(&e, event);
    }
    with.fragment = smx_text_done(&f);
    with.event_id = smx_text_done(&e);
    with.state_text = smx_span_of(last ? "terminated;reason=noresource" : "active;expires=180");
    new_branch(ua, branch);
    write_request(ua, &with, "NOTIFY", branch, 0, WITH_CONTACT, &out);
    leg->local_cseq = with.local_cseq;
    (void)smx_txn_request(
        &ua->txns, &leg->flow,
        &(struct smx_txn_new){SMX_M_NOTIFY, branch, leg->call_id, leg->local_cseq, {SMX_OWNER_NONE, 0, 0}},
        smx_text_done(&out));
}

void smx_leg_write_ack(struct smx_ua *ua, const struct smx_leg *leg, const struct smx_sip *response,
                       struct smx_text *out)
{
    struct smx_leg with = *leg; /* the ACK names the answerer of this very response */
    char branch[48];

    (void)smx_span_copy(with.remote_tag, sizeof with.remote_tag,
                        smx_span_of(response->to_tag ? response->to_tag : ""));
    if (response->status >= 300) {
        write_request(ua, &with, "ACK", leg->branch, response->cseq, 0, out); /* 17.1.1.3: same branch */
        return;
    }
    smx_leg_retarget(&with, response);
    new_branch(ua, branch);
    write_request(ua, &with, "ACK", branch, response->cseq, 0, out);
}

/* Its time is up; nobody waits for it. */
static void drop(struct smx_ua *ua, struct smx_txn_ref ref)
{
    struct smx_txn *txn = smx_txn_get(&ua->txns, ref);

    if (txn && !txn->server && !txn->final)
        smx_txn_kill(&ua->txns, txn);
}

void smx_leg_free(struct smx_ua *ua, struct smx_leg *leg)
{
    drop(ua, leg->invite);
    drop(ua, leg->ask);
    memset(leg, 0, sizeof *leg);
}
