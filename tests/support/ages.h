/* tests/support/ages.h - a network that lasts: hours of virtual time on the real cores, with wrong clocks,
 * deaths and returns of relays, moving and sleeping clients, losses, a directory that is away, and calls and
 * messages at random.  Once a virtual second everything that must hold is looked at, from outside the nodes.
 * The same configuration gives the same run. */
#ifndef SMX_TEST_AGES_H
#define SMX_TEST_AGES_H

#include "client/core.h"
#include "proto/base/rng.h"
#include "sim/check_links.h"
#include "sim/check_tables.h"
#include "tests/support/networks.h"

enum {
    QUIET_EVERY_S = 1800, /* the end of each such time passes without calls and new faults */
    QUIET_S = 240,
    EXCUSE_S = 30, /* what a fault may do to calls, it has done by then */
    MOVE_S =
        6, /* losses around a change of a slot's circuit, or of a call just answered, are counted apart */
};

enum fault { FAULT_RELAY, FAULT_GUARD, FAULT_MOVE, FAULT_SLEEP, FAULT_LOSS, FAULT_DIRECTORY, FAULTS };
extern const char *const ages_fault_name[FAULTS];

struct talk { /* one call */
    bool used, answered;
    bool hampered; /* something that it needed to come about did not stand: it may fail */
    size_t a, b;
    uint32_t id; /* at the caller */
    smx_time began, end;
    smx_time half; /* since when it is over at one side only; 0: it isn't */
};

struct side {                    /* of a client */
    smx_time idle;               /* its slots must be by then */
    smx_time excused;            /* a fault may still disturb its calls until then */
    smx_time moving;             /* or a change of a slot's circuit; losses until then are counted apart */
    smx_time wakes;              /* 0: it doesn't sleep */
    smx_time dark[CIRCUITS_MAX]; /* since when the circuit doesn't stand; 0: it does */
    uint32_t ids[SMX_CLIENT_SLOTS];
    uint64_t moves;           /* of pipes, as counted */
    uint32_t frames, missing; /* of its call, at the last look */
    uint32_t call;
};

enum { RELAYS_MAX = 24, CLIENTS_MAX = 16, TALKS = CLIENTS_MAX, DARK_BINS = 4096 };

struct ages {
    struct smx_sim_network *n;
    struct smx_check_links *links;
    struct smx_verdict verdict;
    struct smx_rng rng; /* of what happens: the cores' draws don't change it */
    bool faulty, tells;
    smx_time begin, next_call, next_text, next_fault, lossy_until, directory_back;
    smx_time back[RELAYS_MAX]; /* when a dead relay returns */
    smx_time shaken;           /* the last death or return of a relay, or outage */
    smx_time findable;         /* from then on end relays have news of the directory */
    struct talk talk[TALKS];
    struct side side[CLIENTS_MAX];
    struct smx_tables peak, calm_first, calm_last;
    size_t calms;
    size_t heap_first, heap_last; /* most bytes in the second quarter, and in the last one */
    /* figures */
    uint64_t faults[FAULTS], calls, answered, failed, cut, busy, texts;
    uint64_t frames, missing, moving_frames, moving_missing, out_of_order;
    uint64_t awake_s, ready_s;
    uint32_t dark[DARK_BINS]; /* outages of circuits, by seconds */
    uint64_t outages;
};

struct ages_config {
    struct smx_sim_network_config network;
    size_t clients;
    bool faults;
    bool tells; /* what happens, on stderr */
};

/* The clients are ready, or false: the network doesn't come to life. */
bool ages_begin(struct ages *g, const struct ages_config *config);
/* Until the time is over, or the verdict is full. */
void ages_run(struct ages *g, unsigned seconds);
void ages_end(struct ages *g);
/* What was violated and when, to stderr, and all figures as one line of JSON. */
void ages_tell(const struct ages *g, double real_s);

/* ---- for its parts ---- */

smx_time ages_now(const struct ages *g);
bool ages_is_awake(const struct ages *g, size_t client);
bool ages_is_quiet(const struct ages *g);
/* What happens, for who reads why something was violated. */
void ages_note(const struct ages *g, const char *what, size_t whom);
/* The call that a user has now, either way; NULL: none. */
struct smx_sim_call *ages_call_of(struct smx_sim_user *u);
/* A fault may disturb this client's calls. */
void ages_excuse(struct ages *g, size_t client);
void ages_happen(struct ages *g);                             /* ages.c: once a second */
void ages_look(struct ages *g, unsigned second, double done); /* watch.c: after it */
void ages_judge(struct ages *g);                              /* watch.c: at the end */

#endif
