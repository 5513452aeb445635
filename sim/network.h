/* sim/network.h - a whole network in virtual time: the directory's core, relay cores, client cores, and
 * phones that are played (sim/user.h).  What the daemons carry between the cores (documents, rounds of
 * uploads) is carried here, each half second.  The same configuration gives the same run.
 *
 * Relays are the world's nodes 0, 1, ..., clients the ones behind.  Tables have the sizes of the
 * configuration; more than that, and a core that can't be made, ends the program. */
#ifndef SMX_SIM_NETWORK_H
#define SMX_SIM_NETWORK_H

#include "directory/directory.h"
#include "proto/crypto/keypair.h"
#include "relay/relay.h"
#include "sim/user.h"

enum {
    SMX_SIM_BOOT_RELAYS = 3,    /* the first ones stand in the network file */
    SMX_SIM_START = 1790000010, /* the calendar at the world's time 0, in the preset */
};

struct smx_sim_network_config {
    uint64_t seed;
    struct smx_wall start; /* the calendar at the world's time 0 */
    size_t relays, clients_max;
    size_t calls_max, texts_max; /* of a user's phone: SMX_SIM_CALLS and SMX_SIM_TEXTS */
    struct smx_params params;    /* as in the consensus */
    uint32_t drift_ppm;          /* each relay's and client's clock runs wrong by up to so much, either way */
    uint32_t fetch_ms;           /* a relay has a new consensus, batch and so on up to so much later */
    uint32_t circuits_max;       /* of a relay */
    uint32_t client_links_max;   /* of a relay; 0: two for each client */
    size_t uploads_busy;         /* of the directory */
    bool call_waiting;           /* all clients have it */
    bool cover_off;              /* a control: nodes send only what carries something */
    enum smx_relay_timetables timetables; /* other than FIXED: a control */
    struct smx_net_path path;
    smx_net_model model; /* of paths (sim/net.h); NULL: all are like `path` */
    void *model_arg;
};

struct smx_sim_relay {
    struct smx_relay *core; /* NULL: it is dead */
    uint8_t id[32], secret[64];
    struct smx_x25519 link;
    uint8_t onion[SMX_RELAY_ONION_STATE]; /* as its disk has it */
    size_t onion_len;
    bool dead;          /* says nothing to the directory any more */
    uint64_t described; /* the epoch that its descriptor came for, shortly before; 0: there is none yet */
    uint64_t consensus; /* which of the directory's it has; 0: none */
    smx_time fetches;   /* when it sees what is new */
    uint64_t batch;
    smx_time born;
    bool lies; /* tells the directory of circuits that are not there */
    /* Its operator may do something to what waits in it, before it does what is due; NULL: he is honest. */
    void (*meddle)(void *arg, struct smx_sim_relay *relay);
    void *meddle_arg;
};

struct smx_sim_network {
    struct smx_sim_network_config config;
    struct smx_world *world;
    struct smx_vault *vault; /* of all clients */
    struct smx_network file;
    struct smx_directory *directory;
    struct smx_store *store;
    bool directory_down; /* nobody reaches it, and it does nothing */
    size_t relays, clients;
    struct smx_sim_relay *relay; /* [config.relays] */
    struct smx_sim_user *user;   /* [config.clients_max] */
    uint64_t round;
    uint32_t moves;                                   /* addresses given to those who moved */
    void (*consensus_taken)(void *arg, size_t relay); /* told when a relay has a new one; NULL: nobody */
    void *consensus_arg;
};

/* 9 relays, room for 16 clients, epochs of 60 s, batches each 5 s, exact clocks, everything at once, a quick
 * network. */
struct smx_sim_network_config smx_sim_network_preset(uint64_t seed);
/* Relays and directory; they have had some seconds to find each other. */
struct smx_sim_network *smx_sim_network_new(const struct smx_sim_network_config *config);
void smx_sim_network_free(struct smx_sim_network *n);

/* ---- clients ---- */

/* Client i, whose identity comes from `seed`; its phones are silent, and it is not in the world yet. */
void smx_sim_client_make(struct smx_sim_network *n, size_t i, uint32_t seed, const char *name, uint8_t slots);
/* What the next smx_sim_client_make would hand to smx_client_new, except for phone, identities and slots. */
void smx_sim_client_start(struct smx_sim_network *n, size_t i);
/* Ends it and starts another with what it kept on its disk.  Its phones' calls are over. */
void smx_sim_client_restart(struct smx_sim_network *n, size_t i);
/* It sleeps: nothing is done, and what comes is lost.  Until smx_sim_client_start. */
void smx_sim_client_sleep(struct smx_sim_network *n, size_t i);
/* It has another address from now on, and doesn't know. */
void smx_sim_client_move(struct smx_sim_network *n, size_t i);

/* ---- relays ---- */

void smx_sim_relay_kill(struct smx_sim_network *n, size_t i);
/* A dead one again, with its keys, and nothing else. */
void smx_sim_relay_revive(struct smx_sim_network *n, size_t i);
/* Number of the relay with this identity; n->relays: none. */
size_t smx_sim_relay_number(const struct smx_sim_network *n, const uint8_t id[32]);

/* ---- time ---- */

void smx_sim_run_until(struct smx_sim_network *n, smx_time end);
void smx_sim_run_for(struct smx_sim_network *n, unsigned ms);
/* All clients are. */
bool smx_sim_is_ready(const struct smx_sim_network *n);
/* False: they are not ready even then. */
bool smx_sim_run_to_ready(struct smx_sim_network *n, unsigned ms);

#endif
