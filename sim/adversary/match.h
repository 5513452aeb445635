/* sim/adversary/match.h - who called whom: candidates, an attacker's scores for each pair, and the judgement.
 *
 * The attacker is told who made calls and who took some (in truth he would have to find that out too), and
 * names for each caller the one callee whom he takes for the other end.  By chance he is right once in as
 * many as there are callees.  Running out of memory ends the program. */
#ifndef SMX_SIM_ADVERSARY_MATCH_H
#define SMX_SIM_ADVERSARY_MATCH_H

#include "proto/base/rng.h"
#include "sim/result.h"

struct smx_sim;

struct smx_match {
    size_t callers, callees;
    uint32_t *caller, *callee; /* nodes, each once */
    bool *pair;                /* [caller * callees + callee]: there was a call: for judging only */
    double *score;             /* the attacker's: greater is likelier */
    double *weight;            /* and his weights of the candidates of one caller, for the entropy */
};

void smx_match_init(struct smx_match *m, const uint32_t *caller, size_t callers, const uint32_t *callee,
                    size_t callees);
/* The clients of all calls of a run that were talked on for at least so long. */
void smx_match_of(struct smx_match *m, const struct smx_sim *sim, smx_time least);
void smx_match_fini(struct smx_match *m);
/* One trial for each caller, ties broken at random; scores and entropies. */
void smx_match_judge(const struct smx_match *m, struct smx_attack_result *result, struct smx_rng *rng);

#endif
