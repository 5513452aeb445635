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

static const unsigned width_ms[] = {20, 100, 500};
enum { WIDTHS = sizeof width_ms / sizeof width_ms[0], LAG_MS = 500 };

/* Of each node what it sends, then of each what it is sent; all standardized. */
static float *series(const struct smx_trace *trace, uint32_t relays, const uint32_t *node, size_t nodes,
                     bool to_node, smx_time bin, size_t bins)
{
    float *all = must(calloc(nodes * bins + 1, sizeof *all));

    for (size_t i = 0; i < nodes; i++) {
        smx_trace_rate_access(trace, relays, node[i], to_node, SMX_TRACE_BYTES, 0, bin, all + i * bins, bins);
        smx_signal_standardize(all + i * bins, bins);
    }
    return all;
}

/* Among a caller's candidates, by how many standard deviations each stands out. */
static void add_z(const struct smx_match *m, size_t i, const double *r)
{
    double mean = 0, power = 0;

    for (size_t k = 0; k < m->callees; k++)
        mean += r[k];
    mean /= (double)m->callees;
    for (size_t k = 0; k < m->callees; k++)
        power += (r[k] - mean) * (r[k] - mean);
    power = sqrt(power / (double)m->callees);
    for (size_t k = 0; k < m->callees && power > 1e-9; k++)
        m->score[i * m->callees + k] += (r[k] - mean) / power / WIDTHS;
}

static void correlate(struct smx_match *m, const struct smx_trace *trace, uint32_t relays, smx_time bin,
                      size_t bins)
{
    size_t lags = (size_t)(SMX_MS(LAG_MS) / bin);
    float *sent = series(trace, relays, m->caller, m->callers, false, bin, bins),
          *got = series(trace, relays, m->caller, m->callers, true, bin, bins),
          *sent_there = series(trace, relays, m->callee, m->callees, false, bin, bins),
          *got_there = series(trace, relays, m->callee, m->callees, true, bin, bins);
    double *r = must(calloc(m->callees + 1, sizeof *r));

    for (size_t i = 0; i < m->callers; i++) {
        for (size_t k = 0; k < m->callees; k++)
            r[k] = smx_signal_correlate(sent + i * bins, got_there + k * bins, bins, 0, lags, NULL) +
                   smx_signal_correlate(sent_there + k * bins, got + i * bins, bins, 0, lags, NULL);
        add_z(m, i, r);
    }
    free(sent);
    free(got);
    free(sent_there);
    free(got_there);
    free(r);
}

void smx_passive_rates(struct smx_match *m, const struct smx_trace *trace, uint32_t relays, smx_time span)
{
    memset(m->score, 0, m->callers * m->callees * sizeof *m->score);
    for (size_t w = 0; w < WIDTHS; w++)
        correlate(m, trace, relays, SMX_MS(width_ms[w]), (size_t)(span / SMX_MS(width_ms[w])));
    /* The evidence of a score, less what the best of so many scores without any meaning would have. */
    for (size_t p = 0; p < m->callers * m->callees; p++) {
        double z = fmax(m->score[p], 0);

        m->weight[p] = exp(fmin(fmax(z * z / 2 - log((double)m->callees), 0), 600));
    }
}

/* ---- changes ---- */

enum { BIN_MS = 20, WINDOW = 25, SPREAD = 2 };

struct changes {
    struct smx_change *list;
    size_t count;
};

/* A step is a third of all that the series varies at this scale. */
static float step_of(const float *x, size_t bins)
{
    float sum = 0, least = INFINITY, most = -INFINITY;

    for (size_t i = 0; i < bins; i++) {
        sum += x[i] - (i >= WINDOW ? x[i - WINDOW] : 0);
        if (i + 1 >= WINDOW) {
            least = sum < least ? sum : least;
            most = sum > most ? sum : most;
        }
    }
    return most - least > WINDOW * 3e-3F ? (most - least) / WINDOW / 3 : 1e-3F;
}

static struct changes *changes_of(const struct smx_trace *trace, uint32_t relays, const uint32_t *node,
                                  size_t nodes, bool to_node, size_t bins)
{
    struct changes *all = must(calloc(nodes + 1, sizeof *all));
    float *x = must(calloc(bins + 1, sizeof *x));

    for (size_t i = 0; i < nodes; i++) {
        memset(x, 0, bins * sizeof *x);
        smx_trace_rate_access(trace, relays, node[i], to_node, SMX_TRACE_BYTES, 0, SMX_MS(BIN_MS), x, bins);
        all[i].list = smx_changes(x, bins, WINDOW, step_of(x, bins), &all[i].count);
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

void smx_passive_changes(struct smx_match *m, const struct smx_trace *trace, uint32_t relays, smx_time span)
{
    size_t bins = (size_t)(span / SMX_MS(BIN_MS));
    struct changes *sent = changes_of(trace, relays, m->caller, m->callers, false, bins),
                   *got = changes_of(trace, relays, m->caller, m->callers, true, bins),
                   *sent_there = changes_of(trace, relays, m->callee, m->callees, false, bins),
                   *got_there = changes_of(trace, relays, m->callee, m->callees, true, bins);

    for (size_t i = 0; i < m->callers; i++)
        for (size_t k = 0; k < m->callees; k++) {
            size_t p = i * m->callees + k;

            m->score[p] = match(&sent[i], &got_there[k], bins) + match(&sent_there[k], &got[i], bins);
            m->weight[p] = exp(fmin(fmax(m->score[p], -600), 600));
        }
    free_changes(sent, m->callers);
    free_changes(got, m->callers);
    free_changes(sent_there, m->callees);
    free_changes(got_there, m->callees);
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
