#include "proto/crypto/noise.h"

#include "tests/support/vectors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

enum { ROOM = 1024 }; /* bytes; longer than any message here */

static enum smx_err result_of(struct smx_vec *v)
{
    if (smx_vec_is(v, "result", "ok"))
        return SMX_OK;
    return smx_vec_is(v, "result", "malformed") ? SMX_E_MALFORMED : SMX_E_AUTH;
}

/* Both sides of a record's handshake. */
static void make_pair(struct smx_vec *v, struct smx_noise *a, struct smx_noise *b)
{
    enum smx_noise_pattern pattern = smx_vec_is(v, "pattern", "IK") ? SMX_NOISE_IK : SMX_NOISE_NK;
    struct smx_x25519 init = {{0}, {0}}, resp;
    size_t len;
    const uint8_t *prologue = smx_vec_bytes(v, "prologue", &len);

    smx_x25519_from_secret(&resp, smx_vec_fixed(v, "resp_static", SMX_X25519));
    if (smx_vec_has(v, "init_remote_static"))
        assert_memory_equal(resp.public, smx_vec_fixed(v, "init_remote_static", SMX_X25519), SMX_X25519);
    if (smx_vec_has(v, "init_static"))
        smx_x25519_from_secret(&init, smx_vec_fixed(v, "init_static", SMX_X25519));
    smx_noise_init(a, pattern, true, prologue, len, pattern == SMX_NOISE_IK ? &init : NULL, resp.public);
    smx_noise_init(b, pattern, false, prologue, len, &resp, NULL);
}

/* One message from one side to the other, both checked against the record. */
static void exchange(struct smx_vec *v, struct smx_noise *from, struct smx_noise *to, const char *ephemeral,
                     const char *payload_key, const char *message_key)
{
    uint8_t out[ROOM], got[ROOM];
    size_t payload_len, message_len;
    const uint8_t *payload = smx_vec_bytes(v, payload_key, &payload_len);
    const uint8_t *message = smx_vec_bytes(v, message_key, &message_len);

    assert_int_equal(smx_noise_overhead(from) + payload_len, message_len);
    assert_int_equal(smx_noise_write_with_ephemeral(from, smx_vec_fixed(v, ephemeral, SMX_X25519), payload,
                                                    payload_len, out),
                     SMX_OK);
    assert_memory_equal(out, message, message_len);
    assert_int_equal(smx_noise_read(to, message, message_len, got), SMX_OK);
    assert_memory_equal(got, payload, payload_len);
}

static void check_transport(struct smx_vec *v, const uint8_t key[2][SMX_KEY])
{
    char payload_key[16], message_key[16];

    for (unsigned i = 0;; i++) { /* by turns, the initiator first; each side counts for itself */
        uint8_t out[ROOM], got[ROOM];
        const uint8_t *payload, *message;
        size_t payload_len, message_len;

        snprintf(payload_key, sizeof payload_key, "payload%u", i + 3);
        snprintf(message_key, sizeof message_key, "message%u", i + 3);
        if (!smx_vec_has(v, message_key))
            return;
        payload = smx_vec_bytes(v, payload_key, &payload_len);
        message = smx_vec_bytes(v, message_key, &message_len);
        smx_aead_seal(key[i % 2], i / 2, NULL, 0, payload, payload_len, out);
        assert_int_equal(payload_len + SMX_AEAD_TAG, message_len);
        assert_memory_equal(out, message, message_len);
        assert_int_equal(smx_aead_open(key[i % 2], i / 2, NULL, 0, message, message_len, got), SMX_OK);
        assert_memory_equal(got, payload, payload_len);
    }
}

static void check_handshake(struct smx_vec *v)
{
    uint8_t key_a[2][SMX_KEY], key_b[2][SMX_KEY];
    struct smx_noise a, b;

    make_pair(v, &a, &b);
    exchange(v, &a, &b, "init_ephemeral", "payload1", "message1");
    exchange(v, &b, &a, "resp_ephemeral", "payload2", "message2");
    if (a.pattern == SMX_NOISE_IK) {
        assert_memory_equal(smx_noise_remote_static(&b), a.s.public, SMX_X25519);
    } else {
        assert_null(smx_noise_remote_static(&b));
    }
    assert_int_equal(smx_noise_split(&a, key_a[0], key_a[1]), SMX_OK);
    assert_int_equal(smx_noise_split(&b, key_b[0], key_b[1]), SMX_OK);
    assert_memory_equal(key_a, key_b, sizeof key_a);
    assert_memory_equal(smx_noise_hash(&a), smx_noise_hash(&b), SMX_NOISE_HASH);
    if (smx_vec_has(v, "hash"))
        assert_memory_equal(smx_noise_hash(&a), smx_vec_fixed(v, "hash", SMX_NOISE_HASH), SMX_NOISE_HASH);
    if (smx_vec_has(v, "to_responder")) {
        assert_memory_equal(key_a[0], smx_vec_fixed(v, "to_responder", SMX_KEY), SMX_KEY);
        assert_memory_equal(key_a[1], smx_vec_fixed(v, "to_initiator", SMX_KEY), SMX_KEY);
    }
    check_transport(v, (const uint8_t(*)[SMX_KEY])key_a);
    smx_noise_fini(&a);
    smx_noise_fini(&b);
}

static void handshakes_match_the_published_vectors(void **state)
{
    struct smx_vec v;
    size_t count = 0;

    (void)state;
    smx_vec_open(&v, "tests/vectors/noise.txt");
    while (smx_vec_next(&v)) {
        if (!smx_vec_has(&v, "pattern") || result_of(&v) != SMX_OK)
            continue;
        check_handshake(&v);
        count++;
    }
    assert_true(count >= 8);
}

static void a_bad_message_is_refused_and_changes_nothing(void **state)
{
    uint8_t out[ROOM], got[ROOM];
    struct smx_vec v;
    size_t count = 0;

    (void)state;
    smx_vec_open(&v, "tests/vectors/noise.txt");
    while (smx_vec_next(&v)) {
        struct smx_noise a, b, *reader = &b, before;
        const char *which = smx_vec_has(&v, "message1") ? "message1" : "message2";
        const uint8_t *message;
        size_t len;

        if (!smx_vec_has(&v, "pattern") || result_of(&v) == SMX_OK)
            continue;
        make_pair(&v, &a, &b);
        message = smx_vec_bytes(&v, which, &len);
        if (strcmp(which, "message2") == 0) {
            reader = &a;
            assert_int_equal(smx_noise_write_with_ephemeral(
                                 &a, smx_vec_fixed(&v, "init_ephemeral", SMX_X25519), NULL, 0, out),
                             SMX_OK);
        }
        memcpy(&before, reader, sizeof before);
        assert_int_equal(smx_noise_read(reader, message, len, got), result_of(&v));
        assert_memory_equal(&before, reader, sizeof before);
        count++;
    }
    assert_true(count > 20);
}

struct fixture {
    struct smx_rng rng;
    struct smx_x25519 init, resp;
    struct smx_noise a, b;
};

static void begin(struct fixture *f, enum smx_noise_pattern pattern)
{
    static const uint8_t seed[SMX_RNG_SEED] = {42};

    smx_rng_init(&f->rng, seed);
    smx_x25519_make(&f->init, &f->rng);
    smx_x25519_make(&f->resp, &f->rng);
    smx_noise_init(&f->a, pattern, true, "p", 1, pattern == SMX_NOISE_IK ? &f->init : NULL, f->resp.public);
    smx_noise_init(&f->b, pattern, false, "p", 1, &f->resp, NULL);
}

/* Every truncation, one byte too many, and each bit flipped; then the true message is still accepted. */
static void try_every_damage(struct smx_noise *reader, const uint8_t *message, size_t len)
{
    uint8_t bad[ROOM], got[ROOM];

    for (size_t cut = 0; cut < len; cut++)
        assert_int_not_equal(smx_noise_read(reader, message, cut, got), SMX_OK);
    memcpy(bad, message, len);
    bad[len] = 0;
    assert_int_equal(smx_noise_read(reader, bad, len + 1, got), SMX_E_AUTH);
    for (size_t bit = 0; bit < len * 8; bit++) {
        enum smx_err err;

        bad[bit / 8] ^= (uint8_t)(1 << bit % 8);
        err = smx_noise_read(reader, bad, len, got);
        assert_int_equal(err, SMX_E_AUTH);
        bad[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    assert_int_equal(smx_noise_read(reader, message, len, got), SMX_OK);
}

static void no_damage_passes_and_none_ends_the_handshake(void **state)
{
    static const enum smx_noise_pattern each[] = {SMX_NOISE_IK, SMX_NOISE_NK};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        uint8_t message[ROOM];
        struct fixture f;
        size_t len;

        begin(&f, each[i]);
        len = smx_noise_overhead(&f.a) + 3;
        assert_int_equal(smx_noise_write(&f.a, &f.rng, "one", 3, message), SMX_OK);
        try_every_damage(&f.b, message, len);
        len = smx_noise_overhead(&f.b) + 3;
        assert_int_equal(smx_noise_write(&f.b, &f.rng, "two", 3, message), SMX_OK);
        try_every_damage(&f.a, message, len);
    }
}

static void lengths_are_those_of_the_header(void **state)
{
    struct fixture f;
    uint8_t message[ROOM];

    (void)state;
    begin(&f, SMX_NOISE_IK);
    assert_int_equal(smx_noise_overhead(&f.a), 96);
    assert_int_equal(smx_noise_write(&f.a, &f.rng, NULL, 0, message), SMX_OK);
    assert_int_equal(smx_noise_overhead(&f.a), 48);
    assert_int_equal(smx_noise_read(&f.b, message, 96, NULL), SMX_OK);
    assert_int_equal(smx_noise_write(&f.b, &f.rng, NULL, 0, message), SMX_OK);
    assert_int_equal(smx_noise_overhead(&f.b), 0);
    assert_int_equal(smx_noise_read(&f.a, message, 48, NULL), SMX_OK);
    begin(&f, SMX_NOISE_NK);
    assert_int_equal(smx_noise_overhead(&f.a), 48);
    assert_int_equal(smx_noise_write(&f.a, &f.rng, NULL, 0, message), SMX_OK);
    assert_int_equal(smx_noise_overhead(&f.a), 48);
}

static void calls_out_of_turn_are_refused(void **state)
{
    uint8_t message[ROOM], got[ROOM], k1[SMX_KEY], k2[SMX_KEY];
    struct fixture f;

    (void)state;
    begin(&f, SMX_NOISE_NK);
    memset(message, 0, sizeof message);
    assert_int_equal(smx_noise_write(&f.b, &f.rng, NULL, 0, message), SMX_E_STATE);
    assert_int_equal(smx_noise_read(&f.a, message, 48, got), SMX_E_STATE);
    assert_int_equal(smx_noise_split(&f.a, k1, k2), SMX_E_STATE);
    assert_int_equal(smx_noise_write(&f.a, &f.rng, NULL, 0, message), SMX_OK);
    assert_int_equal(smx_noise_write(&f.a, &f.rng, NULL, 0, got), SMX_E_STATE);
    assert_int_equal(smx_noise_split(&f.a, k1, k2), SMX_E_STATE);
    assert_int_equal(smx_noise_read(&f.b, message, 48, got), SMX_OK);
    assert_int_equal(smx_noise_read(&f.b, message, 48, got), SMX_E_STATE);
    assert_int_equal(smx_noise_write(&f.b, &f.rng, NULL, 0, message), SMX_OK);
    assert_int_equal(smx_noise_read(&f.a, message, 48, got), SMX_OK);
    assert_int_equal(smx_noise_split(&f.a, k1, k2), SMX_OK);
    assert_int_equal(smx_noise_split(&f.a, k1, k2), SMX_E_STATE);
    assert_int_equal(smx_noise_write(&f.a, &f.rng, NULL, 0, message), SMX_E_STATE);
    assert_int_equal(smx_noise_read(&f.a, message, 48, got), SMX_E_STATE);
}

static void a_responder_key_of_low_order_is_refused_by_the_initiator(void **state)
{
    static const uint8_t zero[SMX_X25519];
    struct smx_noise a, before;
    uint8_t message[ROOM];
    struct fixture f;

    (void)state;
    begin(&f, SMX_NOISE_NK);
    smx_noise_init(&a, SMX_NOISE_NK, true, NULL, 0, NULL, zero);
    memcpy(&before, &a, sizeof a);
    assert_int_equal(smx_noise_write(&a, &f.rng, NULL, 0, message), SMX_E_AUTH);
    assert_memory_equal(&before, &a, sizeof a);
}

static void split_wipes_every_secret(void **state)
{
    static const uint8_t zeros[SMX_NOISE_HASH];
    uint8_t message[ROOM], k1[SMX_KEY], k2[SMX_KEY];
    struct fixture f;

    (void)state;
    begin(&f, SMX_NOISE_IK);
    assert_int_equal(smx_noise_write(&f.a, &f.rng, NULL, 0, message), SMX_OK);
    assert_int_equal(smx_noise_read(&f.b, message, 96, NULL), SMX_OK);
    assert_int_equal(smx_noise_write(&f.b, &f.rng, NULL, 0, message), SMX_OK);
    assert_int_equal(smx_noise_split(&f.b, k1, k2), SMX_OK);
    assert_memory_equal(f.b.ck, zeros, sizeof f.b.ck);
    assert_memory_equal(f.b.k, zeros, sizeof f.b.k);
    assert_memory_equal(f.b.s.secret, zeros, SMX_X25519);
    assert_memory_equal(f.b.e.secret, zeros, SMX_X25519);
    assert_memory_equal(smx_noise_remote_static(&f.b), f.init.public, SMX_X25519);
}

static void the_aead_matches_its_vectors(void **state)
{
    struct smx_aead *kept = smx_aead_new();
    struct smx_vec v;
    size_t count = 0;

    (void)state;
    assert_non_null(kept);
    smx_vec_open(&v, "tests/vectors/noise.txt");
    while (smx_vec_next(&v)) {
        uint8_t buf[ROOM];
        const uint8_t *key, *ad, *sealed;
        size_t ad_len, sealed_len;
        uint64_t counter;

        if (!smx_vec_has(&v, "sealed"))
            continue;
        key = smx_vec_fixed(&v, "key", SMX_KEY);
        ad = smx_vec_bytes(&v, "ad", &ad_len);
        sealed = smx_vec_bytes(&v, "sealed", &sealed_len);
        counter = smx_vec_int(&v, "counter");
        assert_int_equal(smx_aead_open(key, counter, ad, ad_len, sealed, sealed_len, buf), result_of(&v));
        assert_int_equal(smx_aead_open_with(kept, key, counter, ad, ad_len, sealed, sealed_len, buf),
                         result_of(&v));
        if (result_of(&v) == SMX_OK) {
            const uint8_t *plain = smx_vec_fixed(&v, "plain", sealed_len - SMX_AEAD_TAG);

            assert_memory_equal(buf, plain, sealed_len - SMX_AEAD_TAG);
            smx_aead_seal(key, counter, ad, ad_len, buf, sealed_len - SMX_AEAD_TAG, buf); /* in place */
            assert_memory_equal(buf, sealed, sealed_len);
            assert_int_equal(smx_aead_open(key, counter, ad, ad_len, buf, sealed_len, buf), SMX_OK);
            assert_memory_equal(buf, plain, sealed_len - SMX_AEAD_TAG);
            smx_aead_seal_with(kept, key, counter, ad, ad_len, buf, sealed_len - SMX_AEAD_TAG, buf);
            assert_memory_equal(buf, sealed, sealed_len);
            assert_int_equal(smx_aead_open_with(kept, key, counter, ad, ad_len, buf, sealed_len, buf),
                             SMX_OK);
            assert_memory_equal(buf, plain, sealed_len - SMX_AEAD_TAG);
        }
        count++;
    }
    smx_aead_free(kept);
    assert_true(count >= 9);
}

/* Every length of a datagram, and seals and opens in any order with one context; what was damaged shows
 * nothing. */
static void the_kept_aead_is_the_other_one(void **state)
{
    struct smx_aead *kept = smx_aead_new();
    uint8_t key[SMX_KEY] = {1}, plain[1400], one[1400 + SMX_AEAD_TAG], two[1400 + SMX_AEAD_TAG];
    static const uint8_t zeros[1400];

    (void)state;
    assert_non_null(kept);
    for (size_t i = 0; i < sizeof plain; i++)
        plain[i] = (uint8_t)(i * 7);
    for (size_t len = 0; len <= sizeof plain; len++) {
        key[1] = (uint8_t)len;
        smx_aead_seal(key, len, plain, len % 20, plain, len, one);
        smx_aead_seal_with(kept, key, len, plain, len % 20, plain, len, two);
        assert_memory_equal(two, one, len + SMX_AEAD_TAG);
        two[len * 31 % (len + SMX_AEAD_TAG)] ^= 1;
        assert_int_equal(smx_aead_open_with(kept, key, len, plain, len % 20, two, len + SMX_AEAD_TAG, two),
                         SMX_E_AUTH);
        assert_memory_equal(two, zeros, len);
        assert_int_equal(smx_aead_open_with(kept, key, len, plain, len % 20, one, len + SMX_AEAD_TAG, one),
                         SMX_OK);
        assert_memory_equal(one, plain, len);
    }
    smx_aead_free(kept);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(handshakes_match_the_published_vectors),
        cmocka_unit_test(a_bad_message_is_refused_and_changes_nothing),
        cmocka_unit_test(no_damage_passes_and_none_ends_the_handshake),
        cmocka_unit_test(lengths_are_those_of_the_header),
        cmocka_unit_test(calls_out_of_turn_are_refused),
        cmocka_unit_test(a_responder_key_of_low_order_is_refused_by_the_initiator),
        cmocka_unit_test(split_wipes_every_secret),
        cmocka_unit_test(the_aead_matches_its_vectors),
        cmocka_unit_test(the_kept_aead_is_the_other_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
