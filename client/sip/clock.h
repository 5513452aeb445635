/* client/sip/clock.h - the time that libosip2 sees.
 * The library asks osip_gettimeofday for the time; the program's definition comes before its own (it is an
 * ordinary dynamic symbol), and this is it.  Every verb of the phone side sets the time first, so the library
 * lives in the same time as its caller, real or simulated.  One value per thread, the only variable of its
 * kind. */
#ifndef SMX_SIP_CLOCK_H
#define SMX_SIP_CLOCK_H

#include "proto/base/time.h"

void smx_sip_clock_set(smx_time now);

#endif
