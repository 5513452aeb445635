/* Whom the user lets through: what he notices, and what the others hear. */
#include "tests/unit/sim/network.h"

enum { ALICE, BOB };

static struct smx_sim_network *network(uint64_t seed, enum smx_client_reach reach, const char *mark)
{
    struct smx_sim_network_config config = smx_sim_network_preset(seed);
    struct smx_sim_network *n;
    char text[256], key[SMX_KEY_TEXT];
    unsigned at;

    config.relays = 6;
    config.params.batch_s = 2;
    n = smx_sim_network_new(&config);
    smx_sim_client_make(n, ALICE, 1, "alice", 2);
    smx_sim_client_make(n, BOB, 2, "bob", 2);
    n->user[BOB].answers = true;
    n->user[BOB].client->reach = reach;
    smx_base32_encode(key, n->user[ALICE].public, 32);
    snprintf(text, sizeof text, "alice %s%s\n", key, mark ? mark : "");
    assert_int_equal(smx_client_load_contacts(n->user[BOB].client, text, mark ? strlen(text) : 0, &at),
                     SMX_OK);
    smx_sim_client_start(n, ALICE);
    smx_sim_client_start(n, BOB);
    run_until_ready(n, 60000);
    return n;
}

/* Alice calls: it rings for her, the ordinary time, and Bob's phone is silent; her text is not delivered. */
static void in_vain(struct smx_sim_network *n)
{
    struct smx_sim_user *alice = &n->user[ALICE], *bob = &n->user[BOB];
    struct smx_sim_call *out = smx_sim_call_place(alice, smx_sim_target_name("bob"));
    size_t text;

    smx_sim_run_for(n, 3000);
    assert_true(out->ringing);
    smx_sim_run_for(n, 26000);
    assert_false(out->failed);
    smx_sim_run_for(n, 8000);
    assert_int_equal(out->code, 480);
    text = smx_sim_text_send(alice, smx_sim_target_name("bob"), "hello?", 6);
    smx_sim_run_for(n, 3000);
    assert_int_equal(alice->text[text].code, 480);
    assert_int_equal(bob->call_count + bob->text_count, 0);
}

static void where_only_contacts_reach_him_a_stranger_hears_that_nobody_answers(void **state)
{
    struct smx_sim_network *n = network(1, SMX_CLIENT_CONTACTS_ONLY, NULL);

    (void)state;
    in_vain(n);
    assert_int_equal(n->user[BOB].client->asking_count, 0);
    smx_sim_network_free(n);
}

static void a_blocked_contact_hears_what_a_stranger_does(void **state)
{
    struct smx_sim_network *n = network(3, SMX_CLIENT_EVERYBODY, " blocked");

    (void)state;
    in_vain(n);
    smx_sim_network_free(n);
}

static void a_stranger_who_asked_gets_through_once_he_has_been_called(void **state)
{
    struct smx_sim_network *n = network(4, SMX_CLIENT_ASK, NULL);
    struct smx_sim_user *alice = &n->user[ALICE], *bob = &n->user[BOB];
    struct smx_client_target to = {.is_key = true};
    struct smx_sim_call *back;

    (void)state;
    in_vain(n);
    assert_string_equal(smx_client_asking(bob->client, 0, to.user), to.user);
    assert_null(smx_client_asking(bob->client, 1, (char[SMX_CLIENT_USER]){""}));
    alice->answers = true;
    back = smx_sim_call_place(bob, to);
    smx_sim_run_for(n, 3000);
    assert_true(back->answered);
    assert_int_equal(bob->client->asking_count, 0);
    smx_sim_call_hang_up(bob, back);
    smx_sim_run_for(n, 3000);
    alice->call_count = 0;
    (void)smx_sim_call_place(alice, smx_sim_target_name("bob"));
    smx_sim_run_for(n, 3000);
    assert_true(alice->call[0].answered);
    smx_sim_network_free(n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(where_only_contacts_reach_him_a_stranger_hears_that_nobody_answers),
        cmocka_unit_test(a_blocked_contact_hears_what_a_stranger_does),
        cmocka_unit_test(a_stranger_who_asked_gets_through_once_he_has_been_called),
    };

    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
