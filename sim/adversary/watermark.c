#include "sim/adversary/watermark.h"

#include "sim/adversary/eye.h"
#include "sim/adversary/mark.h"
#include "sim/run.h"
#include "sim/trace.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    DROP_PPM = 10000,
    LEAST_S = 10, /* marks that were on for less are not judged */
    SLOW = 4,     /* what changes more slowly than so many chips is taken for the network's own */
};

static const unsigned swing_ms[] = {40, 100, 20, 6}, chip_ms[] = {1000, 200};
enum { SWINGS = sizeof swing_ms / sizeof swing_ms[0], CHIPS = sizeof chip_ms / sizeof chip_ms[0] };

/* A call whose caller is marked. */
struct flow {
    uint32_t caller, callee; /* nodes */
    size_t call;             /* in the list of the truth */
    bool on;
    smx_time from, until;
    smx_time released; /* when the newest of his datagrams goes on: they stay in order */
    size_t swing, chip;
    uint8_t *level;
    size_t bins;
    struct smx_eye eye;
};

/* A guard all of whose links to middles are marked alike. */
struct guard {
    bool marked;
    size_t swing, chip;
    uint8_t *level;     /* since measured time began */
    smx_time *released; /* by relay */
};

struct marker {
    struct smx_sim *sim;
    const char *arm;
    bool drops;
    uint32_t relays;
    struct guard *guard; /* by relay; NULL: callers' access links are marked */
    uint32_t *entry;     /* by node: the relay that a client sent to last */
    bool *is_middle;     /* by relay */
    struct smx_rng rng;
    struct smx_trace *trace;
    struct flow *flow;
    size_t flows, room;
    bool *met; /* calls of the truth that were decided on */
    size_t calls;
};

static void *must(void *p)
{
    if (!p)
        abort();
    return p;
}

/* ---- marking ---- */

static size_t bin_at(smx_time from, smx_time now)
{
    return (size_t)((now - from) / SMX_MS(SMX_MARK_BIN_MS));
}

static void hold(smx_time *released, smx_time now, bool up, size_t swing, smx_time *delay)
{
    smx_time at = now + (up ? SMX_MS(swing_ms[swing]) : 0);

    if (at < *released)
        at = *released;
    *released = at;
    *delay += at - now;
}

static bool tap_access(struct marker *m, smx_time now, uint32_t from, smx_time *delay)
{
    for (size_t i = 0; i < m->flows; i++) {
        struct flow *f = &m->flow[i];
        size_t bin = bin_at(f->from, now);

        if (!f->on || f->caller != from || bin >= f->bins)
            continue;
        if (m->drops)
            return !f->level[bin];
        hold(&f->released, now, f->level[bin], f->swing, delay);
    }
    return true;
}

static bool tap(void *arg, smx_time now, uint32_t from, uint32_t to, uint8_t *bytes, size_t len,
                smx_time *delay)
{
    struct marker *m = arg;

    (void)bytes;
    (void)len;
    if (to >= m->relays)
        return true;
    if (from >= m->relays) {
        m->entry[from] = to;
        return m->guard || tap_access(m, now, from, delay);
    }
    if (m->guard && m->guard[from].marked && m->is_middle[to])
        hold(&m->guard[from].released[to], now, m->guard[from].level[bin_at(smx_sim_begins(m->sim), now)],
             m->guard[from].swing, delay);
    return true;
}

/* Every second guard. */
static void mark_guards(struct marker *m, size_t bins)
{
    size_t count = 0;

    m->guard = must(calloc(m->relays, sizeof *m->guard));
    for (uint32_t i = 0; i < m->relays; i++) {
        struct guard *g = &m->guard[i];

        if (smx_sim_layer(m->sim, i) != SMX_LAYER_GUARD || count++ % 2 == 1)
            continue;
        g->marked = true;
        g->chip = count / 2 % CHIPS;
        g->swing = count / 2 / CHIPS % SWINGS;
        g->level = must(calloc(bins, 1));
        g->released = must(calloc(m->relays, sizeof *g->released));
        smx_mark_draw_delay(g->level, bins, chip_ms[g->chip] / SMX_MARK_BIN_MS, &m->rng);
    }
}

/* The flow's mark: its own, or what its guard does from now on.  False: its guard does nothing. */
static bool choose_mark(struct marker *m, struct flow *f)
{
    size_t all = bin_at(smx_sim_begins(m->sim), smx_sim_ends(m->sim)) + 1, now;
    const struct guard *g;

    f->bins = bin_at(f->from, smx_sim_ends(m->sim)) + 1;
    if (!m->guard) {
        f->chip = m->flows % CHIPS;
        f->swing = m->flows / CHIPS % SWINGS;
        f->level = must(calloc(f->bins, 1));
        if (m->drops)
            smx_mark_draw_drop(f->level, f->bins, DROP_PPM, &m->rng);
        else
            smx_mark_draw_delay(f->level, f->bins, chip_ms[f->chip] / SMX_MARK_BIN_MS, &m->rng);
        return true;
    }
    g = &m->guard[m->entry[f->caller]];
    now = bin_at(smx_sim_begins(m->sim), f->from);
    if (!g->marked || m->entry[f->caller] == m->entry[f->callee] || now >= all)
        return false;
    f->chip = g->chip;
    f->swing = g->swing;
    f->bins = f->bins < all - now ? f->bins : all - now;
    f->level = must(calloc(f->bins, 1));
    memcpy(f->level, g->level + now, f->bins);
    return true;
}

static void start_flow(struct marker *m, size_t call, const struct smx_truth_call *c)
{
    struct flow *f;

    if (m->flows == m->room) {
        m->room = m->room ? 2 * m->room : 64;
        m->flow = must(realloc(m->flow, m->room * sizeof *m->flow));
    }
    f = &m->flow[m->flows];
    memset(f, 0, sizeof *f);
    f->caller = m->relays + (uint32_t)c->caller;
    f->callee = m->relays + (uint32_t)c->callee;
    f->call = call;
    f->on = true;
    f->from = smx_sim_now(m->sim);
    f->until = SMX_NEVER;
    if (!choose_mark(m, f))
        return;
    smx_eye_open(&f->eye, m->sim, f->callee);
    m->flows++;
}

/* Of each two calls that are answered, one is marked.  A marker would know by other means, or mark everybody.
 */
static void look_for_calls(struct marker *m)
{
    size_t count;
    const struct smx_truth_call *call = smx_sim_truth(m->sim, &count);

    if (count > m->calls) {
        m->met = must(realloc(m->met, count * sizeof *m->met));
        memset(m->met + m->calls, 0, (count - m->calls) * sizeof *m->met);
        m->calls = count;
    }
    for (size_t i = 0; i < count; i++)
        if (!m->met[i] && call[i].answered != SMX_NEVER) {
            m->met[i] = true;
            if ((m->guard || i % 2 == 0) && call[i].ended == SMX_NEVER)
                start_flow(m, i, &call[i]);
        }
    for (size_t i = 0; i < m->flows; i++)
        if (m->flow[i].on && call[m->flow[i].call].ended != SMX_NEVER) {
            m->flow[i].on = false;
            m->flow[i].until = call[m->flow[i].call].ended;
        }
}

static void look(void *arg)
{
    struct marker *m = arg;

    look_for_calls(m);
    for (size_t i = 0; i < m->flows; i++)
        if (m->flow[i].on)
            smx_eye_look(&m->flow[i].eye);
    if (smx_sim_now(m->sim) + SMX_MS(SMX_EYE_LOOK_MS) < smx_sim_ends(m->sim))
        smx_sim_at(m->sim, smx_sim_now(m->sim) + SMX_MS(SMX_EYE_LOOK_MS), look, m);
}

enum where { ACCESS, GUARDS };

static void *begin(struct smx_sim *sim, const char *arm, enum where where, bool drops)
{
    struct marker *m = must(calloc(1, sizeof *m));
    size_t clients = smx_sim_network(sim)->clients;

    m->sim = sim;
    m->arm = arm;
    m->drops = drops;
    m->relays = smx_sim_scenario(sim)->relays;
    m->entry = must(calloc(m->relays + clients, sizeof *m->entry));
    m->is_middle = must(calloc(m->relays, sizeof *m->is_middle));
    for (uint32_t i = 0; i < m->relays; i++)
        m->is_middle[i] = smx_sim_layer(sim, i) == SMX_LAYER_MIDDLE;
    smx_rng_fork(&m->rng, smx_sim_rng(sim));
    if (where == GUARDS)
        mark_guards(m, bin_at(smx_sim_begins(sim), smx_sim_ends(sim)) + 1);
    m->trace = smx_trace_new(smx_sim_begins(sim), smx_sim_ends(sim), m->relays);
    smx_sim_watch(sim, tap, m);
    smx_sim_watch(sim, smx_trace_tap, m->trace);
    look(m);
    return m;
}

/* ---- looking for the mark ---- */

enum { VIEWS = SMX_EYE_CIRCUITS };

struct seen {
    size_t bins;
    float *delay[VIEWS], *rate[VIEWS], *link;
};

static float *room_for(size_t bins)
{
    return must(calloc(bins + 1, sizeof(float)));
}

static void see(struct seen *s, const struct marker *m, const struct flow *f, size_t bins)
{
    size_t slow = SLOW * chip_ms[f->chip] / SMX_MARK_BIN_MS;

    s->bins = bins;
    for (size_t v = 0; v < VIEWS; v++) {
        s->delay[v] = room_for(bins);
        s->rate[v] = room_for(bins);
        smx_eye_delays(&f->eye, v, f->from, SMX_MARK_BIN_MS, s->delay[v], bins);
        smx_eye_rate(&f->eye, v, f->from, SMX_MARK_BIN_MS, s->rate[v], bins);
        smx_mark_prepare(s->delay[v], bins, slow);
        smx_mark_prepare(s->rate[v], bins, slow);
    }
    s->link = room_for(bins);
    smx_trace_rate_access(m->trace, m->relays, f->callee, true, SMX_TRACE_DATAGRAMS,
                          f->from - smx_sim_begins(m->sim), SMX_MS(SMX_MARK_BIN_MS), s->link, bins);
    smx_mark_prepare(s->link, bins, slow);
}

static void forget(struct seen *s)
{
    for (size_t v = 0; v < VIEWS; v++) {
        free(s->delay[v]);
        free(s->rate[v]);
    }
    free(s->link);
}

/* *inside: with the guard's eyes too. */
static void fit(const struct marker *m, const struct flow *f, const struct seen *s, const uint8_t *level,
                double *inside, double *outside)
{
    float *delays = room_for(s->bins), *rate = room_for(s->bins);
    double r;

    smx_mark_delays(delays, level, s->bins);
    smx_mark_rate(rate, level, s->bins, m->drops,
                  (swing_ms[f->swing] + SMX_MARK_BIN_MS - 1) / SMX_MARK_BIN_MS);
    *outside = *inside = smx_mark_fit(rate, s->link, s->bins);
    for (size_t v = 0; v < VIEWS; v++) {
        r = smx_mark_fit(rate, s->rate[v], s->bins);
        *inside = r > *inside ? r : *inside;
        r = m->drops ? r : smx_mark_fit(delays, s->delay[v], s->bins);
        *inside = r > *inside ? r : *inside;
    }
    free(delays);
    free(rate);
}

/* Where the true one stands among all, equal ones in random order; 0: before all others. */
struct rank {
    double best;
    uint32_t above, equal;
};

static void compare(struct rank *rank, double decoy)
{
    rank->above += decoy > rank->best;
    rank->equal += !(decoy > rank->best) && !(decoy < rank->best);
}

static bool is_first(const struct rank *rank, struct smx_rng *rng)
{
    return rank->above == 0 && smx_rng_below(rng, rank->equal + 1) == 0;
}

static void add_figure(struct smx_attack_result *result, const struct marker *m, const struct flow *f,
                       bool found)
{
    char name[SMX_RESULT_NAME];

    if (m->drops)
        return;
    snprintf(name, sizeof name, "found_swing_%03ums_chip_%04ums", swing_ms[f->swing], chip_ms[f->chip]);
    smx_figures_add(&result->figures, name, found, "share", "marks found; false positives are 0.01");
}

static void judge(struct marker *m, struct flow *f, struct smx_attack_result *result)
{
    smx_time until = smx_time_min(smx_time_min(f->until, smx_sim_now(m->sim)), smx_sim_ends(m->sim));
    size_t bins = until > f->from ? (size_t)((until - f->from) / SMX_MS(SMX_MARK_BIN_MS)) : 0;
    struct rank in = {.above = 0}, out = {.above = 0};
    double inside, outside;
    uint8_t *decoy;
    struct seen s;
    bool found;

    if (bins > f->bins)
        bins = f->bins;
    if (bins < LEAST_S * 1000 / SMX_MARK_BIN_MS)
        return;
    see(&s, m, f, bins);
    fit(m, f, &s, f->level, &in.best, &out.best);
    smx_scores_add(&result->scores_true, in.best);
    decoy = must(calloc(bins, 1));
    for (int i = 0; i < SMX_MARK_DECOYS; i++) {
        if (m->drops)
            smx_mark_draw_drop(decoy, bins, DROP_PPM, &m->rng);
        else
            smx_mark_draw_delay(decoy, bins, chip_ms[f->chip] / SMX_MARK_BIN_MS, &m->rng);
        fit(m, f, &s, decoy, &inside, &outside);
        smx_scores_add(&result->scores_false, inside);
        compare(&in, inside);
        compare(&out, outside);
    }
    found = is_first(&in, &m->rng);
    smx_attack_trial(result, found, 1.0 / (SMX_MARK_DECOYS + 1));
    add_figure(result, m, f, found);
    smx_figures_add(&result->figures, "found_on_the_access_link", is_first(&out, &m->rng), "share",
                    "marks found without the guard's help; false positives are 0.01");
    free(decoy);
    forget(&s);
}

static void end(void *self, struct smx_sim *sim, struct smx_attack_result *result)
{
    struct marker *m = self;

    smx_sim_unwatch(sim, tap, m);
    smx_sim_unwatch(sim, smx_trace_tap, m->trace);
    look_for_calls(m);
    for (size_t i = 0; i < m->flows; i++) {
        judge(m, &m->flow[i], result);
        smx_eye_close(&m->flow[i].eye);
        free(m->flow[i].level);
    }
    result->is_control = strcmp(m->arm, SMX_ARM_ON) != 0;
    snprintf(
        result->says, sizeof result->says,
        "a mark put on a caller's access link was found at the callee, by his guard or on his link, with "
        "one false positive in a hundred");
    for (uint32_t i = 0; m->guard && i < m->relays; i++) {
        free(m->guard[i].level);
        free(m->guard[i].released);
    }
    free(m->guard);
    free(m->entry);
    free(m->is_middle);
    free(m->flow);
    free(m->met);
    smx_trace_free(m->trace);
    free(m);
}

static void *begin_delay(struct smx_sim *sim, const char *arm)
{
    return begin(sim, arm, ACCESS, false);
}

static void *begin_drop(struct smx_sim *sim, const char *arm)
{
    return begin(sim, arm, ACCESS, true);
}

static void *begin_guards(struct smx_sim *sim, const char *arm)
{
    return begin(sim, arm, GUARDS, false);
}

static const char *const delay_arms[] = {SMX_ARM_ON, SMX_ARM_OFF, SMX_ARM_ADAPTIVE, NULL};
static const char *const drop_arms[] = {SMX_ARM_ON, SMX_ARM_OFF, NULL};

const struct smx_attack smx_attack_watermark = {
    .name = "watermark",
    .does =
        "delays a caller's datagrams in a pattern and looks for it at the callee, as his guard and on his "
        "access link",
    .arms = delay_arms,
    .begin = begin_delay,
    .end = end,
};

const struct smx_attack smx_attack_watermark_drop = {
    .name = "watermark-drop",
    .does = "loses one in a hundred of a caller's datagrams in a pattern and looks for it at the callee",
    .arms = drop_arms,
    .begin = begin_drop,
    .end = end,
};

const struct smx_attack smx_attack_watermark_guard = {
    .name = "watermark-guard",
    .does = "delays all that a guard sends to middles in a pattern and looks for it at the callees of its "
            "clients",
    .arms = delay_arms,
    .begin = begin_guards,
    .end = end,
};
