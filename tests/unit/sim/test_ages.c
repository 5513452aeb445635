/* Minutes of what tests/soak/ages.c does for hours: wrong clocks, renewals, calls at random; and its means:
 * that checkers notice what they are for. */
#include "tests/support/ages.h"
#include "tests/unit/sim/network.h"

static struct ages ages;

static bool is_said(const char *words)
{
    for (size_t i = 0; i < ages.verdict.count && i < SMX_VERDICT_KEPT; i++)
        if (strstr(ages.verdict.kept[i].text, words))
            return true;
    return false;
}

static void begin(uint64_t seed, bool faults)
{
    struct ages_config config = {.network = smx_sim_network_preset(seed), .clients = 2, .faults = faults};

    config.network.params.epoch_s = 300;
    config.network.drift_ppm = 100;
    config.network.fetch_ms = 1000;
    config.network.circuits_max = 256;
    assert_true(ages_begin(&ages, &config));
}

static void minutes_with_wrong_clocks_and_renewals_violate_nothing(void **state)
{
    (void)state;
    begin(51, false);
    ages_run(&ages, 150);
    for (size_t i = 0; i < ages.verdict.count && i < SMX_VERDICT_KEPT; i++)
        print_message("%s\n", ages.verdict.kept[i].text);
    assert_int_equal(ages.verdict.count, 0);
    assert_true(smx_check_links_counters(ages.links)->ticks > 150 * 100 * 30); /* of some 40 links */
    assert_true(ages.calls > 0 && ages.answered == ages.calls);
    ages_end(&ages);
}

static void a_link_or_a_client_that_falls_silent_is_noticed(void **state)
{
    (void)state;
    begin(52, false);
    ages_run(&ages, 10);
    assert_int_equal(ages.verdict.count, 0);
    smx_world_set_core(ages.n->world, 0, NULL);                    /* a relay, and nobody was told */
    smx_world_set_core(ages.n->world, ages.n->user[1].node, NULL); /* a client */
    ages_run(&ages, 2);
    assert_true(is_said("node 0 to"));
    assert_true(is_said("node 10 to"));
    ages_end(&ages);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(minutes_with_wrong_clocks_and_renewals_violate_nothing),
        cmocka_unit_test(a_link_or_a_client_that_falls_silent_is_noticed),
    };
    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
