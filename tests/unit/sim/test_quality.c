#include "sim/quality.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>

#define NEAR(value, wanted, by) assert_true(fabs((value) - (wanted)) <= (by))

/* A hearing of `count` frames; transit(n) in ms, negative: never comes. */
static struct smx_heard hear(struct smx_hearing *h, unsigned count, double (*transit)(unsigned n))
{
    smx_time start = SMX_SECOND(100), now = start;

    smx_hearing_init(h);
    for (unsigned ms = 0; ms < count * SMX_FRAME_MS + 2000; ms++) {
        now = start + SMX_MS(ms);
        if (ms % SMX_FRAME_MS == 0 && ms / SMX_FRAME_MS < count)
            smx_hearing_sent(h, now);
        for (unsigned n = 0; n < count; n++) /* each ms, whatever comes in it */
            if (transit(n) >= 0 && (unsigned)(n * SMX_FRAME_MS + transit(n)) == ms)
                smx_hearing_came(h, n, start + SMX_MS(n * SMX_FRAME_MS) + (smx_time)(transit(n) * 1e6));
    }
    return smx_hearing_end(h, now);
}

static double even(unsigned n)
{
    (void)n;
    return 90;
}

static void an_even_path_has_its_delay_and_no_jitter(void **state)
{
    struct smx_hearing h;
    struct smx_heard r = hear(&h, 500, even);

    (void)state;
    assert_int_equal(r.frames, 500);
    NEAR(r.ms, 20 + 90 + 40, 1e-9);
    NEAR(r.mos, smx_mos(smx_rating(150, 0, 1)), 1e-9);
    assert_true(r.loss == 0 && r.burst == 1 && r.jitter_ms == 0);
    assert_int_equal(h.delay.least, 150000);
    assert_int_equal(h.step.most, 0);
    smx_hearing_fini(&h);
}

static double each_tenth_lost(unsigned n)
{
    return n % 10 == 9 ? -1 : 90;
}

static double fifty_of_500_lost_in_fives(unsigned n)
{
    return n % 50 >= 45 ? -1 : 90;
}

static void losses_in_bursts_count_more_than_single_ones(void **state)
{
    struct smx_hearing h;
    struct smx_heard single = hear(&h, 500, each_tenth_lost), burst;

    (void)state;
    smx_hearing_fini(&h);
    burst = hear(&h, 500, fifty_of_500_lost_in_fives);
    assert_int_equal(burst.frames, 500);
    NEAR(single.loss, 10, 1e-9);
    NEAR(burst.loss, 10, 1e-9);
    NEAR(single.burst, 1, 1e-9);
    NEAR(burst.burst, 5 * 0.9, 1e-9);
    NEAR(burst.rating, smx_rating(150, 10, 4.5), 1e-9);
    assert_true(burst.mos < single.mos);
    smx_hearing_fini(&h);
}

static double each_fourth_50_ms_behind(unsigned n)
{
    return n % 4 == 3 ? 141 : 90;
}

static void what_comes_behind_the_phones_buffer_is_late_and_not_heard(void **state)
{
    struct smx_hearing h;
    struct smx_heard r = hear(&h, 400, each_fourth_50_ms_behind);

    (void)state;
    assert_int_equal(h.late, 100);
    assert_int_equal(h.heard, 300);
    NEAR(r.loss, 25, 1e-9);
    NEAR(r.ms, 150, 1e-9); /* of those that are heard */
    smx_hearing_fini(&h);
}

static double slower_by_100_ms_from_frame_200_on(unsigned n)
{
    return n < 200 ? 90 : 190;
}

static void the_phone_follows_a_path_that_became_longer_within_a_second(void **state)
{
    struct smx_hearing h;

    (void)state;
    (void)hear(&h, 500, slower_by_100_ms_from_frame_200_on);
    assert_int_equal(h.late, SMX_BUFFER_MEMORY - 1);
    assert_int_equal(h.silence.count, 1);
    assert_int_equal(h.silence.most, (SMX_BUFFER_MEMORY - 1) * SMX_FRAME_MS * 1000);
    assert_int_equal(h.delay.most, 250000);
    smx_hearing_fini(&h);
}

static double to_and_fro(unsigned n)
{
    return n % 2 ? 94 : 90;
}

static void jitter_is_that_of_rfc_3550(void **state)
{
    struct smx_hearing h;
    struct smx_heard r = hear(&h, 1000, to_and_fro);

    (void)state;
    NEAR(r.jitter_ms, 4, 0.01); /* the mean of |D|, which is 4 ms each time */
    assert_int_equal(h.step.least, 4000);
    assert_int_equal(h.step.most, 4000);
    smx_hearing_fini(&h);
}

static double last_thirty_never_come(unsigned n)
{
    return n >= 470 ? -1 : 90;
}

static void frames_under_way_when_the_call_ends_are_not_lost(void **state)
{
    struct smx_hearing h;
    struct smx_heard r;

    (void)state;
    smx_hearing_init(&h);
    for (unsigned n = 0; n < 200; n++) {
        smx_hearing_sent(&h, SMX_MS(n * SMX_FRAME_MS));
        if (n >= 5)
            smx_hearing_came(&h, n - 5, SMX_MS(n * SMX_FRAME_MS));
    }
    r = smx_hearing_end(&h, SMX_MS(199 * SMX_FRAME_MS));
    assert_int_equal(r.frames, 195);
    assert_true(r.loss == 0);
    smx_hearing_fini(&h);
    r = hear(&h, 500, last_thirty_never_come); /* here the call goes on for 2 s */
    assert_int_equal(r.frames, 500);
    NEAR(r.loss, 6, 1e-9);
    assert_int_equal(h.silence.most, 30 * SMX_FRAME_MS * 1000);
    smx_hearing_fini(&h);
}

static double never(unsigned n)
{
    (void)n;
    return -1;
}

static void what_comes_twice_or_was_never_sent_counts_for_nothing(void **state)
{
    struct smx_hearing h;

    (void)state;
    smx_hearing_init(&h);
    smx_hearing_came(&h, 0, SMX_MS(5));
    smx_hearing_sent(&h, SMX_MS(10));
    smx_hearing_came(&h, 0, SMX_MS(30));
    smx_hearing_came(&h, 0, SMX_MS(31));
    smx_hearing_came(&h, 1, SMX_MS(31));
    assert_int_equal(h.came, 1);
    assert_int_equal(h.heard, 1);
    smx_hearing_fini(&h);
    assert_true(hear(&h, 300, never).mos == 1); /* a call in which nothing is heard is as bad as they come */
    smx_hearing_fini(&h);
}

static void a_call_is_good_when_both_hear_well(void **state)
{
    struct smx_result *r = smx_result_new("test", NULL, "0");
    struct smx_hearing good, bad, none;
    smx_time end = SMX_SECOND(112);

    (void)state;
    (void)hear(&good, 500, even);
    (void)hear(&bad, 500, each_fourth_50_ms_behind);
    smx_hearing_init(&none);
    smx_result_call(r, &good, &none, end, true);
    smx_result_call(r, &good, &bad, end, false);
    smx_result_call(r, &none, &none, end, true);
    assert_int_equal(r->tally[SMX_T_CALLS_JUDGED], 2);
    assert_int_equal(r->tally[SMX_T_CALLS_GOOD], 1);
    assert_int_equal(r->tally[SMX_T_CALLS_NEAR], 1);
    assert_int_equal(r->measure[SMX_M_MOS].count, 3);
    assert_int_equal(r->measure[SMX_M_LATENCY_NEAR].count, 500);
    assert_int_equal(r->tally[SMX_T_FRAMES_SENT], 1500);
    assert_int_equal(r->tally[SMX_T_FRAMES_HEARD], 500 + 500 + 375);
    smx_hearing_fini(&good);
    smx_hearing_fini(&bad);
    smx_result_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_even_path_has_its_delay_and_no_jitter),
        cmocka_unit_test(losses_in_bursts_count_more_than_single_ones),
        cmocka_unit_test(what_comes_behind_the_phones_buffer_is_late_and_not_heard),
        cmocka_unit_test(the_phone_follows_a_path_that_became_longer_within_a_second),
        cmocka_unit_test(jitter_is_that_of_rfc_3550),
        cmocka_unit_test(frames_under_way_when_the_call_ends_are_not_lost),
        cmocka_unit_test(what_comes_twice_or_was_never_sent_counts_for_nothing),
        cmocka_unit_test(a_call_is_good_when_both_hear_well),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
