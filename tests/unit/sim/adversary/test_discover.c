/* How long it takes to find somebody's middle and guard by breaking calls with him. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sodium.h>
#include <string.h>

#include "sim/adversary/discover.h"

static struct smx_discover_tally t;

static void count(double share, unsigned days, bool breaks, bool unbounded)
{
    struct smx_discover_config config = {.each = 12,
                                         .share = share,
                                         .users = 40,
                                         .days = days,
                                         .epoch_s = 3600,
                                         .breaks = breaks,
                                         .unbounded = unbounded};
    uint8_t seed[SMX_RNG_SEED] = "discover";
    struct smx_rng rng;

    smx_rng_init(&rng, seed);
    smx_discover_count(&t, &config, &rng);
    smx_rng_fini(&rng);
}

static double median(enum smx_discover_what what)
{
    return t.one[what][t.found[what] / 2].hours;
}

static void breaking_calls_finds_the_middle_sooner_but_not_at_once(void **state)
{
    double waiting, breaking, unbounded;

    (void)state;
    count(0.1, 10, false, false);
    waiting = median(SMX_DISCOVER_MIDDLE);
    assert_int_equal(t.one[SMX_DISCOVER_MIDDLE][t.found[SMX_DISCOVER_MIDDLE] - 1].broken, 0);
    count(0.1, 10, true, false);
    breaking = median(SMX_DISCOVER_MIDDLE);
    count(0.1, 10, true, true);
    unbounded = median(SMX_DISCOVER_MIDDLE);
    assert_true(breaking < waiting / 2);   /* four circuits an epoch, not one */
    assert_true(breaking > waiting / 8);   /* and not more */
    assert_true(unbounded < breaking / 4); /* the bound is what holds him up */
}

static void a_chain_is_found_later_than_each_of_its_relays(void **state)
{
    (void)state;
    count(0.25, 10, true, false);
    assert_true(t.found[SMX_DISCOVER_GUARD] >= t.found[SMX_DISCOVER_CHAIN]);
    assert_true(median(SMX_DISCOVER_GUARD) <= median(SMX_DISCOVER_CHAIN));
    assert_true(median(SMX_DISCOVER_MIDDLE) <= median(SMX_DISCOVER_CHAIN));
    assert_in_range(t.guards, 3, 20);
}

static void who_owns_no_relay_finds_none(void **state)
{
    (void)state;
    count(0, 2, true, true);
    for (size_t i = 0; i < SMX_DISCOVERIES; i++)
        assert_int_equal(t.found[i], 0);
    assert_int_equal(t.guards, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(breaking_calls_finds_the_middle_sooner_but_not_at_once),
        cmocka_unit_test(a_chain_is_found_later_than_each_of_its_relays),
        cmocka_unit_test(who_owns_no_relay_finds_none),
    };

    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests_name("sim/adversary/discover", tests, NULL, NULL);
}
