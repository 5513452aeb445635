#include "proto/base/bytes.h"

#include <assert.h>
#include <string.h>

const uint8_t *smx_rd_view(struct smx_rd *r, size_t len)
{
    const uint8_t *at = r->at;

    if (r->bad || len > r->left) {
        r->bad = true;
        return NULL;
    }
    if (len > 0) /* what is empty may stand nowhere, and NULL + 0 is undefined */
        r->at += len;
    r->left -= len;
    return at;
}

void smx_rd_bytes(struct smx_rd *r, void *out, size_t len)
{
    const uint8_t *at = smx_rd_view(r, len);

    if (len == 0)
        return;
    if (at)
        memcpy(out, at, len);
    else
        memset(out, 0, len);
}

static uint64_t rd_int(struct smx_rd *r, size_t len)
{
    const uint8_t *at = smx_rd_view(r, len);
    uint64_t v = 0;

    for (size_t i = 0; at && i < len; i++)
        v = v << 8 | at[i];
    return v;
}

uint8_t smx_rd_u8(struct smx_rd *r)
{
    return (uint8_t)rd_int(r, 1);
}

uint16_t smx_rd_u16(struct smx_rd *r)
{
    return (uint16_t)rd_int(r, 2);
}

uint32_t smx_rd_u32(struct smx_rd *r)
{
    return (uint32_t)rd_int(r, 4);
}

uint64_t smx_rd_u64(struct smx_rd *r)
{
    return rd_int(r, 8);
}

void smx_rd_zeros(struct smx_rd *r, size_t len)
{
    const uint8_t *at = smx_rd_view(r, len);
    uint8_t seen = 0;

    for (size_t i = 0; at && i < len; i++)
        seen |= at[i];
    if (seen)
        r->bad = true;
}

bool smx_rd_done(const struct smx_rd *r)
{
    return !r->bad && r->left == 0;
}

static uint8_t *wr_room(struct smx_wr *w, size_t len)
{
    uint8_t *at = w->at;

    assert(len <= w->left);
    if (len > 0)
        w->at += len;
    w->left -= len;
    return at;
}

void smx_wr_bytes(struct smx_wr *w, const void *in, size_t len)
{
    uint8_t *at = wr_room(w, len);

    if (len > 0)
        memcpy(at, in, len);
}

static void wr_int(struct smx_wr *w, uint64_t v, size_t len)
{
    uint8_t *at = wr_room(w, len);

    for (size_t i = len; i-- > 0; v >>= 8)
        at[i] = (uint8_t)v;
}

void smx_wr_u8(struct smx_wr *w, uint8_t v)
{
    wr_int(w, v, 1);
}

void smx_wr_u16(struct smx_wr *w, uint16_t v)
{
    wr_int(w, v, 2);
}

void smx_wr_u32(struct smx_wr *w, uint32_t v)
{
    wr_int(w, v, 4);
}

void smx_wr_u64(struct smx_wr *w, uint64_t v)
{
    wr_int(w, v, 8);
}

void smx_wr_zeros(struct smx_wr *w, size_t len)
{
    uint8_t *at = wr_room(w, len);

    if (len > 0)
        memset(at, 0, len);
}

void smx_wr_pad(struct smx_wr *w)
{
    smx_wr_zeros(w, w->left);
}

void smx_wr_done(const struct smx_wr *w)
{
    (void)w; /* only asserted on */
    assert(w->left == 0);
}
