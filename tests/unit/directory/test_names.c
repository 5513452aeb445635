#include "directory/names.h"
#include "tests/unit/proto/doc/fixture.h"

enum { NOW = 1790000000, DAY = NOW / 86400, GRACE = 1000 };

static const uint8_t network[SMX_DOC_HASH] = {7};

struct fixture {
    struct smx_store *s;
    struct smx_names names;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct smx_params p;

    smx_params_preset(&p);
    p.claim_work_bits = 0;
    p.name_grace_s = GRACE;
    f->s = smx_store_memory();
    assert_int_equal(smx_names_init(&f->names, f->s, network, &p, 5, 5), SMX_OK);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    f->s->free(f->s);
    free(f);
    return 0;
}

static enum smx_upload_result upload(struct fixture *f, int64_t now, const uint8_t *in, size_t len)
{
    struct smx_upload u;
    enum smx_upload_result result = smx_names_look(&f->names, in, len, &u);

    if (result != SMX_UPLOAD_ACCEPTED)
        return result;
    assert_int_equal(f->s->begin(f->s), SMX_OK);
    assert_int_equal(smx_names_take(&f->names, (struct smx_wall){now}, &u, in, len, &result), SMX_OK);
    assert_int_equal(f->s->commit(f->s), SMX_OK);
    return result;
}

static size_t make_claim(uint8_t out[SMX_UPLOAD_MAX], enum smx_claim_op op, const char *name, unsigned key,
                         uint64_t seq, unsigned new_key)
{
    struct fix_key k = fix_key(key), n = fix_key(new_key);
    struct smx_claim c = {.op = op, .seq = seq};
    uint8_t body[SMX_CLAIM_MAX];
    bool moves = op == SMX_CLAIM_TRANSFER;
    struct smx_consent consent = {.seq = seq};

    strcpy(c.name, name);
    memcpy(c.key, k.id, sizeof c.key);
    if (moves) {
        memcpy(c.new_key, n.id, sizeof c.new_key);
        memcpy(consent.key, n.id, sizeof consent.key);
        smx_consent_sign(&consent, name, k.id, network, n.secret);
    }
    return smx_upload_encode(out, SMX_UPLOAD_CLAIM, body,
                             smx_claim_encode(body, &c, network, k.secret, moves ? consent.sig : NULL));
}

/* A claim by key number key for "bob". */
static enum smx_upload_result claim(struct fixture *f, int64_t now, enum smx_claim_op op, unsigned key,
                                    uint64_t seq)
{
    uint8_t in[SMX_UPLOAD_MAX];

    return upload(f, now, in, make_claim(in, op, "bob", key, seq, 9));
}

static enum smx_upload_result descriptor(struct fixture *f, int64_t now, unsigned key, uint64_t seq,
                                         int64_t from)
{
    struct fix_key k = fix_key(key);
    struct smx_descriptor d = {.seq = seq,
                               .valid_from = (uint32_t)from,
                               .expires = (uint32_t)from + 86400,
                               .day = {{DAY, {1}}},
                               .day_count = 1,
                               .intro_count = 1};
    uint8_t body[SMX_DESC_MAX], in[SMX_UPLOAD_MAX];

    memcpy(d.key, k.id, sizeof d.key);
    return upload(f, now, in,
                  smx_upload_encode(in, SMX_UPLOAD_DESCRIPTOR, body,
                                    smx_descriptor_encode(body, &d, network, k.secret)));
}

static void a_name_is_its_first_claimants(void **state)
{
    assert_int_equal(claim(*state, NOW, SMX_CLAIM_CLAIM, 1, 5), SMX_UPLOAD_ACCEPTED);
    assert_int_equal(claim(*state, NOW, SMX_CLAIM_CLAIM, 2, 6), SMX_UPLOAD_TAKEN);
    assert_int_equal(claim(*state, NOW, SMX_CLAIM_CLAIM, 1, 6), SMX_UPLOAD_ACCEPTED);
}

static void only_the_holder_renews_moves_or_releases(void **state)
{
    static const enum smx_claim_op ops[] = {SMX_CLAIM_RENEW, SMX_CLAIM_TRANSFER, SMX_CLAIM_RELEASE};

    for (size_t i = 0; i < 3; i++)
        assert_int_equal(claim(*state, NOW, ops[i], 1, 5), SMX_UPLOAD_UNKNOWN);
    assert_int_equal(claim(*state, NOW, SMX_CLAIM_CLAIM, 1, 5), SMX_UPLOAD_ACCEPTED);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(claim(*state, NOW, ops[i], 2, 6 + i), SMX_UPLOAD_TAKEN);
    assert_int_equal(claim(*state, NOW, SMX_CLAIM_RENEW, 1, 6), SMX_UPLOAD_ACCEPTED);
    assert_int_equal(claim(*state, NOW, SMX_CLAIM_RELEASE, 1, 7), SMX_UPLOAD_ACCEPTED);
    assert_int_equal(claim(*state, NOW, SMX_CLAIM_RENEW, 1, 8), SMX_UPLOAD_UNKNOWN);
    assert_int_equal(claim(*state, NOW, SMX_CLAIM_CLAIM, 2, 9), SMX_UPLOAD_ACCEPTED);
}

static void a_transferred_name_obeys_the_new_key_only(void **state)
{
    assert_int_equal(claim(*state, NOW, SMX_CLAIM_CLAIM, 1, 5), SMX_UPLOAD_ACCEPTED);
    assert_int_equal(claim(*state, NOW, SMX_CLAIM_TRANSFER, 1, 6), SMX_UPLOAD_ACCEPTED); /* to 9 */
    assert_int_equal(claim(*state, NOW, SMX_CLAIM_RENEW, 1, 7), SMX_UPLOAD_TAKEN);
    assert_int_equal(claim(*state, NOW, SMX_CLAIM_RENEW, 9, 6), SMX_UPLOAD_STALE);
    assert_int_equal(claim(*state, NOW, SMX_CLAIM_RENEW, 9, 7), SMX_UPLOAD_ACCEPTED);
}

static void the_same_claim_again_is_repeated_and_an_older_one_stale(void **state)
{
    assert_int_equal(claim(*state, NOW, SMX_CLAIM_CLAIM, 1, 5), SMX_UPLOAD_ACCEPTED);
    assert_int_equal(claim(*state, NOW, SMX_CLAIM_CLAIM, 1, 5), SMX_UPLOAD_REPEATED);
    assert_int_equal(claim(*state, NOW, SMX_CLAIM_RENEW, 1, 5), SMX_UPLOAD_STALE);
    assert_int_equal(claim(*state, NOW, SMX_CLAIM_RENEW, 1, 8), SMX_UPLOAD_ACCEPTED);
    assert_int_equal(claim(*state, NOW, SMX_CLAIM_CLAIM, 1, 5), SMX_UPLOAD_STALE);
    assert_int_equal(claim(*state, NOW, SMX_CLAIM_RELEASE, 1, 9), SMX_UPLOAD_ACCEPTED);
    assert_int_equal(claim(*state, NOW, SMX_CLAIM_RELEASE, 1, 9), SMX_UPLOAD_REPEATED);
}

static void a_released_name_cannot_be_taken_by_an_old_claim_played_back(void **state)
{
    assert_int_equal(claim(*state, NOW, SMX_CLAIM_CLAIM, 1, 5), SMX_UPLOAD_ACCEPTED);
    assert_int_equal(claim(*state, NOW, SMX_CLAIM_RELEASE, 1, 6), SMX_UPLOAD_ACCEPTED);
    assert_int_equal(claim(*state, NOW, SMX_CLAIM_CLAIM, 1, 5), SMX_UPLOAD_STALE);
    assert_int_equal(claim(*state, NOW + GRACE - 1, SMX_CLAIM_CLAIM, 1, 5), SMX_UPLOAD_STALE);
    assert_int_equal(claim(*state, NOW, SMX_CLAIM_CLAIM, 2, 7), SMX_UPLOAD_ACCEPTED);
    assert_int_equal(claim(*state, NOW, SMX_CLAIM_RELEASE, 2, 8), SMX_UPLOAD_ACCEPTED);
    assert_int_equal(claim(*state, NOW, SMX_CLAIM_CLAIM, 1, 5), SMX_UPLOAD_STALE); /* 2 remembers for 1 */
}

static void a_name_lapses_a_grace_after_it_was_last_renewed(void **state)
{
    assert_int_equal(claim(*state, NOW, SMX_CLAIM_CLAIM, 1, 5), SMX_UPLOAD_ACCEPTED);
    assert_int_equal(claim(*state, NOW + 500, SMX_CLAIM_RENEW, 1, 6), SMX_UPLOAD_ACCEPTED);
    assert_int_equal(claim(*state, NOW + 500 + GRACE - 1, SMX_CLAIM_CLAIM, 2, 7), SMX_UPLOAD_TAKEN);
    assert_int_equal(claim(*state, NOW + 500 + GRACE, SMX_CLAIM_RENEW, 1, 7), SMX_UPLOAD_UNKNOWN);
    assert_int_equal(claim(*state, NOW + 500 + GRACE, SMX_CLAIM_CLAIM, 2, 6), SMX_UPLOAD_STALE);
    assert_int_equal(claim(*state, NOW + 500 + GRACE, SMX_CLAIM_CLAIM, 2, 7), SMX_UPLOAD_ACCEPTED);
}

static void a_purge_forgets_names_only_when_no_claim_could_be_played_back(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(claim(f, NOW, SMX_CLAIM_CLAIM, 1, 5), SMX_UPLOAD_ACCEPTED);
    assert_int_equal(smx_names_purge(&f->names, (struct smx_wall){NOW + 2 * GRACE - 1}), SMX_OK);
    assert_int_equal(f->names.name_count, 1);
    assert_int_equal(smx_names_purge(&f->names, (struct smx_wall){NOW + 2 * GRACE}), SMX_OK);
    assert_int_equal(f->names.name_count, 0);
    assert_int_equal(claim(f, NOW + 2 * GRACE, SMX_CLAIM_CLAIM, 1, 6), SMX_UPLOAD_ACCEPTED);
    assert_int_equal(claim(f, NOW + 2 * GRACE, SMX_CLAIM_RELEASE, 1, 7), SMX_UPLOAD_ACCEPTED);
    assert_int_equal(smx_names_purge(&f->names, (struct smx_wall){NOW + 3 * GRACE - 1}), SMX_OK);
    assert_int_equal(f->names.name_count, 1);
    assert_int_equal(smx_names_purge(&f->names, (struct smx_wall){NOW + 3 * GRACE}), SMX_OK);
    assert_int_equal(f->names.name_count, 0);
}

static void a_newer_descriptor_replaces_the_older_of_its_key(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(descriptor(f, NOW, 1, 5, NOW), SMX_UPLOAD_ACCEPTED);
    assert_int_equal(descriptor(f, NOW, 1, 5, NOW), SMX_UPLOAD_REPEATED);
    assert_int_equal(descriptor(f, NOW, 1, 5, NOW + 1), SMX_UPLOAD_STALE);
    assert_int_equal(descriptor(f, NOW, 1, 4, NOW), SMX_UPLOAD_STALE);
    assert_int_equal(descriptor(f, NOW, 1, 6, NOW), SMX_UPLOAD_ACCEPTED);
    assert_int_equal(f->names.desc_count, 1);
}

static void a_descriptor_out_of_its_time_is_expired(void **state)
{
    assert_int_equal(descriptor(*state, NOW, 1, 5, NOW - 86400), SMX_UPLOAD_EXPIRED);
    assert_int_equal(descriptor(*state, NOW, 1, 5, NOW - 86399), SMX_UPLOAD_ACCEPTED);
    assert_int_equal(descriptor(*state, NOW, 2, 5, NOW + 86401), SMX_UPLOAD_EXPIRED);
}

static void a_full_directory_says_so_and_still_serves_whom_it_has(void **state)
{
    struct fixture *f = *state;
    uint8_t in[SMX_UPLOAD_MAX];
    char name[] = "name-0";

    for (unsigned i = 0; i < 5; i++) {
        name[5] = (char)('0' + i);
        assert_int_equal(upload(f, NOW, in, make_claim(in, SMX_CLAIM_CLAIM, name, i + 1, 5, 0)),
                         SMX_UPLOAD_ACCEPTED);
        assert_int_equal(descriptor(f, NOW, i + 1, 5, NOW), SMX_UPLOAD_ACCEPTED);
    }
    assert_int_equal(claim(f, NOW, SMX_CLAIM_CLAIM, 7, 5), SMX_UPLOAD_FULL);
    assert_int_equal(descriptor(f, NOW, 7, 5, NOW), SMX_UPLOAD_FULL);
    assert_int_equal(upload(f, NOW, in, make_claim(in, SMX_CLAIM_RENEW, "name-0", 1, 6, 0)),
                     SMX_UPLOAD_ACCEPTED);
    assert_int_equal(descriptor(f, NOW, 1, 6, NOW), SMX_UPLOAD_ACCEPTED);
}

static void bad_uploads_get_their_own_result(void **state)
{
    struct fixture *f = *state;
    uint8_t in[SMX_UPLOAD_MAX];
    size_t len = make_claim(in, SMX_CLAIM_CLAIM, "bob", 1, 5, 0);

    assert_int_equal(upload(f, NOW, in, len - 1), SMX_UPLOAD_MALFORMED);
    in[len - 1] ^= 1;
    assert_int_equal(upload(f, NOW, in, len), SMX_UPLOAD_FORGED);
    assert_int_equal(f->names.load, 1); /* only what made us look at a signature */
    f->names.work = 40;
    assert_int_equal(upload(f, NOW, in, len), SMX_UPLOAD_NO_WORK);
    assert_int_equal(f->names.load, 1);
}

static void a_batch_holds_held_names_and_live_descriptors(void **state)
{
    struct fixture *f = *state;
    struct smx_batch *b = smx_batch_new(network);
    uint8_t in[SMX_UPLOAD_MAX];

    assert_int_equal(claim(f, NOW, SMX_CLAIM_CLAIM, 1, 5), SMX_UPLOAD_ACCEPTED);
    assert_int_equal(upload(f, NOW, in, make_claim(in, SMX_CLAIM_CLAIM, "gone", 2, 5, 0)),
                     SMX_UPLOAD_ACCEPTED);
    assert_int_equal(upload(f, NOW, in, make_claim(in, SMX_CLAIM_RELEASE, "gone", 2, 6, 0)),
                     SMX_UPLOAD_ACCEPTED);
    assert_int_equal(descriptor(f, NOW, 1, 5, NOW), SMX_UPLOAD_ACCEPTED);
    assert_int_equal(descriptor(f, NOW, 2, 5, NOW - 86000), SMX_UPLOAD_ACCEPTED);
    assert_int_equal(smx_names_collect(&f->names, (struct smx_wall){NOW + 500}, b), SMX_OK);
    assert_int_equal(smx_batch_close(b, 1, (struct smx_wall){NOW}, 0), SMX_OK);
    assert_int_equal(smx_batch_head(b)->leaves, 2); /* bob, and key 1 */
    smx_batch_free(b);
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_name_is_its_first_claimants),
        T(only_the_holder_renews_moves_or_releases),
        T(a_transferred_name_obeys_the_new_key_only),
        T(the_same_claim_again_is_repeated_and_an_older_one_stale),
        T(a_released_name_cannot_be_taken_by_an_old_claim_played_back),
        T(a_name_lapses_a_grace_after_it_was_last_renewed),
        T(a_purge_forgets_names_only_when_no_claim_could_be_played_back),
        T(a_newer_descriptor_replaces_the_older_of_its_key),
        T(a_descriptor_out_of_its_time_is_expired),
        T(a_full_directory_says_so_and_still_serves_whom_it_has),
        T(bad_uploads_get_their_own_result),
        T(a_batch_holds_held_names_and_live_descriptors),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
