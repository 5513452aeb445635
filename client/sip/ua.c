/* client/sip/ua.c - the verbs of the phone side: bytes in, to the file that answers them. */
#include "client/sip/core.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define PARTIAL_MAX                                                                                          \
    SMX_SECOND(32) /* a message on a stream must be whole by then, as long as a transaction waits */

enum {
    BINDINGS = 8,
    CONNS = 16,
    TRANSACTIONS = 128,
    ENDING = 8, /* calls that are over, beside those that have ports */
};

/* ---- life ---- */

struct smx_ua *smx_ua_new(const struct smx_ua_config *config, struct smx_rng *rng)
{
    struct smx_ua *ua;

    if (config->port_count == 0 || config->port_count > SMX_UA_CALLS ||
        strlen(config->domain) >= sizeof ua->domain)
        return NULL;
    ua = calloc(1, sizeof *ua);
    if (!ua)
        return NULL;
    smx_rng_fork(&ua->rng, rng);
    smx_rng_bytes(&ua->rng, ua->hash_key, sizeof ua->hash_key);
    smx_rng_bytes(&ua->rng, ua->tag_key, sizeof ua->tag_key);
    (void)smx_span_copy(ua->domain, sizeof ua->domain, smx_span_of(config->domain));
    ua->udp = config->udp;
    ua->tcp = config->tcp;
    ua->tls = config->tls;
    memcpy(ua->media_ip, config->media_ip, sizeof ua->media_ip);
    if (!smx_auth_init(&ua->auth, &ua->rng, config->domain, config->accounts, config->account_count,
                       config->offer)) {
        smx_ua_free(ua);
        return NULL;
    }
    ua->port_count = config->port_count;
    ua->srtp = config->srtp;
    ua->opus = config->opus;
    ua->display_name = config->display_name;
    ua->call_max = 2 * config->port_count + ENDING;
    ua->binding_max = config->bindings_max ? config->bindings_max : BINDINGS;
    ua->conn_max = config->conns_max ? config->conns_max : CONNS;
    ua->ports = calloc(ua->port_count, sizeof *ua->ports);
    ua->call = calloc(ua->call_max, sizeof(struct smx_call *));
    ua->binding = calloc(ua->binding_max, sizeof *ua->binding);
    ua->conn = calloc(ua->conn_max, sizeof *ua->conn);
    ua->message = calloc(SMX_UA_MESSAGES, sizeof *ua->message);
    ua->send = malloc(SMX_UA_SENDS * sizeof *ua->send);
    ua->order = malloc(SMX_UA_ORDERS * sizeof *ua->order);
    if (!ua->ports || !ua->call || !ua->binding || !ua->conn || !ua->message || !ua->send || !ua->order ||
        smx_txns_init(&ua->txns, ua, config->transactions_max ? config->transactions_max : TRANSACTIONS) !=
            SMX_OK) {
        smx_ua_free(ua);
        return NULL;
    }
    memcpy(ua->ports, config->ports, ua->port_count * sizeof *ua->ports);
    smx_sip_library();
    return ua;
}

void smx_ua_free(struct smx_ua *ua)
{
    if (!ua)
        return;
    if (ua->txns.osip)
        smx_txns_fini(&ua->txns);
    smx_rng_fini(&ua->rng);
    sodium_memzero(&ua->auth, sizeof ua->auth);
    for (size_t i = 0; ua->call && i < ua->call_max; i++) {
        if (ua->call[i])
            smx_secure_end(ua->call[i]);
        free(ua->call[i]);
    }
    for (size_t i = 0; ua->message && i < SMX_UA_MESSAGES; i++)
        free(ua->message[i].text);
    free(ua->ports);
    free(ua->call);
    free(ua->binding);
    free(ua->conn);
    free(ua->message);
    free(ua->send);
    free(ua->send_bytes);
    free(ua->order);
    free(ua);
}

void smx_ua_network(struct smx_ua *ua, bool ready)
{
    ua->ready = ready;
}

struct smx_ua_stats smx_ua_stats(const struct smx_ua *ua)
{
    return ua->stats;
}

struct smx_ua_usage smx_ua_usage(const struct smx_ua *ua)
{
    struct smx_ua_usage usage = {.transactions = ua->txns.used};

    for (size_t i = 0; i < ua->call_max; i++)
        usage.calls += smx_call_at(ua, i) != NULL;
    for (size_t i = 0; i < ua->binding_max; i++)
        usage.bindings += ua->binding[i].aor[0] != 0;
    return usage;
}

/* ---- requests ---- */

static void in_dialog(struct smx_ua *ua, smx_time now, const struct smx_sip *sip, const struct smx_flow *flow)
{
    struct smx_call *call;
    struct smx_leg *leg = smx_leg_find(ua, sip, flow, &call);

    if (!leg) {
        ua->stats.stray++;
        if (sip->method != SMX_M_ACK)
            smx_ua_reply(ua, sip, flow, 481);
        return;
    }
    switch (sip->method) {
    case SMX_M_INVITE:
        smx_session_reinvite(ua, now, call, leg, sip, flow);
        return;
    case SMX_M_UPDATE:
        smx_session_update(ua, now, call, leg, sip, flow);
        return;
    case SMX_M_INFO:
        smx_digit_info(ua, now, call, leg, sip, flow);
        return;
    case SMX_M_ACK:
        smx_call_ack(ua, now, call, leg, sip);
        return;
    case SMX_M_BYE:
        smx_call_bye(ua, call, leg, sip, flow);
        return;
    case SMX_M_OPTIONS:
        smx_ua_reply(ua, sip, flow, 200);
        return;
    case SMX_M_REFER:
        smx_transfer_refer(ua, now, call, leg, sip, flow);
        return;
    case SMX_M_PUBLISH:
    case SMX_M_SUBSCRIBE:
    case SMX_M_NOTIFY:
        smx_ua_reply(ua, sip, flow, 489);
        return;
    case SMX_M_CANCEL:
    case SMX_M_REGISTER:
    case SMX_M_PRACK:
        smx_rel_prack(ua, now, call, leg, sip, flow);
        return;
    case SMX_M_MESSAGE:
    case SMX_M_OTHER:
        smx_ua_reply(ua, sip, flow, 405);
        return;
    }
}

static void out_of_dialog(struct smx_ua *ua, smx_time now, const struct smx_sip *sip,
                          const struct smx_flow *flow)
{
    switch (sip->method) {
    case SMX_M_INVITE:
        smx_call_invite(ua, now, sip, flow);
        return;
    case SMX_M_REGISTER:
        smx_reg_register(ua, now, sip, flow);
        return;
    case SMX_M_MESSAGE:
        smx_message_request(ua, now, sip, flow);
        return;
    case SMX_M_OPTIONS:
        smx_ua_reply(ua, sip, flow, 200);
        return;
    case SMX_M_BYE:
    case SMX_M_UPDATE:
    case SMX_M_INFO:
    case SMX_M_PRACK:
        smx_ua_reply(ua, sip, flow, 481);
        return;
    case SMX_M_REFER:
        smx_ua_reply(ua, sip, flow, 603);
        return;
    case SMX_M_PUBLISH:
    case SMX_M_SUBSCRIBE:
    case SMX_M_NOTIFY:
        smx_ua_reply(ua, sip, flow, 489);
        return;
    case SMX_M_ACK:
    case SMX_M_CANCEL:
    case SMX_M_OTHER:
        smx_ua_reply(ua, sip, flow, 405);
        return;
    }
}

static void cancel(struct smx_ua *ua, const struct smx_sip *sip, const struct smx_flow *flow)
{
    struct smx_txn *invite = smx_txn_find(&ua->txns, sip, SMX_M_INVITE);

    if (!invite) {
        ua->stats.stray++;
        smx_ua_reply(ua, sip, flow, 481);
        return;
    }
    smx_ua_reply(ua, sip, flow, 200);
    smx_call_cancel(ua, invite);
}

/* Those that we would make another of, for the far side. */
static bool goes_on(const struct smx_sip *sip)
{
    return (sip->method == SMX_M_INVITE && !sip->to_tag) || sip->method == SMX_M_MESSAGE;
}

static void on_request(struct smx_ua *ua, smx_time now, const struct smx_sip *sip,
                       const struct smx_flow *flow)
{
    enum smx_method kind = sip->method == SMX_M_ACK ? SMX_M_INVITE : sip->method;
    char room[SMX_GATE_LINE];
    struct smx_text unknown = {room, 0, sizeof room, false};
    struct smx_span foreign;
    struct smx_txn *known;

    if (sip->method == SMX_M_CANCEL) {
        cancel(ua, sip, flow);
        return;
    }
    known = smx_txn_find(&ua->txns, sip, kind);
    if (known) {
        smx_txn_again(&ua->txns, known, sip->method == SMX_M_ACK);
        return;
    }
    foreign = smx_sip_foreign_options(sip, &unknown);
    if (goes_on(sip) && smx_sip_is_spent(sip))
        smx_ua_reply(ua, sip, flow, 483);
    else if (goes_on(sip) && smx_is_own_request(ua, sip))
        smx_ua_reply(ua, sip, flow, 482);
    else if ((foreign.len > 0 || unknown.full) && sip->method != SMX_M_ACK)
        smx_ua_answer(ua, sip, flow, &(struct smx_response){.status = 420, .unsupported = foreign});
    else if (smx_gate_get(&sip->gate, SMX_H_CONTENT_ENCODING) && sip->method != SMX_M_ACK)
        smx_ua_reply(ua, sip, flow, 415);
    else if (!smx_ua_admits(ua, now, sip, flow))
        return;
    else if (sip->to_tag && sip->method != SMX_M_MESSAGE && sip->method != SMX_M_REGISTER)
        in_dialog(ua, now, sip, flow);
    else if (sip->method != SMX_M_ACK)
        out_of_dialog(ua, now, sip, flow);
}

static void on_response(struct smx_ua *ua, smx_time now, const struct smx_sip *sip,
                        const struct smx_flow *flow)
{
    struct smx_txn *txn = smx_txn_find_response(&ua->txns, sip, flow);
    static const struct smx_span none;
    struct smx_owner owner;

    if (!txn || txn->server) {
        ua->stats.stray++;
        return;
    }
    owner = txn->owner;
    if (owner.kind == SMX_OWNER_LEG)
        smx_call_response(ua, now, txn, sip);
    else if (smx_txn_response(&ua->txns, txn, sip, none) && owner.kind == SMX_OWNER_MESSAGE &&
             sip->status >= 200)
        smx_message_final(ua, owner.id, sip->status);
}

static void on_message(struct smx_ua *ua, smx_time now, const struct smx_sip *sip,
                       const struct smx_flow *flow)
{
    if (sip->is_request)
        on_request(ua, now, sip, flow);
    else
        on_response(ua, now, sip, flow);
}

static void on_refused(struct smx_ua *ua, const struct smx_sip *sip, const struct smx_flow *flow,
                       unsigned status)
{
    if (sip->total == 0) {
        ua->stats.gate_refused++;
        return;
    }
    ua->stats.parse_refused++;
    if (smx_sip_can_answer(sip))
        smx_ua_reply(ua, sip, flow, status);
}

/* Tells the owners of requests that nobody answered. */
static void settle(struct smx_ua *ua)
{
    struct smx_owner owner;

    while (smx_txn_next_dead(&ua->txns, &owner)) {
        if (owner.kind == SMX_OWNER_LEG)
            smx_call_timeout(ua, owner.id, owner.leg);
        else
            smx_message_final(ua, owner.id, 480);
    }
    smx_txn_settle(&ua->txns);
}

/* ---- datagrams ---- */

void smx_ua_udp(struct smx_ua *ua, smx_time now, const struct smx_addr *from, const uint8_t *bytes,
                size_t len)
{
    struct smx_flow flow = {.addr = *from};
    struct smx_sip sip;
    enum smx_err err;

    while (len > 0 && (*bytes == '\r' || *bytes == '\n')) {
        bytes++;
        len--;
    }
    if (len <= 4)
        return; /* phones keep their NAT bindings open with such */
    smx_txn_time(&ua->txns, now);
    err = smx_sip_parse(&sip, bytes, len, false);
    if (err == SMX_OK) {
        on_message(ua, now, &sip, &flow);
        smx_sip_fini(&sip);
    } else {
        on_refused(ua, &sip, &flow, 400);
    }
    settle(ua);
}

/* ---- streams ---- */

static struct smx_conn *find_conn(struct smx_ua *ua, uint64_t conn)
{
    for (size_t i = 0; i < ua->conn_max; i++)
        if (ua->conn[i].used && ua->conn[i].conn == conn)
            return &ua->conn[i];
    return NULL;
}

static void lose_flow(struct smx_ua *ua, struct smx_conn *c)
{
    c->used = false;
    smx_reg_flow_lost(ua, c->conn);
    smx_call_flow_lost(ua, c->conn);
    smx_txn_flow_lost(&ua->txns, c->conn);
}

static void close_conn(struct smx_ua *ua, struct smx_conn *c)
{
    smx_out_close(ua, c->conn);
    lose_flow(ua, c);
}

static struct smx_flow flow_of(const struct smx_conn *c)
{
    return (struct smx_flow){.tcp = true, .tls = c->tls, .conn = c->conn, .addr = c->addr};
}

static void open_conn(struct smx_ua *ua, smx_time now, struct smx_conn conn)
{
    struct smx_flow flow = flow_of(&conn);

    smx_txn_time(&ua->txns, now);
    for (size_t i = 0; i < ua->conn_max; i++)
        if (!ua->conn[i].used) {
            ua->conn[i] = conn;
            smx_kept_connected(ua, &flow);
            smx_txn_settle(&ua->txns);
            return;
        }
    ua->stats.table_full++;
    smx_out_close(ua, conn.conn);
}

void smx_ua_tcp_open(struct smx_ua *ua, smx_time now, uint64_t conn, const struct smx_addr *from)
{
    open_conn(ua, now, (struct smx_conn){true, false, conn, *from, SMX_NEVER});
}

void smx_ua_tls_open(struct smx_ua *ua, smx_time now, uint64_t conn, const struct smx_addr *from)
{
    open_conn(ua, now, (struct smx_conn){true, true, conn, *from, SMX_NEVER});
}

/* One message, or one piece of silence between messages.  Returns how many bytes it took; 0: wait for more.
 */
static size_t take_from_stream(struct smx_ua *ua, smx_time now, struct smx_conn *c, const uint8_t *bytes,
                               size_t len)
{
    static const uint8_t ping[] = {'\r', '\n', '\r', '\n'};
    struct smx_flow flow = flow_of(c);
    struct smx_sip sip;
    enum smx_err err;

    if (bytes[0] == '\r' || bytes[0] == '\n') {
        if (len >= sizeof ping && memcmp(bytes, ping, sizeof ping) == 0) {
            smx_out_flow(ua, &flow, smx_span_of("\r\n")); /* RFC 5626, 3.5.1 */
            return sizeof ping;
        }
        return len < sizeof ping && memcmp(bytes, ping, len) == 0 ? 0 : 1;
    }
    err = smx_sip_parse(&sip, bytes, len, true);
    if (err == SMX_E_STATE)
        return 0;
    if (err == SMX_OK) {
        on_message(ua, now, &sip, &flow);
        smx_sip_fini(&sip);
        return sip.total;
    }
    on_refused(ua, &sip, &flow, err == SMX_E_FULL ? 413 : 400);
    if (err == SMX_E_FULL || sip.total == 0) { /* where the next message begins, nobody knows */
        close_conn(ua, c);
        return len;
    }
    return sip.total;
}

size_t smx_ua_tcp_data(struct smx_ua *ua, smx_time now, uint64_t conn, const uint8_t *bytes, size_t len)
{
    struct smx_conn *c = find_conn(ua, conn);
    size_t used = 0;

    if (!c)
        return len;
    smx_txn_time(&ua->txns, now);
    while (used < len && c->used) {
        size_t taken = take_from_stream(ua, now, c, bytes + used, len - used);

        if (taken == 0)
            break;
        used += taken;
        c->partial_until = SMX_NEVER;
    }
    if (used < len && c->partial_until == SMX_NEVER)
        c->partial_until = now + PARTIAL_MAX;
    settle(ua);
    return used;
}

void smx_ua_tcp_closed(struct smx_ua *ua, smx_time now, uint64_t conn)
{
    struct smx_conn *c = find_conn(ua, conn);

    smx_txn_time(&ua->txns, now);
    if (c)
        lose_flow(ua, c);
    settle(ua);
}

/* ---- time ---- */

void smx_ua_expire(struct smx_ua *ua, smx_time now)
{
    smx_txn_time(&ua->txns, now);
    smx_txn_expire(&ua->txns);
    smx_reg_expire(ua, now);
    smx_message_expire(ua, now);
    for (size_t i = 0; i < ua->conn_max; i++)
        if (ua->conn[i].used && ua->conn[i].partial_until <= now)
            close_conn(ua, &ua->conn[i]);
    settle(ua);
    smx_call_expire(ua, now);
    settle(ua);
}

smx_time smx_ua_deadline(const struct smx_ua *ua)
{
    smx_time first = smx_time_min(ua->txns.deadline, smx_reg_deadline(ua));

    first = smx_time_min(first, smx_message_deadline(ua));
    first = smx_time_min(first, smx_call_deadline(ua));
    for (size_t i = 0; i < ua->conn_max; i++)
        if (ua->conn[i].used)
            first = smx_time_min(first, ua->conn[i].partial_until);
    return first;
}
