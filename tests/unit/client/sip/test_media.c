/* tests/unit/client/sip/test_media.c - whose packets a call takes, and where its own go. */
#include "tests/unit/client/sip/phone.h"

#include "proto/media/rtp.h"

/* A call of a phone at 127.0.0.1:5070 (or ip), answered; its session names ip sdp_ip and port 21072. */
static uint32_t up(struct phone *p, const char *ip, const char *sdp_ip)
{
    static char wire[PHONE_MESSAGE], text[PHONE_MESSAGE];
    struct smx_addr from = phone_addr("127.0.0.1:5070");
    char at[64], tag[64];
    uint32_t call;
    size_t len;

    snprintf(at, sizeof at, "%s:5070", ip);
    from = phone_addr(at);
    snprintf(text, sizeof text,
             PHONE_INVITE "Content-Type: application/sdp\n\nv=0\nc=IN IP4 %s\nm=audio 21072 RTP/AVP 0 8\n",
             "white.rabbit", "inv1", sdp_ip);
    len = phone_wire(wire, sizeof wire, text);
    smx_ua_udp(p->ua, p->now, &from, (const uint8_t *)wire, len);
    expect_sent(p, "SIP/2.0 100");
    call = expect_order(p, SMX_UA_CALL_START)->id;
    smx_ua_call_answered(p->ua, p->now, call);
    expect_sent(p, "SIP/2.0 200");
    snprintf(tag, sizeof tag, "%s", strstr(sent_header(p, "To"), ";tag=") + 5);
    snprintf(text, sizeof text,
             "ACK sip:x@127.0.0.1 SIP/2.0\nv: SIP/2.0/UDP h;branch=z9hG4bKa\n"
             "t: <sip:white.rabbit@sipmix.alt>;tag=%s\nf: <sip:alice@sipmix.alt>;tag=ee4756530b55aeb4\n"
             "i: beabe5a8b8aacc91\nCSeq: 55292 ACK\n\n",
             tag);
    len = phone_wire(wire, sizeof wire, text);
    smx_ua_udp(p->ua, p->now, &from, (const uint8_t *)wire, len);
    expect_quiet(p);
    return call;
}

/* A packet of the phone, or of somebody, from an address to pair 0. */
static void rtp(struct phone *p, const char *from, uint16_t seq)
{
    static uint8_t payload[SMX_FRAME_PAYLOAD];
    uint8_t wire[SMX_RTP_HEADER + SMX_FRAME_PAYLOAD];
    struct smx_rtp packet = {false, 0, seq, seq * 160U, 77, payload, sizeof payload};
    struct smx_addr addr = phone_addr(from);

    memset(payload, (int)(seq & 0x7f), sizeof payload);
    smx_ua_rtp(p->ua, p->now, 0, false, &addr, wire, smx_rtp_encode(wire, &packet));
}

/* Where the next packet to the phone goes. */
static const char *goes_to(struct phone *p, uint32_t call)
{
    static char text[SMX_ADDR_TEXT];
    struct smx_frame frame = {.codec = SMX_FRAME_PCMU};
    const struct smx_ua_send *sent;

    smx_ua_media_put(p->ua, call, p->now, &frame);
    sent = smx_ua_next_send(p->ua);
    if (!sent)
        return "nowhere";
    assert_int_equal(sent->kind, SMX_UA_SEND_RTP);
    assert_int_equal(sent->pair, 0);
    assert_int_equal(sent->len, SMX_RTP_HEADER + SMX_FRAME_PAYLOAD);
    smx_addr_format(&sent->to, text);
    return text;
}

static uint64_t refused(struct phone *p)
{
    return smx_ua_stats(p->ua).rtp_refused;
}

static void packets_go_to_the_signalling_address_then_to_where_packets_come_from(void **state)
{
    struct phone *p = *state;
    uint32_t call = up(p, "192.0.2.9", "203.0.113.5"); /* its session shows what STUN told it */

    assert_string_equal(goes_to(p, call), "192.0.2.9:21072");
    rtp(p, "192.0.2.9:40000", 1);
    assert_string_equal(goes_to(p, call), "192.0.2.9:40000");
}

static void a_phone_may_send_from_the_address_in_its_session(void **state)
{
    struct phone *p = *state;
    uint32_t call = up(p, "192.0.2.9", "192.0.2.10");

    rtp(p, "192.0.2.10:21072", 1);
    assert_string_equal(goes_to(p, call), "192.0.2.10:21072");
}

static void on_one_host_any_loopback_address_will_do(void **state)
{
    struct phone *p = *state;
    uint32_t call = up(p, "127.9.0.11", "127.9.0.11");

    rtp(p, "127.0.0.1:21072", 1);
    assert_string_equal(goes_to(p, call), "127.0.0.1:21072");
    assert_int_equal(refused(p), 0);
}

static void nobody_else_is_heard(void **state)
{
    struct phone *p = *state;
    uint32_t call = up(p, "192.0.2.9", "192.0.2.9");
    struct smx_frame frame;

    rtp(p, "192.0.2.66:21072", 1);
    rtp(p, "127.0.0.1:21072", 1);
    assert_int_equal(refused(p), 2);
    rtp(p, "192.0.2.9:21072", 5);
    rtp(p, "192.0.2.9:21074", 6); /* latched: not from another port either */
    assert_int_equal(refused(p), 3);
    p->now += SMX_MS(10);
    assert_true(smx_ua_media_take(p->ua, call, p->now, &frame));
    assert_int_equal(frame.payload[0], 5);
    assert_false(smx_ua_media_take(p->ua, call, p->now, &frame));
    assert_string_equal(goes_to(p, call), "192.0.2.9:21072");
}

static void noise_does_not_latch(void **state)
{
    static const uint8_t stun[20] = {0, 1}, ping[16] = {0x80, 0xcc, 0, 3};
    struct phone *p = *state;
    uint32_t call = up(p, "127.0.0.1", "127.0.0.1");
    struct smx_addr from = phone_addr("127.0.0.1:4000");

    smx_ua_rtp(p->ua, p->now, 0, false, &from, stun, sizeof stun);
    smx_ua_rtp(p->ua, p->now, 0, false, &from, stun, 0);
    smx_ua_rtp(p->ua, p->now, 0, false, &from, ping, sizeof ping);
    assert_int_equal(refused(p), 3);
    smx_ua_rtp(p->ua, p->now, 0, true, &from, ping, sizeof ping); /* RTCP is only a sign of life */
    assert_int_equal(refused(p), 3);
    assert_string_equal(goes_to(p, call), "127.0.0.1:21072");
}

static void a_pair_without_a_call_takes_nothing(void **state)
{
    struct phone *p = *state;
    struct smx_frame frame = {.codec = SMX_FRAME_PCMU};
    uint32_t call;

    rtp(p, "127.0.0.1:21072", 1);
    assert_int_equal(refused(p), 1);
    assert_false(smx_ua_media_take(p->ua, 7, p->now, &frame));
    smx_ua_media_put(p->ua, 7, p->now, &frame);
    call = up(p, "127.0.0.1", "127.0.0.1");
    smx_ua_call_ended(p->ua, p->now, call);
    expect_sent(p, "BYE ");
    rtp(p, "127.0.0.1:21072", 1);
    assert_int_equal(refused(p), 2);
    assert_false(smx_ua_media_take(p->ua, call, p->now, &frame));
    assert_string_equal(goes_to(p, call), "nowhere");
}

static void reports_go_to_the_port_above_and_name_nobody(void **state)
{
    struct phone *p = *state;
    const struct smx_ua_send *sent;
    unsigned reports = 0;

    up(p, "127.0.0.1", "127.0.0.1");
    for (uint16_t i = 0; i < 1500; i++) {
        rtp(p, "127.0.0.1:21072", i);
        pass(p, SMX_MS(20));
        while ((sent = smx_ua_next_send(p->ua)) != NULL) {
            if (sent->kind != SMX_UA_SEND_RTCP)
                continue;
            assert_int_equal(sent->to.port, 21073);
            assert_int_equal(sent->len, SMX_RTCP_REPORT);
            assert_memory_equal(sent->bytes + 8, "\0\0\0", 3); /* seconds since the call began, no date */
            reports++;
        }
    }
    assert_in_range(reports, 4, 12); /* in 30 s */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PHONE_TEST(packets_go_to_the_signalling_address_then_to_where_packets_come_from),
        PHONE_TEST(a_phone_may_send_from_the_address_in_its_session),
        PHONE_TEST(on_one_host_any_loopback_address_will_do),
        PHONE_TEST(nobody_else_is_heard),
        PHONE_TEST(noise_does_not_latch),
        PHONE_TEST(a_pair_without_a_call_takes_nothing),
        PHONE_TEST(reports_go_to_the_port_above_and_name_nobody),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
