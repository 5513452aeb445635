/* proto/base/pool.h - a table of objects of one size, named by handles that notice when they are stale.
 *   handle u32 = generation << index_bits | index;  a living object's generation is odd, so no handle is 0
 * Giving an object back makes all its handles stale at once.  The place that was free longest is taken next,
 * so a handle repeats only after at least 2^(31 - index_bits) uses of its place.
 * Pure; sized at _new; an object never moves. */
#ifndef SMX_BASE_POOL_H
#define SMX_BASE_POOL_H

#include "proto/base/err.h"

#include <stddef.h>
#include <stdint.h>

enum { SMX_POOL_CAP_MAX = 1 << 20 }; /* leaves 2048 generations at least */

struct smx_pool {
    uint8_t *bytes;
    uint32_t *generation; /* of each place; odd: in use */
    uint32_t *next;       /* free place after this one */
    size_t size;          /* of one object, bytes */
    uint32_t first_free, last_free, count, cap;
    unsigned index_bits;
};

/* cap from 1 to SMX_POOL_CAP_MAX. */
enum smx_err smx_pool_new(struct smx_pool *p, uint32_t cap, size_t size) SMX_MUST_CHECK;
void smx_pool_free(struct smx_pool *p); /* wipes */
/* A new object, zeroed, and its handle; NULL when full. */
void *smx_pool_take(struct smx_pool *p, uint32_t *handle);
/* The object of a handle, or NULL when that is stale or was never given out. */
void *smx_pool_get(const struct smx_pool *p, uint32_t handle);
/* Wipes the object and gives its place back.  SMX_E_ABSENT: stale handle, nothing done. */
enum smx_err smx_pool_give(struct smx_pool *p, uint32_t handle);
/* The place of a handle, 0..cap-1, for tables beside the pool such as a heap. */
uint32_t smx_pool_index(const struct smx_pool *p, uint32_t handle);
/* The handle of what stands at a place, or 0 when nothing does. */
uint32_t smx_pool_handle(const struct smx_pool *p, uint32_t index);

#endif
