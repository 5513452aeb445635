/* The services of an end relay, asked through real circuits in virtual time. */
#include "tests/unit/relay/world.h"

#include "proto/base/bytes.h"
#include "proto/circuit/service.h"

struct who {
    uint8_t public[32], secret[64];
};

static void make_who(struct who *who, uint8_t n)
{
    uint8_t seed[32] = {n};

    crypto_sign_seed_keypair(who->public, who->secret, seed);
}

static void start_stream(struct world *w, struct owner_circuit *c, smx_time period)
{
    c->streams = true;
    smx_stream_init(
        &c->stream,
        &(struct smx_stream_config){
            .tx = c->tx, .rx = c->rx, .tx_cap = sizeof c->tx, .rx_cap = sizeof c->rx, .period = period},
        w->now);
}

/* Owner 1 listens at end 1; owner 0's errand circuit ends at end `errand_end`. */
static struct world *two_owners(uint64_t seed, size_t errand_end)
{
    struct world *w = world_new(seed, false);

    run_for(w, 1500);
    build(w, 1, 2, 1, 1);
    build(w, 0, 3, 0, errand_end);
    run_for(w, 3000);
    assert_true(w->owner[1].circuit[2].opened && w->owner[0].circuit[3].opened);
    start_stream(w, &w->owner[1].circuit[2], SMX_MS(40));
    start_stream(w, &w->owner[0].circuit[3], SMX_MS(40));
    return w;
}

static void listen_content(const struct world *w, const struct who *who, const struct owner_circuit *c,
                           size_t end, uint8_t content[96])
{
    static const char label[] = "sipmix listen v1";
    uint8_t text[sizeof label - 1 + 32 + 64];
    struct smx_wr wr = {text, sizeof text};

    smx_wr_bytes(&wr, label, sizeof label - 1);
    smx_wr_bytes(&wr, w->view.relay[w->end[end]].id, 32);
    smx_wr_bytes(&wr, c->origin.hop[2].layers.hash, 64);
    smx_wr_done(&wr);
    memcpy(content, who->public, 32);
    crypto_sign_detached(content + 32, NULL, text, sizeof text, who->secret);
}

static void listens(struct world *w, const struct who *who)
{
    struct owner_circuit *c = &w->owner[1].circuit[2];
    uint8_t content[96];

    listen_content(w, who, c, 1, content);
    assert_int_equal(smx_origin_request(&c->origin, w->now, 2, SMX_HOP_LISTEN, content, sizeof content),
                     SMX_OK);
    run_for(w, 500);
    assert_true(c->answered);
    assert_int_equal(c->answer_type, SMX_HOP_LISTENING);
}

static void ask(struct world *w, struct owner_circuit *c, uint8_t type, uint16_t request, const void *content,
                size_t len)
{
    uint8_t msg[1024];
    struct smx_wr wr = {msg, 3 + len};

    (void)w;
    smx_wr_u8(&wr, type);
    smx_wr_u16(&wr, request);
    smx_wr_bytes(&wr, content, len);
    smx_wr_done(&wr);
    assert_int_equal(smx_stream_send(&c->stream, msg, 3 + len), SMX_OK);
}

static void introduce_by(struct world *w, struct owner_circuit *by, const struct who *to, uint16_t request,
                         uint8_t fill)
{
    uint8_t content[32 + 32 + SMX_SERVICE_MSG1];

    memcpy(content, w->view.relay[w->end[1]].id, 32);
    memcpy(content + 32, to->public, 32);
    memset(content + 64, fill, SMX_SERVICE_MSG1);
    ask(w, by, SMX_SERVICE_INTRODUCE, request, content, sizeof content);
}

static void introduce(struct world *w, const struct who *to, uint16_t request, uint8_t fill)
{
    introduce_by(w, &w->owner[0].circuit[3], to, request, fill);
}

static void an_introduction_reaches_the_listener_and_is_acknowledged(void **state)
{
    (void)state;
    for (size_t errand_end = 0; errand_end < 2;
         errand_end++) { /* another relay than the listener's, then the same */
        struct world *w = two_owners(20 + errand_end, errand_end);
        struct owner_circuit *asker = &w->owner[0].circuit[3], *listener = &w->owner[1].circuit[2];
        uint8_t expect[SMX_SERVICE_MSG1];
        struct who who;

        make_who(&who, 1);
        listens(w, &who);
        introduce(w, &who, 77, 0x5a);
        run_for(w, 700);
        assert_int_equal(asker->messages, 1);
        assert_int_equal(asker->message_len, 4);
        assert_memory_equal(asker->message, ((uint8_t[]){SMX_SERVICE_INTRODUCE_ACK, 0, 77, 0}), 4);
        assert_int_equal(listener->messages, 1);
        assert_int_equal(listener->message_len, 3 + SMX_SERVICE_MSG1);
        assert_int_equal(listener->message[0], SMX_SERVICE_INTRODUCED);
        memset(expect, 0x5a, sizeof expect);
        assert_memory_equal(listener->message + 3, expect, SMX_SERVICE_MSG1);
        world_free(w);
    }
}

static void nobody_and_somebody_are_acknowledged_alike(void **state)
{
    struct world *w = two_owners(22, 0);
    struct owner_circuit *asker = &w->owner[0].circuit[3];
    struct who nobody;

    (void)state;
    make_who(&nobody, 9);
    introduce(w, &nobody, 5, 1);
    run_for(w, 700);
    assert_int_equal(asker->messages, 1);
    assert_memory_equal(asker->message, ((uint8_t[]){SMX_SERVICE_INTRODUCE_ACK, 0, 5, 0}), 4);
    world_free(w);
}

static void introductions_to_one_listener_are_limited(void **state)
{
    struct world *w = two_owners(23, 0);
    struct owner_circuit *listener = &w->owner[1].circuit[2];
    struct owner_circuit *asker[] = {&w->owner[0].circuit[3], &w->owner[0].circuit[0],
                                     &w->owner[0].circuit[1], &w->owner[1].circuit[0],
                                     &w->owner[1].circuit[1]};
    size_t acknowledged = 0;
    struct who who;

    (void)state;
    make_who(&who, 1);
    listens(w, &who);
    for (size_t i = 1; i < 5; i++) {
        build(w, i < 3 ? 0 : 1, (i + 1) % 2, i % 3, i % 3);
        start_stream(w, asker[i], SMX_MS(20));
    }
    run_for(w, 3000);
    for (uint16_t i = 0; i < 20; i++) {
        introduce_by(w, asker[i % 5], &who, i, (uint8_t)i);
        run_for(w, 100);
    }
    run_for(w, 2000);
    for (size_t i = 0; i < 5; i++)
        acknowledged += asker[i]->messages;
    assert_int_equal(acknowledged, 20);
    assert_true(listener->messages >= 8 && listener->messages <= 13); /* a burst of 8, then 2 a second */
    world_free(w);
}

static void one_circuit_can_not_use_up_what_a_listener_may_get(void **state)
{
    struct world *w = two_owners(23, 0);
    struct owner_circuit *asker = &w->owner[0].circuit[3], *other = &w->owner[1].circuit[0],
                         *listener = &w->owner[1].circuit[2];
    struct who who;

    (void)state;
    make_who(&who, 1);
    listens(w, &who);
    build(w, 1, 0, 2, 0); /* ends where the asker's does */
    run_for(w, 3000);
    start_stream(w, other, SMX_MS(20));
    for (uint16_t i = 0; i < 20; i++) {
        introduce(w, &who, i, (uint8_t)i);
        run_for(w, 200);
    }
    assert_int_equal(asker->messages, 4 + 1); /* four, and one in two seconds; the rest as if lost */
    assert_int_equal(smx_relay_counters(w->relay[w->end[0]])->introductions_limited, 15);
    assert_int_equal(listener->messages, asker->messages);
    introduce_by(w, other, &who, 99, 1);
    run_for(w, 1000);
    assert_int_equal(other->messages, 1);
    assert_true(listener->messages >= 6);
    world_free(w);
}

static void listening_needs_the_key_and_this_very_circuit(void **state)
{
    struct world *w = two_owners(24, 0);
    struct owner_circuit *c = &w->owner[1].circuit[2];
    uint8_t content[96];
    struct who who;

    (void)state;
    make_who(&who, 1);
    listen_content(w, &who, c, 1, content);
    content[50] ^= 1;
    assert_int_equal(smx_origin_request(&c->origin, w->now, 2, SMX_HOP_LISTEN, content, sizeof content),
                     SMX_OK);
    run_for(w, 600);
    assert_true(c->failed);
    c->failed = false;
    listen_content(w, &who, c, 2, content); /* meant for another relay */
    assert_int_equal(smx_origin_request(&c->origin, w->now, 2, SMX_HOP_LISTEN, content, sizeof content),
                     SMX_OK);
    run_for(w, 600);
    assert_true(c->failed);
    world_free(w);
}

/* A batch without leaves that asks for as many bits. */
static struct smx_batch *batch_of(const struct world *w, uint8_t work)
{
    struct smx_batch *batch = smx_batch_new(w->view.network);
    struct smx_doc_sig sig = {.signer = 0};

    assert_non_null(batch);
    assert_int_equal(smx_batch_close(batch, 1, the_wall, work), SMX_OK);
    assert_int_equal(smx_batch_add_signature(batch, &sig), SMX_OK);
    return batch;
}

/* A claim as far as an end relay looks, number n, that shows so many bits. */
static void make_upload(const struct world *w, uint8_t bytes[120], uint8_t n, unsigned bits)
{
    memset(bytes, n, 120);
    memset(bytes, 0, SMX_UPLOAD_HEAD);
    bytes[0] = SMX_UPLOAD_CLAIM;
    for (uint64_t work = 0; smx_upload_work(bytes, 120, w->view.network) != bits; work++)
        smx_wr_u64(&(struct smx_wr){bytes + 1, 8}, work);
}

static void an_upload_waits_for_its_round_and_its_result_comes_back(void **state)
{
    struct world *w = two_owners(25, 0);
    struct owner_circuit *c = &w->owner[0].circuit[3];
    struct smx_relay *end = w->relay[w->end[0]];
    static struct smx_relay_upload up[4];
    uint8_t bytes[120];

    (void)state;
    smx_relay_batch(end, batch_of(w, 5));
    make_upload(w, bytes, 1, 5);
    ask(w, c, SMX_SERVICE_UPLOAD, 3, bytes, sizeof bytes);
    run_for(w, 400);
    assert_int_equal(smx_relay_uploads(end, up, 4), 1);
    assert_int_equal(up[0].len, sizeof bytes);
    assert_memory_equal(up[0].bytes, bytes, sizeof bytes);
    assert_int_equal(c->messages, 0);
    smx_relay_upload_result(end, up[0].handle, SMX_UPLOAD_TAKEN);
    run_for(w, 400);
    assert_int_equal(c->messages, 1);
    assert_memory_equal(c->message, ((uint8_t[]){SMX_SERVICE_UPLOAD_ACK, 0, 3, SMX_UPLOAD_TAKEN}), 4);
    assert_int_equal(c->message_len, 4);
    assert_int_equal(smx_relay_uploads(end, up, 4), 0);
    world_free(w);
}

static void too_little_work_is_refused_at_once_with_the_signed_word_how_much(void **state)
{
    struct world *w = two_owners(35, 0);
    struct owner_circuit *c = &w->owner[0].circuit[3];
    struct smx_relay *end = w->relay[w->end[0]];
    static struct smx_relay_upload up[4];
    struct smx_batch *batch = batch_of(w, 5);
    uint8_t bytes[120], head[SMX_BATCH_HEAD_MAX];
    size_t len = smx_batch_write(batch, head);

    (void)state;
    smx_relay_batch(end, batch);
    make_upload(w, bytes, 1, 4);
    ask(w, c, SMX_SERVICE_UPLOAD, 3, bytes, sizeof bytes);
    ask(w, c, SMX_SERVICE_UPLOAD, 4, "some bytes", 10);
    run_for(w, 600);
    assert_int_equal(c->messages, 2);
    assert_memory_equal(c->message, ((uint8_t[]){SMX_SERVICE_UPLOAD_ACK, 0, 4, SMX_UPLOAD_MALFORMED}), 4);
    assert_int_equal(smx_relay_uploads(end, up, 4), 0);
    ask(w, c, SMX_SERVICE_UPLOAD, 5, bytes, sizeof bytes);
    run_for(w, 600);
    assert_int_equal(c->messages, 3);
    assert_int_equal(c->message_len, 4 + len);
    assert_memory_equal(c->message, ((uint8_t[]){SMX_SERVICE_UPLOAD_ACK, 0, 5, SMX_UPLOAD_NO_WORK}), 4);
    assert_memory_equal(c->message + 4, head, len);
    world_free(w);
}

static void one_circuit_has_its_share_of_the_queue_only(void **state)
{
    struct world *w = two_owners(36, 0);
    struct owner_circuit *c = &w->owner[0].circuit[3];
    struct smx_relay *end = w->relay[w->end[0]];
    static struct smx_relay_upload up[8];
    uint8_t bytes[120];

    (void)state;
    smx_relay_batch(end, batch_of(w, 0));
    for (uint8_t n = 1; n <= 5; n++) {
        make_upload(w, bytes, n, n % 2);
        ask(w, c, SMX_SERVICE_UPLOAD, n, bytes, sizeof bytes);
        run_for(w, 400);
    }
    assert_int_equal(smx_relay_uploads(end, up, 8), 4);
    assert_int_equal(c->messages, 1);
    assert_memory_equal(c->message, ((uint8_t[]){SMX_SERVICE_UPLOAD_ACK, 0, 5, SMX_UPLOAD_FULL}), 4);
    world_free(w);
}

static void lookups_are_answered_from_the_batch(void **state)
{
    struct world *w = two_owners(26, 0);
    struct owner_circuit *c = &w->owner[0].circuit[3];
    uint8_t network[32] = {1}, index[32] = {2};
    struct smx_batch *batch = smx_batch_new(network);
    uint8_t answer[SMX_ANSWER_MAX];
    size_t len;

    (void)state;
    ask(w, c, SMX_SERVICE_LOOKUP, 1, index, sizeof index);
    run_for(w, 500);
    assert_int_equal(c->messages, 1); /* no batch yet: an empty answer */
    assert_int_equal(c->message_len, 3);
    assert_non_null(batch);
    assert_int_equal(smx_batch_close(batch, 1, the_wall, 0), SMX_OK);
    len = smx_batch_answer(batch, index, answer);
    smx_relay_batch(w->relay[w->end[0]], batch);
    ask(w, c, SMX_SERVICE_LOOKUP, 2, index, sizeof index);
    run_for(w, 700);
    assert_int_equal(c->messages, 2);
    assert_int_equal(c->message_len, 3 + len);
    assert_memory_equal(c->message + 3, answer, len);
    world_free(w);
}

static void the_consensus_comes_through_a_circuit(void **state)
{
    struct world *w = two_owners(27, 0);
    struct owner_circuit *c = &w->owner[0].circuit[3];
    uint8_t held[8] = {0};
    uint8_t *envelope = malloc(9000);
    struct smx_consensus view = w->view;

    (void)state;
    assert_non_null(envelope);
    for (size_t i = 0; i < 9000; i++)
        envelope[i] = (uint8_t)(i * 7);
    view.relay = malloc(RELAYS * sizeof *view.relay);
    assert_non_null(view.relay);
    memcpy(view.relay, w->view.relay, RELAYS * sizeof *view.relay);
    assert_int_equal(smx_relay_consensus(w->relay[w->end[0]], w->now, &view, envelope, 9000), SMX_OK);
    ask(w, c, SMX_SERVICE_CONSENSUS_GET, 4, held, sizeof held);
    run_for(w, 6000);
    assert_int_equal(c->messages, 1);
    assert_int_equal(c->message_len, 3 + 9000);
    assert_int_equal(c->message[0], SMX_SERVICE_CONSENSUS);
    assert_memory_equal(c->message + 3, envelope, 9000);
    memset(held, 0x7f, sizeof held); /* newer than any: nothing to send */
    ask(w, c, SMX_SERVICE_CONSENSUS_GET, 5, held, sizeof held);
    run_for(w, 500);
    assert_int_equal(c->messages, 2);
    assert_int_equal(c->message_len, 3);
    world_free(w);
}

static void nonsense_in_a_stream_is_counted_and_harms_nobody(void **state)
{
    struct world *w = two_owners(28, 0);
    struct owner_circuit *c = &w->owner[0].circuit[3];
    uint8_t index[32] = {2};

    (void)state;
    ask(w, c, 200, 1, "what", 4);
    ask(w, c, SMX_SERVICE_LOOKUP, 1, "short", 5);
    ask(w, c, SMX_SERVICE_INTRODUCE, 1, "short", 5);
    ask(w, c, SMX_SERVICE_UPLOAD, 1, NULL, 0);
    ask(w, c, SMX_SERVICE_LOOKUP, 2, index, sizeof index);
    run_for(w, 900);
    assert_int_equal(c->messages, 1); /* SMX_SERVICE_ANSWER */
    assert_memory_equal(c->message, ((uint8_t[]){SMX_SERVICE_ANSWER, 0, 2}), 3);
    assert_int_equal(smx_relay_counters(w->relay[w->end[0]])->commands_malformed, 4);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_introduction_reaches_the_listener_and_is_acknowledged),
        cmocka_unit_test(nobody_and_somebody_are_acknowledged_alike),
        cmocka_unit_test(introductions_to_one_listener_are_limited),
        cmocka_unit_test(one_circuit_can_not_use_up_what_a_listener_may_get),
        cmocka_unit_test(listening_needs_the_key_and_this_very_circuit),
        cmocka_unit_test(an_upload_waits_for_its_round_and_its_result_comes_back),
        cmocka_unit_test(too_little_work_is_refused_at_once_with_the_signed_word_how_much),
        cmocka_unit_test(one_circuit_has_its_share_of_the_queue_only),
        cmocka_unit_test(lookups_are_answered_from_the_batch),
        cmocka_unit_test(the_consensus_comes_through_a_circuit),
        cmocka_unit_test(nonsense_in_a_stream_is_counted_and_harms_nobody),
    };

    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
