/* tests/unit/client/sip/test_session.c - offers and answers inside a dialog: hold both ways, glare, refusals.
 */
#include "tests/unit/client/sip/dialog.h"

static void far_does(struct phone *p, const struct dialog *d, enum smx_direction direction)
{
    smx_ua_call_direction(p->ua, p->now, d->call, direction);
}

static void the_far_side_s_hold_becomes_a_re_invite(void **state)
{
    struct phone *p = *state;
    struct dialog d;

    pick_up(p, &d);
    far_does(p, &d, SMX_SENDONLY);
    expect_sent(p, "INVITE sip:phone@127.0.0.1:5070 SIP/2.0\r\n");
    assert_string_equal(sent_header(p, "CSeq"), "2 INVITE");
    assert_non_null(strstr(p->text, "a=sendonly\r\n"));
    assert_non_null(strstr(p->text, " 2 IN IP4 ")); /* the session's version */
    answer(p, 200, NULL, PHONE_CONTACT SDP_TYPE, SESSION("22044", "a=recvonly\n"));
    expect_sent(p, "ACK ");
    expect_no_order(p); /* the phone had no choice: that is no hold of its own */
    pass(p, SMX_SECOND(10));
    far_does(p, &d, SMX_SENDRECV);
    expect_sent(p, "INVITE ");
    assert_non_null(strstr(p->text, "a=sendrecv\r\n"));
    answer(p, 200, NULL, PHONE_CONTACT SDP_TYPE, SESSION("22044", ""));
    expect_sent(p, "ACK ");
    expect_no_order(p);
    far_does(p, &d, SMX_SENDRECV); /* nothing new */
    pass(p, SMX_SECOND(5));
    expect_quiet(p);
}

static void a_phone_that_is_held_has_not_gone(void **state)
{
    struct phone *p = *state;
    struct dialog d;

    pick_up(p, &d);
    far_does(p, &d, SMX_INACTIVE);
    expect_sent(p, "INVITE ");
    answer(p, 200, NULL, PHONE_CONTACT SDP_TYPE, SESSION("22044", "a=inactive\n"));
    pass_quietly(p, SMX_SECOND(300));
    expect_no_order(p);
}

static void both_may_hold_and_only_one_come_back(void **state)
{
    struct phone *p = *state;
    struct dialog d;

    dial(p, &d);
    far_does(p, &d, SMX_SENDONLY);
    expect_sent(p, "INVITE ");
    answer(p, 200, NULL, PHONE_CONTACT SDP_TYPE, SESSION("21072", "a=recvonly\n"));
    expect_sent(p, "ACK ");
    ask(p, &d, "INVITE", PHONE_CONTACT SDP_TYPE, SESSION("21072", "a=sendonly\n"));
    expect_sent(p, "SIP/2.0 200 OK\r\n");
    assert_non_null(strstr(p->text, "a=inactive\r\n")); /* both send at most, nobody listens */
    ask(p, &d, "ACK", "", "");
    assert_int_equal(expect_order(p, SMX_UA_CALL_DIRECTION)->code, SMX_SENDONLY);
    pass(p, SMX_SECOND(1));
    far_does(p, &d, SMX_SENDRECV);
    expect_sent(p, "INVITE ");
    assert_non_null(strstr(p->text, "a=sendrecv\r\n"));
    answer(p, 200, NULL, PHONE_CONTACT SDP_TYPE, SESSION("21072", "a=sendonly\n"));
    expect_sent(p, "ACK ");
    expect_no_order(p); /* it still holds, as is known */
    ask(p, &d, "INVITE", PHONE_CONTACT SDP_TYPE, SESSION("21072", ""));
    expect_sent(p, "SIP/2.0 200 OK\r\n");
    assert_non_null(strstr(p->text, "a=sendrecv\r\n"));
    assert_int_equal(expect_order(p, SMX_UA_CALL_DIRECTION)->code, SMX_SENDRECV);
}

static void our_offer_waits_after_glare_as_long_as_its_side_must(void **state)
{
    for (int dialled = 0; dialled < 2; dialled++) {
        struct phone *p;
        struct dialog d;
        smx_time least = dialled ? 0 : SMX_MS(2100), most = dialled ? SMX_SECOND(2) : SMX_SECOND(4), before;

        phone_teardown(state);
        phone_setup(state);
        p = *state;
        (dialled ? dial : pick_up)(p, &d);
        far_does(p, &d, SMX_SENDONLY);
        expect_sent(p, "INVITE ");
        ask(p, &d, "INVITE", PHONE_CONTACT SDP_TYPE, SESSION("22044", "a=sendonly\n"));
        expect_sent(p, "SIP/2.0 491 Request Pending\r\n");
        ask(p, &d, "UPDATE", PHONE_CONTACT SDP_TYPE, SESSION("22044", "a=sendonly\n"));
        expect_sent(p, "SIP/2.0 491 Request Pending\r\n");
        far_does(p, &d, SMX_INACTIVE); /* while one is out, there is no second */
        expect_quiet(p);
        far_does(p, &d, SMX_SENDONLY);
        phone_teardown(state);

        phone_setup(state);
        p = *state;
        (dialled ? dial : pick_up)(p, &d);
        far_does(p, &d, SMX_SENDONLY);
        expect_sent(p, "INVITE ");
        answer(p, 491, NULL, "", "");
        expect_sent(p, "ACK ");
        before = p->now;
        while (!next_sent(p)) {
            assert_true(p->now - before <= most + SMX_MS(20));
            pass(p, SMX_MS(10));
        }
        assert_true(strncmp(p->text, "INVITE ", 7) == 0);
        assert_true(p->now - before >= least);
    }
}

static void our_offer_does_not_wait_for_ever_for_a_phone_that_only_tries(void **state)
{
    struct phone *p = *state;
    struct dialog d;

    pick_up(p, &d);
    pass(p, SMX_SECOND(1));
    far_does(p, &d, SMX_SENDONLY);
    expect_sent(p, "INVITE ");
    answer(p, 100, NULL, "", "");
    pass_quietly(p, SMX_SECOND(31));
    expect_no_order(p);
    pass(p, SMX_SECOND(2));
    expect_sent(p, "BYE ");
    answer(p, 200, NULL, "", "");
    assert_int_equal(expect_order(p, SMX_UA_CALL_END)->id, d.call);
    pass(p, SMX_SECOND(40));
    assert_int_equal(smx_ua_usage(p->ua).calls, 0);
    assert_int_equal(smx_ua_usage(p->ua).transactions, 0);
}

static void an_update_is_answered_here(void **state)
{
    struct phone *p = *state;
    struct dialog d;

    dial(p, &d);
    ask(p, &d, "UPDATE", "Contact: <sip:new@127.0.0.1:5071>\n", "");
    expect_sent(p, "SIP/2.0 200 OK\r\n");
    assert_string_equal(sent_header(p, "Content-Length"), "0");
    expect_no_order(p);
    ask(p, &d, "UPDATE", SDP_TYPE, SESSION("21072", "a=inactive\n"));
    expect_sent(p, "SIP/2.0 200 OK\r\n");
    assert_non_null(strstr(p->text, "a=inactive\r\n"));
    assert_int_equal(expect_order(p, SMX_UA_CALL_DIRECTION)->code, SMX_INACTIVE);
    ask(p, &d, "UPDATE", SDP_TYPE, SESSION("21072", "a=inactive\n"));
    expect_sent(p, "SIP/2.0 200 OK\r\n");
    assert_non_null(strstr(p->text, " 2 IN IP4 ")); /* the same session keeps its version */
    expect_no_order(p);
    ask(p, &d, "UPDATE", SDP_TYPE, "v=0\nm=audio 9 RTP/AVP 18\n");
    expect_sent(p, "SIP/2.0 488 ");
    d.cseq -= 3;
    ask(p, &d, "UPDATE", "", "");
    expect_sent(p, "SIP/2.0 200 OK\r\n"); /* a repetition of the second */
    d.cseq -= 2;
    ask(p, &d, "UPDATE", "X: 1\n", "");
    expect_sent(p, "SIP/2.0 200 OK\r\n"); /* of the first */
    smx_ua_call_ended(p->ua, p->now, d.call);
    expect_sent(p, "BYE sip:new@127.0.0.1:5071 SIP/2.0\r\n");
}

static void an_update_before_the_answer_waits_for_it(void **state)
{
    struct phone *p = *state;
    struct dialog d;

    dial_with(p, &d, SDP_TYPE, PHONE_SDP);
    smx_ua_call_ringing(p->ua, p->now, d.call);
    expect_sent(p, "SIP/2.0 180 ");
    confirm(p, &d);
    ask(p, &d, "UPDATE", SDP_TYPE, SESSION("21072", ""));
    expect_sent(p, "SIP/2.0 500 ");
    assert_non_null(sent_header(p, "Retry-After"));
}

static void a_refused_re_invite_leaves_the_call_as_it_was(void **state)
{
    struct phone *p = *state;
    struct dialog d;

    pick_up(p, &d);
    far_does(p, &d, SMX_SENDONLY);
    expect_sent(p, "INVITE ");
    answer(p, 488, NULL, "", "");
    expect_sent(p, "ACK ");
    pass(p, SMX_SECOND(30));
    expect_quiet(p);
    expect_no_order(p);
    assert_int_equal(smx_ua_usage(p->ua).calls, 1);
}

static void a_re_invite_that_finds_no_dialog_or_no_answer_ends_the_call(void **state)
{
    for (int answered = 0; answered < 2; answered++) {
        struct phone *p;
        struct dialog d;

        phone_teardown(state);
        phone_setup(state);
        p = *state;
        pick_up(p, &d);
        far_does(p, &d, SMX_SENDONLY);
        expect_sent(p, "INVITE ");
        if (answered)
            answer(p, 481, NULL, "", "");
        else
            pass_quietly(p, SMX_SECOND(34));
        assert_int_equal(expect_order(p, SMX_UA_CALL_END)->id, d.call);
        pass_quietly(p, SMX_SECOND(80));
        assert_int_equal(smx_ua_usage(p->ua).calls, 0);
        assert_int_equal(smx_ua_usage(p->ua).transactions, 0);
    }
}

static void a_call_that_ends_under_a_re_invite_acknowledges_its_end(void **state)
{
    struct phone *p = *state;
    struct dialog d;
    char invite[4096];

    pick_up(p, &d);
    far_does(p, &d, SMX_SENDONLY);
    expect_sent(p, "INVITE ");
    snprintf(invite, sizeof invite, "%.4000s", p->text);
    smx_ua_call_ended(p->ua, p->now, d.call);
    expect_sent(p, "BYE ");
    snprintf(p->text, sizeof p->text, "%s", invite);
    answer(p, 487, NULL, "", "");
    expect_sent(p, "ACK ");
    expect_no_order(p);
    assert_int_equal(smx_ua_usage(p->ua).calls, 0);
}

static void a_phone_that_begins_on_hold_says_so_once_it_is_answered(void **state)
{
    struct phone *p = *state;
    struct dialog d;

    dial_with(p, &d, SDP_TYPE, SESSION("21072", "a=sendonly\n"));
    expect_no_order(p);
    smx_ua_call_answered(p->ua, p->now, d.call);
    expect_sent(p, "SIP/2.0 200 OK\r\n");
    assert_non_null(strstr(p->text, "a=recvonly\r\n"));
    assert_int_equal(expect_order(p, SMX_UA_CALL_DIRECTION)->code, SMX_SENDONLY);
}

static void a_far_side_that_toggles_makes_few_re_invites(void **state)
{
    struct phone *p = *state;
    struct dialog d;
    unsigned invites = 0;

    pick_up(p, &d);
    for (unsigned i = 0; i < 100; i++) {
        far_does(p, &d, i % 2 ? SMX_SENDRECV : SMX_SENDONLY);
        while (next_sent(p))
            if (strncmp(p->text, "INVITE ", 7) == 0) {
                invites++;
                answer(p, 200, NULL, PHONE_CONTACT SDP_TYPE, SESSION("22044", "a=recvonly\n"));
            }
        pass(p, SMX_MS(10));
    }
    assert_in_range(invites, 1, 4); /* in a second */
}

/* Where the next packet to the phone goes, and whether one from this port is taken. */
static void expect_port(struct phone *p, const struct dialog *d, uint16_t to, uint16_t from)
{
    static const uint8_t silence[SMX_FRAME_PAYLOAD];
    uint8_t wire[SMX_RTP_HEADER + SMX_FRAME_PAYLOAD];
    struct smx_rtp rtp = {.seq = from, .payload = silence, .payload_len = sizeof silence};
    struct smx_frame frame = {.codec = SMX_FRAME_PCMU};
    struct smx_addr phone = phone_addr("127.0.0.1:1");
    uint64_t refused = smx_ua_stats(p->ua).rtp_refused;
    const struct smx_ua_send *sent;

    smx_ua_media_put(p->ua, d->call, p->now, &frame);
    sent = smx_ua_next_send(p->ua);
    assert_non_null(sent);
    assert_int_equal(sent->to.port, to);
    phone.port = from;
    smx_ua_rtp(p->ua, p->now, 0, false, &phone, wire, smx_rtp_encode(wire, &rtp));
    assert_int_equal(smx_ua_stats(p->ua).rtp_refused, refused);
}

static void a_re_invite_that_names_another_port_moves_the_audio(void **state)
{
    struct phone *p = *state;
    struct dialog d;

    pick_up(p, &d);
    expect_port(p, &d, 22044, 40000); /* as it named it, before it is heard */
    expect_port(p, &d, 40000, 40000); /* then where it sends from */
    ask(p, &d, "INVITE", PHONE_CONTACT SDP_TYPE, SESSION("22044", ""));
    expect_sent(p, "SIP/2.0 200 OK\r\n");
    ask(p, &d, "ACK", "", "");
    expect_port(p, &d, 40000, 40000); /* the same port is nothing new */
    ask(p, &d, "INVITE", PHONE_CONTACT SDP_TYPE, SESSION("22050", ""));
    expect_sent(p, "SIP/2.0 200 OK\r\n");
    ask(p, &d, "ACK", "", "");
    expect_port(p, &d, 22050, 40002);
    expect_port(p, &d, 40002, 40002);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PHONE_TEST(a_re_invite_that_names_another_port_moves_the_audio),
        PHONE_TEST(the_far_side_s_hold_becomes_a_re_invite),
        PHONE_TEST(a_phone_that_is_held_has_not_gone),
        PHONE_TEST(both_may_hold_and_only_one_come_back),
        PHONE_TEST(our_offer_waits_after_glare_as_long_as_its_side_must),
        PHONE_TEST(our_offer_does_not_wait_for_ever_for_a_phone_that_only_tries),
        PHONE_TEST(an_update_is_answered_here),
        PHONE_TEST(an_update_before_the_answer_waits_for_it),
        PHONE_TEST(a_refused_re_invite_leaves_the_call_as_it_was),
        PHONE_TEST(a_re_invite_that_finds_no_dialog_or_no_answer_ends_the_call),
        PHONE_TEST(a_call_that_ends_under_a_re_invite_acknowledges_its_end),
        PHONE_TEST(a_phone_that_begins_on_hold_says_so_once_it_is_answered),
        PHONE_TEST(a_far_side_that_toggles_makes_few_re_invites),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
