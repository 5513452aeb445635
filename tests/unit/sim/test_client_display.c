/* What a caller calls himself: who hears it, and who does not. */
#include "tests/unit/sim/network.h"

/* Alice calls bob; what his phone is told. */
static const struct smx_sim_call *told(struct smx_sim_network *n, const char *display, bool unnamed)
{
    struct smx_sim_user *alice = &n->user[0], *bob = &n->user[1];
    struct smx_client_target to = smx_sim_target_name("bob");
    size_t at = bob->call_count;
    struct smx_sim_call *out;

    snprintf(to.display, sizeof to.display, "%s", display);
    to.unnamed = unnamed;
    out = smx_sim_call_place(alice, to);
    smx_sim_run_for(n, 5000);
    assert_int_equal(bob->call_count, at + 1);
    smx_sim_call_hang_up(alice, out);
    smx_sim_run_for(n, 3000);
    return &bob->call[at];
}

static void a_name_is_told_to_whom_does_not_know_another_and_only_if_it_was_given(void **state)
{
    struct smx_sim_network *n = ready_network(71);
    struct smx_client *bob = n->user[1].client;
    uint8_t key[SMX_DOC_KEY];
    char key_text[SMX_KEY_TEXT];

    (void)state;
    memcpy(key, n->user[0].public, sizeof key);
    smx_base32_encode(key_text, key, sizeof key);
    assert_string_equal(told(n, "Alice L.", false)->says, "Alice L.");
    assert_string_equal(n->user[1].call[0].from, key_text); /* the address is what it was */
    assert_string_equal(told(n, "", false)->says, "");
    assert_string_equal(told(n, "Alice L.", true)->says, "");
    assert_string_equal(n->user[1].call[2].from, "anonymous");
    smx_contact_add(bob, 0, "alice", key); /* now he knows her by a name */
    assert_string_equal(told(n, "Eve", false)->says, "");
    assert_string_equal(n->user[1].call[3].from, "alice");
    smx_sim_network_free(n);
}

static void with_a_name_or_without_as_much_is_said(void **state)
{
    static const char *const display[] = {"", "Alice"};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct smx_sim_network *n = ready_network(72);
        struct smx_client *bob = n->user[1].client;
        struct smx_client_target to = smx_sim_target_name("bob");
        bool said = false;

        snprintf(to.display, sizeof to.display, "%s", display[i]);
        (void)smx_sim_call_place(&n->user[0], to);
        smx_sim_run_for(n, 3000);
        for (size_t k = 0; k < bob->slots; k++)
            said =
                said || (bob->meeting[k].display_of == 1 && strcmp(bob->meeting[k].display, display[i]) == 0);
        assert_true(
            said); /* the record comes, whatever is in it; its length is always the same: record.txt */
        smx_sim_network_free(n);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_is_told_to_whom_does_not_know_another_and_only_if_it_was_given),
        cmocka_unit_test(with_a_name_or_without_as_much_is_said),
    };
    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
