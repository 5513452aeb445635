/* client/sip/message.c - texts (RFC 3428): from a phone to the network side, and to the phones.
 * A text from a phone is answered when the network side knows what became of it, at the latest in time for
 * the phone's own timer; one to several phones has arrived when one took it. */
#include "client/sip/core.h"
#include "proto/e2e/record.h"

#include <stdlib.h>
#include <string.h>

#define ANSWER_WITHIN SMX_SECOND(30) /* a phone waits 32 s (RFC 3261, timer F) */

static struct smx_message *find_message(struct smx_ua *ua, bool from_phone, uint32_t id)
{
    for (size_t i = 0; i < SMX_UA_MESSAGES; i++)
        if (ua->message[i].used && ua->message[i].from_phone == from_phone && ua->message[i].id == id)
            return &ua->message[i];
    return NULL;
}

static struct smx_message *new_message(struct smx_ua *ua)
{
    for (size_t i = 0; i < SMX_UA_MESSAGES; i++) {
        struct smx_message *m = &ua->message[i];

        if (m->used)
            continue;
        if (!m->text)
            m->text = malloc(SMX_UA_TEXT_MAX);
        return m->text ? m : NULL;
    }
    return NULL;
}

/* ---- from a phone ---- */

/* text/plain, in UTF-8 or a part of it. */
static bool is_plain_text(const struct smx_sip *sip)
{
    const struct smx_span *type = smx_gate_get(&sip->gate, SMX_H_CONTENT_TYPE);
    struct smx_span params;

    if (!type)
        return false;
    params = *type;
    if (!smx_span_is_nocase(smx_span_trim(smx_span_cut(&params, ';')), "text/plain"))
        return false;
    while (params.len > 0) {
        struct smx_span value = smx_span_cut_outside(&params, ';');
        struct smx_span name = smx_span_trim(smx_span_cut(&value, '='));

        value = smx_span_trim(value);
        if (value.len >= 2 && value.at[0] == '"')
            value = (struct smx_span){value.at + 1, value.len - 2};
        if (smx_span_is_nocase(name, "charset") && !smx_span_is_nocase(value, "utf-8") &&
            !smx_span_is_nocase(value, "us-ascii"))
            return false;
    }
    return true;
}

static unsigned refusal_of(const struct smx_ua *ua, const struct smx_sip *sip, struct smx_ua_target *target)
{
    unsigned status = smx_uri_target(ua, &sip->uri, target);

    if (status != 0)
        return status;
    if (smx_sip_privacy(sip) == SMX_PRIVACY_UNKNOWN)
        return 500;
    if (sip->body.len > SMX_UA_TEXT_MAX)
        return 413;
    if (!is_plain_text(sip))
        return 415;
    if (!smx_record_text_is_valid((const uint8_t *)sip->body.at, sip->body.len))
        return 400;
    return ua->ready && smx_out_has_order_room(ua) ? 0 : 503;
}

void smx_message_request(struct smx_ua *ua, smx_time now, const struct smx_sip *sip,
                         const struct smx_flow *flow)
{
    struct smx_ua_target target;
    unsigned status = refusal_of(ua, sip, &target);
    struct smx_message *m;
    struct smx_txn *txn;
    struct smx_ua_order *order;

    if (status != 0) {
        smx_ua_reply(ua, sip, flow, status);
        return;
    }
    m = new_message(ua);
    if (!m) {
        ua->stats.table_full++;
        smx_ua_reply(ua, sip, flow, 503);
        return;
    }
    txn = smx_ua_open(ua, sip, flow);
    if (!txn)
        return;
    m->used = true;
    m->from_phone = true;
    m->id = smx_ua_new_id(ua);
    m->txn = smx_txn_ref(&ua->txns, txn);
    m->until = now + ANSWER_WITHIN;
    m->text_len = sip->body.len;
    memcpy(m->text, sip->body.at, sip->body.len);
    order = smx_out_order(ua, SMX_UA_MESSAGE_SEND, m->id);
    order->target = target;
    order->unnamed = smx_sip_privacy(sip) == SMX_PRIVACY_UNNAMED;
    smx_reg_identity(ua, sip, order->identity);
    order->text = m->text;
    order->text_len = m->text_len;
}

static void answer(struct smx_ua *ua, struct smx_message *m, unsigned status)
{
    struct smx_txn *txn = smx_txn_get(&ua->txns, m->txn);
    struct smx_text out = {ua->build, 0, sizeof ua->build, false};

    m->used = false;
    if (!txn)
        return;
    smx_write_response(&out, &(struct smx_response){.status = status, .echo = {txn->echo, txn->echo_len}});
    smx_txn_respond(&ua->txns, txn, status, smx_text_done(&out));
}

void smx_ua_message_done(struct smx_ua *ua, smx_time now, uint32_t id, unsigned code)
{
    static const unsigned known[] = {200, 202, 404, 408, 480, 486, 488, 503, 603};
    struct smx_message *m = find_message(ua, true, id);
    unsigned status = 480;

    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (known[i] == code)
            status = code;
    smx_txn_time(&ua->txns, now);
    if (m)
        answer(ua, m, status);
    smx_txn_settle(&ua->txns);
}

/* ---- to phones ---- */

static bool send_to(struct smx_ua *ua, const struct smx_message *m, const struct smx_binding *phone,
                    const char *from)
{
    char names[1024], branch[48] = "z9hG4bK", tag[SMX_UA_TOKEN], call_id[SMX_UA_TOKEN];
    struct smx_text n = {names, 0, sizeof names, false};
    struct smx_text out = {ua->build, 0, sizeof ua->build, false};
    struct smx_request request = {
        .method = "MESSAGE",
        .uri = phone->uri,
        .tcp = phone->flow.tcp,
        .tls = phone->flow.tls,
        .self = smx_ua_self(ua, &phone->flow),
        .branch = branch,
        .call_id = call_id,
        .cseq = 1,
        .type = "text/plain;charset=UTF-8",
        .body = {m->text, m->text_len},
    };

    smx_ua_token(ua, branch + strlen(branch));
    smx_ua_token(ua, tag);
    smx_ua_token(ua, call_id);
    smx_write_caller(ua, &n, from);
    smx_text_add(&n, ";tag=");
    smx_text_add(&n, tag);
    request.from = smx_text_done(&n);
    smx_text_add(&n, "<");
    smx_text_add(&n, phone->to);
    smx_text_add(&n, ">");
    request.to = (struct smx_span){n.at + request.from.len, n.len - request.from.len};
    smx_write_request(&out, &request);
    return smx_txn_request(
               &ua->txns, &phone->flow,
               &(struct smx_txn_new){SMX_M_MESSAGE, branch, call_id, 1, {SMX_OWNER_MESSAGE, m->id, 0}},
               smx_text_done(&out)) != NULL;
}

enum smx_err smx_ua_message_in(struct smx_ua *ua, smx_time now, uint32_t id, const char *from,
                               const char *identity, const char *text, size_t text_len)
{
    const struct smx_binding *phone[SMX_UA_LEGS];
    struct smx_message *m = new_message(ua);
    size_t count;

    if (text_len > SMX_UA_TEXT_MAX || !smx_record_text_is_valid((const uint8_t *)text, text_len))
        return SMX_E_MALFORMED;
    smx_txn_time(&ua->txns, now);
    smx_reg_expire(ua, now);
    count = smx_reg_phones(ua, identity, phone);
    if (count == 0)
        return SMX_E_ABSENT;
    if (!m || find_message(ua, false, id))
        return SMX_E_FULL;
    *m = (struct smx_message){
        .used = true, .id = id, .until = SMX_NEVER, .result = 480, .text = m->text, .text_len = text_len};
    memcpy(m->text, text, text_len);
    for (size_t i = 0; i < count; i++)
        m->asked += send_to(ua, m, phone[i], from);
    m->used = m->asked > 0;
    smx_txn_settle(&ua->txns);
    return m->used ? SMX_OK : SMX_E_FULL;
}

void smx_message_final(struct smx_ua *ua, uint32_t id, unsigned status)
{
    struct smx_message *m = find_message(ua, false, id);

    if (!m)
        return; /* another phone had it first */
    m->asked--;
    if (status >= 200 && status < 300)
        m->result = 200;
    else if (status == 415)
        m->result = 415;
    if (m->asked > 0 && m->result != 200)
        return;
    m->used = false;
    smx_out_order(ua, SMX_UA_MESSAGE_RESULT, id)->code = (uint16_t)m->result;
}

/* ---- time ---- */

void smx_message_expire(struct smx_ua *ua, smx_time now)
{
    for (size_t i = 0; i < SMX_UA_MESSAGES; i++)
        if (ua->message[i].used && ua->message[i].until <= now)
            answer(ua, &ua->message[i], 408);
}

smx_time smx_message_deadline(const struct smx_ua *ua)
{
    smx_time first = SMX_NEVER;

    for (size_t i = 0; i < SMX_UA_MESSAGES; i++)
        if (ua->message[i].used)
            first = smx_time_min(first, ua->message[i].until);
    return first;
}
