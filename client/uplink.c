/* client/uplink.c - the one link to the network, and the consensus.
 *
 *   BOOT --consensus in force--> GUARD --silent--> GUARD (the other one)
 *     ^                            |
 *     +---- consensus expired -----+
 *
 * BOOT asks one relay after the other, over an ordinary link, with the stream in circuit-0 cells: first
 * guards of ours whose address an old consensus tells, then the relays of the network file in random order;
 * when all have failed, the authority's HTTP may be asked (by the daemon), and the round begins again.
 * Timers: uplink.since (link silent, answer outstanding), uplink.pause (next relay), c->refresh (next
 * consensus). */
#include "client/core.h"

#include "proto/base/bytes.h"

#include <stdlib.h>
#include <string.h>

enum {
    LINK_PATIENCE_MS = 3500,   /* until the link must be up: two tries */
    BOOT_PATIENCE_MS = 15000,  /* until the consensus must be here */
    ROUND_PAUSE_MS = 2000,     /* mean, after all have failed */
    GUARD_PATIENCE_MS = 10000, /* until the other guard is tried */
    REFRESH_TRIES = 3,
    REFRESH_PATIENCE_MS = 20000,
    REFRESH_AGAIN_MS = 30000, /* mean */
};

static void disconnect(struct smx_client *c)
{
    if (c->uplink.link != SMX_LINK_NONE)
        smx_link_close(c->ep, c->uplink.link);
    c->uplink.link = SMX_LINK_NONE;
    c->uplink.up = false;
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
    if (c->network.relay_count == 0)
        return false;
    r = &c->network.relay[smx_rng_below(&c->rng, (uint32_t)c->network.relay_count)];
    return connect_to(c, now, smx_paths_reach(c, r->addr, r->addr_count), r->link_key);
}

static void boot_next(struct smx_client *c, smx_time now)
{
    struct uplink *u = &c->uplink;
    size_t round = c->network.relay_count + (c->has_consensus ? c->paths.guard_count : 0);

    disconnect(c);
    u->pause = SMX_NEVER;
    if (u->asked >= round) { /* every one has been asked, or as good as */
        u->asked = 0;
        u->wants_http = true;
        u->pause = now + smx_rng_exp(&c->rng, SMX_MS(ROUND_PAUSE_MS));
        smx_client_set_problem(c, c->has_consensus ? SMX_CLIENT_EXPIRED : SMX_CLIENT_NO_CONSENSUS);
        return;
    }
    if (!boot_relay(c, now, u->asked++))
        u->pause = now;
}

static void boot_ask(struct smx_client *c, smx_time now)
{
    struct uplink *u = &c->uplink;
    struct smx_stream_config config = {
        .tx = u->tx, .rx = u->rx, .tx_cap = sizeof u->tx, .rx_cap = sizeof u->rx, .period = c->q};
    uint8_t msg[SMX_SERVICE_HEAD + 8];
    struct smx_wr w = {msg, sizeof msg};

    smx_stream_init(&u->stream, &config, now);
    smx_wr_u8(&w, SMX_SERVICE_CONSENSUS_GET);
    smx_wr_u16(&w, ++u->request);
    smx_wr_u64(&w, c->has_consensus ? (uint64_t)c->consensus.valid_after.s : 0);
    smx_wr_done(&w);
    (void)!smx_stream_send(&u->stream, msg, sizeof msg); /* an empty stream has room */
}

void smx_uplink_segment(struct smx_client *c, smx_time now, struct smx_wall wall, const uint8_t *seg,
                        size_t len)
{
    struct uplink *u = &c->uplink;
    const uint8_t *msg;
    size_t msg_len;

    if (u->role != UPLINK_BOOT || smx_stream_receive(&u->stream, now, seg, len) != SMX_OK)
        return;
    if (!smx_stream_message(&u->stream, &msg, &msg_len))
        return;
    if (msg_len < SMX_SERVICE_HEAD || msg[0] != SMX_SERVICE_CONSENSUS ||
        smx_client_consensus(c, now, wall, msg + SMX_SERVICE_HEAD, msg_len - SMX_SERVICE_HEAD) != SMX_OK)
        u->pause = now; /* the next relay may have a better one */
}

bool smx_uplink_next(struct smx_client *c, smx_time now, uint8_t cell[SMX_CELL_SIZE])
{
    uint8_t seg[SMX_COMMAND_SEGMENT];
    size_t len = smx_stream_segment(&c->uplink.stream, now, seg, sizeof seg);

    if (len > 0)
        smx_command_segment_encode(cell, seg, len);
    return len > 0;
}

/* ---- guard ---- */

static void guard_connect(struct smx_client *c, smx_time now, uint8_t which)
{
    const struct smx_relay_info *r;
    size_t place;

    c->uplink.role = UPLINK_GUARD;
    c->uplink.guard = which;
    c->uplink.pause = SMX_NEVER;
    smx_circuits_reset(c, now, false);
    place = smx_consensus_find(&c->consensus, c->paths.guard[which]); /* smx_paths_update saw to it */
    r = &c->consensus.relay[place];
    if (!connect_to(c, now, smx_paths_reach(c, r->addr, r->addr_count), r->link_key))
        smx_client_set_problem(c, SMX_CLIENT_NO_GUARD);
}

void smx_uplink_up(struct smx_client *c, smx_time now, bool resumed)
{
    struct uplink *u = &c->uplink;

    u->up = true;
    u->since = now;
    c->changes |= SMX_CLIENT_STATUS;
    if (u->role == UPLINK_BOOT) {
        boot_ask(c, now);
        return;
    }
    if (!resumed) /* the guard is another incarnation: no circuit of ours is left there */
        smx_circuits_reset(c, now, false);
    smx_client_set_problem(c, SMX_CLIENT_BUILDING);
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
    bool same_guard;

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
    same_guard = memcmp(before, c->paths.guard[c->uplink.guard], sizeof before) == 0;
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
    err = smx_consensus_open(&got, &c->network, envelope, len);
    if (err != SMX_OK) {
        c->count.consensuses_refused++;
        return err;
    }
    valid = smx_consensus_check(&got, c->has_consensus ? &c->consensus : NULL, wall);
    if (valid == SMX_E_STATE)
        smx_client_set_problem(c, SMX_CLIENT_CLOCK);
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
    c->uplink.link = SMX_LINK_NONE;
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

static void guard_expire(struct smx_client *c, smx_time now)
{
    struct uplink *u = &c->uplink;
    uint8_t other = u->guard ^ 1;

    if (u->up || now < u->since + SMX_MS(GUARD_PATIENCE_MS))
        return;
    smx_client_set_problem(c, SMX_CLIENT_NO_GUARD);
    c->count.guard_changes++;
    guard_connect(c, now, other < c->paths.guard_count ? other : 0);
}

void smx_uplink_expire(struct smx_client *c, smx_time now, struct smx_wall wall)
{
    if (c->in_force && wall.s >= c->consensus.valid_until.s) {
        c->in_force = false;
        smx_client_set_problem(c, SMX_CLIENT_EXPIRED);
        boot(c, now);
    }
    if (c->uplink.role == UPLINK_BOOT)
        boot_expire(c, now);
    else
        guard_expire(c, now);
    if (now >= c->refresh && c->in_force)
        refresh(c, now);
}
