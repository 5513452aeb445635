#include "proto/doc/consensus.h"
#include "tests/unit/proto/doc/fixture.h"

enum { T0 = 1790000000 / 3600 * 3600 };

struct fixture {
    struct smx_network network; /* three authorities */
    struct smx_consensus c;     /* guard, two middles, two ends, exit, sorted by id */
};

static int by_id(const void *a, const void *b)
{
    return memcmp(a, b, SMX_DOC_KEY);
}

static void fill(struct smx_consensus *c, const struct smx_network *n, const enum smx_layer *layer,
                 size_t count)
{
    *c = (struct smx_consensus){.epoch = T0 / 3600,
                                .valid_after = {T0},
                                .fresh_until = {T0 + 3600},
                                .valid_until = {T0 + 3 * 3600},
                                .relay_count = count};
    memcpy(c->network, n->id, sizeof c->network);
    smx_params_preset(&c->params);
    c->relay = calloc(count, sizeof *c->relay);
    c->link = calloc(4, sizeof *c->link);
    for (size_t i = 0; i < count; i++) {
        struct smx_relay_info *r = &c->relay[i];

        memcpy(r->id, fix_key((unsigned)i + 20).id, SMX_DOC_KEY);
        r->link_key[0] = (uint8_t)i;
        r->onion[0].epoch = T0 / 3600;
        r->onion[0].key[0] = (uint8_t)i;
        smx_onion_tag(r->onion[0].tag, r->onion[0].key);
        r->onion_count = 1;
        assert_int_equal(smx_addr_parse(&r->addr[0], i % 2 ? "[2001:db8::1]:9001" : "192.0.2.1:9001"),
                         SMX_OK);
        r->addr_count = 1;
        r->flags = SMX_RELAY_RUNNING;
        r->weight = 1000;
    }
    qsort(c->relay, count, sizeof *c->relay, by_id);
    for (size_t i = 0; i < count; i++)
        c->relay[i].layer = (uint8_t)layer[i];
    smx_consensus_count_layers(c);
}

static int setup(void **state)
{
    static const enum smx_layer layer[] = {SMX_LAYER_GUARD, SMX_LAYER_MIDDLE, SMX_LAYER_MIDDLE,
                                           SMX_LAYER_END,   SMX_LAYER_END,    SMX_LAYER_EXIT};
    struct fixture *f = calloc(1, sizeof *f);

    f->network = fix_network(3);
    fill(&f->c, &f->network, layer, 6);
    f->c.link[0] = (struct smx_link_rate){0, 1, 7};
    f->c.link[1] = (struct smx_link_rate){3, 4, 20};
    f->c.link_count = 2;
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    smx_consensus_free(&f->c);
    free(f);
    return 0;
}

/* The envelope with the signatures of signers 0..count-1. */
static uint8_t *publish(struct fixture *f, size_t count, bool pack, size_t *len)
{
    struct smx_doc_sig sig[SMX_DOC_SIGNERS];
    uint8_t *raw, *out;
    size_t raw_len;

    assert_int_equal(smx_consensus_encode(&f->c, &raw, &raw_len), SMX_OK);
    for (size_t i = 0; i < count; i++) {
        sig[i].signer = (uint8_t)i;
        smx_doc_sign(sig[i].sig, SMX_DOC_CONSENSUS, raw, raw_len, fix_signer(&f->network, i).secret);
    }
    assert_int_equal(smx_signed_encode(&out, len, SMX_DOC_CONSENSUS, pack, raw, raw_len, sig, count), SMX_OK);
    free(raw);
    return out;
}

static void what_was_encoded_is_read_back(void **state)
{
    struct fixture *f = *state;

    for (int pack = 0; pack < 2; pack++) {
        struct smx_consensus got;
        size_t len;
        uint8_t *in = publish(f, 2, pack, &len);

        assert_int_equal(smx_consensus_open(&got, &f->network, in, len), SMX_OK);
        assert_memory_equal(got.hash, f->c.hash, sizeof got.hash);
        assert_int_equal(got.epoch, f->c.epoch);
        assert_int_equal(got.valid_until.s, T0 + 3 * 3600);
        assert_memory_equal(&got.params, &f->c.params, sizeof got.params);
        assert_int_equal(got.relay_count, 6);
        for (size_t i = 0; i < 6; i++) {
            assert_memory_equal(got.relay[i].id, f->c.relay[i].id, SMX_DOC_KEY);
            assert_memory_equal(got.relay[i].onion[0].tag, f->c.relay[i].onion[0].tag, SMX_ONION_TAG);
            assert_true(smx_addr_equal(&got.relay[i].addr[0], &f->c.relay[i].addr[0]));
            assert_int_equal(got.relay[i].layer, f->c.relay[i].layer);
            assert_int_equal(got.relay[i].flags, SMX_RELAY_RUNNING);
        }
        assert_int_equal(got.link_count, 2);
        assert_memory_equal(got.link, f->c.link, 2 * sizeof *got.link);
        smx_consensus_free(&got);
        free(in);
    }
}

static void packing_saves_room(void **state)
{
    size_t plain, packed;

    free(publish(*state, 2, false, &plain));
    free(publish(*state, 2, true, &packed));
    assert_true(packed < plain * 3 / 4);
}

static void half_of_the_authorities_are_not_enough(void **state)
{
    static const struct {
        size_t authorities, signatures;
        enum smx_err err;
    } c[] = {{1, 1, SMX_OK}, {2, 1, SMX_E_AUTH}, {2, 2, SMX_OK},      {3, 1, SMX_E_AUTH},
             {3, 2, SMX_OK}, {4, 2, SMX_E_AUTH}, {4, 3, SMX_OK},      {5, 3, SMX_OK},
             {9, 5, SMX_OK}, {9, 4, SMX_E_AUTH}, {16, 8, SMX_E_AUTH}, {16, 9, SMX_OK}};
    struct fixture *f = *state;

    for (size_t i = 0; i < sizeof c / sizeof c[0]; i++) {
        struct smx_consensus got;
        uint8_t *in;
        size_t len;

        f->network = fix_network(c[i].authorities);
        memcpy(f->c.network, f->network.id, sizeof f->network.id);
        in = publish(f, c[i].signatures, true, &len);
        assert_int_equal(smx_consensus_open(&got, &f->network, in, len), c[i].err);
        smx_consensus_free(&got);
        free(in);
    }
}

static void refuse(void *arg, const uint8_t *in, size_t len)
{
    struct fixture *f = arg;
    struct smx_consensus got;

    assert_int_not_equal(smx_consensus_open(&got, &f->network, in, len), SMX_OK);
    assert_null(got.relay);
}

/* A few bits of a zlib stream mean nothing: what unpacks to the very same bytes is the same document. */
static void refuse_or_same(void *arg, const uint8_t *in, size_t len)
{
    struct fixture *f = arg;
    struct smx_consensus got;

    if (smx_consensus_open(&got, &f->network, in, len) == SMX_OK)
        assert_memory_equal(got.hash, f->c.hash, sizeof got.hash);
    smx_consensus_free(&got);
}

static void every_truncation_and_flipped_bit_is_refused(void **state)
{
    struct fixture *f = *state;
    size_t len;
    uint8_t *in;

    f->c.relay_count = 2; /* enough of it, and eight times faster */
    f->c.link_count = 1;
    in = publish(f, 2, false, &len);
    fix_spoil(in, len, refuse, f);
    free(in);
    in = publish(f, 2, true, &len);
    fix_spoil(in, len, refuse_or_same, f);
    free(in);
}

static void time_decides_between_early_valid_and_stale(void **state)
{
    struct fixture *f = *state;
    const struct smx_consensus *c = &f->c;

    assert_int_equal(smx_consensus_check(c, NULL, (struct smx_wall){T0}), SMX_OK);
    assert_int_equal(smx_consensus_check(c, NULL, (struct smx_wall){T0 - SMX_CONSENSUS_SKEW_S}), SMX_OK);
    assert_int_equal(smx_consensus_check(c, NULL, (struct smx_wall){T0 - SMX_CONSENSUS_SKEW_S - 1}),
                     SMX_E_STATE);
    assert_int_equal(smx_consensus_check(c, NULL, (struct smx_wall){T0 + 3 * 3600 - 1}), SMX_OK);
    assert_int_equal(smx_consensus_check(c, NULL, (struct smx_wall){T0 + 3 * 3600}), SMX_E_LATE);
}

static void a_held_consensus_is_never_rolled_back(void **state)
{
    struct fixture *f = *state;
    struct smx_consensus held;
    const struct smx_wall now = {T0 + 100};

    memset(f->c.hash, 5, sizeof f->c.hash);
    held = f->c;
    assert_int_equal(smx_consensus_check(&f->c, &held, now), SMX_OK); /* the very same */
    f->c.hash[0] ^= 1;
    assert_int_equal(smx_consensus_check(&f->c, &held, now), SMX_E_REFUSED); /* another of that time */
    f->c.valid_after.s = T0 + 1;
    assert_int_equal(smx_consensus_check(&f->c, &held, now), SMX_OK);
    f->c.valid_after.s = T0 - 1;
    assert_int_equal(smx_consensus_check(&f->c, &held, now), SMX_E_REPLAY);
    f->c.valid_after.s = T0 + 1;
    f->c.epoch--;
    assert_int_equal(smx_consensus_check(&f->c, &held, now), SMX_E_REPLAY);
    assert_false(smx_consensus_follows(&f->c, &held));
    memcpy(f->c.previous, held.hash, sizeof held.hash);
    assert_true(smx_consensus_follows(&f->c, &held));
}

static void relays_are_found_by_their_id(void **state)
{
    struct fixture *f = *state;
    uint8_t stranger[SMX_DOC_KEY] = {1};

    for (size_t i = 0; i < f->c.relay_count; i++)
        assert_int_equal(smx_consensus_find(&f->c, f->c.relay[i].id), i);
    assert_true(smx_consensus_find(&f->c, stranger) == SMX_RELAY_NONE);
    f->c.relay_count = 0;
    assert_true(smx_consensus_find(&f->c, stranger) == SMX_RELAY_NONE);
}

static void an_onion_key_is_found_by_its_epoch(void **state)
{
    struct fixture *f = *state;

    assert_ptr_equal(smx_relay_onion(&f->c.relay[0], T0 / 3600), &f->c.relay[0].onion[0]);
    assert_null(smx_relay_onion(&f->c.relay[0], T0 / 3600 + 1));
}

static void only_adjacent_layers_are_linked(void **state)
{
    /* guard 0, middles 1 2, ends 3 4, exit 5 */
    static const uint32_t rate[6][6] = {{0, 7, 1, 0, 0, 0},  {7, 0, 0, 1, 1, 0},  {1, 0, 0, 1, 1, 0},
                                        {0, 1, 1, 0, 20, 1}, {0, 1, 1, 20, 0, 1}, {0, 0, 0, 1, 1, 0}};
    struct fixture *f = *state;

    for (size_t a = 0; a < 6; a++)
        for (size_t b = 0; b < 6; b++)
            assert_int_equal(smx_consensus_link_rate(&f->c, a, b), rate[a][b]);
    assert_int_equal(smx_consensus_link_rate(&f->c, 0, 6), 0); /* no such place */
}

static void a_large_network_is_thinned_to_its_fanout(void **state)
{
    enum { EACH = 200 };
    struct fixture *f = *state;
    enum smx_layer layer[2 * EACH];
    struct smx_consensus c;
    size_t links = 0, least = EACH, most = 0;

    for (size_t i = 0; i < 2 * EACH; i++)
        layer[i] = i % 2 ? SMX_LAYER_GUARD : SMX_LAYER_MIDDLE;
    fill(&c, &f->network, layer, 2 * EACH);
    for (size_t a = 0; a < 2 * EACH; a += 2) {
        size_t mine = 0;

        for (size_t b = 1; b < 2 * EACH; b += 2)
            mine += smx_consensus_link_rate(&c, a, b) > 0;
        links += mine;
        least = mine < least ? mine : least;
        most = mine > most ? mine : most;
    }
    assert_in_range(links / EACH, 62, 66);
    assert_in_range(least, 40, 64);
    assert_in_range(most, 64, 88);
    smx_consensus_free(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_was_encoded_is_read_back, setup, teardown),
        cmocka_unit_test_setup_teardown(packing_saves_room, setup, teardown),
        cmocka_unit_test_setup_teardown(half_of_the_authorities_are_not_enough, setup, teardown),
        cmocka_unit_test_setup_teardown(every_truncation_and_flipped_bit_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(time_decides_between_early_valid_and_stale, setup, teardown),
        cmocka_unit_test_setup_teardown(a_held_consensus_is_never_rolled_back, setup, teardown),
        cmocka_unit_test_setup_teardown(relays_are_found_by_their_id, setup, teardown),
        cmocka_unit_test_setup_teardown(an_onion_key_is_found_by_its_epoch, setup, teardown),
        cmocka_unit_test_setup_teardown(only_adjacent_layers_are_linked, setup, teardown),
        cmocka_unit_test_setup_teardown(a_large_network_is_thinned_to_its_fanout, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
