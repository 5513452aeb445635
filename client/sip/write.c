/* client/sip/write.c - see write.h. */
#include "client/sip/write.h"

#include <string.h>

const char *smx_sip_reason(unsigned status)
{
    static const struct {
        unsigned status;
        const char *text;
    } reasons[] = {
        {100, "Trying"},
        {180, "Ringing"},
        {200, "OK"},
        {202, "Accepted"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {408, "Request Timeout"},
        {413, "Request Entity Too Large"},
        {415, "Unsupported Media Type"},
        {416, "Unsupported URI Scheme"},
        {420, "Bad Extension"},
        {422, "Session Interval Too Small"},
        {469, "Bad Info Package"},
        {480, "Temporarily Unavailable"},
        {481, "Call/Transaction Does Not Exist"},
        {482, "Loop Detected"},
        {483, "Too Many Hops"},
        {486, "Busy Here"},
        {487, "Request Terminated"},
        {488, "Not Acceptable Here"},
        {489, "Bad Event"},
        {491, "Request Pending"},
        {500, "Server Internal Error"},
        {503, "Service Unavailable"},
        {603, "Decline"},
    };

    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++)
        if (reasons[i].status == status)
            return reasons[i].text;
    return "-";
}

/* Where ";name" ends in a Via, or 0: followed by the end, another parameter or a value. */
static size_t find_param(struct smx_span via, const char *name)
{
    size_t len = strlen(name);

    for (size_t i = 0; i + len <= via.len; i++) {
        char after = ';';

        if (i + len < via.len)
            after = via.at[i + len];
        if (smx_span_is_nocase((struct smx_span){via.at + i, len}, name) &&
            (after == ';' || after == '=' || after == ' ' || after == '\t'))
            return i + len;
    }
    return 0;
}

static void add_first_via(struct smx_text *out, struct smx_span via, const struct smx_addr *from)
{
    char addr[SMX_ADDR_TEXT];
    struct smx_span ip;
    size_t rport = find_param(via, ";rport");
    bool received = find_param(via, ";received") > 0;

    smx_addr_format(from, addr);
    ip = smx_span_of(addr);
    if (addr[0] == '[') {
        ip.at++;
        ip = smx_span_cut(&ip, ']');
    } else {
        ip = smx_span_cut(&ip, ':');
    }
    if (rport > 0 && !(rport < via.len && via.at[rport] == '=')) {
        smx_text_span(out, (struct smx_span){via.at, rport});
        smx_text_add(out, "=");
        smx_text_u64(out, from->port);
        via.at += rport;
        via.len -= rport;
    }
    smx_text_span(out, via);
    if (!received) {
        smx_text_add(out, ";received=");
        smx_text_span(out, ip);
    }
}

void smx_write_echo(struct smx_text *out, const struct smx_gate *request, const struct smx_addr *from,
                    const char *tag)
{
    bool first = true;

    for (size_t i = 0; i < request->line_count; i++) {
        struct smx_span rest = request->line[i].value;

        if (request->line[i].id != SMX_H_VIA)
            continue;
        smx_text_add(out, "Via: ");
        if (first) {
            add_first_via(out, smx_span_trim(smx_span_cut_outside(&rest, ',')), from);
            smx_text_add(out, rest.len > 0 ? "," : "");
        }
        smx_text_span(out, rest);
        smx_text_add(out, "\r\n");
        first = false;
    }
    smx_text_add(out, "From: ");
    smx_text_span(out, *smx_gate_get(request, SMX_H_FROM));
    smx_text_add(out, "\r\nTo: ");
    smx_text_span(out, *smx_gate_get(request, SMX_H_TO));
    if (tag) {
        smx_text_add(out, ";tag=");
        smx_text_add(out, tag);
    }
    smx_text_add(out, "\r\nCall-ID: ");
    smx_text_span(out, *smx_gate_get(request, SMX_H_CALL_ID));
    smx_text_add(out, "\r\nCSeq: ");
    smx_text_span(out, *smx_gate_get(request, SMX_H_CSEQ));
    smx_text_add(out, "\r\n");
}

static void add_header(struct smx_text *out, const char *name, struct smx_span value)
{
    if (value.len == 0)
        return;
    smx_text_add(out, name);
    smx_text_span(out, value);
    smx_text_add(out, "\r\n");
}

static void add_body(struct smx_text *out, const char *type, struct smx_span body)
{
    if (type)
        add_header(out, "Content-Type: ", smx_span_of(type));
    smx_text_add(out, "Content-Length: ");
    smx_text_u64(out, body.len);
    smx_text_add(out, "\r\n\r\n");
    smx_text_span(out, body);
}

void smx_write_response(struct smx_text *out, const struct smx_response *response)
{
    unsigned status = response->status;

    smx_text_add(out, "SIP/2.0 ");
    smx_text_u64(out, status);
    smx_text_add(out, " ");
    smx_text_add(out, smx_sip_reason(status));
    smx_text_add(out, "\r\n");
    smx_text_span(out, response->echo);
    add_header(out, "Contact: ", response->contact);
    if (status == 200 || status == 405)
        smx_text_add(out, "Allow: " SMX_SIP_ALLOW "\r\n");
    smx_text_span(out, response->challenge);
    if (response->no_subscription)
        smx_text_add(out, "Refer-Sub: false\r\n");
    if (response->rseq != 0) {
        smx_text_add(out, "Require: 100rel\r\nRSeq: ");
        smx_text_u64(out, response->rseq);
        smx_text_add(out, "\r\n");
    }
    if (response->expires != 0) {
        smx_text_add(out, response->we_refresh ? "" : "Require: timer\r\n");
        smx_text_add(out, "Session-Expires: ");
        smx_text_u64(out, response->expires);
        smx_text_add(out, response->we_refresh ? ";refresher=uas\r\n" : ";refresher=uac\r\n");
    }
    if (status == 422)
        smx_text_add(out, "Min-SE: " SMX_SIP_MIN_SE "\r\n");
    add_header(out, "Unsupported: ", response->unsupported);
    if (status == 415)
        smx_text_add(out, "Accept: application/sdp, text/plain\r\n");
    if (status == 500 || status == 503)
        smx_text_add(out, "Retry-After: 10\r\n");
    add_body(out, response->type, response->body);
}

void smx_write_request(struct smx_text *out, const struct smx_request *request)
{
    char self[SMX_ADDR_TEXT];

    smx_addr_format(request->self, self);
    smx_text_add(out, request->method);
    smx_text_add(out, " ");
    smx_text_add(out, request->uri);
    smx_text_add(out, " SIP/2.0\r\nVia: SIP/2.0/");
    smx_text_add(out, request->tls ? "TLS " : request->tcp ? "TCP " : "UDP ");
    smx_text_add(out, self);
    smx_text_add(out, ";branch=");
    smx_text_add(out, request->branch);
    smx_text_add(out, request->tcp ? "\r\n" : ";rport\r\n");
    smx_text_add(out, "Max-Forwards: 70\r\n");
    add_header(out, "From: ", request->from);
    add_header(out, "To: ", request->to);
    add_header(out, "Call-ID: ", smx_span_of(request->call_id));
    smx_text_add(out, "CSeq: ");
    smx_text_u64(out, request->cseq);
    smx_text_add(out, " ");
    smx_text_add(out, request->method);
    smx_text_add(out, "\r\n");
    add_header(out, "Contact: ", request->contact);
    add_header(out, "RAck: ", request->rack);
    add_header(out, "Event: ", request->event);
    add_header(out, "Subscription-State: ", request->state);
    if (strcmp(request->method, "INVITE") == 0)
        smx_text_add(out, "Allow: " SMX_SIP_ALLOW "\r\nSupported: 100rel, timer\r\n");
    if (request->expires != 0) {
        smx_text_add(out, "Session-Expires: ");
        smx_text_u64(out, request->expires);
        smx_text_add(out, request->we_refresh ? ";refresher=uac\r\n" : "\r\n");
    }
    if (request->min_expires != 0) {
        smx_text_add(out, "Min-SE: ");
        smx_text_u64(out, request->min_expires);
        smx_text_add(out, "\r\n");
    }
    add_body(out, request->type, request->body);
}
