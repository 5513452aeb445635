/* sim/churn.h - users who come and go, and addresses that change under them.
 *
 * A share of the clients comes and goes: on line for an exponential time, then off line (the client sleeps,
 * as when a laptop is shut; its user hangs up before).  At the beginning of measured time as many of them are
 * on line as in the long run.  Every client's NAT gives it another address now and then, at exponential
 * intervals; nobody tells it.  Draws come from a generator of its own. */
#ifndef SMX_SIM_CHURN_H
#define SMX_SIM_CHURN_H

#include "sim/calls.h"
#include "sim/presence.h"

struct smx_churn;

/* All are borrowed. */
struct smx_churn *smx_churn_new(const struct smx_scenario *s, struct smx_sim_network *n,
                                struct smx_calls *calls, struct smx_agenda *agenda, struct smx_rng *rng);
void smx_churn_free(struct smx_churn *c); /* before the network and the agenda */
/* Measured time begins. */
void smx_churn_begin(struct smx_churn *c);
/* What happened since then: clients, time, online_ns and comings of the rates. */
void smx_churn_rates(const struct smx_churn *c, struct smx_presence_rates *r);
/* Clients that never go. */
size_t smx_churn_always_on(const struct smx_churn *c);

#endif
