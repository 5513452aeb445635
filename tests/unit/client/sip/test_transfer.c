/* Calls that the phone hands on: REFER, its NOTIFYs, and the two far sides that talk through us. */
#include "tests/unit/client/sip/dialog.h"

#define TO(uri) "Refer-To: <" uri ">\nReferred-By: <sip:canary@192.168.7.9>\n"

static struct smx_frame frame_of(uint8_t n)
{
    struct smx_frame frame = {.codec = SMX_FRAME_PCMU};

    memset(frame.payload, n, sizeof frame.payload);
    return frame;
}

/* What the far side of `from` says is heard by that of `to`. */
static void assert_passes(struct phone *p, uint32_t from, uint32_t to, uint8_t n)
{
    struct smx_frame frame = frame_of(n), heard;

    smx_ua_media_put(p->ua, from, p->now, &frame);
    assert_true(smx_ua_media_take(p->ua, to, p->now, &heard));
    assert_memory_equal(heard.payload, frame.payload, sizeof frame.payload);
    assert_false(smx_ua_media_take(p->ua, to, p->now, &heard));
    expect_quiet(p);
}

/* Its body, Subscription-State; answered. */
static void expect_notify(struct phone *p, const char *body, const char *state)
{
    expect_sent(p, "NOTIFY sip:");
    assert_string_equal(sent_header(p, "Content-Type"), "message/sipfrag;version=2.0");
    assert_string_equal(sent_header(p, "Subscription-State"), state);
    assert_non_null(strstr(p->text, body));
    answer(p, 200, NULL, "", "");
}

static uint32_t refer(struct phone *p, struct dialog *d)
{
    const struct smx_ua_order *order;

    ask(p, d, "REFER", TO("sip:Carol@sipmix.alt"), "");
    expect_sent(p, "SIP/2.0 202 Accepted\r\n");
    assert_non_null(sent_header(p, "Contact"));
    expect_notify(p, "\r\n\r\nSIP/2.0 100 Trying\r\n", "active;expires=180");
    order = expect_order(p, SMX_UA_CALL_START);
    assert_string_equal(order->target.text, "carol");
    assert_string_equal(order->identity, "alice");
    assert_false(order->unnamed);
    assert_int_not_equal(order->id, d->call);
    return order->id;
}

static void a_call_is_handed_on_and_goes_through_us_without_the_phone(void **state)
{
    struct phone *p = *state;
    const struct smx_ua_order *order;
    struct dialog d;
    uint32_t second;

    dial(p, &d);
    ask(p, &d, "INVITE", SDP_TYPE, SESSION("21072", "a=sendonly\n")); /* on hold, as phones do it */
    expect_sent(p, "SIP/2.0 200 OK\r\n");
    ask(p, &d, "ACK", "", "");
    assert_int_equal(expect_order(p, SMX_UA_CALL_DIRECTION)->code, SMX_SENDONLY);
    second = refer(p, &d);
    smx_ua_call_ringing(p->ua, p->now, second);
    expect_notify(p, "SIP/2.0 180 Ringing\r\n", "active;expires=180");
    assert_string_equal(sent_header(p, "Event"), "refer");
    expect_no_order(p);
    smx_ua_call_answered(p->ua, p->now, second);
    expect_notify(p, "SIP/2.0 200 OK\r\n", "terminated;reason=noresource");
    order = expect_order(p, SMX_UA_CALL_DIRECTION); /* the first far side is on hold no more */
    assert_int_equal(order->id, d.call);
    assert_int_equal(order->code, SMX_SENDRECV);
    assert_passes(p, d.call, second, 1);
    ask(p, &d, "BYE", "", "");
    expect_sent(p, "SIP/2.0 200 OK\r\n");
    expect_no_order(p);
    assert_passes(p, d.call, second, 2);
    assert_passes(p, second, d.call, 3);
    smx_ua_call_direction(p->ua, p->now, second, SMX_INACTIVE);
    order = expect_order(p, SMX_UA_CALL_DIRECTION);
    assert_int_equal(order->id, d.call);
    assert_int_equal(order->code, SMX_INACTIVE);
    smx_ua_call_key(p->ua, p->now, d.call, (struct smx_dtmf_key){5, 8});
    order = expect_order(p, SMX_UA_CALL_KEY);
    assert_int_equal(order->id, second);
    assert_int_equal(order->key.event, 5);
    pass_quietly(p, SMX_SECOND(400)); /* no phone is missed */
    expect_no_order(p);
    smx_ua_call_ended(p->ua, p->now, d.call);
    assert_int_equal(expect_order(p, SMX_UA_CALL_END)->id, second);
    expect_no_order(p);
    expect_quiet(p);
    assert_int_equal(smx_ua_usage(p->ua).calls, 0);
}

static void a_call_that_can_not_be_handed_on_is_the_phones_again(void **state)
{
    struct phone *p = *state;
    struct smx_frame frame = frame_of(9);
    struct dialog d;
    uint32_t second;

    pick_up(p, &d);
    second = refer(p, &d);
    ask(p, &d, "REFER", TO("sip:dave@sipmix.alt"), ""); /* one at a time */
    expect_sent(p, "SIP/2.0 491 Request Pending\r\n");
    smx_ua_call_failed(p->ua, p->now, second, 486);
    expect_notify(p, "SIP/2.0 486 Busy Here\r\n", "terminated;reason=noresource");
    expect_no_order(p);
    smx_ua_media_put(p->ua, d.call, p->now, &frame);
    assert_int_equal(smx_ua_next_send(p->ua)->kind, SMX_UA_SEND_RTP);
    ask(p, &d, "REFER", TO("sip:dave@sipmix.alt"), "");
    expect_sent(p, "SIP/2.0 202 Accepted\r\n");
    expect_notify(p, "SIP/2.0 100 Trying\r\n", "active;expires=180");
    assert_true(strncmp(sent_header(p, "Event"), "refer;id=", 9) == 0); /* the second in this dialog */
    assert_string_equal(expect_order(p, SMX_UA_CALL_START)->target.text, "dave");
    ask(p, &d, "BYE", "", ""); /* ends neither */
    expect_sent(p, "SIP/2.0 200 OK\r\n");
    expect_no_order(p);
    smx_ua_call_failed(p->ua, p->now, second + 1, 480); /* and now nobody is left */
    assert_int_equal(expect_order(p, SMX_UA_CALL_END)->id, d.call);
    expect_quiet(p);
    assert_int_equal(smx_ua_usage(p->ua).calls, 0);
}

static void what_a_far_side_wants_while_nobody_hears_it_is_told_then(void **state)
{
    struct phone *p = *state;
    const struct smx_ua_order *order;
    struct dialog d;
    uint32_t second;

    dial(p, &d);
    second = refer(p, &d);
    ask(p, &d, "BYE", "", "");
    expect_sent(p, "SIP/2.0 200 OK\r\n");
    smx_ua_call_direction(p->ua, p->now, d.call, SMX_SENDONLY);
    expect_no_order(p);
    smx_ua_call_answered(p->ua, p->now, second);
    order = expect_order(p, SMX_UA_CALL_DIRECTION);
    assert_int_equal(order->id, second);
    assert_int_equal(order->code, SMX_SENDONLY);
    expect_quiet(p);
}

static void who_hangs_up_meanwhile_ends_the_other_call_too(void **state)
{
    struct phone *p = *state;
    struct dialog d;
    uint32_t second;

    dial(p, &d);
    second = refer(p, &d);
    smx_ua_call_ended(p->ua, p->now, d.call);
    expect_notify(p, "SIP/2.0 480 ", "terminated;reason=noresource");
    expect_sent(p, "BYE ");
    assert_int_equal(expect_order(p, SMX_UA_CALL_END)->id, second);
    answer(p, 200, NULL, "", "");
    assert_int_equal(smx_ua_usage(p->ua).calls, 0);
}

static void a_phone_that_does_not_hang_up_is_hung_up_on(void **state)
{
    struct phone *p = *state;
    struct dialog d;
    uint32_t second;

    dial(p, &d);
    second = refer(p, &d);
    smx_ua_call_answered(p->ua, p->now, second);
    expect_notify(p, "SIP/2.0 200 OK\r\n", "terminated;reason=noresource");
    pass(p, SMX_SECOND(4));
    expect_quiet(p);
    pass(p, SMX_MS(1100));
    expect_sent(p, "BYE ");
    answer(p, 200, NULL, "", "");
    expect_no_order(p);
    assert_passes(p, second, d.call, 4);
}

static void a_call_that_nobody_answers_is_not_handed_on(void **state)
{
    struct phone *p = *state;
    struct dialog d;
    uint32_t second;

    dial(p, &d);
    ask(p, &d, "INVITE", SDP_TYPE, SESSION("21072", "a=inactive\n"));
    expect_sent(p, "SIP/2.0 200 OK\r\n");
    ask(p, &d, "ACK", "", "");
    (void)expect_order(p, SMX_UA_CALL_DIRECTION);
    second = refer(p, &d);
    pass(p, SMX_SECOND(181));
    expect_notify(p, "SIP/2.0 480 ", "terminated;reason=noresource");
    assert_int_equal(expect_order(p, SMX_UA_CALL_END)->id, second);
    expect_no_order(p);
}

/* The phone's second call, with another Call-ID and tag. */
static void dial_second(struct phone *p, struct dialog *d)
{
    *d = (struct dialog){.cseq = 1,
                         .own = "<sip:alice@sipmix.alt>;tag=second",
                         .peer = "<sip:dave@sipmix.alt>",
                         .call_id = "other"};
    say(p, 5070,
        "INVITE sip:dave@sipmix.alt SIP/2.0\nVia: SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bKs;rport\n"
        "Contact: <sip:a@127.0.0.1:5070>\nTo: %s\nFrom: %s\nCall-ID: %s\nCSeq: 1 INVITE\n" SDP_TYPE
        "\n" PHONE_SDP,
        d->peer, d->own, d->call_id);
    expect_sent(p, "SIP/2.0 100 Trying\r\n");
    d->call = expect_order(p, SMX_UA_CALL_START)->id;
    smx_ua_call_answered(p->ua, p->now, d->call);
    expect_sent(p, "SIP/2.0 200 OK\r\n");
    confirm(p, d);
    ask(p, d, "ACK", "", "");
}

static void two_calls_of_the_phone_are_joined_and_it_has_neither(void **state)
{
    struct phone *p = *state;
    char replaces[512];
    struct dialog a, b;

    dial(p, &a);
    dial_second(p, &b);
    snprintf(replaces, sizeof replaces,
             "Refer-To: <sip:dave@sipmix.alt?Replaces=other%%3Bto-tag%%3D%s%%3Bfrom-tag%%3Dsecond>\n",
             strstr(b.peer, ";tag=") + 5);
    ask(p, &a, "REFER", replaces, "");
    expect_sent(p, "SIP/2.0 202 Accepted\r\n");
    expect_notify(p, "SIP/2.0 200 OK\r\n", "terminated;reason=noresource");
    assert_string_equal(sent_header(p, "Call-ID"), a.call_id);
    expect_sent(p, "BYE ");
    assert_string_equal(sent_header(p, "Call-ID"), "other");
    answer(p, 200, NULL, "", "");
    ask(p, &a, "BYE", "", "");
    expect_sent(p, "SIP/2.0 200 OK\r\n");
    expect_no_order(p);
    assert_passes(p, a.call, b.call, 5);
    assert_passes(p, b.call, a.call, 6);
    smx_ua_call_ended(p->ua, p->now, b.call);
    assert_int_equal(expect_order(p, SMX_UA_CALL_END)->id, a.call);
    assert_int_equal(smx_ua_usage(p->ua).calls, 0);
}

static void a_dialog_of_others_or_of_none_is_not_taken_over(void **state)
{
    struct phone *p = *state;
    struct dialog a, b;

    dial(p, &a);
    ask(p, &a, "REFER", "Refer-To: <sip:dave@sipmix.alt?Replaces=none%3Bto-tag%3Dx%3Bfrom-tag%3Dy>\n", "");
    expect_sent(p, "SIP/2.0 603 Decline\r\n");
    ask(p, &a, "REFER", "Refer-To: <sip:dave@sipmix.alt?Replaces=beabe5a8b8aacc91>\n", "");
    expect_sent(p, "SIP/2.0 400 Bad Request\r\n");
    dial_second(p, &b);
    ask(p, &a, "REFER", "Refer-To: <sip:dave@sipmix.alt?Replaces=other%3Bto-tag%3Dx%3Bfrom-tag%3Dsecond>\n",
        "");
    expect_sent(p, "SIP/2.0 603 Decline\r\n"); /* a tag is wrong */
    expect_no_order(p);
}

static void only_calls_to_our_addresses_can_be_asked_for(void **state)
{
    static const struct {
        const char *header, *answer;
    } cases[] = {
        {"", "SIP/2.0 400 Bad Request\r\n"},
        {TO("sip:carol@sipmix.alt") TO("sip:dave@sipmix.alt"), "SIP/2.0 400 Bad Request\r\n"},
        {TO("sip:carol@sipmix.alt;method=BYE"), "SIP/2.0 400 Bad Request\r\n"},
        {TO("sip:carol@example.com"), "SIP/2.0 404 Not Found\r\n"},
        {TO("sip:carol@127.0.0.9:5070"), "SIP/2.0 404 Not Found\r\n"},
        {TO("tel:+4930123456"), "SIP/2.0 416 Unsupported URI Scheme\r\n"},
        {TO("http://example.com/"), "SIP/2.0 416 Unsupported URI Scheme\r\n"},
        {TO("sip:112@sipmix.alt"), "SIP/2.0 403 Forbidden\r\n"},
        {TO("sip:carol@sipmix.alt") "Privacy: magic;critical\n", "SIP/2.0 500 Server Internal Error\r\n"},
    };
    struct phone *p = *state;
    struct dialog d;

    dial(p, &d);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ask(p, &d, "REFER", cases[i].header, "");
        expect_sent(p, cases[i].answer);
        expect_no_order(p);
    }
    ask(p, &d, "REFER",
        "Refer-To: sip:carol@sipmix.alt\nRefer-Sub: false\nRequire: norefersub\nPrivacy: id\n", "");
    expect_sent(p, "SIP/2.0 202 Accepted\r\n");
    assert_string_equal(sent_header(p, "Refer-Sub"), "false");
    expect_quiet(p); /* no NOTIFY */
    assert_true(expect_order(p, SMX_UA_CALL_START)->unnamed);
}

static void a_call_that_is_not_answered_is_not_handed_on(void **state)
{
    struct phone *p = *state;
    struct dialog d;

    dial_with(p, &d, SDP_TYPE, PHONE_SDP);
    smx_ua_call_ringing(p->ua, p->now, d.call);
    expect_sent(p, "SIP/2.0 180 Ringing\r\n");
    confirm(p, &d);
    ask(p, &d, "REFER", TO("sip:carol@sipmix.alt"), "");
    expect_sent(p, "SIP/2.0 603 Decline\r\n");
    expect_no_order(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PHONE_TEST(a_call_is_handed_on_and_goes_through_us_without_the_phone),
        PHONE_TEST(a_call_that_can_not_be_handed_on_is_the_phones_again),
        PHONE_TEST(what_a_far_side_wants_while_nobody_hears_it_is_told_then),
        PHONE_TEST(who_hangs_up_meanwhile_ends_the_other_call_too),
        PHONE_TEST(a_phone_that_does_not_hang_up_is_hung_up_on),
        PHONE_TEST(a_call_that_nobody_answers_is_not_handed_on),
        PHONE_TEST(two_calls_of_the_phone_are_joined_and_it_has_neither),
        PHONE_TEST(a_dialog_of_others_or_of_none_is_not_taken_over),
        PHONE_TEST(only_calls_to_our_addresses_can_be_asked_for),
        PHONE_TEST(a_call_that_is_not_answered_is_not_handed_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
