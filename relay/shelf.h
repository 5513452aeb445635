/* relay/shelf.h - places of one size, of which few are in use at a time.  There are as many as could ever be
 * needed, so a taker never goes without; but they are taken from the front, so memory that was never needed
 * was never touched, and takes none of the machine's.
 * Pure; sized at _new; a place never moves. */
#ifndef SMX_RELAY_SHELF_H
#define SMX_RELAY_SHELF_H

#include "proto/base/err.h"

#include <stddef.h>
#include <stdint.h>

#define SMX_SHELF_NONE UINT32_MAX

struct smx_shelf {
    uint8_t *bytes;
    size_t size; /* of one place, bytes */
    uint32_t cap, used;
    uint32_t fresh; /* places from here on were never taken */
    uint32_t free;  /* list of those given back; the first bytes of each name the next */
};

/* size is a multiple of 8. */
enum smx_err smx_shelf_new(struct smx_shelf *s, uint32_t cap, size_t size) SMX_MUST_CHECK;
void smx_shelf_free(struct smx_shelf *s);
/* A place, with whatever lay there before; asserted: there is one. */
uint32_t smx_shelf_take(struct smx_shelf *s);
/* SMX_SHELF_NONE is fine; *place is then that. */
void smx_shelf_give(struct smx_shelf *s, uint32_t *place);
void *smx_shelf_at(const struct smx_shelf *s, uint32_t place);

#endif
