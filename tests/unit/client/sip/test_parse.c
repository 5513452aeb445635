/* tests/unit/client/sip/test_parse.c - the parser behind the gate, and the torture messages of RFC 4475. */
#include "tests/unit/client/sip/phone.h"

#include "client/sip/parse.h"

static struct smx_sip sip;
static char wire[PHONE_MESSAGE];

static enum smx_err parse(const char *text, bool stream)
{
    size_t len = phone_wire(wire, sizeof wire, text);

    return smx_sip_parse(&sip, (const uint8_t *)wire, len, stream);
}

static int library(void **state)
{
    (void)state;
    smx_sip_library();
    return 0;
}

static void a_request_of_a_phone_is_taken_apart(void **state)
{
    (void)state;
    snprintf(wire, sizeof wire, PHONE_INVITE "Content-Type: application/sdp\n\nv=0\n", "white.rabbit", "abc");
    {
        char text[sizeof wire];

        memcpy(text, wire, sizeof text);
        assert_int_equal(parse(text, false), SMX_OK);
    }
    assert_true(sip.is_request);
    assert_int_equal(sip.method, SMX_M_INVITE);
    assert_int_equal(sip.uri.scheme, SMX_SCHEME_SIP);
    assert_string_equal(sip.uri.user, "white.rabbit");
    assert_string_equal(sip.uri.host, "sipmix.alt");
    assert_string_equal(sip.from_uri.user, "alice");
    assert_string_equal(sip.from_tag, "ee4756530b55aeb4");
    assert_null(sip.to_tag);
    assert_string_equal(sip.branch, "z9hG4bKabc");
    assert_int_equal(sip.cseq, 55292);
    assert_true(smx_span_is(sip.call_id, "beabe5a8b8aacc91"));
    assert_int_equal(sip.contact_count, 1);
    assert_true(smx_span_is(sip.contact[0].uri, "sip:alice-0x56514a5736a0@127.0.0.1:5070"));
    assert_true(smx_span_is(sip.body, "v=0\r\n"));
    smx_sip_fini(&sip);
}

#define HEAD(first) first "\nv: SIP/2.0/UDP h;branch=z9hG4bK1\nf: <sip:a@b>;tag=1\nt: <sip:c@d>;tag=2\ni: x\n"

static void a_response_is_taken_apart(void **state)
{
    (void)state;
    assert_int_equal(parse(HEAD("SIP/2.0 486 Busy here, sorry") "CSeq: 7 INVITE\n\n", false), SMX_OK);
    assert_false(sip.is_request);
    assert_int_equal(sip.status, 486);
    assert_int_equal(sip.method, SMX_M_INVITE);
    assert_string_equal(sip.to_tag, "2");
    smx_sip_fini(&sip);
}

static void what_the_library_would_take_is_refused_where_it_lies(void **state)
{
    static const char *const bad[] = {
        HEAD("SIP/2.0 -5 x") "CSeq: 7 INVITE\n\n",
        HEAD("SIP/2.0 4294967301 x") "CSeq: 7 INVITE\n\n",
        HEAD("SIP/2.0 700 x") "CSeq: 7 INVITE\n\n",
        HEAD("OPTIONS sip:a@b SIP/7.0") "CSeq: 7 OPTIONS\n\n",
        HEAD("OPTIONS  sip:a@b SIP/2.0") "CSeq: 7 OPTIONS\n\n",
        HEAD("OPTIONS sip:a@b SIP/2.0") "CSeq: 7 INVITE\n\n",
        HEAD("OPTIONS sip:a@b SIP/2.0") "CSeq: 2147483648 OPTIONS\n\n",
        HEAD("OPTIONS sip:a@b SIP/2.0") "CSeq: -1 OPTIONS\n\n",
        HEAD("OPTIONS sip:a@b SIP/2.0") "CSeq: 7 OPTIONS\nMax-Forwards: 256\n\n",
        HEAD("OPTIONS sip:a@b SIP/2.0") "CSeq: 7 OPTIONS\nMax-Forwards: 1\nMax-Forwards: 2\n\n",
        HEAD("OPTIONS sip:a@b SIP/2.0") "CSeq: 7 OPTIONS\nExpires: soon\n\n",
        HEAD("OPTIONS sip:a@b SIP/2.0") "CSeq: 7 OPTIONS\nf: <sip:a@b>;tag=1\n\n",
        HEAD("OPTIONS sip:a@b SIP/2.0") "CSeq: 7 OPTIONS\nm: <sip:a@b?x=y>\n\n",
        HEAD("OPTIONS sip:a@b SIP/2.0") "CSeq: 7 OPTIONS\nm: <tel:+1>\n\n",
        HEAD("OPTIONS sip:a@b SIP/2.0") "CSeq: 7 OPTIONS\nm: <sip:a@b>;expires=x\n\n",
        HEAD("OPTIONS sip:a@b SIP/2.0") "CSeq: 7 OPTIONS\nl: 1\n\n",
        HEAD("OPTIONS sip:a@b SIP/2.0") "\n",
        "OPTIONS sip:a@b SIP/2.0\nf: <sip:a@b>;tag=1\nt: <sip:c@d>\ni: x\nCSeq: 7 OPTIONS\n\n",
        "OPTIONS sip:a@b SIP/2.0\nv: SIP/2.0/UDP h;branch=z9hG4bK1\nt: <sip:c@d>\ni: x\nCSeq: 7 OPTIONS\n\n",
        "OPTIONS sip:a@b SIP/2.0\nv: SIP/2.0/UDP h;branch=z9hG4bK1\nf: <sip:a@b>\nt: <sip:c@d>\ni: x\nCSeq: "
        "7 OPTIONS\n\n",
        "OPTIONS sip:a@b SIP/2.0\nv: SIP/2.0/UDP h;branch=z9hG4bK1\nf: <sip:a@b>;tag=1\nt: <sip:c@d>\ni: x "
        "y\nCSeq: 7 OPTIONS\n\n",
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (parse(bad[i], false) != SMX_E_MALFORMED)
            fail_msg("taken: %s", bad[i]);
}

static void a_contact_keeps_its_spelling_around_its_expiry(void **state)
{
    const struct smx_contact *c = sip.contact;

    (void)state;
    assert_int_equal(
        parse(HEAD("OPTIONS sip:a@b SIP/2.0") "CSeq: 7 OPTIONS\nm: \"A, <B>\" <sip:x@h;lr> ;EXPIRES= 60 "
                                              ";+sip.instance=\"<urn:uuid:0>\" , sip:y@h;q=0.5,*\n\n",
              false),
        SMX_OK);
    assert_int_equal(sip.contact_count, 3);
    assert_true(smx_span_is(c[0].uri, "sip:x@h;lr"));
    assert_true(smx_span_is(c[0].head, "\"A, <B>\" <sip:x@h;lr> "));
    assert_true(smx_span_is(c[0].tail, ";+sip.instance=\"<urn:uuid:0>\""));
    assert_true(c[0].has_expires);
    assert_int_equal(c[0].expires, 60);
    assert_true(smx_span_is(c[1].uri, "sip:y@h"));
    assert_true(smx_span_is(c[1].head, "sip:y@h;q=0.5"));
    assert_false(c[1].has_expires);
    assert_true(smx_span_is(c[2].uri, "*"));
    smx_sip_fini(&sip);
}

static void a_stream_waits_for_the_whole_message_and_knows_its_end(void **state)
{
    static const char text[] = HEAD("OPTIONS sip:a@b SIP/2.0") "CSeq: 7 OPTIONS\nl: 4\n\nbodyOPTIONS";
    size_t len = phone_wire(wire, sizeof wire, text), whole = len - strlen("OPTIONS");

    (void)state;
    for (size_t n = 0; n < whole; n++)
        assert_int_equal(smx_sip_parse(&sip, (const uint8_t *)wire, n, true), SMX_E_STATE);
    assert_int_equal(smx_sip_parse(&sip, (const uint8_t *)wire, len, true), SMX_OK);
    assert_int_equal(sip.total, whole);
    assert_true(smx_span_is(sip.body, "body"));
    smx_sip_fini(&sip);
    assert_int_equal(parse(HEAD("OPTIONS sip:a@b SIP/2.0") "CSeq: 7 OPTIONS\nl: 99999\n\n", true),
                     SMX_E_FULL);
    assert_true(smx_sip_can_answer(&sip));
}

/* ---- RFC 4475 ---- */

enum verdict {
    TAKEN,    /* parsed: the rest answers it */
    ANSWERED, /* refused, with 400 */
    DROPPED,  /* refused without a word */
};

static const struct {
    const char *name;
    enum verdict verdict;
} torture[] = {
    /* 3.1.1 valid */
    {"wsinv", TAKEN},
    {"intmeth", DROPPED}, /* a raw NUL, quoted */
    {"esc01", TAKEN},
    {"escnull", DROPPED}, /* %00: the library would cut the name there */
    {"esc02", TAKEN},
    {"lwsdisp", TAKEN},
    {"longreq", DROPPED}, /* 34 Vias: no phone has them */
    {"dblreq", TAKEN},    /* the second one in the datagram is ignored */
    {"semiuri", TAKEN},
    {"transports", TAKEN},
    {"mpart01", TAKEN},
    {"unreason", TAKEN},
    {"noreason", TAKEN},
    /* 3.1.2 invalid */
    {"badinv01", ANSWERED},
    {"clerr", ANSWERED},
    {"ncl", DROPPED},
    {"scalar02", ANSWERED},
    {"scalarlg", DROPPED},
    {"quotbal", ANSWERED},
    {"ltgtruri", ANSWERED},
    {"lwsruri", ANSWERED},
    {"lwsstart", ANSWERED},
    {"trws", ANSWERED},
    {"escruri", TAKEN}, /* headers in a Request-URI: nobody looks at them */
    {"baddate", TAKEN}, /* nor at Date */
    {"regbadct", ANSWERED},
    {"badaspec", ANSWERED},
    {"baddn", DROPPED},
    {"badvers", ANSWERED},
    {"mismatch01", ANSWERED},
    {"mismatch02", ANSWERED},
    {"bigcode", DROPPED},
    /* 3.2 to 3.4 */
    {"badbranch", TAKEN}, /* our own answer to RFC 2543's lack of branches */
    {"insuf", DROPPED},
    {"unkscm", TAKEN},
    {"novelsc", ANSWERED},
    {"unksm2", ANSWERED},
    {"bext01", TAKEN},
    {"invut", TAKEN},
    {"regaut01", TAKEN},
    {"multi01", DROPPED},
    {"mcl01", DROPPED},
    {"bcast", TAKEN},
    {"zeromf", TAKEN},
    {"cparam01", TAKEN},
    {"cparam02", TAKEN},
    {"regescrt", ANSWERED}, /* headers in a Contact would come back in our Request-URI */
    {"sdp01", TAKEN},
    {"inv2543", ANSWERED}, /* no From tag */
};

static void each_torture_message_meets_its_fate(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof torture / sizeof torture[0]; i++) {
        char path[128];
        uint8_t room[8192], *bytes;
        enum verdict verdict = TAKEN;
        size_t len;
        FILE *f;

        snprintf(path, sizeof path, "tests/vectors/rfc4475/%s.dat", torture[i].name);
        f = fopen(path, "rb");
        assert_non_null(f);
        len = fread(room, 1, sizeof room, f);
        fclose(f);
        bytes = malloc(len);
        assert_non_null(bytes);
        memcpy(bytes, room, len);
        if (smx_sip_parse(&sip, bytes, len, false) == SMX_OK)
            smx_sip_fini(&sip);
        else
            verdict = smx_sip_can_answer(&sip) ? ANSWERED : DROPPED;
        if (verdict != torture[i].verdict)
            fail_msg("%s: verdict %d", torture[i].name, verdict);
        free(bytes);
    }
    assert_int_equal(sizeof torture / sizeof torture[0], 49);
}

static void no_flipped_bit_or_cut_leads_astray(void **state)
{
    static char text[2048];
    size_t len;

    (void)state;
    snprintf(text, sizeof text, PHONE_INVITE "Content-Length: 4\n\nv=0\n", "white.rabbit", "abc");
    len = phone_wire(wire, sizeof wire, text);
    for (size_t i = 0; i < len * 8 + len; i++) {
        size_t cut = i < len * 8 ? len : i - len * 8;
        uint8_t *bytes = malloc(cut ? cut : 1);

        assert_non_null(bytes);
        memcpy(bytes, wire, cut);
        if (i < len * 8)
            bytes[i / 8] ^= (uint8_t)(1U << i % 8);
        if (smx_sip_parse(&sip, bytes, cut, i % 2 == 0) == SMX_OK)
            smx_sip_fini(&sip);
        else
            (void)smx_sip_can_answer(&sip);
        free(bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_of_a_phone_is_taken_apart),
        cmocka_unit_test(a_response_is_taken_apart),
        cmocka_unit_test(what_the_library_would_take_is_refused_where_it_lies),
        cmocka_unit_test(a_contact_keeps_its_spelling_around_its_expiry),
        cmocka_unit_test(a_stream_waits_for_the_whole_message_and_knows_its_end),
        cmocka_unit_test(each_torture_message_meets_its_fate),
        cmocka_unit_test(no_flipped_bit_or_cut_leads_astray),
    };

    return cmocka_run_group_tests(tests, library, NULL);
}
