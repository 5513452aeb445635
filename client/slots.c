/* client/slots.c - which meeting is on which slot, which is free, and which serves for whom.  Changes
 * nothing.
 */
#include "client/core.h"

#include <string.h>

enum { LIFE_MS = 500 }; /* a pipe that nothing was heard on for so long is no way to say something new */

size_t smx_meeting_number(const struct smx_client *c, const struct meeting *m)
{
    return (size_t)(m - c->meeting);
}

struct circuit *smx_meeting_circuit(struct smx_client *c, const struct meeting *m)
{
    return &c->circuit[m->slot];
}

struct meeting *smx_meetings_of(const struct smx_client *c, size_t identity)
{
    return &c->meeting[identity * c->slots_each];
}

struct meeting *smx_meeting_on(struct smx_client *c, size_t slot)
{
    struct meeting *m = c->meeting;

    while (m->slot != slot) /* one of them is there */
        m++;
    return m;
}

const char *smx_meeting_peer(const struct smx_client *c, const struct meeting *m, char key_text[SMX_KEY_TEXT])
{
    const struct contact *known = m->key_known ? smx_contact_by_key(c, m->identity, m->key) : NULL;

    if (!m->key_known)
        return "anonymous";
    if (known)
        return known->user;
    smx_base32_encode(key_text, m->key, SMX_DOC_KEY);
    return key_text;
}

bool smx_meeting_is_free(struct smx_client *c, const struct meeting *m)
{
    return m->state == MEETING_IDLE && m->cookie_ready && smx_circuit_is_open(smx_meeting_circuit(c, m));
}

bool smx_meeting_has_call(const struct meeting *m)
{
    return m->call.state != CALL_NONE && m->call.state != CALL_DECOY;
}

bool smx_meeting_is_only_kept_open(const struct smx_client *c, const struct meeting *m)
{
    return m->state == MEETING_OPEN && m->call.state == CALL_NONE && !smx_messages_wait(c, m);
}

/* A slot whose time has come is left alone, so that it can be renewed; the one for strangers serves them
 * first. */
static bool is_better(struct smx_client *c, const struct meeting *m, const struct meeting *than)
{
    const struct circuit *k = smx_meeting_circuit(c, m), *other = smx_meeting_circuit(c, than);
    int rank = k->due + k->overdue, other_rank = other->due + other->overdue;

    return rank != other_rank ? rank < other_rank : than->slot == c->screen[m->identity].slot;
}

struct meeting *smx_meeting_free(struct smx_client *c, size_t identity, const uint8_t *end)
{
    struct meeting *own = smx_meetings_of(c, identity), *found = NULL;

    for (size_t i = 0; i < c->slots_each; i++) {
        struct meeting *m = &own[i];
        const struct circuit *k = smx_meeting_circuit(c, m);

        if (!smx_meeting_is_free(c, m))
            continue;
        if (end && !k->due && memcmp(smx_circuit_end(k), end, SMX_RELAY_ID) == 0)
            return m;
        if (!found || is_better(c, m, found))
            found = m;
    }
    return found;
}

static bool same_target(const struct smx_client_target *a, const struct smx_client_target *b)
{
    return a->is_key == b->is_key && a->unnamed == b->unnamed && strcmp(a->user, b->user) == 0;
}

/* The peer's cells come each tick, whether or not he has anything to say.  A call that is on may outlive
 * their lack (client/move.c). */
static bool is_of_use(const struct smx_client *c, const struct meeting *m)
{
    return m->state > MEETING_LENT && m->state < MEETING_CLOSING &&
           (m->state != MEETING_OPEN || m->call.state != CALL_NONE || c->now < m->heard + SMX_MS(LIFE_MS));
}

struct meeting *smx_meeting_with(struct smx_client *c, size_t identity,
                                 const struct smx_client_target *target)
{
    struct meeting *own = smx_meetings_of(c, identity);
    const struct contact *known = smx_contact_by_user(c, identity, target->user);
    uint8_t key[SMX_DOC_KEY];
    bool has_key = true;

    if (target->unnamed)
        has_key = false; /* over none that knows us */
    else if (target->is_key)
        has_key = smx_base32_decode(key, sizeof key, target->user, strlen(target->user)) == SMX_OK;
    else if (known)
        memcpy(key, known->key, sizeof key);
    else
        has_key = false;
    for (size_t i = 0; i < c->slots_each; i++) {
        struct meeting *m = &own[i];

        if (is_of_use(c, m) && ((m->out && same_target(&m->target, target)) ||
                                (m->state == MEETING_OPEN && has_key && m->key_known && !m->target.unnamed &&
                                 memcmp(m->key, key, sizeof key) == 0)))
            return m;
    }
    return NULL;
}
