/* client/core.h - what the client's files share.  Not for others: client/client.h is the client's face.
 *
 *   client.c     life, ticks, datagrams in and out
 *   clock.c      the ticks keep to the guard's
 *   uplink.c     the link to a relay: first to one that has a consensus, then to the guard; documents
 *   paths.c      guards, middles, ends: who a circuit goes through
 *   circuits.c   the fixed set of circuits: built, rebuilt, their turns, what arrives on them
 *   errand.c     requests to the relay at the end of an errand circuit
 *   lookup.c     what the directory says through it: is it signed, new, and the same as before?
 *   identity.c   pseudonyms: names, the keys of the day, listening
 *   upload.c     their descriptors and claims, on the way to the directory
 *   contacts.c   keys remembered at first use
 *   meeting.c    a slot on its way into a pipe and back, caller's and callee's side
 *   screen.c     introductions: who is answered
 *   move.c       a pipe on its way from one slot to another
 *   pipe.c       cells and records of a pipe, frames in and out
 *   call.c       calls
 *   message.c    messages
 *   state.c      what outlives a run
 *
 * A circuit is a slot, or an identity's listening or errand circuit.  There are as many meetings as slots,
 * and each slot carries one of them, idle or all of one; when a pipe moves to another slot, the two meetings
 * change places. */
#ifndef SMX_CLIENT_CORE_H
#define SMX_CLIENT_CORE_H

#include "client/client.h"
#include "proto/base/base32.h"
#include "proto/circuit/origin.h"
#include "proto/circuit/service.h"
#include "proto/doc/batch.h"
#include "proto/e2e/meet.h"
#include "proto/e2e/pipe.h"
#include "proto/e2e/record.h"
#include "proto/link/link.h"
#include "proto/media/frame.h"
#include "proto/stream/stream.h"

enum {
    CELLS_MAX = SMX_LINK_CELLS_MAX,
    CIRCUITS_MAX = SMX_CLIENT_SLOTS + 2 * SMX_CLIENT_IDENTITIES,
    GUARDS = 2,
    MIDDLES = 4,
    NAMES = 4,   /* of one identity */
    DAYS = 3,    /* keys of yesterday, today, tomorrow */
    SEEN = 8192, /* hashes of ephemeral keys under one day key; three quarters can be used */
    CONTACTS = 512,
    REQUESTS = 16,
    TEXTS = 8, /* messages under way, each way */
    PLAY = 8,  /* frames that may wait to be played */
    STREAM_SMALL = SMX_STREAM_BUFFER_MIN,
    STREAM_ERRAND = SMX_STREAM_PREFIX + SMX_STREAM_MESSAGE_MAX, /* a consensus comes as one message */
    STREAM_PIPE = 2 * (SMX_STREAM_PREFIX + SMX_RECORD_MAX),
    END = 2, /* hop of the own end relay */
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
    struct smx_stream stream; /* boot */
    uint8_t tx[STREAM_SMALL], rx[STREAM_ERRAND];
};

/* ---- paths.c ---- */

struct middle {
    uint8_t id[SMX_DOC_KEY];
    uint64_t until; /* wall, s */
};

struct paths {
    uint8_t guard[GUARDS][SMX_DOC_KEY];
    size_t guard_count;
    struct middle middle[MIDDLES];
    size_t middle_count;
};

/* ---- circuits.c ---- */

enum circuit_role { CIRCUIT_SLOT, CIRCUIT_LISTEN, CIRCUIT_ERRAND };

struct circuit {
    enum circuit_role role;
    uint8_t of;     /* number of the slot or identity */
    uint32_t phase; /* its turns: link ticks t with t mod origin.ticks == phase */
    struct smx_origin origin;
    smx_time open_at;  /* when it is built, or built anew; SMX_NEVER while it lives */
    bool stood;        /* once since the guard was chosen */
    bool urgent;       /* to be built without waiting: calls may depend on it */
    uint8_t rebuilds;  /* in this epoch */
    uint64_t epoch;    /* that renew_at was drawn in */
    smx_time renew_at; /* SMX_NEVER: not again in this epoch */
    bool due;          /* its time has come, but the slot was busy */
    uint32_t place;    /* forward id of the last circuit that stood in its place at the guard; 0: none */
    unsigned silent;   /* datagrams of the guard in a row without a cell of it */
    /* While it is renewed: the new circuit, which shares its turns; and after the renewal of a listening
     * circuit, for a while, the old one, on which something may still be under way. */
    struct smx_origin young;
    bool young_turn; /* the next one that both want */
    smx_time linger; /* young is the old one, until then; 0: it is the new one */
    /* listening and errand: the stream with the end */
    struct smx_stream stream;
    uint8_t *tx, *rx;
    size_t rx_cap;
    /* listening: with the end of the old one, while it lingers */
    struct smx_stream old_stream;
    uint8_t *old_tx, *old_rx;
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
    uint8_t tries;
    uint16_t number;
    smx_time deadline, patience; /* for one try */
    uint16_t len;
    uint8_t bytes[REQUEST_MAX];
};

/* ---- identity.c ---- */

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
    struct smx_meet_memory memory;
    uint64_t *seen; /* SEEN of them */
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
    smx_time descriptor_at; /* when the next day's goes up; 0: not drawn yet */
    smx_time found_at;      /* when everybody finds what was uploaded last */
    bool shuns;             /* the errand's end passed on what was no good: */
    uint8_t shunned[SMX_DOC_KEY];
    struct upload upload[UPLOADS];
};

/* ---- contacts.c ---- */

struct contact {
    char user[SMX_CLIENT_USER]; /* a name, or the key itself in base32 */
    uint8_t key[SMX_DOC_KEY];
};

/* ---- meeting.c, pipe.c, call.c ---- */

enum call_state {
    CALL_NONE,
    CALL_WANTED,  /* out: no pipe yet */
    CALL_INVITED, /* out: INVITE is on its way */
    CALL_AWAITED, /* out: rings there */
    CALL_OFFERED, /* in: the phone has been told */
    CALL_RINGING, /* in: a phone rings */
    CALL_DECOY,   /* in: nothing rings, but the caller shall think so */
    CALL_TALKING,
};

struct call {
    enum call_state state;
    uint32_t id;     /* the phone side's */
    uint16_t number; /* in this pipe */
    bool out;
    bool told_ringing; /* RINGING was sent */
    smx_time deadline; /* SMX_NEVER while talking */
};

struct played {
    uint64_t tick; /* of the guard */
    bool have;
    struct smx_frame frame;
};

enum meeting_state {
    MEETING_IDLE,      /* the slot is free (once its cookie is placed) */
    MEETING_LENT,      /* another meeting's pipe is on its way to this slot */
    MEETING_LOOKUP,    /* out */
    MEETING_INTRODUCE, /* out: waits for MET */
    MEETING_EXTEND,    /* in: to the rendezvous */
    MEETING_JOIN,      /* in */
    MEETING_PROVE,     /* in: joined, but the caller has shown nothing yet */
    MEETING_OPEN,      /* a pipe stands */
    MEETING_CLOSING,   /* what is queued still goes out */
    MEETING_LEAVING,   /* LEAVE is asked */
};

enum move_state {
    MOVE_NONE,
    MOVE_WANTED, /* waits for a free slot, or its next try */
    MOVE_EXTEND, /* the other slot is being lengthened to the rendezvous */
    MOVE_JOIN,
};

/* Rising urgency. */
enum move_why {
    MOVE_DUE,     /* its slot is to be renewed */
    MOVE_CUT_OFF, /* its slot stands alone, or has no circuit any more */
    MOVE_DEAD,    /* its slot's circuit is dead */
};

struct move {
    enum move_state state;
    enum move_why why;
    bool second;       /* to the callee's second meeting */
    uint8_t slot, hop; /* EXTEND, JOIN: where it goes; the hop that joins */
    smx_time deadline; /* WANTED: the next try */
    uint8_t like_msg2[SMX_MEET_2];
};

/* How either side may come back into the join when his half of it dies: docs/protocol/45-meeting.md,
 * section 7. */
struct way_back {
    /* ours: the cookie by which we may replace our side, and the callee's second meeting, as the peer told us
     */
    uint16_t rejoin_number; /* 0: none */
    uint8_t rejoin[SMX_COOKIE];
    bool second_known;
    uint8_t second_end[SMX_RELAY_ID], second[SMX_COOKIE];
    /* his: what we have placed and told him */
    uint16_t gate_number;
    bool gate_ready;
    uint8_t gate[SMX_COOKIE];
    smx_time gate_next; /* when it may be placed */
    uint16_t told_number;
    uint8_t told[SMX_COOKIE]; /* callee: cookie of the second meeting, as told last */
};

struct meeting {
    enum meeting_state state;
    uint8_t slot; /* that carries it */
    bool cookie_ready;
    uint8_t cookie[SMX_COOKIE];
    bool out;
    bool stranger; /* in: no contact of the user's when he was let in */
    uint8_t identity;
    smx_time deadline, heard, hold; /* hold: an idle pipe closes then */
    /* who it is */
    struct smx_client_target target; /* out */
    bool key_known;
    uint8_t key[SMX_DOC_KEY];
    /* handshake */
    struct smx_meet meet;
    struct smx_meet_keys keys;
    struct smx_meet_offer offer; /* in */
    uint8_t msg2[SMX_MEET_2];
    /* the pipe */
    struct smx_pipe pipe;
    struct smx_stream stream;
    uint8_t rendezvous[SMX_RELAY_ID];
    uint8_t hop;    /* of its slot's circuit, where it is joined */
    uint32_t noise; /* cells in a row on its slot that neither a hop nor the peer has made */
    struct move move;
    struct way_back back;
    uint64_t cell_tick; /* of the cell below, which goes out on two slots while it moves */
    bool cell_real;
    uint8_t cell[SMX_PIPE_CELL];
    bool greeted;          /* the peer's HELLO has come */
    uint16_t calls, texts; /* numbers given away */
    struct call call;
    uint16_t frame_number;
    uint8_t frames; /* since the last cell that was all stream */
    uint64_t play;  /* tick of the guard whose frame is due next */
    struct played played[PLAY];
    uint8_t tx[STREAM_PIPE], rx[STREAM_PIPE];
};

struct screen {   /* strangers' share, and a contact's introduction that waits for a slot */
    uint8_t slot; /* that answers strangers */
    unsigned tokens;
    smx_time refill;
    bool waits, known; /* known: he is a contact, or being called */
    uint8_t identity;
    struct smx_meet meet;
    struct smx_meet_offer offer;
    smx_time until;
};

struct pending_call { /* waits for a slot */
    bool used;
    uint32_t id;
    uint8_t identity;
    struct smx_client_target target;
    smx_time deadline;
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
    uint8_t text[SMX_RECORD_TEXT];
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
    struct smx_network network;
    const struct smx_phone *phone;
    uint8_t slots, cells;
    bool cover_off, has_v4, has_v6;
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
    struct smx_client_parting parting[SMX_CLIENT_PARTINGS];
    size_t parting_count;
    size_t circuit_count, identity_count;
    struct circuit circuit[CIRCUITS_MAX]; /* slots first, then listening and errand of each identity */
    struct identity *identity;
    struct meeting *meeting; /* one a slot */
    struct screen screen;
    struct pending_call pending;
    struct request request[REQUESTS];
    uint16_t requests;
    struct text_out *text_out; /* TEXTS of each */
    struct text_in text_in[TEXTS];
    uint32_t texts_in;
    struct contact *contact; /* CONTACTS of them */
    size_t contact_count;
};

/* ---- client.c ---- */
uint64_t smx_client_next_tick(const struct smx_client *c);
bool smx_client_is_ready(const struct smx_client *c); /* calls can be placed */
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
/* Fills guards and middles from the consensus.  False: it has too few relays. */
bool smx_paths_update(struct smx_client *c, struct smx_wall wall);
/* Draws guard, middle and end for a circuit.  False: none fits now. */
bool smx_paths_draw(struct smx_client *c, const struct circuit *k, struct smx_hop_target path[END + 1]);
/* This identity's next errand circuit shall have another end. */
void smx_paths_shun(struct smx_client *c, size_t identity);
/* The onion key of a relay of the consensus, by identity; false: it is not there. */
bool smx_paths_target(const struct smx_client *c, const uint8_t id[SMX_DOC_KEY],
                      struct smx_hop_target *target);

/* ---- circuits.c ---- */
enum smx_err smx_circuits_new(struct smx_client *c);
void smx_circuits_free(struct smx_client *c);
struct circuit *smx_circuit_of(struct smx_client *c, enum circuit_role role, size_t of);
/* The guard is another one, or has forgotten us: everything is built from scratch; at once if it is urgent,
 * else after random waits. */
void smx_circuits_reset(struct smx_client *c, smx_time now, bool urgent);
void smx_circuits_expire(struct smx_client *c, smx_time now);
/* Gives a circuit up; it is rebuilt after a random wait. */
void smx_circuit_drop(struct smx_client *c, struct circuit *k, smx_time now);
/* Renews a circuit as soon as possible: a call has moved off it. */
void smx_circuit_renew(struct smx_client *c, struct circuit *k, smx_time now);
/* Has its drawn time come while the slot was busy?  Then whatever keeps it busy should move. */
bool smx_circuit_is_due(const struct smx_client *c, const struct circuit *k);
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

/* ---- errand.c ---- */
/* Queues a request; tried again, on a new circuit if need be, until tries * patience are over.
 * SMX_E_FULL: too many. */
enum smx_err smx_errand_ask(struct smx_client *c, smx_time now, size_t identity, enum smx_service type,
                            const void *content, size_t len, enum asker asker, size_t at, unsigned tries,
                            smx_time patience) SMX_MUST_CHECK;
/* Forgets what this asker has asked. */
void smx_errand_forget(struct smx_client *c, enum asker asker, size_t at);
void smx_errand_message(struct smx_client *c, smx_time now, size_t identity, const uint8_t *msg, size_t len);
void smx_errand_expire(struct smx_client *c, smx_time now);
/* The circuit is new: what waits for an answer is sent again. */
void smx_errand_opened(struct smx_client *c, size_t identity);

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
/* Room for a day's key, made if need be; NULL: the day is neither yesterday, today nor tomorrow. */
struct day *smx_identity_day(struct smx_client *c, size_t i, uint32_t day);

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
const struct contact *smx_contact_by_user(const struct smx_client *c, const char *user);
const struct contact *smx_contact_by_key(const struct smx_client *c, const uint8_t key[SMX_DOC_KEY]);
void smx_contact_add(struct smx_client *c, const char *user, const uint8_t key[SMX_DOC_KEY]);

/* ---- meeting.c ---- */
/* One on a free slot that ends at this relay if there is one, any free one else; NULL: none.  end may be
 * NULL. */
struct meeting *smx_meeting_free(struct smx_client *c, const uint8_t *end);
void smx_meeting_begin(struct smx_client *c, smx_time now, struct meeting *m, size_t identity,
                       const struct smx_client_target *target);
void smx_meeting_answer(struct smx_client *c, smx_time now, size_t number, const uint8_t *answer, size_t len);
void smx_meeting_unanswered(struct smx_client *c, smx_time now, size_t number);
/* Answers an introduction with this free slot. */
void smx_meeting_accept(struct smx_client *c, smx_time now, struct meeting *m, size_t identity,
                        struct smx_meet *meet, const struct smx_meet_offer *offer);
/* Events of the slot's circuit. */
void smx_meeting_opened(struct smx_client *c, smx_time now, size_t slot);
void smx_meeting_answered(struct smx_client *c, smx_time now, size_t slot, const struct smx_origin_rx *rx);
/* answered: it was refused; else nobody said anything. */
void smx_meeting_failed(struct smx_client *c, smx_time now, size_t slot, uint8_t request, bool answered);
void smx_meeting_message(struct smx_client *c, smx_time now, size_t slot, const struct smx_origin_rx *rx);
void smx_meeting_lost(struct smx_client *c, smx_time now, size_t slot);    /* the circuit is gone */
bool smx_meeting_may_renew(const struct smx_client *c, size_t slot);       /* nothing needs its circuit */
void smx_meeting_renewed(struct smx_client *c, smx_time now, size_t slot); /* it has another circuit */
void smx_meetings_expire(struct smx_client *c, smx_time now);
/* Lets what is queued go out, then leaves. */
void smx_meeting_close(struct smx_client *c, smx_time now, struct meeting *m);
/* Whom the phone is shown. */
const char *smx_meeting_peer(const struct smx_client *c, const struct meeting *m,
                             char key_text[SMX_KEY_TEXT]);
size_t smx_meeting_number(const struct smx_client *c, const struct meeting *m); /* its place in c->meeting */
struct meeting *smx_meeting_on(struct smx_client *c, size_t slot);
struct circuit *smx_meeting_circuit(struct smx_client *c, const struct meeting *m);
void smx_meeting_leave(struct smx_client *c, smx_time now,
                       struct meeting *m); /* undoes what was joined or extended */
void smx_meeting_idle(struct smx_client *c, struct meeting *m, bool cookie_good);
struct meeting *smx_meeting_with(struct smx_client *c, const struct smx_client_target *target);

/* ---- screen.c ---- */
void smx_screen_introduced(struct smx_client *c, smx_time now, size_t identity, const uint8_t *msg1,
                           size_t len);
void smx_screen_expire(struct smx_client *c, smx_time now);

/* ---- move.c ---- */
/* The pipe shall go on over another slot. */
void smx_move_begin(struct smx_client *c, smx_time now, struct meeting *m, enum move_why why);
void smx_move_end(struct smx_client *c, smx_time now, struct meeting *m); /* it stays, or is over */
/* A cell came on its slot that neither a hop nor the peer has made. */
void smx_move_noise(struct smx_client *c, smx_time now, struct meeting *m);
/* The pipe that goes out over a slot, or is about to; NULL: none. */
struct meeting *smx_move_pipe_on(struct smx_client *c, size_t slot);
/* Events of a slot that is lent, and the peer's first cell on it. */
void smx_move_opened(struct smx_client *c, smx_time now, size_t slot);
void smx_move_joined(struct smx_client *c, smx_time now, struct meeting *m);
void smx_move_failed(struct smx_client *c, smx_time now, size_t slot, bool answered);
void smx_move_lost(struct smx_client *c, smx_time now, size_t slot);
/* MET: the peer has come to our second meeting, or back by our gate.  False: it is neither. */
bool smx_move_met(struct smx_client *c, smx_time now, size_t slot, const struct smx_hop_msg *msg);
void smx_move_gate_placed(struct smx_client *c, smx_time now, struct meeting *m);
void smx_move_record(struct smx_client *c, smx_time now, struct meeting *m, const struct smx_record *r);
void smx_moves_expire(struct smx_client *c, smx_time now);

/* ---- pipe.c ---- */
enum smx_err smx_pipe_begin(struct smx_client *c, smx_time now, struct meeting *m) SMX_MUST_CHECK;
void smx_pipe_end(struct meeting *m);
/* The slot's next cell for the peer; true when it is more than IDLE. */
bool smx_pipe_turn(struct smx_client *c, smx_time now, uint64_t tick, struct meeting *m,
                   uint8_t cell[SMX_PIPE_CELL]);
/* A cell from beyond the last hop of a slot that carries this pipe, or that it is about to move to. */
void smx_pipe_cell(struct smx_client *c, smx_time now, struct meeting *m, size_t slot, uint64_t peer_tick,
                   uint8_t cell[SMX_PIPE_CELL]);
void smx_pipes_uplink_changed(struct smx_client *c); /* another guard, with another clock */
/* Queues a record; a stream that has no room for it loses it (counted as a broken pipe by who waits). */
bool smx_pipe_send(struct meeting *m, const struct smx_record *r);
void smx_pipe_play(struct smx_client *c, smx_time now, struct meeting *m);
smx_time smx_pipe_deadline(const struct smx_client *c, const struct meeting *m);
void smx_pipe_talk(struct smx_client *c, struct meeting *m); /* frames flow from here on */

/* ---- call.c ---- */
void smx_client_call_open(struct smx_client *c, smx_time now, struct meeting *m); /* the pipe stands */
void smx_client_call_lost(struct smx_client *c, smx_time now, struct meeting *m,
                          unsigned code); /* there is none */
void smx_client_call_record(struct smx_client *c, smx_time now, struct meeting *m,
                            const struct smx_record *r);
void smx_client_calls_expire(struct smx_client *c, smx_time now);
bool smx_client_call_is_busy(const struct smx_client *c); /* the user is in a call, or makes one */
/* Is this the user's own call to that key, not answered yet? */
bool smx_client_call_is_to(const struct smx_client *c, const struct meeting *m,
                           const uint8_t key[SMX_DOC_KEY]);

/* ---- message.c ---- */
void smx_messages_flush(struct smx_client *c, smx_time now, struct meeting *m); /* the pipe stands */
void smx_messages_lost(struct smx_client *c, smx_time now, struct meeting *m, unsigned code);
void smx_message_record(struct smx_client *c, smx_time now, struct meeting *m, const struct smx_record *r);
void smx_messages_expire(struct smx_client *c, smx_time now);
bool smx_messages_wait(const struct smx_client *c, const struct meeting *m); /* for this pipe */

#endif
