/* proto/circuit/origin.h - one circuit as its owner sees it: built hop by hop, one cell each turn, layers on
 * and off. Source: docs/protocol/30-circuit.md.  Sans-IO: the owner calls _turn for each of the circuit's
 * turns on the link (every slot tick, or every second one for a listening or errand circuit) and hands in
 * what arrives.
 *
 *   IDLE --open--> CREATING --CREATED--> WAITING --drawn time--> EXTENDING --EXTENDED--> WAITING ... --> OPEN
 *     CREATE or EXTEND refused for want of work: it is done, a piece in each turn, and shown
 *     while building, a request refused or unanswered SMX_ORIGIN_TRIES times --> DEAD
 *     at any time, SMX_ORIGIN_NOISE cells of noise, or a hop of the path without what was beyond it --> DEAD
 *
 * A circuit that is IDLE, being built or DEAD still yields a cell for each turn.  Requests (EXTEND, COOKIE,
 * JOIN, LEAVE, LISTEN) are single cells, repeated until answered, one at a time; all are idempotent at the
 * relay. */
#ifndef SMX_CIRCUIT_ORIGIN_H
#define SMX_CIRCUIT_ORIGIN_H

#include "proto/base/err.h"
#include "proto/base/rng.h"
#include "proto/base/time.h"
#include "proto/circuit/cell.h"
#include "proto/circuit/command.h"
#include "proto/circuit/hop.h"
#include "proto/circuit/timetable.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    SMX_ORIGIN_HOPS = 4,       /* guard, middle, end, and the hop beyond it during a call */
    SMX_ORIGIN_TRIES = 8,      /* sendings of one request */
    SMX_ORIGIN_RETRY_MS = 400, /* between them; long enough for a way there and back */
    SMX_ORIGIN_NOISE = 25,     /* cells in a row that no hop owns while the circuit is not joined */
    SMX_ORIGIN_NEARER = 5,     /* NOPs in a row from a hop before the last: what lay beyond it is gone */
};

enum smx_origin_state {
    SMX_ORIGIN_IDLE,
    SMX_ORIGIN_CREATING,
    SMX_ORIGIN_WAITING,
    SMX_ORIGIN_EXTENDING,
    SMX_ORIGIN_OPEN,
    SMX_ORIGIN_DEAD
};

struct smx_origin_hop {
    struct smx_hop_layers layers;
    uint64_t d; /* forward count of this hop minus that of the hop before it */
    uint64_t c; /* backward: count of the hop before it minus that of this hop */
};

struct smx_origin {
    enum smx_origin_state state;
    struct smx_rng *rng; /* borrowed */
    uint8_t period;      /* enum smx_period */
    uint32_t ticks;      /* link ticks between two turns: 1 or 2 */
    struct smx_hop_target path[SMX_ORIGIN_HOPS];
    size_t own_count;  /* hops of the path that _open was given; what stands beyond it comes and goes */
    size_t path_count; /* hops wanted */
    size_t hop_count;  /* hops that stand */
    struct smx_origin_hop hop[SMX_ORIGIN_HOPS];
    uint32_t back_id, forward_id;
    struct smx_timetable send, recv; /* link ticks and counts of hop 0 */
    struct smx_counts counts;        /* of hop 0, backward */
    struct smx_noise handshake;      /* of the hop being made */
    struct smx_create create;        /* .replaces: the owner may set it before _open */
    struct smx_extend extend;
    unsigned bits;            /* of work that CREATE or EXTEND is to show; 0: none was asked for */
    bool works;               /* at it, in its turns; meanwhile nothing is under way */
    uint8_t asked;            /* times that more was asked for, for this hop */
    smx_time wait_mean, next; /* when WAITING ends, or what is under way is repeated or given up */
    uint8_t tries;            /* sendings of CREATE or of the request */
    struct {
        bool active;
        bool probe; /* our own: it makes way for any other */
        uint8_t hop, type, len;
        uint8_t content[SMX_HOP_CONTENT];
    } request;
    smx_time probe_at; /* of the way forward, by _doubt; SMX_NEVER: nobody doubts it */
    bool joined;       /* cells that no hop owns are the peer's */
    uint32_t noise;    /* such cells in a row while not joined */
    uint32_t nearer;   /* NOPs in a row from a hop before the last */
};

void smx_origin_init(struct smx_origin *o, uint8_t period, uint32_t ticks, struct smx_rng *rng);
void smx_origin_fini(struct smx_origin *o); /* wipes; back to IDLE needs a new _init */

/* Begins to build guard, then middle, then end (count hops; 1 to 3).  Each EXTEND waits a random time of mean
 * wait_mean first.  back_id: id for backward cells, unique on the link, not 0.  back_class: tick class of the
 * guard's link ticks for backward cells (0 when ticks is 1).  tick: the link tick of the next datagram to be
 * sent; turns are those ticks t with t mod ticks == phase, phase < ticks. */
enum smx_err smx_origin_open(struct smx_origin *o, smx_time now, uint64_t tick, uint32_t phase,
                             const struct smx_hop_target path[], size_t count, uint32_t back_id,
                             uint8_t back_class, smx_time wait_mean) SMX_MUST_CHECK;

/* True when this circuit itself needs its next turn (CREATE, or a request that is due): the owner then has no
 * say. */
bool smx_origin_needs_turn(const struct smx_origin *o, smx_time now);

/* Writes the cell of this turn.  tick: the datagram's link tick.  If _needs_turn, or while not OPEN, what is
 * given is ignored; else content (type and content for the hop `hop`), or peer (216 bytes enciphered end to
 * end, when joined), or, both NULL, random filler. */
struct smx_origin_send {
    const uint8_t *peer;    /* 216 bytes, or NULL */
    const uint8_t *content; /* or NULL */
    size_t content_len;
    uint8_t hop, type; /* of content: 0-based hop, enum smx_hop_type */
};
void smx_origin_turn(struct smx_origin *o, smx_time now, uint64_t tick, const struct smx_origin_send *send,
                     uint8_t cell[SMX_CELL_SIZE]);

enum smx_origin_event {
    SMX_ORIGIN_NOTHING,  /* late, repeated or foreign: dropped; or noise */
    SMX_ORIGIN_MESSAGE,  /* a hop's message: hop, msg (NOP included: that half lives).  LEFT from a hop before
                            the last, said or inferred from SMX_ORIGIN_NEARER, is about an _extend: the owner
                            should _truncate to hop + 1 */
    SMX_ORIGIN_PEER,     /* no hop's cell while joined: peer points at its 216 bytes, in the cell */
    SMX_ORIGIN_OPENED,   /* all hops of the path stand (also after _extend) */
    SMX_ORIGIN_ANSWERED, /* the request given to _request is answered: hop, msg = the answer */
    SMX_ORIGIN_FAILED,   /* the request, or _extend, was refused (msg REFUSED) or never answered: the circuit
                            stands as before */
    SMX_ORIGIN_DIED,     /* building failed, noise, or LEFT from within the path: state is DEAD */
};
struct smx_origin_rx {
    enum smx_origin_event event;
    uint8_t hop;            /* 0-based */
    uint8_t request;        /* ANSWERED, FAILED: the request's type */
    struct smx_hop_msg msg; /* points into the cell */
    const uint8_t *peer;    /* points into the cell */
};

/* A command cell with this circuit's back_id has come: CREATED or REFUSED. */
void smx_origin_created(struct smx_origin *o, smx_time now, uint64_t newest_peer_tick,
                        const struct smx_created *c, struct smx_origin_rx *rx);
void smx_origin_refused(struct smx_origin *o, const struct smx_refused *r, struct smx_origin_rx *rx);
/* A backward cell with circuit id back_id has come in the guard's datagram of link tick peer_tick; deciphered
 * in place. */
void smx_origin_cell(struct smx_origin *o, smx_time now, uint64_t peer_tick, uint8_t cell[SMX_CELL_SIZE],
                     struct smx_origin_rx *rx);
/* Timeouts: at most one event a call; call until NOTHING. */
void smx_origin_expire(struct smx_origin *o, smx_time now, struct smx_origin_rx *rx);
smx_time smx_origin_deadline(const struct smx_origin *o);
/* The end does not answer what was asked by other means: it is probed as soon as it can be.  A probe that
 * nobody answers means that the way forward is dead: DIED follows.  Not for a slot whose end keeps a cookie:
 * the probe's would take its place. */
void smx_origin_doubt(struct smx_origin *o, smx_time now);

/* Is a request of the owner's under way? */
bool smx_origin_is_asking(const struct smx_origin *o);
/* OPEN only.  Sends a request to a hop.  SMX_E_STATE: another is under way. */
enum smx_err smx_origin_request(struct smx_origin *o, smx_time now, uint8_t hop, uint8_t type,
                                const void *content, size_t len) SMX_MUST_CHECK;
/* OPEN only.  Adds one hop beyond the last; OPENED or FAILED follows.  After a FAILED that nobody answered
 * the hop may stand all the same: a LEAVE makes sure. */
enum smx_err smx_origin_extend(struct smx_origin *o, smx_time now,
                               const struct smx_hop_target *target) SMX_MUST_CHECK;
/* Forgets hops beyond the first count (after LEFT from hop count - 1), and the join.  count is not less than
 * _open was given. */
void smx_origin_truncate(struct smx_origin *o, size_t count);
/* After ANSWERED(JOINED) or MESSAGE(MET): cells that no hop owns are the peer's from now on. */
void smx_origin_set_joined(struct smx_origin *o, bool joined);

#endif
