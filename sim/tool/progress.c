#include "sim/tool/tool.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { BAR = 24, EVERY_MS = 200 };

double real_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double share_of(const struct place *p)
{
    double share = p->end > 0 ? (double)p->now / (double)p->end : 0;

    return share < 1 ? share : 1;
}

static void draw_bar(double share)
{
    int full = (int)(share * BAR);

    fprintf(stderr, "[%.*s%.*s]", full, "########################", BAR - full, "........................");
}

static void draw_eta(const struct progress *p, double share)
{
    double left = share > 0.01 ? (real_now() - p->begun) * (1 - share) / share : -1;

    if (left >= 0)
        fprintf(stderr, "  %d:%02d left", (int)left / 60, (int)left % 60);
}

/* One line: how much of all seeds is done; then what each process is at. */
void progress_draw(struct progress *p)
{
    double now = real_now(), share = (double)p->done;

    if (!p->shown || now < p->drawn + EVERY_MS / 1000.0)
        return;
    p->drawn = now;
    for (size_t i = 0; i < p->jobs; i++)
        share += p->place[i].busy ? share_of(&p->place[i]) : 0;
    share /= (double)p->seeds;
    fprintf(stderr, "\r\033[K");
    draw_bar(share);
    if (p->seeds > 1)
        fprintf(stderr, " %zu of %zu", p->done, p->seeds);
    for (size_t i = 0; i < p->jobs; i++) {
        const struct place *at = &p->place[i];
        double speed =
            now > at->real_begin ? ((double)at->now / 1e9 - at->virtual_begin) / (now - at->real_begin) : 0;

        if (at->busy)
            fprintf(stderr, "  seed %llu %s %.1f s, %.2fx", (unsigned long long)at->seed, at->what,
                    (double)at->now / 1e9, speed);
    }
    draw_eta(p, share);
    fflush(stderr);
}

void progress_clear(struct progress *p)
{
    if (p->shown)
        fprintf(stderr, "\r\033[K");
}
