#include "proto/stream/segment.h"

#include "proto/base/bytes.h"

#include <assert.h>

enum { FLAG_ACK = 1, FLAG_DATA = 2, RANGES_SHIFT = 2, FLAGS = FLAG_ACK | FLAG_DATA | 3 << RANGES_SHIFT };

size_t smx_segment_encode(uint8_t *out, size_t room, const struct smx_segment *seg)
{
    struct smx_wr w = {out, room};

    assert(seg->has_ack || seg->has_data);
    assert(seg->range_count <= (seg->has_ack ? SMX_SEGMENT_RANGES : 0));
    smx_wr_u8(&w, (uint8_t)((seg->has_ack ? FLAG_ACK : 0) | (seg->has_data ? FLAG_DATA : 0) |
                            seg->range_count << RANGES_SHIFT));
    if (seg->has_ack) {
        smx_wr_u32(&w, seg->next);
        smx_wr_u16(&w, seg->window);
    }
    for (size_t i = 0; i < seg->range_count; i++) {
        assert(seg->range[i].len > 0);
        smx_wr_u16(&w, seg->range[i].start);
        smx_wr_u16(&w, seg->range[i].len);
    }
    if (seg->has_data) {
        smx_wr_u32(&w, seg->offset);
        smx_wr_u8(&w, seg->data_len);
        smx_wr_bytes(&w, seg->data, seg->data_len);
    }
    return room - w.left;
}

enum smx_err smx_segment_decode(struct smx_segment *seg, const uint8_t *in, size_t len)
{
    struct smx_rd r = {in, len, false};
    struct smx_segment got = {.has_ack = false};
    uint8_t flags = smx_rd_u8(&r);

    got.has_ack = flags & FLAG_ACK;
    got.has_data = flags & FLAG_DATA;
    got.range_count = (flags >> RANGES_SHIFT) & 3;
    if ((flags & ~FLAGS) || (!got.has_ack && !got.has_data) || (!got.has_ack && got.range_count > 0))
        return SMX_E_MALFORMED;
    if (got.has_ack) {
        got.next = smx_rd_u32(&r);
        got.window = smx_rd_u16(&r);
    }
    for (size_t i = 0; i < got.range_count; i++) {
        got.range[i].start = smx_rd_u16(&r);
        got.range[i].len = smx_rd_u16(&r);
        if (got.range[i].len == 0)
            return SMX_E_MALFORMED; /* a short read yields zero as well */
    }
    if (got.has_data) {
        got.offset = smx_rd_u32(&r);
        got.data_len = smx_rd_u8(&r);
        got.data = smx_rd_view(&r, got.data_len);
    }
    smx_rd_zeros(&r, r.left);
    if (!smx_rd_done(&r))
        return SMX_E_MALFORMED;
    *seg = got;
    return SMX_OK;
}
