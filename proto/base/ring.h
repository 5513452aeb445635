/* proto/base/ring.h - a bounded queue of things of one size, first in, first out.
 * Pure; sized at _new.  A pointer into the ring holds until that element is popped. */
#ifndef SMX_BASE_RING_H
#define SMX_BASE_RING_H

#include "proto/base/err.h"

#include <stddef.h>
#include <stdint.h>

struct smx_ring {
    uint8_t *bytes;
    size_t size; /* of one element, bytes */
    uint32_t first, count, cap;
};

enum smx_err smx_ring_new(struct smx_ring *r, uint32_t cap, size_t size) SMX_MUST_CHECK;
void smx_ring_free(struct smx_ring *r); /* wipes */
/* Room for a new last element, zeroed, to be filled by the caller; NULL when full. */
void *smx_ring_push(struct smx_ring *r);
/* The first element, or NULL when empty. */
void *smx_ring_front(const struct smx_ring *r);
/* Wipes the first element, which must be there, and drops it. */
void smx_ring_pop(struct smx_ring *r);

#endif
