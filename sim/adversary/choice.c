#include "sim/adversary/choice.h"

#include "client/client.h"
#include "client/core.h"
#include "proto/doc/network.h"

#include <assert.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

enum { START_S = 1790000000, WEIGHT = 1000, EACH_MAX = 1024 };

struct smx_choice_net {
    struct smx_network file;
    uint8_t *envelope;
    size_t envelope_len;
    struct smx_wall start;
};

struct smx_choice {
    struct smx_client *client;
    struct smx_wall start;
};

static void must(bool good)
{
    if (!good)
        abort();
}

/* Identities are in the order of the numbers, which stand in their first two bytes. */
static uint16_t number_of(const uint8_t *id)
{
    return (uint16_t)(id[0] << 8 | id[1]);
}

static void make_relay(struct smx_relay_info *r, size_t i, const struct smx_choice_relay *from,
                       uint64_t epoch, struct smx_rng *rng)
{
    smx_rng_bytes(rng, r->id, sizeof r->id);
    r->id[0] = (uint8_t)(i >> 8);
    r->id[1] = (uint8_t)i;
    smx_rng_bytes(rng, r->link_key, sizeof r->link_key);
    smx_rng_bytes(rng, r->onion[0].key, sizeof r->onion[0].key);
    smx_onion_tag(r->onion[0].tag, r->onion[0].key);
    r->onion[0].epoch = epoch;
    r->onion_count = r->addr_count = 1;
    r->layer = (uint8_t)from->layer;
    r->flags = SMX_RELAY_RUNNING;
    r->weight = from->weight;
    r->addr[0] = (struct smx_addr){
        /* each in a subnet of its own */
        .ip = {[10] = 0xff, [11] = 0xff, [12] = (uint8_t)(20 + (i >> 8)), [13] = (uint8_t)i, [15] = 1},
        .port = 9001};
}

struct smx_choice_net *smx_choice_net_new(const struct smx_choice_relay *relay, size_t count,
                                          const struct smx_params *params, struct smx_rng *rng)
{
    struct smx_choice_net *net = calloc(1, sizeof *net);
    struct smx_relay_info *info = calloc(count, sizeof *info);
    struct smx_consensus c = {.params = *params, .relay = info, .relay_count = count};
    uint8_t seed[32], public[32], secret[SMX_DOC_SECRET], *raw;
    struct smx_doc_sig sig = {.signer = 0};
    size_t raw_len;

    must(net && info);
    smx_rng_bytes(rng, seed, sizeof seed);
    crypto_sign_seed_keypair(public, secret, seed);
    memcpy(net->file.authority[0].key, public, sizeof public);
    memcpy(net->file.authority[0].name, "one", 4);
    memcpy(net->file.domain, "sipmix.alt", 11);
    net->file.authority_count = 1;
    smx_network_seal(&net->file);
    memcpy(c.network, net->file.id, sizeof c.network);
    c.epoch = START_S / params->epoch_s;
    net->start.s = (int64_t)(c.epoch * params->epoch_s);
    c.valid_after = net->start;
    c.fresh_until.s = net->start.s + params->epoch_s;
    c.valid_until.s = net->start.s + (int64_t)params->consensus_valid * params->epoch_s;
    for (size_t i = 0; i < count; i++)
        make_relay(&info[i], i, &relay[i], c.epoch, rng);
    must(smx_consensus_encode(&c, &raw, &raw_len) == SMX_OK);
    smx_doc_sign(sig.sig, SMX_DOC_CONSENSUS, raw, raw_len, secret);
    must(smx_signed_encode(&net->envelope, &net->envelope_len, SMX_DOC_CONSENSUS, true, raw, raw_len, &sig,
                           1) == SMX_OK);
    free(raw);
    free(info);
    return net;
}

void smx_choice_net_free(struct smx_choice_net *net)
{
    if (net)
        free(net->envelope);
    free(net);
}

struct smx_choice *smx_choice_new(const struct smx_choice_net *net, uint8_t slots, struct smx_rng *rng)
{
    static const struct smx_phone nobody; /* never called: the client has no tick */
    struct smx_client_identity own = {.name = "somebody"};
    struct smx_client_config config = {.network = &net->file,
                                       .slots = slots,
                                       .identity = &own,
                                       .identity_count = 1,
                                       .phone = &nobody,
                                       .has_v4 = true};
    struct smx_choice *c = calloc(1, sizeof *c);
    uint8_t seed[SMX_RNG_SEED];

    must(c);
    smx_rng_bytes(rng, seed, sizeof seed);
    crypto_sign_seed_keypair(own.public, own.secret, seed);
    smx_rng_bytes(rng, seed, sizeof seed);
    must(smx_client_new(&c->client, &config, seed, SMX_SECOND(1)) == SMX_OK);
    c->start = net->start;
    must(smx_client_consensus(c->client, SMX_SECOND(1), net->start, net->envelope, net->envelope_len) ==
         SMX_OK);
    return c;
}

void smx_choice_free(struct smx_choice *c)
{
    if (c)
        smx_client_free(c->client);
    free(c);
}

void smx_choice_time(struct smx_choice *c, uint64_t seconds)
{
    must(smx_paths_update(c->client, (struct smx_wall){c->start.s + (int64_t)seconds}));
}

void smx_choice_forget(struct smx_choice *c)
{
    c->client->paths.guard_count = c->client->identity[0].middle_count = 0;
    must(smx_paths_update(c->client, c->start));
}

bool smx_choice_draw(struct smx_choice *c, enum smx_choice_role role, size_t of,
                     uint16_t path[SMX_CHOICE_HOPS])
{
    static const enum circuit_role roles[] = {CIRCUIT_SLOT, CIRCUIT_LISTEN, CIRCUIT_ERRAND};
    struct circuit *k = smx_circuit_of(c->client, roles[role], of);
    struct smx_hop_target target[END + 1];

    if (!smx_paths_draw(c->client, k, target))
        return false;
    memcpy(k->origin.path, target, sizeof target);
    k->origin.state = SMX_ORIGIN_OPEN;
    for (size_t i = 0; i < SMX_CHOICE_HOPS; i++)
        path[i] = number_of(target[i].id);
    return true;
}

/* ---- relays for an experiment ---- */

void smx_choice_relays(struct smx_choice_relay *relay, size_t each, double share, struct smx_rng *rng,
                       double got[SMX_CHOICE_HOPS])
{
    size_t order[EACH_MAX];

    assert(each <= EACH_MAX);
    for (size_t layer = 0; layer < SMX_CHOICE_HOPS; layer++) {
        struct smx_choice_relay *r = relay + layer * each;
        double sum = 0, bad = 0;

        for (size_t i = 0; i < each; i++) {
            r[i] = (struct smx_choice_relay){.layer = (enum smx_layer)layer,
                                             .weight = WEIGHT / 2 + smx_rng_below(rng, WEIGHT * 3 / 2 + 1)};
            sum += r[i].weight;
            order[i] = i;
        }
        for (size_t i = each; i > 1; i--) {
            size_t other = smx_rng_below(rng, (uint32_t)i), kept = order[i - 1];

            order[i - 1] = order[other];
            order[other] = kept;
        }
        for (size_t i = 0; i < each && bad + r[order[i]].weight / 2.0 <= share * sum; i++) {
            r[order[i]].corrupt = true;
            bad += r[order[i]].weight;
        }
        got[layer] = bad / sum;
    }
}
