/* sim/user.h - users with phones that are played: they ring, answer, refuse, talk in frames that carry a
 * number, and write down what happens.  They stand on the client's phone interface (client/phone.h), where
 * the SIP side stands in the daemon. */
#ifndef SMX_SIM_USER_H
#define SMX_SIM_USER_H

#include "client/client.h"
#include "proto/e2e/record.h"
#include "sim/world.h"

#include <assert.h>

enum {
    SMX_SIM_CALLS = 16, /* presets of what a phone remembers */
    SMX_SIM_TEXTS = 8,
    SMX_SIM_OWN = 8, /* addresses of a user */
    SMX_SIM_NODE_NONE = UINT32_MAX,
};

struct smx_sim_call {
    uint32_t id;
    bool out, ringing, answered, failed, ended;
    unsigned code, refuse_with; /* refuse_with: as of struct smx_sim_user, for this call only */
    char from[SMX_CLIENT_USER], to[SMX_CLIENT_USER];
    char says[SMX_CLIENT_DISPLAY];            /* in: what the caller calls himself */
    smx_time placed, rang, taken_at, over_at; /* of the world */
    uint32_t frames_out, frames_in;           /* taken from the phone, played to it */
    uint32_t missing, wrong;                  /* missing: played as NULL; wrong: not what is due */
    uint32_t last_in;                         /* number of the frame played last */
    smx_time heard;                           /* when that was */
    uint8_t far_direction;                    /* as its last HOLD said (proto/e2e/record.h) */
    bool opus; /* the caller would speak it; of an answered call, it is spoken */
};

struct smx_sim_text {
    uint32_t id;
    bool out, done;
    unsigned code;
    char from[SMX_CLIENT_USER];
    size_t len;
    char text[SMX_RECORD_TEXT];
};

struct smx_sim_user;

/* Who follows what happens at a phone, or speaks into it; each function may be NULL. */
struct smx_sim_follower {
    void *arg;
    /* A call has come: 0, it may ring; else it is refused with this code. */
    unsigned (*incoming)(void *arg, struct smx_sim_user *u, const struct smx_sim_call *c);
    /* A call rings or was answered at the other side, has failed or ended. */
    void (*call)(void *arg, struct smx_sim_user *u, const struct smx_sim_call *c);
    /* The client takes the frame that is due; false: there is none.  Without it frames carry their number. */
    bool (*take)(void *arg, struct smx_sim_user *u, const struct smx_sim_call *c, struct smx_frame *frame);
    /* The client plays a frame; NULL: none has come. */
    void (*put)(void *arg, struct smx_sim_user *u, const struct smx_sim_call *c,
                const struct smx_frame *frame);
};

struct smx_sim_user {
    struct smx_world *world;
    struct smx_client *client;
    uint32_t node; /* SMX_SIM_NODE_NONE: not in the world yet */
    struct smx_phone phone;
    const struct smx_sim_follower *follower; /* borrowed; NULL: nobody */
    uint8_t public[32], secret[64];
    bool ready;
    unsigned refuse_with;      /* incoming calls: 0 rings */
    bool absent;               /* no phone is registered */
    bool answers;              /* takes calls at once */
    bool opus;                 /* its phone and client have Opus; its frames are of 24 kb/s then */
    uint32_t calls;            /* numbers given away */
    struct smx_sim_call *call; /* [calls_max] */
    size_t call_count, calls_max;
    struct smx_sim_text *text; /* [texts_max] */
    size_t text_count, texts_max;
    char refused[SMX_CLIENT_USER]; /* the last name that somebody else has */
    char own[SMX_SIM_OWN][SMX_CLIENT_USER];
    size_t own_count;
    /* how to start this client again (sim/network.h) */
    uint32_t seed;
    char name[SMX_NAME_MAX + 1];
    uint8_t slots;
};

/* Ends the program: the simulation can't go on. */
#define SMX_SIM_MUST(condition)                                                                              \
    ((condition) ? (void)0 : __assert_fail(#condition, __FILE__, __LINE__, __func__))

/* Its phone has room for so many calls and messages at a time. */
void smx_sim_user_init(struct smx_sim_user *u, struct smx_world *world, size_t calls_max, size_t texts_max);
/* Frees its client too. */
void smx_sim_user_fini(struct smx_sim_user *u);
/* What the user's phones do by themselves: ring, answer, refuse, take messages. */
void smx_sim_user_acts(struct smx_sim_user *u);
/* The node's own clock. */
smx_time smx_sim_user_now(const struct smx_sim_user *u);
bool smx_sim_call_is_over(const struct smx_sim_call *p);
/* Forgets calls and messages that are over, so that there is room for more; the rest moves. */
void smx_sim_user_forget(struct smx_sim_user *u);

/* ---- what a user does ---- */

struct smx_client_target smx_sim_target_name(const char *name);
struct smx_client_target smx_sim_target_key(const struct smx_sim_user *u);
struct smx_sim_call *smx_sim_call_place(struct smx_sim_user *u, struct smx_client_target to);
void smx_sim_call_hang_up(struct smx_sim_user *u, struct smx_sim_call *p);
/* Answers one call that rings, whatever u->answers says. */
void smx_sim_call_pick_up(struct smx_sim_user *u, struct smx_sim_call *p);
/* The number of the message in u->text. */
size_t smx_sim_text_send(struct smx_sim_user *u, struct smx_client_target to, const char *text, size_t len);

#endif
