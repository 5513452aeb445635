/* tests/unit/client/sip/test_stream.c - phones on TCP and TLS: framing, keepalives, and connections that come
 * and go.
 */
#include "tests/unit/client/sip/phone.h"
#include "client/sip/core.h"

#define REGISTER                                                                                             \
    "REGISTER sip:sipmix.alt SIP/2.0\nVia: SIP/2.0/TCP 127.0.0.1:50001;branch=z9hG4bKr%d;rport\n"            \
    "To: <sip:alice@sipmix.alt>\nFrom: <sip:alice@sipmix.alt>;tag=1\nCall-ID: r1\nCSeq: %d REGISTER\n"       \
    "Contact: <sip:alice@127.0.0.1:50001;transport=tcp>\nContent-Length: 0\n\n"
#define INVITE                                                                                               \
    "INVITE sip:bob@sipmix.alt SIP/2.0\nVia: SIP/2.0/TCP 127.0.0.1:50001;branch=z9hG4bKi\n"                  \
    "To: <sip:bob@sipmix.alt>\nFrom: <sip:alice@sipmix.alt>;tag=1\nCall-ID: i1\nCSeq: 1 INVITE\n"            \
    "Contact: <sip:alice@127.0.0.1:50001;transport=tcp>\nContent-Length: 0\n\n"

static void open_stream(struct phone *p, uint64_t conn)
{
    struct smx_addr from = phone_addr("127.0.0.1:50001");

    from.port = (uint16_t)(50000 + conn);
    smx_ua_tcp_open(p->ua, p->now, conn, &from);
}

static void open_secure_stream(struct phone *p, uint64_t conn)
{
    struct smx_addr from = phone_addr("127.0.0.1:50001");

    from.port = (uint16_t)(50000 + conn);
    smx_ua_tls_open(p->ua, p->now, conn, &from);
}

/* Sends text on a connection; returns how much was read. */
__attribute__((format(printf, 3, 4))) static size_t stream(struct phone *p, uint64_t conn, const char *format,
                                                           ...)
{
    static char wire[PHONE_MESSAGE];
    va_list args;
    size_t len;

    va_start(args, format);
    len = phone_format(wire, sizeof wire, format, args);
    va_end(args);
    return smx_ua_tcp_data(p->ua, p->now, conn, (const uint8_t *)wire, len);
}

static void expect_close(struct phone *p, uint64_t conn)
{
    const struct smx_ua_send *sent = smx_ua_next_send(p->ua);

    while (sent && sent->kind == SMX_UA_SEND_TCP)
        sent = smx_ua_next_send(p->ua);
    assert_non_null(sent);
    assert_int_equal(sent->kind, SMX_UA_SEND_CLOSE);
    assert_int_equal(sent->conn, conn);
}

static void messages_are_found_in_any_slicing(void **state)
{
    static char wire[PHONE_MESSAGE], text[PHONE_MESSAGE];
    struct phone *p = *state;
    size_t len;

    snprintf(text, sizeof text, REGISTER "\n" REGISTER, 1, 1, 2, 2);
    len = phone_wire(wire, sizeof wire, text);
    open_stream(p, 1);
    for (size_t step = 1; step < len; step += 37) {
        size_t read = 0, answers = 0;

        for (size_t have = 0; have < len;) {
            have = have + step < len ? have + step : len;
            read += smx_ua_tcp_data(p->ua, p->now, 1, (const uint8_t *)wire + read, have - read);
        }
        assert_int_equal(read, len);
        while (next_sent(p)) {
            assert_int_equal(p->sent.kind, SMX_UA_SEND_TCP);
            assert_int_equal(p->sent.conn, 1);
            answers++;
        }
        assert_int_equal(answers, 2);
    }
    assert_int_equal(smx_ua_usage(p->ua).bindings, 1);
}

static void a_ping_gets_its_pong(void **state)
{
    struct phone *p = *state;

    open_stream(p, 1);
    assert_int_equal(stream(p, 1, "\n"), 0); /* half of one, perhaps */
    assert_int_equal(stream(p, 1, "\n\n"), 4);
    expect_sent(p, "\r\n");
    expect_quiet(p);
}

static void a_call_travels_on_its_connection(void **state)
{
    struct phone *p = *state;
    uint32_t call;

    open_stream(p, 1);
    stream(p, 1, INVITE);
    expect_sent(p, "SIP/2.0 100 Trying\r\n");
    call = expect_order(p, SMX_UA_CALL_START)->id;
    smx_ua_call_answered(p->ua, p->now, call);
    expect_sent(p, "SIP/2.0 200 OK\r\n");
    assert_non_null(strstr(sent_header(p, "Contact"), "@127.0.0.1:5060;transport=tcp>"));
    assert_int_equal(p->sent.conn, 1);
    pass(p, SMX_MS(600));
    expect_sent(p, "SIP/2.0 200 OK\r\n"); /* even a stream may end before the 200 arrives */
}

static void a_call_that_waits_dies_with_its_connection(void **state)
{
    struct phone *p = *state;
    uint32_t call;

    open_stream(p, 1);
    stream(p, 1, INVITE);
    expect_sent(p, "SIP/2.0 100 Trying\r\n");
    call = expect_order(p, SMX_UA_CALL_START)->id;
    smx_ua_tcp_closed(p->ua, p->now, 1);
    assert_int_equal(expect_order(p, SMX_UA_CALL_END)->id, call);
    expect_quiet(p);
    assert_int_equal(smx_ua_usage(p->ua).calls, 0);
    assert_int_equal(smx_ua_usage(p->ua).transactions, 0);
}

static void a_call_that_is_up_goes_on_over_a_new_connection(void **state)
{
    struct phone *p = *state;
    char tag[64];
    uint32_t call;
    static const char bye[] =
        "BYE sip:x@127.0.0.1 SIP/2.0\nv: SIP/2.0/TCP h;branch=z9hG4bK%d\nt: <sip:b@h>;tag=%s\n"
        "f: <sip:alice@sipmix.alt>;tag=1\ni: i1\nCSeq: 2 BYE\nl: 0\n\n";

    open_stream(p, 1);
    open_stream(p, 2);
    stream(p, 1, INVITE);
    expect_sent(p, "SIP/2.0 100 Trying\r\n");
    call = expect_order(p, SMX_UA_CALL_START)->id;
    smx_ua_call_answered(p->ua, p->now, call);
    expect_sent(p, "SIP/2.0 200 OK\r\n");
    snprintf(tag, sizeof tag, "%s", strstr(sent_header(p, "To"), ";tag=") + 5);
    stream(p, 1,
           "ACK sip:x@127.0.0.1 SIP/2.0\nv: SIP/2.0/TCP h;branch=z9hG4bKa\nt: <sip:b@h>;tag=%s\n"
           "f: <sip:alice@sipmix.alt>;tag=1\ni: i1\nCSeq: 1 ACK\nc: application/sdp\nl: 58\n\n"
           "v=0\nc=IN IP4 127.0.0.1\nm=audio 4000 RTP/AVP 0\na=sendrecv\n",
           tag);
    expect_quiet(p);
    stream(p, 2, bye, 1, tag); /* while the first is open, another one is somebody else's */
    expect_sent(p, "SIP/2.0 481");
    smx_ua_tcp_closed(p->ua, p->now, 1);
    expect_no_order(p);
    stream(p, 2, bye, 2, tag);
    expect_sent(p, "SIP/2.0 200");
    assert_int_equal(p->sent.conn, 2);
    assert_int_equal(expect_order(p, SMX_UA_CALL_END)->id, call);
}

static void a_registration_ends_with_its_connection(void **state)
{
    struct phone *p = *state;
    uint32_t call = 0;

    open_stream(p, 1);
    stream(p, 1, REGISTER, 1, 1);
    expect_sent(p, "SIP/2.0 200 OK\r\n");
    assert_int_equal(smx_ua_call_incoming(p->ua, p->now, "sip:bob@sipmix.alt", "alice", &call), SMX_OK);
    expect_sent(p,
                "INVITE sip:alice@127.0.0.1:50001;transport=tcp SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.1:5060;");
    assert_int_equal(smx_ua_message_in(p->ua, p->now, 5, "sip:bob@sipmix.alt", "alice", "x", 1), SMX_OK);
    expect_sent(p, "MESSAGE ");
    smx_ua_tcp_closed(p->ua, p->now, 1);
    for (int i = 0; i < 2; i++) {
        const struct smx_ua_order *order = smx_ua_next_order(p->ua);

        assert_non_null(order);
        assert_true((order->kind == SMX_UA_CALL_REFUSE && order->id == call) ||
                    (order->kind == SMX_UA_MESSAGE_RESULT && order->id == 5));
        assert_int_equal(order->code, 480);
    }
    assert_int_equal(smx_ua_usage(p->ua).bindings, 0);
    assert_int_equal(smx_ua_usage(p->ua).transactions, 0);
}

static void a_phone_on_tls_is_told_so_in_via_and_contact(void **state)
{
    struct phone *p = *state;
    uint32_t call;

    open_secure_stream(p, 1);
    stream(p, 1, REGISTER, 1, 1);
    expect_sent(p, "SIP/2.0 200 OK\r\n");
    assert_int_equal(smx_ua_call_incoming(p->ua, p->now, "sip:bob@sipmix.alt", "alice", &call), SMX_OK);
    expect_sent(p,
                "INVITE sip:alice@127.0.0.1:50001;transport=tcp SIP/2.0\r\nVia: SIP/2.0/TLS 127.0.0.1:5061;");
    assert_int_equal(p->sent.kind, SMX_UA_SEND_TCP);
    assert_int_equal(p->sent.conn, 1);
    assert_non_null(strstr(sent_header(p, "Contact"), "@127.0.0.1:5061;transport=tls>"));
    assert_int_equal(smx_ua_message_in(p->ua, p->now, 5, "sip:bob@sipmix.alt", "alice", "x", 1), SMX_OK);
    expect_sent(p, "MESSAGE ");
    assert_non_null(strstr(p->text, "\r\nVia: SIP/2.0/TLS 127.0.0.1:5061;"));
}

static void a_call_on_tls_is_not_ended_in_the_clear(void **state)
{
    struct phone *p = *state;
    char tag[64];
    uint32_t call;
    static const char bye[] =
        "BYE sip:x@127.0.0.1 SIP/2.0\nv: SIP/2.0/TCP h;branch=z9hG4bK%d\nt: <sip:b@h>;tag=%s\n"
        "f: <sip:alice@sipmix.alt>;tag=1\ni: i1\nCSeq: 2 BYE\nl: 0\n\n";

    open_secure_stream(p, 1);
    stream(p, 1, INVITE);
    expect_sent(p, "SIP/2.0 100 Trying\r\n");
    call = expect_order(p, SMX_UA_CALL_START)->id;
    smx_ua_call_answered(p->ua, p->now, call);
    expect_sent(p, "SIP/2.0 200 OK\r\n");
    snprintf(tag, sizeof tag, "%s", strstr(sent_header(p, "To"), ";tag=") + 5);
    smx_ua_tcp_closed(p->ua, p->now, 1);
    open_stream(p, 2); /* of the same computer, without TLS */
    stream(p, 2, bye, 1, tag);
    expect_sent(p, "SIP/2.0 481");
    expect_no_order(p);
    open_secure_stream(p, 3);
    stream(p, 3, bye, 2, tag);
    expect_sent(p, "SIP/2.0 200");
    assert_int_equal(expect_order(p, SMX_UA_CALL_END)->id, call);
}

static void garbage_closes_the_connection(void **state)
{
    static char text[16384];
    struct phone *p = *state;

    open_stream(p, 1);
    stream(p, 1, "GET / HTTP/1.1\nHost: x\n\n"); /* framed, and no SIP */
    expect_quiet(p);
    stream(p, 1, "\x16\x03\x01\n");
    expect_close(p, 1);
    assert_true(stream(p, 1, REGISTER, 1, 1) > 0);
    expect_quiet(p); /* nobody listens any more */

    memset(text, 'a', sizeof text - 1);
    open_stream(p, 2);
    stream(p, 2, "%s", text);
    expect_close(p, 2);
    open_stream(p, 3);
    stream(p, 3,
           "MESSAGE sip:b@sipmix.alt SIP/2.0\nv: SIP/2.0/TCP h;branch=z9hG4bK1\nt: <sip:b@h>\n"
           "f: <sip:a@h>;tag=1\ni: 1\nCSeq: 1 MESSAGE\nl: 1000000\n\n");
    expect_sent(p, "SIP/2.0 413");
    expect_close(p, 3);
}

static void a_message_that_never_ends_is_not_waited_for(void **state)
{
    struct phone *p = *state;

    open_stream(p, 1);
    assert_int_equal(stream(p, 1, "REGISTER sip:sipmix.alt SIP/2.0\nTo"), 0);
    pass(p, SMX_SECOND(31));
    assert_int_equal(stream(p, 1, "REGISTER sip:sipmix.alt SIP/2.0\nTo:"), 0);
    assert_null(smx_ua_next_send(p->ua));
    pass(p, SMX_SECOND(2));
    expect_close(p, 1);
}

static void connections_beyond_the_table_are_closed(void **state)
{
    struct phone *p = *state;

    for (uint64_t conn = 1; conn <= 16; conn++)
        open_stream(p, conn);
    assert_null(smx_ua_next_send(p->ua));
    open_stream(p, 17);
    expect_close(p, 17);
    smx_ua_tcp_closed(p->ua, p->now, 3);
    open_stream(p, 18);
    assert_null(smx_ua_next_send(p->ua));
}

static void a_request_whose_time_and_connection_end_at_once_is_told_of_once(void **state)
{
    struct phone *p = *state;

    open_stream(p, 1);
    (void)stream(p, 1, REGISTER, 1, 1);
    expect_sent(p, "SIP/2.0 200 OK\r\n");
    assert_int_equal(smx_ua_message_in(p->ua, p->now, 7, "sip:bob@sipmix.alt", "alice", "x", 1), SMX_OK);
    expect_sent(p, "MESSAGE ");
    p->now += SMX_SECOND(33);
    smx_txn_time(&p->ua->txns, p->now);
    smx_txn_expire(&p->ua->txns);
    smx_txn_flow_lost(&p->ua->txns, 1);
    assert_int_equal(p->ua->txns.dead_count, 1); /* its table has a place for each transaction */
    smx_ua_expire(p->ua, p->now);
    assert_int_equal(expect_order(p, SMX_UA_MESSAGE_RESULT)->code, 480);
    expect_no_order(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PHONE_TEST(messages_are_found_in_any_slicing),
        PHONE_TEST(a_ping_gets_its_pong),
        PHONE_TEST(a_call_travels_on_its_connection),
        PHONE_TEST(a_call_that_waits_dies_with_its_connection),
        PHONE_TEST(a_call_that_is_up_goes_on_over_a_new_connection),
        PHONE_TEST(a_registration_ends_with_its_connection),
        PHONE_TEST(a_phone_on_tls_is_told_so_in_via_and_contact),
        PHONE_TEST(a_call_on_tls_is_not_ended_in_the_clear),
        PHONE_TEST(garbage_closes_the_connection),
        PHONE_TEST(a_message_that_never_ends_is_not_waited_for),
        PHONE_TEST(connections_beyond_the_table_are_closed),
        PHONE_TEST(a_request_whose_time_and_connection_end_at_once_is_told_of_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
