#include "sim/tool/swarm.h"

#include "sim/shrink.h"
#include "sim/swarm.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    JOBS = 64,
    SEEDS = 10000000, /* in one call */
    CPU_S = 300,      /* of one run; a usual one takes less than a second */
    SHRUNK = 5,       /* failures that are made smaller */
    SHRINK_TRIES = 40,
    TOLD = 3,    /* complaints of a failure that are told */
    EVERY_S = 30 /* between lines of progress where there is no terminal */
};

enum { OK = 0, FAILED = 1, USAGE = 2, INTERRUPTED = 130 };

struct job {
    pid_t pid; /* 0: none */
    int fd;
    uint64_t seed;
    size_t got;
    struct smx_swarm_result result;
};

struct options {
    uint64_t from, to;
    size_t jobs;
    unsigned shrink;
    bool tell;
    const char *state, *json;
    struct {
        const char *name, *value;
    } flag[16];
    size_t flags;
};

struct swarm_state {
    const struct options *o;
    uint8_t *done; /* by seed */
    FILE *file;
    uint64_t left, all, passed, failed, before; /* before: failures that the state file names */
    uint64_t failure[SHRUNK];
    size_t failures;
    uint64_t calls, answered, ticks, cells, again, datagrams, virtual_ms;
    time_t begun, told;
    bool terminal;
};

static volatile sig_atomic_t interrupted;

static void interrupt(int number)
{
    (void)number;
    interrupted = 1;
}

/* ---- one run, in a process of its own ---- */

static void tell(void *arg, smx_time at, const char *text)
{
    (void)arg;
    printf("  %9.3f  %s\n", (double)at / 1e9, text);
}

static void plan_of(const struct options *o, uint64_t seed, struct smx_swarm_plan *plan)
{
    smx_swarm_draw(plan, seed);
    for (size_t i = 0; i < o->flags; i++)
        (void)smx_swarm_flag(plan, o->flag[i].name, o->flag[i].value);
}

static _Noreturn void child(const struct smx_swarm_plan *plan, int fd)
{
    struct rlimit limit = {CPU_S, CPU_S};
    struct smx_swarm_result result;
    const char *at = (const char *)&result;
    size_t left = sizeof result;

    signal(SIGINT, SIG_IGN); /* the parent decides */
    setrlimit(RLIMIT_CPU, &limit);
    limit.rlim_cur = limit.rlim_max = 0;
    setrlimit(RLIMIT_CORE, &limit);
    smx_swarm_run(plan, &result);
    while (left > 0) {
        ssize_t n = write(fd, at, left);

        if (n < 0 && errno != EINTR)
            _exit(FAILED);
        at += n > 0 ? n : 0;
        left -= n > 0 ? (size_t)n : 0;
    }
    _exit(OK);
}

static bool start(struct job *j, const struct smx_swarm_plan *plan)
{
    int fd[2];

    fflush(NULL);
    if (pipe(fd) != 0)
        return false;
    *j = (struct job){.seed = plan->seed, .fd = fd[0], .pid = fork()};
    if (j->pid == 0) {
        close(fd[0]);
        child(plan, fd[1]);
    }
    close(fd[1]);
    if (j->pid > 0)
        return true;
    close(fd[0]);
    j->pid = 0;
    return false;
}

/* Takes what has come; true when it has ended. */
static bool take(struct job *j)
{
    ssize_t n = read(j->fd, (char *)&j->result + j->got, sizeof j->result - j->got);

    if (n < 0)
        return errno != EINTR && errno != EAGAIN;
    j->got += (size_t)n;
    return n == 0 || j->got == sizeof j->result;
}

/* Its result is whole, or says how it died.  The names of checkers are at the same place in all processes. */
static void finish(struct job *j)
{
    int status = 0;

    close(j->fd);
    while (waitpid(j->pid, &status, 0) < 0 && errno == EINTR)
        ;
    j->pid = 0;
    if (j->got == sizeof j->result)
        return;
    memset(&j->result, 0, sizeof j->result);
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU)
        smx_complain(&j->result.verdict, 0, "life", "no end after %d CPU seconds", CPU_S);
    else if (WIFSIGNALED(status))
        smx_complain(&j->result.verdict, 0, "life", "died of signal %d", WTERMSIG(status));
    else
        smx_complain(&j->result.verdict, 0, "life", "left with status %d", WEXITSTATUS(status));
}

static const char *run_once(void *arg, const struct smx_swarm_plan *plan)
{
    struct job j;

    (void)arg;
    if (interrupted || !start(&j, plan))
        return NULL;
    while (!take(&j))
        ;
    finish(&j);
    return j.result.verdict.count > 0 ? j.result.verdict.kept[0].by : NULL;
}

/* ---- the state file: a line for each seed that is done ---- */

static bool state_open(struct swarm_state *s)
{
    char line[512];

    if (!s->o->state)
        return true;
    s->file = fopen(s->o->state, "a+");
    if (!s->file) {
        fprintf(stderr, "sipmix-sim: %s: %s\n", s->o->state, strerror(errno));
        return false;
    }
    rewind(s->file);
    while (fgets(line, sizeof line, s->file)) {
        char *word;
        uint64_t seed = strtoull(line, &word, 10);
        bool ok = strcmp(word, " ok\n") == 0, failed = strncmp(word, " failed ", 8) == 0;

        if ((!ok && !failed) || seed < s->o->from || seed > s->o->to || s->done[seed - s->o->from])
            continue;
        s->done[seed - s->o->from] = 1;
        s->left--;
        s->passed += ok;
        s->before += failed;
        if (failed)
            printf("from the state file: seed %s", line);
    }
    return true;
}

static void state_add(struct swarm_state *s, const struct job *j)
{
    const struct smx_verdict *v = &j->result.verdict;

    if (!s->file)
        return;
    if (v->count == 0)
        fprintf(s->file, "%" PRIu64 " ok\n", j->seed);
    else
        fprintf(s->file, "%" PRIu64 " failed %s: %s\n", j->seed, v->kept[0].by, v->kept[0].text);
    fflush(s->file);
}

/* ---- telling ---- */

static void clear_line(const struct swarm_state *s)
{
    if (s->terminal)
        fprintf(stderr, "\r\033[K");
}

static void progress(struct swarm_state *s, bool last)
{
    time_t now = time(NULL);
    uint64_t done = s->all - s->left;
    double each = done > s->passed + s->failed + s->before ? 0 : difftime(now, s->begun);

    if (now == s->told || (!s->terminal && !last && now < s->told + EVERY_S))
        return;
    s->told = now;
    fprintf(stderr, "%s%" PRIu64 " of %" PRIu64 " seeds, %" PRIu64 " failed, %.0f s%s",
            s->terminal ? "\r\033[K" : "", done, s->all, s->failed + s->before, each,
            s->terminal ? "" : "\n");
}

static void tell_failure(struct swarm_state *s, const struct job *j)
{
    const struct smx_verdict *v = &j->result.verdict;
    struct smx_swarm_plan plan;
    char flags[SMX_SWARM_TEXT];

    plan_of(s->o, j->seed, &plan);
    smx_swarm_flags(&plan, flags);
    clear_line(s);
    printf("seed %" PRIu64 " failed:\n", j->seed);
    for (uint64_t i = 0; i < v->count && i < TOLD; i++)
        printf("  %9.3f  %s: %s\n", (double)v->kept[i].at / 1e9, v->kept[i].by, v->kept[i].text);
    if (v->count > TOLD)
        printf("  and %" PRIu64 " more\n", v->count - TOLD);
    printf("  again: sipmix-sim swarm --seeds %" PRIu64 "..%" PRIu64 "%s --tell\n", j->seed, j->seed, flags);
    fflush(stdout);
}

static void make_smaller(const struct swarm_state *s, uint64_t seed)
{
    struct smx_swarm_plan plan;
    char text[SMX_SWARM_TEXT];
    const char *by;
    unsigned tries;

    plan_of(s->o, seed, &plan);
    by = run_once(NULL, &plan);
    if (!by) {
        printf("seed %" PRIu64 " does not fail again: that is a failure of the simulator\n", seed);
        return;
    }
    tries = smx_shrink(&plan, by, s->o->shrink, run_once, NULL);
    smx_swarm_text(&plan, text);
    printf("made smaller in %u runs: %s\n", tries, text);
    smx_swarm_flags(&plan, text);
    printf("  again: sipmix-sim swarm --seeds %" PRIu64 "..%" PRIu64 "%s --tell\n", seed, seed, text);
    fflush(stdout);
}

/* ---- all seeds ---- */

static void judge(struct swarm_state *s, const struct job *j)
{
    const struct smx_swarm_result *r = &j->result;

    s->left--;
    s->calls += r->calls;
    s->answered += r->answered;
    s->ticks += r->ticks;
    s->cells += r->cells;
    s->again += r->again;
    s->datagrams += r->datagrams;
    s->virtual_ms += r->virtual_ms;
    state_add(s, j);
    if (r->verdict.count == 0) {
        s->passed++;
        return;
    }
    s->failed++;
    if (s->failures < SHRUNK)
        s->failure[s->failures++] = j->seed;
    tell_failure(s, j);
}

static bool start_next(struct swarm_state *s, struct job *j, uint64_t *next)
{
    struct smx_swarm_plan plan;

    while (*next <= s->o->to && s->done[*next - s->o->from])
        ++*next;
    if (*next > s->o->to || interrupted)
        return false;
    plan_of(s->o, *next, &plan);
    if (!start(j, &plan)) {
        fprintf(stderr, "sipmix-sim: no process: %s\n", strerror(errno));
        interrupted = 1;
        return false;
    }
    ++*next;
    return true;
}

static void run_all(struct swarm_state *s)
{
    struct job job[JOBS] = {{.pid = 0}};
    uint64_t next = s->o->from;
    size_t running = 0;

    do {
        struct pollfd fd[JOBS];

        for (size_t i = 0; i < s->o->jobs; i++)
            if (job[i].pid == 0)
                running += start_next(s, &job[i], &next);
        for (size_t i = 0; i < s->o->jobs; i++)
            fd[i] = (struct pollfd){.fd = job[i].pid ? job[i].fd : -1, .events = POLLIN};
        if (running > 0)
            (void)!poll(fd, s->o->jobs, 1000);
        for (size_t i = 0; i < s->o->jobs; i++)
            if (job[i].pid && fd[i].revents && take(&job[i])) {
                finish(&job[i]);
                judge(s, &job[i]);
                running--;
            }
        progress(s, false);
    } while (running > 0);
}

static bool write_json(const struct swarm_state *s)
{
    FILE *f = s->o->json ? fopen(s->o->json, "w") : NULL;

    if (!s->o->json)
        return true;
    if (!f) {
        fprintf(stderr, "sipmix-sim: %s: %s\n", s->o->json, strerror(errno));
        return false;
    }
    fprintf(f,
            "{\"seeds\": \"%" PRIu64 "..%" PRIu64 "\", \"passed\": %" PRIu64 ", \"failed\": %" PRIu64
            ", \"left\": %" PRIu64 ",\n \"this_call\": {\"virtual_s\": %.1f, \"datagrams\": %" PRIu64
            ", \"link_ticks\": %" PRIu64 ", \"cells\": %" PRIu64 ", \"repetitions_refused\": %" PRIu64
            ", \"calls\": %" PRIu64 ", \"answered\": %" PRIu64 "}}\n",
            s->o->from, s->o->to, s->passed, s->failed + s->before, s->left, (double)s->virtual_ms / 1e3,
            s->datagrams, s->ticks, s->cells, s->again, s->calls, s->answered);
    return fclose(f) == 0;
}

static int run_swarm(const struct options *o)
{
    struct swarm_state s = {.o = o, .all = o->to - o->from + 1, .terminal = isatty(2)};
    int status;

    s.left = s.all;
    s.done = calloc(s.all, 1);
    if (!s.done || !state_open(&s)) {
        free(s.done);
        return USAGE;
    }
    s.begun = s.told = time(NULL);
    signal(SIGINT, interrupt);
    signal(SIGTERM, interrupt);
    run_all(&s);
    clear_line(&s);
    for (size_t i = 0; i < s.failures && o->shrink > 0 && !interrupted; i++)
        make_smaller(&s, s.failure[i]);
    printf("%" PRIu64 " seeds passed, %" PRIu64 " failed, %" PRIu64 " left\n", s.passed, s.failed + s.before,
           s.left);
    status = !write_json(&s) ? USAGE : interrupted ? INTERRUPTED : s.failed + s.before > 0 ? FAILED : OK;
    if (s.file)
        fclose(s.file);
    free(s.done);
    return status;
}

static int tell_one(const struct options *o)
{
    struct smx_swarm_plan plan;
    struct smx_swarm_result result;
    char text[SMX_SWARM_TEXT];

    plan_of(o, o->from, &plan);
    smx_swarm_text(&plan, text);
    puts(text);
    smx_swarm_run_telling(&plan, &result, tell, NULL);
    for (uint64_t i = 0; i < result.verdict.count && i < SMX_VERDICT_KEPT; i++)
        printf("  %9.3f  %s: %s\n", (double)result.verdict.kept[i].at / 1e9, result.verdict.kept[i].by,
               result.verdict.kept[i].text);
    printf("seed %" PRIu64 ": %.1f virtual s, %" PRIu64 " datagrams, %" PRIu64 " link ticks and %" PRIu64
           " cells judged, %" PRIu64 " repetitions refused, %u of %u calls answered, %" PRIu64
           " violations\n",
           o->from, result.virtual_ms / 1e3, result.datagrams, result.ticks, result.cells, result.again,
           result.answered, result.calls, result.verdict.count);
    return result.verdict.count > 0 ? FAILED : OK;
}

/* ---- the command line ---- */

static int usage(void)
{
    fprintf(stderr,
            "usage: sipmix-sim swarm --seeds A..B [--jobs J] [--state FILE] [--json FILE] [--shrink TRIES]\n"
            "                        [--tell] [--relays N] [--clients N] [--safety-ms N] [--faults LIST]\n"
            "                        [--calls LIST] [--drift-ppm N] [--jitter-us N] [--fetch-ms N]\n"
            "                        [--open-one-in N]\n");
    return USAGE;
}

static bool read_range(const char *text, uint64_t *from, uint64_t *to)
{
    char *end;

    errno = 0;
    *from = *to = strtoull(text, &end, 10);
    if (end == text)
        return false;
    if (strncmp(end, "..", 2) == 0)
        *to = strtoull(end + 2, &end, 10);
    return *end == 0 && errno == 0 && *to >= *from && *to - *from < SEEDS;
}

static bool read_option(struct options *o, const char *name, const char *value)
{
    struct smx_swarm_plan plan;
    uint64_t from, to;

    if (strcmp(name, "seeds") == 0)
        return read_range(value, &o->from, &o->to);
    if (strcmp(name, "jobs") == 0) {
        if (!read_range(value, &from, &to) || from != to || from < 1 || from > JOBS)
            return false;
        o->jobs = (size_t)from;
        return true;
    }
    if (strcmp(name, "shrink") == 0) {
        if (!read_range(value, &from, &to) || from != to || from > 10000)
            return false;
        o->shrink = (unsigned)from;
        return true;
    }
    if (strcmp(name, "state") == 0 || strcmp(name, "json") == 0) {
        *(name[0] == 's' ? &o->state : &o->json) = value;
        return true;
    }
    smx_swarm_draw(&plan, o->from);
    if (o->flags == sizeof o->flag / sizeof o->flag[0] || !smx_swarm_flag(&plan, name, value))
        return false;
    o->flag[o->flags].name = name;
    o->flag[o->flags++].value = value;
    return true;
}

int swarm_command(int argc, char **argv)
{
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    struct options o = {
        .jobs = cpus > 0 && cpus < JOBS ? (size_t)cpus : 1, .shrink = SHRINK_TRIES, .to = 0, .from = 1};

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--tell") == 0) {
            o.tell = true;
            continue;
        }
        if (strncmp(argv[i], "--", 2) != 0 || i + 1 == argc || !read_option(&o, argv[i] + 2, argv[i + 1])) {
            fprintf(stderr, "sipmix-sim: swarm: %s is no option, or its value is wrong\n", argv[i]);
            return usage();
        }
        i++;
    }
    if (o.to < o.from)
        return usage(); /* --seeds comes first, as what follows depends on it */
    return o.tell && o.from == o.to ? tell_one(&o) : run_swarm(&o);
}
