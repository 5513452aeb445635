/* proto/stream/segment.h - what one cell carries of a stream.  Source: docs/protocol/40-stream.md, section 2.
 *
 * segment = flags u8 | [acknowledgement] | [data] | zero padding        integers in network order
 *   flags            bit 0 acknowledgement, bit 1 data (one at least), bits 2-3 number of ranges (0..3),
 *                    others zero
 *   acknowledgement  next u32: first byte not received | window u16: how many bytes from next on are
 *                    welcome, in units of 16 | ranges: start u16, relative to next | length u16, not zero
 *   data             offset u32 of its first byte | length u8 | bytes
 * Pure; views borrow. */
#ifndef SMX_STREAM_SEGMENT_H
#define SMX_STREAM_SEGMENT_H

#include "proto/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    SMX_SEGMENT_FLAGS = 1,
    SMX_SEGMENT_ACK = 4 + 2,   /* bytes, without ranges */
    SMX_SEGMENT_RANGE = 2 + 2, /* bytes */
    SMX_SEGMENT_RANGES = 3,
    SMX_SEGMENT_DATA = 4 + 1, /* bytes, without the data */
    SMX_SEGMENT_UNIT = 16,    /* bytes, of the window */
};

struct smx_segment {
    bool has_ack, has_data;
    /* acknowledgement */
    uint32_t next;
    uint16_t window; /* units */
    struct {
        uint16_t start, len;
    } range[SMX_SEGMENT_RANGES];
    size_t range_count;
    /* data */
    uint32_t offset;
    uint8_t data_len;
    const uint8_t *data;
};

/* Writes a right segment to out, which has room for it; returns its length. */
size_t smx_segment_encode(uint8_t *out, size_t room, const struct smx_segment *seg);
/* SMX_E_MALFORMED; *seg is then untouched. */
enum smx_err smx_segment_decode(struct smx_segment *seg, const uint8_t *in, size_t len) SMX_MUST_CHECK;

#endif
