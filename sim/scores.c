#include "sim/scores.h"

#include "sim/stats.h"

#include <assert.h>
#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

void smx_scores_fini(struct smx_scores *s)
{
    free(s->list);
    *s = (struct smx_scores){0};
}

static int64_t key_of(double score, unsigned dropped)
{
    double magnitude = fmin(fabs(score), DBL_MAX);
    uint64_t bits;
    int64_t key;

    assert(!isnan(score));
    memcpy(&bits, &magnitude, sizeof bits); /* of positive doubles, the greater has the greater bits */
    key = (int64_t)(bits >> dropped);
    return score < 0 ? -key : key;
}

double smx_scores_value(const struct smx_scores *s, size_t i)
{
    int64_t key = s->list[i].key;
    uint64_t bits = (uint64_t)(key < 0 ? -key : key) << s->dropped;
    double magnitude;

    memcpy(&magnitude, &bits, sizeof magnitude);
    return key < 0 ? -magnitude : magnitude;
}

static int by_key(const void *a, const void *b)
{
    int64_t x = ((const struct smx_score *)a)->key, y = ((const struct smx_score *)b)->key;

    return (x > y) - (x < y);
}

/* Equal neighbours become one. */
static void join(struct smx_scores *s)
{
    size_t kept = 0;

    for (size_t i = 0; i < s->used; i++)
        if (kept > 0 && s->list[kept - 1].key == s->list[i].key)
            s->list[kept - 1].count += s->list[i].count;
        else
            s->list[kept++] = s->list[i];
    s->used = kept;
}

static void drop_bit(struct smx_scores *s)
{
    for (size_t i = 0; i < s->used; i++)
        s->list[i].key /= 2; /* towards 0: the magnitude loses its last bit, and order is kept */
    s->dropped++;
    join(s);
}

void smx_scores_settle(struct smx_scores *s)
{
    if (s->used == 0)
        return;
    qsort(s->list, s->used, sizeof *s->list, by_key);
    join(s);
    while (s->used > SMX_SCORES)
        drop_bit(s);
}

void smx_scores_drop(struct smx_scores *s, unsigned dropped)
{
    smx_scores_settle(s);
    while (s->dropped < dropped)
        drop_bit(s);
}

static void make_room(struct smx_scores *s)
{
    if (s->used < s->room)
        return;
    if (s->room == (size_t)2 * SMX_SCORES) {
        smx_scores_settle(s); /* half of it is free again */
        return;
    }
    s->room = s->room ? 2 * s->room : 32;
    s->list = realloc(s->list, s->room * sizeof *s->list);
    if (!s->list)
        abort();
}

void smx_scores_add_times(struct smx_scores *s, double score, uint64_t times)
{
    if (times == 0)
        return;
    make_room(s);
    s->list[s->used].key = key_of(score, s->dropped);
    s->list[s->used++].count = times;
    s->count += times;
}

void smx_scores_add(struct smx_scores *s, double score)
{
    smx_scores_add_times(s, score, 1);
}

void smx_scores_merge(struct smx_scores *into, const struct smx_scores *from)
{
    smx_scores_drop(into, from->dropped);
    for (size_t i = 0; i < from->used; i++)
        smx_scores_add_times(into, smx_scores_value(from, i), from->list[i].count);
    smx_scores_settle(into);
}

static void on_one_scale(struct smx_scores *a, struct smx_scores *b)
{
    smx_scores_settle(a);
    smx_scores_settle(b);
    smx_scores_drop(a, b->dropped);
    smx_scores_drop(b, a->dropped);
}

/* ---- ROC ---- */

struct smx_roc_point *smx_roc(struct smx_scores *hit, struct smx_scores *miss, size_t *count)
{
    struct smx_roc_point *point;
    uint64_t hits = 0, misses = 0;
    size_t i, j;

    *count = 0;
    if (hit->count == 0 || miss->count == 0)
        return NULL;
    on_one_scale(hit, miss);
    i = hit->used;
    j = miss->used;
    point = calloc(i + j + 1, sizeof *point);
    if (!point)
        abort();
    point[(*count)++].threshold = INFINITY;
    while (i > 0 || j > 0) { /* from the greatest score down */
        int64_t key = i > 0 && (j == 0 || hit->list[i - 1].key >= miss->list[j - 1].key)
                          ? hit->list[i - 1].key
                          : miss->list[j - 1].key;
        struct smx_roc_point *p = &point[(*count)++];

        if (i > 0 && hit->list[i - 1].key == key) {
            p->threshold = smx_scores_value(hit, i - 1);
            hits += hit->list[--i].count;
        }
        if (j > 0 && miss->list[j - 1].key == key) {
            p->threshold = smx_scores_value(miss, j - 1);
            misses += miss->list[--j].count;
        }
        p->true_share = (double)hits / (double)hit->count;
        p->false_share = (double)misses / (double)miss->count;
    }
    return point;
}

double smx_roc_at(const struct smx_roc_point *roc, size_t count, double false_share)
{
    double best = 0;

    for (size_t i = 0; i < count; i++)
        if (roc[i].false_share <= false_share && roc[i].true_share > best)
            best = roc[i].true_share;
    return best;
}

/* ---- AUC ---- */

/* For each score of one list, the share of the other that lies below it, equal ones counted half: their mean
 * is returned, their variance (of a sample) is in *variance, the share of equal pairs in *ties. */
static double placements(const struct smx_scores *of, const struct smx_scores *among, double *variance,
                         double *ties)
{
    double mean = 0, squares = 0, seen = 0, below = 0, equal_pairs = 0;
    size_t j = 0;

    for (size_t i = 0; i < of->used; i++) {
        double weight = (double)of->list[i].count, equal = 0, value, step;

        while (j < among->used && among->list[j].key < of->list[i].key)
            below += (double)among->list[j++].count;
        if (j < among->used && among->list[j].key == of->list[i].key)
            equal = (double)among->list[j].count;
        value = (below + equal / 2) / (double)among->count;
        equal_pairs += weight * equal;
        seen += weight; /* Welford's way, with weights */
        step = value - mean;
        mean += step * weight / seen;
        squares += weight * step * (value - mean);
    }
    *variance = seen > 1 ? squares / (seen - 1) : 0;
    *ties = equal_pairs / ((double)of->count * (double)among->count);
    return mean;
}

/* Of the AUC, when all scores are of one distribution (Mann-Whitney, corrected for ties). */
static double variance_under_chance(const struct smx_scores *a, const struct smx_scores *b)
{
    double n = (double)a->count, m = (double)b->count, all = n + m, tied = 0;
    size_t i = 0, j = 0;

    while (i < a->used || j < b->used) {
        bool first = j == b->used || (i < a->used && a->list[i].key <= b->list[j].key);
        int64_t key = first ? a->list[i].key : b->list[j].key;
        double t = 0;

        if (i < a->used && a->list[i].key == key)
            t += (double)a->list[i++].count;
        if (j < b->used && b->list[j].key == key)
            t += (double)b->list[j++].count;
        tied += t * t * t - t;
    }
    return (all + 1 - tied / (all * (all - 1))) / (12 * n * m);
}

static double within(double value)
{
    return fmin(fmax(value, 0), 1);
}

struct smx_auc smx_auc_of(struct smx_scores *hit, struct smx_scores *miss, double level)
{
    struct smx_auc r = {0.5, 0, 1, 0, 1, 0, hit->count, miss->count};
    double of_true, of_false, ties, z = smx_normal_z(level), spread;

    if (hit->count == 0 || miss->count == 0)
        return r;
    on_one_scale(hit, miss);
    r.auc = placements(hit, miss, &of_true, &ties);
    (void)placements(miss, hit, &of_false, &ties);
    r.slack = hit->dropped > 0 ? ties / 2 : 0;
    spread = z * sqrt(of_true / (double)hit->count + of_false / (double)miss->count);
    r.low = within(r.auc - spread);
    r.high = within(r.auc + spread);
    if (of_true == 0 && of_false == 0) {
        /* all alike: as many pairs without one that differs, so the exact bound for none */
        double fewer = (double)(hit->count < miss->count ? hit->count : miss->count);
        double differ = 1 - pow((1 - level) / 2, 1 / fewer);

        r.low = r.auc < 0.5 ? 0 : r.auc - differ * r.auc;
        r.high = r.auc > 0.5 ? 1 : r.auc + differ * (1 - r.auc);
    }
    spread = z * sqrt(variance_under_chance(hit, miss));
    r.chance_low = within(0.5 - spread);
    r.chance_high = within(0.5 + spread);
    return r;
}
