/* tests/bench/bench.h - what the benches share: CPU time, and a figure over several runs as JSON.
 * The machine is a shared one: a figure is the median of runs, with the smallest and largest beside it, and
 * what is compared is measured in turns. */
#ifndef SMX_TESTS_BENCH_H
#define SMX_TESTS_BENCH_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { BENCH_RUNS = 9 };

struct runs {
    double of[BENCH_RUNS];
};

/* A bench that can't do its work says why and fails. */
static inline void need(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "bench: %s\n", what);
    exit(1);
}

/* CPU time of this process, in ns. */
static inline double cpu_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static inline int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static inline double median(const struct runs *r)
{
    struct runs sorted = *r;

    qsort(sorted.of, BENCH_RUNS, sizeof sorted.of[0], by_value);
    return sorted.of[BENCH_RUNS / 2];
}

/* Prints , "name": {"median": ..., "min": ..., "max": ...} */
static inline void print_runs(const char *name, const struct runs *r, int digits)
{
    struct runs sorted = *r;

    qsort(sorted.of, BENCH_RUNS, sizeof sorted.of[0], by_value);
    printf(", \"%s\": {\"median\": %.*f, \"min\": %.*f, \"max\": %.*f}", name, digits,
           sorted.of[BENCH_RUNS / 2], digits, sorted.of[0], digits, sorted.of[BENCH_RUNS - 1]);
}

/* The same of the quotients of each run. */
static inline void print_ratio(const char *name, const struct runs *a, const struct runs *b)
{
    struct runs ratio;

    for (size_t i = 0; i < BENCH_RUNS; i++)
        ratio.of[i] = a->of[i] / b->of[i];
    print_runs(name, &ratio, 2);
}

#endif
