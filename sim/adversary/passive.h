/* sim/adversary/passive.h - the global passive adversary: he watches all access links and matches the two
 * ends of calls by times and counts of datagrams.
 *
 *   passive    correlates binned rates: what one client sends with what another is sent a little later, both
 *              ways, for several bin widths and all lags up to 0.8 s
 *   startstop  looks for moments at which rates or sizes change, on a scale of half a second, and matches the
 *              changes of what one sends with those of what the other is sent
 *
 * Both are told who called and who was called (sim/adversary/match.h), and only have to find out whom.  Pure
 * functions of a trace, and the attacks that use them on a run. */
#ifndef SMX_SIM_ADVERSARY_PASSIVE_H
#define SMX_SIM_ADVERSARY_PASSIVE_H

#include "sim/adversary/attack.h"
#include "sim/adversary/match.h"
#include "sim/trace.h"

/* Fill m->score and m->weight from what was seen on links between the nodes below `relays` and m's clients,
 * in the first `span` of the trace. */
void smx_passive_rates(struct smx_match *m, const struct smx_trace *trace, uint32_t relays, smx_time span);
void smx_passive_changes(struct smx_match *m, const struct smx_trace *trace, uint32_t relays, smx_time span);

extern const struct smx_attack smx_attack_passive, smx_attack_startstop;

#endif
