#include "proto/e2e/pipe.h"

#include "proto/base/bytes.h"

#include <assert.h>
#include <sodium.h>

static void tweak_of(uint8_t tweak[SMX_WIDEBLOCK_TWEAK], enum smx_meet_side sender)
{
    struct smx_wr w = {tweak, SMX_WIDEBLOCK_TWEAK};

    smx_wr_zeros(&w, SMX_WIDEBLOCK_TWEAK - 1);
    smx_wr_u8(&w, (uint8_t)sender);
    smx_wr_done(&w);
}

static enum smx_meet_side other(enum smx_meet_side side)
{
    return side == SMX_MEET_CALLER ? SMX_MEET_CALLEE : SMX_MEET_CALLER;
}

void smx_pipe_init(struct smx_pipe *s, const struct smx_meet_keys *keys)
{
    bool caller = keys->side == SMX_MEET_CALLER;

    *s = (struct smx_pipe){.side = keys->side};
    smx_window_init(&s->heard, s->heard_bits, SMX_PIPE_WINDOW);
    smx_wideblock_init(&s->seal, caller ? keys->to_callee : keys->to_caller);
    smx_wideblock_both_init(&s->open, caller ? keys->to_caller : keys->to_callee);
}

void smx_pipe_fini(struct smx_pipe *s)
{
    sodium_memzero(s, sizeof *s);
}

void smx_pipe_seal(struct smx_pipe *s, uint8_t cell[SMX_PIPE_CELL], enum smx_pipe_type type,
                   const void *content, size_t len)
{
    struct smx_wr w = {cell, SMX_PIPE_CELL};
    uint8_t tweak[SMX_WIDEBLOCK_TWEAK];

    assert(len <= SMX_PIPE_CONTENT);
    smx_wr_zeros(&w, SMX_PIPE_ZERO);
    smx_wr_u64(&w, ++s->sent);
    smx_wr_u8(&w, (uint8_t)type);
    smx_wr_u8(&w, (uint8_t)len);
    smx_wr_bytes(&w, content, len);
    smx_wr_pad(&w);
    tweak_of(tweak, s->side);
    smx_wideblock_encipher(&s->seal, tweak, cell, SMX_PIPE_CELL);
}

enum smx_err smx_pipe_open(struct smx_pipe *s, uint8_t cell[SMX_PIPE_CELL], struct smx_pipe_msg *m)
{
    static const uint8_t zero[SMX_PIPE_ZERO];
    struct smx_rd r = {cell, SMX_PIPE_CELL, false};
    struct smx_pipe_msg got;
    uint8_t tweak[SMX_WIDEBLOCK_TWEAK];
    uint64_t counter;

    tweak_of(tweak, other(s->side));
    smx_wideblock_decipher(&s->open, tweak, cell, SMX_PIPE_CELL);
    if (sodium_memcmp(smx_rd_view(&r, SMX_PIPE_ZERO), zero, SMX_PIPE_ZERO) != 0)
        return SMX_E_AUTH;
    counter = smx_rd_u64(&r);
    got.type = smx_rd_u8(&r);
    got.len = smx_rd_u8(&r);
    got.content = smx_rd_view(&r, got.len);
    smx_rd_zeros(&r, r.left);
    if (!smx_rd_done(&r) || counter == 0)
        return SMX_E_MALFORMED;
    if (smx_window_check(&s->heard, counter) != SMX_OK)
        return SMX_E_REPLAY;
    smx_window_add(&s->heard, counter);
    *m = got;
    return SMX_OK;
}
