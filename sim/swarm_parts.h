/* sim/swarm_parts.h - what the files of a swarm's run share.  Not for others: sim/swarm.h is its face.
 *
 *   swarm.c        what a seed draws
 *   swarm_run.c    the phases, the taps, the looks
 *   swarm_fault.c  faults begin and end
 *   swarm_tag.c    what a relay's operator does to cells in it
 *   swarm_live.c   what must hold once faults have ended */
#ifndef SMX_SIM_SWARM_PARTS_H
#define SMX_SIM_SWARM_PARTS_H

#include "sim/check_known.h"
#include "sim/check_links.h"
#include "sim/check_once.h"
#include "sim/check_wire.h"
#include "sim/swarm.h"
#include "sim/words.h"

enum { RECORDED = 64, RECORD_MAX = 1500 };

struct record { /* a datagram, to be sent again */
    smx_time at;
    uint32_t from, to;
    size_t len;
    uint8_t bytes[RECORD_MAX];
};

struct swarm;

struct happening { /* a fault, or a call of the plan */
    struct swarm *swarm;
    size_t at;    /* number in the plan */
    bool lasts;   /* it has begun and not ended */
    uint32_t who; /* fault: the node, or the client's number, that it fell on */
};

struct swarm {
    const struct smx_swarm_plan *plan;
    struct smx_swarm_result *result;
    struct smx_sim_network *n;
    struct smx_rng rng; /* of faults: the world's draws don't depend on them */
    struct smx_net_path path;
    struct smx_words words;
    struct smx_check_wire wire;
    struct smx_check_known known;
    struct smx_check_links *links;
    struct smx_check_once *once;
    struct happening fault[SMX_SWARM_FAULTS], call[SMX_SWARM_CALLS];
    unsigned looks;
    struct record record[RECORDED];
    size_t recorded;
    void (*tell)(void *arg, smx_time at, const char *text);
    void *tell_arg;
};

#define SMX_SWARM_SAY(s, by, ...)                                                                            \
    smx_complain(&(s)->result->verdict, smx_world_now((s)->n->world), by, __VA_ARGS__)

/* ---- swarm_run.c ---- */
/* Passes time, and looks.  False: enough has been found. */
bool smx_swarm_pass(struct swarm *s, unsigned ms);
void smx_swarm_tell(const struct swarm *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* An address that nobody has, and that is a planted word from now on. */
void smx_swarm_address(struct swarm *s, uint32_t client);
bool smx_swarm_acts(const struct swarm *s, uint32_t client); /* it isn't stalled */

/* ---- swarm_fault.c ---- */
void smx_swarm_faults_plan(struct swarm *s); /* from now on */
/* What those on the way do to a datagram; false: nothing here. */
void smx_swarm_on_the_way(struct swarm *s, smx_time now, uint32_t from, uint32_t to, const uint8_t *bytes,
                          size_t len, smx_time *delay);

/* ---- swarm_tag.c ---- */
/* One of so many cells that wait in the relay is altered, or gone. */
void smx_swarm_tag(struct smx_relay *r, struct smx_rng *rng, uint32_t one_in, bool gone);

/* ---- swarm_live.c ---- */
void smx_swarm_live(struct swarm *s);
/* Complains of each client that is not ready, and of a link that is not up. */
void smx_swarm_say_who_is_missing(struct swarm *s, unsigned seconds);

#endif
