/* sim/result.h - what a run of the simulator found, and what several runs found together.
 *
 * All of it is raw material that pools: counts, histograms, score lists, sums.  Shares, quantiles and
 * intervals are made when it is read (sim/report.h), and stand in the JSON under "derived" for people only.
 * Pooling seeds in their order gives the same bytes, whichever process ran which seed: whoever runs several
 * turns each into JSON and merges what he reads.  Nothing here comes from the machine it ran on (no time of
 * day, memory or speed): the same seed and binary give the same bytes.
 *
 * Lists grow as needed; running out of memory ends the program, as in sim/world.h. */
#ifndef SMX_SIM_RESULT_H
#define SMX_SIM_RESULT_H

#include "proto/base/err.h"
#include "proto/base/time.h"
#include "sim/hist.h"
#include "sim/scores.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SMX_RESULT_NAME = 48, SMX_RESULT_SAYS = 240, SMX_RESULT_UNIT = 24 };

/* ---- measures: how a quantity spreads ---- */

/* X(id, name in the JSON, unit, what it is).  Integers in that unit. */
#define SMX_MEASURES(X)                                                                                      \
    X(LATENCY, "mouth_to_ear", "us", "from a mouth to the other ear: 20 ms frame, network, 40 ms buffer")    \
    X(LATENCY_NEAR, "mouth_to_ear_8000km", "us", "the same, for calls between places up to 8,000 km apart")  \
    X(JITTER, "jitter", "us", "of a call and direction at its end, as RFC 3550 measures it")                 \
    X(STEP, "jitter_step", "us", "difference in transit time of a frame and the one before it")              \
    X(SETUP, "setup", "us", "from the order to call until the callee's phone rings")                         \
    X(LOSS, "loss", "ppm", "of a call and direction: frames that were not heard, per million")               \
    X(RATING, "rating", "R/1000", "of a call and direction: rating factor of the E-model (ITU-T G.107)")     \
    X(MOS, "mos", "MOS/1000", "of a call and direction: mean opinion score that R stands for")               \
    X(SILENCE, "silence", "us", "gaps of 200 ms and more in what a phone got during a call")                 \
    X(READY, "ready", "us", "from a client's start until it can call and be called")

#define SMX_MEASURE_ID(id, name, unit, does) SMX_M_##id,
enum smx_measure { SMX_MEASURES(SMX_MEASURE_ID) SMX_MEASURE_COUNT };
#undef SMX_MEASURE_ID

struct smx_measure_text {
    const char *name, *unit, *does;
};
extern const struct smx_measure_text smx_measure_text[SMX_MEASURE_COUNT];

/* ---- counts ---- */

#define SMX_TALLIES(X)                                                                                       \
    X(CALLS_PLACED, "calls_placed", "orders to call")                                                        \
    X(CALLS_RANG, "calls_rang", "of them, those that rang at the callee")                                    \
    X(CALLS_ANSWERED, "calls_answered", "of them, those that were taken")                                    \
    X(CALLS_REFUSED, "calls_refused", "ended before they were taken, by a user's wish or a busy callee")     \
    X(CALLS_FAILED, "calls_failed", "ended before they were taken, by no user's wish")                       \
    X(CALLS_CUT, "calls_cut", "taken, and ended by no user's wish")                                          \
    X(FRAMES_SENT, "frames_sent", "20 ms frames of speech that phones gave to clients during calls")         \
    X(FRAMES_HEARD, "frames_heard", "of them, those that the other phone got in time")                       \
    X(FRAMES_LATE, "frames_late", "came to the other phone when their place had been filled")                \
    X(CELLS_SENT, "cells_sent", "cells that relays sent on for circuits")                                    \
    X(CELLS_LATE, "cells_late", "cells that came to a relay after their departure")                          \
    X(CELLS_EARLY, "cells_early", "cells that came to a relay too far ahead of it")                          \
    X(CELLS_REPLAYED, "cells_replayed", "cells accepted twice: must be 0")                                   \
    X(CALLS_JUDGED, "calls_judged", "calls in which frames were heard or missed")                            \
    X(CALLS_GOOD, "calls_mos4", "of them, those with a MOS of 4.0 and more in both directions")              \
    X(CALLS_NEAR, "calls_8000km", "of those judged, between places up to 8,000 km apart")                    \
    X(FAULTS, "faults", "faults that struck")

#define SMX_TALLY_ID(id, name, does) SMX_T_##id,
enum smx_tally { SMX_TALLIES(SMX_TALLY_ID) SMX_TALLY_COUNT };
#undef SMX_TALLY_ID

struct smx_tally_text {
    const char *name, *does;
};
extern const struct smx_tally_text smx_tally_text[SMX_TALLY_COUNT];

/* ---- bandwidth ---- */

enum smx_traffic_role { SMX_ROLE_CLIENT, SMX_ROLE_GUARD, SMX_ROLE_MIDDLE, SMX_ROLE_END, SMX_ROLE_COUNT };
extern const char *const smx_role_name[SMX_ROLE_COUNT];

/* Bytes on the wire: UDP payload, and 28 a datagram for IPv4 and UDP. */
enum { SMX_DATAGRAM_OVERHEAD = 28 };

struct smx_role_traffic {
    uint64_t nodes, ns; /* how many were measured, and for how long, added up */
    uint64_t bytes_out, bytes_in, datagrams_out, datagrams_in;
    struct smx_spread out, in; /* of the nodes' means, bit/s */
};

/* ---- free figures ---- */

/* The mean of several; least and most of them. */
struct smx_figure {
    char name[SMX_RESULT_NAME], unit[SMX_RESULT_UNIT], says[SMX_RESULT_SAYS];
    double sum, least, most;
    uint64_t count;
};

struct smx_figures {
    struct smx_figure *list; /* by name, in the order of bytes */
    size_t count;
};

/* One more value of a figure; unit and says of the first time stay.  Not NaN, not infinite. */
void smx_figures_add(struct smx_figures *f, const char *name, double value, const char *unit,
                     const char *says);
const struct smx_figure *smx_figures_find(const struct smx_figures *f, const char *name); /* or NULL */

/* ---- attacks ---- */

struct smx_attack_result {
    char name[SMX_RESULT_NAME]; /* of the attack, and its way if it has several: "passive/rates" */
    char arm[SMX_RESULT_NAME];  /* "on", "off", "adaptive" */
    bool is_control;            /* must succeed */
    char says[SMX_RESULT_SAYS]; /* one sentence: what success means here */
    uint64_t trials, successes;
    double chance_sum;                           /* success probability of a guess, added over the trials */
    struct smx_scores scores_true, scores_false; /* of true and of false pairs */
    struct smx_spread entropy;        /* of the anonymity set after the attack, millibits, per trial */
    struct smx_spread entropy_before; /* and before it: log2 of the candidates' number */
    struct smx_figures figures;
};

/* Counts one trial: did it succeed, and with what probability would a guess have. */
void smx_attack_trial(struct smx_attack_result *a, bool success, double chance);
/* The same at once for trials with one chance. */
void smx_attack_trials(struct smx_attack_result *a, uint64_t trials, uint64_t successes, double chance);
/* What one trial left of the anonymity set: the attacker's weights of the candidates. */
void smx_attack_set(struct smx_attack_result *a, const double *weight, size_t candidates);
/* Mean chance of the trials; 0 without any. */
double smx_attack_chance(const struct smx_attack_result *a);
void smx_attack_result_fini(struct smx_attack_result *a);

/* ---- a result ---- */

struct smx_result {
    char scenario[SMX_RESULT_NAME]; /* its name */
    char *text;                     /* and whole text, with what was set on the command line; may be NULL */
    char version[SMX_RESULT_NAME];
    uint64_t *seed; /* in the order in which they were merged */
    size_t seeds;
    uint64_t virtual_ns;                 /* measured time, added over seeds */
    uint64_t clients, relays, always_on; /* of the greatest run */
    uint64_t tally[SMX_TALLY_COUNT];
    struct smx_spread measure[SMX_MEASURE_COUNT];
    struct smx_role_traffic traffic[SMX_ROLE_COUNT];
    struct smx_figures figures;
    struct smx_attack_result *attack; /* in the order in which they were added */
    size_t attacks;
};

/* scenario and version are cut to their fields; text is copied, or NULL. */
struct smx_result *smx_result_new(const char *scenario, const char *text, const char *version);
void smx_result_free(struct smx_result *r);
void smx_result_seed(struct smx_result *r, uint64_t seed); /* this run's */

/* What one node of a role sent and got in `time`. */
void smx_result_traffic(struct smx_result *r, enum smx_traffic_role role, smx_time time, uint64_t payload_out,
                        uint64_t datagrams_out, uint64_t payload_in, uint64_t datagrams_in);

/* The attack's entry, made if there is none.  Good until the next one is made. */
struct smx_attack_result *smx_result_attack(struct smx_result *r, const char *name, const char *arm);
const struct smx_attack_result *smx_result_attack_find(const struct smx_result *r, const char *name,
                                                       const char *arm); /* or NULL */

/* Adds the runs of `from` behind those of `into`.  SMX_E_STATE: another scenario (name, text or version), or
 * more than SMX_RESULT_SEEDS seeds; nothing has changed then. */
enum { SMX_RESULT_SEEDS = 1 << 20 };
enum smx_err smx_result_merge(struct smx_result *into, const struct smx_result *from) SMX_MUST_CHECK;

/* ---- JSON ---- */

/* A new object (json_decref).  Lists of scores are settled by it, which changes nothing they say. */
json_t *smx_result_to_json(struct smx_result *r);
/* SMX_E_MALFORMED: not what smx_result_to_json makes; *r is then NULL.  What is derived is not read. */
enum smx_err smx_result_from_json(struct smx_result **r, const json_t *json) SMX_MUST_CHECK;

/* The text of any JSON value (malloc, the caller's): keys in the order of bytes, two blanks of indent, arrays
 * of plain values in one line, whole numbers as such, others with the fewest digits that read back as the
 * same double.  Ends with a newline.  NULL: a string that is not UTF-8, or a number that is not finite. */
char *smx_json_pretty(const json_t *json);

#endif
