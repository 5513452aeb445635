#include "proto/crypto/wideblock.h"

#include "tests/support/vectors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static const uint8_t key_1[SMX_KEY] = {1};
static const uint8_t tweak_1[SMX_WIDEBLOCK_TWEAK] = {7};

static struct smx_wideblock_both make(const uint8_t key[SMX_KEY])
{
    struct smx_wideblock_both wb;

    smx_wideblock_both_init(&wb, key);
    return wb;
}

static void check_vectors(bool portable)
{
    uint8_t buf[SMX_WIDEBLOCK_MAX], h[SMX_POLYVAL_BLOCK];
    struct smx_vec v;
    size_t count = 0;

    smx_vec_open(&v, "tests/vectors/hctr2.txt");
    for (; smx_vec_next(&v); count++) {
        size_t len, cipher_len, tweak_len;
        const uint8_t *plain = smx_vec_bytes(&v, "plain", &len);
        const uint8_t *cipher = smx_vec_bytes(&v, "cipher", &cipher_len);
        const uint8_t *tweak = smx_vec_bytes(&v, "tweak", &tweak_len);
        struct smx_wideblock_both wb = make(smx_vec_fixed(&v, "key", SMX_KEY));

        if (portable) {
            smx_polyval_bytes(h, &wb.forth.hash.power[0]);
            smx_polyval_key_init_portable(&wb.forth.hash, h);
        }
        assert_int_equal(len, cipher_len);
        memcpy(buf, plain, len);
        smx_wideblock_encipher_tweak(&wb.forth, tweak, tweak_len, buf, len);
        assert_memory_equal(buf, cipher, len);
        smx_wideblock_decipher_tweak(&wb, tweak, tweak_len, buf, len);
        assert_memory_equal(buf, plain, len);
    }
    assert_true(count > 60);
}

static void the_published_vectors_hold(void **state)
{
    (void)state;
    check_vectors(false);
}

static void the_published_vectors_hold_without_carry_less_multiplication(void **state)
{
    (void)state;
    check_vectors(true);
}

static void the_hash_key_and_l_are_the_first_two_aes_blocks(void **state)
{
    struct smx_vec v;
    size_t count = 0;

    (void)state;
    smx_vec_open(&v, "tests/vectors/hctr2.txt");
    while (smx_vec_next(&v)) {
        struct smx_wideblock_both wb;
        uint8_t h[SMX_POLYVAL_BLOCK];

        if (!smx_vec_has(&v, "hbar"))
            continue;
        wb = make(smx_vec_fixed(&v, "key", SMX_KEY));
        smx_polyval_bytes(h, &wb.forth.hash.power[0]);
        assert_memory_equal(h, smx_vec_fixed(&v, "hbar", sizeof h), sizeof h);
        assert_memory_equal(wb.forth.l, smx_vec_fixed(&v, "l", sizeof wb.forth.l), sizeof wb.forth.l);
        count++;
    }
    assert_true(count > 0);
}

static void every_length_comes_back(void **state)
{
    struct smx_wideblock_both wb = make(key_1);
    uint8_t buf[SMX_WIDEBLOCK_MAX], plain[SMX_WIDEBLOCK_MAX];

    (void)state;
    for (size_t i = 0; i < sizeof plain; i++)
        plain[i] = (uint8_t)(i * 7);
    for (size_t len = SMX_WIDEBLOCK_MIN; len <= SMX_WIDEBLOCK_MAX; len++) {
        memcpy(buf, plain, sizeof buf);
        smx_wideblock_encipher(&wb.forth, tweak_1, buf, len);
        assert_memory_not_equal(buf, plain, len);
        assert_memory_equal(buf + len, plain + len, sizeof buf - len); /* nothing behind the end changes */
        smx_wideblock_decipher(&wb, tweak_1, buf, len);
        assert_memory_equal(buf, plain, len);
    }
}

static size_t equal_bytes(const uint8_t *a, const uint8_t *b, size_t len)
{
    size_t equal = 0;

    for (size_t i = 0; i < len; i++)
        equal += a[i] == b[i];
    return equal;
}

/* Noise equals the plaintext in a byte with chance 1/256: 8 of 216 equal is one in 10^6, and this is one
 * fixed set of inputs, which passes or fails for good. */
enum { CELL = 216, CHANCE_MAX = 8 };

static void any_altered_bit_makes_the_whole_cell_noise(void **state)
{
    struct smx_wideblock_both wb = make(key_1);
    uint8_t plain[CELL] = {0}, sealed[CELL], buf[CELL];

    (void)state;
    memcpy(sealed, plain, CELL);
    smx_wideblock_encipher(&wb.forth, tweak_1, sealed, CELL);
    for (size_t bit = 0; bit < CELL * 8; bit++) {
        memcpy(buf, sealed, CELL);
        buf[bit / 8] ^= (uint8_t)(1 << bit % 8);
        smx_wideblock_decipher(&wb, tweak_1, buf, CELL);
        assert_true(equal_bytes(buf, plain, CELL) <= CHANCE_MAX);
    }
}

static void any_other_tweak_makes_the_whole_cell_noise(void **state)
{
    struct smx_wideblock_both wb = make(key_1);
    uint8_t plain[CELL] = {0}, buf[CELL], tweak[SMX_WIDEBLOCK_TWEAK];

    (void)state;
    for (size_t bit = 0; bit < SMX_WIDEBLOCK_TWEAK * 8; bit++) {
        memcpy(buf, plain, CELL);
        smx_wideblock_encipher(&wb.forth, tweak_1, buf, CELL);
        memcpy(tweak, tweak_1, sizeof tweak);
        tweak[bit / 8] ^= (uint8_t)(1 << bit % 8);
        smx_wideblock_decipher(&wb, tweak, buf, CELL);
        assert_true(equal_bytes(buf, plain, CELL) <= CHANCE_MAX);
    }
}

static void layers_peel_off_in_reverse_order(void **state)
{
    uint8_t cell[CELL], plain[CELL];
    struct smx_wideblock_both hop[3];

    (void)state;
    memset(plain, 0x5a, CELL);
    memcpy(cell, plain, CELL);
    for (uint8_t i = 0; i < 3; i++) {
        uint8_t key[SMX_KEY] = {i};

        hop[i] = make(key);
    }
    for (size_t i = 3; i-- > 0;)
        smx_wideblock_encipher(&hop[i].forth, tweak_1, cell, CELL);
    for (size_t i = 0; i < 3; i++) {
        assert_memory_not_equal(cell, plain, CELL);
        smx_wideblock_decipher(&hop[i], tweak_1, cell, CELL);
    }
    assert_memory_equal(cell, plain, CELL);
}

static void one_for_enciphering_alone_does_the_same(void **state)
{
    struct smx_wideblock_both both = make(key_1);
    struct smx_wideblock one;
    uint8_t a[CELL] = {0}, b[CELL] = {0};

    (void)state;
    smx_wideblock_init(&one, key_1);
    smx_wideblock_encipher(&one, tweak_1, a, CELL);
    smx_wideblock_encipher(&both.forth, tweak_1, b, CELL);
    assert_memory_equal(a, b, CELL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_published_vectors_hold),
        cmocka_unit_test(the_published_vectors_hold_without_carry_less_multiplication),
        cmocka_unit_test(the_hash_key_and_l_are_the_first_two_aes_blocks),
        cmocka_unit_test(every_length_comes_back),
        cmocka_unit_test(any_altered_bit_makes_the_whole_cell_noise),
        cmocka_unit_test(any_other_tweak_makes_the_whole_cell_noise),
        cmocka_unit_test(layers_peel_off_in_reverse_order),
        cmocka_unit_test(one_for_enciphering_alone_does_the_same),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
