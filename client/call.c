/* client/call.c - calls: what the phone wants, what the peer says.
 *
 *   out  WANTED --pipe--> INVITED --RINGING--> AWAITED --ANSWER--> TALKING
 *   in   OFFERED --the phone rings--> RINGING --answered--> TALKING
 *   in   DECOY: a stranger hears it ring, and 480 after the ordinary time, whatever the reason; contacts are
 * told at once, and 486 if we are busy
 *
 * Each identity has its own calls, and knows nothing of those of another.  One call at a time rings; another
 * slot then still answers, as if nobody picked up.  With call waiting a
 * second one rings too, and the user may always make a second one: then no slot is left that could answer or
 * stand by, if there are two.  A stranger hears the same at the same times whether the user is free or not,
 * unless he is answered.  Contacts come first: a stranger stops ringing for them, and when the user dials.
 * Two who call each other at once (glare) have one call: that of the smaller key; the other's own attempt
 * becomes the answer.
 * A call that found a pipe, or a meeting that a message had begun, begins anew, once, when that comes to
 * nothing. */
#include "client/core.h"

#include <string.h>

enum {
    PENDING_MS = 4000, /* a call waits that long for a free slot */
    INVITED_MS = 8000, /* until the peer says anything */
    SILENT_MS = 2000,  /* on a pipe from before; by then one whose own half died has moved, if it can */
    RING_MS = 180000,  /* RFC 3261, timer C */
    DECOY_MS = 30000,  /* the ordinary ringing time */
    DECOY_SPREAD_MS = 5000,
    CALLS = 2, /* of the user's, at a time, as one identity */
};

enum { G711 = SMX_CODEC_PCMU | SMX_CODEC_PCMA }; /* what each client has, whatever its profile */

static void tell(struct smx_client *c, smx_time now, struct meeting *m, enum smx_record_type type,
                 uint16_t code)
{
    smx_pipe_say(c, now, m, &(struct smx_record){.type = type, .id = m->call.number, .code = code});
}

static struct meeting *find(struct smx_client *c, uint32_t id)
{
    for (size_t i = 0; i < c->slots; i++) {
        struct meeting *m = &c->meeting[i];

        if (smx_meeting_has_call(m) && m->call.id == id)
            return m;
    }
    return NULL;
}

/* Has the user so many calls as this identity, or is about to? */
static bool has_calls(const struct smx_client *c, size_t identity, size_t most)
{
    const struct meeting *own = smx_meetings_of(c, identity);
    size_t count = c->pending[identity].used;

    for (size_t i = 0; i < c->slots_each; i++)
        count += smx_meeting_has_call(&own[i]);
    return count >= most;
}

static bool may_call(const struct smx_client *c, size_t identity)
{
    return !c->pending[identity].used && !has_calls(c, identity, c->slots_each < CALLS ? 1 : CALLS);
}

/* The call is over; the pipe closes with it. */
static void over(struct smx_client *c, smx_time now, struct meeting *m)
{
    memset(&m->call, 0, sizeof m->call);
    smx_meeting_close(c, now, m);
}

/* ---- out ---- */

/* With a name or without, what goes out is as long. */
static void invite(struct smx_client *c, smx_time now, struct meeting *m)
{
    const char *display = m->call.target.unnamed ? "" : m->call.target.display;

    m->call.state = CALL_INVITED;
    m->call.number = ++m->calls;
    m->call.deadline = now + SMX_MS(INVITED_MS);
    smx_pipe_say(c, now, m,
                 &(struct smx_record){.type = SMX_RECORD_NAME,
                                      .id = m->call.number,
                                      .text = (const uint8_t *)display,
                                      .text_len = strlen(display)});
    if (m->call.state != CALL_INVITED)
        return;
    smx_pipe_say(c, now, m,
                 &(struct smx_record){.type = SMX_RECORD_INVITE,
                                      .id = m->call.number,
                                      .codecs = (uint8_t)(G711 | (m->call.opus ? SMX_CODEC_OPUS : 0))});
}

static void want(struct meeting *m, const struct pending_call *p, bool last_try)
{
    m->call = (struct call){.state = CALL_WANTED,
                            .id = p->id,
                            .out = true,
                            .last_try = last_try,
                            .opus = p->opus,
                            .target = p->target,
                            .deadline = SMX_NEVER};
}

/* A pipe that is only kept open makes room. */
static void make_room(struct smx_client *c, smx_time now, size_t identity)
{
    for (size_t i = 0; i < c->slots_each; i++) {
        struct meeting *m = &smx_meetings_of(c, identity)[i];

        if (smx_meeting_is_only_kept_open(c, m) ||
            (m->state == MEETING_OPEN && m->call.state == CALL_DECOY)) {
            smx_meeting_close(c, now, m);
            return;
        }
    }
}

/* A stranger who rings does so no more, and doesn't notice. */
static void hush(struct smx_client *c, smx_time now, struct meeting *m)
{
    uint32_t id = m->call.id;

    m->call.state = CALL_DECOY;
    c->phone->call_ended(c->phone->arg, now, id);
}

static void hush_strangers(struct smx_client *c, smx_time now, size_t identity)
{
    for (size_t i = 0; i < c->slots_each; i++) {
        struct meeting *m = &smx_meetings_of(c, identity)[i];

        if (m->stranger && (m->call.state == CALL_OFFERED || m->call.state == CALL_RINGING))
            hush(c, now, m);
    }
}

/* True when the call is on its way, or has failed. */
static bool place(struct smx_client *c, smx_time now, size_t identity, const struct pending_call *p)
{
    struct meeting *m = p->last_try ? NULL : smx_meeting_with(c, identity, &p->target);

    if (m && m->call.state == CALL_NONE) {
        want(m, p, false);
        smx_client_call_open(c, now, m);
        return true;
    }
    m = smx_meeting_free(c, identity, NULL);
    if (!m)
        return false;
    want(m, p, true);
    smx_meeting_begin(c, now, m, &p->target);
    return true;
}

static void place_or_wait(struct smx_client *c, smx_time now, size_t identity, struct pending_call p)
{
    if (place(c, now, identity, &p))
        return;
    p.used = true;
    p.deadline = now + SMX_MS(PENDING_MS);
    c->pending[identity] = p;
    make_room(c, now, identity);
}

/* False: it has had its chance. */
static bool begin_anew(struct smx_client *c, smx_time now, size_t identity, const struct call *k)
{
    if (!k->out || k->last_try || c->pending[identity].used)
        return false;
    /* placed at the next tick: what failed is still being tidied up */
    c->pending[identity] = (struct pending_call){.used = true,
                                                 .last_try = true,
                                                 .id = k->id,
                                                 .opus = k->opus,
                                                 .target = k->target,
                                                 .deadline = now + SMX_MS(PENDING_MS)};
    return true;
}

static void start(struct smx_client *c, smx_time now, uint32_t call, const char *user, bool opus,
                  const struct smx_client_target *target)
{
    size_t identity = smx_identity_find(c, user);

    hush_strangers(c, now, identity);
    if (smx_client_is_ready(c) && may_call(c, identity))
        place_or_wait(c, now, identity, (struct pending_call){.id = call, .opus = opus, .target = *target});
    else
        c->phone->call_failed(c->phone->arg, now, call, 503);
}

void smx_client_call(struct smx_client *c, smx_time now, uint32_t call, const char *identity,
                     const struct smx_client_target *target)
{
    start(c, now, call, identity, false, target);
}

void smx_client_call_opus(struct smx_client *c, smx_time now, uint32_t call, const char *identity,
                          const struct smx_client_target *target)
{
    start(c, now, call, identity, true, target);
}

void smx_client_call_open(struct smx_client *c, smx_time now, struct meeting *m)
{
    if (m->call.state == CALL_WANTED && m->state == MEETING_OPEN)
        invite(c, now, m);
    else if (m->call.state == CALL_NONE)
        smx_resume_open(c, now, m);
}

void smx_client_call_end(struct smx_client *c, smx_time now, uint32_t call)
{
    struct meeting *m = find(c, call);

    for (size_t i = 0; i < c->identity_count; i++)
        if (c->pending[i].used && c->pending[i].id == call)
            c->pending[i].used = false;
    if (!m)
        return;
    switch (m->call.state) {
    case CALL_INVITED:
    case CALL_AWAITED:
        tell(c, now, m, SMX_RECORD_CANCEL, 0);
        break;
    case CALL_OFFERED:
    case CALL_RINGING:
        tell(c, now, m, SMX_RECORD_REFUSE, 480);
        break;
    case CALL_TALKING:
        tell(c, now, m, SMX_RECORD_BYE, 0);
        break;
    case CALL_WANTED:
    case CALL_NONE:
    case CALL_DECOY:
        break;
    }
    over(c, now, m);
}

void smx_client_call_lost(struct smx_client *c, smx_time now, struct meeting *m, unsigned code)
{
    struct call call = m->call;

    memset(&m->call, 0, sizeof m->call);
    switch (call.state) {
    case CALL_NONE:
    case CALL_DECOY:
        return;
    case CALL_WANTED:
        if (code != 404 && begin_anew(c, now, m->identity, &call))
            return;
        c->phone->call_failed(c->phone->arg, now, call.id, code);
        return;
    case CALL_INVITED:
    case CALL_AWAITED:
        c->phone->call_failed(c->phone->arg, now, call.id, code);
        return;
    case CALL_OFFERED:
    case CALL_RINGING:
    case CALL_TALKING:
        c->phone->call_ended(c->phone->arg, now, call.id);
        return;
    }
}

/* ---- in ---- */

static void ring(struct smx_client *c, smx_time now, struct meeting *m)
{
    if (!m->call.told_ringing)
        tell(c, now, m, SMX_RECORD_RINGING, 0);
    m->call.told_ringing = true;
}

/* Nobody will answer.  A contact may know it, and why; to a stranger all reasons look alike. */
static void refuse(struct smx_client *c, smx_time now, struct meeting *m, uint16_t code)
{
    if (m->stranger) {
        m->call.state = CALL_DECOY;
        return;
    }
    tell(c, now, m, SMX_RECORD_REFUSE, code);
    over(c, now, m);
}

bool smx_client_call_is_to(const struct smx_client *c, const struct meeting *m,
                           const uint8_t key[SMX_DOC_KEY])
{
    const struct contact *known = smx_contact_by_user(c, m->identity, m->target.user);
    const uint8_t *to = m->key_known ? m->key : known ? known->key : NULL;

    /* unnamed, he can't know that the two calls are one, nor shall he learn it */
    return m->call.out && !m->target.unnamed && to && memcmp(to, key, SMX_DOC_KEY) == 0 &&
           (m->call.state == CALL_WANTED || m->call.state == CALL_INVITED || m->call.state == CALL_AWAITED);
}

static void talk(struct smx_client *c, struct meeting *m, bool in_opus)
{
    char key_text[SMX_KEY_TEXT];

    m->call.state = CALL_TALKING;
    m->call.deadline = SMX_NEVER;
    m->call.in_opus = in_opus;
    m->stranger = false;
    m->heard_all = m->heard_now = m->heard_before = (struct smx_view_heard){.due = 0};
    c->count.calls++;
    if (m->key_known &&
        !smx_contact_by_key(c, m->identity, m->key)) /* whom the user talks to is no stranger */
        smx_contact_add(c, m->identity, smx_meeting_peer(c, m, key_text), m->key);
    smx_pipe_talk(c, m);
}

static void answer(struct smx_client *c, smx_time now, struct meeting *m, bool in_opus)
{
    smx_pipe_say(c, now, m,
                 &(struct smx_record){.type = SMX_RECORD_ANSWER,
                                      .id = m->call.number,
                                      .codecs = in_opus ? SMX_CODEC_OPUS : SMX_CODEC_PCMU});
    if (m->call.state != CALL_NONE)
        talk(c, m, in_opus);
}

static void tell_answered(struct smx_client *c, smx_time now, const struct meeting *m)
{
    if (m->call.in_opus)
        c->phone->call_answered_opus(c->phone->arg, now, m->call.id);
    else
        c->phone->call_answered(c->phone->arg, now, m->call.id);
}

/* Glare: the peer's call is the one that lives, and our own attempt, here or on another slot, the answer to
 * it. */
static void adopt(struct smx_client *c, smx_time now, struct meeting *m, struct meeting *own,
                  const struct smx_record *r)
{
    uint32_t id = own->call.id;
    bool rang = own->call.state == CALL_AWAITED;
    bool opus = own->call.opus && (r->codecs & SMX_CODEC_OPUS) != 0;

    memset(&own->call, 0, sizeof own->call);
    if (own != m)
        smx_meeting_close(c, now, own);
    m->call = (struct call){.state = CALL_RINGING, .id = id, .number = r->id, .deadline = SMX_NEVER};
    ring(c, now, m);
    if (m->call.state == CALL_NONE)
        return;
    if (!rang)
        c->phone->call_ringing(c->phone->arg, now, id);
    answer(c, now, m, opus);
    if (m->call.state == CALL_TALKING)
        tell_answered(c, now, m);
}

/* The user's own call, as the same identity, to who invites here, or NULL. */
static struct meeting *own_attempt(struct smx_client *c, const struct meeting *m)
{
    struct meeting *own = smx_meetings_of(c, m->identity);

    for (size_t i = 0; m->key_known && i < c->slots_each; i++)
        if (smx_client_call_is_to(c, &own[i], m->key))
            return &own[i];
    return NULL;
}

/* The caller has begun anew, over this pipe, since he heard nothing on the one before: it is the same call.
 */
static bool goes_on(struct smx_client *c, smx_time now, struct meeting *m, const struct smx_record *r)
{
    for (size_t i = 0; m->key_known && i < c->slots_each; i++) {
        struct meeting *old = &smx_meetings_of(c, m->identity)[i];

        if (!old->key_known || memcmp(old->key, m->key, SMX_DOC_KEY) != 0 ||
            (old->call.state != CALL_OFFERED && old->call.state != CALL_RINGING))
            continue;
        m->call = old->call;
        m->call.number = r->id;
        m->call.told_ringing = false;
        m->stranger = old->stranger;
        memset(&old->call, 0, sizeof old->call);
        smx_meeting_close(c, now, old);
        if (m->stranger || m->call.state == CALL_RINGING)
            ring(c, now, m);
        return true;
    }
    return false;
}

/* What the caller calls himself, for whom the user does not know by a name. */
static const char *display_of(const struct smx_client *c, const struct meeting *m)
{
    const struct contact *known = m->key_known ? smx_contact_by_key(c, m->identity, m->key) : NULL;
    bool has_name = known && strlen(known->user) <= SMX_NAME_MAX;

    return m->key_known && !has_name && m->display_of == m->call.number ? m->display : "";
}

static void invited(struct smx_client *c, smx_time now, struct meeting *m, const struct smx_record *r)
{
    char key_text[SMX_KEY_TEXT];
    struct meeting *own = own_attempt(c, m);
    bool opus = (r->codecs & SMX_CODEC_OPUS) != 0 && c->phone->call_incoming_opus != NULL, busy, may_ring;

    if (own) {
        if (memcmp(m->key, c->identity[m->identity].own.public, SMX_DOC_KEY) < 0)
            adopt(c, now, m, own, r);
        return; /* else he adopts ours */
    }
    if (m->call.state != CALL_NONE || goes_on(c, now, m, r))
        return; /* one at a time in a pipe; the caller hears nothing, and gives up */
    may_ring = smx_contact_may_reach(c, m);
    m->stranger = m->stranger || !may_ring;
    if (!m->stranger)
        hush_strangers(c, now, m->identity);
    busy = has_calls(c, m->identity, c->call_waiting ? CALLS : 1);
    m->call = (struct call){
        .state = CALL_OFFERED, .number = r->id, .opus = opus, .deadline = now + SMX_MS(RING_MS)};
    if (m->stranger) {
        m->call.deadline =
            now + SMX_MS(DECOY_MS) + smx_rng_below(&c->rng, (uint32_t)DECOY_SPREAD_MS) * SMX_MS(1);
        ring(c, now, m);
    }
    if (!may_ring)
        refuse(c, now, m, 480);
    else if (busy)
        refuse(c, now, m, 486);
    else if ((r->codecs & G711) == 0) /* each phone has that, and not each the other */
        refuse(c, now, m, 488);
    else if ((opus ? c->phone->call_incoming_opus : c->phone->call_incoming)(
                 c->phone->arg, now, smx_meeting_peer(c, m, key_text), display_of(c, m),
                 smx_identity_user(c, m->identity), &m->call.id) != SMX_OK)
        refuse(c, now, m, 480);
}

void smx_client_call_ringing(struct smx_client *c, smx_time now, uint32_t call)
{
    struct meeting *m = find(c, call);

    if (!m || m->call.state != CALL_OFFERED)
        return;
    m->call.state = CALL_RINGING;
    ring(c, now, m);
}

void smx_client_call_answer(struct smx_client *c, smx_time now, uint32_t call)
{
    struct meeting *m = find(c, call);

    if (m && (m->call.state == CALL_OFFERED || m->call.state == CALL_RINGING))
        answer(c, now, m, false);
}

void smx_client_call_answer_opus(struct smx_client *c, smx_time now, uint32_t call)
{
    struct meeting *m = find(c, call);

    if (m && (m->call.state == CALL_OFFERED || m->call.state == CALL_RINGING) && m->call.opus)
        answer(c, now, m, true);
}

void smx_client_call_refuse(struct smx_client *c, smx_time now, uint32_t call, unsigned code)
{
    struct meeting *m = find(c, call);

    if (m && (m->call.state == CALL_OFFERED || m->call.state == CALL_RINGING))
        refuse(c, now, m, code == 486 || code == 603 ? (uint16_t)code : 480);
}

void smx_client_call_restate(struct smx_client *c, smx_time now, struct meeting *m)
{
    if (m->call.has_direction)
        smx_pipe_say(c, now, m,
                     &(struct smx_record){
                         .type = SMX_RECORD_HOLD, .id = m->call.number, .direction = m->call.direction});
}

void smx_client_call_direction(struct smx_client *c, smx_time now, uint32_t call, uint8_t direction)
{
    struct meeting *m = find(c, call);

    if (!m || m->call.state != CALL_TALKING)
        return;
    m->call.has_direction = true;
    m->call.direction = direction;
    smx_client_call_restate(c, now, m);
}

void smx_client_call_key(struct smx_client *c, smx_time now, uint32_t call, struct smx_dtmf_key key)
{
    struct meeting *m = find(c, call);

    if (m && m->call.state == CALL_TALKING)
        smx_pipe_say(
            c, now, m,
            &(struct smx_record){
                .type = SMX_RECORD_KEY, .id = m->call.number, .event = key.event, .slots = key.slots});
}

/* ---- what the peer says ---- */

static void answered(struct smx_client *c, smx_time now, struct meeting *m, const struct smx_record *r)
{
    bool in_opus = r->codecs == SMX_CODEC_OPUS;

    if (in_opus && !m->call.opus) { /* which was not offered */
        tell(c, now, m, SMX_RECORD_BYE, 0);
        smx_client_call_lost(c, now, m, 488);
        smx_meeting_close(c, now, m);
        return;
    }
    talk(c, m, in_opus);
    tell_answered(c, now, m);
}

void smx_client_call_record(struct smx_client *c, smx_time now, struct meeting *m, const struct smx_record *r)
{
    struct call *k = &m->call;
    bool ours = k->state != CALL_NONE && k->number == r->id;
    bool asked = ours && (k->state == CALL_INVITED || k->state == CALL_AWAITED);

    if (r->type == SMX_RECORD_INVITE) {
        invited(c, now, m, r);
    } else if (r->type == SMX_RECORD_RINGING && ours && k->state == CALL_INVITED) {
        k->state = CALL_AWAITED;
        k->deadline = now + SMX_MS(RING_MS);
        c->phone->call_ringing(c->phone->arg, now, k->id);
    } else if (r->type == SMX_RECORD_ANSWER && asked) {
        answered(c, now, m, r);
    } else if (r->type == SMX_RECORD_REFUSE && asked) {
        smx_client_call_lost(c, now, m, r->code);
        smx_meeting_close(c, now, m);
    } else if (r->type == SMX_RECORD_HOLD && ours && k->state == CALL_TALKING) {
        if (c->phone->call_direction)
            c->phone->call_direction(c->phone->arg, now, k->id, r->direction);
    } else if (r->type == SMX_RECORD_KEY && ours && k->state == CALL_TALKING) {
        if (c->phone->call_key)
            c->phone->call_key(c->phone->arg, now, k->id, (struct smx_dtmf_key){r->event, r->slots});
    } else if ((r->type == SMX_RECORD_CANCEL && ours && !k->out) || (r->type == SMX_RECORD_BYE && ours)) {
        /* CANCEL may cross our ANSWER: he is gone all the same */
        smx_client_call_lost(c, now, m, 480);
        smx_meeting_close(c, now, m);
    }
}

/* ---- time ---- */

/* Nobody has said a word about it, or anything at all, on a pipe from before. */
static void leave_silent(struct smx_client *c, smx_time now, struct meeting *m)
{
    if (m->call.state != CALL_INVITED || now < m->heard + SMX_MS(SILENT_MS) ||
        !begin_anew(c, now, m->identity, &m->call))
        return;
    memset(&m->call, 0, sizeof m->call);
    smx_messages_lost(c, now, m, 480);
    smx_meeting_leave(c, now, m);
}

static void call_expire(struct smx_client *c, smx_time now, struct meeting *m)
{
    leave_silent(c, now, m);
    if (m->call.state == CALL_NONE || now < m->call.deadline)
        return;
    if (m->call.out)
        tell(c, now, m, SMX_RECORD_CANCEL, 0);
    else
        tell(c, now, m, SMX_RECORD_REFUSE, 480);
    smx_client_call_lost(c, now, m, 480);
    smx_meeting_close(c, now, m);
}

static void pending_expire(struct smx_client *c, smx_time now, size_t identity)
{
    struct pending_call p = c->pending[identity];

    c->pending[identity].used = false;
    if (place(c, now, identity, &p))
        return;
    if (now >= p.deadline)
        c->phone->call_failed(c->phone->arg, now, p.id, 480);
    else
        c->pending[identity].used = true;
}

void smx_client_calls_expire(struct smx_client *c, smx_time now)
{
    bool waited[SMX_CLIENT_IDENTITIES] = {false}; /* what begins to wait now does so until the next tick */

    for (size_t i = 0; i < c->identity_count; i++)
        waited[i] = c->pending[i].used;
    for (size_t i = 0; i < c->slots; i++)
        call_expire(c, now, &c->meeting[i]);
    for (size_t i = 0; i < c->identity_count; i++)
        if (waited[i] && c->pending[i].used)
            pending_expire(c, now, i);
}
