#include "proto/doc/batch.h"
#include "tests/support/vectors.h"
#include "tests/unit/proto/doc/fixture.h"

#include <stdio.h>

enum { DAY = 20000, NOW = DAY * 86400 + 100 };

/* ---- vectors ---- */

static struct smx_network network_of(struct smx_vec *v)
{
    size_t len;
    const uint8_t *keys = smx_vec_bytes(v, "keys", &len);
    struct smx_network n = {.authority_count = len / SMX_DOC_KEY};

    for (size_t i = 0; i < n.authority_count; i++)
        memcpy(n.authority[i].key, keys + i * SMX_DOC_KEY, SMX_DOC_KEY);
    smx_network_seal(&n);
    return n;
}

static void check_batch(struct smx_vec *v)
{
    const struct smx_network n = network_of(v);
    struct smx_batch *b;
    size_t len, out_len;
    const uint8_t *in = smx_vec_bytes(v, "file", &len);
    enum smx_err err = smx_batch_decode(&b, &n, in, len);
    uint8_t *out;

    if (!smx_vec_is(v, "result", "ok")) {
        assert_int_equal(err, smx_vec_is(v, "result", "auth") ? SMX_E_AUTH : SMX_E_MALFORMED);
        assert_null(b);
        return;
    }
    assert_int_equal(err, SMX_OK);
    assert_int_equal(smx_batch_head(b)->number, smx_vec_int(v, "number"));
    assert_int_equal(smx_batch_head(b)->time.s, smx_vec_int(v, "time"));
    assert_int_equal(smx_batch_head(b)->work, smx_vec_int(v, "work"));
    assert_memory_equal(smx_batch_head(b)->root, smx_vec_fixed(v, "root", SMX_DOC_HASH), SMX_DOC_HASH);
    assert_int_equal(smx_batch_encode(b, &out, &out_len), SMX_OK);
    assert_int_equal(out_len, len);
    assert_memory_equal(out, in, len);
    free(out);
    smx_batch_free(b);
}

static const struct smx_batch_header *seen_of(struct smx_vec *v, struct smx_batch_header *seen)
{
    size_t len;
    const uint8_t *in = smx_vec_bytes(v, "seen", &len);
    struct smx_rd r = {in, len, false};

    if (len == 0)
        return NULL;
    assert_int_equal(smx_batch_header_read(&r, seen), SMX_OK);
    return seen;
}

static void check_answer(struct smx_vec *v)
{
    const struct smx_network n = network_of(v);
    struct smx_params p;
    struct smx_answer a;
    size_t len;
    const uint8_t *in = smx_vec_bytes(v, "wire", &len);
    const struct smx_wall now = {(int64_t)smx_vec_int(v, "now")};
    struct smx_batch_header seen;
    enum smx_err err;

    smx_params_preset(&p);
    if (smx_vec_is(v, "kind", "head"))
        err = smx_batch_verify(&a.header, &n, &p, seen_of(v, &seen), now, in, len);
    else
        err = smx_answer_verify(&a, &n, &p, smx_vec_fixed(v, "index", SMX_INDEX), seen_of(v, &seen), now, in,
                                len);
    if (smx_vec_is(v, "result", "late")) {
        assert_true(err == SMX_E_LATE || err == SMX_E_STATE || err == SMX_E_REPLAY);
    } else if (smx_vec_is(v, "result", "two-faced")) {
        assert_int_equal(err, SMX_E_REFUSED);
    } else if (!smx_vec_is(v, "result", "ok")) {
        assert_int_equal(err, smx_vec_is(v, "result", "auth") ? SMX_E_AUTH : SMX_E_MALFORMED);
    } else if (smx_vec_is(v, "kind", "head")) {
        assert_int_equal(err, SMX_OK);
        assert_int_equal(a.header.work, smx_vec_int(v, "work"));
    } else {
        assert_int_equal(err, SMX_OK);
        assert_int_equal(a.header.work, smx_vec_int(v, "work"));
        assert_int_equal(a.present, !smx_vec_is(v, "found", "absent"));
        assert_int_equal(a.live, smx_vec_is(v, "found", "live"));
        if (a.present)
            assert_memory_equal(a.key, smx_vec_fixed(v, "key", SMX_DOC_KEY), SMX_DOC_KEY);
        if (a.live)
            assert_memory_equal(a.descriptor.key, a.key, SMX_DOC_KEY);
    }
}

static void batches_and_answers_match_their_vectors(void **state)
{
    struct smx_vec v;
    size_t count = 0;

    (void)state;
    assert_true(sodium_init() >= 0);
    smx_vec_open(&v, "tests/vectors/batch.txt");
    for (; smx_vec_next(&v); count++)
        if (smx_vec_is(&v, "kind", "batch"))
            check_batch(&v);
        else
            check_answer(&v);
    assert_true(count >= 60);
}

/* ---- a batch of our own ---- */

struct fixture {
    struct smx_network network; /* one authority */
    struct smx_params params;
    struct smx_batch *b;
    size_t names, descs;
};

/* Names name-0... of the keys 300...; the first descs of these keys are live. */
static void build(struct fixture *f, size_t names, size_t descs)
{
    struct smx_doc_sig sig = {.signer = 0};

    smx_batch_free(f->b);
    f->b = smx_batch_new(f->network.id);
    f->names = names;
    f->descs = descs;
    for (size_t i = 0; i < names; i++) {
        char name[SMX_NAME_MAX + 1];

        snprintf(name, sizeof name, "name-%zu", i);
        assert_int_equal(smx_batch_add_name(f->b, name, fix_key((unsigned)(300 + i)).id), SMX_OK);
    }
    for (size_t i = 0; i < descs; i++) {
        struct fix_key k = fix_key((unsigned)(300 + i));
        struct smx_descriptor d = {.seq = 1,
                                   .valid_from = DAY * 86400,
                                   .expires = (DAY + 1) * 86400,
                                   .day = {{DAY, {1}}},
                                   .day_count = 1,
                                   .intro_count = 1};
        uint8_t bytes[SMX_DESC_MAX];
        size_t len;

        memcpy(d.key, k.id, sizeof d.key);
        len = smx_descriptor_encode(bytes, &d, f->network.id, k.secret);
        assert_int_equal(smx_batch_add_descriptor(f->b, bytes, len), SMX_OK);
    }
    assert_int_equal(smx_batch_close(f->b, 5, (struct smx_wall){NOW}, 18), SMX_OK);
    smx_batch_sign(f->b, sig.sig, fix_signer(&f->network, 0).secret);
    assert_int_equal(smx_batch_add_signature(f->b, &sig), SMX_OK);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    f->network = fix_network(1);
    smx_params_preset(&f->params);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    smx_batch_free(f->b);
    free(f);
    return 0;
}

static struct smx_answer ask(struct fixture *f, const uint8_t index[SMX_INDEX], size_t *len)
{
    uint8_t out[SMX_ANSWER_MAX];
    struct smx_answer a;

    *len = smx_batch_answer(f->b, index, out);
    assert_int_equal(smx_answer_verify(&a, &f->network, &f->params, index, smx_batch_head(f->b),
                                       (struct smx_wall){NOW}, out, *len),
                     SMX_OK);
    return a;
}

static void every_size_of_tree_proves_what_is_there_and_what_is_not(void **state)
{
    struct fixture *f = *state;

    for (size_t size = 0; size <= 33; size++) {
        size_t len;

        build(f, size, size / 2);
        assert_int_equal(smx_batch_head(f->b)->leaves, size + size / 2);
        for (size_t i = 0; i < size + 4; i++) {
            uint8_t index[SMX_INDEX];
            char name[SMX_NAME_MAX + 1];
            struct smx_answer a;

            snprintf(name, sizeof name, "name-%zu", i);
            smx_index_name(index, name);
            a = ask(f, index, &len);
            assert_int_equal(a.present, i < size);
            assert_int_equal(a.live, i < size / 2);
            smx_index_key(index, fix_key((unsigned)(300 + i)).id);
            a = ask(f, index, &len);
            assert_int_equal(a.present, i < size / 2);
        }
    }
}

static void an_answer_from_a_thousand_leaves_is_a_few_cells(void **state)
{
    enum { CELL = 190 };
    struct fixture *f = *state;
    uint8_t index[SMX_INDEX];
    size_t len;

    build(f, 700, 300);
    smx_index_name(index, "name-7");
    assert_true(ask(f, index, &len).live);
    assert_true(len <= 4 * CELL);
    smx_index_name(index, "nobody");
    assert_false(ask(f, index, &len).present);
    assert_true(len <= 5 * CELL);
}

static void a_decoded_batch_answers_the_same_bytes(void **state)
{
    struct fixture *f = *state;
    uint8_t *file, a[SMX_ANSWER_MAX], b[SMX_ANSWER_MAX], index[SMX_INDEX];
    struct smx_batch *got;
    size_t file_len, len;

    build(f, 9, 6);
    assert_int_equal(smx_batch_encode(f->b, &file, &file_len), SMX_OK);
    assert_int_equal(smx_batch_decode(&got, &f->network, file, file_len), SMX_OK);
    for (int i = 0; i < 12; i++) {
        char name[SMX_NAME_MAX + 1];

        snprintf(name, sizeof name, "name-%d", i);
        smx_index_name(index, name);
        len = smx_batch_answer(f->b, index, a);
        assert_int_equal(smx_batch_answer(got, index, b), len);
        assert_memory_equal(a, b, len);
    }
    smx_batch_free(got);
    free(file);
}

static void refuse_head(void *arg, const uint8_t *in, size_t len)
{
    struct fixture *f = arg;
    struct smx_batch_header h;

    assert_int_not_equal(smx_batch_verify(&h, &f->network, &f->params, NULL, (struct smx_wall){NOW}, in, len),
                         SMX_OK);
}

static void the_head_alone_tells_the_work_and_no_bit_of_it_is_ignored(void **state)
{
    struct fixture *f = *state;
    uint8_t head[SMX_BATCH_HEAD_MAX];
    struct smx_batch_header h;
    size_t len;

    build(f, 3, 2);
    len = smx_batch_write(f->b, head);
    assert_int_equal(smx_batch_verify(&h, &f->network, &f->params, NULL, (struct smx_wall){NOW}, head, len),
                     SMX_OK);
    assert_int_equal(h.work, 18);
    fix_spoil(head, len, refuse_head, f);
}

static void two_batches_of_one_number_are_noticed_and_a_little_older_one_is_fine(void **state)
{
    struct fixture *f = *state;
    struct smx_batch_header seen, h;
    const struct smx_wall now = {NOW};

    build(f, 3, 2);
    h = *smx_batch_head(f->b);
    seen = h;
    assert_int_equal(smx_batch_check(&h, &f->params, &seen, now), SMX_OK);
    seen.root[5] ^= 1;
    assert_int_equal(smx_batch_check(&h, &f->params, &seen, now), SMX_E_REFUSED);
    seen = h;
    seen.work++;
    assert_int_equal(smx_batch_check(&h, &f->params, &seen, now), SMX_E_REFUSED);
    seen = h;
    seen.number++;
    seen.time.s += 2 * (int64_t)f->params.batch_s; /* another end relay may be that much behind */
    assert_int_equal(smx_batch_check(&h, &f->params, &seen, now), SMX_OK);
    seen.time.s++;
    assert_int_equal(smx_batch_check(&h, &f->params, &seen, now), SMX_E_REPLAY);
    seen.time.s = h.time.s - 1; /* numbers and times grow together */
    assert_int_equal(smx_batch_check(&h, &f->params, &seen, now), SMX_E_REPLAY);
}

static void refuse_file(void *arg, const uint8_t *in, size_t len)
{
    struct fixture *f = arg;
    struct smx_batch *b;

    assert_int_not_equal(smx_batch_decode(&b, &f->network, in, len), SMX_OK);
    assert_null(b);
}

struct question {
    struct fixture *f;
    uint8_t index[SMX_INDEX];
};

static void refuse_answer(void *arg, const uint8_t *in, size_t len)
{
    struct question *q = arg;
    struct smx_answer a;

    assert_int_not_equal(
        smx_answer_verify(&a, &q->f->network, &q->f->params, q->index, NULL, (struct smx_wall){NOW}, in, len),
        SMX_OK);
}

static void every_truncation_and_flipped_bit_is_refused(void **state)
{
    static const char *const names[] = {"name-0", "name-2", "nobody"}; /* live, not live, absent */
    struct fixture *f = *state;
    struct question q = {.f = f};
    uint8_t *file, answer[SMX_ANSWER_MAX];
    size_t len;

    build(f, 3, 2);
    assert_int_equal(smx_batch_encode(f->b, &file, &len), SMX_OK);
    fix_spoil(file, len, refuse_file, f);
    free(file);
    for (size_t i = 0; i < 3; i++) {
        smx_index_name(q.index, names[i]);
        len = smx_batch_answer(f->b, q.index, answer);
        fix_spoil(answer, len, refuse_answer, &q);
    }
}

static void a_name_or_key_given_twice_closes_no_batch(void **state)
{
    struct fixture *f = *state;

    f->b = smx_batch_new(f->network.id);
    assert_int_equal(smx_batch_add_name(f->b, "bob", fix_key(1).id), SMX_OK);
    assert_int_equal(smx_batch_add_name(f->b, "bob", fix_key(2).id), SMX_OK);
    assert_int_equal(smx_batch_close(f->b, 1, (struct smx_wall){NOW}, 0), SMX_E_MALFORMED);
}

static void a_descriptor_that_has_expired_since_is_not_live(void **state)
{
    struct fixture *f = *state;
    uint8_t index[SMX_INDEX], out[SMX_ANSWER_MAX];
    struct smx_answer a;
    size_t len;

    build(f, 1, 1);
    f->params.batch_valid = 100;
    f->params.batch_s = 3600;
    smx_index_name(index, "name-0");
    len = smx_batch_answer(f->b, index, out);
    assert_int_equal(smx_answer_verify(&a, &f->network, &f->params, index, NULL,
                                       (struct smx_wall){(DAY + 1) * 86400}, out, len),
                     SMX_OK);
    assert_true(a.present);
    assert_false(a.live);
}

static void signatures_ascend_and_are_bounded(void **state)
{
    struct fixture *f = *state;
    struct smx_doc_sig sig = {.signer = 0};

    build(f, 1, 0);
    assert_int_equal(smx_batch_add_signature(f->b, &sig), SMX_E_STATE);
    for (sig.signer = 1; sig.signer < SMX_DOC_SIGNERS; sig.signer++)
        assert_int_equal(smx_batch_add_signature(f->b, &sig), SMX_OK);
    assert_int_equal(smx_batch_add_signature(f->b, &sig), SMX_E_FULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(batches_and_answers_match_their_vectors),
        cmocka_unit_test_setup_teardown(every_size_of_tree_proves_what_is_there_and_what_is_not, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(an_answer_from_a_thousand_leaves_is_a_few_cells, setup, teardown),
        cmocka_unit_test_setup_teardown(a_decoded_batch_answers_the_same_bytes, setup, teardown),
        cmocka_unit_test_setup_teardown(every_truncation_and_flipped_bit_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(the_head_alone_tells_the_work_and_no_bit_of_it_is_ignored, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(two_batches_of_one_number_are_noticed_and_a_little_older_one_is_fine,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(a_name_or_key_given_twice_closes_no_batch, setup, teardown),
        cmocka_unit_test_setup_teardown(a_descriptor_that_has_expired_since_is_not_live, setup, teardown),
        cmocka_unit_test_setup_teardown(signatures_ascend_and_are_bounded, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
