/* tests/bench/bench_memory.c - what an always-on client takes of memory, the relays' state for it included.
 *
 * A whole network of cores in virtual time, idle.  Resident memory and that of malloc are read before there
 * is anything, once all clients are ready, and when each circuit has been renewed; all of it counts, divided
 * by the clients: relays with their tables, the directory, the simulator.  One line of JSON. bench_memory
 * [CLIENTS [RELAYS [SECONDS]]] */
#include "sim/network.h"
#include "tests/bench/bench.h"

#include <malloc.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    CLIENTS = 60,
    RELAYS = 9,
    EPOCH_S = 120,
    READY_MS = 120000,
    CIRCUITS = 4,
    LAYERS = 3,
    LINK_FLOOR = 16,
    PLAYED = 2
};

struct memory {
    double resident, heap; /* bytes */
};

static struct memory now(void)
{
    FILE *f = fopen("/proc/self/statm", "r");
    char text[128], *resident;

    need(f && fgets(text, sizeof text, f), "/proc/self/statm can't be read");
    fclose(f);
    resident = strchr(text, ' '); /* pages: all, resident, ... */
    need(resident != NULL, "/proc/self/statm is not as it was");
    return (struct memory){(double)strtoul(resident, NULL, 10) * (double)sysconf(_SC_PAGESIZE),
                           (double)mallinfo2().uordblks};
}

static void print(const char *what, const struct memory *before, size_t clients)
{
    struct memory m = now();

    printf(", \"%s\": {\"resident\": %.0f, \"heap\": %.0f}", what,
           (m.resident - before->resident) / (double)clients, (m.heap - before->heap) / (double)clients);
}

int main(int argc, char **argv)
{
    size_t clients = argc > 1 ? strtoul(argv[1], NULL, 10) : CLIENTS;
    size_t relays = argc > 2 ? strtoul(argv[2], NULL, 10) : RELAYS;
    unsigned seconds = argc > 3 ? (unsigned)strtoul(argv[3], NULL, 10) : 2 * EPOCH_S;
    struct smx_sim_network_config config = smx_sim_network_preset(1);
    struct smx_sim_network *n;
    struct memory before;

    need(sodium_init() >= 0, "libsodium can't start");
    need(clients > 0 && relays >= SMX_SIM_BOOT_RELAYS, "usage: bench_memory [CLIENTS [RELAYS [SECONDS]]]");
    config.relays = relays;
    config.clients_max = clients;
    config.calls_max = PLAYED;
    config.texts_max = 0;
    config.params.epoch_s = EPOCH_S;
    config.params.link_floor = LINK_FLOOR;
    config.circuits_max = (uint32_t)(64 + clients * CIRCUITS * LAYERS * 2 / relays);
    config.client_links_max = (uint32_t)(16 + clients * LAYERS * 2 / relays);
    before = now();
    n = smx_sim_network_new(&config);
    printf("{\"clients\": %zu, \"relays\": %zu", clients, relays);
    print("relays alone", &before, clients);
    for (size_t i = 0; i < clients; i++)
        smx_sim_client_make(n, i, (uint32_t)i, "", 2);
    for (size_t i = 0; i < clients; i++)
        smx_sim_client_start(n, i);
    need(smx_sim_run_to_ready(n, READY_MS), "not all clients are ready");
    print("ready", &before, clients);
    fflush(stdout);
    smx_sim_run_for(n, seconds * 1000);
    print("renewed", &before, clients);
    printf("}\n");
    smx_sim_network_free(n);
    return 0;
}
