#include "sim/shrink.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct shrinking {
    struct smx_swarm_plan *plan;
    const char *by;
    unsigned tries, most;
    smx_shrink_run run;
    void *arg;
};

/* Keeps the smaller plan if it fails in the same way. */
static bool keep_if_failing(struct shrinking *s, const struct smx_swarm_plan *smaller)
{
    const char *by;

    if (s->tries >= s->most)
        return false;
    s->tries++;
    by = s->run(s->arg, smaller);
    if (!by || strcmp(by, s->by) != 0)
        return false;
    *s->plan = *smaller;
    return true;
}

static void fewer_faults(struct shrinking *s)
{
    struct smx_swarm_plan p = *s->plan;

    for (size_t i = 0; i < p.fault_count; i++)
        p.fault[i].off = true;
    if (p.fault_count == 0 || keep_if_failing(s, &p))
        return;
    for (size_t half = 0; half < 2; half++) { /* one half, or the other */
        p = *s->plan;
        for (size_t i = 0; i < p.fault_count; i++)
            if ((i < p.fault_count / 2) == (half == 0))
                p.fault[i].off = true;
        if (keep_if_failing(s, &p))
            break;
    }
    for (size_t i = s->plan->fault_count; i-- > 0;) {
        if (s->plan->fault[i].off)
            continue;
        p = *s->plan;
        p.fault[i].off = true;
        keep_if_failing(s, &p);
    }
}

static void fewer_calls(struct shrinking *s)
{
    struct smx_swarm_plan p = *s->plan;

    for (size_t i = 0; i < p.call_count; i++)
        p.call[i].off = true;
    if (keep_if_failing(s, &p))
        return;
    for (size_t i = s->plan->call_count; i-- > 0;) {
        p = *s->plan;
        p.call[i].off = true;
        keep_if_failing(s, &p);
    }
}

static void fewer_nodes(struct shrinking *s)
{
    struct smx_swarm_plan p;

    while (s->plan->clients > SMX_SWARM_CLIENTS_MIN && s->tries < s->most) {
        p = *s->plan;
        p.clients--;
        if (!keep_if_failing(s, &p))
            break;
    }
    while (s->plan->relays > SMX_SWARM_RELAYS_MIN && s->tries < s->most) {
        p = *s->plan;
        p.relays--;
        if (!keep_if_failing(s, &p))
            break;
    }
}

static void shorter(struct shrinking *s)
{
    struct smx_swarm_plan p;

    while (s->plan->safety_ms >= 1000 && s->tries < s->most) {
        p = *s->plan;
        p.safety_ms /= 2;
        if (!keep_if_failing(s, &p))
            break;
    }
}

static void plainer(struct shrinking *s)
{
    struct smx_swarm_plan p = *s->plan;

    p.drift_ppm = p.jitter_us = p.fetch_ms = 0;
    keep_if_failing(s, &p);
}

unsigned smx_shrink(struct smx_swarm_plan *plan, const char *by, unsigned tries, smx_shrink_run run,
                    void *arg)
{
    struct shrinking s = {.plan = plan, .by = by, .most = tries, .run = run, .arg = arg};

    fewer_faults(&s);
    fewer_calls(&s);
    fewer_nodes(&s);
    shorter(&s);
    plainer(&s);
    return s.tries;
}

/* ---- flags ---- */

static const struct {
    const char *name;
    size_t offset;
    uint32_t min, max;
} flag[] = {
#define FLAG(text, field, least, most)                                                                       \
    {                                                                                                        \
        text, offsetof(struct smx_swarm_plan, field), least, most                                            \
    }
    FLAG("relays", relays, SMX_SWARM_RELAYS_MIN, SMX_SWARM_RELAYS),
    FLAG("clients", clients, SMX_SWARM_CLIENTS_MIN, SMX_SWARM_CLIENTS),
    FLAG("safety-ms", safety_ms, 1, 600000),
    FLAG("drift-ppm", drift_ppm, 0, 100),
    FLAG("jitter-us", jitter_us, 0, 100000),
    FLAG("fetch-ms", fetch_ms, 0, 60000),
    FLAG("open-one-in", open_one_in, 1, 1000),
#undef FLAG
};

static uint32_t *field_of(struct smx_swarm_plan *p, size_t i)
{
    return (uint32_t *)(void *)((char *)p + flag[i].offset);
}

static size_t list(char *text, size_t len, const char *name, const bool *off, size_t count)
{
    bool any = false, all = true;
    size_t at;

    for (size_t i = 0; i < count; i++) {
        any = any || off[i];
        all = all && off[i];
    }
    if (!any || len >= SMX_SWARM_TEXT)
        return len;
    at = len + (size_t)snprintf(text + len, SMX_SWARM_TEXT - len, " --%s%s", name, all ? " none" : "");
    for (size_t i = 0, n = 0; i < count && at < SMX_SWARM_TEXT; i++)
        if (!off[i])
            at += (size_t)snprintf(text + at, SMX_SWARM_TEXT - at, "%c%zu", n++ ? ',' : ' ', i);
    return at;
}

void smx_swarm_flags(const struct smx_swarm_plan *plan, char text[SMX_SWARM_TEXT])
{
    struct smx_swarm_plan own, copy = *plan;
    bool faults[SMX_SWARM_FAULTS], calls[SMX_SWARM_CALLS];
    size_t len = 0;

    smx_swarm_draw(&own, plan->seed);
    text[0] = 0;
    for (size_t i = 0; i < sizeof flag / sizeof flag[0]; i++)
        if (*field_of(&own, i) != *field_of(&copy, i) && len < SMX_SWARM_TEXT)
            len += (size_t)snprintf(text + len, SMX_SWARM_TEXT - len, " --%s %u", flag[i].name,
                                    *field_of(&copy, i));
    for (size_t i = 0; i < plan->fault_count; i++)
        faults[i] = plan->fault[i].off;
    for (size_t i = 0; i < plan->call_count; i++)
        calls[i] = plan->call[i].off;
    len = list(text, len, "faults", faults, plan->fault_count);
    list(text, len, "calls", calls, plan->call_count);
}

/* "0,3,5" or "none". */
static bool read_list(const char *value, bool *off, size_t count)
{
    for (size_t i = 0; i < count; i++)
        off[i] = true;
    if (strcmp(value, "none") == 0)
        return true;
    while (*value) {
        char *end;
        unsigned long i = strtoul(value, &end, 10);

        if (end == value || i >= count || (*end && *end != ','))
            return false;
        off[i] = false;
        value = *end ? end + 1 : end;
    }
    return true;
}

bool smx_swarm_flag(struct smx_swarm_plan *plan, const char *name, const char *value)
{
    bool off[SMX_SWARM_FAULTS > SMX_SWARM_CALLS ? SMX_SWARM_FAULTS : SMX_SWARM_CALLS];

    for (size_t i = 0; i < sizeof flag / sizeof flag[0]; i++) {
        char *end;
        unsigned long v;

        if (strcmp(name, flag[i].name) != 0)
            continue;
        v = strtoul(value, &end, 10);
        if (end == value || *end || v < flag[i].min || v > flag[i].max)
            return false;
        *field_of(plan, i) = (uint32_t)v;
        return true;
    }
    if (strcmp(name, "faults") == 0) {
        if (!read_list(value, off, plan->fault_count))
            return false;
        for (size_t i = 0; i < plan->fault_count; i++)
            plan->fault[i].off = off[i];
        return true;
    }
    if (strcmp(name, "calls") == 0) {
        if (!read_list(value, off, plan->call_count))
            return false;
        for (size_t i = 0; i < plan->call_count; i++)
            plan->call[i].off = off[i];
        return true;
    }
    return false;
}
