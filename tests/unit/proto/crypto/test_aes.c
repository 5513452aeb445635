/* AES-256 with the processor's instructions and with libcrypto. */
#include "proto/crypto/aes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

enum { BLOCKS = 33 };

/* FIPS 197, appendix C.3: key 00 01 .. 1f, block 00 11 .. ff. */
static void the_example_of_the_standard_holds_on_both_paths(void **state)
{
    static const uint8_t cipher[SMX_AES_BLOCK] = {0x8e, 0xa2, 0xb7, 0xca, 0x51, 0x67, 0x45, 0xbf,
                                                  0xea, 0xfc, 0x49, 0x90, 0x4b, 0x49, 0x60, 0x89};
    uint8_t key[SMX_KEY], plain[SMX_AES_BLOCK], block[SMX_AES_BLOCK];

    (void)state;
    for (size_t i = 0; i < sizeof key; i++)
        key[i] = (uint8_t)i;
    for (size_t i = 0; i < sizeof plain; i++)
        plain[i] = (uint8_t)(0x11 * i);
    for (int portable = 0; portable < 2; portable++) {
        struct smx_aes aes;

        assert_int_equal((portable ? smx_aes_init_portable : smx_aes_init)(&aes, key, true), SMX_OK);
        memcpy(block, plain, sizeof block);
        smx_aes_encrypt(&aes, block, 1);
        assert_memory_equal(block, cipher, sizeof block);
        smx_aes_decrypt(&aes, block);
        assert_memory_equal(block, plain, sizeof block);
        smx_aes_fini(&aes);
    }
}

/* Keys and blocks of a generator that is good enough to differ. */
static void fill(uint8_t *at, size_t len, uint32_t *seed)
{
    for (size_t i = 0; i < len; i++) {
        *seed = *seed * 1664525 + 1013904223;
        at[i] = (uint8_t)(*seed >> 24);
    }
}

static void both_paths_agree_on_any_number_of_blocks(void **state)
{
    uint8_t key[SMX_KEY], a[BLOCKS * SMX_AES_BLOCK], b[sizeof a];
    uint32_t seed = 7;

    (void)state;
    for (size_t count = 0; count <= BLOCKS; count++) {
        struct smx_aes native, portable;

        fill(key, sizeof key, &seed);
        fill(a, sizeof a, &seed);
        memcpy(b, a, sizeof b);
        assert_int_equal(smx_aes_init(&native, key, true), SMX_OK);
        assert_int_equal(smx_aes_init_portable(&portable, key, true), SMX_OK);
        if (count > 0) {
            smx_aes_encrypt(&native, a, count);
            smx_aes_encrypt(&portable, b, count);
        }
        assert_memory_equal(a, b, sizeof a); /* and nothing behind them was touched */
        smx_aes_decrypt(&native, a);
        smx_aes_decrypt(&portable, b);
        assert_memory_equal(a, b, sizeof a);
        smx_aes_fini(&native);
        smx_aes_fini(&portable);
    }
}

static void fini_wipes_and_may_come_twice(void **state)
{
    static const struct smx_aes zeros;
    uint8_t key[SMX_KEY] = {1};

    (void)state;
    for (int portable = 0; portable < 2; portable++) {
        struct smx_aes aes;

        assert_int_equal((portable ? smx_aes_init_portable : smx_aes_init)(&aes, key, true), SMX_OK);
        smx_aes_fini(&aes);
        assert_memory_equal(&aes, &zeros, sizeof aes);
        smx_aes_fini(&aes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_example_of_the_standard_holds_on_both_paths),
        cmocka_unit_test(both_paths_agree_on_any_number_of_blocks),
        cmocka_unit_test(fini_wipes_and_may_come_twice),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
