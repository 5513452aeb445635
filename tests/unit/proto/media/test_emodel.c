#include "proto/media/emodel.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdlib.h>

#include "tests/support/vectors.h"

#define NEAR(value, wanted, by) assert_true(fabs((value) - (wanted)) <= (by))

static void delay_and_its_scores_are_the_published_ones(void **state)
{
    static const struct {
        double ms, idd, mos;
    } published[] = {
        {150, 0.16, 4.41}, {200, 3.04, 4.34}, {250, 8.92, 4.18}, {300, 14.76, 3.96}, {400, 24.07, 3.56},
    };

    (void)state;
    for (size_t i = 0; i < sizeof published / sizeof *published; i++) {
        NEAR(smx_delay_impairment(published[i].ms), published[i].idd, 0.005);
        NEAR(smx_mos(smx_rating(published[i].ms, 0, 1)), published[i].mos, 0.005);
    }
}

/* The vectors come from tests/tools/emodel.py, with which tests judge real phones. */
static void it_is_the_model_that_judges_real_phones(void **state)
{
    struct smx_vec v;
    unsigned count = 0;

    (void)state;
    smx_vec_open(&v, "tests/vectors/emodel.txt");
    while (smx_vec_next(&v)) {
        double ms = strtod(smx_vec_text(&v, "ms"), NULL), loss = strtod(smx_vec_text(&v, "loss"), NULL);
        double burst = strtod(smx_vec_text(&v, "burst"), NULL);

        NEAR(smx_delay_impairment(ms), strtod(smx_vec_text(&v, "idd"), NULL), 1e-9);
        NEAR(smx_loss_impairment(loss, burst), strtod(smx_vec_text(&v, "ieeff"), NULL), 1e-9);
        NEAR(smx_rating(ms, loss, burst), strtod(smx_vec_text(&v, "r"), NULL), 1e-9);
        NEAR(smx_mos(smx_rating(ms, loss, burst)), strtod(smx_vec_text(&v, "mos"), NULL), 1e-9);
        count++;
    }
    assert_true(count > 100);
}

static void the_score_ends_at_1_and_4_5_and_never_falls_as_the_rating_grows(void **state)
{
    double before = 0;

    (void)state;
    assert_true(smx_mos(-20) == 1 && smx_mos(0) == 1 && smx_mos(3) == 1 && smx_mos(100) == 4.5);
    for (int quarters = -40; quarters <= 440; quarters++) {
        assert_true(smx_mos(quarters / 4.0) >= before);
        before = smx_mos(quarters / 4.0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(delay_and_its_scores_are_the_published_ones),
        cmocka_unit_test(it_is_the_model_that_judges_real_phones),
        cmocka_unit_test(the_score_ends_at_1_and_4_5_and_never_falls_as_the_rating_grows),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
