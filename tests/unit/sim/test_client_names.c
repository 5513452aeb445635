/* Names over time, and a directory or end relay that says what is not so. */
#include "tests/unit/sim/network.h"

static const struct smx_client_counters *count_of(const struct smx_sim_user *u)
{
    return smx_client_counters(u->client);
}

static enum smx_client_problem warning_of(const struct smx_sim_user *u)
{
    struct smx_client_status status;

    smx_client_status(u->client, &status);
    return status.warning;
}

/* Whose name it is in the directory's newest batch; false: nobody's. */
static bool holder_of(const struct smx_sim_network *n, const char *name, uint8_t key[32])
{
    struct smx_bytes file = smx_directory_batch(n->directory);
    uint8_t index[SMX_INDEX], out[SMX_ANSWER_MAX];
    struct smx_params p;
    struct smx_answer a;
    struct smx_batch *b;

    smx_params_preset(&p);
    smx_index_name(index, name);
    assert_int_equal(smx_batch_decode(&b, &n->file, file.at, file.len), SMX_OK);
    assert_int_equal(smx_answer_verify(&a, &n->file, &p, index, NULL, smx_batch_head(b)->time, out,
                                       smx_batch_answer(b, index, out)),
                     SMX_OK);
    smx_batch_free(b);
    memcpy(key, a.key, 32);
    return a.present;
}

static bool holds(const struct smx_sim_network *n, const char *name, const struct smx_sim_user *u)
{
    uint8_t key[32];

    return holder_of(n, name, key) && memcmp(key, u->public, 32) == 0;
}

static bool is_nobodys(const struct smx_sim_network *n, const char *name)
{
    uint8_t key[32];

    return !holder_of(n, name, key);
}

/* Runs until name is who's (NULL: nobody's), for so many seconds at most. */
static bool comes_to(struct smx_sim_network *n, const char *name, const struct smx_sim_user *who,
                     unsigned seconds)
{
    for (unsigned i = 0; i < seconds; i++) {
        if (who ? holds(n, name, who) : is_nobodys(n, name))
            return true;
        smx_sim_run_for(n, 1000);
    }
    return false;
}

static struct smx_sim_network *network_with(struct smx_sim_network_config config)
{
    struct smx_sim_network *n = smx_sim_network_new(&config);

    smx_sim_client_make(n, 0, 1, "alice", 2);
    smx_sim_client_make(n, 1, 2, "bob", 2);
    smx_sim_client_start(n, 0);
    smx_sim_client_start(n, 1);
    run_until_ready(n, 60000);
    return n;
}

/* ---- time ---- */

static void a_name_is_renewed_in_time_and_lapses_when_its_owner_is_gone(void **state)
{
    struct smx_sim_network_config config = smx_sim_network_preset(61);
    struct smx_sim_network *n;
    struct smx_sim_user *alice;

    (void)state;
    config.params.name_grace_s = 60;
    n = network_with(config);
    alice = &n->user[0];
    for (unsigned i = 0; i < 180; i++) {
        smx_sim_run_for(n, 1000);
        assert_true(holds(n, "alice", alice));
    }
    smx_sim_client_sleep(n, 0);
    assert_true(comes_to(n, "alice", NULL, 70));
    smx_sim_client_start(n, 0);
    assert_true(comes_to(n, "alice", alice, 120)); /* claimed anew, since nobody else wanted it */
    smx_sim_network_free(n);
}

/* ---- letting go ---- */

/* From its next start on, the client shall let this name go; consent NULL: for anybody. */
static void restart_to_part(struct smx_sim_network *n, size_t i, const char *name,
                            const struct smx_consent *consent)
{
    struct smx_sim_user *u = &n->user[i];

    u->name[0] = 0;
    smx_sim_client_restart(n, i);
    u->client->parting_count = 1;
    free(u->client->parting);
    u->client->parting = calloc(1, sizeof *u->client->parting);
    assert_non_null(u->client->parting);
    u->client->parting[0] = (struct smx_client_parting){.transfer = consent != NULL};
    strcpy(u->client->parting[0].name, name);
    if (consent)
        u->client->parting[0].consent = *consent;
}

/* The word that it is gone may have to be asked for again, by another circuit. */
static void await_parting(struct smx_sim_network *n, const struct smx_sim_user *u)
{
    for (unsigned i = 0; i < 60 && count_of(u)->names_let_go == 0; i++)
        smx_sim_run_for(n, 1000);
    assert_int_equal(count_of(u)->names_let_go, 1);
}

static void a_released_name_is_anybodys_and_only_once(void **state)
{
    struct smx_sim_network *n = ready_network(62);
    struct smx_sim_user *alice = &n->user[0], *bob = &n->user[1];

    (void)state;
    restart_to_part(n, 0, "alice", NULL);
    assert_true(comes_to(n, "alice", NULL, 60));
    await_parting(n, alice);
    for (size_t i = 0; i < alice->own_count; i++)
        assert_string_not_equal(alice->own[i], "alice");
    smx_client_claim(bob->client, smx_sim_user_now(bob), "alice");
    assert_true(comes_to(n, "alice", bob, 60));
    restart_to_part(n, 0, "alice", NULL); /* the line still stands in the configuration */
    smx_sim_run_for(n, 60000);
    assert_true(holds(n, "alice", bob));
    assert_int_equal(count_of(alice)->names_let_go, 0);
    smx_sim_network_free(n);
}

static void a_name_goes_to_who_consented_and_to_nobody_else(void **state)
{
    struct smx_sim_network *n = ready_network(63);
    struct smx_sim_user *alice = &n->user[0], *bob = &n->user[1];
    struct smx_consent consent = {.seq = SMX_SIM_START};
    struct smx_sim_call *out;

    (void)state;
    memcpy(consent.key, bob->public, sizeof consent.key);
    {
        uint8_t seed[32] = {2, 99}, public[32], secret[64];

        crypto_sign_seed_keypair(public, secret, seed);
        assert_memory_equal(public, bob->public, 32);
        smx_consent_sign(&consent, "alice2", alice->public, n->file.id, secret); /* for another name */
        restart_to_part(n, 0, "alice", &consent);
        smx_sim_run_for(n, 20000);
        assert_int_equal(warning_of(alice), SMX_CLIENT_NAME_STUCK);
        assert_true(holds(n, "alice", alice));
        smx_consent_sign(&consent, "alice", alice->public, n->file.id, secret);
    }
    restart_to_part(n, 0, "alice", &consent);
    assert_true(comes_to(n, "alice", bob, 60));
    await_parting(n, alice);
    smx_client_claim(bob->client, smx_sim_user_now(bob), "alice"); /* a claim by its holder renews it */
    smx_sim_run_for(n, 40000);
    assert_true(holds(n, "alice", bob));
    assert_string_equal(bob->own[1], "alice");
    out = smx_sim_call_place(alice, smx_sim_target_name("alice"));
    smx_sim_run_for(n, 3000);
    assert_true(out->ringing);
    smx_sim_network_free(n);
}

/* ---- lies ---- */

/* Gives every end relay a batch of no names with these words in its head, signed by this seed's key. */
static void feed_work(struct smx_sim_network *n, uint64_t number, struct smx_wall time, uint8_t signer,
                      uint8_t work)
{
    uint8_t seed[32] = {signer}, public[32], secret[64];

    crypto_sign_seed_keypair(public, secret, seed);
    for (size_t i = 0; i < n->relays; i++) {
        struct smx_batch *b;
        struct smx_doc_sig sig = {.signer = 0};

        if (!smx_relay_is_end(n->relay[i].core))
            continue;
        b = smx_batch_new(n->file.id);
        assert_non_null(b);
        assert_int_equal(smx_batch_close(b, number, time, work), SMX_OK);
        smx_batch_sign(b, sig.sig, secret);
        assert_int_equal(smx_batch_add_signature(b, &sig), SMX_OK);
        smx_relay_batch(n->relay[i].core, b);
    }
}

static void feed(struct smx_sim_network *n, uint64_t number, struct smx_wall time, uint8_t signer)
{
    feed_work(n, number, time, signer, 6);
}

static void who_shows_too_little_work_is_told_how_much_and_tries_again(void **state)
{
    struct smx_sim_network *n = ready_network(64);
    struct smx_sim_user *alice = &n->user[0];

    (void)state;
    for (unsigned i = 0; i < 60 && alice->client->identity[0].upload[UPLOAD_CLAIM].state != UPLOAD_NONE; i++)
        smx_sim_run_for(n, 1000); /* her name has been seen in a batch */
    n->directory_down = true;
    feed_work(n, alice->client->batch.number + 100, smx_world_wall(n->world, 0), 42, 11);
    smx_client_claim(alice->client, smx_sim_user_now(alice), "wonderland");
    for (unsigned i = 0; i < 30 && count_of(alice)->uploads_short == 0; i++)
        smx_sim_run_for(n, 1000);
    assert_int_equal(count_of(alice)->uploads_short, 1);
    assert_int_equal(alice->client->batch.work, 11);
    smx_sim_run_for(n, 3000);
    assert_int_equal(alice->client->identity[0].upload[UPLOAD_CLAIM].state,
                     UPLOAD_SENT); /* enough, this time */
    assert_int_equal(count_of(alice)->uploads_short, 1);
    n->directory_down = false;
    assert_true(comes_to(n, "wonderland", alice, 60));
    smx_sim_network_free(n);
}

/* Alice calls Bob, and is told what is wrong with the answer. */
static void assert_refused(struct smx_sim_network *n, enum smx_client_problem warning)
{
    struct smx_sim_user *alice = &n->user[0];
    uint64_t refused = count_of(alice)->answers_refused;
    struct smx_sim_call *out = smx_sim_call_place(alice, smx_sim_target_name("bob"));

    smx_sim_run_for(n, 13000);
    assert_true(out->failed);
    assert_int_equal(out->code, 480); /* never 404: nothing proved that there is no Bob */
    assert_true(count_of(alice)->answers_refused > refused);
    assert_int_equal(warning_of(alice), warning);
    assert_true(strlen(smx_client_problem_text(warning)) > 40);
}

static void each_false_answer_is_refused_and_the_user_is_told_why(void **state)
{
    struct smx_sim_network *n = ready_network(65);
    struct smx_sim_user *alice = &n->user[0];
    struct smx_batch_header seen;
    uint64_t refused;
    struct smx_sim_call *out = smx_sim_call_place(alice, smx_sim_target_name("bob"));

    (void)state;
    smx_sim_run_for(n, 3000);
    assert_true(out->ringing);
    smx_sim_call_hang_up(alice, out);
    smx_sim_run_for(n, 3000);
    assert_int_equal(warning_of(alice), SMX_CLIENT_FINE);
    n->directory_down = true; /* so that nothing true comes between */
    seen = alice->client->batch;
    assert_true(alice->client->has_batch && seen.number > 0);

    feed(n, seen.number + 100, smx_world_wall(n->world, 0), 43);
    assert_refused(n, SMX_CLIENT_ANSWER_FALSE);
    feed(n, seen.number + 100, (struct smx_wall){smx_world_wall(n->world, 0).s + 200}, 42);
    assert_refused(n, SMX_CLIENT_ANSWER_AHEAD);
    feed(n, seen.number + 100, (struct smx_wall){smx_world_wall(n->world, 0).s - 6 * BATCH_S - 1}, 42);
    assert_refused(n, SMX_CLIENT_ANSWER_OLD);
    feed(n, seen.number - 1, (struct smx_wall){seen.time.s - 2 * BATCH_S - 1}, 42); /* rolled back */
    assert_refused(n, SMX_CLIENT_ANSWER_OLD);
    feed(n, seen.number, seen.time, 42);
    assert_refused(n, SMX_CLIENT_TWO_FACED);
    n->directory_down = false;
    smx_sim_run_for(n, 2 * BATCH_S * 1000);
    refused = count_of(alice)->answers_refused;
    smx_sim_call_place(alice, smx_sim_target_name("bob"));
    smx_sim_run_for(n, 3000);
    assert_true(alice->client->batch.number > seen.number); /* true answers are taken again */
    assert_int_equal(count_of(alice)->answers_refused, refused);
    assert_int_equal(warning_of(alice), SMX_CLIENT_TWO_FACED); /* that is not forgotten */
    smx_sim_network_free(n);
}

static void an_end_that_passed_on_a_lie_is_not_chosen_again(void **state)
{
    struct smx_sim_network *n = ready_network(68);
    struct smx_sim_user *alice = &n->user[0];
    const struct circuit *errand = smx_circuit_of(alice->client, CIRCUIT_ERRAND, 0);
    uint8_t liar[32];

    (void)state;
    n->directory_down = true;
    feed(n, UINT64_MAX / 2, smx_world_wall(n->world, 0), 43);
    assert_refused(n, SMX_CLIENT_ANSWER_FALSE);
    n->directory_down = false;
    assert_true(alice->client->identity[0].shuns);
    memcpy(liar, alice->client->identity[0].shunned, sizeof liar); /* the last one */
    smx_sim_run_for(n, 2 * EPOCH_S * 1000);
    assert_memory_not_equal(smx_circuit_end(errand), liar, sizeof liar);
    smx_sim_network_free(n);
}

static void a_directory_that_signs_two_consensuses_of_one_time_is_told_of(void **state)
{
    struct smx_sim_network *n = ready_network(66);
    struct smx_sim_user *alice = &n->user[0];
    uint8_t seed[32] = {42}, public[32], secret[64], *raw, *envelope;
    struct smx_consensus c;
    struct smx_doc_sig sig = {.signer = 0};
    size_t raw_len, len;
    const uint8_t *held = smx_client_envelope(alice->client, &len);

    (void)state;
    assert_int_equal(smx_consensus_open(&c, &n->file, held, len), SMX_OK);
    c.relay[0].weight++;
    crypto_sign_seed_keypair(public, secret, seed);
    assert_int_equal(smx_consensus_encode(&c, &raw, &raw_len), SMX_OK);
    smx_doc_sign(sig.sig, SMX_DOC_CONSENSUS, raw, raw_len, secret);
    assert_int_equal(smx_signed_encode(&envelope, &len, SMX_DOC_CONSENSUS, true, raw, raw_len, &sig, 1),
                     SMX_OK);
    assert_int_equal(smx_client_consensus(alice->client, smx_sim_user_now(alice),
                                          smx_world_wall(n->world, alice->node), envelope, len),
                     SMX_E_REFUSED);
    assert_int_equal(warning_of(alice), SMX_CLIENT_TWO_FACED);
    assert_int_equal(count_of(alice)->consensuses_refused, 1);
    smx_consensus_free(&c);
    free(raw);
    free(envelope);
    smx_sim_network_free(n);
}

/* All end relays say "accepted", and throw away what came. */
static void lie(struct smx_sim_network *n, unsigned ms)
{
    static struct smx_relay_upload upload[SMX_UPLOAD_QUEUE];

    for (unsigned t = 0; t < ms; t += 20) {
        for (size_t i = 0; i < n->relays; i++) {
            size_t count = smx_relay_is_end(n->relay[i].core)
                               ? smx_relay_uploads(n->relay[i].core, upload, SMX_UPLOAD_QUEUE)
                               : 0;

            for (size_t k = 0; k < count; k++)
                smx_relay_upload_result(n->relay[i].core, upload[k].handle, SMX_UPLOAD_ACCEPTED);
        }
        smx_sim_run_for(n, 20);
    }
}

static void what_a_relay_says_is_published_and_is_not_goes_up_again(void **state)
{
    struct smx_sim_network *n = ready_network(67);
    struct smx_sim_user *alice = &n->user[0];

    (void)state;
    assert_int_equal(count_of(alice)->uploads_lost, 0);
    smx_client_claim(alice->client, smx_sim_user_now(alice), "wonderland");
    lie(n, 20000);
    assert_string_equal(alice->own[1], "wonderland"); /* so she believes, for now */
    assert_true(is_nobodys(n, "wonderland"));
    assert_true(comes_to(n, "wonderland", alice, 200));
    assert_true(count_of(alice)->uploads >= 4);
    smx_sim_network_free(n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_is_renewed_in_time_and_lapses_when_its_owner_is_gone),
        cmocka_unit_test(a_released_name_is_anybodys_and_only_once),
        cmocka_unit_test(a_name_goes_to_who_consented_and_to_nobody_else),
        cmocka_unit_test(who_shows_too_little_work_is_told_how_much_and_tries_again),
        cmocka_unit_test(each_false_answer_is_refused_and_the_user_is_told_why),
        cmocka_unit_test(an_end_that_passed_on_a_lie_is_not_chosen_again),
        cmocka_unit_test(a_directory_that_signs_two_consensuses_of_one_time_is_told_of),
        cmocka_unit_test(what_a_relay_says_is_published_and_is_not_goes_up_again),
    };

    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
