/* sim/adversary/inside.h - what a corrupt relay sees and does: its own circuits, and cells on their way out.
 *
 * A relay's operator can read and change all of his relay's memory, so this looks into relay/core.h; it is
 * the one place in the simulator that does.  The relay's code runs as it is: cells are changed after they
 * have come and before they leave.  What needs more than one relay's memory (which circuit of the next relay
 * is this one?) is the truth, for scoring, and says so.
 *
 * Relays are numbered as in sim/network.h, which has exact clocks here (drift_ppm 0). */
#ifndef SMX_SIM_ADVERSARY_INSIDE_H
#define SMX_SIM_ADVERSARY_INSIDE_H

#include "proto/circuit/cell.h"
#include "sim/network.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SMX_INSIDE_NOBODY = UINT32_MAX };

/* A circuit at a relay. */
struct smx_inside_circuit {
    size_t relay;
    uint32_t at;         /* its place in the relay's table, */
    uint16_t generation; /* told apart from those before it there */
    uint8_t period;      /* enum smx_period */
    bool between;        /* a piece from end to end, made for a call */
    uint32_t from, to;   /* neighbours: nodes of the world, or nobody (yet) */
    bool joined;
    /* in mix ticks: length of its period, and the class in which its cells come (of the sender's ticks, where
     * that is a relay) and leave, forward */
    uint32_t classes, in_class, out_class;
};

/* Those that stand at a relay now; returns how many. */
size_t smx_inside_list(const struct smx_sim_network *n, size_t relay, struct smx_inside_circuit *list,
                       size_t max);
/* What it is joined to, at the same relay; false: to nothing. */
bool smx_inside_peer(const struct smx_sim_network *n, const struct smx_inside_circuit *c,
                     struct smx_inside_circuit *peer);
/* At a guard: the circuit whose place this one shares, as it shall replace it (false: none), and when its
 * owner was heard last on a circuit (0: it is gone). */
bool smx_inside_twin(const struct smx_sim_network *n, const struct smx_inside_circuit *c,
                     struct smx_inside_circuit *twin);
smx_time smx_inside_heard(const struct smx_sim_network *n, const struct smx_inside_circuit *c);
/* The truth: the same circuit at the next relay. */
bool smx_inside_next(const struct smx_sim_network *n, const struct smx_inside_circuit *c,
                     struct smx_inside_circuit *next);
/* The truth: the circuit of a client that is joined, at the relays of its path and the one of the join, guard
 * first.  Returns how many; 0: it is in no call. */
enum { SMX_INSIDE_PATH = 4 };
size_t smx_inside_call(const struct smx_sim_network *n, size_t client,
                       struct smx_inside_circuit path[SMX_INSIDE_PATH]);

/* The control: all relays send only what carries something (struct smx_relay_config, cover_off); clients go
 * on. */
void smx_inside_cover_off(struct smx_sim_network *n);

/* ---- before a relay's tick ---- */

/* Called before and after a relay does a tick; after may be NULL. */
struct smx_inside_hook {
    size_t relay;
    void (*before)(void *arg);
    void (*after)(void *arg);
    void *arg;
};
/* As smx_sim_run_for. */
void smx_inside_run_for(struct smx_sim_network *n, unsigned ms, const struct smx_inside_hook *hook,
                        size_t hooks);

/* What is done to cells of one direction of a circuit while `on` is set: to every third one, so that there
 * are never many without an honest one between them, or, with `every`, to all. */
enum smx_deed {
    SMX_DEED_DROP,   /* it is lost */
    SMX_DEED_ALTER,  /* one bit of it is changed */
    SMX_DEED_REPEAT, /* the one before again, in its place and under its number */
    SMX_DEED_DELAY,  /* the one before in its place, a turn late, under its own number */
    SMX_DEED_REPLAY, /* the one before a second time in its place, bit for bit as it went */
    SMX_DEEDS
};
struct smx_meddler {
    struct smx_sim_network *n;
    struct smx_inside_circuit circuit;
    bool backward;
    enum smx_deed deed;
    bool on, every;
    uint64_t done; /* deeds */
    /* its own */
    bool has, shifted;
    uint64_t turns;
    uint8_t last[SMX_CELL_BODY];
};
/* A hook's functions; arg is a struct smx_meddler. */
void smx_meddler_before(void *arg);
void smx_meddler_after(void *arg);

/* What comes on a joined circuit from its owner, as the relay of the join sees it, in the turn that is next.
 */
struct smx_inside_turn {
    bool due;   /* it has a turn in this tick */
    bool here;  /* and a cell for it */
    bool asked; /* one of the two owners has asked this relay something, and the answer waits */
    uint8_t body[SMX_CELL_BODY]; /* sealed from client to client */
};
/* False: the circuit is gone, or joined no more. */
bool smx_inside_look(const struct smx_sim_network *n, const struct smx_inside_circuit *c,
                     struct smx_inside_turn *turn);

#endif
