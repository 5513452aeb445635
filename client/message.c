/* client/message.c - messages: through the pipe that there is to that peer, else by a free slot, which then
 * keeps its pipe for a while, since an answer often follows. out  waits for a pipe --> sent --RESULT--> done
 * in  shown to the phone --its result--> RESULT */
#include "client/core.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

enum {
    OUT_MS = 25000, /* the phone gives up after 30 s */
    IN_MS = 25000,
    HOLD_MIN_MS = 20000, /* a pipe is kept for so long after its last message */
    HOLD_SPREAD_MS = 40000,
    HOLD_PEER_MS = 70000, /* who did not make the pipe waits longer than who did */
};

static void forget(struct text_out *t)
{
    if (t->text)
        sodium_memzero(t->text, t->len);
    free(t->text);
    sodium_memzero(t, sizeof *t);
}

void smx_messages_free(struct smx_client *c)
{
    for (size_t i = 0; i < TEXTS; i++)
        forget(&c->text_out[i]);
}

static void done(struct smx_client *c, smx_time now, struct text_out *t, unsigned code)
{
    uint32_t id = t->id;

    forget(t);
    c->count.messages += code == 200;
    c->phone->message_done(c->phone->arg, now, id, code);
}

static bool is_for(const struct meeting *m, const struct text_out *t)
{
    return m->out && m->identity == t->identity && m->target.is_key == t->target.is_key &&
           m->target.unnamed == t->target.unnamed && strcmp(m->target.user, t->target.user) == 0;
}

static void hold(struct smx_client *c, smx_time now, struct meeting *m)
{
    m->hold =
        now + (m->out ? SMX_MS(HOLD_MIN_MS) + smx_rng_below(&c->rng, (uint32_t)HOLD_SPREAD_MS) * SMX_MS(1)
                      : SMX_MS(HOLD_PEER_MS));
}

/* ---- out ---- */

static void send(struct smx_client *c, smx_time now, struct meeting *m, struct text_out *t)
{
    struct smx_record r = {
        .type = SMX_RECORD_MESSAGE, .id = (uint16_t)(m->texts + 1), .text = t->text, .text_len = t->len};

    if (!smx_pipe_send(m, &r))
        return; /* no room now: tried again at the next tick */
    t->sent = true;
    t->number = ++m->texts;
    t->meeting = (int)smx_meeting_number(c, m);
    hold(c, now, m);
}

/* Sends it if there is a pipe, or sees that there will be one. */
static void forward(struct smx_client *c, smx_time now, struct text_out *t)
{
    struct meeting *m = smx_meeting_with(c, t->identity, &t->target),
                   *spare = smx_meeting_free(c, t->identity, NULL);

    if (m && m->state == MEETING_OPEN)
        send(c, now, m, t);
    else if (spare && !m && !c->pending[t->identity].used)
        smx_meeting_begin(c, now, spare, &t->target);
}

void smx_client_message(struct smx_client *c, smx_time now, uint32_t id, const char *identity,
                        const struct smx_client_target *target, const char *text, size_t text_len)
{
    struct text_out *t = NULL;
    uint8_t *copy = NULL;
    unsigned code = 0;

    for (size_t i = 0; i < TEXTS && !t; i++)
        if (!c->text_out[i].used)
            t = &c->text_out[i];
    if (text_len > SMX_RECORD_TEXT)
        code = 413;
    else if (!smx_record_text_is_valid((const uint8_t *)text, text_len))
        code = 415;
    else if (!smx_client_is_ready(c) || !t || !(copy = malloc(text_len + 1))) /* + 1: never of size 0 */
        code = 503;
    if (code) {
        c->phone->message_done(c->phone->arg, now, id, code);
        return;
    }
    *t = (struct text_out){.used = true,
                           .id = id,
                           .identity = (uint8_t)smx_identity_find(c, identity),
                           .target = *target,
                           .deadline = now + SMX_MS(OUT_MS),
                           .len = text_len,
                           .text = copy};
    memcpy(copy, text, text_len);
    forward(c, now, t);
}

void smx_messages_flush(struct smx_client *c, smx_time now, struct meeting *m)
{
    for (size_t i = 0; i < TEXTS; i++)
        if (c->text_out[i].used && !c->text_out[i].sent && is_for(m, &c->text_out[i]))
            send(c, now, m, &c->text_out[i]);
}

bool smx_messages_wait(const struct smx_client *c, const struct meeting *m)
{
    int number = (int)smx_meeting_number(c, m);

    for (size_t i = 0; i < TEXTS; i++) {
        const struct text_out *t = &c->text_out[i];

        if ((t->used && (t->sent ? t->meeting == number : is_for(m, t))) ||
            (c->text_in[m->identity][i].used && c->text_in[m->identity][i].meeting == number))
            return true;
    }
    return false;
}

/* ---- in ---- */

static void result(struct smx_client *c, smx_time now, struct meeting *m, uint16_t number, unsigned code)
{
    uint16_t known = code == 200 || code == 413 || code == 415 ? (uint16_t)code : 480;
    struct smx_record r = {.type = SMX_RECORD_RESULT, .id = number, .code = known};

    (void)smx_pipe_send(m, &r); /* without room the sender hears nothing, and tells his user so */
    c->count.messages += known == 200;
    hold(c, now, m);
}

static void shown(struct smx_client *c, smx_time now, struct meeting *m, const struct smx_record *r)
{
    char key_text[SMX_KEY_TEXT];
    struct text_in *t = NULL;
    enum smx_err err = SMX_E_FULL;
    bool may_reach = smx_contact_may_reach(c, m);

    for (size_t i = 0; i < TEXTS && !t && may_reach; i++)
        if (!c->text_in[m->identity][i].used)
            t = &c->text_in[m->identity][i];
    if (t) {
        *t = (struct text_in){.used = true,
                              .id = ++c->texts_in,
                              .meeting = (int)smx_meeting_number(c, m),
                              .number = r->id,
                              .deadline = now + SMX_MS(IN_MS)};
        err = c->phone->message_in(c->phone->arg, now, t->id, smx_meeting_peer(c, m, key_text),
                                   smx_identity_user(c, m->identity), (const char *)r->text, r->text_len);
    }
    if (err == SMX_OK)
        return;
    if (t)
        t->used = false;
    result(c, now, m, r->id, err == SMX_E_MALFORMED ? 415 : 480);
}

void smx_client_message_result(struct smx_client *c, smx_time now, uint32_t id, unsigned code)
{
    for (size_t i = 0; i < (size_t)SMX_CLIENT_IDENTITIES * TEXTS; i++) {
        struct text_in *t = &c->text_in[i / TEXTS][i % TEXTS];

        if (!t->used || t->id != id)
            continue;
        t->used = false;
        result(c, now, &c->meeting[t->meeting], t->number, code);
        return;
    }
}

void smx_message_record(struct smx_client *c, smx_time now, struct meeting *m, const struct smx_record *r)
{
    if (r->type == SMX_RECORD_MESSAGE) {
        shown(c, now, m, r);
        return;
    }
    for (size_t i = 0; i < TEXTS; i++) {
        struct text_out *t = &c->text_out[i];

        if (!t->used || !t->sent || t->meeting != (int)smx_meeting_number(c, m) || t->number != r->id)
            continue;
        done(c, now, t, r->code);
        hold(c, now, m);
        return;
    }
}

/* ---- ends ---- */

void smx_messages_lost(struct smx_client *c, smx_time now, struct meeting *m, unsigned code)
{
    int number = (int)smx_meeting_number(c, m);

    for (size_t i = 0; i < TEXTS; i++) {
        struct text_out *t = &c->text_out[i];
        struct text_in *in = &c->text_in[m->identity][i];

        if (in->used && in->meeting == number)
            in->used = false;
        /* What was not sent yet still may be, over another pipe, unless this one failed to come about. */
        if (t->used && (t->sent ? t->meeting == number : m->state < MEETING_OPEN && is_for(m, t)))
            done(c, now, t, code);
    }
}

void smx_messages_expire(struct smx_client *c, smx_time now)
{
    for (size_t i = 0; i < TEXTS; i++) {
        struct text_out *t = &c->text_out[i];

        if (t->used && now >= t->deadline)
            done(c, now, t, 480);
        else if (t->used && !t->sent)
            forward(c, now, t);
        for (size_t k = 0; k < c->identity_count; k++) {
            struct text_in *in = &c->text_in[k][i];

            if (in->used && now >= in->deadline) {
                in->used = false;
                result(c, now, &c->meeting[in->meeting], in->number, 480);
            }
        }
    }
}
