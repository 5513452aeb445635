#include "tests/support/played.h"

#include "proto/base/base32.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void played_broken(const char *what, const char *file, int line)
{
    printf("# %s:%d: broken: %s\n", file, line, what);
    fflush(NULL);
    abort();
}

static struct played_call *call_of(struct user *u, uint32_t id)
{
    for (size_t i = 0; i < u->call_count; i++)
        if (u->call[i].id == id)
            return &u->call[i];
    MUST(!"a call of the phone's");
    return NULL;
}

smx_time now_of(const struct user *u)
{
    return u->node == NODE_NONE ? smx_world_now(u->world) : smx_world_local(u->world, u->node);
}

bool is_over(const struct played_call *p)
{
    return p->ended || p->failed;
}

static struct played_call *new_call(struct user *u, bool out)
{
    struct played_call *p;

    MUST(u->call_count < CALLS);
    p = &u->call[u->call_count++];
    *p = (struct played_call){.id = ++u->calls, .out = out, .placed = smx_world_now(u->world)};
    return p;
}

void forget(struct user *u)
{
    size_t kept = 0;

    for (size_t i = 0; i < u->call_count; i++)
        if (!is_over(&u->call[i]))
            memmove(&u->call[kept++], &u->call[i], sizeof u->call[0]);
    u->call_count = kept;
    kept = 0;
    for (size_t i = 0; i < u->text_count; i++)
        if (!u->text[i].done)
            memmove(&u->text[kept++], &u->text[i], sizeof u->text[0]);
    u->text_count = kept;
}

/* ---- what the client tells the phone ---- */

static enum smx_err phone_incoming(void *arg, smx_time now, const char *from, const char *identity,
                                   uint32_t *call)
{
    struct user *u = arg;
    struct played_call *p;

    (void)now;
    if (u->absent)
        return SMX_E_ABSENT;
    p = new_call(u, false);
    strcpy(p->from, from);
    strcpy(p->to, identity);
    *call = p->id;
    return SMX_OK;
}

static void phone_ringing(void *arg, smx_time now, uint32_t call)
{
    struct user *u = arg;

    (void)now;
    call_of(u, call)->ringing = true;
    call_of(u, call)->rang = smx_world_now(u->world);
}

static void phone_answered(void *arg, smx_time now, uint32_t call)
{
    struct user *u = arg;

    (void)now;
    call_of(u, call)->answered = true;
    call_of(u, call)->taken_at = smx_world_now(u->world);
}

static void phone_failed(void *arg, smx_time now, uint32_t call, unsigned code)
{
    struct user *u = arg;
    struct played_call *p = call_of(u, call);

    (void)now;
    MUST(!is_over(p)); /* a phone is answered once */
    p->failed = true;
    p->code = code;
    p->over_at = smx_world_now(u->world);
}

static void phone_ended(void *arg, smx_time now, uint32_t call)
{
    struct user *u = arg;

    (void)now;
    call_of(u, call)->ended = true;
    call_of(u, call)->over_at = smx_world_now(u->world);
}

static enum smx_err phone_message_in(void *arg, smx_time now, uint32_t id, const char *from,
                                     const char *identity, const char *text, size_t len)
{
    struct user *u = arg;

    (void)now;
    (void)identity;
    if (u->absent)
        return SMX_E_ABSENT;
    MUST(u->text_count < TEXTS_KEPT);
    memset(&u->text[u->text_count], 0, sizeof u->text[0]);
    u->text[u->text_count].id = id;
    u->text[u->text_count].len = len;
    strcpy(u->text[u->text_count].from, from);
    memcpy(u->text[u->text_count++].text, text, len);
    return SMX_OK;
}

static void phone_message_done(void *arg, smx_time now, uint32_t id, unsigned code)
{
    struct user *u = arg;

    (void)now;
    for (size_t i = 0; i < u->text_count; i++)
        if (u->text[i].out && u->text[i].id == id) {
            MUST(!u->text[i].done);
            u->text[i].done = true;
            u->text[i].code = code;
            return;
        }
    MUST(!"a message of the phone's");
}

/* Frame n of a call is n in each of its bytes' places, so that a missing one shows. */
static bool phone_take(void *arg, uint32_t call, smx_time now, struct smx_frame *frame)
{
    struct played_call *p = call_of(arg, call);

    (void)now;
    p->frames_out++;
    frame->codec = SMX_FRAME_PCMU;
    for (size_t i = 0; i < SMX_FRAME_PAYLOAD; i++)
        frame->payload[i] = (uint8_t)(p->frames_out >> 8 * (i % 4));
    return true;
}

static void phone_put(void *arg, uint32_t call, smx_time now, const struct smx_frame *frame)
{
    struct user *u = arg;
    struct played_call *p = call_of(u, call);
    uint32_t n = 0;

    (void)now;
    if (!frame) {
        if (p->frames_in > 0)
            p->missing++;
        return;
    }
    for (size_t i = 0; i < 4; i++)
        n |= (uint32_t)frame->payload[i] << 8 * i;
    p->frames_in++;
    p->wrong += n <= p->last_in;
    p->last_in = n;
    p->heard = smx_world_now(u->world);
}

static void phone_network(void *arg, bool ready)
{
    ((struct user *)arg)->ready = ready;
}

static void phone_identities(void *arg, const char *const *users, size_t count)
{
    struct user *u = arg;

    MUST(count <= 8);
    u->own_count = count;
    for (size_t i = 0; i < count; i++)
        strcpy(u->own[i], users[i]);
}

static void phone_claim_refused(void *arg, const char *name)
{
    strcpy(((struct user *)arg)->refused, name);
}

void played_init(struct user *u, struct smx_world *world)
{
    u->world = world;
    u->phone = (struct smx_phone){.arg = u,
                                  .call_incoming = phone_incoming,
                                  .call_ringing = phone_ringing,
                                  .call_answered = phone_answered,
                                  .call_failed = phone_failed,
                                  .call_ended = phone_ended,
                                  .message_in = phone_message_in,
                                  .message_done = phone_message_done,
                                  .media_take = phone_take,
                                  .media_put = phone_put,
                                  .network = phone_network,
                                  .identities = phone_identities,
                                  .claim_refused = phone_claim_refused};
}

/* ---- what phones and users do ---- */

void pick_up(struct user *u, struct played_call *p)
{
    p->answered = true;
    p->taken_at = smx_world_now(u->world);
    smx_client_call_answer(u->client, now_of(u), p->id);
}

static void take_call(struct user *u, struct played_call *p)
{
    smx_time now = now_of(u);

    if (u->refuse_with) {
        p->failed = true;
        p->over_at = smx_world_now(u->world);
        smx_client_call_refuse(u->client, now, p->id, u->refuse_with);
    } else if (!p->ringing) {
        p->ringing = true;
        smx_client_call_ringing(u->client, now, p->id);
    } else if (u->answers && !p->answered) {
        pick_up(u, p);
    }
}

void phone_acts(struct user *u)
{
    for (size_t i = 0; i < u->call_count; i++)
        if (!u->call[i].out && !is_over(&u->call[i]))
            take_call(u, &u->call[i]);
    for (size_t i = 0; i < u->text_count; i++)
        if (!u->text[i].out && !u->text[i].done) {
            u->text[i].done = true;
            smx_client_message_result(u->client, now_of(u), u->text[i].id, 200);
        }
}

struct smx_client_target target_name(const char *name)
{
    struct smx_client_target t = {.is_key = false};

    strcpy(t.user, name);
    return t;
}

struct smx_client_target target_key(const struct user *u)
{
    struct smx_client_target t = {.is_key = true};

    smx_base32_encode(t.user, u->public, sizeof u->public);
    return t;
}

struct played_call *place_call(struct user *u, struct smx_client_target to)
{
    struct played_call *p = new_call(u, true);

    smx_client_call(u->client, now_of(u), p->id, "", &to);
    return p;
}

void hang_up(struct user *u, struct played_call *p)
{
    p->ended = true;
    p->over_at = smx_world_now(u->world);
    smx_client_call_end(u->client, now_of(u), p->id);
}

size_t send_text(struct user *u, struct smx_client_target to, const char *text, size_t len)
{
    size_t i = u->text_count++;

    MUST(i < TEXTS_KEPT);
    memset(&u->text[i], 0, sizeof u->text[i]);
    u->text[i].out = true;
    u->text[i].id = 1000 + ++u->calls;
    smx_client_message(u->client, now_of(u), u->text[i].id, "", &to, text, len);
    return i;
}
