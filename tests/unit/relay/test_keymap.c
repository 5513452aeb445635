#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "relay/keymap.h"

enum { CAP = 500 };

static struct smx_rng rng;

static void key_of(uint8_t key[SMX_KEYMAP_KEY], uint32_t n)
{
    memset(key, 0, SMX_KEYMAP_KEY);
    memcpy(key, &n, sizeof n);
}

static void a_full_map_finds_every_key_and_nothing_else(void **state)
{
    struct smx_keymap map;
    uint8_t key[SMX_KEYMAP_KEY];

    (void)state;
    assert_int_equal(smx_keymap_new(&map, CAP, &rng), SMX_OK);
    for (uint32_t i = 0; i < CAP; i++) {
        key_of(key, i);
        smx_keymap_put(&map, i, key, sizeof key);
    }
    for (uint32_t i = 0; i < 2 * CAP; i++) {
        key_of(key, i);
        assert_int_equal(smx_keymap_find(&map, key, sizeof key), i < CAP ? i : SMX_KEYMAP_NONE);
    }
    smx_keymap_free(&map);
}

static void a_slot_holds_its_newest_key_only(void **state)
{
    struct smx_keymap map;

    (void)state;
    assert_int_equal(smx_keymap_new(&map, CAP, &rng), SMX_OK);
    smx_keymap_put(&map, 7, "one", 3);
    smx_keymap_put(&map, 7, "two", 3);
    assert_int_equal(smx_keymap_find(&map, "one", 3), SMX_KEYMAP_NONE);
    assert_int_equal(smx_keymap_find(&map, "two", 3), 7);
    smx_keymap_drop(&map, 7);
    smx_keymap_drop(&map, 7);
    assert_int_equal(smx_keymap_find(&map, "two", 3), SMX_KEYMAP_NONE);
    smx_keymap_free(&map);
}

static void dropping_in_any_order_leaves_the_rest(void **state)
{
    struct smx_keymap map;
    uint8_t key[SMX_KEYMAP_KEY];

    (void)state;
    assert_int_equal(smx_keymap_new(&map, CAP, &rng), SMX_OK);
    for (uint32_t i = 0; i < CAP; i++) {
        key_of(key, i);
        smx_keymap_put(&map, i, key, sizeof key);
    }
    for (uint32_t i = 0; i < CAP; i++) {
        uint32_t slot = i * 37 % CAP; /* 37 and 500 share no factor: each once */

        smx_keymap_drop(&map, slot);
        key_of(key, slot);
        assert_int_equal(smx_keymap_find(&map, key, sizeof key), SMX_KEYMAP_NONE);
        key_of(key, (i + 1) % CAP * 37 % CAP);
        assert_int_equal(smx_keymap_find(&map, key, sizeof key),
                         i + 1 < CAP ? (i + 1) * 37 % CAP : SMX_KEYMAP_NONE);
    }
    smx_keymap_free(&map);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_map_finds_every_key_and_nothing_else),
        cmocka_unit_test(a_slot_holds_its_newest_key_only),
        cmocka_unit_test(dropping_in_any_order_leaves_the_rest),
    };

    if (sodium_init() < 0)
        return 1;
    smx_rng_init(&rng, (const uint8_t[SMX_RNG_SEED]){4});
    return cmocka_run_group_tests(tests, NULL, NULL);
}
