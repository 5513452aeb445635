#include "proto/circuit/service.h"

#include "proto/base/bytes.h"

#include <assert.h>

enum { INDEX = 32, TIME = 8, STATUS = 1 };

/* Bytes of each type's content, least and most. */
static const struct {
    size_t min, max;
} bounds[] = {
    [SMX_SERVICE_LOOKUP] = {INDEX, INDEX},
    [SMX_SERVICE_ANSWER] = {0, SIZE_MAX},
    [SMX_SERVICE_INTRODUCE] = {SMX_SERVICE_INTRODUCTION, SMX_SERVICE_INTRODUCTION},
    [SMX_SERVICE_INTRODUCE_ACK] = {STATUS, STATUS},
    [SMX_SERVICE_UPLOAD] = {1, SIZE_MAX},
    [SMX_SERVICE_UPLOAD_ACK] = {STATUS, SIZE_MAX},
    [SMX_SERVICE_CONSENSUS_GET] = {TIME, TIME},
    [SMX_SERVICE_CONSENSUS] = {0, SIZE_MAX},
    [SMX_SERVICE_INTRODUCED] = {SMX_SERVICE_MSG1, SMX_SERVICE_MSG1},
};

static bool is_known(unsigned type)
{
    return type >= SMX_SERVICE_LOOKUP && type <= SMX_SERVICE_INTRODUCED;
}

static bool fits(unsigned type, size_t len)
{
    return len >= bounds[type].min && len <= bounds[type].max;
}

size_t smx_service_encode(uint8_t *out, const struct smx_service_msg *m)
{
    struct smx_wr w = {out, SMX_SERVICE_HEAD + m->len};

    assert(is_known(m->type) && fits(m->type, m->len));
    smx_wr_u8(&w, (uint8_t)m->type);
    smx_wr_u16(&w, m->request);
    smx_wr_bytes(&w, m->content, m->len);
    smx_wr_done(&w);
    return SMX_SERVICE_HEAD + m->len;
}

enum smx_err smx_service_decode(struct smx_service_msg *m, const uint8_t *in, size_t len)
{
    struct smx_rd r = {in, len, false};
    uint8_t type = smx_rd_u8(&r);
    uint16_t request = smx_rd_u16(&r);

    if (r.bad || !is_known(type) || !fits(type, r.left))
        return SMX_E_MALFORMED;
    *m = (struct smx_service_msg){(enum smx_service)type, request, r.at, r.left};
    return SMX_OK;
}
