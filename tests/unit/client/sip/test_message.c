/* tests/unit/client/sip/test_message.c - texts, both ways. */
#include "tests/unit/client/sip/phone.h"

#define MESSAGE                                                                                              \
    "MESSAGE sip:%s SIP/2.0\nVia: SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bK%s;rport\nMax-Forwards: 70\n"     \
    "To: <sip:bob@sipmix.alt>\nFrom: \"Alice\" <sip:alice@sipmix.alt>;tag=1\nCall-ID: m1\nCSeq: 5 MESSAGE\n" \
    "Content-Type: %s\n\n%s"

static void a_text_is_answered_when_its_fate_is_known(void **state)
{
    struct phone *p = *state;
    const struct smx_ua_order *order;
    uint32_t id;

    say(p, 5070, MESSAGE, "Bob@sipmix.alt", "m1", "text/plain", "h\xc3\xa9llo\n\x01 two");
    expect_quiet(p);
    order = expect_order(p, SMX_UA_MESSAGE_SEND);
    id = order->id;
    assert_string_equal(order->target.text, "bob");
    assert_string_equal(order->identity, "alice");
    assert_int_equal(order->text_len, strlen("h\xc3\xa9llo\r\n\n two"));
    assert_memory_equal(order->text, "h\xc3\xa9llo\r\n\n two", order->text_len);
    say(p, 5070, MESSAGE, "Bob@sipmix.alt", "m1", "text/plain", "h\xc3\xa9llo\n\x01 two"); /* impatient */
    expect_quiet(p);
    expect_no_order(p);
    smx_ua_message_done(p->ua, p->now, id, 200);
    expect_sent(p, "SIP/2.0 200 OK\r\n");
    assert_null(sent_header(p, "Contact"));
    smx_ua_message_done(p->ua, p->now, id, 480); /* once is enough */
    expect_quiet(p);
    say(p, 5070, MESSAGE, "Bob@sipmix.alt", "m1", "text/plain", "h\xc3\xa9llo\n\x01 two");
    expect_sent(p, "SIP/2.0 200 OK\r\n");
    expect_no_order(p);
    pass_quietly(p, SMX_SECOND(40));
    assert_int_equal(smx_ua_usage(p->ua).transactions, 0);
}

static void a_text_without_news_times_out_before_the_phone_does(void **state)
{
    struct phone *p = *state;

    say(p, 5070, MESSAGE, "bob@sipmix.alt", "m1", "text/plain", "x");
    expect_order(p, SMX_UA_MESSAGE_SEND);
    pass(p, SMX_SECOND(31));
    expect_sent(p, "SIP/2.0 408 Request Timeout\r\n");
}

static void what_is_no_plain_text_for_one_of_us_is_refused(void **state)
{
    static const struct {
        const char *to, *type, *body, *answer;
    } cases[] = {
        {"bob@sipmix.alt", "text/html", "x", "SIP/2.0 415"},
        {"bob@sipmix.alt", "message/cpim", "x", "SIP/2.0 415"},
        {"bob@sipmix.alt", "application/im-iscomposing+xml", "x", "SIP/2.0 415"},
        {"bob@sipmix.alt", "text/plain;charset=latin1", "x", "SIP/2.0 415"},
        {"bob@sipmix.alt", "text/plain", "\xff", "SIP/2.0 400"},
        {"bob@sipmix.alt", "text/plain", "", "SIP/2.0 400"},
        {"bob@sipmix.alt", "text/plain", "\x1b[2J", "SIP/2.0 400"},
        {"bob@sipmix.alt", "text/plain", "\xc0\x80", "SIP/2.0 400"},
        {"bob@sipmix.alt", "text/plain", "\xed\xa0\x80", "SIP/2.0 400"},
        {"bob@example.com", "text/plain", "x", "SIP/2.0 404"},
        {"911@sipmix.alt", "text/plain", "x", "SIP/2.0 403"},
    };
    struct phone *p = *state;
    char branch[8];

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        snprintf(branch, sizeof branch, "b%zu", i);
        say(p, 5070, MESSAGE, cases[i].to, branch, cases[i].type, cases[i].body);
        expect_sent(p, cases[i].answer);
        expect_no_order(p);
    }
    say(p, 5070, MESSAGE, "bob@sipmix.alt", "ok", "Text/Plain; charset=\"UTF-8\"", "x");
    expect_order(p, SMX_UA_MESSAGE_SEND);
    smx_ua_network(p->ua, false);
    say(p, 5070, MESSAGE, "bob@sipmix.alt", "late", "text/plain", "x");
    expect_sent(p, "SIP/2.0 503");
}

static void eight_kilobytes_pass_and_one_more_does_not(void **state)
{
    static char text[SMX_UA_TEXT_MAX + 2];
    struct phone *p = *state;

    memset(text, 'a', SMX_UA_TEXT_MAX);
    say(p, 5070, MESSAGE, "bob@sipmix.alt", "m1", "text/plain", text);
    assert_int_equal(expect_order(p, SMX_UA_MESSAGE_SEND)->text_len, SMX_UA_TEXT_MAX);
    text[SMX_UA_TEXT_MAX] = 'a';
    say(p, 5070, MESSAGE, "bob@sipmix.alt", "m2", "text/plain", text);
    expect_sent(p, "SIP/2.0 413");
}

static void texts_beyond_the_table_are_turned_away(void **state)
{
    struct phone *p = *state;
    char branch[16];

    for (int i = 0; i < 32; i++) {
        snprintf(branch, sizeof branch, "b%d", i);
        say(p, 5070, MESSAGE, "bob@sipmix.alt", branch, "text/plain", "x");
        expect_order(p, SMX_UA_MESSAGE_SEND);
    }
    say(p, 5070, MESSAGE, "bob@sipmix.alt", "more", "text/plain", "x");
    expect_sent(p, "SIP/2.0 503");
}

static void answer_text(struct phone *p, int status)
{
    char via[256], from[256], to[256], call_id[64];

    copy_header(p, "Via", via, sizeof via);
    copy_header(p, "From", from, sizeof from);
    copy_header(p, "To", to, sizeof to);
    copy_header(p, "Call-ID", call_id, sizeof call_id);
    say(p, 5070, "SIP/2.0 %d x\nVia: %s\nFrom: %s\nTo: %s;tag=t\nCall-ID: %s\nCSeq: 1 MESSAGE\n\n", status,
        via, from, to, call_id);
}

static enum smx_err text_in(struct phone *p, uint32_t id, const char *text)
{
    return smx_ua_message_in(p->ua, p->now, id, "sip:bob@sipmix.alt", "alice", text, strlen(text));
}

static void a_text_reaches_the_phone_as_it_was_written(void **state)
{
    struct phone *p = *state;
    const struct smx_ua_order *order;

    enlist(p);
    assert_int_equal(text_in(p, 77, "gr\xc3\xbc\xc3\x9f dich\nAlert-Info: <http://evil>"), SMX_OK);
    expect_sent(p, "MESSAGE sip:alice-0x56514a5736a0@127.0.0.1:5070 SIP/2.0\r\n");
    assert_string_equal(sent_header(p, "Content-Type"), "text/plain;charset=UTF-8");
    assert_true(strncmp(sent_header(p, "From"), "<sip:bob@sipmix.alt>;tag=", 25) == 0);
    assert_string_equal(strstr(p->text, "\r\n\r\n") + 4,
                        "gr\xc3\xbc\xc3\x9f dich\nAlert-Info: <http://evil>");
    answer_text(p, 202);
    order = expect_order(p, SMX_UA_MESSAGE_RESULT);
    assert_int_equal(order->id, 77);
    assert_int_equal(order->code, 200);
    pass_quietly(p, SMX_SECOND(40));
    assert_int_equal(smx_ua_usage(p->ua).transactions, 0);
}

static void a_phone_that_refuses_or_sleeps_is_told_of(void **state)
{
    struct phone *p = *state;

    enlist(p);
    assert_int_equal(text_in(p, 1, "x"), SMX_OK);
    expect_sent(p, "MESSAGE ");
    answer_text(p, 415);
    assert_int_equal(expect_order(p, SMX_UA_MESSAGE_RESULT)->code, 415);
    assert_int_equal(text_in(p, 2, "x"), SMX_OK);
    expect_sent(p, "MESSAGE ");
    pass_quietly(p, SMX_SECOND(33));
    assert_int_equal(expect_order(p, SMX_UA_MESSAGE_RESULT)->code, 480);
}

static void a_text_for_nobody_or_of_nonsense_is_not_taken(void **state)
{
    struct phone *p = *state;

    assert_int_equal(text_in(p, 1, "x"), SMX_E_ABSENT);
    enlist(p);
    assert_int_equal(text_in(p, 1, "\xff"), SMX_E_MALFORMED);
    assert_int_equal(text_in(p, 1, "x"), SMX_OK);
    assert_int_equal(text_in(p, 1, "x"), SMX_E_FULL); /* that number is under way */
    for (uint32_t i = 2; i < 33; i++)
        assert_int_equal(text_in(p, i, "x"), SMX_OK);
    assert_int_equal(text_in(p, 33, "x"), SMX_E_FULL);
}

static void what_waits_for_the_caller_stays_whole_up_to_half_a_megabyte(void **state)
{
    static char text[SMX_UA_TEXT_MAX + 1];
    struct phone *p = *state;
    size_t sent = 0, bytes = 0;

    for (int i = 0; i < 2; i++)
        say(p, 5070 + i,
            "REGISTER sip:sipmix.alt SIP/2.0\nVia: SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bK%d\n"
            "Contact: <sip:p%d@127.0.0.1:5070>\nMax-Forwards: 70\nTo: <sip:alice@sipmix.alt>\n"
            "From: <sip:alice@sipmix.alt>;tag=%d\nCall-ID: %d\nCSeq: 1 REGISTER\n\n",
            i, i, i, i);
    assert_non_null(next_sent(p));
    assert_non_null(next_sent(p));
    assert_null(next_sent(p));
    for (uint32_t i = 0; i < 32; i++) { /* each goes to both */
        memset(text, 'A' + (int)i, SMX_UA_TEXT_MAX);
        assert_int_equal(text_in(p, i, text), SMX_OK);
    }
    for (; next_sent(p); sent++) {
        memset(text, 'A' + (int)sent / 2, SMX_UA_TEXT_MAX);
        assert_string_equal(strstr(p->text, "\r\n\r\n") + 4, text);
        bytes += p->sent.len;
    }
    assert_int_equal(smx_ua_stats(p->ua).sends_dropped, 64 - sent);
    assert_in_range(bytes, 500 * 1024, 512 * 1024);
    assert_in_range(sent, 56, 63);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PHONE_TEST(a_text_is_answered_when_its_fate_is_known),
        PHONE_TEST(a_text_without_news_times_out_before_the_phone_does),
        PHONE_TEST(what_is_no_plain_text_for_one_of_us_is_refused),
        PHONE_TEST(eight_kilobytes_pass_and_one_more_does_not),
        PHONE_TEST(texts_beyond_the_table_are_turned_away),
        PHONE_TEST(a_text_reaches_the_phone_as_it_was_written),
        PHONE_TEST(a_phone_that_refuses_or_sleeps_is_told_of),
        PHONE_TEST(a_text_for_nobody_or_of_nonsense_is_not_taken),
        PHONE_TEST(what_waits_for_the_caller_stays_whole_up_to_half_a_megabyte),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
