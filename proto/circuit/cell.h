/* proto/circuit/cell.h - the fixed-size cell.  Source: docs/protocol/20-cell.md, section 1.
 *   0 circuit u32 | 4 seq u32 | 8 body[216]      224 bytes, integers in network order
 * Circuit 0 is the link itself: its body is a link command (proto/circuit/command.h) and its seq is 0.
 * Pure: no I/O, clock or allocation; works on the caller's memory. */
#ifndef SMX_CIRCUIT_CELL_H
#define SMX_CIRCUIT_CELL_H

#include "proto/base/rng.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    SMX_CELL_HEAD = 4 + 4,                        /* bytes */
    SMX_CELL_BODY = 216,                          /* bytes, enciphered */
    SMX_CELL_SIZE = SMX_CELL_HEAD + SMX_CELL_BODY /* bytes */
};

/* What a cell's header says; every 224 bytes are a cell, so there is nothing to refuse here. */
struct smx_cell_head {
    uint32_t circuit; /* chosen by the receiver of the cell's direction; 0 = link command */
    uint32_t seq;     /* low half of the sender's 64-bit count for this direction */
};

struct smx_cell_head smx_cell_head_read(const uint8_t cell[SMX_CELL_SIZE]);
void smx_cell_head_write(uint8_t cell[SMX_CELL_SIZE], struct smx_cell_head head);

/* Counts begin at or above it. */
#define SMX_COUNT_MIN (UINT64_C(1) << 32)

/* The 64-bit count nearest to expected whose low half is seq.  Returns 0, which is never a count, when it
 * lies more than SMX_CELL_SKEW away.  expected >= SMX_COUNT_MIN - 1. */
enum { SMX_CELL_SKEW = 64 };
uint64_t smx_cell_unwrap(uint32_t seq, uint64_t expected);

/* Which counts of one direction have come: each is accepted once, within 64 of the newest. */
struct smx_counts {
    uint64_t last; /* newest accepted */
    uint64_t seen; /* bit i: last - i was accepted */
};
/* Before the first: nothing at or below `before` will be accepted. */
void smx_counts_init(struct smx_counts *c, uint64_t before);
/* True, and noted, the first time. */
bool smx_counts_accept(struct smx_counts *c, uint64_t count);

/* A count to start with: random between 2^32 and 2^48 + 2^32, so that it neither wraps nor shows an age. */
uint64_t smx_count_draw(struct smx_rng *rng);

#endif
