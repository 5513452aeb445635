/* Contacts as a file holds them, and whom they let through. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/core.h"

static struct smx_client *people(enum smx_client_reach reach)
{
    struct smx_client *c = calloc(1, sizeof *c);

    assert_non_null(c);
    c->reach = reach;
    return c;
}

static void has_two_addresses(struct smx_client *c)
{
    c->identity = calloc(2, sizeof *c->identity);
    assert_non_null(c->identity);
    c->identity_count = 2;
    c->identity[0].own.public[0] = 8;
    c->identity[1].own.public[0] = 9;
}

static void forget(struct smx_client *c)
{
    free(c->contact);
    free(c->identity);
    free(c);
}

static void key_of(unsigned who, uint8_t key[SMX_DOC_KEY])
{
    memset(key, 0, SMX_DOC_KEY);
    key[0] = (uint8_t)who;
    key[1] = (uint8_t)(who >> 8);
}

static void add(struct smx_client *c, const char *user, unsigned who)
{
    uint8_t key[SMX_DOC_KEY];

    key_of(who, key);
    smx_contact_add(c, 0, user, key);
}

static bool may_as(struct smx_client *c, uint8_t identity, unsigned who, bool stranger)
{
    struct meeting m = {.key_known = who != 0, .stranger = stranger, .identity = identity};

    key_of(who, m.key);
    return smx_contact_may_reach(c, &m);
}

static bool may(struct smx_client *c, unsigned who, bool stranger)
{
    return may_as(c, 0, who, stranger);
}

static enum smx_err load(struct smx_client *c, const char *text)
{
    unsigned line;

    return smx_client_load_contacts(c, text, strlen(text), &line);
}

static void a_blocked_line_is_read_kept_and_written(void **state)
{
    static char out[SMX_CLIENT_CONTACTS_MAX + 1], text[256];
    struct smx_client *c = people(SMX_CLIENT_EVERYBODY);
    char key[SMX_KEY_TEXT];
    uint8_t bytes[SMX_DOC_KEY];

    (void)state;
    key_of(7, bytes);
    smx_base32_encode(key, bytes, SMX_DOC_KEY);
    snprintf(text, sizeof text, "bob %s blocked\n%s %s\n", key, key, key);
    assert_int_equal(load(c, text), SMX_OK);
    assert_int_equal(c->contact_count, 2);
    assert_true(c->contact[0].blocked && !c->contact[1].blocked);
    assert_true(smx_contact_is_blocked(c, bytes));
    out[smx_client_save_contacts(c, out)] = 0;
    assert_non_null(strstr(out, text));
    assert_int_equal(load(c, out), SMX_OK);
    assert_int_equal(c->contact_count, 2);
    snprintf(text, sizeof text, "bob %s  blocked\n", key);
    assert_int_equal(load(c, text), SMX_E_MALFORMED);
    snprintf(text, sizeof text, "bob %s blockd\n", key);
    assert_int_equal(load(c, text), SMX_E_MALFORMED);
    assert_int_equal(load(c, " blocked\n"), SMX_E_MALFORMED);
    forget(c);
}

static void a_line_may_belong_to_one_address_of_ours(void **state)
{
    static char out[SMX_CLIENT_CONTACTS_MAX + 1], text[512];
    struct smx_client *c = people(SMX_CLIENT_EVERYBODY);
    char key[SMX_KEY_TEXT], second[SMX_KEY_TEXT], gone[SMX_KEY_TEXT];
    struct smx_view_contact shown;
    uint8_t bytes[SMX_DOC_KEY];

    (void)state;
    has_two_addresses(c);
    smx_base32_encode(second, c->identity[1].own.public, SMX_DOC_KEY);
    key_of(99, bytes);
    smx_base32_encode(gone, bytes, SMX_DOC_KEY);
    key_of(7, bytes);
    smx_base32_encode(key, bytes, SMX_DOC_KEY);
    snprintf(text, sizeof text, "bob %s\nbob %s as %s\neve %s as %s blocked\n", key, key, second, key, gone);
    assert_int_equal(load(c, text), SMX_OK);
    assert_ptr_equal(smx_contact_by_user(c, 0, "bob"), &c->contact[0]);
    assert_ptr_equal(smx_contact_by_user(c, 1, "bob"), &c->contact[1]);
    assert_null(smx_contact_by_user(c, 0, "eve"));
    assert_null(smx_contact_by_user(c, 1, "eve"));
    for (size_t i = 0; i < 3; i++) {
        assert_true(smx_client_view_contact(c, i, &shown));
        assert_int_equal(shown.has_identity, i < 2);
        assert_true(i == 2 || shown.identity == i);
    }
    out[smx_client_save_contacts(c, out)] =
        0; /* what belongs to an address that is not in use now stays, too */
    assert_non_null(strstr(out, text));
    snprintf(text, sizeof text, "bob %s as %.51s\n", key, second);
    assert_int_equal(load(c, text), SMX_E_MALFORMED);
    c->contact_count = 0;
    smx_contact_add(c, 1, "carol", bytes);
    assert_null(smx_contact_by_key(c, 0, bytes));
    assert_non_null(smx_contact_by_key(c, 1, bytes));
    forget(c);
}

static void who_may_reach_the_user_is_as_configured(void **state)
{
    /* stranger, nobody by name, contact, blocked contact, blocked one who was let in as a friend */
    static const bool want[][5] = {[SMX_CLIENT_EVERYBODY] = {true, true, true, false, false},
                                   [SMX_CLIENT_CONTACTS_ONLY] = {false, false, true, false, false},
                                   [SMX_CLIENT_ASK] = {false, false, true, false, false}};

    (void)state;
    for (size_t reach = 0; reach < sizeof want / sizeof want[0]; reach++) {
        struct smx_client *c = people((enum smx_client_reach)reach);

        add(c, "bob", 1);
        add(c, "eve", 2);
        c->contact[1].blocked = true;
        assert_int_equal(may(c, 9, true), want[reach][0]);
        assert_int_equal(may(c, 0, true), want[reach][1]);
        assert_int_equal(may(c, 1, false), want[reach][2]);
        assert_int_equal(may(c, 1, true), want[reach][2]); /* a contact since he was let in */
        assert_int_equal(may(c, 2, true), want[reach][3]);
        assert_int_equal(may(c, 2, false), want[reach][4]);
        forget(c);
    }
}

static bool asks(const struct smx_client *c, size_t at, unsigned who)
{
    char said[SMX_CLIENT_USER], text[SMX_KEY_TEXT];
    uint8_t key[SMX_DOC_KEY];

    key_of(who, key);
    smx_base32_encode(text, key, SMX_DOC_KEY);
    return smx_client_asking(c, at, said) && strcmp(said, text) == 0;
}

static void strangers_are_listed_once_newest_first_until_they_are_contacts(void **state)
{
    struct smx_client *c = people(SMX_CLIENT_ASK);
    char key[SMX_CLIENT_USER];

    (void)state;
    add(c, "eve", 9);
    c->contact[0].blocked = true;
    c->changes = 0;
    assert_false(may(c, 1, true) || may(c, 2, true) || may(c, 1, true));
    assert_true(c->changes & SMX_CLIENT_STATUS);
    assert_true(asks(c, 0, 1) && asks(c, 1, 2));
    assert_null(smx_client_asking(c, 2, key));
    assert_false(may(c, 0, true) || may(c, 9, true)); /* nobody by name, and a blocked one, ask nothing */
    assert_null(smx_client_asking(c, 2, key));
    add(c, "bob", 1);
    assert_true(asks(c, 0, 2));
    assert_null(smx_client_asking(c, 1, key));
    for (unsigned who = 100; who < 100 + SMX_CLIENT_ASKING; who++)
        assert_false(may(c, who, true));
    assert_true(asks(c, 0, 100 + SMX_CLIENT_ASKING - 1) && asks(c, SMX_CLIENT_ASKING - 1, 100));
    forget(c);
}

/* Else who is a contact of one would tell the other that both are one user's. */
static void a_stranger_asks_each_address_by_itself(void **state)
{
    struct smx_client *c = people(SMX_CLIENT_ASK);

    (void)state;
    has_two_addresses(c);
    assert_false(may_as(c, 0, 1, true) || may_as(c, 1, 1, true));
    assert_int_equal(c->asking_count, 2);
    assert_int_equal(c->asking[0].identity, 1);
    add(c, "bob", 1);
    assert_int_equal(c->asking_count, 1);
    assert_int_equal(c->asking[0].identity, 1);
    assert_true(may_as(c, 0, 1, true));
    assert_false(may_as(c, 1, 1, true));
    forget(c);
}

static void where_nobody_asks_nobody_is_listed(void **state)
{
    struct smx_client *c = people(SMX_CLIENT_CONTACTS_ONLY);
    char key[SMX_CLIENT_USER];

    (void)state;
    assert_false(may(c, 1, true));
    assert_null(smx_client_asking(c, 0, key));
    forget(c);
}

static void a_full_book_forgets_the_oldest_but_no_blocked_one(void **state)
{
    struct smx_client *c = people(SMX_CLIENT_EVERYBODY);
    uint8_t key[SMX_DOC_KEY];
    char name[16];

    (void)state;
    for (unsigned i = 0; i < CONTACTS; i++) {
        snprintf(name, sizeof name, "n%u", i);
        add(c, name, i + 1);
    }
    c->contact[0].blocked = true;
    add(c, "one-more", 5000);
    assert_int_equal(c->contact_count, CONTACTS);
    key_of(1, key);
    assert_true(smx_contact_is_blocked(c, key));
    assert_null(smx_contact_by_user(c, 0, "n1"));
    assert_non_null(smx_contact_by_user(c, 0, "one-more"));
    for (unsigned i = 0; i < CONTACTS; i++)
        c->contact[i].blocked = true;
    add(c, "too-many", 5001);
    assert_null(smx_contact_by_user(c, 0, "too-many"));
    forget(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_blocked_line_is_read_kept_and_written),
        cmocka_unit_test(a_line_may_belong_to_one_address_of_ours),
        cmocka_unit_test(who_may_reach_the_user_is_as_configured),
        cmocka_unit_test(strangers_are_listed_once_newest_first_until_they_are_contacts),
        cmocka_unit_test(a_stranger_asks_each_address_by_itself),
        cmocka_unit_test(where_nobody_asks_nobody_is_listed),
        cmocka_unit_test(a_full_book_forgets_the_oldest_but_no_blocked_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
