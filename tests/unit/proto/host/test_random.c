#include "proto/host/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void first_bytes(uint8_t out[32])
{
    struct smx_rng rng;

    smx_random_init(&rng);
    smx_rng_bytes(&rng, out, 32);
    smx_rng_fini(&rng);
}

/* Whoever can set a daemon's environment must not choose its keys. */
static void two_starts_never_draw_alike_whatever_the_environment_says(void **state)
{
    uint8_t a[32], b[32];

    (void)state;
    setenv("SIPMIX_TEST_SEED", "1", 1);
    first_bytes(a);
    first_bytes(b);
#ifdef SMX_TEST_SEED
    assert_memory_equal(a, b, sizeof a);
    setenv("SIPMIX_TEST_SEED", "2", 1);
    first_bytes(b);
#endif
    assert_memory_not_equal(a, b, sizeof a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_starts_never_draw_alike_whatever_the_environment_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
