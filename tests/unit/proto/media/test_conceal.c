/* tests/unit/proto/media/test_conceal.c - a voice with holes in it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "proto/media/conceal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { N = SMX_CONCEAL_SAMPLES };

/* Frame k of something like a vowel: 125 Hz, so that a frame is two and a half periods. */
static void voice(int16_t out[N], unsigned k)
{
    for (unsigned i = 0; i < N; i++) {
        double t = 6.283185307179586 * 125 / 8000 * (k * N + i);

        out[i] = (int16_t)(6000 * sin(t) + 3000 * sin(2 * t + 1) + 1500 * sin(5 * t + 2));
    }
}

static double energy(const int16_t a[N], const int16_t *minus)
{
    double sum = 0;

    for (unsigned i = 0; i < N; i++) {
        double d = a[i] - (minus ? minus[i] : 0);

        sum += d * d;
    }
    return sum;
}

static int largest_step(const int16_t a[N], int16_t before)
{
    int step = 0;

    for (unsigned i = 0; i < N; before = a[i++])
        if (abs(a[i] - before) > step)
            step = abs(a[i] - before);
    return step;
}

/* Five frames are heard; last is the last sample. */
static void speak(struct smx_conceal *c, int16_t *last)
{
    int16_t got[N], said[N];

    smx_conceal_init(c);
    for (unsigned k = 0; k < 5; k++) {
        voice(got, k);
        voice(said, k);
        assert_false(smx_conceal_heard(c, got));
        assert_memory_equal(got, said, sizeof said); /* nothing is missing: nothing is touched */
        *last = got[N - 1];
    }
}

static void a_lost_frame_of_a_voice_sounds_as_the_voice_went_on(void **state)
{
    struct smx_conceal c;
    int16_t got[N], said[N], before[N], last;
    double left;

    (void)state;
    speak(&c, &last);
    smx_conceal_fill(&c, got);
    voice(said, 5);
    voice(before, 4);
    left = energy(said, got) / energy(said, NULL);
    assert_true(left < 0.25); /* silence in its place: 1 */
    assert_true(energy(said, before) / energy(said, NULL) >
                1); /* the frame before once more: worse than that */
}

static void neither_the_hole_nor_its_end_clicks(void **state)
{
    struct smx_conceal c;
    int16_t got[N], said[N], last;
    int step;

    (void)state;
    speak(&c, &last);
    voice(said, 5);
    step = largest_step(said, last);
    smx_conceal_fill(&c, got);
    assert_true(largest_step(got, last) <= step * 5 / 4);
    last = got[N - 1];
    voice(got, 6);
    assert_true(smx_conceal_heard(&c, got));
    assert_true(largest_step(got, last) <= step * 5 / 4);
    voice(got, 7);
    assert_false(smx_conceal_heard(&c, got));
}

static void what_is_filled_fades_to_silence(void **state)
{
    struct smx_conceal c;
    int16_t got[N], last;
    double before, now;

    (void)state;
    speak(&c, &last);
    voice(got, 4);
    before = energy(got, NULL);
    for (unsigned i = 0; i < SMX_CONCEAL_FADE; i++) {
        smx_conceal_fill(&c, got);
        now = energy(got, NULL);
        assert_true(now > 0 && now < before);
        before = now;
    }
    assert_int_equal(got[N - 1], 0);
    for (unsigned i = 0; i < 1000; i++) {
        smx_conceal_fill(&c, got);
        assert_true(energy(got, NULL) == 0);
    }
    voice(got, 9);
    assert_true(smx_conceal_heard(&c, got)); /* comes in softly */
    assert_true(abs(got[0]) < 2000);
}

static void before_the_first_frame_there_is_silence(void **state)
{
    struct smx_conceal c;
    int16_t got[N];

    (void)state;
    smx_conceal_init(&c);
    for (unsigned i = 0; i < 5; i++) {
        smx_conceal_fill(&c, got);
        assert_true(energy(got, NULL) == 0);
    }
}

/* Under the sanitizers: whatever came before the hole, the library copies nothing onto itself. */
static void a_hole_may_come_after_any_number_of_frames(void **state)
{
    struct smx_conceal c;
    int16_t got[N], said[N];

    (void)state;
    for (unsigned frames = 0; frames < 9; frames++) {
        smx_conceal_init(&c);
        for (unsigned k = 0; k < frames; k++) {
            voice(got, k);
            (void)smx_conceal_heard(&c, got);
        }
        smx_conceal_fill(&c, got);
        voice(said, frames);
        if (frames >= 2)
            assert_true(energy(said, got) < energy(said, NULL) / 4);
        for (unsigned k = 0; k < frames; k++) {
            voice(got, k);
            assert_int_equal(smx_conceal_heard(&c, got), k == 0);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_lost_frame_of_a_voice_sounds_as_the_voice_went_on),
        cmocka_unit_test(neither_the_hole_nor_its_end_clicks),
        cmocka_unit_test(what_is_filled_fades_to_silence),
        cmocka_unit_test(a_hole_may_come_after_any_number_of_frames),
        cmocka_unit_test(before_the_first_frame_there_is_silence),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
