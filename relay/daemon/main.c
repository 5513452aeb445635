/* sipmix-relay: sockets, one timer and the relay core. */
#include "relay/daemon/daemon.h"

#include "keys/passphrase.h"
#include "keys/start.h"
#include "proto/host/args.h"
#include "proto/host/log.h"
#include "proto/host/random.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct smx_config_key keys[] = {
    SMX_KEY_PATH("", "network", struct relay_config, network, NULL,
                 "network file, as `sipmix-directory network` writes it"),
    SMX_KEY_PATH("", "state", struct relay_config, state, "/var/lib/sipmix-relay",
                 "folder for keys and documents"),
    SMX_KEY_ENUM("", "log", struct relay_config, log, "info", SMX_LOG_WORDS, "least level written to stderr"),
    SMX_KEY_ADDRS("relay", "listen", struct relay_config, listen, NULL,
                  "UDP address to listen on: one IPv4, one IPv6, or both"),
    SMX_KEY_ADDRS("relay", "advertise", struct relay_config, advertise, "",
                  "the same as others reach it; default: as listen"),
    SMX_KEY_PATH("relay", "passphrase_file", struct relay_config, passphrase_file, "",
                 "first line opens a sealed key file"),
    SMX_KEY_INT("relay", "clients", struct relay_config, clients, "512", 1, 20000, "client links at once"),
    SMX_KEY_INT("relay", "clients_per_address", struct relay_config, clients_per_address, "128", 1, 20000,
                "client links from one address, of IPv6 from one /64"),
    SMX_KEY_INT("relay", "neighbours", struct relay_config, neighbours, "128", 1, 4096,
                "relay links at once"),
    SMX_KEY_INT("relay", "circuits", struct relay_config, circuits, "4096", 16, 1 << 20,
                "circuits at once (about 8 KB each)"),
    SMX_KEY_BOOL("test", "cover", struct relay_config, cover, "yes",
                 "no: test networks only: send nothing that carries nothing"),
};

static bool is_reachable(const struct smx_config_addrs *addrs)
{
    for (size_t i = 0; i < addrs->count; i++) {
        const struct smx_addr *a = &addrs->at[i];
        size_t from = smx_addr_is_v4(a) ? sizeof a->ip - 4 : 0;

        if (a->port == 0 || sodium_is_zero(a->ip + from, sizeof a->ip - from))
            return false;
    }
    return true;
}

static bool check(const void *config, char *why, size_t why_len)
{
    const struct relay_config *c = config;

    if (c->listen.count > SMX_RELAY_ADDRS || c->advertise.count > SMX_RELAY_ADDRS)
        snprintf(why, why_len, "listen, advertise: too many addresses; allowed: one IPv4, one IPv6, or both");
    else if (c->listen.count == 2 && smx_addr_is_v4(&c->listen.at[0]) == smx_addr_is_v4(&c->listen.at[1]))
        snprintf(why, why_len, "listen: two addresses of one family; allowed: one IPv4, one IPv6, or both");
    else if (c->advertise.count == 0 && !is_reachable(&c->listen))
        snprintf(why, why_len,
                 "advertise: missing; it must be given when listen has 0.0.0.0, [::] or port 0");
    else if (!is_reachable(&c->advertise))
        snprintf(why, why_len,
                 "advertise: no address that others can reach; allowed: not 0.0.0.0, [::] or port 0");
    else
        return true;
    return false;
}

static const struct smx_program program = {
    .name = "sipmix-relay",
    .summary = "a relay of a sipmix network",
    .table = {.keys = keys,
              .key_count = sizeof keys / sizeof keys[0],
              .size = sizeof(struct relay_config),
              .check = check},
};

const char *const kept_names[KEPT_COUNT] = {"consensus", "onion"};

/* ---- datagrams and the tick ---- */

static void send_out(struct relay_daemon *d)
{
    for (size_t i = 0; i < d->udp_count; i++)
        smx_udp_send(d->udp[i], &d->out);
    smx_out_reset(&d->out);
}

void relay_arm(struct relay_daemon *d)
{
    smx_timer_arm(d->tick, smx_relay_deadline(d->relay));
}

static void on_datagram(void *arg, const struct smx_addr *from, uint8_t *bytes, size_t len, smx_time arrival)
{
    struct relay_daemon *d = arg;

    smx_relay_receive(d->relay, arrival, smx_loop_wall(), from, bytes, len, &d->out);
}

static void on_batch_end(void *arg, smx_time now)
{
    (void)now;
    send_out(arg); /* handshake answers: everything else waits for the tick */
}

static void on_tick(void *arg, smx_time now)
{
    struct relay_daemon *d = arg;

    for (size_t i = 0; i < d->udp_count; i++)
        smx_udp_receive(d->udp[i]);
    smx_relay_expire(d->relay, now, smx_loop_wall(), &d->out);
    send_out(d);
    relay_arm(d);
}

/* ---- start ---- */

static bool load_key(struct relay_daemon *d)
{
    char *passphrase;

    if (!smx_start_passphrase(&passphrase, d->config.passphrase_file))
        return false;
    d->key = smx_start_key(d->config.state, "relay.key", SMX_KEY_RELAY, passphrase, &d->rng);
    smx_passphrase_free(passphrase);
    return d->key != NULL;
}

static bool make_core(struct relay_daemon *d)
{
    struct smx_relay_config config = {.link = d->key->link,
                                      .relay_links_max = (uint32_t)d->config.neighbours,
                                      .client_links_max = (uint32_t)d->config.clients,
                                      .circuits_max = (uint32_t)d->config.circuits,
                                      .source_links_max = (uint32_t)d->config.clients_per_address,
                                      .cover_off = !d->config.cover};
    uint8_t seed[SMX_RNG_SEED];
    size_t datagrams = (size_t)d->config.neighbours * SMX_RELAY_RATE + (size_t)d->config.clients;
    enum smx_err err;

    for (size_t i = 0; i < d->config.listen.count; i++) {
        if (smx_addr_is_v4(&d->config.listen.at[i]))
            config.has_v4 = true;
        else
            config.has_v6 = true;
    }
    memcpy(config.id, d->key->identity_public, sizeof config.id);
    smx_rng_bytes(&d->rng, seed, sizeof seed);
    err = smx_relay_new(&d->relay, &config, seed);
    sodium_memzero(seed, sizeof seed);
    sodium_memzero(&config, sizeof config);
    if (err == SMX_OK)
        err = smx_out_new(&d->out, datagrams, datagrams * SMX_LINK_DATAGRAM_MAX);
    if (err != SMX_OK)
        smx_log_error("tables for that many links and circuits: %s", smx_err_text(err));
    return err == SMX_OK;
}

static bool open_sockets(struct relay_daemon *d)
{
    static const struct smx_udp_events events = {on_datagram, on_batch_end};

    for (; d->udp_count < d->config.listen.count; d->udp_count++)
        if (!smx_start_udp(&d->udp[d->udp_count], d->loop, &d->config.listen.at[d->udp_count], SMX_UDP_BUFFER,
                           &events, d))
            return false;
    return true;
}

static void tear_down(struct relay_daemon *d)
{
    directory_stop(d->directory);
    smx_keep_stop(d->keep);
    for (size_t i = 0; i < d->udp_count; i++)
        smx_udp_free(d->udp[i]);
    smx_timer_free(d->tick);
    smx_loop_free(d->loop);
    smx_relay_free(d->relay);
    smx_out_free(&d->out);
    smx_key_free(d->key);
    smx_state_close(&d->state);
    smx_rng_fini(&d->rng);
}

static bool set_up(struct relay_daemon *d)
{
    if (!smx_start_network(&d->network, d->config.network) ||
        !smx_start_state(&d->state, d->config.state, NULL) || !load_key(d) || !make_core(d))
        return false;
    d->loop = smx_loop_new();
    d->tick = d->loop ? smx_timer_new(d->loop, on_tick, d) : NULL;
    d->keep = smx_keep_start(&d->state, kept_names, KEPT_COUNT);
    if (!d->tick || !d->keep) {
        smx_log_error("event loop, or thread for files: %s", strerror(errno));
        return false;
    }
    if (!open_sockets(d))
        return false;
    d->directory = directory_start(d);
    return d->directory != NULL;
}

int main(int argc, char **argv)
{
    static struct relay_daemon d;
    int code;

    d.state.lock = -1;
    code = smx_args(&program, argc, argv, &d.config);
    if (code != SMX_ARGS_RUN)
        return code;
    smx_log_init(program.name, (enum smx_log_level)d.config.log);
    if (sodium_init() < 0)
        return SMX_EXIT_FAILED;
    smx_random_init(&d.rng);
    code = SMX_EXIT_FAILED;
    smx_loop_hurry();
    if (set_up(&d)) {
        smx_start_look_at_cpu();
        smx_log_info("running");
        code = smx_loop_run(d.loop) == SMX_OK ? SMX_EXIT_OK : SMX_EXIT_FAILED;
        smx_log_info("stopped");
    }
    tear_down(&d);
    return code;
}
