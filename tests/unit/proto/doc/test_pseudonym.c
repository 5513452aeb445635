#include "proto/doc/pseudonym.h"
#include "proto/base/base32.h"
#include "proto/doc/round.h"
#include "tests/support/vectors.h"
#include "tests/unit/proto/doc/fixture.h"

static enum smx_err result_of(struct smx_vec *v)
{
    if (smx_vec_is(v, "result", "ok"))
        return SMX_OK;
    if (smx_vec_is(v, "result", "refused"))
        return SMX_E_REFUSED;
    return smx_vec_is(v, "result", "auth") ? SMX_E_AUTH : SMX_E_MALFORMED;
}

static void check_name(struct smx_vec *v)
{
    char name[SMX_NAME_MAX + 1] = "untouched";
    uint8_t index[SMX_INDEX];
    size_t len, name_len;
    const uint8_t *text = smx_vec_bytes(v, "text", &len), *expected;

    assert_int_equal(smx_name_parse(name, (const char *)text, len), result_of(v));
    if (!smx_vec_is(v, "result", "ok")) {
        assert_string_equal(name, "untouched");
        return;
    }
    expected = smx_vec_bytes(v, "name", &name_len);
    assert_int_equal(strlen(name), name_len);
    assert_memory_equal(name, expected, name_len);
    smx_index_name(index, name);
    assert_memory_equal(index, smx_vec_fixed(v, "index", SMX_INDEX), SMX_INDEX);
}

static void check_key(struct smx_vec *v)
{
    uint8_t index[SMX_INDEX];

    smx_index_key(index, smx_vec_fixed(v, "key", SMX_DOC_KEY));
    assert_memory_equal(index, smx_vec_fixed(v, "index", SMX_INDEX), SMX_INDEX);
}

static void check_descriptor(struct smx_vec *v)
{
    const uint8_t *network = smx_vec_fixed(v, "network", SMX_DOC_HASH);
    uint8_t out[SMX_DESC_MAX], id[SMX_DOC_KEY], secret[SMX_DOC_SECRET];
    struct smx_descriptor d;
    size_t len;
    const uint8_t *in = smx_vec_bytes(v, "wire", &len);

    assert_int_equal(smx_descriptor_decode(&d, network, in, len), result_of(v));
    if (!smx_vec_is(v, "result", "ok"))
        return;
    assert_memory_equal(d.key, smx_vec_fixed(v, "key", SMX_DOC_KEY), SMX_DOC_KEY);
    assert_true(d.seq == smx_vec_int(v, "seq"));
    assert_int_equal(d.valid_from, smx_vec_int(v, "from"));
    assert_int_equal(d.expires, smx_vec_int(v, "expires"));
    assert_int_equal(d.day_count, smx_vec_int(v, "days"));
    assert_int_equal(d.intro_count, smx_vec_int(v, "intros"));
    crypto_sign_seed_keypair(id, secret, smx_vec_fixed(v, "seed", 32));
    assert_int_equal(smx_descriptor_encode(out, &d, network, secret), len);
    assert_memory_equal(out, in, len);
}

static void check_claim(struct smx_vec *v)
{
    const uint8_t *network = smx_vec_fixed(v, "network", SMX_DOC_HASH);
    uint8_t out[SMX_CLAIM_MAX], id[SMX_DOC_KEY], secret[SMX_DOC_SECRET], new_secret[SMX_DOC_SECRET];
    struct smx_consent consent;
    struct smx_claim c;
    size_t len, name_len;
    const uint8_t *in = smx_vec_bytes(v, "wire", &len);
    bool transfer;

    assert_int_equal(smx_claim_decode(&c, network, in, len), result_of(v));
    if (!smx_vec_is(v, "result", "ok"))
        return;
    assert_int_equal(c.op, smx_vec_int(v, "op"));
    assert_memory_equal(c.name, smx_vec_bytes(v, "name", &name_len), strlen(c.name));
    assert_int_equal(strlen(c.name), name_len);
    assert_memory_equal(c.key, smx_vec_fixed(v, "key", SMX_DOC_KEY), SMX_DOC_KEY);
    assert_true(c.seq == smx_vec_int(v, "seq"));
    crypto_sign_seed_keypair(id, secret, smx_vec_fixed(v, "seed", 32));
    transfer = c.op == SMX_CLAIM_TRANSFER;
    if (transfer) {
        crypto_sign_seed_keypair(id, new_secret, smx_vec_fixed(v, "new_seed", 32));
        assert_memory_equal(c.new_key, id, sizeof id);
        consent.seq = c.seq;
        memcpy(consent.key, id, sizeof consent.key);
        smx_consent_sign(&consent, c.name, c.key, network, new_secret);
    }
    assert_int_equal(smx_claim_encode(out, &c, network, secret, transfer ? consent.sig : NULL), len);
    assert_memory_equal(out, in, len);
}

static void check_consent(struct smx_vec *v)
{
    const uint8_t *network = smx_vec_fixed(v, "network", SMX_DOC_HASH);
    char name[SMX_NAME_MAX + 1] = "", text[SMX_CONSENT_TEXT];
    uint8_t id[SMX_DOC_KEY], secret[SMX_DOC_SECRET];
    struct smx_consent t, made;
    const uint8_t *name_in;
    size_t len, name_len;
    const char *in = (const char *)smx_vec_bytes(v, "text", &len);
    enum smx_err err = smx_consent_decode(&t, in, len);

    if (smx_vec_is(v, "result", "malformed")) {
        assert_int_equal(err, SMX_E_MALFORMED);
        return;
    }
    assert_int_equal(err, SMX_OK);
    name_in = smx_vec_bytes(v, "name", &name_len);
    memcpy(name, name_in, name_len);
    assert_int_equal(smx_consent_verify(&t, name, smx_vec_fixed(v, "holder", SMX_DOC_KEY), network),
                     result_of(v));
    if (!smx_vec_is(v, "result", "ok"))
        return;
    assert_true(t.seq == smx_vec_int(v, "seq"));
    crypto_sign_seed_keypair(id, secret, smx_vec_fixed(v, "seed", 32));
    made.seq = t.seq;
    memcpy(made.key, id, sizeof made.key);
    smx_consent_sign(&made, name, smx_vec_fixed(v, "holder", SMX_DOC_KEY), network, secret);
    smx_consent_encode(text, &made);
    assert_int_equal(strlen(text), len);
    assert_memory_equal(text, in, len);
}

static void check_upload(struct smx_vec *v)
{
    const uint8_t *network = smx_vec_fixed(v, "network", SMX_DOC_HASH);
    struct smx_upload u;
    size_t len;
    const uint8_t *in = smx_vec_bytes(v, "wire", &len);

    assert_int_equal(smx_upload_work(in, len, network), smx_vec_int(v, "work"));
    assert_int_equal(smx_upload_decode(&u, network, (unsigned)smx_vec_int(v, "bits"), in, len), result_of(v));
    if (smx_vec_is(v, "result", "ok"))
        assert_int_equal(u.tag, in[0]);
}

static void check_round(struct smx_vec *v)
{
    static struct smx_round_item item[SMX_ROUND_COUNT];
    static uint8_t out[SMX_ROUND_MAX];
    size_t len, count = 9;
    const uint8_t *in = smx_vec_bytes(v, "wire", &len);

    assert_int_equal(smx_round_decode(item, &count, in, len), result_of(v));
    if (!smx_vec_is(v, "result", "ok")) {
        assert_int_equal(count, 0);
        return;
    }
    assert_int_equal(count, smx_vec_int(v, "count"));
    assert_int_equal(smx_round_encode(out, item, count), len);
    assert_memory_equal(out, in, len);
}

static void pseudonyms_match_their_vectors(void **state)
{
    static const struct {
        const char *kind;
        void (*check)(struct smx_vec *v);
    } kinds[] = {{"name", check_name},   {"key", check_key},         {"descriptor", check_descriptor},
                 {"claim", check_claim}, {"consent", check_consent}, {"upload", check_upload},
                 {"round", check_round}};
    struct smx_vec v;
    size_t count = 0;

    (void)state;
    assert_true(sodium_init() >= 0);
    smx_vec_open(&v, "tests/vectors/pseudonym.txt");
    while (smx_vec_next(&v))
        for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
            if (smx_vec_is(&v, "kind", kinds[i].kind)) {
                kinds[i].check(&v);
                count++;
            }
    assert_true(count >= 78);
}

static const uint8_t network[SMX_DOC_HASH] = {7};

static struct smx_descriptor descriptor(void)
{
    struct smx_descriptor d = {.seq = 1,
                               .valid_from = 20000 * 86400,
                               .expires = 20001 * 86400,
                               .day = {{20000, {1}}, {20001, {2}}},
                               .day_count = 2,
                               .intro_count = 2,
                               .intro = {{1}, {2}}};

    memcpy(d.key, fix_key(5).id, sizeof d.key);
    return d;
}

static struct smx_claim claim(enum smx_claim_op op)
{
    struct smx_claim c = {.op = op, .name = "bob", .seq = 1};

    memcpy(c.key, fix_key(5).id, sizeof c.key);
    if (op == SMX_CLAIM_TRANSFER)
        memcpy(c.new_key, fix_key(6).id, sizeof c.new_key);
    return c;
}

static void refuse_descriptor(void *arg, const uint8_t *in, size_t len)
{
    struct smx_descriptor d;

    (void)arg;
    assert_int_not_equal(smx_descriptor_decode(&d, network, in, len), SMX_OK);
}

static void refuse_claim(void *arg, const uint8_t *in, size_t len)
{
    struct smx_claim c;

    (void)arg;
    assert_int_not_equal(smx_claim_decode(&c, network, in, len), SMX_OK);
}

static void refuse_upload(void *arg, const uint8_t *in, size_t len)
{
    struct smx_upload u;

    (void)arg;
    if (len > 9 && smx_upload_decode(&u, network, 0, in, len) == SMX_OK) /* the work number is not signed */
        assert_memory_equal(in + 9, (uint8_t *)arg + 9, len - 9);
}

static void every_truncation_and_flipped_bit_is_refused(void **state)
{
    struct smx_descriptor d = descriptor();
    struct smx_claim c = claim(SMX_CLAIM_TRANSFER);
    uint8_t desc[SMX_DESC_MAX], moved[SMX_CLAIM_MAX], upload[SMX_UPLOAD_MAX];
    struct smx_consent consent;
    size_t len;

    (void)state;
    len = smx_descriptor_encode(desc, &d, network, fix_key(5).secret);
    assert_int_equal(len, SMX_DESC_MAX);
    fix_spoil(desc, len, refuse_descriptor, NULL);
    consent.seq = c.seq;
    memcpy(consent.key, fix_key(6).id, sizeof consent.key);
    smx_consent_sign(&consent, c.name, c.key, network, fix_key(6).secret);
    len = smx_claim_encode(moved, &c, network, fix_key(5).secret, consent.sig);
    fix_spoil(moved, len, refuse_claim, NULL);
    len = smx_upload_encode(upload, SMX_UPLOAD_CLAIM, moved, len);
    fix_spoil(upload, len, refuse_upload, upload);
}

static void a_descriptor_is_good_from_a_day_before_its_start_to_its_end(void **state)
{
    struct smx_descriptor d = descriptor();

    (void)state;
    assert_int_equal(smx_descriptor_check(&d, (struct smx_wall){d.valid_from - 86401}), SMX_E_STATE);
    assert_int_equal(smx_descriptor_check(&d, (struct smx_wall){d.valid_from - 86400}), SMX_OK);
    assert_int_equal(smx_descriptor_check(&d, (struct smx_wall){d.expires - 1}), SMX_OK);
    assert_int_equal(smx_descriptor_check(&d, (struct smx_wall){d.expires}), SMX_E_LATE);
}

static void the_day_key_is_that_of_the_day(void **state)
{
    struct smx_descriptor d = descriptor();

    (void)state;
    assert_null(smx_descriptor_day_key(&d, (struct smx_wall){20000 * 86400LL - 1}));
    assert_ptr_equal(smx_descriptor_day_key(&d, (struct smx_wall){20000 * 86400LL}), d.day[0].key);
    assert_ptr_equal(smx_descriptor_day_key(&d, (struct smx_wall){20001 * 86400LL}), d.day[1].key);
    assert_null(smx_descriptor_day_key(&d, (struct smx_wall){20002 * 86400LL}));
}

static void work_is_found_in_slices(void **state)
{
    struct smx_claim c = claim(SMX_CLAIM_CLAIM);
    uint8_t body[SMX_CLAIM_MAX], upload[SMX_UPLOAD_MAX];
    struct smx_upload u;
    size_t len, slices = 0;

    (void)state;
    len = smx_claim_encode(body, &c, network, fix_key(5).secret, NULL);
    len = smx_upload_encode(upload, SMX_UPLOAD_CLAIM, body, len);
    assert_true(smx_upload_solve(upload, len, network, 0, 1));
    while (!smx_upload_solve(upload, len, network, 10, 100))
        assert_true(++slices < 1000);
    assert_true(smx_upload_work(upload, len, network) >= 10);
    assert_int_equal(smx_upload_decode(&u, network, 10, upload, len), SMX_OK);
    assert_int_equal(smx_upload_decode(&u, network, 40, upload, len), SMX_E_REFUSED);
    assert_string_equal(u.claim.name, "bob");
}

static void a_key_in_base32_is_never_a_name(void **state)
{
    char text[SMX_KEY_TEXT], name[SMX_NAME_MAX + 1];

    (void)state;
    smx_base32_encode(text, fix_key(5).id, SMX_DOC_KEY);
    assert_int_equal(smx_name_parse(name, text, strlen(text)), SMX_E_MALFORMED);
}

static void each_result_has_its_text(void **state)
{
    (void)state;
    for (unsigned a = 0; a <= SMX_UPLOAD_FULL; a++)
        for (unsigned b = 0; b < a; b++)
            assert_string_not_equal(smx_upload_result_text(a), smx_upload_result_text(b));
    assert_string_equal(smx_upload_result_text(200), "unknown result");
}

static void a_reply_answers_exactly_its_round(void **state)
{
    const uint8_t result[3] = {SMX_UPLOAD_ACCEPTED, SMX_UPLOAD_TAKEN, 200};
    uint8_t out[SMX_ROUND_REPLY_MAX], got[SMX_ROUND_COUNT];
    size_t len;

    (void)state;
    len = smx_round_reply_encode(out, result, 3);
    assert_int_equal(len, SMX_ROUND_HEAD + 3);
    assert_int_equal(smx_round_reply_decode(got, 3, out, len), SMX_OK);
    assert_memory_equal(got, result, 3);
    assert_int_equal(smx_round_reply_decode(got, 2, out, len), SMX_E_MALFORMED);
    assert_int_equal(smx_round_reply_decode(got, 4, out, len), SMX_E_MALFORMED);
    for (size_t cut = 0; cut < len; cut++)
        assert_int_equal(smx_round_reply_decode(got, 3, out, cut), SMX_E_MALFORMED);
    out[3] = 'R';
    assert_int_equal(smx_round_reply_decode(got, 3, out, len), SMX_E_MALFORMED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pseudonyms_match_their_vectors),
        cmocka_unit_test(every_truncation_and_flipped_bit_is_refused),
        cmocka_unit_test(a_descriptor_is_good_from_a_day_before_its_start_to_its_end),
        cmocka_unit_test(the_day_key_is_that_of_the_day),
        cmocka_unit_test(work_is_found_in_slices),
        cmocka_unit_test(a_key_in_base32_is_never_a_name),
        cmocka_unit_test(each_result_has_its_text),
        cmocka_unit_test(a_reply_answers_exactly_its_round),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
