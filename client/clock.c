#include "client/clock.h"

bool smx_client_clock_follow(struct smx_clock *clock, const struct smx_endpoint *ep, uint32_t link,
                             smx_time now)
{
    int64_t ahead = 0;

    if (!smx_clock_is_due(clock, now))
        return false;
    if (link == SMX_LINK_NONE || !smx_link_is_up(ep, link) || !smx_link_drift(ep, link, now, &ahead))
        ahead = 0; /* it keeps the pace that it has learned */
    smx_clock_steer(clock, now, ahead);
    return smx_clock_is_at_bound(clock);
}
