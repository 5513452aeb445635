/* directory/daemon/daemon.h - what the files of sipmix-directory share: main.c starts and stops, settings.c
 * is the configuration, serve.c the HTTP side and the timer, netfile.c writes the network file. */
#ifndef SMX_DIRECTORY_DAEMON_H
#define SMX_DIRECTORY_DAEMON_H

#include "directory/directory.h"
#include "proto/doc/batch.h"
#include "keys/keyfile.h"
#include "proto/host/args.h"
#include "proto/host/file.h"
#include "proto/host/http.h"
#include "proto/host/loop.h"

enum { PARAMS = sizeof(struct smx_params) / sizeof(uint32_t) };

enum store_kind { STORE_SQLITE, STORE_MEMORY };

struct settings {
    char state[SMX_CONFIG_PATH_MAX];
    int log;
    struct smx_addr listen, advertise;
    char name[SMX_NETWORK_NAME];
    char passphrase_file[SMX_CONFIG_PATH_MAX];
    int store; /* enum store_kind */
    bool early;
    int64_t relays_max, names_max, descs_max, uploads_busy;
    char domain[SMX_NETWORK_DOMAIN];
    struct smx_config_texts relays; /* for the network file: "ID LINKKEY ADDR [ADDR]" */
    int64_t param[PARAMS];          /* in the order of smx_param_table */
};

/* settings.c */
struct smx_program program_of_directory(void);
void params_of(const struct settings *s, struct smx_params *p);
/* One line of [network] relay. */
bool parse_boot_relay(const char *line, struct smx_boot_relay *relay);
/* The network of this one authority, sealed, with the relays of the configuration. */
void network_of(const struct settings *s, const uint8_t key[SMX_DOC_KEY], struct smx_network *n);

/* main.c: opens the state folder and loads or makes the key, with messages.  busy_ok: a folder that a running
 * daemon holds is fine if the key is there (state->lock is then -1). */
struct smx_key *open_state(const struct settings *s, struct smx_state *state, bool busy_ok);
/* NULL, with a message, when it can't be opened. */
struct smx_store *open_store(const struct settings *s, bool read_only);

/* serve.c */
struct server;
/* NULL, with a message: the address can't be had, or no memory. */
struct server *serve_start(struct smx_loop *loop, struct smx_directory *directory, struct smx_store *store,
                           const struct smx_addr *listen);
void serve_stop(struct server *s); /* NULL is fine */

/* netfile.c: `sipmix-directory network ...`; returns the exit code. */
int write_network_file(int argc, char **argv);

#endif
