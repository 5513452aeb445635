/* client/client.h - the client as a pure core: a fixed set of circuits at a constant rate, and on it the
 * user's pseudonyms, look-ups, meetings, calls and messages. Sources: DESIGN; docs/protocol/10-link.md to
 * 45-meeting.md, 60-directory.md; docs/architecture.md.
 *
 *     phone side (client/phone.h)  <-->  smx_client  <-->  datagrams to and from the guard
 *
 * Input changes state; the 20 ms tick sends: one datagram to the guard, always of the same size, whatever is
 * going on.  All time, randomness and files are the caller's: he hands in what was kept, and keeps what
 * smx_client_changes names.  The core never logs; it counts.  Not for several threads at once. */
#ifndef SMX_CLIENT_CLIENT_H
#define SMX_CLIENT_CLIENT_H

#include "client/phone.h"
#include "proto/base/err.h"
#include "proto/base/out.h"
#include "proto/base/rng.h"
#include "proto/base/time.h"
#include "proto/doc/consensus.h"
#include "proto/doc/network.h"
#include "proto/doc/pseudonym.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct smx_client;

enum {
    SMX_CLIENT_SLOTS = 4,           /* of all identities, at most; each identity has as many as the others */
    SMX_CLIENT_IDENTITIES = 3,      /* at most; slots and identities together fill a datagram of six cells */
    SMX_CLIENT_PARTINGS = 8,        /* at most */
    SMX_CLIENT_USER = 64,           /* bytes of a user part with its final NUL, as in client/sip/ua.h */
    SMX_CLIENT_DISPLAY = 49,        /* bytes of a display name with its final NUL, as in client/sip/ua.h */
    SMX_CLIENT_STATE_MAX = 2 << 20, /* bytes of the state */
    SMX_CLIENT_CONTACTS_MAX = 128 << 10, /* bytes of the contacts' text */
};

struct smx_client_identity {
    uint8_t public[SMX_DOC_KEY]; /* Ed25519 */
    uint8_t secret[SMX_DOC_SECRET];
    char name[SMX_NAME_MAX + 1]; /* to be claimed; empty: a random anon-xxxxxxxx */
};

/* A name that its holder lets go, once. */
struct smx_client_parting {
    char name[SMX_NAME_MAX + 1];
    bool transfer;              /* to who has given his consent; else released, for anybody */
    struct smx_consent consent; /* transfer only */
};

/* Whose calls ring and whose texts are shown.  Who is not among them hears what any stranger hears whom
 * nobody answers; a blocked contact never is. */
enum smx_client_reach {
    SMX_CLIENT_EVERYBODY,
    SMX_CLIENT_CONTACTS_ONLY,
    SMX_CLIENT_ASK, /* contacts; others are named by smx_client_asking, and come in once they are contacts */
};

struct smx_client_config {
    const struct smx_network *network; /* borrowed */
    uint8_t slots;                     /* of each identity, at least 1 */
    struct smx_vault *vault;           /* where locked memory comes from, borrowed; NULL: libsodium */
    const struct smx_client_identity *identity; /* copied into locked memory */
    size_t identity_count; /* 1..SMX_CLIENT_IDENTITIES; smx_client_fits(identities, slots) */
    const struct smx_client_parting *parting; /* copied; those of names that are not ours are passed over */
    size_t parting_count;                     /* at most SMX_CLIENT_PARTINGS */
    const struct smx_phone *phone;            /* borrowed */
    bool call_waiting; /* a second call of an identity rings while the first stands, and takes its stand-by;
                          else 486 or 480 */
    enum smx_client_reach reach;
    bool has_v4, has_v6; /* families that the caller can send to */
    bool cover_off; /* test networks only: sends only datagrams that carry something (the control of the cover
                       test) */
};

/* Have so many identities with so many slots each room in a datagram? */
bool smx_client_fits(size_t identities, size_t slots);
/* The seed is all the randomness there is: same seed and inputs, same bytes out.  SMX_E_MEMORY. */
enum smx_err smx_client_new(struct smx_client **client, const struct smx_client_config *config,
                            const uint8_t seed[SMX_RNG_SEED], smx_time now) SMX_MUST_CHECK;
void smx_client_free(struct smx_client *client); /* NULL is fine; wipes */

/* A datagram that arrived at `at` (monotonic, the kernel's stamp if there is one); bytes are overwritten. */
void smx_client_receive(struct smx_client *client, smx_time at, struct smx_wall wall,
                        const struct smx_addr *from, uint8_t *bytes, size_t len, struct smx_out *out);
/* Does what is due: the tick at or before now (earlier ones that were missed are skipped), and playing
 * frames. */
void smx_client_expire(struct smx_client *client, smx_time now, struct smx_wall wall, struct smx_out *out);
smx_time smx_client_deadline(const struct smx_client *client);

/* ---- what outlives a run; all before the first _expire ---- */

/* State as smx_client_save wrote it.  SMX_E_MALFORMED: damaged, or of another version; SMX_E_MEMORY.  It is
 * of no use then, but may be freed. */
enum smx_err smx_client_load(struct smx_client *client, const uint8_t *in, size_t len) SMX_MUST_CHECK;
/* Writes the state; returns its length.  It holds secrets. */
size_t smx_client_save(const struct smx_client *client, uint8_t out[SMX_CLIENT_STATE_MAX]);
/* Contacts: one line each, "NAME KEY[ as OWN][ blocked]\n", for people to read and edit; OWN is the key of
 * the identity that knows him, without it the first.
 * SMX_E_MALFORMED: *line says where; SMX_E_MEMORY. */
enum smx_err smx_client_load_contacts(struct smx_client *client, const char *text, size_t len,
                                      unsigned *line) SMX_MUST_CHECK;
size_t smx_client_save_contacts(const struct smx_client *client, char out[SMX_CLIENT_CONTACTS_MAX]);

/* A consensus' envelope: kept from an earlier run, or fetched from an authority because smx_client_wants_http
 * says so.  Verified here.  SMX_E_MALFORMED, SMX_E_AUTH, SMX_E_MEMORY; SMX_E_LATE: expired, and used only to
 * find relays that have a newer one; SMX_E_STATE: not valid yet (is the clock right?); SMX_E_REPLAY: older
 * than what is held. */
enum smx_err smx_client_consensus(struct smx_client *client, smx_time now, struct smx_wall wall,
                                  const uint8_t *envelope, size_t len) SMX_MUST_CHECK;
/* The envelope in force, or NULL. */
const uint8_t *smx_client_envelope(const struct smx_client *client, size_t *len);
/* No relay gave a consensus: the caller may ask an authority. */
bool smx_client_wants_http(const struct smx_client *client);

enum smx_client_change {
    SMX_CLIENT_STATE = 1,     /* smx_client_save */
    SMX_CLIENT_CONTACTS = 2,  /* smx_client_save_contacts */
    SMX_CLIENT_CONSENSUS = 4, /* smx_client_envelope */
    SMX_CLIENT_STATUS = 8,    /* smx_client_status */
};
/* The set of what has changed since the last call. */
unsigned smx_client_changes(struct smx_client *client);

/* ---- orders of the phone side ---- */

struct smx_client_target {
    bool is_key;
    bool unnamed;               /* he shall not learn who we are: a throw-away key, and a pipe of its own */
    char user[SMX_CLIENT_USER]; /* a name, or 52 letters of base32; lower case */
    /* Calls: what he is told that we call ourselves, as a NAME record may carry it (proto/e2e/record.h);
     * empty, or unnamed: nothing. */
    char display[SMX_CLIENT_DISPLAY];
};

/* A call from the own address identity (a name or key; unknown: the first).  phone->call_ringing, _answered
 * and _failed or _ended follow; _failed may come before this returns.  Two at a time for each identity, with
 * one slot one: 503. */
void smx_client_call(struct smx_client *client, smx_time now, uint32_t call, const char *identity,
                     const struct smx_client_target *target);
/* The same of a phone that would speak Opus, and G.711 as well: phone->call_answered_opus or _answered says
 * which. */
void smx_client_call_opus(struct smx_client *client, smx_time now, uint32_t call, const char *identity,
                          const struct smx_client_target *target);
/* For a call by phone->call_incoming.  Numbers of no call are ignored in all these. */
void smx_client_call_ringing(struct smx_client *client, smx_time now, uint32_t call);
void smx_client_call_answer(struct smx_client *client, smx_time now, uint32_t call);
/* The same in Opus; only for a call by phone->call_incoming_opus. */
void smx_client_call_answer_opus(struct smx_client *client, smx_time now, uint32_t call);
void smx_client_call_refuse(struct smx_client *client, smx_time now, uint32_t call, unsigned code);
/* Cancelled or hung up, a call either way. */
void smx_client_call_end(struct smx_client *client, smx_time now, uint32_t call);
/* The phone of an answered call holds, or comes back: direction as in a HOLD record (proto/e2e/record.h). */
void smx_client_call_direction(struct smx_client *client, smx_time now, uint32_t call, uint8_t direction);
/* A key of the phone of an answered call was released. */
void smx_client_call_key(struct smx_client *client, smx_time now, uint32_t call, struct smx_dtmf_key key);
/* phone->message_done(id) follows, maybe before this returns. */
void smx_client_message(struct smx_client *client, smx_time now, uint32_t id, const char *identity,
                        const struct smx_client_target *target, const char *text, size_t text_len);
/* What became of phone->message_in(id). */
void smx_client_message_result(struct smx_client *client, smx_time now, uint32_t id, unsigned code);
/* A phone registered with a name that is not ours yet. */
void smx_client_claim(struct smx_client *client, smx_time now, const char *name);

/* ---- what is going on ---- */

enum smx_client_problem {
    SMX_CLIENT_FINE,
    SMX_CLIENT_STARTING,     /* asking for a consensus */
    SMX_CLIENT_NO_CONSENSUS, /* no relay and no authority answered yet */
    SMX_CLIENT_CLOCK,        /* the consensus is not valid yet: is the own clock right? */
    SMX_CLIENT_EXPIRED,      /* the consensus has expired, and there is no newer one */
    SMX_CLIENT_NO_GUARD,     /* neither guard answers */
    SMX_CLIENT_NO_PATH,      /* the consensus has too few relays */
    SMX_CLIENT_BUILDING,     /* circuits are being built */
    SMX_CLIENT_NAME_TAKEN,   /* the configured name belongs to somebody else */
    /* warnings: calls may go on */
    SMX_CLIENT_ANSWER_FALSE, /* the directory has not signed what a relay said in its name */
    SMX_CLIENT_ANSWER_OLD,   /* a relay has no news of the directory, or passes on old ones */
    SMX_CLIENT_ANSWER_AHEAD, /* an answer from the future */
    SMX_CLIENT_TWO_FACED,    /* the directory signed two different documents for one time */
    SMX_CLIENT_UPLOAD_LOST,  /* what a relay said was published is not */
    SMX_CLIENT_NAME_STUCK,   /* a name can't be let go as configured */
    SMX_CLIENT_CONTACT_KEY,  /* a contact's key has changed */
};
/* A sentence for people; never NULL. */
const char *smx_client_problem_text(enum smx_client_problem problem);

struct smx_client_status {
    bool ready; /* calls can be made and received, and everybody finds our first address */
    enum smx_client_problem problem, warning; /* warning: what was told last, else SMX_CLIENT_FINE */
    char name[SMX_NAME_MAX + 1];              /* the first confirmed name, or empty */
    char key[SMX_CLIENT_USER];                /* of the first identity, in base32 */
    size_t circuits, circuits_wanted;         /* open ones */
    bool guard;                               /* our guard relay answers */
};
void smx_client_status(const struct smx_client *client, struct smx_client_status *status);

enum { SMX_CLIENT_ASKING = 16 };
/* SMX_CLIENT_ASK: the key, in base32, of the i-th stranger who called or wrote, the newest first; NULL: there
 * are no more.  Calling or writing to him makes him a contact. */
const char *smx_client_asking(const struct smx_client *client, size_t i, char key_text[SMX_CLIENT_USER]);

/* Causes and totals since the start; nothing about whom or when. */
#define SMX_CLIENT_COUNTERS(X)                                                                               \
    X(ticks, "ticks done")                                                                                   \
    X(ticks_skipped, "ticks missed")                                                                         \
    X(clock_at_bound, "seconds in which the clock could not follow the guard's as much as it should")        \
    X(circuits_opened, "circuits that came to stand")                                                        \
    X(circuits_refused, "circuits for which the guard had no room")                                          \
    X(circuits_died, "circuits that failed or died, refused ones included")                                  \
    X(circuits_renewed, "circuits replaced by new ones in time")                                             \
    X(renewals_failed, "renewals that came to nothing")                                                      \
    X(guard_changes, "changes of guard because one was silent")                                              \
    X(consensuses, "consensuses taken")                                                                      \
    X(consensuses_refused, "consensuses refused")                                                            \
    X(lookups, "look-ups sent")                                                                              \
    X(answers_refused, "answers of the directory refused")                                                   \
    X(uploads, "claims and descriptors sent")                                                                \
    X(uploads_short, "claims and descriptors that needed more work")                                         \
    X(uploads_lost, "claims and descriptors that were accepted, and not published")                          \
    X(names_let_go, "names released or transferred")                                                         \
    X(warnings, "warnings to the user")                                                                      \
    X(requests_lost, "requests to a relay without an answer")                                                \
    X(introductions, "introductions taken")                                                                  \
    X(introductions_refused, "introductions refused: not genuine, repeated, or no slot free")                \
    X(meetings, "pipes that came to stand")                                                                  \
    X(moves, "pipes that went on over another slot")                                                         \
    X(meetings_failed, "meetings that came to nothing")                                                      \
    X(contact_key_changed, "calls or messages refused because a contact's key has changed")                  \
    X(cells_refused, "cells in a pipe that were not the peer's")                                             \
    X(records_malformed, "pipes given up because the peer broke the format")                                 \
    X(calls, "calls answered")                                                                               \
    X(calls_resumed, "calls that went on over a new meeting")                                                \
    X(calls_lost, "calls ended because the peer fell silent")                                                \
    X(messages, "messages delivered either way")

struct smx_client_counters {
#define X(name, text) uint64_t name;
    SMX_CLIENT_COUNTERS(X)
#undef X
};
const struct smx_client_counters *smx_client_counters(const struct smx_client *client);

#endif
