#include "proto/crypto/work.h"

#include "tests/support/vectors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static void work_matches_its_vectors(void **state)
{
    struct smx_vec v;
    size_t count = 0;

    (void)state;
    smx_vec_open(&v, "tests/vectors/work.txt");
    for (; smx_vec_next(&v); count++) {
        size_t len;
        const char *label = smx_vec_text(&v, "label");
        const uint8_t *purpose = smx_vec_bytes(&v, "purpose", &len);
        const uint8_t *key = smx_vec_fixed(&v, "key", SMX_WORK_KEY);
        unsigned bits = (unsigned)smx_vec_int(&v, "bits");
        uint64_t nonce = smx_vec_int(&v, "from");

        while (!smx_work_search(label, purpose, len, key, bits, &nonce))
            ;
        assert_int_equal(nonce, smx_vec_int(&v, "nonce"));
        assert_int_equal(smx_work_bits(label, purpose, len, key, nonce), bits);
    }
    assert_true(count >= 3);
}

static void work_for_one_purpose_or_key_is_worth_nothing_for_another(void **state)
{
    static const uint8_t key[2][SMX_WORK_KEY] = {{1}, {2}};
    uint64_t nonce = 0;

    (void)state;
    while (!smx_work_search("test", "here", 4, key[0], 14, &nonce))
        ;
    assert_true(smx_work_bits("test", "here", 4, key[0], nonce) >= 14);
    assert_true(smx_work_bits("test", "there", 5, key[0], nonce) < 14);
    assert_true(smx_work_bits("test", "here", 4, key[1], nonce) < 14);
    assert_true(smx_work_bits("other", "here", 4, key[0], nonce) < 14);
}

/* A second in which so many ask, all showing so many bits. */
static unsigned second(struct smx_demand *d, smx_time *now, unsigned count, unsigned bits)
{
    unsigned passed = 0;

    for (unsigned i = 0; i < count; i++)
        passed += smx_demand_meets(d, *now + i, bits);
    *now += SMX_SECOND(1);
    return passed;
}

static void nothing_is_asked_for_while_few_come(void **state)
{
    struct smx_demand d = {.rate = 100};
    smx_time now = SMX_SECOND(7);

    (void)state;
    for (int i = 0; i < 50; i++)
        assert_int_equal(second(&d, &now, 100, 0), 100);
    assert_int_equal(smx_demand_bits(&d, now), 0);
}

static void the_demand_rises_with_what_comes_until_no_more_come_than_are_wanted(void **state)
{
    struct smx_demand d = {.rate = 100};
    smx_time now = SMX_SECOND(7);
    unsigned hashes = 0, passed = 0;

    (void)state;
    smx_demand_bits(&d, now);
    for (int i = 0; i < 30; i++) { /* one who can make 2^17 hashes a second, and shows what is asked for */
        unsigned bits = smx_demand_bits(&d, now);
        unsigned count = bits == 0 ? 100000 : (1U << 17) >> bits;

        hashes += count << bits;
        passed = second(&d, &now, count, bits);
    }
    assert_true(hashes > 0);
    assert_in_range(smx_demand_bits(&d, now), 10, 12);
    assert_in_range(passed, 32, 128);
}

static void who_does_not_work_raises_nothing_and_keeps_only_the_least_up(void **state)
{
    struct smx_demand d = {.rate = 100};
    smx_time now = SMX_SECOND(7);

    (void)state;
    smx_demand_bits(&d, now);
    second(&d, &now, 6000, 0);
    assert_int_equal(smx_demand_bits(&d, now), SMX_WORK_BITS_MIN + 5);
    for (int i = 0; i < 10; i++)
        assert_int_equal(second(&d, &now, 6000, 0), 0);
    assert_int_equal(smx_demand_bits(&d, now), SMX_WORK_BITS_MIN);
    second(&d, &now, 10, 0); /* they have gone */
    assert_int_equal(smx_demand_bits(&d, now), 0);
}

static void the_demand_has_an_end_and_is_forgotten(void **state)
{
    struct smx_demand d = {.rate = 1};
    smx_time now = SMX_SECOND(7);

    (void)state;
    smx_demand_bits(&d, now);
    for (int i = 0; i < 10; i++)
        second(&d, &now, 1000, 255);
    assert_int_equal(smx_demand_bits(&d, now), SMX_WORK_BITS_MAX);
    assert_true(smx_demand_meets(&d, now, SMX_WORK_BITS_MAX - SMX_WORK_SLACK));
    assert_int_equal(smx_demand_bits(&d, now + SMX_SECOND(3600)), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(work_matches_its_vectors),
        cmocka_unit_test(work_for_one_purpose_or_key_is_worth_nothing_for_another),
        cmocka_unit_test(nothing_is_asked_for_while_few_come),
        cmocka_unit_test(the_demand_rises_with_what_comes_until_no_more_come_than_are_wanted),
        cmocka_unit_test(who_does_not_work_raises_nothing_and_keeps_only_the_least_up),
        cmocka_unit_test(the_demand_has_an_end_and_is_forgotten),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
