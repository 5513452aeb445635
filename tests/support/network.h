/* tests/support/network.h - a whole network in virtual time: the directory's core, relay cores, client
 * cores, and phones that are played.  What the daemons carry between the cores (documents, rounds of uploads)
 * is carried here, each half second.  The same configuration gives the same run.
 *
 * Relays are the world's nodes 0, 1, ..., clients the ones behind. */
#ifndef SMX_TEST_NETWORK_H
#define SMX_TEST_NETWORK_H

#include "directory/directory.h"
#include "proto/crypto/keypair.h"
#include "relay/relay.h"
#include "tests/support/played.h"

enum { NETWORK_RELAYS = 24, NETWORK_CLIENTS = 16, BOOT_RELAYS = 3, START = 1790000010 };

struct network_config {
    uint64_t seed;
    size_t relays;
    uint32_t epoch_s, batch_s;
    uint32_t floor_circuits; /* as in the consensus; 0: no idle clients of relays */
    uint32_t drift_ppm;      /* each relay's and client's clock runs wrong by up to so much, either way */
    uint32_t fetch_ms;       /* a relay has a new consensus, batch and so on up to so much later */
    uint32_t circuits_max;   /* of a relay */
    uint32_t name_grace_s;   /* until a name lapses; 0: the preset's month */
    size_t uploads_busy;     /* of the directory */
    struct smx_net_path path;
};

struct network_relay {
    struct smx_relay *core; /* NULL: it is dead */
    uint8_t id[32], secret[64];
    struct smx_x25519 link;
    uint8_t onion[SMX_RELAY_ONION_STATE]; /* as its disk has it */
    size_t onion_len;
    bool dead;                  /* says nothing to the directory any more */
    uint64_t described;         /* epoch of its descriptor */
    uint8_t consensus_hash[32]; /* of the one it has */
    smx_time fetches;           /* when it sees what is new */
    uint64_t batch;
    smx_time born;
};

struct network {
    struct network_config config;
    struct smx_world *world;
    struct smx_network file;
    struct smx_directory *directory;
    struct smx_store *store;
    bool directory_down; /* nobody reaches it, and it does nothing */
    size_t relays, clients;
    struct network_relay relay[NETWORK_RELAYS];
    struct user user[NETWORK_CLIENTS];
    uint64_t round;
    uint32_t moves;                                   /* addresses given to those who moved */
    void (*consensus_taken)(void *arg, size_t relay); /* told when a relay has a new one; NULL: nobody */
    void *consensus_arg;
};

/* 9 relays, epochs of 60 s, batches each 5 s, exact clocks, everything at once, a quick network. */
struct network_config network_preset(uint64_t seed);
/* Relays and directory; they have had some seconds to find each other. */
struct network *network_start(const struct network_config *config);
struct network *network_without_clients(uint64_t seed);
void network_free(struct network *n);

/* ---- clients ---- */

/* Client i, whose identity comes from `seed`; its phones are silent, and it is not in the world yet. */
void make_client(struct network *n, size_t i, uint8_t seed, const char *name, uint8_t slots);
/* What the next make_client would hand to smx_client_new, except for phone, identities and slots. */
void start_client(struct network *n, size_t i);
/* Ends it and starts another with what it kept on its disk.  Its phones' calls are over. */
void restart_client(struct network *n, size_t i);
/* It sleeps: nothing is done, and what comes is lost.  Until start_client. */
void sleep_client(struct network *n, size_t i);
/* It has another address from now on, and doesn't know. */
void move_client(struct network *n, size_t i);

/* ---- relays ---- */

void kill_relay(struct network *n, size_t i);
/* A dead one again, with its keys, and nothing else. */
void revive_relay(struct network *n, size_t i);
/* Number of the relay with this identity; n->relays: none. */
size_t relay_number(const struct network *n, const uint8_t id[32]);

/* ---- time ---- */

void run_for(struct network *n, unsigned ms);
bool is_ready(const struct network *n);
/* False, and it says why: they are not ready even then. */
bool run_to_ready(struct network *n, unsigned ms);
/* What the cores counted, for whoever reads a failed test. */
void explain(const struct network *n);

#endif
