/* sim/result_json.c - a result as JSON, and back.  What stands under "derived" is for people; only the rest
 * is read, and merged. */
#include "sim/result.h"

#include "sim/verdict.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char KIND[] = "simulation";

/* ---- writing ---- */

static void set(json_t *object, const char *name, json_t *value)
{
    if (json_object_set_new(object, name, value) !=
        0) /* refuses NULL: no memory, or text that is not UTF-8 */
        abort();
}

static void set_u64(json_t *object, const char *name, uint64_t value)
{
    set(object, name, json_integer((json_int_t)value));
}

/* Derived values have six digits. */
static void set_derived(json_t *object, const char *name, double value)
{
    char digits[40];

    (void)snprintf(digits, sizeof digits, "%.6g", value);
    set(object, name, json_real(strtod(digits, NULL)));
}

static void append(json_t *array, json_t *value)
{
    if (json_array_append_new(array, value) != 0)
        abort();
}

static json_t *pair_of(double low, double high)
{
    json_t *object = json_object();

    set_derived(object, "low", low);
    set_derived(object, "high", high);
    return object;
}

static json_t *from_spread(const struct smx_spread *s)
{
    static const struct {
        const char *name;
        double q;
    } quantile[] = {{"p01", 0.01}, {"p05", 0.05}, {"p25", 0.25}, {"p50", 0.5},
                    {"p75", 0.75}, {"p95", 0.95}, {"p99", 0.99}, {"p999", 0.999}};
    json_t *object = json_object(), *bins = json_array(), *derived = json_object();

    set_u64(object, "count", s->count);
    set_u64(object, "sum", s->sum);
    set_u64(object, "least", s->least);
    set_u64(object, "most", s->most);
    for (size_t i = 0; s->bin && i < SMX_SPREAD_BINS; i++)
        if (s->bin[i] > 0) {
            append(bins, json_integer((json_int_t)smx_spread_edge(i)));
            append(bins, json_integer((json_int_t)s->bin[i]));
        }
    set(object, "bins", bins);
    for (size_t i = 0; i < sizeof quantile / sizeof *quantile; i++)
        set_derived(derived, quantile[i].name, smx_spread_quantile(s, quantile[i].q));
    set_derived(derived, "mean", smx_spread_mean(s));
    set(object, "derived", derived);
    return object;
}

static json_t *from_scores(struct smx_scores *s)
{
    json_t *object = json_object(), *list = json_array();

    smx_scores_settle(s);
    for (size_t i = 0; i < s->used; i++) {
        append(list, json_real(smx_scores_value(s, i)));
        append(list, json_integer((json_int_t)s->list[i].count));
    }
    set_u64(object, "dropped", s->dropped);
    set(object, "list", list);
    return object;
}

static json_t *from_figures(const struct smx_figures *f)
{
    json_t *object = json_object();

    for (size_t i = 0; i < f->count; i++) {
        const struct smx_figure *of = &f->list[i];
        json_t *one = json_object(), *derived = json_object();

        set(one, "unit", json_string(of->unit));
        set(one, "says", json_string(of->says));
        set(one, "sum", json_real(of->sum));
        set(one, "least", json_real(of->least));
        set(one, "most", json_real(of->most));
        set_u64(one, "count", of->count);
        set_derived(derived, "mean", of->count ? of->sum / (double)of->count : 0);
        set(one, "derived", derived);
        set(object, of->name, one);
    }
    return object;
}

static json_t *derived_of_attack(struct smx_attack_result *a)
{
    json_t *object = json_object();
    struct smx_verdict v = smx_verdict_of(a);

    if (v.has_trials) {
        set_derived(object, "rate", v.rate);
        set(object, "rate_999", pair_of(v.rate_in.low, v.rate_in.high));
        set_derived(object, "chance", v.chance);
        set(object, "chance_999", pair_of(v.chance_in.low, v.chance_in.high));
        set_derived(object, "p_chance", v.p);
    }
    if (v.has_scores) {
        set_derived(object, "auc", v.auc.auc);
        set(object, "auc_999", pair_of(v.auc.low, v.auc.high));
        set(object, "auc_chance_999", pair_of(v.auc.chance_low, v.auc.chance_high));
        set_derived(object, "auc_slack", v.auc.slack);
        set_derived(object, "found_at_1_percent", v.found_1);
        set_derived(object, "found_at_0.1_percent", v.found_01);
    }
    return object;
}

static json_t *from_attack(struct smx_attack_result *a)
{
    json_t *object = json_object();

    set(object, "name", json_string(a->name));
    set(object, "arm", json_string(a->arm));
    set(object, "control", json_boolean(a->is_control));
    set(object, "says", json_string(a->says));
    set_u64(object, "trials", a->trials);
    set_u64(object, "successes", a->successes);
    set(object, "chance_sum", json_real(a->chance_sum));
    set(object, "derived", derived_of_attack(a)); /* before the lists: it may drop bits of their scores */
    set(object, "scores_true", from_scores(&a->scores_true));
    set(object, "scores_false", from_scores(&a->scores_false));
    set(object, "entropy", from_spread(&a->entropy));
    set(object, "entropy_before", from_spread(&a->entropy_before));
    set(object, "figures", from_figures(&a->figures));
    return object;
}

static json_t *from_traffic(const struct smx_role_traffic *t)
{
    json_t *object = json_object();

    set_u64(object, "nodes", t->nodes);
    set_u64(object, "ns", t->ns);
    set_u64(object, "bytes_out", t->bytes_out);
    set_u64(object, "bytes_in", t->bytes_in);
    set_u64(object, "datagrams_out", t->datagrams_out);
    set_u64(object, "datagrams_in", t->datagrams_in);
    set(object, "out", from_spread(&t->out));
    set(object, "in", from_spread(&t->in));
    return object;
}

json_t *smx_result_to_json(struct smx_result *r)
{
    json_t *object = json_object(), *tally = json_object(), *measure = json_object();
    json_t *traffic = json_object(), *seeds = json_array(), *attacks = json_array();

    set(object, "sipmix", json_string(KIND));
    set_u64(object, "version", 1);
    set(object, "program", json_string(r->version));
    set(object, "scenario", json_string(r->scenario));
    set(object, "text", r->text ? json_string(r->text) : json_null());
    for (size_t i = 0; i < r->seeds; i++)
        append(seeds, json_integer((json_int_t)r->seed[i]));
    set(object, "seeds", seeds);
    set_u64(object, "virtual_ns", r->virtual_ns);
    set_u64(object, "clients", r->clients);
    set_u64(object, "relays", r->relays);
    set_u64(object, "always_on", r->always_on);
    for (size_t i = 0; i < SMX_TALLY_COUNT; i++)
        set_u64(tally, smx_tally_text[i].name, r->tally[i]);
    set(object, "tally", tally);
    for (size_t i = 0; i < SMX_MEASURE_COUNT; i++) {
        json_t *one = from_spread(&r->measure[i]);

        set(one, "unit", json_string(smx_measure_text[i].unit));
        set(measure, smx_measure_text[i].name, one);
    }
    set(object, "measure", measure);
    for (size_t i = 0; i < SMX_ROLE_COUNT; i++)
        set(traffic, smx_role_name[i], from_traffic(&r->traffic[i]));
    set(object, "traffic", traffic);
    set(object, "figures", from_figures(&r->figures));
    for (size_t i = 0; i < r->attacks; i++)
        append(attacks, from_attack(&r->attack[i]));
    set(object, "attacks", attacks);
    return object;
}

/* ---- reading ---- */

static bool get_u64(uint64_t *out, const json_t *value)
{
    *out = (uint64_t)json_integer_value(value);
    return json_is_integer(value);
}

static bool get_real(double *out, const json_t *value)
{
    *out = json_number_value(value);
    return json_is_number(value) && isfinite(*out);
}

static bool get_text(char *out, size_t cap, const json_t *value)
{
    const char *text = json_string_value(value);

    return text && (size_t)snprintf(out, cap, "%s", text) < cap;
}

static bool to_spread(struct smx_spread *s, const json_t *object)
{
    const json_t *bins = json_object_get(object, "bins");
    uint64_t count, sum, least, most;

    if (!get_u64(&count, json_object_get(object, "count")) ||
        !get_u64(&sum, json_object_get(object, "sum")) ||
        !get_u64(&least, json_object_get(object, "least")) ||
        !get_u64(&most, json_object_get(object, "most")) || !json_is_array(bins) ||
        json_array_size(bins) % 2 != 0)
        return false;
    for (size_t i = 0; i < json_array_size(bins); i += 2) {
        uint64_t edge, times;

        if (!get_u64(&edge, json_array_get(bins, i)) || !get_u64(&times, json_array_get(bins, i + 1)))
            return false;
        smx_spread_add_times(s, edge, times);
    }
    if (s->count != count ||
        (count > 0 && (least > most || smx_spread_bin(least) != smx_spread_bin(s->least) ||
                       smx_spread_bin(most) != smx_spread_bin(s->most))))
        return false;
    s->sum = sum;
    s->least = least;
    s->most = most;
    return true;
}

static bool to_scores(struct smx_scores *s, const json_t *object)
{
    const json_t *list = json_object_get(object, "list");
    uint64_t dropped;

    if (!get_u64(&dropped, json_object_get(object, "dropped")) || dropped > 63 || !json_is_array(list) ||
        json_array_size(list) % 2 != 0 || json_array_size(list) > (size_t)2 * SMX_SCORES)
        return false;
    s->dropped = (unsigned)dropped;
    for (size_t i = 0; i < json_array_size(list); i += 2) {
        double value;
        uint64_t times;

        if (!get_real(&value, json_array_get(list, i)) || !get_u64(&times, json_array_get(list, i + 1)) ||
            times == 0)
            return false;
        smx_scores_add_times(s, value, times);
    }
    smx_scores_settle(s);
    return true;
}

static bool to_figures(struct smx_figures *f, const json_t *object)
{
    const char *name;
    json_t *one;

    if (!json_is_object(object))
        return false;
    json_object_foreach((json_t *)object, name, one)
    {
        char unit[SMX_RESULT_UNIT], says[SMX_RESULT_SAYS];
        double sum, least, most;
        uint64_t count;

        if (strlen(name) >= SMX_RESULT_NAME || !get_text(unit, sizeof unit, json_object_get(one, "unit")) ||
            !get_text(says, sizeof says, json_object_get(one, "says")) ||
            !get_real(&sum, json_object_get(one, "sum")) ||
            !get_real(&least, json_object_get(one, "least")) ||
            !get_real(&most, json_object_get(one, "most")) ||
            !get_u64(&count, json_object_get(one, "count")) || count == 0)
            return false;
        smx_figures_add(f, name, least, unit, says); /* puts it into its place; its values are set below */
        for (size_t i = 0; i < f->count; i++)
            if (strcmp(f->list[i].name, name) == 0) {
                f->list[i].sum = sum;
                f->list[i].most = most;
                f->list[i].count = count;
            }
    }
    return true;
}

static bool to_attack(struct smx_result *r, const json_t *object)
{
    char name[SMX_RESULT_NAME], arm[SMX_RESULT_NAME];
    struct smx_attack_result *a;

    if (!get_text(name, sizeof name, json_object_get(object, "name")) ||
        !get_text(arm, sizeof arm, json_object_get(object, "arm")) || smx_result_attack_find(r, name, arm))
        return false;
    a = smx_result_attack(r, name, arm);
    a->is_control = json_is_true(json_object_get(object, "control"));
    return get_text(a->says, sizeof a->says, json_object_get(object, "says")) &&
           get_u64(&a->trials, json_object_get(object, "trials")) &&
           get_u64(&a->successes, json_object_get(object, "successes")) && a->successes <= a->trials &&
           get_real(&a->chance_sum, json_object_get(object, "chance_sum")) && a->chance_sum >= 0 &&
           a->chance_sum <= (double)a->trials * (1 + 1e-9) &&
           to_scores(&a->scores_true, json_object_get(object, "scores_true")) &&
           to_scores(&a->scores_false, json_object_get(object, "scores_false")) &&
           to_spread(&a->entropy, json_object_get(object, "entropy")) &&
           to_spread(&a->entropy_before, json_object_get(object, "entropy_before")) &&
           to_figures(&a->figures, json_object_get(object, "figures"));
}

static bool to_traffic(struct smx_role_traffic *t, const json_t *object)
{
    return get_u64(&t->nodes, json_object_get(object, "nodes")) &&
           get_u64(&t->ns, json_object_get(object, "ns")) &&
           get_u64(&t->bytes_out, json_object_get(object, "bytes_out")) &&
           get_u64(&t->bytes_in, json_object_get(object, "bytes_in")) &&
           get_u64(&t->datagrams_out, json_object_get(object, "datagrams_out")) &&
           get_u64(&t->datagrams_in, json_object_get(object, "datagrams_in")) &&
           to_spread(&t->out, json_object_get(object, "out")) &&
           to_spread(&t->in, json_object_get(object, "in"));
}

static bool read_lists(struct smx_result *r, const json_t *json)
{
    const json_t *seeds = json_object_get(json, "seeds"), *attacks = json_object_get(json, "attacks");
    const json_t *tally = json_object_get(json, "tally"), *measure = json_object_get(json, "measure");
    const json_t *traffic = json_object_get(json, "traffic");
    bool good = json_is_array(seeds) && json_array_size(seeds) <= SMX_RESULT_SEEDS && json_is_array(attacks);

    for (size_t i = 0; good && i < json_array_size(seeds); i++) {
        uint64_t seed;

        good = get_u64(&seed, json_array_get(seeds, i));
        smx_result_seed(r, seed);
    }
    for (size_t i = 0; good && i < SMX_TALLY_COUNT; i++)
        good = get_u64(&r->tally[i], json_object_get(tally, smx_tally_text[i].name));
    for (size_t i = 0; good && i < SMX_MEASURE_COUNT; i++)
        good = to_spread(&r->measure[i], json_object_get(measure, smx_measure_text[i].name));
    for (size_t i = 0; good && i < SMX_ROLE_COUNT; i++)
        good = to_traffic(&r->traffic[i], json_object_get(traffic, smx_role_name[i]));
    for (size_t i = 0; good && i < json_array_size(attacks); i++)
        good = to_attack(r, json_array_get(attacks, i));
    return good;
}

enum smx_err smx_result_from_json(struct smx_result **out, const json_t *json)
{
    const char *kind = json_string_value(json_object_get(json, "sipmix"));
    const json_t *text = json_object_get(json, "text");
    char scenario[SMX_RESULT_NAME], version[SMX_RESULT_NAME];
    struct smx_result *r;

    *out = NULL;
    if (!kind || strcmp(kind, KIND) != 0 || json_integer_value(json_object_get(json, "version")) != 1 ||
        !get_text(scenario, sizeof scenario, json_object_get(json, "scenario")) ||
        !get_text(version, sizeof version, json_object_get(json, "program")) ||
        !(json_is_null(text) || json_is_string(text)))
        return SMX_E_MALFORMED;
    r = smx_result_new(scenario, json_string_value(text), version);
    if (!get_u64(&r->virtual_ns, json_object_get(json, "virtual_ns")) ||
        !get_u64(&r->clients, json_object_get(json, "clients")) ||
        !get_u64(&r->relays, json_object_get(json, "relays")) ||
        !get_u64(&r->always_on, json_object_get(json, "always_on")) || !read_lists(r, json) ||
        !to_figures(&r->figures, json_object_get(json, "figures"))) {
        smx_result_free(r);
        return SMX_E_MALFORMED;
    }
    *out = r;
    return SMX_OK;
}
