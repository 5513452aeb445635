/* tests/bench/bench_city.c - how fast a simulated city goes by, and what an always-on client in it takes of
 * memory.  The network comes to life as the scenario says; then measured time, with its calls, is timed
 * second by second: CPU seconds for one of virtual time.  Resident memory is that of the whole program at its
 * worst, divided by the clients: relays, directory and simulator with it.  One line of JSON.
 *
 * bench_city [KEY=VALUE...]: sets keys of city-100; without any, a part of it that takes seconds. */
#include "sim/run.h"
#include "tests/bench/bench.h"

#include <sodium.h>
#include <string.h>
#include <sys/resource.h>

enum { TEXT_MAX = 4096, STEPS = 10, SEED = 1 }; /* steps of 100 ms */

static void set(struct smx_scenario *s, const char *key, const char *value)
{
    char why[SMX_SCENARIO_WHY] = "";

    if (smx_scenario_set(s, key, value, why) == SMX_OK)
        return;
    fprintf(stderr, "bench_city: %s: %s\n", key, why);
    exit(1);
}

static void set_line(struct smx_scenario *s, const char *line)
{
    char key[TEXT_MAX];
    const char *is = strchr(line, '=');

    need(is != NULL && (size_t)(is - line) < sizeof key, "usage: bench_city [KEY=VALUE...]");
    memcpy(key, line, (size_t)(is - line));
    key[is - line] = '\0';
    set(s, key, is + 1);
}

static void city(struct smx_scenario *s)
{
    char text[TEXT_MAX], why[SMX_SCENARIO_WHY] = "";
    FILE *f = fopen("sim/scenarios/city-100.scenario", "r");
    size_t len;

    need(f != NULL, "start it where the sources are: no sim/scenarios/city-100.scenario");
    len = fread(text, 1, sizeof text - 1, f);
    fclose(f);
    text[len] = '\0';
    smx_scenario_preset(s);
    need(smx_scenario_read(s, text, why) == SMX_OK, why);
}

int main(int argc, char **argv)
{
    static const char *const part[] = {"relays=20",        "clients=60",      "calls.concurrent=20",
                                       "relays_ahead=1 s", "param.batch_s=2", "start=1 s",
                                       "settle=0 s",       "duration=9 s"};
    static struct smx_scenario s;
    char why[SMX_SCENARIO_WHY] = "";
    struct runs cpu = {{0}};
    struct rusage usage;
    struct smx_sim *sim;
    uint64_t sent;
    size_t i;

    need(sodium_init() >= 0, "libsodium can't start");
    city(&s);
    for (i = 0; argc == 1 && i < sizeof part / sizeof part[0]; i++)
        set_line(&s, part[i]);
    for (int k = 1; k < argc; k++)
        set_line(&s, argv[k]);
    need(smx_scenario_check(&s, why) == SMX_OK, why);
    need(s.duration >= SMX_SECOND(BENCH_RUNS), "duration must be 9 s or more");
    sim = smx_sim_new(&s, SEED);
    need(smx_sim_ready(sim), "not all clients are ready");
    sent = smx_world_counters(smx_sim_network(sim)->world)->sent;
    for (i = 0; i < BENCH_RUNS; i++) {
        double start = cpu_ns();

        for (int k = 0; k < STEPS; k++)
            (void)smx_sim_step(sim);
        cpu.of[i] = (cpu_ns() - start) / 1e9;
    }
    sent = smx_world_counters(smx_sim_network(sim)->world)->sent - sent;
    need(getrusage(RUSAGE_SELF, &usage) == 0, "getrusage failed");
    printf("{\"relays\": %u, \"clients\": %u, \"datagrams a second\": %.0f", (unsigned)s.relays,
           (unsigned)s.clients, (double)sent / BENCH_RUNS);
    print_runs("CPU seconds a second", &cpu, 3);
    printf(", \"resident KiB a client\": %.1f}\n", (double)usage.ru_maxrss / (double)s.clients);
    smx_sim_free(sim);
    return 0;
}
