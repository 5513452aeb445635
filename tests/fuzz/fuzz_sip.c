/* The phone side as a whole.  The input is a script: steps, each ended by a zero byte, which no SIP message
 * has.
 *     C bits    first of all, what is configured: see enum
 *     u text    a datagram of the phone
 *     U text    one of another host
 *     t T text  bytes on its TCP connection, its TLS connection
 *     x bits    that connection ends, or comes about anew; without the end of the one before
 *     R NNN text its response to our last request, the same way: status, then further headers and a body; a
 *               byte 14 to 31 before these makes it another of its forks
 *     o         our last request but one is meant instead, and back
 *     D d text  its request inside the dialog of our last request, of our last response: method and CSeq,
 *               further headers, body
 *     i m N     the network side brings a call, a text; bits: Opus, a caller who says a name
 *     r a f e   the last call there rings, is answered, fails, ends
 *     j N       the last but N is meant from now on
 *     h N       it holds, or comes back
 *     k N       a key at its phone
 *     p bytes   a packet on the first RTP port; each takes a slot both ways
 *     P bits bytes the same: second pair, RTCP port, enciphered, from elsewhere
 *     q N bytes a frame of the far side, or none: N slots
 *     M type bytes each a slot: how many packets come, and whether one is lost
 *     n bits    what the network side says of itself and of names
 *     g         all calls are ended
 *     K         the client dies, and comes again
 *     w W bytes time passes: 100 ms, 10 s per byte; so it passes until nothing is left to do
 * Some bytes of a text stand for what a phone learns: 1 our tag in its dialog, 2 in the one before, 3 our
 * last RSeq, 4 an Authorization line that is right, 7 with the count of the last again, 5 our last Via, 6 the
 * user in our last Contact.  Nothing may crash, loop, outgrow its table or stay. */
#include "client/sip/ua.h"
#include "proto/media/srtp.h"
#include "tests/fuzz/sip_phone.h"

#include <stdlib.h>
#include <string.h>

enum { WAKES = 20000, CALLS = 4 };
enum { WITH_PASSWORDS = 1, SRTP_DEMAND = 2, SRTP_OFF = 4, NO_OPUS = 8, NO_NAMES = 16, FEW = 32, IPV6 = 64 };

struct script {
    struct smx_rng rng;
    struct smx_ua *ua;
    smx_time now;
    uint8_t bits;
    uint32_t call[CALLS], text; /* the call meant, then those before it */
    char claimed[SMX_UA_USER];
    struct phone phone;
    struct smx_addr at; /* where it is */
    uint16_t seq;       /* of its RTP */
    uint64_t conns;     /* so far */
    struct {
        uint64_t conn; /* 0: there is none */
        uint8_t unread[SMX_UA_TCP_UNREAD];
        size_t len;
    } stream[WAYS];
};

/* Memory that is freed may be used again soon, else each run pays for fresh pages. */
const char *__asan_default_options(void);

const char *__asan_default_options(void)
{
    return "quarantine_size_mb=4:thread_local_quarantine_size_kb=1024";
}

static void must(bool holds)
{
    if (!holds)
        abort();
}

/* ---- what comes out ---- */

static void listen(struct script *s, const struct smx_ua_send *sent)
{
    for (enum way way = BY_TCP; way < WAYS && sent->kind == SMX_UA_SEND_CLOSE; way++)
        if (s->stream[way].conn == sent->conn)
            s->stream[way].conn = 0;
    if (sent->kind == SMX_UA_SEND_UDP)
        hear(&s->phone, sent->bytes, sent->len, BY_UDP);
    if (sent->kind == SMX_UA_SEND_TCP)
        hear(&s->phone, sent->bytes, sent->len, sent->conn == s->stream[BY_TLS].conn ? BY_TLS : BY_TCP);
}

static void drain(struct script *s)
{
    const struct smx_ua_send *sent;
    const struct smx_ua_order *order;

    while ((sent = smx_ua_next_send(s->ua)) != NULL)
        listen(s, sent);
    while ((order = smx_ua_next_order(s->ua)) != NULL) {
        must(strnlen(order->identity, SMX_UA_USER) < SMX_UA_USER);
        if (order->kind == SMX_UA_CALL_START) {
            memmove(s->call + 1, s->call, sizeof s->call - sizeof s->call[0]);
            s->call[0] = order->id;
        }
        if (order->kind == SMX_UA_MESSAGE_SEND)
            s->text = order->id;
        if (order->kind == SMX_UA_CLAIM)
            memcpy(s->claimed, order->target.text, sizeof s->claimed);
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

/* ---- what goes in ---- */

static void stream(struct script *s, enum way way, const char *bytes, size_t len)
{
    uint8_t *unread = s->stream[way].unread;
    size_t read, *left = &s->stream[way].len;

    if (s->stream[way].conn == 0)
        return;
    if (len > SMX_UA_TCP_UNREAD - *left)
        len = SMX_UA_TCP_UNREAD - *left;
    memcpy(unread + *left, bytes, len);
    *left += len;
    read = smx_ua_tcp_data(s->ua, s->now, s->stream[way].conn, unread, *left);
    must(read <= *left);
    *left -= read;
    memmove(unread, unread + read, *left);
}

/* Memory ends where the datagram does. */
static void deliver(struct script *s, enum way way, const struct smx_text *text)
{
    struct smx_addr from = s->at;
    uint8_t *exact;

    if (way == BY_TCP || way == BY_TLS) {
        stream(s, way, text->at, text->len);
        return;
    }
    exact = malloc(text->len ? text->len : 1);
    must(exact != NULL);
    memcpy(exact, text->at, text->len);
    from.ip[12] ^= way == FROM_ELSEWHERE;
    smx_ua_udp(s->ua, s->now, &from, exact, text->len);
    free(exact);
}

static void connect(struct script *s, enum way way)
{
    if (s->stream[way].conn != 0) {
        smx_ua_tcp_closed(s->ua, s->now, s->stream[way].conn);
        s->stream[way].conn = 0;
        return;
    }
    s->stream[way].conn = ++s->conns;
    s->stream[way].len = 0;
    (way == BY_TLS ? smx_ua_tls_open : smx_ua_tcp_open)(s->ua, s->now, s->conns, &s->at);
}

static void say(struct script *s, enum way way, const uint8_t *bytes, size_t len)
{
    static char room[ROOM];
    struct smx_text out = {room, 0, sizeof room, false};

    add_text(&s->phone, bytes, len, &out);
    deliver(s, way, &out);
}

static void respond(struct script *s, const uint8_t *bytes, size_t len)
{
    static char room[ROOM];
    struct smx_text out = {room, 0, sizeof room, false};

    write_response(&s->phone, bytes, len, &out);
    deliver(s, s->phone.request.way, &out);
}

static void in_dialog(struct script *s, const struct message *of, const uint8_t *bytes, size_t len)
{
    static char room[ROOM];
    struct smx_text out = {room, 0, sizeof room, false};

    write_request(&s->phone, of, bytes, len, &out);
    deliver(s, of->way, &out);
}

/* ---- media ---- */

/* Nothing, a frame of either law, of Opus. */
static void slot(struct script *s, uint8_t kind, const uint8_t *bytes, size_t len)
{
    static const uint8_t codec[] = {SMX_FRAME_PCMU, SMX_FRAME_PCMA, SMX_FRAME_OPUS};
    struct smx_frame frame, in = {.codec = codec[kind % 3]};

    in.len = (uint8_t)(len < SMX_OPUS_MAX ? len : SMX_OPUS_MAX);
    memcpy(in.payload, bytes, in.len);
    s->now += SMX_MS(20);
    (void)smx_ua_media_take(s->ua, s->call[0], s->now, &frame);
    smx_ua_media_put(s->ua, s->call[0], s->now, kind < 3 && len > 0 ? &in : NULL);
}

static void packet(struct script *s, uint8_t bits, const uint8_t *bytes, size_t len)
{
    static const uint8_t key[SMX_SRTP_KEY]; /* inline:AAAA..., 40 of them */
    _Alignas(4) uint8_t room[SMX_RTP_MAX];
    struct smx_addr from = s->at;
    struct smx_srtp *sender;
    struct smx_frame frame;
    uint8_t *exact;

    if (len > sizeof room - SMX_SRTP_SPARE)
        len = sizeof room - SMX_SRTP_SPARE;
    memset(room, 0, SMX_RTP_HEADER);
    memcpy(room, bytes, len);
    if (bits & 4) {
        const uint8_t *at = room + (bits & 2 ? 4 : 8);
        uint32_t ssrc = (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];

        sender = smx_srtp_sender(SMX_SRTP_CM_80, key, ssrc);
        must(sender != NULL);
        if (!smx_srtp_protect(sender, bits & 2, room, &len))
            len = 0;
        smx_srtp_free(sender);
    }
    from.ip[12] ^= bits & 8;
    exact = malloc(len ? len : 1);
    must(exact != NULL);
    memcpy(exact, room, len);
    smx_ua_rtp(s->ua, s->now, bits & 1, bits & 2, &from, exact, len);
    free(exact);
    smx_ua_media_put(s->ua, s->call[0], s->now,
                     smx_ua_media_take(s->ua, s->call[0], s->now, &frame) ? &frame : NULL);
}

static void talk(struct script *s, uint8_t type, const uint8_t *bytes, size_t len)
{
    uint8_t rtp[SMX_RTP_HEADER + SMX_FRAME_PAYLOAD] = {0x80, type, [8] = 'a', 'a', 'a', 'a'};

    memset(rtp + SMX_RTP_HEADER, 8, SMX_FRAME_PAYLOAD);
    for (size_t i = 0; i < len; i++) {
        for (int n = 0; n < (bytes[i] & 3); n++) {
            s->seq = (uint16_t)(s->seq + 1 + (bytes[i] >> 2 & 1));
            rtp[2] = (uint8_t)(s->seq >> 8);
            rtp[3] = (uint8_t)s->seq;
            rtp[5] = (uint8_t)(s->seq * 160 >> 16);
            rtp[6] = (uint8_t)(s->seq * 160 >> 8);
            rtp[7] = (uint8_t)(s->seq * 160);
            smx_ua_rtp(s->ua, s->now, 0, false, &s->at, rtp, sizeof rtp);
        }
        slot(s, 3, bytes, 0);
        drain(s);
    }
}

/* ---- the client ---- */

static void identify(struct script *s, uint8_t bits)
{
    static const char *const names[] = {"alice", "carol"};

    smx_ua_network(s->ua, !(bits & 1));
    smx_ua_identities(s->ua, names, bits & 2 ? 2 : 1);
    if (bits & 4)
        smx_ua_claim_refused(s->ua, s->claimed);
}

static void begin(struct script *s)
{
    static const struct smx_ua_ports ports[] = {{30000, 30001}, {30002, 30003}};
    static const struct smx_auth_account account = {"alice", "secret"};
    static const struct smx_addr self = {.ip = {[10] = 0xff, 0xff, 127, 0, 0, 1}, .port = 5060};
    static const struct smx_addr self_6 = {.ip = {[15] = 1}, .port = 5060};
    struct smx_ua_config config = {.domain = "sipmix.alt",
                                   .udp = self,
                                   .tcp = self,
                                   .tls = self,
                                   .ports = ports,
                                   .port_count = 2,
                                   .accounts = &account,
                                   .account_count = s->bits & WITH_PASSWORDS ? 1 : 0,
                                   .srtp = s->bits & SRTP_OFF      ? SMX_UA_SRTP_OFF
                                           : s->bits & SRTP_DEMAND ? SMX_UA_SRTP_DEMAND
                                                                   : SMX_UA_SRTP_OFFER,
                                   .opus = !(s->bits & NO_OPUS),
                                   .display_name = !(s->bits & NO_NAMES),
                                   .conns_max = 3,
                                   .bindings_max = s->bits & FEW ? 1 : 6,
                                   .transactions_max = s->bits & FEW ? 3 : 16};

    if (s->bits & IPV6) {
        config.udp = config.tcp = config.tls = self_6;
        memcpy(config.media_ip, self_6.ip, sizeof config.media_ip);
    }
    s->at = config.udp;
    s->at.port = 5070;
    s->ua = smx_ua_new(&config, &s->rng);
    must(s->ua != NULL);
    identify(s, 0);
    connect(s, BY_TCP);
    connect(s, BY_TLS);
}

static void die(struct script *s)
{
    static uint8_t kept[SMX_UA_KEPT_MAX];
    size_t len = smx_ua_keep(s->ua, kept);

    must(len <= sizeof kept);
    smx_ua_free(s->ua);
    s->stream[BY_TCP].conn = s->stream[BY_TLS].conn = 0;
    begin(s);
    must(len == 0 || smx_ua_resume(s->ua, s->now, kept, len) == SMX_OK);
}

static void step(struct script *s, const uint8_t *bytes, size_t len)
{
    uint8_t what = *bytes++, first = --len > 0 ? bytes[0] : 0;
    static const char *const from[] = {"sip:bob@sipmix.alt", "Bob \"\\ <sip:bob@sipmix.alt>",
                                       "<sip:bob@sipmix.alt>", "nobody"};
    static struct message swap;
    uint32_t meant = s->call[first % CALLS];

    switch (what) {
    case 'u':
        say(s, BY_UDP, bytes, len);
        break;
    case 'U':
        say(s, FROM_ELSEWHERE, bytes, len);
        break;
    case 't':
        say(s, BY_TCP, bytes, len);
        break;
    case 'T':
        say(s, BY_TLS, bytes, len);
        break;
    case 'x':
        if (first & 2)
            s->stream[first & 1 ? BY_TLS : BY_TCP].conn = 0;
        connect(s, first & 1 ? BY_TLS : BY_TCP);
        break;
    case 'R':
        respond(s, bytes, len);
        break;
    case 'o':
        swap = s->phone.request;
        s->phone.request = s->phone.before;
        s->phone.before = swap;
        break;
    case 'D':
        in_dialog(s, &s->phone.request, bytes, len);
        break;
    case 'd':
        in_dialog(s, &s->phone.response, bytes, len);
        break;
    case 'i':
        memmove(s->call + 1, s->call, sizeof s->call - sizeof s->call[0]);
        if ((first & 1 ? smx_ua_call_incoming_opus : smx_ua_call_incoming)(
                s->ua, s->now, from[first >> 1 & 3], "alice", &s->call[0]) != SMX_OK)
            s->call[0] = 0;
        break;
    case 'm':
        if (smx_ua_message_in(s->ua, s->now, first, from[first >> 1 & 3], "alice", "text", 4) != SMX_OK)
            s->text = 0;
        break;
    case 'r':
        smx_ua_call_ringing(s->ua, s->now, s->call[0]);
        break;
    case 'a':
        (len % 2 ? smx_ua_call_answered_opus : smx_ua_call_answered)(s->ua, s->now, s->call[0]);
        break;
    case 'f':
        smx_ua_call_failed(s->ua, s->now, s->call[0], 486);
        smx_ua_message_done(s->ua, s->now, s->text, 200);
        break;
    case 'e':
        smx_ua_call_ended(s->ua, s->now, s->call[0]);
        break;
    case 'j':
        s->call[first % CALLS] = s->call[0];
        s->call[0] = meant;
        break;
    case 'h':
        smx_ua_call_direction(s->ua, s->now, s->call[0], (enum smx_direction)(first & 3));
        break;
    case 'k':
        smx_ua_call_key(s->ua, s->now, s->call[0], (struct smx_dtmf_key){first & 31, (uint8_t)len});
        break;
    case 'p':
        packet(s, 0, bytes, len);
        break;
    case 'P':
        if (len > 0)
            packet(s, first, bytes + 1, len - 1);
        break;
    case 'q':
        for (uint8_t i = 0; len > 0 && i <= first >> 2; i++)
            slot(s, first & 3, bytes + 1, len - 1);
        break;
    case 'M':
        if (len > 0)
            talk(s, first & 127, bytes + 1, len - 1);
        break;
    case 'n':
        identify(s, first);
        break;
    case 'g':
        smx_ua_hang_up(s->ua, s->now);
        break;
    case 'K':
        die(s);
        break;
    case 'w':
        pass(s, s->now + SMX_MS(100) * len);
        break;
    case 'W':
        pass(s, s->now + SMX_SECOND(10) * (len < 100 ? len : 100));
        break;
    default:
        break;
    }
    drain(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const uint8_t seed[SMX_RNG_SEED] = {1}, key[SMX_SRTP_KEY];
    static struct smx_srtp *always; /* without one that lives, each new one costs a millisecond */
    static struct script s;
    struct smx_ua_usage usage;

    if (!always) {
        must(smx_srtp_library());
        always = smx_srtp_receiver(SMX_SRTP_GCM_128, key);
    }
    memset(&s, 0, sizeof s);
    smx_rng_init(&s.rng, seed);
    s.now = SMX_SECOND(1);
    s.phone.fork = 't';
    s.bits = len > 1 && data[0] == 'C' ? data[1] : 0;
    begin(&s);
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
    must(usage.transactions == 0 && usage.bindings <= 6);
    smx_ua_hang_up(s.ua, s.now);
    drain(&s);
    pass(&s, s.now + SMX_SECOND(3700)); /* what a K has left waits for its phone */
    usage = smx_ua_usage(s.ua);
    must(usage.transactions == 0 && usage.calls == 0);
    smx_ua_free(s.ua);
    return 0;
}
