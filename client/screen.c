/* client/screen.c - who is answered, and with which slot.  Each identity has its own of all this.
 *
 * An introduction costs a slot for a while, so strangers get one at a time, and few in a minute; they are
 * answered in the same way whether the user is in a call or not.  A contact is always answered: by any free
 * slot, else a stranger makes room, or a pipe that a message has left open, and the introduction waits for
 * that.  A blocked one is a stranger here.  Timers: guest.until. */
#include "client/core.h"

#include <sodium.h>
#include <string.h>

enum {
    STRANGERS = 4,       /* in a row, */
    STRANGER_MS = 10000, /* then one in so long */
    GUEST_MS = 6000,     /* an introduction waits that long for its slot */
};

static bool read_introduction(struct smx_client *c, size_t identity, struct smx_meet *meet,
                              struct smx_meet_offer *offer, const uint8_t msg1[SMX_MEET_1])
{
    struct identity *id = &c->identity[identity];
    struct smx_meet_callee self;

    memcpy(self.pseudonym, id->own.public, sizeof self.pseudonym);
    memcpy(self.introduction, smx_circuit_end(smx_circuit_of(c, CIRCUIT_LISTEN, identity)),
           sizeof self.introduction);
    for (size_t i = 0; i < DAYS; i++) {
        struct day *d = &id->day[i];

        if (d->day == 0 || smx_day_makes_room(d) != SMX_OK)
            continue;
        memcpy(self.day_key, d->key.public, sizeof self.day_key);
        if (smx_meet_read(meet, offer, &d->memory, &self, &d->key, msg1) == SMX_OK) {
            c->changes |= SMX_CLIENT_STATE;
            return true;
        }
    }
    return false;
}

/* Does the user himself, as this identity, try to reach this key? */
static bool is_called(const struct smx_client *c, size_t identity, const uint8_t key[SMX_DOC_KEY])
{
    const struct meeting *own = smx_meetings_of(c, identity);

    for (size_t i = 0; i < c->slots_each; i++)
        if (smx_client_call_is_to(c, &own[i], key))
            return true;
    return false;
}

static bool stranger_is_served(const struct smx_client *c, size_t identity)
{
    const struct meeting *own = smx_meetings_of(c, identity);

    for (size_t i = 0; i < c->slots_each; i++)
        if (own[i].stranger && own[i].call.state != CALL_TALKING)
            return true;
    return false;
}

static bool stranger_may(struct smx_client *c, smx_time now, size_t identity)
{
    struct screen *s = &c->screen[identity];

    if (s->refill == 0) /* the first one since our start */
        s->tokens = STRANGERS;
    while (s->tokens < STRANGERS && now >= s->refill) {
        s->tokens++;
        s->refill += SMX_MS(STRANGER_MS);
    }
    if (s->tokens == 0 || stranger_is_served(c, identity))
        return false;
    if (s->tokens == STRANGERS)
        s->refill = now + SMX_MS(STRANGER_MS);
    s->tokens--;
    return true;
}

/* Always the same slot, as long as no call is on it: its end answers no matter whether the user is in a call.
 */
static struct meeting *slot_for_stranger(struct smx_client *c, size_t identity)
{
    struct screen *s = &c->screen[identity];
    struct meeting *m = smx_meeting_on(c, s->slot);

    for (size_t i = 0; i < c->slots_each && smx_meeting_has_call(m); i++) {
        s->slot = (uint8_t)(identity * c->slots_each + i);
        m = smx_meeting_on(c, s->slot);
    }
    return smx_meeting_is_free(c, m) ? m : NULL;
}

/* For a contact: a stranger who is not in a call goes, else a pipe that is only kept open. */
static void make_room(struct smx_client *c, smx_time now, size_t identity)
{
    struct meeting *own = smx_meetings_of(c, identity);

    for (size_t i = 0; i < c->slots_each; i++) {
        struct meeting *m = &own[i];

        if (m->stranger && m->call.state != CALL_TALKING) {
            smx_client_call_lost(c, now, m, 480);
            smx_meeting_close(c, now, m);
            return;
        }
    }
    for (size_t i = 0; i < c->slots_each; i++)
        if (smx_meeting_is_only_kept_open(c, &own[i])) {
            smx_meeting_close(c, now, &own[i]);
            return;
        }
}

static void forget_guest(struct screen *s)
{
    smx_meet_fini(&s->meet);
    s->waits = false;
}

/* Lets the one who waits in, if there is a slot for him. */
static void serve(struct smx_client *c, smx_time now, size_t identity)
{
    struct screen *s = &c->screen[identity];
    struct meeting *m =
        s->known ? smx_meeting_free(c, identity, s->offer.place.rendezvous) : slot_for_stranger(c, identity);

    if (!m)
        return;
    m->stranger = !s->known;
    smx_meeting_accept(c, now, m, &s->meet, &s->offer);
    forget_guest(s);
}

void smx_screen_introduced(struct smx_client *c, smx_time now, size_t identity, const uint8_t *msg1,
                           size_t len)
{
    struct screen *s = &c->screen[identity];
    struct smx_meet meet = {0};
    struct smx_meet_offer offer;
    bool known, called, ours;

    if (len != SMX_MEET_1 || !read_introduction(c, identity, &meet, &offer, msg1)) {
        c->count.introductions_refused++;
        smx_meet_fini(&meet);
        return;
    }
    called = offer.named && is_called(c, identity, offer.caller);
    known = called || (offer.named && smx_contact_by_key(c, identity, offer.caller) &&
                       !smx_contact_is_blocked(c, offer.caller));
    /* Glare: both call each other, and the call of the smaller key, ours, lives. */
    ours = called && memcmp(c->identity[identity].own.public, offer.caller, SMX_DOC_KEY) < 0;
    if (ours || (s->waits && (s->known || !known)) || (!known && !stranger_may(c, now, identity))) {
        c->count.introductions_refused++;
        smx_meet_fini(&meet);
        return;
    }
    forget_guest(s);
    s->waits = true;
    s->known = known;
    s->meet = meet;
    s->offer = offer;
    s->until = now + SMX_MS(GUEST_MS);
    sodium_memzero(&meet, sizeof meet);
    if (known && !smx_meeting_free(c, identity, NULL))
        make_room(c, now, identity);
    serve(c, now, identity);
}

void smx_screens_expire(struct smx_client *c, smx_time now)
{
    for (size_t i = 0; i < c->identity_count; i++) {
        struct screen *s = &c->screen[i];

        if (s->waits && s->known)
            smx_resume_make_room(c, now, i, s->offer.caller);
        if (s->waits)
            serve(c, now, i);
        if (s->waits && now >= s->until) {
            c->count.introductions_refused++;
            forget_guest(s);
        }
    }
}
