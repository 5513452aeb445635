/* tests/soak/stranger.c - a stranger who calls again and again does not learn whether the callee is in a
 * call, and keeps no contact out; somebody whom the callee knows is told, which shows that the test would see
 * it.
 *
 *   stranger [--seed N] [--blocks N] [--attempts N]
 *
 * One JSON line for each experiment.  Exit status 1 when one came out otherwise than it must, at 99 %. */
#include "sim/world.h"
#include "tests/support/stranger.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

static size_t option(int argc, char **argv, const char *name, size_t preset)
{
    for (int i = 1; i + 1 < argc; i += 2)
        if (strcmp(argv[i], name) == 0)
            return strtoul(argv[i + 1], NULL, 10);
    return preset;
}

int main(int argc, char **argv)
{
    static struct stranger_result result;
    bool good = true;

    if (sodium_init() < 0)
        return 2;
    for (unsigned kind = 0; kind < 3; kind++) {
        struct stranger_config config = {.seed = option(argc, argv, "--seed", 1),
                                         .blocks = option(argc, argv, "--blocks", 40),
                                         .attempts = option(argc, argv, "--attempts", 6),
                                         .patient = kind == 1,
                                         .known = kind == 2};

        if (config.patient)
            config.attempts = 1;
        stranger_run(&result, &config);
        stranger_tell(&result, &config);
        good = good && result.ready && (result.p < 0.01) == config.known &&
               (config.known || result.contact_answered == result.contact_calls);
    }
    return good ? 0 : 1;
}
