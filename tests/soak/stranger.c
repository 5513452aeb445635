/* tests/soak/stranger.c - a stranger who calls again and again does not learn whether the callee is in a
 * call, and keeps no contact out; somebody whom the callee knows is told, which shows that the test would see
 * it.
 *
 *   stranger [--seed N] [--blocks N] [--attempts N]
 *
 * One JSON line for each experiment.  Exit status 1 when one came out otherwise than it must, at 99 %. */
#include "sim/adversary/polling.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static size_t option(int argc, char **argv, const char *name, size_t preset)
{
    for (int i = 1; i + 1 < argc; i += 2)
        if (strcmp(argv[i], name) == 0)
            return strtoul(argv[i + 1], NULL, 10);
    return preset;
}

static void tell(const struct smx_polling *r, const struct smx_polling_config *config)
{
    printf("{\"attack\": \"stranger\", \"seed\": %llu, \"known\": %s, \"patient\": %s, \"blocks\": %zu, "
           "\"attempts\": %zu, \"rang\": %zu, \"refused\": %zu, \"silent\": %zu, \"contact_calls\": %zu, "
           "\"contact_answered\": %zu, \"d\": %.3f, \"p\": %.4f}\n",
           (unsigned long long)config->seed, config->known ? "true" : "false",
           config->patient ? "true" : "false", r->blocks, r->attempts, r->rang, r->refused, r->silent,
           r->contact_calls, r->contact_answered, r->d, r->p);
}

int main(int argc, char **argv)
{
    static struct smx_polling result;
    bool good = true;

    if (sodium_init() < 0)
        return 2;
    for (unsigned kind = 0; kind < 3; kind++) {
        struct smx_polling_config config = {.seed = option(argc, argv, "--seed", 1),
                                            .blocks = option(argc, argv, "--blocks", 40),
                                            .attempts = option(argc, argv, "--attempts", 6),
                                            .patient = kind == 1,
                                            .known = kind == 2};

        if (config.patient)
            config.attempts = 1;
        smx_polling_run(&result, &config);
        tell(&result, &config);
        good = good && result.ready && (result.p < 0.01) == config.known &&
               (config.known || result.contact_answered == result.contact_calls);
    }
    return good ? 0 : 1;
}
