/* tests/unit/client/sip/test_timer.c - session timers, on each leg by itself. */
#include "tests/unit/client/sip/dialog.h"

static void a_phone_s_session_timer_is_answered_with_its_refresher(void **state)
{
    static const struct {
        const char *asked, *answered;
        bool required;
    } cases[] = {
        {"Supported: timer\nSession-Expires: 600\n", "600;refresher=uac", true},
        {"k: 100rel,timer\nx: 90;refresher=uas\n", "90;refresher=uas", false},
        {"Require: timer\nSession-Expires: 99999999;refresher=uac;x\n", "86400;refresher=uac", true},
        {"Session-Expires: 600\n", NULL, false}, /* a phone without timers can't be refreshed by us alone */
        {"Supported: timer\n", NULL, false},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char headers[256];
        struct phone *p;
        struct dialog d;

        phone_teardown(state);
        phone_setup(state);
        p = *state;
        snprintf(headers, sizeof headers, "%s" SDP_TYPE, cases[i].asked);
        dial_with(p, &d, headers, PHONE_SDP);
        smx_ua_call_answered(p->ua, p->now, d.call);
        expect_sent(p, "SIP/2.0 200 OK\r\n");
        if (cases[i].answered)
            assert_string_equal(sent_header(p, "Session-Expires"), cases[i].answered);
        else
            assert_null(sent_header(p, "Session-Expires"));
        assert_int_equal(sent_header(p, "Require") != NULL, cases[i].required);
    }
}

static void an_interval_below_90_s_is_too_small(void **state)
{
    struct phone *p = *state;

    say(p, 5070, PHONE_INVITE "Supported: timer\nSession-Expires: 89\n" SDP_TYPE "\n%s", "bob", "i",
        PHONE_SDP);
    expect_sent(p, "SIP/2.0 422 Session Interval Too Small\r\n");
    assert_string_equal(sent_header(p, "Min-SE"), "90");
    expect_no_order(p);
    assert_int_equal(smx_ua_usage(p->ua).calls, 0);
    say(p, 5070, PHONE_INVITE "Session-Expires: soon\n" SDP_TYPE "\n%s", "bob", "j", PHONE_SDP);
    expect_sent(p, "SIP/2.0 400 ");
}

/* The phone that is on hold keeps silent, so that only its timer can end the call. */
static void on_hold(struct phone *p, struct dialog *d, const char *expires)
{
    char headers[256];

    snprintf(headers, sizeof headers, "Supported: timer\nSession-Expires: %s\n" SDP_TYPE, expires);
    dial_with(p, d, headers, SESSION("21072", "a=inactive\n"));
    smx_ua_call_answered(p->ua, p->now, d->call);
    expect_sent(p, "SIP/2.0 200 OK\r\n");
    confirm(p, d);
    ask(p, d, "ACK", "", "");
    expect_order(p, SMX_UA_CALL_DIRECTION);
}

static void a_phone_that_does_not_refresh_is_hung_up(void **state)
{
    struct phone *p = *state;
    struct dialog d;

    on_hold(p, &d, "90;refresher=uac");
    pass_quietly(p, SMX_SECOND(50));
    ask(p, &d, "UPDATE", "Supported: timer\nSession-Expires: 90;refresher=uac\n", "");
    expect_sent(p, "SIP/2.0 200 OK\r\n");
    assert_string_equal(sent_header(p, "Session-Expires"), "90;refresher=uac");
    pass_quietly(p, SMX_SECOND(59));
    expect_no_order(p);
    pass(p, SMX_SECOND(2)); /* 60 of 90 s after the last */
    while (next_sent(p) && strncmp(p->text, "BYE ", 4) != 0)
        continue;
    assert_int_equal(strncmp(p->text, "BYE ", 4), 0);
    assert_int_equal(expect_order(p, SMX_UA_CALL_END)->id, d.call);
}

static void we_refresh_at_half_the_time_with_nothing_new(void **state)
{
    struct phone *p = *state;
    struct dialog d;

    on_hold(p, &d, "90;refresher=uas");
    for (int i = 0; i < 3; i++) {
        pass_quietly(p, SMX_MS(44900));
        pass(p, SMX_MS(200));
        while (next_sent(p) && strncmp(p->text, "INVITE ", 7) != 0)
            continue;
        assert_int_equal(strncmp(p->text, "INVITE ", 7), 0);
        assert_string_equal(sent_header(p, "Session-Expires"), "1800;refresher=uac");
        answer(p, 200, NULL, PHONE_CONTACT "Session-Expires: 90;refresher=uac\n" SDP_TYPE,
               SESSION("21072", "a=inactive\n"));
        expect_sent(p, "ACK ");
        expect_no_order(p);
    }
    pass_quietly(p, SMX_MS(44900));
    pass(p, SMX_MS(200));
    while (next_sent(p) && strncmp(p->text, "INVITE ", 7) != 0)
        continue;
    answer(p, 500, NULL, "", ""); /* and again, until the session's time is over */
    pass_quietly(p, SMX_SECOND(20));
    assert_int_equal(expect_order(p, SMX_UA_CALL_END)->id, d.call);
}

static void a_422_is_asked_again_with_the_time_it_wants_and_not_for_ever(void **state)
{
    struct phone *p = *state;
    struct dialog d;

    ring(p, &d);
    assert_string_equal(sent_header(p, "Session-Expires"), "1800");
    assert_null(sent_header(p, "Min-SE"));
    answer(p, 422, "t1", "Min-SE: 3600\n", "");
    expect_sent(p, "ACK ");
    expect_sent(p, "INVITE ");
    assert_string_equal(sent_header(p, "CSeq"), "2 INVITE");
    assert_string_equal(sent_header(p, "Session-Expires"), "3600");
    assert_string_equal(sent_header(p, "Min-SE"), "3600");
    expect_no_order(p);
    answer(p, 422, "t2", "Min-SE: 3600\n", "");
    expect_sent(p, "ACK ");
    expect_quiet(p);
    assert_int_equal(expect_order(p, SMX_UA_CALL_REFUSE)->code, 480);
    assert_int_equal(smx_ua_usage(p->ua).calls, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PHONE_TEST(a_phone_s_session_timer_is_answered_with_its_refresher),
        PHONE_TEST(an_interval_below_90_s_is_too_small),
        PHONE_TEST(a_phone_that_does_not_refresh_is_hung_up),
        PHONE_TEST(we_refresh_at_half_the_time_with_nothing_new),
        PHONE_TEST(a_422_is_asked_again_with_the_time_it_wants_and_not_for_ever),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
