/* client/sip/names.c - whose address is whose: users, targets, and what a phone is shown of a caller. */
#include "client/sip/core.h"
#include "proto/e2e/record.h"

#include <string.h>

enum { NAME_MIN = 3, NAME_MAX = 32, KEY_LEN = 52 }; /* characters */

static bool all_of(const char *text, const char *more)
{
    for (; *text; text++)
        if (!(*text >= 'a' && *text <= 'z') && !strchr(more, *text))
            return false;
    return true;
}

bool smx_target_parse(struct smx_ua_target *target, const char *user)
{
    size_t len = strlen(user);

    if (len >= NAME_MIN && len <= NAME_MAX && all_of(user, "0123456789._-"))
        target->kind = SMX_UA_NAME;
    else if (len == KEY_LEN && all_of(user, "234567"))
        target->kind = SMX_UA_KEY;
    else
        return false;
    memset(target->text, 0, sizeof target->text); /* nothing of a message stays behind it */
    return smx_span_copy(target->text, sizeof target->text, smx_span_of(user));
}

static bool is_ip_of(const struct smx_addr *listener, const char *host)
{
    char text[SMX_ADDR_TEXT];
    struct smx_span ip, given = smx_span_of(host);

    if (listener->port == 0)
        return false;
    smx_addr_format(listener, text);
    ip = smx_span_of(text);
    if (text[0] == '[') { /* the parser keeps or drops the brackets */
        ip.at++;
        ip = smx_span_cut(&ip, ']');
        if (given.len > 1 && given.at[0] == '[')
            given = (struct smx_span){given.at + 1, given.len - 2};
    } else {
        ip = smx_span_cut(&ip, ':');
    }
    return given.len == ip.len && memcmp(given.at, ip.at, ip.len) == 0;
}

static bool is_own_host(const struct smx_ua *ua, const char *host)
{
    return host && (smx_span_is_nocase(smx_span_of(host), ua->domain) || is_ip_of(&ua->udp, host) ||
                    is_ip_of(&ua->tcp, host) || is_ip_of(&ua->tls, host));
}

bool smx_uri_own_user(const struct smx_ua *ua, const struct smx_uri *uri, char out[SMX_UA_USER])
{
    out[0] = 0;
    if ((uri->scheme != SMX_SCHEME_SIP && uri->scheme != SMX_SCHEME_SIPS) || !uri->user ||
        !is_own_host(ua, uri->host) || !smx_span_copy(out, SMX_UA_USER, smx_span_of(uri->user)))
        return false;
    for (char *c = out; *c; c++)
        *c = smx_lower(*c);
    return true;
}

static bool is_ours(const struct smx_addr *listener, const struct smx_via *via)
{
    return is_ip_of(listener, via->host) && via->port == listener->port;
}

bool smx_is_own_request(const struct smx_ua *ua, const struct smx_sip *sip)
{
    struct smx_via via;

    for (size_t i = 0; smx_sip_via(sip, i, &via); i++)
        if (strlen(via.branch) == SMX_UA_BRANCH - 1 &&
            (is_ours(&ua->udp, &via) || is_ours(&ua->tcp, &via) || is_ours(&ua->tls, &via)))
            return true;
    for (size_t i = 0; sip->uri.user && i < ua->call_max; i++) {
        const struct smx_call *call = smx_call_at(ua, i);

        for (size_t j = 0; call && j < SMX_UA_LEGS; j++)
            if (call->leg[j].contact[0] && strcmp(call->leg[j].contact, sip->uri.user) == 0)
                return true;
    }
    return false;
}

/* A call for help must not go where nobody can find the caller. */
static bool is_emergency(const struct smx_uri *uri)
{
    static const char *const numbers[] = {"000", "110", "112", "118", "119", "911", "999"};
    static const char urn[] = "service:";
    struct smx_span user = smx_span_of(uri->user ? uri->user : "");

    if (uri->scheme == SMX_SCHEME_URN)
        return user.len >= sizeof urn - 1 &&
               smx_span_is_nocase((struct smx_span){user.at, sizeof urn - 1}, urn);
    user = smx_span_cut(&user, ';');
    if (user.len > 0 && user.at[0] == '+')
        user = (struct smx_span){user.at + 1, user.len - 1};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        if (smx_span_is(user, numbers[i]))
            return true;
    return false;
}

unsigned smx_uri_target(const struct smx_ua *ua, const struct smx_uri *uri, struct smx_ua_target *target)
{
    char user[SMX_UA_USER];

    if (is_emergency(uri))
        return 403;
    if (uri->scheme != SMX_SCHEME_SIP && uri->scheme != SMX_SCHEME_SIPS)
        return 416;
    return smx_uri_own_user(ua, uri, user) && smx_target_parse(target, user) ? 0 : 404;
}

/* ---- names that people give themselves ---- */

static bool name_is_valid(struct smx_span name)
{
    return smx_record_name_is_valid((const uint8_t *)name.at, name.len);
}

_Static_assert((int)SMX_UA_DISPLAY == (int)SMX_RECORD_NAME_LEN + 1, "what a NAME record carries");

/* RFC 3261, 25.1: name-addr = [ tokens / quoted-string ] "<" ... */
void smx_display_name(struct smx_span from, char out[SMX_UA_DISPLAY])
{
    char room[4 * SMX_UA_DISPLAY];
    struct smx_span name = {room, 0};
    bool quoted, ends = false;

    from = smx_span_trim(from);
    quoted = from.len > 0 && from.at[0] == '"';
    out[0] = 0;
    for (size_t i = quoted; i < from.len && !ends && name.len < sizeof room; i++) {
        ends = from.at[i] == (quoted ? '"' : '<');
        if (quoted && from.at[i] == '\\' && i + 1 < from.len)
            i++;
        if (!ends)
            room[name.len++] = from.at[i];
    }
    if (!ends)
        return;
    name = smx_span_trim(name);
    if (name.len >= SMX_UA_DISPLAY) { /* cut between two characters */
        name.len = SMX_UA_DISPLAY - 1;
        while (name.len > 0 && ((uint8_t)name.at[name.len] & 0xc0) == 0x80)
            name.len--;
        name = smx_span_trim(name);
    }
    if (name_is_valid(name))
        (void)smx_span_copy(out, SMX_UA_DISPLAY, name);
}

/* No name of the directory looks like this, whatever somebody calls himself. */
static void write_claim(struct smx_text *out, struct smx_span name)
{
    smx_text_add(out, "\"says: ");
    for (; name.len > 0; name.at++, name.len--) {
        if (name.at[0] == '"' || name.at[0] == '\\')
            smx_text_add(out, "\\");
        smx_text_span(out, (struct smx_span){name.at, 1});
    }
    smx_text_add(out, "\" ");
}

void smx_write_caller(const struct smx_ua *ua, struct smx_text *out, const char *from)
{
    struct smx_span address = smx_span_of(from), name = {from, 0}, scheme, user;
    const char *bracket = strrchr(from, '<');
    char text[SMX_UA_USER];
    struct smx_ua_target known;

    if (bracket && from[strlen(from) - 1] == '>') {
        name = smx_span_trim((struct smx_span){from, (size_t)(bracket - from)});
        address = (struct smx_span){bracket + 1, strlen(bracket) - 2};
    }
    scheme = smx_span_cut(&address, ':');
    user = smx_span_cut(&address, '@');
    if (!smx_span_is(scheme, "sip") || !smx_span_copy(text, sizeof text, user) ||
        !smx_target_parse(&known, text) || !smx_span_is(address, ua->domain)) {
        smx_text_add(out, "<sip:anonymous@anonymous.invalid>"); /* RFC 3323, 4.1.1.3 */
        return;
    }
    if (name_is_valid(name))
        write_claim(out, name);
    smx_text_add(out, "<sip:");
    smx_text_add(out, known.text);
    smx_text_add(out, "@");
    smx_text_add(out, ua->domain);
    smx_text_add(out, ">");
}
