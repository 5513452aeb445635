/* client/pipe.c - cells and records of a pipe, frames in and out.
 *
 * Each turn of the slot carries one cell to the peer: a frame with a piece of the stream, or a cell all of
 * stream (one in FRAMES_PER_STREAM, while frames flow, for what is long), or IDLE. A frame that arrives in
 * the guard's tick t is played when tick t's datagram is surely here: at its expected time plus the link's
 * margin.  So playing has the guard's pace, and jitter below the margin is not heard.  Of a call in Opus each
 * cell repeats the frames before its own, and playing waits for these (proto/media/repeat.h). */
#include "client/core.h"

#include <sodium.h>
#include <string.h>

enum {
    FRAMES_PER_STREAM = 5,
    PIECES = 8,      /* what fits into so many of these goes beside frames, and costs none */
    PIECE_DATA = 12, /* bytes of data that a piece beside a frame always has room for */
    NEW_AFTER = 50,  /* slots without a frame, and any number is new: they wrap while the peer holds */
    LATELY = 250,    /* slots, 5 s: what is told of late is the last one to two times this */
};

enum smx_err smx_pipe_begin(struct smx_client *c, smx_time now, struct meeting *m)
{
    struct circuit *k = smx_meeting_circuit(c, m);
    struct smx_record hello = {.type = SMX_RECORD_HELLO, .version = SMX_RECORD_VERSION};
    struct smx_stream_config config = {
        .tx_cap = sizeof m->memory->tx, .rx_cap = sizeof m->memory->rx, .period = c->q};

    if (!m->memory)
        m->memory = sodium_malloc(sizeof *m->memory);
    if (m->memory)
        smx_pipe_init(&m->pipe, &m->keys);
    sodium_memzero(&m->keys, sizeof m->keys);
    if (!m->memory)
        return SMX_E_MEMORY;
    smx_playout_begin(&m->memory->playout);
    config.tx = m->memory->tx;
    config.rx = m->memory->rx;
    smx_stream_init(&m->stream, &config, now);
    smx_origin_set_joined(&k->origin, true);
    m->heard = now;
    m->noise = 0;
    m->move = (struct move){.state = MOVE_NONE};
    sodium_memzero(&m->back, sizeof m->back);
    m->back.gate_next = now;
    m->cell_tick = 0;
    m->greeted = false;
    m->unplayed = NEW_AFTER;
    m->calls = m->texts = m->display_of = 0;
    (void)smx_pipe_send(m, &hello);
    return SMX_OK;
}

void smx_pipe_end(struct meeting *m)
{
    smx_pipe_fini(&m->pipe);
    sodium_free(m->memory); /* wipes, and takes NULL */
    m->memory = NULL;
}

bool smx_pipe_send(struct meeting *m, const struct smx_record *r)
{
    uint8_t bytes[SMX_RECORD_MAX];
    size_t len = smx_record_encode(bytes, r);
    bool sent = m->memory && smx_stream_send(&m->stream, bytes, len) == SMX_OK;

    sodium_memzero(bytes, len);
    return sent;
}

void smx_pipe_say(struct smx_client *c, smx_time now, struct meeting *m, const struct smx_record *r)
{
    if (!smx_pipe_send(m, r)) { /* the peer reads nothing any more */
        c->count.records_malformed++;
        smx_client_call_lost(c, now, m, 480);
        smx_meeting_close(c, now, m);
    }
}

/* ---- out ---- */

static size_t frame_content(struct meeting *m, smx_time now, const struct smx_frame *frame,
                            uint8_t content[SMX_PIPE_CONTENT])
{
    uint8_t piece[SMX_FRAME_PIECE];
    struct smx_frame_cell f = {.number = m->frame_number, .samples = frame->payload, .piece = piece};

    f.piece_len = smx_stream_segment(&m->stream, now, piece, sizeof piece);
    if (m->call.in_opus)
        return smx_repeat_encode(&m->memory->repeat, f.number, piece, f.piece_len, content);
    return smx_frame_encode(content, &f);
}

static bool fits_beside_frames(const struct meeting *m, smx_time now)
{
    return smx_stream_wants(&m->stream, now) <= (size_t)PIECES * PIECE_DATA &&
           smx_stream_whole(&m->stream, now) <= PIECE_DATA;
}

/* The slot's frame; in Opus, one of the slots before is as good a reason for a cell. */
static bool take_frame(struct smx_client *c, smx_time now, struct meeting *m, struct smx_frame *frame)
{
    bool have = c->phone->media_take(c->phone->arg, m->call.id, now, frame) &&
                (frame->codec == SMX_FRAME_OPUS) == m->call.in_opus;

    m->frame_number++;
    if (!m->call.in_opus)
        return have;
    smx_repeat_push(&m->memory->repeat, have ? frame : NULL);
    return !smx_repeat_is_empty(&m->memory->repeat);
}

static enum smx_pipe_type type_of(const struct meeting *m, const struct smx_frame *frame)
{
    if (m->call.in_opus)
        return SMX_PIPE_OPUS;
    return frame->codec == SMX_FRAME_PCMA ? SMX_PIPE_PCMA : SMX_PIPE_PCMU;
}

static bool make_cell(struct smx_client *c, smx_time now, struct meeting *m, uint8_t cell[SMX_PIPE_CELL])
{
    uint8_t content[SMX_PIPE_CONTENT];
    enum smx_pipe_type type = SMX_PIPE_IDLE;
    struct smx_frame frame;
    bool talking = m->call.state == CALL_TALKING, have = false;
    size_t len = 0;

    if (talking) {
        have = take_frame(c, now, m, &frame);
        if (m->frames < FRAMES_PER_STREAM)
            m->frames++;
    }
    if (have && (m->frames < FRAMES_PER_STREAM || fits_beside_frames(m, now))) {
        type = type_of(m, &frame);
        len = frame_content(m, now, &frame, content);
    } else {
        len = smx_stream_segment(&m->stream, now, content, sizeof content);
        if (len > 0) {
            type = SMX_PIPE_STREAM;
            m->frames = 0;
        }
    }
    smx_pipe_seal(&m->pipe, cell, type, content, len);
    sodium_memzero(content, sizeof content);
    return type != SMX_PIPE_IDLE;
}

bool smx_pipe_turn(struct smx_client *c, smx_time now, uint64_t tick, struct meeting *m,
                   uint8_t cell[SMX_PIPE_CELL])
{
    if (m->cell_tick != tick || tick == 0) {
        m->cell_tick = tick;
        m->cell_real = make_cell(c, now, m, m->cell);
    }
    memcpy(cell, m->cell, SMX_PIPE_CELL);
    return m->cell_real;
}

/* ---- in ---- */

static void give_up(struct smx_client *c, smx_time now, struct meeting *m)
{
    c->count.records_malformed++;
    smx_client_call_lost(c, now, m, 480);
    smx_messages_lost(c, now, m, 480);
    smx_meeting_close(c, now, m);
}

static void named(struct meeting *m, const struct smx_record *r)
{
    m->display_of = r->id;
    memset(m->display, 0, sizeof m->display);
    memcpy(m->display, r->text, r->text_len);
}
_Static_assert((int)SMX_CLIENT_DISPLAY == (int)SMX_RECORD_NAME_LEN + 1, "what a NAME carries");

static void record(struct smx_client *c, smx_time now, struct meeting *m, const uint8_t *msg, size_t len)
{
    struct smx_record r;
    enum smx_err err = smx_record_decode(&r, msg, len);

    if (err == SMX_E_ABSENT)
        return;                                                        /* of a later version */
    if (err != SMX_OK || m->greeted == (r.type == SMX_RECORD_HELLO)) { /* HELLO comes first, and once */
        give_up(c, now, m);
        return;
    }
    m->greeted = true;
    switch (r.type) {
    case SMX_RECORD_HELLO:
        return;
    case SMX_RECORD_NAME:
        named(m, &r);
        return;
    case SMX_RECORD_INVITE:
    case SMX_RECORD_RINGING:
    case SMX_RECORD_ANSWER:
    case SMX_RECORD_REFUSE:
    case SMX_RECORD_CANCEL:
    case SMX_RECORD_BYE:
    case SMX_RECORD_HOLD:
    case SMX_RECORD_KEY:
        smx_client_call_record(c, now, m, &r);
        return;
    case SMX_RECORD_RESUME:
        smx_resume_record(c, now, m, &r);
        return;
    case SMX_RECORD_MESSAGE:
    case SMX_RECORD_RESULT:
        smx_message_record(c, now, m, &r);
        return;
    case SMX_RECORD_REJOIN:
    case SMX_RECORD_MOVED:
    case SMX_RECORD_SECOND:
        smx_move_record(c, now, m, &r);
        return;
    }
}

static void segment(struct smx_client *c, smx_time now, struct meeting *m, const uint8_t *seg, size_t len)
{
    const uint8_t *msg;
    size_t msg_len;

    if (smx_stream_receive(&m->stream, now, seg, len) != SMX_OK)
        return;
    while (m->state == MEETING_OPEN && smx_stream_message(&m->stream, &msg, &msg_len))
        record(c, now, m, msg, msg_len);
    if (smx_stream_is_broken(&m->stream) && m->state == MEETING_OPEN)
        give_up(c, now, m);
}

/* A cell with a frame; the piece of stream in it, if there is one, goes to *piece. */
static size_t frame_in(struct meeting *m, uint64_t peer_tick, const struct smx_pipe_msg *msg,
                       const uint8_t **piece)
{
    struct smx_frame frame = {.codec = msg->type == SMX_PIPE_PCMA ? SMX_FRAME_PCMA : SMX_FRAME_PCMU};
    struct smx_frame_cell f;

    if (smx_frame_decode(&f, msg->content, msg->len) != SMX_OK)
        return 0;
    memcpy(frame.payload, f.samples, SMX_FRAME_PAYLOAD);
    if (!m->call.in_opus)
        smx_playout_put(&m->memory->playout, peer_tick, f.number, &frame);
    *piece = f.piece;
    return f.piece_len;
}

static size_t opus_in(struct meeting *m, uint64_t peer_tick, const struct smx_pipe_msg *msg,
                      const uint8_t **piece)
{
    struct smx_opus_cell f;

    if (smx_opus_decode(&f, msg->content, msg->len) != SMX_OK)
        return 0;
    if (m->call.in_opus)
        smx_playout_opus(&m->memory->playout, peer_tick, m->play, &f);
    *piece = f.piece;
    return f.piece_len;
}

void smx_pipe_cell(struct smx_client *c, smx_time now, struct meeting *m, size_t slot, uint64_t peer_tick,
                   uint8_t cell[SMX_PIPE_CELL])
{
    struct smx_pipe_msg msg;
    const uint8_t *piece = NULL;
    size_t piece_len = 0;
    enum smx_err err;

    if (m->state < MEETING_PROVE || m->state > MEETING_CLOSING)
        return;
    err = smx_pipe_open(&m->pipe, cell, &msg);
    if (err != SMX_OK) {
        c->count.cells_refused += err != SMX_E_REPLAY;
        if (err == SMX_E_AUTH && slot == m->slot)
            smx_move_noise(c, now, m);
        return;
    }
    m->heard = now;
    if (slot == m->slot)
        m->noise = 0;
    else
        smx_move_joined(c, now, m);  /* whether or not the relay's word for it has come */
    if (m->state == MEETING_PROVE) { /* nobody but who wrote message 1 can make such a cell */
        m->state = MEETING_OPEN;
        c->count.meetings++;
    }
    if (!m->memory)
        return; /* it has ended over that */
    smx_playout_came(&m->memory->playout, peer_tick);
    switch (msg.type) {
    case SMX_PIPE_PCMU:
    case SMX_PIPE_PCMA:
        piece_len = frame_in(m, peer_tick, &msg, &piece);
        break;
    case SMX_PIPE_OPUS:
        piece_len = opus_in(m, peer_tick, &msg, &piece);
        break;
    case SMX_PIPE_STREAM:
        segment(c, now, m, msg.content, msg.len);
        return;
    default: /* IDLE, or of a later version */
        return;
    }
    if (piece_len > 0)
        segment(c, now, m, piece, piece_len);
}

/* ---- playing ---- */

/* Playing begins with what comes next. */
static void tune(struct smx_client *c, struct meeting *m)
{
    m->play = smx_link_last_tick(c->ep, c->uplink.link) + 1;
    m->frames = FRAMES_PER_STREAM; /* what there is to say may go at once */
}

void smx_pipe_talk(struct smx_client *c, struct meeting *m)
{
    smx_playout_begin(&m->memory->playout);
    sodium_memzero(&m->memory->repeat, sizeof m->memory->repeat);
    tune(c, m);
}

void smx_pipes_uplink_changed(struct smx_client *c)
{
    for (size_t i = 0; i < c->slots; i++)
        c->meeting[i].play = 0; /* the new guard's ticks are known from its first datagram on */
}

smx_time smx_pipe_deadline(const struct smx_client *c, const struct meeting *m)
{
    if (m->call.state != CALL_TALKING || c->uplink.link == SMX_LINK_NONE || m->play == 0)
        return SMX_NEVER;
    return smx_clock_when(&c->clock, smx_link_expected(c->ep, c->uplink.link, m->play) +
                                         smx_link_margin(c->ep, c->uplink.link) +
                                         m->memory->playout.wait * c->q);
}

/* While a pipe moves its cells have two ways, and of another guard's ticks some may be those of this one. */
static bool is_newer(const struct meeting *m, uint16_t number)
{
    uint16_t ahead = (uint16_t)(number - m->played_number);

    return m->unplayed == NEW_AFTER || (ahead > 0 && ahead <= INT16_MAX);
}

static void add_heard(struct smx_view_heard *h, uint32_t due, uint32_t lost, uint32_t quiet)
{
    h->due += due;
    h->lost += lost;
    h->quiet += quiet;
}

static void count_heard(struct meeting *m, uint32_t due, uint32_t lost, uint32_t quiet)
{
    add_heard(&m->heard_all, due, lost, quiet);
    if (m->heard_now.due >= LATELY) {
        m->heard_before = m->heard_now;
        m->heard_now = (struct smx_view_heard){.due = 0};
    }
    add_heard(&m->heard_now, due, lost, quiet);
}

void smx_pipe_play(struct smx_client *c, smx_time now, struct meeting *m)
{
    smx_time late;
    uint64_t skipped;

    if (m->play == 0 && m->call.state == CALL_TALKING && c->uplink.link != SMX_LINK_NONE &&
        smx_link_last_tick(c->ep, c->uplink.link) > 0)
        tune(c, m); /* the guard is new, and has been heard */
    while (now >= smx_pipe_deadline(c, m)) {
        struct smx_frame frame;
        uint16_t number;
        bool came, have = smx_playout_take(&m->memory->playout, m->play, &frame, &number, &came);

        have = have && is_newer(m, number);
        if (have)
            m->played_number = number;
        m->unplayed = have ? 0 : (uint8_t)(m->unplayed + (m->unplayed < NEW_AFTER));
        count_heard(m, 1, !came && !have, came && !have);
        c->phone->media_put(c->phone->arg, m->call.id, now, have ? &frame : NULL);
        sodium_memzero(&frame, sizeof frame);
        m->play++;
        late = now - smx_time_min(now, smx_pipe_deadline(c, m));
        if (late < SMX_PLAYOUT * c->q)
            continue;
        skipped = late / c->q;
        m->play += skipped; /* woken up far too late: no burst */
        count_heard(m, (uint32_t)skipped, (uint32_t)skipped, 0);
    }
}
