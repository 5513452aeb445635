/* Two identities of one client have nothing to do with each other: what is done as one, or to one, changes
 * nothing that who talks to the other could see. */
#include "tests/unit/sim/network.h"

enum { BOB, ALICE, CAROL, DAVE, PEOPLE, HOME = 0, WORK };

/* Bob is "bob" and "bob.at.work"; both know carol, bob alone knows alice, and dave knows nobody. */
static struct smx_sim_network *people(uint64_t seed, uint8_t slots)
{
    static const char *const name[] = {"bob", "alice", "carol", "dave"};
    struct smx_sim_network_config config = smx_sim_network_preset(seed);
    struct smx_client_identity own[2] = {{.name = "bob"}, {.name = "bob.at.work"}};
    struct smx_client_config two = {.slots = slots, .identity = own, .identity_count = 2, .has_v4 = true};
    uint8_t bytes[SMX_RNG_SEED] = {(uint8_t)seed, 77};
    struct smx_sim_network *n;
    char text[512], key[SMX_KEY_TEXT], work[SMX_KEY_TEXT];
    unsigned at;
    int len = 0;

    config.params.batch_s = 2;
    config.params.epoch_s = 600; /* no renewal comes between */
    n = smx_sim_network_new(&config);
    for (size_t i = 0; i < PEOPLE; i++) {
        smx_sim_client_make(n, i, (uint32_t)i + 1, name[i], 2);
        n->user[i].answers = true;
    }
    smx_client_free(n->user[BOB].client);
    for (size_t i = 0; i < 2; i++) {
        bytes[2] = (uint8_t)i;
        crypto_sign_seed_keypair(own[i].public, own[i].secret, bytes);
    }
    two.network = &n->file;
    two.vault = n->vault;
    two.phone = &n->user[BOB].phone;
    assert_int_equal(smx_client_new(&n->user[BOB].client, &two, bytes, smx_sim_user_now(&n->user[BOB])),
                     SMX_OK);
    smx_base32_encode(work, own[WORK].public, 32);
    for (size_t i = ALICE; i <= CAROL; i++) {
        smx_base32_encode(key, n->user[i].public, 32);
        len += snprintf(text + len, sizeof text - (size_t)len, "%s %s\n", name[i], key);
    }
    len += snprintf(text + len, sizeof text - (size_t)len, "%s %s as %s\n", name[CAROL], key, work);
    assert_int_equal(smx_client_load_contacts(n->user[BOB].client, text, (size_t)len, &at), SMX_OK);
    for (size_t i = 0; i < PEOPLE; i++)
        smx_sim_client_start(n, i);
    run_until_ready(n, 60000);
    smx_sim_run_for(n, 10000); /* the second name, too */
    return n;
}

static void hang_up(struct smx_sim_network *n, size_t who, struct smx_sim_call *c)
{
    smx_sim_call_hang_up(&n->user[who], c);
    smx_sim_run_for(n, 5000);
}

/* Slots of bob's that are busy with something. */
static unsigned busy_slots(const struct smx_sim_network *n)
{
    const struct smx_client *c = n->user[BOB].client;
    unsigned slots = 0;

    for (size_t i = 0; i < c->slots; i++)
        if (c->meeting[i].state != MEETING_IDLE)
            slots |= 1U << c->meeting[i].slot;
    return slots;
}

/* What a contact, then a stranger, are told who call bob at work, and by which slots. */
struct heard {
    unsigned contact_code, contact_slots, stranger_code, stranger_slots;
    bool contact_rings, contact_talks, stranger_rings, phone_rings;
};

static struct heard who_calls_work_hears(struct smx_sim_network *n)
{
    struct smx_sim_user *bob = &n->user[BOB];
    unsigned before = busy_slots(n);
    struct smx_sim_call *c = call_for(n, CAROL, "bob.at.work", 4000);
    struct heard h = {.contact_code = c->code,
                      .contact_rings = c->ringing,
                      .contact_talks = c->answered,
                      .contact_slots = busy_slots(n) & ~before};
    size_t calls;

    hang_up(n, CAROL, c);
    bob->answers = false;
    calls = bob->call_count;
    c = call_for(n, DAVE, "bob.at.work", 4000);
    h.stranger_rings = c->ringing;
    h.stranger_slots = busy_slots(n) & ~before;
    h.phone_rings = bob->call_count == calls + 1 && strcmp(bob->call[calls].to, "bob.at.work") == 0;
    smx_sim_run_for(n, 36000); /* nobody picks up */
    h.stranger_code = c->code;
    smx_sim_run_for(n, 5000);
    bob->answers = true;
    return h;
}

static void a_call_of_one_identity_changes_nothing_at_the_other(void **state)
{
    struct smx_sim_network *n = people(1, 2);
    struct heard idle = who_calls_work_hears(n), busy;
    struct smx_sim_call *home = call_for(n, ALICE, "bob", 4000);

    (void)state;
    assert_true(idle.contact_rings && idle.contact_talks && idle.stranger_rings && idle.phone_rings);
    assert_int_equal(idle.stranger_code, 480);
    assert_int_equal(idle.contact_slots & ~0xcU, 0); /* the third and fourth slot are work's */
    assert_int_equal(idle.stranger_slots & ~0xcU, 0);
    assert_true(home->answered);
    busy = who_calls_work_hears(n);
    assert_memory_equal(&busy, &idle, sizeof idle);
    assert_false(smx_sim_call_is_over(home));
    assert_true(home->frames_in > 2000);
    assert_int_equal(call_for(n, CAROL, "bob", 3000)->code, 486); /* where he is busy */
    smx_sim_network_free(n);
}

static void with_one_slot_each_there_are_two_calls_at_once(void **state)
{
    struct smx_sim_network *n = people(2, 1);
    struct smx_sim_user *bob = &n->user[BOB];
    struct smx_sim_call *home, *work;

    (void)state;
    assert_int_equal(bob->client->cells, 4); /* as two clients would send in two datagrams */
    home = call_for(n, ALICE, "bob", 4000);
    work = call_for(n, DAVE, "bob.at.work", 4000);
    assert_true(home->answered && work->answered);
    smx_sim_run_for(n, 4000);
    assert_true(home->frames_in > 190 && work->frames_in > 190);
    assert_true(bob->call[0].frames_in > 190 && bob->call[1].frames_in > 190);
    assert_int_equal(home->wrong + work->wrong + bob->call[0].wrong + bob->call[1].wrong, 0);
    hang_up(n, ALICE, home);
    assert_true(bob->call[0].ended);
    assert_false(smx_sim_call_is_over(work));
    smx_sim_network_free(n);
}

static void strangers_who_use_up_the_patience_of_one_identity_change_nothing_at_the_other(void **state)
{
    struct smx_sim_network *n = people(3, 2);
    const struct smx_client *c = n->user[BOB].client;
    unsigned served = 0;

    (void)state;
    for (unsigned i = 0; i < 8 && (i == 0 || c->screen[HOME].tokens > 0); i++) {
        struct smx_sim_call *s = call_for(n, DAVE, "bob", 0);

        for (unsigned t = 0; t < 3000 && !s->answered && !smx_sim_call_is_over(s); t += 100)
            smx_sim_run_for(n, 100);
        served += s->answered;
        smx_sim_call_hang_up(&n->user[DAVE], s);
        smx_sim_run_for(n, 1000);
        n->user[BOB].client->contact_count = 0; /* whom he has talked to would be no stranger */
    }
    assert_in_range(served, 4, 6);
    assert_int_equal(c->screen[HOME].tokens, 0);
    assert_int_equal(c->screen[WORK].refill, 0); /* none has come there yet */
    assert_true(call_for(n, DAVE, "bob.at.work", 3000)->answered);
    smx_sim_network_free(n);
}

/* Else she would hear at once that her call to bob at home is answered by who calls her from work. */
static void a_call_from_one_identity_is_no_answer_to_a_call_to_the_other(void **state)
{
    struct smx_sim_network *n = people(4, 2);
    struct smx_sim_user *bob = &n->user[BOB], *alice = &n->user[ALICE];
    struct smx_client_target to = smx_sim_target_name("alice");
    struct smx_sim_call *out;

    (void)state;
    bob->answers = alice->answers = false;
    out = smx_sim_call_place(bob, to); /* as bob, by the phone; and now as work */
    smx_client_call_end(bob->client, smx_sim_user_now(bob), out->id);
    smx_client_call(bob->client, smx_sim_user_now(bob), out->id, "bob.at.work", &to);
    (void)call_for(n, ALICE, "bob", 4000);
    assert_int_equal(bob->call_count, 2);
    assert_string_equal(bob->call[1].to, "bob"); /* a call of its own, which rings and is not answered */
    assert_true(alice->call[0].ringing);
    assert_false(alice->call[0].answered || bob->call[0].answered);
    smx_sim_network_free(n);
}

/* Else each of them could tell by it whom else he talks to. */
static void a_contact_of_one_identity_is_a_stranger_to_the_other(void **state)
{
    struct smx_sim_network *n = people(5, 2);
    struct smx_sim_user *bob = &n->user[BOB];
    struct smx_sim_call *out;

    (void)state;
    bob->absent = true; /* a contact is told so at once */
    assert_int_equal(call_for(n, ALICE, "bob", 3000)->code, 480);
    assert_int_equal(call_for(n, CAROL, "bob.at.work", 3000)->code, 480);
    out = call_for(n, ALICE, "bob.at.work", 3000);
    assert_true(out->ringing && !out->failed);
    smx_sim_run_for(n, 36000);
    assert_int_equal(out->code, 480);
    bob->absent = false;
    out = call_for(n, DAVE, "bob.at.work", 3000);
    assert_true(out->answered); /* from here on work knows him */
    hang_up(n, DAVE, out);
    bob->absent = true;
    assert_int_equal(call_for(n, DAVE, "bob.at.work", 3000)->code, 480);
    out = call_for(n, DAVE, "bob", 3000);
    assert_true(out->ringing && !out->failed);
    smx_sim_network_free(n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_call_of_one_identity_changes_nothing_at_the_other),
        cmocka_unit_test(with_one_slot_each_there_are_two_calls_at_once),
        cmocka_unit_test(strangers_who_use_up_the_patience_of_one_identity_change_nothing_at_the_other),
        cmocka_unit_test(a_call_from_one_identity_is_no_answer_to_a_call_to_the_other),
        cmocka_unit_test(a_contact_of_one_identity_is_a_stranger_to_the_other),
    };
    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
