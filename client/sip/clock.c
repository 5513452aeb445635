/* client/sip/clock.c - see clock.h. */
#include "client/sip/clock.h"

#include <time.h> /* before the library, which forgets it */
#include <sys/time.h>
#include <osip2/osip_time.h>

static _Thread_local smx_time library_now;

void smx_sip_clock_set(smx_time now)
{
    library_now = now;
}

int osip_gettimeofday(struct timeval *tp, void *tz)
{
    (void)tz;
    tp->tv_sec = (time_t)(library_now / SMX_SECOND(1));
    tp->tv_usec = (suseconds_t)(library_now % SMX_SECOND(1) / SMX_US(1));
    return 0;
}
