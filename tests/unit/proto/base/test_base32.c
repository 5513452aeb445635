#include "proto/base/base32.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

#include <cmocka.h>

/* RFC 4648, section 10, in lower case and without padding. */
static const struct {
    const char *bytes, *text;
} rfc[] = {
    {"", ""},
    {"f", "my"},
    {"fo", "mzxq"},
    {"foo", "mzxw6"},
    {"foob", "mzxw6yq"},
    {"fooba", "mzxw6ytb"},
    {"foobar", "mzxw6ytboi"},
};

static void the_examples_of_rfc_4648_hold_both_ways(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rfc / sizeof *rfc; i++) {
        size_t len = strlen(rfc[i].bytes);
        char text[16];
        uint8_t back[8];

        smx_base32_encode(text, (const uint8_t *)rfc[i].bytes, len);
        assert_string_equal(text, rfc[i].text);
        assert_int_equal(strlen(text), SMX_BASE32_LEN(len));
        assert_int_equal(smx_base32_decode(back, len, text, strlen(text)), SMX_OK);
        assert_memory_equal(back, rfc[i].bytes, len);
    }
}

static void a_public_key_is_52_characters_and_comes_back(void **state)
{
    uint8_t key[32], back[32];
    char text[SMX_KEY_TEXT];

    (void)state;
    for (unsigned i = 0; i < sizeof key; i++)
        key[i] = (uint8_t)(i * 37 + 11);
    smx_base32_encode(text, key, sizeof key);
    assert_int_equal(strlen(text), 52);
    assert_int_equal(smx_base32_decode(back, sizeof back, text, 52), SMX_OK);
    assert_memory_equal(back, key, sizeof key);
}

static void capitals_are_taken_as_small_letters(void **state)
{
    uint8_t out[6];

    (void)state;
    assert_int_equal(smx_base32_decode(out, 6, "MzXw6YtBoI", 10), SMX_OK);
    assert_memory_equal(out, "foobar", 6);
}

static void a_wrong_length_or_character_is_refused(void **state)
{
    uint8_t out[6];

    (void)state;
    assert_int_equal(smx_base32_decode(out, 6, "mzxw6ytbo", 9), SMX_E_MALFORMED);
    assert_int_equal(smx_base32_decode(out, 6, "mzxw6ytboia", 11), SMX_E_MALFORMED);
    for (int c = 0; c < 256; c++) {
        char text[] = "mzxw6ytboi";
        bool digit = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '2' && c <= '7');

        text[3] = (char)c;
        assert_int_equal(smx_base32_decode(out, 6, text, 10), digit ? SMX_OK : SMX_E_MALFORMED);
    }
}

static void leftover_bits_must_be_zero_so_that_a_key_has_one_text(void **state)
{
    uint8_t out[1];

    (void)state;
    assert_int_equal(smx_base32_decode(out, 1, "my", 2), SMX_OK);
    assert_int_equal(smx_base32_decode(out, 1, "mz", 2), SMX_E_MALFORMED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_examples_of_rfc_4648_hold_both_ways),
        cmocka_unit_test(a_public_key_is_52_characters_and_comes_back),
        cmocka_unit_test(capitals_are_taken_as_small_letters),
        cmocka_unit_test(a_wrong_length_or_character_is_refused),
        cmocka_unit_test(leftover_bits_must_be_zero_so_that_a_key_has_one_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
