/* sim/adversary/attack.h - what an adversary is to the simulator: a name, arms, and a way to run.
 *
 * An attack is real: it sees what its adversary would see (taps on links, cells at relays that he runs, what
 * a client of his is told), works out an answer, and is then scored against the truth.  It is run on the same
 * traffic in several *arms*: "on" is the network as it is; each other arm is a control, in which something
 * that protects is switched off, and in which the attack must succeed, else it was too weak to mean anything.
 * What it yields are counts and scores that pool over seeds, never percentages alone.
 *
 * Pure: randomness comes from smx_sim_rng or from a generator seeded with the run's seed.  The truth
 * (smx_sim's list of calls) is for scoring, for nothing else. */
#ifndef SMX_SIM_ADVERSARY_ATTACK_H
#define SMX_SIM_ADVERSARY_ATTACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct smx_attack_result; /* sim/result.h */
struct smx_scenario;      /* sim/scenario.h */
struct smx_sim;           /* sim/run.h */

/* Names of arms, as they stand in results. */
#define SMX_ARM_ON       "on"       /* cover and timetables as in the network */
#define SMX_ARM_OFF      "off"      /* control: no cover, and cells leave at the first tick */
#define SMX_ARM_ADAPTIVE "adaptive" /* control: cover, but departures follow arrivals */

struct smx_attack {
    const char *name;        /* one word, as in `attacks = ...` of a scenario */
    const char *does;        /* one sentence, for `sipmix-sim explain` */
    const char *const *arms; /* ends with NULL; the first is "on" */
    bool looks_on; /* touches nothing: shares its networks with others of which that is true, and whose arms
                      are the same list */
    /* The network stands in this arm's modes, measured time begins, no call has been made yet.  Sets its taps
     * and timers; returns its state.  NULL: the attack makes its own networks, see alone. */
    void *(*begin)(struct smx_sim *sim, const char *arm);
    /* Measured time is over.  Judges, fills *result (zeroed by the caller; the attack sets name, arm,
     * is_control, chance and what it measured), and frees self. */
    void (*end)(void *self, struct smx_sim *sim, struct smx_attack_result *result);
    /* Attacks that need networks of their own, or none: one trial set for this scenario and seed.  Else NULL.
     */
    void (*alone)(const struct smx_scenario *scenario, uint64_t seed, const char *arm,
                  struct smx_attack_result *result);
};

/* All there are, in the order of their names; the list ends with NULL. */
extern const struct smx_attack *const smx_attacks[];
/* NULL: there is none of this name. */
const struct smx_attack *smx_attack_find(const char *name);

#endif
