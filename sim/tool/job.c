#include "sim/tool/tool.h"

#include "proto/base/version.h"
#include "sim/adversary/attack.h"
#include "sim/presence.h"
#include "sim/run.h"

#include <stdio.h>
#include <string.h>

volatile sig_atomic_t interrupted;

/* Another part of the job begins. */
static void part(struct place *place, const char *what, const char *arm)
{
    snprintf(place->what, sizeof place->what, "%s%s%s", what, arm[0] ? " " : "", arm);
    place->now = place->end = 0;
    place->real_begin = real_now();
    place->virtual_begin = 0;
}

/* Steps until the phase is no longer this one; false: interrupted. */
static bool run_while(struct smx_sim *sim, enum smx_sim_phase phase, struct place *place)
{
    while (smx_sim_phase(sim) == phase) {
        if (interrupted)
            return false;
        smx_sim_step(sim);
        place->now = smx_sim_now(sim);
        /* all that is known before is that it starts, settles, and lasts */
        place->end = smx_sim_ends(sim) == SMX_NEVER
                         ? smx_sim_scenario(sim)->duration + smx_sim_now(sim) + smx_sim_scenario(sim)->settle
                         : smx_sim_ends(sim);
    }
    return true;
}

static void complain_not_ready(const struct smx_sim *sim)
{
    fprintf(stderr, "\n" NAME ": seed %llu: %zu of %u clients are ready after start_most\n",
            (unsigned long long)smx_sim_seed(sim), smx_sim_ready_clients(sim),
            smx_sim_scenario(sim)->clients);
}

/* The measured run of the real cores; false: the network did not come to life. */
static bool measure_cores(const struct source *s, uint64_t seed, struct place *place,
                          struct smx_result *result)
{
    struct smx_sim *sim;
    bool alive;

    part(place, "starting", "");
    sim = smx_sim_new(&s->scenario, seed);
    if (run_while(sim, SMX_SIM_STARTING, place)) {
        part(place, "run", "");
        place->virtual_begin = (double)smx_sim_now(sim) / 1e9;
        (void)run_while(sim, SMX_SIM_MEASURED, place);
    }
    alive = smx_sim_phase(sim) != SMX_SIM_FAILED;
    if (!alive)
        complain_not_ready(sim);
    smx_sim_end(sim, result);
    smx_sim_free(sim);
    return alive;
}

/* Attacks that share their networks. */
struct group {
    const struct smx_attack *attack[SMX_SCENARIO_ATTACKS];
    size_t count;
};

/* One arm in a network of its own; false: it did not come to life. */
static bool attack_network(const struct group *group, const char *arm, const struct source *s, uint64_t seed,
                           struct place *place, struct smx_result *result)
{
    struct smx_scenario scenario = s->scenario;
    struct smx_sim *sim;
    bool alive;

    if (strcmp(arm, SMX_ARM_OFF) == 0) {
        scenario.cover = false;
        scenario.timetables = SMX_TIMETABLES_OFF;
    } else if (strcmp(arm, SMX_ARM_ADAPTIVE) == 0) {
        scenario.timetables = SMX_TIMETABLES_ADAPTIVE;
    }
    sim = smx_sim_new(&scenario, seed);
    if (run_while(sim, SMX_SIM_STARTING, place) && smx_sim_phase(sim) == SMX_SIM_MEASURED) {
        void *self[SMX_SCENARIO_ATTACKS];
        bool whole;

        for (size_t i = 0; i < group->count; i++)
            self[i] = group->attack[i]->begin(sim, arm);
        whole = run_while(sim, SMX_SIM_MEASURED, place);
        /* an attack that was cut short is not judged: the rest of it might have said otherwise */
        for (size_t i = 0; i < group->count; i++) {
            struct smx_attack_result scratch = {.trials = 0};

            group->attack[i]->end(self[i], sim,
                                  whole ? smx_result_attack(result, group->attack[i]->name, arm) : &scratch);
            smx_attack_result_fini(&scratch);
        }
    }
    alive = smx_sim_phase(sim) != SMX_SIM_FAILED;
    if (!alive)
        complain_not_ready(sim);
    smx_sim_free(sim);
    return alive;
}

/* The scenario's i-th attack, and all that share its networks; none: they share an earlier one's. */
static void find_group(struct group *g, const struct smx_scenario *s, size_t i)
{
    g->attack[0] = smx_attack_find(s->attack[i]);
    g->count = 1;
    for (size_t k = 0; g->attack[0]->looks_on && k < s->attacks; k++) {
        const struct smx_attack *other = smx_attack_find(s->attack[k]);

        if (k == i || !other->looks_on || other->arms != g->attack[0]->arms)
            continue;
        if (k < i) {
            g->count = 0;
            return;
        }
        g->attack[g->count++] = other;
    }
}

static bool measure(const struct source *s, uint64_t seed, struct place *place, struct smx_result *result)
{
    if (s->scenario.model == SMX_MODEL_CORES)
        return measure_cores(s, seed, place, result);
    part(place, "events", "");
    smx_presence_run(&s->scenario, seed, NULL, NULL, result);
    return true;
}

static bool attack_all(const struct source *s, uint64_t seed, struct place *place, struct smx_result *result)
{
    bool alive = true;

    for (size_t i = 0; i < s->scenario.attacks; i++) {
        const struct smx_attack *attack = smx_attack_find(s->scenario.attack[i]);
        struct group group;

        find_group(&group, &s->scenario, i);
        for (size_t k = 0; group.count > 0 && attack->arms[k] && !interrupted; k++) {
            part(place, attack->name, attack->arms[k]);
            if (attack->alone)
                attack->alone(&s->scenario, seed, attack->arms[k],
                              smx_result_attack(result, attack->name, attack->arms[k]));
            else
                alive = attack_network(&group, attack->arms[k], s, seed, place, result) && alive;
        }
    }
    return alive;
}

struct smx_result *job_run(const struct source *s, uint64_t seed, struct place *place)
{
    struct smx_result *result = smx_result_new(s->scenario.name, s->text, SMX_VERSION);
    bool alive = measure(s, seed, place, result);

    alive = alive && attack_all(s, seed, place, result);
    if (alive)
        return result;
    smx_result_free(result);
    return NULL;
}
