/* sim/plot.h - a result's plots: a script for gnuplot each, and the drawing that came of it.
 *
 * A script carries its data, writes one SVG to its standard output and reads and writes nothing else. Colours
 * are numbers of roles (SMX_INK_...), which smx_plot_svg turns into CSS variables --p1, --p2, ..., so that a
 * page decides what they look like, light or dark.  Pure; running out of memory ends the program. */
#ifndef SMX_SIM_PLOT_H
#define SMX_SIM_PLOT_H

#include "sim/result.h"

enum smx_plot_part { SMX_PLOT_CALLS, SMX_PLOT_TRAFFIC, SMX_PLOT_ATTACKS };

enum smx_ink {
    SMX_INK_AXIS = 1,    /* frame, tics, numbers */
    SMX_INK_MAIN = 2,    /* what was measured */
    SMX_INK_CONTROL = 3, /* an attack's control, or a second curve */
    SMX_INK_CHANCE = 4,  /* what guessing gives, and other marks to compare with */
    SMX_INK_TEXT = 5,    /* labels */
};

struct smx_plot {
    enum smx_plot_part part;
    char name[2 * SMX_RESULT_NAME]; /* letters, digits and _; once in a result */
    char *title, *says;             /* plain text; says: what it shows, in one or two sentences */
    bool is_small;                  /* stands beside others */
    char *script;
    char *svg; /* whoever ran gnuplot puts smx_plot_svg's here; NULL: there is none */
};

struct smx_plots {
    struct smx_plot *list;
    size_t count;
};

/* All that there is something to show in. */
struct smx_plots smx_plots_of(struct smx_result *r);
void smx_plots_free(struct smx_plots *p);

/* An SVG of gnuplot's (5.x) made fit to stand in a page: no head, titles, fonts or definitions of its own.
 * The caller's to free.  NULL: it is none. */
char *smx_plot_svg(const char *drawn, size_t len);
/* What all of them refer to: to stand in the page once, before them. */
extern const char smx_plot_symbols[];

#endif
