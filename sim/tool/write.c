#include "sim/tool/tool.h"

#include "sim/stats.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool write_json(struct smx_result *r, const char *path)
{
    json_t *json = smx_result_to_json(r);
    char *text = json ? smx_json_pretty(json) : NULL;
    FILE *f = strcmp(path, "-") == 0 ? stdout : fopen(path, "w");
    bool good = text && f && fputs(text, f) >= 0;

    if (f && f != stdout)
        good = fclose(f) == 0 && good;
    if (!good)
        fprintf(stderr, NAME ": %s: %s\n", path, strerror(errno));
    free(text);
    json_decref(json);
    return good;
}

static void measure_line(const struct smx_result *r, enum smx_measure m, double scale, const char *unit)
{
    const struct smx_spread *s = &r->measure[m];

    if (s->count > 0)
        printf("  %-20s p50 %8.1f  p95 %8.1f  p99 %8.1f %s\n", smx_measure_text[m].name,
               smx_spread_quantile(s, 0.5) / scale, smx_spread_quantile(s, 0.95) / scale,
               smx_spread_quantile(s, 0.99) / scale, unit);
}

static void attack_line(const struct smx_attack_result *a)
{
    struct smx_interval in = smx_clopper_pearson(a->successes, a->trials, 0.999);

    printf("  %-24s %-9s %llu of %llu, 99.9 %%: %.4f to %.4f; chance %.4f%s\n", a->name, a->arm,
           (unsigned long long)a->successes, (unsigned long long)a->trials, in.low, in.high,
           smx_attack_chance(a), a->is_control ? " (control)" : "");
}

void write_summary(const struct smx_result *r)
{
    const uint64_t *t = r->tally;

    printf("%s: %zu seed%s, %.1f s of virtual time, %llu relays, %llu clients\n", r->scenario, r->seeds,
           r->seeds == 1 ? "" : "s", (double)r->virtual_ns / 1e9, (unsigned long long)r->relays,
           (unsigned long long)r->clients);
    printf("  calls: %llu placed, %llu rang, %llu answered, %llu refused, %llu failed, %llu cut off\n",
           (unsigned long long)t[SMX_T_CALLS_PLACED], (unsigned long long)t[SMX_T_CALLS_RANG],
           (unsigned long long)t[SMX_T_CALLS_ANSWERED], (unsigned long long)t[SMX_T_CALLS_REFUSED],
           (unsigned long long)t[SMX_T_CALLS_FAILED], (unsigned long long)t[SMX_T_CALLS_CUT]);
    if (t[SMX_T_CALLS_JUDGED] > 0)
        printf("  MOS 4.0 and more in %llu of %llu calls\n", (unsigned long long)t[SMX_T_CALLS_GOOD],
               (unsigned long long)t[SMX_T_CALLS_JUDGED]);
    measure_line(r, SMX_M_LATENCY, 1000, "ms");
    measure_line(r, SMX_M_LATENCY_NEAR, 1000, "ms");
    measure_line(r, SMX_M_JITTER, 1000, "ms");
    measure_line(r, SMX_M_LOSS, 10000, "%");
    measure_line(r, SMX_M_MOS, 1000, "");
    measure_line(r, SMX_M_SETUP, 1000, "ms");
    measure_line(r, SMX_M_READY, 1000000, "s");
    for (size_t i = 0; i < SMX_ROLE_COUNT; i++)
        if (r->traffic[i].nodes > 0)
            printf("  %-20s %8.0f kbit/s out, %8.0f in, in the mean of %llu\n", smx_role_name[i],
                   smx_spread_mean(&r->traffic[i].out) / 1000, smx_spread_mean(&r->traffic[i].in) / 1000,
                   (unsigned long long)r->traffic[i].nodes);
    for (size_t i = 0; i < r->attacks; i++)
        attack_line(&r->attack[i]);
}
