/* client/view.h - what is going on in a client, for a person to look at: circuits with their relays, calls
 * and how they are heard, own addresses, contacts.  For client/web and for whoever else shows it; nothing is
 * changed by looking.  All texts end with NUL and are copies.
 * It holds pseudonyms and relays of the user: for his eyes only, never for a log. */
#ifndef SMX_CLIENT_VIEW_H
#define SMX_CLIENT_VIEW_H

#include "client/client.h"

enum {
    SMX_VIEW_CIRCUITS = SMX_CLIENT_SLOTS + 2 * SMX_CLIENT_IDENTITIES,
    SMX_VIEW_HOPS = 4, /* guard, middle, end, and the hop beyond it during a call */
    SMX_VIEW_NAMES = 4,
    SMX_VIEW_CONTACTS = 512,
};

enum smx_view_purpose { SMX_VIEW_SLOT, SMX_VIEW_LISTEN, SMX_VIEW_ERRAND };

enum smx_view_circuit_state {
    SMX_VIEW_WAITS,    /* for its time to be built */
    SMX_VIEW_BUILDING, /* hop by hop */
    SMX_VIEW_IDLE,     /* stands, and carries filler */
    SMX_VIEW_MEETS,    /* a slot on its way to somebody, or back */
    SMX_VIEW_JOINED,   /* a slot joined to somebody's */
};

struct smx_view_hop {
    uint8_t id[SMX_DOC_KEY];
    bool stands;          /* else it is still to be built */
    bool listed;          /* the consensus has it; else addr is void */
    struct smx_addr addr; /* the first that we could send to, or its first */
};

struct smx_view_circuit {
    enum smx_view_purpose purpose;
    uint8_t of;       /* number of the slot or identity, from 0 */
    uint8_t identity; /* whose it is */
    enum smx_view_circuit_state state;
    bool renewing; /* another one is being built beside it */
    size_t hop_count;
    struct smx_view_hop hop[SMX_VIEW_HOPS];
};

enum smx_view_call_state {
    SMX_VIEW_CALLING, /* out, on the way */
    SMX_VIEW_AWAITED, /* out, rings there */
    SMX_VIEW_RINGS,   /* in, rings here */
    SMX_VIEW_TALKING,
};

/* How the peer's 20 ms slots came here: all were due; of those lost no cell came in time, nor another that
 * repeats its frame (Opus), and the quiet ones came without a frame (his phone is silent or on hold, or
 * signalling took the place). */
struct smx_view_heard {
    uint32_t due, lost, quiet;
};

struct smx_view_call {
    enum smx_view_call_state state;
    bool out;
    uint8_t slot, identity;
    char peer[SMX_CLIENT_USER]; /* a name, a key in base32, or "anonymous" */
    bool key_known;
    uint8_t key[SMX_DOC_KEY];            /* his, proved by the handshake */
    struct smx_view_heard heard, lately; /* since the answer; in the last 5 to 10 s */
    bool opus;                           /* that is spoken; else G.711 */
    smx_time wait;                       /* of each frame for repetitions, before it is played (Opus) */
    bool round_trip_known;
    smx_time round_trip; /* of the call's signalling: what cells wait for their turn, and up to 80 ms that an
                            acknowledgement waits, is in it */
};

struct smx_view_name {
    char text[SMX_NAME_MAX + 1];
    bool ours; /* confirmed; else it is being claimed */
};

struct smx_view_identity {
    uint8_t key[SMX_DOC_KEY];
    char key_text[SMX_CLIENT_USER];
    bool listening; /* a relay listens for it */
    size_t name_count;
    struct smx_view_name name[SMX_VIEW_NAMES];
};

struct smx_view_asking {
    uint8_t key[SMX_DOC_KEY];
    uint8_t identity; /* whom he tried to reach */
};

struct smx_view {
    struct smx_client_status status;
    size_t identity_count, circuit_count, call_count;
    struct smx_view_identity identity[SMX_CLIENT_IDENTITIES];
    struct smx_view_circuit
        circuit[SMX_VIEW_CIRCUITS]; /* slots, then listening and errand of each identity */
    struct smx_view_call call[SMX_CLIENT_SLOTS];
    size_t contact_count;
    size_t asking_count;
    struct smx_view_asking asking[SMX_CLIENT_ASKING]; /* strangers who called or wrote, the newest first */
    size_t relay_count;                               /* in the consensus, 0 without one */
    struct smx_wall valid_until;                      /* of the consensus */
    unsigned cells;                                   /* in each datagram */
    bool over_v6;                                     /* the way to the guard */
};

void smx_client_view(const struct smx_client *client, struct smx_view *view);

struct smx_view_contact {
    char user[SMX_CLIENT_USER]; /* a name, or the key in base32 */
    uint8_t key[SMX_DOC_KEY];
    bool blocked;
    bool has_identity; /* else of one that is not configured any more */
    uint8_t identity;  /* of ours, that knows him */
};
/* Contact i, in the order of their coming; false: there are no more. */
bool smx_client_view_contact(const struct smx_client *client, size_t i, struct smx_view_contact *contact);

#endif
