#include "client/clock.h"
#include "client/core.h"

#include "proto/circuit/quantum.h"

#include <assert.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

enum { KEEPALIVE_TICKS = 25 }; /* with cover off, a datagram at least every so many ticks */

/* ---- life ---- */

static enum smx_err make_endpoint(struct smx_client *c)
{
    struct smx_params p;
    struct smx_endpoint_config config = {
        .clock = &c->clock, .vault = c->vault, .relay_links_max = 0, .client_links_max = GUARDS};
    enum smx_err err;

    smx_params_preset(&p); /* until a consensus says otherwise */
    c->q = SMX_MS(p.slot_period_ms);
    config.timing = (struct smx_link_timing){.relay_q = SMX_MS(p.tick_ms),
                                             .client_q = c->q,
                                             .margin_min = SMX_US(p.margin_min_us),
                                             .margin_max = SMX_US(p.margin_max_us),
                                             .margin_unknown = SMX_US(p.margin_unknown_us)};
    smx_x25519_make(&config.local, &c->rng); /* thrown away with this run */
    err = smx_endpoint_new(&c->ep, &config, &c->rng);
    sodium_memzero(&config, sizeof config);
    return err;
}

static enum smx_err copy_partings(struct smx_client *c, const struct smx_client_config *config)
{
    if (config->parting_count == 0)
        return SMX_OK;
    c->parting = calloc(config->parting_count, sizeof *c->parting);
    if (!c->parting)
        return SMX_E_MEMORY;
    memcpy(c->parting, config->parting, config->parting_count * sizeof *c->parting);
    c->parting_count = config->parting_count;
    return SMX_OK;
}

bool smx_client_fits(size_t identities, size_t slots)
{
    return slots >= 1 && identities >= 1 && identities <= SMX_CLIENT_IDENTITIES &&
           identities * slots <= SMX_CLIENT_SLOTS && identities * (slots + 1) <= CELLS_MAX;
}

enum smx_err smx_client_new(struct smx_client **client, const struct smx_client_config *config,
                            const uint8_t seed[SMX_RNG_SEED], smx_time now)
{
    struct smx_client *c = calloc(1, sizeof *c);
    enum smx_err err;

    assert(smx_client_fits(config->identity_count, config->slots) &&
           config->parting_count <= SMX_CLIENT_PARTINGS);
    *client = NULL;
    if (!c)
        return SMX_E_MEMORY;
    c->network = config->network;
    c->phone = config->phone;
    c->vault = config->vault;
    c->slots_each = config->slots;
    c->slots = (uint8_t)(config->slots * config->identity_count);
    c->cells = (uint8_t)(c->slots + config->identity_count);
    c->cover_off = config->cover_off;
    c->call_waiting = config->call_waiting;
    c->reach = config->reach;
    c->has_v4 = config->has_v4;
    c->has_v6 = config->has_v6;
    c->problem = SMX_CLIENT_STARTING;
    smx_rng_init(&c->rng, seed);
    err = copy_partings(c, config);
    if (err == SMX_OK)
        err = make_endpoint(c);
    if (err == SMX_OK)
        err = smx_identities_new(c, config->identity, config->identity_count);
    if (err == SMX_OK)
        err = smx_circuits_new(c);
    c->meeting = smx_vault_take(c->vault, c->slots * sizeof *c->meeting);
    if (err == SMX_OK && !c->meeting)
        err = SMX_E_MEMORY;
    if (err != SMX_OK) {
        smx_client_free(c);
        return err;
    }
    for (uint8_t i = 0; i < c->slots; i++) {
        c->meeting[i].slot = i;
        c->meeting[i].identity = (uint8_t)(i / c->slots_each);
    }
    for (size_t i = 0; i < c->identity_count; i++)
        c->screen[i].slot = (uint8_t)(i * c->slots_each);
    smx_clock_init(&c->clock, now);
    c->base = now + smx_rng_below(&c->rng, (uint32_t)c->q); /* no two clients tick together */
    smx_uplink_init(c);
    *client = c;
    return SMX_OK;
}

void smx_client_free(struct smx_client *c)
{
    if (!c)
        return;
    for (size_t i = 0; c->meeting && i < c->slots; i++) {
        smx_meet_fini(&c->meeting[i].meet);
        smx_pipe_end(&c->meeting[i]);
    }
    for (size_t i = 0; i < c->identity_count; i++)
        smx_meet_fini(&c->screen[i].meet);
    smx_circuits_free(c);
    smx_identities_free(c);
    smx_endpoint_free(c->ep);
    smx_consensus_free(&c->consensus);
    free(c->envelope);
    smx_vault_give(c->vault, c->meeting, c->slots * sizeof *c->meeting);
    smx_messages_free(c);
    smx_errand_free(c);
    smx_channel_free(c->uplink.channel);
    free(c->parting);
    free(c->contact);
    smx_rng_fini(&c->rng);
    sodium_memzero(c, sizeof *c);
    free(c);
}

/* ---- what is going on ---- */

uint64_t smx_client_next_tick(const struct smx_client *c)
{
    return c->next;
}

void smx_client_set_problem(struct smx_client *c, enum smx_client_problem problem)
{
    if (c->problem != problem)
        c->changes |= SMX_CLIENT_STATUS;
    c->problem = problem;
}

void smx_client_warn(struct smx_client *c, enum smx_client_problem warning)
{
    c->count.warnings++;
    c->changes |= SMX_CLIENT_STATUS;
    if (c->warning != SMX_CLIENT_TWO_FACED) /* nothing is worse */
        c->warning = warning;
}

bool smx_client_is_ready(const struct smx_client *c)
{
    bool slot = false;

    for (size_t i = 0; i < c->slots; i++)
        slot = slot || c->circuit[i].stood;
    return c->uplink.role == UPLINK_GUARD && c->uplink.up && slot &&
           smx_circuit_of(c, CIRCUIT_ERRAND, 0)->stood;
}

/* Everybody who asks finds the first identity, by its key and by its name if it shall have one. */
static bool is_found(const struct smx_client *c)
{
    const struct identity *id = &c->identity[0];
    uint32_t today = (uint32_t)(c->wall.s / 86400);
    bool named = true;

    for (size_t i = 0; i < NAMES; i++)
        named = named && id->name[i].state != NAME_WANTED;
    return id->listening && named && id->published_day >= today && c->now >= id->found_at &&
           memcmp(id->published_intro, id->intro, SMX_DOC_KEY) == 0;
}

static bool all_slots_wait(const struct smx_client *c)
{
    for (size_t i = 0; i < c->slots; i++)
        if (c->meeting[i].state == MEETING_IDLE && !c->meeting[i].cookie_ready)
            return false;
    return true;
}

void smx_client_status(const struct smx_client *c, struct smx_client_status *status)
{
    const struct identity *id = &c->identity[0];

    *status = (struct smx_client_status){.circuits_wanted = c->circuit_count,
                                         .problem = c->problem,
                                         .warning = c->warning,
                                         .guard = c->uplink.role == UPLINK_GUARD && c->uplink.up};
    for (size_t i = 0; i < c->circuit_count; i++)
        status->circuits += smx_circuit_is_open(&c->circuit[i]);
    memcpy(status->key, id->key_text, sizeof status->key);
    for (size_t i = 0; i < NAMES && !status->name[0]; i++)
        if (id->name[i].state == NAME_OURS)
            memcpy(status->name, id->name[i].text, sizeof status->name);
    status->ready = smx_client_is_ready(c) && smx_circuit_is_open(smx_circuit_of(c, CIRCUIT_ERRAND, 0)) &&
                    all_slots_wait(c) && is_found(c);
}

const char *smx_client_problem_text(enum smx_client_problem problem)
{
    switch (problem) {
    case SMX_CLIENT_FINE:
        return "connected";
    case SMX_CLIENT_STARTING:
        return "asking for the list of relays";
    case SMX_CLIENT_NO_CONSENSUS:
        return "no relay and no directory has given us the list of relays yet; trying again";
    case SMX_CLIENT_CLOCK:
        return "the list of relays is not valid yet; is this computer's clock right?";
    case SMX_CLIENT_EXPIRED:
        return "the list of relays has expired and no newer one is to be had; trying again";
    case SMX_CLIENT_NO_GUARD:
        return "our guard relay does not answer; trying again";
    case SMX_CLIENT_NO_PATH:
        return "the network has too few running relays";
    case SMX_CLIENT_BUILDING:
        return "circuits are being built";
    case SMX_CLIENT_NAME_TAKEN:
        return "the name in the configuration belongs to somebody else";
    case SMX_CLIENT_ANSWER_FALSE:
        return "a relay gave an answer that the directory has not signed: it was refused, and another relay "
               "will "
               "be asked";
    case SMX_CLIENT_ANSWER_OLD:
        return "a relay has no news from the directory: its answer was refused, and another relay will be "
               "asked";
    case SMX_CLIENT_ANSWER_AHEAD:
        return "an answer of the directory is from the future and was refused; is this computer's clock "
               "right?";
    case SMX_CLIENT_TWO_FACED:
        return "the directory has signed two different documents for one time: it shows different people "
               "different things, or somebody else has its key; do not trust names until its operator "
               "explains";
    case SMX_CLIENT_UPLOAD_LOST:
        return "a relay said that our address was published, and it was not: it is published again, by "
               "another "
               "relay";
    case SMX_CLIENT_NAME_STUCK:
        return "a name can't be transferred as configured: the consent must be for this name and this key, "
               "and "
               "newer than the name's last renewal; ask for a new one";
    case SMX_CLIENT_CONTACT_KEY:
        return "the key of a contact has changed: the call or message was refused; if you know why it "
               "changed, "
               "delete his line in the file contacts, with the client stopped";
    }
    return "unknown";
}

unsigned smx_client_changes(struct smx_client *c)
{
    unsigned changes = c->changes;

    c->changes = 0;
    return changes;
}

const struct smx_client_counters *smx_client_counters(const struct smx_client *c)
{
    return &c->count;
}

/* Tells the phone side, once, when calls begin or cease to be possible. */
static void watch(struct smx_client *c)
{
    struct smx_client_status status;
    bool ready = smx_client_is_ready(c);

    if (ready != c->network_told) {
        c->network_told = ready;
        c->phone->network(c->phone->arg, ready);
        c->changes |= SMX_CLIENT_STATUS;
    }
    smx_client_status(c, &status);
    if (ready && (c->problem == SMX_CLIENT_BUILDING ||
                  (c->problem == SMX_CLIENT_NO_PATH && status.circuits == status.circuits_wanted)))
        smx_client_set_problem(c, SMX_CLIENT_FINE);
    if (status.ready != c->ready_told) {
        c->ready_told = status.ready;
        c->changes |= SMX_CLIENT_STATUS;
    }
}

/* ---- datagrams in ---- */

void smx_client_receive(struct smx_client *c, smx_time at, struct smx_wall wall, const struct smx_addr *from,
                        uint8_t *bytes, size_t len, struct smx_out *out)
{
    struct smx_link_rx rx;
    const uint8_t *seg;
    size_t seg_len;

    c->wall = wall;
    c->now = at;
    smx_endpoint_receive(c->ep, at, wall, from, bytes, len, out, &rx);
    if (rx.what == SMX_LINK_RX_NONE)
        return;
    if (rx.what == SMX_LINK_RX_UP)
        smx_uplink_up(c, at, rx.link, rx.resumed);
    smx_uplink_heard(c, rx.link);
    if (rx.link != c->uplink.link)
        return;
    smx_circuits_datagram(c);
    for (size_t i = 0; i < rx.cell_count; i++) {
        uint8_t *cell = rx.cells + i * SMX_CELL_SIZE;

        if (rx.link != c->uplink.link)
            return; /* the cell before made us leave this relay */
        if (smx_cell_head_read(cell).circuit != 0)
            smx_circuits_cell(c, at, rx.tick, cell);
        else if (smx_command_type(cell) != SMX_CMD_STREAM)
            smx_circuits_command(c, at, cell);
        else if (smx_command_type(cell) == SMX_CMD_STREAM &&
                 smx_command_segment(&seg, &seg_len, cell) == SMX_OK)
            smx_uplink_segment(c, at, wall, seg, seg_len);
    }
}

/* ---- the tick: datagrams out ---- */

/* While there is no guard, all cells may carry the stream with the relay that is asked for a consensus. */
static bool boot_cells(struct smx_client *c, smx_time now, struct smx_quantum *q)
{
    uint8_t cell[SMX_CELL_SIZE];
    bool real = false;

    if (smx_link_command(c->ep, c->uplink.link, now, cell)) {
        memcpy(smx_quantum_add(q), cell, SMX_CELL_SIZE);
        real = true;
    }
    while (smx_quantum_room(q) > 0 && smx_uplink_next(c, now, cell)) {
        memcpy(smx_quantum_add(q), cell, SMX_CELL_SIZE);
        real = true;
    }
    return real;
}

static bool circuit_cells(struct smx_client *c, smx_time now, uint64_t tick, struct smx_quantum *q)
{
    bool real = false;

    for (size_t i = 0; i < c->circuit_count; i++) {
        struct circuit *k = &c->circuit[i];
        uint8_t *cell;

        if (!smx_circuit_has_turn(k, tick))
            continue;
        cell = smx_quantum_add(q);
        if (k->role == CIRCUIT_ERRAND && smx_link_command(c->ep, c->uplink.link, now, cell))
            real = true; /* a command of the link takes the errand's turn */
        else
            real = smx_circuit_turn(c, k, now, tick, cell) || real;
    }
    return real;
}

static void send(struct smx_client *c, smx_time now, uint64_t tick, struct smx_out *out)
{
    size_t datagrams = out->dgram_count, bytes = out->bytes_len;
    struct smx_quantum q;
    uint8_t *cells;
    bool real;

    if (c->uplink.link == SMX_LINK_NONE || !c->uplink.up)
        return;
    cells = smx_link_begin(c->ep, c->uplink.link, out);
    if (!cells)
        return;
    smx_quantum_open(&q, &cells, 1, c->cells, &c->rng);
    real = c->uplink.role == UPLINK_BOOT ? boot_cells(c, now, &q) : circuit_cells(c, now, tick, &q);
    if (c->cover_off && !real && tick % KEEPALIVE_TICKS != 0) {
        out->dgram_count = datagrams;
        out->bytes_len = bytes;
        return;
    }
    smx_quantum_close(&q);
    smx_link_seal(c->ep, c->uplink.link, cells, tick, 0);
}

static void timers(struct smx_client *c, smx_time now, struct smx_wall wall)
{
    uint32_t link;

    if (!c->started)
        smx_identities_start(c); /* what was kept is loaded by now */
    c->started = true;
    while (smx_endpoint_next_down(c->ep, &link))
        if (link == c->uplink.link)
            smx_uplink_down(c, now);
    smx_uplink_expire(c, now, wall);
    smx_circuits_expire(c, now);
    smx_uploads_expire(c, now);
    smx_errand_expire(c, now);
    smx_meetings_expire(c, now);
    smx_moves_expire(c, now);
    smx_screens_expire(c, now);
    smx_client_calls_expire(c, now);
    smx_resumes_expire(c, now);
    smx_messages_expire(c, now);
    watch(c);
}

/* A reading of the clock. */
static smx_time tick_time(const struct smx_client *c, uint64_t tick)
{
    return c->base + tick * c->q;
}

void smx_client_expire(struct smx_client *c, smx_time now, struct smx_wall wall, struct smx_out *out)
{
    uint64_t tick;

    c->wall = wall;
    c->now = now;
    for (size_t i = 0; i < c->slots; i++)
        smx_pipe_play(c, now, &c->meeting[i]);
    if (smx_clock_read(&c->clock, now) < tick_time(c, c->next))
        return; /* early wake-ups are legal */
    tick = (smx_clock_read(&c->clock, now) - c->base) / c->q;
    c->count.ticks++;
    c->count.ticks_skipped += tick - c->next;
    c->next = tick; /* what is opened now begins with this one */
    smx_endpoint_expire(c->ep, now, wall, out);
    timers(c, now, wall);
    send(c, now, tick, out);
    c->next = tick + 1;
    c->count.clock_at_bound += smx_client_clock_follow(&c->clock, c->ep, c->uplink.link, now);
}

smx_time smx_client_deadline(const struct smx_client *c)
{
    smx_time deadline = smx_clock_when(&c->clock, tick_time(c, c->next));

    for (size_t i = 0; i < c->slots; i++)
        deadline = smx_time_min(deadline, smx_pipe_deadline(c, &c->meeting[i]));
    return deadline;
}
