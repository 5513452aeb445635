/* proto/base/fetch.h - memory that is about to be used, asked for ahead: what lies far away, as one of many
 * links or circuits does, then comes while something else is worked on, and all of it at once.
 * A hint only: it changes nothing, and any address will do. */
#ifndef SMX_BASE_FETCH_H
#define SMX_BASE_FETCH_H

#include <stddef.h>
#include <stdint.h>

enum { SMX_FETCH_LINE = 64 }; /* bytes of a cache's line; where it has more, some hints are in vain */

static inline void smx_fetch(const void *from, size_t size)
{
    for (size_t at = 0; at < size; at += SMX_FETCH_LINE)
        __builtin_prefetch((const uint8_t *)from + at);
}

#endif
