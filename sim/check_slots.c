#include "sim/check_slots.h"

#include "client/core.h"

#include <stdio.h>

bool smx_slots_are_idle(const struct smx_client *c)
{
    for (size_t i = 0; i < c->slots; i++)
        if (c->meeting[i].state != MEETING_IDLE ||
            (smx_circuit_is_open(&c->circuit[c->meeting[i].slot]) && !c->meeting[i].cookie_ready))
            return false;
    return true;
}

bool smx_slots_are_settled(const struct smx_client *c)
{
    for (size_t i = 0; i < c->slots; i++)
        if (!smx_meeting_is_only_kept_open(c, &c->meeting[i]) &&
            (c->meeting[i].state != MEETING_IDLE ||
             (smx_circuit_is_open(&c->circuit[c->meeting[i].slot]) && !c->meeting[i].cookie_ready)))
            return false;
    return true;
}

size_t smx_slots_for_a_call(const struct smx_client *c)
{
    size_t count = smx_slots_free(c);

    for (size_t i = 0; i < c->slots; i++)
        count += smx_meeting_is_only_kept_open(c, &c->meeting[i]);
    return count;
}

size_t smx_slots_free(const struct smx_client *c)
{
    size_t count = 0;

    for (size_t i = 0; i < c->slots; i++)
        count += c->meeting[i].state == MEETING_IDLE && c->meeting[i].cookie_ready;
    return count;
}

const char *smx_slots_text(const struct smx_client *c, char text[SMX_COMPLAINT])
{
    int len = 0;

    for (size_t i = 0; i < c->slots; i++)
        len +=
            snprintf(text + len, (size_t)SMX_COMPLAINT - (size_t)len,
                     "%smeeting %zu: state %d, cookie %d, circuit %d", i ? "; " : "", i, c->meeting[i].state,
                     c->meeting[i].cookie_ready, c->circuit[c->meeting[i].slot].origin.state);
    return text;
}
