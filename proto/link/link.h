/* proto/link/link.h - all links of one node: sealed datagrams of whole cells, handshakes, rekeys, roaming.
 * Source: docs/protocol/10-link.md.
 *
 *   header 12 (index u32 | counter u64, masked) | cells * 224, sealed | tag 16
 *   counter = tick t << 8 | k: the k-th datagram of the sender's tick t.  index 0 = handshake.
 *
 * Life of a link, for its owner.  The handle is a small number, an index for the owner's own table:
 *   smx_endpoint_connect            (or the other side's handshake: the handle comes with the first UP)
 *     -> UP ... DOWN (smx_endpoint_next_down: nothing authentic for 3 s) -> UP ... -> smx_link_close
 *   After DOWN the handle stays the owner's, for connected and accepted links alike, and the link comes UP
 * again by itself when the other side is back; UP says whether that is the same incarnation of the peer,
 * whose circuits live on. So owners close what they no longer need: a table of accepted links that nobody
 * closes fills up.
 *
 * Sans-IO: no clock, socket or allocation after _new, _connect and _allow.  Not for several threads at once.
 */
#ifndef SMX_LINK_LINK_H
#define SMX_LINK_LINK_H

#include "proto/base/err.h"
#include "proto/base/out.h"
#include "proto/base/rng.h"
#include "proto/base/time.h"
#include "proto/base/vault.h"
#include "proto/crypto/keypair.h"
#include "proto/link/clock.h"
#include "proto/link/phase.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    SMX_LINK_HEAD = 4 + 8,  /* bytes */
    SMX_LINK_CELL = 224,    /* bytes */
    SMX_LINK_TAG = 16,      /* bytes */
    SMX_LINK_CELLS_MAX = 6, /* cells in a datagram; a relay link always has that many */
    SMX_LINK_DATAGRAM_MAX = SMX_LINK_HEAD + SMX_LINK_CELLS_MAX * SMX_LINK_CELL + SMX_LINK_TAG, /* 1372 */
};
/* Bytes of every datagram of a link with so many cells. */
#define SMX_LINK_DATAGRAM(cells) ((size_t)SMX_LINK_HEAD + (size_t)(cells)*SMX_LINK_CELL + SMX_LINK_TAG)

#define SMX_LINK_NONE UINT32_MAX

enum smx_link_kind { SMX_LINK_CLIENT = 0, SMX_LINK_RELAY = 1 };

struct smx_endpoint_config {
    struct smx_x25519 local;   /* static key pair; copied into locked memory */
    uint32_t relay_links_max;  /* handles 0 .. relay_links_max - 1 */
    uint32_t client_links_max; /* handles above, to relay_links_max + client_links_max - 1 */
    bool accept_clients;       /* a relay does, a client does not */
    uint32_t handshakes_per_s; /* beyond so many, senders must prove their address (cookies); 0: the preset */
    struct smx_link_timing timing; /* may be changed later */
    const struct smx_clock
        *clock;              /* that the node's ticks run by, borrowed; NULL: the caller's time itself */
    struct smx_vault *vault; /* where locked memory comes from, borrowed; NULL: libsodium */
};
enum { SMX_LINK_HANDSHAKES_PER_S = 200 }; /* the preset; about 4 % of a core */

/* Causes and totals since the start. */
#define SMX_LINK_COUNTERS(X)                                                                                 \
    X(received, "authentic datagrams")                                                                       \
    X(sent, "datagrams sealed")                                                                              \
    X(bad_size, "dropped: not the size of a datagram of its link")                                           \
    X(bad_index, "dropped: of no session")                                                                   \
    X(bad_tag, "dropped: not authentic")                                                                     \
    X(bad_counter, "dropped: repeated or too old")                                                           \
    X(handshakes_read, "handshake messages that cost public-key work")                                       \
    X(handshakes_done, "sessions made by handshake")                                                         \
    X(handshakes_sent, "handshakes begun")                                                                   \
    X(handshake_format, "handshakes dropped: format, suite or version")                                      \
    X(handshake_mac, "handshakes dropped: first MAC wrong")                                                  \
    X(handshake_crypto, "handshakes dropped: not authentic")                                                 \
    X(handshake_time, "handshakes dropped: clock of the sender too far off")                                 \
    X(handshake_repeated, "handshakes dropped: seen before")                                                 \
    X(handshake_stranger, "handshakes dropped: key not in the consensus, or no clients wanted")              \
    X(handshake_full, "handshakes dropped: table full")                                                      \
    X(handshake_overload, "handshakes dropped: too many")                                                    \
    X(handshakes_paid, "handshakes read for the work that was asked for")                                    \
    X(cookies_sent, "cookies sent under load")                                                               \
    X(cookies_taken, "cookies received and kept")                                                            \
    X(rekeys, "sessions made by rekey")                                                                      \
    X(rekeys_refused, "rekey commands dropped")                                                              \
    X(roams, "times a link's address changed")                                                               \
    X(downs, "links fallen silent")

struct smx_link_counters {
#define X(name, text) uint64_t name;
    SMX_LINK_COUNTERS(X)
#undef X
};

struct smx_endpoint;

/* Draws the boot number and forks a generator of its own from rng.  The program has called sodium_init, which
 * locked memory needs.  SMX_E_MEMORY. */
enum smx_err smx_endpoint_new(struct smx_endpoint **ep, const struct smx_endpoint_config *config,
                              struct smx_rng *rng) SMX_MUST_CHECK;
void smx_endpoint_free(struct smx_endpoint *ep); /* NULL is fine; wipes */

/* A change of the largest margin measures all margins anew; one of a tick's length, everything. */
void smx_endpoint_set_timing(struct smx_endpoint *ep, const struct smx_link_timing *timing);

/* The link keys of all relays that may make a relay link to us: replaces the set.  Touches no link that is
 * there. SMX_E_MEMORY: the old set stays. */
enum smx_err smx_endpoint_allow(struct smx_endpoint *ep, const uint8_t (*keys)[SMX_X25519],
                                size_t count) SMX_MUST_CHECK;

/* Makes a link to addr, whose static key must be peer_static; handshakes go out by themselves from the next
 * _expire on, for as long as the link is not up.  Only one side of a link connects.  cells is 1 to
 * SMX_LINK_CELLS_MAX, and that for a relay. SMX_E_FULL; SMX_E_MEMORY; SMX_E_STATE: there is a link with that
 * key already, which *link then names. */
enum smx_err smx_endpoint_connect(struct smx_endpoint *ep, smx_time now, const struct smx_addr *addr,
                                  const uint8_t peer_static[SMX_X25519], enum smx_link_kind kind,
                                  uint8_t cells, uint32_t *link) SMX_MUST_CHECK;
/* Forgets the link and wipes its keys; the other side hears nothing.  The handle may be given away again. */
void smx_link_close(struct smx_endpoint *ep, uint32_t link);

enum smx_link_rx_kind {
    SMX_LINK_RX_NONE,  /* a handshake, or not authentic: nothing for the owner */
    SMX_LINK_RX_UP,    /* the link is up from now on; cells may have come along */
    SMX_LINK_RX_CELLS, /* cells of a link that was up before */
};

struct smx_link_rx {
    enum smx_link_rx_kind what;
    bool foreign; /* of no session of this endpoint: the bytes are as they came, for another one */
    uint32_t link;
    /* UP: */
    enum smx_link_kind kind;
    bool accepted; /* the other side made the link */
    bool resumed;  /* the peer has not restarted since the link was up last: circuits live on */
    /* CELLS, and UP when cell_count > 0: */
    uint64_t tick; /* t of the sender */
    uint8_t sub;   /* k */
    uint8_t cell_count;
    uint8_t *cells; /* inside the datagram; each SMX_LINK_CELL bytes; REKEY commands have become FILLER */
};

/* Takes one datagram that arrived at `arrival`; bytes are overwritten, and rx points into them.  Answers to
 * handshakes go to out.  Whatever is not authentic changes nothing but a counter. */
void smx_endpoint_receive(struct smx_endpoint *ep, smx_time arrival, struct smx_wall wall,
                          const struct smx_addr *from, uint8_t *bytes, size_t len, struct smx_out *out,
                          struct smx_link_rx *rx);

/* Handshakes and their repetitions, rekeys, links fallen silent; early calls are legal. */
void smx_endpoint_expire(struct smx_endpoint *ep, smx_time now, struct smx_wall wall, struct smx_out *out);
smx_time smx_endpoint_deadline(const struct smx_endpoint *ep);
/* The next link that has gone down and is not up again, until there is none: ask after each _expire. */
bool smx_endpoint_next_down(struct smx_endpoint *ep, uint32_t *link);

/* ---- sending: begin as many datagrams as the tick has, fill them, seal them in the order of k ---- */

/* Room for the link's cells in a new datagram in out, or NULL: the link is not up, or out is full.
 * The caller fills all of it and seals it before out is sent. */
uint8_t *smx_link_begin(struct smx_endpoint *ep, uint32_t link, struct smx_out *out);
/* Seals what smx_link_begin returned, in place.  t (below 2^56) and k (below 256) must grow from each
 * datagram to the next of this link, for as long as the endpoint lives: a repeated counter would betray the
 * plaintext, so it is asserted. */
void smx_link_seal(struct smx_endpoint *ep, uint32_t link, uint8_t *cells, uint64_t t, uint32_t k);
/* The link's own command that wants the next free cell, if there is one; it is then taken as sent, now. */
bool smx_link_command(struct smx_endpoint *ep, uint32_t link, smx_time now, uint8_t cell[SMX_LINK_CELL]);

/* ---- what is known of a link; link must be a handle in use ---- */

bool smx_link_is_up(const struct smx_endpoint *ep, uint32_t link);
uint8_t smx_link_cells(const struct smx_endpoint *ep, uint32_t link);
enum smx_link_kind smx_link_kind(const struct smx_endpoint *ep, uint32_t link);
const uint8_t *smx_link_peer_static(const struct smx_endpoint *ep, uint32_t link);
const struct smx_addr *smx_link_addr(const struct smx_endpoint *ep,
                                     uint32_t link); /* where it sends to now */
/* Time of the last authentic datagram; 0 before the first. */
smx_time smx_link_heard(const struct smx_endpoint *ep, uint32_t link);

/* The earliest arrival of a datagram of the peer's tick t, a reading of the endpoint's clock; only once a
 * datagram has come. */
smx_time smx_link_expected(const struct smx_endpoint *ep, uint32_t link, uint64_t t);
smx_time smx_link_margin(const struct smx_endpoint *ep, uint32_t link);
/* How far, in ns, that clock has come to lie before the peer's since the link came up (below 0: behind).
 * False while it can't be told: proto/link/phase.h. */
bool smx_link_drift(const struct smx_endpoint *ep, uint32_t link, smx_time now, int64_t *drift);
/* How long the peer took at least, of late, to answer what only he could answer and not before it came: there
 * and back, and the wait for his tick; section 7.  0: not known yet. */
smx_time smx_link_rtt(const struct smx_endpoint *ep, uint32_t link);
/* Newest tick of the peer that was seen; 0 before the first. */
uint64_t smx_link_last_tick(const struct smx_endpoint *ep, uint32_t link);

const struct smx_link_counters *smx_endpoint_counters(const struct smx_endpoint *ep);

#endif
