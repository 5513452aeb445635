/* client/sip/parse.c - see parse.h. */
#include "client/sip/parse.h"

#include <osipparser2/osip_parser.h>
#include <osipparser2/osip_port.h>
#include <stdlib.h>
#include <string.h>

enum { CALL_ID_MAX = 255, TAG_MAX = 127, ADDRESS_MAX = 512 }; /* bytes */

static void no_trace(const char *file, int line, osip_trace_level_t level, const char *format, va_list args)
{
    (void)file, (void)line, (void)level, (void)format, (void)args;
}

void smx_sip_library(void)
{
    osip_trace_initialize_func(TRACE_LEVEL0, no_trace); /* its default prints Call-IDs */
    parser_init();
}

static enum smx_method method_of(struct smx_span name)
{
    static const struct {
        const char *name;
        enum smx_method method;
    } methods[] = {
        {"INVITE", SMX_M_INVITE},       {"ACK", SMX_M_ACK},         {"BYE", SMX_M_BYE},
        {"CANCEL", SMX_M_CANCEL},       {"OPTIONS", SMX_M_OPTIONS}, {"REGISTER", SMX_M_REGISTER},
        {"MESSAGE", SMX_M_MESSAGE},     {"REFER", SMX_M_REFER},     {"PUBLISH", SMX_M_PUBLISH},
        {"SUBSCRIBE", SMX_M_SUBSCRIBE}, {"UPDATE", SMX_M_UPDATE},   {"INFO", SMX_M_INFO},
        {"PRACK", SMX_M_PRACK},         {"NOTIFY", SMX_M_NOTIFY},
    };

    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++)
        if (smx_span_is(name, methods[i].name))
            return methods[i].method;
    return SMX_M_OTHER;
}

/* "INVITE sip:bob@example SIP/2.0" or "SIP/2.0 200 OK"; *method is the token of the request. */
static bool start_line(struct smx_sip *sip, struct smx_span *method)
{
    struct smx_span rest = sip->gate.start;
    struct smx_span first = smx_span_cut(&rest, ' ');
    struct smx_span second = smx_span_cut(&rest, ' ');

    if (smx_span_is_nocase(first, "SIP/2.0")) {
        uint32_t status;

        sip->is_request = false;
        if (second.len != 3 || !smx_span_u32(second, 699, &status) || status < 100)
            return false;
        sip->status = status;
        return true;
    }
    sip->is_request = true;
    *method = first;
    return smx_is_token(first) && second.len > 0 && smx_span_is_nocase(rest, "SIP/2.0");
}

enum smx_scheme smx_sip_scheme(const char *scheme)
{
    struct smx_span s = smx_span_of(scheme);

    return smx_span_is_nocase(s, "sip")    ? SMX_SCHEME_SIP
           : smx_span_is_nocase(s, "sips") ? SMX_SCHEME_SIPS
           : smx_span_is_nocase(s, "tel")  ? SMX_SCHEME_TEL
           : smx_span_is_nocase(s, "urn")  ? SMX_SCHEME_URN
                                           : SMX_SCHEME_OTHER;
}

static void uri_from(struct smx_uri *uri, const osip_uri_t *url)
{
    *uri = (struct smx_uri){smx_sip_scheme(url->scheme ? url->scheme : ""), url->username, url->host};
    if (uri->scheme == SMX_SCHEME_TEL || uri->scheme == SMX_SCHEME_URN)
        uri->user = url->string;
}

/* What the library gets to see: a start line of a few bytes' variety and the headers of every message. */
static osip_message_t *library_parse(const struct smx_sip *sip)
{
    static const char *const names[] = {[SMX_H_VIA] = "Via: ",
                                        [SMX_H_FROM] = "From: ",
                                        [SMX_H_TO] = "To: ",
                                        [SMX_H_CALL_ID] = "Call-ID: ",
                                        [SMX_H_CSEQ] = "CSeq: "};
    enum { ROOM = SMX_GATE_HEAD + SMX_GATE_KEPT * 12 + 64 }; /* names may grow from their compact forms */
    char *room = malloc(ROOM);
    struct smx_text t = {room, 0, ROOM, false};
    osip_message_t *msg = NULL;

    if (!room || osip_message_init(&msg) != OSIP_SUCCESS) {
        free(room);
        return NULL;
    }
    if (sip->is_request) {
        smx_text_span(&t, sip->gate.start);
    } else { /* nobody reads the reason */
        smx_text_add(&t, "SIP/2.0 ");
        smx_text_u64(&t, sip->status);
        smx_text_add(&t, " -");
    }
    smx_text_add(&t, "\r\n");
    for (size_t i = 0; i < sip->gate.line_count; i++) {
        const struct smx_gate_line *line = &sip->gate.line[i];

        if (line->id > SMX_H_CSEQ)
            continue;
        smx_text_add(&t, names[line->id]);
        smx_text_span(&t, line->value);
        smx_text_add(&t, "\r\n");
    }
    smx_text_add(&t, "\r\n");
    if (t.full || osip_message_parse(msg, room, t.len) != OSIP_SUCCESS) {
        osip_message_free(msg);
        msg = NULL;
    }
    free(room);
    return msg;
}

static bool is_printable(struct smx_span s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.at[i] <= ' ' || s.at[i] > '~')
            return false;
    return s.len > 0;
}

/* A tag or branch: a token by the book; some phones are freer, within what can do no harm. */
static bool is_tag(const char *tag)
{
    return tag && strlen(tag) <= TAG_MAX && !strpbrk(tag, "<>\";,") && is_printable(smx_span_of(tag));
}

/* RFC 3261, 8.1.1: From, To, Call-ID, CSeq and Via, once each (Via at least), and well made. */
static bool take_mandatory(struct smx_sip *sip, struct smx_span method)
{
    osip_message_t *m = sip->osip;
    osip_generic_param_t *from_tag = NULL, *to_tag = NULL, *branch = NULL;
    osip_via_t *via = osip_list_get(&m->vias, 0);

    for (enum smx_header id = SMX_H_FROM; id <= SMX_H_CSEQ; id++) {
        const struct smx_span *line = smx_gate_get(&sip->gate, id);

        if (smx_gate_count(&sip->gate, id) != 1 || line->len > ADDRESS_MAX)
            return false;
    }
    if (!via || osip_list_size(&m->vias) > SMX_SIP_VIAS || !m->from || !m->from->url || !m->to ||
        !m->to->url || !m->call_id || !m->cseq || !m->cseq->number || !m->cseq->method)
        return false;
    if (sip->is_request && (!m->req_uri || !m->sip_method))
        return false;

    (void)osip_from_get_tag(m->from, &from_tag);
    (void)osip_to_get_tag(m->to, &to_tag);
    (void)osip_via_param_get_byname(via, (char *)"branch", &branch);
    if (!from_tag || !is_tag(from_tag->gvalue) || (to_tag && !is_tag(to_tag->gvalue)))
        return false;
    if (branch && !is_tag(branch->gvalue))
        return false;
    sip->from_tag = from_tag->gvalue;
    sip->to_tag = to_tag ? to_tag->gvalue : NULL;
    sip->branch = branch ? branch->gvalue : "";

    sip->call_id = *smx_gate_get(&sip->gate, SMX_H_CALL_ID);
    if (sip->call_id.len > CALL_ID_MAX || !is_printable(sip->call_id))
        return false;
    if (!smx_span_u32(smx_span_of(m->cseq->number), INT32_MAX, &sip->cseq))
        return false;
    if (sip->is_request && !smx_span_is(method, m->cseq->method))
        return false;
    sip->method = method_of(smx_span_of(m->cseq->method));
    if (sip->is_request)
        uri_from(&sip->uri, m->req_uri);
    uri_from(&sip->from_uri, m->from->url);
    uri_from(&sip->to_uri, m->to->url);
    return true;
}

static bool take_optional(const struct smx_sip *sip)
{
    static const enum smx_header single[] = {SMX_H_MAX_FORWARDS, SMX_H_EXPIRES, SMX_H_CONTENT_TYPE};
    const struct smx_span *hops = smx_gate_get(&sip->gate, SMX_H_MAX_FORWARDS);
    const struct smx_span *expires = smx_gate_get(&sip->gate, SMX_H_EXPIRES);
    uint32_t v;

    for (size_t i = 0; i < sizeof single / sizeof single[0]; i++)
        if (smx_gate_count(&sip->gate, single[i]) > 1)
            return false;
    return (!hops || smx_span_u32(*hops, 255, &v)) && (!expires || smx_span_u32(*expires, UINT32_MAX, &v));
}

/* What may stand as a Request-URI of ours later. */
static bool is_contact_uri(struct smx_span s)
{
    char text[SMX_SIP_URI];
    struct smx_uri uri;
    osip_uri_t *url = NULL;
    bool ok;

    for (size_t i = 0; i < s.len; i++)
        if (strchr("<>\"?,", s.at[i]))
            return false;
    if (!is_printable(s) || !smx_span_copy(text, sizeof text, s) || osip_uri_init(&url) != OSIP_SUCCESS)
        return false;
    ok = osip_uri_parse(url, text) == OSIP_SUCCESS && url->host && url->host[0];
    if (ok) {
        uri_from(&uri, url);
        ok = uri.scheme == SMX_SCHEME_SIP || uri.scheme == SMX_SCHEME_SIPS;
    }
    osip_uri_free(url);
    return ok;
}

struct smx_span smx_sip_address(struct smx_span value)
{
    struct smx_span s = smx_span_trim(smx_span_cut_outside(&value, ';'));

    if (s.len > 0 && s.at[s.len - 1] == '>') {
        s.len--;
        for (size_t i = s.len; i > 0; i--)
            if (s.at[i - 1] == '<') {
                s = (struct smx_span){s.at + i, s.len - i};
                break;
            }
    }
    return is_contact_uri(s) ? s : (struct smx_span){s.at, 0};
}

/* RFC 3261, 20.10: ["name"] <uri>;params or uri;params. */
static bool take_contact(struct smx_contact *c, struct smx_span s)
{
    struct smx_span params = s;

    *c = (struct smx_contact){.head = s, .tail = {s.at + s.len, 0}};
    if (smx_span_is(s, "*")) {
        c->uri = s;
        return true;
    }
    c->uri = smx_sip_address(s);
    if (c->uri.len == 0)
        return false;
    (void)smx_span_cut_outside(&params, ';');
    while (params.len > 0) {
        struct smx_span value = smx_span_cut_outside(&params, ';');
        const char *begin = value.at;
        struct smx_span name = smx_span_trim(smx_span_cut(&value, '='));

        if (!smx_span_is_nocase(name, "expires"))
            continue;
        if (c->has_expires || !smx_span_u32(smx_span_trim(value), UINT32_MAX, &c->expires))
            return false;
        c->has_expires = true;
        c->head = (struct smx_span){s.at, (size_t)(begin - 1 - s.at)}; /* up to the semicolon */
        c->tail = (struct smx_span){value.at + value.len, (size_t)(s.at + s.len - (value.at + value.len))};
    }
    return true;
}

static bool take_contacts(struct smx_sip *sip)
{
    for (size_t i = 0; i < sip->gate.line_count; i++) {
        struct smx_span rest = sip->gate.line[i].value;

        if (sip->gate.line[i].id != SMX_H_CONTACT)
            continue;
        do {
            struct smx_span one = smx_span_trim(smx_span_cut_outside(&rest, ','));

            if (sip->contact_count == SMX_SIP_CONTACTS ||
                !take_contact(&sip->contact[sip->contact_count++], one))
                return false;
        } while (rest.len > 0);
    }
    return true;
}

enum smx_err smx_sip_parse(struct smx_sip *sip, const uint8_t *in, size_t in_len, bool stream)
{
    struct smx_span method = {NULL, 0};
    enum smx_err err;
    size_t body_len, left;

    sip->osip = NULL;
    sip->total = 0;
    sip->contact_count = 0;
    sip->to_tag = NULL;
    err = smx_gate_scan(&sip->gate, in, in_len);
    if (err != SMX_OK)
        return err == SMX_E_STATE && stream ? SMX_E_STATE : SMX_E_MALFORMED;

    left = in_len - sip->gate.head_len;
    body_len = sip->gate.has_length || stream ? sip->gate.content_length : left;
    if (stream && body_len > SMX_GATE_BODY) {
        sip->total = in_len; /* all there is: the stream ends here */
        return SMX_E_FULL;
    }
    if (body_len > left && stream)
        return SMX_E_STATE;
    sip->total = stream ? sip->gate.head_len + body_len : in_len;
    if (body_len > left)
        return SMX_E_MALFORMED;
    sip->body = (struct smx_span){(const char *)in + sip->gate.head_len, body_len};

    if (!start_line(sip, &method))
        return SMX_E_MALFORMED;
    sip->osip = library_parse(sip);
    if (!sip->osip)
        return SMX_E_MALFORMED;
    if (!take_mandatory(sip, method) || !take_optional(sip) || !take_contacts(sip)) {
        smx_sip_fini(sip);
        return SMX_E_MALFORMED;
    }
    return SMX_OK;
}

bool smx_sip_has_option(const struct smx_sip *sip, enum smx_header header, const char *tag)
{
    for (size_t i = 0; i < sip->gate.line_count; i++) {
        struct smx_span rest = sip->gate.line[i].value;

        while (sip->gate.line[i].id == header && rest.len > 0)
            if (smx_span_is_nocase(smx_span_trim(smx_span_cut(&rest, ',')), tag))
                return true;
    }
    return false;
}

struct smx_span smx_sip_foreign_options(const struct smx_sip *sip, struct smx_text *out)
{
    for (size_t i = 0; i < sip->gate.line_count; i++) {
        const struct smx_gate_line *line = &sip->gate.line[i];
        struct smx_span rest = line->value;

        if (line->id != SMX_H_REQUIRE && line->id != SMX_H_PROXY_REQUIRE)
            continue;
        do {
            struct smx_span tag = smx_span_trim(smx_span_cut(&rest, ','));

            if (tag.len == 0 || (line->id == SMX_H_REQUIRE &&
                                 (smx_span_is_nocase(tag, "100rel") || smx_span_is_nocase(tag, "timer") ||
                                  smx_span_is_nocase(tag, "norefersub"))))
                continue;
            smx_text_add(out, out->len > 0 ? ", " : "");
            smx_text_span(out, tag);
        } while (rest.len > 0);
    }
    return smx_text_done(out);
}

void smx_sip_fini(struct smx_sip *sip)
{
    osip_message_free(sip->osip);
    sip->osip = NULL;
}

bool smx_sip_can_answer(const struct smx_sip *sip)
{
    struct smx_span start, method;

    if (sip->total == 0)
        return false;
    start = sip->gate.start;
    method = smx_span_cut(&start, ' ');
    if (!smx_is_token(method) || smx_span_is(method, "ACK"))
        return false; /* a response starts with "SIP/2.0", which is no token */
    for (enum smx_header id = SMX_H_FROM; id <= SMX_H_CSEQ; id++)
        if (smx_gate_count(&sip->gate, id) != 1)
            return false;
    return smx_gate_count(&sip->gate, SMX_H_VIA) > 0;
}
