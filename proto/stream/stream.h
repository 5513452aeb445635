/* proto/stream/stream.h - messages, reliable and in order, in what room the cells of a circuit leave.
 * Source: docs/protocol/40-stream.md.  Both ways share one struct; both ends run the same code.
 *
 * A cell carries a segment (segment.h): an acknowledgement, a piece of data, or both.
 * The bytes are the messages one after the other, each as length u16 | content.
 *
 * It never pushes: whoever has a free cell asks for a segment.  What is lost goes out again by time: when
 * something sent three cell periods later has arrived, or after the round trip that was measured.  A segment
 * is sent again only whole: a circuit whose rooms vary must keep offering the largest one from time to time.
 * A cell that would go empty carries a copy of what is not acknowledged yet: cells are free, a round trip is
 * not. Acknowledgements ride on data, or go alone at fixed times. Pure: no I/O or clock, no allocation;
 * memory is the caller's and never grows. */
#ifndef SMX_STREAM_STREAM_H
#define SMX_STREAM_STREAM_H

#include "proto/base/err.h"
#include "proto/base/time.h"
#include "proto/stream/segment.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    SMX_STREAM_ROOM_MIN = 28,       /* bytes; any room from here up is good for a segment */
    SMX_STREAM_MESSAGE_MAX = 65535, /* bytes of one message */
    SMX_STREAM_PREFIX = 2,          /* bytes that a message costs in a buffer besides its own */
    SMX_STREAM_BUFFER_MIN =
        2048,               /* bytes, each way: a sender counts on them before the first acknowledgement */
    SMX_STREAM_FLIGHT = 32, /* segments on their way at once */
    SMX_STREAM_GAPS = 8,    /* islands of bytes received beyond a missing one */
};

struct smx_stream_config {
    uint8_t *tx, *rx;      /* buffers, borrowed; NULL: lent later */
    size_t tx_cap, rx_cap; /* bytes, at least SMX_STREAM_BUFFER_MIN; rx_cap - SMX_STREAM_PREFIX is the longest
                              message that the other side may send */
    smx_time period;       /* of the circuit's cells */
};

struct smx_stream_flight { /* one segment on its way */
    uint32_t offset;
    uint16_t len; /* 0 = free */
    uint8_t tries, copies;
    smx_time sent;
};

struct smx_stream {
    struct smx_stream_config config;
    /* sending: tx[0] is byte tx_acked; acked <= next <= acked + tx_len, modulo 2^32 */
    uint32_t tx_acked, tx_next;
    size_t tx_len;
    size_t open_left;  /* bytes that the message begun still lacks */
    uint32_t tx_limit; /* first byte that the other side has no room for */
    struct smx_stream_flight flight[SMX_STREAM_FLIGHT];
    smx_time heard_sent; /* when the newest segment known to have arrived was sent */
    smx_time rtt, rtt_dev, probe_at;
    bool rtt_known;
    /* receiving: rx[0] is byte rx_base */
    uint32_t rx_base, rx_next;
    struct {
        uint32_t start, end;
    } gap[SMX_STREAM_GAPS]; /* islands, ascending, apart */
    size_t gap_count;
    size_t rx_taken;  /* bytes in front that were handed out by smx_stream_message */
    uint32_t rx_told; /* rx_next + window as last told */
    smx_time start, ack_at;
    bool ack_owed;
    bool broken; /* the other side announced a message that can never fit */
};

void smx_stream_init(struct smx_stream *s, const struct smx_stream_config *config, smx_time now);
/* Most streams are idle at most times.  Who has many lends each of them buffers, of the sizes that it was
 * told, only while it needs them: tx from before something is sent until smx_stream_is_clear, rx from before
 * something is received until smx_stream_held is 0.  NULL takes them back. */
void smx_stream_lend_tx(struct smx_stream *s, uint8_t *tx);
void smx_stream_lend_rx(struct smx_stream *s, uint8_t *rx);

/* Queues a whole message of 1..SMX_STREAM_MESSAGE_MAX bytes, copied.  SMX_E_FULL: no room now, or a message
 * begun is not complete yet. */
enum smx_err smx_stream_send(struct smx_stream *s, const void *msg, size_t len) SMX_MUST_CHECK;
/* The same for a message longer than the buffer (a consensus from a relay): announces len bytes, which
 * smx_stream_append then takes as room comes; it returns how many it took.  While smx_stream_lacks says that
 * bytes are missing nothing else can be queued. */
enum smx_err smx_stream_begin(struct smx_stream *s, size_t len) SMX_MUST_CHECK;
size_t smx_stream_append(struct smx_stream *s, const void *bytes, size_t len);
size_t smx_stream_lacks(const struct smx_stream *s);

/* Writes what should go into a free place of room bytes (at least SMX_STREAM_ROOM_MIN), unpadded, and returns
 * its length; 0 = nothing to say now. */
size_t smx_stream_segment(struct smx_stream *s, smx_time now, uint8_t *buf, size_t room);
/* Bytes of data that a segment would like to carry now: tells whether a larger room is worth giving. */
size_t smx_stream_wants(const struct smx_stream *s, smx_time now);
/* Bytes of data that must travel in one segment: the longest of those that are lost; 0: none is. */
size_t smx_stream_whole(const struct smx_stream *s, smx_time now);
/* True when the other side has acknowledged all that was queued, and no message lacks its end. */
bool smx_stream_is_clear(const struct smx_stream *s);

/* Takes the segment in a cell; zero padding behind it is fine.  SMX_E_MALFORMED: breaks the format, or
 * acknowledges what was never sent; SMX_E_STATE: the stream is broken.  Nothing has changed then.  Repeated
 * data is SMX_OK. */
enum smx_err smx_stream_receive(struct smx_stream *s, smx_time now, const uint8_t *seg,
                                size_t len) SMX_MUST_CHECK;
/* The next whole message, or false.  *msg is a view that lives until the next call of this function. */
bool smx_stream_message(struct smx_stream *s, const uint8_t **msg, size_t *len);
/* Bytes in rx, from its first to the last that has come; what smx_stream_message has handed out counts until
 * its next call. */
size_t smx_stream_held(const struct smx_stream *s);
/* Another receive buffer of cap bytes from now on, for longer messages or shorter ones; what is held moves
 * there, and must fit.  Of what the other side was told that there is room for, what no longer fits is
 * dropped, and comes again. */
void smx_stream_exchange_rx(struct smx_stream *s, uint8_t *rx, size_t cap);
/* True when the other side announced a message longer than rx_cap allows: this stream yields nothing more. */
bool smx_stream_is_broken(const struct smx_stream *s);

#endif
