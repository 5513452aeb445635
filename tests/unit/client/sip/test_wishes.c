/* What a phone wants done with its request: not too far, not in circles, without its name. */
#include "tests/unit/client/sip/dialog.h"

/* A request outside any dialog; the headers come first. */
static void request(struct phone *p, const char *method, const char *to, const char *headers)
{
    static unsigned n;
    bool text = strcmp(method, "MESSAGE") == 0;

    n++;
    say(p, 5070,
        "%s %s SIP/2.0\n%sVia: SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bKw%u;rport\nContact: "
        "<sip:a@127.0.0.1:5070>\n"
        "To: <sip:bob@sipmix.alt>\nFrom: <sip:alice@sipmix.alt>;tag=t%u\nCall-ID: c%u\nCSeq: 1 %s\n"
        "Content-Type: %s\n\n%s",
        method, to, headers, n, n, n, method, text ? "text/plain" : "application/sdp",
        text ? "hello" : PHONE_SDP);
}

#define BOB "sip:bob@sipmix.alt"

static void what_has_come_too_far_goes_no_further(void **state)
{
    struct phone *p = *state;
    struct dialog d;

    request(p, "INVITE", BOB, "Max-Forwards: 0\n");
    expect_sent(p, "SIP/2.0 483 Too Many Hops\r\n");
    request(p, "MESSAGE", BOB, "Max-Forwards: 0\n");
    expect_sent(p, "SIP/2.0 483 Too Many Hops\r\n");
    request(p, "OPTIONS", BOB, "Max-Forwards: 0\n"); /* this is as far as it goes anyway */
    expect_sent(p, "SIP/2.0 200 OK\r\n");
    expect_no_order(p);
    request(p, "INVITE", BOB, "Max-Forwards: 1\n");
    expect_sent(p, "SIP/2.0 100 Trying\r\n");
    d.call = expect_order(p, SMX_UA_CALL_START)->id;
    smx_ua_call_failed(p->ua, p->now, d.call, 480);
    expect_sent(p, "SIP/2.0 480 ");
}

static void what_comes_back_is_not_sent_round_again(void **state)
{
    struct phone *p = *state;
    char via[320], ours[256], contact[256], uri[256];
    struct dialog d;

    ring(p, &d);
    copy_header(p, "Via", ours, sizeof ours);
    copy_header(p, "Contact", contact, sizeof contact);
    snprintf(via, sizeof via, "Via: SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bKx, %s\n", ours);
    request(p, "INVITE", BOB, via);
    expect_sent(p, "SIP/2.0 482 Loop Detected\r\n");
    request(p, "MESSAGE", BOB, via);
    expect_sent(p, "SIP/2.0 482 Loop Detected\r\n");
    snprintf(uri, sizeof uri, "%.*s", (int)strcspn(contact + 1, ">"), contact + 1);
    request(p, "INVITE", uri, ""); /* our own Contact is nobody to call */
    expect_sent(p, "SIP/2.0 482 Loop Detected\r\n");
    request(p, "INVITE", BOB, "Via: SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bKnotours\n");
    expect_sent(p, "SIP/2.0 100 Trying\r\n"); /* a phone that had our port before */
}

static void a_phone_that_wants_privacy_is_not_named(void **state)
{
    static const struct {
        const char *headers;
        int unnamed; /* -1: refused */
    } cases[] = {
        {"", 0},
        {"Privacy: none\n", 0},
        {"Privacy: header;session;history\n", 0}, /* as for everybody */
        {"Privacy: id\n", 1},
        {"Privacy: user;critical\n", 1},
        {"Privacy: header\nPrivacy: session, ID\n", 1},
        {"Privacy: none;id\n", 1}, /* the stricter */
        {"Privacy: magic\n", 0},
        {"Privacy: magic;critical\n", -1},
    };
    struct phone *p = *state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct smx_ua_order *order;

        request(p, "INVITE", BOB, cases[i].headers);
        if (cases[i].unnamed < 0) {
            expect_sent(p, "SIP/2.0 500 ");
            request(p, "MESSAGE", BOB, cases[i].headers);
            expect_sent(p, "SIP/2.0 500 ");
            expect_no_order(p);
            continue;
        }
        order = expect_order(p, SMX_UA_CALL_START);
        assert_int_equal(order->unnamed, cases[i].unnamed);
        smx_ua_call_failed(p->ua, p->now, order->id, 480);
        request(p, "MESSAGE", BOB, cases[i].headers);
        order = expect_order(p, SMX_UA_MESSAGE_SEND);
        assert_int_equal(order->unnamed, cases[i].unnamed);
        smx_ua_message_done(p->ua, p->now, order->id, 200);
        while (next_sent(p))
            continue;
    }
}

static void a_phone_that_calls_itself_anonymous_is_not_named(void **state)
{
    struct phone *p = *state;

    say(p, 5070,
        "INVITE sip:bob@sipmix.alt SIP/2.0\nVia: SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bKan;rport\n"
        "Contact: <sip:a@127.0.0.1:5070>\nTo: <sip:bob@sipmix.alt>\nCall-ID: anon\nCSeq: 1 INVITE\n"
        "From: \"Anonymous\" <sip:anonymous@anonymous.invalid>;tag=an\n" SDP_TYPE "\n" PHONE_SDP);
    expect_sent(p, "SIP/2.0 100 Trying\r\n");
    assert_true(expect_order(p, SMX_UA_CALL_START)->unnamed);
}

static void nothing_is_subscribed_to_and_no_news_are_wanted(void **state)
{
    struct phone *p = *state;
    struct dialog d;

    request(p, "NOTIFY", BOB, "Event: keep-alive\nSubscription-State: active\n");
    expect_sent(p, "SIP/2.0 489 Bad Event\r\n");
    request(p, "SUBSCRIBE", BOB, "Event: presence\n");
    expect_sent(p, "SIP/2.0 489 Bad Event\r\n");
    dial(p, &d);
    ask(p, &d, "NOTIFY", "Event: refer\nSubscription-State: active\n", "");
    expect_sent(p, "SIP/2.0 489 Bad Event\r\n");
    ask(p, &d, "SUBSCRIBE", "Event: dialog\n", "");
    expect_sent(p, "SIP/2.0 489 Bad Event\r\n");
    expect_no_order(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PHONE_TEST(what_has_come_too_far_goes_no_further),
        PHONE_TEST(what_comes_back_is_not_sent_round_again),
        PHONE_TEST(a_phone_that_wants_privacy_is_not_named),
        PHONE_TEST(a_phone_that_calls_itself_anonymous_is_not_named),
        PHONE_TEST(nothing_is_subscribed_to_and_no_news_are_wanted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
