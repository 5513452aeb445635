#include "sim/report.h"

#include "sim/paper.h"
#include "sim/verdict.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Roles of colours as in sim/plot.h: axis, measured, control, chance, text. */
static const char STYLE[] =
    ":root{color-scheme:light dark;--page:#fffdf8;--ink:#1c1b19;--soft:#6b6760;--rule:#dcd6ca;"
    "--p1:#8a857b;--p2:#1f5f8b;--p3:#c2571a;--p4:#cfc9bd;--p5:#45423c;--bad:#a8321a}\n"
    "@media(prefers-color-scheme:dark){:root{--page:#161719;--ink:#e6e3dc;--soft:#9d998f;--rule:#35363a;"
    "--p1:#7d7a73;--p2:#6cb2e0;--p3:#eb9256;--p4:#4a4b4f;--p5:#bdb9b0;--bad:#f08a70}}\n"
    "*{box-sizing:border-box}\n"
    "body{margin:0;background:var(--page);color:var(--ink);"
    "font:17px/1.5 Charter,'Bitstream Charter','Iowan Old Style',Georgia,'DejaVu Serif',serif}\n"
    "main{max-width:56rem;margin:0 auto;padding:3rem 1.25rem 5rem}\n"
    "h1{font-weight:400;font-size:2.1rem;line-height:1.15;margin:0 0 .35rem}\n"
    "h2{font-weight:400;font-style:italic;font-size:1.45rem;margin:3.2rem 0 .6rem}\n"
    "h3{font-weight:600;font-size:1rem;margin:2rem 0 .1rem}\n"
    "p{margin:.3rem 0 .8rem;max-width:42rem}.soft,figcaption,.note{color:var(--soft)}\n"
    "figure{margin:1.6rem 0}figcaption{font-size:.9rem;max-width:42rem;margin-top:.15rem}\n"
    "figure h3{margin:0}figure svg{display:block;width:100%;height:auto;margin-top:.3rem}\n"
    "svg text{font-family:ui-sans-serif,system-ui,'Helvetica Neue',Arial,'DejaVu Sans',sans-serif}\n"
    ".small{display:grid;grid-template-columns:repeat(auto-fill,minmax(13.5rem,1fr));gap:1rem 1.4rem}\n"
    ".small figure{margin:0}.small "
    "figcaption{font-size:.8rem}.note{font-size:.9rem}td.n{text-align:left}tr.m td.n,tr.c "
    "td.n{min-width:11rem}\n"
    ".lead{display:grid;grid-template-columns:repeat(auto-fit,minmax(7.6rem,1fr));gap:1.1rem;"
    "margin:2rem 0;padding:1.1rem 0;border-top:1px solid var(--rule);border-bottom:1px solid var(--rule)}\n"
    ".lead "
    "b{display:block;font-weight:400;font-size:1.5rem;line-height:1.2;white-space:nowrap;font-variant-"
    "numeric:lining-nums}\n"
    ".lead span{font-size:.85rem;line-height:1.3;display:block;color:var(--soft)}\n"
    ".wide{overflow-x:auto}table{border-collapse:collapse;font-size:.86rem;line-height:1.35;margin:.6rem 0 "
    "1rem;"
    "font-family:ui-sans-serif,system-ui,'Helvetica Neue',Arial,'DejaVu Sans',sans-serif;"
    "font-variant-numeric:tabular-nums}\n"
    "th{text-align:right;font-weight:400;color:var(--soft);vertical-align:bottom;padding:.15rem 0 .25rem "
    "1rem;"
    "border-bottom:1px solid var(--rule)}\n"
    "td{text-align:right;padding:.2rem 0 .2rem .9rem;vertical-align:top;white-space:nowrap}\n"
    "th:first-child,td:first-child{text-align:left;padding-left:0}td.t,th.t{text-align:left;white-space:"
    "normal;"
    "min-width:12rem}\n"
    "td.n{white-space:normal;min-width:17rem}small{display:block;color:var(--soft);font-size:.78rem;line-"
    "height:1.3}"
    "tr.c td:first-child{color:var(--p3)}tr.m td:first-child{color:var(--p2)}.bad{color:var(--bad)}\n"
    "pre{font-size:.8rem;line-height:1.4;overflow-x:auto;border-left:2px solid var(--rule);padding:.2rem 0 "
    ".2rem 1rem;"
    "margin:.6rem 0 1rem}code,pre{font-family:ui-monospace,'DejaVu Sans Mono',Menlo,monospace}\n"
    "@media print{main{padding:0;max-width:none}figure{break-inside:avoid}}\n";

/* ---- numbers for people ---- */

enum { NUMBER = 40 };

/* 1234567 as 1,234,567. */
static const char *grouped(char out[NUMBER], uint64_t value)
{
    char digits[NUMBER];
    int len = snprintf(digits, sizeof digits, "%llu", (unsigned long long)value), used = 0;

    for (int i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0)
            out[used++] = ',';
        out[used++] = digits[i];
    }
    out[used] = '\0';
    return out;
}

/* Three digits that count, never an exponent for what is usual. */
static const char *number(char out[NUMBER], double value)
{
    double size = fabs(value);

    if (size >= 999.5 && size < 1e15) {
        char digits[NUMBER];

        (void)snprintf(out, NUMBER, "%s%s", value < 0 ? "-" : "", grouped(digits, (uint64_t)llround(size)));
    } else if (size >= 99.95 || value == 0 || value == floor(value))
        (void)snprintf(out, NUMBER, "%.0f", value);
    else if (size >= 9.995)
        (void)snprintf(out, NUMBER, "%.1f", value);
    else if (size >= 0.9995)
        (void)snprintf(out, NUMBER, "%.2f", value);
    else
        (void)snprintf(out, NUMBER, "%.3g", value);
    return out;
}

static const char *percent(char out[NUMBER], double share)
{
    double value = 100 * share;

    (void)snprintf(out, NUMBER,
                   value > 0 && value < 0.095    ? "%.2g"
                   : value < 100 && value > 99.9 ? "%.2f"
                                                 : "%.1f",
                   value);
    return out;
}

static void cell(struct smx_paper *t, const char *s)
{
    smx_paper_add(t, "<td>");
    smx_paper_html(t, s);
    smx_paper_add(t, "</td>");
}

/* A name, and under it what it is. */
static void name_cell(struct smx_paper *t, const char *name, const char *unit, const char *does)
{
    smx_paper_add(t, "<td class=\"n\">");
    smx_paper_html(t, name);
    if (unit[0]) {
        smx_paper_add(t, ", ");
        smx_paper_html(t, unit);
    }
    smx_paper_add(t, "<small>");
    smx_paper_html(t, does);
    smx_paper_add(t, "</small></td>");
}

static void paragraph(struct smx_paper *t, const char *class, const char *s)
{
    smx_paper_format(t, "<p class=\"%s\">", class);
    smx_paper_html(t, s);
    smx_paper_add(t, "</p>\n");
}

static void head(struct smx_paper *t, const char *columns)
{
    smx_paper_add(t, "<div class=\"wide\"><table><thead><tr>");
    for (const char *s = columns; *s;) {
        size_t len = strcspn(s, "|");
        bool is_text = *s == '=';

        smx_paper_add(t, is_text ? "<th class=\"t\">" : "<th>");
        smx_paper_put(t, s + is_text, len - is_text);
        smx_paper_add(t, "</th>");
        s += len + (s[len] == '|');
    }
    smx_paper_add(t, "</tr></thead><tbody>\n");
}

static const char FOOT[] = "</tbody></table></div>\n";

/* ---- plots ---- */

static void put_plot(struct smx_paper *t, const struct smx_plot *p)
{
    smx_paper_add(t, "<figure><h3>");
    smx_paper_html(t, p->title);
    smx_paper_add(t, "</h3><div role=\"img\" aria-label=\"");
    smx_paper_html(t, p->says);
    smx_paper_add(t, "\">\n");
    smx_paper_add(t, p->svg);
    smx_paper_add(t, "</div><figcaption>");
    smx_paper_html(t, p->says);
    smx_paper_add(t, "</figcaption></figure>\n");
}

static void put_plots(struct smx_paper *t, const struct smx_plots *plots, enum smx_plot_part part)
{
    bool has_small = false;

    for (size_t i = 0; i < plots->count; i++) {
        const struct smx_plot *p = &plots->list[i];

        if (p->part == part && p->svg && !p->is_small)
            put_plot(t, p);
        has_small |= p->part == part && p->svg && p->is_small;
    }
    if (!has_small)
        return;
    smx_paper_add(t, "<h3>Told apart by score</h3>\n");
    paragraph(
        t, "note",
        "One attack each. Every pair of ends gets a score; taking all pairs above some score finds a share "
        "of "
        "the true pairs (up) at the price of a share of the false ones (right). The dashed line is guessing. "
        "AUC is the probability that a true pair scores higher than a false one, 0.5 by guessing; in "
        "parentheses its 99.9 % interval.");
    smx_paper_add(t, "<div class=\"small\">\n");
    for (size_t i = 0; i < plots->count; i++)
        if (plots->list[i].part == part && plots->list[i].svg && plots->list[i].is_small)
            put_plot(t, &plots->list[i]);
    smx_paper_add(t, "</div>\n");
}

/* ---- parts of the page ---- */

static void lead(struct smx_paper *t, const char *value, const char *unit, const char *what)
{
    smx_paper_add(t, "<div><b>");
    smx_paper_html(t, value);
    smx_paper_add(t, unit);
    smx_paper_add(t, "</b><span>");
    smx_paper_html(t, what);
    smx_paper_add(t, "</span></div>\n");
}

static void put_lead(struct smx_paper *t, struct smx_result *r)
{
    const struct smx_spread *m = r->measure;
    size_t judged = 0, chance = 0;
    char n[NUMBER], says[2 * NUMBER + 60];

    smx_paper_add(t, "<div class=\"lead\">\n");
    if (m[SMX_M_LATENCY].count > 0) {
        lead(t, number(n, smx_spread_quantile(&m[SMX_M_LATENCY], 0.5) / 1000), " ms",
             "mouth to ear, half of all frames");
        lead(t, number(n, smx_spread_quantile(&m[SMX_M_LATENCY], 0.99) / 1000), " ms",
             "mouth to ear, 99 of 100 frames");
    }
    if (r->tally[SMX_T_CALLS_JUDGED] > 0) {
        struct smx_interval i = smx_wilson(r->tally[SMX_T_CALLS_GOOD], r->tally[SMX_T_CALLS_JUDGED], 0.95);
        char low[NUMBER], high[NUMBER];

        (void)snprintf(says, sizeof says, "of calls at MOS 4.0 or more both ways (%s to %s)",
                       percent(low, i.low), percent(high, i.high));
        lead(t, percent(n, (double)r->tally[SMX_T_CALLS_GOOD] / (double)r->tally[SMX_T_CALLS_JUDGED]), " %",
             says);
    }
    if (m[SMX_M_SETUP].count > 0)
        lead(t, number(n, smx_spread_quantile(&m[SMX_M_SETUP], 0.5) / 1e6), " s",
             "until it rings, half of calls");
    if (r->traffic[SMX_ROLE_CLIENT].nodes > 0)
        lead(t, number(n, smx_spread_quantile(&r->traffic[SMX_ROLE_CLIENT].out, 0.5) / 1000), " kbit/s",
             "sent by a client, in a call or not");
    for (size_t i = 0; i < r->attacks; i++) {
        enum smx_says s = smx_verdict_of(&r->attack[i]).says;

        if (r->attack[i].is_control || s == SMX_SAYS_NOTHING)
            continue;
        judged++;
        chance += (s == SMX_SAYS_CHANCE || s == SMX_SAYS_NEVER) &&
                  smx_verdict_controls(r, r->attack[i].name) == SMX_CONTROLS_WORK;
    }
    if (judged > 0) {
        (void)snprintf(n, sizeof n, "%zu of %zu", chance, judged);
        lead(t, n, "", "attacks learn no more than by guessing while their controls succeed");
    }
    smx_paper_add(t, "</div>\n");
}

static void put_measures(struct smx_paper *t, const struct smx_result *r)
{
    static const double quantile[] = {0.05, 0.5, 0.95, 0.99};

    head(t, "measure|values|least|5 %|median|95 %|99 %|most|mean");
    for (size_t i = 0; i < SMX_MEASURE_COUNT; i++) {
        const struct smx_spread *s = &r->measure[i];
        const char *unit = smx_measure_text[i].unit;
        double scale = strcmp(unit, "ppm") == 0 ? 10000 : 1000;
        char n[NUMBER];

        if (s->count == 0)
            continue;
        unit = strcmp(unit, "us") == 0    ? "ms"
               : strcmp(unit, "ppm") == 0 ? "%"
               : strchr(unit, '/')        ? ""
                                          : unit;
        smx_paper_add(t, "<tr>");
        name_cell(t, smx_measure_text[i].name, unit,
                  strcmp(unit, "%") == 0 ? "of a call and direction: frames that were not heard"
                                         : smx_measure_text[i].does);
        cell(t, grouped(n, s->count));
        cell(t, number(n, (double)s->least / scale));
        for (size_t q = 0; q < sizeof quantile / sizeof *quantile; q++)
            cell(t, number(n, smx_spread_quantile(s, quantile[q]) / scale));
        cell(t, number(n, (double)s->most / scale));
        cell(t, number(n, smx_spread_mean(s) / scale));
        smx_paper_add(t, "</tr>\n");
    }
    smx_paper_add(t, FOOT);
}

/* Each count, and of what it is a share. */
static void put_tallies(struct smx_paper *t, const struct smx_result *r)
{
    static const struct {
        enum smx_tally of, in;
    } share[] = {
        {SMX_T_CALLS_RANG, SMX_T_CALLS_PLACED},    {SMX_T_CALLS_ANSWERED, SMX_T_CALLS_PLACED},
        {SMX_T_CALLS_REFUSED, SMX_T_CALLS_PLACED}, {SMX_T_CALLS_FAILED, SMX_T_CALLS_PLACED},
        {SMX_T_CALLS_CUT, SMX_T_CALLS_ANSWERED},   {SMX_T_FRAMES_HEARD, SMX_T_FRAMES_SENT},
        {SMX_T_FRAMES_LATE, SMX_T_FRAMES_SENT},    {SMX_T_CELLS_LATE, SMX_T_CELLS_SENT},
        {SMX_T_CELLS_EARLY, SMX_T_CELLS_SENT},     {SMX_T_CALLS_GOOD, SMX_T_CALLS_JUDGED},
        {SMX_T_CALLS_NEAR, SMX_T_CALLS_JUDGED},
    };

    head(t, "count|number|share|95 % interval");
    for (size_t i = 0; i < SMX_TALLY_COUNT; i++) {
        char a[NUMBER], b[NUMBER], both[2 * NUMBER + 8];
        bool shown = false;

        smx_paper_add(t, "<tr>");
        name_cell(t, smx_tally_text[i].name, "", smx_tally_text[i].does);
        cell(t, grouped(a, r->tally[i]));
        for (size_t s = 0; s < sizeof share / sizeof *share; s++)
            if ((size_t)share[s].of == i && r->tally[share[s].in] > 0 &&
                r->tally[i] <= r->tally[share[s].in]) {
                struct smx_interval w = smx_wilson(r->tally[i], r->tally[share[s].in], 0.95);

                (void)snprintf(both, sizeof both, "%s %%",
                               percent(a, (double)r->tally[i] / (double)r->tally[share[s].in]));
                cell(t, both);
                (void)snprintf(both, sizeof both, "%s to %s", percent(a, w.low), percent(b, w.high));
                cell(t, both);
                shown = true;
            }
        if (!shown)
            smx_paper_add(t, "<td></td><td></td>");
        smx_paper_add(t, "</tr>\n");
    }
    smx_paper_add(t, FOOT);
}

static void put_traffic(struct smx_paper *t, const struct smx_result *r)
{
    char n[NUMBER];

    head(t, "role|nodes|sends, median kbit/s|least|most|receives, median kbit/s|least|most|datagrams/s sent");
    for (size_t i = 0; i < SMX_ROLE_COUNT; i++) {
        const struct smx_role_traffic *f = &r->traffic[i];

        if (f->nodes == 0)
            continue;
        smx_paper_add(t, "<tr>");
        cell(t, smx_role_name[i]);
        cell(t, grouped(n, f->nodes));
        for (int in = 0; in < 2; in++) {
            const struct smx_spread *s = in ? &f->in : &f->out;

            cell(t, number(n, smx_spread_quantile(s, 0.5) / 1000));
            cell(t, number(n, (double)s->least / 1000));
            cell(t, number(n, (double)s->most / 1000));
        }
        cell(t, number(n, (double)f->datagrams_out * 1e9 / (double)f->ns));
        smx_paper_add(t, "</tr>\n");
    }
    smx_paper_add(t, FOOT);
    paragraph(
        t, "note",
        "Nodes are counted once for each seed. Bytes are those of the UDP payload and 28 of each datagram's "
        "IPv4 and UDP head. What a relay carries follows from how many clients there are and from the least "
        "rate of its links, not from calls.");
}

static void put_figures(struct smx_paper *t, const struct smx_figures *f, const char *of)
{
    for (size_t i = 0; i < f->count; i++) {
        const struct smx_figure *one = &f->list[i];
        char n[NUMBER], with_unit[NUMBER + SMX_RESULT_UNIT + 1];

        smx_paper_add(t, "<tr>");
        if (of)
            cell(t, of);
        name_cell(t, one->name, "", one->says);
        (void)snprintf(with_unit, sizeof with_unit, "%s %s", number(n, one->sum / (double)one->count),
                       one->unit);
        cell(t, with_unit);
        cell(t, number(n, one->least));
        cell(t, number(n, one->most));
        cell(t, grouped(n, one->count));
        smx_paper_add(t, "</tr>\n");
    }
}

/* Green or red there is not: what should not be stands out, the rest is calm. */
static bool is_bad(struct smx_result *r, struct smx_attack_result *a)
{
    enum smx_says says = smx_verdict_of(a).says;

    if (a->is_control)
        return says != SMX_SAYS_BETTER && says != SMX_SAYS_EVER && says != SMX_SAYS_NOTHING;
    return says == SMX_SAYS_BETTER || says == SMX_SAYS_EVER || says == SMX_SAYS_WORSE ||
           smx_verdict_controls(r, a->name) == SMX_CONTROLS_FAIL;
}

static void put_attack_row(struct smx_paper *t, struct smx_result *r, struct smx_attack_result *a)
{
    struct smx_verdict v = smx_verdict_of(a);
    char x[NUMBER], y[NUMBER], z[NUMBER], both[4 * NUMBER];

    smx_paper_add(t, a->is_control ? "<tr class=\"c\"><td class=\"n\">" : "<tr class=\"m\"><td class=\"n\">");
    smx_paper_html(t, a->name);
    smx_paper_add(t, ", ");
    smx_paper_html(t, a->arm);
    smx_paper_add(t, is_bad(r, a) ? "<small class=\"bad\">" : "<small>");
    smx_paper_html(t, smx_verdict_text(r, a));
    smx_paper_add(t, "</small></td>");
    if (v.has_trials) {
        cell(t, grouped(x, a->trials));
        (void)snprintf(both, sizeof both, "%s %%", percent(x, v.rate));
        cell(t, both);
        (void)snprintf(both, sizeof both, "%s to %s", percent(x, v.rate_in.low), percent(y, v.rate_in.high));
        cell(t, both);
        (void)snprintf(both, sizeof both, "%s (%s to %s)", percent(x, v.chance), percent(y, v.chance_in.low),
                       percent(z, v.chance_in.high));
        cell(t, v.chance > 0 ? both : "never");
    } else {
        smx_paper_add(t, "<td></td><td></td><td></td><td></td>");
    }
    if (v.has_scores) {
        (void)snprintf(both, sizeof both, "%.3f", v.auc.auc);
        cell(t, both);
        (void)snprintf(both, sizeof both, "%.3f to %.3f", v.auc.low, v.auc.high);
        cell(t, both);
        (void)snprintf(both, sizeof both, "%s %%", percent(x, v.found_1));
        cell(t, both);
    } else {
        smx_paper_add(t, "<td></td><td></td><td></td>");
    }
    smx_paper_add(t, "</tr>\n");
}

static void put_attacks(struct smx_paper *t, struct smx_result *r, const struct smx_plots *plots)
{
    bool has_figures = false;

    if (r->attacks == 0)
        return;
    smx_paper_add(t, "<h2>Adversaries</h2>\n");
    paragraph(
        t, "",
        "Each is an attack that really runs on this traffic, and is scored against the truth. Arms that are "
        "controls have protection switched off (cover, timetables): there the attack must succeed, else it "
        "is too weak to mean anything.");
    put_plots(t, plots, SMX_PLOT_ATTACKS);
    smx_paper_add(t, "<h3>All attacks</h3>\n");
    head(t, "attack, arm|trials|right|99.9 % interval|by guessing|AUC|99.9 % interval|found at 1 % false");
    for (size_t i = 0; i < r->attacks; i++) {
        put_attack_row(t, r, &r->attack[i]);
        has_figures |= r->attack[i].figures.count > 0;
    }
    smx_paper_add(t, FOOT);
    paragraph(
        t, "note",
        "By guessing: the share that a guess would win, in parentheses where 99.9 % of such runs would end. "
        "Verdicts are at 99.9 %, as many attacks are judged at once. Intervals take trials as independent: "
        "true between seeds, nearly so between the calls of one.");
    /* what each of them is */
    for (size_t i = 0; i < r->attacks; i++) {
        bool said = !r->attack[i].says[0];

        for (size_t j = 0; j < i; j++)
            said |= strcmp(r->attack[i].name, r->attack[j].name) == 0;
        if (said)
            continue;
        smx_paper_add(t, "<p class=\"note\"><b>");
        smx_paper_html(t, r->attack[i].name);
        smx_paper_add(t, "</b>: ");
        smx_paper_html(t, r->attack[i].says);
        smx_paper_add(t, "</p>\n");
    }
    if (!has_figures)
        return;
    smx_paper_add(t, "<h3>Figures of attacks</h3>\n");
    head(t, "attack|=figure|mean|least|most|values");
    for (size_t i = 0; i < r->attacks; i++) {
        char name[2 * SMX_RESULT_NAME + 4];

        (void)snprintf(name, sizeof name, "%s, %s", r->attack[i].name, r->attack[i].arm);
        put_figures(t, &r->attack[i].figures, name);
    }
    smx_paper_add(t, FOOT);
}

/* 1, 2, 3, 7 as "1 to 3, 7". */
static void put_seeds(struct smx_paper *t, const struct smx_result *r)
{
    for (size_t i = 0; i < r->seeds;) {
        size_t last = i;

        while (last + 1 < r->seeds && r->seed[last + 1] == r->seed[last] + 1)
            last++;
        smx_paper_format(t, "%s%llu", i > 0 ? ", " : "", (unsigned long long)r->seed[i]);
        if (last > i)
            smx_paper_format(t, "%s%llu", last > i + 1 ? " to " : ", ", (unsigned long long)r->seed[last]);
        i = last + 1;
    }
}

static void put_run(struct smx_paper *t, const struct smx_result *r, const struct smx_report_run *run)
{
    smx_paper_add(t, "<h2>What was run</h2>\n<p>sipmix ");
    smx_paper_html(t, r->version);
    if (run->binary) {
        smx_paper_add(t, ", program <code>");
        smx_paper_html(t, run->binary);
        smx_paper_add(t, "</code>");
    }
    smx_paper_format(t, "; %s ", r->seeds == 1 ? "seed" : "seeds");
    put_seeds(t, r);
    smx_paper_add(t, ". The same seed and program give the same figures, to the last digit.</p>\n");
    if (run->machine)
        paragraph(t, "", run->machine);
    if (run->command) {
        smx_paper_add(t, "<pre>");
        smx_paper_html(t, run->command);
        smx_paper_add(t, "</pre>\n");
    }
    if (r->text) {
        smx_paper_add(t, "<h3>Scenario</h3>\n<pre>");
        smx_paper_html(t, r->text);
        smx_paper_add(t, "</pre>\n");
    }
}

static void put_top(struct smx_paper *t, struct smx_result *r, const struct smx_report_run *run)
{
    char a[NUMBER], b[NUMBER], c[NUMBER], d[NUMBER];

    smx_paper_add(t,
                  "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
                  "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"><title>sipmix: ");
    smx_paper_html(t, r->scenario);
    smx_paper_add(t, "</title>\n<style>\n");
    smx_paper_add(t, STYLE);
    smx_paper_add(t, "</style></head><body><main>\n");
    smx_paper_add(t, smx_plot_symbols);
    smx_paper_add(t, "<h1>");
    smx_paper_html(t, r->scenario);
    smx_paper_format(
        t,
        "</h1>\n<p class=\"soft\">A mix network for telephone calls, simulated with its real cores: "
        "%s clients, %s relays; %s %s, %s s of virtual time measured in all.</p>\n",
        grouped(a, r->clients), grouped(b, r->relays), grouped(c, r->seeds),
        r->seeds == 1 ? "run" : "runs, each with its seed", number(d, (double)r->virtual_ns / 1e9));
    if (run->no_plots)
        paragraph(t, "bad", run->no_plots);
}

char *smx_report_html(struct smx_result *r, const struct smx_plots *plots, const struct smx_report_run *run)
{
    struct smx_paper t = {0};

    put_top(&t, r, run);
    put_lead(&t, r);
    smx_paper_add(&t, "<h2>Calls</h2>\n");
    put_plots(&t, plots, SMX_PLOT_CALLS);
    put_measures(&t, r);
    put_tallies(&t, r);
    smx_paper_add(&t, "<h2>Traffic</h2>\n");
    put_plots(&t, plots, SMX_PLOT_TRAFFIC);
    put_traffic(&t, r);
    put_attacks(&t, r, plots);
    if (r->figures.count > 0) {
        smx_paper_add(&t, "<h2>Other figures</h2>\n");
        head(&t, "figure|mean|least|most|values");
        put_figures(&t, &r->figures, NULL);
        smx_paper_add(&t, FOOT);
    }
    put_run(&t, r, run);
    smx_paper_add(&t, "</main></body></html>\n");
    return smx_paper_take(&t);
}
