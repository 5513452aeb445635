#include "sim/user.h"

#include "proto/base/base32.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct smx_sim_call *call_of(struct smx_sim_user *u, uint32_t id)
{
    for (size_t i = 0; i < u->call_count; i++)
        if (u->call[i].id == id)
            return &u->call[i];
    SMX_SIM_MUST(!"a call of the phone's");
    return NULL;
}

smx_time smx_sim_user_now(const struct smx_sim_user *u)
{
    return u->node == SMX_SIM_NODE_NONE ? smx_world_now(u->world) : smx_world_local(u->world, u->node);
}

bool smx_sim_call_is_over(const struct smx_sim_call *p)
{
    return p->ended || p->failed;
}

static struct smx_sim_call *new_call(struct smx_sim_user *u, bool out)
{
    struct smx_sim_call *p;

    if (u->call_count == u->calls_max)
        smx_sim_user_forget(u);
    SMX_SIM_MUST(u->call_count < u->calls_max);
    p = &u->call[u->call_count++];
    *p = (struct smx_sim_call){.id = ++u->calls, .out = out, .placed = smx_world_now(u->world)};
    return p;
}

void smx_sim_user_forget(struct smx_sim_user *u)
{
    size_t kept = 0;

    for (size_t i = 0; i < u->call_count; i++)
        if (!smx_sim_call_is_over(&u->call[i]))
            memmove(&u->call[kept++], &u->call[i], sizeof u->call[0]);
    u->call_count = kept;
    kept = 0;
    for (size_t i = 0; i < u->text_count; i++)
        if (!u->text[i].done)
            memmove(&u->text[kept++], &u->text[i], sizeof u->text[0]);
    u->text_count = kept;
}

static void tell(struct smx_sim_user *u, const struct smx_sim_call *p)
{
    if (u->follower && u->follower->call)
        u->follower->call(u->follower->arg, u, p);
}

/* ---- what the client tells the phone ---- */

static enum smx_err phone_incoming(void *arg, smx_time now, const char *from, const char *display,
                                   const char *identity, uint32_t *call)
{
    struct smx_sim_user *u = arg;
    struct smx_sim_call *p;

    (void)now;
    if (u->absent)
        return SMX_E_ABSENT;
    p = new_call(u, false);
    snprintf(p->from, sizeof p->from, "%s", from);
    snprintf(p->says, sizeof p->says, "%s", display);
    snprintf(p->to, sizeof p->to, "%s", identity);
    *call = p->id;
    if (u->follower && u->follower->incoming)
        p->refuse_with = u->follower->incoming(u->follower->arg, u, p);
    return SMX_OK;
}

static enum smx_err phone_incoming_opus(void *arg, smx_time now, const char *from, const char *display,
                                        const char *identity, uint32_t *call)
{
    enum smx_err err = phone_incoming(arg, now, from, display, identity, call);

    if (err == SMX_OK)
        call_of(arg, *call)->opus = ((struct smx_sim_user *)arg)->opus;
    return err;
}

static void phone_ringing(void *arg, smx_time now, uint32_t call)
{
    struct smx_sim_user *u = arg;
    struct smx_sim_call *p = call_of(u, call);

    (void)now;
    p->ringing = true;
    p->rang = smx_world_now(u->world);
    tell(u, p);
}

static void phone_answered(void *arg, smx_time now, uint32_t call)
{
    struct smx_sim_user *u = arg;
    struct smx_sim_call *p = call_of(u, call);

    (void)now;
    p->answered = true;
    p->taken_at = smx_world_now(u->world);
    p->opus = false;
    tell(u, p);
}

static void phone_answered_opus(void *arg, smx_time now, uint32_t call)
{
    phone_answered(arg, now, call);
    call_of(arg, call)->opus = true;
}

static void phone_failed(void *arg, smx_time now, uint32_t call, unsigned code)
{
    struct smx_sim_user *u = arg;
    struct smx_sim_call *p = call_of(u, call);

    (void)now;
    SMX_SIM_MUST(!smx_sim_call_is_over(p)); /* a phone is answered once */
    p->failed = true;
    p->code = code;
    p->over_at = smx_world_now(u->world);
    tell(u, p);
}

static void phone_direction(void *arg, smx_time now, uint32_t call, uint8_t direction)
{
    (void)now;
    call_of(arg, call)->far_direction = direction;
}

static void phone_ended(void *arg, smx_time now, uint32_t call)
{
    struct smx_sim_user *u = arg;
    struct smx_sim_call *p = call_of(u, call);

    (void)now;
    p->ended = true;
    p->over_at = smx_world_now(u->world);
    tell(u, p);
}

static enum smx_err phone_message_in(void *arg, smx_time now, uint32_t id, const char *from,
                                     const char *identity, const char *text, size_t len)
{
    struct smx_sim_user *u = arg;

    (void)now;
    (void)identity;
    if (u->absent)
        return SMX_E_ABSENT;
    SMX_SIM_MUST(u->text_count < u->texts_max);
    memset(&u->text[u->text_count], 0, sizeof u->text[0]);
    u->text[u->text_count].id = id;
    u->text[u->text_count].len = len;
    snprintf(u->text[u->text_count].from, sizeof u->text[0].from, "%s", from);
    memcpy(u->text[u->text_count++].text, text, len);
    return SMX_OK;
}

static void phone_message_done(void *arg, smx_time now, uint32_t id, unsigned code)
{
    struct smx_sim_user *u = arg;

    (void)now;
    for (size_t i = 0; i < u->text_count; i++)
        if (u->text[i].out && u->text[i].id == id) {
            SMX_SIM_MUST(!u->text[i].done);
            u->text[i].done = true;
            u->text[i].code = code;
            return;
        }
    SMX_SIM_MUST(!"a message of the phone's");
}

/* Frame n of a call is n in each of its bytes' places, so that a missing one shows. */
static bool phone_take(void *arg, uint32_t call, smx_time now, struct smx_frame *frame)
{
    struct smx_sim_user *u = arg;
    struct smx_sim_call *p = call_of(u, call);

    (void)now;
    if (u->follower && u->follower->take)
        return u->follower->take(u->follower->arg, u, p, frame);
    p->frames_out++;
    frame->codec = p->opus ? SMX_FRAME_OPUS : SMX_FRAME_PCMU;
    frame->len = 60;
    for (size_t i = 0; i < SMX_FRAME_PAYLOAD; i++)
        frame->payload[i] = (uint8_t)(p->frames_out >> 8 * (i % 4));
    return true;
}

static void phone_put(void *arg, uint32_t call, smx_time now, const struct smx_frame *frame)
{
    struct smx_sim_user *u = arg;
    struct smx_sim_call *p = call_of(u, call);
    uint32_t n = 0;

    (void)now;
    if (u->follower && u->follower->put) {
        u->follower->put(u->follower->arg, u, p, frame);
        return;
    }
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
    ((struct smx_sim_user *)arg)->ready = ready;
}

static void phone_identities(void *arg, const char *const *users, size_t count)
{
    struct smx_sim_user *u = arg;

    SMX_SIM_MUST(count <= SMX_SIM_OWN);
    u->own_count = count;
    for (size_t i = 0; i < count; i++)
        snprintf(u->own[i], sizeof u->own[i], "%s", users[i]);
}

static void phone_claim_refused(void *arg, const char *name)
{
    struct smx_sim_user *u = arg;

    snprintf(u->refused, sizeof u->refused, "%s", name);
}

void smx_sim_user_init(struct smx_sim_user *u, struct smx_world *world, size_t calls_max, size_t texts_max)
{
    *u = (struct smx_sim_user){.world = world, .calls_max = calls_max, .texts_max = texts_max};
    u->call = calloc(calls_max, sizeof *u->call);
    u->text = calloc(texts_max, sizeof *u->text);
    SMX_SIM_MUST((u->call || calls_max == 0) && (u->text || texts_max == 0));
    u->phone = (struct smx_phone){.arg = u,
                                  .call_incoming = phone_incoming,
                                  .call_incoming_opus = phone_incoming_opus,
                                  .call_answered_opus = phone_answered_opus,
                                  .call_ringing = phone_ringing,
                                  .call_answered = phone_answered,
                                  .call_failed = phone_failed,
                                  .call_ended = phone_ended,
                                  .call_direction = phone_direction,
                                  .message_in = phone_message_in,
                                  .message_done = phone_message_done,
                                  .media_take = phone_take,
                                  .media_put = phone_put,
                                  .network = phone_network,
                                  .identities = phone_identities,
                                  .claim_refused = phone_claim_refused};
}

void smx_sim_user_fini(struct smx_sim_user *u)
{
    smx_client_free(u->client);
    free(u->call);
    free(u->text);
}

/* ---- what phones and users do ---- */

void smx_sim_call_pick_up(struct smx_sim_user *u, struct smx_sim_call *p)
{
    p->answered = true;
    p->taken_at = smx_world_now(u->world);
    (p->opus ? smx_client_call_answer_opus : smx_client_call_answer)(u->client, smx_sim_user_now(u), p->id);
}

static void take_call(struct smx_sim_user *u, struct smx_sim_call *p)
{
    smx_time now = smx_sim_user_now(u);

    if (u->refuse_with || p->refuse_with) {
        p->failed = true;
        p->over_at = smx_world_now(u->world);
        smx_client_call_refuse(u->client, now, p->id, u->refuse_with ? u->refuse_with : p->refuse_with);
    } else if (!p->ringing) {
        p->ringing = true;
        smx_client_call_ringing(u->client, now, p->id);
    } else if (u->answers && !p->answered) {
        smx_sim_call_pick_up(u, p);
    }
}

void smx_sim_user_acts(struct smx_sim_user *u)
{
    for (size_t i = 0; i < u->call_count; i++)
        if (!u->call[i].out && !smx_sim_call_is_over(&u->call[i]))
            take_call(u, &u->call[i]);
    for (size_t i = 0; i < u->text_count; i++)
        if (!u->text[i].out && !u->text[i].done) {
            u->text[i].done = true;
            smx_client_message_result(u->client, smx_sim_user_now(u), u->text[i].id, 200);
        }
}

struct smx_client_target smx_sim_target_name(const char *name)
{
    struct smx_client_target t = {.is_key = false};

    snprintf(t.user, sizeof t.user, "%s", name);
    return t;
}

struct smx_client_target smx_sim_target_key(const struct smx_sim_user *u)
{
    struct smx_client_target t = {.is_key = true};

    smx_base32_encode(t.user, u->public, sizeof u->public);
    return t;
}

struct smx_sim_call *smx_sim_call_place(struct smx_sim_user *u, struct smx_client_target to)
{
    struct smx_sim_call *p = new_call(u, true);

    (u->opus ? smx_client_call_opus : smx_client_call)(u->client, smx_sim_user_now(u), p->id, "", &to);
    return p;
}

void smx_sim_call_hang_up(struct smx_sim_user *u, struct smx_sim_call *p)
{
    p->ended = true;
    p->over_at = smx_world_now(u->world);
    smx_client_call_end(u->client, smx_sim_user_now(u), p->id);
}

size_t smx_sim_text_send(struct smx_sim_user *u, struct smx_client_target to, const char *text, size_t len)
{
    size_t i = u->text_count++;

    SMX_SIM_MUST(i < u->texts_max);
    memset(&u->text[i], 0, sizeof u->text[i]);
    u->text[i].out = true;
    u->text[i].id = 1000 + ++u->calls;
    smx_client_message(u->client, smx_sim_user_now(u), u->text[i].id, "", &to, text, len);
    return i;
}
