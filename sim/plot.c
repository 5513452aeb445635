#include "sim/plot.h"

#include "sim/paper.h"
#include "sim/verdict.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What most plots have in common: two axes and no frame, tics outside, room for what is written beside. */
static const char COMMON[] = "set encoding utf8\n"
                             "set border 3 lc rgb '#010000' lw 0.8\n"
                             "set tics nomirror out scale 0.5 textcolor rgb '#010000'\n"
                             "unset key\n"
                             "set style line 2 lc rgb '#020000' lw 1.8\n"
                             "set style line 3 lc rgb '#030000' lw 1.6\n"
                             "set style line 4 lc rgb '#040000' lw 1.2\n";

enum { WIDE = 700, ROW = 26, SMALL_W = 250, SMALL_H = 250, ROW_LABEL = 2 * SMX_RESULT_NAME + 4 };

/* Text within single quotes of gnuplot, and no more lines than one. */
static void quote(struct smx_paper *t, const char *s)
{
    smx_paper_add(t, "'");
    for (; *s; s++)
        smx_paper_put(t, *s == '\'' ? "''" : *s < ' ' && *s >= 0 ? " " : s, *s == '\'' ? 2 : 1);
    smx_paper_add(t, "'");
}

static void name_of(char out[2 * SMX_RESULT_NAME], const char *kind, const char *name)
{
    size_t len = 0;

    for (const char *from[] = {kind, "_", name, NULL}, **f = from; *f; f++)
        for (const char *s = *f; *s && len + 1 < (size_t)2 * SMX_RESULT_NAME; s++)
            out[len++] =
                (char)((*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z') || (*s >= '0' && *s <= '9')
                           ? *s
                           : '_');
    out[len] = '\0';
}

static char *copy(const char *s)
{
    struct smx_paper t = {0};

    smx_paper_add(&t, s);
    return smx_paper_take(&t);
}

/* A new plot at the end; its script begins. */
static struct smx_plot *begin(struct smx_plots *p, struct smx_paper *script, enum smx_plot_part part,
                              const char *kind, const char *name, unsigned width, unsigned height)
{
    struct smx_plot *plot;

    p->list = realloc(p->list, (p->count + 1) * sizeof *p->list);
    if (!p->list)
        abort();
    plot = &p->list[p->count++];
    *plot = (struct smx_plot){.part = part, .is_small = width == SMALL_W};
    name_of(plot->name, kind, name);
    *script = (struct smx_paper){0};
    smx_paper_format(script,
                     "set terminal svg size %u,%u dynamic noenhanced name '%s' font 'sans-serif,13'\n", width,
                     height, plot->name);
    smx_paper_add(script, COMMON);
    return plot;
}

/* ---- distributions of measures ---- */

/* Lines "value share-in-percent" of a distribution, in units of `scale`. */
static void put_shares(struct smx_paper *t, const char *name, const struct smx_spread *s, double scale)
{
    uint64_t below = 0;

    smx_paper_format(t, "$%s << EOD\n%.9g 0\n", name, (double)s->least / scale);
    for (size_t i = 0; i < SMX_SPREAD_BINS; i++)
        if (s->bin[i] > 0) {
            uint64_t high = smx_spread_edge(i + 1);

            below += s->bin[i];
            smx_paper_format(t, "%.9g %.9g\n", (double)(high < s->most ? high : s->most) / scale,
                             100 * (double)below / (double)s->count);
        }
    smx_paper_add(t, "EOD\n");
}

/* A dot on the curve at share q, and beside it what it says. */
static void put_mark(struct smx_paper *t, const struct smx_spread *s, double scale, const char *unit,
                     double q, const char *what, unsigned *label)
{
    double value = smx_spread_quantile(s, q) / scale;

    ++*label;
    smx_paper_format(t,
                     "set label %u '%s %.*f %s' at %.9g,%.9g left offset 0.8,%s textcolor rgb '#050000' "
                     "point pt 7 ps 0.45 lc rgb '#020000'\n",
                     *label, what,
                     value < 0.1  ? 3
                     : value < 10 ? 2
                                  : 0,
                     value, unit, value, 100 * q, q > 0.9 ? "-0.9" : "-0.4");
}

struct curve {
    const struct smx_spread *of;
    const char *label;
};

/* Cumulative curves; the first is the main one, whose quantiles are marked. */
static void put_curves(struct smx_paper *t, const struct curve *curve, size_t count, const char *axis,
                       double scale, const char *unit, const char *who)
{
    double least = smx_spread_quantile(curve[0].of, 0) / scale, most = 0;
    unsigned label = 0;

    for (size_t i = 0; i < count; i++) {
        char name[] = {'a', (char)('0' + i), '\0'};

        least = fmin(least, smx_spread_quantile(curve[i].of, 0) / scale);
        most = fmax(most, smx_spread_quantile(curve[i].of, 0.998) / scale);
        put_shares(t, name, curve[i].of, scale);
    }
    most = fmax(most, least + 1e-3);
    smx_paper_format(t, "set xrange [%.9g:%.9g]\nset yrange [0:100]\nset ytics 25 format '%%g %%%%'\n",
                     least - (most - least) * 0.03, most + (most - least) * 0.38);
    smx_paper_format(t,
                     "set xlabel '%s, %s' textcolor rgb '#050000'\nset ylabel '%s' textcolor rgb '#050000'\n",
                     axis, unit, who);
    put_mark(t, curve[0].of, scale, unit, 0.5, "half within", &label);
    put_mark(t, curve[0].of, scale, unit, 0.99, "99 of 100 within", &label);
    for (size_t i = 0; i < count && count > 1; i++)
        smx_paper_format(t, "set label %u '%s' at graph 0.99,%.2f right textcolor rgb '#0%d0000'\n", ++label,
                         curve[i].label, 0.62 - 0.11 * (double)i, i == 0 ? 2 : 3);
    smx_paper_add(t, "plot ");
    for (size_t i = count; i-- > 0;)
        smx_paper_format(t, "$a%zu using 1:2 with lines ls %d%s", i, i == 0 ? 2 : 3, i == 0 ? "\n" : ", ");
}

static void add_curves(struct smx_plots *p, const char *name, const char *title, const char *says,
                       const struct curve *curve, size_t count, const char *axis, bool in_seconds,
                       const char *who)
{
    struct smx_paper script;
    struct smx_plot *plot;

    if (curve[0].of->count == 0)
        return;
    while (count > 1 && curve[count - 1].of->count == 0)
        count--;
    plot = begin(p, &script, SMX_PLOT_CALLS, "spread", name, WIDE, 280);
    plot->title = copy(title);
    plot->says = copy(says);
    put_curves(&script, curve, count, axis, in_seconds ? 1e6 : 1000, in_seconds ? "s" : "ms", who);
    plot->script = smx_paper_take(&script);
}

enum { MOS_STEP = 50 }; /* of bars, in thousandths */

static void add_mos(struct smx_plots *p, const struct smx_spread *s)
{
    double share[4500 / MOS_STEP + 1] = {0}, most = 0;
    size_t least = s->least / MOS_STEP;
    struct smx_paper script;
    struct smx_plot *plot;

    if (s->count == 0)
        return;
    for (size_t i = 0; i < SMX_SPREAD_BINS; i++)
        if (s->bin[i] > 0) {
            uint64_t value = smx_spread_edge(i) > s->least ? smx_spread_edge(i) : s->least;
            size_t bar = value / MOS_STEP;

            share[bar < 4500 / MOS_STEP ? bar : 4500 / MOS_STEP] +=
                100 * (double)s->bin[i] / (double)s->count;
        }
    plot = begin(p, &script, SMX_PLOT_CALLS, "spread", "mos", WIDE, 240);
    plot->title = copy("How calls sound");
    plot->says =
        copy("Directions of calls by their mean opinion score (1 bad, 4.4 the best that G.711 can have). "
             "The line stands at 4.0, from where on most listeners are satisfied.");
    smx_paper_add(&script, "$d << EOD\n");
    for (size_t i = least; i <= 4500 / MOS_STEP; i++) {
        smx_paper_format(&script, "%.9g %.9g\n", ((double)i + 0.5) * MOS_STEP / 1000, share[i]);
        most = fmax(most, share[i]);
    }
    smx_paper_format(&script,
                     "EOD\nset xrange [%.9g:4.55]\nset yrange [0:%.9g]\nset ytics %d format '%%g %%%%'\n"
                     "set boxwidth %g\nset style fill solid 0.85 noborder\n"
                     "set xlabel 'mean opinion score' textcolor rgb '#050000'\n"
                     "set ylabel 'directions of calls' textcolor rgb '#050000'\n"
                     "set arrow 1 from 4,graph 0 to 4,graph 1 nohead ls 4 dt 2\n"
                     "plot $d using 1:2 with boxes lc rgb '#020000'\n",
                     fmin((double)least * MOS_STEP / 1000 - 0.05, 3.8), most * 1.08,
                     most > 50   ? 20
                     : most > 25 ? 10
                                 : 5,
                     0.044);
    plot->script = smx_paper_take(&script);
}

static void add_calls(struct smx_plots *p, const struct smx_result *r)
{
    const struct smx_spread *m = r->measure;
    const bool both = m[SMX_M_LATENCY_NEAR].count < m[SMX_M_LATENCY].count;
    const struct curve latency[] = {{&m[SMX_M_LATENCY], "all calls"},
                                    {&m[SMX_M_LATENCY_NEAR], "up to 8,000 km"}};
    const struct curve jitter[] = {{&m[SMX_M_JITTER], "RFC 3550, each direction"},
                                   {&m[SMX_M_STEP], "frame to frame, each frame"}};
    const struct curve setup[] = {{&m[SMX_M_SETUP], "all calls"}};

    add_curves(
        p, "latency", "Mouth to ear",
        both ? "How long a sound takes from a mouth to the other ear: 20 ms in which a frame is spoken, the "
               "network, and a phone's buffer of 40 ms. The second curve has only calls between places up to "
               "8,000 km apart."
             : "How long a sound takes from a mouth to the other ear: 20 ms in which a frame is spoken, the "
               "network, and a phone's buffer of 40 ms.",
        latency, both ? 2 : 1, "mouth to ear", false, "frames of speech");
    add_mos(p, &m[SMX_M_MOS]);
    add_curves(
        p, "jitter", "Jitter that reaches the phones",
        "By how much frames come out of step: the running estimate of RFC 3550 at the end of each direction "
        "of a call; the second curve is the plain difference from one frame to the next.",
        jitter, 2, "jitter", false, "directions, frames");
    add_curves(p, "setup", "Until it rings",
               "From the order to call until the callee's phone rings, for calls that rang.", setup, 1,
               "until it rings", true, "calls");
}

/* ---- rows: a range, a middle and a mark to compare with ---- */

struct row {
    char label[ROW_LABEL];
    double low, middle, high;   /* what was measured */
    double mark_low, mark_high; /* compared with; equal: one stroke */
    bool has_mark, is_control;
};

/* One line of data, "low width middle place": 0, 1: what is compared with, as a bar or a stroke; 2: what was
 * measured; 3: the same of a control. */
static void put_row(struct smx_paper *t, const struct row *row, size_t place, int what)
{
    bool is_stroke = row->mark_high <= row->mark_low;
    double low = what < 2 ? row->mark_low : row->low, high = what < 2 ? row->mark_high : row->high;

    if (what < 2 ? row->has_mark && is_stroke == (what == 1) : row->is_control == (what == 3))
        smx_paper_format(t, "%.9g %.9g %.9g %zu\n", low, high - low, row->middle, place);
    else
        smx_paper_add(t, "NaN NaN NaN NaN\n"); /* keeps a block from being empty */
}

static void put_rows(struct smx_paper *t, const struct row *row, size_t count)
{
    smx_paper_format(t, "set yrange [%zu.5:0.5]\nset border 1\nset lmargin 28\nset ytics scale 0 (", count);
    for (size_t i = 0; i < count; i++) {
        quote(t, row[i].label);
        smx_paper_format(t, " %zu%s", i + 1, i + 1 < count ? ", " : ") textcolor rgb '#050000'\n");
    }
    for (int what = 0; what < 4; what++) {
        smx_paper_format(t, "$r%d << EOD\n", what);
        for (size_t i = 0; i < count; i++)
            put_row(t, &row[i], i + 1, what);
        smx_paper_add(t, "EOD\n");
    }
}

static const char ROWS_DRAWN[] = "plot $r0 using 1:4:2:(0) with vectors nohead lc rgb '#040000' lw 10, "
                                 "$r1 using 1:($4-0.3):(0):(0.6) with vectors nohead lc rgb '#040000' lw 2, "
                                 "$r2 using 1:4:2:(0) with vectors nohead lc rgb '#020000' lw 1.8, "
                                 "$r2 using 3:4 with points pt 7 ps 0.6 lc rgb '#020000', "
                                 "$r3 using 1:4:2:(0) with vectors nohead lc rgb '#030000' lw 1.8, "
                                 "$r3 using 3:4 with points pt 7 ps 0.6 lc rgb '#030000'\n";

static void add_traffic(struct smx_plots *p, const struct smx_result *r)
{
    struct row row[2 * SMX_ROLE_COUNT] = {0};
    struct smx_paper script;
    struct smx_plot *plot;
    size_t count = 0;

    for (size_t i = 0; i < SMX_ROLE_COUNT; i++)
        for (int in = 0; in < 2 && r->traffic[i].nodes > 0; in++) {
            const struct smx_spread *s = in ? &r->traffic[i].in : &r->traffic[i].out;
            struct row *to = &row[count++];

            (void)snprintf(to->label, sizeof to->label, "%s, %s", smx_role_name[i],
                           in ? "receives" : "sends");
            to->low = smx_spread_quantile(s, 0) / 1000;
            to->middle = smx_spread_quantile(s, 0.5) / 1000;
            to->high = smx_spread_quantile(s, 1) / 1000;
        }
    if (count == 0)
        return;
    plot = begin(p, &script, SMX_PLOT_TRAFFIC, "traffic", "roles", WIDE, 70 + ROW * (unsigned)count);
    plot->title = copy("Bandwidth");
    plot->says =
        copy("What a node of each role sends and receives in the mean, with the heads of IP and UDP: the "
             "dot is the node in the middle, the line runs from the least to the most. A client's is what "
             "a user pays, in a call or not.");
    put_rows(&script, row, count);
    smx_paper_add(&script, "set logscale x\nset xlabel 'kbit/s' textcolor rgb '#050000'\n");
    smx_paper_add(&script, ROWS_DRAWN);
    plot->script = smx_paper_take(&script);
}

/* ---- attacks ---- */

static void label_of(char label[ROW_LABEL], const struct smx_attack_result *a)
{
    (void)snprintf(label, ROW_LABEL, "%s, %s", a->name, a->arm);
}

static void add_rates(struct smx_plots *p, struct smx_result *r)
{
    struct row *row = calloc(r->attacks + 1, sizeof *row);
    struct smx_paper script;
    struct smx_plot *plot;
    size_t count = 0;

    if (!row)
        abort();
    for (size_t i = 0; i < r->attacks; i++) {
        struct smx_verdict v = smx_verdict_of(&r->attack[i]);
        struct row *to = &row[count];

        if (!v.has_trials)
            continue;
        count++;
        *to = (struct row){.low = 100 * v.rate_in.low,
                           .middle = 100 * v.rate,
                           .high = 100 * v.rate_in.high,
                           .mark_low = 100 * v.chance_in.low,
                           .mark_high = 100 * v.chance_in.high,
                           .has_mark = v.chance > 0,
                           .is_control = r->attack[i].is_control};
        label_of(to->label, &r->attack[i]);
    }
    if (count > 0) {
        plot = begin(p, &script, SMX_PLOT_ATTACKS, "attacks", "success", WIDE, 70 + ROW * (unsigned)count);
        plot->title = copy("Success against guessing");
        plot->says =
            copy("Share of trials in which the attack was right, with its 99.9 % interval. Grey: where the "
                 "share would lie if the attacker guessed (99.9 %). An attack learns nothing when its dot "
                 "is in the grey, and only if its control, in the other colour, is far from it.");
        put_rows(&script, row, count);
        smx_paper_add(&script, "set nonlinear x via sqrt(x) inverse x*x\nset xrange [0:100]\n"
                               "set xtics (0, 1, 5, 10, 25, 50, 75, 100) format '%g %%'\n"
                               "set xlabel 'trials won (square-root scale)' textcolor rgb '#050000'\n");
        smx_paper_add(&script, ROWS_DRAWN);
        plot->script = smx_paper_take(&script);
    }
    free(row);
}

static void add_sets(struct smx_plots *p, struct smx_result *r)
{
    struct row *row = calloc(r->attacks + 1, sizeof *row);
    struct smx_paper script;
    struct smx_plot *plot;
    size_t count = 0;

    if (!row)
        abort();
    for (size_t i = 0; i < r->attacks; i++) {
        const struct smx_spread *after = &r->attack[i].entropy, *before = &r->attack[i].entropy_before;
        struct row *to = &row[count];

        if (after->count == 0)
            continue;
        count++;
        *to = (struct row){.low = smx_spread_quantile(after, 0.05) / 1000,
                           .middle = smx_spread_quantile(after, 0.5) / 1000,
                           .high = smx_spread_quantile(after, 0.95) / 1000,
                           .mark_low = smx_spread_quantile(before, 0.5) / 1000,
                           .has_mark = before->count > 0,
                           .is_control = r->attack[i].is_control};
        to->mark_high = to->mark_low;
        label_of(to->label, &r->attack[i]);
    }
    if (count > 0) {
        plot = begin(p, &script, SMX_PLOT_ATTACKS, "attacks", "sets", WIDE, 70 + ROW * (unsigned)count);
        plot->title = copy("The set that hides somebody");
        plot->says =
            copy("Entropy that is left to the attacker about whom he looks for: 3 bits hide as well as 8 "
                 "equals. Dot: the median trial; line: 5 to 95 % of trials; grey stroke: what it was "
                 "before the attack, all candidates alike.");
        put_rows(&script, row, count);
        smx_paper_add(&script, "set xrange [-0.1:*]\nset xlabel 'bits' textcolor rgb '#050000'\n");
        smx_paper_add(&script, ROWS_DRAWN);
        plot->script = smx_paper_take(&script);
    }
    free(row);
}

/* The curve of one arm; false: it has no scores. */
static bool put_roc(struct smx_paper *t, size_t number, struct smx_attack_result *a)
{
    struct smx_roc_point *roc;
    size_t count;

    roc = smx_roc(&a->scores_true, &a->scores_false, &count);
    if (!roc)
        return false;
    smx_paper_format(t, "$c%zu << EOD\n", number);
    for (size_t i = 0; i < count; i++) {
        bool straight =
            i > 0 && i + 1 < count && /* a point in the middle of a straight piece */
            (roc[i].true_share - roc[i - 1].true_share) * (roc[i + 1].false_share - roc[i].false_share) ==
                (roc[i + 1].true_share - roc[i].true_share) * (roc[i].false_share - roc[i - 1].false_share);

        if (!straight)
            smx_paper_format(t, "%.5g %.5g\n", roc[i].false_share, roc[i].true_share);
    }
    smx_paper_add(t, "EOD\n");
    free(roc);
    return true;
}

static void add_roc(struct smx_plots *p, struct smx_result *r, size_t first)
{
    const char *name = r->attack[first].name;
    struct smx_paper script, drawn = {0}, says = {0};
    struct smx_plot *plot = NULL;

    for (size_t i = first; i < r->attacks; i++) {
        struct smx_attack_result *a = &r->attack[i];
        struct smx_verdict v;

        if (strcmp(a->name, name) != 0 || a->scores_true.count == 0 || a->scores_false.count == 0)
            continue;
        if (!plot)
            plot = begin(p, &script, SMX_PLOT_ATTACKS, "roc", name, SMALL_W, SMALL_H);
        (void)put_roc(&script, i, a);
        v = smx_verdict_of(a);
        smx_paper_format(&drawn, ", $c%zu using 1:2 with lines ls %d", i, a->is_control ? 3 : 2);
        smx_paper_format(&says, "%s%s: AUC %.3f (%.3f to %.3f)", says.len ? "; " : "", a->arm, v.auc.auc,
                         v.auc.low, v.auc.high);
    }
    if (!plot)
        return;
    plot->title = copy(name);
    plot->says = smx_paper_take(&says);
    smx_paper_add(&script, "set lmargin 7\nset bmargin 3.2\nset tmargin 0.6\nset rmargin 1.5\nset xrange "
                           "[0:1]\nset yrange [0:1]\nset xtics 0.5\nset ytics 0.5\n"
                           "set xlabel 'false pairs taken' offset 0,0.6 textcolor rgb '#050000'\n"
                           "set ylabel 'true pairs found' offset 1,0 textcolor rgb '#050000'\n"
                           "plot x with lines ls 4 dt 2");
    smx_paper_put(&script, drawn.bytes, drawn.len);
    smx_paper_add(&script, "\n");
    smx_paper_fini(&drawn);
    plot->script = smx_paper_take(&script);
}

static bool is_first_of_its_name(const struct smx_result *r, size_t at)
{
    for (size_t i = 0; i < at; i++)
        if (strcmp(r->attack[i].name, r->attack[at].name) == 0)
            return false;
    return true;
}

struct smx_plots smx_plots_of(struct smx_result *r)
{
    struct smx_plots p = {0};

    add_calls(&p, r);
    add_traffic(&p, r);
    add_rates(&p, r);
    for (size_t i = 0; i < r->attacks; i++)
        if (is_first_of_its_name(r, i))
            add_roc(&p, r, i);
    add_sets(&p, r);
    return p;
}

void smx_plots_free(struct smx_plots *p)
{
    for (size_t i = 0; i < p->count; i++) {
        free(p->list[i].title);
        free(p->list[i].says);
        free(p->list[i].script);
        free(p->list[i].svg);
    }
    free(p->list);
    *p = (struct smx_plots){0};
}

/* ---- what gnuplot drew ---- */

const char smx_plot_symbols[] =
    "<svg width=\"0\" height=\"0\" style=\"position:absolute\" aria-hidden=\"true\"><defs>"
    "<circle id=\"gpPt5\" r=\"1\" fill=\"none\" stroke=\"currentColor\" stroke-width=\"0.2\"/>"
    "<circle id=\"gpPt6\" r=\"1\" fill=\"currentColor\" stroke=\"none\"/></defs></svg>\n";

/* The colour of a role, at s: "rgb(  2,   0,   0)" or "rgb(2,0,0)".  Its length, or 0: something else. */
static size_t colour_at(const char *s, unsigned *role)
{
    size_t at = 4;

    if (strncmp(s, "rgb(", 4) != 0)
        return 0;
    while (s[at] == ' ')
        at++;
    *role = (unsigned)(s[at] - '0');
    if (*role < SMX_INK_AXIS || *role > SMX_INK_TEXT)
        return 0;
    for (const char *rest = ",0,0)"; *rest; rest++) {
        do
            at++;
        while (s[at] == ' ');
        if (s[at] != *rest)
            return 0;
    }
    return at + 1;
}

/* Length of what is left out at s, up to and with `end`; 0: s does not begin with `begin`. */
static size_t left_out(const char *s, const char *begin_with, const char *end)
{
    const char *found;

    if (strncmp(s, begin_with, strlen(begin_with)) != 0)
        return 0;
    found = strstr(s + strlen(begin_with), end);
    return found ? (size_t)(found - s) + strlen(end) : 0;
}

char *smx_plot_svg(const char *drawn, size_t len)
{
    static const char *const no[][2] = {{"<title>", "</title>"},
                                        {"<desc>", "</desc>"},
                                        {"<defs>", "</defs>"},
                                        {" font-family=\"", "\""},
                                        {" id=\"", "\""}};
    struct smx_paper in = {0}, out = {0};
    const char *s;

    smx_paper_put(&in, drawn, len);
    s = strstr(in.bytes, "<svg");
    if (!s || !strstr(s, "</svg>") || strlen(in.bytes) != len) {
        smx_paper_fini(&in);
        return NULL;
    }
    while (*s) {
        size_t skip = 0;
        unsigned role;

        for (size_t i = 0; i < sizeof no / sizeof *no && skip == 0; i++)
            skip = left_out(s, no[i][0], no[i][1]);
        if (skip == 0 && (skip = colour_at(s, &role)) > 0)
            smx_paper_format(&out, "var(--p%u)", role);
        if (skip == 0 && (*s == '\n' || *s == '\t') && (out.len == 0 || out.bytes[out.len - 1] == '\n'))
            skip = 1; /* empty lines, and the beginnings of others */
        if (skip == 0)
            smx_paper_put(&out, s, 1);
        s += skip ? skip : 1;
    }
    smx_paper_fini(&in);
    return smx_paper_take(&out);
}
