/* client/daemon/daemon.h - what the files of sipmix-client share: main.c moves datagrams and documents,
 * phones.c what phones send and get, web.c the local page, files.c is the folder and the log, watch.c this
 * computer, settings.c the configuration. */
#ifndef SMX_CLIENT_DAEMON_H
#define SMX_CLIENT_DAEMON_H

#include "client/bridge.h"
#include "keys/keyfile.h"
#include "proto/base/rng.h"
#include "proto/doc/network.h"
#include "proto/host/args.h"
#include "proto/host/file.h"
#include "proto/host/http.h"
#include "proto/host/keep.h"
#include "proto/host/loop.h"
#include "proto/host/tcp.h"
#include "proto/host/udp.h"
#include "proto/link/link.h"

enum {
    CALLS_MAX = 8,
    PAIRS_MAX = CALLS_MAX * SMX_CLIENT_IDENTITIES,
    UPLINKS_MAX = 2,
    PHONE_CONNS = 16
}; /* of TCP, and as many of TLS */

struct client_config {
    char network[SMX_CONFIG_PATH_MAX];
    char state[SMX_CONFIG_PATH_MAX];
    char passphrase_file[SMX_CONFIG_PATH_MAX];
    int log;
    int64_t slots;
    struct smx_config_addrs uplink;
    struct smx_addr sip_udp, sip_tcp, sip_tls; /* port 0: no TLS */
    struct smx_config_texts phones;            /* "USER PASSWORD"; wiped once the core has its hashes */
    int digest, srtp, profile, reach;
    char tls_certificate[SMX_CONFIG_PATH_MAX], tls_key[SMX_CONFIG_PATH_MAX];
    int64_t rtp_first, calls;
    bool call_waiting, display_name;
    struct smx_addr web; /* port 0: no page */
    struct smx_config_texts keys, names, releases, transfers;
    bool cover;
};

enum kept { KEPT_STATE, KEPT_CONTACTS, KEPT_CONSENSUS, KEPT_STATUS, KEPT_CALLS, KEPT_COUNT };

struct phones;
struct web;

/* Whether this computer sleeps, or has no network. */
struct watch {
    smx_time last, checked, refused_at;
    uint64_t sent, failed; /* datagrams */
    bool refused;          /* the system lets none out */
};

struct client_daemon {
    struct client_config config;
    struct smx_network network;
    struct smx_state state;
    struct smx_rng rng;
    struct smx_loop *loop;
    struct smx_timer *timer;
    struct smx_udp *udp[UPLINKS_MAX];
    size_t udp_count;
    struct smx_client *client;
    struct smx_ua *ua;
    struct smx_bridge bridge;
    struct phones *phones;
    struct web *web; /* NULL: none */
    struct smx_keep *keeper;
    struct smx_out out;
    struct smx_http_fetch *fetch; /* of a consensus, while no relay has one */
    smx_time fetch_next;
    unsigned fetch_tries;
    smx_time end_at; /* SMX_NEVER until we are told to end */
    struct watch watch;
    enum smx_client_problem said; /* in the log */
    uint64_t warnings, names_let_go, guesses;
    smx_time guesses_next;
    struct smx_client_status shown; /* in the status file, last */
    bool shown_refused;
    smx_time look_next;
    uint8_t calls[SMX_UA_KEPT_MAX]; /* in their file */
    size_t calls_len;
    char calls_path[SMX_PATH_MAX];
    const char *file[KEPT_COUNT];
};

/* main.c: after any input: carries out orders, sends, arms the timer. */
void client_pump(struct client_daemon *d, smx_time now);

/* settings.c */
extern const struct smx_program client_program;
/* The names that shall go, by the configuration; false: it names one that is none, or a consent that is none,
 * or too many. */
bool settings_partings(const struct client_config *c, struct smx_client_parting out[SMX_CLIENT_PARTINGS],
                       size_t *count);

/* The phones' accounts by the configuration, whose texts they point into once cut; false: one is none. */
bool settings_accounts(struct client_config *c, struct smx_auth_account out[SMX_AUTH_ACCOUNTS]);
/* Whether only this machine reaches it. */
bool settings_is_loopback(const struct smx_addr *a);

/* phones.c: opens the sockets; NULL: one can't be had (logged). */
struct phones *phones_start(struct client_daemon *d);
void phones_stop(struct phones *p); /* NULL is fine */
void phones_send(struct phones *p);
/* Where phones send audio to: the one address beyond loopback if there is one, else that of SIP by UDP. */
const struct smx_addr *phones_media(const struct client_config *c);
/* Takes what audio has come by now. */
void phones_receive(struct phones *p);
/* The port pairs that the configuration means; returns how many. */
size_t phones_pairs(const struct client_config *c, struct smx_ua_ports pairs[PAIRS_MAX]);

/* web.c: opens the local page if there shall be one; false: it can't be had (logged). */
bool web_start(struct client_daemon *d);
void web_stop(struct client_daemon *d);

/* files.c: NULL keeper and false: no thread to be had. */
bool files_start(struct client_daemon *d);
/* What an earlier run left; false: damaged (logged). */
bool files_load(struct client_daemon *d);
/* Writes what has changed, and says what is to be said; the writing itself is done by another thread. */
void files_keep(struct client_daemon *d, smx_time now);

/* watch.c: at each tick. */
void watch_tick(struct client_daemon *d, smx_time now);

#endif
