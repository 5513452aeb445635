#include "client/core.h"

#include <string.h>

enum { DAY_S = 86400, MIDDLE_DAYS_MAX = 12 };

static const struct smx_relay_info *relay_at(const struct smx_client *c, size_t place)
{
    return &c->consensus.relay[place];
}

static size_t place_of(const struct smx_client *c, const uint8_t id[SMX_DOC_KEY])
{
    return smx_consensus_find(&c->consensus, id);
}

static bool is_of(const struct smx_client *c, size_t place, enum smx_layer layer)
{
    return relay_at(c, place)->layer == layer;
}

/* Do the two stand in one subnet (IPv4 /16, IPv6 /32), where that is forbidden? */
static bool too_near(const struct smx_client *c, size_t a, size_t b)
{
    const struct smx_addr *x = &relay_at(c, a)->addr[0], *y = &relay_at(c, b)->addr[0];

    if (!c->consensus.params.distinct_subnets || smx_addr_is_v4(x) != smx_addr_is_v4(y))
        return false;
    return smx_addr_is_v4(x) ? memcmp(x->ip + 12, y->ip + 12, 2) == 0 : memcmp(x->ip, y->ip, 4) == 0;
}

static bool may_follow(const struct smx_client *c, size_t a, size_t b)
{
    return a != b && smx_consensus_link_rate(&c->consensus, a, b) > 0 && !too_near(c, a, b);
}

/* One of the marked places, by weight; SMX_RELAY_NONE: none is marked. */
static size_t draw(struct smx_client *c, const bool marked[])
{
    uint64_t sum = 0, at;
    size_t last = SMX_RELAY_NONE;

    for (size_t i = 0; i < c->consensus.relay_count; i++)
        sum += marked[i] ? relay_at(c, i)->weight : 0;
    at = sum > 0 ? smx_rng_u64(&c->rng) % sum : 0; /* sum < 2^32: the bias is below 2^-32 */
    for (size_t i = 0; i < c->consensus.relay_count; i++) {
        if (!marked[i])
            continue;
        last = i;
        if (at < relay_at(c, i)->weight)
            return i;
        at -= relay_at(c, i)->weight;
    }
    return last; /* all weigh nothing */
}

/* ---- the sets that persist ---- */

const struct smx_addr *smx_paths_reach(const struct smx_client *c, const struct smx_addr *addr, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (smx_addr_is_v4(&addr[i]) ? c->has_v4 : c->has_v6)
            return &addr[i];
    return NULL;
}

static bool may_guard(const struct smx_client *c, size_t place)
{
    const struct smx_relay_info *r = relay_at(c, place);

    return r->layer == SMX_LAYER_GUARD && smx_paths_reach(c, r->addr, r->addr_count);
}

static bool guard_known(const struct smx_client *c, size_t place)
{
    for (size_t i = 0; i < c->paths.guard_count; i++)
        if (memcmp(c->paths.guard[i], relay_at(c, place)->id, SMX_DOC_KEY) == 0)
            return true;
    return false;
}

static bool middle_known(const struct smx_client *c, const struct identity *own, size_t place)
{
    for (size_t i = 0; i < own->middle_count; i++)
        if (memcmp(own->middle[i].id, relay_at(c, place)->id, SMX_DOC_KEY) == 0)
            return true;
    return false;
}

/* A guard stays for as long as the consensus has it as one, running or not. */
static bool update_guards(struct smx_client *c)
{
    struct paths *p = &c->paths;
    size_t kept = 0;
    bool changed = false;

    for (size_t i = 0; i < p->guard_count; i++) {
        size_t place = place_of(c, p->guard[i]);

        if (place != SMX_RELAY_NONE && may_guard(c, place))
            memmove(p->guard[kept++], p->guard[i], SMX_DOC_KEY);
    }
    changed = kept != p->guard_count;
    p->guard_count = kept;
    while (p->guard_count < GUARDS) {
        bool marked[SMX_CONSENSUS_RELAYS];
        size_t place;

        for (size_t i = 0; i < c->consensus.relay_count; i++)
            marked[i] = may_guard(c, i) && relay_at(c, i)->flags & SMX_RELAY_RUNNING && !guard_known(c, i);
        place = draw(c, marked);
        if (place == SMX_RELAY_NONE)
            break;
        memcpy(p->guard[p->guard_count++], relay_at(c, place)->id, SMX_DOC_KEY);
        changed = true;
    }
    return changed;
}

static bool update_middles(struct smx_client *c, struct identity *own, struct smx_wall wall)
{
    size_t kept = 0;
    bool changed = false;

    for (size_t i = 0; i < own->middle_count; i++) {
        size_t place = place_of(c, own->middle[i].id);

        if (place != SMX_RELAY_NONE && is_of(c, place, SMX_LAYER_MIDDLE) &&
            own->middle[i].until > (uint64_t)wall.s)
            own->middle[kept++] = own->middle[i];
    }
    changed = kept != own->middle_count;
    own->middle_count = kept;
    while (own->middle_count < MIDDLES) {
        bool marked[SMX_CONSENSUS_RELAYS];
        struct middle *m = &own->middle[own->middle_count];
        size_t place;

        for (size_t i = 0; i < c->consensus.relay_count; i++)
            marked[i] = is_of(c, i, SMX_LAYER_MIDDLE) && relay_at(c, i)->flags & SMX_RELAY_RUNNING &&
                        !middle_known(c, own, i);
        place = draw(c, marked);
        if (place == SMX_RELAY_NONE)
            break;
        memcpy(m->id, relay_at(c, place)->id, SMX_DOC_KEY);
        m->until = (uint64_t)wall.s + DAY_S + smx_rng_below(&c->rng, (MIDDLE_DAYS_MAX - 1) * DAY_S);
        own->middle_count++;
        changed = true;
    }
    return changed;
}

bool smx_paths_update(struct smx_client *c, struct smx_wall wall)
{
    bool changed = update_guards(c), enough = c->paths.guard_count > 0;

    for (size_t i = 0; i < c->identity_count; i++) {
        changed = update_middles(c, &c->identity[i], wall) || changed;
        enough = enough && c->identity[i].middle_count > 0;
    }
    if (changed)
        c->changes |= SMX_CLIENT_STATE;
    return enough;
}

/* ---- a path ---- */

static bool goes_by(const struct smx_origin *o, size_t hop, const uint8_t id[SMX_DOC_KEY])
{
    return o->state != SMX_ORIGIN_IDLE && o->state != SMX_ORIGIN_DEAD &&
           memcmp(o->path[hop].id, id, SMX_DOC_KEY) == 0;
}

/* An identity's slots share no middle and no end, its listening and errand circuits no end.  That holds for
 * circuits that are about to take over, too.  Those of different identities have nothing to do with each
 * other: a relay that has one of each has two circuits by one guard, as of two clients. */
static bool shares(const struct smx_client *c, const struct circuit *k, size_t hop,
                   const uint8_t id[SMX_DOC_KEY])
{
    const struct identity *own;

    for (size_t i = 0; i < c->circuit_count; i++) {
        const struct circuit *o = &c->circuit[i];
        bool slots = o->role == CIRCUIT_SLOT && k->role == CIRCUIT_SLOT;
        bool pair = o->role != CIRCUIT_SLOT && k->role != CIRCUIT_SLOT;

        if (o != k && smx_circuit_identity(c, o) == smx_circuit_identity(c, k) &&
            (slots || (pair && hop == END)) &&
            (goes_by(&o->origin, hop, id) || (o->young && goes_by(&o->young->origin, hop, id))))
            return true;
    }
    if (hop != END || k->role != CIRCUIT_ERRAND)
        return false;
    own = &c->identity[k->of];
    return (own->has_intro && memcmp(own->intro, id, SMX_DOC_KEY) == 0) ||
           (own->shuns && memcmp(own->shunned, id, SMX_DOC_KEY) == 0);
}

static bool end_fits(const struct smx_client *c, const struct circuit *k, size_t guard, size_t middle,
                     size_t end)
{
    const struct identity *own = k->role == CIRCUIT_LISTEN ? &c->identity[k->of] : NULL;

    if (!is_of(c, end, SMX_LAYER_END) || !(relay_at(c, end)->flags & SMX_RELAY_RUNNING) ||
        !may_follow(c, middle, end) || too_near(c, guard, end))
        return false;
    if (own && own->has_intro)
        return memcmp(own->intro, relay_at(c, end)->id, SMX_DOC_KEY) == 0;
    return !shares(c, k, END, relay_at(c, end)->id);
}

/* Whoever sees the errands of one circuit shall not see those of the next, if there is another end. */
static size_t draw_end(struct smx_client *c, const struct circuit *k, size_t guard, size_t middle)
{
    bool marked[SMX_CONSENSUS_RELAYS];
    size_t same = SMX_RELAY_NONE, end;

    for (size_t i = 0; i < c->consensus.relay_count; i++) {
        marked[i] = end_fits(c, k, guard, middle, i);
        if (marked[i] && k->role == CIRCUIT_ERRAND && goes_by(&k->origin, END, relay_at(c, i)->id)) {
            marked[i] = false;
            same = i;
        }
    }
    end = draw(c, marked);
    return end == SMX_RELAY_NONE ? same : end;
}

/* The newest of its keys whose epoch has begun: it takes those of two epochs before the present one too, but
 * none that are older, however long our consensus is valid. */
static const struct smx_onion_key *onion_of(const struct smx_client *c, const struct smx_relay_info *r)
{
    uint64_t epoch = (uint64_t)c->wall.s / c->consensus.params.epoch_s;
    size_t at = r->onion_count - 1;

    while (at > 0 && r->onion[at].epoch > epoch)
        at--;
    return &r->onion[at];
}

bool smx_paths_target(const struct smx_client *c, const uint8_t id[SMX_DOC_KEY],
                      struct smx_hop_target *target)
{
    size_t place = place_of(c, id);
    const struct smx_onion_key *onion;

    if (place == SMX_RELAY_NONE)
        return false;
    onion = onion_of(c, relay_at(c, place));
    memcpy(target->id, id, SMX_RELAY_ID);
    memcpy(target->onion, onion->key, sizeof target->onion);
    memcpy(target->tag, onion->tag, sizeof target->tag);
    return true;
}

/* An introduction relay that is gone, doesn't run, or is not an end any more, is of no use to anybody. */
static void forget_intro(struct smx_client *c, struct identity *own)
{
    size_t place = place_of(c, own->intro);

    if (own->has_intro && (place == SMX_RELAY_NONE || !is_of(c, place, SMX_LAYER_END) ||
                           !(relay_at(c, place)->flags & SMX_RELAY_RUNNING))) {
        own->has_intro = false;
        c->changes |= SMX_CLIENT_STATE;
    }
}

void smx_paths_shun(struct smx_client *c, size_t identity)
{
    const struct circuit *k = smx_circuit_of(c, CIRCUIT_ERRAND, identity);

    c->identity[identity].shuns = true;
    memcpy(c->identity[identity].shunned, smx_circuit_end(k), SMX_DOC_KEY);
}

bool smx_paths_draw(struct smx_client *c, const struct circuit *k, struct smx_hop_target path[END + 1])
{
    size_t guard = place_of(c, c->paths.guard[c->uplink.guard]);
    struct identity *own = &c->identity[smx_circuit_identity(c, k)];
    bool marked[SMX_CONSENSUS_RELAYS] = {false};
    size_t middle, end;

    if (guard == SMX_RELAY_NONE)
        return false;
    if (k->role == CIRCUIT_LISTEN)
        forget_intro(c, own);
    for (size_t i = 0; i < own->middle_count; i++) {
        middle = place_of(c, own->middle[i].id);
        if (middle != SMX_RELAY_NONE && relay_at(c, middle)->flags & SMX_RELAY_RUNNING &&
            may_follow(c, guard, middle) && !shares(c, k, 1, relay_at(c, middle)->id))
            marked[middle] = true;
    }
    while ((middle = draw(c, marked)) != SMX_RELAY_NONE) {
        end = draw_end(c, k, guard, middle);
        if (end != SMX_RELAY_NONE)
            break;
        marked[middle] = false; /* sparse links: nothing fits behind this one */
    }
    if (middle == SMX_RELAY_NONE) {
        if (k->role == CIRCUIT_ERRAND)
            own->shuns = false; /* better that one than none, the next time */
        return false;
    }
    if (k->role == CIRCUIT_LISTEN && !own->has_intro) {
        own->has_intro = true;
        memcpy(own->intro, relay_at(c, end)->id, SMX_DOC_KEY);
        c->changes |= SMX_CLIENT_STATE;
    }
    return smx_paths_target(c, relay_at(c, guard)->id, &path[0]) &&
           smx_paths_target(c, relay_at(c, middle)->id, &path[1]) &&
           smx_paths_target(c, relay_at(c, end)->id, &path[END]);
}
