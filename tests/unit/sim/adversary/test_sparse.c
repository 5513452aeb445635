/* Few circuits at a middle: what hides a user's, with and without the idle clients that relays run. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <sodium.h>

#include "sim/adversary/sparse.h"

static struct smx_sparse_tally t;

static double mean_onward(bool slot)
{
    double sum = 0, count = 0;

    for (size_t i = 0; i < t.views; i++)
        if (t.view[i].slot == slot) {
            sum += (double)t.view[i].onward;
            count++;
        }
    return sum / count;
}

static void a_user_alone_is_alone_and_idle_clients_hide_him(void **state)
{
    struct smx_sparse_config config = {.seed = 4, .users = 1, .settle_s = 2};
    double alone;

    (void)state;
    smx_sparse_run(&t, &config);
    assert_true(t.ready && t.views >= 4);
    alone = mean_onward(true);
    assert_true(alone < 2); /* there are no circuits but his own */
    assert_true(t.idle == 0);
    config.floor_circuits = 12;
    config.settle_s = 25;
    smx_sparse_run(&t, &config);
    assert_true(t.ready && t.idle > 0);
    assert_true(t.circuits > 6);
    assert_true(mean_onward(true) > 2 * alone);
    for (size_t i = 0; i < t.views; i++) { /* but calls are users' only, and he is the only one */
        assert_true(t.view[i].back <= 2);
    }
}

static void the_floor_follows_from_the_bits_wanted(void **state)
{
    (void)state;
    assert_true(fabs(smx_sparse_bits(32, true) - 3) < 1e-9);
    assert_true(fabs(smx_sparse_bits(32, false) - 2) < 1e-9);
    assert_true(fabs(smx_sparse_floor(5, true) - 128) < 1e-9);
    assert_true(smx_sparse_bits(1, true) < 1e-9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_user_alone_is_alone_and_idle_clients_hide_him),
        cmocka_unit_test(the_floor_follows_from_the_bits_wanted),
    };

    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests_name("sim/adversary/sparse", tests, NULL, NULL);
}
