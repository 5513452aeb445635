#include "proto/doc/relaydesc.h"
#include "proto/doc/json.h"
#include "proto/doc/onion.h"

#include <stdlib.h>
#include <string.h>

static const char *const role_word[] = {[SMX_ROLE_RELAY] = "relay", [SMX_ROLE_EXIT] = "exit"};

void smx_onion_tag(uint8_t tag[SMX_ONION_TAG], const uint8_t key[SMX_DOC_KEY])
{
    uint8_t hash[SMX_DOC_HASH];

    smx_doc_hash(hash, key, SMX_DOC_KEY);
    memcpy(tag, hash, SMX_ONION_TAG);
}

bool smx_onion_read(struct smx_onion_key *onion, size_t *count, const json_t *list)
{
    if (!smx_json_array(count, list, 1, SMX_ONION_KEYS))
        return false;
    for (size_t i = 0; i < *count; i++) {
        const json_t *o = json_array_get(list, i);

        if (!smx_json_hex(onion[i].key, SMX_DOC_KEY, json_object_get(o, "key")) ||
            !smx_json_u64(&onion[i].epoch, json_object_get(o, "epoch"), 0, SMX_JSON_INT_MAX) ||
            (i > 0 && onion[i].epoch <= onion[i - 1].epoch))
            return false;
        smx_onion_tag(onion[i].tag, onion[i].key);
    }
    return true;
}

json_t *smx_onion_write(const struct smx_onion_key *onion, size_t count)
{
    json_t *list = json_array();

    for (size_t i = 0; i < count; i++) {
        json_t *o = json_object();

        smx_json_put(&o, "key", smx_json_from_hex(onion[i].key, SMX_DOC_KEY));
        smx_json_put(&o, "epoch", json_integer((json_int_t)onion[i].epoch));
        smx_json_add(&list, o);
    }
    return list;
}

enum smx_err smx_relaydesc_encode(uint8_t **out, size_t *out_len, const struct smx_relaydesc *d,
                                  const uint8_t secret[SMX_DOC_SECRET])
{
    json_t *doc = smx_json_new("relay"), *links = json_array(), *rtt = json_array();
    struct smx_doc_sig sig = {.signer = 0};
    enum smx_err err;
    char *raw;

    smx_json_put(&doc, "network", smx_json_from_hex(d->network, sizeof d->network));
    smx_json_put(&doc, "id", smx_json_from_hex(d->id, sizeof d->id));
    smx_json_put(&doc, "link_key", smx_json_from_hex(d->link_key, sizeof d->link_key));
    smx_json_put(&doc, "onion", smx_onion_write(d->onion, d->onion_count));
    smx_json_put(&doc, "addr", smx_json_from_addrs(d->addr, d->addr_count));
    smx_json_put(&doc, "role", json_string(role_word[d->role]));
    smx_json_put(&doc, "software", json_string(d->software));
    smx_json_put(&doc, "published", json_integer(d->published.s));
    smx_json_put(&doc, "rate", json_integer(d->rate));
    for (size_t i = 0; i < d->report_count; i++) {
        json_t *pair = json_array();

        smx_json_add(&pair, smx_json_from_hex(d->report[i].id, SMX_DOC_KEY));
        smx_json_add(&pair, json_integer(d->report[i].circuits));
        smx_json_add(&links, pair);
        smx_json_add(&rtt, json_integer(d->report[i].rtt_ms));
    }
    smx_json_put(&doc, "links", links);
    smx_json_put(&doc, "rtt", rtt);
    raw = smx_json_text(doc);
    if (!raw)
        return SMX_E_MEMORY;
    smx_doc_sign(sig.sig, SMX_DOC_RELAY, (const uint8_t *)raw, strlen(raw), secret);
    err = smx_signed_encode(out, out_len, SMX_DOC_RELAY, false, (const uint8_t *)raw, strlen(raw), &sig, 1);
    free(raw);
    return err;
}

static bool read_role(enum smx_role *role, const json_t *value)
{
    const char *word = json_string_value(value);

    for (size_t i = 0; word && i < sizeof role_word / sizeof role_word[0]; i++)
        if (strcmp(word, role_word[i]) == 0) {
            *role = (enum smx_role)i;
            return true;
        }
    return false;
}

static bool read_reports(struct smx_relaydesc *d, const json_t *links)
{
    if (!smx_json_array(&d->report_count, links, 0, SMX_RELAYDESC_REPORTS))
        return false;
    for (size_t i = 0; i < d->report_count; i++) {
        const json_t *pair = json_array_get(links, i);
        uint64_t circuits;
        size_t two;

        if (!smx_json_array(&two, pair, 2, 2) ||
            !smx_json_hex(d->report[i].id, SMX_DOC_KEY, json_array_get(pair, 0)) ||
            !smx_json_u64(&circuits, json_array_get(pair, 1), 0, UINT32_MAX))
            return false;
        d->report[i].circuits = (uint32_t)circuits;
    }
    return true;
}

/* After the links, in their order. */
static bool read_rtt(struct smx_relaydesc *d, const json_t *list)
{
    size_t count;

    if (!list)
        return true;
    if (!smx_json_array(&count, list, d->report_count, d->report_count))
        return false;
    for (size_t i = 0; i < count; i++) {
        uint64_t ms;

        if (!smx_json_u64(&ms, json_array_get(list, i), 0, UINT16_MAX))
            return false;
        d->report[i].rtt_ms = (uint16_t)ms;
    }
    return true;
}

static bool read_desc(struct smx_relaydesc *d, const json_t *doc)
{
    uint64_t published, rate;

    if (!smx_json_hex(d->network, sizeof d->network, json_object_get(doc, "network")) ||
        !smx_json_hex(d->id, sizeof d->id, json_object_get(doc, "id")) ||
        !smx_json_hex(d->link_key, sizeof d->link_key, json_object_get(doc, "link_key")) ||
        !smx_onion_read(d->onion, &d->onion_count, json_object_get(doc, "onion")) ||
        !smx_json_addrs(d->addr, &d->addr_count, SMX_RELAY_ADDRS, json_object_get(doc, "addr")) ||
        !read_role(&d->role, json_object_get(doc, "role")) ||
        !smx_json_copy(d->software, sizeof d->software, json_object_get(doc, "software")) ||
        !smx_json_u64(&published, json_object_get(doc, "published"), 0, SMX_JSON_INT_MAX) ||
        !smx_json_u64(&rate, json_object_get(doc, "rate"), 0, UINT32_MAX) ||
        !read_reports(d, json_object_get(doc, "links")) || !read_rtt(d, json_object_get(doc, "rtt")))
        return false;
    d->published.s = (int64_t)published;
    d->rate = (uint32_t)rate;
    return true;
}

enum smx_err smx_relaydesc_decode(struct smx_relaydesc *d, const uint8_t *in, size_t len)
{
    struct smx_relaydesc got = {.report_count = 0};
    struct smx_signed doc;
    json_t *json = NULL;
    enum smx_err err = smx_signed_decode(&doc, SMX_DOC_RELAY, SMX_RELAYDESC_RAW_MAX, in, len);

    if (err != SMX_OK)
        return err;
    err = smx_json_open(&json, "relay", doc.raw, doc.raw_len);
    if (err == SMX_OK && (doc.sig_count != 1 || doc.sig[0].signer != 0 || !read_desc(&got, json)))
        err = SMX_E_MALFORMED;
    if (err == SMX_OK)
        err = smx_doc_verify(doc.sig[0].sig, SMX_DOC_RELAY, doc.raw, doc.raw_len, got.id);
    if (err == SMX_OK)
        *d = got;
    json_decref(json);
    smx_signed_free(&doc);
    return err;
}
