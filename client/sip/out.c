/* client/sip/out.c - what waits for the caller: sends and orders; and the tokens that we write into messages.
 */
#include "client/sip/core.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

enum { SEND_BYTES_FIRST = 32 * 1024 }; /* doubled while it is too little */

/* ---- sends ---- */

static bool has_room(struct smx_ua *ua, size_t len)
{
    size_t max = ua->send_max ? ua->send_max : SEND_BYTES_FIRST;
    uint8_t *more;

    if (ua->send_count == SMX_UA_SENDS || len > SMX_UA_SEND_BYTES - ua->send_len)
        return false;
    while (max < ua->send_len + len)
        max *= 2;
    if (max == ua->send_max)
        return true;
    more = realloc(ua->send_bytes, max);
    if (!more)
        return false;
    ua->send_bytes = more;
    ua->send_max = max;
    return true;
}

static void send(struct smx_ua *ua, struct smx_ua_send what, const void *bytes, size_t len)
{
    if (!has_room(ua, len)) {
        ua->stats.sends_dropped++;
        return;
    }
    what.len = len;
    if (len > 0)
        memcpy(ua->send_bytes + ua->send_len, bytes, len);
    ua->send_len += len;
    ua->send[(ua->send_first + ua->send_count++) % SMX_UA_SENDS] = what;
}

const struct smx_ua_send *smx_ua_next_send(struct smx_ua *ua)
{
    struct smx_ua_send *next = &ua->send[ua->send_first];

    if (ua->send_count == 0) {
        ua->send_len = ua->send_read = 0;
        return NULL;
    }
    next->bytes = ua->send_bytes + ua->send_read;
    ua->send_read += next->len;
    ua->send_first = (ua->send_first + 1) % SMX_UA_SENDS;
    ua->send_count--;
    return next;
}

bool smx_ua_flow_alive(const struct smx_ua *ua, const struct smx_flow *flow)
{
    if (!flow->tcp)
        return true;
    for (size_t i = 0; i < ua->conn_max; i++)
        if (ua->conn[i].used && ua->conn[i].conn == flow->conn)
            return true;
    return false;
}

void smx_out_flow(struct smx_ua *ua, const struct smx_flow *flow, struct smx_span bytes)
{
    if (bytes.len == 0 || !smx_ua_flow_alive(ua, flow))
        return;
    send(ua,
         (struct smx_ua_send){
             .kind = flow->tcp ? SMX_UA_SEND_TCP : SMX_UA_SEND_UDP, .conn = flow->conn, .to = flow->addr},
         bytes.at, bytes.len);
}

void smx_out_close(struct smx_ua *ua, uint64_t conn)
{
    send(ua, (struct smx_ua_send){.kind = SMX_UA_SEND_CLOSE, .conn = conn}, NULL, 0);
}

void smx_out_media(struct smx_ua *ua, enum smx_ua_send_kind kind, size_t pair, const struct smx_addr *to,
                   const uint8_t *bytes, size_t len)
{
    send(ua, (struct smx_ua_send){.kind = kind, .pair = pair, .to = *to}, bytes, len);
}

/* ---- orders ---- */

bool smx_out_has_order_room(const struct smx_ua *ua)
{
    /* each call and text can end once, and their number is bounded: the other half is kept for that */
    return ua->order_count < SMX_UA_ORDERS / 2;
}

struct smx_ua_order *smx_out_order(struct smx_ua *ua, enum smx_ua_order_kind kind, uint32_t id)
{
    struct smx_ua_order *order = &ua->order[(ua->order_first + ua->order_count) % SMX_UA_ORDERS];

    if (ua->order_count < SMX_UA_ORDERS)
        ua->order_count++;
    *order = (struct smx_ua_order){.kind = kind, .id = id};
    return order;
}

const struct smx_ua_order *smx_ua_next_order(struct smx_ua *ua)
{
    if (ua->order_count == 0)
        return NULL;
    ua->order_out = ua->order[ua->order_first]; /* a copy: verbs may be called while it is read */
    ua->order_first = (ua->order_first + 1) % SMX_UA_ORDERS;
    ua->order_count--;
    return &ua->order_out;
}

/* ---- tokens and addresses of our own ---- */

uint32_t smx_ua_new_id(struct smx_ua *ua)
{
    ua->last_id = ua->last_id == UINT32_MAX ? 1 : ua->last_id + 1;
    return ua->last_id;
}

static void write_hex(const uint8_t *in, size_t len, char *out)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < len; i++) {
        *out++ = digits[in[i] >> 4];
        *out++ = digits[in[i] & 15];
    }
    *out = 0;
}

void smx_ua_token(struct smx_ua *ua, char out[SMX_UA_TOKEN])
{
    uint8_t raw[(SMX_UA_TOKEN - 1) / 2];

    smx_rng_bytes(&ua->rng, raw, sizeof raw);
    write_hex(raw, sizeof raw, out);
}

void smx_ua_tag(const struct smx_ua *ua, const struct smx_sip *sip, char out[SMX_UA_TOKEN])
{
    uint8_t raw[(SMX_UA_TOKEN - 1) / 2];
    crypto_generichash_state st;
    static const uint8_t zero[1];

    (void)crypto_generichash_init(&st, ua->tag_key, sizeof ua->tag_key, sizeof raw);
    (void)crypto_generichash_update(&st, (const uint8_t *)sip->call_id.at, sip->call_id.len);
    (void)crypto_generichash_update(&st, zero, sizeof zero);
    (void)crypto_generichash_update(&st, (const uint8_t *)sip->from_tag, strlen(sip->from_tag) + 1);
    (void)crypto_generichash_update(&st, (const uint8_t *)sip->branch, strlen(sip->branch));
    (void)crypto_generichash_final(&st, raw, sizeof raw);
    write_hex(raw, sizeof raw, out);
}

const struct smx_addr *smx_ua_self(const struct smx_ua *ua, const struct smx_flow *flow)
{
    return flow->tls ? &ua->tls : flow->tcp ? &ua->tcp : &ua->udp;
}

void smx_ua_write_contact(const struct smx_ua *ua, const struct smx_flow *flow, const char *user,
                          struct smx_text *out)
{
    char self[SMX_ADDR_TEXT];

    smx_addr_format(smx_ua_self(ua, flow), self);
    smx_text_add(out, "<sip:");
    smx_text_add(out, user);
    smx_text_add(out, "@");
    smx_text_add(out, self);
    smx_text_add(out, flow->tls ? ";transport=tls>" : flow->tcp ? ";transport=tcp>" : ">");
}

/* ---- answers without a transaction ---- */

void smx_ua_answer(struct smx_ua *ua, const struct smx_sip *sip, const struct smx_flow *flow,
                   const struct smx_response *response)
{
    char room[SMX_GATE_HEAD + 256], tag[SMX_UA_TOKEN];
    struct smx_text echo = {room, 0, sizeof room, false};
    struct smx_text out = {ua->build, 0, sizeof ua->build, false};
    struct smx_response whole = *response;

    if (sip->osip && !sip->to_tag) {
        smx_ua_tag(ua, sip, tag);
        smx_write_echo(&echo, &sip->gate, &flow->addr, tag);
    } else {
        smx_write_echo(&echo, &sip->gate, &flow->addr, NULL);
    }
    whole.echo = smx_text_done(&echo);
    if (whole.echo.len == 0)
        return;
    smx_write_response(&out, &whole);
    smx_out_flow(ua, flow, smx_text_done(&out));
}

void smx_ua_reply(struct smx_ua *ua, const struct smx_sip *sip, const struct smx_flow *flow, unsigned status)
{
    smx_ua_answer(ua, sip, flow, &(struct smx_response){.status = status});
}

struct smx_txn *smx_ua_open(struct smx_ua *ua, const struct smx_sip *sip, const struct smx_flow *flow)
{
    char room[SMX_GATE_HEAD + 256], tag[SMX_UA_TOKEN];
    struct smx_text echo = {room, 0, sizeof room, false};
    struct smx_span done;
    struct smx_txn *txn;

    smx_ua_tag(ua, sip, tag);
    smx_write_echo(&echo, &sip->gate, &flow->addr, sip->to_tag ? NULL : tag);
    done = smx_text_done(&echo);
    txn = done.len > 0 ? smx_txn_open(&ua->txns, sip, flow, done) : NULL;
    if (!txn) {
        ua->stats.table_full++;
        smx_ua_reply(ua, sip, flow, 503);
    }
    return txn;
}
