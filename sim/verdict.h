/* sim/verdict.h - what an attack's counts and scores say: no better than guessing, better, or nothing.
 *
 * Judged at 99.9 %: so many attacks and arms are judged that 95 % would call some of them better by chance.
 * An attack is no better than guessing when its successes lie where a guess's would with that probability,
 * and 0.5 lies in the interval of its AUC. That says something only if its control, the same attack on the
 * same traffic with protection off, succeeds. */
#ifndef SMX_SIM_VERDICT_H
#define SMX_SIM_VERDICT_H

#include "sim/result.h"
#include "sim/stats.h"

#define SMX_VERDICT_LEVEL 0.999

enum smx_says {
    SMX_SAYS_NOTHING, /* no trials and no scores: its figures must speak */
    SMX_SAYS_CHANCE,
    SMX_SAYS_BETTER,
    SMX_SAYS_WORSE, /* than guessing: it can be turned round, or something is wrong with it */
    SMX_SAYS_NEVER, /* what should not happen at all (chance 0) did not */
    SMX_SAYS_EVER,  /* it did */
};

struct smx_verdict {
    enum smx_says says;
    bool has_trials, has_scores;
    double rate, chance;           /* shares of the trials */
    struct smx_interval rate_in;   /* Clopper-Pearson */
    struct smx_interval chance_in; /* where a guess's share lies */
    double p;                      /* exact test against chance, two-sided */
    struct smx_auc auc;
    double found_1, found_01; /* shares of true pairs at 1 and 0.1 % of false ones */
};

/* Settles the lists of scores. */
struct smx_verdict smx_verdict_of(struct smx_attack_result *a);

/* Of an arm that is no control: what its controls say of it. */
enum smx_controls {
    SMX_CONTROLS_NONE, /* there is none: chance may mean that the attack is too weak */
    SMX_CONTROLS_WORK, /* each is better than guessing */
    SMX_CONTROLS_FAIL,
};
enum smx_controls smx_verdict_controls(struct smx_result *r, const char *name);

/* One sentence for people, of this arm and, if it is no control, of its controls. */
const char *smx_verdict_text(struct smx_result *r, struct smx_attack_result *a);

#endif
