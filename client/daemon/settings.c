#include "client/daemon/daemon.h"

#include "proto/host/log.h"

#include <stdio.h>
#include <string.h>

static const struct smx_config_key keys[] = {
    SMX_KEY_PATH("", "network", struct client_config, network, NULL,
                 "network file, as the operator of the network gives it out"),
    SMX_KEY_PATH("", "state", struct client_config, state, "/var/lib/sipmix-client",
                 "folder for keys, contacts and documents"),
    SMX_KEY_ENUM("", "log", struct client_config, log, "info", SMX_LOG_WORDS,
                 "least level written to stderr"),
    SMX_KEY_INT("client", "slots", struct client_config, slots, "2", 1, SMX_CLIENT_SLOTS,
                "media circuits of each identity: 2 for a call and an answer at the same time, 1 to save a "
                "third of the "
                "traffic"),
    SMX_KEY_ADDRS("client", "uplink", struct client_config, uplink, "0.0.0.0:0",
                  "own UDP address towards the guard: one IPv4, one IPv6, or both; port 0: any"),
    SMX_KEY_TEXTS(
        "identity", "key", struct client_config, keys, "pseudonym.key",
        "key file of a pseudonym, made if there is none; in the state folder unless it begins with /; "
        "again for each further identity"),
    SMX_KEY_TEXTS(
        "identity", "name", struct client_config, names, "",
        "its name, 3 to 32 of a-z 0-9 . _ -, in the order of the keys; empty: a random anon-xxxxxxxx"),
    SMX_KEY_TEXTS("identity", "release", struct client_config, releases, "",
                  "a name of ours to let go, once, for anybody to claim"),
    SMX_KEY_TEXTS("identity", "transfer", struct client_config, transfers, "",
                  "NAME CONSENT: a name of ours to hand over, once; CONSENT is what its new holder got from "
                  "sipmix-keys consent"),
    SMX_KEY_PATH("identity", "passphrase_file", struct client_config, passphrase_file, "",
                 "first line opens sealed key files"),
    SMX_KEY_ENUM("contacts", "reach", struct client_config, reach, "everybody", "everybody contacts ask",
                 "who reaches the phones: everybody, contacts only, or contacts while others are listed in "
                 "status.json"),
    SMX_KEY_ADDR("sip", "udp", struct client_config, sip_udp, "127.0.0.1:5060",
                 "where the phones of this machine reach us by UDP"),
    SMX_KEY_ADDR("sip", "tcp", struct client_config, sip_tcp, "127.0.0.1:5060",
                 "where the phones of this machine reach us by TCP"),
    SMX_KEY_TEXTS("sip", "phone", struct client_config, phones, "",
                  "USER PASSWORD: what phones have to know, again for each further one; none: any phone that "
                  "reaches us is served"),
    SMX_KEY_ENUM("sip", "digest", struct client_config, digest, "both", "both sha-256 md5",
                 "how they prove it; md5 for phones that give up when they see sha-256"),
    SMX_KEY_ENUM("sip", "srtp", struct client_config, srtp, "offer", "off offer demand",
                 "audio encrypted up to the phone, by TLS and on this machine: never, if the phone can, or "
                 "no call without"),
    SMX_KEY_ADDR("sip", "tls", struct client_config, sip_tls, "",
                 "where phones reach us by TLS, of this machine or of others; empty: nowhere"),
    SMX_KEY_PATH("sip", "certificate", struct client_config, tls_certificate, "",
                 "PEM file of our certificate and those above it; empty: one of our own, made at the first "
                 "start"),
    SMX_KEY_PATH("sip", "certificate_key", struct client_config, tls_key, "",
                 "PEM file of its private key, without passphrase; empty: the same file"),
    SMX_KEY_INT("sip", "rtp_first", struct client_config, rtp_first, "16384", 1024, 65000,
                "first UDP port for audio, even; each call takes two"),
    SMX_KEY_INT("sip", "calls", struct client_config, calls, "3", 1, CALLS_MAX,
                "port pairs for audio, for each identity: calls of phones at once, ringing ones included"),
    SMX_KEY_BOOL("sip", "call_waiting", struct client_config, call_waiting, "no",
                 "yes: a second call rings during the first; if it is taken, no slot is left to stand by, "
                 "unless client.slots is 3 or more"),
    SMX_KEY_BOOL(
        "sip", "display_name", struct client_config, display_name, "no",
        "yes: whom you call is shown the name that your phone has for you, unless you call without one"),
    SMX_KEY_ADDR("web", "listen", struct client_config, web, "",
                 "the local page: a loopback address and port, such as 127.0.0.1:8088; empty: none"),
    SMX_KEY_ENUM("media", "profile", struct client_config, profile, "g711", "g711 opus",
                 "opus: Opus before G.711, for phones and people that have it too; it sets its users apart"),
    SMX_KEY_BOOL("test", "cover", struct client_config, cover, "yes",
                 "no: test networks only: send nothing that carries nothing"),
};

enum { PASSWORD_MIN = 8 };

bool settings_is_loopback(const struct smx_addr *a)
{
    static const uint8_t six[16] = {[15] = 1};

    return smx_addr_is_v4(a) ? a->ip[12] == 127 : memcmp(a->ip, six, sizeof six) == 0;
}

/* "USER PASSWORD", into its parts where it stands; false: it is none, or a password to be guessed. */
static bool parse_account(char *text, struct smx_auth_account *out)
{
    size_t user = strcspn(text, " \t"), gap = strspn(text + user, " \t");

    if (user == 0 || user >= SMX_AUTH_USER || gap == 0 || strpbrk(text, "\"\\"))
        return false;
    text[user] = 0;
    *out = (struct smx_auth_account){text, text + user + gap};
    for (const char *c = out->password; *c; c++)
        if ((uint8_t)*c <= ' ' || *c == 0x7f)
            return false;
    return strlen(out->password) >= PASSWORD_MIN && strlen(out->password) < SMX_AUTH_PASSWORD;
}

bool settings_accounts(struct client_config *c, struct smx_auth_account out[SMX_AUTH_ACCOUNTS])
{
    for (size_t i = 0; i < c->phones.count; i++)
        if (!parse_account(c->phones.at[i], &out[i]))
            return false;
    return true;
}

static bool accounts_are_good(const struct client_config *c)
{
    struct smx_auth_account one;
    char text[SMX_CONFIG_TEXT_MAX];
    bool good = true;

    for (size_t i = 0; good && i < c->phones.count; i++) {
        memcpy(text, c->phones.at[i], sizeof text);
        good = parse_account(text, &one);
    }
    memset(text, 0, sizeof text);
    return good;
}

static bool is_unspecified(const struct smx_addr *a)
{
    static const uint8_t zero[16];

    return memcmp(a->ip + (smx_addr_is_v4(a) ? 12 : 0), zero, smx_addr_is_v4(a) ? 4 : 16) == 0;
}

/* A key whose default is empty. */
static bool is_unset(const struct smx_addr *a)
{
    static const struct smx_addr none;

    return smx_addr_equal(a, &none);
}

static bool names_are_good(const struct client_config *c)
{
    char name[SMX_NAME_MAX + 1];

    for (size_t i = 0; i < c->names.count; i++)
        if (c->names.at[i][0] && smx_name_parse(name, c->names.at[i], strlen(c->names.at[i])) != SMX_OK)
            return false;
    return true;
}

/* "NAME" or "NAME CONSENT". */
static bool parse_parting(struct smx_client_parting *p, const char *text, bool transfer)
{
    size_t len = strcspn(text, " \t");
    const char *consent = text + len + strspn(text + len, " \t");

    *p = (struct smx_client_parting){.transfer = transfer};
    if (smx_name_parse(p->name, text, len) != SMX_OK)
        return false;
    return transfer ? smx_consent_decode(&p->consent, consent, strlen(consent)) == SMX_OK : *consent == 0;
}

bool settings_partings(const struct client_config *c, struct smx_client_parting out[SMX_CLIENT_PARTINGS],
                       size_t *count)
{
    *count = 0;
    if (c->releases.count + c->transfers.count > SMX_CLIENT_PARTINGS)
        return false;
    for (size_t i = 0; i < c->releases.count; i++)
        if (c->releases.at[i][0] && !parse_parting(&out[(*count)++], c->releases.at[i], false))
            return false;
    for (size_t i = 0; i < c->transfers.count; i++)
        if (c->transfers.at[i][0] && !parse_parting(&out[(*count)++], c->transfers.at[i], true))
            return false;
    return true;
}

/* Whether a name shall both be ours and go. */
static bool parts_from_wanted(const struct client_config *c, const struct smx_client_parting *p, size_t count)
{
    char name[SMX_NAME_MAX + 1];

    for (size_t i = 0; i < c->names.count; i++)
        for (size_t k = 0; k < count; k++)
            if (smx_name_parse(name, c->names.at[i], strlen(c->names.at[i])) == SMX_OK &&
                strcmp(name, p[k].name) == 0)
                return true;
    return false;
}

/* Where phones reach us, and whether that can be answered for. */
static bool phones_may_come(const struct client_config *c, char *why, size_t why_len)
{
    static const char *const keys_of[] = {"sip.udp", "sip.tcp", "sip.tls"};
    const struct smx_addr *at[] = {&c->sip_udp, &c->sip_tcp, &c->sip_tls};
    bool has_tls = c->sip_tls.port != 0 || !is_unspecified(&c->sip_tls);
    const struct smx_addr *outer = NULL;

    _Static_assert((int)SMX_AUTH_ACCOUNTS == (int)SMX_CONFIG_LIST_MAX, "as many accounts as lines");
    for (size_t i = 0; i < (has_tls ? 3 : 2); i++) {
        if (at[i]->port == 0)
            snprintf(why, why_len, "%s: no port that a phone could use; allowed: 1 to 65535", keys_of[i]);
        else if (!settings_is_loopback(at[i]) && i < 2 && c->phones.count == 0)
            snprintf(why, why_len,
                     "%s: others could reach it, and phones are not asked for a password; allowed: a "
                     "loopback address such as 127.0.0.1:5060, or passwords (sip.phone), or sip.tls instead",
                     keys_of[i]);
        else if (!settings_is_loopback(at[i]) && outer && memcmp(outer->ip, at[i]->ip, sizeof outer->ip) != 0)
            snprintf(why, why_len, "%s: a second address that others reach; allowed: one for all",
                     keys_of[i]);
        else if (is_unspecified(at[i]))
            snprintf(why, why_len,
                     "%s: phones are told this address; allowed: one that this machine has, not all of them",
                     keys_of[i]);
        else {
            if (!settings_is_loopback(at[i]))
                outer = at[i];
            continue;
        }
        return false;
    }
    if (c->srtp == SMX_UA_SRTP_DEMAND &&
        (!settings_is_loopback(&c->sip_udp) || !settings_is_loopback(&c->sip_tcp)))
        snprintf(why, why_len,
                 "sip.srtp: demand, where its keys would be read; allowed: sip.udp and sip.tcp on loopback "
                 "addresses, others by sip.tls");
    else if (!accounts_are_good(c))
        snprintf(why, why_len,
                 "sip.phone: allowed: USER PASSWORD, the password of %d to %d characters without blanks and "
                 "quotes",
                 PASSWORD_MIN, SMX_AUTH_PASSWORD - 1);
    else if (has_tls && c->tls_certificate[0] == 0 && c->tls_key[0] != 0)
        snprintf(why, why_len, "sip.certificate_key: without sip.certificate; allowed: both, or none");
    else
        return true;
    return false;
}

static bool check(const void *config, char *why, size_t why_len)
{
    const struct client_config *c = config;
    struct smx_client_parting partings[SMX_CLIENT_PARTINGS];
    size_t parting_count;

    if (!smx_client_fits(c->keys.count, (size_t)c->slots))
        snprintf(
            why, why_len,
            "identity.key: %zu with client.slots = %d each do not fit into a datagram; allowed: one with up "
            "to 4 slots, two with up to 2 each, or three with 1 each",
            c->keys.count, (int)c->slots);
    else if (c->names.count > c->keys.count)
        snprintf(why, why_len, "identity.name: more names than keys; allowed: one name for each key");
    else if (!names_are_good(c))
        snprintf(why, why_len, "identity.name: not a name; allowed: 3 to 32 of a-z 0-9 . _ -");
    else if (!settings_partings(c, partings, &parting_count))
        snprintf(why, why_len,
                 "identity.release, identity.transfer: allowed: release = NAME, transfer = NAME CONSENT, %d "
                 "of them",
                 SMX_CLIENT_PARTINGS);
    else if (parts_from_wanted(c, partings, parting_count))
        snprintf(why, why_len,
                 "identity.name: a name that is also to be released or transferred; allowed: one of them");
    else if (c->uplink.count > UPLINKS_MAX ||
             (c->uplink.count == 2 && smx_addr_is_v4(&c->uplink.at[0]) == smx_addr_is_v4(&c->uplink.at[1])))
        snprintf(why, why_len, "client.uplink: two of one family; allowed: one IPv4, one IPv6, or both");
    else if (!phones_may_come(c, why, why_len))
        return false;
    else if (!settings_is_loopback(&c->web) && !is_unset(&c->web))
        snprintf(why, why_len,
                 "web.listen: others could reach it; allowed: a loopback address such as 127.0.0.1:8088");
    else if (c->web.port == 0 && !is_unset(&c->web))
        snprintf(why, why_len, "web.listen: no port that a browser could use; allowed: 1 to 65535");
    else if (c->rtp_first % 2 != 0)
        snprintf(why, why_len, "sip.rtp_first: odd; allowed: an even port");
    else
        return true;
    return false;
}

const struct smx_program client_program = {
    .name = "sipmix-client",
    .summary = "an anonymous telephone line for the SIP phones of this machine",
    .table = {.keys = keys,
              .key_count = sizeof keys / sizeof keys[0],
              .size = sizeof(struct client_config),
              .check = check},
};
