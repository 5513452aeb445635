#include "proto/doc/round.h"

#include <assert.h>
#include <string.h>

enum { VERSION = 1 };

static const uint8_t round_magic[4] = {'S', 'M', 'X', 'R'};
static const uint8_t reply_magic[4] = {'S', 'M', 'X', 'V'};

static void write_head(struct smx_wr *w, const uint8_t magic[4], size_t count)
{
    assert(count <= SMX_ROUND_COUNT);
    smx_wr_bytes(w, magic, 4);
    smx_wr_u8(w, VERSION);
    smx_wr_u16(w, (uint16_t)count);
}

/* Returns the count, or -1. */
static int read_head(struct smx_rd *r, const uint8_t magic[4])
{
    uint8_t head[4], version;
    uint16_t count;

    smx_rd_bytes(r, head, sizeof head);
    version = smx_rd_u8(r);
    count = smx_rd_u16(r);
    if (r->bad || memcmp(head, magic, sizeof head) != 0 || version != VERSION || count > SMX_ROUND_COUNT)
        return -1;
    return count;
}

size_t smx_round_encode(uint8_t out[SMX_ROUND_MAX], const struct smx_round_item *item, size_t count)
{
    struct smx_wr w = {out, SMX_ROUND_MAX};

    write_head(&w, round_magic, count);
    for (size_t i = 0; i < count; i++) {
        assert(item[i].len > 0 && item[i].len <= SMX_UPLOAD_MAX);
        smx_wr_u16(&w, item[i].len);
        smx_wr_bytes(&w, item[i].at, item[i].len);
    }
    return SMX_ROUND_MAX - w.left;
}

enum smx_err smx_round_decode(struct smx_round_item item[SMX_ROUND_COUNT], size_t *count, const uint8_t *in,
                              size_t len)
{
    struct smx_rd r = {in, len, false};
    int n = read_head(&r, round_magic);

    *count = 0;
    for (int i = 0; i < n; i++) {
        item[i].len = smx_rd_u16(&r);
        item[i].at = smx_rd_view(&r, item[i].len);
        if (r.bad || item[i].len == 0 || item[i].len > SMX_UPLOAD_MAX)
            return SMX_E_MALFORMED;
    }
    if (n < 0 || !smx_rd_done(&r))
        return SMX_E_MALFORMED;
    *count = (size_t)n;
    return SMX_OK;
}

size_t smx_round_reply_encode(uint8_t out[SMX_ROUND_REPLY_MAX], const uint8_t *result, size_t count)
{
    struct smx_wr w = {out, SMX_ROUND_REPLY_MAX};

    write_head(&w, reply_magic, count);
    smx_wr_bytes(&w, result, count);
    return SMX_ROUND_REPLY_MAX - w.left;
}

enum smx_err smx_round_reply_decode(uint8_t result[SMX_ROUND_COUNT], size_t count, const uint8_t *in,
                                    size_t len)
{
    struct smx_rd r = {in, len, false};
    int n = read_head(&r, reply_magic);

    if (n < 0 || (size_t)n != count || r.left != count)
        return SMX_E_MALFORMED;
    smx_rd_bytes(&r, result, count);
    return SMX_OK;
}
