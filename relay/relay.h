/* relay/relay.h - the relay as a pure core: datagrams, documents and the time go in, datagrams come out.
 * Sources: DESIGN; docs/protocol/10-link.md to 30-circuit.md, docs/architecture.md.
 *
 * Input changes state; the mix clock sends.  _receive only files what came (handshake replies of the link
 * layer are the one exception); _expire, called at each mix tick, sends every link its datagrams: due cells
 * of its circuits, link commands, filler, in random order.  Late wake-ups skip ticks, they never burst. All
 * tables are sized at _new.  The core never logs; it counts. */
#ifndef SMX_RELAY_RELAY_H
#define SMX_RELAY_RELAY_H

#include "proto/base/err.h"
#include "proto/base/out.h"
#include "proto/base/rng.h"
#include "proto/base/time.h"
#include "proto/crypto/keypair.h"
#include "proto/doc/batch.h"
#include "proto/doc/consensus.h"
#include "proto/link/link.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct smx_relay;

enum { SMX_RELAY_CIRCUITS = 1 << 20 };
enum { SMX_RELAY_SOURCE_LINKS = 128 };
enum {
    SMX_RELAY_RATE = 64
}; /* datagrams on a link in one tick at most, whatever the consensus says: one GSO send */
enum { SMX_RELAY_KEEPALIVE = 100 }; /* ticks: with cover off a link still speaks once in so many */

/* When cells leave.  All but FIXED are for test networks: they are what attacks are measured against. */
enum smx_relay_timetables {
    SMX_TIMETABLES_FIXED,    /* on timetables that never move: docs/protocol/30-circuit.md, section 3 */
    SMX_TIMETABLES_OFF,      /* in the first tick after they came */
    SMX_TIMETABLES_ADAPTIVE, /* on timetables that follow arrivals */
};

struct smx_relay_config {
    uint8_t id[SMX_DOC_KEY]; /* Ed25519 identity, public */
    struct smx_x25519 link;  /* static link key; copied into locked memory */
    uint32_t relay_links_max, client_links_max;
    uint32_t circuits_max;     /* 1..SMX_RELAY_CIRCUITS */
    uint32_t source_links_max; /* clients from one address (IPv6: one /64); 0: SMX_RELAY_SOURCE_LINKS */
    bool has_v4, has_v6;       /* families that the caller can send to */
    bool cover_off; /* test networks only: sends only cells that carry something (the control of the cover
                       test) */
    enum smx_relay_timetables timetables;
};

/* The seed is all the randomness there is: same seed and inputs, same bytes out. */
enum smx_err smx_relay_new(struct smx_relay **relay, const struct smx_relay_config *config,
                           const uint8_t seed[SMX_RNG_SEED]) SMX_MUST_CHECK;
void smx_relay_free(struct smx_relay *relay); /* NULL is fine; wipes */

/* A datagram that arrived at `at` (monotonic, the kernel's stamp if there is one); bytes are overwritten. */
void smx_relay_receive(struct smx_relay *relay, smx_time at, struct smx_wall wall,
                       const struct smx_addr *from, uint8_t *bytes, size_t len, struct smx_out *out);
/* Does what is due: link timers, and the tick at or before now (earlier ticks that were missed are skipped).
 */
void smx_relay_expire(struct smx_relay *relay, smx_time now, struct smx_wall wall, struct smx_out *out);
smx_time smx_relay_deadline(const struct smx_relay *relay); /* of the next tick */

/* ---- documents ---- */

/* Of the two epochs before, this one and the next: a consensus names those of its own epoch, and is valid for
 * two more.  Whoever holds it, and comes back after an outage, builds the circuit on which he gets a newer
 * one. */
enum { SMX_RELAY_ONION_KEYS = 4 };

/* Makes the onion key of an epoch, if there is none yet, and forgets all but the newest SMX_RELAY_ONION_KEYS.
 * Public part out. The daemon calls it for the present and the next epoch and puts both into the relay's
 * descriptor. */
enum smx_err smx_relay_onion_key(struct smx_relay *relay, uint64_t epoch,
                                 uint8_t key[SMX_DOC_KEY]) SMX_MUST_CHECK;

/* The onion keys as bytes to keep over a restart, and back, before any other use: circuits that clients build
 * with the consensus in force need them.  They are secret, and erased for good when the third epoch after
 * theirs begins. SMX_E_MALFORMED: not as _save wrote them. */
enum { SMX_RELAY_ONION_STATE = SMX_RELAY_ONION_KEYS * (8 + 32) };
size_t smx_relay_onion_save(const struct smx_relay *relay, uint8_t out[SMX_RELAY_ONION_STATE]);
enum smx_err smx_relay_onion_load(struct smx_relay *relay, const uint8_t *in, size_t len) SMX_MUST_CHECK;

/* A verified consensus, and its envelope, which is served to clients.  Takes both (*c is emptied; envelope is
 * malloc'ed). Links to adjacent relays are made and dropped accordingly.  SMX_E_ABSENT: this relay is not in
 * it (then no links). */
enum smx_err smx_relay_consensus(struct smx_relay *relay, smx_time now, struct smx_consensus *c,
                                 uint8_t *envelope, size_t envelope_len) SMX_MUST_CHECK;
/* The consensus in force, or NULL; borrowed until the next one. */
const struct smx_consensus *smx_relay_current(const struct smx_relay *relay);
/* True when this relay is of the end layer and so wants batches. */
bool smx_relay_is_end(const struct smx_relay *relay);
/* End relays: a decoded batch to answer look-ups from; takes it. */
void smx_relay_batch(struct smx_relay *relay, struct smx_batch *batch);

enum { SMX_UPLOAD_QUEUE = 256 }; /* uploads that wait at most */
/* End relays: claims and descriptors that clients have sent up, at most count, for the next round; each stays
 * listed until its result is told.  Returns how many. */
struct smx_relay_upload {
    uint32_t handle;
    size_t len;
    uint8_t bytes[SMX_UPLOAD_MAX];
};
size_t smx_relay_uploads(struct smx_relay *relay, struct smx_relay_upload *uploads, size_t count);
/* What the directory said (enum smx_upload_result); the client is answered through its circuit. */
void smx_relay_upload_result(struct smx_relay *relay, uint32_t handle, uint8_t result);

/* ---- what it did ---- */

/* Causes and totals since the start; no user's data. */
#define SMX_RELAY_COUNTERS(X)                                                                                \
    X(ticks, "mix ticks done")                                                                               \
    X(ticks_skipped, "mix ticks missed")                                                                     \
    X(cells_forward, "cells passed on or consumed, away from their origin")                                  \
    X(cells_backward, "cells passed on towards their origin")                                                \
    X(cells_filler, "departures filled because no cell was there")                                           \
    X(cells_late, "cells that missed their departure")                                                       \
    X(cells_early, "cells too far ahead of their departure")                                                 \
    X(cells_repeated, "cells seen before")                                                                   \
    X(cells_stray, "cells of no circuit")                                                                    \
    X(creates, "circuits made")                                                                              \
    X(creates_repeated, "CREATE answered again")                                                             \
    X(creates_refused, "CREATE refused")                                                                     \
    X(creates_limited, "CREATE refused because its client, or his address, made too many")                   \
    X(creates_paid, "circuits made for the work that was asked for")                                         \
    X(creates_short, "CREATE refused because it showed too little work")                                     \
    X(clients_refused, "client links closed because too many come from one address")                         \
    X(orphans_dropped, "circuits without an owner ended early because there were too many")                  \
    X(circuits_unfit, "circuits ended because their link's rate fell")                                       \
    X(extends_refused, "EXTEND refused")                                                                     \
    X(joins, "joins made")                                                                                   \
    X(joins_replaced, "joins that took the place of a partner")                                              \
    X(joins_refused, "JOIN without a cookie")                                                                \
    X(commands_dropped, "link commands that found no room")                                                  \
    X(commands_malformed, "link commands or hop messages that break their format")                           \
    X(introductions, "introductions passed on or delivered")                                                 \
    X(introductions_dropped, "introductions over a limit or for nobody")                                     \
    X(introductions_limited, "introductions asked for too fast by one circuit")                              \
    X(streams_refused, "streams that found no room")                                                         \
    X(notes_dropped, "answers to a circuit's owner that later ones pushed out")                              \
    X(lookups, "look-ups answered")                                                                          \
    X(uploads_refused, "uploads refused: no room, too little work, or malformed")                            \
    X(clock_at_bound, "seconds in which the own clock could not be corrected as much as it should")          \
    X(clocks_strange, "minutes in which a neighbour's clock kept to no pace that ours could")                \
    X(idle_started, "idle clients of our own started")                                                       \
    X(idle_stopped, "idle clients of our own stopped, for whatever reason")                                  \
    X(idle_circuits_died, "circuits of theirs that died")                                                    \
    X(idle_cells, "cells that they should have had from the ends of their circuits")                         \
    X(idle_cells_lost, "those of them that did not come")                                                    \
    X(idle_loops, "times that they asked the end of a circuit and were answered at once")                    \
    X(idle_loops_us, "microseconds that this took, all together")

struct smx_relay_counters {
#define X(name, text) uint64_t name;
    SMX_RELAY_COUNTERS(X)
#undef X
};
const struct smx_relay_counters *smx_relay_counters(const struct smx_relay *relay);
const struct smx_link_counters *smx_relay_link_counters(const struct smx_relay *relay);
size_t smx_relay_circuits(const struct smx_relay *relay); /* live ones */
size_t smx_relay_idle_clients(const struct smx_relay *relay);
/* Most circuits seen on the link to a neighbour since the last call, in cells per slot period, and the round
 * trip to it, for the descriptor's report. */
size_t smx_relay_link_reports(struct smx_relay *relay, struct smx_link_report *reports, size_t count);

#endif
