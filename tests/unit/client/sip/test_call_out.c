/* tests/unit/client/sip/test_call_out.c - calls that a phone makes, from its INVITE to the last word. */
#include "client/sip/core.h"
#include "tests/unit/client/sip/phone.h"

#define IN_DIALOG(method, branch, cseq, more)                                                                \
    method " sip:x@127.0.0.1:5060 SIP/2.0\nVia: SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bK" branch ";rport\n" \
           "To: <sip:white.rabbit@sipmix.alt>;tag=%s\n"                                                      \
           "From: \"Alice\" <sip:alice@sipmix.alt>;tag=ee4756530b55aeb4\nCall-ID: beabe5a8b8aacc91\n"        \
           "CSeq: " cseq " " method "\nMax-Forwards: 70\n" more "\n"

static char tag[64]; /* ours, of the call in hand */

static void invite(struct phone *p)
{
    say(p, 5070, PHONE_INVITE "Content-Type: application/sdp\n\n%s", "white.rabbit", "inv1", PHONE_SDP);
}

/* The INVITE is taken; returns the call. */
static uint32_t started(struct phone *p)
{
    invite(p);
    expect_sent(p, "SIP/2.0 100 Trying\r\n");
    return expect_order(p, SMX_UA_CALL_START)->id;
}

/* ... and answered, but not yet acknowledged. */
static uint32_t answered(struct phone *p)
{
    uint32_t call = started(p);

    smx_ua_call_answered(p->ua, p->now, call);
    expect_sent(p, "SIP/2.0 200 OK\r\n");
    snprintf(tag, sizeof tag, "%s", strstr(sent_header(p, "To"), ";tag=") + 5);
    return call;
}

static uint32_t up(struct phone *p)
{
    uint32_t call = answered(p);

    say(p, 5070, IN_DIALOG("ACK", "ack1", "55292", ""), tag);
    return call;
}

static size_t calls(struct phone *p)
{
    return smx_ua_usage(p->ua).calls;
}

/* What the order says of the caller's name, whose From begins like this. */
static const char *name_of(struct phone *p, const char *display, const char *more)
{
    static unsigned serial;
    const struct smx_ua_order *order;

    say(p, 5070,
        "INVITE sip:bob@sipmix.alt SIP/2.0\nVia: SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bKn%u;rport\n"
        "Contact: <sip:alice@127.0.0.1:5070>\nMax-Forwards: 70\nTo: <sip:bob@sipmix.alt>\n"
        "From: %s<sip:alice@sipmix.alt>;tag=t%u\nCall-ID: n%u\nCSeq: 1 INVITE\n%s"
        "Content-Type: application/sdp\n\n%s",
        serial, display, serial, serial, more, PHONE_SDP);
    serial++;
    expect_sent(p, "SIP/2.0 100 Trying\r\n");
    order = expect_order(p, SMX_UA_CALL_START);
    snprintf(tag, sizeof tag, "%s", order->display);
    smx_ua_call_failed(p->ua, p->now, order->id, 480);
    while (next_sent(p))
        ;
    return tag;
}

static void a_name_goes_out_only_if_the_user_has_opted_in_and_calls_as_himself(void **state)
{
    struct phone *p = *state;

    assert_string_equal(name_of(p, "\"Alice\" ", ""), "");
    p->ua->display_name = true;
    assert_string_equal(name_of(p, "\"Alice\" ", ""), "Alice");
    assert_string_equal(name_of(p, "\"Alice\" ", "Privacy: id\n"), "");
    assert_string_equal(name_of(p, "", ""), "");
}

static void of_what_stands_for_a_name_in_a_from_only_a_name_goes_out(void **state)
{
    static const char *const cases[][2] = {
        {"Alice Liddell ", "Alice Liddell"},
        {"\"A \\\"x\\\" \\\\ <b>, c\" ", "A \"x\" \\ <b>, c"},
        {"\"J\xc3\xbcrgen\" ", "J\xc3\xbcrgen"},
        {"\" \" ", ""},
        {"\"\xe2\x80\xaegnp.exe\" ", ""}, /* from right to left */
        {"\"0123456789012345678901234567890123456789012345678901234\" ",
         "012345678901234567890123456789012345678901234567"},
        {"\"01234567890123456789012345678901234567890123456\xc3\xbc\" ",
         "01234567890123456789012345678901234567890123456"},
    };
    struct phone *p = *state;

    p->ua->display_name = true;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_string_equal(name_of(p, cases[i][0], ""), cases[i][1]);
}

static void a_call_goes_the_whole_way(void **state)
{
    struct phone *p = *state;
    const struct smx_ua_order *order;
    uint32_t call;

    invite(p);
    expect_sent(p, "SIP/2.0 100 Trying\r\n");
    order = expect_order(p, SMX_UA_CALL_START);
    call = order->id;
    assert_int_equal(order->target.kind, SMX_UA_NAME);
    assert_string_equal(order->target.text, "white.rabbit");
    assert_string_equal(order->identity, "alice");

    smx_ua_call_ringing(p->ua, p->now, call);
    expect_sent(p, "SIP/2.0 180 Ringing\r\n");
    smx_ua_call_ringing(p->ua, p->now, call);
    expect_quiet(p);

    smx_ua_call_answered(p->ua, p->now, call);
    expect_sent(p, "SIP/2.0 200 OK\r\n");
    assert_non_null(strstr(p->text,
                           "\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 30000 RTP/AVP 0 8 101\r\n"
                           "a=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:101 "
                           "telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\na=sendrecv\r\n"));
    assert_non_null(strstr(p->text, "\r\nContent-Type: application/sdp\r\n"));
    snprintf(tag, sizeof tag, "%s", strstr(sent_header(p, "To"), ";tag=") + 5);
    say(p, 5070, IN_DIALOG("ACK", "ack1", "55292", ""), tag);
    pass(p, SMX_SECOND(20));
    expect_quiet(p); /* no 200 after the ACK */

    say(p, 5070, IN_DIALOG("BYE", "bye1", "55293", ""), tag);
    expect_sent(p, "SIP/2.0 200 OK\r\n");
    assert_int_equal(expect_order(p, SMX_UA_CALL_END)->id, call);
    assert_int_equal(calls(p), 0);
    say(p, 5070, IN_DIALOG("BYE", "bye1", "55293", ""), tag); /* again: the same answer, no more orders */
    expect_sent(p, "SIP/2.0 200 OK\r\n");
    expect_no_order(p);
    pass(p, SMX_SECOND(60));
    assert_int_equal(smx_ua_usage(p->ua).transactions, 0);
}

static void a_repeated_invite_is_no_second_call(void **state)
{
    struct phone *p = *state;

    started(p);
    invite(p);
    expect_sent(p, "SIP/2.0 100 Trying\r\n");
    expect_no_order(p);
    assert_int_equal(calls(p), 1);
    say(p, 5070, PHONE_INVITE "Content-Type: application/sdp\n\n%s", "white.rabbit", "other-branch",
        PHONE_SDP);
    expect_sent(p, "SIP/2.0 482 Loop Detected\r\n");
    assert_int_equal(calls(p), 1);
}

static void the_answer_is_repeated_until_it_is_acknowledged(void **state)
{
    struct phone *p = *state;
    uint32_t call = answered(p);
    unsigned times = 0;

    pass(p, SMX_SECOND(8));
    while (next_sent(p))
        times += strncmp(p->text, "SIP/2.0 200 OK\r\n", 16) == 0;
    assert_int_equal(times, 4); /* after 0.5, 1.5, 3.5 and 7.5 s */
    invite(p);                  /* absorbed (RFC 6026) */
    expect_quiet(p);
    pass_quietly(p, SMX_MS(23700));
    pass(p, SMX_SECOND(1)); /* 64*T1 are over */
    expect_sent(p, "BYE sip:alice-0x56514a5736a0@127.0.0.1:5070 SIP/2.0\r\n");
    assert_int_equal(expect_order(p, SMX_UA_CALL_END)->id, call);
    assert_int_equal(calls(p), 0);
    pass_quietly(p, SMX_SECOND(60));
    assert_int_equal(smx_ua_usage(p->ua).transactions, 0);
}

static void a_failure_is_repeated_until_its_ack(void **state)
{
    struct phone *p = *state;
    uint32_t call = started(p);
    char to[256];

    smx_ua_call_failed(p->ua, p->now, call, 404);
    expect_sent(p, "SIP/2.0 404 Not Found\r\n");
    copy_header(p, "To", to, sizeof to);
    assert_int_equal(calls(p), 0);
    pass(p, SMX_MS(600));
    expect_sent(p, "SIP/2.0 404 Not Found\r\n");
    say(p, 5070,
        "ACK sip:white.rabbit@sipmix.alt SIP/2.0\nVia: SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bKinv1;rport\n"
        "To: %s\nFrom: \"Alice\" <sip:alice@sipmix.alt>;tag=ee4756530b55aeb4\nCall-ID: beabe5a8b8aacc91\n"
        "CSeq: 55292 ACK\n\n",
        to);
    pass(p, SMX_SECOND(40));
    expect_quiet(p);
    expect_no_order(p);
    assert_int_equal(smx_ua_usage(p->ua).transactions, 0);
}

static void each_failure_has_one_status(void **state)
{
    static const struct {
        unsigned code;
        const char *line;
    } cases[] = {{404, "SIP/2.0 404 Not Found\r\n"},
                 {480, "SIP/2.0 480 Temporarily Unavailable\r\n"},
                 {486, "SIP/2.0 486 Busy Here\r\n"},
                 {488, "SIP/2.0 488 Not Acceptable Here\r\n"},
                 {503, "SIP/2.0 503 Service Unavailable\r\n"},
                 {603, "SIP/2.0 603 Decline\r\n"},
                 {302, "SIP/2.0 480 Temporarily Unavailable\r\n"},
                 {0, "SIP/2.0 480 Temporarily Unavailable\r\n"}};

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct phone *p;

        phone_teardown(state);
        phone_setup(state);
        p = *state;
        smx_ua_call_failed(p->ua, p->now, started(p), cases[i].code);
        expect_sent(p, cases[i].line);
        expect_no_order(p);
    }
}

#define CANCEL(branch, sent_by)                                                                              \
    "CANCEL sip:white.rabbit@sipmix.alt SIP/2.0\nVia: SIP/2.0/UDP " sent_by ";branch=z9hG4bK" branch         \
    ";rport\n"                                                                                               \
    "To: <sip:white.rabbit@sipmix.alt>\nFrom: \"Alice\" <sip:alice@sipmix.alt>;tag=ee4756530b55aeb4\n"       \
    "Call-ID: beabe5a8b8aacc91\nCSeq: 55292 CANCEL\n\n"

static void a_cancel_ends_a_ringing_call_whatever_its_via_says(void **state)
{
    struct phone *p = *state;
    uint32_t call = started(p);

    smx_ua_call_ringing(p->ua, p->now, call);
    expect_sent(p, "SIP/2.0 180 Ringing\r\n");
    say(p, 5070, CANCEL("inv1", "192.0.2.7:9999")); /* some learn their address from our 100 */
    expect_sent(p, "SIP/2.0 200 OK\r\n");
    assert_string_equal(sent_header(p, "CSeq"), "55292 CANCEL");
    expect_sent(p, "SIP/2.0 487 Request Terminated\r\n");
    assert_string_equal(sent_header(p, "CSeq"), "55292 INVITE");
    assert_int_equal(expect_order(p, SMX_UA_CALL_END)->id, call);
    assert_int_equal(calls(p), 0);
    smx_ua_call_answered(p->ua, p->now, call); /* crossed: of no effect */
    expect_quiet(p);
    say(p, 5070, CANCEL("inv1", "127.0.0.1:5070"));
    expect_sent(p, "SIP/2.0 200 OK\r\n");
    expect_no_order(p);
}

static void a_cancel_that_comes_too_late_changes_nothing(void **state)
{
    struct phone *p = *state;

    answered(p);
    say(p, 5070, CANCEL("inv1", "127.0.0.1:5070"));
    expect_sent(p, "SIP/2.0 200 OK\r\n");
    assert_string_equal(sent_header(p, "CSeq"), "55292 CANCEL");
    expect_quiet(p);
    expect_no_order(p);
    assert_int_equal(calls(p), 1);
    say(p, 5070, CANCEL("wrong", "127.0.0.1:5070"));
    expect_sent(p, "SIP/2.0 481");
}

static void the_far_side_hangs_up(void **state)
{
    struct phone *p = *state;
    uint32_t call = up(p);

    smx_ua_call_ended(p->ua, p->now, call);
    expect_sent(p, "BYE sip:alice-0x56514a5736a0@127.0.0.1:5070 SIP/2.0\r\n");
    assert_string_equal(sent_header(p, "To"), "<sip:alice@sipmix.alt>;tag=ee4756530b55aeb4");
    assert_non_null(strstr(sent_header(p, "From"), tag));
    expect_no_order(p);
    assert_int_equal(calls(p), 0);
    pass(p, SMX_MS(600)); /* repeated while unanswered */
    expect_sent(p, "BYE ");
    {
        char via[256], from[256];

        copy_header(p, "Via", via, sizeof via);
        copy_header(p, "From", from, sizeof from);
        say(p, 5070,
            "SIP/2.0 200 OK\nVia: %s\nFrom: %s\nTo: <sip:alice@sipmix.alt>;tag=ee4756530b55aeb4\n"
            "Call-ID: beabe5a8b8aacc91\nCSeq: 1 BYE\n\n",
            via, from);
    }
    pass(p, SMX_SECOND(40));
    expect_quiet(p);
    assert_int_equal(smx_ua_usage(p->ua).transactions, 0);
}

static void the_far_side_hangs_up_before_the_ack(void **state)
{
    struct phone *p = *state;
    uint32_t call = answered(p);

    smx_ua_call_ended(p->ua, p->now, call);
    expect_quiet(p); /* a BYE now might overtake the 200 */
    say(p, 5070, IN_DIALOG("ACK", "ack1", "55292", ""), tag);
    expect_sent(p, "BYE ");
    expect_no_order(p);
    assert_int_equal(calls(p), 0);
}

static void a_stranger_who_knows_the_dialog_cannot_end_it(void **state)
{
    struct phone *p = *state;
    struct smx_addr other = phone_addr("192.0.2.66:5070");
    static char wire[PHONE_MESSAGE], text[PHONE_MESSAGE];
    size_t len;

    up(p);
    say(p, 5071, IN_DIALOG("BYE", "bye1", "99999", ""), tag); /* another port */
    expect_sent(p, "SIP/2.0 481");
    snprintf(text, sizeof text, IN_DIALOG("BYE", "bye2", "99999", ""), tag);
    len = phone_wire(wire, sizeof wire, text);
    smx_ua_udp(p->ua, p->now, &other, (const uint8_t *)wire, len);
    expect_sent(p, "SIP/2.0 481");
    say(p, 5070, IN_DIALOG("BYE", "bye3", "99999", ""), "0123456789abcdef0123456789abcdef");
    expect_sent(p, "SIP/2.0 481");
    expect_no_order(p);
    assert_int_equal(calls(p), 1);
    assert_int_equal(smx_ua_stats(p->ua).stray, 3);
}

static void calls_that_cannot_be_are_refused_at_once(void **state)
{
    static const struct {
        const char *uri, *more, *answer;
    } cases[] = {
        {"sip:911@sipmix.alt", "", "SIP/2.0 403"},
        {"sip:112@sipmix.alt", "", "SIP/2.0 403"},
        {"tel:+112", "", "SIP/2.0 403"},
        {"urn:service:sos.police", "", "SIP/2.0 403"},
        {"tel:+15551234567", "", "SIP/2.0 416"},
        {"http://example.com/", "", "SIP/2.0 416"},
        {"sip:bob@example.com", "", "SIP/2.0 404"},
        {"sip:b@sipmix.alt", "", "SIP/2.0 404"},
        {"sip:sipmix.alt", "", "SIP/2.0 404"},
        {"sip:bob@sipmix.alt", "c: application/sdp\n\nv=0\nm=audio 9 RTP/AVP 96\n", "SIP/2.0 488"},
        {"sip:bob@sipmix.alt", "c: application/sdp\n\nv=0\nm=audio 9 RTP/SAVP 0\n", "SIP/2.0 488"},
        {"sip:bob@sipmix.alt", "c: application/sdp\n\nnonsense\n", "SIP/2.0 400"},
        {"sip:bob@sipmix.alt", "c: multipart/mixed;boundary=x\n\n--x\n", "SIP/2.0 415"},
        {"sip:bob@sipmix.alt", "c: message/external-body\n\nx\n", "SIP/2.0 415"},
        {"sip:bob@sipmix.alt", "\nbody without a type", "SIP/2.0 415"},
    };
    struct phone *p = *state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        say(p, 5070,
            "INVITE %s SIP/2.0\nv: SIP/2.0/UDP h;branch=z9hG4bK%zu\nt: <sip:bob@sipmix.alt>\n"
            "f: <sip:alice@sipmix.alt>;tag=1\ni: x%zu\nCSeq: 1 INVITE\nm: <sip:a@h>\n%s%s",
            cases[i].uri, i, i, cases[i].more,
            strstr(cases[i].more, "\n\n") || cases[i].more[0] == '\n' ? "" : "\n");
        expect_sent(p, cases[i].answer);
        expect_no_order(p);
    }
    assert_int_equal(calls(p), 0);
    assert_int_equal(smx_ua_usage(p->ua).transactions, 0);
    smx_ua_network(p->ua, false);
    invite(p);
    expect_sent(p, "SIP/2.0 503");
    assert_string_equal(sent_header(p, "Retry-After"), "10");
}

static void names_keys_and_our_own_ip_can_be_dialled(void **state)
{
    static const struct {
        const char *uri, *target;
        enum smx_ua_target_kind kind;
    } cases[] = {
        {"sip:White.Rabbit@SIPMIX.alt;transport=udp", "white.rabbit", SMX_UA_NAME},
        {"sip:%%77hite@127.0.0.1:5060", "white", SMX_UA_NAME},
        {"sips:bob@sipmix.alt", "bob", SMX_UA_NAME},
        {"sip:ABCDEFGHIJKLMNOPQRSTUVWXYZ234567ABCDEFGHIJKLMNOPQRST@sipmix.alt",
         "abcdefghijklmnopqrstuvwxyz234567abcdefghijklmnopqrst", SMX_UA_KEY},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct smx_ua_order *order;
        struct phone *p;
        char text[1024];

        phone_teardown(state);
        phone_setup(state);
        p = *state;
        snprintf(text, sizeof text,
                 "INVITE %s SIP/2.0\nv: SIP/2.0/UDP h;branch=z9hG4bK1\nt: <sip:bob@sipmix.alt>\n"
                 "f: <sip:stranger@elsewhere.example>;tag=1\ni: x\nCSeq: 1 INVITE\nm: <sip:a@h>\n\n",
                 strcmp(cases[i].uri, "sip:%%77hite@127.0.0.1:5060") == 0 ? "sip:%77hite@127.0.0.1:5060"
                                                                          : cases[i].uri);
        say(p, 5070, "%s", text);
        expect_sent(p, "SIP/2.0 100");
        order = expect_order(p, SMX_UA_CALL_START);
        assert_int_equal(order->target.kind, cases[i].kind);
        assert_string_equal(order->target.text, cases[i].target);
        assert_string_equal(order->identity, "anon-2b4c6d8e"); /* nobody's From: our first */
    }
}

static void more_calls_than_ports_are_turned_away(void **state)
{
    struct phone *p = *state;

    for (int i = 0; i < 3; i++)
        say(p, 5070,
            "INVITE sip:bob@sipmix.alt SIP/2.0\nv: SIP/2.0/UDP h;branch=z9hG4bK%d\nt: <sip:bob@sipmix.alt>\n"
            "f: <sip:alice@sipmix.alt>;tag=1\ni: x%d\nCSeq: 1 INVITE\nm: <sip:a@h>\n\n",
            i, i);
    expect_sent(p, "SIP/2.0 100");
    expect_sent(p, "SIP/2.0 100");
    expect_sent(p, "SIP/2.0 503");
    assert_int_equal(calls(p), 2);
}

static void an_invite_without_an_offer_gets_ours_and_brings_its_answer_in_the_ack(void **state)
{
    struct phone *p = *state;
    uint32_t call;

    for (int good = 1; good >= 0; good--) {
        phone_teardown(state);
        phone_setup(state);
        p = *state;
        say(p, 5070, PHONE_INVITE "\n", "white.rabbit", "inv1");
        expect_sent(p, "SIP/2.0 100");
        call = expect_order(p, SMX_UA_CALL_START)->id;
        smx_ua_call_answered(p->ua, p->now, call);
        expect_sent(p, "SIP/2.0 200");
        assert_non_null(strstr(p->text, "m=audio 30000 RTP/AVP 0 8 101\r\n"));
        snprintf(tag, sizeof tag, "%s", strstr(sent_header(p, "To"), ";tag=") + 5);
        say(p, 5070, IN_DIALOG("ACK", "ack1", "55292", "Content-Type: application/sdp\n") "%s", tag,
            good ? "v=0\nc=IN IP4 127.0.0.1\nm=audio 4000 RTP/AVP 8\n" : "v=0\n");
        if (good) {
            expect_quiet(p);
            expect_no_order(p);
        } else {
            expect_sent(p, "BYE ");
            assert_int_equal(expect_order(p, SMX_UA_CALL_END)->id, call);
        }
    }
}

static void hold_and_resume_are_answered_here(void **state)
{
    struct phone *p = *state;
    struct smx_frame frame = {.codec = SMX_FRAME_PCMU};
    const struct smx_ua_send *sent;
    uint32_t call = up(p);
    char first[64];

    assert_null(next_sent(p));
    smx_ua_media_put(p->ua, call, p->now, &frame);
    sent = smx_ua_next_send(p->ua);
    assert_non_null(sent);
    assert_int_equal(sent->kind, SMX_UA_SEND_RTP);
    assert_int_equal(sent->to.port, 21072);

    say(p, 5070,
        IN_DIALOG(
            "INVITE", "re1", "55293",
            "m: <sip:new@127.0.0.1>\nContent-Type: application/sdp\n") "v=0\nc=IN IP4 127.0.0.1\nm=audio "
                                                                       "21072 RTP/AVP 0 8\na=sendonly\n",
        tag);
    expect_sent(p, "SIP/2.0 200 OK\r\n");
    assert_non_null(strstr(p->text, "a=recvonly\r\n"));
    snprintf(first, sizeof first, "%.40s", strstr(p->text, "o=- "));
    assert_non_null(strstr(first, " 2 IN")); /* the version went up */
    say(p, 5070, IN_DIALOG("ACK", "ack2", "55293", ""), tag);
    smx_ua_media_put(p->ua, call, p->now, &frame);
    assert_null(smx_ua_next_send(p->ua)); /* nothing is sent to a phone on hold */

    say(p, 5070,
        IN_DIALOG(
            "INVITE", "re2", "55294",
            "m: <sip:new@127.0.0.1>\nContent-Type: application/sdp\n") "v=0\nc=IN IP4 127.0.0.1\nm=audio "
                                                                       "21072 RTP/AVP 0 8\n",
        tag);
    expect_sent(p, "SIP/2.0 200 OK\r\n");
    assert_non_null(strstr(p->text, "a=sendrecv\r\n"));
    say(p, 5070, IN_DIALOG("INVITE", "re3", "55295", "\n"), tag); /* before the ACK */
    expect_sent(p, "SIP/2.0 491");
    say(p, 5070, IN_DIALOG("ACK", "ack3", "55294", ""), tag);
    say(p, 5070, IN_DIALOG("INVITE", "re4", "55290", "\n"), tag); /* an old number */
    expect_sent(p, "SIP/2.0 500");
    smx_ua_media_put(p->ua, call, p->now, &frame);
    assert_non_null(smx_ua_next_send(p->ua));
    assert_int_equal(expect_order(p, SMX_UA_CALL_DIRECTION)->code, SMX_SENDONLY);
    assert_int_equal(expect_order(p, SMX_UA_CALL_DIRECTION)->code, SMX_SENDRECV);
    expect_no_order(p);
    smx_ua_call_ended(p->ua, p->now, call);
    expect_sent(p, "BYE sip:new@127.0.0.1 SIP/2.0\r\n"); /* the phone moved meanwhile */
}

static void a_call_that_nobody_decides_ends(void **state)
{
    struct phone *p = *state;
    uint32_t call = started(p);

    pass(p, SMX_SECOND(301));
    expect_sent(p, "SIP/2.0 480");
    assert_int_equal(expect_order(p, SMX_UA_CALL_END)->id, call);
    pass_quietly(p, SMX_SECOND(60));
    assert_int_equal(calls(p), 0);
    assert_int_equal(smx_ua_usage(p->ua).transactions, 0);
}

static void a_phone_that_falls_silent_is_given_up(void **state)
{
    struct phone *p = *state;
    uint32_t call = up(p);

    pass_quietly(p, SMX_SECOND(59));
    expect_no_order(p);
    pass(p, SMX_SECOND(2));
    expect_sent(p, "BYE ");
    assert_int_equal(expect_order(p, SMX_UA_CALL_END)->id, call);
}

static void a_thousand_calls_leave_nothing_behind(void **state)
{
    struct phone *p = *state;

    for (int i = 0; i < 1000; i++) {
        uint32_t call;

        say(p, 5070,
            "INVITE sip:bob@sipmix.alt SIP/2.0\nv: SIP/2.0/UDP h;branch=z9hG4bKi%d\nt: <sip:bob@sipmix.alt>\n"
            "f: <sip:alice@sipmix.alt>;tag=1\ni: x%d\nCSeq: 1 INVITE\nm: <sip:a@h>\n\n",
            i, i);
        expect_sent(p, "SIP/2.0 100");
        call = expect_order(p, SMX_UA_CALL_START)->id;
        smx_ua_call_failed(p->ua, p->now, call, 486);
        expect_sent(p, "SIP/2.0 486");
        say(p, 5070,
            "ACK sip:bob@sipmix.alt SIP/2.0\nv: SIP/2.0/UDP h;branch=z9hG4bKi%d\nt: "
            "<sip:bob@sipmix.alt>;tag=2\n"
            "f: <sip:alice@sipmix.alt>;tag=1\ni: x%d\nCSeq: 1 ACK\n\n",
            i, i);
        pass_quietly(p, SMX_SECOND(1));
    }
    pass_quietly(p, SMX_SECOND(40));
    assert_int_equal(calls(p), 0);
    assert_int_equal(smx_ua_usage(p->ua).transactions, 0);
    assert_true(smx_ua_deadline(p->ua) == SMX_NEVER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PHONE_TEST(a_call_goes_the_whole_way),
        PHONE_TEST(a_name_goes_out_only_if_the_user_has_opted_in_and_calls_as_himself),
        PHONE_TEST(of_what_stands_for_a_name_in_a_from_only_a_name_goes_out),
        PHONE_TEST(a_repeated_invite_is_no_second_call),
        PHONE_TEST(the_answer_is_repeated_until_it_is_acknowledged),
        PHONE_TEST(a_failure_is_repeated_until_its_ack),
        PHONE_TEST(each_failure_has_one_status),
        PHONE_TEST(a_cancel_ends_a_ringing_call_whatever_its_via_says),
        PHONE_TEST(a_cancel_that_comes_too_late_changes_nothing),
        PHONE_TEST(the_far_side_hangs_up),
        PHONE_TEST(the_far_side_hangs_up_before_the_ack),
        PHONE_TEST(a_stranger_who_knows_the_dialog_cannot_end_it),
        PHONE_TEST(calls_that_cannot_be_are_refused_at_once),
        PHONE_TEST(names_keys_and_our_own_ip_can_be_dialled),
        PHONE_TEST(more_calls_than_ports_are_turned_away),
        PHONE_TEST(an_invite_without_an_offer_gets_ours_and_brings_its_answer_in_the_ack),
        PHONE_TEST(hold_and_resume_are_answered_here),
        PHONE_TEST(a_call_that_nobody_decides_ends),
        PHONE_TEST(a_phone_that_falls_silent_is_given_up),
        PHONE_TEST(a_thousand_calls_leave_nothing_behind),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
