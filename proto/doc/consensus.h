/* proto/doc/consensus.h - the one view of the network that everybody shares, signed by more than half of the
 * authorities.  JSON in the envelope of signed.h (kind 2).  Source: docs/protocol/60-directory.md, section 6.
 *
 *   {"sipmix": "consensus", "version": 1, "network": HEX64, "epoch": 495123, "valid_after": T,
 *    "fresh_until": T, "valid_until": T, "previous": HEX64, "params": {...},
 *    "relays": [{"id": HEX64, "link_key": HEX64, "onion": [{"key": HEX64, "epoch": E}], "addr": [...],
 *                "layer": "guard", "flags": ["running"], "weight": 1000}, ...],
 *    "links": [[a, b, rate], ...]}            a < b are places in "relays"; only rates above the floor
 *
 * Relays are sorted by id, so a place is the same for everybody.  Unknown members and flags are ignored;
 * wrong types, ranges, orders and duplicates are refused.  Pure but for malloc. */
#ifndef SMX_DOC_CONSENSUS_H
#define SMX_DOC_CONSENSUS_H

#include "proto/base/time.h"
#include "proto/doc/params.h"
#include "proto/doc/relaydesc.h"

enum {
    SMX_CONSENSUS_RELAYS = 4096,
    SMX_CONSENSUS_LINKS = 256 << 10,
    SMX_CONSENSUS_RAW_MAX = 6 << 20,                  /* bytes */
    SMX_CONSENSUS_MAX = SMX_CONSENSUS_RAW_MAX + 2048, /* bytes of the envelope */
    SMX_CONSENSUS_SKEW_S = 60,                        /* a reader's clock may be slow by this much */
    SMX_LINK_RATE_MAX = 1024,                         /* datagrams per tick */
};

enum smx_layer { SMX_LAYER_GUARD, SMX_LAYER_MIDDLE, SMX_LAYER_END, SMX_LAYER_EXIT };

enum { SMX_RELAY_RUNNING = 1 }; /* flags; its descriptor is fresh */

struct smx_relay_info {
    uint8_t id[SMX_DOC_KEY], link_key[SMX_DOC_KEY];
    struct smx_onion_key onion[SMX_ONION_KEYS]; /* ascending epochs */
    uint8_t onion_count;                        /* 1..3 */
    uint8_t addr_count;                         /* 1..2 */
    uint8_t layer;                              /* enum smx_layer */
    struct smx_addr addr[SMX_RELAY_ADDRS];
    uint32_t flags;
    uint32_t weight; /* how often it is chosen within its layer, 0..1000000; 1000 is ordinary */
};

struct smx_link_rate {
    uint16_t a, b; /* places, a < b */
    uint32_t rate; /* datagrams per tick, above params.link_floor */
};

struct smx_consensus {
    uint8_t network[SMX_DOC_HASH];
    uint8_t hash[SMX_DOC_HASH];     /* of the raw bytes; derived */
    uint8_t previous[SMX_DOC_HASH]; /* hash of the one before; zeros in the first */
    uint64_t epoch;                 /* valid_after / params.epoch_s */
    struct smx_wall valid_after;
    struct smx_wall fresh_until; /* from here on a newer one is to be had */
    struct smx_wall valid_until; /* from here on it is refused */
    struct smx_params params;
    struct smx_relay_info *relay; /* ours, sorted by id */
    size_t relay_count;           /* 0..SMX_CONSENSUS_RELAYS */
    size_t layer_count[4];        /* relays of each layer; derived: smx_consensus_count_layers */
    struct smx_link_rate *link;   /* ours, sorted by (a, b) */
    size_t link_count;
};

/* Open the envelope, verify its signatures against the network, parse.  Nothing about time: an expired
 * consensus may still serve to reach a relay that has the current one.  The caller frees.
 * SMX_E_MALFORMED, SMX_E_AUTH (forged, too few signatures, another network), SMX_E_MEMORY; *c then holds
 * nothing. */
enum smx_err smx_consensus_open(struct smx_consensus *c, const struct smx_network *n, const uint8_t *in,
                                size_t len) SMX_MUST_CHECK;
void smx_consensus_free(struct smx_consensus *c); /* leaves it empty; fine when empty */

/* May c replace held (NULL: none) at this time?
 * SMX_OK, also for the very document that is held;
 * SMX_E_LATE: expired;  SMX_E_STATE: not valid yet (the clock is wrong?);
 * SMX_E_REPLAY: rolled back: an older epoch or valid_after than held.  SMX_E_REFUSED: another document of the
 * same time: the authorities signed two.
 */
enum smx_err smx_consensus_check(const struct smx_consensus *c, const struct smx_consensus *held,
                                 struct smx_wall now) SMX_MUST_CHECK;
/* True when c names held as its predecessor: nothing was published between the two. */
bool smx_consensus_follows(const struct smx_consensus *c, const struct smx_consensus *held);

/* The place of a relay, or SMX_RELAY_NONE. */
#define SMX_RELAY_NONE SIZE_MAX
size_t smx_consensus_find(const struct smx_consensus *c, const uint8_t id[SMX_DOC_KEY]);
/* The onion key of this epoch, or NULL. */
const struct smx_onion_key *smx_relay_onion(const struct smx_relay_info *r, uint64_t epoch);

/* Fills layer_count from relay; smx_consensus_open has done so. */
void smx_consensus_count_layers(struct smx_consensus *c);
/* Datagrams per tick, each way, on the link between two places; 0 when there is no link.
 * Linked are guard-middle, middle-end, end-end and end-exit.  Where a layer has more than params.fanout
 * relays, the hash of each pair thins guard-middle and middle-end to fanout in the mean (docs, section 6). */
uint32_t smx_consensus_link_rate(const struct smx_consensus *c, size_t ia, size_t ib);

/* For the directory: the raw JSON (malloc, the caller's) and its length; c->hash is set.  Relays and links
 * must be sorted.  Signed and packed with smx_doc_sign and smx_signed_encode. */
enum smx_err smx_consensus_encode(struct smx_consensus *c, uint8_t **raw, size_t *raw_len) SMX_MUST_CHECK;

#endif
