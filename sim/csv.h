/* sim/csv.h - a result as tables, for who computes on with it.
 *
 * RFC 4180 with LF: one line of names, then one a row; points as decimal signs.  The same rows as in the JSON
 * and the report:
 *   measures  one row a measure: unit, count, mean, quantiles
 *   spreads   the histograms behind them: measure, from (incl.), below, count
 *   tallies   counts
 *   traffic   roles: nodes, bytes, rates
 *   figures   free figures, of the run ("" for attack and arm) and of attacks
 *   attacks   one row an attack and arm: trials, successes, intervals at 99.9 %, AUC, verdict
 *   roc       attack, arm, threshold, false_share, true_share
 *   seeds     those that were pooled
 * Pure; running out of memory ends the program, as in sim/world.h. */
#ifndef SMX_SIM_CSV_H
#define SMX_SIM_CSV_H

#include "sim/result.h"

enum { SMX_TABLE_NAME = 16, SMX_TABLES = 8 };

struct smx_table {
    char name[SMX_TABLE_NAME];
    char *text;
};

struct smx_tables {
    struct smx_table list[SMX_TABLES];
    size_t count;
};

struct smx_tables smx_tables_of(struct smx_result *r);
void smx_tables_free(struct smx_tables *t);

#endif
