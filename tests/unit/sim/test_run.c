/* Runs of scenarios: calls and the truth about them, faults, users who come and go, and the model without
 * packets.  The networks are small and the times short. */
#include "sim/run.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <math.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/calls.h"
#include "sim/presence.h"

static const char base[] =
    "relays = 6\nclients = 6\ncities = 3\nrelay_cities = 3\nduration = 8 s\nsettle = 1 s\n"
    "start = 1 s\ncalls.concurrent = 2\ncalls.contacts = 4\ncalls.ramp = 1 s\n"
    "calls.answer = 100 ms\nparam.batch_s = 3\nparam.floor_circuits = 0\n";

static struct smx_scenario scenario(const char *more)
{
    struct smx_scenario s;
    char text[2048], why[SMX_SCENARIO_WHY];

    snprintf(text, sizeof text, "%s%s", base, more);
    assert_int_equal(smx_scenario_read(&s, text, why), SMX_OK);
    assert_int_equal(smx_scenario_check(&s, why), SMX_OK);
    return s;
}

static char *run(const struct smx_scenario *s, uint64_t seed, struct smx_result **result)
{
    struct smx_result *r = smx_result_new("test", NULL, "1");
    struct smx_sim *sim = smx_sim_new(s, seed);
    json_t *json;
    char *text;

    smx_sim_run(sim);
    assert_int_equal(smx_sim_phase(sim), SMX_SIM_OVER);
    smx_sim_end(sim, r);
    smx_sim_free(sim);
    json = smx_result_to_json(r);
    text = smx_json_pretty(json);
    json_decref(json);
    if (result)
        *result = r;
    else
        smx_result_free(r);
    return text;
}

static void the_same_seed_gives_the_same_bytes_and_another_one_others(void **state)
{
    struct smx_scenario s =
        scenario("calls.hold = 3 s\nnet.jitter = 1 ms\nfault = drop 20 % relay any at 1 s for 2 s\n");
    struct smx_result *r;
    char *a = run(&s, 5, &r), *b = run(&s, 5, NULL), *c = run(&s, 6, NULL);

    (void)state;
    assert_string_equal(a, b);
    assert_string_not_equal(a, c);
    assert_true(r->tally[SMX_T_CALLS_ANSWERED] >= 2);
    assert_int_equal(r->tally[SMX_T_FAULTS], 1);
    assert_true(r->measure[SMX_M_LATENCY].count > 100);
    assert_int_equal(r->traffic[SMX_ROLE_CLIENT].nodes, 6);
    smx_result_free(r);
    free(a);
    free(b);
    free(c);
}

static void relays_that_run_ahead_are_weighed_by_nearness_when_clients_begin(void **state)
{
    static const struct {
        const char *keys;
        bool weighed;
    } given[] = {{"relays = 12\nrelay_cities = 12\nrelays_ahead = 15 s\nparam.epoch_s = 600\n", true},
                 {"relays = 12\nrelay_cities = 12\nparam.epoch_s = 600\n", false}};

    (void)state;
    for (size_t i = 0; i < sizeof given / sizeof given[0]; i++) {
        struct smx_scenario s = scenario(given[i].keys);
        struct smx_sim *sim = smx_sim_new(&s, 3);
        const struct smx_consensus *c = smx_relay_current(smx_sim_network(sim)->relay[0].core);
        bool differs = false;

        for (size_t k = 0; k < c->relay_count; k++)
            differs = differs || (c->relay[k].layer != SMX_LAYER_GUARD && c->relay[k].weight != 1000);
        assert_int_equal(differs, given[i].weighed);
        smx_sim_free(sim);
    }
}

struct watch {
    uint64_t seen;
    unsigned fired;
};

static bool look(void *arg, smx_time now, uint32_t from, uint32_t to, uint8_t *bytes, size_t len,
                 smx_time *delay)
{
    (void)now;
    (void)from;
    (void)to;
    (void)bytes;
    (void)len;
    (void)delay;
    ((struct watch *)arg)->seen++;
    return true;
}

static void fire(void *arg)
{
    ((struct watch *)arg)->fired++;
}

static void who_looks_on_changes_nothing_and_knows_the_truth_afterwards(void **state)
{
    struct smx_scenario s = scenario("calls.hold = 2 s\n");
    char *alone = run(&s, 9, NULL), *watched;
    struct smx_result *r = smx_result_new("test", NULL, "1");
    struct smx_sim *sim = smx_sim_new(&s, 9);
    struct watch w = {0};
    const struct smx_truth_call *call;
    size_t count;
    json_t *json;

    (void)state;
    assert_true(smx_sim_ready(sim));
    assert_int_equal(smx_sim_phase(sim), SMX_SIM_MEASURED);
    (void)smx_sim_truth(sim, &count);
    assert_int_equal(count, 0);
    smx_sim_watch(sim, look, &w);
    smx_sim_at(sim, smx_sim_now(sim) + SMX_MS(500), fire, &w);
    (void)smx_rng_u64(smx_sim_rng(sim));
    smx_sim_run(sim);
    smx_sim_unwatch(sim, look, &w);
    call = smx_sim_truth(sim, &count);
    assert_true(count >= 2 && w.seen > 1000 && w.fired == 1);
    for (size_t i = 0; i < count; i++) {
        assert_true(call[i].caller != call[i].callee);
        assert_true(call[i].placed >= smx_sim_begins(sim) && call[i].placed < smx_sim_ends(sim));
        assert_true(call[i].answered == SMX_NEVER || call[i].answered > call[i].placed);
        assert_true(call[i].ended == SMX_NEVER || (call[i].ended > call[i].placed && call[i].wished));
    }
    smx_sim_end(sim, r);
    smx_sim_free(sim);
    json = smx_result_to_json(r);
    watched = smx_json_pretty(json);
    assert_string_equal(watched, alone);
    json_decref(json);
    smx_result_free(r);
    free(alone);
    free(watched);
}

static double figure(const struct smx_result *r, const char *name)
{
    const struct smx_figure *f = smx_figures_find(&r->figures, name);

    assert_non_null(f);
    return f->sum / (double)f->count;
}

static void users_come_and_go_and_call_as_often_as_asked(void **state)
{
    struct smx_scenario s;
    struct smx_result *r = smx_result_new("test", NULL, "1");
    char why[SMX_SCENARIO_WHY];

    (void)state;
    assert_int_equal(
        smx_scenario_read(&s,
                          "model = events\nclients = 200\nduration = 20 d\ncalls.concurrent = 4\n"
                          "calls.hold = 200 s\nchurn.share = 50 %\nchurn.on = 1 h\nchurn.off = 3 h\n",
                          why),
        SMX_OK);
    smx_presence_run(&s, 3, NULL, NULL, r);
    /* half of them always, the others a quarter of the time; each of those comes once in four hours */
    assert_true(fabs(figure(r, "online_share") - 0.625) < 0.04);
    assert_true(fabs(figure(r, "comings_per_hour") - 25) < 2.5);
    assert_true(fabs(figure(r, "calls_per_hour") - 72) < 3);
    assert_true(figure(r, "hold") < 200 && figure(r, "hold") > 150); /* some leave in the middle of a call */
    smx_result_free(r);
}

static void holding_times_have_the_mean_that_was_asked_for(void **state)
{
    struct smx_scenario_calls calls = {.hold = SMX_SECOND(100), .hold_sigma = 800000};
    uint8_t seed[SMX_RNG_SEED] = {1};
    struct smx_rng rng;
    double whole = 0, left = 0;

    (void)state;
    smx_rng_init(&rng, seed);
    for (unsigned i = 0; i < 20000; i++) {
        whole += (double)smx_draw_hold(&rng, &calls, true) / 1e9 / 20000;
        left += (double)smx_draw_hold(&rng, &calls, false) / 1e9 / 20000;
    }
    assert_true(fabs(whole - 100) < 3);
    /* what is left of one that is met under way: E(X^2) / 2 E(X) */
    assert_true(fabs(left - 100 * exp(0.64) / 2) < 4);
}

static int sodium_up(void **state)
{
    (void)state;
    return sodium_init() < 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_seed_gives_the_same_bytes_and_another_one_others),
        cmocka_unit_test(relays_that_run_ahead_are_weighed_by_nearness_when_clients_begin),
        cmocka_unit_test(who_looks_on_changes_nothing_and_knows_the_truth_afterwards),
        cmocka_unit_test(users_come_and_go_and_call_as_often_as_asked),
        cmocka_unit_test(holding_times_have_the_mean_that_was_asked_for),
    };

    return cmocka_run_group_tests(tests, sodium_up, NULL);
}
