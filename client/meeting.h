/* client/meeting.h - meetings, their pipes and calls, for the client's files.  Not for others:
 * client/client.h is the client's face. */
#ifndef SMX_CLIENT_MEETING_H
#define SMX_CLIENT_MEETING_H

#include "client/view.h"
#include "proto/base/base32.h"
#include "proto/circuit/origin.h"
#include "proto/e2e/meet.h"
#include "proto/e2e/pipe.h"
#include "proto/e2e/record.h"
#include "proto/media/repeat.h"
#include "proto/stream/stream.h"

struct smx_client;
struct circuit;

enum {
    STREAM_PIPE = 2 * (SMX_STREAM_PREFIX + SMX_RECORD_MAX),
};

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
    bool told_ringing;               /* RINGING was sent */
    bool last_try;                   /* out: it began its meeting itself, or has begun anew once */
    bool opus;                       /* named by the caller, and known here */
    bool in_opus;                    /* TALKING: that is what is spoken */
    bool has_direction;              /* the phone has held once */
    uint8_t direction;               /* as in HOLD, as it is now */
    struct smx_client_target target; /* out: to whom */
    smx_time deadline;               /* SMX_NEVER while talking */
};

/* What only a pipe needs; in locked memory, for all that is said passes through. */
struct pipe_memory {
    struct smx_playout playout; /* by ticks of the guard */
    struct smx_repeat repeat;
    uint8_t tx[STREAM_PIPE], rx[STREAM_PIPE];
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
    bool failed;       /* a try has come to nothing */
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
    bool stranger;                  /* in: no contact of the user's when he was let in */
    bool resumes;                   /* out: for a call whose pipe has gone silent */
    uint8_t identity;               /* whose it is, with its slot */
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
    uint16_t display_of;   /* the peer's call that he named himself for */
    char display[SMX_CLIENT_DISPLAY];
    struct call call;
    uint16_t frame_number;
    uint16_t played_number; /* of the peer's frame that was played last */
    uint8_t unplayed;       /* slots since then, as far as that matters */
    uint8_t frames;         /* since the last cell that was all stream */
    uint64_t play;          /* tick of the guard whose frame is due next */
    /* how the peer is heard in this call: in all, in the time that runs now, and in that before it */
    struct smx_view_heard heard_all, heard_now, heard_before;
    struct pipe_memory *memory; /* while there is a pipe */
};

struct screen {   /* an identity's: strangers' share, and an introduction that waits for a slot */
    uint8_t slot; /* that answers strangers */
    unsigned tokens;
    smx_time refill;
    bool waits, known; /* known: he is a contact, or being called */
    struct smx_meet meet;
    struct smx_meet_offer offer;
    smx_time until;
};

struct pending_call { /* of an identity: waits for a slot */
    bool used;
    bool last_try; /* no pipe but one of its own will do */
    uint32_t id;
    bool opus;
    struct smx_client_target target;
    smx_time deadline;
};

/* ---- slots.c ---- */
/* The first of an identity's c->slots_each meetings. */
struct meeting *smx_meetings_of(const struct smx_client *c, size_t identity);
bool smx_meeting_is_free(struct smx_client *c, const struct meeting *m);
/* It has a call that a phone here knows of. */
bool smx_meeting_has_call(const struct meeting *m);
/* A pipe with nothing more to say, after a message. */
bool smx_meeting_is_only_kept_open(const struct smx_client *c, const struct meeting *m);
/* One of this identity's on a free slot that ends at this relay if there is one, any free one else; NULL:
 * none.  end may be NULL. */
struct meeting *smx_meeting_free(struct smx_client *c, size_t identity, const uint8_t *end);
/* One of this identity to the target, on its way or there, as long as it shows life; NULL: none. */
struct meeting *smx_meeting_with(struct smx_client *c, size_t identity,
                                 const struct smx_client_target *target);
/* Whom the phone is shown. */
const char *smx_meeting_peer(const struct smx_client *c, const struct meeting *m,
                             char key_text[SMX_KEY_TEXT]);
size_t smx_meeting_number(const struct smx_client *c, const struct meeting *m); /* its place in c->meeting */
struct meeting *smx_meeting_on(struct smx_client *c, size_t slot);
struct circuit *smx_meeting_circuit(struct smx_client *c, const struct meeting *m);

/* ---- meeting.c ---- */
void smx_meeting_begin(struct smx_client *c, smx_time now, struct meeting *m,
                       const struct smx_client_target *target);
void smx_meeting_answer(struct smx_client *c, smx_time now, size_t number, const uint8_t *answer, size_t len);
void smx_meeting_unanswered(struct smx_client *c, smx_time now, size_t number);
/* Answers an introduction with this free slot. */
void smx_meeting_accept(struct smx_client *c, smx_time now, struct meeting *m, struct smx_meet *meet,
                        const struct smx_meet_offer *offer);
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
void smx_meeting_leave(struct smx_client *c, smx_time now,
                       struct meeting *m); /* undoes what was joined or extended */
void smx_meeting_idle(struct smx_client *c, struct meeting *m, bool cookie_good);

/* ---- screen.c ---- */
void smx_screen_introduced(struct smx_client *c, smx_time now, size_t identity, const uint8_t *msg1,
                           size_t len);
void smx_screens_expire(struct smx_client *c, smx_time now);

/* ---- move.c ---- */
/* The pipe shall go on over another slot. */
void smx_move_begin(struct smx_client *c, smx_time now, struct meeting *m, enum move_why why);
/* A silent pipe leaves its slot, which stands but leads nowhere any more, if no other one does: it waits for
 * one as if its circuit were gone, and a new meeting with the same peer can have that slot. */
void smx_move_let_go(struct smx_client *c, smx_time now, struct meeting *m);
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
/* The same, and a pipe without room for it, and the call in it, is over. */
void smx_pipe_say(struct smx_client *c, smx_time now, struct meeting *m, const struct smx_record *r);
void smx_pipe_play(struct smx_client *c, smx_time now, struct meeting *m);
smx_time smx_pipe_deadline(const struct smx_client *c, const struct meeting *m);
void smx_pipe_talk(struct smx_client *c, struct meeting *m); /* frames flow from here on */

/* ---- call.c ---- */
void smx_client_call_open(struct smx_client *c, smx_time now, struct meeting *m); /* the pipe stands */
void smx_client_call_lost(struct smx_client *c, smx_time now, struct meeting *m,
                          unsigned code); /* there is none */
void smx_client_call_record(struct smx_client *c, smx_time now, struct meeting *m,
                            const struct smx_record *r);
/* HOLD, if there ever was one: the call goes on over another pipe. */
void smx_client_call_restate(struct smx_client *c, smx_time now, struct meeting *m);
void smx_client_calls_expire(struct smx_client *c, smx_time now);
/* Is this the user's own call to that key, not answered yet? */
bool smx_client_call_is_to(const struct smx_client *c, const struct meeting *m,
                           const uint8_t key[SMX_DOC_KEY]);

/* ---- resume.c ---- */
/* A pipe stands: does a call of ours that has gone silent go on over it? */
void smx_resume_open(struct smx_client *c, smx_time now, struct meeting *m);
void smx_resume_record(struct smx_client *c, smx_time now, struct meeting *m, const struct smx_record *r);
/* He introduces himself, and no slot is free: one may be held by a call with him that has gone silent. */
void smx_resume_make_room(struct smx_client *c, smx_time now, size_t identity,
                          const uint8_t key[SMX_DOC_KEY]);
void smx_resumes_expire(struct smx_client *c, smx_time now);

#endif
