/* client/daemon/files.c - what a run leaves on the disk and in the log: state, contacts, consensus, the calls
 * that a next run would have to end, and the status; each when it has changed, written by another thread. */
#include "client/daemon/daemon.h"

#include "proto/host/log.h"

#include <jansson.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    LOOK_MS = 1000,   /* between two looks for a status that has changed */
    GUESSES = 5,      /* wrong passwords that are worth a word */
    GUESSES_S = 3600, /* between two such words */
};

static const char *const names[KEPT_COUNT] = {"client.state", "contacts", "consensus", "status.json",
                                              "calls"};

/* ---- written ---- */

static void add_counters(json_t *to, const struct client_daemon *d)
{
    const struct smx_client_counters *c = smx_client_counters(d->client);
    struct smx_ua_stats s = smx_ua_stats(d->ua);

#define X(name, text) json_object_set_new(to, #name, json_integer((json_int_t)c->name));
    SMX_CLIENT_COUNTERS(X)
#undef X
    json_object_set_new(to, "sip_gate_refused", json_integer((json_int_t)s.gate_refused));
    json_object_set_new(to, "sip_parse_refused", json_integer((json_int_t)s.parse_refused));
    json_object_set_new(to, "sip_table_full", json_integer((json_int_t)s.table_full));
    json_object_set_new(to, "sip_stray", json_integer((json_int_t)s.stray));
    json_object_set_new(to, "sip_auth_wrong", json_integer((json_int_t)s.auth_wrong));
    json_object_set_new(to, "sip_auth_waits", json_integer((json_int_t)s.auth_waits));
    json_object_set_new(to, "rtp_refused", json_integer((json_int_t)s.rtp_refused));
}

static json_t *sip_address(const struct client_daemon *d, const char *user)
{
    char text[4 + SMX_CLIENT_USER + 1 + SMX_NETWORK_DOMAIN];

    snprintf(text, sizeof text, "sip:%s@%s", user, d->network.domain);
    return user[0] ? json_string(text) : json_null();
}

static void keep_status(struct client_daemon *d, const struct smx_client_status *s)
{
    json_t *root = json_object(), *counters = json_object(), *asking = json_array();
    char key[SMX_CLIENT_USER], *text;

    add_counters(counters, d);
    json_object_set_new(root, "address", sip_address(d, s->name));
    json_object_set_new(root, "key_address", sip_address(d, s->key));
    for (size_t i = 0; smx_client_asking(d->client, i, key); i++)
        json_array_append_new(asking, sip_address(d, key));
    json_object_set_new(root, "asking", asking);
    json_object_set_new(root, "ready", json_boolean(s->ready));
    json_object_set_new(root, "state", json_string(smx_client_problem_text(s->problem)));
    json_object_set_new(root, "warning",
                        s->warning == SMX_CLIENT_FINE ? json_null()
                                                      : json_string(smx_client_problem_text(s->warning)));
    json_object_set_new(root, "guard", json_string(s->guard ? "answers" : "does not answer"));
    json_object_set_new(root, "sending",
                        json_string(d->watch.refused ? "refused by the system" : "goes out"));
    json_object_set_new(root, "circuits", json_integer((json_int_t)s->circuits));
    json_object_set_new(root, "circuits_wanted", json_integer((json_int_t)s->circuits_wanted));
    json_object_set_new(root, "counters", counters);
    text = json_dumps(root, JSON_INDENT(1));
    json_decref(root);
    if (text)
        smx_keep(d->keeper, KEPT_STATUS, text, strlen(text));
    free(text);
}

static void keep_state(struct client_daemon *d)
{
    uint8_t *bytes = malloc(SMX_CLIENT_STATE_MAX);
    size_t len;

    if (!bytes)
        return; /* the next change tries again */
    len = smx_client_save(d->client, bytes);
    smx_keep(d->keeper, KEPT_STATE, bytes, len);
    sodium_memzero(bytes, len);
    free(bytes);
}

static void keep_contacts(struct client_daemon *d)
{
    char *text = malloc(SMX_CLIENT_CONTACTS_MAX);

    if (text)
        smx_keep(d->keeper, KEPT_CONTACTS, text, smx_client_save_contacts(d->client, text));
    free(text);
}

static void say(struct client_daemon *d, const struct smx_client_status *s)
{
    const struct smx_client_counters *c = smx_client_counters(d->client);

    if (s->problem != d->said) {
        d->said = s->problem;
        if (s->problem == SMX_CLIENT_FINE || s->problem == SMX_CLIENT_STARTING ||
            s->problem == SMX_CLIENT_BUILDING)
            smx_log_info("%s", smx_client_problem_text(s->problem));
        else
            smx_log_warn("%s", smx_client_problem_text(s->problem));
    }
    if (c->warnings != d->warnings) {
        d->warnings = c->warnings;
        smx_log_warn("%s", smx_client_problem_text(s->warning));
    }
    if (c->names_let_go != d->names_let_go) {
        d->names_let_go = c->names_let_go;
        smx_log_info("a name has been let go as configured; its line can leave the configuration");
    }
}

/* Once when it begins, and again when it has not stopped after a while. */
static void say_guesses(struct client_daemon *d, smx_time now)
{
    uint64_t wrong = smx_ua_stats(d->ua).auth_wrong;

    if (wrong < d->guesses + GUESSES || now < d->guesses_next)
        return;
    d->guesses = wrong;
    d->guesses_next = now + SMX_SECOND(GUESSES_S);
    smx_log_warn("somebody gives wrong passwords as a phone; he is made to wait");
}

static void keep_calls(struct client_daemon *d)
{
    uint8_t bytes[SMX_UA_KEPT_MAX];
    size_t len = smx_ua_keep(d->ua, bytes);

    if (len == d->calls_len && memcmp(bytes, d->calls, len) == 0)
        return;
    memcpy(d->calls, bytes, len);
    d->calls_len = len;
    smx_keep(d->keeper, KEPT_CALLS, len > 0 ? bytes : NULL, len);
}

/* What the core does not count as a change, but a person who reads the status would. */
static bool looks_different(struct client_daemon *d, const struct smx_client_status *now)
{
    bool different = now->guard != d->shown.guard || now->circuits != d->shown.circuits ||
                     d->watch.refused != d->shown_refused;

    d->shown = *now;
    d->shown_refused = d->watch.refused;
    return different;
}

void files_keep(struct client_daemon *d, smx_time now)
{
    unsigned changes = smx_client_changes(d->client);
    struct smx_client_status status;
    const uint8_t *envelope;
    size_t len;

    if (changes & SMX_CLIENT_STATE)
        keep_state(d);
    if (changes & SMX_CLIENT_CONTACTS)
        keep_contacts(d);
    if (changes & SMX_CLIENT_CONSENSUS && (envelope = smx_client_envelope(d->client, &len)))
        smx_keep(d->keeper, KEPT_CONSENSUS, envelope, len);
    if (changes & SMX_CLIENT_STATUS || now >= d->look_next) {
        d->look_next = now + SMX_MS(LOOK_MS);
        say_guesses(d, now);
        smx_client_status(d->client, &status);
        say(d, &status);
        if (looks_different(d, &status) || changes & SMX_CLIENT_STATUS)
            keep_status(d, &status);
    }
    keep_calls(d);
    if (smx_keep_failures(d->keeper) > 0)
        smx_log_error("state folder: a file could not be written");
}

/* ---- read, at the start ---- */

/* A folder that is ours alone. */
static bool is_private(const char *path)
{
    struct stat st;

    return path && path[0] == '/' && stat(path, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == geteuid() &&
           !(st.st_mode & 077);
}

/* Who was in a call when should not be read from the disk: the file of the calls stands where a reboot clears
 * it, if there is such a place. */
static const char *path_of_calls(struct client_daemon *d)
{
    const char *service = getenv("RUNTIME_DIRECTORY"), *user = getenv("XDG_RUNTIME_DIR");
    char folder[PATH_MAX], hex[2 * 8 + 1];
    uint8_t mark[crypto_generichash_BYTES_MIN];
    int n = 0;

    if (is_private(service)) {
        n = snprintf(d->calls_path, sizeof d->calls_path, "%s/%s", service, names[KEPT_CALLS]);
    } else if (is_private(user) && realpath(d->state.path, folder)) {
        (void)crypto_generichash(mark, sizeof mark, (const uint8_t *)folder, strlen(folder), NULL, 0);
        sodium_bin2hex(hex, sizeof hex, mark, 8);
        n = snprintf(d->calls_path, sizeof d->calls_path, "%s/sipmix-%s-%s", user, hex, names[KEPT_CALLS]);
    }
    return n > 0 && (size_t)n < sizeof d->calls_path ? d->calls_path : names[KEPT_CALLS];
}

bool files_start(struct client_daemon *d)
{
    for (size_t i = 0; i < KEPT_COUNT; i++)
        d->file[i] = i == KEPT_CALLS ? path_of_calls(d) : names[i];
    d->keeper = smx_keep_start(&d->state, d->file, KEPT_COUNT);
    return d->keeper != NULL;
}

/* The phones of an earlier run that ended without a word hear now that their calls are over. */
static void load_calls(struct client_daemon *d)
{
    enum smx_err err;
    uint8_t *bytes = smx_keep_load(&d->state, d->file[KEPT_CALLS], sizeof d->calls, &d->calls_len, &err);

    if (bytes) {
        memcpy(d->calls, bytes, d->calls_len);
        err = smx_ua_resume(d->ua, smx_loop_now(), bytes, d->calls_len);
    } else {
        d->calls_len = 0;
    }
    if (err != SMX_OK)
        smx_log_warn("the file of calls that are to be ended: %s", smx_err_text(err));
    free(bytes);
}

static bool damaged(const struct client_daemon *d, enum kept file, const char *why)
{
    smx_log_error("%s/%s: %s; move it away to start without it", d->config.state, names[file], why);
    return false;
}

static bool load_state(struct client_daemon *d)
{
    enum smx_err err;
    size_t len;
    uint8_t *bytes = smx_keep_load(&d->state, names[KEPT_STATE], SMX_CLIENT_STATE_MAX, &len, &err);

    if (bytes) {
        err = smx_client_load(d->client, bytes, len);
        sodium_memzero(bytes, len);
        free(bytes);
    }
    if (err == SMX_OK)
        return true;
    return damaged(d, KEPT_STATE,
                   err == SMX_E_MALFORMED ? "damaged, or of another version" : smx_err_text(err));
}

static bool load_contacts(struct client_daemon *d)
{
    enum smx_err err;
    unsigned line = 0;
    size_t len;
    char why[40];
    uint8_t *bytes = smx_keep_load(&d->state, names[KEPT_CONTACTS], SMX_CLIENT_CONTACTS_MAX, &len, &err);

    if (bytes)
        err = smx_client_load_contacts(d->client, (const char *)bytes, len, &line);
    free(bytes);
    if (err == SMX_OK)
        return true;
    snprintf(why, sizeof why, "line %u is not NAME KEY", line);
    return damaged(d, KEPT_CONTACTS, line > 0 ? why : smx_err_text(err));
}

/* A consensus that can't be used any more is no reason not to start: there are others to be had. */
static void load_consensus(struct client_daemon *d)
{
    enum smx_err err;
    size_t len;
    uint8_t *bytes = smx_keep_load(&d->state, names[KEPT_CONSENSUS], SMX_CONSENSUS_MAX, &len, &err);

    if (bytes)
        err = smx_client_consensus(d->client, smx_loop_now(), smx_loop_wall(), bytes, len);
    if (err != SMX_OK && err != SMX_E_LATE)
        smx_log_warn("%s/%s: %s", d->config.state, names[KEPT_CONSENSUS], smx_err_text(err));
    free(bytes);
}

bool files_load(struct client_daemon *d)
{
    if (!load_state(d) || !load_contacts(d))
        return false;
    load_calls(d);
    load_consensus(d);
    return true;
}
