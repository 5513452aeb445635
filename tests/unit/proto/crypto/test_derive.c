#include "proto/crypto/derive.h"

#include "proto/crypto/keypair.h"
#include "tests/support/vectors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static void derivations_macs_and_keys_match_their_vectors(void **state)
{
    struct smx_vec v;
    size_t count = 0;

    (void)state;
    smx_vec_open(&v, "tests/vectors/derive.txt");
    for (; smx_vec_next(&v); count++) {
        uint8_t got[SMX_DERIVE_MAX];
        size_t len, out_len;

        if (smx_vec_has(&v, "label")) {
            const uint8_t *data = smx_vec_bytes(&v, "data", &len), *out = smx_vec_bytes(&v, "out", &out_len);

            smx_derive(got, out_len, smx_vec_text(&v, "label"), data, len);
            assert_memory_equal(got, out, out_len);
        } else if (smx_vec_has(&v, "mac")) {
            const uint8_t *data = smx_vec_bytes(&v, "data", &len);

            smx_mac16(got, smx_vec_fixed(&v, "key", SMX_KEY), data, len);
            assert_memory_equal(got, smx_vec_fixed(&v, "mac", SMX_MAC16), SMX_MAC16);
        } else {
            struct smx_x25519 pair;

            smx_x25519_from_secret(&pair, smx_vec_fixed(&v, "secret", SMX_X25519));
            assert_memory_equal(pair.secret, smx_vec_fixed(&v, "secret", SMX_X25519), SMX_X25519);
            assert_memory_equal(pair.public, smx_vec_fixed(&v, "public", SMX_X25519), SMX_X25519);
        }
    }
    assert_true(count >= 12);
}

static void another_label_or_length_gives_an_unrelated_result(void **state)
{
    uint8_t a[64], b[64];

    (void)state;
    smx_derive(a, 32, "one", "data", 4);
    smx_derive(b, 32, "two", "data", 4);
    assert_memory_not_equal(a, b, 32);
    smx_derive(b, 64, "one", "data", 4);
    assert_memory_not_equal(a, b, 32); /* not a prefix of the longer one */
    smx_derive(a, 32, "one", "v1 data", 7);
    smx_derive(b, 32, "one v1", " data", 5); /* the label's length keeps it apart from what follows */
    assert_memory_not_equal(a, b, 32);
}

static void a_made_pair_is_the_pair_of_its_secret(void **state)
{
    static const uint8_t seed[SMX_RNG_SEED] = {3};
    struct smx_x25519 made, again;
    struct smx_rng rng;

    (void)state;
    smx_rng_init(&rng, seed);
    smx_x25519_make(&made, &rng);
    smx_x25519_from_secret(&again, made.secret);
    assert_memory_equal(&made, &again, sizeof made);
    smx_x25519_make(&again, &rng);
    assert_memory_not_equal(&made, &again, sizeof made);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(derivations_macs_and_keys_match_their_vectors),
        cmocka_unit_test(another_label_or_length_gives_an_unrelated_result),
        cmocka_unit_test(a_made_pair_is_the_pair_of_its_secret),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
