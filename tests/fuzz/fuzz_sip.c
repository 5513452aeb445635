/* The phone side as a whole.  The input is a script: steps, each ended by a zero byte, which no SIP message
 * has.
 *     u text     a datagram of the phone
 *     t text     bytes on its connection
 *     R NNN text its response to our last request: status, then further headers and a body
 *     D text     its request inside the dialog of that request: method and CSeq, further headers, body
 *     i m        the network side brings a call, a text
 *     r a f e    it rings, answers, fails, ends the last call
 *     h N        it holds, or comes back
 *     k N        a key at its phone
 *     p bytes    a packet on the RTP port; each takes a slot both ways
 *     w c        time passes: 100 ms per byte; so it passes until nothing is left to do
 * Nothing may crash, loop or outgrow its table. */
#include "client/sip/ua.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { REQUEST = 8192, WAKES = 20000 };

struct script {
    struct smx_rng rng;
    struct smx_ua *ua;
    smx_time now;
    uint32_t call, text;
    char request[REQUEST]; /* our last one, for R */
    size_t request_len;
    uint8_t unread[SMX_UA_TCP_UNREAD];
    size_t unread_len;
};

static void must(bool holds)
{
    if (!holds)
        abort();
}

static void drain(struct script *s)
{
    const struct smx_ua_send *sent;
    const struct smx_ua_order *order;

    while ((sent = smx_ua_next_send(s->ua)) != NULL) {
        bool sip = sent->kind == SMX_UA_SEND_UDP || sent->kind == SMX_UA_SEND_TCP;

        if (!sip || sent->len < 8 || sent->len > REQUEST || memcmp(sent->bytes, "SIP/2.0 ", 8) == 0)
            continue;
        memcpy(s->request, sent->bytes, sent->len);
        s->request_len = sent->len;
    }
    while ((order = smx_ua_next_order(s->ua)) != NULL) {
        must(strnlen(order->identity, SMX_UA_USER) < SMX_UA_USER);
        if (order->kind == SMX_UA_CALL_START)
            s->call = order->id;
        if (order->kind == SMX_UA_MESSAGE_SEND)
            s->text = order->id;
    }
}

static void pass(struct script *s, smx_time until)
{
    unsigned wakes = 0;

    while (smx_ua_deadline(s->ua) <= until && until != SMX_NEVER) {
        s->now = smx_ua_deadline(s->ua) > s->now ? smx_ua_deadline(s->ua) : s->now;
        smx_ua_expire(s->ua, s->now);
        drain(s);
        must(++wakes < WAKES);
    }
    s->now = until;
}

static void stream(struct script *s, const uint8_t *bytes, size_t len)
{
    size_t read;

    if (len > sizeof s->unread - s->unread_len)
        len = sizeof s->unread - s->unread_len;
    memcpy(s->unread + s->unread_len, bytes, len);
    s->unread_len += len;
    read = smx_ua_tcp_data(s->ua, s->now, 1, s->unread, s->unread_len);
    must(read <= s->unread_len);
    s->unread_len -= read;
    memmove(s->unread, s->unread + read, s->unread_len);
}

static void copy_line(struct script *s, const char *name, char *out, size_t *n, size_t cap)
{
    size_t name_len = strlen(name);

    for (size_t i = 0; i + name_len < s->request_len; i++) {
        if (memcmp(s->request + i, name, name_len) != 0 || (i > 0 && s->request[i - 1] != '\n'))
            continue;
        while (i < s->request_len && s->request[i] != '\r' && *n < cap)
            out[(*n)++] = s->request[i++];
        return;
    }
}

static void respond(struct script *s, const uint8_t *bytes, size_t len)
{
    static const char *const names[] = {"Via: ", "From: ", "To: ", "Call-ID: ", "CSeq: "};
    static char out[4 * REQUEST];
    struct smx_addr from = {.ip = {[10] = 0xff, 0xff, 127, 0, 0, 1}, .port = 5070};
    size_t n = 8;

    if (len < 3)
        return;
    memcpy(out, "SIP/2.0 ", 8);
    memcpy(out + n, bytes, 3);
    n += 3;
    memcpy(out + n, " x\r\n", 4);
    n += 4;
    for (size_t i = 0; i < 5; i++) {
        size_t begin = n;

        copy_line(s, names[i], out, &n, sizeof out / 2);
        out[n] = 0;
        if (i == 2 && s->request_len > 0 && !strstr(out + begin, ";tag=")) {
            memcpy(out + n, ";tag=t", 6);
            n += 6;
        }
        memcpy(out + n, "\r\n", 2);
        n += 2;
    }
    len = len - 3 < REQUEST ? len - 3 : REQUEST;
    memcpy(out + n, bytes + 3, len);
    n += len;
    smx_ua_udp(s->ua, s->now, &from, (const uint8_t *)out, n);
}

/* "METHOD N", a line end, further headers, an empty line, a body. */
static void in_dialog(struct script *s, const uint8_t *bytes, size_t len)
{
    static char out[4 * REQUEST];
    struct smx_addr from = {.ip = {[10] = 0xff, 0xff, 127, 0, 0, 1}, .port = 5070};
    const uint8_t *end = memchr(bytes, '\n', len), *space = memchr(bytes, ' ', len);
    size_t n = 0, from_at, to_at;

    if (!end || !space || space > end || len > REQUEST)
        return;
    memcpy(out, bytes, (size_t)(space - bytes));
    n = (size_t)(space - bytes);
    n += (size_t)snprintf(out + n, 256, " sip:x@h SIP/2.0\r\nv: SIP/2.0/UDP h;branch=z9hG4bK%.*s\r\n",
                          (int)(end - space < 32 ? end - space - 1 : 31), (const char *)space + 1);
    from_at = n;
    copy_line(s, "To: ", out, &n, sizeof out / 2); /* the other way round */
    if (n > from_at)
        memcpy(out + from_at, "f :", 3);
    n += (size_t)snprintf(out + n, 16, ";tag=t\r\n");
    to_at = n;
    copy_line(s, "From: ", out, &n, sizeof out / 2);
    if (n > to_at)
        memcpy(out + to_at, "To  :", 5);
    n += (size_t)snprintf(out + n, 16, "\r\n");
    copy_line(s, "Call-ID: ", out, &n, sizeof out / 2);
    n += (size_t)snprintf(out + n, 128, "\r\nCSeq: %.*s %.*s\r\n",
                          (int)(end - space < 32 ? end - space - 1 : 31), (const char *)space + 1,
                          (int)(space - bytes < 32 ? space - bytes : 31), (const char *)bytes);
    memcpy(out + n, end + 1, len - (size_t)(end + 1 - bytes));
    n += len - (size_t)(end + 1 - bytes);
    smx_ua_udp(s->ua, s->now, &from, (const uint8_t *)out, n);
}

static void step(struct script *s, const uint8_t *bytes, size_t len)
{
    struct smx_addr from = {.ip = {[10] = 0xff, 0xff, 127, 0, 0, 1}, .port = 5070};
    uint8_t what = *bytes++;
    struct smx_frame frame;
    uint8_t *exact;

    len--;
    switch (what) {
    case 'u':
        exact = malloc(len ? len : 1);
        must(exact != NULL);
        memcpy(exact, bytes, len);
        smx_ua_udp(s->ua, s->now, &from, exact, len);
        free(exact);
        break;
    case 't':
        stream(s, bytes, len);
        break;
    case 'R':
        respond(s, bytes, len);
        break;
    case 'D':
        in_dialog(s, bytes, len);
        break;
    case 'h':
        smx_ua_call_direction(s->ua, s->now, s->call, (enum smx_direction)(len ? bytes[0] & 3 : 0));
        break;
    case 'k':
        smx_ua_call_key(s->ua, s->now, s->call, (struct smx_dtmf_key){len ? bytes[0] & 31 : 0, (uint8_t)len});
        break;
    case 'p':
        exact = malloc(len ? len : 1);
        must(exact != NULL);
        memcpy(exact, bytes, len);
        smx_ua_rtp(s->ua, s->now, 0, false, &from, exact, len);
        free(exact);
        smx_ua_media_put(s->ua, s->call, s->now,
                         smx_ua_media_take(s->ua, s->call, s->now, &frame) ? &frame : NULL);
        break;
    case 'i':
        if ((len % 2 ? smx_ua_call_incoming_opus : smx_ua_call_incoming)(s->ua, s->now, "sip:bob@sipmix.alt",
                                                                         "alice", &s->call) != SMX_OK)
            s->call = 0;
        break;
    case 'm':
        if (smx_ua_message_in(s->ua, s->now, 1, "sip:bob@sipmix.alt", "alice", "text", 4) != SMX_OK)
            s->text = 0;
        break;
    case 'r':
        smx_ua_call_ringing(s->ua, s->now, s->call);
        break;
    case 'a':
        (len % 2 ? smx_ua_call_answered_opus : smx_ua_call_answered)(s->ua, s->now, s->call);
        break;
    case 'f':
        smx_ua_call_failed(s->ua, s->now, s->call, 486);
        smx_ua_message_done(s->ua, s->now, s->text, 200);
        break;
    case 'e':
        smx_ua_call_ended(s->ua, s->now, s->call);
        break;
    case 'w':
        pass(s, s->now + SMX_MS(100) * len);
        break;
    default:
        break;
    }
    drain(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const uint8_t seed[SMX_RNG_SEED] = {1};
    static const struct smx_ua_ports ports[] = {{30000, 30001}, {30002, 30003}};
    static const char *const names[] = {"alice"};
    static const struct smx_addr self = {.ip = {[10] = 0xff, 0xff, 127, 0, 0, 1}, .port = 5060};
    struct smx_ua_config config = {.domain = "sipmix.alt",
                                   .udp = self,
                                   .tcp = self,
                                   .ports = ports,
                                   .port_count = 2,
                                   .srtp = SMX_UA_SRTP_OFFER,
                                   .opus = true,
                                   .transactions_max = 16};
    static struct script s;
    struct smx_ua_usage usage;

    memset(&s, 0, sizeof s);
    smx_rng_init(&s.rng, seed);
    s.now = SMX_SECOND(1);
    s.ua = smx_ua_new(&config, &s.rng);
    must(s.ua != NULL);
    smx_ua_identities(s.ua, names, 1);
    smx_ua_network(s.ua, true);
    smx_ua_tcp_open(s.ua, s.now, 1, &self);
    while (len > 0) {
        const uint8_t *end = memchr(data, 0, len);
        size_t n = end ? (size_t)(end - data) : len;

        if (n > 0)
            step(&s, data, n);
        n += end ? 1 : 0;
        data += n;
        len -= n;
    }
    pass(&s, s.now + SMX_SECOND(400)); /* by then everything has been given up, but calls on hold */
    usage = smx_ua_usage(s.ua);
    must(usage.transactions == 0 && usage.calls <= 2 && usage.bindings <= 8);
    smx_ua_free(s.ua);
    return 0;
}
