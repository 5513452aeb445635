#include "sim/report.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/csv.h"
#include "sim/paper.h"
#include "sim/verdict.h"

/* ---- results to show ---- */

static void trials(struct smx_result *r, const char *name, const char *arm, bool is_control, uint64_t won)
{
    struct smx_attack_result *a = smx_result_attack(r, name, arm);

    a->is_control = is_control;
    smx_attack_trials(a, 2000, won, 0.01);
}

static void scores(struct smx_result *r, const char *name, const char *arm, double shift)
{
    struct smx_attack_result *a = smx_result_attack(r, name, arm);

    for (int i = 0; i < 1000; i++) {
        smx_scores_add(&a->scores_true, (double)(i * 617 % 1000) + shift);
        smx_scores_add(&a->scores_false, (double)(i * 389 % 1000));
    }
}

static struct smx_result *some(void)
{
    struct smx_result *r = smx_result_new("a<b>&'c'", "name = <script>alert(1)</script>\n", "0.1.0");

    for (uint64_t seed = 3; seed <= 6; seed++)
        smx_result_seed(r, seed);
    smx_result_seed(r, 9);
    r->virtual_ns = SMX_SECOND(300);
    for (uint64_t i = 0; i < 1000; i++) {
        smx_spread_add(&r->measure[SMX_M_LATENCY], 120000 + 50 * i);
        smx_spread_add(&r->measure[SMX_M_LATENCY_NEAR], 120000 + 40 * i);
        smx_spread_add(&r->measure[SMX_M_MOS], 3900 + i / 2);
        smx_spread_add(&r->measure[SMX_M_JITTER], i);
        smx_spread_add(&r->measure[SMX_M_SETUP], 900000 + 1000 * i);
    }
    r->tally[SMX_T_CALLS_JUDGED] = 400;
    r->tally[SMX_T_CALLS_GOOD] = 399;
    r->tally[SMX_T_FRAMES_SENT] = 1234567;
    smx_result_traffic(r, SMX_ROLE_CLIENT, SMX_SECOND(60), 3000 * 700, 3000, 3000 * 700, 3000);
    smx_result_traffic(r, SMX_ROLE_END, SMX_SECOND(60), 6000 * 1372, 6000, 6000 * 1372, 6000);
    trials(r, "passive/rates", "on", false, 21);
    trials(r, "passive/rates", "off", true, 1950);
    scores(r, "passive/rates", "on", 0);
    scores(r, "passive/rates", "off", 900);
    trials(r, "it's \"odd\"\n", "on", false, 19);
    scores(r, "it's \"odd\"\n", "on", 5);
    smx_attack_set(smx_result_attack(r, "passive/rates", "on"), (double[]){1, 1, 1, 1}, 4);
    smx_figures_add(&r->figures, "recovery", 1.5, "s", "of <calls>, \"cut\"");
    return r;
}

/* ---- verdicts ---- */

static const char *verdict(const char *arm, uint64_t on, bool has_control, uint64_t off)
{
    struct smx_result *r = smx_result_new("test", NULL, "0");
    const char *text;

    trials(r, "x", "on", false, on);
    if (has_control)
        trials(r, "x", "off", true, off);
    text = smx_verdict_text(r, smx_result_attack(r, "x", arm));
    smx_result_free(r);
    return text;
}

static void chance_says_something_only_beside_a_control_that_succeeds(void **state)
{
    (void)state;
    assert_string_equal(verdict("on", 21, true, 1900), "no better than guessing");
    assert_string_equal(verdict("on", 21, true, 25), "no better than guessing, but nor is its control");
    assert_string_equal(verdict("on", 21, false, 0), "no better than guessing; no control was run");
    assert_string_equal(verdict("off", 21, true, 25), "too weak: its attack says nothing");
    assert_string_equal(verdict("off", 21, true, 1900), "succeeds, as a control must");
    assert_string_equal(verdict("on", 60, true, 1900), "better than guessing");
    assert_string_equal(verdict("on", 2, true, 1900), "worse than guessing: it may be turned round");
}

static void scores_that_tell_are_better_than_guessing_whatever_the_trials_say(void **state)
{
    struct smx_result *r = smx_result_new("test", NULL, "0");
    struct smx_attack_result *a;

    (void)state;
    trials(r, "x", "on", false, 20);
    scores(r, "x", "on", 0);
    a = smx_result_attack(r, "x", "on");
    assert_int_equal(smx_verdict_of(a).says, SMX_SAYS_CHANCE);
    scores(r, "y", "on", 150);
    assert_int_equal(smx_verdict_of(smx_result_attack(r, "y", "on")).says, SMX_SAYS_BETTER);
    scores(r, "z", "on", -150);
    assert_int_equal(smx_verdict_of(smx_result_attack(r, "z", "on")).says, SMX_SAYS_WORSE);
    a = smx_result_attack(r, "never", "on");
    assert_int_equal(smx_verdict_of(a).says, SMX_SAYS_NOTHING);
    smx_attack_trials(a, 5000, 0, 0);
    assert_int_equal(smx_verdict_of(a).says, SMX_SAYS_NEVER);
    smx_attack_trials(a, 1, 1, 0);
    assert_int_equal(smx_verdict_of(a).says, SMX_SAYS_EVER);
    smx_result_free(r);
}

/* ---- plots ---- */

static const char DRAWN[] =
    "<?xml version=\"1.0\"?>\n<svg \n viewBox=\"0 0 640 300\"\n>\n\n<title>lat</title>\n<desc>by G </desc>\n"
    "<g id=\"gnuplot_canvas\">\n<defs>\n\t<circle id='gpDot' r='0.5'/>\n</defs>\n"
    "\t<path stroke='rgb(  1,   0,   0)'  d='M1,2'/><g fill=\"rgb(5,0,0)\" font-family=\"sans\" "
    "font-size=\"13\">"
    "<path stroke='rgb( 12,   0,   0)'/><path stroke='rgb(0,0,0)'/></g></g>\n</svg>\n";

static void a_drawing_loses_its_head_and_gets_the_pages_colours(void **state)
{
    char *svg = smx_plot_svg(DRAWN, strlen(DRAWN));

    (void)state;
    assert_string_equal(svg,
                        "<svg \n viewBox=\"0 0 640 300\"\n>\n<g>\n"
                        "<path stroke='var(--p1)'  d='M1,2'/><g fill=\"var(--p5)\" font-size=\"13\">"
                        "<path stroke='rgb( 12,   0,   0)'/><path stroke='rgb(0,0,0)'/></g></g>\n</svg>\n");
    free(svg);
}

static void what_is_no_drawing_is_refused(void **state)
{
    (void)state;
    for (size_t len = 0; len + 7 < sizeof DRAWN; len++) /* whatever is cut off, up to the end's tag */
        assert_null(smx_plot_svg(DRAWN, len));
    assert_null(smx_plot_svg("<svg>\0</svg>", 12));
    assert_null(smx_plot_svg("", 0));
}

/* Quotes are doubled and lines stay whole, so no name can end its string and be read as a command. */
static void names_cannot_leave_their_quotes_in_a_script(void **state)
{
    struct smx_result *r = some();
    struct smx_plots p = smx_plots_of(r);
    unsigned odd = 0;

    (void)state;
    for (size_t i = 0; i < p.count; i++) {
        for (const char *line = p.list[i].script; *line; line += strcspn(line, "\n") + 1) {
            unsigned quotes = 0;

            for (const char *s = line; *s != '\n'; s++)
                quotes += *s == '\'';
            assert_true(quotes % 2 == 0);
        }
        odd += strstr(p.list[i].script, "'it''s \"odd\" , on'") != NULL;
        for (const char *s = p.list[i].name; *s; s++)
            assert_non_null(strchr("abcdefghijklmnopqrstuvwxyz_", *s));
    }
    assert_int_equal(odd, 1); /* success; it has no set */
    smx_plots_free(&p);
    smx_result_free(r);
}

static void plots_are_those_there_is_something_for(void **state)
{
    struct smx_result *r = some(), *none = smx_result_new("none", NULL, "0");
    struct smx_plots p = smx_plots_of(r), q = smx_plots_of(none);

    (void)state;
    assert_int_equal(p.count, 4 + 1 + 1 + 2 + 1);
    assert_int_equal(q.count, 0);
    assert_string_equal(p.list[0].name, "spread_latency");
    smx_plots_free(&p);
    smx_result_free(r);
    smx_result_free(none);
}

/* ---- the page ---- */

static char *page_of(struct smx_result *r, bool drawn)
{
    const struct smx_report_run run = {"sipmix-sim run <x>", "abc", "83 s", drawn ? NULL : "No plots & why."};
    struct smx_plots p = smx_plots_of(r);
    char *page;

    for (size_t i = 0; drawn && i < p.count; i++)
        p.list[i].svg = smx_plot_svg(DRAWN, strlen(DRAWN));
    page = smx_report_html(r, &p, &run);
    smx_plots_free(&p);
    return page;
}

static unsigned times(const char *page, const char *what)
{
    unsigned count = 0;

    for (const char *s = page; (s = strstr(s, what)); s++)
        count++;
    return count;
}

static void the_page_asks_for_nothing_from_anywhere(void **state)
{
    static const char *const asking[] = {
        "<script", "http:", "https:", "//", "src=", "url(", "@import", "<link", "<iframe"};
    struct smx_result *r = some();
    char *page = page_of(r, true);

    (void)state;
    for (size_t i = 0; i < sizeof asking / sizeof *asking; i++)
        assert_null(strstr(page, asking[i]));
    assert_int_equal(times(page, "<figure>"), 9);
    free(page);
    smx_result_free(r);
}

static void what_comes_from_outside_is_text(void **state)
{
    struct smx_result *r = some();
    char *page = page_of(r, true);

    (void)state;
    assert_non_null(strstr(page, "<h1>a&lt;b&gt;&amp;&#39;c&#39;</h1>"));
    assert_non_null(strstr(page, "&lt;script&gt;alert(1)"));
    assert_non_null(strstr(page, "of &lt;calls&gt;, &quot;cut&quot;"));
    assert_non_null(strstr(page, "it&#39;s &quot;odd&quot;"));
    assert_non_null(strstr(page, "seeds 3 to 6, 9."));
    free(page);
    smx_result_free(r);
}

static void without_drawings_the_tables_say_all_and_a_sentence_says_why(void **state)
{
    struct smx_result *r = some();
    char *page = page_of(r, false);

    (void)state;
    assert_int_equal(times(page, "<figure>"), 0);
    assert_non_null(strstr(page, "No plots &amp; why."));
    assert_non_null(strstr(page, "1,234,567"));
    assert_non_null(strstr(page, "no better than guessing</small>"));
    assert_non_null(strstr(page, "99.8 %"));
    free(page);
    smx_result_free(r);
}

static void tags_are_closed(void **state)
{
    static const char *const tag[] = {"table", "thead", "tbody", "tr",   "td", "th",  "figure", "figcaption",
                                      "div",   "small", "h1",    "h2",   "h3", "p",   "pre",    "main",
                                      "body",  "html",  "style", "span", "b",  "code"};
    struct smx_result *r = some();
    char *page = page_of(r, true);

    (void)state;
    for (size_t i = 0; i < sizeof tag / sizeof *tag; i++) {
        char plain[32], with[32], close[32];

        (void)snprintf(plain, sizeof plain, "<%s>", tag[i]);
        (void)snprintf(with, sizeof with, "<%s ", tag[i]);
        (void)snprintf(close, sizeof close, "</%s>", tag[i]);
        assert_true(times(page, close) > 0);
        assert_int_equal(times(page, plain) + times(page, with), times(page, close));
    }
    free(page);
    smx_result_free(r);
}

/* ---- tables ---- */

static unsigned fields(const char *line, size_t len)
{
    unsigned count = 1;
    bool quoted = false;

    for (size_t i = 0; i < len; i++) {
        quoted ^= line[i] == '"';
        count += line[i] == ',' && !quoted;
    }
    return count;
}

static void all_rows_of_a_table_have_the_fields_of_its_head(void **state)
{
    struct smx_result *r = some();
    struct smx_tables t;
    size_t rows[SMX_TABLES] = {0};

    (void)state;
    strcpy(r->attack[2].name, "it's \"odd\", but"); /* a new line would be a row to the count below */
    t = smx_tables_of(r);
    assert_int_equal(t.count, SMX_TABLES);
    for (size_t i = 0; i < t.count; i++) {
        const char *line = t.list[i].text;
        unsigned wanted = fields(line, strcspn(line, "\n"));

        for (; *line; line += strcspn(line, "\n") + 1, rows[i]++)
            assert_int_equal(fields(line, strcspn(line, "\n")), wanted);
    }
    assert_int_equal(rows[0], 1 + SMX_MEASURE_COUNT);
    assert_int_equal(rows[2], 1 + SMX_TALLY_COUNT);
    assert_int_equal(rows[5], 1 + 3);
    assert_int_equal(rows[7], 1 + 5);
    assert_non_null(strstr(t.list[5].text, "\"it's \"\"odd\"\", but\",on,no,2000,19,0.0095,"));
    smx_tables_free(&t);
    smx_result_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chance_says_something_only_beside_a_control_that_succeeds),
        cmocka_unit_test(scores_that_tell_are_better_than_guessing_whatever_the_trials_say),
        cmocka_unit_test(a_drawing_loses_its_head_and_gets_the_pages_colours),
        cmocka_unit_test(what_is_no_drawing_is_refused),
        cmocka_unit_test(names_cannot_leave_their_quotes_in_a_script),
        cmocka_unit_test(plots_are_those_there_is_something_for),
        cmocka_unit_test(the_page_asks_for_nothing_from_anywhere),
        cmocka_unit_test(what_comes_from_outside_is_text),
        cmocka_unit_test(without_drawings_the_tables_say_all_and_a_sentence_says_why),
        cmocka_unit_test(tags_are_closed),
        cmocka_unit_test(all_rows_of_a_table_have_the_fields_of_its_head),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
