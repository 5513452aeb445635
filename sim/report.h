/* sim/report.h - a result as one page of HTML, for people: plots, tables of all figures with their intervals,
 * and what was run.
 *
 * The page needs nothing from anywhere: no network, script, font or picture of its own; it is light or dark
 * as the reader's system is. Whoever calls makes the plots (sim/plot.h), has gnuplot draw them and hands them
 * in; where a drawing is missing, the tables still say all.  Pure; running out of memory ends the program. */
#ifndef SMX_SIM_REPORT_H
#define SMX_SIM_REPORT_H

#include "sim/plot.h"
#include "sim/result.h"

/* What a result doesn't know, as it differs from machine to machine.  NULL and 0: not said. */
struct smx_report_run {
    const char *command;  /* that made it */
    const char *binary;   /* a hash of the program */
    const char *machine;  /* a sentence: how long it took, on what, and how much memory */
    const char *no_plots; /* a sentence: why drawings are missing */
};

/* The page (malloc, the caller's). */
char *smx_report_html(struct smx_result *r, const struct smx_plots *plots, const struct smx_report_run *run);

#endif
