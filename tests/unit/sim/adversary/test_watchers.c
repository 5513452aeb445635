/* Attackers who watch and mark, on a small network of real cores: they find its calls when cover and
 * timetables are off, and don't when they are on.  (make attacks does this with a hundred calls at a time.)
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "sim/adversary/passive.h"
#include "sim/adversary/voice.h"
#include "sim/adversary/watermark.h"
#include "sim/run.h"

enum { ATTACKS = 4 };

static const struct smx_attack *const attacks[ATTACKS] = {&smx_attack_passive, &smx_attack_startstop,
                                                          &smx_attack_watermark, &smx_attack_voice};

static const char text[] = "relays = 9\n"
                           "clients = 14\n"
                           "cities = 3\n"
                           "relay_cities = 3\n"
                           "duration = 20 s\n"
                           "settle = 4 s\n"
                           "start = 2 s\n"
                           "calls.concurrent = 5\n"
                           "calls.hold = 600 s\n"
                           "calls.ramp = 2 s\n"
                           "calls.answer = 500 ms\n"
                           "calls.unanswered = 0\n"
                           "calls.contacts = 4\n"
                           "param.batch_s = 5\n"
                           "param.floor_circuits = 0\n"
                           "param.link_floor = 2\n"; /* few relays: room for all circuits at once */

/* The first two only watch, and the last has phones say nothing in silence: they can share a network. */
static void run(const char *arm, struct smx_attack_result result[ATTACKS])
{
    struct smx_scenario s;
    char why[SMX_SCENARIO_WHY];
    struct smx_sim *sim;
    void *self[ATTACKS];

    if (smx_scenario_read(&s, text, why) != SMX_OK)
        fail_msg("%s", why);
    if (strcmp(arm, SMX_ARM_OFF) == 0) {
        s.cover = false;
        s.timetables = SMX_TIMETABLES_OFF;
    }
    sim = smx_sim_new(&s, 3);
    assert_true(smx_sim_ready(sim));
    for (size_t i = 0; i < ATTACKS; i++)
        self[i] = attacks[i]->begin(sim, arm);
    smx_sim_run(sim);
    for (size_t i = 0; i < ATTACKS; i++) {
        memset(&result[i], 0, sizeof result[i]);
        attacks[i]->end(self[i], sim, &result[i]);
    }
    smx_sim_free(sim);
}

static void calls_are_found_without_cover_and_not_with_it(void **state)
{
    struct smx_attack_result on[ATTACKS], off[ATTACKS];

    (void)state;
    run(SMX_ARM_ON, on);
    run(SMX_ARM_OFF, off);
    for (size_t i = 0; i < ATTACKS; i++) {
        struct smx_auc with = smx_auc_of(&on[i].scores_true, &on[i].scores_false, 0.999),
                       without = smx_auc_of(&off[i].scores_true, &off[i].scores_false, 0.999);

        printf("# %s: on %u of %u, AUC %.3f; off %u of %u, AUC %.3f\n", attacks[i]->name,
               (unsigned)on[i].successes, (unsigned)on[i].trials, with.auc, (unsigned)off[i].successes,
               (unsigned)off[i].trials, without.auc);
        assert_true(off[i].trials >= 2 && on[i].trials >= 2);
        assert_true(off[i].is_control && !on[i].is_control);
        assert_true(without.auc > 0.9);
        assert_true(with.auc >= with.chance_low && with.auc <= with.chance_high);
        smx_attack_result_fini(&on[i]);
        smx_attack_result_fini(&off[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls_are_found_without_cover_and_not_with_it),
    };

    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
