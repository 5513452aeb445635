/* relay/core.h - what the relay's files share.  Not for others: relay/relay.h is the relay's face.
 *
 *   relay.c      life, ticks, datagrams in and out, documents
 *   neighbour.c  links: whom the consensus names, and who comes
 *   clock.c      keeping the mix clock to the neighbours'
 *   circuit.c    the table of circuits, their timetables, what departs in a tick
 *   loose.c      test networks only: departures without a timetable, or on one that moves
 *   life.c       how long circuits last, and how many there may be
 *   command.c    what neighbours say: CREATE, CREATED, REFUSED, RELEASE, and making them
 *   hopcmd.c     what owners of circuits say: EXTEND, COOKIE, JOIN, LEAVE, LISTEN
 *   idle.c       idle clients of the relay's own, while it has few circuits
 *   service.c    the end relay's services on streams: look-ups, introductions, uploads, the consensus
 *
 * A circuit at a relay.  "Own count" is this hop's 64-bit number; arriving and leaving counts differ by
 * constants.
 *
 *     up link  --in_id-->  [decipher forward]  --ring of fwd-->      down link, or the joined one's bwd ring
 *     up link  <--ring of bwd--  [encipher backward]  <--down_in_id--  down link, or the joined circuit
 *
 * Each direction departs on a timetable that is chosen once (struct departure) and kept until the circuit
 * ends. */
#ifndef SMX_RELAY_CORE_H
#define SMX_RELAY_CORE_H

#include "proto/circuit/cell.h"
#include "proto/circuit/command.h"
#include "proto/circuit/hop.h"
#include "proto/circuit/origin.h"
#include "proto/circuit/quantum.h"
#include "proto/circuit/timetable.h"
#include "proto/crypto/work.h"
#include "proto/link/link.h"
#include "proto/link/seen.h"
#include "proto/stream/stream.h"
#include "relay/clock.h"
#include "relay/keymap.h"
#include "relay/relay.h"
#include "relay/shelf.h"

enum {
    CLASSES_MAX = 16, /* mix ticks in the longest period */
    RING = 4,         /* cells that may wait for their departure, per direction */
    NOTES = 4,        /* messages of the relay itself that wait to go back to a circuit's owner */
    COMMANDS_PER_LINK = 64,
    LINK_RATE_MAX = SMX_RELAY_RATE,
    COPIES = 3,  /* of what is said once and must arrive: MET, LEFT, RELEASE */
    ANSWERS = 2, /* of EXTENDED and LISTENING: every second cell may be lost in a shared place */
    COPY_GAP =
        11, /* periods between copies: a third of a second of losses can't take all, nor can a shared place */
    JOIN_WAIT_MS = 2000, /* a JOIN whose cookie is not there yet */
    RETRY_MS = 300,      /* CREATE and INTRODUCE between relays */
    SILENT_TICKS = 25,   /* nothing from a neighbour for so long: no circuit is lengthened to it */
    TRIES = 4,
    SWEEP_TICKS = 16,     /* every circuit is looked at once in so many ticks */
    UP_SILENT_MS = 10000, /* no cell from the owner's side: the circuit begins to fade */
    FADE_SHARE = 10,      /* an orphan lives for an epoch / this in the mean; circuits for so much longer than
                             their last epoch, as clocks differ and renewals take time */
    ORPHAN_SHARE = 10,    /* orphans are circuits_max / this at the most */
    SHARE_SILENT_MS = 200, /* of two that share a place: one is not heard for so long while the other is */
    SHARE_BEGIN_MS = 1000, /* the new one before its first cell, since its last CREATE */
    LEFT_MS = 1000, /* a client's circuit without a cell for so long may lose its place to one that names */
    REPLACE_MS = 2000,     /* none, one in so long per client: CREATED was lost for good */
    CREATES_PER_S = 200,   /* circuits made in a second; beyond that work is asked for: 4 % of a core */
    LINK_CREATES = 32,     /* circuits that one client may make at once, */
    LINK_CREATE_MS = 1000, /* and one more in each of these */
    SOURCE_CREATES = 8, /* at once by one source, for each link that it may have; one in LINK_CREATE_MS for as
                           many links */
    CLIENT_GONE_MS = 120000, /* a silent client link is given up */
    INTRODUCTIONS = 256,     /* under way at once, each way */
    LISTEN_BURST = 8,        /* introductions for one listening circuit */
    LISTEN_REFILL_MS = 500,
    ASK_BURST = 4, /* introductions that one circuit may ask for: fewer than one listener may have */
    ASK_REFILL_MS = 2000,
    CLOCKS_LOOK_S = 60,   /* so often it is looked */
    CLOCKS_APART_MS = 10, /* whose clock is further from ours than timetables bear */
    UPLOADS = SMX_UPLOAD_QUEUE,
    STREAM_BUFFER = SMX_STREAM_BUFFER_MIN,
    IDLES = 64, /* idle clients of our own at most: 19 Mb/s with three cells */
};
_Static_assert((int)LINK_RATE_MAX <= (int)SMX_QUANTUM_DATAGRAMS, "a tick of a link is one quantum");
#define NONE UINT32_MAX

struct departure {
    uint32_t link;           /* NONE: this direction leaves nowhere */
    uint32_t id;             /* circuit id on that link */
    struct smx_timetable tt; /* mix ticks, own counts */
    uint64_t d;              /* count on the wire minus own count */
    uint32_t next, prev;     /* list of departures of one link, class and period: circuit * 2 + direction */
    uint8_t have;            /* bit i: ring[i] holds a cell */
    uint64_t number[RING];
    uint32_t ring[RING]; /* where they lie on the shelf of bodies */
};

struct loose {        /* loose.c: what more is known of a departure whose timetable is not fixed */
    uint64_t number0; /* that of the timetable this is about */
    uint64_t sent;    /* the highest count that has left */
    uint32_t seen;    /* cells since it was last looked whether there is time to spare */
    uint32_t spare;   /* ticks that each of them would still have waited, at least */
};

struct note { /* to the owner */
    uint8_t type, len, copies;
    uint64_t from; /* own backward count at which it may go */
    uint8_t content[SMX_HOP_CONTENT];
};

struct bucket {
    uint32_t spent; /* tokens */
    smx_time from;  /* when that was so */
};

enum down { DOWN_NONE, DOWN_ASKED, DOWN_LINK, DOWN_PEER };

struct circuit {
    /* what every cell needs stands together */
    bool used;
    uint8_t period; /* enum smx_period */
    uint16_t generation;
    enum down down;
    uint32_t in_id, down_in_id;
    bool began;     /* there was a cell from upstream */
    smx_time heard; /* the last one */
    struct smx_counts up_counts;
    struct smx_timetable up_in;   /* up link's ticks, own forward counts */
    struct smx_timetable down_in; /* down link's ticks, arriving counts */
    uint64_t down_c;              /* own backward count minus arriving */
    uint32_t peer;                /* joined, or with a cookie out */
    uint64_t peer_c;              /* peer's backward count minus own forward count */
    struct departure bwd, fwd;    /* bwd.link is the up link */
    struct smx_hop_layers layers;
    /* of a client: who else has its place on his link */
    uint32_t twin;
    uint8_t turn;    /* which of the turns are its own */
    uint16_t missed; /* the other's cells since its own last one */
    uint8_t note_count;
    uint32_t stream;
    uint32_t note[NOTES]; /* on their shelf */
    /* the rest */
    uint32_t
        created;  /* on the shelf of cells: to answer a repeated CREATE with, until it has begun; or NONE */
    smx_time end; /* it ends then, whatever happens */
    /* orphan: nothing comes from upstream any more */
    bool orphan;
    smx_time fade; /* when it ends, then; else SMX_NEVER */
    uint32_t older, newer;
    /* down */
    uint32_t ask; /* on the shelf of cells: the CREATE sent, while asked; or NONE */
    uint8_t ask_tries;
    smx_time ask_next;
    uint8_t extend_key[32]; /* ephemeral of the last EXTEND: a repetition is answered, not done, again */
    uint8_t extended[8 + SMX_HOP_MSG2];
    /* joined, or with a cookie out */
    uint8_t join[SMX_COOKIE + SMX_MEET_MSG2]; /* of the JOIN that waits or was done */
    smx_time join_until;                      /* while a JOIN waits for its cookie */
    struct bucket asks;                       /* introductions that its owner asked for */
    /* listening */
    uint8_t listen_tokens;
    smx_time listen_refill;
};

struct command { /* a link command waiting for room */
    uint32_t next;
    uint64_t from; /* mix tick from which it may go */
    uint8_t cell[SMX_CELL_SIZE];
};

struct source { /* an address that clients come from */
    uint32_t links;
    struct bucket creates;
    uint32_t next_free;
};

struct neighbour { /* by link handle */
    bool used, up;
    enum smx_link_kind kind;
    uint8_t cells;
    uint8_t phase;   /* client links: leaves in mix ticks with this remainder */
    uint32_t place;  /* in the consensus; NONE for clients */
    uint32_t rate;   /* datagrams in a tick */
    uint32_t secret; /* mixed into the ids that we choose for this link */
    uint32_t slot[CLASSES_MAX], listen[CLASSES_MAX]; /* heads of the lists of departures */
    uint16_t slot_count[CLASSES_MAX], listen_count[CLASSES_MAX];
    uint32_t commands, commands_last;
    uint16_t command_count;
    uint32_t stream; /* bootstrap */
    smx_time down_since;
    smx_time replaced; /* when a circuit last lost its place */
    struct bucket creates;
    uint32_t source; /* client links: where it came from */
    uint32_t load_max;
    bool looked; /* its clock was looked at, and it was up since */
};

struct served { /* a stream, and the long document that goes out on it */
    struct smx_stream stream;
    uint32_t next_free;
    uint64_t document; /* serial; 0: none */
    size_t document_at;
    uint32_t tx, rx; /* buffers, on their shelf; NONE: not needed now */
};

struct document { /* a consensus envelope being served */
    uint64_t serial;
    uint8_t *bytes;
    size_t len;
};

struct introduction {
    bool used;
    uint64_t handle;
    uint32_t link;    /* to or from */
    uint32_t circuit; /* of the asker: index and generation */
    uint16_t generation, request;
    uint8_t parts, tries;
    smx_time next, end;
    uint8_t bytes[SMX_INTRODUCE_PARTS * SMX_COMMAND_PART];
};

struct upload {
    bool used;
    uint32_t handle, circuit;
    uint16_t generation, request;
    uint16_t len;
    uint8_t bytes[SMX_UPLOAD_MAX];
};

struct onion {
    bool used;
    uint64_t epoch;
    uint8_t tag[SMX_ONION_TAG];
};

/* ---- idle.c ---- */

enum { IDLE_CIRCUITS = SMX_LINK_CELLS_MAX + 1 }; /* slots, a listening and an errand circuit */

struct idle_circuit {
    struct smx_origin origin;
    smx_time open_at, renew_at;
    uint32_t place; /* forward id of the one before: its place at the guard is the new one's */
    bool cookie_wanted;
    smx_time asked; /* when the cookie was sent */
    smx_time measure_from;
    uint64_t newest; /* count of the last hop's newest word; 0: none yet */
};

struct idle { /* a client of ours */
    struct smx_endpoint *ep;
    uint32_t link;
    uint8_t guard[SMX_DOC_KEY];
    bool up;
    smx_time since, down_since;
    uint8_t phase; /* its turns: mix ticks with this remainder */
    size_t slots, count;
    struct idle_circuit circuit[IDLE_CIRCUITS];
};

struct floor {
    struct idle *idle[IDLES];
    uint8_t cells[IDLES]; /* in a datagram of each */
    size_t count;
    smx_time look, stop; /* the next look; the earliest time to stop one, SMX_NEVER: none is too many */
};

struct secrets { /* in locked memory */
    struct smx_x25519 onion[SMX_RELAY_ONION_KEYS];
};

struct smx_relay {
    struct smx_relay_config config;
    struct smx_rng rng;
    uint8_t filler_key[SMX_KEY];
    struct secrets *secrets;
    struct onion onion[SMX_RELAY_ONION_KEYS];
    struct smx_endpoint *ep;
    struct smx_relay_counters count;
    /* mix clock */
    bool ticking;
    struct smx_clock clock;
    smx_time base;        /* reading of the clock at tick 0 */
    uint64_t next;        /* the tick to do next */
    smx_time tick;        /* length */
    uint32_t period[2];   /* mix ticks, by enum smx_period */
    struct smx_wall wall; /* of the input being worked on */
    /* documents */
    struct smx_consensus consensus;
    uint32_t place;              /* our own, or NONE */
    struct document document[2]; /* in force, and the one before while it is still being read */
    struct smx_batch *batch;
    /* tables */
    uint32_t links, links_met; /* those from links_met on never were */
    struct neighbour *neighbour;
    struct smx_drift *drifts; /* room for one a relay link */
    smx_time looked;          /* at their clocks, last */
    struct circuit *circuit;
    struct loose *loose;                   /* of each departure; NULL: timetables are fixed */
    uint32_t circuit_free, circuit_used;   /* list by bwd.next, of those that were in use */
    uint32_t circuit_fresh;                /* those from here on never were */
    struct smx_shelf bodies, cells, notes; /* what circuits have for a while only */
    uint32_t orphan_oldest, orphan_newest, orphans;
    struct source *source; /* as many as client links */
    uint32_t source_free;
    struct smx_demand demand;                               /* of work in CREATE */
    struct smx_seen paid;                                   /* ephemeral keys of those that showed it */
    struct smx_keymap sources;                              /* by address */
    struct smx_keymap created, cookies, waiting, listeners; /* by ephemeral, cookie, cookie, pseudonym key */
    struct command *command;
    uint32_t command_free, command_fresh, command_max; /* as of circuits */
    struct served *served;
    uint32_t served_free, served_fresh, served_max; /* as of circuits */
    struct smx_shelf buffers;
    struct introduction asked[INTRODUCTIONS], coming[INTRODUCTIONS];
    uint32_t introductions; /* in use, in both */
    struct upload upload[UPLOADS];
    uint32_t upload_handle;
    uint32_t sweep;
    struct smx_link_timing timing; /* as the consensus says */
    struct floor floor;
};

/* ---- neighbour.c ---- */
/* A link has come up.  False: it is not wanted, and is closed. */
bool smx_relay_link_up(struct smx_relay *r, const struct smx_link_rx *rx);
/* With all circuits over it. */
void smx_relay_link_close(struct smx_relay *r, uint32_t link);
/* A consensus is new: closes links that it doesn't name, and makes those that it does. */
enum smx_err smx_relay_meet_neighbours(struct smx_relay *r, smx_time now) SMX_MUST_CHECK;
/* The first of a relay's addresses that we can send to, or NULL. */
const struct smx_addr *smx_relay_reach(const struct smx_relay *r, const struct smx_relay_info *info);

/* ---- circuit.c ---- */
enum { FWD = 0, BWD = 1 };
struct departure *smx_relay_departure(struct smx_relay *r, uint32_t ref); /* ref = circuit * 2 + direction */
uint32_t smx_relay_circuit_add(struct smx_relay *r);                      /* NONE: full */
void smx_relay_circuit_free(struct smx_relay *r, uint32_t at);
/* The id that we choose for cells of this circuit and direction on that link; and back, NONE when it is not
 * one in use. */
uint32_t smx_relay_id_make(const struct smx_relay *r, uint32_t link, uint32_t at, int dir);
uint32_t smx_relay_id_find(const struct smx_relay *r, uint32_t link, uint32_t id, int *dir);
/* A cell with this id, a cell of this departure, is soon worked on (proto/base/fetch.h). */
void smx_relay_id_fetch(const struct smx_relay *r, uint32_t link, uint32_t id);
void smx_relay_depart_fetch(const struct smx_relay *r, uint32_t ref);
/* Puts the departure into its link's lists; its tick0 says the class. */
void smx_relay_depart_add(struct smx_relay *r, uint32_t at, int dir);
void smx_relay_depart_drop(struct smx_relay *r, uint32_t at, int dir);
/* Another tick0, and so maybe another class; what waits goes on waiting. */
void smx_relay_depart_move(struct smx_relay *r, uint32_t at, int dir, uint64_t tick0);
/* What waits for it goes; body waits in place i, with this number, instead of what did. */
void smx_relay_depart_empty(struct smx_relay *r, struct departure *d);
void smx_relay_depart_keep(struct smx_relay *r, struct departure *d, size_t i, uint64_t number,
                           const uint8_t body[SMX_CELL_BODY]);
/* The body that waits in place i, which must hold one; whatever waits there goes. */
uint8_t *smx_relay_depart_body(const struct smx_relay *r, const struct departure *d, size_t i);
void smx_relay_depart_lose(struct smx_relay *r, struct departure *d, size_t i);
/* The note with this number, of circuit c. */
struct note *smx_relay_note_at(const struct smx_relay *r, const struct circuit *c, size_t i);
/* Is there room for one more departure in this class (mix tick modulo period)? */
bool smx_relay_has_room(const struct smx_relay *r, uint32_t link, uint8_t period, uint32_t class);
/* Cells that a link carries in the mix ticks of this class of the longer period. */
uint32_t smx_relay_capacity(const struct smx_relay *r, uint32_t link, uint32_t class);
/* Does it leave in this tick? */
bool smx_relay_is_due(struct smx_relay *r, uint32_t ref, uint64_t tick);
/* Times of ticks and arrivals are readings of the mix clock; all other times are the machine's. */
smx_time smx_relay_tick_time(const struct smx_relay *r, uint64_t tick);
uint64_t smx_relay_tick_after(const struct smx_relay *r, smx_time at); /* first tick at or after */
/* Link ticks and mix ticks of what we send on a link. */
uint64_t smx_relay_link_tick(const struct smx_relay *r, uint32_t link, uint64_t mix);
uint32_t smx_relay_link_period(const struct smx_relay *r, uint32_t link, uint8_t period); /* in link ticks */
/* When the cell that the peer sends in its tick t is surely here. */
smx_time smx_relay_arrival(const struct smx_relay *r, uint32_t link, uint64_t t);
/* The first count of d whose departure is at or after `at`. */
uint64_t smx_relay_count_after(const struct smx_relay *r, const struct departure *d, smx_time at);
/* A body that is to depart with this own count: filed, or dropped and counted. */
void smx_relay_put(struct smx_relay *r, struct departure *d, uint64_t number,
                   const uint8_t body[SMX_CELL_BODY]);
/* Writes what departs in this mix tick; false (cover off only) when it would be mere filler. */
bool smx_relay_depart(struct smx_relay *r, uint32_t ref, uint64_t tick, smx_time now,
                      uint8_t cell[SMX_CELL_SIZE]);
/* The same for a count of its own. */
bool smx_relay_depart_as(struct smx_relay *r, uint32_t ref, uint64_t number, smx_time now,
                         uint8_t cell[SMX_CELL_SIZE]);
void smx_relay_note(struct smx_relay *r, struct circuit *c, uint8_t type, const void *content, size_t len,
                    uint8_t copies);
void smx_relay_unnote(struct smx_relay *r, struct circuit *c,
                      uint8_t type); /* of an older state of the circuit: no longer true */
/* A cell of a circuit has come. */
void smx_relay_cell(struct smx_relay *r, smx_time at, uint32_t link, uint64_t t, uint8_t cell[SMX_CELL_SIZE]);

/* ---- loose.c: only where config.timetables is not FIXED ---- */
enum smx_err smx_relay_loose_new(struct smx_relay *r);
/* In place of smx_relay_put. */
void smx_relay_loose_put(struct smx_relay *r, struct departure *d, uint64_t number,
                         const uint8_t body[SMX_CELL_BODY]);
/* What a link sends in this mix tick, but `skip` of the cells that are due; how many were more than filler.
 */
uint32_t smx_relay_loose_depart(struct smx_relay *r, uint32_t link, uint64_t tick, smx_time now,
                                uint32_t skip, struct smx_quantum *q);

/* ---- life.c ---- */
/* The circuit at, not among the departures yet, gets every second turn of old's place on the client's link.
 */
void smx_relay_share(struct smx_relay *r, uint32_t at, uint32_t old);
/* A cell has come from upstream. */
void smx_relay_heard(struct smx_relay *r, uint32_t at, smx_time now);
/* Nothing comes from upstream any more: it begins to fade.  Another orphan may end for that. */
void smx_relay_orphan(struct smx_relay *r, uint32_t at, smx_time now);
void smx_relay_adopt(struct smx_relay *r, uint32_t at); /* it is none any more */
/* When a circuit that is made now ends at the latest. */
smx_time smx_relay_end_of_life(const struct smx_relay *r, smx_time now);
/* The link's rate has fallen: circuits that don't fit any more end here, and their owners notice. */
void smx_relay_fit(struct smx_relay *r, uint32_t link);
enum smx_err smx_relay_sources_new(struct smx_relay *r);
/* A client link is up; false: there are too many from where it comes. */
bool smx_relay_source_add(struct smx_relay *r, uint32_t link);
void smx_relay_source_drop(struct smx_relay *r, uint32_t link);
/* One of `burst` at once, and one more after each `each`. */
bool smx_relay_token(struct bucket *b, smx_time now, uint32_t burst, smx_time each);
/* May this neighbour have one more circuit made? */
bool smx_relay_may_create_more(struct smx_relay *r, uint32_t link, smx_time now);

/* ---- clock.c ---- */
/* After each tick: keeps the mix clock to the neighbours', once a second. */
void smx_relay_steer(struct smx_relay *r, smx_time now);

/* ---- command.c ---- */
void smx_relay_command(struct smx_relay *r, smx_time at, uint32_t link, uint8_t cell[SMX_CELL_SIZE]);
/* Queues a command cell for a link, not before a mix tick. */
void smx_relay_send_command(struct smx_relay *r, uint32_t link, uint64_t from,
                            const uint8_t cell[SMX_CELL_SIZE]);
bool smx_relay_next_command(struct smx_relay *r, uint32_t link, uint64_t tick, uint8_t cell[SMX_CELL_SIZE]);
void smx_relay_drop_commands(struct smx_relay *r, uint32_t link);
/* The circuit whose owner's end this is stands alone again, and he is told. */
void smx_relay_detach(struct smx_relay *r, uint32_t at);
/* A circuit ends for good; whom it was joined to is told. */
void smx_relay_circuit_end(struct smx_relay *r, uint32_t at);
/* A circuit that is joined here is joined no more: it stands alone, or ends if it only reached here for that.
 */
void smx_relay_let_go(struct smx_relay *r, uint32_t at);
/* Is it a link between ends, or an end and an exit?  Only over these are circuits lengthened and released. */
bool smx_relay_is_end_link(const struct smx_relay *r, uint32_t link);
/* Ends what lies beyond this hop, or leaves the join, and tells those it concerns. */
void smx_relay_part(struct smx_relay *r, uint32_t at);
/* Once in SWEEP_TICKS: retries, waits, silence. */
void smx_relay_circuit_expire(struct smx_relay *r, uint32_t at, smx_time now);

/* ---- hopcmd.c ---- */
void smx_relay_hop_message(struct smx_relay *r, smx_time at, uint32_t circuit,
                           const uint8_t body[SMX_CELL_BODY]);
void smx_relay_extend_refused(struct smx_relay *r, uint32_t at, uint8_t reason, uint8_t bits);
/* JOIN of a circuit whose cookie's owner is there now. */
void smx_relay_join(struct smx_relay *r, uint32_t joiner, uint32_t owner);

/* ---- service.c ---- */
enum smx_err smx_relay_service_new(struct smx_relay *r);
void smx_relay_service_segment(struct smx_relay *r, smx_time at, uint32_t circuit, const uint8_t *seg,
                               size_t len);
void smx_relay_service_link_segment(struct smx_relay *r, smx_time at, uint32_t link, const uint8_t *seg,
                                    size_t len);
/* What the stream wants to say in a free place; 0: nothing. */
size_t smx_relay_service_next(struct smx_relay *r, smx_time now, uint32_t stream, uint8_t *seg, size_t room);
void smx_relay_service_free(struct smx_relay *r, uint32_t *stream);
void smx_relay_introduce_part(struct smx_relay *r, smx_time at, uint32_t link,
                              const struct smx_introduce_part *p);
void smx_relay_introduced(struct smx_relay *r, uint32_t link, uint64_t handle);
void smx_relay_service_expire(struct smx_relay *r, smx_time now);

/* ---- idle.c ---- */
/* Takes a datagram that is for one of our idle clients; false: it is none, and as it came. */
bool smx_relay_idle_receive(struct smx_relay *r, smx_time at, struct smx_wall wall,
                            const struct smx_addr *from, uint8_t *bytes, size_t len, struct smx_out *out);
/* Their datagrams of this mix tick; and one more or less of them, if it is time. */
void smx_relay_idle_tick(struct smx_relay *r, uint64_t mix, smx_time now, struct smx_wall wall,
                         struct smx_out *out);
void smx_relay_idle_free(struct smx_relay *r);

#endif
