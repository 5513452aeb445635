#include "sim/result.h"

#include "sim/stats.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MEASURE_TEXT(id, name, unit, does) {name, unit, does},
const struct smx_measure_text smx_measure_text[SMX_MEASURE_COUNT] = {SMX_MEASURES(MEASURE_TEXT)};
#define TALLY_TEXT(id, name, does) {name, does},
const struct smx_tally_text smx_tally_text[SMX_TALLY_COUNT] = {SMX_TALLIES(TALLY_TEXT)};
const char *const smx_role_name[SMX_ROLE_COUNT] = {"client", "guard", "middle", "end"};

static void *must(void *p)
{
    if (!p)
        abort();
    return p;
}

#define COPY(field, text) ((void)snprintf(field, sizeof(field), "%s", text))

/* ---- figures ---- */

const struct smx_figure *smx_figures_find(const struct smx_figures *f, const char *name)
{
    for (size_t i = 0; i < f->count; i++)
        if (strcmp(f->list[i].name, name) == 0)
            return &f->list[i];
    return NULL;
}

/* The figure of that name, put into its place when there is none. */
static struct smx_figure *figure_of(struct smx_figures *f, const struct smx_figure *like)
{
    size_t at = 0;

    while (at < f->count && strcmp(f->list[at].name, like->name) < 0)
        at++;
    if (at < f->count && strcmp(f->list[at].name, like->name) == 0)
        return &f->list[at];
    f->list = must(realloc(f->list, (f->count + 1) * sizeof *f->list));
    memmove(&f->list[at + 1], &f->list[at], (f->count - at) * sizeof *f->list);
    f->count++;
    f->list[at] = *like;
    f->list[at].sum = 0;
    f->list[at].count = 0;
    return &f->list[at];
}

static void add_figure(struct smx_figures *f, const struct smx_figure *more)
{
    struct smx_figure *to = figure_of(f, more);

    to->least = to->count ? fmin(to->least, more->least) : more->least;
    to->most = to->count ? fmax(to->most, more->most) : more->most;
    to->sum += more->sum;
    to->count += more->count;
}

void smx_figures_add(struct smx_figures *f, const char *name, double value, const char *unit,
                     const char *says)
{
    struct smx_figure one = {.sum = value, .least = value, .most = value, .count = 1};

    assert(isfinite(value));
    COPY(one.name, name);
    COPY(one.unit, unit);
    COPY(one.says, says);
    add_figure(f, &one);
}

static void merge_figures(struct smx_figures *into, const struct smx_figures *from)
{
    for (size_t i = 0; i < from->count; i++)
        add_figure(into, &from->list[i]);
}

/* ---- attacks ---- */

void smx_attack_trial(struct smx_attack_result *a, bool success, double chance)
{
    smx_attack_trials(a, 1, success ? 1 : 0, chance);
}

void smx_attack_trials(struct smx_attack_result *a, uint64_t trials, uint64_t successes, double chance)
{
    assert(successes <= trials && chance >= 0 && chance <= 1);
    a->trials += trials;
    a->successes += successes;
    a->chance_sum += (double)trials * chance;
}

void smx_attack_set(struct smx_attack_result *a, const double *weight, size_t candidates)
{
    if (candidates == 0)
        return;
    smx_spread_add(&a->entropy, (uint64_t)llround(1000 * smx_entropy(weight, candidates)));
    smx_spread_add(&a->entropy_before, (uint64_t)llround(1000 * log2((double)candidates)));
}

double smx_attack_chance(const struct smx_attack_result *a)
{
    return a->trials ? a->chance_sum / (double)a->trials : 0;
}

void smx_attack_result_fini(struct smx_attack_result *a)
{
    smx_scores_fini(&a->scores_true);
    smx_scores_fini(&a->scores_false);
    smx_spread_fini(&a->entropy);
    smx_spread_fini(&a->entropy_before);
    free(a->figures.list);
    a->figures = (struct smx_figures){0};
}

const struct smx_attack_result *smx_result_attack_find(const struct smx_result *r, const char *name,
                                                       const char *arm)
{
    for (size_t i = 0; i < r->attacks; i++)
        if (strcmp(r->attack[i].name, name) == 0 && strcmp(r->attack[i].arm, arm) == 0)
            return &r->attack[i];
    return NULL;
}

struct smx_attack_result *smx_result_attack(struct smx_result *r, const char *name, const char *arm)
{
    const struct smx_attack_result *found = smx_result_attack_find(r, name, arm);
    struct smx_attack_result *a;

    if (found)
        return &r->attack[found - r->attack];
    r->attack = must(realloc(r->attack, (r->attacks + 1) * sizeof *r->attack));
    a = &r->attack[r->attacks++];
    *a = (struct smx_attack_result){0};
    COPY(a->name, name);
    COPY(a->arm, arm);
    return a;
}

static void merge_attack(struct smx_result *into, const struct smx_attack_result *from)
{
    struct smx_attack_result *a = smx_result_attack(into, from->name, from->arm);

    a->is_control |= from->is_control;
    if (!a->says[0])
        COPY(a->says, from->says);
    a->trials += from->trials;
    a->successes += from->successes;
    a->chance_sum += from->chance_sum;
    smx_scores_merge(&a->scores_true, &from->scores_true);
    smx_scores_merge(&a->scores_false, &from->scores_false);
    smx_spread_merge(&a->entropy, &from->entropy);
    smx_spread_merge(&a->entropy_before, &from->entropy_before);
    merge_figures(&a->figures, &from->figures);
}

/* ---- a result ---- */

struct smx_result *smx_result_new(const char *scenario, const char *text, const char *version)
{
    struct smx_result *r = must(calloc(1, sizeof *r));

    COPY(r->scenario, scenario);
    COPY(r->version, version);
    r->text = text ? must(strdup(text)) : NULL;
    return r;
}

void smx_result_free(struct smx_result *r)
{
    if (!r)
        return;
    for (size_t i = 0; i < SMX_MEASURE_COUNT; i++)
        smx_spread_fini(&r->measure[i]);
    for (size_t i = 0; i < SMX_ROLE_COUNT; i++) {
        smx_spread_fini(&r->traffic[i].out);
        smx_spread_fini(&r->traffic[i].in);
    }
    for (size_t i = 0; i < r->attacks; i++)
        smx_attack_result_fini(&r->attack[i]);
    free(r->attack);
    free(r->figures.list);
    free(r->seed);
    free(r->text);
    free(r);
}

void smx_result_seed(struct smx_result *r, uint64_t seed)
{
    assert(r->seeds < SMX_RESULT_SEEDS);
    r->seed = must(realloc(r->seed, (r->seeds + 1) * sizeof *r->seed));
    r->seed[r->seeds++] = seed;
}

static uint64_t bits_per_second(uint64_t bytes, smx_time time)
{
    return (uint64_t)llround((double)bytes * 8 * 1e9 / (double)time);
}

void smx_result_traffic(struct smx_result *r, enum smx_traffic_role role, smx_time time, uint64_t payload_out,
                        uint64_t datagrams_out, uint64_t payload_in, uint64_t datagrams_in)
{
    struct smx_role_traffic *t = &r->traffic[role];
    uint64_t out = payload_out + SMX_DATAGRAM_OVERHEAD * datagrams_out;
    uint64_t in = payload_in + SMX_DATAGRAM_OVERHEAD * datagrams_in;

    if (time == 0)
        return;
    t->nodes++;
    t->ns += time;
    t->bytes_out += out;
    t->bytes_in += in;
    t->datagrams_out += datagrams_out;
    t->datagrams_in += datagrams_in;
    smx_spread_add(&t->out, bits_per_second(out, time));
    smx_spread_add(&t->in, bits_per_second(in, time));
}

static void merge_traffic(struct smx_role_traffic *into, const struct smx_role_traffic *from)
{
    into->nodes += from->nodes;
    into->ns += from->ns;
    into->bytes_out += from->bytes_out;
    into->bytes_in += from->bytes_in;
    into->datagrams_out += from->datagrams_out;
    into->datagrams_in += from->datagrams_in;
    smx_spread_merge(&into->out, &from->out);
    smx_spread_merge(&into->in, &from->in);
}

static void at_least(uint64_t *to, uint64_t value)
{
    if (value > *to)
        *to = value;
}

enum smx_err smx_result_merge(struct smx_result *into, const struct smx_result *from)
{
    if (strcmp(into->scenario, from->scenario) != 0 || strcmp(into->version, from->version) != 0 ||
        !into->text != !from->text || (into->text && strcmp(into->text, from->text) != 0) ||
        from->seeds > SMX_RESULT_SEEDS - into->seeds)
        return SMX_E_STATE;
    for (size_t i = 0; i < from->seeds; i++)
        smx_result_seed(into, from->seed[i]);
    into->virtual_ns += from->virtual_ns;
    at_least(&into->clients, from->clients);
    at_least(&into->relays, from->relays);
    at_least(&into->always_on, from->always_on);
    for (size_t i = 0; i < SMX_TALLY_COUNT; i++)
        into->tally[i] += from->tally[i];
    for (size_t i = 0; i < SMX_MEASURE_COUNT; i++)
        smx_spread_merge(&into->measure[i], &from->measure[i]);
    for (size_t i = 0; i < SMX_ROLE_COUNT; i++)
        merge_traffic(&into->traffic[i], &from->traffic[i]);
    merge_figures(&into->figures, &from->figures);
    for (size_t i = 0; i < from->attacks; i++)
        merge_attack(into, &from->attack[i]);
    return SMX_OK;
}
