/* sim/tool/tool.h - what the files of sipmix-sim share.  The simulator itself is a pure library (sim,
 * sim/adversary); here are files, processes, the terminal and signals.  Manual: docs/man/sipmix-sim.1.
 *
 *   main.c      the command line
 *   scenarios.c scenario files: found, read, listed, explained
 *   job.c       one seed: the measured run, then the attacks
 *   pool.c      many seeds in several processes, pooled in the order of the seeds
 *   swarm.c     the swarm's seeds, each in a process of its own; what failed made smaller (swarm.h)
 *   progress.c  the line on the terminal
 *   write.c     results: a summary, JSON
 *   report.c    results: a page with plots, CSV; those of JSON files pooled
 *   memory.c    libsodium's guarded memory, done without guards */
#ifndef SMX_SIM_TOOL_H
#define SMX_SIM_TOOL_H

#include "sim/result.h"
#include "sim/scenario.h"

#include <signal.h>
#include <stdbool.h>

#define NAME "sipmix-sim"

enum { OK = 0, FAILED = 1, USAGE = 2, INTERRUPTED = 130 };

/* ---- scenarios.c ---- */

struct source {
    struct smx_scenario scenario;
    char text[2 * SMX_SCENARIO_TEXT]; /* the file's, and a line for each --set */
};

/* name: a file (it has a / or ends with .scenario), or a scenario that came with the program.  set: `count`
 * texts KEY=VALUE.  Complains. */
bool source_read(struct source *s, const char *name, const char *const *set, size_t count);
int list(void);
int explain(const struct source *s);

/* ---- progress.c ---- */

/* Where a process is; in memory that all share. */
struct place {
    volatile sig_atomic_t busy;
    uint64_t seed;
    char what[40];                    /* "starting", "run", "passive off" */
    smx_time now, end;                /* virtual; end 0: unknown */
    double real_begin, virtual_begin; /* s: when this part began */
};

double real_now(void); /* s, monotonic */
struct progress {
    bool shown; /* a terminal is there */
    double begun, drawn;
    size_t seeds, done, jobs;
    const struct place *place; /* [jobs] */
};
void progress_draw(struct progress *p);
void progress_clear(struct progress *p);

/* ---- job.c ---- */

extern volatile sig_atomic_t interrupted;

/* Runs one seed; what: at which part it is.  An interrupt ends it with what was measured so far.  NULL: the
 * network did not come to life, which has been told. */
struct smx_result *job_run(const struct source *s, uint64_t seed, struct place *place);

/* ---- pool.c ---- */

/* The seeds from..to in `jobs` processes.  Their results pooled, or NULL: there is none at all.  *complete:
 * all seeds have come to their end. */
struct smx_result *pool_run(const struct source *s, uint64_t from, uint64_t to, size_t jobs, bool *complete);

/* ---- write.c ---- */

bool write_json(struct smx_result *r, const char *path); /* "-": standard output.  Complains. */
void write_summary(const struct smx_result *r);

/* ---- report.c ---- */

/* What a report says of how it was made. */
struct made {
    char *command; /* malloc; NULL: not known */
    char binary[2 * 8 + 1], machine[200];
};
/* argv, as somebody could type it; the rest at the end, when it is known how long it took (s). */
void made_by(struct made *m, int argc, char **argv);
void made_in(struct made *m, double seconds, size_t jobs, uint64_t clients, bool complete);

/* Writes DIR/index.html; a directory that isn't there is made.  Complains. */
bool write_report(struct smx_result *r, const char *dir, const struct made *m);
/* Writes DIR/NAME.csv for each table of sim/csv.h.  Complains. */
bool write_csv(struct smx_result *r, const char *dir);
/* The results of JSON files, pooled in their order.  NULL: complained. */
struct smx_result *read_results(const char *const *path, size_t count);

#endif
