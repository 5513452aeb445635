/* client/uplink.c - the one link to the network, and the consensus.
 *
 *   BOOT --consensus in force--> GUARD --silent--> GUARD (whichever answers first)
 *     ^                            |  |
 *     +---- consensus expired -----+  +--slept--> GUARD (the same, from scratch)
 *
 * BOOT asks one relay after the other, over an ordinary link, with the stream in circuit-0 cells: first
 * guards of ours whose address an old consensus tells, then the relays of the network file in random order;
 * when all have failed, the authority's HTTP may be asked (by the daemon), and the round begins again, later
 * each time.
 *
 * There are two guards.  When the one in use is silent, the other one is dialled, as a spare, while we go on
 * sending to the first: who only disturbs the line gains nothing, as both are behind it.  If the first speaks
 * again, the spare link is closed; if the spare one comes up, it gets all circuits, at once, whether or not
 * there is a call: the first link goes.
 *
 * Timers: uplink.since (link silent, answer outstanding), uplink.pause (next relay), uplink.redial,
 * c->refresh (next consensus). */
#include "client/core.h"

#include "proto/base/bytes.h"

#include <stdlib.h>
#include <string.h>

enum {
    LINK_PATIENCE_MS = 3500,  /* until the link must be up: two tries */
    BOOT_PATIENCE_MS = 15000, /* until the consensus must be here */
    ROUND_PAUSE_MS = 2000,    /* mean, after all have failed; doubled each time, */
    ROUND_DOUBLINGS = 4,      /* so often: whoever has a network again is back within a minute */
    SILENT_TICKS = 25,        /* nothing from the guard for so long: the other one is dialled */
    SILENT_TICKS_BARE = 150,  /* without cover silence is common */
    NO_GUARD_MS = 10000,      /* then the user is told */
    REDIAL_MS = 30000,        /* guards may have moved, says the consensus */
    SHORT_MS = 10000, /* after a longer silence it was the network, and circuits are built without haste */
    SLEPT_S = 5,      /* nobody woke us up for so long */
    REFRESH_TRIES = 3,
    REFRESH_PATIENCE_MS = 20000,
    REFRESH_AGAIN_MS = 30000, /* mean */
};

static void drop_spare(struct smx_client *c)
{
    if (c->uplink.spare != SMX_LINK_NONE)
        smx_link_close(c->ep, c->uplink.spare);
    c->uplink.spare = SMX_LINK_NONE;
}

static void disconnect(struct smx_client *c)
{
    drop_spare(c);
    if (c->uplink.link != SMX_LINK_NONE)
        smx_link_close(c->ep, c->uplink.link);
    c->uplink.link = SMX_LINK_NONE;
    c->uplink.up = c->uplink.was_up = false;
    c->changes |= SMX_CLIENT_STATUS;
}

/* addr may be NULL: then there is no way there. */
static bool connect_to(struct smx_client *c, smx_time now, const struct smx_addr *addr,
                       const uint8_t *link_key)
{
    disconnect(c);
    c->uplink.since = now;
    return addr && smx_endpoint_connect(c->ep, now, addr, link_key, SMX_LINK_CLIENT, c->cells,
                                        &c->uplink.link) == SMX_OK;
}

/* ---- boot ---- */

static void boot(struct smx_client *c, smx_time now)
{
    disconnect(c);
    c->uplink.role = UPLINK_BOOT;
    c->uplink.asked = 0;
    c->uplink.pause = now;
}

/* Number n of those who may have a consensus: our guards, if we know where they are, then the network file's.
 */
static bool boot_relay(struct smx_client *c, smx_time now, size_t n)
{
    const struct smx_relay_info *known;
    const struct smx_boot_relay *r;

    if (n < c->paths.guard_count && c->has_consensus) {
        size_t place = smx_consensus_find(&c->consensus, c->paths.guard[n]);

        if (place == SMX_RELAY_NONE)
            return false;
        known = &c->consensus.relay[place];
        return connect_to(c, now, smx_paths_reach(c, known->addr, known->addr_count), known->link_key);
    }
    if (c->network->relay_count == 0)
        return false;
    r = &c->network->relay[smx_rng_below(&c->rng, (uint32_t)c->network->relay_count)];
    return connect_to(c, now, smx_paths_reach(c, r->addr, r->addr_count), r->link_key);
}

static void boot_next(struct smx_client *c, smx_time now)
{
    struct uplink *u = &c->uplink;
    size_t round = c->network->relay_count + (c->has_consensus ? c->paths.guard_count : 0);
    smx_time pause;

    disconnect(c);
    u->pause = SMX_NEVER;
    if (u->asked >= round) { /* every one has been asked, or as good as */
        u->asked = 0;
        u->wants_http = true;
        pause = SMX_MS(ROUND_PAUSE_MS) << u->rounds;
        u->pause = now + pause / 2 + smx_rng_u64(&c->rng) % pause;
        if (u->rounds < ROUND_DOUBLINGS)
            u->rounds++;
        smx_client_set_problem(c, c->has_consensus ? SMX_CLIENT_EXPIRED : SMX_CLIENT_NO_CONSENSUS);
        return;
    }
    if (!boot_relay(c, now, u->asked++))
        u->pause = now;
}

static void boot_ask(struct smx_client *c, smx_time now)
{
    struct uplink *u = &c->uplink;
    uint8_t held[8], msg[SMX_SERVICE_HEAD + sizeof held];
    struct smx_service_msg m = {SMX_SERVICE_CONSENSUS_GET, ++u->request, held, sizeof held};
    struct smx_wr w = {held, sizeof held};

    if (!u->channel)
        u->channel = smx_channel_new();
    if (!u->channel) {
        u->pause = now + SMX_MS(ROUND_PAUSE_MS); /* another one, when there may be memory */
        return;
    }
    smx_channel_begin(u->channel, c->q, now);
    if (smx_channel_widen(u->channel) != SMX_OK) {
        u->pause = now + SMX_MS(ROUND_PAUSE_MS);
        return;
    }
    smx_wr_u64(&w, c->has_consensus ? (uint64_t)c->consensus.valid_after.s : 0);
    (void)!smx_channel_send(u->channel, msg, smx_service_encode(msg, &m)); /* an empty stream has room */
}

void smx_uplink_segment(struct smx_client *c, smx_time now, struct smx_wall wall, const uint8_t *seg,
                        size_t len)
{
    struct uplink *u = &c->uplink;
    struct smx_service_msg m;
    const uint8_t *msg;
    size_t msg_len;

    if (u->role != UPLINK_BOOT || !u->channel || smx_channel_receive(u->channel, now, seg, len) != SMX_OK)
        return;
    if (!smx_channel_message(u->channel, &msg, &msg_len))
        return;
    if (smx_service_decode(&m, msg, msg_len) != SMX_OK || m.type != SMX_SERVICE_CONSENSUS ||
        smx_client_consensus(c, now, wall, m.content, m.len) != SMX_OK)
        u->pause = now; /* the next relay may have a better one */
}

bool smx_uplink_next(struct smx_client *c, smx_time now, uint8_t cell[SMX_CELL_SIZE])
{
    uint8_t seg[SMX_COMMAND_SEGMENT];
    size_t len = c->uplink.channel ? smx_stream_segment(&c->uplink.channel->stream, now, seg, sizeof seg) : 0;

    if (len > 0)
        smx_command_segment_encode(cell, seg, len);
    return len > 0;
}

/* ---- guard ---- */

/* Where a guard is, says the consensus; NULL: we can't get there.  smx_paths_update saw to it that it is in.
 */
static const struct smx_addr *guard_at(const struct smx_client *c, uint8_t which, const uint8_t **link_key)
{
    const struct smx_relay_info *r =
        &c->consensus.relay[smx_consensus_find(&c->consensus, c->paths.guard[which])];

    *link_key = r->link_key;
    return smx_paths_reach(c, r->addr, r->addr_count);
}

static void note_address(struct smx_client *c, uint8_t which, const struct smx_addr *addr)
{
    c->uplink.addr[which] = addr ? *addr : (struct smx_addr){.port = 0};
}

static void guard_connect(struct smx_client *c, smx_time now, uint8_t which)
{
    const uint8_t *link_key;
    const struct smx_addr *addr = guard_at(c, which, &link_key);

    c->uplink.role = UPLINK_GUARD;
    c->uplink.guard = which;
    c->uplink.pause = SMX_NEVER;
    c->uplink.redial = now + SMX_MS(REDIAL_MS);
    c->uplink.rounds = 0;
    smx_circuits_reset(c, now, false);
    note_address(c, which, addr);
    if (!connect_to(c, now, addr, link_key))
        smx_client_set_problem(c, SMX_CLIENT_NO_GUARD);
}

static smx_time last_heard(const struct smx_client *c)
{
    const struct uplink *u = &c->uplink;

    return u->was_up && u->link != SMX_LINK_NONE ? smx_link_heard(c->ep, u->link) : u->since;
}

static void dial_spare(struct smx_client *c, smx_time now)
{
    struct uplink *u = &c->uplink;
    uint8_t other = u->guard ^ 1;
    const uint8_t *link_key;
    const struct smx_addr *addr;

    if (u->spare != SMX_LINK_NONE || other >= c->paths.guard_count)
        return;
    addr = guard_at(c, other, &link_key);
    note_address(c, other, addr);
    if (!addr ||
        smx_endpoint_connect(c->ep, now, addr, link_key, SMX_LINK_CLIENT, c->cells, &u->spare) != SMX_OK)
        u->spare = SMX_LINK_NONE;
}

/* The other guard has answered, and ours has not. */
static void take_spare(struct smx_client *c, smx_time now)
{
    struct uplink *u = &c->uplink;
    bool urgent = u->was_up && now < last_heard(c) + SMX_MS(SHORT_MS);

    if (u->link != SMX_LINK_NONE)
        smx_link_close(c->ep, u->link);
    u->link = u->spare;
    u->spare = SMX_LINK_NONE;
    u->guard ^= 1;
    u->up = u->was_up = true;
    u->since = now;
    c->count.guard_changes++;
    smx_circuits_reset(c, now, urgent);
    smx_pipes_uplink_changed(c);
    smx_client_set_problem(c, SMX_CLIENT_BUILDING);
}

void smx_uplink_up(struct smx_client *c, smx_time now, uint32_t link, bool resumed)
{
    struct uplink *u = &c->uplink;
    bool again = u->was_up;

    c->changes |= SMX_CLIENT_STATUS;
    if (link == u->spare && link != SMX_LINK_NONE) {
        take_spare(c, now);
        return;
    }
    if (link != u->link)
        return;
    u->up = u->was_up = true;
    u->since = now;
    if (u->role == UPLINK_BOOT) {
        boot_ask(c, now);
        return;
    }
    if (again && !resumed) { /* the guard is another incarnation: no circuit of ours is left there */
        smx_circuits_reset(c, now, true);
        smx_pipes_uplink_changed(c);
    }
    smx_client_set_problem(c, SMX_CLIENT_BUILDING);
}

void smx_uplink_heard(struct smx_client *c, uint32_t link)
{
    if (link == c->uplink.link)
        drop_spare(c);
}

void smx_uplink_down(struct smx_client *c, smx_time now)
{
    c->uplink.up = false;
    c->uplink.since = now;
    c->changes |= SMX_CLIENT_STATUS;
}

/* ---- consensus ---- */

static smx_time draw_refresh(struct smx_client *c, smx_time now, struct smx_wall wall)
{
    int64_t fresh = c->consensus.fresh_until.s - wall.s;
    smx_time spread = SMX_SECOND(c->consensus.params.epoch_s) / 4;

    return now + (fresh > 0 ? SMX_SECOND(fresh) : 0) + smx_rng_u64(&c->rng) % spread;
}

/* c->consensus is a new one and in force. */
static void take_effect(struct smx_client *c, smx_time now, struct smx_wall wall)
{
    const struct smx_params *p = &c->consensus.params;
    struct smx_link_timing timing = {.relay_q = SMX_MS(p->tick_ms),
                                     .client_q = SMX_MS(p->slot_period_ms),
                                     .margin_min = SMX_US(p->margin_min_us),
                                     .margin_max = SMX_US(p->margin_max_us),
                                     .margin_unknown = SMX_US(p->margin_unknown_us)};
    uint8_t before[SMX_DOC_KEY];
    bool same_guard = false;

    memcpy(before, c->paths.guard[c->uplink.guard], sizeof before);
    c->in_force = true;
    c->refresh = draw_refresh(c, now, wall);
    c->uplink.wants_http = false;
    smx_endpoint_set_timing(c->ep, &timing);
    if (c->q != timing.client_q) { /* ticks go on counting, at the new pace */
        c->q = timing.client_q;
        c->base = smx_clock_read(&c->clock, now) - c->next * c->q;
    }
    if (!smx_paths_update(c, wall)) {
        smx_client_set_problem(c, SMX_CLIENT_NO_PATH);
        return;
    }
    for (uint8_t i = 0; i < c->paths.guard_count && !same_guard; i++)
        if (memcmp(before, c->paths.guard[i], sizeof before) == 0) {
            same_guard = true;
            if (i != c->uplink.guard)
                drop_spare(c); /* the other guard is another one */
            c->uplink.guard = i;
        }
    if (c->uplink.role == UPLINK_BOOT || !same_guard)
        guard_connect(c, now, 0);
}

enum smx_err smx_client_consensus(struct smx_client *c, smx_time now, struct smx_wall wall,
                                  const uint8_t *envelope, size_t len)
{
    struct smx_consensus got;
    uint8_t *copy;
    enum smx_err err, valid;

    c->wall = wall;
    err = smx_consensus_open(&got, c->network, envelope, len);
    if (err != SMX_OK) {
        c->count.consensuses_refused++;
        return err;
    }
    valid = smx_consensus_check(&got, c->has_consensus ? &c->consensus : NULL, wall);
    if (valid == SMX_E_STATE)
        smx_client_set_problem(c, SMX_CLIENT_CLOCK);
    else if (valid == SMX_E_REFUSED)
        smx_client_warn(c, SMX_CLIENT_TWO_FACED);
    copy = valid == SMX_OK || (valid == SMX_E_LATE && !c->has_consensus) ? malloc(len) : NULL;
    if (!copy) {
        smx_consensus_free(&got);
        c->count.consensuses_refused++;
        return valid == SMX_OK ? SMX_E_MEMORY : valid;
    }
    memcpy(copy, envelope, len);
    free(c->envelope);
    c->envelope = copy;
    c->envelope_len = len;
    smx_consensus_free(&c->consensus);
    c->consensus = got;
    c->has_consensus = true;
    if (valid != SMX_OK)
        return valid;
    c->count.consensuses++;
    c->changes |= SMX_CLIENT_CONSENSUS | SMX_CLIENT_STATUS;
    take_effect(c, now, wall);
    return SMX_OK;
}

const uint8_t *smx_client_envelope(const struct smx_client *c, size_t *len)
{
    *len = c->envelope_len;
    return c->envelope;
}

bool smx_client_wants_http(const struct smx_client *c)
{
    return c->uplink.wants_http;
}

static void refresh(struct smx_client *c, smx_time now)
{
    uint8_t held[8];
    struct smx_wr w = {held, sizeof held};

    smx_wr_u64(&w, (uint64_t)c->consensus.valid_after.s);
    c->refresh = SMX_NEVER;
    if (smx_errand_ask(c, now, 0, SMX_SERVICE_CONSENSUS_GET, held, sizeof held, ASKER_UPLINK, 0,
                       REFRESH_TRIES, SMX_MS(REFRESH_PATIENCE_MS)) != SMX_OK)
        smx_uplink_unanswered(c, now);
}

void smx_uplink_answer(struct smx_client *c, smx_time now, struct smx_wall wall, const uint8_t *envelope,
                       size_t len)
{
    if (len == 0 || smx_client_consensus(c, now, wall, envelope, len) != SMX_OK)
        smx_uplink_unanswered(c, now); /* nothing newer there yet */
}

void smx_uplink_unanswered(struct smx_client *c, smx_time now)
{
    c->refresh = now + smx_rng_exp(&c->rng, SMX_MS(REFRESH_AGAIN_MS));
}

/* ---- time ---- */

void smx_uplink_init(struct smx_client *c)
{
    c->uplink.link = c->uplink.spare = SMX_LINK_NONE;
    c->uplink.role = UPLINK_BOOT;
    c->refresh = SMX_NEVER;
}

static void boot_expire(struct smx_client *c, smx_time now)
{
    struct uplink *u = &c->uplink;
    smx_time patience = SMX_MS(u->up ? BOOT_PATIENCE_MS : LINK_PATIENCE_MS);

    if (now >= u->pause || (u->link != SMX_LINK_NONE && now >= u->since + patience))
        boot_next(c, now);
}

/* Both guards are silent.  One that stands elsewhere now is dialled there; the others are left alone, as
 * their circuits may still be there when the network is. */
static void redial(struct smx_client *c, smx_time now)
{
    struct uplink *u = &c->uplink;
    const uint8_t *link_key;
    const struct smx_addr *addr = guard_at(c, u->guard, &link_key);

    u->redial = now + SMX_MS(REDIAL_MS);
    drop_spare(c);
    if (addr && !smx_addr_equal(addr, &u->addr[u->guard]))
        guard_connect(c, now, u->guard);
}

static void guard_expire(struct smx_client *c, smx_time now)
{
    struct uplink *u = &c->uplink;
    smx_time heard = last_heard(c);
    smx_time patience = c->q * (c->cover_off ? SILENT_TICKS_BARE : SILENT_TICKS);

    if (!u->was_up) /* a handshake may take its time */
        patience = SMX_MS(LINK_PATIENCE_MS);
    if (now < heard + patience) {
        u->redial = now + SMX_MS(REDIAL_MS);
        return;
    }
    if (now >= heard + SMX_MS(NO_GUARD_MS))
        smx_client_set_problem(c, SMX_CLIENT_NO_GUARD);
    if (now >= u->redial)
        redial(c, now);
    dial_spare(c, now);
}

/* Has this machine slept? */
static bool has_slept(struct smx_client *c, smx_time now)
{
    smx_time before = c->uplink.seen;

    c->uplink.seen = now;
    return before > 0 && now - before > SMX_SECOND(SLEPT_S);
}

void smx_uplink_expire(struct smx_client *c, smx_time now, struct smx_wall wall)
{
    bool slept = has_slept(c, now);

    if (c->in_force && wall.s >= c->consensus.valid_until.s) {
        c->in_force = false;
        smx_client_set_problem(c, SMX_CLIENT_EXPIRED);
        boot(c, now);
    } else if (slept && c->uplink.role == UPLINK_GUARD) {
        guard_connect(c, now,
                      c->uplink.guard); /* our cells are late for good: links and circuits begin anew */
        smx_pipes_uplink_changed(c);
    }
    if (c->uplink.role == UPLINK_BOOT) {
        boot_expire(c, now);
    } else {
        smx_channel_free(c->uplink.channel); /* the consensus has come */
        c->uplink.channel = NULL;
        guard_expire(c, now);
    }
    if (now >= c->refresh && c->in_force)
        refresh(c, now);
}
