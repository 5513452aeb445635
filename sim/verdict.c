#include "sim/verdict.h"

#include <stdlib.h>
#include <string.h>

static enum smx_says judge(const struct smx_verdict *v, uint64_t successes)
{
    bool better = false, worse = false;

    if (!v->has_trials && !v->has_scores)
        return SMX_SAYS_NOTHING;
    if (v->has_trials && v->chance <= 0 && !v->has_scores)
        return successes > 0 ? SMX_SAYS_EVER : SMX_SAYS_NEVER;
    if (v->has_trials) {
        better = v->rate > v->chance_in.high;
        worse = v->rate < v->chance_in.low;
    }
    if (v->has_scores) {
        better |= v->auc.low > 0.5;
        worse |= v->auc.high < 0.5;
    }
    return better ? SMX_SAYS_BETTER : worse ? SMX_SAYS_WORSE : SMX_SAYS_CHANCE;
}

struct smx_verdict smx_verdict_of(struct smx_attack_result *a)
{
    struct smx_verdict v = {.has_trials = a->trials > 0, .p = 1};
    struct smx_roc_point *roc;
    uint64_t low, high;
    size_t count;

    v.has_scores = a->scores_true.count > 0 && a->scores_false.count > 0;
    if (v.has_trials) {
        double n = (double)a->trials;

        v.rate = (double)a->successes / n;
        v.chance = smx_attack_chance(a);
        v.rate_in = smx_clopper_pearson(a->successes, a->trials, SMX_VERDICT_LEVEL);
        smx_binomial_range(a->trials, v.chance, SMX_VERDICT_LEVEL, &low, &high);
        v.chance_in = (struct smx_interval){(double)low / n, (double)high / n};
        v.p = smx_binomial_test(a->successes, a->trials, v.chance);
    }
    if (v.has_scores) {
        v.auc = smx_auc_of(&a->scores_true, &a->scores_false, SMX_VERDICT_LEVEL);
        roc = smx_roc(&a->scores_true, &a->scores_false, &count);
        v.found_1 = smx_roc_at(roc, count, 0.01);
        v.found_01 = smx_roc_at(roc, count, 0.001);
        free(roc);
    }
    v.says = judge(&v, a->successes);
    return v;
}

static bool succeeds(enum smx_says says)
{
    return says == SMX_SAYS_BETTER || says == SMX_SAYS_EVER;
}

enum smx_controls smx_verdict_controls(struct smx_result *r, const char *name)
{
    enum smx_controls all = SMX_CONTROLS_NONE;

    for (size_t i = 0; i < r->attacks; i++) {
        struct smx_attack_result *a = &r->attack[i];

        if (!a->is_control || strcmp(a->name, name) != 0)
            continue;
        if (!succeeds(smx_verdict_of(a).says))
            return SMX_CONTROLS_FAIL;
        all = SMX_CONTROLS_WORK;
    }
    return all;
}

const char *smx_verdict_text(struct smx_result *r, struct smx_attack_result *a)
{
    enum smx_controls controls = SMX_CONTROLS_NONE;
    enum smx_says says = smx_verdict_of(a).says;

    if (a->is_control) {
        if (says == SMX_SAYS_NOTHING)
            return "not judged";
        return succeeds(says) ? "succeeds, as a control must" : "too weak: its attack says nothing";
    }
    if (says == SMX_SAYS_CHANCE || says == SMX_SAYS_NEVER)
        controls = smx_verdict_controls(r, a->name);
    switch (says) {
    case SMX_SAYS_NOTHING:
        return "see its figures";
    case SMX_SAYS_CHANCE:
        return controls == SMX_CONTROLS_WORK   ? "no better than guessing"
               : controls == SMX_CONTROLS_FAIL ? "no better than guessing, but nor is its control"
                                               : "no better than guessing; no control was run";
    case SMX_SAYS_BETTER:
        return "better than guessing";
    case SMX_SAYS_WORSE:
        return "worse than guessing: it may be turned round";
    case SMX_SAYS_NEVER:
        return controls == SMX_CONTROLS_FAIL ? "never happened, but nor did it in its control"
                                             : "never happened";
    case SMX_SAYS_EVER:
        return "happened";
    }
    return "";
}
