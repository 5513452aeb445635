#include "proto/host/loop_base.h"

#include "proto/host/log.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

struct smx_timer {
    int fd;
    struct event *event;
    smx_time deadline; /* SMX_NEVER: not armed */
    void (*fn)(void *arg, smx_time now);
    void *arg;
};

smx_time smx_loop_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_BOOTTIME, &t);
    return SMX_SECOND(t.tv_sec) + (smx_time)t.tv_nsec;
}

struct smx_wall smx_loop_wall(void)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return (struct smx_wall){.s = t.tv_sec};
}

static void on_signal(evutil_socket_t number, short what, void *arg)
{
    struct smx_loop *loop = arg;
    void (*end)(void *) = loop->end;

    (void)what;
    if (number == SIGHUP) {
        if (loop->hup)
            loop->hup(loop->hup_arg);
        return;
    }
    loop->end = NULL;
    if (end)
        end(loop->end_arg);
    else
        smx_loop_stop(loop);
}

static struct event *add_signal(struct smx_loop *loop, int number)
{
    struct event *e = evsignal_new(loop->base, number, on_signal, loop);

    /* as high as timers: whose ticks take longer than they are apart can still be told to end */
    if (!e || (event_priority_set(e, SMX_PRIORITY_TIMER) == 0 && evsignal_add(e, NULL) == 0))
        return e;
    event_free(e);
    return NULL;
}

/* libevent writes addresses into its messages; ours never hold one. */
static void on_library_message(int severity, const char *text)
{
    (void)text;
    if (severity >= EVENT_LOG_WARN)
        smx_log_warn("the event library warns of a failed system call");
}

struct smx_loop *smx_loop_new(void)
{
    struct smx_loop *loop = calloc(1, sizeof *loop);
    struct event_config *config = event_config_new();

    if (!loop || !config)
        goto fail;
    /* HTTP and TCP time-outs only; timers of cores are timerfds */
    event_config_set_flag(config, EVENT_BASE_FLAG_PRECISE_TIMER);
    loop->base = event_base_new_with_config(config);
    if (!loop->base || event_base_priority_init(loop->base, SMX_PRIORITY_COUNT) != 0)
        goto fail;
    loop->on_int = add_signal(loop, SIGINT);
    loop->on_term = add_signal(loop, SIGTERM);
    loop->on_hup = add_signal(loop, SIGHUP);
    if (!loop->on_int || !loop->on_term || !loop->on_hup)
        goto fail;
    signal(SIGPIPE, SIG_IGN);
    event_set_log_callback(on_library_message);
    event_config_free(config);
    return loop;
fail:
    if (config)
        event_config_free(config);
    smx_loop_free(loop);
    return NULL;
}

void smx_loop_free(struct smx_loop *loop)
{
    if (!loop)
        return;
    if (loop->on_int)
        event_free(loop->on_int);
    if (loop->on_term)
        event_free(loop->on_term);
    if (loop->on_hup)
        event_free(loop->on_hup);
    if (loop->base)
        event_base_free(loop->base);
    free(loop->udp_batch);
    free(loop);
}

enum smx_err smx_loop_run(struct smx_loop *loop)
{
    return event_base_loop(loop->base, EVLOOP_NO_EXIT_ON_EMPTY) < 0 ? SMX_E_IO : SMX_OK;
}

void smx_loop_hurry(void)
{
    (void)setpriority(PRIO_PROCESS, 0, -10);
}

void smx_loop_stop(struct smx_loop *loop)
{
    event_base_loopbreak(loop->base);
}

void smx_loop_on_end(struct smx_loop *loop, void (*fn)(void *arg), void *arg)
{
    loop->end = fn;
    loop->end_arg = arg;
}

void smx_loop_on_hup(struct smx_loop *loop, void (*fn)(void *arg), void *arg)
{
    loop->hup = fn;
    loop->hup_arg = arg;
}

struct event_base *smx_loop_base(struct smx_loop *loop)
{
    return loop->base;
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct smx_timer *timer = arg;
    uint64_t times;
    smx_time now;

    (void)what;
    /* re-armed since the poll: nothing to read, so not due */
    if (read(fd, &times, sizeof times) != sizeof times)
        return;
    now = smx_loop_now();
    timer->deadline = SMX_NEVER;
    timer->fn(timer->arg, now);
}

struct smx_timer *smx_timer_new(struct smx_loop *loop, void (*fn)(void *arg, smx_time now), void *arg)
{
    struct smx_timer *timer = calloc(1, sizeof *timer);

    if (!timer)
        return NULL;
    *timer = (struct smx_timer){.deadline = SMX_NEVER, .fn = fn, .arg = arg};
    timer->fd = timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC);
    if (timer->fd < 0)
        goto fail;
    timer->event = event_new(loop->base, timer->fd, EV_READ | EV_PERSIST, on_timer, timer);
    if (!timer->event || event_priority_set(timer->event, SMX_PRIORITY_TIMER) != 0 ||
        event_add(timer->event, NULL) != 0)
        goto fail;
    return timer;
fail:
    smx_timer_free(timer);
    return NULL;
}

void smx_timer_free(struct smx_timer *timer)
{
    if (!timer)
        return;
    if (timer->event)
        event_free(timer->event);
    if (timer->fd >= 0)
        close(timer->fd);
    free(timer);
}

void smx_timer_arm(struct smx_timer *timer, smx_time deadline)
{
    struct itimerspec at = {0}; /* all zeros disarms */

    if (deadline == timer->deadline)
        return;
    timer->deadline = deadline;
    if (deadline != SMX_NEVER) {
        at.it_value.tv_sec = (time_t)(deadline / SMX_SECOND(1));
        at.it_value.tv_nsec = (long)(deadline % SMX_SECOND(1));
        if (deadline == 0)
            at.it_value.tv_nsec = 1;
    }
    timerfd_settime(timer->fd, TFD_TIMER_ABSTIME, &at, NULL);
}
