/* client/circuits.h - the fixed set of circuits, for the client's files.  Not for others: client/client.h is
 * the client's face. */
#ifndef SMX_CLIENT_CIRCUITS_H
#define SMX_CLIENT_CIRCUITS_H

#include "client/channel.h"
#include "client/client.h"
#include "proto/circuit/origin.h"

struct smx_client;

enum {
    CIRCUITS_MAX = SMX_CLIENT_SLOTS + 2 * SMX_CLIENT_IDENTITIES, /* of any client */
    END = 2,                                                     /* hop of the own end relay */
};

enum circuit_role { CIRCUIT_SLOT, CIRCUIT_LISTEN, CIRCUIT_ERRAND };

/* Beside a circuit while it is renewed: the new one, which shares its turns; and after the renewal of a
 * listening circuit, for a while, the old one, on which something may still be under way. */
struct young {
    struct smx_origin origin;
    smx_time linger; /* it is the old one, until then; 0: it is the new one */
    struct channel
        *channel; /* listening: with the end of the old one, or for the new one once it takes over */
};

struct circuit {
    enum circuit_role role;
    uint8_t of;     /* number of the slot or identity */
    uint32_t phase; /* its turns: link ticks t with t mod origin.ticks == phase */
    struct smx_origin origin;
    smx_time open_at;    /* when it is built, or built anew; SMX_NEVER while it lives */
    bool stood;          /* once since the guard was chosen */
    bool urgent;         /* to be built without waiting: calls may depend on it */
    uint8_t rebuilds;    /* in this epoch */
    uint64_t epoch;      /* that renew_at was drawn in */
    smx_time renew_at;   /* SMX_NEVER: not again in this epoch */
    bool due;            /* its time has come, but the slot was busy */
    bool overdue;        /* since an epoch ago: its relays will soon end it */
    uint32_t place;      /* forward id of the last circuit that stood in its place at the guard; 0: none */
    unsigned silent;     /* datagrams of the guard in a row without a cell of it */
    struct young *young; /* NULL: none */
    bool young_turn;     /* the next one that both want */
    struct channel *channel; /* listening and errand: with the end */
};

/* ---- circuits.c ---- */
enum smx_err smx_circuits_new(struct smx_client *c);
void smx_circuits_free(struct smx_client *c);
struct circuit *smx_circuit_of(const struct smx_client *c, enum circuit_role role, size_t of);
size_t smx_circuit_identity(const struct smx_client *c, const struct circuit *k); /* whose it is */
/* The guard is another one, or has forgotten us: everything is built from scratch; at once if it is urgent,
 * else after random waits. */
void smx_circuits_reset(struct smx_client *c, smx_time now, bool urgent);
void smx_circuits_expire(struct smx_client *c, smx_time now);
/* Gives a circuit up; it is rebuilt after a random wait. */
void smx_circuit_drop(struct smx_client *c, struct circuit *k, smx_time now);
bool smx_circuit_has_turn(const struct circuit *k, uint64_t tick);
/* Writes its cell for this tick; true when that is more than filler. */
bool smx_circuit_turn(struct smx_client *c, struct circuit *k, smx_time now, uint64_t tick,
                      uint8_t cell[SMX_CELL_SIZE]);
/* A datagram of the guard has come; its cells follow. */
void smx_circuits_datagram(struct smx_client *c);
void smx_circuits_command(struct smx_client *c, smx_time now, const uint8_t cell[SMX_CELL_SIZE]);
void smx_circuits_cell(struct smx_client *c, smx_time now, uint64_t peer_tick, uint8_t cell[SMX_CELL_SIZE]);
bool smx_circuit_is_open(const struct circuit *k);
/* Identity of the relay at the end of an open circuit. */
const uint8_t *smx_circuit_end(const struct circuit *k);
/* Back to the state before it was opened. */
void smx_circuit_clear(struct smx_client *c, struct smx_origin *o);
/* Begins to build o, the origin of k or of its young one.  SMX_E_ABSENT: there is no path now. */
enum smx_err smx_circuit_build(struct smx_client *c, struct circuit *k, struct smx_origin *o, smx_time now,
                               smx_time wait_mean) SMX_MUST_CHECK;
/* The stream with its end begins anew. */
void smx_circuit_begin_channel(struct smx_client *c, struct circuit *k, smx_time now);
/* A segment of a stream with its end, maybe of one that lingers. */
void smx_circuit_segment(struct smx_client *c, struct circuit *k, struct channel *channel, smx_time now,
                         const struct smx_hop_msg *m);

/* ---- renew.c ---- */
/* Is a new circuit being built beside the old one?  Does the old one linger? */
bool smx_circuit_is_renewing(const struct circuit *k);
bool smx_circuit_lingers(const struct circuit *k);
/* A time for it, in what is left of the epoch. */
void smx_circuit_draw_renewal(struct smx_client *c, struct circuit *k, smx_time now);
/* Renews a circuit as soon as possible: a call has moved off it. */
void smx_circuit_renew(struct smx_client *c, struct circuit *k, smx_time now);
/* Has its drawn time come while the slot was busy?  Then whatever keeps it busy should move. */
bool smx_circuit_is_due(const struct smx_client *c, const struct circuit *k);
/* The young one goes; or goes on alone, and may still be under construction. */
void smx_young_drop(struct circuit *k);
void smx_young_promote(struct smx_client *c, struct circuit *k);
void smx_young_event(struct smx_client *c, struct circuit *k, smx_time now, const struct smx_origin_rx *rx);
/* A turn that both want: whose is it?  And the young one's. */
struct smx_origin *smx_young_whose_turn(struct circuit *k, smx_time now);
bool smx_young_turn(struct circuit *k, smx_time now, uint64_t tick, uint8_t cell[SMX_CELL_SIZE]);
/* The epoch may be another one; and what is due. */
void smx_renewal_watch(struct smx_client *c, struct circuit *k, smx_time now);
void smx_renewal_expire(struct smx_client *c, struct circuit *k, smx_time now, bool up);

#endif
