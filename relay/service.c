#include "relay/core.h"

#include "proto/base/bytes.h"
#include "proto/circuit/service.h"
#include "proto/doc/batch.h"

#include <stdlib.h>
#include <string.h>

enum { UPLOADS_OF_ONE = 4 }; /* of one circuit, waiting: a descriptor and a claim, and their repetitions */

enum smx_err smx_relay_service_new(struct smx_relay *r)
{
    uint32_t count = r->config.circuits_max / 2 + 1;

    r->served = calloc(count, sizeof *r->served);
    if (!r->served || smx_shelf_new(&r->buffers, 2 * count, STREAM_BUFFER) != SMX_OK)
        return SMX_E_MEMORY;
    r->served_free = NONE;
    r->served_fresh = 0;
    r->served_max = count;
    return SMX_OK;
}

/* A stream begins with the first word of either side. */
static struct served *open_stream(struct smx_relay *r, uint32_t *stream, smx_time now, smx_time period)
{
    struct served *s;

    if (*stream == NONE && (r->served_free != NONE || r->served_fresh < r->served_max)) {
        *stream = r->served_free;
        if (*stream == NONE)
            *stream = r->served_fresh++; /* memory that nobody has touched yet */
        else
            r->served_free = r->served[*stream].next_free;
        s = &r->served[*stream];
        s->document = 0;
        s->tx = s->rx = NONE;
        smx_stream_init(
            &s->stream,
            &(struct smx_stream_config){.tx_cap = STREAM_BUFFER, .rx_cap = STREAM_BUFFER, .period = period},
            now);
    } else if (*stream == NONE) {
        r->count.streams_refused++;
    }
    return *stream == NONE ? NULL : &r->served[*stream];
}

void smx_relay_service_free(struct smx_relay *r, uint32_t *stream)
{
    if (*stream == NONE)
        return;
    smx_shelf_give(&r->buffers, &r->served[*stream].tx);
    smx_shelf_give(&r->buffers, &r->served[*stream].rx);
    r->served[*stream].next_free = r->served_free;
    r->served_free = *stream;
    *stream = NONE;
}

/* Before anything is sent. */
static void need_tx(struct smx_relay *r, struct served *s)
{
    if (s->tx != NONE)
        return;
    s->tx = smx_shelf_take(&r->buffers);
    smx_stream_lend_tx(&s->stream, smx_shelf_at(&r->buffers, s->tx));
}

static enum smx_err receive(struct smx_relay *r, struct served *s, smx_time at, const uint8_t *seg,
                            size_t len)
{
    enum smx_err err;

    if (s->rx == NONE) {
        s->rx = smx_shelf_take(&r->buffers);
        smx_stream_lend_rx(&s->stream, smx_shelf_at(&r->buffers, s->rx));
    }
    err = smx_stream_receive(&s->stream, at, seg, len);
    if (s->tx != NONE && smx_stream_is_clear(&s->stream)) {
        smx_stream_lend_tx(&s->stream, NULL);
        smx_shelf_give(&r->buffers, &s->tx);
    }
    return err;
}

static bool next_message(struct smx_relay *r, struct served *s, const uint8_t **msg, size_t *len)
{
    if (smx_stream_message(&s->stream, msg, len))
        return true;
    if (smx_stream_held(&s->stream) == 0) {
        smx_stream_lend_rx(&s->stream, NULL);
        smx_shelf_give(&r->buffers, &s->rx);
    }
    return false;
}

static smx_time period_of(const struct smx_relay *r, uint8_t period)
{
    return r->tick * r->period[period];
}

/* ---- answers ---- */

/* What finds no room is lost; the client asks again. */
static void reply(struct smx_relay *r, struct served *s, enum smx_service type, uint16_t request,
                  const void *content, size_t len)
{
    uint8_t msg[SMX_SERVICE_HEAD + SMX_ANSWER_MAX];
    const struct smx_service_msg m = {type, request, content, len};

    need_tx(r, s);
    (void)!smx_stream_send(&s->stream, msg, smx_service_encode(msg, &m));
}

/* The stream of who asked a while ago; NULL: he is gone. */
static struct served *asker(struct smx_relay *r, uint32_t circuit, uint16_t generation)
{
    struct circuit *c = &r->circuit[circuit];

    return c->used && c->generation == generation && c->stream != NONE ? &r->served[c->stream] : NULL;
}

static const struct document *find_document(const struct smx_relay *r, uint64_t serial)
{
    for (size_t i = 0; i < 2; i++)
        if (r->document[i].serial == serial && r->document[i].bytes)
            return &r->document[i];
    return NULL;
}

/* Consensuses are longer than a stream's buffer: they go in as it empties. */
static void pump(struct smx_relay *r, struct served *s)
{
    const struct document *d;

    if (s->document == 0)
        return;
    d = find_document(r, s->document);
    if (!d) { /* two epochs for one transfer: this stream is lost, and its circuit will be renewed */
        s->document = 0;
        return;
    }
    s->document_at += smx_stream_append(&s->stream, d->bytes + s->document_at, d->len - s->document_at);
    if (s->document_at == d->len)
        s->document = 0;
}

static void consensus_get(struct smx_relay *r, struct served *s, const struct smx_service_msg *m)
{
    struct smx_rd in = {m->content, m->len, false};
    uint64_t held = smx_rd_u64(&in);
    const struct document *d = &r->document[0];
    uint8_t head[SMX_SERVICE_HEAD];

    if (s->document != 0 || !d->bytes)
        return;
    if (held >= (uint64_t)r->consensus.valid_after.s) {
        reply(r, s, SMX_SERVICE_CONSENSUS, m->request, NULL, 0);
        return;
    }
    need_tx(r, s);
    if (smx_stream_begin(&s->stream, sizeof head + d->len) != SMX_OK)
        return;
    (void)smx_service_encode(head, &(struct smx_service_msg){SMX_SERVICE_CONSENSUS, m->request, NULL, 0});
    (void)smx_stream_append(&s->stream, head, sizeof head); /* _begin saw to the room */
    s->document = d->serial;
    s->document_at = 0;
    pump(r, s);
}

static void lookup(struct smx_relay *r, struct served *s, const struct smx_service_msg *m)
{
    uint8_t answer[SMX_ANSWER_MAX];

    r->count.lookups++;
    reply(r, s, SMX_SERVICE_ANSWER, m->request, answer,
          r->batch ? smx_batch_answer(r->batch, m->content, answer) : 0);
}

/* With the head of the newest batch when it is work that is missing: it is signed, and says how much. */
static void upload_ack(struct smx_relay *r, struct served *s, uint16_t request, uint8_t result)
{
    uint8_t content[1 + SMX_BATCH_HEAD_MAX] = {result};
    size_t len = 1;

    if (result == SMX_UPLOAD_NO_WORK && r->batch)
        len += smx_batch_write(r->batch, content + 1);
    reply(r, s, SMX_SERVICE_UPLOAD_ACK, request, content, len);
}

/* Garbage and what shows too little work cost one hash, and take no place from others. */
static enum smx_upload_result judge_upload(const struct smx_relay *r, const uint8_t *in, size_t len)
{
    unsigned bits = r->batch ? smx_batch_head(r->batch)->work : r->consensus.params.claim_work_bits;

    if (len <= SMX_UPLOAD_HEAD || len > SMX_UPLOAD_MAX ||
        (in[0] != SMX_UPLOAD_CLAIM && in[0] != SMX_UPLOAD_DESCRIPTOR))
        return SMX_UPLOAD_MALFORMED;
    return smx_upload_work(in, len, r->consensus.network) < bits ? SMX_UPLOAD_NO_WORK : SMX_UPLOAD_ACCEPTED;
}

/* A place in the queue; NULL: it is full, or this circuit has its share of it. */
static struct upload *upload_place(struct smx_relay *r, uint32_t circuit)
{
    struct upload *room = NULL;
    size_t own = 0;

    for (size_t i = 0; i < UPLOADS; i++) {
        struct upload *u = &r->upload[i];

        if (!u->used)
            room = u;
        else if (u->circuit == circuit && u->generation == r->circuit[circuit].generation)
            own++;
    }
    return own < UPLOADS_OF_ONE ? room : NULL;
}

static void upload(struct smx_relay *r, struct served *s, uint32_t circuit, const struct smx_service_msg *m)
{
    enum smx_upload_result result = judge_upload(r, m->content, m->len);
    struct upload *u = result == SMX_UPLOAD_ACCEPTED ? upload_place(r, circuit) : NULL;

    if (!u) {
        r->count.uploads_refused++;
        upload_ack(r, s, m->request, (uint8_t)(result == SMX_UPLOAD_ACCEPTED ? SMX_UPLOAD_FULL : result));
        return;
    }
    *u = (struct upload){.used = true,
                         .handle = ++r->upload_handle,
                         .circuit = circuit,
                         .generation = r->circuit[circuit].generation,
                         .request = m->request,
                         .len = (uint16_t)m->len};
    memcpy(u->bytes, m->content, m->len);
}

/* ---- introductions ---- */

static struct introduction *find_introduction(struct introduction table[INTRODUCTIONS], uint32_t link,
                                              uint64_t handle)
{
    for (size_t i = 0; i < INTRODUCTIONS; i++)
        if (table[i].used && table[i].link == link && table[i].handle == handle)
            return &table[i];
    return NULL;
}

static void end_introduction(struct smx_relay *r, struct introduction *i)
{
    i->used = false;
    r->introductions--;
}

static struct introduction *free_introduction(struct introduction table[INTRODUCTIONS])
{
    for (size_t i = 0; i < INTRODUCTIONS; i++)
        if (!table[i].used)
            return &table[i];
    return NULL;
}

/* To the listening circuit of that pseudonym, if there is one, within its limit. */
static void deliver(struct smx_relay *r, smx_time now, const uint8_t bytes[SMX_INTRODUCE_SIZE])
{
    uint32_t at = smx_keymap_find(&r->listeners, bytes, SMX_DOC_KEY);
    struct circuit *c;
    struct served *s;

    if (at == NONE) {
        r->count.introductions_dropped++;
        return;
    }
    c = &r->circuit[at];
    for (; now >= c->listen_refill && c->listen_tokens < LISTEN_BURST; c->listen_tokens++)
        c->listen_refill =
            c->listen_tokens + 1 == LISTEN_BURST ? now : c->listen_refill + SMX_MS(LISTEN_REFILL_MS);
    s = open_stream(r, &c->stream, now, period_of(r, c->period));
    if (c->listen_tokens == 0 || !s) {
        r->count.introductions_dropped++;
        return;
    }
    if (c->listen_tokens-- == LISTEN_BURST)
        c->listen_refill = now + SMX_MS(LISTEN_REFILL_MS);
    r->count.introductions++;
    reply(r, s, SMX_SERVICE_INTRODUCED, 0, bytes + SMX_DOC_KEY, SMX_SERVICE_MSG1);
}

static void send_parts(struct smx_relay *r, smx_time now, struct introduction *i)
{
    struct smx_introduce_part p = {.handle = i->handle};
    uint8_t cell[SMX_CELL_SIZE];

    for (p.part = 0; p.part < SMX_INTRODUCE_PARTS; p.part++) {
        memcpy(p.bytes, i->bytes + (size_t)p.part * SMX_COMMAND_PART, SMX_COMMAND_PART);
        smx_introduce_part_encode(cell, &p);
        smx_relay_send_command(r, i->link, r->next, cell);
    }
    i->tries++;
    i->next = now + SMX_MS(RETRY_MS);
}

static void introduce(struct smx_relay *r, smx_time now, struct served *s, uint32_t circuit,
                      const struct smx_service_msg *m)
{
    const uint8_t *relay = m->content, *bytes = relay + SMX_RELAY_ID;
    uint8_t taken = SMX_SERVICE_TAKEN;
    struct introduction *i;
    size_t place;

    if (!smx_relay_token(&r->circuit[circuit].asks, now, ASK_BURST, SMX_MS(ASK_REFILL_MS))) {
        r->count.introductions_limited++; /* as if lost: he asks again */
        return;
    }
    if (memcmp(relay, r->config.id, SMX_RELAY_ID) == 0) {
        deliver(r, now, bytes);
        reply(r, s, SMX_SERVICE_INTRODUCE_ACK, m->request, &taken, 1);
        return;
    }
    place = smx_consensus_find(&r->consensus, relay);
    i = free_introduction(r->asked);
    if (!i || place == SMX_RELAY_NONE) {
        r->count.introductions_dropped++;
        return;
    }
    for (uint32_t link = 0; link < r->links; link++) {
        if (!r->neighbour[link].up || r->neighbour[link].place != place)
            continue;
        r->introductions++;
        *i = (struct introduction){.used = true,
                                   .handle = smx_rng_u64(&r->rng),
                                   .link = link,
                                   .circuit = circuit,
                                   .generation = r->circuit[circuit].generation,
                                   .request = m->request};
        memcpy(i->bytes, bytes, SMX_INTRODUCE_SIZE);
        send_parts(r, now, i);
        return;
    }
}

void smx_relay_introduce_part(struct smx_relay *r, smx_time at, uint32_t link,
                              const struct smx_introduce_part *p)
{
    struct introduction *i = find_introduction(r->coming, link, p->handle);
    uint8_t cell[SMX_CELL_SIZE];

    if (!i) {
        i = free_introduction(r->coming);
        if (!i) {
            r->count.introductions_dropped++;
            return;
        }
        r->introductions++;
        *i = (struct introduction){
            .used = true, .handle = p->handle, .link = link, .end = at + SMX_MS(RETRY_MS) * (TRIES + 1)};
    }
    memcpy(i->bytes + (size_t)p->part * SMX_COMMAND_PART, p->bytes, SMX_COMMAND_PART);
    i->parts |= (uint8_t)(1U << p->part);
    if (i->parts != (1U << SMX_INTRODUCE_PARTS) - 1)
        return;
    if (i->tries++ == 0) /* a repetition is acknowledged again, not delivered again */
        deliver(r, at, i->bytes);
    smx_introduced_encode(cell, &(struct smx_introduced){.handle = p->handle});
    smx_relay_send_command(r, link, r->next, cell);
}

void smx_relay_introduced(struct smx_relay *r, uint32_t link, uint64_t handle)
{
    struct introduction *i = find_introduction(r->asked, link, handle);
    uint8_t taken = SMX_SERVICE_TAKEN;
    struct served *s;

    if (!i)
        return;
    end_introduction(r, i);
    s = asker(r, i->circuit, i->generation);
    if (s)
        reply(r, s, SMX_SERVICE_INTRODUCE_ACK, i->request, &taken, 1);
}

void smx_relay_service_expire(struct smx_relay *r, smx_time now)
{
    for (size_t k = 0; r->introductions > 0 && k < INTRODUCTIONS; k++) {
        struct introduction *i = &r->asked[k];

        if (i->used && now >= i->next) {
            if (i->tries == TRIES || !r->neighbour[i->link].up)
                end_introduction(r, i); /* unanswered: the client decides what next */
            else
                send_parts(r, now, i);
        }
        if (r->coming[k].used && now >= r->coming[k].end)
            end_introduction(r, &r->coming[k]);
    }
}

/* ---- uploads, for the daemon ---- */

size_t smx_relay_uploads(struct smx_relay *r, struct smx_relay_upload *uploads, size_t count)
{
    size_t n = 0;

    for (size_t i = 0; i < UPLOADS && n < count; i++) {
        const struct upload *u = &r->upload[i];

        if (!u->used)
            continue;
        uploads[n].handle = u->handle;
        uploads[n].len = u->len;
        memcpy(uploads[n++].bytes, u->bytes, u->len);
    }
    return n;
}

void smx_relay_upload_result(struct smx_relay *r, uint32_t handle, uint8_t result)
{
    for (size_t i = 0; i < UPLOADS; i++) {
        struct upload *u = &r->upload[i];
        struct served *s;

        if (!u->used || u->handle != handle)
            continue;
        u->used = false;
        s = asker(r, u->circuit, u->generation);
        if (s)
            upload_ack(r, s, u->request, result);
        return;
    }
}

/* ---- segments ---- */

/* On circuit 0 (NONE) the consensus only, for who has none yet. */
static void message(struct smx_relay *r, smx_time now, struct served *s, uint32_t circuit,
                    const struct smx_service_msg *m)
{
    if (m->type == SMX_SERVICE_CONSENSUS_GET)
        consensus_get(r, s, m);
    else if (m->type == SMX_SERVICE_LOOKUP && circuit != NONE)
        lookup(r, s, m);
    else if (m->type == SMX_SERVICE_INTRODUCE && circuit != NONE)
        introduce(r, now, s, circuit, m);
    else if (m->type == SMX_SERVICE_UPLOAD && circuit != NONE)
        upload(r, s, circuit, m);
    else
        r->count.commands_malformed++;
}

static void messages(struct smx_relay *r, smx_time now, struct served *s, uint32_t circuit)
{
    struct smx_service_msg m;
    const uint8_t *msg;
    size_t len;

    while (next_message(r, s, &msg, &len))
        if (smx_service_decode(&m, msg, len) == SMX_OK)
            message(r, now, s, circuit, &m);
        else
            r->count.commands_malformed++;
}

static void segment(struct smx_relay *r, smx_time at, struct served *s, uint32_t circuit, const uint8_t *seg,
                    size_t len)
{
    if (!s)
        return; /* counted */
    if (receive(r, s, at, seg, len) == SMX_OK)
        messages(r, at, s, circuit);
    else
        r->count.commands_malformed++;
}

void smx_relay_service_segment(struct smx_relay *r, smx_time at, uint32_t circuit, const uint8_t *seg,
                               size_t len)
{
    struct circuit *c = &r->circuit[circuit];

    if (!smx_relay_is_end(r)) {
        r->count.commands_malformed++;
        return;
    }
    segment(r, at, open_stream(r, &c->stream, at, period_of(r, c->period)), circuit, seg, len);
}

void smx_relay_service_link_segment(struct smx_relay *r, smx_time at, uint32_t link, const uint8_t *seg,
                                    size_t len)
{
    segment(r, at, open_stream(r, &r->neighbour[link].stream, at, period_of(r, SMX_PERIOD_SLOT)), NONE, seg,
            len);
}

size_t smx_relay_service_next(struct smx_relay *r, smx_time now, uint32_t stream, uint8_t *seg, size_t room)
{
    struct served *s = &r->served[stream];

    pump(r, s);
    return smx_stream_segment(&s->stream, now, seg, room);
}
