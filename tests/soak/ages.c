/* tests/soak/ages.c - the network of tests/support/ages.h for hours.
 *
 *   ages [--hours H] [--seed N] [--relays N] [--clients N] [--epoch SECONDS] [--drift PPM]
 *        [--faults 0|1] [--tell 0|1]
 *
 * Prints one JSON line; what was violated, and when, goes to stderr, and with --tell also what happened. Exit
 * status 1 when something was violated. */
#include "sim/world.h"
#include "tests/support/ages.h"
#include "tests/support/option.h"

#include <sodium.h>
#include <time.h>

int main(int argc, char **argv)
{
    static struct ages ages;
    struct ages_config config = {.network = smx_sim_network_preset((uint64_t)option(argc, argv, "--seed", 1)),
                                 .clients = (size_t)option(argc, argv, "--clients", 4),
                                 .faults = option(argc, argv, "--faults", 1) != 0,
                                 .tells = option(argc, argv, "--tell", 0) != 0};
    unsigned seconds = (unsigned)(option(argc, argv, "--hours", 12) * 3600);
    struct timespec t0, t1;

    if (sodium_init() < 0 || config.clients < 2 || config.clients > CLIENTS_MAX)
        return 2;
    config.network.relays = (size_t)option(argc, argv, "--relays", 9);
    config.network.params.epoch_s = (uint32_t)option(argc, argv, "--epoch", 300);
    config.network.params.batch_s = 10;
    config.network.drift_ppm = (uint32_t)option(argc, argv, "--drift", 100);
    config.network.fetch_ms = config.network.params.epoch_s * 1000 / 60;
    config.network.circuits_max = 512;
    clock_gettime(CLOCK_MONOTONIC, &t0);
    if (!ages_begin(&ages, &config))
        return 1;
    ages_run(&ages, seconds);
    clock_gettime(CLOCK_MONOTONIC, &t1);
    ages_tell(&ages, (double)(t1.tv_sec - t0.tv_sec) + (double)(t1.tv_nsec - t0.tv_nsec) / 1e9);
    ages_end(&ages);
    return ages.verdict.count > 0;
}
