/* tests/unit/client/sip/test_kept.c - the end of a run: in order, and by surprise with another run after it.
 */
#include "tests/unit/client/sip/phone.h"

#define ANSWER_SDP "v=0\no=- 1 1 IN IP4 127.0.0.1\ns=-\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 22044 RTP/AVP 0\n"
#define IN_CALL                                                                                              \
    "To: <sip:white.rabbit@sipmix.alt>;tag=%s\nFrom: \"Alice\" "                                             \
    "<sip:alice@sipmix.alt>;tag=ee4756530b55aeb4\n"                                                          \
    "Call-ID: beabe5a8b8aacc91\n"

static uint8_t kept[SMX_UA_KEPT_MAX];
static size_t kept_len;

static bool kept_holds(const char *text)
{
    return memmem(kept, kept_len, text, strlen(text)) != NULL;
}

/* Killed in the middle of whatever it does, and started again. */
static void die_and_rise(struct phone *p)
{
    void *other = NULL;

    kept_len = smx_ua_keep(p->ua, kept);
    smx_ua_free(p->ua);
    assert_int_equal(phone_setup(&other), 0);
    p->ua = ((struct phone *)other)->ua;
    free(other);
    p->now += SMX_SECOND(3);
}

static void resume(struct phone *p)
{
    assert_true(kept_len > 0);
    assert_int_equal(smx_ua_resume(p->ua, p->now, kept, kept_len), SMX_OK);
}

static void expect_nothing_left(struct phone *p)
{
    pass_quietly(p, SMX_SECOND(60));
    assert_int_equal(smx_ua_usage(p->ua).calls, 0);
    assert_int_equal(smx_ua_usage(p->ua).transactions, 0);
    assert_int_equal(smx_ua_keep(p->ua, kept), 0);
    expect_no_order(p);
}

static uint32_t started(struct phone *p)
{
    say(p, 5070, PHONE_INVITE "Content-Type: application/sdp\n\n%s", "white.rabbit", "inv1", PHONE_SDP);
    expect_sent(p, "SIP/2.0 100 Trying\r\n");
    return expect_order(p, SMX_UA_CALL_START)->id;
}

/* A call of the phone, up; tag becomes ours. */
static uint32_t up(struct phone *p, char tag[64])
{
    uint32_t call = started(p);

    smx_ua_call_answered(p->ua, p->now, call);
    expect_sent(p, "SIP/2.0 200 OK\r\n");
    snprintf(tag, 64, "%s", strstr(sent_header(p, "To"), ";tag=") + 5);
    say(p, 5070,
        "ACK sip:x@127.0.0.1:5060 SIP/2.0\nVia: SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bKack;rport\n" IN_CALL
        "CSeq: 55292 ACK\n\n",
        tag);
    return call;
}

/* A call to the phone, ringing there; via, from and the rest are those of our INVITE. */
static uint32_t ring(struct phone *p, char lines[1024])
{
    uint32_t call;
    char via[256], from[256], call_id[64];

    enlist(p);
    assert_int_equal(smx_ua_call_incoming(p->ua, p->now, "sip:white.rabbit@sipmix.alt", "alice", &call),
                     SMX_OK);
    expect_sent(p, "INVITE ");
    copy_header(p, "Via", via, sizeof via);
    copy_header(p, "From", from, sizeof from);
    copy_header(p, "Call-ID", call_id, sizeof call_id);
    snprintf(lines, 1024,
             "Via: %s;received=127.0.0.1\nFrom: %s\nTo: <sip:alice@sipmix.alt>;tag=mine\nCall-ID: %s\n", via,
             from, call_id);
    say(p, 5070, "SIP/2.0 180 Ringing\n%sCSeq: 1 INVITE\n\n", lines);
    expect_order(p, SMX_UA_CALL_RINGING);
    return call;
}

static void nothing_is_kept_while_no_phone_has_a_call(void **state)
{
    struct phone *p = *state;
    char tag[64];

    enlist(p);
    assert_int_equal(smx_ua_keep(p->ua, kept), 0);
    smx_ua_call_ended(p->ua, p->now, up(p, tag));
    assert_int_equal(smx_ua_keep(p->ua, kept), 0);
}

static void a_call_that_was_up_is_hung_up_by_the_next_run(void **state)
{
    struct phone *p = *state;
    char tag[64], want[128];
    unsigned times = 0;

    up(p, tag);
    die_and_rise(p);
    assert_false(kept_holds("white.rabbit") || kept_holds("sipmix.alt") || kept_holds("Alice"));
    resume(p);
    expect_sent(p, "BYE sip:alice-0x56514a5736a0@127.0.0.1:5070 SIP/2.0\r\n");
    assert_int_equal(p->sent.kind, SMX_UA_SEND_UDP);
    assert_int_equal(p->sent.to.port, 5070);
    assert_string_equal(sent_header(p, "Call-ID"), "beabe5a8b8aacc91");
    snprintf(want, sizeof want, "<sip:anonymous@anonymous.invalid>;tag=%s", tag);
    assert_string_equal(sent_header(p, "From"), want);
    assert_non_null(strstr(sent_header(p, "To"), ">;tag=ee4756530b55aeb4"));
    pass(p, SMX_SECOND(4));
    while (next_sent(p))
        times += strncmp(p->text, "BYE ", 4) == 0;
    assert_int_equal(times, 3); /* repeated, as it is not answered */
    expect_nothing_left(p);
}

static void a_phone_that_rang_is_cancelled_by_the_next_run(void **state)
{
    struct phone *p = *state;
    char lines[1024], branch[256];

    ring(p, lines);
    copy_header(p, "Via", branch, sizeof branch);
    die_and_rise(p);
    assert_false(kept_holds("white.rabbit"));
    resume(p);
    expect_sent(p, "CANCEL sip:alice-0x56514a5736a0@127.0.0.1:5070 SIP/2.0\r\n");
    assert_string_equal(sent_header(p, "Via"), branch);
    assert_string_equal(sent_header(p, "CSeq"), "1 CANCEL");
    say(p, 5070, "SIP/2.0 200 OK\n%sCSeq: 1 CANCEL\n\n", lines);
    say(p, 5070, "SIP/2.0 487 Request Terminated\n%sCSeq: 1 INVITE\n\n", lines);
    expect_sent(p, "ACK ");
    assert_string_equal(sent_header(p, "Via"), branch);
    expect_nothing_left(p);
}

static void a_phone_that_was_taken_up_meanwhile_is_hung_up(void **state)
{
    struct phone *p = *state;
    char lines[1024];

    ring(p, lines);
    die_and_rise(p);
    resume(p);
    expect_sent(p, "CANCEL ");
    say(p, 5070,
        "SIP/2.0 200 OK\n%sCSeq: 1 INVITE\nContact: <sip:phone@127.0.0.1:5070>\nContent-Type: "
        "application/sdp\n\n%s",
        lines, ANSWER_SDP);
    expect_sent(p, "ACK sip:phone@127.0.0.1:5070 ");
    expect_sent(p, "BYE sip:phone@127.0.0.1:5070 ");
    expect_nothing_left(p);
}

static void a_phone_that_waited_for_an_answer_has_one_from_the_next_run(void **state)
{
    struct phone *p = *state;

    smx_ua_call_ringing(p->ua, p->now, started(p));
    expect_sent(p, "SIP/2.0 180 Ringing\r\n");
    die_and_rise(p);
    assert_false(kept_holds("white.rabbit") || kept_holds("sipmix.alt") || kept_holds("Alice"));
    resume(p);
    expect_sent(p, "SIP/2.0 480 Temporarily Unavailable\r\n");
    assert_int_equal(p->sent.to.port, 5070);
    assert_non_null(strstr(sent_header(p, "Via"), "127.0.0.1:5070;branch=z9hG4bKinv1;rport=5070"));
    assert_string_equal(sent_header(p, "CSeq"), "55292 INVITE");
    assert_non_null(strstr(sent_header(p, "From"), ";tag=ee4756530b55aeb4"));
    expect_nothing_left(p);
}

static void a_phone_on_tcp_hears_it_by_udp_and_when_it_connects(void **state)
{
    struct phone *p = *state;
    struct smx_addr from = phone_addr("127.0.0.1:50001");
    static char wire[4096];
    size_t len;

    smx_ua_tcp_open(p->ua, p->now, 1, &from);
    len = phone_wire(
        wire, sizeof wire,
        "INVITE sip:bob@sipmix.alt SIP/2.0\nVia: SIP/2.0/TCP 127.0.0.1:50001;branch=z9hG4bKi\n"
        "To: <sip:bob@sipmix.alt>\nFrom: <sip:alice@sipmix.alt>;tag=1\nCall-ID: i1\nCSeq: 1 INVITE\n"
        "Contact: <sip:alice@127.0.0.1:5072;transport=tcp>\nContent-Length: 0\n\n");
    assert_int_equal(smx_ua_tcp_data(p->ua, p->now, 1, (const uint8_t *)wire, len), len);
    expect_sent(p, "SIP/2.0 100 ");
    smx_ua_call_answered(p->ua, p->now, expect_order(p, SMX_UA_CALL_START)->id);
    expect_sent(p, "SIP/2.0 200 ");
    die_and_rise(p);
    resume(p);
    expect_sent(p, "BYE sip:alice@127.0.0.1:5072;transport=tcp SIP/2.0\r\n");
    assert_int_equal(p->sent.kind, SMX_UA_SEND_UDP);
    assert_int_equal(p->sent.to.port, 5072);
    assert_true(smx_ua_keep(p->ua, kept) > 0); /* should this run die too */
    pass_quietly(p, SMX_SECOND(60));
    from.port = 50002;
    smx_ua_tcp_open(p->ua, p->now, 2, &from);
    expect_sent(p, "BYE sip:alice@127.0.0.1:5072;transport=tcp SIP/2.0\r\n");
    assert_int_equal(p->sent.kind, SMX_UA_SEND_TCP);
    assert_int_equal(p->sent.conn, 2);
    assert_string_equal(sent_header(p, "CSeq"), "2 BYE");
    assert_true(phone_wire(wire, sizeof wire, "x") == 1);
    from = phone_addr("127.0.0.2:50003"); /* another computer is not told */
    smx_ua_tcp_open(p->ua, p->now, 3, &from);
    expect_quiet(p);
    pass_quietly(p, SMX_SECOND(3600));
    expect_nothing_left(p);
}

static void a_phone_on_tls_hears_it_by_tls_alone(void **state)
{
    static char wire[4096];
    struct phone *p = *state;
    struct smx_addr from = phone_addr("127.0.0.1:50001");
    size_t len;

    smx_ua_tls_open(p->ua, p->now, 1, &from);
    len = phone_wire(
        wire, sizeof wire,
        "INVITE sip:bob@sipmix.alt SIP/2.0\nVia: SIP/2.0/TLS 127.0.0.1:50001;branch=z9hG4bKi\n"
        "To: <sip:bob@sipmix.alt>\nFrom: <sip:alice@sipmix.alt>;tag=1\nCall-ID: i1\nCSeq: 1 INVITE\n"
        "Contact: <sip:alice@127.0.0.1:5072;transport=tls>\nContent-Length: 0\n\n");
    assert_int_equal(smx_ua_tcp_data(p->ua, p->now, 1, (const uint8_t *)wire, len), len);
    expect_sent(p, "SIP/2.0 100 Trying\r\n");
    smx_ua_call_answered(p->ua, p->now, expect_order(p, SMX_UA_CALL_START)->id);
    expect_sent(p, "SIP/2.0 200 OK\r\n");
    die_and_rise(p);
    resume(p);
    expect_quiet(p);
    smx_ua_tcp_open(p->ua, p->now, 2, &from);
    expect_quiet(p);
    smx_ua_tls_open(p->ua, p->now, 3, &from);
    expect_sent(p, "BYE sip:alice@127.0.0.1:5072;transport=tls SIP/2.0\r\nVia: SIP/2.0/TLS ");
    assert_int_equal(p->sent.conn, 3);
    pass_quietly(p, SMX_SECOND(3600));
    expect_nothing_left(p);
}

static void what_is_damaged_does_nothing(void **state)
{
    struct phone *p = *state;
    char lines[1024], tag[64];

    up(p, tag);
    ring(p, lines);
    die_and_rise(p);
    for (size_t len = 0; len < kept_len; len++) {
        uint8_t *exact = malloc(len ? len : 1);

        assert_non_null(exact);
        memcpy(exact, kept, len);
        assert_int_equal(smx_ua_resume(p->ua, p->now, exact, len), SMX_E_MALFORMED);
        free(exact);
    }
    kept[kept_len] = 0;
    assert_int_equal(smx_ua_resume(p->ua, p->now, kept, kept_len + 1), SMX_E_MALFORMED);
    expect_quiet(p);
    for (size_t bit = 0; bit < 8 * kept_len; bit++) {
        kept[bit / 8] ^= (uint8_t)(1U << bit % 8);
        if (smx_ua_resume(p->ua, p->now, kept, kept_len) == SMX_OK)
            while (next_sent(p))
                assert_null(strchr(p->text, 0x7f));
        kept[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
    pass_quietly(p, SMX_SECOND(3700));
    expect_nothing_left(p);
}

static void hanging_up_tells_both_sides_and_takes_no_more(void **state)
{
    struct phone *p = *state;
    char lines[1024], tag[64];
    uint32_t out = up(p, tag), in = ring(p, lines), none;

    smx_ua_hang_up(p->ua, p->now);
    expect_sent(p, "CANCEL ");
    expect_sent(p, "BYE sip:alice-0x56514a5736a0@127.0.0.1:5070 SIP/2.0\r\n");
    assert_int_equal(expect_order(p, SMX_UA_CALL_REFUSE)->id, in);
    assert_int_equal(expect_order(p, SMX_UA_CALL_END)->id, out);
    expect_no_order(p);
    assert_int_equal(smx_ua_call_incoming(p->ua, p->now, "sip:bob@sipmix.alt", "alice", &none), SMX_E_ABSENT);
    say(p, 5070, "SIP/2.0 487 Request Terminated\n%sCSeq: 1 INVITE\n\n", lines);
    expect_sent(p, "ACK ");
    assert_int_equal(smx_ua_keep(p->ua, kept), 0);
    say(p, 5070, PHONE_INVITE "Content-Type: application/sdp\n\n%s", "white.rabbit", "inv2", PHONE_SDP);
    expect_sent(p, "SIP/2.0 503 ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PHONE_TEST(nothing_is_kept_while_no_phone_has_a_call),
        PHONE_TEST(a_call_that_was_up_is_hung_up_by_the_next_run),
        PHONE_TEST(a_phone_that_rang_is_cancelled_by_the_next_run),
        PHONE_TEST(a_phone_that_was_taken_up_meanwhile_is_hung_up),
        PHONE_TEST(a_phone_that_waited_for_an_answer_has_one_from_the_next_run),
        PHONE_TEST(a_phone_on_tcp_hears_it_by_udp_and_when_it_connects),
        PHONE_TEST(a_phone_on_tls_hears_it_by_tls_alone),
        PHONE_TEST(what_is_damaged_does_nothing),
        PHONE_TEST(hanging_up_tells_both_sides_and_takes_no_more),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
