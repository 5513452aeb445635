/* tests/unit/client/far.h - a client with its phone side, and somebody at the far end of a pipe who writes
 * what he likes: genuine cells, but any bytes as records.  There is no network: the pipe stands from the
 * start. */
#ifndef SMX_TESTS_FAR_H
#define SMX_TESTS_FAR_H

#include "client/bridge.h"
#include "client/core.h"
#include "tests/unit/client/sip/phone.h"

#include <sodium.h>

enum { FAR_RECORDS = 8 };

struct far {
    struct phone *phone;
    struct smx_bridge bridge;
    struct smx_client *client;
    struct meeting *m; /* the client's end of the pipe */
    struct smx_pipe pipe;
    struct smx_stream stream;
    uint8_t tx[STREAM_PIPE], rx[STREAM_PIPE];
    uint8_t record[FAR_RECORDS][SMX_RECORD_MAX]; /* what the client has said since far_forget */
    size_t record_len[FAR_RECORDS], record_count;
};

static inline struct smx_client *far_client(struct far *f)
{
    static struct smx_network network = {.authority_count = 1};
    static const uint8_t seed[SMX_RNG_SEED] = {9};
    static const struct smx_addr guard = {.ip = {[15] = 1}, .port = 1};
    struct smx_client_identity own = {.name = "alice"};
    struct smx_client_config config = {.network = &network,
                                       .slots = 2,
                                       .identity = &own,
                                       .identity_count = 1,
                                       .phone = &f->bridge.phone,
                                       .has_v4 = true};
    struct smx_x25519 relay;
    struct smx_client *c;

    crypto_sign_seed_keypair(own.public, own.secret, seed);
    assert_int_equal(smx_client_new(&c, &config, seed, f->phone->now), SMX_OK);
    c->now = f->phone->now;
    c->wall.s = 1790000000;
    smx_params_preset(&c->consensus.params);
    smx_identities_start(c);
    smx_x25519_make(&relay, &c->rng);
    assert_int_equal(
        smx_endpoint_connect(c->ep, c->now, &guard, relay.public, SMX_LINK_CLIENT, c->cells, &c->uplink.link),
        SMX_OK);
    c->uplink.role = UPLINK_GUARD;
    c->uplink.up = true;
    c->circuit[c->slots + 1].origin.state = SMX_ORIGIN_OPEN; /* errands */
    c->circuit[c->slots + 1].stood = c->circuit[0].stood = true;
    return c;
}

/* The other way of the pipe: from the client to him. */
static inline void far_hear(struct far *f)
{
    uint8_t cell[SMX_PIPE_CELL];
    struct smx_pipe_msg msg;
    const uint8_t *record;
    size_t len;

    if (f->m->state < MEETING_PROVE || f->m->state > MEETING_CLOSING)
        return;
    (void)smx_pipe_turn(f->client, f->phone->now, f->phone->now / f->client->q, f->m, cell);
    assert_int_equal(smx_pipe_open(&f->pipe, cell, &msg), SMX_OK);
    if (msg.type == SMX_PIPE_STREAM)
        (void)!smx_stream_receive(&f->stream, f->phone->now, msg.content, msg.len);
    while (smx_stream_message(&f->stream, &record, &len)) {
        assert_true(f->record_count < FAR_RECORDS && len <= SMX_RECORD_MAX);
        memcpy(f->record[f->record_count], record, len);
        f->record_len[f->record_count++] = len;
    }
}

static inline void far_forget(struct far *f)
{
    f->record_count = 0;
}

static inline void far_cell(struct far *f, enum smx_pipe_type type, const void *content, size_t len)
{
    uint8_t cell[SMX_PIPE_CELL];

    smx_pipe_seal(&f->pipe, cell, type, content, len);
    smx_pipe_cell(f->client, f->phone->now, f->m, f->m->slot, f->phone->now / f->client->q, cell);
    smx_bridge_orders(&f->bridge, f->phone->now);
}

/* A slot of 20 ms: a cell to the client, of stream if there is any, and one from it; then what is due. */
static inline void far_slot(struct far *f)
{
    uint8_t seg[SMX_PIPE_CONTENT];
    size_t len = smx_stream_segment(&f->stream, f->phone->now, seg, sizeof seg);

    far_cell(f, len ? SMX_PIPE_STREAM : SMX_PIPE_IDLE, seg, len);
    far_hear(f);
    pass(f->phone, f->client->q);
    f->client->now = f->phone->now;
    smx_client_calls_expire(f->client, f->phone->now);
    smx_messages_expire(f->client, f->phone->now);
    smx_meetings_expire(f->client, f->phone->now);
    smx_bridge_orders(&f->bridge, f->phone->now);
}

static inline void far_slots(struct far *f, size_t count)
{
    while (count-- > 0)
        far_slot(f);
}

/* Any bytes in place of a record, and until they have come. */
static inline void far_record(struct far *f, const uint8_t *record, size_t len)
{
    if (len == 0 || smx_stream_send(&f->stream, record, len) != SMX_OK)
        return;
    do
        far_slot(f);
    while (smx_stream_wants(&f->stream, f->phone->now) > 0 && f->m->state == MEETING_OPEN);
    far_slots(f, 2);
}

/* A new pipe with him, whoever calls on it: his key is that of the contact bob. */
static inline void far_begin(struct far *f)
{
    static const uint8_t hello[] = {SMX_RECORD_HELLO, SMX_RECORD_VERSION};
    struct smx_meet_keys keys = {.side = SMX_MEET_CALLER, .to_callee = {1}, .to_caller = {2}};
    struct smx_stream_config config = {
        .tx = f->tx, .rx = f->rx, .tx_cap = sizeof f->tx, .rx_cap = sizeof f->rx, .period = f->client->q};

    f->m = &f->client->meeting[0];
    smx_pipe_init(&f->pipe, &keys);
    smx_stream_init(&f->stream, &config, f->phone->now);
    keys.side = SMX_MEET_CALLEE;
    f->m->keys = keys;
    f->m->state = MEETING_PROVE;
    f->m->deadline = f->phone->now + SMX_SECOND(2);
    f->m->hold = f->phone->now + SMX_SECOND(70);
    f->m->key_known = true;
    memset(f->m->key, 9, sizeof f->m->key);
    smx_contact_add(f->client, 0, "bob", f->m->key);
    assert_int_equal(smx_pipe_begin(f->client, f->phone->now, f->m), SMX_OK);
    far_record(f, hello, sizeof hello);
    assert_int_equal(f->m->state, MEETING_OPEN);
    far_forget(f);
}

/* The pipe is over. */
static inline void far_end(struct far *f)
{
    smx_pipe_fini(&f->pipe);
}

static inline int far_setup(void **state)
{
    struct far *f = calloc(1, sizeof *f);
    void *phone = NULL;

    if (!f || sodium_init() < 0 || phone_setup(&phone) != 0)
        return -1;
    f->phone = phone;
    smx_bridge_init(&f->bridge, f->phone->ua, "sipmix.alt");
    f->client = far_client(f);
    f->bridge.client = f->client;
    smx_ua_network(f->phone->ua, true);
    far_begin(f);
    *state = f;
    return 0;
}

static inline int far_teardown(void **state)
{
    struct far *f = *state;
    void *phone = f->phone;

    far_end(f);
    smx_client_free(f->client);
    phone_teardown(&phone);
    free(f);
    return 0;
}

#endif
