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
