/* tests/unit/client/sip/test_call_in.c - calls from the network side to the phones: forks, races, refusals.
 */
#include "tests/unit/client/sip/phone.h"

#define ANSWER_SDP "v=0\no=- 1 1 IN IP4 127.0.0.1\ns=-\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 22044 RTP/AVP 0\n"

/* The headers of a request that a phone got, as its responses repeat them. */
struct got {
    char via[256], from[256], to[256], call_id[64], uri[256];
    uint32_t cseq;
};

static void copy_got(struct phone *p, struct got *g)
{
    copy_header(p, "Via", g->via, sizeof g->via);
    copy_header(p, "From", g->from, sizeof g->from);
    copy_header(p, "To", g->to, sizeof g->to);
    copy_header(p, "Call-ID", g->call_id, sizeof g->call_id);
    g->cseq = (uint32_t)strtoul(sent_header(p, "CSeq"), NULL, 10);
}

/* The phone at port answers; a 200 carries a session, and everything but 100 the tag. */
static void respond(struct phone *p, uint16_t port, const struct got *g, int status, const char *tag,
                    const char *method)
{
    bool with_session = status / 100 == 2 && strcmp(method, "INVITE") == 0;

    say(p, port,
        "SIP/2.0 %d Answering\nVia: %s;received=127.0.0.1\nFrom: %s\nTo: %s%s%s\nCall-ID: %s\nCSeq: %u %s\n"
        "Contact: <sip:phone@127.0.0.1:%u>\nServer: baresip v1.0.0 (x86_64/linux)\n%s\n%s",
        status, g->via, g->from, g->to, tag ? ";tag=" : "", tag ? tag : "", g->call_id, g->cseq, method, port,
        with_session ? "Content-Type: application/sdp\n" : "", with_session ? ANSWER_SDP : "");
}

static size_t calls(struct phone *p)
{
    return smx_ua_usage(p->ua).calls;
}

/* A call arrives and the one phone has its INVITE. */
static uint32_t ring(struct phone *p, struct got *g)
{
    uint32_t call = 0;

    enlist(p);
    assert_int_equal(smx_ua_call_incoming(p->ua, p->now, "sip:bob@sipmix.alt", "alice", &call), SMX_OK);
    expect_sent(p, "INVITE sip:alice-0x56514a5736a0@127.0.0.1:5070 SIP/2.0\r\n");
    copy_got(p, g);
    return call;
}

static uint32_t up(struct phone *p, struct got *g)
{
    uint32_t call = ring(p, g);

    respond(p, 5070, g, 200, "phonetag", "INVITE");
    expect_sent(p, "ACK sip:phone@127.0.0.1:5070 SIP/2.0\r\n");
    assert_int_equal(expect_order(p, SMX_UA_CALL_ANSWER)->id, call);
    return call;
}

static void a_call_goes_the_whole_way(void **state)
{
    struct phone *p = *state;
    struct got g;
    uint32_t call = ring(p, &g);

    assert_true(strncmp(g.from, "<sip:bob@sipmix.alt>;tag=", 25) == 0);
    assert_string_equal(g.to, "<sip:alice@sipmix.alt>");
    assert_true(strncmp(g.via, "SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bK", 41) == 0);
    assert_int_equal(strlen(g.call_id), 32);
    assert_string_equal(sent_header(p, "CSeq"), "1 INVITE");
    assert_non_null(strstr(p->text, "m=audio 30000 RTP/AVP 0 8 101\r\n"));
    assert_true(strlen(p->text) < 1300);

    respond(p, 5070, &g, 100, NULL, "INVITE");
    expect_no_order(p);
    respond(p, 5070, &g, 180, "phonetag", "INVITE");
    assert_int_equal(expect_order(p, SMX_UA_CALL_RINGING)->id, call);
    respond(p, 5070, &g, 180, "phonetag", "INVITE");
    respond(p, 5070, &g, 183, "phonetag", "INVITE");
    expect_no_order(p);
    respond(p, 5070, &g, 200, "phonetag", "INVITE");
    expect_sent(p, "ACK sip:phone@127.0.0.1:5070 SIP/2.0\r\n");
    assert_string_equal(sent_header(p, "CSeq"), "1 ACK");
    assert_string_equal(sent_header(p, "To"), "<sip:alice@sipmix.alt>;tag=phonetag");
    assert_int_equal(expect_order(p, SMX_UA_CALL_ANSWER)->id, call);

    respond(p, 5070, &g, 200, "phonetag", "INVITE"); /* our ACK was lost */
    expect_sent(p, "ACK sip:phone@127.0.0.1:5070 SIP/2.0\r\n");
    expect_no_order(p);

    say(p, 5070,
        "BYE sip:x@127.0.0.1:5060 SIP/2.0\nVia: SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bKbye;rport\n"
        "To: %s\nFrom: %s;tag=phonetag\nCall-ID: %s\nCSeq: 1 BYE\n\n",
        g.from, g.to, g.call_id);
    expect_sent(p, "SIP/2.0 200 OK\r\n");
    assert_int_equal(expect_order(p, SMX_UA_CALL_END)->id, call);
    assert_int_equal(calls(p), 0);
    respond(p, 5070, &g, 200, "phonetag", "INVITE"); /* even now a late 200 finds its ACK */
    expect_sent(p, "ACK ");
    pass_quietly(p, SMX_SECOND(70));
    assert_int_equal(smx_ua_usage(p->ua).transactions, 0);
}

static void no_phone_no_call(void **state)
{
    struct phone *p = *state;
    uint32_t call = 0;

    assert_int_equal(smx_ua_call_incoming(p->ua, p->now, "sip:bob@sipmix.alt", "alice", &call), SMX_E_ABSENT);
    enlist(p);
    p->now += SMX_SECOND(61); /* long gone, though nobody woke us up to see it */
    assert_int_equal(smx_ua_call_incoming(p->ua, p->now, "sip:bob@sipmix.alt", "alice", &call), SMX_E_ABSENT);
}

static void a_call_to_any_own_address_finds_the_phone(void **state)
{
    struct phone *p = *state;
    uint32_t call = 0;

    enlist(p);
    assert_int_equal(smx_ua_call_incoming(p->ua, p->now, "sip:bob@sipmix.alt", "anon-2b4c6d8e", &call),
                     SMX_OK);
    expect_sent(p, "INVITE ");
    assert_string_equal(sent_header(p, "To"), "<sip:alice@sipmix.alt>"); /* as it knows itself */
    assert_int_equal(smx_ua_call_incoming(p->ua, p->now, "sip:bob@sipmix.alt", "alice", &call), SMX_OK);
    assert_int_equal(smx_ua_call_incoming(p->ua, p->now, "sip:bob@sipmix.alt", "alice", &call), SMX_E_FULL);
}

/* Of this caller; from: how its INVITE's From begins. */
static void a_new_phone_is_shown(void **state, const char *caller, const char *from)
{
    struct phone *p;
    uint32_t call = 0;

    phone_teardown(state);
    phone_setup(state);
    p = *state;
    enlist(p);
    assert_int_equal(smx_ua_call_incoming(p->ua, p->now, caller, "alice", &call), SMX_OK);
    expect_sent(p, "INVITE ");
    assert_true(strncmp(sent_header(p, "From"), from, strlen(from)) == 0);
}

static void a_caller_who_is_no_address_of_ours_is_anonymous(void **state)
{
    static const char *const bad[] = {"sip:bob@evil.example",
                                      "bob",
                                      "sip:bob\r\nAlert-Info: x@sipmix.alt",
                                      "sip:\"Bob\"@sipmix.alt",
                                      "sip:bo@sipmix.alt>;x=<@sipmix.alt",
                                      ""};

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        a_new_phone_is_shown(state, bad[i], "<sip:anonymous@anonymous.invalid>;tag=");
}

static void a_name_that_a_caller_gives_himself_is_shown_as_a_claim(void **state)
{
    static const char *const cases[][2] = {
        {"Alice <sip:bob@sipmix.alt>", "\"says: Alice\" <sip:bob@sipmix.alt>;tag="},
        {"A \"x\" \\ <sip:eve@sipmix.alt> <sip:bob@sipmix.alt>",
         "\"says: A \\\"x\\\" \\\\ <sip:eve@sipmix.alt>\" <sip:bob@sipmix.alt>;tag="},
        {"J\xc3\xbcrgen <sip:bob@sipmix.alt>", "\"says: J\xc3\xbcrgen\" <sip:bob@sipmix.alt>;tag="},
        {"a\tb <sip:bob@sipmix.alt>", "<sip:bob@sipmix.alt>;tag="},
        {"\xe2\x80\xae"
         "bob <sip:bob@sipmix.alt>",
         "<sip:bob@sipmix.alt>;tag="},
        {"Alice <sip:bob@evil.example>", "<sip:anonymous@anonymous.invalid>;tag="},
        {"Alice <sip:anonymous@sipmix.alt", "<sip:anonymous@anonymous.invalid>;tag="},
        {" <sip:bob@sipmix.alt>", "<sip:bob@sipmix.alt>;tag="},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        a_new_phone_is_shown(state, cases[i][0], cases[i][1]);
}

static void each_refusal_becomes_one_of_three(void **state)
{
    static const struct {
        int phone;
        unsigned order;
    } cases[] = {{486, 486}, {600, 486}, {603, 603}, {480, 480}, {404, 480},
                 {401, 480}, {302, 480}, {488, 480}, {500, 480}, {503, 480}};

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct smx_ua_order *order;
        struct phone *p;
        struct got g;
        uint32_t call;

        phone_teardown(state);
        phone_setup(state);
        p = *state;
        call = ring(p, &g);
        respond(p, 5070, &g, cases[i].phone, "phonetag", "INVITE");
        expect_sent(p, "ACK sip:alice-0x56514a5736a0@127.0.0.1:5070 SIP/2.0\r\n");
        assert_string_equal(sent_header(p, "Via"), g.via);
        assert_string_equal(sent_header(p, "To"), "<sip:alice@sipmix.alt>;tag=phonetag");
        order = expect_order(p, SMX_UA_CALL_REFUSE);
        assert_int_equal(order->id, call);
        assert_int_equal(order->code, cases[i].order);
        assert_int_equal(calls(p), 0);
        respond(p, 5070, &g, cases[i].phone, "phonetag", "INVITE"); /* again: again our ACK, no order */
        expect_sent(p, "ACK ");
        expect_no_order(p);
    }
}

static void a_phone_that_does_not_answer_is_asked_again_then_given_up(void **state)
{
    struct phone *p = *state;
    struct got g;
    unsigned times = 0;
    uint32_t call = ring(p, &g);

    pass(p, SMX_SECOND(33));
    while (next_sent(p))
        times += strncmp(p->text, "INVITE ", 7) == 0;
    assert_int_equal(times, 6); /* after 0.5, 1.5, 3.5, 7.5, 15.5 and 31.5 s */
    assert_int_equal(expect_order(p, SMX_UA_CALL_REFUSE)->id, call);
    assert_int_equal(calls(p), 0);
}

static void a_phone_that_rings_for_ever_is_cancelled(void **state)
{
    struct phone *p = *state;
    struct got g;

    ring(p, &g);
    respond(p, 5070, &g, 180, "phonetag", "INVITE");
    expect_order(p, SMX_UA_CALL_RINGING);
    pass_quietly(p, SMX_SECOND(178));
    expect_no_order(p);
    pass(p, SMX_SECOND(3));
    expect_sent(p, "CANCEL ");
    assert_int_equal(expect_order(p, SMX_UA_CALL_REFUSE)->code, 480);
    pass_quietly(p, SMX_SECOND(40)); /* it does not answer that either */
    assert_int_equal(calls(p), 0);
    pass_quietly(p, SMX_SECOND(40));
    assert_int_equal(smx_ua_usage(p->ua).transactions, 0);
}

static void the_caller_gives_up_while_it_rings(void **state)
{
    struct phone *p = *state;
    struct got g;
    uint32_t call = ring(p, &g);

    respond(p, 5070, &g, 180, "phonetag", "INVITE");
    expect_order(p, SMX_UA_CALL_RINGING);
    smx_ua_call_ended(p->ua, p->now, call);
    expect_sent(p, "CANCEL sip:alice-0x56514a5736a0@127.0.0.1:5070 SIP/2.0\r\n");
    assert_string_equal(sent_header(p, "Via"), g.via); /* the same branch */
    assert_string_equal(sent_header(p, "CSeq"), "1 CANCEL");
    assert_string_equal(sent_header(p, "To"), "<sip:alice@sipmix.alt>");
    respond(p, 5070, &g, 200, "phonetag", "CANCEL");
    respond(p, 5070, &g, 487, "phonetag", "INVITE");
    expect_sent(p, "ACK ");
    expect_no_order(p);
    assert_int_equal(calls(p), 0);
}

static void the_caller_gives_up_before_the_phone_is_heard(void **state)
{
    struct phone *p = *state;
    struct got g;
    uint32_t call = ring(p, &g);

    smx_ua_call_ended(p->ua, p->now, call);
    expect_quiet(p); /* a CANCEL now might arrive first */
    respond(p, 5070, &g, 100, NULL, "INVITE");
    expect_sent(p, "CANCEL ");
    respond(p, 5070, &g, 180, "phonetag", "INVITE");
    expect_quiet(p);
    respond(p, 5070, &g, 487, "phonetag", "INVITE");
    expect_sent(p, "ACK ");
    expect_no_order(p);
    assert_int_equal(calls(p), 0);
}

static void the_caller_gives_up_while_the_phone_answers(void **state)
{
    struct phone *p = *state;
    struct got g;
    uint32_t call = ring(p, &g);

    respond(p, 5070, &g, 180, "phonetag", "INVITE");
    expect_order(p, SMX_UA_CALL_RINGING);
    smx_ua_call_ended(p->ua, p->now, call);
    expect_sent(p, "CANCEL ");
    respond(p, 5070, &g, 200, "phonetag", "INVITE"); /* they crossed */
    expect_sent(p, "ACK ");
    expect_sent(p, "BYE sip:phone@127.0.0.1:5070 SIP/2.0\r\n");
    expect_no_order(p);
    assert_int_equal(calls(p), 0);
}

static void the_far_side_hangs_up(void **state)
{
    struct phone *p = *state;
    struct got g;

    smx_ua_call_ended(p->ua, p->now, up(p, &g));
    expect_sent(p, "BYE sip:phone@127.0.0.1:5070 SIP/2.0\r\n");
    assert_string_equal(sent_header(p, "CSeq"), "2 BYE");
    assert_string_equal(sent_header(p, "From"), g.from);
    expect_no_order(p);
    assert_int_equal(calls(p), 0);
}

static void an_answer_without_our_codecs_is_no_answer(void **state)
{
    struct phone *p = *state;
    struct got g;

    ring(p, &g);
    say(p, 5070,
        "SIP/2.0 200 OK\nVia: %s\nFrom: %s\nTo: %s;tag=t\nCall-ID: %s\nCSeq: 1 INVITE\n"
        "Content-Type: application/sdp\n\nv=0\nm=audio 9 RTP/AVP 18\n",
        g.via, g.from, g.to, g.call_id);
    expect_sent(p, "ACK ");
    expect_sent(p, "BYE ");
    assert_int_equal(expect_order(p, SMX_UA_CALL_REFUSE)->code, 480);
    assert_int_equal(calls(p), 0);
}

static void responses_that_do_not_fit_are_strays(void **state)
{
    struct phone *p = *state;
    struct got g, other;
    struct smx_addr far = phone_addr("192.0.2.66:5070");
    static char text[PHONE_MESSAGE], wire[PHONE_MESSAGE];
    size_t len;

    ring(p, &g);
    other = g;
    other.cseq = 7;
    respond(p, 5070, &other, 200, "phonetag", "INVITE");
    other = g;
    snprintf(other.call_id, sizeof other.call_id, "%s", "0123456789abcdef0123456789abcdef");
    respond(p, 5070, &other, 200, "phonetag", "INVITE");
    other = g;
    other.via[50] = other.via[50] == 'a' ? 'b' : 'a'; /* inside the branch */
    respond(p, 5070, &other, 200, "phonetag", "INVITE");
    respond(p, 5070, &g, 200, "phonetag", "BYE");
    snprintf(text, sizeof text,
             "SIP/2.0 200 OK\nVia: %s\nFrom: %s\nTo: %s;tag=t\nCall-ID: %s\nCSeq: 1 INVITE\n\n", g.via,
             g.from, g.to, g.call_id);
    len = phone_wire(wire, sizeof wire, text);
    smx_ua_udp(p->ua, p->now, &far, (const uint8_t *)wire, len); /* from another host */
    expect_quiet(p);
    expect_no_order(p);
    assert_int_equal(smx_ua_stats(p->ua).stray, 5);
}

/* ---- several phones ---- */

static void enlist_second(struct phone *p)
{
    say(p, 5080,
        "REGISTER sip:sipmix.alt SIP/2.0\nv: SIP/2.0/UDP 127.0.0.1:5080;branch=z9hG4bK2\n"
        "t: sip:alice@sipmix.alt\nf: <sip:alice@sipmix.alt>;tag=2\ni: second\nCSeq: 20 REGISTER\n"
        "m: <sip:desk@127.0.0.1:5080>\n\n");
    expect_sent(p, "SIP/2.0 200 OK\r\n");
}

static uint32_t ring_both(struct phone *p, struct got *a, struct got *b)
{
    uint32_t call = 0;

    enlist(p);
    enlist_second(p);
    assert_int_equal(smx_ua_call_incoming(p->ua, p->now, "sip:bob@sipmix.alt", "alice", &call), SMX_OK);
    expect_sent(p, "INVITE ");
    copy_got(p, p->sent.to.port == 5070 ? a : b);
    expect_sent(p, "INVITE ");
    copy_got(p, p->sent.to.port == 5070 ? a : b);
    assert_string_not_equal(a->call_id, b->call_id);
    respond(p, 5070, a, 180, "ta", "INVITE");
    respond(p, 5080, b, 180, "tb", "INVITE");
    assert_int_equal(expect_order(p, SMX_UA_CALL_RINGING)->id, call);
    expect_no_order(p);
    return call;
}

static void the_first_phone_that_answers_has_the_call(void **state)
{
    struct phone *p = *state;
    struct got a, b;
    uint32_t call = ring_both(p, &a, &b);

    respond(p, 5080, &b, 200, "tb", "INVITE");
    expect_sent(p, "ACK ");
    expect_sent(p, "CANCEL ");
    assert_int_equal(p->sent.to.port, 5070);
    assert_int_equal(expect_order(p, SMX_UA_CALL_ANSWER)->id, call);
    respond(p, 5070, &a, 200, "ta", "INVITE"); /* at the same moment */
    expect_sent(p, "ACK ");
    expect_sent(p, "BYE ");
    assert_int_equal(p->sent.to.port, 5070);
    expect_no_order(p);
    assert_int_equal(calls(p), 1);
    smx_ua_call_ended(p->ua, p->now, call);
    expect_sent(p, "BYE sip:phone@127.0.0.1:5080 SIP/2.0\r\n");
    assert_int_equal(calls(p), 0);
}

static void a_call_is_refused_when_the_last_phone_refuses(void **state)
{
    struct phone *p = *state;
    struct got a, b;

    ring_both(p, &a, &b);
    respond(p, 5070, &a, 486, "ta", "INVITE");
    expect_no_order(p);
    respond(p, 5080, &b, 480, "tb", "INVITE");
    assert_int_equal(expect_order(p, SMX_UA_CALL_REFUSE)->code, 486);
    assert_int_equal(calls(p), 0);
}

static void a_phone_that_is_several_keeps_one_dialog(void **state)
{
    struct phone *p = *state;
    struct got g;

    up(p, &g);
    respond(p, 5070, &g, 200, "othertag", "INVITE");
    expect_sent(p, "ACK ");
    assert_string_equal(sent_header(p, "To"), "<sip:alice@sipmix.alt>;tag=othertag");
    expect_sent(p, "BYE ");
    assert_string_equal(sent_header(p, "To"), "<sip:alice@sipmix.alt>;tag=othertag");
    expect_no_order(p);
    assert_int_equal(calls(p), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PHONE_TEST(a_call_goes_the_whole_way),
        PHONE_TEST(no_phone_no_call),
        PHONE_TEST(a_call_to_any_own_address_finds_the_phone),
        PHONE_TEST(a_caller_who_is_no_address_of_ours_is_anonymous),
        PHONE_TEST(a_name_that_a_caller_gives_himself_is_shown_as_a_claim),
        PHONE_TEST(each_refusal_becomes_one_of_three),
        PHONE_TEST(a_phone_that_does_not_answer_is_asked_again_then_given_up),
        PHONE_TEST(a_phone_that_rings_for_ever_is_cancelled),
        PHONE_TEST(the_caller_gives_up_while_it_rings),
        PHONE_TEST(the_caller_gives_up_before_the_phone_is_heard),
        PHONE_TEST(the_caller_gives_up_while_the_phone_answers),
        PHONE_TEST(the_far_side_hangs_up),
        PHONE_TEST(an_answer_without_our_codecs_is_no_answer),
        PHONE_TEST(responses_that_do_not_fit_are_strays),
        PHONE_TEST(the_first_phone_that_answers_has_the_call),
        PHONE_TEST(a_call_is_refused_when_the_last_phone_refuses),
        PHONE_TEST(a_phone_that_is_several_keeps_one_dialog),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
