/* The JSON that the page is told: what stands in it, and that no text can break it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/web/page.h"
#include "client/web/report.h"

static struct smx_view view_of_somebody(void)
{
    struct smx_view v = {.status = {.ready = true, .guard = true, .circuits = 4, .circuits_wanted = 4},
                         .identity_count = 1,
                         .circuit_count = 1,
                         .call_count = 1,
                         .contact_count = 3,
                         .asking_count = 1,
                         .asking[0].identity = 2,
                         .relay_count = 9,
                         .valid_until = {1000},
                         .cells = 3};

    strcpy(v.identity[0].key_text, "mykey");
    v.identity[0].name_count = 1;
    v.identity[0].name[0].ours = true;
    strcpy(v.identity[0].name[0].text, "alice");
    v.circuit[0] = (struct smx_view_circuit){
        .purpose = SMX_VIEW_SLOT, .identity = 1, .state = SMX_VIEW_JOINED, .hop_count = 3};
    for (size_t i = 0; i < 3; i++) {
        v.circuit[0].hop[i] = (struct smx_view_hop){.id = {0xab, 0xcd, (uint8_t)i}, .stands = true};
        v.circuit[0].hop[i].listed = i < 2;
        assert_int_equal(smx_addr_parse(&v.circuit[0].hop[i].addr, "192.0.2.7:7000"), SMX_OK);
    }
    v.call[0] = (struct smx_view_call){.state = SMX_VIEW_TALKING,
                                       .out = true,
                                       .key_known = true,
                                       .heard = {.due = 3000, .lost = 30, .quiet = 5},
                                       .lately = {.due = 400, .lost = 4, .quiet = 1},
                                       .round_trip_known = true,
                                       .round_trip = SMX_MS(180)};
    strcpy(v.call[0].peer, "bob");
    return v;
}

static json_t *report(struct smx_web_facts facts)
{
    char *text = smx_web_status(&facts);
    json_t *root;

    assert_non_null(text);
    root = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(root);
    free(text);
    return root;
}

/* The value at a path such as "calls/0/peer". */
static const json_t *at(const json_t *root, const char *path)
{
    char part[64];

    while (root && *path) {
        size_t len = strcspn(path, "/");

        assert_true(len < sizeof part);
        memcpy(part, path, len);
        part[len] = 0;
        root =
            json_is_array(root) ? json_array_get(root, strtoul(part, NULL, 10)) : json_object_get(root, part);
        path += len + (path[len] == '/');
    }
    assert_non_null(root);
    return root;
}

static void assert_text(const json_t *root, const char *path, const char *text)
{
    assert_true(json_is_string(at(root, path)));
    assert_string_equal(json_string_value(at(root, path)), text);
}

static void assert_number(const json_t *root, const char *path, double number)
{
    assert_true(json_is_number(at(root, path)));
    assert_float_equal(json_number_value(at(root, path)), number, 1e-9);
}

static void it_tells_addresses_circuits_calls_and_what_they_cost(void **state)
{
    struct smx_view v = view_of_somebody();
    json_t *root = report((struct smx_web_facts){.view = &v,
                                                 .domain = "sipmix.alt",
                                                 .wall = {400},
                                                 .up = SMX_SECOND(61),
                                                 .phones = 1,
                                                 .sip_calls = 2,
                                                 .sip_transactions = 9,
                                                 .sent = 7});

    (void)state;
    assert_text(root, "identities/0/names/0/address", "sip:alice@sipmix.alt");
    assert_text(root, "identities/0/key_address", "sip:mykey@sipmix.alt");
    assert_int_equal(json_array_size(at(root, "identities/0/words")), 12);
    assert_text(root, "circuits/0/state", "joined");
    assert_text(root, "circuits/0/hops/0/layer", "guard");
    assert_text(root, "circuits/0/hops/1/relay", "abcd0100");
    assert_text(root, "circuits/0/hops/1/address", "192.0.2.7:7000");
    assert_true(json_is_null(at(root, "circuits/0/hops/2/address")));
    assert_text(root, "calls/0/peer", "sip:bob@sipmix.alt");
    assert_text(root, "calls/0/state", "talking");
    assert_number(root, "calls/0/seconds", 60);
    assert_number(root, "calls/0/heard/loss_percent", 1);
    assert_number(root, "calls/0/lately/lost", 4);
    assert_number(root, "calls/0/round_trip_ms", 180);
    assert_text(root, "calls/0/codec", "g711");
    assert_number(root, "calls/0/mos", 4.3);
    assert_number(root, "network/list_valid_s", 600);
    assert_number(root, "traffic/datagram_bytes", 728); /* docs/use/client.md: 291 kb/s */
    assert_number(root, "traffic/bits_per_s", 291200);
    assert_number(root, "traffic/sent_datagrams", 7);
    assert_number(root, "up_s", 61);
    assert_number(root, "phones", 1);
    assert_number(root, "sip/calls", 2);
    assert_number(root, "sip/transactions", 9);
    assert_text(root, "asking/0/key_address",
                "sip:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@sipmix.alt");
    assert_int_equal(json_array_size(at(root, "asking/0/words")), 12);
    assert_number(root, "asking/0/identity", 2);
    assert_number(root, "circuits/0/identity", 1);
    assert_int_equal(json_array_size(at(root, "problems")), 0);
    json_decref(root);
}

static void what_was_not_measured_is_null_and_not_a_number(void **state)
{
    struct smx_view v = view_of_somebody();
    json_t *root;

    (void)state;
    v.call[0].round_trip_known = v.call[0].key_known = false;
    v.call[0].heard = v.call[0].lately = (struct smx_view_heard){.due = 0};
    v.relay_count = 0;
    strcpy(v.call[0].peer, "anonymous");
    root = report((struct smx_web_facts){.view = &v, .domain = "sipmix.alt", .phones = 1});
    assert_text(root, "calls/0/peer", "anonymous");
    assert_true(json_is_null(at(root, "calls/0/mos")));
    assert_true(json_is_null(at(root, "calls/0/words")));
    assert_true(json_is_null(at(root, "calls/0/round_trip_ms")));
    assert_true(json_is_null(at(root, "calls/0/lately/loss_percent")));
    assert_true(json_is_null(at(root, "network/list_valid_s")));
    json_decref(root);
    v = view_of_somebody();
    v.call[0].opus = true; /* the E-model's figures are for G.711 */
    v.call[0].wait = SMX_MS(40);
    root = report((struct smx_web_facts){.view = &v, .domain = "sipmix.alt", .phones = 1});
    assert_text(root, "calls/0/codec", "opus");
    assert_number(root, "calls/0/wait_ms", 40);
    assert_true(json_is_null(at(root, "calls/0/mos")));
    json_decref(root);
}

static void no_text_breaks_the_json(void **state)
{
    static const char *const hostile[] = {"\"}],\"ready\":true,\"x\":\"",
                                          "</script><script>alert(1)</script>", "a\nb\r\t\x01\x7f\\",
                                          "\xe2\x80\xa8 \xc3\xa9"};
    struct smx_view v = view_of_somebody();

    (void)state;
    for (size_t i = 0; i < sizeof hostile / sizeof hostile[0]; i++) {
        struct smx_web_setting setting = {"state", hostile[i]};
        json_t *root = report((struct smx_web_facts){
            .view = &v, .domain = hostile[i], .phones = 1, .setting = &setting, .setting_count = 1});

        assert_text(root, "settings/0/value", hostile[i]);
        assert_text(root, "network/domain", hostile[i]);
        json_decref(root);
    }
}

static void a_text_that_is_no_utf8_is_null(void **state)
{
    static const char *const broken[] = {"\xff", "/home/\xe9t\xe9", "\xc0\xaf", "\xed\xa0\x80",
                                         "\xf4\x90\x80\x80"};
    struct smx_view v = view_of_somebody();

    (void)state;
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
        struct smx_web_setting setting = {"state", broken[i]};
        json_t *root = report((struct smx_web_facts){
            .view = &v, .domain = broken[i], .phones = 1, .setting = &setting, .setting_count = 1});

        assert_true(json_is_null(at(root, "settings/0/value")));
        assert_true(json_is_null(at(root, "calls/0/peer")));
        json_decref(root);
    }
}

static void each_problem_comes_with_what_to_do(void **state)
{
    (void)state;
    for (int p = SMX_CLIENT_STARTING; p <= SMX_CLIENT_CONTACT_KEY; p++) {
        struct smx_view v = view_of_somebody();
        json_t *root;

        v.status.ready = false;
        v.status.problem = v.status.warning = (enum smx_client_problem)p;
        root = report((struct smx_web_facts){
            .view = &v, .domain = "sipmix.alt", .refused = true, .wrong_passwords = 9});
        assert_int_equal(json_array_size(at(root, "problems")), 5);
        for (size_t i = 0; i < 5; i++) {
            const json_t *one = json_array_get(at(root, "problems"), i);

            assert_true(json_string_length(at(one, "text")) > 10);
            assert_true(json_string_length(at(one, "advice")) > 10);
        }
        json_decref(root);
    }
}

static void only_own_addresses_are_ones_own(void **state)
{
    struct smx_view v = view_of_somebody();

    (void)state;
    assert_true(smx_web_is_own(&v, "sipmix.alt", "sip:alice@sipmix.alt"));
    assert_true(smx_web_is_own(&v, "sipmix.alt", "sip:mykey@sipmix.alt"));
    assert_false(smx_web_is_own(&v, "sipmix.alt", "sip:bob@sipmix.alt"));
    assert_false(smx_web_is_own(&v, "sipmix.alt", "sip:alice@sipmix.alt "));
    assert_false(smx_web_is_own(&v, "sipmix.alt", "sip:alice"));
    assert_false(smx_web_is_own(&v, "sipmix.alt", ""));
}

static bool holds(const struct smx_web_file *f, const char *text)
{
    return memmem(f->begin, (size_t)(f->end - f->begin), text, strlen(text)) != NULL;
}

/* Nothing that a browser would fetch from elsewhere, nothing that the content policy refuses, no text as
 * markup. */
static void the_pages_files_are_whole_and_name_nobody_else(void **state)
{
    static const char *const paths[] = {"/", "/page.css", "/page.js", "/icon.svg"};
    size_t count = 0;

    (void)state;
    for (const struct smx_web_file *f = smx_web_files; f->path; f++, count++) {
        assert_string_equal(f->path, paths[count]);
        assert_true(f->end - f->begin > 100 && f->end[-1] == '\n');
        assert_false(holds(f, "https:") || holds(f, "//cdn") || holds(f, "@import") || holds(f, "url("));
        assert_false(holds(f, " style=") || holds(f, " onclick=") || holds(f, "<style"));
        assert_false(holds(f, "innerHTML") || holds(f, "outerHTML") || holds(f, "insertAdjacentHTML") ||
                     holds(f, "document.write") || holds(f, "eval("));
    }
    assert_int_equal(count, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_tells_addresses_circuits_calls_and_what_they_cost),
        cmocka_unit_test(what_was_not_measured_is_null_and_not_a_number),
        cmocka_unit_test(no_text_breaks_the_json),
        cmocka_unit_test(a_text_that_is_no_utf8_is_null),
        cmocka_unit_test(each_problem_comes_with_what_to_do),
        cmocka_unit_test(only_own_addresses_are_ones_own),
        cmocka_unit_test(the_pages_files_are_whole_and_name_nobody_else),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
