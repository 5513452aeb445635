/* tests/support/played.h - users with phones that are played: they ring, answer, refuse, talk in frames that
 * carry a number, and write down what happens. */
#ifndef SMX_TEST_PLAYED_H
#define SMX_TEST_PLAYED_H

#include "client/client.h"
#include "proto/e2e/record.h"
#include "sim/world.h"

enum { CALLS = 16, TEXTS_KEPT = 8, NODE_NONE = UINT32_MAX };

struct played_call {
    uint32_t id;
    bool out, ringing, answered, failed, ended;
    unsigned code;
    char from[SMX_CLIENT_USER], to[SMX_CLIENT_USER];
    smx_time placed, rang, taken_at, over_at; /* of the world */
    uint32_t frames_out, frames_in;           /* taken from the phone, played to it */
    uint32_t missing, wrong;                  /* missing: played as NULL; wrong: not what is due */
    uint32_t last_in;                         /* number of the frame played last */
    smx_time heard;                           /* when that was */
};

struct user {
    struct smx_world *world;
    struct smx_client *client;
    uint32_t node; /* NODE_NONE: not in the world yet */
    struct smx_phone phone;
    uint8_t public[32], secret[64];
    bool ready;
    unsigned refuse_with; /* incoming calls: 0 rings */
    bool absent;          /* no phone is registered */
    bool answers;         /* takes calls at once */
    uint32_t calls;       /* numbers given away */
    struct played_call call[CALLS];
    size_t call_count;
    struct {
        uint32_t id;
        bool out, done;
        unsigned code;
        char from[SMX_CLIENT_USER];
        size_t len;
        char text[SMX_RECORD_TEXT];
    } text[TEXTS_KEPT];
    size_t text_count;
    char refused[SMX_CLIENT_USER]; /* the last name that somebody else has */
    char own[8][SMX_CLIENT_USER];
    size_t own_count;
    /* how to start this client again: tests/support/network.h */
    uint8_t seed;
    char name[SMX_NAME_MAX + 1];
    uint8_t slots;
};

/* Ends the program: a test that can't go on. */
_Noreturn void played_broken(const char *what, const char *file, int line);
#define MUST(condition) ((condition) ? (void)0 : played_broken(#condition, __FILE__, __LINE__))

void played_init(struct user *u, struct smx_world *world);
/* What the user's phones do by themselves: ring, answer, refuse, take messages. */
void phone_acts(struct user *u);
/* The node's own clock. */
smx_time now_of(const struct user *u);
bool is_over(const struct played_call *p);
/* Forgets calls and messages that are over, so that there is room for more; the rest moves. */
void forget(struct user *u);

/* ---- what a user does ---- */

struct smx_client_target target_name(const char *name);
struct smx_client_target target_key(const struct user *u);
struct played_call *place_call(struct user *u, struct smx_client_target to);
void hang_up(struct user *u, struct played_call *p);
/* Answers one call that rings, whatever u->answers says. */
void pick_up(struct user *u, struct played_call *p);
/* The number of the message in u->text. */
size_t send_text(struct user *u, struct smx_client_target to, const char *text, size_t len);

#endif
