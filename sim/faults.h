/* sim/faults.h - faults that strike a simulated network, as its scenario says: what breaks, when, for how
 * long (struct smx_fault).
 *
 * Machines and paths fail by what the world can do to them: a relay's core is killed and begins anew, a node
 * pauses, datagrams are lost or held back.  A malicious relay does what its operator could: he changes the
 * cells that wait in it, with the circuits' layers already on or off, just before they depart; or he signs a
 * false report.  Which relays are drawn, and whom chance hits, comes from a generator of its own. */
#ifndef SMX_SIM_FAULTS_H
#define SMX_SIM_FAULTS_H

#include "sim/agenda.h"
#include "sim/network.h"
#include "sim/scenario.h"

struct smx_faults;

/* All are borrowed. */
struct smx_faults *smx_faults_new(const struct smx_scenario *s, struct smx_sim_network *n,
                                  struct smx_agenda *agenda, struct smx_rng *rng);
void smx_faults_free(struct smx_faults *f); /* before the network and the agenda */
/* Measured time begins. */
void smx_faults_begin(struct smx_faults *f);
/* Those that have struck. */
uint64_t smx_faults_count(const struct smx_faults *f);
/* Called before a relay is killed, whose counters end with it; may be NULL. */
void smx_faults_tell(struct smx_faults *f, void (*dies)(void *arg, size_t relay), void *arg);

#endif
