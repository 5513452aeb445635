/* tests/unit/client/sip/test_digit.c - keys of one phone, by RTP or INFO, at the other phone. */
#include "tests/unit/client/sip/dialog.h"

static void event_packet(struct phone *p, uint8_t type, uint16_t seq, uint32_t timestamp, uint8_t event,
                         bool end, uint16_t duration)
{
    uint8_t payload[4] = {event, end ? 0x80 | 63 : 63, (uint8_t)(duration >> 8), (uint8_t)duration};
    struct smx_rtp rtp = {false, type, seq, timestamp, 0x1234, payload, sizeof payload};
    struct smx_addr from = phone_addr("127.0.0.1:21072");
    uint8_t wire[64];

    smx_ua_rtp(p->ua, p->now, 0, false, &from, wire, smx_rtp_encode(wire, &rtp));
}

static void an_event_of_the_phone_s_rtp_is_ordered_once(void **state)
{
    struct phone *p = *state;
    struct dialog d;
    const struct smx_ua_order *order;
    struct smx_frame frame;

    dial(p, &d);
    for (uint16_t i = 1; i <= 5; i++)
        event_packet(p, 101, i, 7777, 11, false, (uint16_t)(160 * i));
    expect_no_order(p);
    for (uint16_t i = 0; i < 3; i++)
        event_packet(p, 101, (uint16_t)(6 + i), 7777, 11, true, 960);
    order = expect_order(p, SMX_UA_CALL_KEY);
    assert_int_equal(order->id, d.call);
    assert_int_equal(order->key.event, 11);
    assert_int_equal(order->key.slots, 6);
    expect_no_order(p);
    event_packet(p, 101, 9, 9999, 1, false, 160); /* its end is lost */
    p->now += SMX_MS(100);
    (void)smx_ua_media_take(p->ua, d.call, p->now, &frame);
    assert_int_equal(expect_order(p, SMX_UA_CALL_KEY)->key.event, 1);
    event_packet(p, 100, 10, 12000, 1, true, 160); /* a type that nobody has named */
    expect_no_order(p);
}

static void info_is_a_key_or_refused(void **state)
{
    static const struct {
        const char *more, *body, *answer;
        int event;
        unsigned slots;
    } cases[] = {
        {"Content-Type: application/dtmf-relay\n", "Signal=5\nDuration=160\n", "200", 5, 8},
        {"Content-Type: Application/DTMF-Relay;x=y\n", "Signal= #\nDuration= 250\n", "200", 11, 13},
        {"c: application/dtmf-relay\n", "Duration=99999999\nSignal=d", "200", 15, 8},
        {"Content-Type: application/dtmf-relay\n", "Signal=10\n", "200", 10, 8},
        {"Content-Type: application/dtmf\n", "7", "200", 7, 8},
        {"Content-Type: application/dtmf\n", "*\n", "200", 10, 8},
        {"Content-Type: application/dtmf-relay\n", "Signal=!\n", "400", -1, 0},
        {"Content-Type: application/dtmf-relay\n", "Signal=77\n", "400", -1, 0},
        {"Content-Type: application/dtmf-relay\n", "x", "400", -1, 0},
        {"Content-Type: application/media_control+xml\n", "<x/>", "415", -1, 0},
        {"Info-Package: canary\n", "", "469", -1, 0},
        {"", "", "200", -1, 0},
        {"", "5", "415", -1, 0},
    };
    struct phone *p = *state;
    struct dialog d;

    dial(p, &d);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char line[32];

        snprintf(line, sizeof line, "SIP/2.0 %s ", cases[i].answer);
        ask(p, &d, "INFO", cases[i].more, cases[i].body);
        expect_sent(p, line);
        if (cases[i].event >= 0) {
            const struct smx_ua_order *order = expect_order(p, SMX_UA_CALL_KEY);

            assert_int_equal(order->key.event, cases[i].event);
            assert_int_equal(order->key.slots, cases[i].slots);
        }
        expect_no_order(p);
        p->now += SMX_MS(50);
    }
}

static void keys_that_come_faster_than_anybody_types_are_lost(void **state)
{
    struct phone *p = *state;
    struct dialog d;
    unsigned keys = 0;

    dial(p, &d);
    for (int i = 0; i < 100; i++) {
        ask(p, &d, "INFO", "Content-Type: application/dtmf\n", "1");
        p->now += SMX_MS(1);
    }
    while (smx_ua_next_order(p->ua))
        keys++;
    assert_int_equal(keys, 5);
}

static void a_key_of_the_far_side_is_heard_as_events_on_our_grid(void **state)
{
    struct phone *p = *state;
    struct dialog d;
    struct smx_frame frame = {.codec = SMX_FRAME_PCMU};
    uint16_t seq = 0;
    uint32_t timestamp = 0, begun = 0;
    unsigned events = 0;

    dial(p, &d);
    while (smx_ua_next_send(p->ua))
        continue;
    for (unsigned slot = 0; slot < 12; slot++) {
        const struct smx_ua_send *sent;
        struct smx_rtp rtp;

        if (slot == 1)
            smx_ua_call_key(p->ua, p->now, d.call, (struct smx_dtmf_key){9, 5});
        smx_ua_media_put(p->ua, d.call, p->now, &frame);
        sent = smx_ua_next_send(p->ua);
        assert_non_null(sent);
        assert_int_equal(smx_rtp_decode(&rtp, sent->bytes, sent->len), SMX_OK);
        if (slot > 0)
            assert_int_equal(rtp.seq, (uint16_t)(seq + 1));
        seq = rtp.seq;
        if (slot == 0)
            timestamp = rtp.timestamp;
        if (slot >= 1 && slot <= 7) { /* five slots, the last of which is said three times */
            assert_int_equal(rtp.payload_type, 101);
            assert_int_equal(rtp.payload_len, 4);
            begun = slot == 1 ? rtp.timestamp : begun;
            assert_int_equal(rtp.timestamp, begun);
            assert_int_equal(rtp.marker, slot == 1);
            assert_int_equal(rtp.payload[0], 9);
            assert_int_equal(rtp.payload[1], slot >= 5 ? 0x8a : 0x0a); /* not the volume that anybody sent */
            events++;
        } else {
            assert_int_equal(rtp.payload_type, SMX_FRAME_PCMU);
            assert_int_equal(rtp.timestamp - timestamp, 160 * slot);
        }
    }
    assert_int_equal(events, 7);
    assert_int_equal(begun - timestamp, 160);
}

static void a_phone_without_events_hears_none(void **state)
{
    struct phone *p = *state;
    struct dialog d;
    struct smx_frame frame = {.codec = SMX_FRAME_PCMU};

    pick_up(p, &d); /* its answer names the mu-law and the A-law only */
    smx_ua_call_key(p->ua, p->now, d.call, (struct smx_dtmf_key){9, 5});
    for (unsigned slot = 0; slot < 5; slot++) {
        const struct smx_ua_send *sent;

        smx_ua_media_put(p->ua, d.call, p->now, &frame);
        sent = smx_ua_next_send(p->ua);
        assert_non_null(sent);
        assert_int_equal(sent->bytes[1] & 0x7f, SMX_FRAME_PCMU);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PHONE_TEST(an_event_of_the_phone_s_rtp_is_ordered_once),
        PHONE_TEST(info_is_a_key_or_refused),
        PHONE_TEST(keys_that_come_faster_than_anybody_types_are_lost),
        PHONE_TEST(a_key_of_the_far_side_is_heard_as_events_on_our_grid),
        PHONE_TEST(a_phone_without_events_hears_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
