/* The limit: the other party and an accomplice who cuts access links name the talker; what redundancy does.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sodium.h>

#include "sim/adversary/jammer.h"

static struct smx_jammer_tally t;

static void cutting_half_of_the_suspects_links_at_a_time_names_the_talker(void **state)
{
    struct smx_jammer_config config = {.seed = 2, .suspects = 3, .searches = 2, .cut_ms = 60, .slots = 2};

    (void)state;
    smx_jammer_run(&t, &config);
    assert_true(t.ready);
    assert_int_equal(t.right, 2);
    assert_in_range(t.cuts, 4, 20);
    for (size_t i = 0; i < t.cuts; i++) { /* three frames each, and nobody else's link costs any */
        assert_true(t.hit[i] ? t.missing[i] >= 2 : t.missing[i] < 2);
        assert_true(t.missing[i] <= 4);
    }
}

static void a_frame_that_comes_twice_hides_a_short_cut(void **state)
{
    struct smx_jammer_config config = {
        .seed = 2, .suspects = 3, .searches = 1, .cut_ms = 20, .slots = 2, .repeated = true};

    (void)state;
    smx_jammer_run(&t, &config);
    assert_true(t.ready);
    assert_int_equal(t.named, 0);
    assert_int_equal(t.cuts, 40);
    for (size_t i = 0; i < t.cuts; i++)
        assert_true(t.missing[i] == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cutting_half_of_the_suspects_links_at_a_time_names_the_talker),
        cmocka_unit_test(a_frame_that_comes_twice_hides_a_short_cut),
    };

    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests_name("sim/adversary/jammer", tests, NULL, NULL);
}
