/* tests/unit/client/sip/test_reliable.c - 100rel both ways, delayed offers, early sessions, forks. */
#include "tests/unit/client/sip/dialog.h"

#define RELIABLE "Require: 100rel\nRSeq: %u\n"

static void prack(struct phone *p, struct dialog *d, const char *rseq, const char *cseq, const char *more,
                  const char *body)
{
    char headers[512];

    snprintf(headers, sizeof headers, "RAck: %s %s INVITE\n%s", rseq, cseq, more);
    ask(p, d, "PRACK", headers, body);
}

static void a_180_that_the_phone_requires_to_be_reliable_is_repeated_until_its_prack(void **state)
{
    struct phone *p = *state;
    struct dialog d;
    char rseq[32];
    unsigned times = 0;

    dial_with(p, &d, "Require: 100rel\n" SDP_TYPE, PHONE_SDP);
    smx_ua_call_ringing(p->ua, p->now, d.call);
    expect_sent(p, "SIP/2.0 180 Ringing\r\n");
    assert_string_equal(sent_header(p, "Require"), "100rel");
    assert_string_equal(sent_header(p, "Content-Length"), "0");
    copy_header(p, "RSeq", rseq, sizeof rseq);
    confirm(p, &d);
    pass(p, SMX_SECOND(8));
    while (next_sent(p))
        times += strncmp(p->text, "SIP/2.0 180", 11) == 0;
    assert_int_equal(times, 4); /* after 0.5, 1.5, 3.5 and 7.5 s */
    prack(p, &d, "1", "55292", "", "");
    expect_sent(p, "SIP/2.0 481 ");
    prack(p, &d, rseq, "1", "", "");
    expect_sent(p, "SIP/2.0 481 ");
    prack(p, &d, rseq, "55292", SDP_TYPE, SESSION("21072", "")); /* ours is not answered yet */
    expect_sent(p, "SIP/2.0 488 ");
    prack(p, &d, rseq, "55292", "", "");
    expect_sent(p, "SIP/2.0 200 OK\r\n");
    pass(p, SMX_SECOND(20));
    expect_quiet(p);
    smx_ua_call_answered(p->ua, p->now, d.call);
    expect_sent(p, "SIP/2.0 200 OK\r\n");
    assert_string_equal(sent_header(p, "Content-Type"), "application/sdp");
    expect_no_order(p);
}

static void an_offerless_invite_that_requires_it_has_our_offer_in_the_180_and_answers_in_prack(void **state)
{
    struct phone *p = *state;
    struct dialog d;
    char rseq[32];
    struct smx_frame frame = {.codec = SMX_FRAME_PCMU};
    const struct smx_ua_send *sent;

    dial_with(p, &d, "Require: 100rel\n", "");
    smx_ua_call_ringing(p->ua, p->now, d.call);
    expect_sent(p, "SIP/2.0 180 Ringing\r\n");
    assert_string_equal(sent_header(p, "Content-Type"), "application/sdp"); /* never bodyless (RFC 3262, 5) */
    copy_header(p, "RSeq", rseq, sizeof rseq);
    confirm(p, &d);
    smx_ua_call_answered(p->ua, p->now, d.call);
    expect_quiet(p); /* the phone's answer comes first */
    prack(p, &d, rseq, "55292", "", "");
    expect_sent(p, "SIP/2.0 488 ");
    prack(p, &d, rseq, "55292", SDP_TYPE, SESSION("21072", ""));
    expect_sent(p, "SIP/2.0 200 OK\r\n");
    assert_string_equal(sent_header(p, "CSeq"), "55294 PRACK");
    expect_sent(p, "SIP/2.0 200 OK\r\n");
    assert_string_equal(sent_header(p, "CSeq"), "55292 INVITE");
    assert_string_equal(sent_header(p, "Content-Length"), "0");
    say(p, 5070,
        "ACK sip:x@127.0.0.1:5060 SIP/2.0\nVia: SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bKack;rport\n"
        "From: %s\nTo: %s\nCall-ID: %s\nCSeq: 55292 ACK\n\n",
        d.own, d.peer, d.call_id);
    smx_ua_media_put(p->ua, d.call, p->now, &frame);
    sent = smx_ua_next_send(p->ua);
    assert_non_null(sent);
    assert_int_equal(sent->to.port, 21072);
    pass(p, SMX_SECOND(10));
    assert_null(next_sent(p));
    ask(p, &d, "INVITE", PHONE_CONTACT SDP_TYPE, SESSION("21072", "a=sendonly\n"));
    expect_sent(p, "SIP/2.0 200 OK\r\n");
    assert_non_null(strstr(p->text, "a=recvonly\r\n")); /* a later 200 has its session again */
}

static void a_180_that_is_never_acknowledged_ends_the_call(void **state)
{
    struct phone *p = *state;
    struct dialog d;

    dial_with(p, &d, "Require: 100rel\n" SDP_TYPE, PHONE_SDP);
    smx_ua_call_ringing(p->ua, p->now, d.call);
    pass_quietly(p, SMX_MS(31900));
    expect_no_order(p);
    pass(p, SMX_MS(200));
    expect_sent(p, "SIP/2.0 500 ");
    assert_int_equal(expect_order(p, SMX_UA_CALL_END)->id, d.call);
    pass_quietly(p, SMX_SECOND(60));
    assert_int_equal(smx_ua_usage(p->ua).calls, 0);
    assert_int_equal(smx_ua_usage(p->ua).transactions, 0);
}

/* The phone's reliable 18x to the INVITE kept in invite. */
static void progress(struct phone *p, const char *invite, unsigned status, const char *tag, unsigned rseq,
                     const char *body)
{
    char headers[256];

    snprintf(p->text, sizeof p->text, "%s", invite);
    snprintf(headers, sizeof headers, "Contact: <sip:%s@127.0.0.1:5070>\n" RELIABLE "%s", tag, rseq,
             body[0] ? SDP_TYPE : "");
    answer(p, status, tag, headers, body);
}

static void a_phone_s_reliable_18x_is_acknowledged_in_its_own_early_dialog(void **state)
{
    struct phone *p = *state;
    struct dialog d;
    char invite[4096];

    ring(p, &d);
    assert_non_null(strstr(sent_header(p, "Supported"), "100rel"));
    snprintf(invite, sizeof invite, "%.4000s", p->text);
    progress(p, invite, 183, "ta", 17, SESSION("22044", ""));
    expect_sent(p, "PRACK sip:ta@127.0.0.1:5070 SIP/2.0\r\n");
    assert_string_equal(sent_header(p, "RAck"), "17 1 INVITE");
    assert_string_equal(sent_header(p, "CSeq"), "2 PRACK");
    assert_non_null(strstr(sent_header(p, "To"), ";tag=ta"));
    answer(p, 200, NULL, "", "");
    assert_int_equal(expect_order(p, SMX_UA_CALL_RINGING)->id, d.call);
    progress(p, invite, 183, "ta", 17, SESSION("22044", "")); /* once more */
    expect_quiet(p);
    progress(p, invite, 180, "ta", 19, ""); /* out of order */
    expect_quiet(p);
    progress(p, invite, 180, "ta", 18, "");
    expect_sent(p, "PRACK sip:ta@127.0.0.1:5070 SIP/2.0\r\n");
    assert_string_equal(sent_header(p, "RAck"), "18 1 INVITE");
    progress(p, invite, 180, "tb", 5, ""); /* the phone forks */
    expect_sent(p, "PRACK sip:tb@127.0.0.1:5070 SIP/2.0\r\n");
    assert_string_equal(sent_header(p, "RAck"), "5 1 INVITE");
    expect_no_order(p);

    snprintf(p->text, sizeof p->text, "%s", invite);
    answer(p, 200, "ta", PHONE_CONTACT, ""); /* its session came with the 183 */
    expect_sent(p, "ACK ");
    assert_string_equal(sent_header(p, "CSeq"), "1 ACK");
    assert_int_equal(expect_order(p, SMX_UA_CALL_ANSWER)->id, d.call);
    smx_ua_call_ended(p->ua, p->now, d.call);
    expect_sent(p, "BYE ");
    assert_string_equal(sent_header(p, "CSeq"), "5 BYE");
}

static void the_fork_that_answers_has_no_session_of_another(void **state)
{
    struct phone *p = *state;
    struct dialog d;
    char invite[4096];

    ring(p, &d);
    snprintf(invite, sizeof invite, "%.4000s", p->text);
    progress(p, invite, 183, "ta", 17, SESSION("22044", ""));
    expect_order(p, SMX_UA_CALL_RINGING);
    while (next_sent(p))
        continue;
    snprintf(p->text, sizeof p->text, "%s", invite);
    answer(p, 200, "tb", PHONE_CONTACT, "");
    expect_sent(p, "ACK ");
    expect_sent(p, "BYE ");
    assert_int_equal(expect_order(p, SMX_UA_CALL_REFUSE)->code, 480);
}

static void a_cancel_has_the_invite_s_number_whatever_was_said_meanwhile(void **state)
{
    struct phone *p = *state;
    struct dialog d;
    char invite[4096];

    ring(p, &d);
    snprintf(invite, sizeof invite, "%.4000s", p->text);
    progress(p, invite, 180, "ta", 1, "");
    expect_sent(p, "PRACK ");
    smx_ua_call_ended(p->ua, p->now, d.call);
    expect_sent(p, "CANCEL sip:alice-0x56514a5736a0@127.0.0.1:5070 SIP/2.0\r\n");
    assert_string_equal(sent_header(p, "CSeq"), "1 CANCEL");
    snprintf(p->text, sizeof p->text, "%s", invite);
    answer(p, 487, "ta", "", "");
    expect_sent(p, "ACK ");
    assert_int_equal(smx_ua_usage(p->ua).calls, 0);
}

static void early_media_is_not_heard_before_the_answer(void **state)
{
    struct phone *p = *state;
    struct dialog d;
    uint8_t wire[SMX_RTP_MAX], payload[160] = {1};
    struct smx_rtp rtp = {false, 0, 1, 1, 1, payload, sizeof payload};
    struct smx_addr from = phone_addr("127.0.0.1:22044");
    struct smx_frame frame = {.codec = SMX_FRAME_PCMU};

    ring(p, &d);
    answer(p, 183, "ta", PHONE_CONTACT SDP_TYPE, SESSION("22044", ""));
    expect_order(p, SMX_UA_CALL_RINGING);
    smx_ua_rtp(p->ua, p->now, 0, false, &from, wire, smx_rtp_encode(wire, &rtp));
    assert_int_equal(smx_ua_stats(p->ua).rtp_refused, 1);
    assert_false(smx_ua_media_take(p->ua, d.call, p->now, &frame));
    smx_ua_media_put(p->ua, d.call, p->now, &frame);
    assert_null(smx_ua_next_send(p->ua));
}

static void what_is_required_and_unknown_is_named(void **state)
{
    struct phone *p = *state;

    say(p, 5070, PHONE_INVITE "Require: 100rel, canary, timer\nProxy-Require: other\n\n", "bob", "inv1");
    expect_sent(p, "SIP/2.0 420 Bad Extension\r\n");
    assert_string_equal(sent_header(p, "Unsupported"), "canary, other");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PHONE_TEST(a_180_that_the_phone_requires_to_be_reliable_is_repeated_until_its_prack),
        PHONE_TEST(an_offerless_invite_that_requires_it_has_our_offer_in_the_180_and_answers_in_prack),
        PHONE_TEST(a_180_that_is_never_acknowledged_ends_the_call),
        PHONE_TEST(a_phone_s_reliable_18x_is_acknowledged_in_its_own_early_dialog),
        PHONE_TEST(the_fork_that_answers_has_no_session_of_another),
        PHONE_TEST(a_cancel_has_the_invite_s_number_whatever_was_said_meanwhile),
        PHONE_TEST(early_media_is_not_heard_before_the_answer),
        PHONE_TEST(what_is_required_and_unknown_is_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
