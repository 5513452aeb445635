#include "proto/media/frame.h"

#include "proto/base/bytes.h"

#include <assert.h>

size_t smx_frame_encode(uint8_t out[SMX_FRAME_CELL], const struct smx_frame_cell *f)
{
    struct smx_wr w = {out, SMX_FRAME_CELL};

    assert(f->piece_len <= SMX_FRAME_PIECE);
    smx_wr_u16(&w, f->number);
    smx_wr_bytes(&w, f->samples, SMX_FRAME_PAYLOAD);
    smx_wr_bytes(&w, f->piece, f->piece_len);
    return SMX_FRAME_CELL - w.left;
}

enum smx_err smx_frame_decode(struct smx_frame_cell *f, const uint8_t *in, size_t len)
{
    struct smx_rd r = {in, len, false};
    struct smx_frame_cell got;

    got.number = smx_rd_u16(&r);
    got.samples = smx_rd_view(&r, SMX_FRAME_PAYLOAD);
    got.piece_len = r.left;
    got.piece = smx_rd_view(&r, r.left);
    if (!smx_rd_done(&r) || got.piece_len > SMX_FRAME_PIECE)
        return SMX_E_MALFORMED;
    *f = got;
    return SMX_OK;
}

size_t smx_opus_encode(uint8_t out[SMX_FRAME_CELL], const struct smx_opus_cell *f)
{
    struct smx_wr w = {out, SMX_FRAME_CELL};

    assert(f->count >= 1 && f->count <= SMX_OPUS_COPIES && f->piece_len <= SMX_FRAME_PIECE);
    smx_wr_u16(&w, f->number);
    smx_wr_u8(&w, f->count);
    smx_wr_bytes(&w, f->len, f->count);
    for (size_t i = 0; i < f->count; i++)
        smx_wr_bytes(&w, f->frame[i], f->len[i]);
    smx_wr_bytes(&w, f->piece, f->piece_len);
    return SMX_FRAME_CELL - w.left;
}

enum smx_err smx_opus_decode(struct smx_opus_cell *f, const uint8_t *in, size_t len)
{
    struct smx_rd r = {in, len, false};
    struct smx_opus_cell got = {0};

    got.number = smx_rd_u16(&r);
    got.count = smx_rd_u8(&r);
    if (len > SMX_FRAME_CELL || got.count < 1 || got.count > SMX_OPUS_COPIES)
        return SMX_E_MALFORMED;
    smx_rd_bytes(&r, got.len, got.count);
    for (size_t i = 0; i < got.count; i++) {
        if (got.len[i] > SMX_OPUS_MAX)
            return SMX_E_MALFORMED;
        got.frame[i] = smx_rd_view(&r, got.len[i]);
    }
    got.piece_len = r.left;
    got.piece = smx_rd_view(&r, r.left);
    if (!smx_rd_done(&r) || got.piece_len > SMX_FRAME_PIECE)
        return SMX_E_MALFORMED;
    *f = got;
    return SMX_OK;
}
