#include "client/core.h"

#include <stdlib.h>
#include <string.h>

enum smx_err smx_errand_ask(struct smx_client *c, smx_time now, size_t identity, enum smx_service type,
                            const void *content, size_t len, enum asker asker, size_t at, unsigned tries,
                            smx_time patience)
{
    struct request *r = NULL;
    uint8_t *bytes;

    for (size_t i = 0; i < REQUESTS && !r; i++)
        if (!c->request[i].used)
            r = &c->request[i];
    if (!r)
        return SMX_E_FULL;
    bytes = malloc(SMX_SERVICE_HEAD + len);
    if (!bytes)
        return SMX_E_MEMORY;
    *r = (struct request){.used = true,
                          .asker = asker,
                          .at = (uint8_t)at,
                          .identity = (uint8_t)identity,
                          .tries = (uint8_t)tries,
                          .number = ++c->requests,
                          .deadline = now + patience,
                          .patience = patience,
                          .len = (uint16_t)(SMX_SERVICE_HEAD + len),
                          .bytes = bytes};
    (void)smx_service_encode(bytes, &(struct smx_service_msg){type, r->number, content, len});
    return SMX_OK;
}

static void forget(struct request *r)
{
    free(r->bytes);
    *r = (struct request){.used = false};
}

void smx_errand_forget(struct smx_client *c, enum asker asker, size_t at)
{
    for (size_t i = 0; i < REQUESTS; i++)
        if (c->request[i].used && c->request[i].asker == asker && c->request[i].at == at)
            forget(&c->request[i]);
}

void smx_errand_free(struct smx_client *c)
{
    for (size_t i = 0; i < REQUESTS; i++)
        forget(&c->request[i]);
}

static void answered(struct smx_client *c, smx_time now, const struct request *r,
                     const struct smx_service_msg *m)
{
    if (m->type == SMX_SERVICE_ANSWER && r->asker == ASKER_MEETING)
        smx_meeting_answer(c, now, r->at, m->content, m->len);
    else if (m->type == SMX_SERVICE_ANSWER && r->asker == ASKER_CHECK)
        smx_identity_checked(c, r->at, now, m->content, m->len);
    else if (m->type == SMX_SERVICE_UPLOAD_ACK && r->asker == ASKER_IDENTITY)
        smx_identity_uploaded(c, r->at, now, m->content[0], m->content + 1, m->len - 1);
    else if (m->type == SMX_SERVICE_CONSENSUS && r->asker == ASKER_UPLINK)
        smx_uplink_answer(c, now, c->wall, m->content, m->len);
    /* INTRODUCE_ACK says nothing but that the request arrived. */
}

void smx_errand_message(struct smx_client *c, smx_time now, size_t identity, const uint8_t *msg, size_t len)
{
    struct smx_service_msg m;

    if (smx_service_decode(&m, msg, len) != SMX_OK)
        return;
    for (size_t i = 0; i < REQUESTS; i++) {
        struct request r = c->request[i];

        /* each answer's type is its request's plus one */
        if (!r.used || r.identity != identity || r.number != m.request || (unsigned)m.type != r.bytes[0] + 1U)
            continue;
        forget(&c->request[i]);
        if (r.asker == ASKER_UPLINK && r.sendings == 1) /* else there may be another one on its way */
            smx_circuit_of(c, CIRCUIT_ERRAND, identity)->channel->done = true;
        answered(c, now, &r, &m);
        return;
    }
}

void smx_errand_opened(struct smx_client *c, size_t identity)
{
    for (size_t i = 0; i < REQUESTS; i++) {
        struct request *r = &c->request[i];

        if (!r->used || r->identity != identity)
            continue;
        r->sent = false;
        r->sendings = 0; /* on this circuit */
        if (r->asker == ASKER_CHECK) {
            uint8_t at = r->at;

            forget(r);
            smx_identity_moved(c, at);
        }
    }
}

static void give_up(struct smx_client *c, smx_time now, struct request *r)
{
    struct request lost = *r;

    forget(r);
    c->count.requests_lost++;
    switch (lost.asker) {
    case ASKER_MEETING:
        smx_meeting_unanswered(c, now, lost.at);
        return;
    case ASKER_IDENTITY:
        smx_identity_unanswered(c, lost.at, now);
        return;
    case ASKER_CHECK:
        smx_identity_unchecked(c, lost.at, now);
        return;
    case ASKER_UPLINK:
        smx_uplink_unanswered(c, now);
        return;
    }
}

/* Only a consensus is long. */
static bool has_room_for_answer(const struct request *r, struct circuit *k)
{
    return r->asker != ASKER_UPLINK || smx_channel_widen(k->channel) == SMX_OK;
}

void smx_errand_expire(struct smx_client *c, smx_time now)
{
    for (size_t i = 0; i < c->identity_count; i++) {
        struct circuit *k = smx_circuit_of(c, CIRCUIT_ERRAND, i);

        if (k->channel->done)
            smx_channel_narrow(k->channel);
    }
    for (size_t i = 0; i < REQUESTS; i++) {
        struct request *r = &c->request[i];
        struct circuit *k = smx_circuit_of(c, CIRCUIT_ERRAND, r->identity);

        if (!r->used)
            continue;
        if (now >= r->deadline) {
            if (--r->tries == 0) {
                give_up(c, now, r);
                continue;
            }
            r->sent = false;
            r->deadline = now + r->patience;
            smx_origin_doubt(&k->origin, now);
        }
        if (r->sent || !smx_circuit_is_open(k) || !has_room_for_answer(r, k))
            continue;
        r->sent = smx_channel_send(k->channel, r->bytes, r->len) == SMX_OK;
        r->sendings += r->sent;
    }
}
