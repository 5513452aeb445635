#include "proto/circuit/cell.h"

#include "proto/base/bytes.h"

struct smx_cell_head smx_cell_head_read(const uint8_t cell[SMX_CELL_SIZE])
{
    struct smx_rd r = {cell, SMX_CELL_HEAD, false};
    struct smx_cell_head head;

    head.circuit = smx_rd_u32(&r);
    head.seq = smx_rd_u32(&r);
    return head;
}

void smx_cell_head_write(uint8_t cell[SMX_CELL_SIZE], struct smx_cell_head head)
{
    struct smx_wr w = {cell, SMX_CELL_HEAD};

    smx_wr_u32(&w, head.circuit);
    smx_wr_u32(&w, head.seq);
    smx_wr_done(&w);
}

uint64_t smx_cell_unwrap(uint32_t seq, uint64_t expected)
{
    int32_t ahead = (int32_t)(seq - (uint32_t)expected);

    if (ahead > SMX_CELL_SKEW || ahead < -SMX_CELL_SKEW)
        return 0;
    return expected + (uint64_t)(int64_t)ahead;
}

void smx_counts_init(struct smx_counts *c, uint64_t before)
{
    *c = (struct smx_counts){.last = before, .seen = UINT64_MAX};
}

bool smx_counts_accept(struct smx_counts *c, uint64_t count)
{
    uint64_t back;

    if (count > c->last) {
        uint64_t ahead = count - c->last;

        c->seen = ahead < 64 ? c->seen << ahead | 1 : 1;
        c->last = count;
        return true;
    }
    back = c->last - count;
    if (back >= 64 || (c->seen >> back & 1))
        return false;
    c->seen |= UINT64_C(1) << back;
    return true;
}

uint64_t smx_count_draw(struct smx_rng *rng)
{
    return SMX_COUNT_MIN + (smx_rng_u64(rng) & ((UINT64_C(1) << 48) - 1));
}
