/* sim/scores.h - what an attack scores for true and for false pairs, bounded, and what follows: ROC and AUC.
 *
 * A list keeps each distinct score and how often it came, as long as they are at most SMX_SCORES; when there
 * are more, all scores lose their last bits, one by one, until few enough are distinct. So a short list is
 * exact, and a long one is a histogram whose bins fit the scores, whatever their scale. Chosen over a random
 * sample because it needs no randomness and because what comes out depends only on the scores put in, not on
 * their order or on how they were dealt out over runs: the bits kept are the most with which the whole set
 * fits. What that costs is known: two scores that fell together count as half won, so an AUC is off by at
 * most half the share of such pairs of a true and a false score (smx_auc.slack; some 1/4000 for smooth
 * scores). An empty list is all zeros and owns nothing. Running out of memory ends the program, as in
 * sim/world.h.
 *
 * Sources: T. Fawcett, "An introduction to ROC analysis" (2006); E. DeLong, D. DeLong, D. Clarke-Pearson,
 * Biometrics 44 (1988), for the interval; Mann and Whitney (1947), for the spread under chance. */
#ifndef SMX_SIM_SCORES_H
#define SMX_SIM_SCORES_H

#include <stddef.h>
#include <stdint.h>

enum { SMX_SCORES = 2048 };

struct smx_score {
    int64_t key; /* the score's magnitude as the bits of a double, less dropped ones, with its sign */
    uint64_t count;
};

struct smx_scores {
    struct smx_score *list; /* after smx_scores_settle: by rising key, each once, at most SMX_SCORES */
    size_t used, room;
    unsigned dropped; /* low bits that all keys have lost: 0 (exact) to 52 and on */
    uint64_t count;   /* of all scores */
};

void smx_scores_fini(struct smx_scores *s); /* leaves it empty */
/* Greater means more like a true pair.  Not NaN; what is infinite counts as the greatest double. */
void smx_scores_add(struct smx_scores *s, double score);
void smx_scores_add_times(struct smx_scores *s, double score, uint64_t times);
void smx_scores_merge(struct smx_scores *into, const struct smx_scores *from);
/* Puts the list into its only order; whoever reads s->list calls it first. */
void smx_scores_settle(struct smx_scores *s);
/* Gives up bits until so many are dropped, for two lists that are to be compared, or one that was read. */
void smx_scores_drop(struct smx_scores *s, unsigned dropped);
/* The score that a key stands for: of those that fell together, the one nearest 0. */
double smx_scores_value(const struct smx_scores *s, size_t i);

/* One point of a ROC curve: taking all pairs with at least this score. */
struct smx_roc_point {
    double threshold, false_share, true_share; /* shares of false and true pairs taken */
};

/* The curve from (0,0) to (1,1), at most SMX_SCORES * 2 + 1 points; the caller's to free.  Both lists are
 * settled and get the same number of dropped bits.  NULL, *count 0: one of them is empty. */
struct smx_roc_point *smx_roc(struct smx_scores *hit, struct smx_scores *miss, size_t *count);
/* The share of true pairs found when at most false_share of the false ones may be taken (a threshold, no coin
 * thrown in between). */
double smx_roc_at(const struct smx_roc_point *roc, size_t count, double false_share);

struct smx_auc {
    double auc;                     /* 0.5 when a list is empty */
    double low, high;               /* interval at the level asked for, DeLong, cut to 0..1 */
    double chance_low, chance_high; /* where it lies with that probability if scores say nothing */
    double slack;                   /* at most so much is due to scores that fell together */
    uint64_t true_count, false_count;
};

/* level: 0.95, say.  Pairs are taken as independent.  Where the false pairs of a run are made of the same
 * calls as its true ones this is near the truth, as the fewer true pairs decide. */
struct smx_auc smx_auc_of(struct smx_scores *hit, struct smx_scores *miss, double level);

#endif
