/* tests/unit/client/sip/test_gate.c - what the gate lets through, and what refusing costs. */
#include "tests/unit/client/sip/phone.h"

#include "client/sip/gate.h"

#include <time.h>

static struct smx_gate gate;

static enum smx_err scan(const char *text)
{
    static char wire[PHONE_MESSAGE];
    size_t len = phone_wire(wire, sizeof wire, text);
    uint8_t *exact = malloc(len ? len : 1);
    enum smx_err err;

    assert_non_null(exact);
    memcpy(exact, wire, len);
    err = smx_gate_scan(&gate, exact, len);
    free(exact);
    return err;
}

static void assert_value(enum smx_header id, const char *value)
{
    const struct smx_span *span = smx_gate_get(&gate, id);

    assert_non_null(span);
    assert_int_equal(span->len, strlen(value));
    assert_memory_equal(span->at, value, span->len);
}

static void known_headers_are_kept_by_long_and_compact_names(void **state)
{
    (void)state;
    assert_int_equal(
        scan("OPTIONS sip:a@b SIP/2.0\nv: SIP/2.0/UDP h\nFROM : <sip:a@b>\nX-Secret: no\nl: 12\n\nx"),
        SMX_OK);
    assert_int_equal(gate.line_count, 3);
    assert_value(SMX_H_VIA, "SIP/2.0/UDP h");
    assert_value(SMX_H_FROM, "<sip:a@b>");
    assert_true(gate.has_length);
    assert_int_equal(gate.content_length, 12);
    assert_int_equal(gate.start.len, strlen("OPTIONS sip:a@b SIP/2.0"));
}

static void folded_lines_become_one(void **state)
{
    (void)state;
    assert_int_equal(scan("OPTIONS sip:a@b SIP/2.0\nTo:\n <sip:a@b>\n\t;tag=1\n\n"), SMX_OK);
    assert_value(SMX_H_TO, "<sip:a@b>  \t;tag=1");
    assert_int_equal(gate.head_len, strlen("OPTIONS sip:a@b SIP/2.0..To:.. <sip:a@b>..\t;tag=1....") + 0);
}

static void a_head_that_is_not_whole_may_become_so(void **state)
{
    static const char text[] = "OPTIONS sip:a@b SIP/2.0\r\nTo: <sip:a@b>\r\n\r\n";

    (void)state;
    for (size_t len = 0; len + 1 < sizeof text - 1; len++) {
        uint8_t *exact = malloc(len ? len : 1);

        assert_non_null(exact);
        memcpy(exact, text, len);
        assert_int_equal(smx_gate_scan(&gate, exact, len), SMX_E_STATE);
        free(exact);
    }
    assert_int_equal(smx_gate_scan(&gate, (const uint8_t *)text, sizeof text - 1), SMX_OK);
}

static void control_characters_are_refused_bare_and_encoded(void **state)
{
    static const char *const bad[] = {
        "OPTIONS sip:a@b SIP/2.0\nTo: a\x01 b\n\n",       "OPTIONS sip:a@b SIP/2.0\nTo: a\x02\n\n",
        "OPTIONS sip:a@b SIP/2.0\nTo: a\rb\n\n",          "OPTIONS sip:a@b SIP/2.0\nTo: a\x7f\n\n",
        "OPTIONS sip:a%00b@b SIP/2.0\nTo: a\n\n",         "OPTIONS sip:a@b SIP/2.0\nTo: <sip:x%0d%0ay@b>\n\n",
        "OPTIONS sip:a@b SIP/2.0\nTo: <sip:x%1Fy@b>\n\n", "OPTIONS sip:a@b SIP/2.0\nf: <sip:x%7Fy@b>\n\n",
        "OPTIONS sip:a@b SIP/2.0\nX-Unknown: \x01 b\n\n",
    };
    static const char nul[] = "OPTIONS sip:a@b SIP/2.0\r\nTo: a\0b\r\n\r\n";

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(scan(bad[i]), SMX_E_MALFORMED);
    assert_int_equal(smx_gate_scan(&gate, (const uint8_t *)nul, sizeof nul - 1), SMX_E_MALFORMED);
}

static void lines_without_a_name_are_refused(void **state)
{
    (void)state;
    assert_int_equal(scan("OPTIONS sip:a@b SIP/2.0\nNo colon here\n\n"), SMX_E_MALFORMED);
    assert_int_equal(scan("OPTIONS sip:a@b SIP/2.0\n: value\n\n"), SMX_E_MALFORMED);
    assert_int_equal(scan("OPTIONS sip:a@b SIP/2.0\nTwo words: value\n\n"), SMX_E_MALFORMED);
    assert_int_equal(scan("\n\n"), SMX_E_MALFORMED);
}

static void a_content_length_is_one_plain_number(void **state)
{
    static const char *const bad[] = {"-5", "5abc", "4294967301", "", "99999999999999999999", "5\nl: 5"};

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char text[128];

        snprintf(text, sizeof text, "OPTIONS sip:a@b SIP/2.0\nContent-Length: %s\n\n", bad[i]);
        assert_int_equal(scan(text), SMX_E_MALFORMED);
    }
}

/* A message whose header To repeats piece count times. */
static enum smx_err scan_repeated(const char *name, const char *piece, size_t count)
{
    static char text[PHONE_MESSAGE];
    size_t n = (size_t)snprintf(text, sizeof text, "OPTIONS sip:a@b SIP/2.0\n%s: x", name);

    for (size_t i = 0; i < count; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "%s", piece);
    snprintf(text + n, sizeof text - n, "\n\n");
    return scan(text);
}

static void lists_that_would_hurt_the_parser_are_refused(void **state)
{
    (void)state;
    assert_int_equal(scan_repeated("To", ";p", SMX_GATE_PARAMS), SMX_OK);
    assert_int_equal(scan_repeated("To", ";p", SMX_GATE_PARAMS + 1), SMX_E_MALFORMED);
    assert_int_equal(scan_repeated("Via", ",p", SMX_GATE_COMMAS), SMX_OK);
    assert_int_equal(scan_repeated("Via", ",p", SMX_GATE_COMMAS + 1), SMX_E_MALFORMED);
    assert_int_equal(scan_repeated("Allow-Events", ",p", 100), SMX_OK); /* never parsed, so no matter */
    assert_int_equal(scan_repeated("X-Long", "a", SMX_GATE_LINE - 9), SMX_OK);
    assert_int_equal(scan_repeated("X-Long", "a", SMX_GATE_LINE), SMX_E_MALFORMED);
    assert_int_equal(scan_repeated("X-Many", "\nY: z", SMX_GATE_HEADERS - 1), SMX_OK);
    assert_int_equal(scan_repeated("X-Many", "\nY: z", SMX_GATE_HEADERS), SMX_E_MALFORMED);
    assert_int_equal(scan_repeated("X-Many", "\nv: z", SMX_GATE_KEPT), SMX_OK);
    assert_int_equal(scan_repeated("X-Many", "\nv: z", SMX_GATE_KEPT + 1), SMX_E_MALFORMED);
    assert_int_equal(scan_repeated("X-Folds", "\n aaaaaaaaaaaaaaaaaaaa", 500), SMX_E_MALFORMED);
}

static void a_64_KB_header_of_parameters_costs_less_than_a_millisecond(void **state)
{
    enum { LEN = 65000, ROUNDS = 50 };
    static uint8_t in[LEN];
    static const char start[] = "OPTIONS sip:a@b SIP/2.0\r\nTo: <sip:a@b>";
    struct timespec begin, end;
    double spent;

    (void)state;
    for (size_t i = 0; i < LEN; i++)
        in[i] = i < sizeof start - 1 ? (uint8_t)start[i] : i % 2 ? ';' : 'p';
    memcpy(in + LEN - 4, "\r\n\r\n", 4);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &begin);
    for (int i = 0; i < ROUNDS; i++)
        assert_int_equal(smx_gate_scan(&gate, in, LEN), SMX_E_MALFORMED);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end);
    spent = (double)(end.tv_sec - begin.tv_sec) + (double)(end.tv_nsec - begin.tv_nsec) / 1e9;
    assert_true(spent / ROUNDS < 0.001);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_headers_are_kept_by_long_and_compact_names),
        cmocka_unit_test(folded_lines_become_one),
        cmocka_unit_test(a_head_that_is_not_whole_may_become_so),
        cmocka_unit_test(control_characters_are_refused_bare_and_encoded),
        cmocka_unit_test(lines_without_a_name_are_refused),
        cmocka_unit_test(a_content_length_is_one_plain_number),
        cmocka_unit_test(lists_that_would_hurt_the_parser_are_refused),
        cmocka_unit_test(a_64_KB_header_of_parameters_costs_less_than_a_millisecond),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
