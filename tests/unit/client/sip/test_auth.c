/* tests/unit/client/sip/test_auth.c - digest authentication: the answers of RFC 7616, and what phones and
 * those who guess meet.  Answers are made here by OpenSSL, which the core does not use. */
#include "tests/unit/client/sip/phone.h"

#include <openssl/evp.h>

static const struct smx_auth_account accounts[] = {{"alice", "tea for two, please"},
                                                   {"white.rabbit", "I am late!"}};

static struct smx_rng rng;
static struct smx_auth auth;
static smx_time now;
static struct smx_addr source;

static void begin(enum smx_auth_offer offer)
{
    static const uint8_t seed[SMX_RNG_SEED] = {9};

    smx_rng_init(&rng, seed);
    memset(&auth, 0, sizeof auth);
    assert_true(smx_auth_init(&auth, &rng, "sipmix.alt", accounts, 2, offer));
    now = SMX_SECOND(1000);
    source = phone_addr("192.0.2.7:5070");
}

static struct smx_auth_ask asking(const char *method, const char *uri)
{
    return (struct smx_auth_ask){method, smx_span_of(uri), &source, 0};
}

/* ---- a phone's side of it ---- */

static void digest(const char *algorithm, const char *text, char out[65])
{
    uint8_t raw[EVP_MAX_MD_SIZE];
    unsigned len;

    assert_int_equal(EVP_Digest(text, strlen(text), raw, &len,
                                strcmp(algorithm, "MD5") == 0 ? EVP_md5() : EVP_sha256(), NULL),
                     1);
    for (unsigned i = 0; i < len; i++)
        snprintf(out + 2 * i, 3, "%02x", raw[i]);
}

struct said {
    const char *user, *password, *method, *uri, *algorithm;
    unsigned nc;
};

/* The value of an Authorization header for a nonce. */
static const char *answer(const char *nonce, struct said s)
{
    static char out[1024];
    char first[65], second[65], response[65], text[512];

    snprintf(text, sizeof text, "%s:sipmix.alt:%s", s.user, s.password);
    digest(s.algorithm, text, first);
    snprintf(text, sizeof text, "%s:%s", s.method, s.uri);
    digest(s.algorithm, text, second);
    snprintf(text, sizeof text, "%s:%s:%08x:c0ffee:auth:%s", first, nonce, s.nc, second);
    digest(s.algorithm, text, response);
    snprintf(out, sizeof out,
             "Digest username=\"%s\", realm=\"sipmix.alt\", nonce=\"%s\", uri=\"%s\", response=\"%s\", "
             "algorithm=%s, cnonce=\"c0ffee\", qop=auth, nc=%08x",
             s.user, nonce, s.uri, response, s.algorithm, s.nc);
    return out;
}

/* The nonce that is offered for an algorithm in lines of a challenge. */
static const char *nonce_in(const char *lines, const char *algorithm)
{
    static char out[128];
    char want[64];
    const char *end = strstr(lines, (snprintf(want, sizeof want, "\", algorithm=%s,", algorithm), want)), *at;

    assert_non_null(end);
    for (at = end; at[-1] != '"'; at--)
        continue;
    snprintf(out, sizeof out, "%.*s", (int)(end - at), at);
    return out;
}

static const char *challenge(bool stale)
{
    static char room[1024];
    struct smx_text t = {room, 0, sizeof room - 1, false};
    struct smx_auth_ask ask = asking("REGISTER", "sip:sipmix.alt");

    smx_auth_challenge(&auth, now, &rng, &ask, stale, &t);
    assert_false(t.full);
    room[t.len] = 0;
    return room;
}

static enum smx_auth_verdict check(const char *method, const char *uri, const char *value)
{
    struct smx_auth_ask ask = asking(method, uri);
    struct smx_span one = smx_span_of(value);

    return smx_auth_check(&auth, now, &ask, &one, 1);
}

static struct said right(const char *algorithm, unsigned nc)
{
    return (struct said){"alice", "tea for two, please", "REGISTER", "sip:sipmix.alt", algorithm, nc};
}

static enum smx_auth_verdict try(const char *nonce, struct said s)
{
    return check("REGISTER", "sip:sipmix.alt", answer(nonce, s));
}

/* ---- tests ---- */

/* RFC 7616, 3.9.1.  The nonce is not ours, so what is right there is stale here, and what is not is wrong. */
static void the_answers_of_rfc_7616_are_right(void **state)
{
    static const struct smx_auth_account mufasa = {"Mufasa", "Circle of Life"};
    static const char *const responses[] = {
        "8ca523f5e9506fed4657c9700eebdbec\", algorithm=MD5",
        "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1\", algorithm=SHA-256"};
    char value[1024], *flipped;

    (void)state;
    begin(SMX_AUTH_BOTH);
    assert_true(smx_auth_init(&auth, &rng, "http-auth@example.org", &mufasa, 1, SMX_AUTH_BOTH));
    for (size_t i = 0; i < 2; i++) {
        snprintf(value, sizeof value,
                 "Digest username=\"Mufasa\", realm=\"http-auth@example.org\", uri=\"/dir/index.html\", "
                 "nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", nc=00000001, "
                 "cnonce=\"f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ\", qop=auth, "
                 "opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\", response=\"%s",
                 responses[i]);
        assert_int_equal(check("GET", "/dir/index.html", value), SMX_AUTH_STALE);
        flipped = strstr(value, "response=\"") + 10;
        *flipped ^= 1;
        assert_int_equal(check("GET", "/dir/index.html", value), SMX_AUTH_WRONG);
    }
}

static void a_phone_that_knows_the_password_is_let_in(void **state)
{
    (void)state;
    begin(SMX_AUTH_BOTH);
    assert_int_equal(try(nonce_in(challenge(false), "SHA-256"), right("SHA-256", 1)), SMX_AUTH_GOOD);
    assert_int_equal(try(nonce_in(challenge(false), "MD5"), right("MD5", 1)), SMX_AUTH_GOOD);
}

static void sha_256_is_offered_first_and_each_has_its_nonce(void **state)
{
    const char *text;
    char nonce[128];

    (void)state;
    begin(SMX_AUTH_BOTH);
    text = challenge(false);
    assert_true(strstr(text, "SHA-256") < strstr(text, "MD5"));
    snprintf(nonce, sizeof nonce, "%s", nonce_in(text, "SHA-256"));
    assert_string_not_equal(nonce, nonce_in(text, "MD5"));
    assert_null(strstr(text, "stale"));
    assert_int_equal(try(nonce, right("MD5", 1)), SMX_AUTH_STALE); /* made for the other one */
    assert_non_null(strstr(challenge(true), ", stale=true\r\n"));
}

static void what_is_not_offered_is_not_taken(void **state)
{
    (void)state;
    begin(SMX_AUTH_SHA256);
    assert_null(strstr(challenge(false), "MD5"));
    assert_int_equal(try(nonce_in(challenge(false), "SHA-256"), right("MD5", 1)), SMX_AUTH_ASK);
    begin(SMX_AUTH_MD5);
    assert_null(strstr(challenge(false), "SHA-256"));
    assert_int_equal(try(nonce_in(challenge(false), "MD5"), right("MD5", 1)), SMX_AUTH_GOOD);
}

static void a_count_is_good_once_in_whatever_order(void **state)
{
    static const unsigned order[] = {1, 2, 5, 3, 4, 70, 10};
    char nonce[128];

    (void)state;
    begin(SMX_AUTH_BOTH);
    snprintf(nonce, sizeof nonce, "%s", nonce_in(challenge(false), "SHA-256"));
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++)
        assert_int_equal(try(nonce, right("SHA-256", order[i])), SMX_AUTH_GOOD);
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++)
        assert_int_equal(try(nonce, right("SHA-256", order[i])), SMX_AUTH_STALE);
    assert_int_equal(try(nonce, right("SHA-256", 6)), SMX_AUTH_STALE); /* too far behind 70 to be known */
    assert_int_equal(try(nonce, right("SHA-256", UINT32_MAX)), SMX_AUTH_GOOD);
}

static void a_nonce_ends_after_five_minutes(void **state)
{
    char nonce[128];

    (void)state;
    begin(SMX_AUTH_BOTH);
    snprintf(nonce, sizeof nonce, "%s", nonce_in(challenge(false), "SHA-256"));
    now += SMX_SECOND(299);
    assert_int_equal(try(nonce, right("SHA-256", 1)), SMX_AUTH_GOOD);
    now += SMX_SECOND(1);
    assert_int_equal(try(nonce, right("SHA-256", 2)), SMX_AUTH_STALE);
}

static void a_nonce_is_of_no_use_to_another_source(void **state)
{
    char nonce[128];

    (void)state;
    begin(SMX_AUTH_BOTH);
    snprintf(nonce, sizeof nonce, "%s", nonce_in(challenge(false), "SHA-256"));
    source = phone_addr("192.0.2.8:5070");
    assert_int_equal(try(nonce, right("SHA-256", 1)), SMX_AUTH_STALE);
    source = phone_addr("192.0.2.7:6000"); /* a phone may choose its port anew */
    assert_int_equal(try(nonce, right("SHA-256", 1)), SMX_AUTH_GOOD);
}

static void what_was_used_is_not_forgotten_for_want_of_room(void **state)
{
    char first[128], last[128];

    (void)state;
    begin(SMX_AUTH_SHA256);
    snprintf(first, sizeof first, "%s", nonce_in(challenge(false), "SHA-256"));
    assert_int_equal(try(first, right("SHA-256", 1)), SMX_AUTH_GOOD);
    for (int i = 0; i < SMX_AUTH_NONCES + 1; i++) {
        now += SMX_MS(1);
        snprintf(last, sizeof last, "%s", nonce_in(challenge(false), "SHA-256"));
        assert_int_equal(try(last, right("SHA-256", 1)), SMX_AUTH_GOOD);
    }
    assert_int_equal(try(first, right("SHA-256", 1)), SMX_AUTH_STALE);
    assert_int_equal(try(first, right("SHA-256", 2)), SMX_AUTH_STALE);
    assert_int_equal(try(last, right("SHA-256", 2)), SMX_AUTH_GOOD);
}

static void an_answer_is_for_one_method_and_address(void **state)
{
    struct said s = right("SHA-256", 1);
    const char *nonce;

    (void)state;
    begin(SMX_AUTH_BOTH);
    nonce = nonce_in(challenge(false), "SHA-256");
    assert_int_equal(check("INVITE", "sip:sipmix.alt", answer(nonce, s)), SMX_AUTH_WRONG);
    assert_int_equal(check("REGISTER", "sip:other@sipmix.alt", answer(nonce, s)), SMX_AUTH_ASK);
    assert_int_equal(check("REGISTER", "sip:sipmix.alt", answer(nonce, s)), SMX_AUTH_GOOD);
}

static void a_user_that_is_not_known_is_as_wrong_as_a_password(void **state)
{
    struct said s = right("SHA-256", 1);

    (void)state;
    begin(SMX_AUTH_BOTH);
    s.password = "tea for one";
    assert_int_equal(try(nonce_in(challenge(false), "SHA-256"), s), SMX_AUTH_WRONG);
    s.password = "I am late!"; /* somebody else's */
    assert_int_equal(try(nonce_in(challenge(false), "SHA-256"), s), SMX_AUTH_WRONG);
    s.user = "nobody";
    assert_int_equal(try(nonce_in(challenge(false), "SHA-256"), s), SMX_AUTH_WRONG);
    s.user = "";
    assert_int_equal(try(nonce_in(challenge(false), "SHA-256"), s), SMX_AUTH_WRONG);
}

static void who_guesses_waits_twice_as_long_each_time(void **state)
{
    struct said s = right("SHA-256", 1);
    smx_time waited = 0;

    (void)state;
    begin(SMX_AUTH_BOTH);
    s.password = "guess";
    for (int i = 0; i < SMX_AUTH_FREE; i++)
        assert_int_equal(try(nonce_in(challenge(false), "SHA-256"), s), SMX_AUTH_WRONG);
    for (smx_time wait = 1; wait <= 2048; wait *= 2) {
        smx_time seconds = wait < SMX_AUTH_WAIT_MAX ? wait : SMX_AUTH_WAIT_MAX;

        now += SMX_SECOND(seconds) - 1;
        assert_int_equal(try(nonce_in(challenge(false), "SHA-256"), right("SHA-256", 1)), SMX_AUTH_WAIT);
        now += 1;
        waited += seconds;
        assert_int_equal(try(nonce_in(challenge(false), "SHA-256"), s), SMX_AUTH_WRONG);
    }
    assert_true(waited > 1000);
    source = phone_addr("192.0.2.8:5070"); /* nobody else does */
    assert_int_equal(try(nonce_in(challenge(false), "SHA-256"), right("SHA-256", 1)), SMX_AUTH_GOOD);
    source = phone_addr("192.0.2.7:5070");
    now += SMX_SECOND(SMX_AUTH_WAIT_MAX);
    assert_int_equal(try(nonce_in(challenge(false), "SHA-256"), right("SHA-256", 1)), SMX_AUTH_GOOD);
    for (int i = 0; i < SMX_AUTH_FREE - 1; i++) /* and after that it begins anew */
        assert_int_equal(try(nonce_in(challenge(false), "SHA-256"), s), SMX_AUTH_WRONG);
    assert_int_equal(try(nonce_in(challenge(false), "SHA-256"), right("SHA-256", 1)), SMX_AUTH_GOOD);
}

static void a_host_has_all_addresses_of_its_ipv6_network(void **state)
{
    struct said s = right("SHA-256", 1);
    char text[64];

    (void)state;
    begin(SMX_AUTH_BOTH);
    s.password = "guess";
    for (int i = 0; i < SMX_AUTH_FREE; i++) {
        snprintf(text, sizeof text, "[2001:db8::%d]:5060", i + 1);
        source = phone_addr(text);
        assert_int_equal(try(nonce_in(challenge(false), "SHA-256"), s), SMX_AUTH_WRONG);
    }
    source = phone_addr("[2001:db8::77]:5060");
    assert_true(smx_auth_waits(&auth, now, &source));
    source = phone_addr("[2001:db8:0:1::77]:5060");
    assert_false(smx_auth_waits(&auth, now, &source));
}

static void what_answers_no_challenge_of_ours_is_asked_again(void **state)
{
    static const char *const values[] = {
        "",
        "Basic YWxpY2U6dGVh",
        "Digest",
        "Digest username=\"alice\"",
        "Digest username=\"alice, realm=\"sipmix.alt\"",
        "Digest username=\"ali\\",
        "Digest ,,,,=,\"=\",",
    };
    char value[1024], *at;

    (void)state;
    begin(SMX_AUTH_BOTH);
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
        assert_int_equal(check("REGISTER", "sip:sipmix.alt", values[i]), SMX_AUTH_ASK);
    for (int i = 0; i < 7; i++) {
        static const char *const params[] = {
            "realm=\"sipmi", "qop=auth", "nc=", "cnonce=", "algorithm=SHA-", "nonce=", "uri="};
        snprintf(value, sizeof value, "%s",
                 answer(nonce_in(challenge(false), "SHA-256"), right("SHA-256", 1)));
        at = strstr(value, params[i]);
        assert_non_null(at);
        at[strlen(params[i]) - 1] = 'x'; /* another value, or no such parameter */
        assert_int_equal(check("REGISTER", "sip:sipmix.alt", value), SMX_AUTH_ASK);
    }
    snprintf(value, sizeof value, "%s, nc=00000001",
             answer(nonce_in(challenge(false), "SHA-256"), right("SHA-256", 1)));
    assert_int_equal(check("REGISTER", "sip:sipmix.alt", value), SMX_AUTH_ASK); /* twice */
    assert_int_equal(auth.source[0].forget, 0); /* none of it counts as a guess */
}

static void accounts_that_are_none_are_refused(void **state)
{
    static const struct smx_auth_account bad[] = {{"", "password"}, {"alice", ""}, {NULL, "x"}};
    static char text[200];
    struct smx_auth_account longer = {"alice", text};

    (void)state;
    begin(SMX_AUTH_BOTH);
    for (size_t i = 0; i < 3; i++)
        assert_false(smx_auth_init(&auth, &rng, "sipmix.alt", &bad[i], 1, SMX_AUTH_BOTH));
    memset(text, 'x', sizeof text - 1);
    assert_false(smx_auth_init(&auth, &rng, "sipmix.alt", &longer, 1, SMX_AUTH_BOTH));
    assert_false(smx_auth_init(&auth, &rng, "sipmix.alt", accounts, SMX_AUTH_ACCOUNTS + 1, SMX_AUTH_BOTH));
}

/* ---- the phone side as a whole ---- */

static int setup_asked(void **state)
{
    static const uint8_t seed[SMX_RNG_SEED] = {7};
    static const struct smx_ua_ports ports[1] = {{30000, 30001}};
    static const char *const names[] = {"alice"};
    struct phone *p = calloc(1, sizeof *p);
    struct smx_ua_config config = {
        .domain = "sipmix.alt", .ports = ports, .port_count = 1, .accounts = accounts, .account_count = 2};

    if (!p)
        return -1;
    config.udp = phone_addr("127.0.0.1:5060");
    memcpy(config.media_ip, config.udp.ip, sizeof config.media_ip);
    smx_rng_init(&p->rng, seed);
    p->now = SMX_SECOND(1000);
    p->ua = smx_ua_new(&config, &p->rng);
    smx_ua_identities(p->ua, names, 1);
    smx_ua_network(p->ua, true);
    *state = p;
    return 0;
}

/* A request of alice's as it comes first, or with an answer to the last challenge. */
static void request(struct phone *p, const char *method, const char *uri, const char *more, bool proven)
{
    struct said s = {"alice", "tea for two, please", method, uri, "SHA-256", 1};
    char line[1200] = "";

    if (proven)
        snprintf(line, sizeof line, "Authorization: %s\n", answer(nonce_in(p->text, "SHA-256"), s));
    say(p, 5070,
        "%s %s SIP/2.0\nVia: SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bK%s%d;rport\nTo: <%s>\n"
        "From: <sip:alice@sipmix.alt>;tag=1\nCall-ID: %s\nCSeq: %d %s\n"
        "Contact: <sip:alice@127.0.0.1:5070>\n%s%s",
        method, uri, method, proven, strcmp(method, "REGISTER") == 0 ? "sip:alice@sipmix.alt" : uri, method,
        1 + proven, method, line, more);
}

static void register_invite_and_message_are_to_be_proven(void **state)
{
    struct phone *p = *state;

    request(p, "REGISTER", "sip:sipmix.alt", "\n", false);
    expect_sent(p, "SIP/2.0 401 Unauthorized\r\n");
    assert_non_null(strstr(sent_header(p, "WWW-Authenticate"), "Digest realm=\"sipmix.alt\", nonce=\""));
    assert_int_equal(smx_ua_usage(p->ua).bindings, 0);
    request(p, "REGISTER", "sip:sipmix.alt", "\n", true);
    expect_sent(p, "SIP/2.0 200 OK\r\n");
    assert_int_equal(smx_ua_usage(p->ua).bindings, 1);

    request(p, "MESSAGE", "sip:bob@sipmix.alt", "Content-Type: text/plain\n\nhello", false);
    expect_sent(p, "SIP/2.0 401 Unauthorized\r\n");
    expect_no_order(p);
    request(p, "MESSAGE", "sip:bob@sipmix.alt", "Content-Type: text/plain\n\nhello", true);
    (void)expect_order(p, SMX_UA_MESSAGE_SEND);

    request(p, "INVITE", "sip:bob@sipmix.alt", "\n", false);
    expect_sent(p, "SIP/2.0 401 Unauthorized\r\n");
    expect_no_order(p);
    request(p, "INVITE", "sip:bob@sipmix.alt", "\n", true);
    expect_sent(p, "SIP/2.0 100 Trying\r\n");
    (void)expect_order(p, SMX_UA_CALL_START);
}

static void a_request_without_a_password_leaves_nothing_behind(void **state)
{
    struct phone *p = *state;

    for (int i = 0; i < 1000; i++) {
        request(p, "INVITE", "sip:bob@sipmix.alt", "\n", false);
        expect_sent(p, "SIP/2.0 401 ");
        expect_quiet(p);
    }
    assert_int_equal(smx_ua_usage(p->ua).transactions, 0);
    assert_int_equal(smx_ua_usage(p->ua).calls, 0);
    assert_int_equal(smx_ua_stats(p->ua).auth_wrong, 0);
}

static void options_are_answered_to_anybody_and_names_are_told_to_nobody(void **state)
{
    struct phone *p = *state;
    char first[64];

    request(p, "OPTIONS", "sip:sipmix.alt", "\n", false);
    expect_sent(p, "SIP/2.0 200 OK\r\n");
    request(p, "MESSAGE", "sip:No+Name@sipmix.alt", "\n", false); /* 404 to those who may know */
    expect_sent(p, "SIP/2.0 401 ");
    snprintf(first, sizeof first, "%.40s", p->text);
    request(p, "MESSAGE", "sip:alice@sipmix.alt", "\n", false);
    expect_sent(p, first);
}

static void who_guesses_gets_503(void **state)
{
    struct phone *p = *state;

    for (int i = 0; i <= SMX_AUTH_FREE; i++) {
        struct said s = {"alice", "guess", "REGISTER", "sip:sipmix.alt", "SHA-256", 1};

        request(p, "REGISTER", "sip:sipmix.alt", "\n", false);
        expect_sent(p, i < SMX_AUTH_FREE ? "SIP/2.0 401 " : "SIP/2.0 503 ");
        if (i < SMX_AUTH_FREE) {
            char line[1200];

            snprintf(line, sizeof line, "Authorization: %s\n\n", answer(nonce_in(p->text, "SHA-256"), s));
            request(p, "REGISTER", "sip:sipmix.alt", line, false);
            expect_sent(p, "SIP/2.0 401 ");
            assert_null(strstr(p->text, "stale"));
        }
    }
    assert_string_equal(sent_header(p, "Retry-After"), "10");
    assert_int_equal(smx_ua_stats(p->ua).auth_wrong, SMX_AUTH_FREE);
    assert_int_equal(smx_ua_stats(p->ua).auth_waits, 1);
}

#define ASKED_TEST(f) cmocka_unit_test_setup_teardown(f, setup_asked, phone_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_answers_of_rfc_7616_are_right),
        cmocka_unit_test(a_phone_that_knows_the_password_is_let_in),
        cmocka_unit_test(sha_256_is_offered_first_and_each_has_its_nonce),
        cmocka_unit_test(what_is_not_offered_is_not_taken),
        cmocka_unit_test(a_count_is_good_once_in_whatever_order),
        cmocka_unit_test(a_nonce_ends_after_five_minutes),
        cmocka_unit_test(a_nonce_is_of_no_use_to_another_source),
        cmocka_unit_test(what_was_used_is_not_forgotten_for_want_of_room),
        cmocka_unit_test(an_answer_is_for_one_method_and_address),
        cmocka_unit_test(a_user_that_is_not_known_is_as_wrong_as_a_password),
        cmocka_unit_test(who_guesses_waits_twice_as_long_each_time),
        cmocka_unit_test(a_host_has_all_addresses_of_its_ipv6_network),
        cmocka_unit_test(what_answers_no_challenge_of_ours_is_asked_again),
        cmocka_unit_test(accounts_that_are_none_are_refused),
        ASKED_TEST(register_invite_and_message_are_to_be_proven),
        ASKED_TEST(a_request_without_a_password_leaves_nothing_behind),
        ASKED_TEST(options_are_answered_to_anybody_and_names_are_told_to_nobody),
        ASKED_TEST(who_guesses_gets_503),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
