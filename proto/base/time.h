/* proto/base/time.h - two clocks, two types: mixing them does not compile.
 * smx_time is the monotonic clock, for timers, ticks and deadlines; nobody else ever sees it.
 * struct smx_wall is the calendar, whole seconds, for documents and handshake timestamps. */
#ifndef SMX_BASE_TIME_H
#define SMX_BASE_TIME_H

#include <stdint.h>

typedef uint64_t smx_time; /* ns since some start */

#define SMX_NEVER     UINT64_MAX
#define SMX_US(n)     ((smx_time)(n)*1000U)
#define SMX_MS(n)     ((smx_time)(n)*1000000U)
#define SMX_SECOND(n) ((smx_time)(n)*1000000000U)

struct smx_wall {
    int64_t s; /* seconds since 1970-01-01 UTC */
};

static inline smx_time smx_time_min(smx_time a, smx_time b)
{
    return a < b ? a : b;
}

#endif
