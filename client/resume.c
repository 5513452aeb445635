/* client/resume.c - a call that has gone silent goes on over a new meeting.
 *
 * When a slot dies the pipe moves to another (client/move.c).  That comes to nothing when the peer's way back
 * died with ours, or before he had heard of it.  Then who made the call introduces himself again; the old
 * pipe stays until the new one stands, and if it has come back to life by then, the new one is not needed.
 * The phones notice nothing.  Source: docs/protocol/45-meeting.md, section 7.
 *
 *   caller   silent --LOOKUP, INTRODUCE, MET--> RESUME, goes on over the new pipe
 *   callee   RESUME --the call is on--> goes on over the new pipe
 *                   --it is over------> BYE
 */
#include "client/core.h"

#include <string.h>

enum {
    MOVED_BY_MS = 800,     /* silence after which a pipe whose move has failed is given up */
    SILENT_MS = 1500,      /* and any: the peer's move takes no longer */
    STILL_SILENT_MS = 500, /* when the new pipe stands */
};

/* The call with this key, made by us or by him; NULL: there is none. */
static struct meeting *call_with(struct smx_client *c, size_t identity, const uint8_t key[SMX_DOC_KEY],
                                 bool out)
{
    for (size_t i = 0; i < c->slots_each; i++) {
        struct meeting *m = &smx_meetings_of(c, identity)[i];

        if (m->call.state == CALL_TALKING && m->call.out == out && m->key_known &&
            memcmp(m->key, key, SMX_DOC_KEY) == 0)
            return m;
    }
    return NULL;
}

static void take_over(struct smx_client *c, smx_time now, struct meeting *m, struct meeting *old,
                      uint16_t number)
{
    m->call = old->call;
    m->call.number = number;
    m->stranger = false;
    m->heard_all = old->heard_all;
    m->heard_now = old->heard_now;
    m->heard_before = old->heard_before;
    memset(&old->call, 0, sizeof old->call);
    smx_messages_lost(c, now, old, 480);
    smx_meeting_leave(c, now, old);
    smx_pipe_talk(c, m);
    c->count.calls_resumed++;
}

void smx_resume_open(struct smx_client *c, smx_time now, struct meeting *m)
{
    struct meeting *old;

    if (!m->resumes)
        return;
    old = call_with(c, m->identity, m->key, true);
    if (!old || now < old->heard + SMX_MS(STILL_SILENT_MS)) {
        smx_meeting_close(c, now, m);
        return;
    }
    m->resumes = false;
    take_over(c, now, m, old, ++m->calls);
    smx_pipe_say(c, now, m, &(struct smx_record){.type = SMX_RECORD_RESUME, .id = m->call.number});
    smx_client_call_restate(c, now, m); /* it may have been said to the silence */
}

void smx_resume_record(struct smx_client *c, smx_time now, struct meeting *m, const struct smx_record *r)
{
    struct meeting *old;

    if (m->call.state != CALL_NONE)
        return;
    old = m->key_known ? call_with(c, m->identity, m->key, false) : NULL;
    if (old) {
        take_over(c, now, m, old, r->id);
        smx_client_call_restate(c, now, m);
    } else {
        smx_pipe_say(c, now, m, &(struct smx_record){.type = SMX_RECORD_BYE, .id = r->id});
    }
}

void smx_resume_make_room(struct smx_client *c, smx_time now, size_t identity, const uint8_t key[SMX_DOC_KEY])
{
    struct meeting *m = call_with(c, identity, key, false);

    if (m && now >= m->heard + SMX_MS(STILL_SILENT_MS) && !smx_meeting_free(c, identity, NULL))
        smx_move_let_go(c, now, m);
}

/* ---- time ---- */

static bool is_silent(const struct meeting *m, smx_time now)
{
    return m->state == MEETING_OPEN && m->call.state == CALL_TALKING && m->call.out &&
           !m->call.target.unnamed && m->move.state <= MOVE_WANTED &&
           now >= m->heard + SMX_MS(m->move.failed ? MOVED_BY_MS : SILENT_MS);
}

static bool is_under_way(const struct smx_client *c, size_t identity)
{
    for (size_t i = 0; i < c->slots_each; i++)
        if (smx_meetings_of(c, identity)[i].resumes)
            return true;
    return false;
}

static bool made_a_call(const struct smx_client *c, size_t identity)
{
    const struct meeting *own = smx_meetings_of(c, identity);

    for (size_t i = 0; i < c->slots_each; i++)
        if (own[i].call.state == CALL_TALKING && own[i].call.out)
            return true;
    return false;
}

void smx_resumes_expire(struct smx_client *c, smx_time now)
{
    for (size_t i = 0; i < c->slots; i++) {
        struct meeting *m = &c->meeting[i], *new;

        if (m->resumes && !made_a_call(c, m->identity)) /* the user has hung up meanwhile */
            smx_meeting_close(c, now, m);
        if (!is_silent(m, now) || is_under_way(c, m->identity))
            continue;
        new = smx_meeting_free(c, m->identity, NULL);
        if (!new) {
            smx_move_let_go(c, now, m);
            continue;
        }
        new->resumes = true;
        smx_meeting_begin(c, now, new, &m->call.target);
    }
}
