/* client/sip/sdp.c - see sdp.h. */
#include "client/sip/sdp.h"

#include <sodium.h>
#include <string.h>

enum { NO_AUDIO = SMX_SDP_MEDIA };

struct connection {
    bool known;
    uint8_t ip[16];
};

struct reading {
    struct smx_sdp *sdp;
    enum smx_direction session_direction;
    struct connection session, audio; /* of c= lines */
    uint8_t place[128];               /* of a payload type in the audio line, from 1; 0: not there */
};

static bool is_direction(struct smx_span s, enum smx_direction *d)
{
    static const char *const names[] = {"sendrecv", "sendonly", "recvonly", "inactive"};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (smx_span_is(s, names[i])) {
            *d = (enum smx_direction)i;
            return true;
        }
    return false;
}

/* A proto is tokens with slashes between them. */
static bool is_proto(struct smx_span s)
{
    do {
        if (!smx_is_token(smx_span_cut(&s, '/')))
            return false;
    } while (s.len > 0);
    return true;
}

/* crypto:1 AES_CM_128_HMAC_SHA1_80 inline:KEY[|lifetime]; with several keys, or session parameters, it is not
 * for us. */
static void take_crypto(struct smx_sdp *sdp, struct smx_span s)
{
    struct smx_span tag = smx_span_cut(&s, ' '), name = smx_span_cut(&s, ' '), keys = smx_span_cut(&s, ' ');
    struct smx_span method = smx_span_cut(&keys, ':'), key = smx_span_cut(&keys, '|');
    struct smx_sdp_crypto got = {.named = true};
    enum smx_srtp_suite suite = 0;
    size_t len;

    while (suite < SMX_SRTP_SUITES && !smx_span_is(name, smx_srtp_name(suite)))
        suite++;
    if (suite == SMX_SRTP_SUITES || sdp->crypto[suite].named || smx_span_trim(s).len > 0 ||
        memchr(keys.at, ':', keys.len) || memchr(keys.at, ';', keys.len) || memchr(key.at, ';', key.len) ||
        !smx_span_is(method, "inline") || !smx_span_u32(tag, 999999999, &got.tag))
        return;
    if (sodium_base642bin(got.key, sizeof got.key, key.at, key.len, NULL, &len, NULL,
                          sodium_base64_VARIANT_ORIGINAL) != 0 &&
        sodium_base642bin(got.key, sizeof got.key, key.at, key.len, NULL, &len, NULL,
                          sodium_base64_VARIANT_ORIGINAL_NO_PADDING) != 0)
        return;
    if (len == smx_srtp_key_len(suite))
        sdp->crypto[suite] = got;
    sodium_memzero(&got, sizeof got);
}

/* The audio line that was taken has no more lines: without a key RTP/SAVP is of no use, nor is it without a
 * codec of ours. */
static void end_audio(struct reading *r)
{
    struct smx_sdp *sdp = r->sdp;
    bool named = false;

    for (enum smx_srtp_suite i = 0; i < SMX_SRTP_SUITES; i++)
        named = named || sdp->crypto[i].named;
    if (sdp->audio == NO_AUDIO || ((!sdp->savp || named) && smx_sdp_has(sdp, SMX_SDP_OPUS_G711)))
        return;
    sdp->audio = NO_AUDIO;
    sdp->savp = sdp->rtcp_mux = sdp->pcmu = sdp->pcma = false;
    sdp->event = sdp->event_48 = sdp->opus = 0;
    memset(sdp->crypto, 0, sizeof sdp->crypto);
}

/* m=audio 49170[/2] RTP/AVP 0 8 101 */
static bool take_media(struct reading *r, struct smx_span s)
{
    struct smx_sdp *sdp = r->sdp;
    size_t n = sdp->media_count;
    struct smx_span kind = smx_span_cut(&s, ' '), ports = smx_span_cut(&s, ' ');
    struct smx_span proto = smx_span_cut(&s, ' '), formats = s, format = smx_span_cut(&s, ' ');
    bool perhaps = false; /* one of the payload types may turn out to be Opus */
    uint32_t port, type;
    uint8_t place = 0;
    bool savp = smx_span_is(proto, "RTP/SAVP");

    end_audio(r);
    if (n == SMX_SDP_MEDIA || !smx_is_token(kind) || !is_proto(proto) || !smx_is_token(format) ||
        !smx_span_u32(smx_span_cut(&ports, '/'), 65535, &port) ||
        !smx_span_copy(sdp->media[n].kind, sizeof sdp->media[n].kind, kind) ||
        !smx_span_copy(sdp->media[n].proto, sizeof sdp->media[n].proto, proto) ||
        !smx_span_copy(sdp->media[n].format, sizeof sdp->media[n].format, format))
        return false;
    sdp->media_count++;
    if (sdp->audio != NO_AUDIO || port == 0 || !smx_span_is(kind, "audio") ||
        (!savp && !smx_span_is(proto, "RTP/AVP")))
        return true;
    memset(r->place, 0, sizeof r->place);
    while (formats.len > 0 && place < UINT8_MAX) {
        if (!smx_span_u32(smx_span_cut(&formats, ' '), 127, &type))
            continue;
        perhaps = perhaps || type >= 96;
        if (r->place[type] == 0)
            r->place[type] = ++place;
    }
    if (r->place[0] == 0 && r->place[8] == 0 && !perhaps)
        return true;
    sdp->audio = n;
    sdp->port = (uint16_t)port;
    sdp->pcmu = r->place[0] != 0;
    sdp->pcma = r->place[8] != 0;
    sdp->savp = savp;
    sdp->direction = r->session_direction;
    r->audio = r->session;
    return true;
}

/* c=IN IP4 192.0.2.1; what is no address of a host is as good as none. */
static struct connection read_connection(struct smx_span s)
{
    struct smx_span net = smx_span_cut(&s, ' '), family = smx_span_cut(&s, ' ');
    bool v6 = smx_span_is(family, "IP6");
    char room[SMX_ADDR_TEXT];
    struct smx_text text = {room, 0, sizeof room - 1, false};
    struct connection c = {false, {0}};
    struct smx_addr addr;

    if (!smx_span_is(net, "IN") || (!v6 && !smx_span_is(family, "IP4")))
        return c;
    smx_text_add(&text, v6 ? "[" : "");
    smx_text_span(&text, s);
    smx_text_add(&text, v6 ? "]:1" : ":1");
    room[text.len] = 0;
    if (!text.full && smx_addr_parse(&addr, room) == SMX_OK) {
        c.known = true;
        memcpy(c.ip, addr.ip, sizeof c.ip);
    }
    return c;
}

/* "Do not send here", the way before RFC 3264 (its section 8.4): c=IN IP4 0.0.0.0 */
static bool is_hold(const struct connection *c)
{
    static const uint8_t unspecified[4];

    return c->known && memcmp(c->ip + 12, unspecified, sizeof unspecified) == 0;
}

/* rtpmap:101 telephone-event/8000 */
static void take_event(struct smx_sdp *sdp, struct smx_span s)
{
    struct smx_span name = smx_span_cut(&s, ':'), type = smx_span_cut(&s, ' ');
    uint32_t number;

    s = smx_span_trim(s);
    if (!smx_span_is(name, "rtpmap") || !smx_span_u32(type, 127, &number) || number < 96)
        return;
    if (sdp->event == 0 &&
        (smx_span_is_nocase(s, "telephone-event/8000") || smx_span_is_nocase(s, "telephone-event/8000/1")))
        sdp->event = (uint8_t)number;
    if (sdp->event_48 == 0 &&
        (smx_span_is_nocase(s, "telephone-event/48000") || smx_span_is_nocase(s, "telephone-event/48000/1")))
        sdp->event_48 = (uint8_t)number;
}

/* rtpmap:96 opus/48000/2, of a payload type that the audio line names. */
static void take_opus(struct reading *r, struct smx_span s)
{
    struct smx_sdp *sdp = r->sdp;
    struct smx_span name = smx_span_cut(&s, ':'), type = smx_span_cut(&s, ' ');
    uint32_t number;

    if (!smx_span_is(name, "rtpmap") || !smx_span_u32(type, 127, &number) || number < 96 ||
        r->place[number] == 0 || sdp->opus != 0 || !smx_span_is_nocase(smx_span_trim(s), "opus/48000/2"))
        return;
    sdp->opus = (uint8_t)number;
    sdp->opus_first =
        (!sdp->pcmu || r->place[number] < r->place[0]) && (!sdp->pcma || r->place[number] < r->place[8]);
}

static bool take_line(struct reading *r, struct smx_span line)
{
    struct smx_sdp *sdp = r->sdp;
    struct smx_span value = {line.at + 2, line.len - 2};
    static const char crypto[] = "crypto:";
    bool ours = sdp->audio != NO_AUDIO && sdp->audio + 1 == sdp->media_count;
    enum smx_direction d;

    switch (line.at[0]) {
    case 'm':
        return take_media(r, value);
    case 'c':
        if (sdp->media_count == 0)
            r->session = read_connection(value);
        else if (ours)
            r->audio = read_connection(value);
        return true;
    case 'a':
        if (ours) {
            take_event(sdp, value);
            take_opus(r, value);
        }
        if (ours && smx_span_is(value, "rtcp-mux"))
            sdp->rtcp_mux = true;
        if (ours && value.len > sizeof crypto - 1 && memcmp(value.at, crypto, sizeof crypto - 1) == 0)
            take_crypto(sdp,
                        (struct smx_span){value.at + sizeof crypto - 1, value.len - (sizeof crypto - 1)});
        if (!is_direction(value, &d))
            return true;
        if (sdp->media_count == 0)
            r->session_direction = d;
        else if (ours)
            sdp->direction = d;
        return true;
    default:
        return true;
    }
}

enum smx_err smx_sdp_read(struct smx_sdp *sdp, struct smx_span text)
{
    struct reading r = {.sdp = sdp, .session_direction = SMX_SENDRECV};

    memset(sdp, 0, sizeof *sdp);
    sdp->audio = NO_AUDIO;
    if (text.len > SMX_SDP_MAX || text.len < 3 || memcmp(text.at, "v=0", 3) != 0)
        return SMX_E_MALFORMED;
    while (text.len > 0) {
        struct smx_span line = smx_span_cut(&text, '\n');

        if (line.len > 0 && line.at[line.len - 1] == '\r')
            line.len--;
        if (line.len == 0)
            continue;
        if (line.len < 2 || line.at[1] != '=' || !take_line(&r, line))
            return SMX_E_MALFORMED;
    }
    end_audio(&r);
    if (sdp->audio == NO_AUDIO)
        return SMX_E_REFUSED;
    sdp->has_ip = r.audio.known;
    memcpy(sdp->ip, r.audio.ip, sizeof sdp->ip);
    if (is_hold(&r.audio))
        sdp->direction =
            sdp->direction == SMX_SENDRECV || sdp->direction == SMX_SENDONLY ? SMX_SENDONLY : SMX_INACTIVE;
    return SMX_OK;
}

enum smx_direction smx_sdp_mirror(enum smx_direction offered)
{
    switch (offered) {
    case SMX_SENDONLY:
        return SMX_RECVONLY;
    case SMX_RECVONLY:
        return SMX_SENDONLY;
    case SMX_SENDRECV:
    case SMX_INACTIVE:
        break;
    }
    return offered;
}

enum smx_direction smx_sdp_both(enum smx_direction a, enum smx_direction b)
{
    return (enum smx_direction)((unsigned)a | (unsigned)b);
}

bool smx_sdp_has(const struct smx_sdp *sdp, enum smx_sdp_codecs codecs)
{
    return (codecs != SMX_SDP_OPUS_ALONE && (sdp->pcmu || sdp->pcma)) ||
           (codecs != SMX_SDP_G711 && sdp->opus != 0);
}

bool smx_sdp_sends(enum smx_direction d)
{
    return d == SMX_SENDRECV || d == SMX_SENDONLY;
}

bool smx_sdp_receives(enum smx_direction d)
{
    return d == SMX_SENDRECV || d == SMX_RECVONLY;
}

/* "IN IP4 192.0.2.1" */
static void add_address(struct smx_text *out, const uint8_t ip[16])
{
    struct smx_addr addr = {.port = 0};
    char text[SMX_ADDR_TEXT];
    struct smx_span s;

    memcpy(addr.ip, ip, sizeof addr.ip);
    smx_addr_format(&addr, text);
    s = smx_span_of(text);
    if (text[0] == '[') {
        s.at++;
        smx_text_add(out, "IN IP6 ");
        smx_text_span(out, smx_span_cut(&s, ']'));
    } else {
        smx_text_add(out, "IN IP4 ");
        smx_text_span(out, smx_span_cut(&s, ':'));
    }
}

static void add_crypto(struct smx_text *out, const struct smx_sdp_crypto *crypto, enum smx_srtp_suite suite)
{
    char key[sodium_base64_ENCODED_LEN(SMX_SRTP_KEY, sodium_base64_VARIANT_ORIGINAL)];

    sodium_bin2base64(key, sizeof key, crypto->key, smx_srtp_key_len(suite), sodium_base64_VARIANT_ORIGINAL);
    smx_text_add(out, "a=crypto:");
    smx_text_u64(out, crypto->tag);
    smx_text_add(out, " ");
    smx_text_add(out, smx_srtp_name(suite));
    smx_text_add(out, " inline:");
    smx_text_add(out, key);
    smx_text_add(out, "\r\n");
    sodium_memzero(key, sizeof key);
}

/* One frame fits a cell twice; the packets of all phones have one length, and go on in silence. */
static void add_opus(struct smx_text *out, uint8_t opus)
{
    smx_text_add(out, "\r\na=rtpmap:");
    smx_text_u64(out, opus);
    smx_text_add(out, " opus/48000/2\r\na=fmtp:");
    smx_text_u64(out, opus);
    smx_text_add(out, " maxaveragebitrate=24000;cbr=1;usedtx=0;stereo=0");
}

static void add_type(struct smx_text *out, uint8_t type)
{
    if (type == 0)
        return;
    smx_text_add(out, " ");
    smx_text_u64(out, type);
}

static void add_event(struct smx_text *out, uint8_t type, const char *rate)
{
    if (type == 0)
        return;
    smx_text_add(out, "\r\na=rtpmap:");
    smx_text_u64(out, type);
    smx_text_add(out, " telephone-event/");
    smx_text_add(out, rate);
    smx_text_add(out, "\r\na=fmtp:");
    smx_text_u64(out, type);
    smx_text_add(out, " 0-15");
}

/* sdp: what may be named; its numbers. */
static void add_audio(struct smx_text *out, const struct smx_sdp_own *own, const struct smx_sdp *sdp)
{
    static const char *const directions[] = {"a=sendrecv\r\n", "a=sendonly\r\n", "a=recvonly\r\n",
                                             "a=inactive\r\n"};
    bool pcmu = sdp->pcmu && own->codecs != SMX_SDP_OPUS_ALONE;
    bool pcma = sdp->pcma && own->codecs != SMX_SDP_OPUS_ALONE;
    uint8_t opus = own->codecs != SMX_SDP_G711 ? sdp->opus : 0;
    uint8_t event_48 = opus != 0 ? sdp->event_48 : 0;

    smx_text_add(out, "m=audio ");
    smx_text_u64(out, own->port);
    smx_text_add(out, own->savp ? " RTP/SAVP" : " RTP/AVP");
    add_type(out, opus);
    smx_text_add(out, pcmu ? " 0" : "");
    smx_text_add(out, pcma ? " 8" : "");
    add_type(out, sdp->event);
    add_type(out, event_48);
    if (opus != 0)
        add_opus(out, opus);
    smx_text_add(out, pcmu ? "\r\na=rtpmap:0 PCMU/8000" : "");
    smx_text_add(out, pcma ? "\r\na=rtpmap:8 PCMA/8000" : "");
    add_event(out, sdp->event, "8000");
    add_event(out, event_48, "48000");
    smx_text_add(out, opus != 0 ? "\r\na=ptime:20\r\na=maxptime:20\r\n" : "\r\na=ptime:20\r\n");
    for (enum smx_srtp_suite i = 0; i < SMX_SRTP_SUITES; i++)
        if (own->crypto[i].named)
            add_crypto(out, &own->crypto[i], i);
    smx_text_add(out, own->rtcp_mux ? "a=rtcp-mux\r\n" : "");
    smx_text_add(out, directions[own->direction]);
}

void smx_sdp_write(struct smx_text *out, const struct smx_sdp_own *own, const struct smx_sdp *to)
{
    const struct smx_sdp all = {.pcmu = true,
                                .pcma = true,
                                .opus = own->opus != 0 ? own->opus : SMX_SDP_OPUS,
                                .event = SMX_SDP_EVENT,
                                .event_48 = SMX_SDP_EVENT_48};

    smx_text_add(out, "v=0\r\no=- ");
    smx_text_u64(out, own->session);
    smx_text_add(out, " ");
    smx_text_u64(out, own->version);
    smx_text_add(out, " ");
    add_address(out, own->ip);
    smx_text_add(out, "\r\ns=-\r\nc=");
    add_address(out, own->ip);
    smx_text_add(out, "\r\nt=0 0\r\n");
    if (!to) {
        add_audio(out, own, &all);
        return;
    }
    for (size_t i = 0; i < to->media_count; i++) {
        if (i == to->audio) {
            add_audio(out, own, to);
            continue;
        }
        smx_text_add(out, "m=");
        smx_text_add(out, to->media[i].kind);
        smx_text_add(out, " 0 ");
        smx_text_add(out, to->media[i].proto);
        smx_text_add(out, " ");
        smx_text_add(out, to->media[i].format);
        smx_text_add(out, "\r\n");
    }
}
