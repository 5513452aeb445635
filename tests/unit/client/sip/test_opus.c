/* tests/unit/client/sip/test_opus.c - the Opus profile towards phones: who is offered what, and what passes.
 */
#include "tests/unit/client/sip/dialog.h"

#include "proto/media/rtp.h"

#define OPUS(port, types, type)                                                                              \
    "v=0\nc=IN IP4 127.0.0.1\nm=audio " port " RTP/AVP " types "\na=rtpmap:" type " opus/48000/2\n"          \
    "a=fmtp:" type " useinbandfec=1;stereo=1\n"
#define PLAIN SESSION("22044", "")

static int setup(void **state)
{
    return phone_setup_profile(state, 2, true);
}

#define OPUS_TEST(f) cmocka_unit_test_setup_teardown(f, setup, phone_teardown)

/* A packet of the phone. */
static uint64_t packet(struct phone *p, uint8_t type, uint16_t seq)
{
    uint8_t payload[60] = {31 << 3, (uint8_t)seq}, wire[SMX_RTP_HEADER + sizeof payload];
    struct smx_rtp rtp = {false, type, seq, seq * 960U, 77, payload, sizeof payload};
    struct smx_addr from = phone_addr("127.0.0.1:22044");

    smx_ua_rtp(p->ua, p->now, 0, false, &from, wire, smx_rtp_encode(wire, &rtp));
    return smx_ua_stats(p->ua).rtp_refused;
}

/* Frames pass both ways, the phone's packets under this type. */
static void expect_opus(struct phone *p, uint32_t call, uint8_t type)
{
    struct smx_frame frame;
    const struct smx_ua_send *sent;
    struct smx_rtp rtp;

    assert_int_equal(packet(p, type, 9), 0);
    assert_int_equal(packet(p, 0, 10), 1);
    p->now += SMX_MS(10);
    assert_true(smx_ua_media_take(p->ua, call, p->now, &frame));
    assert_int_equal(frame.codec, SMX_FRAME_OPUS);
    assert_int_equal(frame.len, 60);
    assert_int_equal(frame.payload[1], 9);
    frame.payload[1] = 33;
    smx_ua_media_put(p->ua, call, p->now, &frame);
    sent = smx_ua_next_send(p->ua);
    assert_non_null(sent);
    assert_int_equal(smx_rtp_decode(&rtp, sent->bytes, sent->len), SMX_OK);
    assert_int_equal(rtp.payload_type, type);
    assert_int_equal(rtp.payload_len, 60);
    assert_int_equal(rtp.payload[1], 33);
    smx_ua_media_put(p->ua, call, p->now, NULL);
    assert_null(smx_ua_next_send(p->ua)); /* the phone conceals it */
}

static void expect_g711(struct phone *p, uint32_t call)
{
    struct smx_frame frame = {.codec = SMX_FRAME_PCMU};
    const struct smx_ua_send *sent;

    assert_int_equal(packet(p, 96, 9), 1);
    smx_ua_media_put(p->ua, call, p->now, &frame);
    sent = smx_ua_next_send(p->ua);
    assert_non_null(sent);
    assert_int_equal(sent->bytes[1] & 0x7f, SMX_FRAME_PCMU);
}

/* The phone calls with this session, and the far side may be asked for Opus, or not. */
static void call_with(struct phone *p, struct dialog *d, const char *session, bool opus)
{
    *d = (struct dialog){.cseq = 55292,
                         .own = "\"Alice\" <sip:alice@sipmix.alt>;tag=ee4756530b55aeb4",
                         .peer = "<sip:white.rabbit@sipmix.alt>",
                         .call_id = "beabe5a8b8aacc91"};
    say(p, 5070, PHONE_INVITE "%s\n%s", "white.rabbit", "inv1", session[0] ? SDP_TYPE : "", session);
    expect_sent(p, "SIP/2.0 100 Trying\r\n");
    {
        const struct smx_ua_order *order = expect_order(p, SMX_UA_CALL_START);

        d->call = order->id;
        assert_int_equal(order->opus, opus);
    }
}

static void far_answers(struct phone *p, struct dialog *d, bool opus)
{
    (opus ? smx_ua_call_answered_opus : smx_ua_call_answered)(p->ua, p->now, d->call);
    expect_sent(p, "SIP/2.0 200 OK\r\n");
    confirm(p, d);
}

static void a_phone_that_has_both_gets_what_the_far_side_answers(void **state)
{
    struct phone *p = *state;
    struct dialog d;

    call_with(p, &d, OPUS("22044", "0 111", "111"), true);
    far_answers(p, &d, true);
    assert_non_null(strstr(p->text, "RTP/AVP 111\r\na=rtpmap:111 opus/48000/2\r\n"
                                    "a=fmtp:111 maxaveragebitrate=24000;cbr=1;usedtx=0;stereo=0\r\n"));
    assert_null(strstr(p->text, "PCMU"));
    ask(p, &d, "ACK", "", "");
    expect_opus(p, d.call, 111);
}

static void or_g711_if_the_far_side_has_no_opus(void **state)
{
    struct phone *p = *state;
    struct dialog d;

    call_with(p, &d, OPUS("22044", "111 0 8", "111"), true);
    far_answers(p, &d, false);
    assert_non_null(strstr(p->text, "RTP/AVP 0 8\r\n"));
    assert_null(strstr(p->text, "opus"));
    ask(p, &d, "ACK", "", "");
    expect_g711(p, d.call);
}

static void a_phone_without_opus_or_without_an_offer_calls_like_everybody(void **state)
{
    struct phone *p = *state;
    struct dialog d;

    call_with(p, &d, PLAIN, false);
    far_answers(p, &d, true); /* which was not asked for */
    assert_non_null(strstr(p->text, "RTP/AVP 0 8\r\n"));
    ask(p, &d, "ACK", "", "");
    expect_g711(p, d.call);
}

static void an_offer_that_was_not_made_is_one_of_g711(void **state)
{
    struct phone *p = *state;
    struct dialog d;

    call_with(p, &d, "", false);
    far_answers(p, &d, false);
    assert_non_null(strstr(p->text, "RTP/AVP 0 8 101\r\n"));
    assert_null(strstr(p->text, "opus"));
}

static void a_phone_that_has_nothing_but_opus_is_refused(void **state)
{
    struct phone *p = *state;

    say(p, 5070, PHONE_INVITE SDP_TYPE "\n" OPUS("22044", "96", "96"), "white.rabbit", "inv1");
    expect_sent(p, "SIP/2.0 488 ");
    expect_no_order(p);
}

/* A call to the phone, whose caller would speak Opus; it answers with this session. */
static void pick_up_with(struct phone *p, struct dialog *d, const char *session, bool opus)
{
    char to[200];
    const struct smx_ua_order *order;

    enlist(p);
    *d = (struct dialog){.cseq = 0};
    assert_int_equal(smx_ua_call_incoming_opus(p->ua, p->now, "sip:bob@sipmix.alt", "alice", &d->call),
                     SMX_OK);
    expect_sent(p, "INVITE ");
    assert_non_null(strstr(p->text, "RTP/AVP 96 0 8 101 102\r\n"));
    copy_header(p, "To", to, sizeof to);
    snprintf(d->own, sizeof d->own, "%s;tag=phonetag", to);
    copy_header(p, "From", d->peer, sizeof d->peer);
    copy_header(p, "Call-ID", d->call_id, sizeof d->call_id);
    answer(p, 200, "phonetag", PHONE_CONTACT SDP_TYPE, session);
    expect_sent(p, "ACK ");
    order = expect_order(p, SMX_UA_CALL_ANSWER);
    assert_int_equal(order->id, d->call);
    assert_int_equal(order->opus, opus);
}

static void a_phone_that_is_called_chooses(void **state)
{
    struct phone *p = *state;
    struct dialog d;

    pick_up_with(p, &d, OPUS("22044", "96", "96"), true);
    expect_opus(p, d.call, 96);
}

static void of_an_answer_with_several_the_first_counts(void **state)
{
    struct phone *p = *state;
    struct dialog d;

    pick_up_with(p, &d, OPUS("22044", "0 96", "96"), false);
    expect_g711(p, d.call);
}

static void a_phone_without_opus_answers_in_g711(void **state)
{
    struct phone *p = *state;
    struct dialog d;

    pick_up_with(p, &d, PLAIN, false);
    expect_g711(p, d.call);
}

static void a_caller_without_opus_is_none_to_a_phone_with_it(void **state)
{
    struct phone *p = *state;
    struct dialog d;

    ring(p, &d);
    assert_null(strstr(p->text, "opus"));
    answer(p, 200, "phonetag", PHONE_CONTACT SDP_TYPE, OPUS("22044", "96", "96")); /* which nobody offered */
    expect_sent(p, "ACK ");
    expect_sent(p, "BYE ");
    assert_int_equal(expect_order(p, SMX_UA_CALL_REFUSE)->id, d.call);
}

static void what_is_spoken_stays_for_the_call(void **state)
{
    struct phone *p = *state;
    struct dialog d;

    pick_up_with(p, &d, OPUS("22044", "96", "96"), true);
    ask(p, &d, "INVITE", PHONE_CONTACT SDP_TYPE, PLAIN);
    expect_sent(p, "SIP/2.0 488 ");
    ask(p, &d, "ACK", "", "");
    ask(p, &d, "INVITE", PHONE_CONTACT SDP_TYPE, OPUS("22044", "0 98", "98")); /* by another number */
    expect_sent(p, "SIP/2.0 200 OK\r\n");
    assert_non_null(strstr(p->text, "RTP/AVP 98\r\n"));
    ask(p, &d, "ACK", "", "");
    expect_opus(p, d.call, 98);
    smx_ua_call_direction(p->ua, p->now, d.call, SMX_SENDONLY); /* ours, too, names nothing else */
    pass(p, SMX_SECOND(1));
    expect_sent(p, "INVITE ");
    assert_non_null(strstr(p->text, "RTP/AVP 98 101 102\r\n"));
}

/* The phone has a call in Opus, makes another one, answered in Opus or not, and would join them. */
static void joins(struct phone *p, bool opus, const char *said)
{
    char more[512];
    struct dialog a, b = {.cseq = 1,
                          .own = "<sip:alice@sipmix.alt>;tag=second",
                          .peer = "<sip:dave@sipmix.alt>",
                          .call_id = "other"};

    pick_up_with(p, &a, OPUS("22044", "96", "96"), true);
    say(p, 5070,
        "INVITE sip:dave@sipmix.alt SIP/2.0\nVia: SIP/2.0/UDP "
        "127.0.0.1:5070;branch=z9hG4bKs;rport\n" PHONE_CONTACT
        "To: %s\nFrom: %s\nCall-ID: %s\nCSeq: 1 INVITE\n" SDP_TYPE "\n" OPUS("22046", "96 0", "96"),
        b.peer, b.own, b.call_id);
    expect_sent(p, "SIP/2.0 100 Trying\r\n");
    b.call = expect_order(p, SMX_UA_CALL_START)->id;
    far_answers(p, &b, opus);
    ask(p, &b, "ACK", "", "");
    snprintf(more, sizeof more,
             PHONE_CONTACT
             "Refer-To: <sip:dave@sipmix.alt?Replaces=other%%3Bto-tag%%3D%s%%3Bfrom-tag%%3Dsecond>\n",
             strstr(b.peer, ";tag=") + 5);
    ask(p, &a, "REFER", more, "");
    expect_sent(p, said);
}

static void two_calls_in_opus_may_be_joined(void **state)
{
    joins(*state, true, "SIP/2.0 202 ");
}

static void one_in_opus_and_one_in_g711_may_not(void **state)
{
    joins(*state, false, "SIP/2.0 603 ");
}

/* Without the profile a phone's Opus is as if it were not there. */
static void the_profile_of_everybody_names_no_opus(void **state)
{
    struct phone *p = *state;
    struct dialog d;

    assert_false(smx_ua_has_opus(p->ua));
    call_with(p, &d, OPUS("22044", "111 0", "111"), false);
    far_answers(p, &d, true);
    assert_non_null(strstr(p->text, "RTP/AVP 0\r\n"));
    ask(p, &d, "ACK", "", "");
    assert_null(strstr(p->text, "opus"));
    enlist(p);
    assert_int_equal(smx_ua_call_incoming_opus(p->ua, p->now, "sip:bob@sipmix.alt", "alice", &d.call),
                     SMX_OK);
    expect_sent(p, "INVITE ");
    assert_null(strstr(p->text, "opus"));
}

static uint32_t refer(struct phone *p, struct dialog *d)
{
    const struct smx_ua_order *order;

    ask(p, d, "REFER", "Refer-To: <sip:carol@sipmix.alt>\nRefer-Sub: false\n", "");
    expect_sent(p, "SIP/2.0 202 Accepted\r\n");
    order = expect_order(p, SMX_UA_CALL_START);
    assert_true(order->opus);
    return order->id;
}

/* A key of the phone's, in units of 48000/s: 160 ms of it. */
static void key_packet(struct phone *p, uint8_t type, uint16_t seq)
{
    const uint8_t payload[4] = {7, 0x80 | 10, 7680 >> 8, 7680 & 0xff};
    struct smx_rtp rtp = {false, type, seq, 5000, 77, payload, sizeof payload};
    struct smx_addr from = phone_addr("127.0.0.1:22044");
    uint8_t wire[64];

    smx_ua_rtp(p->ua, p->now, 0, false, &from, wire, smx_rtp_encode(wire, &rtp));
}

/* The packet in the next slot. */
static void next_packet(struct phone *p, uint32_t call, struct smx_rtp *rtp)
{
    const struct smx_ua_send *sent;
    struct smx_frame frame = {.codec = SMX_FRAME_OPUS, .payload = {31 << 3}, .len = 60};

    smx_ua_media_put(p->ua, call, p->now, &frame);
    sent = smx_ua_next_send(p->ua);
    assert_non_null(sent);
    assert_int_equal(smx_rtp_decode(rtp, sent->bytes, sent->len), SMX_OK);
}

static void keys_go_in_the_units_that_the_phone_names(void **state)
{
    static const struct {
        const char *session;
        uint8_t type;
        unsigned slot; /* units */
    } cases[] = {
        {OPUS("22044", "96 101 110",
              "96") "a=rtpmap:110 telephone-event/48000\na=rtpmap:101 telephone-event/8000\n",
         110, 960},
        {OPUS("22044", "96 101", "96") "a=rtpmap:101 telephone-event/8000\n", 101, 160},
    };

    for (size_t i = 0; i < 2; i++) {
        struct phone *p = *state;
        const struct smx_ua_order *order;
        struct smx_rtp rtp;
        uint32_t timestamp;
        struct dialog d;

        if (i > 0) {
            assert_int_equal(phone_teardown(state), 0);
            assert_int_equal(setup(state), 0);
            p = *state;
        }
        pick_up_with(p, &d, cases[i].session, true);
        key_packet(p, i == 0 ? 110 : 102, 1); /* by its number, or by ours */
        order = expect_order(p, SMX_UA_CALL_KEY);
        assert_int_equal(order->key.event, 7);
        assert_int_equal(order->key.slots, 8);
        smx_ua_call_key(p->ua, p->now, d.call, (struct smx_dtmf_key){5, 4});
        next_packet(p, d.call, &rtp);
        timestamp = rtp.timestamp;
        for (unsigned slot = 1; slot <= 4; slot++) {
            assert_int_equal(rtp.payload_type, cases[i].type);
            assert_int_equal(rtp.timestamp, timestamp);
            assert_int_equal(rtp.payload[0], 5);
            assert_int_equal(rtp.payload[2] << 8 | rtp.payload[3], slot * cases[i].slot);
            next_packet(p, d.call, &rtp);
        }
        smx_ua_call_key(p->ua, p->now, d.call, (struct smx_dtmf_key){6, SMX_DTMF_SLOTS_MAX});
        for (unsigned slot = 0; slot < SMX_DTMF_SLOTS_MAX - 10; slot++)
            next_packet(p, d.call, &rtp);
        assert_int_equal(rtp.payload[0], 6);
        assert_true((rtp.payload[2] << 8 | rtp.payload[3]) > 30000); /* cut, not begun anew */
    }
}

static void a_call_in_opus_is_handed_on_to_who_answers_in_opus_alone(void **state)
{
    struct smx_frame frame = {.codec = SMX_FRAME_OPUS, .len = 60, .payload = {31 << 3, 7}}, heard;
    struct phone *p = *state;
    struct dialog d;
    uint32_t second;

    call_with(p, &d, OPUS("22044", "111 0", "111"), true);
    far_answers(p, &d, true);
    ask(p, &d, "ACK", "", "");
    second = refer(p, &d);
    smx_ua_call_answered(p->ua, p->now, second); /* in G.711 */
    assert_int_equal(expect_order(p, SMX_UA_CALL_END)->id, second);
    expect_opus(p, d.call, 111); /* and the phone has its call */
    second = refer(p, &d);
    smx_ua_call_answered_opus(p->ua, p->now, second);
    ask(p, &d, "BYE", "", "");
    expect_sent(p, "SIP/2.0 200 OK\r\n");
    expect_no_order(p);
    smx_ua_media_put(p->ua, second, p->now, &frame);
    assert_true(smx_ua_media_take(p->ua, d.call, p->now, &heard));
    assert_int_equal(heard.codec, SMX_FRAME_OPUS);
    assert_memory_equal(heard.payload, frame.payload, frame.len);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        OPUS_TEST(a_phone_that_has_both_gets_what_the_far_side_answers),
        OPUS_TEST(or_g711_if_the_far_side_has_no_opus),
        OPUS_TEST(a_phone_without_opus_or_without_an_offer_calls_like_everybody),
        OPUS_TEST(an_offer_that_was_not_made_is_one_of_g711),
        OPUS_TEST(a_phone_that_has_nothing_but_opus_is_refused),
        OPUS_TEST(a_phone_that_is_called_chooses),
        OPUS_TEST(of_an_answer_with_several_the_first_counts),
        OPUS_TEST(a_phone_without_opus_answers_in_g711),
        OPUS_TEST(a_caller_without_opus_is_none_to_a_phone_with_it),
        OPUS_TEST(two_calls_in_opus_may_be_joined),
        OPUS_TEST(one_in_opus_and_one_in_g711_may_not),
        OPUS_TEST(keys_go_in_the_units_that_the_phone_names),
        OPUS_TEST(what_is_spoken_stays_for_the_call),
        OPUS_TEST(a_call_in_opus_is_handed_on_to_who_answers_in_opus_alone),
        PHONE_TEST(the_profile_of_everybody_names_no_opus),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
