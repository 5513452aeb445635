/* Network file, relay descriptor and consensus against the vectors that the Python reference made. */
#include "proto/doc/consensus.h"
#include "tests/support/vectors.h"
#include "tests/unit/proto/doc/fixture.h"

static enum smx_err result_of(struct smx_vec *v)
{
    if (smx_vec_is(v, "result", "ok"))
        return SMX_OK;
    return smx_vec_is(v, "result", "auth") ? SMX_E_AUTH : SMX_E_MALFORMED;
}

static void check_network(struct smx_vec *v)
{
    size_t len;
    const uint8_t *file = smx_vec_bytes(v, "file", &len);
    struct smx_network n;
    const char *why = NULL;
    char *text, *again;

    assert_int_equal(smx_network_decode(&n, file, len, &why), result_of(v));
    if (!smx_vec_is(v, "result", "ok")) {
        assert_non_null(why);
        return;
    }
    assert_null(why);
    assert_memory_equal(n.id, smx_vec_fixed(v, "id", sizeof n.id), sizeof n.id);
    assert_int_equal(smx_network_encode(&n, &text), SMX_OK);
    assert_int_equal(smx_network_decode(&n, (const uint8_t *)text, strlen(text), NULL), SMX_OK);
    assert_int_equal(smx_network_encode(&n, &again), SMX_OK);
    assert_string_equal(text, again);
    if (strcmp(v->name, "network-three") == 0) {
        assert_int_equal(strlen(text), len);
        assert_memory_equal(text, file, len);
    }
    free(text);
    free(again);
}

static void check_relay(struct smx_vec *v)
{
    size_t len, again_len;
    const uint8_t *in = smx_vec_bytes(v, "envelope", &len), *seed;
    struct smx_relaydesc *d = calloc(1, sizeof *d);
    uint8_t *again, id[SMX_DOC_KEY], secret[SMX_DOC_SECRET];

    assert_int_equal(smx_relaydesc_decode(d, in, len), result_of(v));
    if (smx_vec_is(v, "result", "ok")) {
        seed = smx_vec_fixed(v, "seed", 32);
        crypto_sign_seed_keypair(id, secret, seed);
        assert_memory_equal(d->id, id, sizeof id);
        assert_memory_equal(d->onion[0].tag, smx_vec_fixed(v, "tag", SMX_ONION_TAG), SMX_ONION_TAG);
        assert_int_equal(smx_relaydesc_encode(&again, &again_len, d, secret), SMX_OK);
        if (!strstr(v->name, "packed") && !strstr(v->name, "unknown") && !strstr(v->name, "older")) {
            assert_int_equal(again_len, len);
            assert_memory_equal(again, in, len);
        }
        free(again);
    }
    free(d);
}

static void check_consensus(struct smx_vec *v)
{
    size_t len, keys_len;
    const uint8_t *in = smx_vec_bytes(v, "envelope", &len), *keys = smx_vec_bytes(v, "keys", &keys_len);
    struct smx_network n = {.authority_count = keys_len / SMX_DOC_KEY};
    struct smx_consensus c;

    for (size_t i = 0; i < n.authority_count; i++)
        memcpy(n.authority[i].key, keys + i * SMX_DOC_KEY, SMX_DOC_KEY);
    smx_network_seal(&n);
    assert_int_equal(smx_consensus_open(&c, &n, in, len), result_of(v));
    if (smx_vec_is(v, "result", "ok")) {
        const uint8_t *hash = smx_vec_fixed(v, "hash", SMX_DOC_HASH);
        struct smx_signed doc;
        uint8_t *raw;
        size_t raw_len;

        assert_memory_equal(c.hash, hash, SMX_DOC_HASH);
        assert_int_equal(smx_signed_decode(&doc, SMX_DOC_CONSENSUS, SMX_CONSENSUS_RAW_MAX, in, len), SMX_OK);
        assert_int_equal(smx_consensus_encode(&c, &raw, &raw_len), SMX_OK);
        if (strstr(v->name, "relays") || strstr(v->name, "packed")) { /* nothing unknown in it */
            assert_int_equal(raw_len, doc.raw_len);
            assert_memory_equal(raw, doc.raw, raw_len);
        }
        free(raw);
        smx_signed_free(&doc);
    } else {
        assert_null(c.relay);
        assert_null(c.link);
    }
    smx_consensus_free(&c);
}

/* Layers of `size` relays, of which only the pair of the vector matters: ids are sorted and distinct. */
static void check_fanout(struct smx_vec *v)
{
    size_t size = smx_vec_int(v, "size");
    struct smx_consensus c = {.relay = calloc(size + 1, sizeof *c.relay), .relay_count = size + 1};

    smx_params_preset(&c.params);
    c.params.fanout = (uint32_t)smx_vec_int(v, "fanout");
    for (size_t i = 0; i <= size; i++)
        c.relay[i].layer = SMX_LAYER_GUARD;
    memcpy(c.relay[0].id, smx_vec_fixed(v, "a", SMX_DOC_KEY), SMX_DOC_KEY);
    memcpy(c.relay[1].id, smx_vec_fixed(v, "b", SMX_DOC_KEY), SMX_DOC_KEY);
    c.relay[1].layer = SMX_LAYER_MIDDLE;
    smx_consensus_count_layers(&c);
    assert_int_equal(smx_consensus_link_rate(&c, 0, 1), smx_vec_is(v, "result", "kept") ? 1 : 0);
    assert_int_equal(smx_consensus_link_rate(&c, 1, 0), smx_vec_is(v, "result", "kept") ? 1 : 0);
    free(c.relay);
}

static void documents_match_their_vectors(void **state)
{
    struct smx_vec v;
    size_t count = 0;

    (void)state;
    smx_vec_open(&v, "tests/vectors/document.txt");
    for (; smx_vec_next(&v); count++) {
        if (smx_vec_is(&v, "kind", "network"))
            check_network(&v);
        else if (smx_vec_is(&v, "kind", "relay"))
            check_relay(&v);
        else if (smx_vec_is(&v, "kind", "consensus"))
            check_consensus(&v);
        else
            check_fanout(&v);
    }
    assert_true(count >= 75);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(documents_match_their_vectors),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
