/* sim/presence.h - who is on line and who calls whom, without any packets: days and weeks of users' lives
 * (model = events).
 *
 * Users come, go and call by the same draws as those of the real cores' runs (sim/churn.h, sim/calls.h): the
 * same exponential times on and off line, the same arrivals, contacts, ringing and holding times.  What it
 * leaves out is what the network does: calls are set up at once, none fails or is cut off, and who comes on
 * line can be called at once.  Its rates are checked against a run of the real cores with the same keys:
 * both put the figures online_share, comings_per_hour, calls_per_hour and hold into their results
 * (docs/simulate). */
#ifndef SMX_SIM_PRESENCE_H
#define SMX_SIM_PRESENCE_H

#include "sim/result.h"
#include "sim/scenario.h"

enum smx_presence_kind {
    SMX_PRESENCE_COMES, /* client is on line from now on */
    SMX_PRESENCE_GOES,
    SMX_PRESENCE_CALLS, /* client calls other */
    SMX_PRESENCE_TALKS, /* other has answered */
    SMX_PRESENCE_ENDS,  /* of that call, answered or not */
};

struct smx_presence_event {
    smx_time at; /* of measured time */
    enum smx_presence_kind kind;
    size_t client, other;
};

/* Told of each event, in order; first of a COMES for each client that is on line at the beginning. */
typedef void (*smx_presence_seen)(void *arg, const struct smx_presence_event *event);

/* The scenario's duration, for one seed.  seen may be NULL.  Adds counts and figures to the result (NULL: to
 * none). */
void smx_presence_run(const struct smx_scenario *s, uint64_t seed, smx_presence_seen seen, void *arg,
                      struct smx_result *result);

/* ---- the figures that both models have ---- */

struct smx_presence_rates {
    size_t clients;
    smx_time time;    /* measured */
    double online_ns; /* added over clients */
    double hold_ns;   /* of calls that were answered and have ended, added up */
    uint64_t comings, calls, ended;
};
void smx_presence_figures(const struct smx_presence_rates *r, struct smx_result *result);

#endif
