#include "sim/network.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CARRY_MS = 500, DESCRIBED_AHEAD_S = 2, PHONES_MS = 5, NAMES_SPARE = 100, LIE = 20000 };

/* ---- nodes ---- */

static void relay_receive(void *relay, smx_time now, struct smx_wall wall, const struct smx_addr *from,
                          uint8_t *bytes, size_t len, struct smx_out *out)
{
    smx_relay_receive(((struct smx_sim_relay *)relay)->core, now, wall, from, bytes, len, out);
}

static void relay_expire(void *relay, smx_time now, struct smx_wall wall, struct smx_out *out)
{
    struct smx_sim_relay *r = relay;

    if (r->meddle)
        r->meddle(r->meddle_arg, r);
    smx_relay_expire(r->core, now, wall, out);
}

static smx_time relay_deadline(void *relay)
{
    return smx_relay_deadline(((struct smx_sim_relay *)relay)->core);
}

static void client_receive(void *core, smx_time now, struct smx_wall wall, const struct smx_addr *from,
                           uint8_t *bytes, size_t len, struct smx_out *out)
{
    smx_client_receive(core, now, wall, from, bytes, len, out);
}

static void client_expire(void *core, smx_time now, struct smx_wall wall, struct smx_out *out)
{
    smx_client_expire(core, now, wall, out);
}

static smx_time client_deadline(void *core)
{
    return smx_client_deadline(core);
}

static const struct smx_node_ops relay_ops = {relay_receive, relay_expire, relay_deadline};
static const struct smx_node_ops client_ops = {client_receive, client_expire, client_deadline};

/* An origin of its own for each clock: nobody may take one's time for another's. */
static uint32_t add_node(struct smx_sim_network *n, const struct smx_node_ops *ops, void *core)
{
    uint32_t ppm = n->config.drift_ppm;
    struct smx_node_clock clock = {.origin = 0};

    if (ppm > 0) {
        clock.ppb = (int32_t)smx_rng_below(smx_world_rng(n->world), 2000 * ppm + 1) - (int32_t)(1000 * ppm);
        clock.origin = SMX_MS(smx_rng_below(smx_world_rng(n->world), 1000000));
    }
    return smx_world_add(n->world, ops, core, &clock);
}

/* The directory's calendar. */
static struct smx_wall calendar(const struct smx_sim_network *n)
{
    return (struct smx_wall){n->config.start.s + (int64_t)(smx_world_now(n->world) / SMX_SECOND(1))};
}

/* ---- what the daemons carry ---- */

static void describe_relay(struct smx_sim_network *n, size_t i, struct smx_wall wall)
{
    struct smx_sim_relay *r = &n->relay[i];
    struct smx_relaydesc *d = calloc(1, sizeof *d);
    const char *why = "";
    uint8_t *bytes;
    size_t len;

    SMX_SIM_MUST(d);
    d->onion_count = 2;
    d->addr_count = 1;
    d->published = wall;
    memcpy(d->network, n->file.id, sizeof d->network);
    memcpy(d->id, r->id, sizeof d->id);
    memcpy(d->link_key, r->link.public, sizeof d->link_key);
    for (uint64_t k = 0; k < 2; k++) {
        d->onion[k].epoch = (uint64_t)wall.s / n->config.params.epoch_s + k;
        SMX_SIM_MUST(smx_relay_onion_key(r->core, d->onion[k].epoch, d->onion[k].key) == SMX_OK);
    }
    r->onion_len = smx_relay_onion_save(r->core, r->onion);
    d->addr[0] = *smx_world_addr(n->world, (uint32_t)i);
    strcpy(d->software, "test");
    d->report_count = smx_relay_link_reports(r->core, d->report, SMX_RELAYDESC_REPORTS);
    if (r->lies)
        for (size_t k = 0; k < d->report_count; k++)
            d->report[k].circuits = LIE;
    SMX_SIM_MUST(smx_relaydesc_encode(&bytes, &len, d, r->secret) == SMX_OK);
    SMX_SIM_MUST(smx_directory_relay(n->directory, wall, bytes, len, &why) == SMX_OK);
    free(bytes);
    free(d);
}

static void carry_consensus(struct smx_sim_network *n, size_t i)
{
    struct smx_sim_relay *r = &n->relay[i];
    struct smx_bytes b = smx_directory_consensus(n->directory);
    uint64_t serial = smx_directory_counters(n->directory)->consensuses;
    struct smx_consensus c;
    uint8_t *copy;

    if (!b.at || r->consensus == serial)
        return;
    r->consensus = serial;
    copy = malloc(b.len);
    SMX_SIM_MUST(copy);
    memcpy(copy, b.at, b.len);
    SMX_SIM_MUST(smx_consensus_open(&c, &n->file, b.at, b.len) == SMX_OK);
    (void)!smx_relay_consensus(r->core, smx_world_local(n->world, (uint32_t)i), &c, copy, b.len);
    smx_world_flush(n->world, (uint32_t)i);
    if (n->consensus_taken)
        n->consensus_taken(n->consensus_arg, i);
}

static void carry_round(struct smx_sim_network *n, size_t i, struct smx_wall wall)
{
    struct smx_relay *core = n->relay[i].core;
    struct smx_relay_upload upload[SMX_UPLOAD_QUEUE];
    struct smx_round_item item[SMX_UPLOAD_QUEUE];
    uint8_t *round, reply[SMX_ROUND_REPLY_MAX], result[SMX_ROUND_COUNT];
    size_t count = smx_relay_uploads(core, upload, SMX_UPLOAD_QUEUE), len;

    for (size_t k = 0; k < count; k++)
        item[k] = (struct smx_round_item){upload[k].bytes, (uint16_t)upload[k].len};
    if (count == 0)
        return;
    round = malloc(SMX_ROUND_MAX);
    SMX_SIM_MUST(round);
    len = smx_round_encode(round, item, count);
    SMX_SIM_MUST(smx_directory_round(n->directory, wall, round, len, reply, &len) == SMX_OK);
    SMX_SIM_MUST(smx_round_reply_decode(result, count, reply, len) == SMX_OK);
    for (size_t k = 0; k < count; k++)
        smx_relay_upload_result(core, upload[k].handle, result[k]);
    free(round);
}

static void carry_batch(struct smx_sim_network *n, size_t i)
{
    struct smx_sim_relay *r = &n->relay[i];
    struct smx_bytes b = smx_directory_batch(n->directory);
    struct smx_batch *batch;

    if (!b.at || smx_directory_counters(n->directory)->batches == r->batch || !smx_relay_is_end(r->core))
        return;
    r->batch = smx_directory_counters(n->directory)->batches;
    SMX_SIM_MUST(smx_batch_decode(&batch, &n->file, b.at, b.len) == SMX_OK);
    smx_relay_batch(r->core, batch);
}

static void carry_up(struct smx_sim_network *n, struct smx_wall wall)
{
    /* A consensus is made, at the beginning of its epoch, of descriptors of the one before: it may have no
     * newer onion keys than those of its own. */
    uint64_t next = (uint64_t)(wall.s + DESCRIBED_AHEAD_S) / n->config.params.epoch_s,
             round = (uint64_t)wall.s / n->config.params.batch_s;

    for (size_t i = 0; i < n->relays; i++)
        if (!n->relay[i].dead && n->relay[i].described != next) {
            n->relay[i].described = next;
            describe_relay(n, i, wall);
        }
    if (n->round == round)
        return;
    n->round = round;
    for (size_t i = 0; i < n->relays; i++)
        if (!n->relay[i].dead)
            carry_round(n, i, wall);
}

static void carry(void *arg)
{
    struct smx_sim_network *n = arg;
    smx_time now = smx_world_now(n->world);

    smx_world_at(n->world, now + SMX_MS(CARRY_MS), carry, n);
    if (n->directory_down)
        return;
    carry_up(n, calendar(n));
    SMX_SIM_MUST(smx_directory_expire(n->directory, calendar(n)) == SMX_OK);
    for (size_t i = 0; i < n->relays; i++) {
        struct smx_sim_relay *r = &n->relay[i];

        if (!r->core || r->dead || now < r->fetches)
            continue;
        carry_consensus(n, i);
        carry_batch(n, i);
        if (n->config.fetch_ms > 0)
            r->fetches = now + SMX_MS(smx_rng_below(smx_world_rng(n->world), n->config.fetch_ms));
    }
}

/* ---- time ---- */

void smx_sim_run_until(struct smx_sim_network *n, smx_time end)
{
    while (smx_world_now(n->world) < end) {
        smx_time next = smx_world_now(n->world) + SMX_MS(PHONES_MS);

        smx_world_run(n->world, next < end ? next : end);
        for (size_t i = 0; i < n->clients; i++)
            if (n->user[i].client)
                smx_sim_user_acts(&n->user[i]);
    }
}

void smx_sim_run_for(struct smx_sim_network *n, unsigned ms)
{
    smx_sim_run_until(n, smx_world_now(n->world) + SMX_MS(ms));
}

bool smx_sim_is_ready(const struct smx_sim_network *n)
{
    bool ready = true;

    for (size_t i = 0; i < n->clients; i++) {
        struct smx_client_status s;

        smx_client_status(n->user[i].client, &s);
        ready = ready && s.ready;
    }
    return ready;
}

bool smx_sim_run_to_ready(struct smx_sim_network *n, unsigned ms)
{
    smx_time end = smx_world_now(n->world) + SMX_MS(ms);

    while (!smx_sim_is_ready(n) && smx_world_now(n->world) < end)
        smx_sim_run_for(n, 100);
    return smx_sim_is_ready(n);
}

/* ---- relays ---- */

static void new_core(struct smx_sim_network *n, size_t i)
{
    struct smx_sim_relay *r = &n->relay[i];
    struct smx_relay_config config = {.relay_links_max = (uint32_t)n->config.relays,
                                      .client_links_max = n->config.client_links_max,
                                      .circuits_max = n->config.circuits_max,
                                      .cover_off = n->config.cover_off,
                                      .timetables = n->config.timetables,
                                      .has_v4 = true};
    uint8_t seed[SMX_RNG_SEED];

    memcpy(config.id, r->id, sizeof config.id);
    config.link = r->link;
    smx_rng_bytes(smx_world_rng(n->world), seed, sizeof seed);
    SMX_SIM_MUST(smx_relay_new(&r->core, &config, seed) == SMX_OK);
    SMX_SIM_MUST(smx_relay_onion_load(r->core, r->onion, r->onion_len) == SMX_OK);
    r->born = smx_world_now(n->world);
}

static void make_relay(struct smx_sim_network *n, size_t i)
{
    struct smx_sim_relay *r = &n->relay[i];
    uint8_t seed[SMX_RNG_SEED];

    smx_rng_bytes(smx_world_rng(n->world), seed, sizeof seed);
    crypto_sign_seed_keypair(r->id, r->secret, seed);
    smx_x25519_make(&r->link, smx_world_rng(n->world));
    new_core(n, i);
    SMX_SIM_MUST(add_node(n, &relay_ops, r) == i);
    if (i < SMX_SIM_BOOT_RELAYS) {
        struct smx_boot_relay *b = &n->file.relay[n->file.relay_count++];

        memcpy(b->id, r->id, sizeof b->id);
        memcpy(b->link_key, r->link.public, sizeof b->link_key);
        b->addr[b->addr_count++] = *smx_world_addr(n->world, (uint32_t)i);
    }
}

void smx_sim_relay_kill(struct smx_sim_network *n, size_t i)
{
    smx_world_set_core(n->world, (uint32_t)i, NULL);
    smx_relay_free(n->relay[i].core);
    n->relay[i].core = NULL;
    n->relay[i].dead = true;
}

void smx_sim_relay_revive(struct smx_sim_network *n, size_t i)
{
    struct smx_sim_relay *r = &n->relay[i];

    new_core(n, i);
    r->dead = false;
    r->batch = 0;
    r->fetches = 0;
    r->consensus = 0;
    smx_world_set_core(n->world, (uint32_t)i, r);
    carry_consensus(n, i); /* its disk has one, even while nobody reaches the directory */
}

size_t smx_sim_relay_number(const struct smx_sim_network *n, const uint8_t id[32])
{
    size_t i = 0;

    while (i < n->relays && memcmp(n->relay[i].id, id, 32) != 0)
        i++;
    return i;
}

/* ---- clients ---- */

void smx_sim_client_make(struct smx_sim_network *n, size_t i, uint32_t seed, const char *name, uint8_t slots)
{
    struct smx_sim_user *u = &n->user[i];
    struct smx_client_identity own = {.name = ""};
    struct smx_client_config config = {.network = &n->file,
                                       .slots = slots,
                                       .vault = n->vault,
                                       .identity = &own,
                                       .identity_count = 1,
                                       .phone = &u->phone,
                                       .call_waiting = n->config.call_waiting,
                                       .cover_off = n->config.cover_off,
                                       .has_v4 = true};
    uint8_t bytes[SMX_RNG_SEED] = {(uint8_t)seed, 99, (uint8_t)(seed >> 8), (uint8_t)(seed >> 16)};

    SMX_SIM_MUST(i <= n->clients && i < n->config.clients_max);
    if (i == n->clients) {
        smx_sim_user_init(u, n->world, n->config.calls_max, n->config.texts_max);
        u->node = add_node(n, &client_ops, NULL);
        n->clients++;
    }
    u->seed = seed;
    u->slots = slots;
    memmove(u->name, name, strlen(name) + 1);
    crypto_sign_seed_keypair(own.public, own.secret, bytes);
    memcpy(u->public, own.public, sizeof u->public);
    snprintf(own.name, sizeof own.name, "%s", name);
    smx_rng_bytes(smx_world_rng(n->world), bytes, sizeof bytes);
    SMX_SIM_MUST(smx_client_new(&u->client, &config, bytes, smx_sim_user_now(u)) == SMX_OK);
}

void smx_sim_client_start(struct smx_sim_network *n, size_t i)
{
    smx_world_set_core(n->world, n->user[i].node, n->user[i].client);
}

void smx_sim_client_restart(struct smx_sim_network *n, size_t i)
{
    struct smx_sim_user *u = &n->user[i];
    uint8_t *state = malloc(SMX_CLIENT_STATE_MAX), *envelope = NULL;
    char *contacts = malloc(SMX_CLIENT_CONTACTS_MAX);
    size_t state_len, envelope_len, contacts_len;
    const uint8_t *kept = smx_client_envelope(u->client, &envelope_len);
    unsigned line;

    SMX_SIM_MUST(state && contacts);
    state_len = smx_client_save(u->client, state);
    contacts_len = smx_client_save_contacts(u->client, contacts);
    if (kept) {
        envelope = malloc(envelope_len);
        SMX_SIM_MUST(envelope);
        memcpy(envelope, kept, envelope_len);
    }
    smx_client_free(u->client);
    for (size_t k = 0; k < u->call_count; k++)
        if (!smx_sim_call_is_over(&u->call[k])) {
            u->call[k].ended = true;
            u->call[k].over_at = smx_world_now(n->world);
        }
    for (size_t k = 0; k < u->text_count; k++)
        u->text[k].done = true;
    smx_sim_client_make(n, i, u->seed, u->name, u->slots);
    SMX_SIM_MUST(smx_client_load(u->client, state, state_len) == SMX_OK);
    SMX_SIM_MUST(smx_client_load_contacts(u->client, contacts, contacts_len, &line) == SMX_OK);
    if (envelope) /* it may have expired meanwhile */
        (void)!smx_client_consensus(u->client, smx_sim_user_now(u), smx_world_wall(n->world, u->node),
                                    envelope, envelope_len);
    smx_sim_client_start(n, i);
    free(state);
    free(contacts);
    free(envelope);
}

void smx_sim_client_sleep(struct smx_sim_network *n, size_t i)
{
    smx_world_set_core(n->world, n->user[i].node, NULL);
}

void smx_sim_client_move(struct smx_sim_network *n, size_t i)
{
    struct smx_addr addr = *smx_world_addr(n->world, n->user[i].node);

    n->moves++;
    addr.port = (uint16_t)(10000 + n->moves % 50000); /* each is far from the last */
    smx_world_set_addr(n->world, n->user[i].node, &addr);
}

/* ---- making it ---- */

static void make_directory(struct smx_sim_network *n)
{
    uint8_t secret[64], seed[32] = {42};
    struct smx_directory_config config = {.secret = secret,
                                          .early = true,
                                          .relays_max = n->config.relays,
                                          .names_max = NAMES_SPARE + n->config.clients_max,
                                          .descs_max = NAMES_SPARE + n->config.clients_max,
                                          .uploads_busy = n->config.uploads_busy};

    config.params = n->config.params;
    strcpy(n->file.domain, "sipmix.alt");
    n->file.authority_count = 1;
    strcpy(n->file.authority[0].name, "one");
    crypto_sign_seed_keypair(n->file.authority[0].key, secret, seed);
    smx_network_seal(&n->file);
    config.network = n->file;
    n->store = smx_store_memory();
    SMX_SIM_MUST(smx_directory_new(&n->directory, &config, n->store, calendar(n)) == SMX_OK);
}

struct smx_sim_network_config smx_sim_network_preset(uint64_t seed)
{
    struct smx_sim_network_config config = {.seed = seed,
                                            .start = {SMX_SIM_START},
                                            .relays = 9,
                                            .clients_max = 16,
                                            .calls_max = SMX_SIM_CALLS,
                                            .texts_max = SMX_SIM_TEXTS,
                                            .circuits_max = 64,
                                            .uploads_busy = 100,
                                            .path = {.latency = SMX_MS(2), .jitter = SMX_US(200)}};

    smx_params_preset(&config.params);
    config.params.floor_circuits = 0;
    config.params.epoch_s = 60;
    config.params.batch_s = 5;
    config.params.claim_work_bits = 6;
    config.params.private_addresses = 1;
    config.params.distinct_subnets = 0;
    return config;
}

struct smx_sim_network *smx_sim_network_new(const struct smx_sim_network_config *config)
{
    struct smx_sim_network *n = calloc(1, sizeof *n);

    SMX_SIM_MUST(n);
    n->config = *config;
    if (n->config.client_links_max == 0)
        n->config.client_links_max = (uint32_t)(2 * config->clients_max);
    n->relay = calloc(config->relays, sizeof *n->relay);
    n->user = calloc(config->clients_max, sizeof *n->user);
    SMX_SIM_MUST(n->relay && n->user);
    n->vault = smx_vault_new();
    SMX_SIM_MUST(n->vault);
    n->world = smx_world_new(config->seed, config->start, &config->path);
    if (config->model)
        smx_net_set_model(smx_world_net(n->world), config->model, config->model_arg);
    make_directory(n);
    for (n->relays = 0; n->relays < config->relays; n->relays++)
        make_relay(n, n->relays);
    carry(n);
    smx_sim_run_for(n, 5000); /* the first consensus, and links */
    return n;
}

void smx_sim_network_free(struct smx_sim_network *n)
{
    for (size_t i = 0; i < n->clients; i++)
        smx_sim_user_fini(&n->user[i]);
    for (size_t i = 0; i < n->relays; i++)
        smx_relay_free(n->relay[i].core);
    free(n->user);
    free(n->relay);
    smx_directory_free(n->directory);
    n->store->free(n->store);
    smx_vault_free(n->vault);
    smx_world_free(n->world);
    free(n);
}
