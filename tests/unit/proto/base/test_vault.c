#include "proto/base/vault.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <sodium.h>

enum { PARTS = 500, SIZE = 1000 };

static bool is_zero(const uint8_t *at, size_t len)
{
    return sodium_is_zero(at, len);
}

static void parts_are_zero_apart_and_as_many_as_wanted(void **state)
{
    static uint8_t *part[PARTS];
    struct smx_vault *v = smx_vault_new();

    (void)state;
    assert_non_null(v);
    for (size_t i = 0; i < PARTS; i++) { /* more than a chunk */
        part[i] = smx_vault_take(v, SIZE);
        assert_non_null(part[i]);
        assert_true(is_zero(part[i], SIZE));
        memset(part[i], (int)(i % 255 + 1), SIZE);
    }
    for (size_t i = 0; i < PARTS; i++)
        for (size_t k = 0; k < SIZE; k++)
            assert_int_equal(part[i][k], i % 255 + 1);
    smx_vault_free(v);
}

static void what_is_given_back_is_wiped_and_taken_again(void **state)
{
    struct smx_vault *v = smx_vault_new();
    uint8_t *a = smx_vault_take(v, SIZE), *b;

    (void)state;
    memset(a, 7, SIZE);
    smx_vault_give(v, a, SIZE);
    assert_true(is_zero(a + sizeof(void *), SIZE - sizeof(void *)));
    b = smx_vault_take(v, SIZE);
    assert_ptr_equal(a, b);
    assert_true(is_zero(b, SIZE));
    smx_vault_free(v);
}

static void a_part_larger_than_a_chunk_has_its_own(void **state)
{
    struct smx_vault *v = smx_vault_new();
    uint8_t *part = smx_vault_take(v, SMX_VAULT_CHUNK + 1);

    (void)state;
    assert_non_null(part);
    part[SMX_VAULT_CHUNK] = 1;
    assert_non_null(smx_vault_take(v, SIZE));
    smx_vault_free(v);
}

static void too_many_different_sizes_are_refused(void **state)
{
    struct smx_vault *v = smx_vault_new();

    (void)state;
    for (size_t i = 1; i <= SMX_VAULT_SIZES; i++)
        assert_non_null(smx_vault_take(v, i * SMX_VAULT_ALIGN));
    assert_null(smx_vault_take(v, (SMX_VAULT_SIZES + 1) * SMX_VAULT_ALIGN));
    assert_non_null(smx_vault_take(v, 1)); /* of the first size */
    smx_vault_free(v);
}

static void without_a_vault_each_part_is_libsodiums(void **state)
{
    uint8_t *part = smx_vault_take(NULL, SIZE);

    (void)state;
    assert_true(is_zero(part, SIZE));
    smx_vault_give(NULL, part, SIZE);
    smx_vault_give(NULL, NULL, SIZE);
    smx_vault_free(NULL);
}

static int setup(void **state)
{
    (void)state;
    return sodium_init() < 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_are_zero_apart_and_as_many_as_wanted),
        cmocka_unit_test(what_is_given_back_is_wiped_and_taken_again),
        cmocka_unit_test(a_part_larger_than_a_chunk_has_its_own),
        cmocka_unit_test(too_many_different_sizes_are_refused),
        cmocka_unit_test(without_a_vault_each_part_is_libsodiums),
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
