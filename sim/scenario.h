/* sim/scenario.h - what is simulated: a scenario, as its text says.
 *
 * The text is lines `key = value`; a line that is empty or begins with # says nothing.  The same keys can be
 * set one by one (--set KEY=VALUE), later ones hold.  `fault` and `attacks` may come several times and add
 * up; `param.NAME` sets a network parameter (proto/doc/params.h).  All keys stand in smx_scenario_keys, with
 * their presets, limits and meaning.  Values carry their units: 20 ms, 5 s, 2 h, 1.5 %, 10 Mbit/s.
 *
 * Pure: no allocation, no files; a scenario is one flat struct that can be copied. */
#ifndef SMX_SIM_SCENARIO_H
#define SMX_SIM_SCENARIO_H

#include "proto/base/err.h"
#include "proto/base/time.h"
#include "proto/doc/params.h"
#include "relay/relay.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    SMX_SCENARIO_NAME = 48,
    SMX_SCENARIO_ABOUT = 512,
    SMX_SCENARIO_FAULTS = 64,
    SMX_SCENARIO_ATTACKS = 16,
    SMX_SCENARIO_TEXT = 16384, /* bytes of a text at most, with its final NUL */
    SMX_SCENARIO_WHY = 320,
    SMX_MILLION = 1000000, /* shares are in millionths */
};

enum smx_model {
    SMX_MODEL_CORES,  /* the real cores, every datagram */
    SMX_MODEL_EVENTS, /* only who is on line and who calls whom: sim/presence.h */
};

/* What paths do to datagrams; sim/city.h says how long they are, sim/net.h what these mean. */
struct smx_scenario_net {
    smx_time access;      /* one way, between a client and its city's exchange */
    smx_time site;        /* the same for a relay */
    uint32_t stretch;     /* path over great circle, millionths */
    smx_time jitter;      /* mean of the queueing tail, on each path */
    smx_time burst_every; /* mean time between bursts of delay on a path; 0: none */
    smx_time burst_length, burst_height;
    uint32_t loss;        /* of datagrams on each path */
    uint32_t access_loss; /* on paths between clients and relays, on top */
    uint32_t burst_loss;  /* Gilbert-Elliott: mean loss by bursts, */
    uint32_t burst_run;   /* and their mean length in datagrams */
    uint32_t reorder;
    smx_time reorder_by;
    uint32_t duplicate, corrupt;
    uint64_t client_up, client_down, relay_up; /* bit/s; 0: no limit */
    smx_time queue;                            /* what waits longer for a limited link is lost */
    smx_time rebind_every; /* mean time between changes of a client's address by its NAT; 0: none */
    uint32_t skew_ppm;     /* clocks of nodes run wrong by up to so much */
};

/* Who calls whom, when and how long. */
struct smx_scenario_calls {
    uint32_t concurrent;       /* calls under way in the mean */
    smx_time hold, hold_least; /* mean of the log-normal holding time; shorter ones are drawn anew */
    uint32_t hold_sigma;       /* of its logarithm, millionths */
    smx_time ramp;             /* the first calls begin within this time */
    smx_time answer;           /* mean time a phone rings */
    uint32_t unanswered;       /* share of calls that nobody takes */
    uint32_t contacts, rewire; /* small world: neighbours on the ring, and share that lead elsewhere */
    bool dtx;                  /* phones send nothing in silence */
    smx_time talk, pause;      /* means of spurts and pauses of speech */
};

/* Who comes and goes. */
struct smx_scenario_churn {
    uint32_t share;   /* of clients that do; the others are always on */
    smx_time on, off; /* mean times */
};

/* As text: KIND [SHARE] [relay NUMBER|any|busy] [by TIME] at TIME [for TIME]. */
enum smx_fault_kind {
    SMX_FAULT_CRASH,     /* of a relay, and its return */
    SMX_FAULT_PARTITION, /* a share of the cities is cut off from the others */
    SMX_FAULT_OVERLOAD,  /* a relay's machine stalls for a moment, again and again: a share of the time */
    SMX_FAULT_SLOW,      /* a relay's datagrams leave later than they should */
    SMX_FAULT_OUTAGE,    /* of the directory */
    SMX_FAULT_LOSS,      /* datagrams are lost everywhere */
    SMX_FAULT_DROP,      /* a malicious relay: drops a share of the cells that wait in it */
    SMX_FAULT_DELAY,     /* lets them go one turn later */
    SMX_FAULT_REPLAY,    /* sends an older one in their place */
    SMX_FAULT_TAG,       /* changes a bit of them */
    SMX_FAULT_REORDER,   /* exchanges two of them */
    SMX_FAULT_LIE,       /* tells the directory that its links carry far more than they do */
    SMX_FAULT_KINDS
};
enum { SMX_FAULT_ANY = UINT32_MAX, SMX_FAULT_BUSY = UINT32_MAX - 1 };

struct smx_fault {
    enum smx_fault_kind kind;
    uint32_t relay;     /* its number; SMX_FAULT_ANY: drawn; SMX_FAULT_BUSY: the one with the most joins */
    uint32_t share;     /* of cities, time, datagrams or cells; millionths */
    smx_time by;        /* slow: so much; overload: length of a stall */
    smx_time at, lasts; /* of measured time; lasts 0: to the end */
};

/* A kind's name, and what its text may hold besides `at` and `for`. */
struct smx_fault_form {
    const char *name;
    bool relay, share, by;
    const char *does;
};
extern const struct smx_fault_form smx_fault_forms[SMX_FAULT_KINDS];

struct smx_scenario {
    char name[SMX_SCENARIO_NAME], about[SMX_SCENARIO_ABOUT];
    enum smx_model model;
    uint32_t relays, clients, slots;
    uint32_t cities, relay_cities; /* the first of smx_cities: with clients, with relays */
    smx_time duration;             /* measured */
    smx_time relays_ahead;         /* so long before clients, and in the epoch before */
    smx_time settle;               /* between the moment when all are ready, and measured time */
    smx_time start;                /* clients start within this time */
    smx_time start_most;           /* all must be ready so long after it */
    bool cover;                    /* no: nodes send only what carries something (a control) */
    enum smx_relay_timetables timetables;
    struct smx_params params;
    struct smx_scenario_net net;
    struct smx_scenario_calls calls;
    struct smx_scenario_churn churn;
    struct smx_fault fault[SMX_SCENARIO_FAULTS];
    size_t faults;
    char attack[SMX_SCENARIO_ATTACKS][SMX_SCENARIO_NAME];
    size_t attacks;
    uint32_t corrupt; /* share of relays that an attack's adversary runs, where it has any */
};

struct smx_scenario_key {
    const char *name, *preset;
    const char *what;
    uint8_t type;  /* scenario.c's */
    size_t offset; /* into struct smx_scenario */
    double least, most;
    const char *choices; /* of a choice, in order, with blanks between */
};
extern const struct smx_scenario_key smx_scenario_keys[];
extern const size_t smx_scenario_key_count;

/* All keys at their presets. */
void smx_scenario_preset(struct smx_scenario *s);
/* Sets one key.  SMX_E_MALFORMED, with a sentence for people in why: an unknown key (the nearest is named),
 * or a value that is not allowed (what is, is said); *s is then as before. */
enum smx_err smx_scenario_set(struct smx_scenario *s, const char *key, const char *value,
                              char why[SMX_SCENARIO_WHY]) SMX_MUST_CHECK;
/* Sets all of a text, from the preset on; why begins with "line N: ". */
enum smx_err smx_scenario_read(struct smx_scenario *s, const char *text,
                               char why[SMX_SCENARIO_WHY]) SMX_MUST_CHECK;
/* The rules between keys; smx_scenario_read doesn't check them, as more may be set afterwards. */
enum smx_err smx_scenario_check(const struct smx_scenario *s, char why[SMX_SCENARIO_WHY]) SMX_MUST_CHECK;
/* A key's value as text, as smx_scenario_set reads it.  `fault` and `attacks`: the empty text. */
void smx_scenario_value(const struct smx_scenario *s, const struct smx_scenario_key *key,
                        char out[SMX_SCENARIO_ABOUT]);
/* What values a key may have, in words. */
void smx_scenario_allowed(const struct smx_scenario_key *key, char out[SMX_SCENARIO_WHY]);

/* fault.c.  SMX_E_MALFORMED, with what is wrong in why. */
enum smx_err smx_fault_read(struct smx_fault *f, const char *text, char why[SMX_SCENARIO_WHY]) SMX_MUST_CHECK;
void smx_fault_write(const struct smx_fault *f, char out[SMX_SCENARIO_WHY]);

#endif
