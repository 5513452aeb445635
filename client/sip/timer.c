/* client/sip/timer.c - session timers (RFC 4028), on each leg by itself.
 * Source: docs/protocol/70-phone.md, section 4.
 *
 * Who refreshes does so at half the time, by re-INVITE; nobody refreshed for all of it but a third, or 32 s,
 * and the call is over.  A phone that knows no timers has none: its silence ends the call (media.c). */
#include "client/sip/core.h"

#include <string.h>

enum { INTERVAL = 1800, LEAST = 90, MOST = 86400, MARGIN = 32 }; /* seconds */

/* "1800;refresher=uas"; false: malformed. */
static bool read_expires(const struct smx_sip *sip, uint32_t *seconds, struct smx_span *refresher)
{
    const struct smx_span *line = smx_gate_get(&sip->gate, SMX_H_SESSION_EXPIRES);
    struct smx_span rest = line ? *line : (struct smx_span){NULL, 0};

    *seconds = 0;
    *refresher = (struct smx_span){NULL, 0};
    if (!line)
        return true;
    if (!smx_span_u32(smx_span_trim(smx_span_cut(&rest, ';')), UINT32_MAX, seconds))
        return false;
    while (rest.len > 0) {
        struct smx_span value = smx_span_cut(&rest, ';'), name = smx_span_trim(smx_span_cut(&value, '='));

        if (smx_span_is_nocase(name, "refresher"))
            *refresher = smx_span_trim(value);
    }
    return true;
}

unsigned smx_timer_asked(struct smx_leg *leg, const struct smx_sip *sip)
{
    bool known =
        smx_sip_has_option(sip, SMX_H_SUPPORTED, "timer") || smx_sip_has_option(sip, SMX_H_REQUIRE, "timer");
    struct smx_span refresher;
    uint32_t seconds;

    if (!read_expires(sip, &seconds, &refresher))
        return 400;
    if (seconds > 0 && seconds < LEAST && known)
        return 422;
    leg->expires = !known || seconds == 0 ? 0 : seconds < MOST ? seconds : MOST;
    leg->we_refresh = smx_span_is_nocase(refresher, "uas");
    return 0;
}

void smx_timer_offer(const struct smx_leg *leg, struct smx_request *request)
{
    request->expires = leg->min_expires > INTERVAL ? leg->min_expires : INTERVAL;
    request->min_expires = leg->min_expires;
    request->we_refresh = leg->we_refresh && leg->expires > 0;
}

void smx_timer_answer(const struct smx_leg *leg, struct smx_response *response)
{
    response->expires = leg->expires;
    response->we_refresh = leg->we_refresh;
}

void smx_timer_agreed(struct smx_leg *leg, const struct smx_sip *sip)
{
    struct smx_span refresher;
    uint32_t seconds;

    if (!read_expires(sip, &seconds, &refresher))
        seconds = 0;
    leg->expires = seconds == 0 ? 0 : seconds < LEAST ? LEAST : seconds < MOST ? seconds : MOST;
    leg->we_refresh = !smx_span_is_nocase(refresher, "uas");
}

void smx_timer_start(struct smx_leg *leg, smx_time now)
{
    uint32_t margin = leg->expires / 3 < MARGIN ? leg->expires / 3 : MARGIN;

    leg->refresh_at = leg->expires > 0 && leg->we_refresh ? now + SMX_MS(500) * leg->expires : SMX_NEVER;
    leg->expire_at = leg->expires > 0 ? now + SMX_SECOND(leg->expires - margin) : SMX_NEVER;
}

bool smx_timer_raised(struct smx_leg *leg, const struct smx_sip *sip)
{
    const struct smx_span *line = smx_gate_get(&sip->gate, SMX_H_MIN_SE);
    struct smx_span rest = line ? *line : (struct smx_span){NULL, 0};
    uint32_t least;

    if (!smx_span_u32(smx_span_trim(smx_span_cut(&rest, ';')), MOST, &least) || least <= INTERVAL ||
        least <= leg->min_expires)
        return false; /* what we asked for was enough: it would go on for ever */
    leg->min_expires = least;
    return true;
}
