#include "directory/daemon/daemon.h"
#include "proto/host/log.h"

#include <assert.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

static const struct smx_config_key fixed[] = {
    SMX_KEY_PATH("", "state", struct settings, state, "/var/lib/sipmix-directory",
                 "folder for key and database"),
    SMX_KEY_ENUM("", "log", struct settings, log, "info", SMX_LOG_WORDS, "least level written to stderr"),
    SMX_KEY_ADDR("directory", "listen", struct settings, listen, NULL, "HTTP address to listen on"),
    SMX_KEY_ADDR("directory", "advertise", struct settings, advertise, "",
                 "the same as others reach it; default: as listen"),
    SMX_KEY_STRING("directory", "name", struct settings, name, "one", "of this authority, a-z 0-9 . _ -"),
    SMX_KEY_PATH("directory", "passphrase_file", struct settings, passphrase_file, "",
                 "first line opens a sealed key file"),
    SMX_KEY_ENUM("directory", "store", struct settings, store, "sqlite", "sqlite memory",
                 "memory forgets all at the end"),
    SMX_KEY_BOOL("directory", "early", struct settings, early, "no",
                 "a new consensus seconds after the relays change, not only at each epoch"),
    SMX_KEY_INT("directory", "relays", struct settings, relays_max, "1024", 1, SMX_CONSENSUS_RELAYS,
                "relays at most"),
    SMX_KEY_INT("directory", "names", struct settings, names_max, "100000", 1, SMX_BATCH_LEAVES / 2,
                "names at most"),
    SMX_KEY_INT("directory", "descriptors", struct settings, descs_max, "100000", 1, SMX_BATCH_LEAVES / 2,
                "pseudonym descriptors at most"),
    SMX_KEY_INT("directory", "uploads", struct settings, uploads_busy, "1000", 1, 1000000,
                "claims and descriptors in a batch interval above which they need more work"),
    SMX_KEY_STRING("network", "domain", struct settings, domain, "sipmix.alt",
                   "of addresses in this network"),
    SMX_KEY_TEXTS("network", "relay", struct settings, relays, "",
                  "for the network file: ID LINKKEY IP:PORT [IP:PORT]; the relays known are added"),
};
enum { FIXED = sizeof fixed / sizeof fixed[0] };

static bool is_plain(const char *text)
{
    return *text && text[strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789._-")] == 0;
}

static bool check(const void *config, char *why, size_t why_len)
{
    const struct settings *s = config;
    struct smx_boot_relay relay;
    struct smx_params p;
    const char *broken;

    if (s->listen.port == 0) {
        snprintf(why, why_len, "directory.listen: port 0; allowed: 1 to 65535");
        return false;
    }
    if (!is_plain(s->name) || !is_plain(s->domain)) {
        snprintf(why, why_len, "%s: another character; allowed: a-z 0-9 . _ -",
                 is_plain(s->name) ? "network.domain" : "directory.name");
        return false;
    }
    for (size_t i = 0; i < s->relays.count; i++)
        if (!parse_boot_relay(s->relays.at[i], &relay)) {
            snprintf(
                why, why_len,
                "network.relay: not a relay; allowed: ID LINKKEY IP:PORT [IP:PORT], keys as 64 hex digits");
            return false;
        }
    params_of(s, &p);
    if (smx_params_check(&p, &broken) != SMX_OK) {
        snprintf(why, why_len, "network: %s", broken);
        return false;
    }
    return true;
}

/* The keys of the network's parameters come from their own table. */
struct smx_program program_of_directory(void)
{
    static struct smx_config_key keys[FIXED + PARAMS];
    static char preset[PARAMS][12];

    assert(smx_param_count == PARAMS);
    memcpy(keys, fixed, sizeof fixed);
    for (size_t i = 0; i < PARAMS; i++) {
        const struct smx_param_def *def = &smx_param_table[i];

        snprintf(preset[i], sizeof preset[i], "%u", def->preset);
        keys[FIXED + i] =
            (struct smx_config_key)SMX_KEY_("network", def->name, SMX_CONFIG_INT, struct settings, param[i],
                                            preset[i], def->min, def->max, NULL, def->what);
    }
    return (struct smx_program){
        .name = "sipmix-directory",
        .summary = "a directory authority of a sipmix network\n\n"
                   "sipmix-directory network --config FILE [--out FILE] writes the network "
                   "file, by which relays\nand clients join.",
        .table = {
            .keys = keys, .key_count = FIXED + PARAMS, .size = sizeof(struct settings), .check = check}};
}

void params_of(const struct settings *s, struct smx_params *p)
{
    smx_params_preset(p);
    for (size_t i = 0; i < PARAMS; i++)
        /* in range: the configuration has checked it by the same table */
        (void)!smx_param_set(p, &smx_param_table[i], (uint64_t)s->param[i]);
}

static bool parse_hex(uint8_t out[SMX_DOC_KEY], const char *text, size_t len)
{
    size_t got;

    return sodium_hex2bin(out, SMX_DOC_KEY, text, len, NULL, &got, NULL) == 0 &&
           len == 2 * (size_t)SMX_DOC_KEY && got == SMX_DOC_KEY;
}

bool parse_boot_relay(const char *line, struct smx_boot_relay *relay)
{
    size_t word = 0;

    relay->addr_count = 0;
    for (line += strspn(line, " \t"); *line; line += strspn(line, " \t"), word++) {
        size_t len = strcspn(line, " \t");
        char addr[SMX_ADDR_TEXT];

        if (word < 2) {
            if (!parse_hex(word == 0 ? relay->id : relay->link_key, line, len))
                return false;
        } else {
            if (len >= sizeof addr || relay->addr_count == SMX_RELAY_ADDRS)
                return false;
            memcpy(addr, line, len);
            addr[len] = 0;
            if (smx_addr_parse(&relay->addr[relay->addr_count++], addr) != SMX_OK)
                return false;
        }
        line += len;
    }
    return relay->addr_count > 0;
}

void network_of(const struct settings *s, const uint8_t key[SMX_DOC_KEY], struct smx_network *n)
{
    *n = (struct smx_network){.authority_count = 1};
    memcpy(n->domain, s->domain, sizeof n->domain);
    memcpy(n->authority[0].name, s->name, sizeof n->authority[0].name);
    memcpy(n->authority[0].key, key, SMX_DOC_KEY);
    n->authority[0].http = s->advertise.port ? s->advertise : s->listen;
    for (size_t i = 0; i < s->relays.count; i++)
        if (parse_boot_relay(s->relays.at[i], &n->relay[n->relay_count]))
            n->relay_count++;
    smx_network_seal(n);
}
