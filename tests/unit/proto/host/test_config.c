#include "proto/host/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct conf {
    char network[64];
    bool open;
    int64_t slots;
    char name[8], note[8];
    struct smx_addr status;
    struct smx_config_addrs listen;
    struct smx_config_texts identity;
    int store;
};

static const struct smx_config_key keys[] = {
    SMX_KEY_PATH("", "network", struct conf, network, NULL, "network file"),
    SMX_KEY_BOOL("relay", "open", struct conf, open, "no", "take anybody"),
    SMX_KEY_INT("relay", "slots", struct conf, slots, "512", 1, 8192, "circuits at once"),
    SMX_KEY_STRING("relay", "name", struct conf, name, "relay", "shown to people"),
    SMX_KEY_STRING("relay", "note", struct conf, note, "", "shown to people"),
    SMX_KEY_ADDR("relay", "status", struct conf, status, "", "status page"),
    SMX_KEY_ADDRS("relay", "listen", struct conf, listen, "0.0.0.0:7000", "links"),
    SMX_KEY_TEXTS("client", "identity", struct conf, identity, "", "who I am"),
    SMX_KEY_ENUM("client", "store", struct conf, store, "sqlite", "memory sqlite postgres", "where"),
};

static bool no_13_slots(const void *config, char *why, size_t why_len)
{
    const struct conf *c = config;

    if (c->slots != 13)
        return true;
    snprintf(why, why_len, "13 slots are bad luck; allowed: other numbers");
    return false;
}

static const struct smx_config_table table = {keys, sizeof keys / sizeof *keys, sizeof(struct conf),
                                              no_13_slots};

static struct conf conf;
static char why[1024];

static enum smx_err parse(const char *text)
{
    why[0] = 0;
    memset(&conf, 0xa5, sizeof conf);
    return smx_config_parse(&table, "/etc/sipmix/x.conf", text, strlen(text), &conf, why, sizeof why);
}

static void assert_refused(const char *text, const char *message)
{
    assert_int_equal(parse(text), SMX_E_MALFORMED);
    assert_string_equal(why, message);
}

static void what_is_not_given_has_its_default(void **state)
{
    char text[SMX_ADDR_TEXT];

    (void)state;
    assert_int_equal(parse("network = net.json\n"), SMX_OK);
    assert_false(conf.open);
    assert_int_equal(conf.slots, 512);
    assert_string_equal(conf.name, "relay");
    assert_string_equal(conf.note, "");
    assert_int_equal(conf.status.port, 0);
    assert_int_equal(conf.listen.count, 1);
    smx_addr_format(&conf.listen.at[0], text);
    assert_string_equal(text, "0.0.0.0:7000");
    assert_int_equal(conf.identity.count, 0);
    assert_int_equal(conf.store, 1);
}

static void every_kind_of_value_is_read(void **state)
{
    char text[SMX_ADDR_TEXT];

    (void)state;
    assert_int_equal(parse("# a comment\r\n"
                           "; another\n"
                           "  network = /srv/net.json ; and one more\n"
                           "\n"
                           "[relay]\n"
                           "open=on\n"
                           "\tslots = 8192\n"
                           "name = a b=c\n"
                           "status = [::1]:80\n"
                           "listen = 192.0.2.1:7000, [2001:db8::1]:7000\n"
                           "listen = 192.0.2.2:1\n"
                           "[client]\n"
                           "identity = alice\n"
                           "identity = bob\n"
                           "store = postgres"),
                     SMX_OK);
    assert_string_equal(conf.network, "/srv/net.json");
    assert_true(conf.open);
    assert_int_equal(conf.slots, 8192);
    assert_string_equal(conf.name, "a b=c");
    assert_int_equal(conf.status.port, 80);
    assert_int_equal(conf.listen.count, 3);
    smx_addr_format(&conf.listen.at[1], text);
    assert_string_equal(text, "[2001:db8::1]:7000");
    assert_int_equal(conf.identity.count, 2);
    assert_string_equal(conf.identity.at[1], "bob");
    assert_int_equal(conf.store, 2);
}

static void a_relative_path_counts_from_the_files_folder(void **state)
{
    (void)state;
    assert_int_equal(parse("network = net.json"), SMX_OK);
    assert_string_equal(conf.network, "/etc/sipmix/net.json");
    assert_int_equal(smx_config_parse(&table, "x.conf", "network=n", 9, &conf, why, sizeof why), SMX_OK);
    assert_string_equal(conf.network, "n");
}

static void a_mistake_names_file_line_key_and_what_is_allowed(void **state)
{
    (void)state;
    assert_refused("", "/etc/sipmix/x.conf: network: missing; allowed: a path of at most 63 characters");
    assert_refused("network = n\n[relay]\nslots = 0\n",
                   "/etc/sipmix/x.conf:3: relay.slots: not a number in the range; allowed: 1 to 8192");
    assert_refused("network = n\n[relay]\nslots = 12x\n",
                   "/etc/sipmix/x.conf:3: relay.slots: not a number in the range; allowed: 1 to 8192");
    assert_refused("network = n\n[relay]\nslots = 99999999999999999999\n",
                   "/etc/sipmix/x.conf:3: relay.slots: not a number in the range; allowed: 1 to 8192");
    assert_refused("network = n\n[relay]\nopen = maybe\n",
                   "/etc/sipmix/x.conf:3: relay.open: none of the words; allowed: yes or no");
    assert_refused("network = n\n[relay]\nname = much too long\n",
                   "/etc/sipmix/x.conf:3: relay.name: too long; allowed: a text of 1 to 7 characters");
    assert_refused("network = n\n[relay]\nname =\n",
                   "/etc/sipmix/x.conf:3: relay.name: empty; allowed: a text of 1 to 7 characters");
    assert_refused("network = n\n[relay]\nstatus = localhost:80\n",
                   "/etc/sipmix/x.conf:3: relay.status: not an address with port; allowed: IP:PORT, such as "
                   "192.0.2.1:7000 or [2001:db8::1]:7000");
    assert_refused("network = n\n[client]\nstore = mysql\n",
                   "/etc/sipmix/x.conf:3: client.store: none of the words; allowed: memory sqlite postgres");
    assert_refused("network = n\n[client]\nstore = mem\n",
                   "/etc/sipmix/x.conf:3: client.store: none of the words; allowed: memory sqlite postgres");
}

static void unknown_and_repeated_names_are_refused(void **state)
{
    (void)state;
    assert_refused(
        "network = n\n[relay]\nslot = 1\n",
        "/etc/sipmix/x.conf:3: relay.slot: unknown key; allowed: open, slots, name, note, status, listen");
    assert_refused("network = n\n[rely]\nslots = 1\n",
                   "/etc/sipmix/x.conf:3: rely: unknown section; allowed: [relay], [client]");
    assert_refused("slots = 1\n", "/etc/sipmix/x.conf:1: slots: unknown key; allowed: network");
    assert_refused("network = n\nnetwork = m\n", "/etc/sipmix/x.conf:2: network: given twice; allowed: once");
}

static void what_is_not_ini_is_refused_at_its_line(void **state)
{
    char text[400];

    (void)state;
    assert_refused(
        "network = n\nwhat is this\n",
        "/etc/sipmix/x.conf:2: neither a key nor a section; allowed: KEY = VALUE, [SECTION], # comment");
    assert_refused("network = n\n[relay\n", "/etc/sipmix/x.conf:2: a section without \"]\"; allowed: [NAME]");
    memset(text, 'x', sizeof text);
    memcpy(text, "network = ", 10);
    text[sizeof text - 1] = 0;
    assert_refused(text, "/etc/sipmix/x.conf:1: a line of 399 bytes; allowed: at most 196");
    assert_int_equal(smx_config_parse(&table, "f", "network = a\0b", 13, &conf, why, sizeof why),
                     SMX_E_MALFORMED);
    assert_string_equal(why, "f:1: a NUL byte; allowed: text");
}

static void a_list_has_an_end(void **state)
{
    char text[2048] = "network = n\n[client]\n";

    (void)state;
    for (int i = 0; i < SMX_CONFIG_LIST_MAX; i++)
        strcat(text, "identity = x\n");
    assert_int_equal(parse(text), SMX_OK);
    strcat(text, "identity = y\n");
    assert_refused(
        text, "/etc/sipmix/x.conf:19: client.identity: too long or too many; allowed: at most 16 lines of "
              "1 to 255 characters");
}

static void the_whole_is_checked_last(void **state)
{
    (void)state;
    assert_refused("network = n\n[relay]\nslots = 13\n",
                   "/etc/sipmix/x.conf: 13 slots are bad luck; allowed: other numbers");
}

static void a_file_that_can_not_be_read_says_why(void **state)
{
    (void)state;
    assert_int_equal(smx_config_load(&table, "/nowhere/x.conf", &conf, why, sizeof why), SMX_E_ABSENT);
    assert_string_equal(why, "/nowhere/x.conf: cannot be read: No such file or directory");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_given_has_its_default),
        cmocka_unit_test(every_kind_of_value_is_read),
        cmocka_unit_test(a_relative_path_counts_from_the_files_folder),
        cmocka_unit_test(a_mistake_names_file_line_key_and_what_is_allowed),
        cmocka_unit_test(unknown_and_repeated_names_are_refused),
        cmocka_unit_test(what_is_not_ini_is_refused_at_its_line),
        cmocka_unit_test(a_list_has_an_end),
        cmocka_unit_test(the_whole_is_checked_last),
        cmocka_unit_test(a_file_that_can_not_be_read_says_why),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
