/* client/sip/wishes.c - headers that say what a phone wants done with its request: Refer-To, Privacy, Via and
 * Max-Forwards as far as they show that it has come too far.  See parse.h. */
#include "client/sip/parse.h"

#include <osipparser2/osip_parser.h>
#include <osipparser2/osip_port.h>
#include <string.h>

/* ---- Refer-To ---- */

static bool hex_digit(char c, unsigned *digit)
{
    static const char digits[] = "0123456789abcdef";
    const char *at = c ? strchr(digits, smx_lower(c)) : NULL;

    *digit = at ? (unsigned)(at - digits) : 0;
    return at != NULL;
}

/* Undoes percent-encoding; the gate has seen to it that no control character comes out. */
static bool decode(char *out, size_t cap, struct smx_span s)
{
    size_t len = 0;
    unsigned high, low;

    for (size_t i = 0; i < s.len; i++) {
        uint8_t byte = (uint8_t)s.at[i];

        if (byte == '%' && i + 2 < s.len && hex_digit(s.at[i + 1], &high) && hex_digit(s.at[i + 2], &low)) {
            byte = (uint8_t)(high << 4 | low);
            i += 2;
        }
        if (len + 1 >= cap)
            return false;
        memcpy(out + len++, &byte, 1);
    }
    out[len] = 0;
    return true;
}

/* call-id;to-tag=...;from-tag=... */
static bool read_replaces(struct smx_refer *refer, struct smx_span encoded)
{
    char text[1024];
    struct smx_span rest, part;

    if (!decode(text, sizeof text, encoded))
        return false;
    rest = smx_span_of(text);
    part = smx_span_trim(smx_span_cut(&rest, ';'));
    if (!smx_span_copy(refer->call_id, sizeof refer->call_id, part))
        return false;
    while (rest.len > 0) {
        struct smx_span value = smx_span_cut(&rest, ';'), name = smx_span_trim(smx_span_cut(&value, '='));

        value = smx_span_trim(value);
        if ((smx_span_is_nocase(name, "to-tag") &&
             !smx_span_copy(refer->to_tag, sizeof refer->to_tag, value)) ||
            (smx_span_is_nocase(name, "from-tag") &&
             !smx_span_copy(refer->from_tag, sizeof refer->from_tag, value)))
            return false;
    }
    refer->replaces = true;
    return refer->call_id[0] && refer->to_tag[0] && refer->from_tag[0];
}

/* "a=b&c=d": all but the dialog is passed over. */
static bool read_headers(struct smx_refer *refer, struct smx_span headers)
{
    while (headers.len > 0) {
        struct smx_span value = smx_span_cut(&headers, '&'), name = smx_span_cut(&value, '=');

        if (smx_span_is_nocase(name, "replaces") && !read_replaces(refer, value))
            return false;
    }
    return true;
}

static bool read_uri(struct smx_refer *refer, struct smx_span s)
{
    char text[SMX_SIP_URI];
    osip_uri_t *url = NULL;
    osip_uri_param_t *method = NULL;
    const char *user;
    bool good;

    if (!smx_span_copy(text, sizeof text, s) || osip_uri_init(&url) != OSIP_SUCCESS)
        return false;
    good = osip_uri_parse(url, text) == OSIP_SUCCESS && url->scheme;
    if (good) {
        (void)osip_uri_param_get_byname(&url->url_params, (char *)"method", &method);
        refer->uri.scheme = smx_sip_scheme(url->scheme);
        user = refer->uri.scheme == SMX_SCHEME_SIP || refer->uri.scheme == SMX_SCHEME_SIPS ? url->username
                                                                                           : url->string;
        good = (!method || (method->gvalue && smx_span_is(smx_span_of(method->gvalue), "INVITE"))) &&
               smx_span_copy(refer->user, sizeof refer->user, smx_span_of(user ? user : "")) &&
               smx_span_copy(refer->host, sizeof refer->host, smx_span_of(url->host ? url->host : ""));
    }
    osip_uri_free(url);
    refer->uri.user = refer->user;
    refer->uri.host = refer->host;
    return good;
}

bool smx_sip_refer(const struct smx_sip *sip, struct smx_refer *refer)
{
    const struct smx_span *line = smx_gate_get(&sip->gate, SMX_H_REFER_TO);
    struct smx_span s, headers = {"", 0};

    memset(refer, 0, sizeof *refer);
    if (!line || smx_gate_count(&sip->gate, SMX_H_REFER_TO) != 1)
        return false;
    s = *line;
    s = smx_span_trim(smx_span_cut_outside(&s, ';')); /* no parameter of the header tells us anything */
    if (s.len > 0 && s.at[s.len - 1] == '>') {
        (void)smx_span_cut(&s, '<');
        s.len -= s.len > 0;
        headers = s;
        s = smx_span_cut(&headers, '?');
    }
    return s.len > 0 && read_uri(refer, s) && read_headers(refer, headers);
}

/* ---- Via, Max-Forwards ---- */

bool smx_sip_via(const struct smx_sip *sip, size_t at, struct smx_via *out)
{
    osip_via_t *via = osip_list_get(&sip->osip->vias, (int)at);
    osip_generic_param_t *branch = NULL;

    if (!via)
        return false;
    (void)osip_via_param_get_byname(via, (char *)"branch", &branch);
    *out = (struct smx_via){via->host ? via->host : "", branch && branch->gvalue ? branch->gvalue : "", 0};
    if (via->port)
        (void)smx_span_u32(smx_span_of(via->port), UINT16_MAX, &out->port);
    return true;
}

bool smx_sip_is_spent(const struct smx_sip *sip)
{
    const struct smx_span *hops = smx_gate_get(&sip->gate, SMX_H_MAX_FORWARDS);
    uint32_t left;

    return hops && smx_span_u32(*hops, 255, &left) && left == 0;
}

/* ---- Privacy ---- */

enum smx_privacy smx_sip_privacy(const struct smx_sip *sip)
{
    bool unnamed = false, unknown = false, critical = false;

    for (size_t i = 0; i < sip->gate.line_count; i++) {
        struct smx_span rest = sip->gate.line[i].value;

        while (sip->gate.line[i].id == SMX_H_PRIVACY && rest.len > 0) {
            struct smx_span values = smx_span_cut(&rest, ','); /* RFC 3323 has them between semicolons */

            while (values.len > 0) {
                struct smx_span v = smx_span_trim(smx_span_cut(&values, ';'));

                if (smx_span_is_nocase(v, "id") || smx_span_is_nocase(v, "user"))
                    unnamed = true;
                else if (smx_span_is_nocase(v, "critical"))
                    critical = true;
                else /* these are done for everybody */
                    unknown =
                        unknown || !(smx_span_is_nocase(v, "none") || smx_span_is_nocase(v, "header") ||
                                     smx_span_is_nocase(v, "session") || smx_span_is_nocase(v, "history"));
            }
        }
    }
    /* RFC 3323, 4.1.1.3: how a phone writes itself when it wants no name */
    if (sip->from_uri.host && smx_span_is_nocase(smx_span_of(sip->from_uri.host), "anonymous.invalid"))
        unnamed = true;
    return unknown && critical ? SMX_PRIVACY_UNKNOWN : unnamed ? SMX_PRIVACY_UNNAMED : SMX_PRIVACY_NONE;
}
