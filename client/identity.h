/* client/identity.h - the user's pseudonyms, and what goes up for them, for the client's files.  Not for
 * others: client/client.h is the client's face. */
#ifndef SMX_CLIENT_IDENTITY_H
#define SMX_CLIENT_IDENTITY_H

#include "client/client.h"
#include "proto/circuit/origin.h"
#include "proto/e2e/meet.h"

struct smx_client;

enum {
    NAMES = 4,       /* of one identity */
    DAYS = 3,        /* keys of yesterday, today, tomorrow */
    SEEN = 8192,     /* hashes of ephemeral keys under one day key; three quarters can be used */
    SEEN_FIRST = 16, /* places that a day begins with; doubled when three quarters are used */
    MIDDLES = 4,
};

struct middle {
    uint8_t id[SMX_DOC_KEY];
    uint64_t until; /* wall, s */
};

enum name_state { NAME_NONE, NAME_WANTED, NAME_OURS, NAME_LEAVING };

struct name {
    enum name_state state;
    bool of_phone; /* a phone registered with it */
    bool drawn;    /* anon-xxxxxxxx: another will do */
    char text[SMX_NAME_MAX + 1];
    uint8_t parting; /* leaving: how, by number in the configuration */
    uint64_t renew;  /* wall, s */
    smx_time next;   /* when it may be claimed */
};

struct day {
    uint32_t day; /* 0: none */
    struct smx_x25519 key;
    struct smx_meet_memory memory; /* its table is ours; NULL: no day, or an identity that nobody has */
};

enum upload_state {
    UPLOAD_NONE,
    UPLOAD_WORK,  /* its work is being done */
    UPLOAD_SENT,  /* the end relay has it */
    UPLOAD_TAKEN, /* so it says; shall be seen in a batch */
    UPLOAD_CHECK, /* is being looked up */
};
enum { UPLOAD_DESCRIPTOR, UPLOAD_CLAIM, UPLOADS }; /* one of each at a time */

struct upload {
    enum upload_state state;
    uint8_t bytes[SMX_UPLOAD_MAX];
    size_t len;
    bool again;                 /* the last one was taken and not seen: once more */
    smx_time next;              /* when the next one may start, or this one go on */
    unsigned bits;              /* of work, when it was sent */
    uint64_t seq;               /* its own */
    struct smx_wall taken;      /* when it was: a batch after that must have it */
    uint8_t by[SMX_HOP_HASH];   /* handshake hash of the circuit that carried it */
    uint32_t day;               /* descriptor: its last */
    uint8_t intro[SMX_DOC_KEY]; /* descriptor */
    size_t name;                /* claim: index */
};

struct identity { /* in locked memory */
    struct smx_client_identity own;
    char key_text[SMX_CLIENT_USER];
    struct name name[NAMES];
    struct day day[DAYS]; /* ascending */
    bool has_intro;
    uint8_t intro[SMX_DOC_KEY];
    bool listening;
    uint64_t seq;           /* of the last descriptor or claim */
    uint32_t published_day; /* last day of the descriptor accepted; 0: none */
    uint8_t published_intro[SMX_DOC_KEY];
    smx_time descriptor_at;        /* when the next day's goes up; 0: not drawn yet */
    smx_time found_at;             /* when everybody finds what was uploaded last */
    struct middle middle[MIDDLES]; /* that its circuits go by: what two of us had in common would tie them */
    size_t middle_count;
    bool shuns; /* the errand's end passed on what was no good: */
    uint8_t shunned[SMX_DOC_KEY];
    struct upload upload[UPLOADS];
};

/* ---- identity.c ---- */
enum smx_err smx_identities_new(struct smx_client *c, const struct smx_client_identity *own, size_t count);
void smx_identities_free(struct smx_client *c);
/* Names from the configuration, or drawn ones, are claimed if nothing else is known from an earlier run. */
void smx_identities_start(struct smx_client *c);
/* The circuit o stands: LISTEN is asked on it. */
void smx_identity_listen(struct smx_client *c, size_t i, struct smx_origin *o, smx_time now);
void smx_identity_listening(struct smx_client *c, size_t i, smx_time now);
/* The identity that an own address names; the first if none does. */
size_t smx_identity_find(const struct smx_client *c, const char *user);
const char *smx_identity_user(const struct smx_client *c, size_t i); /* its best address */
void smx_identities_tell(struct smx_client *c);
/* Room for a day's key, made if need be; NULL: the day is neither yesterday, today nor tomorrow, or there is
 * no memory. */
struct day *smx_identity_day(struct smx_client *c, size_t i, uint32_t day);

/* Wipes a day. */
void smx_day_forget(struct day *d);
/* Gives a day its memory, with this key, empty, with room for so many hashes; more room if it is full, up to
 * SEEN places.  SMX_E_MEMORY. */
enum smx_err smx_day_remembers(struct day *d, const uint8_t key[16], size_t hashes) SMX_MUST_CHECK;
enum smx_err smx_day_makes_room(struct day *d) SMX_MUST_CHECK;

/* Another random name to be claimed. */
void smx_identity_draw_name(struct smx_client *c, struct name *n);

/* ---- upload.c ---- */
void smx_uploads_expire(struct smx_client *c, smx_time now);
/* at: number of the identity * UPLOADS + which upload; head: len bytes behind the result. */
void smx_identity_uploaded(struct smx_client *c, size_t at, smx_time now, unsigned result,
                           const uint8_t *head, size_t len);
void smx_identity_unanswered(struct smx_client *c, size_t at, smx_time now);
/* What became of looking up what was uploaded. */
void smx_identity_checked(struct smx_client *c, size_t at, smx_time now, const uint8_t *answer, size_t len);
void smx_identity_unchecked(struct smx_client *c, size_t at, smx_time now);
/* The circuit that carried it is gone; the new one's end shall not learn from a look-up whose circuit it is.
 */
void smx_identity_moved(struct smx_client *c, size_t at);

#endif
