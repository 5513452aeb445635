/* client/sip/kept.c - what ends the calls of a run that could not say goodbye.
 * Source: docs/protocol/70-phone.md, section 11; RFC 3261, 9, 12.2.1.1, 15 and 17.1.3.
 *
 *   magic u32 | version u8 | count u8 | count times:
 *   kind u8 | transport u8 (0 UDP, 1 TCP, 2 TLS) | ip[16] | port u16 | cseq u32 | Call-ID, our tag, its tag,
 * its Contact, more: each u16, bytes
 *
 * Of a dialog only what a phone tells it by: its names, the phone's Contact, and where the phone is.  Whom it
 * talked to is not there: From and To are compared by their tags alone (RFC 3261, 12.2.2). */
#include "client/sip/core.h"

#include "proto/base/bytes.h"

#include <string.h>

#define LEFT_FOR SMX_SECOND(3600) /* a phone that was off for a while may still hold the call */

enum {
    MAGIC = 0x736d786b, /* "smxk" */
    VERSION = 1,
    KEPT = 16,   /* dialogs */
    MORE = 1024, /* bytes */
    PORT = 5060, /* of a Contact without one (RFC 3261, 19.1.2) */
    HEAD = 4 + 1 + 1,
    FIXED = 1 + 1 + 16 + 2 + 4,
};

enum kind {
    HANG_UP = 1, /* BYE */
    CANCEL,      /* our INVITE rings: more is its branch */
    REFUSE,      /* the phone's INVITE waits: more is its Via lines */
};

struct kept {
    enum kind kind;
    bool tcp, tls; /* as in struct smx_flow */
    struct smx_addr addr;
    uint32_t cseq;
    char call_id[256], local_tag[SMX_UA_TOKEN], remote_tag[128], target[SMX_SIP_URI], more[MORE];
};

_Static_assert(HEAD + KEPT * (FIXED + 5 * 2 + 256 + SMX_UA_TOKEN + 128 + SMX_SIP_URI + MORE) <=
                   SMX_UA_KEPT_MAX,
               "what is kept fits");

/* ---- written ---- */

/* The Via lines that a response to the phone's INVITE begins with; false: too long to keep. */
static bool keep_vias(struct kept *k, const struct smx_txn *txn)
{
    static const char end[] = "\r\nFrom: ";
    const char *from = strstr(txn->echo, end);

    return from && smx_span_copy(k->more, sizeof k->more,
                                 (struct smx_span){txn->echo, (size_t)(from - txn->echo) + 2});
}

/* False: nothing can be done for this leg, or needs to be. */
static bool describe(struct smx_ua *ua, const struct smx_leg *leg, struct kept *k)
{
    const struct smx_txn *txn = smx_txn_get(&ua->txns, leg->invite);

    *k = (struct kept){
        .tcp = leg->flow.tcp, .tls = leg->flow.tls, .addr = leg->flow.addr, .cseq = leg->local_cseq};
    memcpy(k->call_id, leg->call_id, sizeof k->call_id);
    memcpy(k->local_tag, leg->local_tag, sizeof k->local_tag);
    memcpy(k->remote_tag, leg->remote_tag, sizeof k->remote_tag);
    memcpy(k->target, leg->target, sizeof k->target);
    switch (leg->state) {
    case SMX_LEG_ASKED:
        k->kind = REFUSE;
        k->cseq = leg->remote_cseq;
        return txn && !leg->flow.tcp && keep_vias(k, txn); /* the end of its connection tells the phone */
    case SMX_LEG_CALLING:
    case SMX_LEG_RINGING:
    case SMX_LEG_CANCELLED:
        k->kind = CANCEL;
        k->cseq = leg->invite_cseq;
        memcpy(k->more, leg->branch, sizeof leg->branch);
        return !leg->flow.tls; /* in the clear it would not be heard, nor should it be said */
    case SMX_LEG_ANSWERED:
    case SMX_LEG_UP:
    case SMX_LEG_LEFT:
        k->kind = HANG_UP;
        return true;
    case SMX_LEG_GONE:
    case SMX_LEG_FREE:
        break;
    }
    return false;
}

static void write_text(struct smx_wr *w, const char *text)
{
    size_t len = strlen(text);

    smx_wr_u16(w, (uint16_t)len);
    smx_wr_bytes(w, text, len);
}

static void encode(struct smx_wr *w, const struct kept *k)
{
    smx_wr_u8(w, (uint8_t)k->kind);
    smx_wr_u8(w, k->tls ? 2 : k->tcp ? 1 : 0);
    smx_wr_bytes(w, k->addr.ip, sizeof k->addr.ip);
    smx_wr_u16(w, k->addr.port);
    smx_wr_u32(w, k->cseq);
    write_text(w, k->call_id);
    write_text(w, k->local_tag);
    write_text(w, k->remote_tag);
    write_text(w, k->target);
    write_text(w, k->more);
}

size_t smx_ua_keep(struct smx_ua *ua, uint8_t out[SMX_UA_KEPT_MAX])
{
    struct smx_wr head = {out, HEAD}, w = {out + HEAD, SMX_UA_KEPT_MAX - HEAD};
    uint8_t count = 0;
    struct kept k;

    for (size_t i = 0; i < ua->call_max; i++) {
        const struct smx_call *call = smx_call_at(ua, i);

        for (size_t j = 0; call && j < SMX_UA_LEGS && count < KEPT; j++)
            if (describe(ua, &call->leg[j], &k)) {
                encode(&w, &k);
                count++;
            }
    }
    if (count == 0)
        return 0;
    smx_wr_u32(&head, MAGIC);
    smx_wr_u8(&head, VERSION);
    smx_wr_u8(&head, count);
    return SMX_UA_KEPT_MAX - w.left;
}

/* ---- read ---- */

/* A text that may stand in a message: no control character, but line ends where lines are allowed. */
static void read_text(struct smx_rd *r, char *out, size_t cap, bool lines)
{
    size_t len = smx_rd_u16(r);

    if (len >= cap) {
        r->bad = true;
        len = 0;
    }
    smx_rd_bytes(r, out, len);
    out[len] = 0;
    for (size_t i = 0; i < len; i++) {
        bool line_end = lines && (out[i] == '\r' || out[i] == '\n');

        r->bad = r->bad || ((uint8_t)out[i] < ' ' && !line_end) || out[i] == 0x7f;
    }
}

static void decode(struct smx_rd *r, struct kept *k)
{
    uint8_t kind = smx_rd_u8(r), transport = smx_rd_u8(r);

    k->kind = (enum kind)kind;
    k->tcp = transport != 0;
    k->tls = transport == 2;
    r->bad = r->bad || kind < HANG_UP || kind > REFUSE || transport > 2 || (k->tls && kind != HANG_UP);
    smx_rd_bytes(r, k->addr.ip, sizeof k->addr.ip);
    k->addr.port = smx_rd_u16(r);
    k->cseq = smx_rd_u32(r);
    read_text(r, k->call_id, sizeof k->call_id, false);
    read_text(r, k->local_tag, sizeof k->local_tag, false);
    read_text(r, k->remote_tag, sizeof k->remote_tag, false);
    read_text(r, k->target, sizeof k->target, false);
    read_text(r, k->more, k->kind == CANCEL ? sizeof((struct smx_leg *)0)->branch : sizeof k->more,
              k->kind == REFUSE);
}

/* ---- acted on ---- */

/* A phone that came by TCP listens, as a rule, by UDP too, at the port that its Contact names. */
static uint16_t contact_port(const char *target)
{
    struct smx_span rest = smx_span_of(target), scheme = smx_span_cut(&rest, ':'), host = rest;
    uint32_t port;

    (void)scheme;
    if (memchr(rest.at, '@', rest.len))
        (void)smx_span_cut(&host, '@');
    host = smx_span_cut(&host, ';');
    host = smx_span_cut(&host, '?');
    if (host.len > 0 && host.at[0] == '[')
        (void)smx_span_cut(&host, ']');
    (void)smx_span_cut(&host, ':');
    return smx_span_u32(host, UINT16_MAX, &port) && port > 0 ? (uint16_t)port : PORT;
}

static void restore(const struct smx_ua *ua, struct smx_leg *leg, const struct kept *k)
{
    struct smx_text local = {leg->local, 0, sizeof leg->local - 1, false};

    memset(leg, 0, sizeof *leg);
    leg->flow.addr = k->addr;
    if (k->tcp)
        leg->flow.addr.port = contact_port(k->target);
    leg->local_cseq = leg->invite_cseq = k->cseq;
    memcpy(leg->call_id, k->call_id, sizeof leg->call_id);
    memcpy(leg->local_tag, k->local_tag, sizeof leg->local_tag);
    memcpy(leg->remote_tag, k->remote_tag, sizeof leg->remote_tag);
    memcpy(leg->target, k->target, sizeof leg->target);
    smx_write_caller(ua, &local, "");
    leg->remote[0] = '<';
    (void)smx_span_copy(leg->remote + 1, sizeof leg->remote - 1, smx_span_of(k->target));
    leg->remote[strlen(leg->remote)] = '>'; /* zeros follow: remote is far longer than a Contact */
}

/* A free leg of a call that is over, or NULL. */
static struct smx_leg *place(struct smx_ua *ua, struct smx_call **call, size_t *index)
{
    for (size_t i = 0; i < ua->call_max; i++) {
        *call = smx_call_at(ua, i);
        for (*index = 0; *call && (*call)->over && *index < SMX_UA_LEGS; ++*index)
            if ((*call)->leg[*index].state == SMX_LEG_FREE)
                return &(*call)->leg[*index];
    }
    *call = smx_call_new(ua);
    *index = 0;
    if (!*call)
        return NULL;
    (*call)->over = true;
    return &(*call)->leg[0];
}

static void hang_up(struct smx_ua *ua, smx_time now, const struct kept *k)
{
    struct smx_call *call;
    struct smx_leg leg, *left;
    size_t index;

    restore(ua, &leg, k);
    if (!k->tls) /* its names are not to be sent in the clear */
        smx_leg_bye(ua, &leg);
    left = k->tcp ? place(ua, &call, &index) : NULL;
    if (!left)
        return;
    *left = leg;
    left->flow = (struct smx_flow){.tcp = true, .tls = k->tls, .conn = UINT64_MAX, .addr = k->addr};
    left->state = SMX_LEG_LEFT;
    left->cancel_until = now + LEFT_FOR;
}

static void cancel(struct smx_ua *ua, smx_time now, const struct kept *k)
{
    struct smx_call *call;
    struct smx_txn *txn;
    size_t index;
    struct smx_leg *leg = place(ua, &call, &index);

    if (!leg)
        return;
    restore(ua, leg, k);
    memcpy(leg->branch, k->more, sizeof leg->branch);
    txn = smx_txn_request(
        &ua->txns, &leg->flow,
        &(struct smx_txn_new){
            SMX_M_INVITE, leg->branch, leg->call_id, leg->local_cseq, {SMX_OWNER_LEG, call->id, index}},
        (struct smx_span){"", 0});
    if (!txn) {
        memset(leg, 0, sizeof *leg);
        smx_call_lost(ua, now, call);
        return;
    }
    leg->invite = smx_txn_ref(&ua->txns, txn);
    leg->state = SMX_LEG_RINGING;
    smx_leg_cancel(ua, now, leg);
}

static void refuse(struct smx_ua *ua, const struct kept *k)
{
    char room[MORE + sizeof *k];
    struct smx_text echo = {room, 0, sizeof room, false};
    struct smx_text out = {ua->build, 0, sizeof ua->build, false};
    struct smx_flow flow = {.addr = k->addr};
    struct smx_response response = {.status = 480};

    smx_text_add(&echo, k->more);
    smx_text_add(&echo, "From: <");
    smx_text_add(&echo, k->target);
    smx_text_add(&echo, ">;tag=");
    smx_text_add(&echo, k->remote_tag);
    smx_text_add(&echo, "\r\nTo: ");
    smx_write_caller(ua, &echo, "");
    smx_text_add(&echo, ";tag=");
    smx_text_add(&echo, k->local_tag);
    smx_text_add(&echo, "\r\nCall-ID: ");
    smx_text_add(&echo, k->call_id);
    smx_text_add(&echo, "\r\nCSeq: ");
    smx_text_u64(&echo, k->cseq);
    smx_text_add(&echo, " INVITE\r\n");
    response.echo = smx_text_done(&echo);
    smx_write_response(&out, &response);
    smx_out_flow(ua, &flow, smx_text_done(&out));
}

enum smx_err smx_ua_resume(struct smx_ua *ua, smx_time now, const uint8_t *in, size_t len)
{
    struct smx_rd r = {in, len, false};
    struct kept kept[KEPT];
    uint32_t magic = smx_rd_u32(&r);
    uint8_t version = smx_rd_u8(&r), count = smx_rd_u8(&r);

    if (magic != MAGIC || version != VERSION || count > KEPT)
        return SMX_E_MALFORMED;
    for (uint8_t i = 0; i < count; i++)
        decode(&r, &kept[i]);
    if (!smx_rd_done(&r))
        return SMX_E_MALFORMED;
    smx_txn_time(&ua->txns, now);
    for (uint8_t i = 0; i < count; i++)
        switch (kept[i].kind) {
        case HANG_UP:
            hang_up(ua, now, &kept[i]);
            break;
        case CANCEL:
            cancel(ua, now, &kept[i]);
            break;
        case REFUSE:
            refuse(ua, &kept[i]);
            break;
        }
    smx_txn_settle(&ua->txns);
    return SMX_OK;
}

void smx_kept_connected(struct smx_ua *ua, const struct smx_flow *flow)
{
    for (size_t i = 0; i < ua->call_max; i++) {
        struct smx_call *call = smx_call_at(ua, i);

        for (size_t j = 0; call && j < SMX_UA_LEGS; j++) {
            struct smx_leg *leg = &call->leg[j], over;

            if (leg->state != SMX_LEG_LEFT || leg->flow.tls != flow->tls ||
                memcmp(leg->flow.addr.ip, flow->addr.ip, sizeof flow->addr.ip) != 0)
                continue;
            over = *leg; /* it stays: this may have been another phone of the same computer */
            over.flow = *flow;
            smx_leg_bye(ua, &over);
            leg->local_cseq = over.local_cseq;
        }
    }
}
