/* sipmix-client: sockets, files, one timer, the client core and its SIP side. */
#include "client/daemon/daemon.h"

#include "keys/passphrase.h"
#include "keys/start.h"
#include "proto/host/log.h"
#include "proto/host/random.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    OUT_DATAGRAMS = 16, /* one a tick, and handshakes */
    FETCH_TIMEOUT_MS = 10000,
    FETCH_PAUSE_S = 5,   /* doubled with each failure, */
    FETCH_DOUBLES = 6,   /* up to this many times */
    LAST_WORD_MS = 1000, /* for goodbyes to reach phones and peers */
};

/* ---- the authority's HTTP, last ---- */

static void take_consensus(struct client_daemon *d, const uint8_t *body, size_t len)
{
    enum smx_err err = smx_client_consensus(d->client, smx_loop_now(), smx_loop_wall(), body, len);

    if (err == SMX_OK)
        d->fetch_tries = 0;
    else
        smx_log_warn("the list of relays from a directory: %s%s", smx_err_text(err),
                     err == SMX_E_LATE || err == SMX_E_STATE ? "; is this computer's clock right?" : "");
}

static void on_fetched(void *arg, int status, const uint8_t *body, size_t len)
{
    struct client_daemon *d = arg;

    d->fetch = NULL;
    if (status == 200)
        take_consensus(d, body, len);
    else
        smx_log_warn("a directory did not answer, or has no list of relays");
    client_pump(d, smx_loop_now());
}

static void fetch(struct client_daemon *d, smx_time now)
{
    const struct smx_network *n = &d->network;
    struct smx_http_ask ask = {.to = n->authority[smx_rng_below(&d->rng, (uint32_t)n->authority_count)].http,
                               .path = "/consensus",
                               .answer_max = SMX_CONSENSUS_MAX,
                               .timeout_ms = FETCH_TIMEOUT_MS};
    unsigned doubles = d->fetch_tries < FETCH_DOUBLES ? d->fetch_tries : FETCH_DOUBLES;

    smx_log_warn(
        "no relay has a list of relays for us: asking a directory, which sees this machine's address");
    d->fetch_tries++;
    d->fetch_next = now + (SMX_SECOND(FETCH_PAUSE_S) << doubles);
    d->fetch = smx_http_fetch(d->loop, &ask, on_fetched, d);
}

/* ---- datagrams and time ---- */

void client_pump(struct client_daemon *d, smx_time now)
{
    smx_bridge_orders(&d->bridge, now);
    phones_send(d->phones);
    for (size_t i = 0; i < d->udp_count; i++)
        smx_udp_send(d->udp[i], &d->out);
    smx_out_reset(&d->out);
    smx_timer_arm(d->timer, smx_time_min(d->end_at, smx_time_min(smx_client_deadline(d->client),
                                                                 smx_ua_deadline(d->ua))));
}

static void on_datagram(void *arg, const struct smx_addr *from, uint8_t *bytes, size_t len, smx_time arrival)
{
    struct client_daemon *d = arg;

    smx_client_receive(d->client, arrival, smx_loop_wall(), from, bytes, len, &d->out);
}

static void on_batch_end(void *arg, smx_time now)
{
    client_pump(arg, now);
}

static void on_timer(void *arg, smx_time now)
{
    struct client_daemon *d = arg;

    watch_tick(d, now);
    for (size_t i = 0; i < d->udp_count; i++)
        smx_udp_receive(d->udp[i]);
    phones_receive(d->phones);
    smx_ua_expire(d->ua, now);
    smx_bridge_orders(&d->bridge, now);
    smx_client_expire(d->client, now, smx_loop_wall(), &d->out);
    client_pump(d, now);
    files_keep(d, now);
    if (smx_client_wants_http(d->client) && !d->fetch && now >= d->fetch_next)
        fetch(d, now);
    if (now >= d->end_at)
        smx_loop_stop(d->loop);
}

static void on_end(void *arg)
{
    struct client_daemon *d = arg;
    smx_time now = smx_loop_now();

    if (smx_ua_usage(d->ua).calls == 0) {
        smx_loop_stop(d->loop);
        return;
    }
    smx_ua_hang_up(d->ua, now);
    d->end_at = now + SMX_MS(LAST_WORD_MS);
    client_pump(d, now);
}

/* ---- start ---- */

static bool load_identity(struct client_daemon *d, size_t i, const char *passphrase,
                          struct smx_client_identity *out)
{
    struct smx_key *key =
        smx_start_key(d->config.state, d->config.keys.at[i], SMX_KEY_PSEUDONYM, passphrase, &d->rng);
    char name[SMX_NAME_MAX + 1];

    if (!key)
        return false;
    memcpy(out->public, key->identity_public, sizeof out->public);
    memcpy(out->secret, key->identity_secret, sizeof out->secret);
    smx_key_free(key);
    if (i < d->config.names.count && d->config.names.at[i][0] &&
        smx_name_parse(name, d->config.names.at[i], strlen(d->config.names.at[i])) == SMX_OK)
        memcpy(out->name, name, sizeof out->name);
    return true;
}

static bool make_ua(struct client_daemon *d)
{
    struct smx_ua_ports pairs[PAIRS_MAX];
    struct smx_auth_account accounts[SMX_AUTH_ACCOUNTS];
    struct smx_ua_config config = {.domain = d->network.domain,
                                   .udp = d->config.sip_udp,
                                   .tcp = d->config.sip_tcp,
                                   .tls = d->config.sip_tls,
                                   .ports = pairs,
                                   .conns_max = (size_t)2 * PHONE_CONNS,
                                   .accounts = accounts,
                                   .account_count = d->config.phones.count,
                                   .offer = (enum smx_auth_offer)d->config.digest,
                                   .srtp = (enum smx_ua_srtp)d->config.srtp,
                                   .opus = d->config.profile == 1,
                                   .display_name = d->config.display_name};

    config.port_count = phones_pairs(&d->config, pairs);
    memcpy(config.media_ip, phones_media(&d->config)->ip, sizeof config.media_ip);
    (void)settings_accounts(&d->config, accounts); /* checked with the rest */
    if (config.srtp != SMX_UA_SRTP_OFF && !smx_srtp_library()) {
        smx_log_error("SRTP: its library does not work here; sip.srtp = off does without");
        return false;
    }
    d->ua = smx_ua_new(&config, &d->rng);
    sodium_memzero(d->config.phones.at, sizeof d->config.phones.at);
    if (!d->ua)
        smx_log_error("out of memory");
    return d->ua != NULL;
}

static bool make_client(struct client_daemon *d, const struct smx_client_identity *own)
{
    struct smx_client_parting partings[SMX_CLIENT_PARTINGS];
    struct smx_client_config config = {.network = &d->network,
                                       .slots = (uint8_t)d->config.slots,
                                       .identity = own,
                                       .identity_count = d->config.keys.count,
                                       .parting = partings,
                                       .phone = &d->bridge.phone,
                                       .call_waiting = d->config.call_waiting,
                                       .reach = (enum smx_client_reach)d->config.reach,
                                       .cover_off = !d->config.cover};
    uint8_t seed[SMX_RNG_SEED];
    enum smx_err err;

    for (size_t i = 0; i < d->config.uplink.count; i++) {
        if (smx_addr_is_v4(&d->config.uplink.at[i]))
            config.has_v4 = true;
        else
            config.has_v6 = true;
    }
    (void)settings_partings(&d->config, partings, &config.parting_count); /* checked with the rest */
    smx_bridge_init(&d->bridge, d->ua, d->network.domain);
    smx_rng_bytes(&d->rng, seed, sizeof seed);
    err = smx_client_new(&d->client, &config, seed, smx_loop_now());
    sodium_memzero(seed, sizeof seed);
    d->bridge.client = d->client;
    if (err == SMX_OK)
        err = smx_out_new(&d->out, OUT_DATAGRAMS, (size_t)OUT_DATAGRAMS * SMX_LINK_DATAGRAM_MAX);
    if (err != SMX_OK)
        smx_log_error("%s", smx_err_text(err));
    return err == SMX_OK;
}

static bool make_cores(struct client_daemon *d)
{
    struct smx_client_identity *own = sodium_malloc(SMX_CLIENT_IDENTITIES * sizeof *own);
    char *passphrase = NULL;
    bool ok = own && smx_start_passphrase(&passphrase, d->config.passphrase_file);

    if (own)
        memset(own, 0, SMX_CLIENT_IDENTITIES * sizeof *own);
    for (size_t i = 0; ok && i < d->config.keys.count; i++)
        ok = load_identity(d, i, passphrase, &own[i]);
    smx_passphrase_free(passphrase);
    ok = ok && make_ua(d) && make_client(d, own);
    sodium_free(own);
    return ok;
}

static bool open_uplink(struct client_daemon *d)
{
    static const struct smx_udp_events events = {on_datagram, on_batch_end};

    for (; d->udp_count < d->config.uplink.count; d->udp_count++)
        if (!smx_start_udp(&d->udp[d->udp_count], d->loop, &d->config.uplink.at[d->udp_count], 0, &events, d))
            return false;
    return true;
}

static bool set_up(struct client_daemon *d)
{
    if (!smx_start_network(&d->network, d->config.network) ||
        !smx_start_state(&d->state, d->config.state, NULL) || !make_cores(d))
        return false;
    d->loop = smx_loop_new();
    d->timer = d->loop ? smx_timer_new(d->loop, on_timer, d) : NULL;
    if (!d->timer || !files_start(d)) {
        smx_log_error("event loop, or thread for files: %s", strerror(errno));
        return false;
    }
    smx_loop_on_end(d->loop, on_end, d);
    if (!files_load(d) || !open_uplink(d))
        return false;
    d->phones = phones_start(d);
    if (!d->phones || !web_start(d))
        return false;
    client_pump(d, smx_loop_now());
    return true;
}

static void tear_down(struct client_daemon *d)
{
    if (d->fetch)
        smx_http_cancel(d->fetch);
    web_stop(d);
    phones_stop(d->phones);
    for (size_t i = 0; i < d->udp_count; i++)
        smx_udp_free(d->udp[i]);
    smx_timer_free(d->timer);
    smx_loop_free(d->loop);
    smx_keep_stop(d->keeper);
    smx_client_free(d->client);
    smx_ua_free(d->ua);
    smx_out_free(&d->out);
    smx_state_close(&d->state);
    smx_rng_fini(&d->rng);
}

int main(int argc, char **argv)
{
    static struct client_daemon d;
    int code;

    d.state.lock = -1;
    d.end_at = SMX_NEVER;
    code = smx_args(&client_program, argc, argv, &d.config);
    if (code != SMX_ARGS_RUN)
        return code;
    smx_log_init(client_program.name, (enum smx_log_level)d.config.log);
    if (sodium_init() < 0)
        return SMX_EXIT_FAILED;
    smx_random_init(&d.rng);
    code = SMX_EXIT_FAILED;
    smx_loop_hurry();
    if (set_up(&d)) {
        smx_start_look_at_cpu();
        smx_log_info("running");
        code = smx_loop_run(d.loop) == SMX_OK ? SMX_EXIT_OK : SMX_EXIT_FAILED;
        files_keep(&d, smx_loop_now());
        smx_log_info("stopped");
    }
    tear_down(&d);
    return code;
}
