/* proto/base/heap.h - deadlines of things with small numbers: which is due first?
 * A binary min-heap with back-pointers: each index 0..cap-1 has at most one deadline, which can be moved or
 * taken away in O(log n).  Equal deadlines leave in order of their index, so runs repeat exactly.
 * Pure; sized at _new, never full. */
#ifndef SMX_BASE_HEAP_H
#define SMX_BASE_HEAP_H

#include "proto/base/err.h"
#include "proto/base/time.h"

#include <stdbool.h>
#include <stdint.h>

struct smx_heap_item {
    smx_time deadline;
    uint32_t index;
};

struct smx_heap {
    struct smx_heap_item *item; /* [0] is due first; [i] not after [2i+1] and [2i+2] */
    uint32_t *place;            /* of each index: its position in item plus one, or 0 */
    uint32_t count, cap;
};

enum smx_err smx_heap_new(struct smx_heap *h, uint32_t cap) SMX_MUST_CHECK;
void smx_heap_free(struct smx_heap *h);
/* Gives index this deadline in place of any it had; SMX_NEVER takes it out. */
void smx_heap_set(struct smx_heap *h, uint32_t index, smx_time deadline);
/* The earliest deadline, or SMX_NEVER. */
smx_time smx_heap_deadline(const struct smx_heap *h);
/* Takes out the earliest when it is not after now; false when nothing is due. */
bool smx_heap_pop(struct smx_heap *h, smx_time now, uint32_t *index);

#endif
