#include "sim/adversary/passive.h"

#include "sim/adversary/signal.h"
#include "sim/run.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *must(void *p)
{
    if (!p)
        abort();
    return p;
}

/* ---- rates ---- */

/* Wide bins see spurts, narrow ones single datagrams.  "quick": what changes more slowly than in half a
 * second is taken away first, for it is much alike in all calls that began at about the same time. */
static const struct {
    unsigned ms;
    bool quick;
} width[] = {{20, true}, {20, false}, {100, true}, {100, false}, {500, false}};
enum { WIDTHS = sizeof width / sizeof width[0], LAG_MS = 800, QUICK_MS = 250 };

/* Of each node what it sends, then of each what it is sent; all standardized. */
static float *series(const struct smx_trace *trace, uint32_t relays, const uint32_t *node, size_t nodes,
                     bool to_node, smx_time bin, size_t bins, bool quick)
{
    float *all = must(calloc(nodes * bins + 1, sizeof *all));

    for (size_t i = 0; i < nodes; i++) {
        smx_trace_rate_access(trace, relays, node[i], to_node, SMX_TRACE_BYTES, 0, bin, all + i * bins, bins);
        if (quick)
            smx_signal_sharpen(all + i * bins, bins, (size_t)(SMX_MS(QUICK_MS) / bin));
        smx_signal_standardize(all + i * bins, bins);
    }
    return all;
}

/* Some are like everybody, because little was lost on their way, or much: what a callee has in common with
 * all callers is taken away.  Then, among a caller's candidates, by how many standard deviations does each
 * stand out?  Squared, so that the way of looking that tells most counts most. */
static void add_standing(struct smx_match *m, double *r)
{
    for (size_t k = 0; k < m->callees; k++) {
        double mean = 0;

        for (size_t i = 0; i < m->callers; i++)
            mean += r[i * m->callees + k] / (double)m->callers;
        for (size_t i = 0; i < m->callers; i++)
            r[i * m->callees + k] -= mean;
    }
    for (size_t i = 0; i < m->callers; i++) {
        const double *row = r + i * m->callees;
        double mean = 0, power = 0;

        for (size_t k = 0; k < m->callees; k++)
            mean += row[k] / (double)m->callees;
        for (size_t k = 0; k < m->callees; k++)
            power += (row[k] - mean) * (row[k] - mean) / (double)m->callees;
        for (size_t k = 0; k < m->callees && power > 1e-12; k++)
            if (row[k] > mean)
                m->score[i * m->callees + k] += (row[k] - mean) * (row[k] - mean) / power;
    }
}

static void correlate(struct smx_match *m, const struct smx_trace *trace, uint32_t relays, smx_time bin,
                      size_t bins, bool quick)
{
    size_t lags = (size_t)(SMX_MS(LAG_MS) / bin);
    float *sent = series(trace, relays, m->caller, m->callers, false, bin, bins, quick),
          *got = series(trace, relays, m->caller, m->callers, true, bin, bins, quick),
          *sent_there = series(trace, relays, m->callee, m->callees, false, bin, bins, quick),
          *got_there = series(trace, relays, m->callee, m->callees, true, bin, bins, quick);
    double *r = must(calloc(m->callers * m->callees + 1, sizeof *r));

    for (size_t i = 0; i < m->callers; i++)
        for (size_t k = 0; k < m->callees; k++)
            r[i * m->callees + k] =
                smx_signal_correlate(sent + i * bins, got_there + k * bins, bins, 0, lags, NULL) +
                smx_signal_correlate(sent_there + k * bins, got + i * bins, bins, 0, lags, NULL);
    add_standing(m, r);
    free(sent);
    free(got);
    free(sent_there);
    free(got_there);
    free(r);
}

/* ---- presence: single datagrams while little is sent, as when a call is set up, say most ---- */

static const struct {
    unsigned ms;
    bool near;
} look[] = {{20, false}, {20, true}, {60, false}};
enum { PRESENCES = sizeof look / sizeof look[0] };

/* 1 where something was there; or, if it may come a bin sooner or later, near. */
static float *presence(const struct smx_trace *trace, uint32_t relays, const uint32_t *node, size_t nodes,
                       bool to_node, smx_time bin, size_t bins, bool near)
{
    float *all = must(calloc(nodes * bins + 1, sizeof *all)), *x = must(calloc(bins + 2, sizeof *x));

    for (size_t i = 0; i < nodes; i++) {
        memset(x, 0, (bins + 2) * sizeof *x);
        smx_trace_rate_access(trace, relays, node[i], to_node, SMX_TRACE_DATAGRAMS, 0, bin, x + 1, bins);
        for (size_t b = 0; b < bins; b++)
            all[i * bins + b] = x[b + 1] > 0 || (near && (x[b] > 0 || x[b + 2] > 0)) ? 1 : 0;
    }
    free(x);
    return all;
}

/* Of what a node is sent: what each bin says for a source; *base is what it says for one that sends nothing.
 */
static float *evidence(const float *got, size_t nodes, size_t bins, size_t around, double *base)
{
    float *all = must(calloc(nodes * bins + 1, sizeof *all)),
          *if_not = must(calloc(bins + 1, sizeof *if_not));

    for (size_t i = 0; i < nodes; i++) {
        smx_signal_evidence(got + i * bins, bins, around, all + i * bins, if_not);
        base[i] = 0;
        for (size_t b = 0; b < bins; b++) {
            base[i] += (double)if_not[b];
            all[i * bins + b] -= if_not[b];
        }
    }
    free(if_not);
    return all;
}

static void weigh_presence(struct smx_match *m, const struct smx_trace *trace, uint32_t relays, smx_time bin,
                           size_t bins, bool near)
{
    size_t lags = (size_t)(SMX_MS(LAG_MS) / bin), around = (size_t)(SMX_SECOND(1) / bin);
    float *sent = presence(trace, relays, m->caller, m->callers, false, bin, bins, false),
          *got = presence(trace, relays, m->caller, m->callers, true, bin, bins, near),
          *sent_there = presence(trace, relays, m->callee, m->callees, false, bin, bins, false),
          *got_there = presence(trace, relays, m->callee, m->callees, true, bin, bins, near);
    double *base = must(calloc(m->callers + 1, sizeof *base)),
           *base_there = must(calloc(m->callees + 1, sizeof *base_there)),
           *r = must(calloc(m->callers * m->callees + 1, sizeof *r));
    float *says = evidence(got, m->callers, bins, around, base),
          *says_there = evidence(got_there, m->callees, bins, around, base_there);

    for (size_t i = 0; i < m->callers; i++)
        for (size_t k = 0; k < m->callees; k++)
            r[i * m->callees + k] =
                smx_signal_correlate(sent + i * bins, says_there + k * bins, bins, 0, lags, NULL) +
                base_there[k] +
                smx_signal_correlate(sent_there + k * bins, says + i * bins, bins, 0, lags, NULL) + base[i];
    add_standing(m, r);
    free(sent);
    free(got);
    free(sent_there);
    free(got_there);
    free(base);
    free(base_there);
    free(r);
    free(says);
    free(says_there);
}

void smx_passive_rates(struct smx_match *m, const struct smx_trace *trace, uint32_t relays, smx_time span)
{
    memset(m->score, 0, m->callers * m->callees * sizeof *m->score);
    for (size_t w = 0; w < WIDTHS; w++)
        correlate(m, trace, relays, SMX_MS(width[w].ms), (size_t)(span / SMX_MS(width[w].ms)),
                  width[w].quick);
    for (size_t w = 0; w < PRESENCES; w++) {
        smx_time bin = SMX_MS(look[w].ms);

        weigh_presence(m, trace, relays, bin, (size_t)(span / bin), look[w].near);
    }
    for (size_t p = 0; p < m->callers * m->callees; p++)
        m->score[p] /= WIDTHS + PRESENCES;
    /* The evidence of a score, less what the best of so many scores without any meaning would have. */
    for (size_t p = 0; p < m->callers * m->callees; p++)
        m->weight[p] = exp(fmin(fmax(m->score[p] / 2 - log((double)m->callees), 0), 600));
}

/* ---- changes ---- */

enum { BIN_MS = 20, SPREAD = 1 };
static const size_t window[] = {25, 3}; /* bins: spurts, and single datagrams */
enum { WINDOWS = sizeof window / sizeof window[0] };

struct changes {
    struct smx_change *list;
    size_t count;
};

/* A step is a third of all that the series varies at this scale. */
static float step_of(const float *x, size_t bins, size_t scale)
{
    float sum = 0, least = INFINITY, most = -INFINITY;

    for (size_t i = 0; i < bins; i++) {
        sum += x[i] - (i >= scale ? x[i - scale] : 0);
        if (i + 1 >= scale) {
            least = sum < least ? sum : least;
            most = sum > most ? sum : most;
        }
    }
    return most - least > (float)scale * 3e-3F ? (most - least) / (float)scale / 3 : 1e-3F;
}

static struct changes *changes_of(const struct smx_trace *trace, uint32_t relays, const uint32_t *node,
                                  size_t nodes, bool to_node, size_t bins, size_t scale)
{
    struct changes *all = must(calloc(nodes + 1, sizeof *all));
    float *x = must(calloc(bins + 1, sizeof *x));

    for (size_t i = 0; i < nodes; i++) {
        memset(x, 0, bins * sizeof *x);
        smx_trace_rate_access(trace, relays, node[i], to_node, SMX_TRACE_BYTES, 0, SMX_MS(BIN_MS), x, bins);
        all[i].list = smx_changes(x, bins, scale, step_of(x, bins, scale), &all[i].count);
    }
    free(x);
    return all;
}

static void free_changes(struct changes *all, size_t nodes)
{
    for (size_t i = 0; i < nodes; i++)
        free(all[i].list);
    free(all);
}

static double match(const struct changes *a, const struct changes *b, size_t bins)
{
    return smx_changes_match(a->list, a->count, b->list, b->count, bins, LAG_MS / BIN_MS, SPREAD);
}

static void match_changes(struct smx_match *m, const struct smx_trace *trace, uint32_t relays, size_t bins,
                          size_t scale)
{
    struct changes *sent = changes_of(trace, relays, m->caller, m->callers, false, bins, scale),
                   *got = changes_of(trace, relays, m->caller, m->callers, true, bins, scale),
                   *sent_there = changes_of(trace, relays, m->callee, m->callees, false, bins, scale),
                   *got_there = changes_of(trace, relays, m->callee, m->callees, true, bins, scale);

    for (size_t i = 0; i < m->callers; i++)
        for (size_t k = 0; k < m->callees; k++)
            m->score[i * m->callees + k] +=
                match(&sent[i], &got_there[k], bins) + match(&sent_there[k], &got[i], bins);
    free_changes(sent, m->callers);
    free_changes(got, m->callers);
    free_changes(sent_there, m->callees);
    free_changes(got_there, m->callees);
}

void smx_passive_changes(struct smx_match *m, const struct smx_trace *trace, uint32_t relays, smx_time span)
{
    memset(m->score, 0, m->callers * m->callees * sizeof *m->score);
    for (size_t w = 0; w < WINDOWS; w++)
        match_changes(m, trace, relays, (size_t)(span / SMX_MS(BIN_MS)), window[w]);
    for (size_t p = 0; p < m->callers * m->callees; p++)
        m->weight[p] = exp(fmin(fmax(m->score[p], -600), 600));
}

/* ---- on a run ---- */

enum { TALKED_S = 5 }; /* calls shorter than that are nobody's aim */

struct watcher {
    struct smx_trace *trace;
    const char *arm;
    void (*fill)(struct smx_match *, const struct smx_trace *, uint32_t, smx_time);
};

static void *begin(struct smx_sim *sim, const char *arm,
                   void (*fill)(struct smx_match *, const struct smx_trace *, uint32_t, smx_time))
{
    struct watcher *w = must(calloc(1, sizeof *w));

    w->arm = arm;
    w->fill = fill;
    w->trace = smx_trace_new(smx_sim_begins(sim), smx_sim_ends(sim), smx_sim_scenario(sim)->relays);
    smx_sim_watch(sim, smx_trace_tap, w->trace);
    return w;
}

static void *begin_rates(struct smx_sim *sim, const char *arm)
{
    return begin(sim, arm, smx_passive_rates);
}

static void *begin_changes(struct smx_sim *sim, const char *arm)
{
    return begin(sim, arm, smx_passive_changes);
}

static void end(void *self, struct smx_sim *sim, struct smx_attack_result *result)
{
    struct watcher *w = self;
    struct smx_match m;

    smx_sim_unwatch(sim, smx_trace_tap, w->trace);
    smx_match_of(&m, sim, SMX_SECOND(TALKED_S));
    w->fill(&m, w->trace, smx_sim_scenario(sim)->relays, smx_sim_now(sim) - smx_sim_begins(sim));
    smx_match_judge(&m, result, smx_sim_rng(sim));
    result->is_control = strcmp(w->arm, SMX_ARM_ON) != 0;
    snprintf(result->says, sizeof result->says,
             "for each caller, the other end of his call was named among all who were called");
    smx_figures_add(&result->figures, "candidates", (double)m.callees, "clients",
                    "among whom the other end is");
    smx_figures_add(&result->figures, "datagrams", (double)smx_trace_entries(w->trace), "datagrams",
                    "seen on access links");
    smx_match_fini(&m);
    smx_trace_free(w->trace);
    free(w);
}

static const char *const arms[] = {SMX_ARM_ON, SMX_ARM_OFF, NULL};

const struct smx_attack smx_attack_passive = {
    .name = "passive",
    .does = "watches all access links and correlates rates, to find the other end of each call",
    .arms = arms,
    .looks_on = true,
    .begin = begin_rates,
    .end = end,
};

const struct smx_attack smx_attack_startstop = {
    .name = "startstop",
    .does = "watches all access links and matches moments at which traffic changes, to find the other end of "
            "each call",
    .arms = arms,
    .looks_on = true,
    .begin = begin_changes,
    .end = end,
};
