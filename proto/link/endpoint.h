/* proto/link/endpoint.h - inside of struct smx_endpoint, for the files of this folder only.
 *
 *            init authentic                    first authentic datagram
 *   FREE ---------------------> HALF ------------------------------------+
 *    |  ^                        | 5 s                                    v      3 s silent
 *    |  +------------------------+                                       UP ------------------> DOWN
 *    |  +-- smx_link_close, from any state                                ^                      |
 *    +--- smx_endpoint_connect -----> DOWN (never was up) ----------------+----------------------+
 *                                                  response, or an authentic datagram
 *
 * Each link has one deadline in the heap, the earliest of its timers; it is set where a timer starts, and one
 * that comes too early (the link was heard meanwhile) is only set anew.  Timers: silence      UP: 3 s after
 * the last authentic datagram -> DOWN half-open    HALF: 5 s after the init -> FREE;  UP, DOWN: the
 * unconfirmed session goes overlap      10 s after a rekey: the old session goes handshake    DOWN,
 * connected: the next init rekey        UP, connected: 120 s after the session's start, then each second
 * until answered session end  600 s after its start: nobody renewed it -> its keys go, and UP -> DOWN */
#ifndef SMX_LINK_ENDPOINT_H
#define SMX_LINK_ENDPOINT_H

#include "proto/base/heap.h"
#include "proto/link/link.h"
#include "proto/link/load.h"
#include "proto/link/seen.h"
#include "proto/link/session.h"
#include "proto/link/wire.h"

#define SMX_LINK_SILENCE     SMX_SECOND(3)
#define SMX_LINK_HALF_OPEN   SMX_SECOND(5)
#define SMX_LINK_OVERLAP     SMX_SECOND(10)
#define SMX_LINK_REKEY       SMX_SECOND(120)
#define SMX_LINK_REKEY_RETRY SMX_SECOND(1)
#define SMX_LINK_REKEY_REST  SMX_SECOND(30) /* a peer gets public-key work by rekey once in this time */
#define SMX_LINK_SESSION_END SMX_SECOND(600)
#define SMX_LINK_COOKIE_LIFE SMX_SECOND(120)
#define SMX_LINK_WORK_PAUSE  SMX_MS(10) /* between two pieces of work */

enum {
    SMX_LINK_CLOCK_SKEW = 120, /* seconds a handshake's wall time may be off */
    SMX_LINK_RTTS = 4,         /* round trips that are kept: of some eight minutes */
};

enum link_state { LINK_FREE, LINK_HALF, LINK_UP, LINK_DOWN };

/* What the second session of a link is. */
enum alt_use {
    ALT_NONE,
    ALT_OLD,       /* the one before a rekey: still received */
    ALT_HANDSHAKE, /* of a handshake answered, not confirmed by a datagram yet */
    ALT_REKEY,     /* of a rekey answered, not confirmed yet */
};

/* The connecting side of a link. */
struct dial {
    struct dial *next_dial; /* of the endpoint */
    uint32_t link;
    struct smx_addr addr; /* as given: handshakes go here, wherever the link has roamed */
    smx_time next;        /* next init, or next rekey command */
    uint32_t tries;       /* inits since the link was up */
    uint32_t index;       /* of the session in the making; 0: none */
    bool rekey;           /* it is a rekey */
    bool command;         /* the rekey command waits for a cell */
    struct smx_noise noise;
    uint8_t msg1[SMX_WIRE_MSG1]; /* of the rekey, to be repeated as it is; of the next init, once made */
    bool made;
    uint8_t bits;            /* of work that were asked for with the cookie */
    uint64_t work;           /* how far it is */
    uint8_t mac1[SMX_MAC16]; /* of the last init: a cookie answers it */
    uint8_t cookie[SMX_MAC16];
    smx_time cookie_until;
};

struct link {
    /* what every datagram needs stands together, and is fetched as one: up to the phase's histogram */
    enum link_state state;
    enum smx_link_kind kind;
    uint8_t cells;
    bool was_up, down_listed, answer_waits, rekeyed;
    enum alt_use alt_use;
    struct smx_addr addr;
    uint64_t newest;  /* highest counter of the peer, through rekeys */
    uint64_t counter; /* next one that may be sent */
    smx_time heard;   /* last authentic datagram */
    struct smx_session now;
    uint8_t mask_key[SMX_KEY]; /* of the peer */
    struct smx_phase phase;
    /* the rest */
    struct smx_session alt;
    uint32_t next; /* in the free list, or in the chain of its hash */
    uint8_t peer_static[SMX_X25519];
    uint64_t peer_boot, alt_boot;
    smx_time born; /* of the session in use */
    smx_time alt_until;
    smx_time rekey_from;            /* when the peer may ask for public-key work again */
    smx_time asked;                 /* when that which he has to answer next went out first; 0: nothing did */
    uint32_t rtt_us[SMX_LINK_RTTS]; /* how long the last answers took, the newest first; 0: none */
    uint8_t rekey_e[SMX_X25519];    /* ephemeral key of the last rekey answered, when rekeyed */
    uint8_t rekey_msg2[SMX_WIRE_MSG2]; /* and the answer, while alt_use is ALT_REKEY */
    struct dial *dial;                 /* NULL: accepted */
};

/* A relay that may make a relay link to us. */
struct allowed {
    uint8_t key[SMX_X25519];
    int64_t newest_s; /* wall time of its newest handshake */
};

enum { REF_NOW, REF_ALT, REF_DIAL, REF_KINDS = 4 };

struct smx_endpoint {
    struct smx_vault *vault;
    struct smx_x25519 local;
    struct smx_wire_keys own; /* of datagrams to us */
    struct smx_aead *aead;    /* of all sessions */
    uint64_t boot;
    struct smx_rng rng;
    struct smx_link_timing timing;
    const struct smx_clock *clock; /* NULL: none */
    bool accept_clients;
    uint32_t relay_links_max, links_max;
    struct link *link;     /* locked memory */
    uint64_t *window_bits; /* of all sessions */
    uint32_t free_relay, free_client;
    uint32_t *ref; /* by index & ref_mask: link * REF_KINDS + which of its sessions, or NONE; the owner of an
                      index draws it until its place is free, so a place has one session at most */
    uint32_t ref_mask;
    uint32_t *chain; /* first link of each hash of a static key */
    uint32_t chain_mask;
    uint8_t chain_key[16];
    struct dial *dials;
    uint32_t *down; /* ring of links that have gone down */
    uint32_t down_first, down_count;
    struct allowed *allowed; /* sorted by key */
    size_t allowed_count;
    struct smx_heap heap; /* one deadline per link */
    struct smx_load load;
    struct smx_seen seen;
    struct smx_link_counters count;
};

/* endpoint.c: tables and life */
struct link *smx_link_at(const struct smx_endpoint *ep, uint32_t link);
uint32_t smx_link_number(const struct smx_endpoint *ep, const struct link *l);
struct link *smx_link_find(const struct smx_endpoint *ep, const uint8_t peer_static[SMX_X25519]);
struct link *smx_link_take(struct smx_endpoint *ep, const uint8_t peer_static[SMX_X25519],
                           enum smx_link_kind kind, uint8_t cells);
void smx_link_give(struct smx_endpoint *ep, struct link *l);
struct allowed *smx_link_allowed(const struct smx_endpoint *ep, const uint8_t key[SMX_X25519]);
smx_time smx_link_q(const struct smx_endpoint *ep, const struct link *l);
/* Sets the heap to the earliest of the link's timers. */
void smx_link_arm(struct smx_endpoint *ep, struct link *l);
/* A new index for one of the link's sessions (REF_...). */
uint32_t smx_index_new(struct smx_endpoint *ep, const struct link *l, uint32_t which);
void smx_index_free(struct smx_endpoint *ep, uint32_t index);
/* The link and session of an index, or NULL. */
struct link *smx_index_find(const struct smx_endpoint *ep, uint32_t index, uint32_t *which);
void smx_link_drop_now(struct smx_endpoint *ep, struct link *l);
void smx_link_drop_alt(struct smx_endpoint *ep, struct link *l);
void smx_link_drop_dial(struct smx_endpoint *ep, struct link *l); /* the session in the making, if any */
/* The alternative session becomes the one in use; the other becomes ALT_OLD when keep_old, else goes. */
void smx_link_swap(struct smx_endpoint *ep, struct link *l, smx_time now, bool keep_old);
/* The link is up with a peer of this boot number; fills rx. */
void smx_link_come_up(struct smx_endpoint *ep, struct link *l, smx_time now, uint64_t peer_boot,
                      struct smx_link_rx *rx);

void smx_link_go_down(struct smx_endpoint *ep, struct link *l, smx_time now);
/* What was asked has been answered now. */
void smx_link_answered(struct link *l, smx_time now);

/* handshake.c */
void smx_handshake_send(struct smx_endpoint *ep, struct link *l, smx_time now, struct smx_wall wall,
                        struct smx_out *out);
void smx_handshake_receive(struct smx_endpoint *ep, smx_time now, struct smx_wall wall,
                           const struct smx_addr *from, uint8_t *datagram, size_t len, struct smx_out *out,
                           struct smx_link_rx *rx);
/* Takes the datagram, still masked, as a cookie from a node that we are connecting to; false when it is none.
 */
bool smx_handshake_receive_cookie(struct smx_endpoint *ep, smx_time now, const struct smx_addr *from,
                                  uint8_t *datagram, size_t len);

/* rekey.c */
void smx_rekey_ask(struct smx_endpoint *ep, struct link *l, smx_time now, struct smx_wall wall);
void smx_rekey_receive(struct smx_endpoint *ep, struct link *l, smx_time now, const uint8_t *cell);

#endif
