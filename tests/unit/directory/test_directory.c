#include "directory/directory.h"
#include "proto/doc/batch.h"
#include "tests/unit/proto/doc/fixture.h"

#include <stdio.h>

enum { EPOCH = 300, BATCH = 10, T0 = 1790000000 / EPOCH * EPOCH };

struct fixture {
    struct smx_directory_config config;
    struct smx_store *s;
    struct smx_directory *d;
    struct smx_relaydesc desc; /* what the next upload is made of */
};

static struct smx_wall at(int64_t s)
{
    return (struct smx_wall){s};
}

static int setup(void **state)
{
    static struct fix_key key; /* borrowed by the configuration */
    struct fixture *f = calloc(1, sizeof *f);

    key = fix_key(1);
    f->config = (struct smx_directory_config){.network = fix_network(1),
                                              .secret = key.secret,
                                              .early = true,
                                              .relays_max = 12,
                                              .names_max = 100,
                                              .descs_max = 100,
                                              .uploads_busy = 4};
    smx_params_preset(&f->config.params);
    f->config.params.epoch_s = EPOCH;
    f->config.params.batch_s = BATCH;
    f->config.params.private_addresses = 1;
    f->config.params.claim_work_bits = 0;
    f->s = smx_store_memory();
    assert_int_equal(smx_directory_new(&f->d, &f->config, f->s, at(T0)), SMX_OK);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    smx_directory_free(f->d);
    f->s->free(f->s);
    free(f);
    return 0;
}

static void restart(struct fixture *f, int64_t now)
{
    smx_directory_free(f->d);
    assert_int_equal(smx_directory_new(&f->d, &f->config, f->s, at(now)), SMX_OK);
}

/* f->desc for relay number n, with address 127.1.0.n:7000, made now. */
static void describe(struct fixture *f, unsigned n, int64_t now)
{
    char addr[32];

    memset(&f->desc, 0, sizeof f->desc);
    memcpy(f->desc.network, f->config.network.id, SMX_DOC_HASH);
    memcpy(f->desc.id, fix_key(100 + n).id, SMX_DOC_KEY);
    memset(f->desc.link_key, (int)n, SMX_DOC_KEY);
    f->desc.onion[0].key[0] = 1;
    f->desc.onion[0].epoch = (uint64_t)now / EPOCH;
    f->desc.onion[1].epoch = f->desc.onion[0].epoch + 1;
    f->desc.onion_count = 2;
    snprintf(addr, sizeof addr, "127.1.0.%u:7000", n);
    assert_int_equal(smx_addr_parse(&f->desc.addr[0], addr), SMX_OK);
    f->desc.addr_count = 1;
    strcpy(f->desc.software, "0.1");
    f->desc.published.s = now;
}

/* Uploads f->desc, signed by relay number n. */
static enum smx_err send(struct fixture *f, unsigned n, int64_t now)
{
    const char *why = "";
    uint8_t *out;
    size_t len;
    enum smx_err err;

    assert_int_equal(smx_relaydesc_encode(&out, &len, &f->desc, fix_key(100 + n).secret), SMX_OK);
    err = smx_directory_relay(f->d, at(now), out, len, &why);
    assert_true((err == SMX_OK) == (why == NULL));
    free(out);
    return err;
}

static enum smx_err join(struct fixture *f, unsigned n, int64_t now)
{
    describe(f, n, now);
    return send(f, n, now);
}

/* The consensus as a client opens it; the caller frees. */
static struct smx_consensus fetch(struct fixture *f, int64_t now)
{
    struct smx_bytes b;
    struct smx_consensus c;

    assert_int_equal(smx_directory_expire(f->d, at(now)), SMX_OK);
    b = smx_directory_consensus(f->d);
    assert_non_null(b.at);
    assert_int_equal(smx_consensus_open(&c, &f->config.network, b.at, b.len), SMX_OK);
    return c;
}

static void nine_relays_are_in_the_consensus_seconds_after_they_came(void **state)
{
    struct fixture *f = *state;
    struct smx_consensus c = fetch(f, T0);

    assert_int_equal(c.relay_count, 0);
    smx_consensus_free(&c);
    for (unsigned n = 1; n <= 9; n++)
        assert_int_equal(join(f, n, T0 + 5), SMX_OK);
    assert_int_equal(smx_directory_deadline(f->d, at(T0 + 5)).s, T0 + 5 + SMX_DIRECTORY_EARLY_S);
    c = fetch(f, T0 + 6);
    assert_int_equal(c.relay_count, 0);
    smx_consensus_free(&c);
    c = fetch(f, T0 + 7);
    assert_int_equal(c.relay_count, 9);
    assert_int_equal(smx_consensus_check(&c, NULL, at(T0 + 7)), SMX_OK);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(c.layer_count[i], 3);
    for (size_t i = 0; i < 9; i++)
        assert_int_equal(c.relay[i].flags, SMX_RELAY_RUNNING);
    assert_int_equal(c.link_count, 0);
    smx_consensus_free(&c);
}

static void each_epoch_has_its_consensus_chained_to_the_one_before(void **state)
{
    struct fixture *f = *state;
    struct smx_consensus held = fetch(f, T0 + 100), c;

    assert_int_equal(held.valid_after.s, T0);
    assert_int_equal(held.fresh_until.s, T0 + EPOCH);
    assert_int_equal(held.valid_until.s, T0 + 3 * EPOCH);
    for (int e = 1; e < 4; e++) {
        c = fetch(f, T0 + e * EPOCH - 1);
        assert_memory_equal(c.hash, held.hash, sizeof c.hash);
        smx_consensus_free(&c);
        c = fetch(f, T0 + e * EPOCH);
        assert_int_equal(c.epoch, held.epoch + 1);
        assert_true(smx_consensus_follows(&c, &held));
        assert_int_equal(smx_consensus_check(&c, &held, at(T0 + e * EPOCH)), SMX_OK);
        smx_consensus_free(&held);
        held = c;
    }
    smx_consensus_free(&held);
}

static void a_clock_set_back_makes_no_older_consensus(void **state)
{
    struct fixture *f = *state;
    struct smx_consensus held = fetch(f, T0 + EPOCH), c = fetch(f, T0 - 5 * EPOCH);

    assert_memory_equal(c.hash, held.hash, sizeof c.hash);
    assert_int_equal(smx_directory_newest(f->d).s, T0 + EPOCH);
    assert_int_equal(smx_directory_counters(f->d)->batches, 1);
    smx_consensus_free(&c);
    smx_consensus_free(&held);
}

static void without_early_new_relays_wait_for_the_epoch(void **state)
{
    struct fixture *f = *state;
    struct smx_consensus c;

    f->config.early = false;
    restart(f, T0);
    c = fetch(f, T0);
    smx_consensus_free(&c);
    assert_int_equal(join(f, 1, T0 + 5), SMX_OK);
    c = fetch(f, T0 + EPOCH - 1);
    assert_int_equal(c.relay_count, 0);
    smx_consensus_free(&c);
    c = fetch(f, T0 + EPOCH);
    assert_int_equal(c.relay_count, 1);
    smx_consensus_free(&c);
}

static void a_new_onion_key_for_this_epoch_is_news_and_one_for_the_next_is_not(void **state)
{
    struct fixture *f = *state;
    struct smx_consensus c;
    size_t before;

    assert_int_equal(join(f, 1, T0 + 5), SMX_OK);
    c = fetch(f, T0 + 10);
    smx_consensus_free(&c);
    before = smx_directory_counters(f->d)->consensuses;
    describe(f, 1, T0 + 20);
    f->desc.onion[1].key[0] = 77;
    assert_int_equal(send(f, 1, T0 + 20), SMX_OK);
    c = fetch(f, T0 + 30);
    smx_consensus_free(&c);
    assert_int_equal(smx_directory_counters(f->d)->consensuses, before);
    describe(f, 1, T0 + 40);
    f->desc.onion[0].key[0] = 78;
    assert_int_equal(send(f, 1, T0 + 40), SMX_OK);
    c = fetch(f, T0 + 50);
    assert_int_equal(c.relay[0].onion[0].key[0], 78);
    smx_consensus_free(&c);
    assert_int_equal(smx_directory_counters(f->d)->consensuses, before + 1);
}

static void a_silent_relay_stops_running_and_is_unlisted_later(void **state)
{
    struct fixture *f = *state;
    struct smx_consensus c;

    describe(f, 1, T0 + 5);
    f->desc.onion[2] = (struct smx_onion_key){.epoch = T0 / EPOCH + 2};
    f->desc.onion_count = 3;
    assert_int_equal(send(f, 1, T0 + 5), SMX_OK);
    c = fetch(f, T0 + EPOCH);
    assert_int_equal(c.relay[0].flags, SMX_RELAY_RUNNING);
    smx_consensus_free(&c);
    c = fetch(f, T0 + 2 * EPOCH);
    assert_int_equal(c.relay[0].flags, 0);
    smx_consensus_free(&c);
    c = fetch(f, T0 + 24 * EPOCH);
    assert_int_equal(c.relay_count, 1);
    smx_consensus_free(&c);
    c = fetch(f, T0 + 25 * EPOCH);
    assert_int_equal(c.relay_count, 0);
    smx_consensus_free(&c);
}

static void a_relay_keeps_its_layer_through_restarts_and_absence(void **state)
{
    struct fixture *f = *state;
    struct smx_consensus c;
    uint8_t layer;

    for (unsigned n = 1; n <= 5; n++)
        assert_int_equal(join(f, n, T0 + 5), SMX_OK);
    c = fetch(f, T0 + 10);
    layer = c.relay[smx_consensus_find(&c, fix_key(102).id)].layer;
    smx_consensus_free(&c);
    restart(f, T0 + 20);
    assert_int_equal(smx_directory_counters(f->d)->relays, 5);
    c = fetch(f, T0 + 30 * EPOCH);
    assert_int_equal(c.relay_count, 0);
    smx_consensus_free(&c);
    assert_int_equal(join(f, 2, T0 + 30 * EPOCH + 5), SMX_OK);
    c = fetch(f, T0 + 30 * EPOCH + 10);
    assert_int_equal(c.relay_count, 1);
    assert_int_equal(c.relay[0].layer, layer);
    smx_consensus_free(&c);
}

static void exits_stand_apart(void **state)
{
    struct fixture *f = *state;
    struct smx_consensus c;

    describe(f, 1, T0 + 5);
    f->desc.role = SMX_ROLE_EXIT;
    assert_int_equal(send(f, 1, T0 + 5), SMX_OK);
    c = fetch(f, T0 + 10);
    assert_int_equal(c.relay[0].layer, SMX_LAYER_EXIT);
    smx_consensus_free(&c);
    describe(f, 1, T0 + 20);
    assert_int_equal(send(f, 1, T0 + 20), SMX_E_REFUSED);
}

static void a_restarted_directory_serves_what_it_had_and_goes_on_from_there(void **state)
{
    struct fixture *f = *state;
    struct smx_consensus held, c;
    struct smx_bytes b;

    assert_int_equal(join(f, 1, T0 + 5), SMX_OK);
    held = fetch(f, T0 + 10);
    restart(f, T0 + 20);
    b = smx_directory_consensus(f->d);
    assert_int_equal(smx_consensus_open(&c, &f->config.network, b.at, b.len), SMX_OK);
    assert_memory_equal(c.hash, held.hash, sizeof c.hash);
    smx_consensus_free(&c);
    c = fetch(f, T0 + EPOCH);
    assert_true(smx_consensus_follows(&c, &held));
    assert_int_equal(c.relay_count, 1);
    smx_consensus_free(&c);
    smx_consensus_free(&held);
}

static void a_store_of_another_network_is_refused(void **state)
{
    struct fixture *f = *state;
    struct smx_directory *other;

    memcpy(f->config.network.authority[0].key, fix_key(2).id, SMX_DOC_KEY);
    assert_int_equal(smx_directory_new(&other, &f->config, f->s, at(T0)), SMX_E_REFUSED);
    assert_null(other);
}

static void descriptors_against_the_rules_are_refused(void **state)
{
    struct fixture *f = *state;
    uint8_t *out;
    const char *why;
    size_t len;

    assert_int_equal(join(f, 1, T0), SMX_OK);
    assert_int_equal(join(f, 1, T0), SMX_E_REPLAY);
    describe(f, 2, T0);
    f->desc.network[0] ^= 1;
    assert_int_equal(send(f, 2, T0), SMX_E_REFUSED);
    describe(f, 2, T0);
    assert_int_equal(send(f, 2, T0 + SMX_DIRECTORY_CLOCK_S + 1), SMX_E_LATE);
    assert_int_equal(send(f, 2, T0 - SMX_DIRECTORY_CLOCK_S - 1), SMX_E_LATE);
    f->desc.onion[0].epoch -= 2;
    f->desc.onion[1].epoch -= 2;
    assert_int_equal(send(f, 2, T0), SMX_E_REFUSED);
    describe(f, 2, T0);
    memset(f->desc.link_key, 1, SMX_DOC_KEY); /* relay 1's */
    assert_int_equal(send(f, 2, T0), SMX_E_REFUSED);
    describe(f, 2, T0);
    f->desc.addr[0].ip[15] = 1;
    assert_int_equal(send(f, 2, T0), SMX_E_REFUSED);
    describe(f, 2, T0);
    assert_int_equal(smx_relaydesc_encode(&out, &len, &f->desc, fix_key(103).secret), SMX_OK);
    assert_int_equal(smx_directory_relay(f->d, at(T0), out, len, &why), SMX_E_AUTH);
    assert_int_equal(smx_directory_relay(f->d, at(T0), out, len - 1, &why), SMX_E_MALFORMED);
    free(out);
    assert_int_equal(smx_directory_counters(f->d)->descriptors, 1);
    assert_int_equal(smx_directory_counters(f->d)->descriptors_refused, 9);
}

static void addresses_that_nobody_can_reach_are_refused_outside_test_networks(void **state)
{
    static const struct {
        const char *addr;
        enum smx_err err;
    } c[] = {{"192.0.2.1:7000", SMX_OK},          {"127.0.0.1:7000", SMX_E_REFUSED},
             {"10.1.2.3:7000", SMX_E_REFUSED},    {"172.16.0.1:7000", SMX_E_REFUSED},
             {"172.32.0.1:7000", SMX_OK},         {"192.168.1.1:7000", SMX_E_REFUSED},
             {"169.254.0.1:7000", SMX_E_REFUSED}, {"100.64.0.1:7000", SMX_E_REFUSED},
             {"100.128.0.1:7000", SMX_OK},        {"224.0.0.1:7000", SMX_E_REFUSED},
             {"0.0.0.0:7000", SMX_E_REFUSED},     {"[2001:db8::1]:7000", SMX_OK},
             {"[fd00::1]:7000", SMX_E_REFUSED},   {"[fe80::1]:7000", SMX_E_REFUSED},
             {"[::1]:7000", SMX_E_REFUSED},       {"[ff02::1]:7000", SMX_E_REFUSED}};
    struct fixture *f = *state;

    f->config.params.private_addresses = 0;
    restart(f, T0);
    for (unsigned i = 0; i < sizeof c / sizeof c[0]; i++) {
        describe(f, 20 + i, T0);
        assert_int_equal(smx_addr_parse(&f->desc.addr[0], c[i].addr), SMX_OK);
        if (send(f, 20 + i, T0) != c[i].err)
            fail_msg("%s", c[i].addr);
    }
}

static void a_full_table_refuses_new_relays_only(void **state)
{
    struct fixture *f = *state;

    for (unsigned n = 1; n <= 12; n++)
        assert_int_equal(join(f, n, T0), SMX_OK);
    assert_int_equal(join(f, 13, T0), SMX_E_FULL);
    assert_int_equal(join(f, 1, T0 + 1), SMX_OK);
}

/* ---- rounds and batches ---- */

static size_t claim(struct fixture *f, uint8_t out[SMX_UPLOAD_MAX], unsigned key, const char *name)
{
    struct fix_key k = fix_key(key);
    struct smx_claim c = {.op = SMX_CLAIM_CLAIM, .seq = 1};
    uint8_t body[SMX_CLAIM_MAX];

    strcpy(c.name, name);
    memcpy(c.key, k.id, sizeof c.key);
    return smx_upload_encode(out, SMX_UPLOAD_CLAIM, body,
                             smx_claim_encode(body, &c, f->config.network.id, k.secret, NULL));
}

static enum smx_err post(struct fixture *f, const struct smx_round_item *item, size_t count, uint8_t *result)
{
    static uint8_t round[SMX_ROUND_MAX];
    uint8_t reply[SMX_ROUND_REPLY_MAX];
    size_t len = smx_round_encode(round, item, count), reply_len;
    enum smx_err err = smx_directory_round(f->d, at(T0 + 1), round, len, reply, &reply_len);

    if (err == SMX_OK)
        assert_int_equal(smx_round_reply_decode(result, count, reply, reply_len), SMX_OK);
    return err;
}

static struct smx_answer look_up(struct fixture *f, const char *name, int64_t now)
{
    struct smx_bytes file;
    struct smx_batch *b;
    struct smx_answer a;
    uint8_t index[SMX_INDEX], out[SMX_ANSWER_MAX];

    assert_int_equal(smx_directory_expire(f->d, at(now)), SMX_OK);
    file = smx_directory_batch(f->d);
    assert_int_equal(smx_batch_decode(&b, &f->config.network, file.at, file.len), SMX_OK);
    smx_index_name(index, name);
    assert_int_equal(smx_answer_verify(&a, &f->config.network, &f->config.params, index, NULL, at(now), out,
                                       smx_batch_answer(b, index, out)),
                     SMX_OK);
    smx_batch_free(b);
    return a;
}

static void claims_of_a_round_are_in_the_next_batch(void **state)
{
    struct fixture *f = *state;
    uint8_t a[SMX_UPLOAD_MAX], b[SMX_UPLOAD_MAX], result[SMX_ROUND_COUNT] = {0};
    struct smx_round_item item[3] = {{a, 0}, {b, 0}, {(const uint8_t *)"junk", 4}};
    struct smx_answer before = look_up(f, "bob", T0), answer;

    assert_false(before.present);
    item[0].len = (uint16_t)claim(f, a, 50, "bob");
    item[1].len = (uint16_t)claim(f, b, 51, "bob");
    assert_int_equal(post(f, item, 3, result), SMX_OK);
    assert_int_equal(result[0], SMX_UPLOAD_ACCEPTED);
    assert_int_equal(result[1], SMX_UPLOAD_TAKEN);
    assert_int_equal(result[2], SMX_UPLOAD_MALFORMED);
    assert_false(look_up(f, "bob", T0 + BATCH - 1).present);
    assert_int_equal(smx_directory_deadline(f->d, at(T0 + 2)).s, T0 + BATCH);
    answer = look_up(f, "bob", T0 + BATCH);
    assert_true(answer.present);
    assert_false(answer.live);
    assert_memory_equal(answer.key, fix_key(50).id, SMX_DOC_KEY);
    assert_int_equal(answer.header.number, before.header.number + BATCH);
    assert_int_equal(answer.header.time.s, T0 + BATCH);
}

static void a_batch_after_a_restart_has_a_number_of_its_own(void **state)
{
    struct fixture *f = *state;
    uint64_t number = look_up(f, "bob", T0).header.number;

    restart(f, T0 + 1);
    assert_null(smx_directory_batch(f->d).at);
    assert_int_equal(look_up(f, "bob", T0 + 1).header.number, number + 1);
}

/* Posts count claims, each of a name of its own, with as many bits of work; all get the same result. */
static void flood(struct fixture *f, int64_t now, unsigned count, unsigned bits,
                  enum smx_upload_result expect)
{
    static unsigned number;
    static uint8_t round[SMX_ROUND_MAX];
    uint8_t bytes[SMX_UPLOAD_MAX], reply[SMX_ROUND_REPLY_MAX], result[SMX_ROUND_COUNT];
    char name[16];
    size_t len;

    for (unsigned i = 0; i < count; i++) {
        struct smx_round_item item = {bytes, 0};

        snprintf(name, sizeof name, "name-%u", number++);
        item.len = (uint16_t)claim(f, bytes, 50, name);
        /* exactly that much: more would also do later */
        for (uint64_t work = 0; smx_upload_work(bytes, item.len, f->config.network.id) != bits; work++)
            smx_wr_u64(&(struct smx_wr){bytes + 1, 8}, work);
        len = smx_round_encode(round, &item, 1);
        assert_int_equal(smx_directory_round(f->d, at(now), round, len, reply, &len), SMX_OK);
        assert_int_equal(smx_round_reply_decode(result, 1, reply, len), SMX_OK);
        assert_int_equal(result[0], expect);
    }
}

static unsigned work_at(struct fixture *f, int64_t now)
{
    return look_up(f, "bob", now).header.work;
}

static void work_rises_at_once_with_the_load_and_falls_bit_by_bit(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(work_at(f, T0), 0);
    flood(f, T0 + 1, 4, 0, SMX_UPLOAD_ACCEPTED);
    assert_int_equal(work_at(f, T0 + BATCH), 0); /* nothing unusual */
    flood(f, T0 + BATCH + 1, 17, 0, SMX_UPLOAD_ACCEPTED);
    assert_int_equal(work_at(f, T0 + 2 * BATCH), 3);
    flood(f, T0 + 2 * BATCH + 1, 2, 0, SMX_UPLOAD_ACCEPTED); /* made before that was known */
    assert_int_equal(work_at(f, T0 + 3 * BATCH), 3);
    flood(f, T0 + 3 * BATCH + 1, 30, 2, SMX_UPLOAD_NO_WORK); /* costs nothing, and counts for nothing */
    flood(f, T0 + 3 * BATCH + 1, 1, 3, SMX_UPLOAD_ACCEPTED);
    assert_int_equal(work_at(f, T0 + 4 * BATCH), 2);
    restart(f, T0 + 4 * BATCH + 1); /* does not forget it */
    assert_int_equal(work_at(f, T0 + 4 * BATCH + 1), 1);
    assert_int_equal(work_at(f, T0 + 5 * BATCH), 0);
    assert_int_equal(work_at(f, T0 + 6 * BATCH), 0);
}

static void an_empty_round_is_answered_and_a_broken_one_refused(void **state)
{
    struct fixture *f = *state;
    uint8_t result[SMX_ROUND_COUNT], reply[SMX_ROUND_REPLY_MAX];
    size_t len;

    assert_int_equal(post(f, NULL, 0, result), SMX_OK);
    assert_int_equal(smx_directory_round(f->d, at(T0), (const uint8_t *)"SMXR", 4, reply, &len),
                     SMX_E_MALFORMED);
    assert_int_equal(smx_directory_counters(f->d)->rounds_refused, 1);
}

/* A store whose writes fail while the switch is on. */
static bool broken;
static struct smx_store sound;

static enum smx_err failing_name_put(struct smx_store *s, const struct smx_store_name *row)
{
    return broken ? SMX_E_IO : sound.name_put(s, row);
}

static enum smx_err failing_blob_put(struct smx_store *s, enum smx_store_blob which, const uint8_t *bytes,
                                     size_t len)
{
    return broken ? SMX_E_IO : sound.blob_put(s, which, bytes, len);
}

static void nothing_is_acknowledged_or_published_while_the_store_fails(void **state)
{
    struct fixture *f = *state;
    uint8_t a[SMX_UPLOAD_MAX], result[SMX_ROUND_COUNT] = {0};
    struct smx_round_item item = {a, (uint16_t)claim(f, a, 50, "bob")};
    struct smx_consensus held = fetch(f, T0), c;
    struct smx_bytes b;

    sound = *f->s;
    f->s->name_put = failing_name_put;
    f->s->blob_put = failing_blob_put;
    broken = true;
    assert_int_equal(post(f, &item, 1, result), SMX_E_IO);
    assert_int_equal(smx_directory_expire(f->d, at(T0 + EPOCH)), SMX_E_IO);
    b = smx_directory_consensus(f->d);
    assert_int_equal(smx_consensus_open(&c, &f->config.network, b.at, b.len), SMX_OK);
    assert_memory_equal(c.hash, held.hash, sizeof c.hash);
    smx_consensus_free(&c);
    broken = false;
    assert_int_equal(post(f, &item, 1, result), SMX_OK);
    assert_int_equal(result[0], SMX_UPLOAD_ACCEPTED);
    c = fetch(f, T0 + EPOCH + 1);
    assert_int_equal(c.valid_after.s, T0 + EPOCH);
    smx_consensus_free(&c);
    smx_consensus_free(&held);
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(nine_relays_are_in_the_consensus_seconds_after_they_came),
        T(each_epoch_has_its_consensus_chained_to_the_one_before),
        T(a_clock_set_back_makes_no_older_consensus),
        T(without_early_new_relays_wait_for_the_epoch),
        T(a_new_onion_key_for_this_epoch_is_news_and_one_for_the_next_is_not),
        T(a_silent_relay_stops_running_and_is_unlisted_later),
        T(a_relay_keeps_its_layer_through_restarts_and_absence),
        T(exits_stand_apart),
        T(a_restarted_directory_serves_what_it_had_and_goes_on_from_there),
        T(a_store_of_another_network_is_refused),
        T(descriptors_against_the_rules_are_refused),
        T(addresses_that_nobody_can_reach_are_refused_outside_test_networks),
        T(a_full_table_refuses_new_relays_only),
        T(claims_of_a_round_are_in_the_next_batch),
        T(a_batch_after_a_restart_has_a_number_of_its_own),
        T(work_rises_at_once_with_the_load_and_falls_bit_by_bit),
        T(an_empty_round_is_answered_and_a_broken_one_refused),
        T(nothing_is_acknowledged_or_published_while_the_store_fails),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
