/* client/core.h - what the client's files share.  Not for others: client/client.h is the client's face.
 *
 *   client.c     life, ticks, datagrams in and out
 *   clock.c      the ticks keep to the guard's
 *   uplink.c     the link to a relay: first to one that has a consensus, then to the guard; documents
 *   paths.c      guards, middles, ends: who a circuit goes through
 *   circuits.c   the fixed set of circuits: built, rebuilt, their turns, what arrives on them
 *   renew.c      a new circuit beside the old one, which it replaces
 *   channel.c    a stream with a relay, and its memory
 *   errand.c     requests to the relay at the end of an errand circuit
 *   lookup.c     what the directory says through it: is it signed, new, and the same as before?
 *   identity.c   pseudonyms: names, the keys of the day, listening
 *   upload.c     their descriptors and claims, on the way to the directory
 *   contacts.c   keys remembered at first use; who may reach the user
 *   slots.c      which meeting is on which slot, which is free, which serves for whom
 *   meeting.c    a slot on its way into a pipe and back, caller's and callee's side
 *   screen.c     introductions: who is answered
 *   move.c       a pipe on its way from one slot to another
 *   resume.c     a call that has gone silent, on its way to a new pipe
 *   pipe.c       cells and records of a pipe, frames in and out
 *   call.c       calls
 *   message.c    messages
 *   state.c      what outlives a run
 *   view.c       what a person is shown of all this
 *
 * A circuit is a slot, or an identity's listening or errand circuit.  There are as many meetings as slots,
 * and each slot carries one of them, idle or all of one; when a pipe moves to another slot, the two meetings
 * change places.
 *
 * Each slot and each meeting belongs to an identity, for good: what one identity does, and what is done to
 * it, takes nothing from another, and shows in nothing that another does.  Who talks to both must not see
 * that they are one user's. */
#ifndef SMX_CLIENT_CORE_H
#define SMX_CLIENT_CORE_H

#include "client/channel.h"
#include "client/circuits.h"
#include "client/identity.h"
#include "client/meeting.h"
#include "proto/circuit/service.h"
#include "proto/doc/batch.h"
#include "proto/link/link.h"

enum {
    CELLS_MAX = SMX_LINK_CELLS_MAX,
    GUARDS = 2,
    CONTACTS = 512,
    REQUESTS = 16,
    TEXTS = 8, /* messages under way: from the phones, and to each identity */
};

/* ---- uplink.c ---- */

enum uplink_role { UPLINK_BOOT, UPLINK_GUARD };

struct uplink {
    enum uplink_role role;
    uint32_t link; /* SMX_LINK_NONE: none now */
    bool up;
    smx_time since;  /* it was connected, or went up or down */
    smx_time pause;  /* boot: when the next relay is tried */
    size_t asked;    /* boot: relays asked since the last success */
    unsigned rounds; /* boot: that came to nothing, since the last success */
    uint8_t guard;   /* which of the two */
    bool was_up;     /* the link, once */
    uint32_t spare;  /* link to the other guard, tried while ours is silent; SMX_LINK_NONE: no need */
    smx_time redial; /* when it is looked whether guards have moved */
    struct smx_addr addr[GUARDS]; /* as dialled */
    smx_time seen;                /* the last look at the clock */
    bool wants_http;              /* boot: nobody answered */
    uint16_t request;
    struct channel *channel; /* boot; else NULL */
};

/* ---- paths.c ---- */

struct paths {
    uint8_t guard[GUARDS][SMX_DOC_KEY];
    size_t guard_count;
};

/* ---- errand.c ---- */

enum { REQUEST_MAX = SMX_SERVICE_HEAD + 32 + 32 + SMX_SERVICE_MSG1 };
_Static_assert((int)SMX_SERVICE_MSG1 == (int)SMX_MEET_1, "what an introduction carries");

enum asker { ASKER_MEETING, ASKER_IDENTITY, ASKER_CHECK, ASKER_UPLINK };

struct request {
    bool used, sent;
    enum asker asker;
    uint8_t at; /* number of the asker */
    uint8_t identity;
    uint8_t tries, sendings;
    uint16_t number;
    smx_time deadline, patience; /* for one try */
    uint16_t len;
    uint8_t *bytes; /* while used */
};

/* ---- contacts.c ---- */

struct contact {
    char user[SMX_CLIENT_USER]; /* a name, or the key itself in base32 */
    uint8_t key[SMX_DOC_KEY];
    uint8_t own[SMX_DOC_KEY]; /* the identity of ours that knows him; zeros: the first */
    bool blocked;             /* for all of them */
};

/* ---- message.c ---- */

struct text_out {
    bool used, sent;
    uint32_t id;
    uint8_t identity;
    struct smx_client_target target;
    int meeting; /* while sent */
    uint16_t number;
    smx_time deadline;
    size_t len;
    uint8_t *text; /* while used */
};

struct text_in { /* shown to the phone, result outstanding */
    bool used;
    uint32_t id;
    int meeting;
    uint16_t number;
    smx_time deadline;
};

/* ---- all of it ---- */

struct smx_client {
    const struct smx_network *network; /* borrowed */
    const struct smx_phone *phone;
    struct smx_vault *vault;
    uint8_t slots, slots_each, cells; /* slots: of all identities */
    bool cover_off, has_v4, has_v6, call_waiting;
    struct smx_rng rng;
    struct smx_endpoint *ep;
    struct smx_client_counters count;
    unsigned changes;
    enum smx_client_problem problem, warning;
    bool started;
    bool network_told, ready_told; /* what the phone side, and the status, said last */
    smx_time now;                  /* of the input being worked on */
    struct smx_wall wall;
    /* ticks */
    struct smx_clock clock; /* that ticks run by */
    smx_time base, q;       /* its reading at tick 0; length */
    uint64_t next;          /* the tick to do next */
    /* documents */
    struct smx_consensus consensus;
    bool has_consensus, in_force;
    uint8_t *envelope;
    size_t envelope_len;
    smx_time refresh;
    bool has_batch;
    struct smx_batch_header batch; /* the newest seen */
    /* the rest */
    struct uplink uplink;
    struct paths paths;
    struct smx_client_parting *parting;
    size_t parting_count;
    size_t circuit_count, identity_count;
    struct circuit *circuit; /* slots first, those of an identity together; then listening and errand of each
                                identity */
    struct identity *identity;
    struct meeting *meeting; /* one a slot, in the same order */
    struct screen screen[SMX_CLIENT_IDENTITIES];
    struct pending_call pending[SMX_CLIENT_IDENTITIES];
    struct request request[REQUESTS];
    uint16_t requests;
    struct text_out text_out[TEXTS];
    struct text_in text_in[SMX_CLIENT_IDENTITIES][TEXTS];
    uint32_t texts_in;
    struct contact *contact;
    size_t contact_count, contact_room; /* CONTACTS at most */
    enum smx_client_reach reach;
    struct smx_view_asking asking[SMX_CLIENT_ASKING]; /* newest first */
    size_t asking_count;
};

/* ---- client.c ---- */
uint64_t smx_client_next_tick(const struct smx_client *c);
/* Calls can be placed; what is being rebuilt is waited for. */
bool smx_client_is_ready(const struct smx_client *c);
void smx_client_set_problem(struct smx_client *c, enum smx_client_problem problem);
/* Something that the user must be told, though calls may go on. */
void smx_client_warn(struct smx_client *c, enum smx_client_problem warning);

/* ---- uplink.c ---- */
void smx_uplink_init(struct smx_client *c);
void smx_uplink_expire(struct smx_client *c, smx_time now, struct smx_wall wall);
/* The link, or the spare one, is up; something has come on it. */
void smx_uplink_up(struct smx_client *c, smx_time now, uint32_t link, bool resumed);
void smx_uplink_heard(struct smx_client *c, uint32_t link);
void smx_uplink_down(struct smx_client *c, smx_time now);
/* A segment on circuit 0, and what goes out there while booting (false: nothing). */
void smx_uplink_segment(struct smx_client *c, smx_time now, struct smx_wall wall, const uint8_t *seg,
                        size_t len);
bool smx_uplink_next(struct smx_client *c, smx_time now, uint8_t cell[SMX_CELL_SIZE]);
void smx_uplink_answer(struct smx_client *c, smx_time now, struct smx_wall wall, const uint8_t *envelope,
                       size_t len);
void smx_uplink_unanswered(struct smx_client *c, smx_time now);

/* ---- paths.c ---- */
/* The first of these that we can send to, or NULL. */
const struct smx_addr *smx_paths_reach(const struct smx_client *c, const struct smx_addr *addr, size_t count);
/* Fills guards, and each identity's middles, from the consensus.  False: it has too few relays. */
bool smx_paths_update(struct smx_client *c, struct smx_wall wall);
/* Draws guard, middle and end for a circuit.  False: none fits now. */
bool smx_paths_draw(struct smx_client *c, const struct circuit *k, struct smx_hop_target path[END + 1]);
/* This identity's next errand circuit shall have another end. */
void smx_paths_shun(struct smx_client *c, size_t identity);
/* The onion key of a relay of the consensus, by identity; false: it is not there. */
bool smx_paths_target(const struct smx_client *c, const uint8_t id[SMX_DOC_KEY],
                      struct smx_hop_target *target);

/* ---- errand.c ---- */
/* Queues a request; tried again, on a new circuit if need be, until tries * patience are over.
 * SMX_E_FULL: too many; SMX_E_MEMORY. */
enum smx_err smx_errand_ask(struct smx_client *c, smx_time now, size_t identity, enum smx_service type,
                            const void *content, size_t len, enum asker asker, size_t at, unsigned tries,
                            smx_time patience) SMX_MUST_CHECK;
/* Forgets what this asker has asked; all. */
void smx_errand_forget(struct smx_client *c, enum asker asker, size_t at);
void smx_errand_free(struct smx_client *c);
void smx_errand_message(struct smx_client *c, smx_time now, size_t identity, const uint8_t *msg, size_t len);
void smx_errand_expire(struct smx_client *c, smx_time now);
/* The circuit is new: what waits for an answer is sent again. */
void smx_errand_opened(struct smx_client *c, size_t identity);

/* ---- lookup.c ---- */
/* An answer for index (key: of this key; NULL: of a name) that came by this identity's errand circuit.
 * False: refused, counted, told. */
bool smx_lookup_answer(struct smx_client *c, size_t identity, const uint8_t index[SMX_INDEX],
                       const uint8_t *key, const uint8_t *answer, size_t len, struct smx_answer *a);
/* The same for the head of a batch. */
bool smx_lookup_head(struct smx_client *c, size_t identity, const uint8_t *head, size_t len);
/* Bits of work that an upload needs, as far as we know. */
unsigned smx_lookup_work(const struct smx_client *c);

/* ---- contacts.c ---- */
/* One of this identity's: who is known to one is a stranger to another, else he could tell that both are one
 * user's. */
const struct contact *smx_contact_by_user(const struct smx_client *c, size_t identity, const char *user);
const struct contact *smx_contact_by_key(const struct smx_client *c, size_t identity,
                                         const uint8_t key[SMX_DOC_KEY]);
void smx_contact_add(struct smx_client *c, size_t identity, const char *user, const uint8_t key[SMX_DOC_KEY]);
/* Is it this identity's? */
bool smx_contact_is_of(const struct smx_client *c, const struct contact *k, size_t identity);
bool smx_contact_is_blocked(const struct smx_client *c, const uint8_t key[SMX_DOC_KEY]);
/* May the peer's call ring, his text be shown?  If not he may be noted as one who asks. */
bool smx_contact_may_reach(struct smx_client *c, const struct meeting *m);

/* ---- message.c ---- */
void smx_messages_free(struct smx_client *c);                                   /* wipes */
void smx_messages_flush(struct smx_client *c, smx_time now, struct meeting *m); /* the pipe stands */
void smx_messages_lost(struct smx_client *c, smx_time now, struct meeting *m, unsigned code);
void smx_message_record(struct smx_client *c, smx_time now, struct meeting *m, const struct smx_record *r);
void smx_messages_expire(struct smx_client *c, smx_time now);
bool smx_messages_wait(const struct smx_client *c, const struct meeting *m); /* for this pipe */

#endif
