/* proto/stream/stream.c - see stream.h.
 *
 *   tx   acked ........ sent, not acknowledged ........ next ....... queued ....... acked + tx_len
 *   rx   base [taken] ... whole in order ... next   (gap)  island   (gap)  island ...
 *
 * Offsets are 32-bit and wrap; what is compared is their distance, which buffers keep far below 2^31.
 * Timers, all looked at when a cell is free: a flight's own timeout; ack_at, the next fixed time for an
 * acknowledgement alone; probe_at, when a shut window is asked again. */
#include "proto/stream/stream.h"

#include "proto/base/bytes.h"

#include <assert.h>
#include <string.h>

enum {
    DATA_USEFUL = 12, /* bytes: ranges leave at least this much to data that waits */
    ACK_PERIODS = 4,  /* acknowledgements alone go at multiples of this many periods */
    LATE_PERIODS = 3, /* what was sent this much before something that has arrived is lost */
    COPIES = 2,       /* of a segment, in cells that would go empty, */
    COPY_PERIODS = 2, /* so far apart that one burst of losses does not take all */
    TRIES_MAX = 4,    /* doublings of the timeout */
};
_Static_assert(SMX_STREAM_ROOM_MIN ==
                   SMX_SEGMENT_FLAGS + SMX_SEGMENT_ACK + SMX_SEGMENT_RANGE + SMX_SEGMENT_DATA + DATA_USEFUL,
               "all parts fit");

#define RTT_FIRST   SMX_MS(600) /* as good as any guess for two circuits of three hops */
#define TIMEOUT_MAX SMX_SECOND(3)
#define PROBE_AFTER SMX_SECOND(1)

/* Signed distance from b to a. */
static int32_t apart(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b);
}

void smx_stream_init(struct smx_stream *s, const struct smx_stream_config *config, smx_time now)
{
    assert(config->tx_cap >= SMX_STREAM_BUFFER_MIN && config->rx_cap >= SMX_STREAM_BUFFER_MIN);
    assert(config->tx_cap < INT32_MAX && config->rx_cap < INT32_MAX && config->period > 0);
    *s = (struct smx_stream){
        .config = *config,
        .tx_limit = SMX_STREAM_BUFFER_MIN,
        .probe_at = SMX_NEVER,
        .rtt = RTT_FIRST,
        .rx_told = (uint32_t)config->rx_cap, /* goes without saying until the first acknowledgement */
        .start = now,
        .ack_at = SMX_NEVER,
    };
}

void smx_stream_lend_tx(struct smx_stream *s, uint8_t *tx)
{
    assert(smx_stream_is_clear(s));
    s->config.tx = tx;
}

void smx_stream_lend_rx(struct smx_stream *s, uint8_t *rx)
{
    assert(smx_stream_held(s) == 0);
    s->config.rx = rx;
}

/* ---- sending: messages in ---- */

enum smx_err smx_stream_begin(struct smx_stream *s, size_t len)
{
    struct smx_wr w = {s->config.tx + s->tx_len, s->config.tx_cap - s->tx_len};

    assert(len > 0 && len <= SMX_STREAM_MESSAGE_MAX);
    if (s->open_left > 0 || w.left < SMX_STREAM_PREFIX)
        return SMX_E_FULL;
    smx_wr_u16(&w, (uint16_t)len);
    s->tx_len += SMX_STREAM_PREFIX;
    s->open_left = len;
    return SMX_OK;
}

size_t smx_stream_append(struct smx_stream *s, const void *bytes, size_t len)
{
    size_t take = s->config.tx_cap - s->tx_len;

    assert(len <= s->open_left);
    if (take > len)
        take = len;
    if (take > 0)
        memcpy(s->config.tx + s->tx_len, bytes, take);
    s->tx_len += take;
    s->open_left -= take;
    return take;
}

size_t smx_stream_lacks(const struct smx_stream *s)
{
    return s->open_left;
}

enum smx_err smx_stream_send(struct smx_stream *s, const void *msg, size_t len)
{
    enum smx_err err;

    if (s->config.tx_cap - s->tx_len < SMX_STREAM_PREFIX + len)
        return SMX_E_FULL;
    err = smx_stream_begin(s, len);
    if (err == SMX_OK)
        smx_stream_append(s, msg, len);
    return err;
}

bool smx_stream_is_clear(const struct smx_stream *s)
{
    return s->tx_len == 0 && s->open_left == 0;
}

/* ---- sending: segments out ---- */

static smx_time timeout(const struct smx_stream *s, unsigned tries)
{
    smx_time t = s->rtt + 4 * s->rtt_dev + (ACK_PERIODS + 1) * s->config.period;

    return smx_time_min(t << (tries - 1), TIMEOUT_MAX);
}

static bool is_lost(const struct smx_stream *s, const struct smx_stream_flight *f, smx_time now)
{
    return f->sent + LATE_PERIODS * s->config.period <= s->heard_sent ||
           now >= f->sent + timeout(s, f->tries);
}

/* The oldest lost segment of at most room bytes, or NULL. */
static struct smx_stream_flight *find_lost(struct smx_stream *s, smx_time now, size_t room)
{
    struct smx_stream_flight *oldest = NULL;

    for (size_t i = 0; i < SMX_STREAM_FLIGHT; i++) {
        struct smx_stream_flight *f = &s->flight[i];

        if (f->len > 0 && f->len <= room && is_lost(s, f, now) &&
            (!oldest || apart(f->offset, oldest->offset) < 0))
            oldest = f;
    }
    return oldest;
}

/* The oldest segment of at most room bytes that may go once more, or NULL. */
static struct smx_stream_flight *find_copy(struct smx_stream *s, smx_time now, size_t room)
{
    struct smx_stream_flight *oldest = NULL;

    for (size_t i = 0; i < SMX_STREAM_FLIGHT; i++) {
        struct smx_stream_flight *f = &s->flight[i];

        if (f->len > 0 && f->len <= room && f->copies < COPIES &&
            now >= f->sent + (smx_time)(f->copies + 1) * COPY_PERIODS * s->config.period &&
            (!oldest || apart(f->offset, oldest->offset) < 0))
            oldest = f;
    }
    return oldest;
}

static struct smx_stream_flight *find_free(struct smx_stream *s)
{
    for (size_t i = 0; i < SMX_STREAM_FLIGHT; i++) {
        if (s->flight[i].len == 0)
            return &s->flight[i];
    }
    return NULL;
}

/* Bytes never sent that the other side has room for. */
static size_t fresh(const struct smx_stream *s)
{
    int32_t queued = apart(s->tx_acked + (uint32_t)s->tx_len, s->tx_next);
    int32_t welcome = apart(s->tx_limit, s->tx_next);
    int32_t len = queued < welcome ? queued : welcome;

    return len > 0 ? (size_t)len : 0;
}

size_t smx_stream_wants(const struct smx_stream *s, smx_time now)
{
    bool free_flight = false;
    size_t lost = 0;

    if (s->tx_len == 0)
        return 0; /* most streams at most times: nothing is on its way */
    for (size_t i = 0; i < SMX_STREAM_FLIGHT; i++) {
        const struct smx_stream_flight *f = &s->flight[i];

        if (f->len == 0)
            free_flight = true;
        else if (is_lost(s, f, now))
            lost += f->len;
    }
    return lost + (free_flight ? fresh(s) : 0);
}

size_t smx_stream_whole(const struct smx_stream *s, smx_time now)
{
    size_t whole = 0;

    for (size_t i = 0; i < SMX_STREAM_FLIGHT; i++) {
        const struct smx_stream_flight *f = &s->flight[i];

        if (f->len > whole && is_lost(s, f, now))
            whole = f->len;
    }
    return whole;
}

/* What the receiver's side tells: how much from rx_next on is welcome. */
static uint32_t window(const struct smx_stream *s)
{
    size_t used = (size_t)apart(s->rx_next, s->rx_base);
    size_t room = (s->config.rx_cap - used) / SMX_SEGMENT_UNIT;

    return (uint32_t)(room < UINT16_MAX ? room : UINT16_MAX);
}

static void owe_ack(struct smx_stream *s, smx_time now)
{
    smx_time every = ACK_PERIODS * s->config.period;

    if (s->ack_owed)
        return;
    s->ack_owed = true;
    s->ack_at = s->start + ((now - s->start) / every + 1) * every;
}

/* The other side may be waiting for room that has come since it was told. */
static bool window_grew(const struct smx_stream *s)
{
    return apart(s->rx_next + window(s) * SMX_SEGMENT_UNIT, s->rx_told) >= (int32_t)(s->config.rx_cap / 2);
}

static void fill_ack(struct smx_stream *s, struct smx_segment *seg, size_t ranges)
{
    seg->has_ack = true;
    seg->next = s->rx_next;
    seg->window = (uint16_t)window(s);
    seg->range_count = ranges;
    for (size_t i = 0; i < ranges; i++) {
        seg->range[i].start = (uint16_t)apart(s->gap[i].start, s->rx_next);
        seg->range[i].len = (uint16_t)apart(s->gap[i].end, s->gap[i].start);
    }
    s->rx_told = s->rx_next + seg->window * SMX_SEGMENT_UNIT;
    s->ack_owed = false;
    s->ack_at = SMX_NEVER;
}

/* How many islands fit into room bytes and into the format's 16-bit distances. */
static size_t ranges_for(const struct smx_stream *s, size_t room)
{
    size_t n = 0;

    while (n < s->gap_count && n < SMX_SEGMENT_RANGES && (n + 1) * SMX_SEGMENT_RANGE <= room &&
           apart(s->gap[n].start, s->rx_next) <= UINT16_MAX &&
           apart(s->gap[n].end, s->gap[n].start) <= UINT16_MAX)
        n++;
    return n;
}

/* An empty piece of data makes the other side tell its window again, in case that was lost. */
static bool probe_due(struct smx_stream *s, smx_time now)
{
    bool shut = apart(s->tx_acked + (uint32_t)s->tx_len, s->tx_next) > 0 && fresh(s) == 0;

    if (!shut || s->tx_acked != s->tx_next) {
        s->probe_at = SMX_NEVER;
        return false;
    }
    if (s->probe_at == SMX_NEVER)
        s->probe_at = now + PROBE_AFTER;
    return now >= s->probe_at;
}

size_t smx_stream_segment(struct smx_stream *s, smx_time now, uint8_t *buf, size_t room)
{
    struct smx_segment seg = {.has_ack = false};
    struct smx_stream_flight *f;
    size_t ranges = 0, ack_size = 0, data_room = room - SMX_SEGMENT_FLAGS - SMX_SEGMENT_DATA;
    bool data, probe, copy = false;

    assert(room >= SMX_STREAM_ROOM_MIN);
    data = smx_stream_wants(s, now) > 0;
    probe = !data && probe_due(s, now);
    if (window_grew(s))
        owe_ack(s, now);
    if (s->ack_owed) {
        ranges = ranges_for(s, room - SMX_SEGMENT_FLAGS - SMX_SEGMENT_ACK -
                                   (data ? SMX_SEGMENT_DATA + DATA_USEFUL : 0));
        ack_size = SMX_SEGMENT_ACK + ranges * SMX_SEGMENT_RANGE;
    }
    /* What is lost goes before the acknowledgement if both don't fit, or it would wait for a larger room. */
    f = data ? find_lost(s, now, data_room - ack_size) : NULL;
    if (data && !f && ack_size > 0 && (f = find_lost(s, now, data_room)))
        ack_size = 0;
    data_room -= ack_size;
    if (data && !f && fresh(s) > 0 && (f = find_free(s))) {
        size_t len = fresh(s);

        if (len > data_room)
            len = data_room;
        if (len > UINT8_MAX)
            len = UINT8_MAX;
        *f = (struct smx_stream_flight){.offset = s->tx_next, .len = (uint16_t)len};
        s->tx_next += (uint32_t)len;
    }
    if (!f && !probe && (ack_size == 0 || now < s->ack_at)) {
        ranges = ack_size = 0;
        if (s->tx_len > 0)
            f = find_copy(s, now, room - SMX_SEGMENT_FLAGS - SMX_SEGMENT_DATA);
        if (!f)
            return 0;
        f->copies++;
        copy = true;
    }

    if (ack_size)
        fill_ack(s, &seg, ranges);
    seg.has_data = f || probe;
    if (f && !copy) {
        f->sent = now;
        f->copies = 0;
        if (f->tries < TRIES_MAX)
            f->tries++;
    }
    if (f) {
        seg.offset = f->offset;
        seg.data_len = (uint8_t)f->len;
        seg.data = s->config.tx + apart(f->offset, s->tx_acked);
    } else if (probe) {
        s->probe_at = now + PROBE_AFTER;
        seg.offset = s->tx_next;
    }
    return smx_segment_encode(buf, room, &seg);
}

/* ---- receiving: acknowledgements ---- */

/* RFC 6298, 2: only of segments sent once, whose answer can't be mistaken. */
static void measure(struct smx_stream *s, smx_time rtt)
{
    smx_time off = rtt > s->rtt ? rtt - s->rtt : s->rtt - rtt;

    if (!s->rtt_known) {
        s->rtt_known = true;
        s->rtt = rtt;
        s->rtt_dev = rtt / 2;
        return;
    }
    s->rtt_dev += off / 4;
    s->rtt_dev -= s->rtt_dev / 4;
    s->rtt = s->rtt - s->rtt / 8 + rtt / 8;
}

/* All flights inside [start, end) have arrived. */
static void arrived(struct smx_stream *s, smx_time now, uint32_t start, uint32_t end)
{
    smx_time newest = 0;

    for (size_t i = 0; i < SMX_STREAM_FLIGHT; i++) {
        struct smx_stream_flight *f = &s->flight[i];

        if (f->len == 0 || apart(f->offset, start) < 0 || apart(f->offset + f->len, end) > 0)
            continue;
        /* Sent again, it may be the first sending that arrived: then its time says nothing.  (A copy is not
         * far from its original: taken for it, the round trip seems a little longer at worst.) */
        if (f->tries == 1 && f->sent > newest)
            newest = f->sent;
        f->len = 0;
    }
    if (newest > 0)
        measure(s, now - newest);
    if (newest > s->heard_sent)
        s->heard_sent = newest;
}

/* Never acknowledges more than was sent. */
static bool ack_is_possible(const struct smx_stream *s, const struct smx_segment *seg)
{
    bool possible = apart(seg->next, s->tx_next) <= 0;

    for (size_t i = 0; i < seg->range_count; i++)
        possible = possible && apart(seg->next + seg->range[i].start + seg->range[i].len, s->tx_next) <= 0;
    return possible;
}

static void take_ack(struct smx_stream *s, smx_time now, const struct smx_segment *seg)
{
    int32_t moved = apart(seg->next, s->tx_acked);

    if (moved < 0)
        return; /* overtaken by a newer one */
    arrived(s, now, s->tx_acked, seg->next);
    for (size_t i = 0; i < seg->range_count; i++) {
        uint32_t start = seg->next + seg->range[i].start;

        arrived(s, now, start, start + seg->range[i].len);
    }
    for (size_t i = 0; i < SMX_STREAM_FLIGHT; i++) { /* cut across, which only a foreign receiver does */
        struct smx_stream_flight *f = &s->flight[i];
        int32_t cut = apart(seg->next, f->offset);

        if (f->len > 0 && cut > 0) {
            f->offset += (uint32_t)cut;
            f->len -= (uint16_t)cut;
        }
    }
    s->tx_acked = seg->next;
    s->tx_len -= (size_t)moved;
    if (s->tx_len > 0)
        memmove(s->config.tx, s->config.tx + moved, s->tx_len);
    s->tx_limit = seg->next + (uint32_t)seg->window * SMX_SEGMENT_UNIT;
}

/* ---- receiving: data ---- */

/* Notes [start, end) beyond rx_next as received.  False: too many islands. */
static bool add_island(struct smx_stream *s, uint32_t start, uint32_t end)
{
    size_t at = 0, over;

    while (at < s->gap_count && apart(s->gap[at].end, start) < 0)
        at++;
    over = at; /* islands at..over-1 touch the new one */
    while (over < s->gap_count && apart(s->gap[over].start, end) <= 0)
        over++;
    if (over == at) {
        if (s->gap_count == SMX_STREAM_GAPS)
            return false;
        memmove(&s->gap[at + 1], &s->gap[at], (s->gap_count - at) * sizeof s->gap[0]);
        s->gap_count++;
    } else {
        if (apart(s->gap[at].start, start) < 0)
            start = s->gap[at].start;
        if (apart(s->gap[over - 1].end, end) > 0)
            end = s->gap[over - 1].end;
        memmove(&s->gap[at + 1], &s->gap[over], (s->gap_count - over) * sizeof s->gap[0]);
        s->gap_count -= over - at - 1;
    }
    s->gap[at].start = start;
    s->gap[at].end = end;
    return true;
}

static void drop_first_island(struct smx_stream *s)
{
    s->gap_count--;
    memmove(&s->gap[0], &s->gap[1], s->gap_count * sizeof s->gap[0]);
}

static void take_data(struct smx_stream *s, smx_time now, uint32_t offset, const uint8_t *bytes, size_t len)
{
    uint32_t end = offset + (uint32_t)len;

    owe_ack(s, now); /* for repeated data too: its acknowledgement was lost */
    if (apart(offset, s->rx_next) < 0) {
        int32_t known = apart(s->rx_next, offset);

        if (known >= (int32_t)len)
            return;
        offset += (uint32_t)known;
        bytes += known;
        len -= (size_t)known;
    }
    if (len == 0 || offset - s->rx_base > s->config.rx_cap || end - s->rx_base > s->config.rx_cap)
        return; /* beyond the window told: it comes again */
    if (offset != s->rx_next && !add_island(s, offset, end))
        return;
    memcpy(s->config.rx + apart(offset, s->rx_base), bytes, len);
    if (offset != s->rx_next)
        return;
    s->rx_next = end;
    while (s->gap_count > 0 && apart(s->gap[0].start, s->rx_next) <= 0) {
        if (apart(s->gap[0].end, s->rx_next) > 0)
            s->rx_next = s->gap[0].end;
        drop_first_island(s);
    }
}

enum smx_err smx_stream_receive(struct smx_stream *s, smx_time now, const uint8_t *bytes, size_t len)
{
    struct smx_segment seg;
    enum smx_err err = smx_segment_decode(&seg, bytes, len);

    if (err == SMX_OK && seg.has_ack && !ack_is_possible(s, &seg))
        err = SMX_E_MALFORMED;
    if (err == SMX_OK && s->broken)
        err = SMX_E_STATE;
    if (err != SMX_OK)
        return err;
    if (seg.has_ack)
        take_ack(s, now, &seg);
    if (seg.has_data)
        take_data(s, now, seg.offset, seg.data, seg.data_len);
    return SMX_OK;
}

/* ---- receiving: messages out ---- */

bool smx_stream_message(struct smx_stream *s, const uint8_t **msg, size_t *len)
{
    size_t have = (size_t)apart(s->rx_next, s->rx_base);
    size_t end = have; /* of the furthest island, which moves along */
    struct smx_rd r;
    size_t want;

    if (s->rx_taken > 0) {
        if (s->gap_count > 0)
            end = (size_t)apart(s->gap[s->gap_count - 1].end, s->rx_base);
        memmove(s->config.rx, s->config.rx + s->rx_taken, end - s->rx_taken);
        s->rx_base += (uint32_t)s->rx_taken;
        have -= s->rx_taken;
        s->rx_taken = 0;
    }
    if (s->broken || have < SMX_STREAM_PREFIX)
        return false;
    r = (struct smx_rd){s->config.rx, have, false};
    want = smx_rd_u16(&r);
    if (SMX_STREAM_PREFIX + want > s->config.rx_cap) {
        s->broken = true;
        return false;
    }
    if (r.left < want)
        return false;
    *msg = r.at;
    *len = want;
    s->rx_taken = SMX_STREAM_PREFIX + want;
    return true;
}

size_t smx_stream_held(const struct smx_stream *s)
{
    uint32_t end = s->gap_count > 0 ? s->gap[s->gap_count - 1].end : s->rx_next;

    return (size_t)apart(end, s->rx_base);
}

void smx_stream_exchange_rx(struct smx_stream *s, uint8_t *rx, size_t cap)
{
    assert(cap >= SMX_STREAM_BUFFER_MIN && cap < INT32_MAX && smx_stream_held(s) <= cap);
    if (smx_stream_held(s) > 0)
        memcpy(rx, s->config.rx, smx_stream_held(s));
    s->config.rx = rx;
    s->config.rx_cap = cap;
}

bool smx_stream_is_broken(const struct smx_stream *s)
{
    return s->broken;
}
