/* sim/swarm_live.c - faults have ended.
 *
 *   all clients are ready, with all their circuits; all links stand     within two epochs and a minute
 *   calls of before are ended by one side: they are over at both         25 s
 *   everybody calls his neighbour: it is answered                        10 s
 *   both hear 50 frames                                                  4 s
 *   one hangs up: it is over at both                                     3 s
 *   all slots are free again, nothing is joined any more                 20 s
 *
 * A circuit that dies is rebuilt after 20 s in the mean, three times an epoch at the most, then only by the
 * next renewal (DESIGN, section 3): so two epochs. */
#include "sim/swarm_parts.h"

#include "sim/check_slots.h"
#include "sim/check_tables.h"
#include "sim/view_client.h"

#include <stdio.h>

enum {
    RECOVER_S = 60, /* and two epochs */
    OVER_S = 25,
    ANSWER_S = 10,
    HEAR_S = 4,
    END_S = 3,
    FREE_S = 20,
    FRAMES = 50,
};

/* ---- recovery ---- */

static bool client_is_back(const struct swarm *s, size_t i)
{
    struct smx_client_status status;

    smx_client_status(s->n->user[i].client, &status);
    return status.ready && status.circuits == status.circuits_wanted;
}

static bool is_recovered(const struct swarm *s)
{
    char text[SMX_COMPLAINT];

    for (size_t i = 0; i < s->n->clients; i++)
        if (!client_is_back(s, i))
            return false;
    return smx_check_links_missing(s->links, text) == 0;
}

void smx_swarm_say_who_is_missing(struct swarm *s, unsigned seconds)
{
    struct smx_client_status status;
    char text[SMX_COMPLAINT], slots[SMX_COMPLAINT];

    for (size_t i = 0; i < s->n->clients; i++) {
        if (client_is_back(s, i))
            continue;
        smx_client_status(s->n->user[i].client, &status);
        SMX_SWARM_SAY(s, "live", "client %zu is not ready after %u s: %s; %zu of %zu circuits, %s", i,
                      seconds, smx_client_problem_text(status.problem), status.circuits,
                      status.circuits_wanted, smx_slots_text(s->n->user[i].client, slots));
    }
    if (smx_check_links_missing(s->links, text) > 0)
        SMX_SWARM_SAY(s, "live", "%s after %u s", text, seconds);
}

static bool recover(struct swarm *s)
{
    unsigned seconds = 2 * s->plan->epoch_s + RECOVER_S;
    smx_time begin = smx_world_now(s->n->world);

    while (!is_recovered(s) && smx_world_now(s->n->world) < begin + SMX_SECOND(seconds))
        if (!smx_swarm_pass(s, 100))
            return false;
    s->result->recovered_ms = (uint32_t)((smx_world_now(s->n->world) - begin) / SMX_MS(1));
    if (is_recovered(s))
        return true;
    smx_swarm_say_who_is_missing(s, seconds);
    return false;
}

/* ---- calls of before ---- */

static struct smx_sim_call *call_of(struct smx_sim_user *u)
{
    for (size_t i = 0; i < u->call_count; i++)
        if (!smx_sim_call_is_over(&u->call[i]))
            return &u->call[i];
    return NULL;
}

static size_t calls_left(const struct swarm *s)
{
    size_t left = 0;

    for (size_t i = 0; i < s->n->clients; i++)
        left += call_of(&s->n->user[i]) != NULL;
    return left;
}

/* Each caller hangs up; whoever is called is told by the network, or notices. */
static bool end_old_calls(struct swarm *s)
{
    smx_time until = smx_world_now(s->n->world) + SMX_SECOND(OVER_S);
    struct smx_sim_call *c;

    for (size_t i = 0; i < s->n->clients; i++)
        for (size_t k = 0; k < s->n->user[i].call_count; k++) {
            c = &s->n->user[i].call[k];
            if (c->out && !smx_sim_call_is_over(c))
                smx_sim_call_hang_up(&s->n->user[i], c);
        }
    while (calls_left(s) > 0 && smx_world_now(s->n->world) < until)
        if (!smx_swarm_pass(s, 100))
            return false;
    for (size_t i = 0; i < s->n->clients; i++)
        if (call_of(&s->n->user[i]))
            SMX_SWARM_SAY(s, "live", "client %zu: a call is not over %d s after the other side's", i, OVER_S);
    return calls_left(s) == 0;
}

/* ---- probes: everybody calls his neighbour ---- */

enum probe_state { PROBE_WAITS, PROBE_CALLS, PROBE_TALKS, PROBE_ENDS, PROBE_DONE };

struct probe {
    enum probe_state state;
    size_t a, b;
    uint32_t out, in; /* calls, by the phones' numbers; in 0: not there yet */
    smx_time until;
};

static struct smx_sim_call *find(struct smx_sim_user *u, uint32_t id)
{
    for (size_t i = 0; i < u->call_count; i++)
        if (u->call[i].id == id)
            return &u->call[i];
    return NULL;
}

static void enter(struct swarm *s, struct probe *p, enum probe_state state, unsigned seconds)
{
    p->state = state;
    p->until = smx_world_now(s->n->world) + SMX_SECOND(seconds);
}

/* One that is not in another probe, has done with what was before, and has a slot for a call. */
static bool is_free(const struct swarm *s, const struct probe *probe, size_t count, size_t client)
{
    for (size_t i = 0; i < count; i++)
        if (probe[i].state != PROBE_WAITS && probe[i].state != PROBE_DONE &&
            (probe[i].a == client || probe[i].b == client))
            return false;
    return smx_slots_are_settled(s->n->user[client].client) &&
           smx_slots_for_a_call(s->n->user[client].client) > 0;
}

/* Strangers are let in one at a time, not too often, and by a certain slot only. */
static bool will_hear(const struct swarm *s, size_t client)
{
    const struct smx_sim_user *u = &s->n->user[client];

    return s->plan->contacts ||
           (smx_slots_are_idle(u->client) && smx_view_client_hears_strangers(u->client, smx_sim_user_now(u)));
}

/* False: it has failed. */
static bool probe_acts(struct swarm *s, struct probe *probe, size_t count, struct probe *p)
{
    struct smx_sim_user *u = &s->n->user[p->a], *v = &s->n->user[p->b];
    struct smx_sim_call *out = find(u, p->out), *in = p->in ? find(v, p->in) : call_of(v);
    smx_time now = smx_world_now(s->n->world);
    char text[SMX_COMPLAINT];

    switch (p->state) {
    case PROBE_WAITS:
        if (is_free(s, probe, count, p->a) && is_free(s, probe, count, p->b) && will_hear(s, p->b)) {
            enter(s, p, PROBE_CALLS, ANSWER_S);
            s->result->calls++;
            p->out = u->calls + 1;
            smx_swarm_tell(s, "client %zu calls %zu", p->a, p->b);
            (void)smx_sim_call_place(u, smx_sim_target_name(v->name));
            return true;
        }
        if (now < p->until)
            return true;
        SMX_SWARM_SAY(s, "live", "client %zu or %zu has no free slot: %s", p->a, p->b,
                      smx_slots_text(smx_slots_for_a_call(u->client) > 0 ? v->client : u->client, text));
        return false;
    case PROBE_CALLS:
        if (out->answered && in && in->answered) {
            p->in = in->id;
            enter(s, p, PROBE_TALKS, HEAR_S);
            return true;
        }
        if (now < p->until && !smx_sim_call_is_over(out))
            return true;
        SMX_SWARM_SAY(s, "live", "client %zu called %zu: %s, code %u; %s, %s", p->a, p->b,
                      smx_sim_call_is_over(out) ? "refused" : "no answer", out->code,
                      out->answered  ? "answered here"
                      : out->ringing ? "it rings"
                                     : "nothing is heard",
                      !in            ? "and nothing there"
                      : in->answered ? "answered there"
                                     : "rings there");
        smx_swarm_tell(s, "client %zu: %s", p->a, smx_slots_text(u->client, text));
        smx_swarm_tell(s, "client %zu: %s", p->b, smx_slots_text(v->client, text));
        return false;
    case PROBE_TALKS:
        if (out->frames_in >= FRAMES && in->frames_in >= FRAMES) {
            smx_sim_call_hang_up(p->a % 2 ? v : u, p->a % 2 ? in : out);
            enter(s, p, PROBE_ENDS, END_S);
            return true;
        }
        if (now < p->until && !smx_sim_call_is_over(out) && !smx_sim_call_is_over(in))
            return true;
        SMX_SWARM_SAY(s, "live", "client %zu called %zu: %u and %u frames were heard in %d s", p->a, p->b,
                      out->frames_in, in->frames_in, HEAR_S);
        return false;
    case PROBE_ENDS:
        if (smx_sim_call_is_over(out) && smx_sim_call_is_over(in)) {
            p->state = PROBE_DONE;
            smx_swarm_tell(s, "client %zu has talked with %zu", p->a, p->b);
            return true;
        }
        if (now < p->until)
            return true;
        SMX_SWARM_SAY(s, "live", "client %zu called %zu: it is over at one side only", p->a, p->b);
        return false;
    case PROBE_DONE:
        break;
    }
    return true;
}

static bool probe_all(struct swarm *s)
{
    struct probe probe[SMX_SWARM_CLIENTS] = {{.state = PROBE_WAITS}};
    size_t count = s->n->clients;
    bool done = false;

    for (size_t i = 0; i < count; i++) {
        probe[i].a = i;
        probe[i].b = (i + 1) % count;
        enter(s, &probe[i], PROBE_WAITS, 2 * s->plan->epoch_s + RECOVER_S + (unsigned)i * FREE_S);
    }
    while (!done) {
        done = true;
        for (size_t i = 0; i < count; i++) {
            if (!probe_acts(s, probe, count, &probe[i]))
                return false;
            done = done && probe[i].state == PROBE_DONE;
        }
        if (!smx_swarm_pass(s, 20))
            return false;
    }
    return true;
}

/* ---- afterwards ---- */

/* A message's pipe stays for a while. */
static bool has_pipes(const struct swarm *s)
{
    for (size_t i = 0; i < s->n->clients; i++)
        if (!smx_slots_are_idle(s->n->user[i].client))
            return true;
    return false;
}

static bool is_calm(const struct swarm *s, size_t ghosts)
{
    struct smx_tables t = smx_network_tables(s->n);

    for (size_t i = 0; i < s->n->clients; i++)
        if (!smx_slots_are_settled(s->n->user[i].client))
            return false;
    return has_pipes(s) || (t.owned_joins <= ghosts && t.waiting == 0 && t.introductions == 0);
}

/* ghosts: joins of clients who are no more, from before; they fade in their time. */
static void calm_down(struct swarm *s, size_t ghosts)
{
    smx_time until = smx_world_now(s->n->world) + SMX_SECOND(FREE_S);
    char text[SMX_COMPLAINT];

    while (!is_calm(s, ghosts) && smx_world_now(s->n->world) < until)
        if (!smx_swarm_pass(s, 100))
            return;
    if (!has_pipes(s))
        smx_check_tables_calm(s->n, &s->result->verdict, ghosts);
    for (size_t i = 0; i < s->n->clients; i++)
        if (!smx_slots_are_settled(s->n->user[i].client))
            SMX_SWARM_SAY(s, "live", "client %zu is not idle %d s after its call: %s", i, FREE_S,
                          smx_slots_text(s->n->user[i].client, text));
}

void smx_swarm_live(struct swarm *s)
{
    size_t ghosts;

    smx_swarm_tell(s, "faults have ended");
    if (!recover(s))
        return;
    smx_swarm_tell(s, "all are back after %u ms", s->result->recovered_ms);
    if (!end_old_calls(s))
        return;
    ghosts = smx_network_tables(s->n).owned_joins;
    if (probe_all(s))
        calm_down(s, ghosts);
}
