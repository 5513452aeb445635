#include "proto/doc/consensus.h"
#include "proto/crypto/derive.h"
#include "proto/doc/json.h"
#include "proto/doc/onion.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { WEIGHT_MAX = 1000000 };

static const char *const layer_word[] = {[SMX_LAYER_GUARD] = "guard",
                                         [SMX_LAYER_MIDDLE] = "middle",
                                         [SMX_LAYER_END] = "end",
                                         [SMX_LAYER_EXIT] = "exit"};
enum { LAYERS = sizeof layer_word / sizeof layer_word[0] };
_Static_assert(sizeof((struct smx_consensus *)0)->layer_count / sizeof(size_t) == LAYERS,
               "one count a layer");

/* ---- reading ---- */

static bool read_params(struct smx_params *p, const json_t *object)
{
    if (!json_is_object(object))
        return false;
    smx_params_preset(p);
    for (size_t i = 0; i < smx_param_count; i++) {
        const json_t *value = json_object_get(object, smx_param_table[i].name);
        uint64_t v;

        /* A parameter newer than the document has its preset; one newer than us is not looked at. */
        if (value &&
            (!smx_json_u64(&v, value, 0, UINT32_MAX) || smx_param_set(p, &smx_param_table[i], v) != SMX_OK))
            return false;
    }
    return smx_params_check(p, NULL) == SMX_OK;
}

static bool read_layer(uint8_t *layer, const json_t *value)
{
    const char *word = json_string_value(value);

    for (uint8_t i = 0; word && i < LAYERS; i++)
        if (strcmp(word, layer_word[i]) == 0) {
            *layer = i;
            return true;
        }
    return false;
}

static bool read_flags(uint32_t *flags, const json_t *list)
{
    size_t count;

    if (!smx_json_array(&count, list, 0, 32))
        return false;
    for (size_t i = 0; i < count; i++) {
        const char *word = json_string_value(json_array_get(list, i));

        if (!word)
            return false;
        if (strcmp(word, "running") == 0)
            *flags |= SMX_RELAY_RUNNING;
    }
    return true;
}

static bool read_relay(struct smx_relay_info *r, const json_t *value)
{
    size_t onions, addrs;
    uint64_t weight;

    if (!smx_json_hex(r->id, sizeof r->id, json_object_get(value, "id")) ||
        !smx_json_hex(r->link_key, sizeof r->link_key, json_object_get(value, "link_key")) ||
        !smx_onion_read(r->onion, &onions, json_object_get(value, "onion")) ||
        !smx_json_addrs(r->addr, &addrs, SMX_RELAY_ADDRS, json_object_get(value, "addr")) ||
        !read_layer(&r->layer, json_object_get(value, "layer")) ||
        !read_flags(&r->flags, json_object_get(value, "flags")) ||
        !smx_json_u64(&weight, json_object_get(value, "weight"), 0, WEIGHT_MAX))
        return false;
    r->onion_count = (uint8_t)onions;
    r->addr_count = (uint8_t)addrs;
    r->weight = (uint32_t)weight;
    return true;
}

static bool are_adjacent(uint8_t a, uint8_t b)
{
    uint8_t low = a < b ? a : b, high = a < b ? b : a;

    return high - low == 1 || (low == SMX_LAYER_END && high == SMX_LAYER_END);
}

static bool read_link(struct smx_link_rate *l, const json_t *value, const struct smx_consensus *c)
{
    uint64_t a, b, rate;
    size_t three;

    if (!smx_json_array(&three, value, 3, 3) ||
        !smx_json_u64(&b, json_array_get(value, 1), 1, c->relay_count - 1) ||
        !smx_json_u64(&a, json_array_get(value, 0), 0, b - 1) ||
        !smx_json_u64(&rate, json_array_get(value, 2), c->params.link_floor + 1, SMX_LINK_RATE_MAX) ||
        !are_adjacent(c->relay[a].layer, c->relay[b].layer))
        return false;
    *l = (struct smx_link_rate){(uint16_t)a, (uint16_t)b, (uint32_t)rate};
    return true;
}

static int link_order(const struct smx_link_rate *x, const struct smx_link_rate *y)
{
    return x->a != y->a ? (x->a < y->a ? -1 : 1) : (x->b > y->b) - (x->b < y->b);
}

static bool read_head(struct smx_consensus *c, const json_t *doc)
{
    uint64_t after, fresh, until;

    if (!smx_json_hex(c->network, sizeof c->network, json_object_get(doc, "network")) ||
        !smx_json_hex(c->previous, sizeof c->previous, json_object_get(doc, "previous")) ||
        !smx_json_u64(&c->epoch, json_object_get(doc, "epoch"), 0, SMX_JSON_INT_MAX) ||
        !smx_json_u64(&after, json_object_get(doc, "valid_after"), 0, SMX_JSON_INT_MAX) ||
        !smx_json_u64(&fresh, json_object_get(doc, "fresh_until"), after, SMX_JSON_INT_MAX) ||
        !smx_json_u64(&until, json_object_get(doc, "valid_until"), fresh, SMX_JSON_INT_MAX) ||
        !read_params(&c->params, json_object_get(doc, "params")))
        return false;
    c->valid_after.s = (int64_t)after;
    c->fresh_until.s = (int64_t)fresh;
    c->valid_until.s = (int64_t)until;
    return c->epoch == after / c->params.epoch_s;
}

static enum smx_err read_lists(struct smx_consensus *c, const json_t *doc)
{
    const json_t *relays = json_object_get(doc, "relays"), *links = json_object_get(doc, "links");
    size_t relay_count, link_count;

    if (!smx_json_array(&relay_count, relays, 0, SMX_CONSENSUS_RELAYS) ||
        !smx_json_array(&link_count, links, 0, relay_count < 2 ? 0 : SMX_CONSENSUS_LINKS))
        return SMX_E_MALFORMED;
    c->relay = calloc(relay_count + 1, sizeof *c->relay); /* + 1: never of size 0 */
    c->link = calloc(link_count + 1, sizeof *c->link);
    if (!c->relay || !c->link)
        return SMX_E_MEMORY;
    for (size_t i = 0; i < relay_count; i++)
        if (!read_relay(&c->relay[i], json_array_get(relays, i)) ||
            (i > 0 && memcmp(c->relay[i - 1].id, c->relay[i].id, SMX_DOC_KEY) >= 0))
            return SMX_E_MALFORMED;
    c->relay_count = relay_count;
    smx_consensus_count_layers(c);
    for (size_t i = 0; i < link_count; i++)
        if (!read_link(&c->link[i], json_array_get(links, i), c) ||
            (i > 0 && link_order(&c->link[i - 1], &c->link[i]) >= 0))
            return SMX_E_MALFORMED;
    c->link_count = link_count;
    return SMX_OK;
}

void smx_consensus_free(struct smx_consensus *c)
{
    free(c->relay);
    free(c->link);
    *c = (struct smx_consensus){.relay = NULL};
}

enum smx_err smx_consensus_open(struct smx_consensus *c, const struct smx_network *n, const uint8_t *in,
                                size_t len)
{
    struct smx_consensus got = {.relay = NULL};
    struct smx_signed doc;
    json_t *json = NULL;
    enum smx_err err = smx_signed_decode(&doc, SMX_DOC_CONSENSUS, SMX_CONSENSUS_RAW_MAX, in, len);

    *c = got;
    if (err != SMX_OK)
        return err;
    /* Signatures first: the JSON of strangers is never parsed. */
    err = smx_network_verify(n, doc.sig, doc.sig_count, SMX_DOC_CONSENSUS, doc.raw, doc.raw_len);
    if (err == SMX_OK)
        err = smx_json_open(&json, "consensus", doc.raw, doc.raw_len);
    if (err == SMX_OK && !read_head(&got, json))
        err = SMX_E_MALFORMED;
    if (err == SMX_OK && memcmp(got.network, n->id, sizeof n->id) != 0)
        err = SMX_E_AUTH;
    if (err == SMX_OK)
        err = read_lists(&got, json);
    smx_doc_hash(got.hash, doc.raw, doc.raw_len);
    json_decref(json);
    smx_signed_free(&doc);
    if (err != SMX_OK) {
        smx_consensus_free(&got);
        return err;
    }
    *c = got;
    return SMX_OK;
}

/* ---- time and order ---- */

enum smx_err smx_consensus_check(const struct smx_consensus *c, const struct smx_consensus *held,
                                 struct smx_wall now)
{
    if (now.s >= c->valid_until.s)
        return SMX_E_LATE;
    if (now.s + SMX_CONSENSUS_SKEW_S < c->valid_after.s)
        return SMX_E_STATE;
    if (!held || memcmp(c->hash, held->hash, sizeof c->hash) == 0)
        return SMX_OK;
    if (c->epoch == held->epoch && c->valid_after.s == held->valid_after.s)
        return SMX_E_REFUSED;
    return c->epoch < held->epoch || c->valid_after.s <= held->valid_after.s ? SMX_E_REPLAY : SMX_OK;
}

bool smx_consensus_follows(const struct smx_consensus *c, const struct smx_consensus *held)
{
    return memcmp(c->previous, held->hash, sizeof held->hash) == 0;
}

/* ---- looking things up ---- */

size_t smx_consensus_find(const struct smx_consensus *c, const uint8_t id[SMX_DOC_KEY])
{
    size_t low = 0, high = c->relay_count;

    while (low < high) {
        size_t mid = low + (high - low) / 2;
        int cmp = memcmp(id, c->relay[mid].id, SMX_DOC_KEY);

        if (cmp == 0)
            return mid;
        if (cmp < 0)
            high = mid;
        else
            low = mid + 1;
    }
    return SMX_RELAY_NONE;
}

const struct smx_onion_key *smx_relay_onion(const struct smx_relay_info *r, uint64_t epoch)
{
    for (size_t i = 0; i < r->onion_count; i++)
        if (r->onion[i].epoch == epoch)
            return &r->onion[i];
    return NULL;
}

void smx_consensus_count_layers(struct smx_consensus *c)
{
    memset(c->layer_count, 0, sizeof c->layer_count);
    for (size_t i = 0; i < c->relay_count; i++)
        c->layer_count[c->relay[i].layer]++;
}

/* A pair keeps its link when the first 32 bits of its hash, as a fraction, are below fanout / size: no state,
 * the same for everybody, and a growing network takes links away one by one.  Only links of the middle layer
 * are thinned: the end relays are few, and all meet each other and every exit. */
static bool is_kept(const struct smx_consensus *c, const struct smx_relay_info *a,
                    const struct smx_relay_info *b)
{
    size_t na = c->layer_count[a->layer], nb = c->layer_count[b->layer], size = na > nb ? na : nb;
    uint8_t pair[2 * SMX_DOC_KEY], hash[SMX_DOC_HASH];
    uint32_t part;

    if (size <= c->params.fanout || (a->layer != SMX_LAYER_MIDDLE && b->layer != SMX_LAYER_MIDDLE))
        return true;
    memcpy(pair, a->id, SMX_DOC_KEY);
    memcpy(pair + SMX_DOC_KEY, b->id, SMX_DOC_KEY);
    smx_derive(hash, sizeof hash, "fanout", pair, sizeof pair);
    part = (uint32_t)hash[0] << 24 | (uint32_t)hash[1] << 16 | (uint32_t)hash[2] << 8 | hash[3];
    return (uint64_t)part * size < (uint64_t)c->params.fanout << 32;
}

uint32_t smx_consensus_link_rate(const struct smx_consensus *c, size_t ia, size_t ib)
{
    size_t a = ia < ib ? ia : ib, b = ia < ib ? ib : ia, low = 0, high = c->link_count;
    struct smx_link_rate wanted;

    if (a == b || b >= c->relay_count || !are_adjacent(c->relay[a].layer, c->relay[b].layer))
        return 0;
    wanted = (struct smx_link_rate){(uint16_t)a, (uint16_t)b, 0};
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        int cmp = link_order(&wanted, &c->link[mid]);

        if (cmp == 0)
            return c->link[mid].rate;
        if (cmp < 0)
            high = mid;
        else
            low = mid + 1;
    }
    return is_kept(c, &c->relay[a], &c->relay[b]) ? c->params.link_floor : 0;
}

/* ---- writing ---- */

static json_t *write_relay(const struct smx_relay_info *r)
{
    json_t *value = json_object(), *flags = json_array();

    if (r->flags & SMX_RELAY_RUNNING)
        smx_json_add(&flags, json_string("running"));
    smx_json_put(&value, "id", smx_json_from_hex(r->id, sizeof r->id));
    smx_json_put(&value, "link_key", smx_json_from_hex(r->link_key, sizeof r->link_key));
    smx_json_put(&value, "onion", smx_onion_write(r->onion, r->onion_count));
    smx_json_put(&value, "addr", smx_json_from_addrs(r->addr, r->addr_count));
    smx_json_put(&value, "layer", json_string(layer_word[r->layer]));
    smx_json_put(&value, "flags", flags);
    smx_json_put(&value, "weight", json_integer(r->weight));
    return value;
}

enum smx_err smx_consensus_encode(struct smx_consensus *c, uint8_t **raw, size_t *raw_len)
{
    json_t *doc = smx_json_new("consensus"), *params = json_object(), *relays = json_array(),
           *links = json_array();
    char *text;

    for (size_t i = 0; i < smx_param_count; i++)
        smx_json_put(&params, smx_param_table[i].name,
                     json_integer(smx_param_get(&c->params, &smx_param_table[i])));
    for (size_t i = 0; i < c->relay_count; i++) {
        assert(i == 0 || memcmp(c->relay[i - 1].id, c->relay[i].id, SMX_DOC_KEY) < 0);
        smx_json_add(&relays, write_relay(&c->relay[i]));
    }
    for (size_t i = 0; i < c->link_count; i++) {
        json_t *link = json_array();

        smx_json_add(&link, json_integer(c->link[i].a));
        smx_json_add(&link, json_integer(c->link[i].b));
        smx_json_add(&link, json_integer(c->link[i].rate));
        smx_json_add(&links, link);
    }
    smx_json_put(&doc, "network", smx_json_from_hex(c->network, sizeof c->network));
    smx_json_put(&doc, "epoch", json_integer((json_int_t)c->epoch));
    smx_json_put(&doc, "valid_after", json_integer(c->valid_after.s));
    smx_json_put(&doc, "fresh_until", json_integer(c->fresh_until.s));
    smx_json_put(&doc, "valid_until", json_integer(c->valid_until.s));
    smx_json_put(&doc, "previous", smx_json_from_hex(c->previous, sizeof c->previous));
    smx_json_put(&doc, "params", params);
    smx_json_put(&doc, "relays", relays);
    smx_json_put(&doc, "links", links);
    text = smx_json_text(doc);
    if (!text)
        return SMX_E_MEMORY;
    *raw = (uint8_t *)text;
    *raw_len = strlen(text);
    smx_doc_hash(c->hash, *raw, *raw_len);
    return SMX_OK;
}
