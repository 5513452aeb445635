/* sim/tool/pool.c - each seed in a process of its own, `jobs` at a time; also when there is only one, so that
 * results don't depend on how many there are.  A process sends its result as JSON through a pipe, and shows
 * in shared memory where it is. */
#include "sim/tool/tool.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { POLL_MS = 200, PIECE = 65536 };

struct worker {
    pid_t pid; /* 0: none */
    int from;  /* the pipe */
    size_t at; /* the seed's number */
    char *text;
    size_t len;
};

struct pool {
    const struct source *source;
    uint64_t from;
    size_t seeds, next, jobs;
    struct place *place;        /* [jobs], shared */
    struct worker *worker;      /* [jobs] */
    struct smx_result **result; /* [seeds] */
    bool whole;
    struct progress progress;
};

static bool send_all(int to, const char *text)
{
    size_t len = strlen(text);

    while (len > 0) {
        ssize_t n = write(to, text, len);

        if (n < 0 && errno != EINTR)
            return false;
        text += n > 0 ? n : 0;
        len -= n > 0 ? (size_t)n : 0;
    }
    return true;
}

static _Noreturn void work(const struct pool *p, size_t at, struct place *place, int to)
{
    struct smx_result *result = job_run(p->source, p->from + at, place);
    json_t *json = result ? smx_result_to_json(result) : NULL;
    char *text = json ? smx_json_pretty(json) : NULL;

    _exit(text && send_all(to, text) ? OK : FAILED); /* its memory ends with it */
}

static bool start(struct pool *p, size_t slot)
{
    struct worker *w = &p->worker[slot];
    int end[2];

    if (pipe(end) != 0)
        return false;
    fflush(NULL);
    *w = (struct worker){.pid = fork(), .from = end[0], .at = p->next};
    if (w->pid == 0) {
        close(end[0]);
        work(p, w->at, &p->place[slot], end[1]);
    }
    close(end[1]);
    if (w->pid < 0) {
        close(end[0]);
        w->pid = 0;
        return false;
    }
    p->place[slot].seed = p->from + p->next++;
    p->place[slot].busy = 1;
    return true;
}

/* Its process has closed the pipe. */
static void finish(struct pool *p, size_t slot)
{
    struct worker *w = &p->worker[slot];
    json_t *json = w->len > 0 ? json_loadb(w->text, w->len, 0, NULL) : NULL;
    int status = 0;

    while (waitpid(w->pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (WIFSIGNALED(status) || !json || smx_result_from_json(&p->result[w->at], json) != SMX_OK) {
        p->whole = false;
        fprintf(stderr, "\n" NAME ": seed %" PRIu64 ": %s %d\n", p->from + w->at,
                WIFSIGNALED(status) ? "ended by signal" : "ended with status",
                WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    }
    json_decref(json);
    close(w->from);
    free(w->text);
    *w = (struct worker){.pid = 0};
    p->place[slot].busy = 0;
    p->progress.done++;
}

/* False: nothing comes any more. */
static bool take(struct worker *w)
{
    char *text = realloc(w->text, w->len + PIECE);
    ssize_t n;

    if (!text)
        return false;
    w->text = text;
    n = read(w->from, w->text + w->len, PIECE);
    if (n < 0)
        return errno == EINTR;
    w->len += (size_t)n;
    return n > 0;
}

/* Waits a moment for what the processes say. */
static void listen(struct pool *p)
{
    struct pollfd *fd = calloc(p->jobs, sizeof *fd);

    if (!fd)
        abort();
    for (size_t i = 0; i < p->jobs; i++)
        fd[i] = (struct pollfd){.fd = p->worker[i].pid ? p->worker[i].from : -1, .events = POLLIN};
    if (poll(fd, p->jobs, POLL_MS) > 0)
        for (size_t i = 0; i < p->jobs; i++)
            if (fd[i].revents && !take(&p->worker[i]))
                finish(p, i);
    free(fd);
    progress_draw(&p->progress);
}

static struct smx_result *merge(struct pool *p)
{
    struct smx_result *all = NULL;

    for (size_t i = 0; i < p->seeds; i++) {
        struct smx_result *r = p->result[i];

        if (!r)
            continue;
        if (!all) {
            all = r;
            continue;
        }
        if (smx_result_merge(all, r) != SMX_OK)
            fprintf(stderr, NAME ": seed %" PRIu64 " does not fit the others\n", p->from + i);
        smx_result_free(r);
    }
    return all;
}

struct smx_result *pool_run(const struct source *s, uint64_t from, uint64_t to, size_t jobs, bool *complete)
{
    struct pool p = {.source = s, .from = from, .seeds = (size_t)(to - from + 1), .whole = true};
    struct smx_result *all;
    size_t busy;

    p.jobs = jobs < p.seeds ? jobs : p.seeds;
    p.place = mmap(NULL, p.jobs * sizeof *p.place, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    p.worker = calloc(p.jobs, sizeof *p.worker);
    p.result = calloc(p.seeds, sizeof(void *));
    if (p.place == MAP_FAILED || !p.worker || !p.result) {
        fprintf(stderr, NAME ": out of memory\n");
        abort();
    }
    p.progress = (struct progress){.shown = isatty(STDERR_FILENO) == 1,
                                   .begun = real_now(),
                                   .seeds = p.seeds,
                                   .jobs = p.jobs,
                                   .place = p.place};
    do {
        busy = 0;
        for (size_t i = 0; i < p.jobs; i++) {
            if (!p.worker[i].pid && p.next < p.seeds && !interrupted && !start(&p, i)) {
                fprintf(stderr, NAME ": %s\n", strerror(errno));
                p.seeds = p.next;
            }
            busy += p.worker[i].pid != 0;
        }
        if (busy > 0)
            listen(&p);
    } while (busy > 0);
    progress_clear(&p.progress);
    *complete = p.whole && p.next == (size_t)(to - from + 1) && !interrupted;
    all = merge(&p);
    munmap(p.place, p.jobs * sizeof *p.place);
    free(p.worker);
    free(p.result);
    return all;
}
