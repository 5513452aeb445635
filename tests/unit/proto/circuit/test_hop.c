#include "proto/circuit/hop.h"

#include "tests/support/vectors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <sodium.h>

static const uint8_t seed[SMX_RNG_SEED] = {6};

/* ---- vectors ---- */

static void check_message(struct smx_vec *v)
{
    const uint8_t *body = smx_vec_fixed(v, "body", SMX_CELL_BODY), *content;
    uint8_t again[SMX_CELL_BODY];
    struct smx_hop_msg m, before;
    size_t len;

    memset(&m, 0x5a, sizeof m);
    before = m;
    if (!smx_vec_is(v, "result", "ok")) {
        assert_int_equal(smx_hop_msg_decode(&m, body), SMX_E_MALFORMED);
        assert_memory_equal(&m, &before, sizeof m);
        return;
    }
    content = smx_vec_bytes(v, "content", &len);
    assert_true(smx_hop_is_own(body));
    assert_int_equal(smx_hop_msg_decode(&m, body), SMX_OK);
    assert_int_equal(m.type, smx_vec_int(v, "type"));
    assert_int_equal(m.len, len);
    assert_ptr_equal(m.content, body + SMX_HOP_ZERO + 2);
    assert_memory_equal(m.content, content, len);
    memset(again, 0x5a, sizeof again);
    smx_hop_msg_encode(again, m.type, content, len);
    assert_memory_equal(again, body, sizeof again);
}

static void check_extend(struct smx_vec *v)
{
    size_t len;
    const uint8_t *content = smx_vec_bytes(v, "extend", &len);
    uint8_t again[SMX_EXTEND_SIZE];
    struct smx_extend e, before;

    memset(&e, 0x5a, sizeof e);
    before = e;
    if (!smx_vec_is(v, "result", "ok")) {
        assert_int_equal(smx_extend_decode(&e, content, len), SMX_E_MALFORMED);
        assert_memory_equal(&e, &before, sizeof e);
        return;
    }
    assert_int_equal(smx_extend_decode(&e, content, len), SMX_OK);
    assert_int_equal(e.suite, smx_vec_int(v, "suite"));
    assert_int_equal(e.period, smx_vec_int(v, "period"));
    assert_true(e.d == smx_vec_int(v, "d"));
    assert_true(e.work == smx_vec_int(v, "work"));
    assert_memory_equal(e.relay, smx_vec_fixed(v, "relay", sizeof e.relay), sizeof e.relay);
    assert_memory_equal(e.tag, smx_vec_fixed(v, "tag", sizeof e.tag), sizeof e.tag);
    assert_memory_equal(e.msg1, smx_vec_fixed(v, "msg1", sizeof e.msg1), sizeof e.msg1);
    smx_extend_encode(again, &e);
    assert_int_equal(len, sizeof again);
    assert_memory_equal(again, content, len);
    for (size_t cut = 0; cut < len; cut++)
        assert_int_equal(smx_extend_decode(&e, content, cut), SMX_E_MALFORMED);
}

static void check_listen(struct smx_vec *v)
{
    size_t len;
    const uint8_t *text = smx_vec_bytes(v, "text", &len);
    bool good = crypto_sign_verify_detached(smx_vec_fixed(v, "signature", crypto_sign_BYTES), text, len,
                                            smx_vec_fixed(v, "key", crypto_sign_PUBLICKEYBYTES)) == 0;

    assert_int_equal(len, 16 + SMX_RELAY_ID + SMX_HOP_HASH);
    assert_memory_equal(text, "sipmix listen v1", 16);
    assert_memory_equal(text + 16, smx_vec_fixed(v, "relay", SMX_RELAY_ID), SMX_RELAY_ID);
    assert_memory_equal(text + 16 + SMX_RELAY_ID, smx_vec_fixed(v, "hash", SMX_HOP_HASH), SMX_HOP_HASH);
    assert_int_equal(good, smx_vec_is(v, "result", "ok"));
}

static struct smx_hop_target target_of(struct smx_vec *v)
{
    struct smx_hop_target to;

    memcpy(to.id, smx_vec_fixed(v, "relay", sizeof to.id), sizeof to.id);
    memcpy(to.onion, smx_vec_fixed(v, "onion", sizeof to.onion), sizeof to.onion);
    memcpy(to.tag, smx_vec_fixed(v, "tag", sizeof to.tag), sizeof to.tag);
    return to;
}

/* The layers are those of the given key: both encipher alike. */
static void check_key(const struct smx_wideblock *layer, const uint8_t key[SMX_KEY])
{
    static const uint8_t tweak[SMX_WIDEBLOCK_TWEAK] = {1};
    uint8_t a[SMX_CELL_BODY] = {0}, b[SMX_CELL_BODY] = {0};
    struct smx_wideblock want;

    smx_wideblock_init(&want, key);
    smx_wideblock_encipher(&want, tweak, a, sizeof a);
    smx_wideblock_encipher(layer, tweak, b, sizeof b);
    assert_memory_equal(a, b, sizeof a);
}

static void check_layers(struct smx_vec *v, struct smx_hop_layers *l, bool origin)
{
    check_key(&l->seal, smx_vec_fixed(v, origin ? "forward" : "backward", SMX_KEY));
    check_key(&l->open.forth, smx_vec_fixed(v, origin ? "backward" : "forward", SMX_KEY));
    assert_memory_equal(l->hash, smx_vec_fixed(v, "hash", SMX_HOP_HASH), SMX_HOP_HASH);
    smx_hop_layers_fini(l);
}

static void check_handshake(struct smx_vec *v)
{
    struct smx_hop_target to = target_of(v);
    uint8_t period = (uint8_t)smx_vec_int(v, "period"), msg1[SMX_HOP_MSG1], msg2[SMX_HOP_MSG2];
    struct smx_hop_layers a, b;
    struct smx_x25519 onion;
    struct smx_noise n;

    smx_x25519_from_secret(&onion, smx_vec_fixed(v, "onion_secret", SMX_X25519));
    assert_memory_equal(onion.public, to.onion, sizeof to.onion);
    if (!smx_vec_has(v, "e1")) {
        assert_int_equal(smx_hop_answer_with_ephemeral(&b, msg2, smx_vec_fixed(v, "msg1", SMX_HOP_MSG1),
                                                       to.id, &onion, to.tag, period, seed),
                         SMX_E_AUTH);
        return;
    }
    assert_int_equal(smx_hop_start_with_ephemeral(&n, msg1, &to, period, smx_vec_fixed(v, "e1", SMX_X25519)),
                     SMX_OK);
    if (smx_vec_is(v, "result", "ok")) {
        assert_memory_equal(msg1, smx_vec_fixed(v, "msg1", sizeof msg1), sizeof msg1);
        assert_int_equal(smx_hop_answer_with_ephemeral(&b, msg2, msg1, to.id, &onion, to.tag, period,
                                                       smx_vec_fixed(v, "e2", SMX_X25519)),
                         SMX_OK);
        assert_memory_equal(msg2, smx_vec_fixed(v, "msg2", sizeof msg2), sizeof msg2);
        assert_int_equal(smx_hop_finish(&a, &n, msg2), SMX_OK);
        check_layers(v, &a, true);
        check_layers(v, &b, false);
    } else {
        assert_int_equal(smx_hop_finish(&a, &n, smx_vec_fixed(v, "msg2", sizeof msg2)), SMX_E_AUTH);
    }
    smx_noise_fini(&n);
}

static void check_layer(struct smx_vec *v)
{
    enum smx_way dir = smx_vec_int(v, "direction") ? SMX_BACKWARD : SMX_FORWARD;
    uint64_t count = smx_vec_int(v, "number");
    const uint8_t *key = smx_vec_fixed(v, "key", SMX_KEY);
    uint8_t body[SMX_CELL_BODY];
    struct smx_hop_layers l;

    smx_wideblock_init(&l.seal, key);
    smx_wideblock_both_init(&l.open, key);
    memcpy(body, smx_vec_fixed(v, "plain", sizeof body), sizeof body);
    smx_hop_encipher(&l, dir, count, body);
    assert_memory_equal(body, smx_vec_fixed(v, "cipher", sizeof body), sizeof body);
    smx_hop_decipher(&l, dir, count, body);
    assert_memory_equal(body, smx_vec_fixed(v, "plain", sizeof body), sizeof body);
    smx_hop_layers_fini(&l);
}

static void the_vectors_hold(void **state)
{
    struct smx_vec v;
    size_t count = 0;

    (void)state;
    smx_vec_open(&v, "tests/vectors/hop.txt");
    for (; smx_vec_next(&v); count++) {
        if (smx_vec_has(&v, "body"))
            check_message(&v);
        else if (smx_vec_has(&v, "extend"))
            check_extend(&v);
        else if (smx_vec_has(&v, "text"))
            check_listen(&v);
        else if (smx_vec_has(&v, "prologue"))
            check_handshake(&v);
        else
            check_layer(&v);
    }
    assert_true(count > 50);
}

/* ---- a hop of our own ---- */

struct hop {
    struct smx_rng rng;
    struct smx_hop_target to;
    struct smx_x25519 onion;
    struct smx_noise n;
    uint8_t msg1[SMX_HOP_MSG1], msg2[SMX_HOP_MSG2];
    struct smx_hop_layers origin, relay;
};

static int setup(void **state)
{
    static struct hop h;

    memset(&h, 0, sizeof h);
    smx_rng_init(&h.rng, seed);
    smx_x25519_make(&h.onion, &h.rng);
    smx_rng_bytes(&h.rng, h.to.id, sizeof h.to.id);
    memcpy(h.to.onion, h.onion.public, sizeof h.to.onion);
    smx_rng_bytes(&h.rng, h.to.tag, sizeof h.to.tag);
    assert_int_equal(smx_hop_start(&h.n, h.msg1, &h.to, SMX_PERIOD_SLOT, &h.rng), SMX_OK);
    *state = &h;
    return 0;
}

static int teardown(void **state)
{
    struct hop *h = *state;

    smx_hop_layers_fini(&h->origin);
    smx_hop_layers_fini(&h->relay);
    smx_noise_fini(&h->n);
    smx_rng_fini(&h->rng);
    return 0;
}

static enum smx_err answer(struct hop *h, const uint8_t msg1[SMX_HOP_MSG1])
{
    return smx_hop_answer(&h->relay, h->msg2, msg1, h->to.id, &h->onion, h->to.tag, SMX_PERIOD_SLOT, &h->rng);
}

static void finish(struct hop *h)
{
    assert_int_equal(answer(h, h->msg1), SMX_OK);
    assert_int_equal(smx_hop_finish(&h->origin, &h->n, h->msg2), SMX_OK);
}

static void message_1_with_any_bit_altered_is_refused(void **state)
{
    struct hop *h = *state;
    uint8_t bad[SMX_HOP_MSG1];
    struct smx_hop_layers before = h->relay;

    for (size_t bit = 0; bit < sizeof bad * 8; bit++) {
        memcpy(bad, h->msg1, sizeof bad);
        bad[bit / 8] ^= (uint8_t)(1U << bit % 8);
        assert_int_equal(answer(h, bad), SMX_E_AUTH);
        assert_memory_equal(&h->relay, &before, sizeof before);
    }
    finish(h);
}

static void after_any_forged_message_2_the_true_one_still_counts(void **state)
{
    struct hop *h = *state;
    uint8_t bad[SMX_HOP_MSG2];

    assert_int_equal(answer(h, h->msg1), SMX_OK);
    for (size_t bit = 0; bit < sizeof bad * 8; bit++) {
        memcpy(bad, h->msg2, sizeof bad);
        bad[bit / 8] ^= (uint8_t)(1U << bit % 8);
        assert_int_equal(smx_hop_finish(&h->origin, &h->n, bad), SMX_E_AUTH);
    }
    assert_int_equal(smx_hop_finish(&h->origin, &h->n, h->msg2), SMX_OK);
    assert_int_equal(smx_hop_finish(&h->origin, &h->n, h->msg2), SMX_E_STATE); /* and once only */
}

static void both_sides_agree_whom_they_speak_to(void **state)
{
    struct hop *h = *state;
    struct smx_x25519 other;
    uint8_t id[SMX_RELAY_ID] = {1}, tag[SMX_KEY_TAG] = {1};

    smx_x25519_make(&other, &h->rng);
    assert_int_equal(
        smx_hop_answer(&h->relay, h->msg2, h->msg1, h->to.id, &other, h->to.tag, SMX_PERIOD_SLOT, &h->rng),
        SMX_E_AUTH);
    assert_int_equal(
        smx_hop_answer(&h->relay, h->msg2, h->msg1, id, &h->onion, h->to.tag, SMX_PERIOD_SLOT, &h->rng),
        SMX_E_AUTH);
    assert_int_equal(
        smx_hop_answer(&h->relay, h->msg2, h->msg1, h->to.id, &h->onion, tag, SMX_PERIOD_SLOT, &h->rng),
        SMX_E_AUTH);
    assert_int_equal(smx_hop_answer(&h->relay, h->msg2, h->msg1, h->to.id, &h->onion, h->to.tag,
                                    SMX_PERIOD_LISTEN, &h->rng),
                     SMX_E_AUTH);
    finish(h);
    assert_memory_equal(h->origin.hash, h->relay.hash, SMX_HOP_HASH);
}

static void an_onion_key_of_low_order_is_refused(void **state)
{
    struct hop *h = *state;

    memset(h->to.onion, 0, sizeof h->to.onion);
    assert_int_equal(smx_hop_start(&h->n, h->msg1, &h->to, SMX_PERIOD_SLOT, &h->rng), SMX_E_AUTH);
}

/* A cell enciphered by one side: does the other see its message? */
static bool arrives(struct hop *h, enum smx_way dir, enum smx_way read_dir, uint64_t count,
                    uint64_t read_count, size_t altered_bit)
{
    struct smx_hop_layers *from = dir == SMX_FORWARD ? &h->origin : &h->relay;
    struct smx_hop_layers *to = read_dir == SMX_FORWARD ? &h->relay : &h->origin;
    uint8_t body[SMX_CELL_BODY];

    smx_hop_msg_encode(body, SMX_HOP_COOKIE, "0123456789abcdef", SMX_COOKIE);
    smx_hop_encipher(from, dir, count, body);
    if (altered_bit < SMX_CELL_BODY * 8)
        body[altered_bit / 8] ^= (uint8_t)(1U << altered_bit % 8);
    smx_hop_decipher(to, read_dir, read_count, body);
    return smx_hop_is_own(body);
}

static void a_cell_speaks_only_at_its_place_and_count(void **state)
{
    struct hop *h = *state;

    finish(h);
    for (int dir = SMX_FORWARD; dir <= SMX_BACKWARD; dir++) {
        enum smx_way d = (enum smx_way)dir, other = d == SMX_FORWARD ? SMX_BACKWARD : SMX_FORWARD;

        assert_true(arrives(h, d, d, SMX_COUNT_MIN, SMX_COUNT_MIN, SIZE_MAX));
        assert_false(arrives(h, d, d, SMX_COUNT_MIN, SMX_COUNT_MIN + 1, SIZE_MAX));
        assert_false(arrives(h, d, d, SMX_COUNT_MIN, SMX_COUNT_MIN - 1, SIZE_MAX));
        assert_false(arrives(h, d, d, SMX_COUNT_MIN, SMX_COUNT_MIN * 2, SIZE_MAX));
        assert_false(arrives(h, d, other, SMX_COUNT_MIN, SMX_COUNT_MIN, SIZE_MAX));
    }
}

static void a_cell_with_any_bit_altered_is_noise(void **state)
{
    struct hop *h = *state;

    finish(h);
    for (size_t bit = 0; bit < SMX_CELL_BODY * 8; bit++) {
        assert_false(arrives(h, SMX_FORWARD, SMX_FORWARD, SMX_COUNT_MIN, SMX_COUNT_MIN, bit));
        assert_false(arrives(h, SMX_BACKWARD, SMX_BACKWARD, SMX_COUNT_MIN, SMX_COUNT_MIN, bit));
    }
}

static void no_bit_of_a_message_is_ignored(void **state)
{
    uint8_t body[SMX_CELL_BODY], again[SMX_CELL_BODY];
    struct smx_hop_msg m;

    (void)state;
    for (size_t len = 0; len <= SMX_HOP_CONTENT; len += 18) {
        uint8_t content[SMX_HOP_CONTENT];

        memset(content, 0xa5, sizeof content);
        smx_hop_msg_encode(body, SMX_HOP_STREAM, content, len);
        for (size_t bit = 0; bit < sizeof body * 8; bit++) {
            body[bit / 8] ^= (uint8_t)(1U << bit % 8);
            if (smx_hop_msg_decode(&m, body) == SMX_OK) {
                assert_true(bit / 8 >= SMX_HOP_ZERO);
                smx_hop_msg_encode(again, m.type, m.content, m.len);
                assert_memory_equal(again, body, sizeof body);
            }
            assert_int_equal(smx_hop_is_own(body), bit / 8 >= SMX_HOP_ZERO);
            body[bit / 8] ^= (uint8_t)(1U << bit % 8);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_vectors_hold),
        cmocka_unit_test_setup_teardown(message_1_with_any_bit_altered_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(after_any_forged_message_2_the_true_one_still_counts, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(both_sides_agree_whom_they_speak_to, setup, teardown),
        cmocka_unit_test_setup_teardown(an_onion_key_of_low_order_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(a_cell_speaks_only_at_its_place_and_count, setup, teardown),
        cmocka_unit_test_setup_teardown(a_cell_with_any_bit_altered_is_noise, setup, teardown),
        cmocka_unit_test(no_bit_of_a_message_is_ignored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
