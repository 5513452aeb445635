/* Keys as words, and texts as QR codes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/web/qr.h"
#include "client/web/words.h"

/* The example that is printed with the list: the fingerprint E582 94F2 E9A2 2748 6E8B 061B 31CC 528F D7FA
 * 3F19. */
static void the_lists_own_example_comes_out(void **state)
{
    static const uint8_t bytes[] = {0xe5, 0x82, 0x94, 0xf2, 0xe9, 0xa2, 0x27, 0x48, 0x6e, 0x8b,
                                    0x06, 0x1b, 0x31, 0xcc, 0x52, 0x8f, 0xd7, 0xfa, 0x3f, 0x19};
    static const char *const said[] = {"topmost",   "istanbul",  "pluto",     "vagabond", "treadmill",
                                       "pacific",   "brackish",  "dictator",  "goldfish", "medusa",
                                       "afflict",   "bravado",   "chatter",   "revolver", "dupont",
                                       "midsummer", "stopwatch", "whimsical", "cowbell",  "bottomless"};

    (void)state;
    for (size_t i = 0; i < sizeof bytes; i++)
        assert_string_equal(smx_words_of(i, bytes[i]), said[i]);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void no_word_means_two_things(void **state)
{
    const char *all[512];

    (void)state;
    for (size_t i = 0; i < 512; i++) {
        all[i] = smx_words_of(i / 256, (uint8_t)(i % 256));
        assert_int_equal(strspn(all[i], "abcdefghijklmnopqrstuvwxyz"), strlen(all[i]));
    }
    qsort(all, 512, sizeof all[0], by_text);
    for (size_t i = 1; i < 512; i++)
        assert_string_not_equal(all[i - 1], all[i]);
}

static void each_bit_of_a_key_changes_its_words_and_nothing_else_does(void **state)
{
    const char *words[SMX_WORDS_BYTES], *again[SMX_WORDS_BYTES];
    uint8_t key[SMX_WORDS_KEY] = {1, 2, 3};

    (void)state;
    smx_words_key(words, key);
    smx_words_key(again, key);
    assert_memory_equal(words, again, sizeof words);
    for (size_t i = 0; i < 8 * sizeof key; i++) {
        key[i / 8] ^= (uint8_t)(1 << i % 8);
        smx_words_key(again, key);
        assert_memory_not_equal(words, again, sizeof words);
        key[i / 8] ^= (uint8_t)(1 << i % 8);
    }
}

static unsigned long number(const char **path, const char *before)
{
    unsigned long n;
    char *end;

    assert_memory_equal(*path, before, strlen(before));
    n = strtoul(*path + strlen(before), &end, 10);
    *path = end;
    return n;
}

/* Reads what smx_qr drew back into modules; checks that it stays inside. */
static void paint(const char *path, unsigned size, bool dark[177][177])
{
    while (*path) {
        unsigned long x = number(&path, "M"), y = number(&path, " "), run = number(&path, "h");

        assert_true(run > 0 && x + run <= size && y < size);
        assert_int_equal(number(&path, "v"), 1);
        assert_int_equal(number(&path, "h-"), run);
        assert_int_equal(*path++, 'z');
        for (unsigned long i = 0; i < run; i++)
            dark[y][x + i] = true;
    }
}

static void an_address_becomes_a_square_with_three_eyes(void **state)
{
    static const char eye[7][8] = {"#######", "#     #", "# ### #", "# ### #",
                                   "# ### #", "#     #", "#######"};
    static bool dark[177][177];
    unsigned size = 0;
    char *path;

    (void)state;
    assert_int_equal(
        smx_qr("sip:5ysscr2tjxuuyifyt3upubxnrbyq2w22zmc2z3nffobwflgsgpbq@sipmix.alt", &path, &size), SMX_OK);
    assert_int_equal(size, 37); /* version 5 */
    paint(path, size, dark);
    for (unsigned y = 0; y < 7; y++)
        for (unsigned x = 0; x < 7; x++) {
            assert_int_equal(dark[y][x], eye[y][x] == '#');
            assert_int_equal(dark[y][size - 7 + x], eye[y][x] == '#');
            assert_int_equal(dark[size - 7 + y][x], eye[y][x] == '#');
        }
    free(path);
}

static void the_longest_text_fits_and_a_longer_or_empty_one_is_refused(void **state)
{
    static bool dark[177][177];
    char text[SMX_QR_TEXT_MAX + 2];
    unsigned size = 0;
    char *path;

    (void)state;
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = 0;
    assert_int_equal(smx_qr(text, &path, &size), SMX_E_FULL);
    assert_null(path);
    assert_int_equal(smx_qr("", &path, &size), SMX_E_FULL);
    text[SMX_QR_TEXT_MAX] = 0;
    assert_int_equal(smx_qr(text, &path, &size), SMX_OK);
    paint(path, size, dark);
    free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_lists_own_example_comes_out),
        cmocka_unit_test(no_word_means_two_things),
        cmocka_unit_test(each_bit_of_a_key_changes_its_words_and_nothing_else_does),
        cmocka_unit_test(an_address_becomes_a_square_with_three_eyes),
        cmocka_unit_test(the_longest_text_fits_and_a_longer_or_empty_one_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
