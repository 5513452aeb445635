#include "sim/csv.h"

#include "sim/paper.h"
#include "sim/verdict.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- fields ---- */

static void put_name(struct smx_paper *t, const char *s)
{
    smx_paper_csv(t, s);
    smx_paper_add(t, ",");
}

static void put_count(struct smx_paper *t, uint64_t value)
{
    smx_paper_format(t, "%llu,", (unsigned long long)value);
}

static void put_number(struct smx_paper *t, double value)
{
    smx_paper_format(t, "%.9g,", value);
}

/* The comma behind the last field becomes the end of the line. */
static void end_row(struct smx_paper *t)
{
    t->bytes[t->len - 1] = '\n';
}

/* ---- tables ---- */

static const double QUANTILE[] = {0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 0.999};
enum { QUANTILES = sizeof QUANTILE / sizeof *QUANTILE };

static void measures(struct smx_paper *t, struct smx_result *r)
{
    smx_paper_add(t, "measure,unit,count,mean,least,p01,p05,p25,p50,p75,p95,p99,p999,most\n");
    for (size_t i = 0; i < SMX_MEASURE_COUNT; i++) {
        const struct smx_spread *s = &r->measure[i];

        put_name(t, smx_measure_text[i].name);
        put_name(t, smx_measure_text[i].unit);
        put_count(t, s->count);
        put_number(t, smx_spread_mean(s));
        put_count(t, s->least);
        for (size_t q = 0; q < QUANTILES; q++)
            put_number(t, smx_spread_quantile(s, QUANTILE[q]));
        put_count(t, s->most);
        end_row(t);
    }
}

static void spreads(struct smx_paper *t, struct smx_result *r)
{
    smx_paper_add(t, "measure,unit,from,below,count\n");
    for (size_t i = 0; i < SMX_MEASURE_COUNT; i++)
        for (size_t b = 0; r->measure[i].bin && b < SMX_SPREAD_BINS; b++) {
            if (r->measure[i].bin[b] == 0)
                continue;
            put_name(t, smx_measure_text[i].name);
            put_name(t, smx_measure_text[i].unit);
            put_count(t, smx_spread_edge(b));
            put_count(t, smx_spread_edge(b + 1));
            put_count(t, r->measure[i].bin[b]);
            end_row(t);
        }
}

static void tallies(struct smx_paper *t, struct smx_result *r)
{
    smx_paper_add(t, "count,number,what\n");
    for (size_t i = 0; i < SMX_TALLY_COUNT; i++) {
        put_name(t, smx_tally_text[i].name);
        put_count(t, r->tally[i]);
        put_name(t, smx_tally_text[i].does);
        end_row(t);
    }
}

static void traffic(struct smx_paper *t, struct smx_result *r)
{
    smx_paper_add(
        t, "role,nodes,node_seconds,bytes_out,bytes_in,datagrams_out,datagrams_in,out_bps_p50,out_bps_least,"
           "out_bps_most,in_bps_p50,in_bps_least,in_bps_most\n");
    for (size_t i = 0; i < SMX_ROLE_COUNT; i++) {
        const struct smx_role_traffic *f = &r->traffic[i];

        put_name(t, smx_role_name[i]);
        put_count(t, f->nodes);
        put_number(t, (double)f->ns / 1e9);
        put_count(t, f->bytes_out);
        put_count(t, f->bytes_in);
        put_count(t, f->datagrams_out);
        put_count(t, f->datagrams_in);
        for (int in = 0; in < 2; in++) {
            const struct smx_spread *s = in ? &f->in : &f->out;

            put_number(t, smx_spread_quantile(s, 0.5));
            put_count(t, s->least);
            put_count(t, s->most);
        }
        end_row(t);
    }
}

static void put_figures(struct smx_paper *t, const char *attack, const char *arm, const struct smx_figures *f)
{
    for (size_t i = 0; i < f->count; i++) {
        const struct smx_figure *one = &f->list[i];

        put_name(t, attack);
        put_name(t, arm);
        put_name(t, one->name);
        put_name(t, one->unit);
        put_number(t, one->sum / (double)one->count);
        put_number(t, one->least);
        put_number(t, one->most);
        put_count(t, one->count);
        put_name(t, one->says);
        end_row(t);
    }
}

static void figures(struct smx_paper *t, struct smx_result *r)
{
    smx_paper_add(t, "attack,arm,figure,unit,mean,least,most,values,what\n");
    put_figures(t, "", "", &r->figures);
    for (size_t i = 0; i < r->attacks; i++)
        put_figures(t, r->attack[i].name, r->attack[i].arm, &r->attack[i].figures);
}

static void attacks(struct smx_paper *t, struct smx_result *r)
{
    smx_paper_add(
        t, "attack,arm,control,trials,successes,rate,rate_low,rate_high,chance,chance_low,chance_high,p,"
           "true_scores,false_scores,auc,auc_low,auc_high,auc_slack,found_1_percent,found_0.1_percent,"
           "bits_before,bits_after,verdict\n");
    for (size_t i = 0; i < r->attacks; i++) {
        struct smx_attack_result *a = &r->attack[i];
        struct smx_verdict v = smx_verdict_of(a);

        put_name(t, a->name);
        put_name(t, a->arm);
        put_name(t, a->is_control ? "yes" : "no");
        put_count(t, a->trials);
        put_count(t, a->successes);
        if (v.has_trials) {
            put_number(t, v.rate);
            put_number(t, v.rate_in.low);
            put_number(t, v.rate_in.high);
            put_number(t, v.chance);
            put_number(t, v.chance_in.low);
            put_number(t, v.chance_in.high);
            put_number(t, v.p);
        } else {
            smx_paper_add(t, ",,,,,,,");
        }
        put_count(t, a->scores_true.count);
        put_count(t, a->scores_false.count);
        if (v.has_scores) {
            put_number(t, v.auc.auc);
            put_number(t, v.auc.low);
            put_number(t, v.auc.high);
            put_number(t, v.auc.slack);
            put_number(t, v.found_1);
            put_number(t, v.found_01);
        } else {
            smx_paper_add(t, ",,,,,,");
        }
        put_number(t, smx_spread_mean(&a->entropy_before) / 1000);
        put_number(t, smx_spread_mean(&a->entropy) / 1000);
        put_name(t, smx_verdict_text(r, a));
        end_row(t);
    }
}

static void roc(struct smx_paper *t, struct smx_result *r)
{
    smx_paper_add(t, "attack,arm,threshold,false_share,true_share\n");
    for (size_t i = 0; i < r->attacks; i++) {
        struct smx_attack_result *a = &r->attack[i];
        struct smx_roc_point *point;
        size_t count;

        point = smx_roc(&a->scores_true, &a->scores_false, &count);
        for (size_t p = 0; p < count; p++) {
            put_name(t, a->name);
            put_name(t, a->arm);
            put_number(t, point[p].threshold);
            put_number(t, point[p].false_share);
            put_number(t, point[p].true_share);
            end_row(t);
        }
        free(point);
    }
}

static void seeds(struct smx_paper *t, struct smx_result *r)
{
    smx_paper_add(t, "scenario,program,seed\n");
    for (size_t i = 0; i < r->seeds; i++) {
        put_name(t, r->scenario);
        put_name(t, r->version);
        put_count(t, r->seed[i]);
        end_row(t);
    }
}

struct smx_tables smx_tables_of(struct smx_result *r)
{
    static const struct {
        const char *name;
        void (*write)(struct smx_paper *t, struct smx_result *r);
    } table[SMX_TABLES] = {{"measures", measures}, {"spreads", spreads}, {"tallies", tallies},
                           {"traffic", traffic},   {"figures", figures}, {"attacks", attacks},
                           {"roc", roc},           {"seeds", seeds}};
    struct smx_tables all = {.count = SMX_TABLES};

    for (size_t i = 0; i < SMX_TABLES; i++) {
        struct smx_paper t = {0};

        (void)snprintf(all.list[i].name, sizeof all.list[i].name, "%s", table[i].name);
        table[i].write(&t, r);
        all.list[i].text = smx_paper_take(&t);
    }
    return all;
}

void smx_tables_free(struct smx_tables *t)
{
    for (size_t i = 0; i < t->count; i++)
        free(t->list[i].text);
    *t = (struct smx_tables){0};
}
