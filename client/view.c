#include "client/view.h"

#include "client/core.h"

#include <stdio.h>
#include <string.h>

_Static_assert((int)SMX_VIEW_CIRCUITS == (int)CIRCUITS_MAX && (int)SMX_VIEW_HOPS == (int)SMX_ORIGIN_HOPS &&
                   (int)SMX_VIEW_NAMES == (int)NAMES && (int)SMX_VIEW_CONTACTS == (int)CONTACTS,
               "a view has room for all there is");

/* ---- circuits ---- */

static const struct meeting *meeting_on(const struct smx_client *c, size_t slot)
{
    for (size_t i = 0; i < c->slots; i++)
        if (c->meeting[i].slot == slot)
            return &c->meeting[i];
    return NULL;
}

static enum smx_view_circuit_state state_of(const struct smx_client *c, const struct circuit *k)
{
    const struct meeting *m = k->role == CIRCUIT_SLOT ? meeting_on(c, k->of) : NULL;

    switch (k->origin.state) {
    case SMX_ORIGIN_IDLE:
    case SMX_ORIGIN_DEAD:
        return SMX_VIEW_WAITS;
    case SMX_ORIGIN_CREATING:
        return SMX_VIEW_BUILDING;
    case SMX_ORIGIN_WAITING:
    case SMX_ORIGIN_EXTENDING:
        if (k->origin.hop_count < k->origin.own_count)
            return SMX_VIEW_BUILDING;
        return SMX_VIEW_MEETS; /* the hop beyond its end */
    case SMX_ORIGIN_OPEN:
        if (!m || m->state == MEETING_IDLE)
            return SMX_VIEW_IDLE;
        return m->memory ? SMX_VIEW_JOINED : SMX_VIEW_MEETS;
    }
    return SMX_VIEW_WAITS;
}

static void view_hop(const struct smx_client *c, const struct smx_hop_target *target, bool stands,
                     struct smx_view_hop *hop)
{
    size_t place = c->has_consensus ? smx_consensus_find(&c->consensus, target->id) : SMX_RELAY_NONE;

    memcpy(hop->id, target->id, sizeof hop->id);
    hop->stands = stands;
    if (place != SMX_RELAY_NONE) {
        const struct smx_relay_info *r = &c->consensus.relay[place];
        const struct smx_addr *reach = smx_paths_reach(c, r->addr, r->addr_count);

        hop->listed = true;
        hop->addr = reach ? *reach : r->addr[0];
    }
}

static void view_circuit(const struct smx_client *c, const struct circuit *k, struct smx_view_circuit *v)
{
    v->purpose = k->role == CIRCUIT_SLOT     ? SMX_VIEW_SLOT
                 : k->role == CIRCUIT_LISTEN ? SMX_VIEW_LISTEN
                                             : SMX_VIEW_ERRAND;
    v->of = k->of;
    v->identity = (uint8_t)smx_circuit_identity(c, k);
    v->state = state_of(c, k);
    v->renewing = smx_circuit_is_renewing(k);
    if (v->state == SMX_VIEW_WAITS)
        return; /* its last path means nothing */
    v->hop_count = k->origin.path_count;
    for (size_t i = 0; i < v->hop_count; i++)
        view_hop(c, &k->origin.path[i], i < k->origin.hop_count, &v->hop[i]);
}

/* ---- calls ---- */

static bool view_call(const struct smx_client *c, const struct meeting *m, struct smx_view_call *v)
{
    char key_text[SMX_KEY_TEXT];

    *v = (struct smx_view_call){.out = m->call.out, .slot = m->slot, .identity = m->identity};
    switch (m->call.state) {
    case CALL_NONE:
    case CALL_DECOY: /* nobody here knows of it */
        return false;
    case CALL_WANTED:
    case CALL_INVITED:
        v->state = SMX_VIEW_CALLING;
        break;
    case CALL_AWAITED:
        v->state = SMX_VIEW_AWAITED;
        break;
    case CALL_OFFERED:
    case CALL_RINGING:
        v->state = SMX_VIEW_RINGS;
        break;
    case CALL_TALKING:
        v->state = SMX_VIEW_TALKING;
        break;
    }
    snprintf(v->peer, sizeof v->peer, "%s", m->out ? m->target.user : smx_meeting_peer(c, m, key_text));
    v->key_known = m->key_known;
    memcpy(v->key, m->key, sizeof v->key);
    v->heard = m->heard_all;
    v->lately.due = m->heard_now.due + m->heard_before.due;
    v->lately.lost = m->heard_now.lost + m->heard_before.lost;
    v->lately.quiet = m->heard_now.quiet + m->heard_before.quiet;
    v->opus = m->call.state == CALL_TALKING && m->call.in_opus;
    if (v->opus && m->memory)
        v->wait = m->memory->playout.wait * c->q;
    if (m->memory && m->stream.rtt_known) {
        v->round_trip_known = true;
        v->round_trip = m->stream.rtt;
    }
    return true;
}

/* ---- addresses ---- */

static void view_identity(const struct identity *id, struct smx_view_identity *v)
{
    memcpy(v->key, id->own.public, sizeof v->key);
    memcpy(v->key_text, id->key_text, sizeof v->key_text);
    v->listening = id->listening;
    for (size_t i = 0; i < NAMES; i++) {
        if (id->name[i].state != NAME_WANTED && id->name[i].state != NAME_OURS)
            continue;
        v->name[v->name_count].ours = id->name[i].state == NAME_OURS;
        memcpy(v->name[v->name_count++].text, id->name[i].text, sizeof v->name[0].text);
    }
}

bool smx_client_view_contact(const struct smx_client *c, size_t i, struct smx_view_contact *contact)
{
    if (i >= c->contact_count)
        return false;
    memcpy(contact->user, c->contact[i].user, sizeof contact->user);
    memcpy(contact->key, c->contact[i].key, sizeof contact->key);
    contact->blocked = smx_contact_is_blocked(c, contact->key);
    contact->has_identity = false;
    for (uint8_t k = 0; k < c->identity_count && !contact->has_identity; k++) {
        contact->has_identity = smx_contact_is_of(c, &c->contact[i], k);
        contact->identity = k;
    }
    return true;
}

void smx_client_view(const struct smx_client *c, struct smx_view *v)
{
    memset(v, 0, sizeof *v);
    smx_client_status(c, &v->status);
    v->identity_count = c->identity_count;
    for (size_t i = 0; i < c->identity_count; i++)
        view_identity(&c->identity[i], &v->identity[i]);
    v->circuit_count = c->circuit_count;
    for (size_t i = 0; i < c->circuit_count; i++)
        view_circuit(c, &c->circuit[i], &v->circuit[i]);
    for (size_t i = 0; i < c->slots; i++)
        v->call_count += view_call(c, &c->meeting[i], &v->call[v->call_count]);
    v->contact_count = c->contact_count;
    v->asking_count = c->asking_count;
    memcpy(v->asking, c->asking, c->asking_count * sizeof c->asking[0]);
    if (c->has_consensus) {
        v->relay_count = c->consensus.relay_count;
        v->valid_until = c->consensus.valid_until;
    }
    v->cells = c->cells;
    v->over_v6 = c->uplink.role == UPLINK_GUARD && c->uplink.guard < c->paths.guard_count &&
                 !smx_addr_is_v4(&c->uplink.addr[c->uplink.guard]);
}
