/* proto/base/bytes.h - a reader and a writer over somebody's bytes that cannot overrun.
 * Integers are in network order.  A reader past its end sets bad and yields zeros; the caller checks
 * once, with smx_rd_done.  A writer's room is known beforehand: overrunning it is our bug (assert).
 * Pure; no allocation; both borrow the memory for their life. */
#ifndef SMX_BASE_BYTES_H
#define SMX_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct smx_rd {
    const uint8_t *at;
    size_t left; /* bytes */
    bool bad;    /* a read went past the end */
};

struct smx_wr {
    uint8_t *at;
    size_t left; /* bytes */
};

uint8_t smx_rd_u8(struct smx_rd *r);
uint16_t smx_rd_u16(struct smx_rd *r);
uint32_t smx_rd_u32(struct smx_rd *r);
uint64_t smx_rd_u64(struct smx_rd *r);
/* Copies len bytes to out, or zeros when there are fewer. */
void smx_rd_bytes(struct smx_rd *r, void *out, size_t len);
/* A view of len bytes inside the input, or NULL when there are fewer. */
const uint8_t *smx_rd_view(struct smx_rd *r, size_t len);
/* Reads len bytes that must be zero; others set bad. */
void smx_rd_zeros(struct smx_rd *r, size_t len);
/* True when nothing was short and nothing is left. */
bool smx_rd_done(const struct smx_rd *r);

void smx_wr_u8(struct smx_wr *w, uint8_t v);
void smx_wr_u16(struct smx_wr *w, uint16_t v);
void smx_wr_u32(struct smx_wr *w, uint32_t v);
void smx_wr_u64(struct smx_wr *w, uint64_t v);
void smx_wr_bytes(struct smx_wr *w, const void *in, size_t len);
void smx_wr_zeros(struct smx_wr *w, size_t len);
/* Fills what is left with zeros. */
void smx_wr_pad(struct smx_wr *w);
/* Asserts that the writer is exactly full. */
void smx_wr_done(const struct smx_wr *w);

#endif
