#include "proto/e2e/meet.h"

#include "tests/support/vectors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <sodium.h>

enum { SLOTS = 64 };

struct fixture {
    struct smx_rng rng;
    struct smx_x25519 day;
    struct smx_meet_callee callee;
    struct smx_meet_place place;
    uint8_t caller_public[32], caller_secret[64];
    struct smx_meet_memory memory;
    uint64_t slot[SLOTS];
    uint8_t msg1[SMX_MEET_1], msg2[SMX_MEET_2];
    struct smx_meet a, b;
    struct smx_meet_offer offer;
    struct smx_meet_keys a_keys, b_keys;
};

static int setup(void **state)
{
    static const uint8_t seed[SMX_RNG_SEED] = {5};
    static struct fixture f;

    memset(&f, 0, sizeof f);
    smx_rng_init(&f.rng, seed);
    smx_x25519_make(&f.day, &f.rng);
    memcpy(f.callee.day_key, f.day.public, 32);
    memset(f.callee.pseudonym, 1, 32);
    memset(f.callee.introduction, 2, 32);
    memset(f.place.rendezvous, 3, 32);
    memset(f.place.cookie, 4, 16);
    crypto_sign_seed_keypair(f.caller_public, f.caller_secret, seed);
    smx_meet_memory_init(&f.memory, f.slot, SLOTS, &f.rng);
    *state = &f;
    return 0;
}

static void call(struct fixture *f)
{
    assert_int_equal(smx_meet_call(&f->a, &f->rng, &f->callee, &f->place, f->caller_secret, f->msg1), SMX_OK);
}

static enum smx_err read(struct fixture *f)
{
    return smx_meet_read(&f->b, &f->offer, &f->memory, &f->callee, &f->day, f->msg1);
}

static void both_sides_get_the_same_keys(void **state)
{
    struct fixture *f = *state;

    call(f);
    assert_int_equal(read(f), SMX_OK);
    assert_true(f->offer.named);
    assert_memory_equal(f->offer.caller, f->caller_public, 32);
    assert_memory_equal(&f->offer.place, &f->place, sizeof f->place);
    assert_int_equal(smx_meet_answer(&f->b, &f->rng, f->msg2, &f->b_keys), SMX_OK);
    assert_int_equal(smx_meet_finish(&f->a, f->msg2, &f->a_keys), SMX_OK);
    assert_memory_equal(f->a_keys.to_callee, f->b_keys.to_callee, SMX_KEY);
    assert_memory_equal(f->a_keys.to_caller, f->b_keys.to_caller, SMX_KEY);
    assert_int_equal(f->a_keys.side, SMX_MEET_CALLER);
    assert_int_equal(f->b_keys.side, SMX_MEET_CALLEE);
}

static void an_introduction_works_once(void **state)
{
    struct fixture *f = *state;

    call(f);
    assert_int_equal(read(f), SMX_OK);
    smx_meet_fini(&f->b);
    assert_int_equal(read(f), SMX_E_REPLAY);
    f->msg1[200] ^= 1; /* the ephemeral key alone counts */
    assert_int_equal(read(f), SMX_E_REPLAY);
}

static void a_forged_introduction_does_not_use_up_the_true_one(void **state)
{
    struct fixture *f = *state;

    call(f);
    f->msg1[200] ^= 1;
    assert_int_equal(read(f), SMX_E_AUTH);
    f->msg1[200] ^= 1;
    assert_int_equal(read(f), SMX_OK);
}

static void a_full_memory_refuses(void **state)
{
    struct fixture *f = *state;
    uint8_t first[SMX_MEET_1];

    for (int i = 0; i < SLOTS / 4 * 3; i++) {
        call(f);
        if (i == 0)
            memcpy(first, f->msg1, sizeof first);
        assert_int_equal(read(f), SMX_OK);
    }
    call(f);
    assert_int_equal(read(f), SMX_E_FULL);
    memcpy(f->msg1, first, sizeof first);
    assert_int_equal(read(f), SMX_E_REPLAY);
}

static void a_memory_that_was_kept_still_knows(void **state)
{
    struct fixture *f = *state;
    struct smx_meet_memory kept;
    uint64_t slot[SLOTS];

    call(f);
    assert_int_equal(read(f), SMX_OK);
    smx_meet_memory_restore(&kept, slot, SLOTS, f->memory.key);
    for (size_t i = 0; i < SLOTS; i++)
        smx_meet_memory_add(&kept, f->slot[i]);
    f->memory = kept;
    assert_int_equal(f->memory.used, 1);
    assert_int_equal(read(f), SMX_E_REPLAY);
    call(f);
    assert_int_equal(read(f), SMX_OK);
}

static void a_forged_answer_leaves_the_caller_waiting_for_the_true_one(void **state)
{
    struct fixture *f = *state;

    call(f);
    assert_int_equal(read(f), SMX_OK);
    assert_int_equal(smx_meet_answer(&f->b, &f->rng, f->msg2, &f->b_keys), SMX_OK);
    for (size_t i = 0; i < SMX_MEET_2; i++) {
        f->msg2[i] ^= 1;
        assert_int_equal(smx_meet_finish(&f->a, f->msg2, &f->a_keys), SMX_E_AUTH);
        f->msg2[i] ^= 1;
    }
    assert_int_equal(smx_meet_finish(&f->a, f->msg2, &f->a_keys), SMX_OK);
}

static void every_altered_bit_of_an_introduction_is_refused(void **state)
{
    struct fixture *f = *state;

    call(f);
    for (size_t bit = 0; bit < SMX_MEET_1 * 8; bit++) {
        f->msg1[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_equal(read(f), SMX_E_AUTH);
        f->msg1[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    assert_int_equal(f->memory.used, 0);
}

static void refuses(struct smx_vec *v, const struct smx_meet_callee *callee, const struct smx_x25519 *day)
{
    struct fixture *f;
    void *state;
    enum smx_err want = smx_vec_is(v, "result", "auth") ? SMX_E_AUTH : SMX_E_MALFORMED;

    setup(&state);
    f = state;
    assert_int_equal(
        smx_meet_read(&f->b, &f->offer, &f->memory, callee, day, smx_vec_fixed(v, "msg1", SMX_MEET_1)), want);
    assert_int_equal(f->memory.used, 0);
}

static void agrees(struct smx_vec *v, const struct smx_meet_callee *callee, const struct smx_x25519 *day)
{
    struct fixture *f;
    void *state;
    bool named = smx_vec_has(v, "seed");

    setup(&state);
    f = state;
    memcpy(f->place.rendezvous, smx_vec_fixed(v, "rendezvous", 32), 32);
    memcpy(f->place.cookie, smx_vec_fixed(v, "cookie", 16), 16);
    if (named)
        crypto_sign_seed_keypair(f->caller_public, f->caller_secret, smx_vec_fixed(v, "seed", 32));
    assert_int_equal(smx_meet_call_with(&f->a, smx_vec_fixed(v, "static", 32),
                                        smx_vec_fixed(v, "ephemeral1", 32), callee, &f->place,
                                        named ? f->caller_secret : NULL, f->msg1),
                     SMX_OK);
    assert_memory_equal(f->msg1, smx_vec_fixed(v, "msg1", SMX_MEET_1), SMX_MEET_1);
    assert_int_equal(smx_meet_read(&f->b, &f->offer, &f->memory, callee, day, f->msg1), SMX_OK);
    assert_memory_equal(&f->offer.place, &f->place, sizeof f->place);
    assert_int_equal(f->offer.named, named);
    if (named)
        assert_memory_equal(f->offer.caller, smx_vec_fixed(v, "caller", 32), 32);
    assert_int_equal(smx_meet_answer_with(&f->b, smx_vec_fixed(v, "ephemeral2", 32), f->msg2, &f->b_keys),
                     SMX_OK);
    assert_memory_equal(f->msg2, smx_vec_fixed(v, "msg2", SMX_MEET_2), SMX_MEET_2);
    assert_int_equal(smx_meet_finish(&f->a, f->msg2, &f->a_keys), SMX_OK);
    assert_memory_equal(f->a_keys.to_callee, smx_vec_fixed(v, "to_callee", 32), 32);
    assert_memory_equal(f->a_keys.to_caller, smx_vec_fixed(v, "to_caller", 32), 32);
    assert_memory_equal(f->b_keys.to_callee, f->a_keys.to_callee, 32);
    assert_memory_equal(f->b_keys.to_caller, f->a_keys.to_caller, 32);
}

static void the_vectors_hold(void **state)
{
    struct smx_vec v;
    size_t count = 0;

    (void)state;
    smx_vec_open(&v, "tests/vectors/meet.txt");
    while (smx_vec_next(&v)) {
        struct smx_meet_callee callee;
        struct smx_x25519 day;

        if (smx_vec_has(&v, "cell"))
            continue; /* test_pipe.c */
        memcpy(callee.pseudonym, smx_vec_fixed(&v, "pseudonym", 32), 32);
        memcpy(callee.introduction, smx_vec_fixed(&v, "introduction", 32), 32);
        smx_x25519_from_secret(&day, smx_vec_fixed(&v, "day_secret", 32));
        memcpy(callee.day_key, day.public, 32);
        if (smx_vec_is(&v, "result", "ok"))
            agrees(&v, &callee, &day);
        else
            refuses(&v, &callee, &day);
        count++;
    }
    assert_true(count >= 16);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(both_sides_get_the_same_keys, setup),
        cmocka_unit_test_setup(an_introduction_works_once, setup),
        cmocka_unit_test_setup(a_forged_introduction_does_not_use_up_the_true_one, setup),
        cmocka_unit_test_setup(a_full_memory_refuses, setup),
        cmocka_unit_test_setup(a_memory_that_was_kept_still_knows, setup),
        cmocka_unit_test_setup(a_forged_answer_leaves_the_caller_waiting_for_the_true_one, setup),
        cmocka_unit_test_setup(every_altered_bit_of_an_introduction_is_refused, setup),
        cmocka_unit_test(the_vectors_hold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
