/* proto/host/loop.h - the event loop of a daemon: both clocks, exact timers, signals.
 * One loop and one thread per daemon.  A daemon reads a batch, calls its core, sends a batch, arms its timer.
 * SIGINT and SIGTERM end smx_loop_run, at once or after a word; SIGHUP calls back; SIGPIPE is ignored. */
#ifndef SMX_HOST_LOOP_H
#define SMX_HOST_LOOP_H

#include "proto/base/err.h"
#include "proto/base/time.h"

struct event_base;
struct smx_loop;
struct smx_timer;

/* CLOCK_BOOTTIME: the monotonic clock, sleep of the machine included.  So a core sees a laptop's sleep as
 * what it is for everybody else, a silence, and after it each timer that is overdue. */
smx_time smx_loop_now(void);
struct smx_wall smx_loop_wall(void); /* CLOCK_REALTIME, whole seconds */

/* NULL: out of memory or file descriptors. */
struct smx_loop *smx_loop_new(void);
/* Everything made on the loop (timers, sockets, servers) must be freed before. */
void smx_loop_free(struct smx_loop *loop);
/* Returns after smx_loop_stop or a signal to end; SMX_E_IO when the system's polling fails. */
enum smx_err smx_loop_run(struct smx_loop *loop) SMX_MUST_CHECK;
void smx_loop_stop(struct smx_loop *loop);
/* Asks the system to wake this process up before ordinary ones (nice -10): a mix or a call can't wait, and
 * takes little. Where that is not allowed nothing changes. */
void smx_loop_hurry(void);
/* Calls fn on the first SIGINT or SIGTERM instead of stopping: who has more to say first calls smx_loop_stop
 * when that is done.  The second one stops.  One function per loop, NULL for none. */
void smx_loop_on_end(struct smx_loop *loop, void (*fn)(void *arg), void *arg);
/* Calls fn on SIGHUP; one function per loop, NULL for none. */
void smx_loop_on_hup(struct smx_loop *loop, void (*fn)(void *arg), void *arg);
/* For what this folder does not wrap (c-ares, TLS): borrowed, freed with the loop. */
struct event_base *smx_loop_base(struct smx_loop *loop);

/* A timer is a timerfd on an absolute monotonic time: a wait of the poll call would round to a millisecond.
 * It comes before all other input of the same wake-up.  fn gets the time at which it runs, never before the
 * deadline. */
struct smx_timer *smx_timer_new(struct smx_loop *loop, void (*fn)(void *arg, smx_time now), void *arg);
void smx_timer_free(struct smx_timer *timer);
/* Replaces the deadline; a past one fires at the next turn, SMX_NEVER disarms.  Fires once.
 * Costs a system call only when the deadline changes. */
void smx_timer_arm(struct smx_timer *timer, smx_time deadline);

#endif
