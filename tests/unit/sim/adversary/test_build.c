/* Guard and end, an honest middle between, and when circuits were built. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <sodium.h>

#include "sim/adversary/build.h"

static struct smx_build_tally t;

static double right(void)
{
    double count = 0;

    for (size_t i = 0; i < t.trials; i++)
        count += t.one[i].right;
    return count / (double)t.trials;
}

static void imagine(size_t circuits, double wait_s)
{
    struct smx_build_model model = {.circuits = circuits, .epoch_s = 3600, .wait_s = wait_s, .trials = 2000};
    uint8_t seed[SMX_RNG_SEED] = "imagine";
    struct smx_rng rng;

    smx_rng_init(&rng, seed);
    smx_build_imagine(&t, &model, &rng);
    smx_rng_fini(&rng);
}

/* The latest one is right unless another was asked for in the wait between: 1 / (1 + rate * wait). */
static void the_longer_the_wait_and_the_more_circuits_the_less_times_say(void **state)
{
    static const struct {
        size_t circuits;
        double wait;
    } kind[] = {{32, 1}, {720, 1}, {36, 100}, {720, 100}};

    (void)state;
    for (size_t i = 0; i < sizeof kind / sizeof kind[0]; i++) {
        double load = (double)kind[i].circuits / 3600 * kind[i].wait;

        imagine(kind[i].circuits, kind[i].wait);
        assert_true(fabs(right() - 1 / (1 + load)) < 0.04);
        for (size_t k = 0; k < t.trials; k++)
            assert_true(t.one[k].weight >= 0 && t.one[k].weight <= 1 && t.one[k].bits >= 0);
    }
}

/* What the threat model tells of: no cells are needed for it.  When waits grow this will fail, and is to be
 * turned round. */
static void with_real_cores_times_tie_most_circuits_together(void **state)
{
    struct smx_build_config config = {.seed = 3, .clients = 4, .epoch_s = 60, .seconds = 45};
    double chance = 0, both = 0;

    (void)state;
    smx_build_run(&t, &config);
    assert_true(t.ready);
    assert_true(t.trials >= 8);
    for (size_t i = 0; i < t.trials; i++) {
        chance += 1.0 / (double)t.one[i].stand / (double)t.trials;
        both += t.one[i].both / (double)t.trials;
    }
    assert_true(chance < 0.5);
    assert_true(right() > 0.6);
    assert_true(both > 0.6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_longer_the_wait_and_the_more_circuits_the_less_times_say),
        cmocka_unit_test(with_real_cores_times_tie_most_circuits_together),
    };

    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests_name("sim/adversary/build", tests, NULL, NULL);
}
