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
