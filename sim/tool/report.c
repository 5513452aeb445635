/* sim/tool/report.c - what people look at.  Plots are drawn by gnuplot, run once for each, without a shell;
 * where it is missing or fails, the page has its tables and a sentence that says so. */
#include "sim/tool/tool.h"

#include "sim/csv.h"
#include "sim/report.h"
#include "sim/paper.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CPU_S = 60, PATH = 4096, NOT_FOUND = 127, HASH = 16 }; /* CPU_S: seconds that one plot may take */

/* ---- gnuplot ---- */

static _Noreturn void become_gnuplot(int in, int out)
{
    const struct rlimit most = {CPU_S, CPU_S};
    int null = open("/dev/null", O_WRONLY);

    (void)setrlimit(RLIMIT_CPU, &most);
    if (dup2(in, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0 || dup2(null, STDERR_FILENO) < 0)
        _exit(1);
    execlp("gnuplot", "gnuplot", "-d", "-", (char *)NULL); /* -d: without anybody's start-up files */
    _exit(NOT_FOUND);
}

/* Its exit status; -1: it could not be started, or died. */
static int run_gnuplot(FILE *in, FILE *out)
{
    pid_t child = fork();
    int status;

    if (child < 0)
        return -1;
    if (child == 0)
        become_gnuplot(fileno(in), fileno(out));
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR)
            return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static char *read_all(FILE *f, size_t *len)
{
    char *bytes = NULL;
    long end;

    *len = 0;
    if (fseek(f, 0, SEEK_END) != 0 || (end = ftell(f)) < 0 || fseek(f, 0, SEEK_SET) != 0)
        return NULL;
    bytes = malloc((size_t)end + 1);
    if (bytes)
        *len = fread(bytes, 1, (size_t)end, f);
    return bytes;
}

/* What gnuplot draws from a script; NULL: nothing.  *status: its exit status. */
static char *draw(const char *script, int *status)
{
    FILE *in = tmpfile(), *out = tmpfile();
    char *drawn = NULL, *svg = NULL;
    size_t len;

    *status = -1;
    if (in && out && fputs(script, in) >= 0 && fflush(in) == 0 && lseek(fileno(in), 0, SEEK_SET) == 0) {
        *status = run_gnuplot(in, out);
        drawn = *status == 0 ? read_all(out, &len) : NULL;
        svg = drawn ? smx_plot_svg(drawn, len) : NULL;
    }
    free(drawn);
    if (in)
        (void)fclose(in);
    if (out)
        (void)fclose(out);
    return svg;
}

/* NULL, or why something is missing. */
static const char *draw_all(struct smx_plots *plots)
{
    const char *why = NULL;

    for (size_t i = 0; i < plots->count; i++) {
        int status;

        plots->list[i].svg = draw(plots->list[i].script, &status);
        if (status == NOT_FOUND)
            return "There are no plots here, as gnuplot is not installed (Debian: gnuplot-nox). The tables "
                   "say all.";
        if (!plots->list[i].svg)
            why = "Some plots are missing, as gnuplot failed on them. The tables say all.";
    }
    return why;
}

/* ---- files ---- */

static bool complain(const char *path)
{
    fprintf(stderr, NAME ": %s: %s\n", path, strerror(errno));
    return false;
}

static bool write_file(const char *dir, const char *name, const char *text)
{
    char path[PATH];
    bool good;
    FILE *f;

    if ((size_t)snprintf(path, sizeof path, "%s/%s", dir, name) >= sizeof path) {
        errno = ENAMETOOLONG;
        return complain(dir);
    }
    f = fopen(path, "we");
    good = f && fputs(text, f) >= 0;
    good = f && fclose(f) == 0 && good;
    return good || complain(path);
}

static bool make_dir(const char *dir)
{
    return mkdir(dir, 0777) == 0 || errno == EEXIST || complain(dir);
}

bool write_report(struct smx_result *r, const char *dir, const struct made *m)
{
    struct smx_report_run run = {.command = m->command,
                                 .binary = m->binary[0] ? m->binary : NULL,
                                 .machine = m->machine[0] ? m->machine : NULL};
    struct smx_plots plots;
    bool good;
    char *page;

    if (!make_dir(dir))
        return false;
    plots = smx_plots_of(r);
    run.no_plots = draw_all(&plots);
    page = smx_report_html(r, &plots, &run);
    good = write_file(dir, "index.html", page);
    free(page);
    smx_plots_free(&plots);
    return good;
}

bool write_csv(struct smx_result *r, const char *dir)
{
    struct smx_tables tables;
    bool good = make_dir(dir);

    if (!good)
        return false;
    tables = smx_tables_of(r);
    for (size_t i = 0; good && i < tables.count; i++) {
        char name[SMX_TABLE_NAME + 4];

        (void)snprintf(name, sizeof name, "%s.csv", tables.list[i].name);
        good = write_file(dir, name, tables.list[i].text);
    }
    smx_tables_free(&tables);
    return good;
}

struct smx_result *read_results(const char *const *path, size_t count)
{
    struct smx_result *all = NULL;

    for (size_t i = 0; i < count; i++) {
        json_error_t why;
        json_t *json = json_load_file(path[i], JSON_REJECT_DUPLICATES, &why);
        struct smx_result *one = NULL;
        enum smx_err err = json ? smx_result_from_json(&one, json) : SMX_E_MALFORMED;

        if (err == SMX_OK && all)
            err = smx_result_merge(all, one);
        if (err != SMX_OK)
            fprintf(stderr, NAME ": %s: %s\n", path[i],
                    !json                ? why.text
                    : err == SMX_E_STATE ? "of another scenario or program than the files before it"
                                         : "not a result of " NAME);
        json_decref(json);
        if (all || err != SMX_OK)
            smx_result_free(one);
        else
            all = one;
        if (err != SMX_OK) {
            smx_result_free(all);
            return NULL;
        }
    }
    return all;
}

/* ---- how it was made ---- */

static void hash_of_program(char out[HASH + 1])
{
    unsigned char bytes[1 << 14], hash[crypto_generichash_BYTES];
    crypto_generichash_state state;
    FILE *f = fopen("/proc/self/exe", "re");
    size_t len;

    out[0] = '\0';
    if (!f)
        return;
    crypto_generichash_init(&state, NULL, 0, sizeof hash);
    while ((len = fread(bytes, 1, sizeof bytes, f)) > 0)
        crypto_generichash_update(&state, bytes, len);
    crypto_generichash_final(&state, hash, sizeof hash);
    if (!ferror(f))
        sodium_bin2hex(out, HASH + 1, hash, HASH / 2);
    fclose(f);
}

void made_by(struct made *m, int argc, char **argv)
{
    struct smx_paper t = {0};

    smx_paper_add(&t, NAME);
    for (int i = 1; i < argc; i++) {
        bool plain =
            argv[i][0] && !argv[i][strspn(argv[i], "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                                   "0123456789-_=./,:%+@")];

        smx_paper_add(&t, plain ? " " : " '");
        for (const char *s = argv[i]; *s; s++)
            smx_paper_put(&t, *s == '\'' ? "'\\''" : s, *s == '\'' ? 4 : 1);
        smx_paper_add(&t, plain ? "" : "'");
    }
    *m = (struct made){.command = smx_paper_take(&t)};
    hash_of_program(m->binary);
}

void made_in(struct made *m, double seconds, size_t jobs, uint64_t clients, bool complete)
{
    struct rusage own, children;
    long kib;
    double cpu;

    if (getrusage(RUSAGE_SELF, &own) != 0 || getrusage(RUSAGE_CHILDREN, &children) != 0)
        return;
    cpu = (double)(own.ru_utime.tv_sec + children.ru_utime.tv_sec + own.ru_stime.tv_sec +
                   children.ru_stime.tv_sec);
    kib = own.ru_maxrss > children.ru_maxrss ? own.ru_maxrss : children.ru_maxrss;
    (void)snprintf(
        m->machine, sizeof m->machine,
        "%sIt took %.0f s with %zu job%s, %.0f s of CPU; a process had %.0f MiB of memory at most, %.0f KiB "
        "for each client.",
        complete ? "" : "It was interrupted, or a run failed: figures are of what was done. ", seconds, jobs,
        jobs == 1 ? "" : "s", cpu, (double)kib / 1024, clients ? (double)kib / (double)clients : 0);
}
