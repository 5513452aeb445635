#include "proto/doc/network.h"
#include "proto/crypto/derive.h"
#include "proto/doc/json.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static int by_key(const void *a, const void *b)
{
    return memcmp(((const struct smx_authority *)a)->key, ((const struct smx_authority *)b)->key,
                  SMX_DOC_KEY);
}

void smx_network_seal(struct smx_network *n)
{
    uint8_t keys[SMX_DOC_SIGNERS * SMX_DOC_KEY];

    assert(n->authority_count <= SMX_DOC_SIGNERS);
    qsort(n->authority, n->authority_count, sizeof n->authority[0], by_key);
    for (size_t i = 0; i < n->authority_count; i++)
        memcpy(keys + i * SMX_DOC_KEY, n->authority[i].key, SMX_DOC_KEY);
    smx_derive(n->id, sizeof n->id, "network", keys, n->authority_count * SMX_DOC_KEY);
}

/* Letters of host names and of names of ours: a-z 0-9 . _ - */
static bool is_plain(const char *text)
{
    return text[strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789._-")] == 0;
}

static bool read_authority(struct smx_authority *a, const json_t *value)
{
    return smx_json_copy(a->name, sizeof a->name, json_object_get(value, "name")) && is_plain(a->name) &&
           smx_json_hex(a->key, SMX_DOC_KEY, json_object_get(value, "key")) &&
           smx_json_addr(&a->http, json_object_get(value, "http"));
}

static bool read_relay(struct smx_boot_relay *r, const json_t *value)
{
    return smx_json_hex(r->id, SMX_DOC_KEY, json_object_get(value, "id")) &&
           smx_json_hex(r->link_key, SMX_DOC_KEY, json_object_get(value, "link_key")) &&
           smx_json_addrs(r->addr, &r->addr_count, SMX_RELAY_ADDRS, json_object_get(value, "addr"));
}

/* The first thing that is wrong, or NULL. */
static const char *read_network(struct smx_network *n, const json_t *doc)
{
    const json_t *authorities = json_object_get(doc, "authorities"), *relays = json_object_get(doc, "relays");
    uint8_t id[SMX_DOC_HASH];

    if (!smx_json_hex(id, sizeof id, json_object_get(doc, "id")))
        return "\"id\" must be 64 hex digits";
    if (!smx_json_copy(n->domain, sizeof n->domain, json_object_get(doc, "domain")) || !is_plain(n->domain))
        return "\"domain\" must be a lower-case domain name";
    if (!smx_json_array(&n->authority_count, authorities, 1, SMX_DOC_SIGNERS))
        return "\"authorities\" must be 1 to 16 entries";
    for (size_t i = 0; i < n->authority_count; i++)
        if (!read_authority(&n->authority[i], json_array_get(authorities, i)))
            return "an authority needs a name (a-z 0-9 . _ -), a key (64 hex digits) and http (IP:PORT)";
    if (!smx_json_array(&n->relay_count, relays, 0, SMX_NETWORK_RELAYS))
        return "\"relays\" must be 0 to 32 entries";
    for (size_t i = 0; i < n->relay_count; i++)
        if (!read_relay(&n->relay[i], json_array_get(relays, i)))
            return "a relay needs id and link_key (64 hex digits) and addr (1 or 2 of IP:PORT)";
    smx_network_seal(n);
    for (size_t i = 1; i < n->authority_count; i++)
        if (by_key(&n->authority[i - 1], &n->authority[i]) == 0)
            return "two authorities have the same key";
    if (memcmp(id, n->id, sizeof id) != 0)
        return "\"id\" does not belong to these authority keys";
    return NULL;
}

enum smx_err smx_network_decode(struct smx_network *n, const uint8_t *in, size_t len, const char **why)
{
    struct smx_network got = {.authority_count = 0};
    const char *wrong = "not a network file (JSON with \"sipmix\": \"network\", \"version\": 1)";
    json_t *doc = NULL;

    if (len <= SMX_NETWORK_FILE_MAX && smx_json_open(&doc, "network", in, len) == SMX_OK)
        wrong = read_network(&got, doc);
    json_decref(doc);
    if (why)
        *why = wrong;
    if (wrong)
        return SMX_E_MALFORMED;
    *n = got;
    return SMX_OK;
}

enum smx_err smx_network_encode(struct smx_network *n, char **out)
{
    json_t *doc = smx_json_new("network"), *authorities = json_array(), *relays = json_array();

    smx_network_seal(n);
    for (size_t i = 0; i < n->authority_count; i++) {
        json_t *a = json_object();

        smx_json_put(&a, "name", json_string(n->authority[i].name));
        smx_json_put(&a, "key", smx_json_from_hex(n->authority[i].key, SMX_DOC_KEY));
        smx_json_put(&a, "http", smx_json_from_addr(&n->authority[i].http));
        smx_json_add(&authorities, a);
    }
    for (size_t i = 0; i < n->relay_count; i++) {
        json_t *r = json_object();

        smx_json_put(&r, "id", smx_json_from_hex(n->relay[i].id, SMX_DOC_KEY));
        smx_json_put(&r, "link_key", smx_json_from_hex(n->relay[i].link_key, SMX_DOC_KEY));
        smx_json_put(&r, "addr", smx_json_from_addrs(n->relay[i].addr, n->relay[i].addr_count));
        smx_json_add(&relays, r);
    }
    smx_json_put(&doc, "id", smx_json_from_hex(n->id, SMX_DOC_HASH));
    smx_json_put(&doc, "domain", json_string(n->domain));
    smx_json_put(&doc, "authorities", authorities);
    smx_json_put(&doc, "relays", relays);
    *out = smx_json_text(doc);
    return *out ? SMX_OK : SMX_E_MEMORY;
}

size_t smx_network_threshold(const struct smx_network *n)
{
    return n->authority_count / 2 + 1;
}

enum smx_err smx_network_verify(const struct smx_network *n, const struct smx_doc_sig *sig, size_t sig_count,
                                enum smx_doc_kind kind, const uint8_t *raw, size_t len)
{
    if (sig_count < smx_network_threshold(n))
        return SMX_E_AUTH;
    for (size_t i = 0; i < sig_count; i++)
        if (sig[i].signer >= n->authority_count || (i > 0 && sig[i].signer <= sig[i - 1].signer) ||
            smx_doc_verify(sig[i].sig, kind, raw, len, n->authority[sig[i].signer].key) != SMX_OK)
            return SMX_E_AUTH;
    return SMX_OK;
}
