/* sim/swarm.h - swarm testing: a small network of real cores, parameters and faults drawn from a seed, and
 * checkers outside the nodes (sim/check.h).  After Groce, Zhang, Eide, Chen, Regehr, "Swarm testing" (2012),
 * and the simulators of FoundationDB and TigerBeetle.
 *
 *   birth     relays find each other, clients come up from the network file alone
 *   safety    faults of all kinds; calls and messages; whatever becomes of these, the checkers must be quiet
 *   liveness  faults have ended: within stated times every client is ready and every relay has its links,
 *             everybody can call somebody, hears him, and is heard; afterwards all slots are idle again
 *
 * A plan is everything that a seed draws, before anything runs: taking a fault or a call out of it changes
 * nothing else of the plan.  So a failing plan can be made smaller (sim/shrink.h).  Same plan, same run.
 * Pure, but it allocates; running out of memory, and a core that breaks an assertion, end the program. */
#ifndef SMX_SIM_SWARM_H
#define SMX_SIM_SWARM_H

#include "sim/check.h"
#include "sim/network.h"

enum {
    SMX_SWARM_RELAYS_MIN = 6, /* two of each layer */
    SMX_SWARM_RELAYS = 10,
    SMX_SWARM_CLIENTS_MIN = 2,
    SMX_SWARM_CLIENTS = 5,
    SMX_SWARM_FAULTS = 12,
    SMX_SWARM_CALLS = 6,
};

enum smx_swarm_fault_kind {
    SMX_SWARM_LOSS,      /* amount: millionths, everywhere; b odd: in runs of ten */
    SMX_SWARM_NOISE,     /* datagrams come twice, damaged, out of order, amount millionths of each */
    SMX_SWARM_JITTER,    /* amount: us in the mean */
    SMX_SWARM_CUT,       /* nothing passes between two nodes, one way or both */
    SMX_SWARM_CRASH,     /* a relay dies, and comes back with what its disk has */
    SMX_SWARM_GUARD,     /* the same for the guard that a client has then */
    SMX_SWARM_STALL,     /* a node does nothing, and what comes is lost; b odd: it waits */
    SMX_SWARM_CLOCK,     /* a node's clock runs wrong, amount: ppm + 100 */
    SMX_SWARM_MOVE,      /* a client has another address, and doesn't know */
    SMX_SWARM_RESTART,   /* a client begins anew with what its disk has */
    SMX_SWARM_DIRECTORY, /* nobody reaches it */
    SMX_SWARM_REPLAY,    /* somebody on the way sends again what he has recorded, sometimes altered */
    SMX_SWARM_HOLD,      /* somebody on the way holds back what one node sends another, amount: us at most */
    SMX_SWARM_TAG,       /* a relay's operator alters cells that wait in it, amount: one of so many */
    SMX_SWARM_SWALLOW,   /* he takes such cells out */
    SMX_SWARM_KINDS
};
extern const char *const smx_swarm_fault_name[SMX_SWARM_KINDS];

struct smx_swarm_fault {
    enum smx_swarm_fault_kind kind;
    bool off;   /* taken out of the plan */
    bool lasts; /* never drawn: it does not end, so that the liveness phase must complain */
    uint32_t from_ms, for_ms;
    uint32_t a, b; /* who: reduced by the number of those there are */
    uint32_t amount;
};

struct smx_swarm_call {
    bool off, text; /* text: a message instead of a call */
    uint32_t from_ms, for_ms;
    uint32_t a, b;
};

struct smx_swarm_plan {
    uint64_t seed;
    uint32_t relays, clients;
    uint32_t epoch_s, batch_s, tick_ms, link_floor, fetch_ms, drift_ppm, circuits_max;
    uint32_t latency_us, jitter_us;
    uint32_t slots[SMX_SWARM_CLIENTS];
    bool contacts;        /* all know each other from the start */
    bool call_waiting;    /* all have it */
    uint32_t open_one_in; /* links whose cells are looked at */
    uint32_t safety_ms;
    size_t fault_count, call_count;
    struct smx_swarm_fault fault[SMX_SWARM_FAULTS];
    struct smx_swarm_call call[SMX_SWARM_CALLS];
};

void smx_swarm_draw(struct smx_swarm_plan *plan, uint64_t seed);

struct smx_swarm_result {
    struct smx_verdict verdict;
    uint64_t steps, datagrams, ticks, cells, again; /* of the world; judged; again: repetitions refused */
    uint32_t virtual_ms, ready_ms, recovered_ms;    /* all; birth; from the end of faults to all ready */
    uint32_t calls, answered;                       /* in both phases */
};

void smx_swarm_run(const struct smx_swarm_plan *plan, struct smx_swarm_result *result);
/* The same, and tells what happens, for who looks into a failure: told may be NULL. */
void smx_swarm_run_telling(const struct smx_swarm_plan *plan, struct smx_swarm_result *result,
                           void (*tell)(void *arg, smx_time at, const char *text), void *arg);

/* What a plan is, as one line: "seed 17: 7 relays, 3 clients, ...". */
enum { SMX_SWARM_TEXT = 1024 };
void smx_swarm_text(const struct smx_swarm_plan *plan, char text[SMX_SWARM_TEXT]);

#endif
