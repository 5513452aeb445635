/* tests/fuzz/fuzz_client.c - what a client gets from peers, relays and its own files.
 * The first byte chooses: 0 the peer in a pipe; 1 answers on an errand circuit; 2 the state; 3 the contacts.
 * A peer is genuine up to the stream: the rest of the input is cut into pieces (kind u8 | length u8 | bytes);
 * kind 0 is one record, 1 a cell's content of type STREAM, 2 a frame, 3 one of Opus, else something that the
 * phone does. */
#include "client/core.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

struct phone_state {
    uint32_t calls, last_text;
};

static enum smx_err incoming(void *arg, smx_time now, const char *from, const char *display,
                             const char *identity, uint32_t *call)
{
    (void)now;
    (void)from;
    (void)identity;
    if (display[0] && !smx_record_name_is_valid((const uint8_t *)display, strlen(display)))
        abort();
    *call = ++((struct phone_state *)arg)->calls;
    return *call % 4 == 3 ? SMX_E_ABSENT : SMX_OK;
}

static void about_call(void *arg, smx_time now, uint32_t call)
{
    (void)arg;
    (void)now;
    (void)call;
}

static void with_code(void *arg, smx_time now, uint32_t id, unsigned code)
{
    (void)arg;
    (void)now;
    (void)id;
    if (code < 200)
        abort();
}

static enum smx_err text_in(void *arg, smx_time now, uint32_t id, const char *from, const char *identity,
                            const char *text, size_t len)
{
    (void)now;
    (void)from;
    (void)identity;
    ((struct phone_state *)arg)->last_text = id;
    if (!smx_record_text_is_valid((const uint8_t *)text, len))
        abort();
    return SMX_OK;
}

static bool take(void *arg, uint32_t call, smx_time now, struct smx_frame *frame)
{
    (void)arg;
    memset(frame, 0, sizeof *frame);
    frame->codec = now / SMX_MS(20) % 4 ? SMX_FRAME_OPUS : SMX_FRAME_PCMU;
    frame->len = (uint8_t)(1 + now / SMX_MS(20) % SMX_OPUS_MAX);
    return call % 2;
}

static void put(void *arg, uint32_t call, smx_time now, const struct smx_frame *frame)
{
    (void)arg;
    (void)call;
    (void)now;
    (void)frame;
}

static void network(void *arg, bool ready)
{
    (void)arg;
    (void)ready;
}

static void identities(void *arg, const char *const *users, size_t count)
{
    (void)arg;
    (void)users;
    (void)count;
}

static void claim_refused(void *arg, const char *name)
{
    (void)arg;
    (void)name;
}

static void direction(void *arg, smx_time now, uint32_t call, uint8_t direction)
{
    (void)arg, (void)now, (void)call;
    if (direction > 3)
        abort();
}

static void key(void *arg, smx_time now, uint32_t call, struct smx_dtmf_key key)
{
    (void)arg, (void)now, (void)call;
    if (key.event > SMX_DTMF_EVENT_MAX || key.slots < SMX_DTMF_SLOTS_MIN)
        abort();
}

static struct smx_client *client_new(const struct smx_phone *phone)
{
    static struct smx_network file = {.authority_count = 1};
    static const uint8_t seed[SMX_RNG_SEED];
    struct smx_client_identity own = {.name = "somebody"};
    struct smx_client_config config = {
        .network = &file, .slots = 2, .identity = &own, .identity_count = 1, .phone = phone, .has_v4 = true};
    struct smx_addr addr = {.ip = {[15] = 1}, .port = 1};
    struct smx_x25519 relay;
    struct smx_client *c;

    crypto_sign_seed_keypair(own.public, own.secret, seed);
    if (smx_client_new(&c, &config, seed, SMX_SECOND(1)) != SMX_OK)
        abort();
    c->wall.s = 1790000000;
    smx_params_preset(&c->consensus.params);
    smx_identities_start(c);
    smx_x25519_make(&relay, &c->rng);
    if (smx_endpoint_connect(c->ep, SMX_SECOND(1), &addr, relay.public, SMX_LINK_CLIENT, c->cells,
                             &c->uplink.link) != SMX_OK)
        abort();
    return c;
}

/* ---- a peer ---- */

struct peer {
    struct smx_client *client;
    struct meeting *m;
    struct smx_pipe pipe;
    struct smx_stream stream;
    uint8_t tx[STREAM_PIPE], rx[STREAM_PIPE];
    smx_time now;
};

static void cell_in(struct peer *p, enum smx_pipe_type type, const void *content, size_t len)
{
    uint8_t cell[SMX_PIPE_CELL];

    smx_pipe_seal(&p->pipe, cell, type, content, len);
    smx_pipe_cell(p->client, p->now, p->m, p->m->slot, p->now / p->client->q, cell);
}

static void record_in(struct peer *p, const uint8_t *record, size_t len)
{
    uint8_t seg[SMX_PIPE_CONTENT];
    size_t seg_len;

    if (len == 0 || smx_stream_send(&p->stream, record, len) != SMX_OK)
        return;
    while ((seg_len = smx_stream_segment(&p->stream, p->now, seg, sizeof seg)) > 0)
        cell_in(p, SMX_PIPE_STREAM, seg, seg_len);
}

static void phone_does(struct peer *p, uint8_t what, const struct phone_state *phone)
{
    struct smx_client *c = p->client;

    switch (what % 8) {
    case 0:
        smx_client_call_ringing(c, p->now, phone->calls);
        return;
    case 1:
        (what & 8 ? smx_client_call_answer_opus : smx_client_call_answer)(c, p->now, phone->calls);
        return;
    case 2:
        smx_client_call_refuse(c, p->now, phone->calls, 486);
        return;
    case 3:
        smx_client_call_end(c, p->now, phone->calls);
        return;
    case 6:
        smx_client_call_key(c, p->now, phone->calls, (struct smx_dtmf_key){what & 15, 8});
        return;
    case 5:
        smx_client_call_direction(c, p->now, phone->calls, what & 3);
        return;
    case 4:
        smx_client_message_result(c, p->now, phone->last_text, 200);
        return;
    default:
        p->now += SMX_SECOND(what);
        smx_client_calls_expire(c, p->now);
        smx_messages_expire(c, p->now);
        smx_meetings_expire(c, p->now);
        return;
    }
}

/* What the client has to say reaches the peer. */
static void hear(struct peer *p)
{
    uint8_t cell[SMX_PIPE_CELL];
    struct smx_pipe_msg msg;

    if (p->m->state < MEETING_PROVE || p->m->state > MEETING_CLOSING)
        return;
    smx_pipe_turn(p->client, p->now, p->now / p->client->q, p->m, cell);
    smx_pipe_play(p->client, p->now, p->m);
    if (smx_pipe_open(&p->pipe, cell, &msg) != SMX_OK)
        abort();
    if (msg.type == SMX_PIPE_STREAM) /* it may acknowledge what kind 1 has put in */
        (void)!smx_stream_receive(&p->stream, p->now, msg.content, msg.len);
}

static void play_peer(struct smx_client *c, struct phone_state *phone, const uint8_t *data, size_t len)
{
    static struct peer p;
    struct smx_meet_keys keys = {.side = SMX_MEET_CALLER, .to_callee = {1}, .to_caller = {2}};
    struct smx_stream_config config = {
        .tx = p.tx, .rx = p.rx, .tx_cap = sizeof p.tx, .rx_cap = sizeof p.rx, .period = c->q};
    static const uint8_t hello[] = {SMX_RECORD_HELLO, SMX_RECORD_VERSION};

    p.client = c;
    p.m = &c->meeting[0];
    p.now = SMX_SECOND(2);
    smx_pipe_init(&p.pipe, &keys);
    smx_stream_init(&p.stream, &config, p.now);
    keys.side = SMX_MEET_CALLEE;
    p.m->keys = keys;
    p.m->state = MEETING_PROVE;
    p.m->deadline = p.now + SMX_SECOND(2);
    p.m->hold = p.now + SMX_SECOND(70);
    p.m->key_known = true;
    if (smx_pipe_begin(c, p.now, p.m) != SMX_OK)
        abort();
    record_in(&p, hello, sizeof hello);
    while (len >= 2 && p.m->state >= MEETING_PROVE && p.m->state <= MEETING_CLOSING) {
        size_t part = data[1] < len - 2 ? data[1] : len - 2;
        size_t content = part < SMX_PIPE_CONTENT ? part : SMX_PIPE_CONTENT;

        if (data[0] == 0)
            record_in(&p, data + 2, part);
        else if (data[0] == 1)
            cell_in(&p, SMX_PIPE_STREAM, data + 2, content);
        else if (data[0] == 2)
            cell_in(&p, SMX_PIPE_PCMU, data + 2, content);
        else if (data[0] == 3)
            cell_in(&p, SMX_PIPE_OPUS, data + 2, content);
        else
            phone_does(&p, data[0], phone);
        hear(&p);
        p.now += c->q;
        data += 2 + part;
        len -= 2 + part;
    }
    smx_pipe_fini(&p.pipe);
}

static void answer(struct smx_client *c, const uint8_t *data, size_t len)
{
    static const uint8_t nothing[SMX_INDEX];
    const struct smx_client_target target = {.user = "bob"};
    smx_time now = SMX_SECOND(2);

    c->meeting[0].cookie_ready = true;
    smx_meeting_begin(c, now, &c->meeting[0], &target); /* request 1 */
    c->identity[0].upload[UPLOAD_CLAIM].state = UPLOAD_SENT;
    if (smx_errand_ask(c, now, 0, SMX_SERVICE_UPLOAD, nothing, sizeof nothing, ASKER_IDENTITY, UPLOAD_CLAIM,
                       1, SMX_SECOND(1)) != SMX_OK ||
        smx_errand_ask(c, now, 0, SMX_SERVICE_CONSENSUS_GET, nothing, 8, ASKER_UPLINK, 0, 1, SMX_SECOND(1)) !=
            SMX_OK)
        abort();
    smx_errand_message(c, now, 0, data, len);
}

static void load_state(struct smx_client *c, const uint8_t *data, size_t len)
{
    uint8_t *bytes = malloc(len + 16);

    if (!bytes)
        return;
    memcpy(bytes, data, len);
    crypto_generichash(bytes + len, 16, data, len, NULL, 0); /* else nothing would pass the sum */
    (void)!smx_client_load(c, bytes, len + 16);
    free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct phone_state state = {0};
    struct smx_phone phone = {.arg = &state,
                              .call_incoming = incoming,
                              .call_incoming_opus = incoming,
                              .call_answered_opus = about_call,
                              .call_ringing = about_call,
                              .call_answered = about_call,
                              .call_failed = with_code,
                              .call_ended = about_call,
                              .call_direction = direction,
                              .call_key = key,
                              .message_in = text_in,
                              .message_done = with_code,
                              .media_take = take,
                              .media_put = put,
                              .network = network,
                              .identities = identities,
                              .claim_refused = claim_refused};
    struct smx_client *c;
    unsigned line;

    if (sodium_init() < 0)
        abort();
    if (len == 0)
        return 0;
    c = client_new(&phone);
    if (data[0] == 0)
        play_peer(c, &state, data + 1, len - 1);
    else if (data[0] == 1)
        answer(c, data + 1, len - 1);
    else if (data[0] == 2)
        load_state(c, data + 1, len - 1);
    else
        (void)!smx_client_load_contacts(c, (const char *)data + 1, len - 1, &line);
    smx_client_free(c);
    return 0;
}
