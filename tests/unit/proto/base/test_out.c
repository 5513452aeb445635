#include "proto/base/out.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

static void an_address_survives_text_in_one_spelling(void **state)
{
    static const struct {
        const char *in, *out;
        bool v4;
    } rows[] = {
        {"192.0.2.1:5060", "192.0.2.1:5060", true},
        {"0.0.0.0:0", "0.0.0.0:0", true},
        {"255.255.255.255:65535", "255.255.255.255:65535", true},
        {"[2001:db8::1]:5060", "[2001:db8::1]:5060", false},
        {"[2001:DB8:0:0:0:0:0:1]:05060", "[2001:db8::1]:5060", false},
        {"[::]:1", "[::]:1", false},
        {"[::ffff:192.0.2.1]:5060", "192.0.2.1:5060", true},
        {"[2001:db8:1111:2222:3333:4444:255.255.255.255]:65535",
         "[2001:db8:1111:2222:3333:4444:ffff:ffff]:65535", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct smx_addr a;
        char text[SMX_ADDR_TEXT];

        assert_int_equal(smx_addr_parse(&a, rows[i].in), SMX_OK);
        smx_addr_format(&a, text);
        assert_string_equal(text, rows[i].out);
        assert_true(smx_addr_is_v4(&a) == rows[i].v4);
    }
}

static void what_is_not_an_address_is_malformed_and_changes_nothing(void **state)
{
    static const char *const bad[] = {
        "",
        ":",
        ":1",
        "192.0.2.1",
        "192.0.2.1:",
        "192.0.2.1:65536",
        "192.0.2.1:99999999999999999999",
        "192.0.2.1:-1",
        "192.0.2.1:+1",
        "192.0.2.1: 1",
        "192.0.2.1:1 ",
        "192.0.2.1:0x10",
        " 192.0.2.1:1",
        "192.0.2:1",
        "192.0.2.256:1",
        "host.example:1",
        "2001:db8::1",
        "2001:db8::1:5060:x",
        "[2001:db8::1]",
        "[2001:db8::1]5060",
        "[2001:db8::1:5060",
        "[]:1",
        "[:1",
        "]:1",
        "[192.0.2.1]:1",
        "[fe80::1%eth0]:1",
        "[1111:1111:1111:1111:1111:1111:1111:1111:1111:1111:1111:1111]:1",
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct smx_addr a = {.port = 7};

        assert_int_equal(smx_addr_parse(&a, bad[i]), SMX_E_MALFORMED);
        assert_int_equal(a.port, 7);
    }
}

static void addresses_differ_by_host_and_by_port(void **state)
{
    struct smx_addr a, b;

    (void)state;
    assert_int_equal(smx_addr_parse(&a, "192.0.2.1:1"), SMX_OK);
    assert_int_equal(smx_addr_parse(&b, "192.0.2.1:1"), SMX_OK);
    assert_true(smx_addr_equal(&a, &b));
    assert_int_equal(smx_addr_parse(&b, "192.0.2.1:2"), SMX_OK);
    assert_false(smx_addr_equal(&a, &b));
    assert_int_equal(smx_addr_parse(&b, "192.0.2.2:1"), SMX_OK);
    assert_false(smx_addr_equal(&a, &b));
}

static void datagrams_are_kept_in_order_until_reset(void **state)
{
    struct smx_addr to = {.port = 9};
    struct smx_out out;

    (void)state;
    assert_int_equal(smx_out_new(&out, 4, 100), SMX_OK);
    memset(smx_out_add(&out, &to, 3), 'a', 3);
    to.port = 10;
    memset(smx_out_add(&out, &to, 2), 'b', 2);
    assert_int_equal(out.dgram_count, 2);
    assert_int_equal(out.dgram[0].to.port, 9);
    assert_int_equal(out.dgram[1].to.port, 10);
    assert_int_equal(out.dgram[1].len, 2);
    assert_memory_equal(out.bytes + out.dgram[0].at, "aaa", 3);
    assert_memory_equal(out.bytes + out.dgram[1].at, "bb", 2);
    smx_out_reset(&out);
    assert_int_equal(out.dgram_count, 0);
    assert_non_null(smx_out_add(&out, &to, 100));
    smx_out_free(&out);
    smx_out_free(&out);
}

static void a_full_out_drops_and_counts(void **state)
{
    struct smx_addr to = {.port = 9};
    struct smx_out out;

    (void)state;
    assert_int_equal(smx_out_new(&out, 2, 70000), SMX_OK);
    assert_null(smx_out_add(&out, &to, 65536)); /* no datagram is that long */
    assert_non_null(smx_out_add(&out, &to, 65535));
    assert_null(smx_out_add(&out, &to, 65535)); /* no bytes left */
    assert_non_null(smx_out_add(&out, &to, 1));
    assert_null(smx_out_add(&out, &to, 1)); /* no datagram left */
    assert_int_equal(out.dropped, 3);
    assert_int_equal(out.dgram_count, 2);
    smx_out_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_address_survives_text_in_one_spelling),
        cmocka_unit_test(what_is_not_an_address_is_malformed_and_changes_nothing),
        cmocka_unit_test(addresses_differ_by_host_and_by_port),
        cmocka_unit_test(datagrams_are_kept_in_order_until_reset),
        cmocka_unit_test(a_full_out_drops_and_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
