/* Swarms: a few seeds hold, the same plan runs the same, and a failing plan is made smaller. */
#include "sim/shrink.h"
#include "sim/swarm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

static void run(const struct smx_swarm_plan *plan, struct smx_swarm_result *r)
{
    char text[SMX_SWARM_TEXT];

    smx_swarm_run(plan, r);
    if (r->verdict.count == 0)
        return;
    smx_swarm_text(plan, text);
    print_message("%s\n", text);
    for (uint64_t i = 0; i < r->verdict.count && i < SMX_VERDICT_KEPT; i++)
        print_message("%.4f %s: %s\n", (double)r->verdict.kept[i].at / 1e9, r->verdict.kept[i].by,
                      r->verdict.kept[i].text);
}

static void some_seeds_hold_and_the_same_plan_runs_the_same(void **state)
{
    static const uint64_t seed[] = {2008, 2014, 2026};
    struct smx_swarm_plan plan;
    struct smx_swarm_result r, again;

    (void)state;
    for (size_t i = 0; i < sizeof seed / sizeof seed[0]; i++) {
        smx_swarm_draw(&plan, seed[i]);
        run(&plan, &r);
        assert_int_equal(r.verdict.count, 0);
        assert_true(r.datagrams > 10000 && r.ticks > 5000 && r.cells > 1000);
        assert_true(r.answered >= plan.clients); /* everybody has called somebody */
    }
    run(&plan, &again);
    assert_memory_equal(&r, &again, sizeof r);
}

static void a_network_that_does_not_come_to_life_or_back_is_said(void **state)
{
    struct smx_swarm_plan plan;
    struct smx_swarm_result r;

    (void)state;
    smx_swarm_draw(&plan, 1);
    plan.relays = 6;
    plan.clients = 2;
    plan.latency_us = 2500000;
    smx_swarm_run(&plan, &r);
    assert_true(r.verdict.count > 0);
    assert_string_equal(r.verdict.kept[0].by, "live");
    assert_non_null(strstr(r.verdict.kept[0].text, "is not ready after 60 s"));
    smx_swarm_draw(&plan, 1);
    plan.relays = 6;
    plan.clients = 2;
    plan.epoch_s = 30;
    plan.call_count = 0;
    plan.fault_count = 1;
    plan.fault[0] =
        (struct smx_swarm_fault){.kind = SMX_SWARM_LOSS, .lasts = true, .for_ms = 1, .amount = 1000000};
    smx_swarm_run(&plan, &r);
    assert_true(r.verdict.count > 0);
    assert_string_equal(r.verdict.kept[0].by, "live");
    assert_non_null(strstr(r.verdict.kept[0].text, "is not ready after 120 s"));
}

/* Fails while fault 3 and call 1 are there, and three clients. */
struct pretended {
    unsigned runs;
};

static const char *pretend(void *arg, const struct smx_swarm_plan *plan)
{
    struct pretended *p = arg;

    p->runs++;
    if (plan->fault[3].off || plan->clients < 3)
        return NULL;
    return plan->call[1].off ? "wire" : "links";
}

static void a_failing_plan_is_made_smaller_as_long_as_it_fails_in_the_same_way(void **state)
{
    struct pretended p = {.runs = 0};
    struct smx_swarm_plan plan, again;
    char flags[SMX_SWARM_TEXT];
    uint64_t seed = 1;

    (void)state;
    do
        smx_swarm_draw(&plan, seed++);
    while (plan.fault_count < 6 || plan.call_count < 3 || plan.clients < 4 || plan.relays < 8);
    smx_swarm_flags(&plan, flags);
    assert_string_equal(flags, "");
    assert_true(smx_shrink(&plan, "links", 100, pretend, &p) == p.runs && p.runs < 40);
    for (size_t i = 0; i < plan.fault_count; i++)
        assert_int_equal(plan.fault[i].off, i != 3);
    for (size_t i = 0; i < plan.call_count; i++)
        assert_int_equal(plan.call[i].off, i != 1);
    assert_int_equal(plan.clients, 3);
    assert_int_equal(plan.relays, SMX_SWARM_RELAYS_MIN);
    assert_true(plan.safety_ms < 1000);
    smx_swarm_flags(&plan, flags);
    assert_non_null(strstr(flags, " --relays 6 --clients 3"));
    assert_non_null(strstr(flags, " --faults 3 --calls 1"));
    smx_swarm_draw(&again, plan.seed); /* what the flags say makes the same plan again */
    for (char *name = strtok(flags, " "); name; name = strtok(NULL, " "))
        assert_true(smx_swarm_flag(&again, name + 2, strtok(NULL, " ")));
    assert_memory_equal(&plan, &again, sizeof plan);
    p.runs = 0;
    smx_swarm_draw(&plan, plan.seed);
    assert_int_equal(smx_shrink(&plan, "links", 5, pretend, &p), 5); /* and no more than that */
    assert_int_equal(p.runs, 5);
}

static void flags_that_say_nonsense_are_refused(void **state)
{
    struct smx_swarm_plan plan;

    (void)state;
    smx_swarm_draw(&plan, 1);
    assert_false(smx_swarm_flag(&plan, "relays", "5"));
    assert_false(smx_swarm_flag(&plan, "relays", "six"));
    assert_false(smx_swarm_flag(&plan, "clients", "7 "));
    assert_false(smx_swarm_flag(&plan, "faults", "99"));
    assert_false(smx_swarm_flag(&plan, "faults", "0;1"));
    assert_false(smx_swarm_flag(&plan, "colour", "1"));
    assert_true(smx_swarm_flag(&plan, "faults", "none"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_failing_plan_is_made_smaller_as_long_as_it_fails_in_the_same_way),
        cmocka_unit_test(flags_that_say_nonsense_are_refused),
        cmocka_unit_test(some_seeds_hold_and_the_same_plan_runs_the_same),
        cmocka_unit_test(a_network_that_does_not_come_to_life_or_back_is_said),
    };
    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
