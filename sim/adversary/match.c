#include "sim/adversary/match.h"

#include "sim/run.h"

#include <stdlib.h>
#include <string.h>

static void *must(void *p)
{
    if (!p)
        abort(); /* as the header says */
    return p;
}

void smx_match_init(struct smx_match *m, const uint32_t *caller, size_t callers, const uint32_t *callee,
                    size_t callees)
{
    m->callers = callers;
    m->callees = callees;
    m->caller = must(calloc(callers + 1, sizeof *m->caller));
    m->callee = must(calloc(callees + 1, sizeof *m->callee));
    m->pair = must(calloc(callers * callees + 1, sizeof *m->pair));
    m->score = must(calloc(callers * callees + 1, sizeof *m->score));
    m->weight = must(calloc(callers * callees + 1, sizeof *m->weight));
    for (size_t i = 0; i < callers; i++)
        m->caller[i] = caller[i];
    for (size_t k = 0; k < callees; k++)
        m->callee[k] = callee[k];
}

void smx_match_fini(struct smx_match *m)
{
    free(m->caller);
    free(m->callee);
    free(m->pair);
    free(m->score);
    free(m->weight);
    memset(m, 0, sizeof *m);
}

static size_t place_in(uint32_t *list, size_t *count, uint32_t node)
{
    for (size_t i = 0; i < *count; i++)
        if (list[i] == node)
            return i;
    list[(*count)++] = node;
    return *count - 1;
}

/* Was it talked on for so long within measured time? */
static bool is_long(const struct smx_sim *sim, const struct smx_truth_call *c, smx_time least)
{
    smx_time end = smx_time_min(c->ended, smx_sim_now(sim));

    return c->answered != SMX_NEVER && end >= c->answered + least;
}

void smx_match_of(struct smx_match *m, const struct smx_sim *sim, smx_time least)
{
    size_t calls, callers = 0, callees = 0;
    const struct smx_truth_call *call = smx_sim_truth(sim, &calls);
    uint32_t relays = smx_sim_scenario(sim)->relays;
    uint32_t *caller = must(calloc(calls + 1, sizeof *caller)),
             *callee = must(calloc(calls + 1, sizeof *callee));

    for (size_t i = 0; i < calls; i++)
        if (is_long(sim, &call[i], least)) {
            place_in(caller, &callers, relays + (uint32_t)call[i].caller);
            place_in(callee, &callees, relays + (uint32_t)call[i].callee);
        }
    smx_match_init(m, caller, callers, callee, callees);
    for (size_t i = 0; i < calls; i++)
        if (is_long(sim, &call[i], least))
            m->pair[place_in(caller, &callers, relays + (uint32_t)call[i].caller) * callees +
                    place_in(callee, &callees, relays + (uint32_t)call[i].callee)] = true;
    free(caller);
    free(callee);
}

static void judge_caller(const struct smx_match *m, size_t i, struct smx_attack_result *result,
                         struct smx_rng *rng, double *weight)
{
    const double *score = m->score + i * m->callees;
    const bool *pair = m->pair + i * m->callees;
    size_t candidates = 0, right = 0, best = 0;
    uint32_t ties = 0;

    for (size_t k = 0; k < m->callees; k++) {
        if (m->callee[k] == m->caller[i])
            continue; /* nobody calls himself */
        weight[candidates++] = m->weight[i * m->callees + k];
        right += pair[k];
        if (pair[k])
            smx_scores_add(&result->scores_true, score[k]);
        else
            smx_scores_add(&result->scores_false, score[k]);
        if (ties == 0 || score[k] > score[best]) {
            best = k;
            ties = 1;
        } else if (!(score[k] < score[best]) && smx_rng_below(rng, ++ties) == 0) {
            best = k;
        }
    }
    if (candidates < 2 || right == 0)
        return;
    smx_attack_trial(result, pair[best], (double)right / (double)candidates);
    smx_attack_set(result, weight, candidates);
}

void smx_match_judge(const struct smx_match *m, struct smx_attack_result *result, struct smx_rng *rng)
{
    double *weight = must(calloc(m->callees + 1, sizeof *weight));

    for (size_t i = 0; i < m->callers; i++)
        judge_caller(m, i, result, rng, weight);
    free(weight);
}
