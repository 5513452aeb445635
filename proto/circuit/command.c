#include "proto/circuit/command.h"

#include "proto/base/bytes.h"

#include <string.h>

static struct smx_rd content_of(const uint8_t cell[SMX_CELL_SIZE])
{
    struct smx_rd r = {cell + SMX_CELL_HEAD + 1, SMX_CELL_BODY - 1, false};

    return r;
}

static bool ends_well(struct smx_rd *r)
{
    smx_rd_zeros(r, r->left);
    return smx_rd_done(r);
}

static struct smx_wr begin(uint8_t cell[SMX_CELL_SIZE], enum smx_command_type type)
{
    struct smx_wr w = {cell, SMX_CELL_SIZE};

    smx_wr_zeros(&w, SMX_CELL_HEAD); /* circuit 0, seq 0 */
    smx_wr_u8(&w, (uint8_t)type);
    return w;
}

uint8_t smx_command_type(const uint8_t cell[SMX_CELL_SIZE])
{
    return cell[SMX_CELL_HEAD];
}

void smx_filler_encode(uint8_t cell[SMX_CELL_SIZE])
{
    memset(cell, 0, SMX_CELL_SIZE);
}

enum smx_err smx_create_decode(struct smx_create *c, const uint8_t cell[SMX_CELL_SIZE])
{
    struct smx_rd r = content_of(cell);
    struct smx_create got;

    got.suite = smx_rd_u8(&r);
    smx_rd_bytes(&r, got.tag, sizeof got.tag);
    got.period = smx_rd_u8(&r);
    got.back_class = smx_rd_u8(&r);
    got.back_id = smx_rd_u32(&r);
    got.first_tick = smx_rd_u32(&r);
    got.first_number = smx_rd_u64(&r);
    got.replaces = smx_rd_u32(&r);
    got.work = smx_rd_u64(&r);
    smx_rd_bytes(&r, got.msg1, sizeof got.msg1);
    if (got.period > SMX_PERIOD_LISTEN || got.back_id == 0 || got.first_number < SMX_COUNT_MIN)
        return SMX_E_MALFORMED;
    if (got.suite == SMX_SUITE_1 && !ends_well(&r)) /* another suite's message may be longer; it is refused */
        return SMX_E_MALFORMED;
    *c = got;
    return SMX_OK;
}

void smx_create_encode(uint8_t cell[SMX_CELL_SIZE], const struct smx_create *c)
{
    struct smx_wr w = begin(cell, SMX_CMD_CREATE);

    smx_wr_u8(&w, c->suite);
    smx_wr_bytes(&w, c->tag, sizeof c->tag);
    smx_wr_u8(&w, c->period);
    smx_wr_u8(&w, c->back_class);
    smx_wr_u32(&w, c->back_id);
    smx_wr_u32(&w, c->first_tick);
    smx_wr_u64(&w, c->first_number);
    smx_wr_u32(&w, c->replaces);
    smx_wr_u64(&w, c->work);
    smx_wr_bytes(&w, c->msg1, sizeof c->msg1);
    smx_wr_pad(&w);
}

enum smx_err smx_created_decode(struct smx_created *c, const uint8_t cell[SMX_CELL_SIZE])
{
    struct smx_rd r = content_of(cell);
    struct smx_created got;

    got.back_id = smx_rd_u32(&r);
    got.forward_id = smx_rd_u32(&r);
    got.first_tick = smx_rd_u32(&r);
    got.first_number = smx_rd_u64(&r);
    smx_rd_bytes(&r, got.msg2, sizeof got.msg2);
    if (!ends_well(&r) || got.back_id == 0 || got.forward_id == 0 || got.first_number < SMX_COUNT_MIN)
        return SMX_E_MALFORMED;
    *c = got;
    return SMX_OK;
}

void smx_created_encode(uint8_t cell[SMX_CELL_SIZE], const struct smx_created *c)
{
    struct smx_wr w = begin(cell, SMX_CMD_CREATED);

    smx_wr_u32(&w, c->back_id);
    smx_wr_u32(&w, c->forward_id);
    smx_wr_u32(&w, c->first_tick);
    smx_wr_u64(&w, c->first_number);
    smx_wr_bytes(&w, c->msg2, sizeof c->msg2);
    smx_wr_pad(&w);
}

enum smx_err smx_refused_decode(struct smx_refused *c, const uint8_t cell[SMX_CELL_SIZE])
{
    struct smx_rd r = content_of(cell);
    struct smx_refused got;

    got.back_id = smx_rd_u32(&r);
    got.reason = smx_rd_u8(&r);
    got.bits = smx_rd_u8(&r);
    if (!ends_well(&r) || got.back_id == 0)
        return SMX_E_MALFORMED;
    *c = got;
    return SMX_OK;
}

void smx_refused_encode(uint8_t cell[SMX_CELL_SIZE], const struct smx_refused *c)
{
    struct smx_wr w = begin(cell, SMX_CMD_REFUSED);

    smx_wr_u32(&w, c->back_id);
    smx_wr_u8(&w, c->reason);
    smx_wr_u8(&w, c->bits);
    smx_wr_pad(&w);
}

enum smx_err smx_release_decode(struct smx_release *c, const uint8_t cell[SMX_CELL_SIZE])
{
    struct smx_rd r = content_of(cell);
    struct smx_release got;

    got.id = smx_rd_u32(&r);
    if (!ends_well(&r) || got.id == 0)
        return SMX_E_MALFORMED;
    *c = got;
    return SMX_OK;
}

void smx_release_encode(uint8_t cell[SMX_CELL_SIZE], const struct smx_release *c)
{
    struct smx_wr w = begin(cell, SMX_CMD_RELEASE);

    smx_wr_u32(&w, c->id);
    smx_wr_pad(&w);
}

enum smx_err smx_introduce_part_decode(struct smx_introduce_part *c, const uint8_t cell[SMX_CELL_SIZE])
{
    struct smx_rd r = content_of(cell);
    struct smx_introduce_part got;

    got.handle = smx_rd_u64(&r);
    got.part = smx_rd_u8(&r);
    smx_rd_bytes(&r, got.bytes, sizeof got.bytes);
    if (!ends_well(&r) || got.part >= SMX_INTRODUCE_PARTS)
        return SMX_E_MALFORMED;
    *c = got;
    return SMX_OK;
}

void smx_introduce_part_encode(uint8_t cell[SMX_CELL_SIZE], const struct smx_introduce_part *c)
{
    struct smx_wr w = begin(cell, SMX_CMD_INTRODUCE);

    smx_wr_u64(&w, c->handle);
    smx_wr_u8(&w, c->part);
    smx_wr_bytes(&w, c->bytes, sizeof c->bytes);
    smx_wr_pad(&w);
}

enum smx_err smx_introduced_decode(struct smx_introduced *c, const uint8_t cell[SMX_CELL_SIZE])
{
    struct smx_rd r = content_of(cell);
    struct smx_introduced got;

    got.handle = smx_rd_u64(&r);
    if (!ends_well(&r))
        return SMX_E_MALFORMED;
    *c = got;
    return SMX_OK;
}

void smx_introduced_encode(uint8_t cell[SMX_CELL_SIZE], const struct smx_introduced *c)
{
    struct smx_wr w = begin(cell, SMX_CMD_INTRODUCED);

    smx_wr_u64(&w, c->handle);
    smx_wr_pad(&w);
}

enum smx_err smx_command_segment(const uint8_t **segment, size_t *len, const uint8_t cell[SMX_CELL_SIZE])
{
    struct smx_rd r = content_of(cell);
    size_t got_len = smx_rd_u8(&r);
    const uint8_t *got = smx_rd_view(&r, got_len);

    if (!ends_well(&r))
        return SMX_E_MALFORMED;
    *segment = got;
    *len = got_len;
    return SMX_OK;
}

void smx_command_segment_encode(uint8_t cell[SMX_CELL_SIZE], const uint8_t *segment, size_t len)
{
    struct smx_wr w = begin(cell, SMX_CMD_STREAM);

    smx_wr_u8(&w, (uint8_t)len);
    smx_wr_bytes(&w, segment, len);
    smx_wr_pad(&w);
}
