/* tests/unit/sim/network.h - a whole network in virtual time: the directory's core, relay cores, client
 * cores, and phones that are played.  What the daemons carry between the cores (documents, rounds of uploads)
 * is carried here, each half second.  The same seed gives the same run. */
#ifndef SMX_TEST_NETWORK_H
#define SMX_TEST_NETWORK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "client/client.h"
#include "client/core.h"
#include "directory/directory.h"
#include "relay/relay.h"
#include "sim/world.h"

enum { RELAYS = 9, CLIENTS = 2, EPOCH_S = 60, BATCH_S = 5, BOOT_RELAYS = 3, START = 1790000010 };
enum { CALLS = 8, TEXTS_KEPT = 8 };

/* ---- a phone that is played ---- */

struct played_call {
    uint32_t id;
    bool out, ringing, answered, failed, ended;
    unsigned code;
    char from[SMX_CLIENT_USER], to[SMX_CLIENT_USER];
    smx_time placed, rang, taken_at;
    uint32_t frames_out, frames_in, missing, wrong; /* missing: played as NULL; wrong: not what is due */
    uint32_t last_in;
};

struct user {
    struct network *net;
    struct smx_client *client;
    uint32_t node;
    struct smx_phone phone;
    uint8_t public[32], secret[64];
    bool ready;
    unsigned refuse_with; /* incoming calls: 0 rings */
    bool absent;          /* no phone is registered */
    bool answers;         /* takes calls at once */
    uint32_t calls;       /* numbers given away */
    struct played_call call[CALLS];
    size_t call_count;
    struct {
        uint32_t id;
        bool out, done;
        unsigned code;
        char from[SMX_CLIENT_USER];
        size_t len;
        char text[SMX_RECORD_TEXT];
    } text[TEXTS_KEPT];
    size_t text_count;
    char refused[SMX_CLIENT_USER];
    char own[8][SMX_CLIENT_USER];
    size_t own_count;
};

struct network {
    struct smx_world *world;
    struct smx_network file;
    struct smx_directory *directory;
    struct smx_store *store;
    struct smx_relay *relay[RELAYS];
    uint8_t relay_id[RELAYS][32], relay_secret[RELAYS][64];
    struct smx_x25519 relay_link[RELAYS];
    struct user user[CLIENTS];
    uint8_t consensus_hash[32];
    uint64_t batch, round;
    uint64_t described; /* epoch of the relays' descriptors */
    bool dead[RELAYS];  /* says nothing to the directory any more */
};

static struct played_call *call_of(struct user *u, uint32_t id)
{
    for (size_t i = 0; i < u->call_count; i++)
        if (u->call[i].id == id)
            return &u->call[i];
    fail_msg("no such call");
    return NULL;
}

static smx_time now_of(const struct user *u)
{
    return smx_world_now(u->net->world);
}

static struct played_call *new_call(struct user *u, bool out)
{
    struct played_call *p = &u->call[u->call_count++];

    assert_true(u->call_count <= CALLS);
    *p = (struct played_call){.id = ++u->calls, .out = out, .placed = now_of(u)};
    return p;
}

static enum smx_err phone_incoming(void *arg, smx_time now, const char *from, const char *identity,
                                   uint32_t *call)
{
    struct user *u = arg;
    struct played_call *p;

    (void)now;
    if (u->absent)
        return SMX_E_ABSENT;
    p = new_call(u, false);
    strcpy(p->from, from);
    strcpy(p->to, identity);
    *call = p->id;
    return SMX_OK;
}

static void phone_ringing(void *arg, smx_time now, uint32_t call)
{
    call_of(arg, call)->ringing = true;
    call_of(arg, call)->rang = now;
}

static void phone_answered(void *arg, smx_time now, uint32_t call)
{
    call_of(arg, call)->answered = true;
    call_of(arg, call)->taken_at = now;
}

static void phone_failed(void *arg, smx_time now, uint32_t call, unsigned code)
{
    (void)now;
    call_of(arg, call)->failed = true;
    call_of(arg, call)->code = code;
}

static void phone_ended(void *arg, smx_time now, uint32_t call)
{
    (void)now;
    call_of(arg, call)->ended = true;
}

static enum smx_err phone_message_in(void *arg, smx_time now, uint32_t id, const char *from,
                                     const char *identity, const char *text, size_t len)
{
    struct user *u = arg;

    (void)now;
    (void)identity;
    if (u->absent)
        return SMX_E_ABSENT;
    assert_true(u->text_count < TEXTS_KEPT);
    u->text[u->text_count].id = id;
    u->text[u->text_count].len = len;
    strcpy(u->text[u->text_count].from, from);
    memcpy(u->text[u->text_count++].text, text, len);
    return SMX_OK;
}

static void phone_message_done(void *arg, smx_time now, uint32_t id, unsigned code)
{
    struct user *u = arg;

    (void)now;
    for (size_t i = 0; i < u->text_count; i++)
        if (u->text[i].out && u->text[i].id == id) {
            assert_false(u->text[i].done);
            u->text[i].done = true;
            u->text[i].code = code;
            return;
        }
    fail_msg("no such message");
}

/* Frame n of a call is n in each of its bytes' places, so that a missing one shows. */
static bool phone_take(void *arg, uint32_t call, smx_time now, struct smx_frame *frame)
{
    struct played_call *p = call_of(arg, call);

    (void)now;
    p->frames_out++;
    frame->codec = SMX_FRAME_PCMU;
    for (size_t i = 0; i < SMX_FRAME_PAYLOAD; i++)
        frame->payload[i] = (uint8_t)(p->frames_out >> 8 * (i % 4));
    return true;
}

static void phone_put(void *arg, uint32_t call, smx_time now, const struct smx_frame *frame)
{
    struct played_call *p = call_of(arg, call);
    uint32_t n = 0;

    (void)now;
    if (!frame) {
        if (p->frames_in > 0)
            p->missing++;
        return;
    }
    for (size_t i = 0; i < 4; i++)
        n |= (uint32_t)frame->payload[i] << 8 * i;
    p->frames_in++;
    p->wrong += n <= p->last_in;
    p->last_in = n;
}

static void phone_network(void *arg, bool ready)
{
    ((struct user *)arg)->ready = ready;
}

static void phone_identities(void *arg, const char *const *users, size_t count)
{
    struct user *u = arg;

    assert_true(count <= 8);
    u->own_count = count;
    for (size_t i = 0; i < count; i++)
        strcpy(u->own[i], users[i]);
}

static void phone_claim_refused(void *arg, const char *name)
{
    strcpy(((struct user *)arg)->refused, name);
}

/* What the user's phones do by themselves: ring, answer, refuse, take messages. */
static void phone_acts(struct user *u)
{
    smx_time now = now_of(u);

    for (size_t i = 0; i < u->call_count; i++) {
        struct played_call *p = &u->call[i];

        if (p->out || p->ended || p->failed)
            continue;
        if (u->refuse_with) {
            p->failed = true;
            smx_client_call_refuse(u->client, now, p->id, u->refuse_with);
        } else if (!p->ringing) {
            p->ringing = true;
            smx_client_call_ringing(u->client, now, p->id);
        } else if (u->answers && !p->answered) {
            p->answered = true;
            p->taken_at = now;
            smx_client_call_answer(u->client, now, p->id);
        }
    }
    for (size_t i = 0; i < u->text_count; i++)
        if (!u->text[i].out && !u->text[i].done) {
            u->text[i].done = true;
            smx_client_message_result(u->client, now, u->text[i].id, 200);
        }
}

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

/* ---- what the daemons carry ---- */

static void describe_relay(struct network *n, size_t i, struct smx_wall wall)
{
    struct smx_relaydesc d = {.onion_count = 2, .addr_count = 1, .published = wall};
    const char *why = "";
    uint8_t *bytes;
    size_t len;

    memcpy(d.network, n->file.id, sizeof d.network);
    memcpy(d.id, n->relay_id[i], sizeof d.id);
    memcpy(d.link_key, n->relay_link[i].public, sizeof d.link_key);
    for (uint64_t k = 0; k < 2; k++) {
        d.onion[k].epoch = (uint64_t)wall.s / EPOCH_S + k;
        assert_int_equal(smx_relay_onion_key(n->relay[i], d.onion[k].epoch, d.onion[k].key), SMX_OK);
    }
    d.addr[0] = *smx_world_addr(n->world, (uint32_t)i);
    strcpy(d.software, "test");
    assert_int_equal(smx_relaydesc_encode(&bytes, &len, &d, n->relay_secret[i]), SMX_OK);
    if (smx_directory_relay(n->directory, wall, bytes, len, &why) != SMX_OK)
        fail_msg("descriptor refused: %s", why);
    free(bytes);
}

static void carry_consensus(struct network *n)
{
    struct smx_bytes b = smx_directory_consensus(n->directory);
    uint8_t hash[32];

    if (!b.at)
        return;
    smx_doc_hash(hash, b.at, b.len);
    if (memcmp(hash, n->consensus_hash, sizeof hash) == 0)
        return;
    memcpy(n->consensus_hash, hash, sizeof hash);
    for (size_t i = 0; i < RELAYS; i++) {
        struct smx_consensus c;
        uint8_t *copy = malloc(b.len);

        assert_non_null(copy);
        memcpy(copy, b.at, b.len);
        assert_int_equal(smx_consensus_open(&c, &n->file, b.at, b.len), SMX_OK);
        (void)!smx_relay_consensus(n->relay[i], smx_world_now(n->world), &c, copy, b.len);
        smx_world_flush(n->world, (uint32_t)i);
    }
}

static void carry_round(struct network *n, size_t i, struct smx_wall wall)
{
    struct smx_relay_upload upload[SMX_UPLOAD_QUEUE];
    struct smx_round_item item[SMX_UPLOAD_QUEUE];
    static uint8_t round[SMX_ROUND_MAX], reply[SMX_ROUND_REPLY_MAX];
    uint8_t result[SMX_ROUND_COUNT];
    size_t count = smx_relay_uploads(n->relay[i], upload, SMX_UPLOAD_QUEUE), len;

    for (size_t k = 0; k < count; k++)
        item[k] = (struct smx_round_item){upload[k].bytes, (uint16_t)upload[k].len};
    if (count == 0)
        return;
    len = smx_round_encode(round, item, count);
    assert_int_equal(smx_directory_round(n->directory, wall, round, len, reply, &len), SMX_OK);
    assert_int_equal(smx_round_reply_decode(result, count, reply, len), SMX_OK);
    for (size_t k = 0; k < count; k++)
        smx_relay_upload_result(n->relay[i], upload[k].handle, result[k]);
}

static void carry_batch(struct network *n)
{
    struct smx_bytes b = smx_directory_batch(n->directory);
    struct smx_batch *batch;

    if (!b.at || smx_directory_counters(n->directory)->batches == n->batch)
        return;
    n->batch = smx_directory_counters(n->directory)->batches;
    for (size_t i = 0; i < RELAYS; i++) {
        if (!smx_relay_is_end(n->relay[i]))
            continue;
        assert_int_equal(smx_batch_decode(&batch, &n->file, b.at, b.len), SMX_OK);
        smx_relay_batch(n->relay[i], batch);
    }
}

static void carry(void *arg)
{
    struct network *n = arg;
    struct smx_wall wall = smx_world_wall(n->world, 0);

    if (n->described != (uint64_t)wall.s / EPOCH_S) {
        n->described = (uint64_t)wall.s / EPOCH_S;
        for (size_t i = 0; i < RELAYS; i++)
            if (!n->dead[i])
                describe_relay(n, i, wall);
    }
    if (n->round != (uint64_t)wall.s / BATCH_S) {
        n->round = (uint64_t)wall.s / BATCH_S;
        for (size_t i = 0; i < RELAYS; i++)
            carry_round(n, i, wall);
    }
    assert_int_equal(smx_directory_expire(n->directory, wall), SMX_OK);
    carry_consensus(n);
    carry_batch(n);
    smx_world_at(n->world, smx_world_now(n->world) + SMX_MS(500), carry, n);
}

/* ---- time ---- */

static void run_for(struct network *n, unsigned ms)
{
    smx_time end = smx_world_now(n->world) + SMX_MS(ms);

    while (smx_world_now(n->world) < end) {
        smx_time next = smx_world_now(n->world) + SMX_MS(5);

        smx_world_run(n->world, next < end ? next : end);
        for (size_t i = 0; i < CLIENTS; i++)
            if (n->user[i].client)
                phone_acts(&n->user[i]);
    }
}

static bool is_ready(const struct network *n)
{
    bool ready = true;

    for (size_t i = 0; i < CLIENTS; i++) {
        struct smx_client_status s;

        smx_client_status(n->user[i].client, &s);
        ready = ready && s.ready;
    }
    return ready;
}

/* Why is it not ready?  For whoever reads a failed test. */
static void explain(const struct network *n)
{
    for (size_t i = 0; i < CLIENTS; i++) {
        const struct smx_client *c = n->user[i].client;

        print_message("client %zu: %s\n", i, smx_client_problem_text(c->problem));
#define X(name, text)                                                                                        \
    if (c->count.name)                                                                                       \
        print_message("  %s %llu\n", #name, (unsigned long long)c->count.name);
        SMX_CLIENT_COUNTERS(X)
#undef X
        for (size_t k = 0; k < c->circuit_count; k++)
            print_message("  circuit %zu: state %d, %zu hops\n", k, c->circuit[k].origin.state,
                          c->circuit[k].origin.hop_count);
        print_message("  name %d, published day %u, listening %d, upload %d\n", c->identity[0].name[0].state,
                      c->identity[0].published_day, c->identity[0].listening, c->identity[0].upload[0].state);
    }
    for (size_t i = 0; i < RELAYS; i++) {
        const struct smx_relay_counters *count = smx_relay_counters(n->relay[i]);
        const struct smx_consensus *v = smx_relay_current(n->relay[i]);

        print_message("relay %zu: layer %d, %zu circuits\n", i,
                      v->relay[smx_consensus_find(v, n->relay_id[i])].layer, smx_relay_circuits(n->relay[i]));
#define X(name, text)                                                                                        \
    if (count->name)                                                                                         \
        print_message("  %s %llu\n", #name, (unsigned long long)count->name);
        SMX_RELAY_COUNTERS(X)
#undef X
    }
}

static void run_until_ready(struct network *n, unsigned ms)
{
    smx_time end = smx_world_now(n->world) + SMX_MS(ms);

    while (!is_ready(n) && smx_world_now(n->world) < end)
        run_for(n, 100);
    if (!is_ready(n))
        explain(n);
    assert_true(is_ready(n));
}

/* ---- making it ---- */

static struct smx_params network_params(void)
{
    struct smx_params p;

    smx_params_preset(&p);
    p.epoch_s = EPOCH_S;
    p.batch_s = BATCH_S;
    p.claim_work_bits = 6;
    p.private_addresses = 1;
    p.distinct_subnets = 0;
    return p;
}

static void make_directory(struct network *n)
{
    static uint8_t secret[64]; /* borrowed by the configuration during _new only */
    uint8_t seed[32] = {42};
    struct smx_directory_config config = {.secret = secret,
                                          .early = true,
                                          .relays_max = 64,
                                          .names_max = 100,
                                          .descs_max = 100,
                                          .params = network_params()};

    strcpy(n->file.domain, "sipmix.alt");
    n->file.authority_count = 1;
    strcpy(n->file.authority[0].name, "one");
    crypto_sign_seed_keypair(n->file.authority[0].key, secret, seed);
    smx_network_seal(&n->file);
    config.network = n->file;
    n->store = smx_store_memory();
    assert_int_equal(smx_directory_new(&n->directory, &config, n->store, (struct smx_wall){START}), SMX_OK);
}

static void make_relay(struct network *n, size_t i)
{
    struct smx_relay_config config = {
        .relay_links_max = 16, .client_links_max = 8, .circuits_max = 64, .has_v4 = true};
    uint8_t seed[SMX_RNG_SEED];

    smx_rng_bytes(smx_world_rng(n->world), seed, sizeof seed);
    crypto_sign_seed_keypair(n->relay_id[i], n->relay_secret[i], seed);
    memcpy(config.id, n->relay_id[i], sizeof config.id);
    smx_x25519_make(&n->relay_link[i], smx_world_rng(n->world));
    config.link = n->relay_link[i];
    smx_rng_bytes(smx_world_rng(n->world), seed, sizeof seed);
    assert_int_equal(smx_relay_new(&n->relay[i], &config, seed), SMX_OK);
    assert_int_equal(smx_world_add(n->world, &relay_ops, n->relay[i], NULL), i);
    if (i < BOOT_RELAYS) {
        struct smx_boot_relay *b = &n->file.relay[n->file.relay_count++];

        memcpy(b->id, n->relay_id[i], sizeof b->id);
        memcpy(b->link_key, n->relay_link[i].public, sizeof b->link_key);
        b->addr[b->addr_count++] = *smx_world_addr(n->world, (uint32_t)i);
    }
}

/* A client whose identity comes from `key`, in the place of user i. */
static void make_client(struct network *n, size_t i, uint8_t key, const char *name, uint8_t slots)
{
    struct user *u = &n->user[i];
    struct smx_client_identity own = {.name = ""};
    struct smx_client_config config = {.network = &n->file,
                                       .slots = slots,
                                       .identity = &own,
                                       .identity_count = 1,
                                       .phone = &u->phone,
                                       .has_v4 = true};
    uint8_t seed[SMX_RNG_SEED] = {key, 99};

    u->net = n;
    u->phone = (struct smx_phone){.arg = u,
                                  .call_incoming = phone_incoming,
                                  .call_ringing = phone_ringing,
                                  .call_answered = phone_answered,
                                  .call_failed = phone_failed,
                                  .call_ended = phone_ended,
                                  .message_in = phone_message_in,
                                  .message_done = phone_message_done,
                                  .media_take = phone_take,
                                  .media_put = phone_put,
                                  .network = phone_network,
                                  .identities = phone_identities,
                                  .claim_refused = phone_claim_refused};
    crypto_sign_seed_keypair(own.public, own.secret, seed);
    memcpy(u->public, own.public, sizeof u->public);
    strcpy(own.name, name);
    smx_rng_bytes(smx_world_rng(n->world), seed, sizeof seed);
    assert_int_equal(smx_client_new(&u->client, &config, seed, smx_world_now(n->world)), SMX_OK);
}

static void start_client(struct network *n, size_t i)
{
    n->user[i].node = smx_world_add(n->world, &client_ops, n->user[i].client, NULL);
}

static struct network *network_without_clients(uint64_t seed)
{
    static const struct smx_net_path path = {.latency = SMX_MS(2), .jitter = SMX_US(200)};
    struct network *n = calloc(1, sizeof *n);

    assert_non_null(n);
    n->world = smx_world_new(seed, (struct smx_wall){START}, &path);
    make_directory(n);
    for (size_t i = 0; i < RELAYS; i++)
        make_relay(n, i);
    carry(n);
    run_for(n, 5000); /* the first consensus, and links */
    return n;
}

static struct network *network_new(uint64_t seed)
{
    struct network *n = network_without_clients(seed);

    make_client(n, 0, 1, "alice", 2);
    make_client(n, 1, 2, "bob", 2);
    for (size_t i = 0; i < CLIENTS; i++)
        start_client(n, i);
    return n;
}

static void network_free(struct network *n)
{
    for (size_t i = 0; i < CLIENTS; i++)
        smx_client_free(n->user[i].client);
    for (size_t i = 0; i < RELAYS; i++)
        smx_relay_free(n->relay[i]);
    smx_directory_free(n->directory);
    n->store->free(n->store);
    smx_world_free(n->world);
    free(n);
}

/* ---- what a user does ---- */

static struct smx_client_target target_name(const char *name)
{
    struct smx_client_target t = {.is_key = false};

    strcpy(t.user, name);
    return t;
}

static struct smx_client_target target_key(const struct user *u)
{
    struct smx_client_target t = {.is_key = true};

    smx_base32_encode(t.user, u->public, 32);
    return t;
}

static struct played_call *place_call(struct user *u, struct smx_client_target to)
{
    struct played_call *p = new_call(u, true);

    smx_client_call(u->client, now_of(u), p->id, "", &to);
    return p;
}

static void hang_up(struct user *u, struct played_call *p)
{
    p->ended = true;
    smx_client_call_end(u->client, now_of(u), p->id);
}

static size_t send_text(struct user *u, struct smx_client_target to, const char *text, size_t len)
{
    size_t i = u->text_count++;

    assert_true(i < TEXTS_KEPT);
    u->text[i].out = true;
    u->text[i].id = 1000 + (uint32_t)i;
    smx_client_message(u->client, now_of(u), u->text[i].id, "", &to, text, len);
    return i;
}

#endif
