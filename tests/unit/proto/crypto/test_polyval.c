#include "proto/crypto/polyval.h"

#include "tests/support/vectors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

enum { BLOCK = SMX_POLYVAL_BLOCK, BLOCKS_MAX = 40 };

static void fill(uint8_t *out, size_t len, uint32_t seed)
{
    for (size_t i = 0; i < len; i++) {
        seed = seed * 1664525 + 1013904223;
        out[i] = (uint8_t)(seed >> 24);
    }
}

static void hash(uint8_t out[BLOCK], const struct smx_polyval_key *key, const uint8_t *data,
                 size_t block_count)
{
    struct smx_polyval_element sum = {{0, 0}};

    smx_polyval_update(key, &sum, data, block_count);
    smx_polyval_bytes(out, &sum);
}

static void both_paths_match_the_published_vectors(void **state)
{
    struct smx_vec v;
    size_t count = 0;

    (void)state;
    smx_vec_open(&v, "tests/vectors/polyval.txt");
    for (; smx_vec_next(&v); count++) {
        struct smx_polyval_key key;
        uint8_t got[BLOCK];
        size_t len;
        const uint8_t *h = smx_vec_fixed(&v, "h", BLOCK), *want = smx_vec_fixed(&v, "hash", BLOCK);
        const uint8_t *data = smx_vec_bytes(&v, "data", &len);

        smx_polyval_key_init(&key, h);
        hash(got, &key, data, len / BLOCK);
        assert_memory_equal(got, want, BLOCK);
        smx_polyval_key_init_portable(&key, h);
        assert_false(key.clmul);
        hash(got, &key, data, len / BLOCK);
        assert_memory_equal(got, want, BLOCK);
    }
    assert_true(count > 30);
}

static void both_paths_agree_on_every_number_of_blocks(void **state)
{
    uint8_t data[BLOCKS_MAX * BLOCK], h[BLOCK], a[BLOCK], b[BLOCK];

    (void)state;
    for (uint32_t round = 0; round < 50; round++) {
        struct smx_polyval_key fast, portable;

        fill(h, sizeof h, round);
        fill(data, sizeof data, ~round);
        if (round < 2)
            memset(data, round == 0 ? 0xff : 0x80, sizeof data); /* all carries there are, and the top bits */
        smx_polyval_key_init(&fast, h);
        smx_polyval_key_init_portable(&portable, h);
        for (size_t count = 0; count <= BLOCKS_MAX; count++) {
            hash(a, &fast, data, count);
            hash(b, &portable, data, count);
            assert_memory_equal(a, b, BLOCK);
        }
    }
}

static void the_sum_does_not_depend_on_where_the_input_is_cut(void **state)
{
    uint8_t data[BLOCKS_MAX * BLOCK], h[BLOCK], whole[BLOCK], parts[BLOCK];
    struct smx_polyval_key key;

    (void)state;
    fill(h, sizeof h, 1);
    fill(data, sizeof data, 2);
    smx_polyval_key_init(&key, h);
    hash(whole, &key, data, BLOCKS_MAX);
    for (size_t cut = 0; cut <= BLOCKS_MAX; cut++) {
        struct smx_polyval_element sum = {{0, 0}};

        smx_polyval_update(&key, &sum, data, cut);
        smx_polyval_update(&key, &sum, data + cut * BLOCK, BLOCKS_MAX - cut);
        smx_polyval_bytes(parts, &sum);
        assert_memory_equal(whole, parts, BLOCK);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_paths_match_the_published_vectors),
        cmocka_unit_test(both_paths_agree_on_every_number_of_blocks),
        cmocka_unit_test(the_sum_does_not_depend_on_where_the_input_is_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
