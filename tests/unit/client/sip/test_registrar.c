/* tests/unit/client/sip/test_registrar.c - phones come, go and name themselves; OPTIONS, and what is not
 * allowed. */
#include "client/sip/write.h"
#include "tests/unit/client/sip/phone.h"

#define REGISTER(user, contact, more)                                                                        \
    "REGISTER sip:sipmix.alt SIP/2.0\nVia: SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bK%d;rport\nTo: "          \
    "<sip:" user "@sipmix.alt>\nFrom: <sip:" user                                                            \
    "@sipmix.alt>;tag=1\nCall-ID: r1\nCSeq: %d REGISTER\nMax-Forwards: 70\n" contact more "\n"

static size_t bindings(struct phone *p)
{
    return smx_ua_usage(p->ua).bindings;
}

static void a_phone_is_told_its_own_contact_byte_for_byte(void **state)
{
    struct phone *p = *state;

    say(p, 5070, PHONE_REGISTER, "register1", 17513);
    expect_sent(p, "SIP/2.0 200 OK\r\n");
    assert_string_equal(sent_header(p, "Contact"), "<sip:alice-0x56514a5736a0@127.0.0.1:5070>;expires=60");
    assert_string_equal(sent_header(p, "Via"),
                        "SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bKregister1;rport=5070;received=127.0.0.1");
    assert_string_equal(sent_header(p, "From"), "\"Alice\" <sip:alice@sipmix.alt>;tag=f4c9a468edc38623");
    assert_string_equal(sent_header(p, "Call-ID"), "0bc8be498beab61c");
    assert_string_equal(sent_header(p, "CSeq"), "17513 REGISTER");
    assert_non_null(strstr(p->text, "\r\nTo: <sip:alice@sipmix.alt>;tag="));
    assert_int_equal(p->sent.to.port, 5070);
    assert_int_equal(bindings(p), 1);
    expect_no_order(p);

    say(p, 5070, PHONE_REGISTER, "register1", 17513); /* repeated: the same answer */
    expect_sent(p, "SIP/2.0 200 OK\r\n");
    assert_int_equal(bindings(p), 1);
}

static void an_instance_and_other_parameters_come_back(void **state)
{
    struct phone *p = *state;

    say(p, 5070,
        REGISTER("alice",
                 "m: <sip:a@10.0.0.9:1;transport=udp>;expires=99999;+sip.instance=\"<urn:uuid:1>\"\n", ""),
        1, 1);
    expect_sent(p, "SIP/2.0 200 OK\r\n");
    assert_string_equal(sent_header(p, "Contact"),
                        "<sip:a@10.0.0.9:1;transport=udp>;+sip.instance=\"<urn:uuid:1>\";expires=60");
}

static void a_binding_ends_with_its_time(void **state)
{
    struct phone *p = *state;

    enlist(p);
    pass(p, SMX_SECOND(59));
    say(p, 5070, REGISTER("alice", "", ""), 2, 2); /* a query */
    expect_sent(p, "SIP/2.0 200 OK\r\n");
    assert_non_null(strstr(sent_header(p, "Contact"), ";expires=1"));
    pass(p, SMX_SECOND(2));
    assert_int_equal(bindings(p), 0);
    assert_true(smx_ua_deadline(p->ua) == SMX_NEVER);
}

static void a_phone_takes_itself_or_everybody_off(void **state)
{
    struct phone *p = *state;

    say(p, 5070, REGISTER("alice", "m: <sip:x@h>\n", ""), 1, 1);
    say(p, 5071, REGISTER("alice", "m: <sip:y@h>\n", "Expires: 30\n"), 2, 2);
    assert_int_equal(bindings(p), 2);
    say(p, 5070, REGISTER("alice", "m: <sip:x@h>;expires=0\n", ""), 3, 3);
    assert_int_equal(bindings(p), 1);
    say(p, 5070, REGISTER("alice", "m: *\n", "Expires: 7\n"), 4, 4);
    assert_int_equal(bindings(p), 1);
    say(p, 5070, REGISTER("alice", "m: *\n", "Expires: 0\n"), 5, 5);
    assert_int_equal(bindings(p), 0);
    expect_sent(p, "SIP/2.0 200");
    expect_sent(p, "SIP/2.0 200");
    expect_sent(p, "SIP/2.0 200");
    expect_sent(p, "SIP/2.0 400");
    expect_sent(p, "SIP/2.0 200");
    assert_null(sent_header(p, "Contact"));
}

static void an_overtaken_registration_changes_nothing(void **state)
{
    struct phone *p = *state;

    say(p, 5070, REGISTER("alice", "m: <sip:x@h>\n", ""), 2, 2);
    say(p, 5070, REGISTER("alice", "m: <sip:x@h>;expires=0\n", ""), 1, 1);
    expect_sent(p, "SIP/2.0 200");
    expect_sent(p, "SIP/2.0 500");
    assert_int_equal(bindings(p), 1);
}

static void the_same_phone_with_a_new_contact_replaces_its_old_one(void **state)
{
    struct phone *p = *state;

    say(p, 5070, REGISTER("alice", "m: <sip:x@h>\n", ""), 1, 1);
    say(p, 5070, REGISTER("alice", "m: <sip:z@h>\n", ""), 2, 1);
    assert_int_equal(bindings(p), 1);
}

static void a_new_name_is_claimed_once(void **state)
{
    struct phone *p = *state;
    const char *names[] = {"anon-2b4c6d8e", "alice", "carol"};

    for (int i = 1; i < 4; i++) {
        say(p, 5070, REGISTER("Carol", "m: <sip:x@h>\n", ""), i, i);
        expect_sent(p, "SIP/2.0 200");
    }
    assert_string_equal(expect_order(p, SMX_UA_CLAIM)->target.text, "carol");
    expect_no_order(p);
    smx_ua_identities(p->ua, names, 3);
    say(p, 5070, REGISTER("carol", "m: <sip:x@h>\n", ""), 5, 5);
    expect_no_order(p);
}

static void a_refused_name_is_forgotten_and_forbidden(void **state)
{
    struct phone *p = *state;

    say(p, 5070, REGISTER("carol", "m: <sip:x@h>\n", ""), 1, 1);
    expect_sent(p, "SIP/2.0 200");
    expect_order(p, SMX_UA_CLAIM);
    smx_ua_claim_refused(p->ua, "carol");
    assert_int_equal(bindings(p), 0);
    say(p, 5070, REGISTER("carol", "m: <sip:x@h>\n", ""), 2, 2);
    expect_sent(p, "SIP/2.0 403");
    expect_no_order(p);
}

static void addresses_that_cannot_be_ours_are_refused(void **state)
{
    struct phone *p = *state;

    say(p, 5070, REGISTER("x", "m: <sip:x@h>\n", ""), 1, 1); /* too short for a name */
    expect_sent(p, "SIP/2.0 404");
    say(p, 5070, REGISTER("has%%20blank", "m: <sip:x@h>\n", ""), 2, 2);
    expect_sent(p, "SIP/2.0 404");
    say(p, 5070, REGISTER("abcdefghijklmnopqrstuvwxyz234567abcdefghijklmnopqrst", "m: <sip:x@h>\n", ""), 3,
        3);
    expect_sent(p, "SIP/2.0 403"); /* somebody else's key */
    say(p, 5070,
        "REGISTER sip:other.example SIP/2.0\nv: SIP/2.0/UDP h;branch=z9hG4bK9\nt: <sip:alice@other.example>\n"
        "f: <sip:alice@other.example>;tag=1\ni: 2\nCSeq: 1 REGISTER\nm: <sip:x@h>\n\n");
    expect_sent(p, "SIP/2.0 404");
    assert_int_equal(bindings(p), 0);
    expect_no_order(p);
}

static void phones_beyond_the_table_are_turned_away(void **state)
{
    struct phone *p = *state;

    for (int i = 0; i < 8; i++) {
        say(p, (uint16_t)(5070 + i), REGISTER("alice", "m: <sip:x%d@h>\n", ""), i, i, i);
        expect_sent(p, "SIP/2.0 200");
    }
    say(p, 5099, REGISTER("alice", "m: <sip:x9@h>\n", ""), 9, 9);
    expect_sent(p, "SIP/2.0 503");
    assert_int_equal(bindings(p), 8);
}

static void a_flood_of_registrations_leaves_nothing_behind(void **state)
{
    struct phone *p = *state;

    for (int i = 0; i < 2000; i++) {
        say(p, 5070, REGISTER("alice", "m: <sip:x@h>\n", ""), i, i);
        while (next_sent(p))
            continue;
    }
    assert_int_equal(bindings(p), 1);
    assert_int_equal(smx_ua_usage(p->ua).transactions, 0);
    assert_int_equal(smx_ua_stats(p->ua).sends_dropped, 0);
}

#define ASK(method, more)                                                                                    \
    method " sip:alice@127.0.0.1 SIP/2.0\nv: SIP/2.0/UDP h;branch=z9hG4bK1\nt: <sip:alice@sipmix.alt>\n"     \
           "f: <sip:a@b>;tag=1\ni: q\nCSeq: 1 " method "\n" more "\n"

static void each_method_has_one_answer(void **state)
{
    static const struct {
        const char *request, *answer;
    } cases[] = {
        {ASK("OPTIONS", ""), "SIP/2.0 200 OK\r\n"},
        {ASK("INFO", ""), "SIP/2.0 481 Call/Transaction Does Not Exist\r\n"},
        {ASK("NEWMETHOD", ""), "SIP/2.0 405 Method Not Allowed\r\n"},
        {ASK("PRACK", ""), "SIP/2.0 481 Call/Transaction Does Not Exist\r\n"},
        {ASK("REFER", ""), "SIP/2.0 603 Decline\r\n"},
        {ASK("PUBLISH", ""), "SIP/2.0 489 Bad Event\r\n"},
        {ASK("SUBSCRIBE", ""), "SIP/2.0 489 Bad Event\r\n"},
        {ASK("BYE", ""), "SIP/2.0 481 Call/Transaction Does Not Exist\r\n"},
        {ASK("CANCEL", ""), "SIP/2.0 481 Call/Transaction Does Not Exist\r\n"},
        {ASK("OPTIONS", "Require: gruu\n"), "SIP/2.0 420 Bad Extension\r\n"},
        {ASK("OPTIONS", "Proxy-Require: x\n"), "SIP/2.0 420 Bad Extension\r\n"},
        {ASK("MESSAGE", "e: gzip\n"), "SIP/2.0 415 Unsupported Media Type\r\n"},
        {ASK("OPTIONS", "CSeq: 2 OPTIONS\n"), "SIP/2.0 400 Bad Request\r\n"},
    };
    struct phone *p = *state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        say(p, 5070, "%s", cases[i].request);
        if (strstr(cases[i].answer, "400")) { /* a second CSeq leaves nothing to answer to */
            expect_quiet(p);
            continue;
        }
        expect_sent(p, cases[i].answer);
        if (strstr(cases[i].answer, "405"))
            assert_string_equal(sent_header(p, "Allow"), SMX_SIP_ALLOW);
        if (strstr(cases[i].answer, "420"))
            assert_non_null(sent_header(p, "Unsupported"));
        expect_quiet(p);
    }
    say(p, 5070, "%s", ASK("ACK", ""));
    expect_quiet(p);
    say(p, 5070, "\n\n");
    say(p, 5070, "jaK");
    expect_quiet(p);
    assert_int_equal(smx_ua_stats(p->ua).gate_refused, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PHONE_TEST(a_phone_is_told_its_own_contact_byte_for_byte),
        PHONE_TEST(an_instance_and_other_parameters_come_back),
        PHONE_TEST(a_binding_ends_with_its_time),
        PHONE_TEST(a_phone_takes_itself_or_everybody_off),
        PHONE_TEST(an_overtaken_registration_changes_nothing),
        PHONE_TEST(the_same_phone_with_a_new_contact_replaces_its_old_one),
        PHONE_TEST(a_new_name_is_claimed_once),
        PHONE_TEST(a_refused_name_is_forgotten_and_forbidden),
        PHONE_TEST(addresses_that_cannot_be_ours_are_refused),
        PHONE_TEST(phones_beyond_the_table_are_turned_away),
        PHONE_TEST(a_flood_of_registrations_leaves_nothing_behind),
        PHONE_TEST(each_method_has_one_answer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
