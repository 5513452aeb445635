/* Phrases are told apart by sizes and by silence, and by nothing where there is neither. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdbool.h>

#include "sim/adversary/phrase.h"

enum { SAID = 64 };

/* How many of SAID phrases fit best; `far` bins later; ties count for nobody. */
static unsigned tell(enum smx_phrase_by by, bool shows, size_t far)
{
    uint8_t bytes[SMX_RNG_SEED] = {5}, said[SMX_PHRASE_SPAN];
    struct smx_phrase phrase[SMX_PHRASES];
    struct smx_rng rng;
    unsigned right = 0;

    smx_rng_init(&rng, bytes);
    smx_phrases_draw(phrase, &rng);
    for (size_t n = 0; n < SAID; n++) {
        float seen[SMX_PHRASE_SEEN] = {0};
        double fit[SMX_PHRASES];
        unsigned better = 0;

        smx_phrase_say(said, &phrase[n % SMX_PHRASES], &rng);
        for (size_t i = 0; i < SMX_PHRASE_SPAN; i++)
            seen[i + far] = !shows                     ? 700
                            : by == SMX_PHRASE_BY_SIZE ? smx_phrase_bytes(said[i])
                                                       : (float)(said[i] > 0);
        smx_phrase_fit(fit, phrase, by, seen);
        for (size_t p = 0; p < SMX_PHRASES; p++)
            better += p != n % SMX_PHRASES && fit[p] >= fit[n % SMX_PHRASES];
        right += better == 0;
    }
    return right;
}

static void sizes_and_silence_tell_what_was_said(void **state)
{
    (void)state;
    assert_true(tell(SMX_PHRASE_BY_SIZE, true, 0) > SAID * 9 / 10);
    assert_true(tell(SMX_PHRASE_BY_SIZE, true, 17) > SAID * 9 / 10);
    assert_true(tell(SMX_PHRASE_BY_SILENCE, true, 0) > SAID * 9 / 10);
    assert_true(tell(SMX_PHRASE_BY_SILENCE, true, 17) > SAID * 9 / 10);
}

static void one_size_without_end_tells_nothing(void **state)
{
    (void)state;
    assert_int_equal(tell(SMX_PHRASE_BY_SIZE, false, 0), 0);
    assert_int_equal(tell(SMX_PHRASE_BY_SILENCE, false, 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_and_silence_tell_what_was_said),
        cmocka_unit_test(one_size_without_end_tells_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
