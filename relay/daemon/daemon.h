/* relay/daemon/daemon.h - what the two files of sipmix-relay share: main.c moves datagrams, directory.c
 * documents. */
#ifndef SMX_RELAY_DAEMON_H
#define SMX_RELAY_DAEMON_H

#include "keys/keyfile.h"
#include "proto/base/rng.h"
#include "proto/doc/network.h"
#include "proto/host/config.h"
#include "proto/host/file.h"
#include "proto/host/keep.h"
#include "proto/host/loop.h"
#include "proto/host/udp.h"
#include "relay/relay.h"

struct relay_config {
    char network[SMX_CONFIG_PATH_MAX];
    char state[SMX_CONFIG_PATH_MAX];
    char passphrase_file[SMX_CONFIG_PATH_MAX];
    struct smx_config_addrs listen, advertise;
    int64_t clients, clients_per_address, neighbours, circuits;
    bool cover;
    int log;
};

struct directory_job;

enum kept { KEPT_CONSENSUS, KEPT_ONION, KEPT_COUNT };
extern const char *const kept_names[KEPT_COUNT];

struct relay_daemon {
    struct relay_config config;
    struct smx_network network;
    struct smx_state state;
    struct smx_keep *keep;
    struct smx_key *key;
    struct smx_rng rng;
    struct smx_loop *loop;
    struct smx_udp *udp[SMX_RELAY_ADDRS];
    size_t udp_count;
    struct smx_timer *tick;
    struct smx_relay *relay;
    struct smx_out out;
    struct directory_job *directory;
};

/* main.c: the core's clock may have started. */
void relay_arm(struct relay_daemon *d);

/* directory.c: descriptor up; consensus, batches down; rounds of uploads up.  Loads what the state folder
 * has. */
struct directory_job *directory_start(struct relay_daemon *d);
void directory_stop(struct directory_job *job); /* NULL is fine */

#endif
