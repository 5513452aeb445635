/* sipmix-sim: runs simulated networks of the real cores.  Manual: docs/man/sipmix-sim.1. */
#include "sim/tool/swarm.h"
#include "sim/tool/tool.h"

#include "proto/base/version.h"

#include <errno.h>
#include <getopt.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SETS_MAX = 256, JOBS_MAX = 256 };

struct options {
    const char *set[SETS_MAX];
    size_t sets;
    uint64_t from, to;
    size_t jobs;
    const char *json, *csv, *report;
    struct made made;
};

static void usage(FILE *to)
{
    fprintf(to, "usage: " NAME " run SCENARIO [--seed N | --seeds A..B] [--jobs J] [--set KEY=VALUE]...\n"
                "                      [--json FILE] [--csv DIR] [--report DIR]\n"
                "       " NAME " pool FILE.json... [--json FILE] [--csv DIR] [--report DIR]\n"
                "       " NAME " swarm --seeds A..B [--jobs J] [--state FILE] [--json FILE] [--tell]\n"
                "       " NAME " list\n"
                "       " NAME " explain SCENARIO [--set KEY=VALUE]...\n"
                "       " NAME " --version | --help\n"
                "SCENARIO is a file, or one of those that `list` names.\n");
}

static void interrupt(int number)
{
    (void)number;
    interrupted = 1;
}

static bool read_number(const char *text, uint64_t *out)
{
    char *end;

    errno = 0;
    *out = strtoull(text, &end, 10);
    return errno == 0 && end != text && *end == '\0' && text[0] != '-';
}

/* "A..B" */
static bool read_range(const char *text, uint64_t *from, uint64_t *to)
{
    const char *dots = strstr(text, "..");
    char first[32];

    if (!dots || (size_t)(dots - text) >= sizeof first)
        return false;
    snprintf(first, sizeof first, "%.*s", (int)(dots - text), text);
    return read_number(first, from) && read_number(dots + 2, to) && *from <= *to &&
           *to - *from < SMX_RESULT_SEEDS;
}

static bool read_option(struct options *o, int option)
{
    uint64_t jobs;

    switch (option) {
    case 's':
        if (read_number(optarg, &o->from)) {
            o->to = o->from;
            return true;
        }
        fprintf(stderr, NAME ": --seed: \"%s\" is not a number\n", optarg);
        return false;
    case 'r':
        if (read_range(optarg, &o->from, &o->to))
            return true;
        fprintf(stderr, NAME ": --seeds: \"%s\" is not a range, as 1..20\n", optarg);
        return false;
    case 'j':
        if (read_number(optarg, &jobs) && jobs >= 1 && jobs <= JOBS_MAX) {
            o->jobs = (size_t)jobs;
            return true;
        }
        fprintf(stderr, NAME ": --jobs: \"%s\" is not a number from 1 to %d\n", optarg, JOBS_MAX);
        return false;
    case 'k':
        if (o->sets < SETS_MAX) {
            o->set[o->sets++] = optarg;
            return true;
        }
        fprintf(stderr, NAME ": more than %d times --set\n", SETS_MAX);
        return false;
    case 'o':
        o->json = optarg;
        return true;
    case 'c':
        o->csv = optarg;
        return true;
    case 'p':
        o->report = optarg;
        return true;
    default:
        return false;
    }
}

/* All that was asked for. */
static bool tell(struct smx_result *r, const struct options *o)
{
    bool good = !o->json || write_json(r, o->json);

    if (o->csv)
        good = write_csv(r, o->csv) && good;
    if (o->report)
        good = write_report(r, o->report, &o->made) && good;
    if (!o->json || strcmp(o->json, "-") != 0)
        write_summary(r);
    return good;
}

static int run(const struct source *s, struct options *o)
{
    struct sigaction action = {.sa_handler = interrupt, .sa_flags = SA_RESTART};
    struct smx_result *result;
    double begun = real_now();
    bool complete, written;

    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    fprintf(stderr, NAME ": %s, seed%s %llu", s->scenario.name, o->from < o->to ? "s" : "",
            (unsigned long long)o->from);
    if (o->from < o->to)
        fprintf(stderr, "..%llu", (unsigned long long)o->to);
    fprintf(stderr, "\n");
    result = pool_run(s, o->from, o->to, o->jobs, &complete);
    if (!result) {
        fprintf(stderr, NAME ": no result\n");
        return interrupted ? INTERRUPTED : FAILED;
    }
    made_in(&o->made, real_now() - begun, o->jobs, result->clients, complete);
    written = tell(result, o);
    smx_result_free(result);
    if (interrupted)
        return INTERRUPTED;
    return complete && written ? OK : FAILED;
}

static int pool(int argc, char **argv, const struct options *o)
{
    struct smx_result *r = read_results((const char *const *)argv, (size_t)argc);
    bool written = r && tell(r, o);

    smx_result_free(r);
    return written ? OK : FAILED;
}

static int command(int argc, char **argv, struct options *o)
{
    const char *verb = optind < argc ? argv[optind] : "", *name = optind + 1 < argc ? argv[optind + 1] : NULL;
    struct source *s;
    int status = USAGE;

    if (strcmp(verb, "list") == 0 && !name)
        return list();
    if (strcmp(verb, "pool") == 0 && name)
        return pool(argc - optind - 1, argv + optind + 1, o);
    if ((strcmp(verb, "run") != 0 && strcmp(verb, "explain") != 0) || !name || optind + 2 != argc) {
        usage(stderr);
        return USAGE;
    }
    s = calloc(1, sizeof *s);
    if (s && source_read(s, name, o->set, o->sets))
        status = strcmp(verb, "run") == 0 ? run(s, o) : explain(s);
    free(s);
    return status;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"seed", required_argument, NULL, 's'},   {"seeds", required_argument, NULL, 'r'},
        {"jobs", required_argument, NULL, 'j'},   {"set", required_argument, NULL, 'k'},
        {"json", required_argument, NULL, 'o'},   {"csv", required_argument, NULL, 'c'},
        {"report", required_argument, NULL, 'p'}, {"version", no_argument, NULL, 'v'},
        {"help", no_argument, NULL, 'h'},         {NULL, 0, NULL, 0}};
    struct options o = {.from = 1, .to = 1, .jobs = 1};
    int option, status;

    if (argc > 1 && strcmp(argv[1], "swarm") == 0) /* its options are its own */
        return sodium_init() < 0 ? FAILED : swarm_command(argc - 1, argv + 1);

    made_by(&o.made, argc, argv);
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option == 'v') {
            printf(NAME " " SMX_VERSION_TEXT "\n");
            return OK;
        }
        if (option == 'h') {
            usage(stdout);
            return OK;
        }
        if (option == '?')
            usage(stderr);
        if (!read_option(&o, option))
            return USAGE;
    }
    if (sodium_init() < 0)
        return FAILED;
    status = command(argc, argv, &o);
    free(o.made.command);
    return status;
}
