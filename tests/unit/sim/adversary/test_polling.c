/* What a stranger hears who calls again and again: how it is judged.  tests/soak/stranger calls. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sodium.h>
#include <string.h>

#include "proto/base/rng.h"
#include "sim/adversary/polling.h"

static void sample(struct smx_polling *r, double shift, uint64_t seed)
{
    uint8_t bytes[SMX_RNG_SEED] = {(uint8_t)seed};
    struct smx_rng rng;

    smx_rng_init(&rng, bytes);
    memset(r, 0, sizeof *r);
    r->blocks = 40;
    r->attempts = 6;
    for (size_t b = 0; b < r->blocks; b++) {
        double block = smx_rng_below(&rng, 20); /* each goes by other circuits */

        for (size_t a = 0; a < r->attempts; a++)
            r->heard[b][a] = 600 + block + smx_rng_below(&rng, 40) + (b % 2 ? shift : 0);
    }
    smx_polling_judge(r);
}

static void the_two_sample_test_tells_what_differs_and_only_that(void **state)
{
    static struct smx_polling r;
    unsigned alarms = 0;

    (void)state;
    for (uint64_t seed = 0; seed < 8; seed++) {
        sample(&r, 0, seed);
        alarms += r.p < 0.01;
        sample(&r, 40, seed);
        assert_true(r.p < 0.01);
    }
    assert_true(alarms <= 1); /* 0.08 are to be expected */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_two_sample_test_tells_what_differs_and_only_that),
    };

    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests_name("sim/adversary/polling", tests, NULL, NULL);
}
