/* tests/unit/client/sip/test_secure.c - SRTP between a phone and us: what is said of keys, and what they
 * open. */
#include "tests/unit/client/sip/phone.h"

#include "proto/media/edge.h"
#include "proto/media/srtp.h"

#include <sodium.h>

#define KEY_80         "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwd" /* 00 01 .. 1d */
#define KEY_GCM        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGw=="
#define OTHER          "/wECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwd"
#define LINE_80(key)   "a=crypto:3 AES_CM_128_HMAC_SHA1_80 inline:" key "|2^48\n"
#define SESSION(proto) "v=0\nc=IN IP4 %s\nm=audio 21072 " proto " 0 8\n"

static int setup_with(void **state, enum smx_ua_srtp srtp)
{
    static const uint8_t seed[SMX_RNG_SEED] = {7};
    static const struct smx_ua_ports ports[2] = {{30000, 30001}, {30002, 30003}};
    static const char *const names[] = {"alice"};
    struct phone *p = calloc(1, sizeof *p);
    struct smx_ua_config config = {.domain = "sipmix.alt", .ports = ports, .port_count = 2, .srtp = srtp};

    if (!p)
        return -1;
    config.udp = phone_addr("127.0.0.1:5060");
    config.tcp = config.tls = config.udp;
    config.tls.port = 5061;
    memcpy(config.media_ip, config.udp.ip, sizeof config.media_ip);
    smx_rng_init(&p->rng, seed);
    p->now = SMX_SECOND(1000);
    p->ua = smx_ua_new(&config, &p->rng);
    smx_ua_identities(p->ua, names, 1);
    smx_ua_network(p->ua, true);
    *state = p;
    return p->ua ? 0 : -1;
}

static int setup_offer(void **state)
{
    return setup_with(state, SMX_UA_SRTP_OFFER);
}

static int setup_demand(void **state)
{
    return setup_with(state, SMX_UA_SRTP_DEMAND);
}

static int setup_off(void **state)
{
    return setup_with(state, SMX_UA_SRTP_OFF);
}

static int setup_group(void **state)
{
    (void)state;
    return smx_srtp_library() ? 0 : -1;
}

/* ---- the phone's side ---- */

static const char *source; /* where it is */

/* Its message, by UDP; the format's first %s is its address. */
static void from_phone(struct phone *p, const char *text)
{
    static char wire[PHONE_MESSAGE];
    char at[64];
    struct smx_addr from;
    size_t len = phone_wire(wire, sizeof wire, text);

    snprintf(at, sizeof at, "%s:5070", source);
    from = phone_addr(at);
    smx_ua_udp(p->ua, p->now, &from, (const uint8_t *)wire, len);
}

static void invite(struct phone *p, const char *session, const char *crypto)
{
    static char text[PHONE_MESSAGE], sdp[2048];

    snprintf(sdp, sizeof sdp, session, source);
    snprintf(text, sizeof text, PHONE_INVITE "Content-Type: application/sdp\n\n%s%s", "white.rabbit", "inv1",
             sdp, crypto);
    from_phone(p, text);
}

/* Answered; the call. */
static uint32_t answered(struct phone *p)
{
    uint32_t call;

    expect_sent(p, "SIP/2.0 100");
    call = expect_order(p, SMX_UA_CALL_START)->id;
    smx_ua_call_answered(p->ua, p->now, call);
    expect_sent(p, "SIP/2.0 200");
    return call;
}

/* The same in the dialog that p->text has answered: ACK, then a new session. */
static void acknowledge(struct phone *p, char tag[64], int cseq)
{
    static char text[PHONE_MESSAGE];

    snprintf(tag, 64, "%s", strstr(sent_header(p, "To"), ";tag=") + 5);
    snprintf(text, sizeof text,
             "ACK sip:x@127.0.0.1 SIP/2.0\nv: SIP/2.0/UDP h;branch=z9hG4bKa%d\n"
             "t: <sip:white.rabbit@sipmix.alt>;tag=%s\nf: <sip:alice@sipmix.alt>;tag=ee4756530b55aeb4\n"
             "i: beabe5a8b8aacc91\nCSeq: %d ACK\n\n",
             cseq, tag, cseq);
    from_phone(p, text);
    expect_quiet(p);
}

static void reinvite(struct phone *p, const char *tag, int cseq, const char *session, const char *crypto)
{
    static char text[PHONE_MESSAGE], sdp[2048];

    snprintf(sdp, sizeof sdp, session, source);
    snprintf(
        text, sizeof text,
        "INVITE sip:x@127.0.0.1 SIP/2.0\nv: SIP/2.0/UDP h;branch=z9hG4bKr%d\n"
        "t: <sip:white.rabbit@sipmix.alt>;tag=%s\nf: <sip:alice@sipmix.alt>;tag=ee4756530b55aeb4\n"
        "i: beabe5a8b8aacc91\nCSeq: %d INVITE\nm: <sip:alice@127.0.0.1:5070>\nc: application/sdp\n\n%s%s",
        cseq, tag, cseq, sdp, crypto);
    from_phone(p, text);
    expect_sent(p, "SIP/2.0 200");
}

static void key_of(enum smx_srtp_suite suite, const char *inline_key, uint8_t key[SMX_SRTP_KEY])
{
    size_t len;

    assert_int_equal(sodium_base642bin(key, SMX_SRTP_KEY, inline_key, strcspn(inline_key, "|\r\n"), NULL,
                                       &len, NULL, sodium_base64_VARIANT_ORIGINAL),
                     0);
    assert_int_equal(len, smx_srtp_key_len(suite));
}

/* Our key in the last message, which names one suite. */
static struct smx_srtp *hears(struct phone *p, enum smx_srtp_suite suite, const char *tag)
{
    uint8_t key[SMX_SRTP_KEY];
    char want[64];
    const char *line;

    snprintf(want, sizeof want, "\r\na=crypto:%s %s inline:", tag, smx_srtp_name(suite));
    line = strstr(p->text, want);
    if (!line)
        fail_msg("no %s in %s", want, p->text);
    assert_null(strstr(line + 2, "\r\na=crypto:"));
    key_of(suite, line + strlen(want), key);
    return smx_srtp_receiver(suite, key);
}

static struct smx_srtp *speaks(enum smx_srtp_suite suite, const char *inline_key)
{
    uint8_t key[SMX_SRTP_KEY];

    key_of(suite, inline_key, key);
    return smx_srtp_sender(suite, key, 77);
}

/* A packet of the phone, taken; s NULL: in the clear. */
static bool is_taken(struct phone *p, struct smx_srtp *s, uint16_t seq, bool is_rtcp)
{
    _Alignas(4) uint8_t packet[SMX_RTP_MAX] = {0};
    uint8_t payload[SMX_FRAME_PAYLOAD] = {0};
    struct smx_rtp rtp = {false, 0, seq, seq * 160U, 77, payload, sizeof payload};
    struct smx_rtcp_report report = {.ssrc = 77};
    uint64_t before = smx_ua_stats(p->ua).rtp_refused;
    size_t len = is_rtcp ? smx_rtcp_encode(packet, &report) : smx_rtp_encode(packet, &rtp);
    struct smx_addr from;
    char at[64];

    snprintf(at, sizeof at, "%s:21072", source);
    from = phone_addr(at);
    if (s)
        assert_true(smx_srtp_protect(s, is_rtcp, packet, &len));
    smx_ua_rtp(p->ua, p->now, 0, is_rtcp, &from, packet, len);
    return smx_ua_stats(p->ua).rtp_refused == before;
}

/* The next packet to the phone, opened; its SSRC. */
static uint32_t heard(struct phone *p, uint32_t call, struct smx_srtp *s)
{
    _Alignas(4) uint8_t packet[SMX_RTP_MAX];
    struct smx_frame frame = {.codec = SMX_FRAME_PCMU};
    const struct smx_ua_send *sent;
    struct smx_rtp rtp;
    size_t len;

    memset(frame.payload, 0x55, sizeof frame.payload);
    smx_ua_media_put(p->ua, call, p->now, &frame);
    sent = smx_ua_next_send(p->ua);
    assert_non_null(sent);
    assert_int_equal(sent->kind, SMX_UA_SEND_RTP);
    len = sent->len;
    memcpy(packet, sent->bytes, len);
    assert_null(memmem(packet, len, frame.payload, 8)); /* not to be read by others */
    assert_true(smx_srtp_unprotect(s, false, packet, &len));
    assert_int_equal(smx_rtp_decode(&rtp, packet, len), SMX_OK);
    assert_memory_equal(rtp.payload, frame.payload, sizeof frame.payload);
    return rtp.ssrc;
}

/* ---- tests ---- */

static void a_savp_call_is_encrypted_both_ways(void **state)
{
    struct phone *p = *state;
    struct smx_srtp *in, *out = speaks(SMX_SRTP_CM_80, KEY_80);
    uint32_t call, ssrc;

    source = "127.0.0.1";
    invite(p, SESSION("RTP/SAVP"), LINE_80(KEY_80));
    call = answered(p);
    assert_non_null(strstr(p->text, "\r\nm=audio 30000 RTP/SAVP 0 8\r\n"));
    assert_null(strstr(p->text, KEY_80));
    in = hears(p, SMX_SRTP_CM_80, "3");
    assert_true(is_taken(p, out, 1, false));
    assert_false(is_taken(p, NULL, 2, false));
    assert_true(is_taken(p, out, 3, true));
    assert_false(is_taken(p, NULL, 4, true)); /* not even its end is believed in the clear */
    ssrc = heard(p, call, in);
    assert_int_equal(heard(p, call, in), ssrc);
    smx_srtp_free(in);
    smx_srtp_free(out);
}

static void a_key_beside_plain_rtp_is_taken_up(void **state)
{
    struct phone *p = *state;
    struct smx_srtp *in, *out = speaks(SMX_SRTP_GCM_128, KEY_GCM);
    uint32_t call;

    source = "127.0.0.1";
    invite(p, SESSION("RTP/AVP"),
           LINE_80(KEY_80) "a=crypto:4 AEAD_AES_128_GCM inline:" KEY_GCM
                           "\na=crypto:5 F8_128_HMAC_SHA1_80 inline:x\n");
    call = answered(p);
    assert_non_null(strstr(p->text, "\r\nm=audio 30000 RTP/AVP 0 8\r\n"));
    in = hears(p, SMX_SRTP_GCM_128, "4"); /* the better one */
    assert_true(is_taken(p, out, 1, false));
    assert_false(is_taken(p, NULL, 2, false));
    (void)heard(p, call, in);
    smx_srtp_free(in);
    smx_srtp_free(out);
}

/* The end of key 5, 100 ms long, as the phone sends it; s NULL: in the clear. */
static void press(struct phone *p, struct smx_srtp *s, uint16_t seq)
{
    static const uint8_t event[SMX_DTMF_PAYLOAD] = {5, 0x80 | 10, 800 >> 8, 800 & 0xff};
    struct smx_rtp rtp = {true, SMX_DTMF_TYPE, seq, seq * 160U, 77, event, sizeof event};
    _Alignas(4) uint8_t packet[SMX_RTP_MAX] = {0};
    size_t len = smx_rtp_encode(packet, &rtp);
    struct smx_addr from = phone_addr("127.0.0.1:21072");

    if (s)
        assert_true(smx_srtp_protect(s, false, packet, &len));
    smx_ua_rtp(p->ua, p->now, 0, false, &from, packet, len);
}

static void keys_are_encrypted_both_ways(void **state)
{
    _Alignas(4) uint8_t packet[SMX_RTP_MAX];
    struct phone *p = *state;
    struct smx_srtp *in, *out = speaks(SMX_SRTP_CM_80, KEY_80);
    const struct smx_ua_send *sent;
    uint32_t call;
    size_t len;

    source = "127.0.0.1";
    invite(p, SESSION("RTP/SAVP"), LINE_80(KEY_80) "a=rtpmap:101 telephone-event/8000\n");
    call = answered(p);
    in = hears(p, SMX_SRTP_CM_80, "3");
    press(p, NULL, 1);
    pass(p, SMX_MS(200));
    expect_no_order(p);
    press(p, out, 2);
    assert_int_equal(expect_order(p, SMX_UA_CALL_KEY)->key.event, 5);

    expect_quiet(p);
    smx_ua_call_key(p->ua, p->now, call, (struct smx_dtmf_key){7, 5});
    smx_ua_media_put(p->ua, call, p->now, NULL);
    sent = smx_ua_next_send(p->ua);
    assert_non_null(sent);
    len = sent->len;
    memcpy(packet, sent->bytes, len);
    assert_true(smx_srtp_unprotect(in, false, packet, &len));
    assert_int_equal(packet[1] & 0x7f, SMX_DTMF_TYPE);
    assert_int_equal(packet[SMX_RTP_HEADER], 7);
    smx_srtp_free(in);
    smx_srtp_free(out);
}

static void reports_are_encrypted(void **state)
{
    _Alignas(4) uint8_t packet[SMX_RTP_MAX];
    struct phone *p = *state;
    const struct smx_ua_send *sent;
    struct smx_srtp *in;
    size_t len;

    source = "127.0.0.1";
    invite(p, SESSION("RTP/SAVP"), LINE_80(KEY_80));
    (void)answered(p);
    in = hears(p, SMX_SRTP_CM_80, "3");
    do {
        pass(p, SMX_MS(100));
        while ((sent = smx_ua_next_send(p->ua)) && sent->kind != SMX_UA_SEND_RTCP)
            continue;
    } while (!sent);
    len = sent->len;
    memcpy(packet, sent->bytes, len);
    assert_true(smx_srtp_unprotect(in, true, packet, &len));
    assert_int_equal(packet[1], 200);
    smx_srtp_free(in);
}

static void a_key_is_not_named_where_others_can_read_it(void **state)
{
    struct phone *p = *state;

    source = "192.0.2.9";
    invite(p, SESSION("RTP/SAVP"), LINE_80(KEY_80));
    expect_sent(p, "SIP/2.0 488");
    invite(p, SESSION("RTP/AVP"), LINE_80(KEY_80)); /* it can do without */
    (void)answered(p);
    assert_null(strstr(p->text, "crypto"));
    assert_true(is_taken(p, NULL, 1, false));
}

static void a_savp_offer_without_a_key_for_us_is_refused(void **state)
{
    static const char *const lines[] = {
        "",
        "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" KEY_80 " UNENCRYPTED_SRTP\n",
        "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" KEY_80 " UNAUTHENTICATED_SRTP\n",
        "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" KEY_80 "|2^20|1:4\n",
        "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" KEY_80 ";inline:" KEY_80 "\n",
        "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" KEY_GCM "\n",
        "a=crypto:1 AES_CM_128_HMAC_SHA1_80 uri:" KEY_80 "\n",
        "a=crypto:x AES_CM_128_HMAC_SHA1_80 inline:" KEY_80 "\n",
        "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:%%%%\n",
        "a=crypto:1 AES_CM_256_HMAC_SHA1_80 inline:" KEY_80 "\n",
        "a=crypto:1\n",
    };
    struct phone *p = *state;

    source = "127.0.0.1";
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        invite(p, SESSION("RTP/SAVP"), lines[i]);
        expect_sent(p, "SIP/2.0 488");
    }
}

static void the_same_keys_go_on_and_a_new_one_of_the_phone_counts(void **state)
{
    struct phone *p = *state;
    struct smx_srtp *in, *out = speaks(SMX_SRTP_CM_80, KEY_80), *anew = speaks(SMX_SRTP_CM_80, OTHER);
    uint32_t call, ssrc;
    char first[2048], tag[64];

    source = "127.0.0.1";
    invite(p, SESSION("RTP/SAVP"), LINE_80(KEY_80));
    call = answered(p);
    snprintf(first, sizeof first, "%s", strstr(p->text, "a=crypto"));
    in = hears(p, SMX_SRTP_CM_80, "3");
    acknowledge(p, tag, 55292);
    ssrc = heard(p, call, in);
    assert_true(is_taken(p, out, 1, false));
    reinvite(p, tag, 55293, SESSION("RTP/SAVP"), LINE_80(KEY_80)); /* a refresh */
    assert_string_equal(strstr(p->text, "a=crypto"), first);
    assert_int_equal(heard(p, call, in), ssrc);
    assert_true(is_taken(p, out, 2, false));
    acknowledge(p, tag, 55293);
    reinvite(p, tag, 55294, SESSION("RTP/SAVP"), LINE_80(OTHER));
    assert_string_equal(strstr(p->text, "a=crypto"), first); /* ours is as good as before */
    assert_int_equal(heard(p, call, in), ssrc);
    assert_false(is_taken(p, out, 3, false));
    assert_true(is_taken(p, anew, 4, false));
    smx_srtp_free(in);
    smx_srtp_free(out);
    smx_srtp_free(anew);
}

static void another_suite_is_another_key_and_another_stream(void **state)
{
    struct phone *p = *state;
    struct smx_srtp *in, *other, *again;
    uint32_t call, ssrc[3];
    char tag[64];

    source = "127.0.0.1";
    invite(p, SESSION("RTP/SAVP"), LINE_80(KEY_80));
    call = answered(p);
    in = hears(p, SMX_SRTP_CM_80, "3");
    acknowledge(p, tag, 55292);
    ssrc[0] = heard(p, call, in);
    reinvite(p, tag, 55293, SESSION("RTP/SAVP"), "a=crypto:1 AEAD_AES_128_GCM inline:" KEY_GCM "\n");
    other = hears(p, SMX_SRTP_GCM_128, "1");
    acknowledge(p, tag, 55293);
    ssrc[1] = heard(p, call, other);
    reinvite(p, tag, 55294, SESSION("RTP/SAVP"), LINE_80(KEY_80));
    again = hears(p, SMX_SRTP_CM_80, "3");
    ssrc[2] = heard(p, call, again);
    assert_true(ssrc[0] != ssrc[1] && ssrc[1] != ssrc[2] && ssrc[0] != ssrc[2]);
    smx_srtp_free(in);
    smx_srtp_free(other);
    smx_srtp_free(again);
}

/* Registers alice over a stream of her own; conn 1. */
static void enlist_by_tls(struct phone *p)
{
    static char wire[PHONE_MESSAGE];
    struct smx_addr from = phone_addr("192.0.2.9:40000");
    size_t len = phone_wire(
        wire, sizeof wire,
        "REGISTER sip:sipmix.alt SIP/2.0\nv: SIP/2.0/TLS h;branch=z9hG4bK1\nt: <sip:alice@sipmix.alt>\n"
        "f: <sip:alice@sipmix.alt>;tag=1\ni: r\nCSeq: 1 REGISTER\nm: <sip:alice@192.0.2.9>\nl: 0\n\n");

    smx_ua_tls_open(p->ua, p->now, 1, &from);
    assert_int_equal(smx_ua_tcp_data(p->ua, p->now, 1, (const uint8_t *)wire, len), len);
    expect_sent(p, "SIP/2.0 200");
}

/* The phone's answer to our INVITE, which is the last message sent. */
static void answer(struct phone *p, const char *session)
{
    static char text[PHONE_MESSAGE], wire[PHONE_MESSAGE];
    char via[256], from[256], to[256], call_id[64];
    size_t len;

    copy_header(p, "Via", via, sizeof via);
    copy_header(p, "From", from, sizeof from);
    copy_header(p, "To", to, sizeof to);
    copy_header(p, "Call-ID", call_id, sizeof call_id);
    snprintf(text, sizeof text,
             "SIP/2.0 200 OK\nVia: %s\nFrom: %s\nTo: %s;tag=9\nCall-ID: %s\nCSeq: 1 INVITE\n"
             "Contact: <sip:alice@192.0.2.9>\nContent-Type: application/sdp\nContent-Length: %zu\n\n%s",
             via, from, to, call_id, phone_wire(wire, sizeof wire, session), session);
    len = phone_wire(wire, sizeof wire, text);
    assert_int_equal(smx_ua_tcp_data(p->ua, p->now, 1, (const uint8_t *)wire, len), len);
    expect_sent(p, "ACK ");
}

static void a_phone_on_tls_is_offered_every_suite_each_with_its_key(void **state)
{
    static const size_t key_len[] = {40, 60, 40, 40};
    struct phone *p = *state;
    char keys[SMX_SRTP_SUITES][64], want[64];
    uint32_t call;

    enlist_by_tls(p);
    assert_int_equal(smx_ua_call_incoming(p->ua, p->now, "sip:bob@sipmix.alt", "alice", &call), SMX_OK);
    expect_sent(p, "INVITE ");
    assert_non_null(
        strstr(p->text, "\r\nm=audio 30000 RTP/AVP 0 8 101\r\n")); /* a phone that can't is not kept out */
    for (enum smx_srtp_suite i = 0; i < SMX_SRTP_SUITES; i++) {
        const char *at;

        snprintf(want, sizeof want, "\r\na=crypto:%d %s inline:", (int)i + 1, smx_srtp_name(i));
        at = strstr(p->text, want);
        assert_non_null(at);
        snprintf(keys[i], sizeof keys[i], "%.*s", (int)key_len[i], at + strlen(want));
        assert_memory_equal(at + strlen(want) + key_len[i], "\r\n", 2);
        for (enum smx_srtp_suite j = 0; j < i; j++)
            assert_memory_not_equal(keys[i], keys[j], 38);
    }
}

static void a_phone_may_choose_among_our_suites(void **state)
{
    struct phone *p = *state;
    struct smx_srtp *out = speaks(SMX_SRTP_CM_80, KEY_80), *in;
    uint8_t key[SMX_SRTP_KEY];
    uint32_t call;

    source = "192.0.2.9";
    enlist_by_tls(p);
    assert_int_equal(smx_ua_call_incoming(p->ua, p->now, "sip:bob@sipmix.alt", "alice", &call), SMX_OK);
    expect_sent(p, "INVITE ");
    key_of(SMX_SRTP_CM_80, strstr(p->text, "SHA1_80 inline:") + 15, key);
    answer(p, "v=0\nc=IN IP4 192.0.2.9\nm=audio 21072 RTP/AVP 0\n" LINE_80(KEY_80));
    in = smx_srtp_receiver(SMX_SRTP_CM_80, key);
    (void)heard(p, call, in);
    assert_true(is_taken(p, out, 1, false));
    assert_false(is_taken(p, NULL, 2, false));
    smx_srtp_free(in);
    smx_srtp_free(out);
}

static void a_phone_without_srtp_is_talked_to_in_the_clear(void **state)
{
    struct phone *p = *state;
    uint32_t call;

    source = "192.0.2.9";
    enlist_by_tls(p);
    assert_int_equal(smx_ua_call_incoming(p->ua, p->now, "sip:bob@sipmix.alt", "alice", &call), SMX_OK);
    expect_sent(p, "INVITE ");
    answer(p, "v=0\nc=IN IP4 192.0.2.9\nm=audio 21072 RTP/AVP 0\n");
    assert_true(is_taken(p, NULL, 1, false));
}

static void a_phone_that_calls_by_savp_is_called_so(void **state)
{
    struct phone *p = *state;
    uint32_t call;

    source = "127.0.0.1";
    enlist(p);
    assert_int_equal(smx_ua_call_incoming(p->ua, p->now, "sip:bob@sipmix.alt", "alice", &call), SMX_OK);
    expect_sent(p, "INVITE ");
    assert_non_null(strstr(p->text, "\r\nm=audio 30000 RTP/AVP 0 8 101\r\n"));
    assert_null(strstr(p->text, "crypto"));
    invite(p, SESSION("RTP/SAVP"), LINE_80(KEY_80));
    (void)answered(p);
    smx_ua_call_ended(p->ua, p->now, call);
    expect_quiet(p);
    assert_int_equal(smx_ua_call_incoming(p->ua, p->now, "sip:bob@sipmix.alt", "alice", &call), SMX_OK);
    expect_sent(p, "INVITE ");
    assert_non_null(strstr(p->text, " RTP/SAVP 0 8 101\r\n"));
    assert_non_null(strstr(p->text, "\r\na=crypto:1 AEAD_AES_128_GCM inline:"));
}

/* The phone's refusal of the INVITE in p->text. */
static void refuse(struct phone *p, unsigned status)
{
    static char text[PHONE_MESSAGE];
    char via[256], from[256], to[256], call_id[64], cseq[64];

    copy_header(p, "Via", via, sizeof via);
    copy_header(p, "From", from, sizeof from);
    copy_header(p, "To", to, sizeof to);
    copy_header(p, "Call-ID", call_id, sizeof call_id);
    copy_header(p, "CSeq", cseq, sizeof cseq);
    snprintf(text, sizeof text,
             "SIP/2.0 %u No\nVia: %s\nFrom: %s\nTo: %s;tag=no\nCall-ID: %s\nCSeq: %s\nl: 0\n\n", status, via,
             from, to, call_id, cseq);
    from_phone(p, text);
    expect_sent(p, "ACK ");
}

static void a_phone_that_takes_only_savp_is_asked_again_by_it_once(void **state)
{
    struct phone *p = *state;
    uint32_t call;

    source = "127.0.0.1";
    enlist(p);
    assert_int_equal(smx_ua_call_incoming(p->ua, p->now, "sip:bob@sipmix.alt", "alice", &call), SMX_OK);
    expect_sent(p, "INVITE ");
    assert_null(strstr(p->text, "crypto"));
    refuse(p, 488);
    expect_sent(p, "INVITE ");
    assert_string_equal(sent_header(p, "CSeq"), "2 INVITE");
    assert_non_null(strstr(p->text, " RTP/SAVP 0 8 101\r\n"));
    assert_non_null(strstr(p->text, "\r\na=crypto:1 AEAD_AES_128_GCM inline:"));
    expect_no_order(p);
    refuse(p, 488);
    assert_int_equal(expect_order(p, SMX_UA_CALL_REFUSE)->code, 480);
    expect_quiet(p);
}

static void where_others_could_read_the_keys_it_is_not_asked_again(void **state)
{
    struct phone *p = *state;
    uint32_t call;

    source = "192.0.2.9";
    from_phone(
        p, "REGISTER sip:sipmix.alt SIP/2.0\nv: SIP/2.0/UDP h;branch=z9hG4bK1\nt: <sip:alice@sipmix.alt>\n"
           "f: <sip:alice@sipmix.alt>;tag=1\ni: r\nCSeq: 1 REGISTER\nm: <sip:alice@192.0.2.9>\nl: 0\n\n");
    expect_sent(p, "SIP/2.0 200");
    assert_int_equal(smx_ua_call_incoming(p->ua, p->now, "sip:bob@sipmix.alt", "alice", &call), SMX_OK);
    expect_sent(p, "INVITE ");
    refuse(p, 488);
    assert_int_equal(expect_order(p, SMX_UA_CALL_REFUSE)->code, 480);
    expect_quiet(p);
}

static void where_it_is_demanded_nobody_talks_in_the_clear(void **state)
{
    struct phone *p = *state;
    uint32_t call;

    source = "127.0.0.1";
    invite(p, SESSION("RTP/AVP"), "");
    expect_sent(p, "SIP/2.0 488");
    invite(p, SESSION("RTP/AVP"), LINE_80(KEY_80));
    (void)answered(p);
    assert_false(is_taken(p, NULL, 1, false));
    enlist(p);
    assert_int_equal(smx_ua_call_incoming(p->ua, p->now, "sip:bob@sipmix.alt", "alice", &call), SMX_OK);
    expect_sent(p, "INVITE ");
    assert_non_null(strstr(p->text, " RTP/SAVP 0 8 101\r\n"));
}

static void where_it_is_off_keys_are_not_seen(void **state)
{
    struct phone *p = *state;

    source = "127.0.0.1";
    invite(p, SESSION("RTP/SAVP"), LINE_80(KEY_80));
    expect_sent(p, "SIP/2.0 488");
    invite(p, SESSION("RTP/AVP"), LINE_80(KEY_80));
    (void)answered(p);
    assert_null(strstr(p->text, "crypto"));
    assert_true(is_taken(p, NULL, 1, false));
}

static void reports_come_and_go_beside_audio_where_the_phone_asks_for_it(void **state)
{
    struct phone *p = *state;
    const struct smx_ua_send *sent;

    source = "127.0.0.1";
    invite(p, SESSION("RTP/AVP"), "a=rtcp-mux\n");
    (void)answered(p);
    assert_non_null(strstr(p->text, "\r\na=rtcp-mux\r\n"));
    assert_true(is_taken(p, NULL, 1, false));
    {
        uint8_t report[SMX_RTCP_REPORT];
        struct smx_rtcp_report said = {.ssrc = 77};
        struct smx_addr from = phone_addr("127.0.0.1:21072");
        uint64_t before = smx_ua_stats(p->ua).rtp_refused;

        smx_ua_rtp(p->ua, p->now, 0, false, &from, report, smx_rtcp_encode(report, &said));
        assert_int_equal(smx_ua_stats(p->ua).rtp_refused, before);
    }
    do {
        pass(p, SMX_MS(100));
        while ((sent = smx_ua_next_send(p->ua)) && sent->kind == SMX_UA_SEND_UDP)
            continue;
    } while (!sent);
    assert_int_equal(sent->kind, SMX_UA_SEND_RTP);
    assert_int_equal(sent->bytes[1], 200);
    assert_int_equal(sent->to.port, 21072);
}

#define SECURE_TEST(f, with) cmocka_unit_test_setup_teardown(f, setup_##with, phone_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SECURE_TEST(a_savp_call_is_encrypted_both_ways, offer),
        SECURE_TEST(a_key_beside_plain_rtp_is_taken_up, offer),
        SECURE_TEST(keys_are_encrypted_both_ways, offer),
        SECURE_TEST(reports_are_encrypted, offer),
        SECURE_TEST(a_key_is_not_named_where_others_can_read_it, offer),
        SECURE_TEST(a_savp_offer_without_a_key_for_us_is_refused, offer),
        SECURE_TEST(the_same_keys_go_on_and_a_new_one_of_the_phone_counts, offer),
        SECURE_TEST(another_suite_is_another_key_and_another_stream, offer),
        SECURE_TEST(a_phone_on_tls_is_offered_every_suite_each_with_its_key, offer),
        SECURE_TEST(a_phone_may_choose_among_our_suites, offer),
        SECURE_TEST(a_phone_without_srtp_is_talked_to_in_the_clear, offer),
        SECURE_TEST(a_phone_that_calls_by_savp_is_called_so, offer),
        SECURE_TEST(a_phone_that_takes_only_savp_is_asked_again_by_it_once, offer),
        SECURE_TEST(where_others_could_read_the_keys_it_is_not_asked_again, offer),
        SECURE_TEST(where_it_is_demanded_nobody_talks_in_the_clear, demand),
        SECURE_TEST(where_it_is_off_keys_are_not_seen, off),
        SECURE_TEST(reports_come_and_go_beside_audio_where_the_phone_asks_for_it, offer),
    };

    return cmocka_run_group_tests(tests, setup_group, NULL);
}
