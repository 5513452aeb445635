#include "proto/doc/params.h"

#include <string.h>

#define ROW(field, preset, min, max, what)                                                                   \
    {                                                                                                        \
#field, offsetof(struct smx_params, field), preset, min, max, what                                   \
    }

const struct smx_param_def smx_param_table[] = {
    ROW(tick_ms, 10, 5, 50, "ms, mix clock of relays"),
    ROW(slot_period_ms, 20, 10, 100, "ms, one cell of a media slot each way"),
    ROW(listen_period_ms, 40, 20, 200, "ms, one cell of a listening or errand circuit each way"),
    ROW(epoch_s, 3600, 30, 86400, "s, one consensus, one onion key, one renewal"),
    ROW(margin_min_us, 1000, 100, 100000, "us, least jitter margin of a link"),
    ROW(margin_max_us, 15000, 100, 100000, "us, greatest jitter margin of a link"),
    ROW(margin_unknown_us, 5000, 100, 100000, "us, jitter margin while unknown"),
    ROW(batch_s, 300, 2, 3600, "s, interval of batches and of rounds of uploads"),
    ROW(batch_valid, 6, 2, 100, "batch intervals until an answer is refused"),
    ROW(link_floor, 1, 1, 64, "datagrams per tick on every link at least"),
    ROW(fanout, 64, 3, 64, "neighbours per adjacent layer; relays of the end layer"),
    ROW(floor_circuits, 32, 0, 4096, "live circuits below which a relay adds idle clients"),
    ROW(slots_max, 2, 1, 4, "media slots of a client"),
    ROW(distinct_subnets, 1, 0, 1, "1: a path never has two relays of one subnet"),
    ROW(private_addresses, 0, 0, 1, "1: private and loopback addresses are allowed"),
    ROW(claim_work_bits, 18, 0, 40, "bits of work in an upload"),
    ROW(name_grace_s, 2592000, 60, 31536000, "s until a name lapses that nobody renews"),
    ROW(nearness, 4, 0, 8, "how strongly middle and end relays are drawn by nearness to the others"),
    ROW(nearness_guard, 0, 0, 8, "the same of guards"),
    ROW(consensus_valid, 3, 2, 24, "epochs until a consensus is refused"),
};

const size_t smx_param_count = sizeof smx_param_table / sizeof smx_param_table[0];

/* Every field has its row: a field without one would travel in no consensus. */
_Static_assert(sizeof smx_param_table / sizeof smx_param_table[0] * sizeof(uint32_t) ==
                   sizeof(struct smx_params),
               "one row per parameter");

static void put(struct smx_params *p, const struct smx_param_def *def, uint32_t value)
{
    memcpy((char *)p + def->offset, &value, sizeof value);
}

void smx_params_preset(struct smx_params *p)
{
    for (size_t i = 0; i < smx_param_count; i++)
        put(p, &smx_param_table[i], smx_param_table[i].preset);
}

const struct smx_param_def *smx_param_find(const char *name)
{
    for (size_t i = 0; i < smx_param_count; i++)
        if (strcmp(smx_param_table[i].name, name) == 0)
            return &smx_param_table[i];
    return NULL;
}

uint32_t smx_param_get(const struct smx_params *p, const struct smx_param_def *def)
{
    uint32_t value;

    memcpy(&value, (const char *)p + def->offset, sizeof value);
    return value;
}

enum smx_err smx_param_set(struct smx_params *p, const struct smx_param_def *def, uint64_t value)
{
    if (value < def->min || value > def->max)
        return SMX_E_MALFORMED;
    put(p, def, (uint32_t)value);
    return SMX_OK;
}

enum smx_err smx_params_check(const struct smx_params *p, const char **why)
{
    const char *broken = NULL;

    for (size_t i = 0; i < smx_param_count; i++) {
        uint32_t value = smx_param_get(p, &smx_param_table[i]);

        if (value < smx_param_table[i].min || value > smx_param_table[i].max)
            broken = "a parameter is out of its range";
    }
    if (!broken && p->slot_period_ms % p->tick_ms != 0)
        broken = "slot_period_ms must be a multiple of tick_ms";
    else if (!broken && p->listen_period_ms != 2 * p->slot_period_ms)
        broken = "listen_period_ms must be twice slot_period_ms";
    else if (!broken && (p->margin_min_us > p->margin_unknown_us || p->margin_unknown_us > p->margin_max_us))
        broken = "margins must be in order: margin_min_us, margin_unknown_us, margin_max_us";
    else if (!broken && p->batch_s > p->epoch_s)
        broken = "batch_s must not be above epoch_s";
    if (why)
        *why = broken;
    return broken ? SMX_E_MALFORMED : SMX_OK;
}
