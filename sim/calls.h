/* sim/calls.h - who calls whom, when and how long: the users of a simulated network.
 *
 * Arrivals are Poisson, at the rate that keeps calls.concurrent of them under way.  The first ones stand for
 * those that had begun before measured time: what is left of a holding time drawn by its length.  A caller is
 * drawn among those who are on line and free, and calls one of his contacts who is free too (people don't
 * call whom they know to be on the phone; a call that comes all the same is refused as busy).  Contacts are a
 * small world (Watts and Strogatz, 1998): neighbours on a ring of all users, city by city, of which a share
 * leads elsewhere.  A phone rings for an exponential time; holding times are log-normal.  Either side hangs
 * up, with even chance.
 *
 * Everything goes over the phone interface of real clients.  The list of calls is the truth that adversaries
 * are scored against (struct smx_truth_call).  Draws come from a generator of its own.  Running out of memory
 * ends the program. */
#ifndef SMX_SIM_CALLS_H
#define SMX_SIM_CALLS_H

#include "sim/agenda.h"
#include "sim/network.h"
#include "sim/result.h"
#include "sim/scenario.h"

struct smx_calls;
struct smx_truth_call;

/* Follows the phones of all clients of n, which have been made.  All are borrowed. */
struct smx_calls *smx_calls_new(const struct smx_scenario *s, struct smx_sim_network *n,
                                struct smx_agenda *agenda, struct smx_rng *rng);
/* Before the network and the agenda. */
void smx_calls_free(struct smx_calls *c);
/* Measured time begins; no call is placed after `end`. */
void smx_calls_begin(struct smx_calls *c, smx_time end);
/* The user leaves: hangs up, and is called no more until he is back. */
void smx_calls_leave(struct smx_calls *c, size_t client);
void smx_calls_back(struct smx_calls *c, size_t client);
bool smx_calls_is_away(const struct smx_calls *c, size_t client);
/* Adds all calls to the result; those that go on are judged as they are. Once. */
void smx_calls_end(struct smx_calls *c, struct smx_result *result);
const struct smx_truth_call *smx_calls_truth(const struct smx_calls *c, size_t *count);

/* ---- draws, for others that need them ---- */

/* Standard normal. */
double smx_draw_normal(struct smx_rng *rng);
/* The holding time of a call; whole: from its beginning, else what is left of one that was met under way. */
smx_time smx_draw_hold(struct smx_rng *rng, const struct smx_scenario_calls *calls, bool whole);
/* How long a caller waits for somebody who does not come to the phone: 15 s, and 15 s more in the mean. */
smx_time smx_draw_patience(struct smx_rng *rng);
/* contacts[client * calls->contacts + k], for clients in `cities` cities in turn (malloc, the caller's). */
uint32_t *smx_draw_contacts(struct smx_rng *rng, const struct smx_scenario_calls *calls, uint32_t clients,
                            uint32_t cities);

#endif
