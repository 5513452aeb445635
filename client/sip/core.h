/* client/sip/core.h - the inside of the phone side: what its files share.  Nobody else includes it. */
#ifndef SMX_SIP_CORE_H
#define SMX_SIP_CORE_H

#include "client/sip/auth.h"
#include "client/sip/parse.h"
#include "client/sip/sdp.h"
#include "client/sip/txn.h"
#include "client/sip/ua.h"
#include "client/sip/write.h"
#include "proto/media/dtmf.h"
#include "proto/media/edge.h"
#include "proto/media/srtp.h"

/* RFC 3261, 17.1.1.1 and appendix A */
#define SMX_SIP_T1      SMX_MS(500)
#define SMX_SIP_T2      SMX_SECOND(4)
#define SMX_SIP_GIVE_UP (64 * SMX_SIP_T1)

enum {
    SMX_UA_CALLS = 64,    /* pairs of ports at most */
    SMX_UA_LEGS = 4,      /* phones that one call rings */
    SMX_UA_MESSAGES = 32, /* texts under way: more than those of the network side, which has shares */
    SMX_UA_REFUSED = 16,  /* names that were refused, the newest */
    SMX_UA_SENDS = 512,   /* waiting for the caller */
    SMX_UA_SEND_BYTES = 512 * 1024,
    SMX_UA_ORDERS = 512,
    SMX_UA_BUILD = 24 * 1024,         /* bytes: any message of ours */
    SMX_UA_TOKEN = 33,                /* 32 hex digits and a NUL: tags, Call-IDs, Contact users */
    SMX_UA_BRANCH = 7 + SMX_UA_TOKEN, /* a branch of ours, with its cookie */
};

/* ---- registrations (registrar.c) ---- */

struct smx_binding {
    char aor[SMX_UA_USER];                       /* empty: the entry is free */
    char to[SMX_SIP_URI];                        /* the address as the phone wrote it */
    char head[512], tail[512], uri[SMX_SIP_URI]; /* its Contact; see struct smx_contact */
    struct smx_flow flow;
    char call_id[256];
    uint32_t cseq;
    smx_time expires;
    bool savp; /* it calls by RTP/SAVP, and is called so */
};

void smx_reg_register(struct smx_ua *ua, smx_time now, const struct smx_sip *sip,
                      const struct smx_flow *flow);
void smx_reg_flow_lost(struct smx_ua *ua, uint64_t conn);
void smx_reg_expire(struct smx_ua *ua, smx_time now);
smx_time smx_reg_deadline(const struct smx_ua *ua);
/* The phones to ring for an own address, into out; how many. */
size_t smx_reg_phones(const struct smx_ua *ua, const char *identity,
                      const struct smx_binding *out[SMX_UA_LEGS]);
/* The phone there has shown whether it calls by RTP/SAVP. */
void smx_reg_savp(struct smx_ua *ua, const struct smx_flow *flow, bool savp);
/* The own address that a request of a phone shows: its From if it is ours, else our first. */
void smx_reg_identity(const struct smx_ua *ua, const struct smx_sip *sip, char out[SMX_UA_USER]);

/* ---- addresses (names.c) ---- */

/* A name or a key; false: neither.  user must be lower case. */
bool smx_target_parse(struct smx_ua_target *target, const char *user);
/* The user part of a sip or sips URI whose host is our domain or one of our listeners, in lower case; false:
 * it is not ours or too long. */
bool smx_uri_own_user(const struct smx_ua *ua, const struct smx_uri *uri, char out[SMX_UA_USER]);
/* Whom a request is for.  0, or the status to refuse it with. */
unsigned smx_uri_target(const struct smx_ua *ua, const struct smx_uri *uri, struct smx_ua_target *target);
/* Does it come back from where we sent it: one of our Via lines is in it, or it goes to a Contact of ours? */
bool smx_is_own_request(const struct smx_ua *ua, const struct smx_sip *sip);
/* What a From shows as the caller's name, cut if need be; empty: nothing, or what no NAME record may carry.
 */
void smx_display_name(struct smx_span from, char out[SMX_UA_DISPLAY]);
/* "<sip:USER@domain>" for a From towards a phone; a text that is no such address becomes anonymous.  A name
 * before it, as in smx_ua_call_incoming, is shown as what it is: a claim. */
void smx_write_caller(const struct smx_ua *ua, struct smx_text *out, const char *from);

/* ---- calls (call.c: towards the network side; leg.c: towards a phone) ---- */

enum smx_leg_state {
    SMX_LEG_FREE,
    SMX_LEG_ASKED,     /* the phone's INVITE waits for the network side */
    SMX_LEG_ANSWERED,  /* ... has our 200, and owes the ACK */
    SMX_LEG_CALLING,   /* our INVITE is out */
    SMX_LEG_RINGING,   /* ... and has a provisional response */
    SMX_LEG_CANCELLED, /* ... and is not wanted any more; its final response is awaited */
    SMX_LEG_UP,
    SMX_LEG_GONE, /* hung up by us; only our re-INVITE still waits for its end */
    SMX_LEG_LEFT, /* of an earlier run, and to be hung up when the phone connects (kept.c) */
};

enum { SMX_LEG_FORKS = 3 }; /* early dialogs that one phone may make of an INVITE */

struct smx_fork {
    char tag[128];            /* empty: free */
    char target[SMX_SIP_URI]; /* empty: as the leg's */
    uint32_t rseq;            /* of its last reliable response; 0: none */
    struct smx_sdp sdp;       /* media_count 0: none yet */
};

struct smx_leg {
    enum smx_leg_state state;
    struct smx_flow flow;
    char call_id[256], local_tag[SMX_UA_TOKEN], remote_tag[128];
    char local[SMX_SIP_URI + 8], remote[600]; /* From and To values, without tag */
    char target[SMX_SIP_URI];                 /* the phone's Contact */
    char contact[SMX_UA_TOKEN];               /* our Contact's user */
    uint32_t local_cseq, remote_cseq;         /* last used */
    struct smx_txn_ref invite;                /* the last INVITE transaction, either way */
    char branch[48];                          /* of our INVITE */
    uint32_t invite_cseq;                     /* ... the first */
    bool cancel_sent;
    smx_time cancel_until; /* of CANCELLED, GONE and LEFT */
    /* our 200 to an INVITE of the phone, which its transaction holds, until the ACK */
    bool answer_owed;
    bool answer_offers; /* it holds an offer: the ACK brings the phone's answer */
    uint32_t answer_cseq;
    smx_time answer_again, answer_gap, answer_until;
    /* session */
    uint16_t port;                  /* ours, for RTP */
    uint64_t sdp_session, sdp_hash; /* hash: of what we wrote last, without its version */
    uint32_t sdp_version;
    struct smx_sdp sdp; /* the phone's, media_count 0 while unknown */
    struct {            /* secure.c */
        bool savp;      /* our first offer is RTP/SAVP */
        uint8_t secret[32];
        uint32_t serial; /* of the secret */
        unsigned told;   /* bit n: our last session named suite n */
        bool used;       /* suite is in use */
        enum smx_srtp_suite suite;
    } srtp;
    /* who sends and who listens (session.c) */
    bool settled;                      /* an offer has been answered */
    enum smx_direction own, own_told;  /* what the phone wants; as the network side knows it */
    enum smx_direction far, shown;     /* what the far side wants; as the phone knows it */
    enum smx_direction said, offering; /* our side of the session in force; of our offer that is out */
    enum smx_direction offering_far;   /* far, when it went out */
    uint8_t event;                     /* payload type of events, as we said it; 0: none */
    uint8_t event_48;                  /* the same at 48000/s */
    enum smx_sdp_codecs codecs;        /* what our sessions name: of an answered call, one */
    uint8_t opus;                      /* its payload type, as we said it; 0: none */
    /* provisional responses (reliable.c) */
    bool reliable;    /* the phone requires it */
    bool prack_owed;  /* our 180 waits for its PRACK */
    bool answer_held; /* the network side answered meanwhile */
    bool answer_bare; /* the session is made: the 200 needs none */
    uint32_t rseq;    /* of our 180; 0: not sent */
    smx_time prack_again, prack_gap, prack_until;
    struct smx_span rack;                           /* of the PRACK in the making */
    struct smx_span event_id, state_text, fragment; /* of the NOTIFY in the making */
    bool referred;                                  /* the phone has sent a REFER here */
    /* session timer (timer.c) */
    uint32_t expires, min_expires; /* seconds; 0: no timer; the least that the phone takes, 0: ours */
    bool we_refresh;
    smx_time refresh_at, expire_at;
    struct smx_fork fork[SMX_LEG_FORKS];
    struct smx_txn_ref ask; /* our re-INVITE that is out */
    smx_time ask_at;        /* the next one not before */
    smx_time ask_until;     /* for its final response */
};

enum { SMX_UA_HANDED = 4 }; /* frames on their way from one far side to the other */

/* A call that the phone hands on (transfer.c). */
struct smx_join {
    uint32_t with;                /* the other call; 0: none */
    bool out;                     /* this one was made for that, and has no phone */
    bool parted;                  /* its phone has hung up, or it had none */
    bool through;                 /* the two far sides talk */
    bool silent;                  /* the phone wants no NOTIFY */
    uint32_t event;               /* CSeq of the REFER, for its NOTIFYs; 0: the dialog's first */
    enum smx_direction far, told; /* what this far side wants, and has been told */
    smx_time part_at;             /* the phone has hung up by then, or we do */
    size_t first, count;
    struct smx_frame frame[SMX_UA_HANDED]; /* for this far side */
};

struct smx_call {
    uint32_t id; /* 0: the entry is free */
    bool from_phone;
    bool over; /* for the network side; legs may still have to end */
    bool rang, answered;
    bool opus; /* both sides would speak it */
    bool bye_after_ack;
    unsigned refusal; /* the best reason so far: 480, 486, 603 */
    size_t winner;    /* the leg that was answered */
    size_t pair;
    bool has_pair;
    smx_time ring_until;
    struct smx_leg leg[SMX_UA_LEGS];
    /* media.c */
    struct smx_edge edge;
    bool latched;
    struct smx_addr peer; /* where the phone's RTP comes from, once latched */
    struct smx_dtmf_in keys_in;
    struct smx_dtmf_out keys_out;
    smx_time key_at;                 /* the next key of the phone not before */
    smx_time heard_at;               /* last RTP or RTCP of the phone, or end of its hold */
    struct smx_srtp *hears, *speaks; /* secure.c; NULL: plain RTP */
    uint8_t heard_key[SMX_SRTP_KEY]; /* the phone's, of hears */
    uint32_t spoken_serial;          /* of the secret of speaks */
    char identity[SMX_UA_USER];      /* which own address it is of */
    bool unnamed;                    /* and whether the far side may not know */
    struct smx_join join;
};

void smx_call_invite(struct smx_ua *ua, smx_time now, const struct smx_sip *sip, const struct smx_flow *flow);
/* The phone takes its INVITE back. */
void smx_call_cancel(struct smx_ua *ua, struct smx_txn *invite);
/* Requests inside a dialog; leg and call from smx_leg_find. */
void smx_call_ack(struct smx_ua *ua, smx_time now, struct smx_call *call, struct smx_leg *leg,
                  const struct smx_sip *sip);
void smx_call_bye(struct smx_ua *ua, struct smx_call *call, struct smx_leg *leg, const struct smx_sip *sip,
                  const struct smx_flow *flow);
void smx_call_response(struct smx_ua *ua, smx_time now, struct smx_txn *txn, const struct smx_sip *sip);
void smx_call_timeout(struct smx_ua *ua, uint32_t id, size_t leg);
void smx_call_flow_lost(struct smx_ua *ua, uint64_t conn);
void smx_call_expire(struct smx_ua *ua, smx_time now);
smx_time smx_call_deadline(const struct smx_ua *ua);
struct smx_call *smx_call_get(struct smx_ua *ua, uint32_t id);
/* The call of entry i, or NULL: it is free. */
struct smx_call *smx_call_at(const struct smx_ua *ua, size_t i);
/* The network side has answered; the leg is ready for its 200. */
void smx_call_answer(struct smx_ua *ua, smx_time now, struct smx_call *call);
/* Frees the call when the network side and all legs are done with it. */
void smx_call_settle(struct smx_call *call);
/* The phone is gone or said no more: tells the network side once, and ends what is left of the legs. */
void smx_call_lost(struct smx_ua *ua, smx_time now, struct smx_call *call);

/* What call.c does for lapse.c and transfer.c: a free entry, without ports, or NULL; */
struct smx_call *smx_call_new(struct smx_ua *ua);
/* the end of it for the network side, which knows already; */
void smx_call_end(struct smx_ua *ua, smx_time now, struct smx_call *call, unsigned status);
/* the same, which we decide; */
void smx_call_give_up(struct smx_ua *ua, smx_time now, struct smx_call *call);
void smx_call_leg_failed(struct smx_ua *ua, struct smx_call *call, struct smx_leg *leg, unsigned status);
/* BYE to a leg that is up. */
void smx_call_hang_up(struct smx_ua *ua, smx_time now, struct smx_leg *leg);

/* The dialog that a request with a To tag belongs to, from the flow that it belongs to. */
struct smx_leg *smx_leg_find(struct smx_ua *ua, const struct smx_sip *sip, const struct smx_flow *flow,
                             struct smx_call **call);
/* As the called side: takes what the dialog needs from the phone's INVITE.  False: it does not fit. */
bool smx_leg_accept(struct smx_ua *ua, const struct smx_call *call, struct smx_leg *leg,
                    const struct smx_sip *sip, const struct smx_flow *flow);
/* As the calling side: sends our INVITE to a phone.  False: no room for the transaction. */
bool smx_leg_invite(struct smx_ua *ua, struct smx_call *call, size_t index, const struct smx_binding *phone,
                    const char *from);
/* Answers the open INVITE of the phone; with SDP when it is 200. */
void smx_leg_respond(struct smx_ua *ua, smx_time now, struct smx_leg *leg, struct smx_txn *txn,
                     unsigned status);
/* The phone's new Contact, if the message has one. */
void smx_leg_retarget(struct smx_leg *leg, const struct smx_sip *sip);
void smx_leg_cancel(struct smx_ua *ua, smx_time now, struct smx_leg *leg);
void smx_leg_send_cancel(struct smx_ua *ua, struct smx_leg *leg);
void smx_leg_bye(struct smx_ua *ua, struct smx_leg *leg);
/* Writes the ACK for a response to our INVITE into out. */
void smx_leg_write_ack(struct smx_ua *ua, const struct smx_leg *leg, const struct smx_sip *response,
                       struct smx_text *out);
void smx_leg_free(struct smx_ua *ua, struct smx_leg *leg);

/* The INVITE of a leg that smx_leg_invite has filled, again with a new number.  False: no room. */
bool smx_leg_send_invite(struct smx_ua *ua, struct smx_call *call, struct smx_leg *leg);
/* Our re-INVITE, with our offer.  False: no room. */
bool smx_leg_reinvite(struct smx_ua *ua, struct smx_call *call, struct smx_leg *leg);
/* 200 to a request of the phone inside the dialog, with the answer to its offer if it made one. */
void smx_leg_accept_request(struct smx_ua *ua, struct smx_leg *leg, struct smx_txn *txn, bool answers,
                            bool refreshes);

/* Our PRACK for the last reliable response of an early dialog. */
void smx_leg_prack(struct smx_ua *ua, struct smx_leg *leg, const struct smx_fork *fork);

/* NOTIFY that a REFER has come to this status; last: there will be no other. */
void smx_leg_notify(struct smx_ua *ua, struct smx_leg *leg, uint32_t event, unsigned status, bool last);

/* ---- calls handed on (transfer.c) ---- */

void smx_transfer_refer(struct smx_ua *ua, smx_time now, struct smx_call *call, struct smx_leg *leg,
                        const struct smx_sip *sip, const struct smx_flow *flow);
/* What the network side says of the call that was made for it. */
void smx_transfer_rings(struct smx_ua *ua, struct smx_call *call);
void smx_transfer_answered(struct smx_ua *ua, smx_time now, struct smx_call *call, bool in_opus);
/* Of either of two calls that are joined, or shall be: it is over (nothing happens with any other call); */
void smx_transfer_ended(struct smx_ua *ua, smx_time now, struct smx_call *call, unsigned status);
/* its phone is gone; */
void smx_transfer_parted(struct smx_call *call);
/* its phone is to go; */
void smx_transfer_part(struct smx_ua *ua, smx_time now, struct smx_call *call);
/* its far side holds, presses a key; the next frame from it, or for it. */
void smx_transfer_direction(struct smx_ua *ua, struct smx_call *call, enum smx_direction far);
void smx_transfer_key(struct smx_ua *ua, struct smx_call *call, struct smx_dtmf_key key);
void smx_transfer_put(struct smx_ua *ua, struct smx_call *call, const struct smx_frame *frame);
bool smx_transfer_take(struct smx_call *call, struct smx_frame *frame);
void smx_transfer_expire(struct smx_ua *ua, smx_time now, struct smx_call *call);

/* ---- reliable provisional responses (reliable.c) ---- */

void smx_rel_ring(struct smx_ua *ua, smx_time now, struct smx_leg *leg, struct smx_txn *txn);
void smx_rel_prack(struct smx_ua *ua, smx_time now, struct smx_call *call, struct smx_leg *leg,
                   const struct smx_sip *sip, const struct smx_flow *flow);
/* True: the phone never acknowledged our 180, and the call is to end. */
bool smx_rel_expire(struct smx_ua *ua, smx_time now, struct smx_leg *leg);
smx_time smx_rel_deadline(const struct smx_leg *leg);
void smx_rel_provisional(struct smx_ua *ua, struct smx_leg *leg, const struct smx_sip *sip);
bool smx_rel_is_fork(const struct smx_leg *leg, const char *tag);
/* The session of a 2xx, or of the provisional response of its tag before it.  False: there is none for us. */
bool smx_rel_final_session(const struct smx_ua *ua, struct smx_leg *leg, const struct smx_sip *sip,
                           struct smx_sdp *sdp);

/* ---- offers and answers inside a dialog (session.c) ---- */

/* Reads the session in a message, which must name one of the codecs; none at all is fine (media_count stays
 * 0).  0, or the status to refuse it
 * with. */
unsigned smx_session_read(const struct smx_ua *ua, enum smx_sdp_codecs codecs, struct smx_sdp *sdp,
                          const struct smx_sip *sip, const struct smx_flow *flow);
/* The phone's offer is taken, or its answer to ours. */
void smx_session_offered(smx_time now, struct smx_call *call, struct smx_leg *leg, const struct smx_sdp *sdp);
void smx_session_answered(smx_time now, struct smx_call *call, struct smx_leg *leg,
                          const struct smx_sdp *sdp);
void smx_session_reinvite(struct smx_ua *ua, smx_time now, struct smx_call *call, struct smx_leg *leg,
                          const struct smx_sip *sip, const struct smx_flow *flow);
void smx_session_update(struct smx_ua *ua, smx_time now, struct smx_call *call, struct smx_leg *leg,
                        const struct smx_sip *sip, const struct smx_flow *flow);
/* Says what there is to say, either way: to the network side at once, to the phone when it may be. */
void smx_session_tell(struct smx_ua *ua, smx_time now, struct smx_call *call, struct smx_leg *leg);
/* A response to our re-INVITE, or none. */
void smx_session_response(struct smx_ua *ua, smx_time now, struct smx_call *call, struct smx_leg *leg,
                          struct smx_txn *txn, const struct smx_sip *sip);
void smx_session_unanswered(struct smx_ua *ua, smx_time now, struct smx_call *call, struct smx_leg *leg);
bool smx_session_is_asking(struct smx_ua *ua, const struct smx_leg *leg);
smx_time smx_session_deadline(const struct smx_ua *ua, const struct smx_call *call,
                              const struct smx_leg *leg);

/* ---- session timers (timer.c) ---- */

/* Takes what the phone's INVITE or UPDATE asks for.  0, or the status to refuse it with. */
unsigned smx_timer_asked(struct smx_leg *leg, const struct smx_sip *sip);
/* What our request, our 200 says of it. */
void smx_timer_offer(const struct smx_leg *leg, struct smx_request *request);
void smx_timer_answer(const struct smx_leg *leg, struct smx_response *response);
/* The phone's 2xx to our INVITE; the time runs from now. */
void smx_timer_agreed(struct smx_leg *leg, const struct smx_sip *sip);
void smx_timer_start(struct smx_leg *leg, smx_time now);
/* A 422: true when it is worth another INVITE. */
bool smx_timer_raised(struct smx_leg *leg, const struct smx_sip *sip);

/* ---- keys (digit.c) ---- */

/* False: it is no event, but audio. */
bool smx_digit_rtp(struct smx_ua *ua, smx_time now, struct smx_call *call, const uint8_t *bytes, size_t len);
/* Once a slot: a packet of a key in place of audio; 0: there is none. */
size_t smx_digit_packet(struct smx_call *call, uint8_t packet[SMX_EDGE_PACKET]);
/* Once a slot. */
void smx_digit_slot(struct smx_ua *ua, smx_time now, struct smx_call *call);
void smx_digit_info(struct smx_ua *ua, smx_time now, struct smx_call *call, struct smx_leg *leg,
                    const struct smx_sip *sip, const struct smx_flow *flow);

/* A connection came about: what an earlier run left open with that phone can be ended (kept.c). */
void smx_kept_connected(struct smx_ua *ua, const struct smx_flow *flow);

/* ---- passwords (admit.c) ---- */

/* False: the phone has to prove first that it may, or to wait, and has been told so. */
bool smx_ua_admits(struct smx_ua *ua, smx_time now, const struct smx_sip *sip, const struct smx_flow *flow);

/* ---- SRTP (secure.c) ---- */

/* A session of a phone, as far as keys may be named on the way it came.  0, or the status to refuse it with.
 */
unsigned smx_secure_admit(const struct smx_ua *ua, const struct smx_flow *flow, struct smx_sdp *sdp);
/* What our offer, or our answer to `to`, says of keys; once for each that is sent. */
void smx_secure_own(struct smx_ua *ua, struct smx_leg *leg, const struct smx_sdp *to,
                    struct smx_sdp_own *own);
/* The phone has refused our first offer: true when another one, by RTP/SAVP, is worth an INVITE. */
bool smx_secure_raised(const struct smx_ua *ua, struct smx_leg *leg);
/* Before each packet: hears and speaks are what was agreed.  False: packets may neither come nor go. */
bool smx_secure_follow(struct smx_ua *ua, struct smx_call *call);
void smx_secure_end(struct smx_call *call);

/* ---- media (media.c) ---- */

/* A phone has answered our offer with this: what is spoken from now on.  True: Opus. */
bool smx_media_choose(struct smx_leg *leg, const struct smx_sdp *sdp);
void smx_media_start(struct smx_ua *ua, smx_time now, struct smx_call *call);
/* The phone's session changed. */
void smx_media_change(smx_time now, struct smx_call *call, uint16_t port_before);
void smx_media_expire(struct smx_ua *ua, smx_time now, struct smx_call *call);
smx_time smx_media_deadline(const struct smx_call *call);

/* ---- texts (message.c) ---- */

struct smx_message {
    bool used, from_phone;
    uint32_t id;
    struct smx_txn_ref txn; /* from a phone: its request */
    smx_time until;
    unsigned asked;  /* to phones: answers awaited */
    unsigned result; /* the best so far */
    char *text;      /* SMX_UA_TEXT_MAX, made when the entry is first used */
    size_t text_len;
};

void smx_message_request(struct smx_ua *ua, smx_time now, const struct smx_sip *sip,
                         const struct smx_flow *flow);
void smx_message_final(struct smx_ua *ua, uint32_t id, unsigned status);
void smx_message_expire(struct smx_ua *ua, smx_time now);
smx_time smx_message_deadline(const struct smx_ua *ua);

/* ---- the whole, and what goes out (out.c) ---- */

struct smx_conn {
    bool used, tls;
    uint64_t conn;
    struct smx_addr addr;
    smx_time partial_until; /* a message must be whole by then; SMX_NEVER: none is begun */
};

struct smx_ua {
    struct smx_rng rng;
    uint8_t hash_key[16], tag_key[16]; /* of what finds transactions; of our tags */
    char domain[64];
    struct smx_addr udp, tcp, tls;
    uint8_t media_ip[16];
    struct smx_ua_ports *ports;
    size_t port_count;
    bool ready, ending;
    char identity[SMX_UA_IDENTITIES][SMX_UA_USER];
    size_t identity_count;
    char claimed[SMX_UA_IDENTITIES][SMX_UA_USER]; /* ordered, not yet among the identities; "" is free */
    char refused[SMX_UA_REFUSED][SMX_UA_USER];
    size_t refused_next;

    struct smx_binding *binding;
    size_t binding_max;
    struct smx_conn *conn;
    size_t conn_max;
    struct smx_txns txns;
    struct smx_call **call; /* some more than pairs: calls that are over, but whose legs are not.  An entry is
                               made when first used; see smx_call_at */
    size_t call_max;
    struct smx_message *message;
    uint32_t last_id;

    struct smx_ua_send *send; /* SMX_UA_SENDS */
    size_t send_first, send_count;
    uint8_t *send_bytes; /* of those that wait, one after the other; grows */
    size_t send_max, send_len, send_read;
    struct smx_ua_order *order; /* SMX_UA_ORDERS */
    size_t order_first, order_count;
    struct smx_ua_order order_out;
    struct smx_auth auth;
    enum smx_ua_srtp srtp;
    bool opus, display_name;
    char build[SMX_UA_BUILD]; /* the message in the making */
    struct smx_ua_stats stats;
};

void smx_out_flow(struct smx_ua *ua, const struct smx_flow *flow, struct smx_span bytes);
void smx_out_close(struct smx_ua *ua, uint64_t conn);
void smx_out_media(struct smx_ua *ua, enum smx_ua_send_kind kind, size_t pair, const struct smx_addr *to,
                   const uint8_t *bytes, size_t len);
/* Room for the order of a new call or text (what ends one always finds room). */
bool smx_out_has_order_room(const struct smx_ua *ua);
struct smx_ua_order *smx_out_order(struct smx_ua *ua, enum smx_ua_order_kind kind, uint32_t id);

uint32_t smx_ua_new_id(struct smx_ua *ua);
void smx_ua_token(struct smx_ua *ua, char out[SMX_UA_TOKEN]);
/* The tag that we give to the dialog of a request: the same for its every repetition. */
void smx_ua_tag(const struct smx_ua *ua, const struct smx_sip *sip, char out[SMX_UA_TOKEN]);
bool smx_ua_flow_alive(const struct smx_ua *ua, const struct smx_flow *flow);
const struct smx_addr *smx_ua_self(const struct smx_ua *ua, const struct smx_flow *flow);
/* "<sip:USER@our listener[;transport=tcp]>", or tls */
void smx_ua_write_contact(const struct smx_ua *ua, const struct smx_flow *flow, const char *user,
                          struct smx_text *out);
/* Answers a request at once, without a transaction (RFC 3261, 8.2.7). */
void smx_ua_reply(struct smx_ua *ua, const struct smx_sip *sip, const struct smx_flow *flow, unsigned status);
void smx_ua_answer(struct smx_ua *ua, const struct smx_sip *sip, const struct smx_flow *flow,
                   const struct smx_response *response);
/* Opens a server transaction with the echo of the request inside; NULL: full. */
struct smx_txn *smx_ua_open(struct smx_ua *ua, const struct smx_sip *sip, const struct smx_flow *flow);

#endif
