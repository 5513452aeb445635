/* Who may ask the local page for what: hosts, origins, tokens, and what a hostile page would send. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "client/web/door.h"

#define TOKEN "0123456789abcdef0123456789abcdef"

static struct smx_door door_at(const char *at)
{
    struct smx_door door = {.token = ""};

    assert_int_equal(smx_addr_parse(&door.at, at), SMX_OK);
    assert_true(smx_door_take_token(&door, TOKEN "\n", sizeof TOKEN));
    return door;
}

static enum smx_door_answer knock_host(const char *at, const char *host)
{
    struct smx_door door = door_at(at);

    return smx_door(&door, &(struct smx_door_knock){.host = host}, false);
}

static void only_our_address_and_localhost_with_our_port_are_our_host(void **state)
{
    static const char *const foreign[] = {"",
                                          "evil.example",
                                          "evil.example:8088",
                                          "127.0.0.1",
                                          "127.0.0.1:80",
                                          "127.0.0.1:80880",
                                          "127.0.0.1:8088.evil.example",
                                          "127.0.0.1:8088 ",
                                          " 127.0.0.1:8088",
                                          "127.0.0.1:8088@evil.example",
                                          "user@127.0.0.1:8088",
                                          "127.1:8088",
                                          "0x7f.0.0.1:8088",
                                          "127.0.0.2:8088",
                                          "0.0.0.0:8088",
                                          "[::1]:8088",
                                          "localhost",
                                          "localhost:808",
                                          "localhost.:8088",
                                          "localhost.evil.example:8088",
                                          "xlocalhost:8088"};

    (void)state;
    assert_int_equal(knock_host("127.0.0.1:8088", "127.0.0.1:8088"), SMX_DOOR_OPEN);
    assert_int_equal(knock_host("127.0.0.1:8088", "localhost:8088"), SMX_DOOR_OPEN);
    assert_int_equal(knock_host("127.0.0.1:8088", "LocalHost:8088"), SMX_DOOR_OPEN);
    assert_int_equal(knock_host("[::1]:8088", "[::1]:8088"), SMX_DOOR_OPEN);
    assert_int_equal(knock_host("[::1]:8088", "127.0.0.1:8088"), SMX_DOOR_FOREIGN);
    assert_int_equal(knock_host("127.0.0.1:8088", NULL), SMX_DOOR_FOREIGN);
    for (size_t i = 0; i < sizeof foreign / sizeof foreign[0]; i++)
        assert_int_equal(knock_host("127.0.0.1:8088", foreign[i]), SMX_DOOR_FOREIGN);
}

static void on_the_ordinary_port_the_host_may_go_without_it(void **state)
{
    (void)state;
    assert_int_equal(knock_host("127.0.0.1:80", "127.0.0.1"), SMX_DOOR_OPEN);
    assert_int_equal(knock_host("127.0.0.1:80", "localhost"), SMX_DOOR_OPEN);
    assert_int_equal(knock_host("127.0.0.1:80", "localhost:80"), SMX_DOOR_OPEN);
    assert_int_equal(knock_host("[::1]:80", "[::1]"), SMX_DOOR_OPEN);
    assert_int_equal(knock_host("127.0.0.1:80", "127.0.0.1:8"), SMX_DOOR_FOREIGN);
    assert_int_equal(knock_host("127.0.0.1:80", "localhos"), SMX_DOOR_FOREIGN);
}

static enum smx_door_answer ask(struct smx_door_knock knock, bool with_token)
{
    struct smx_door door = door_at("127.0.0.1:8088");

    knock.host = "127.0.0.1:8088";
    return smx_door(&door, &knock, with_token);
}

static void other_pages_are_kept_out_even_with_the_token(void **state)
{
    static const char *const foreign[] = {"http://evil.example",
                                          "null",
                                          "",
                                          "http://127.0.0.1",
                                          "http://127.0.0.1:3000",
                                          "https://127.0.0.1:8088",
                                          "http://localhost:80",
                                          "http://127.0.0.1:8088.evil.example",
                                          "127.0.0.1:8088",
                                          "file://"};
    static const char *const sites[] = {"cross-site", "same-site", "", "Same-Origin"};
    struct smx_door_knock knock = {.authorization = "Bearer " TOKEN, .origin = "http://127.0.0.1:8088"};

    (void)state;
    assert_int_equal(ask(knock, true), SMX_DOOR_OPEN);
    for (size_t i = 0; i < sizeof foreign / sizeof foreign[0]; i++) {
        knock.origin = foreign[i];
        assert_int_equal(ask(knock, true), SMX_DOOR_FOREIGN);
        assert_int_equal(ask(knock, false), SMX_DOOR_FOREIGN);
    }
    knock.origin = NULL;
    for (size_t i = 0; i < sizeof sites / sizeof sites[0]; i++) {
        knock.site = sites[i];
        assert_int_equal(ask(knock, true), SMX_DOOR_FOREIGN);
    }
    knock.site = "same-origin";
    assert_int_equal(ask(knock, true), SMX_DOOR_OPEN);
    knock.site = "none";
    assert_int_equal(ask(knock, true), SMX_DOOR_OPEN);
}

static void a_link_elsewhere_may_lead_to_the_empty_page_and_nowhere_else(void **state)
{
    struct smx_door_knock link = {.site = "cross-site", .dest = "document", .authorization = "Bearer " TOKEN};

    (void)state;
    assert_int_equal(ask(link, false), SMX_DOOR_OPEN);
    assert_int_equal(ask(link, true), SMX_DOOR_FOREIGN);
    link.dest = "iframe";
    assert_int_equal(ask(link, false), SMX_DOOR_FOREIGN);
    link.dest = "script";
    assert_int_equal(ask(link, false), SMX_DOOR_FOREIGN);
    link.dest = NULL;
    assert_int_equal(ask(link, false), SMX_DOOR_FOREIGN);
}

static void only_the_whole_token_opens(void **state)
{
    static const char *const wrong[] = {"",
                                        "Bearer",
                                        "Bearer ",
                                        TOKEN,
                                        "Basic " TOKEN,
                                        "Bearer  " TOKEN,
                                        "Bearer " TOKEN " ",
                                        "Bearer " TOKEN "0",
                                        "Bearer 0123456789abcdef0123456789abcde",
                                        "Bearer 0123456789ABCDEF0123456789ABCDEF"};
    char text[] = "Bearer " TOKEN;

    (void)state;
    assert_int_equal(ask((struct smx_door_knock){.authorization = text}, true), SMX_DOOR_OPEN);
    assert_int_equal(ask((struct smx_door_knock){.authorization = "bearer " TOKEN}, true), SMX_DOOR_OPEN);
    assert_int_equal(ask((struct smx_door_knock){.authorization = NULL}, true), SMX_DOOR_UNKNOWN);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_int_equal(ask((struct smx_door_knock){.authorization = wrong[i]}, true), SMX_DOOR_UNKNOWN);
    for (size_t i = sizeof "Bearer " - 1; i < sizeof text - 1; i++) {
        text[i] ^= 1;
        assert_int_equal(ask((struct smx_door_knock){.authorization = text}, true), SMX_DOOR_UNKNOWN);
        text[i] ^= 1;
    }
}

static void what_is_no_token_is_not_taken_and_opens_nothing(void **state)
{
    static const char *const wrong[] = {"",
                                        "\n",
                                        "0123",
                                        TOKEN "0",
                                        TOKEN "\n\n",
                                        TOKEN " ",
                                        "0123456789abcdef0123456789abcde\n",
                                        "0123456789ABCDEF0123456789ABCDEF",
                                        "0123456789abcdef0123456789abcdeg"};
    struct smx_door_knock knock = {.host = "127.0.0.1:8088", .authorization = "Bearer "};
    struct smx_door door = {.token = ""};

    (void)state;
    assert_int_equal(smx_addr_parse(&door.at, "127.0.0.1:8088"), SMX_OK);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_false(smx_door_take_token(&door, wrong[i], strlen(wrong[i])));
        assert_int_equal(smx_door(&door, &knock, true), SMX_DOOR_UNKNOWN);
    }
    knock.authorization = "Bearer 00000000000000000000000000000000";
    assert_int_equal(smx_door(&door, &knock, true), SMX_DOOR_UNKNOWN);
    assert_true(smx_door_take_token(&door, TOKEN, SMX_DOOR_TOKEN));
    assert_string_equal(door.token, TOKEN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_our_address_and_localhost_with_our_port_are_our_host),
        cmocka_unit_test(on_the_ordinary_port_the_host_may_go_without_it),
        cmocka_unit_test(other_pages_are_kept_out_even_with_the_token),
        cmocka_unit_test(a_link_elsewhere_may_lead_to_the_empty_page_and_nowhere_else),
        cmocka_unit_test(only_the_whole_token_opens),
        cmocka_unit_test(what_is_no_token_is_not_taken_and_opens_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
