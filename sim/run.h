/* sim/run.h - one run of one scenario with one seed: the network comes to life, then measured time begins, in
 * which calls are placed and faults strike, and at its end a result is filled.
 *
 * Everything in it follows from scenario and seed.  What stands outside the nodes (calls, faults, whoever
 * watches) draws from generators of its own, so that watching changes nothing of what cores and users do: two
 * runs with the same seed, one of them watched, are the same until the watcher interferes.  Relays are the
 * world's nodes 0 to relays - 1, client i is the node relays + i.  Running out of memory ends the program. */
#ifndef SMX_SIM_RUN_H
#define SMX_SIM_RUN_H

#include "sim/network.h"
#include "sim/result.h"
#include "sim/scenario.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct smx_sim;

enum smx_sim_phase {
    SMX_SIM_STARTING, /* nodes start, circuits are built */
    SMX_SIM_MEASURED, /* calls and faults */
    SMX_SIM_OVER,
    SMX_SIM_FAILED, /* not all clients were ready in time */
};

/* The scenario is copied, and must be one that smx_scenario_check takes. */
struct smx_sim *smx_sim_new(const struct smx_scenario *scenario, uint64_t seed);
void smx_sim_free(struct smx_sim *sim); /* NULL is fine */

/* Runs for up to 100 ms of virtual time, and never beyond a change of phase: the step that returns
 * SMX_SIM_MEASURED for the first time ends when measured time begins, before any call. */
enum smx_sim_phase smx_sim_step(struct smx_sim *sim);
/* Steps until measured time begins; false: SMX_SIM_FAILED. */
bool smx_sim_ready(struct smx_sim *sim);
/* Steps to the end of measured time. */
void smx_sim_run(struct smx_sim *sim);
/* Adds what was measured so far: quality of calls, bandwidth, counts.  Calls that go on are judged as they
 * are. Once, in any phase; NULL is fine. */
void smx_sim_end(struct smx_sim *sim, struct smx_result *result);

/* ---- for who looks on ---- */

enum smx_sim_phase smx_sim_phase(const struct smx_sim *sim);
const struct smx_scenario *smx_sim_scenario(const struct smx_sim *sim);
uint64_t smx_sim_seed(const struct smx_sim *sim);
smx_time smx_sim_now(const struct smx_sim *sim);
/* When measured time begins and ends; SMX_NEVER before it has begun. */
smx_time smx_sim_begins(const struct smx_sim *sim);
smx_time smx_sim_ends(const struct smx_sim *sim);
/* Clients that have been ready: could call, be called, and be found. */
size_t smx_sim_ready_clients(const struct smx_sim *sim);
/* The cores.  Changing something in them is interfering. */
struct smx_sim_network *smx_sim_network(struct smx_sim *sim);
/* The layer that the directory gave a relay (enum smx_layer); -1: it isn't in the consensus (yet). */
int smx_sim_layer(const struct smx_sim *sim, size_t relay);
size_t smx_sim_city(const struct smx_sim *sim, uint32_t node); /* index into smx_cities */

/* Sees all datagrams as they are sent, and may hold back, change or lose them (sim/world.h). */
void smx_sim_watch(struct smx_sim *sim, smx_world_tap tap, void *arg);
void smx_sim_unwatch(struct smx_sim *sim, smx_world_tap tap, void *arg);
/* Calls fn(arg) at a time of the world. */
void smx_sim_at(struct smx_sim *sim, smx_time at, void (*fn)(void *arg), void *arg);
/* A generator for who looks on: its draws change nothing else. */
struct smx_rng *smx_sim_rng(struct smx_sim *sim);

/* ---- the truth: for scoring, nothing else ---- */

struct smx_truth_call {
    size_t caller, callee; /* clients */
    uint32_t id;           /* of the call at the caller's phone */
    /* of the world; SMX_NEVER: not yet, or never.  rang, answered: at the caller's phone; ended: at whichever
     * end came first */
    smx_time placed, rang, answered, ended;
    bool wished; /* it ended because a party hung up, refused or was not there to take it */
};
/* All calls since measured time began, in the order in which they were placed.  The list grows and moves. */
const struct smx_truth_call *smx_sim_truth(const struct smx_sim *sim, size_t *count);

#endif
