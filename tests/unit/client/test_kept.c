/* What a client keeps between runs: the state blob and the contacts' text. */
#include "client/core.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <sodium.h>

static void no_network(void *arg, bool ready)
{
    (void)arg;
    (void)ready;
}

static void no_identities(void *arg, const char *const *users, size_t count)
{
    (void)arg;
    (void)users;
    (void)count;
}

static const struct smx_phone silent = {.network = no_network, .identities = no_identities};

static struct smx_client *client_of(uint8_t key)
{
    static struct smx_network network = {.authority_count = 1};
    struct smx_client_identity own = {.name = "somebody"};
    struct smx_client_config config = {.network = &network,
                                       .slots = 2,
                                       .identity = &own,
                                       .identity_count = 1,
                                       .phone = &silent,
                                       .has_v4 = true};
    uint8_t seed[32] = {key};
    struct smx_client *c;

    crypto_sign_seed_keypair(own.public, own.secret, seed);
    assert_int_equal(smx_client_new(&c, &config, seed, 0), SMX_OK);
    return c;
}

/* A client with something in every part of its state. */
static struct smx_client *rich_client(void)
{
    struct smx_client *c = client_of(1);
    struct identity *id = &c->identity[0];

    c->wall.s = INT64_C(20000) * 86400;
    c->has_batch = true;
    c->batch = (struct smx_batch_header){.number = 77, .work = 9};
    c->paths.guard_count = 2;
    memset(c->paths.guard, 3, sizeof c->paths.guard);
    id->middle_count = 3;
    for (size_t i = 0; i < 3; i++) {
        memset(id->middle[i].id, (int)i, SMX_DOC_KEY);
        id->middle[i].until = 1000 + i;
    }
    smx_identities_start(c);
    id->seq = 12;
    id->has_intro = true;
    memset(id->intro, 9, sizeof id->intro);
    id->published_day = 20001;
    id->name[1] = (struct name){.state = NAME_OURS, .drawn = true, .text = "anon-abcdefgh", .renew = 5};
    for (uint32_t day = 19999; day <= 20001; day++)
        smx_meet_memory_add(&smx_identity_day(c, 0, day)->memory, day);
    return c;
}

static void a_state_comes_back_as_it_was(void **state)
{
    static uint8_t first[SMX_CLIENT_STATE_MAX], again[SMX_CLIENT_STATE_MAX];
    struct smx_client *a = rich_client(), *b = client_of(1);
    size_t len = smx_client_save(a, first);

    (void)state;
    assert_int_equal(smx_client_load(b, first, len), SMX_OK);
    assert_int_equal(smx_client_save(b, again), len);
    assert_memory_equal(first, again, len);
    assert_memory_equal(a->identity[0].day[1].key.public, b->identity[0].day[1].key.public, 32);
    smx_client_free(a);
    smx_client_free(b);
}

static void the_state_of_another_identity_is_left_aside(void **state)
{
    static uint8_t bytes[SMX_CLIENT_STATE_MAX];
    struct smx_client *a = rich_client(), *b = client_of(2);
    size_t len = smx_client_save(a, bytes);

    (void)state;
    assert_int_equal(smx_client_load(b, bytes, len), SMX_OK);
    assert_int_equal(b->paths.guard_count, 2);
    assert_int_equal(b->identity[0].seq, 0);
    assert_int_equal(b->identity[0].day[0].day, 0);
    smx_client_free(a);
    smx_client_free(b);
}

static void a_damaged_state_is_refused(void **state)
{
    static uint8_t bytes[SMX_CLIENT_STATE_MAX];
    struct smx_client *a = rich_client(), *b = client_of(1);
    size_t len = smx_client_save(a, bytes);

    (void)state;
    for (size_t cut = 0; cut < len; cut++)
        assert_int_equal(smx_client_load(b, bytes, cut), SMX_E_MALFORMED);
    for (size_t i = 0; i < len; i++) {
        bytes[i] ^= 0x20;
        assert_int_equal(smx_client_load(b, bytes, len), SMX_E_MALFORMED);
        bytes[i] ^= 0x20;
    }
    assert_int_equal(smx_client_load(b, bytes, len), SMX_OK);
    smx_client_free(a);
    smx_client_free(b);
}

static void contacts_come_back_as_they_were(void **state)
{
    static char text[SMX_CLIENT_CONTACTS_MAX];
    struct smx_client *a = client_of(1), *b = client_of(1);
    uint8_t key[32];
    char user[SMX_KEY_TEXT];
    unsigned line;
    size_t len;

    (void)state;
    for (unsigned i = 0; i < CONTACTS + 5; i++) { /* the oldest make room */
        memset(key, (int)(i % 200), sizeof key);
        key[0] = (uint8_t)(i >> 8);
        snprintf(user, sizeof user, "name-%u", i);
        smx_contact_add(a, 0, user, key);
    }
    memset(key, 0xee, sizeof key);
    smx_base32_encode(user, key, sizeof key);
    smx_contact_add(a, 0, user, key); /* known by his key only */
    len = smx_client_save_contacts(a, text);
    assert_int_equal(smx_client_load_contacts(b, text, len, &line), SMX_OK);
    assert_int_equal(b->contact_count, CONTACTS);
    assert_null(smx_contact_by_user(b, 0, "name-0"));
    assert_non_null(smx_contact_by_user(b, 0, "name-500"));
    assert_string_equal(smx_contact_by_key(b, 0, key)->user, user);
    smx_contact_add(b, 0, "named.too", key);
    assert_string_equal(smx_contact_by_key(b, 0, key)->user, "named.too");
    smx_client_free(a);
    smx_client_free(b);
}

static void a_line_that_is_no_contact_is_named(void **state)
{
#define KEY "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
    static const char *const bad[] = {
        "bob",                                                      /* no key */
        "bob ",                                                     /* empty key */
        "bob " KEY "a",                                             /* too long */
        "b " KEY,                                                   /* no name */
        "b*b " KEY,                                                 /* no name */
        " " KEY,                                                    /* no name */
        "bob  " KEY,                                                /* two blanks */
        "bob " KEY " ",                                             /* something behind */
        KEY " b" KEY,                                               /* a key that is not his own */
        "bob 0aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", /* a zero, which base32 lacks */
    };
    struct smx_client *c = client_of(1);
    char text[512];
    unsigned line;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        snprintf(text, sizeof text, "# mine\nalice %s\n\n%s\n", KEY, bad[i]);
        assert_int_equal(smx_client_load_contacts(c, text, strlen(text), &line), SMX_E_MALFORMED);
        assert_int_equal(line, 4);
        assert_int_equal(c->contact_count, 0);
    }
    snprintf(text, sizeof text, "Alice %s", KEY); /* capitals, and no end of line */
    assert_int_equal(smx_client_load_contacts(c, text, strlen(text), &line), SMX_OK);
    assert_non_null(smx_contact_by_user(c, 0, "alice"));
    assert_int_equal(smx_client_load_contacts(c, "", 0, &line), SMX_OK);
    smx_client_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_state_comes_back_as_it_was),
        cmocka_unit_test(the_state_of_another_identity_is_left_aside),
        cmocka_unit_test(a_damaged_state_is_refused),
        cmocka_unit_test(contacts_come_back_as_they_were),
        cmocka_unit_test(a_line_that_is_no_contact_is_named),
    };
    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
