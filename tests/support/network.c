#include "tests/support/network.h"

#include "client/core.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CARRY_MS = 500, PHONES_MS = 5 };

/* ---- nodes ---- */

static void relay_receive(void *core, smx_time now, struct smx_wall wall, const struct smx_addr *from,
                          uint8_t *bytes, size_t len, struct smx_out *out)
{
    smx_relay_receive(core, now, wall, from, bytes, len, out);
}

static void relay_expire(void *core, smx_time now, struct smx_wall wall, struct smx_out *out)
{
    smx_relay_expire(core, now, wall, out);
}

static smx_time relay_deadline(void *core)
{
    return smx_relay_deadline(core);
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
static uint32_t add_node(struct network *n, const struct smx_node_ops *ops, void *core)
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
static struct smx_wall calendar(const struct network *n)
{
    return (struct smx_wall){START + (int64_t)(smx_world_now(n->world) / SMX_SECOND(1))};
}

/* ---- what the daemons carry ---- */

static void describe_relay(struct network *n, size_t i, struct smx_wall wall)
{
    struct network_relay *r = &n->relay[i];
    struct smx_relaydesc *d = calloc(1, sizeof *d);
    const char *why = "";
    uint8_t *bytes;
    size_t len;

    MUST(d);
    d->onion_count = 2;
    d->addr_count = 1;
    d->published = wall;
    memcpy(d->network, n->file.id, sizeof d->network);
    memcpy(d->id, r->id, sizeof d->id);
    memcpy(d->link_key, r->link.public, sizeof d->link_key);
    for (uint64_t k = 0; k < 2; k++) {
        d->onion[k].epoch = (uint64_t)wall.s / n->config.epoch_s + k;
        MUST(smx_relay_onion_key(r->core, d->onion[k].epoch, d->onion[k].key) == SMX_OK);
    }
    r->onion_len = smx_relay_onion_save(r->core, r->onion);
    d->addr[0] = *smx_world_addr(n->world, (uint32_t)i);
    strcpy(d->software, "test");
    d->report_count = smx_relay_link_reports(r->core, d->report, SMX_RELAYDESC_REPORTS);
    MUST(smx_relaydesc_encode(&bytes, &len, d, r->secret) == SMX_OK);
    if (smx_directory_relay(n->directory, wall, bytes, len, &why) != SMX_OK)
        played_broken(why, __FILE__, __LINE__);
    free(bytes);
    free(d);
}

static void carry_consensus(struct network *n, size_t i)
{
    struct network_relay *r = &n->relay[i];
    struct smx_bytes b = smx_directory_consensus(n->directory);
    struct smx_consensus c;
    uint8_t hash[32], *copy;

    if (!b.at)
        return;
    smx_doc_hash(hash, b.at, b.len);
    if (memcmp(hash, r->consensus_hash, sizeof hash) == 0)
        return;
    memcpy(r->consensus_hash, hash, sizeof hash);
    copy = malloc(b.len);
    MUST(copy);
    memcpy(copy, b.at, b.len);
    MUST(smx_consensus_open(&c, &n->file, b.at, b.len) == SMX_OK);
    (void)!smx_relay_consensus(r->core, smx_world_local(n->world, (uint32_t)i), &c, copy, b.len);
    smx_world_flush(n->world, (uint32_t)i);
    if (n->consensus_taken)
        n->consensus_taken(n->consensus_arg, i);
}

static void carry_round(struct network *n, size_t i, struct smx_wall wall)
{
    struct smx_relay *core = n->relay[i].core;
    struct smx_relay_upload upload[SMX_UPLOAD_QUEUE];
    struct smx_round_item item[SMX_UPLOAD_QUEUE];
    static uint8_t round[SMX_ROUND_MAX], reply[SMX_ROUND_REPLY_MAX];
    uint8_t result[SMX_ROUND_COUNT];
    size_t count = smx_relay_uploads(core, upload, SMX_UPLOAD_QUEUE), len;

    for (size_t k = 0; k < count; k++)
        item[k] = (struct smx_round_item){upload[k].bytes, (uint16_t)upload[k].len};
    if (count == 0)
        return;
    len = smx_round_encode(round, item, count);
    MUST(smx_directory_round(n->directory, wall, round, len, reply, &len) == SMX_OK);
    MUST(smx_round_reply_decode(result, count, reply, len) == SMX_OK);
    for (size_t k = 0; k < count; k++)
        smx_relay_upload_result(core, upload[k].handle, result[k]);
}

static void carry_batch(struct network *n, size_t i)
{
    struct network_relay *r = &n->relay[i];
    struct smx_bytes b = smx_directory_batch(n->directory);
    struct smx_batch *batch;

    if (!b.at || smx_directory_counters(n->directory)->batches == r->batch || !smx_relay_is_end(r->core))
        return;
    r->batch = smx_directory_counters(n->directory)->batches;
    MUST(smx_batch_decode(&batch, &n->file, b.at, b.len) == SMX_OK);
    smx_relay_batch(r->core, batch);
}

static void carry_up(struct network *n, struct smx_wall wall)
{
    uint64_t epoch = (uint64_t)wall.s / n->config.epoch_s, round = (uint64_t)wall.s / n->config.batch_s;

    for (size_t i = 0; i < n->relays; i++)
        if (!n->relay[i].dead && n->relay[i].described != epoch) {
            n->relay[i].described = epoch;
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
    struct network *n = arg;
    smx_time now = smx_world_now(n->world);

    smx_world_at(n->world, now + SMX_MS(CARRY_MS), carry, n);
    if (n->directory_down)
        return;
    carry_up(n, calendar(n));
    MUST(smx_directory_expire(n->directory, calendar(n)) == SMX_OK);
    for (size_t i = 0; i < n->relays; i++) {
        struct network_relay *r = &n->relay[i];

        if (!r->core || r->dead || now < r->fetches)
            continue;
        carry_consensus(n, i);
        carry_batch(n, i);
        if (n->config.fetch_ms > 0)
            r->fetches = now + SMX_MS(smx_rng_below(smx_world_rng(n->world), n->config.fetch_ms));
    }
}

/* ---- time ---- */

void run_for(struct network *n, unsigned ms)
{
    smx_time end = smx_world_now(n->world) + SMX_MS(ms);

    while (smx_world_now(n->world) < end) {
        smx_time next = smx_world_now(n->world) + SMX_MS(PHONES_MS);

        smx_world_run(n->world, next < end ? next : end);
        for (size_t i = 0; i < n->clients; i++)
            if (n->user[i].client)
                phone_acts(&n->user[i]);
    }
}

bool is_ready(const struct network *n)
{
    bool ready = true;

    for (size_t i = 0; i < n->clients; i++) {
        struct smx_client_status s;

        smx_client_status(n->user[i].client, &s);
        ready = ready && s.ready;
    }
    return ready;
}

static void explain_client(const struct network *n, size_t i)
{
    const struct smx_client *c = n->user[i].client;

    printf("# client %zu: %s\n", i, smx_client_problem_text(c->problem));
#define X(name, text)                                                                                        \
    if (c->count.name)                                                                                       \
        printf("#   %s %llu\n", #name, (unsigned long long)c->count.name);
    SMX_CLIENT_COUNTERS(X)
#undef X
    for (size_t k = 0; k < c->circuit_count; k++)
        printf("#   circuit %zu: state %d, %zu hops\n", k, c->circuit[k].origin.state,
               c->circuit[k].origin.hop_count);
    for (size_t k = 0; k < c->slots; k++)
        printf("#   meeting %zu: state %d, cookie %d\n", k, c->meeting[k].state, c->meeting[k].cookie_ready);
    printf("#   name %d, published day %u, listening %d, upload %d\n", c->identity[0].name[0].state,
           c->identity[0].published_day, c->identity[0].listening, c->identity[0].upload[0].state);
}

void explain(const struct network *n)
{
    for (size_t i = 0; i < n->clients; i++)
        explain_client(n, i);
    for (size_t i = 0; i < n->relays; i++) {
        const struct smx_relay_counters *count;
        const struct smx_consensus *v;
        size_t place;

        if (!n->relay[i].core || !(v = smx_relay_current(n->relay[i].core)))
            continue;
        count = smx_relay_counters(n->relay[i].core);
        place = smx_consensus_find(v, n->relay[i].id);
        printf("# relay %zu: layer %d, %zu circuits\n", i,
               place == SMX_RELAY_NONE ? -1 : (int)v->relay[place].layer,
               smx_relay_circuits(n->relay[i].core));
#define X(name, text)                                                                                        \
    if (count->name)                                                                                         \
        printf("#   %s %llu\n", #name, (unsigned long long)count->name);
        SMX_RELAY_COUNTERS(X)
#undef X
    }
}

bool run_to_ready(struct network *n, unsigned ms)
{
    smx_time end = smx_world_now(n->world) + SMX_MS(ms);

    while (!is_ready(n) && smx_world_now(n->world) < end)
        run_for(n, 100);
    if (is_ready(n))
        return true;
    explain(n);
    return false;
}

/* ---- relays ---- */

static void new_core(struct network *n, size_t i)
{
    struct network_relay *r = &n->relay[i];
    struct smx_relay_config config = {.relay_links_max = NETWORK_RELAYS,
                                      .client_links_max = 2 * NETWORK_CLIENTS,
                                      .circuits_max = n->config.circuits_max,
                                      .has_v4 = true};
    uint8_t seed[SMX_RNG_SEED];

    memcpy(config.id, r->id, sizeof config.id);
    config.link = r->link;
    smx_rng_bytes(smx_world_rng(n->world), seed, sizeof seed);
    MUST(smx_relay_new(&r->core, &config, seed) == SMX_OK);
    MUST(smx_relay_onion_load(r->core, r->onion, r->onion_len) == SMX_OK);
    r->born = smx_world_now(n->world);
}

static void make_relay(struct network *n, size_t i)
{
    struct network_relay *r = &n->relay[i];
    uint8_t seed[SMX_RNG_SEED];

    smx_rng_bytes(smx_world_rng(n->world), seed, sizeof seed);
    crypto_sign_seed_keypair(r->id, r->secret, seed);
    smx_x25519_make(&r->link, smx_world_rng(n->world));
    new_core(n, i);
    MUST(add_node(n, &relay_ops, r->core) == i);
    if (i < BOOT_RELAYS) {
        struct smx_boot_relay *b = &n->file.relay[n->file.relay_count++];

        memcpy(b->id, r->id, sizeof b->id);
        memcpy(b->link_key, r->link.public, sizeof b->link_key);
        b->addr[b->addr_count++] = *smx_world_addr(n->world, (uint32_t)i);
    }
}

void kill_relay(struct network *n, size_t i)
{
    smx_world_set_core(n->world, (uint32_t)i, NULL);
    smx_relay_free(n->relay[i].core);
    n->relay[i].core = NULL;
    n->relay[i].dead = true;
}

void revive_relay(struct network *n, size_t i)
{
    struct network_relay *r = &n->relay[i];

    new_core(n, i);
    r->dead = false;
    r->batch = 0;
    r->fetches = 0;
    memset(r->consensus_hash, 0, sizeof r->consensus_hash);
    smx_world_set_core(n->world, (uint32_t)i, r->core);
    carry_consensus(n, i); /* its disk has one, even while nobody reaches the directory */
}

size_t relay_number(const struct network *n, const uint8_t id[32])
{
    size_t i = 0;

    while (i < n->relays && memcmp(n->relay[i].id, id, 32) != 0)
        i++;
    return i;
}

/* ---- clients ---- */

void make_client(struct network *n, size_t i, uint8_t seed, const char *name, uint8_t slots)
{
    struct user *u = &n->user[i];
    struct smx_client_identity own = {.name = ""};
    struct smx_client_config config = {.network = &n->file,
                                       .slots = slots,
                                       .identity = &own,
                                       .identity_count = 1,
                                       .phone = &u->phone,
                                       .has_v4 = true};
    uint8_t bytes[SMX_RNG_SEED] = {seed, 99};

    MUST(i <= n->clients && i < NETWORK_CLIENTS);
    if (i == n->clients) {
        played_init(u, n->world);
        u->node = add_node(n, &client_ops, NULL);
        n->clients++;
    }
    u->seed = seed;
    u->slots = slots;
    memmove(u->name, name, strlen(name) + 1);
    crypto_sign_seed_keypair(own.public, own.secret, bytes);
    memcpy(u->public, own.public, sizeof u->public);
    strcpy(own.name, name);
    smx_rng_bytes(smx_world_rng(n->world), bytes, sizeof bytes);
    MUST(smx_client_new(&u->client, &config, bytes, now_of(u)) == SMX_OK);
}

void start_client(struct network *n, size_t i)
{
    smx_world_set_core(n->world, n->user[i].node, n->user[i].client);
}

void restart_client(struct network *n, size_t i)
{
    struct user *u = &n->user[i];
    uint8_t *state = malloc(SMX_CLIENT_STATE_MAX), *envelope = NULL;
    char *contacts = malloc(SMX_CLIENT_CONTACTS_MAX);
    size_t state_len, envelope_len, contacts_len;
    const uint8_t *kept = smx_client_envelope(u->client, &envelope_len);
    unsigned line;

    MUST(state && contacts);
    state_len = smx_client_save(u->client, state);
    contacts_len = smx_client_save_contacts(u->client, contacts);
    if (kept) {
        envelope = malloc(envelope_len);
        MUST(envelope);
        memcpy(envelope, kept, envelope_len);
    }
    smx_client_free(u->client);
    for (size_t k = 0; k < u->call_count; k++)
        if (!is_over(&u->call[k])) {
            u->call[k].ended = true;
            u->call[k].over_at = smx_world_now(n->world);
        }
    for (size_t k = 0; k < u->text_count; k++)
        u->text[k].done = true;
    make_client(n, i, u->seed, u->name, u->slots);
    MUST(smx_client_load(u->client, state, state_len) == SMX_OK);
    MUST(smx_client_load_contacts(u->client, contacts, contacts_len, &line) == SMX_OK);
    if (envelope) /* it may have expired meanwhile */
        (void)!smx_client_consensus(u->client, now_of(u), smx_world_wall(n->world, u->node), envelope,
                                    envelope_len);
    start_client(n, i);
    free(state);
    free(contacts);
    free(envelope);
}

void sleep_client(struct network *n, size_t i)
{
    smx_world_set_core(n->world, n->user[i].node, NULL);
}

void move_client(struct network *n, size_t i)
{
    struct smx_addr addr = *smx_world_addr(n->world, n->user[i].node);

    n->moves++;
    addr.port = (uint16_t)(10000 + n->moves % 50000); /* each is far from the last */
    smx_world_set_addr(n->world, n->user[i].node, &addr);
}

/* ---- making it ---- */

static void make_directory(struct network *n)
{
    uint8_t secret[64], seed[32] = {42};
    struct smx_directory_config config = {.secret = secret,
                                          .early = true,
                                          .relays_max = 64,
                                          .names_max = 100,
                                          .descs_max = 100,
                                          .uploads_busy = n->config.uploads_busy};

    smx_params_preset(&config.params);
    config.params.floor_circuits = n->config.floor_circuits;
    config.params.epoch_s = n->config.epoch_s;
    config.params.batch_s = n->config.batch_s;
    config.params.claim_work_bits = 6;
    if (n->config.name_grace_s > 0)
        config.params.name_grace_s = n->config.name_grace_s;
    config.params.private_addresses = 1;
    config.params.distinct_subnets = 0;
    strcpy(n->file.domain, "sipmix.alt");
    n->file.authority_count = 1;
    strcpy(n->file.authority[0].name, "one");
    crypto_sign_seed_keypair(n->file.authority[0].key, secret, seed);
    smx_network_seal(&n->file);
    config.network = n->file;
    n->store = smx_store_memory();
    MUST(smx_directory_new(&n->directory, &config, n->store, calendar(n)) == SMX_OK);
}

struct network_config network_preset(uint64_t seed)
{
    return (struct network_config){.seed = seed,
                                   .relays = 9,
                                   .epoch_s = 60,
                                   .batch_s = 5,
                                   .circuits_max = 64,
                                   .uploads_busy = 100,
                                   .path = {.latency = SMX_MS(2), .jitter = SMX_US(200)}};
}

struct network *network_start(const struct network_config *config)
{
    struct network *n = calloc(1, sizeof *n);

    MUST(n && config->relays <= NETWORK_RELAYS);
    n->config = *config;
    n->world = smx_world_new(config->seed, (struct smx_wall){START}, &config->path);
    make_directory(n);
    for (n->relays = 0; n->relays < config->relays; n->relays++)
        make_relay(n, n->relays);
    carry(n);
    run_for(n, 5000); /* the first consensus, and links */
    return n;
}

struct network *network_without_clients(uint64_t seed)
{
    struct network_config config = network_preset(seed);

    return network_start(&config);
}

void network_free(struct network *n)
{
    for (size_t i = 0; i < n->clients; i++)
        smx_client_free(n->user[i].client);
    for (size_t i = 0; i < n->relays; i++)
        smx_relay_free(n->relay[i].core);
    smx_directory_free(n->directory);
    n->store->free(n->store);
    smx_world_free(n->world);
    free(n);
}
