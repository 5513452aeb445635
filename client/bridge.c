#include "client/bridge.h"

#include <stdio.h>
#include <string.h>

enum { FROM_MAX = sizeof " <sip:@>" + SMX_CLIENT_DISPLAY + SMX_CLIENT_USER + SMX_NETWORK_DOMAIN }; /* bytes */

_Static_assert((int)SMX_CLIENT_DISPLAY == (int)SMX_UA_DISPLAY, "a name fits on both sides");

/* ---- the core speaks ---- */

static void write_from(const struct smx_bridge *b, char from[FROM_MAX], const char *user)
{
    snprintf(from, FROM_MAX, "sip:%s@%s", user, b->domain);
}

static void write_caller(const struct smx_bridge *b, char from[FROM_MAX], const char *user,
                         const char *display)
{
    if (display[0])
        snprintf(from, FROM_MAX, "%s <sip:%s@%s>", display, user, b->domain);
    else
        write_from(b, from, user);
}

static enum smx_err call_incoming(void *arg, smx_time now, const char *user, const char *display,
                                  const char *identity, uint32_t *call)
{
    struct smx_bridge *b = arg;
    char from[FROM_MAX];

    write_caller(b, from, user, display);
    return smx_ua_call_incoming(b->ua, now, from, identity, call);
}

static enum smx_err call_incoming_opus(void *arg, smx_time now, const char *user, const char *display,
                                       const char *identity, uint32_t *call)
{
    struct smx_bridge *b = arg;
    char from[FROM_MAX];

    write_caller(b, from, user, display);
    return smx_ua_call_incoming_opus(b->ua, now, from, identity, call);
}

static void call_ringing(void *arg, smx_time now, uint32_t call)
{
    smx_ua_call_ringing(((struct smx_bridge *)arg)->ua, now, call);
}

static void call_answered(void *arg, smx_time now, uint32_t call)
{
    smx_ua_call_answered(((struct smx_bridge *)arg)->ua, now, call);
}

static void call_answered_opus(void *arg, smx_time now, uint32_t call)
{
    smx_ua_call_answered_opus(((struct smx_bridge *)arg)->ua, now, call);
}

static void call_failed(void *arg, smx_time now, uint32_t call, unsigned code)
{
    smx_ua_call_failed(((struct smx_bridge *)arg)->ua, now, call, code);
}

static void call_ended(void *arg, smx_time now, uint32_t call)
{
    smx_ua_call_ended(((struct smx_bridge *)arg)->ua, now, call);
}

static void call_direction(void *arg, smx_time now, uint32_t call, uint8_t direction)
{
    smx_ua_call_direction(((struct smx_bridge *)arg)->ua, now, call, (enum smx_direction)(direction & 3));
}

static void call_key(void *arg, smx_time now, uint32_t call, struct smx_dtmf_key key)
{
    smx_ua_call_key(((struct smx_bridge *)arg)->ua, now, call, key);
}

static enum smx_err message_in(void *arg, smx_time now, uint32_t id, const char *user, const char *identity,
                               const char *text, size_t text_len)
{
    struct smx_bridge *b = arg;
    char from[FROM_MAX];

    write_from(b, from, user);
    return smx_ua_message_in(b->ua, now, id, from, identity, text, text_len);
}

static void message_done(void *arg, smx_time now, uint32_t id, unsigned code)
{
    smx_ua_message_done(((struct smx_bridge *)arg)->ua, now, id, code);
}

static bool media_take(void *arg, uint32_t call, smx_time now, struct smx_frame *frame)
{
    return smx_ua_media_take(((struct smx_bridge *)arg)->ua, call, now, frame);
}

static void media_put(void *arg, uint32_t call, smx_time now, const struct smx_frame *frame)
{
    smx_ua_media_put(((struct smx_bridge *)arg)->ua, call, now, frame);
}

static void network(void *arg, bool ready)
{
    smx_ua_network(((struct smx_bridge *)arg)->ua, ready);
}

static void identities(void *arg, const char *const *users, size_t count)
{
    smx_ua_identities(((struct smx_bridge *)arg)->ua, users, count);
}

static void claim_refused(void *arg, const char *name)
{
    smx_ua_claim_refused(((struct smx_bridge *)arg)->ua, name);
}

void smx_bridge_init(struct smx_bridge *b, struct smx_ua *ua, const char *domain)
{
    *b = (struct smx_bridge){.ua = ua,
                             .phone = {.arg = b,
                                       .call_incoming = call_incoming,
                                       .call_ringing = call_ringing,
                                       .call_answered = call_answered,
                                       .call_answered_opus = call_answered_opus,
                                       .call_failed = call_failed,
                                       .call_ended = call_ended,
                                       .call_direction = call_direction,
                                       .call_key = call_key,
                                       .message_in = message_in,
                                       .message_done = message_done,
                                       .media_take = media_take,
                                       .media_put = media_put,
                                       .network = network,
                                       .identities = identities,
                                       .claim_refused = claim_refused}};
    if (smx_ua_has_opus(ua))
        b->phone.call_incoming_opus = call_incoming_opus;
    snprintf(b->domain, sizeof b->domain, "%s", domain);
}

/* ---- the phones speak ---- */

static struct smx_client_target target_of(const struct smx_ua_target *t)
{
    struct smx_client_target to = {.is_key = t->kind == SMX_UA_KEY};

    snprintf(to.user, sizeof to.user, "%s", t->text);
    return to;
}

static void carry_out(struct smx_bridge *b, smx_time now, const struct smx_ua_order *o)
{
    struct smx_client_target to = target_of(&o->target);

    to.unnamed = o->unnamed;
    memcpy(to.display, o->display, sizeof to.display);

    switch (o->kind) {
    case SMX_UA_CALL_START:
        (o->opus ? smx_client_call_opus : smx_client_call)(b->client, now, o->id, o->identity, &to);
        return;
    case SMX_UA_CALL_RINGING:
        smx_client_call_ringing(b->client, now, o->id);
        return;
    case SMX_UA_CALL_ANSWER:
        (o->opus ? smx_client_call_answer_opus : smx_client_call_answer)(b->client, now, o->id);
        return;
    case SMX_UA_CALL_REFUSE:
        smx_client_call_refuse(b->client, now, o->id, o->code);
        return;
    case SMX_UA_CALL_END:
        smx_client_call_end(b->client, now, o->id);
        return;
    case SMX_UA_CALL_DIRECTION:
        smx_client_call_direction(b->client, now, o->id, (uint8_t)o->code);
        return;
    case SMX_UA_CALL_KEY:
        smx_client_call_key(b->client, now, o->id, o->key);
        return;
    case SMX_UA_MESSAGE_SEND:
        smx_client_message(b->client, now, o->id, o->identity, &to, o->text, o->text_len);
        return;
    case SMX_UA_MESSAGE_RESULT:
        smx_client_message_result(b->client, now, o->id, o->code);
        return;
    case SMX_UA_CLAIM:
        smx_client_claim(b->client, now, to.user);
        return;
    }
}

void smx_bridge_orders(struct smx_bridge *b, smx_time now)
{
    const struct smx_ua_order *o;

    while ((o = smx_ua_next_order(b->ua)) != NULL)
        carry_out(b, now, o);
}
