/* sipmix-directory network --config FILE [--out FILE]: the file that relays and clients join by.  Works
 * beside the running daemon, and before its first start (the key is then made). */
#include "directory/daemon/daemon.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { ARGS_MAX = 16 };

/* Adds the running relays of one layer that are not there yet. */
static void add_layer(struct smx_network *n, const struct smx_consensus *c, enum smx_layer layer)
{
    for (size_t i = 0; i < c->relay_count && n->relay_count < SMX_NETWORK_RELAYS; i++) {
        const struct smx_relay_info *r = &c->relay[i];
        struct smx_boot_relay *to = &n->relay[n->relay_count];
        bool known = false;

        for (size_t j = 0; j < n->relay_count; j++)
            known |= memcmp(n->relay[j].id, r->id, SMX_DOC_KEY) == 0;
        if (known || r->layer != layer || !(r->flags & SMX_RELAY_RUNNING))
            continue;
        memcpy(to->id, r->id, sizeof to->id);
        memcpy(to->link_key, r->link_key, sizeof to->link_key);
        memcpy(to->addr, r->addr, sizeof to->addr);
        to->addr_count = r->addr_count;
        n->relay_count++;
    }
}

/* Guards first: they expect clients.  Without a database or consensus there is nothing to add. */
static void add_known_relays(struct smx_network *n, const struct settings *s)
{
    char path[SMX_PATH_MAX];
    struct smx_consensus c;
    struct smx_store *store;
    struct stat there;
    uint8_t *envelope;
    size_t len;

    if (s->store != STORE_SQLITE ||
        snprintf(path, sizeof path, "%s/directory.db", s->state) >= (int)sizeof path ||
        stat(path, &there) != 0)
        return;
    store = open_store(s, true);
    if (!store)
        return;
    if (store->blob_get(store, SMX_STORE_CONSENSUS, &envelope, &len) == SMX_OK) {
        if (smx_consensus_open(&c, n, envelope, len) == SMX_OK) {
            add_layer(n, &c, SMX_LAYER_GUARD);
            add_layer(n, &c, SMX_LAYER_MIDDLE);
            add_layer(n, &c, SMX_LAYER_END);
            smx_consensus_free(&c);
        }
        free(envelope);
    }
    store->free(store);
}

static bool write_out(const char *text, const char *path)
{
    if (!path)
        return printf("%s\n", text) > 0 && fflush(stdout) == 0;
    /* Everybody may read it: it holds public keys only. */
    return smx_file_write(path, text, strlen(text), true) == SMX_OK && chmod(path, 0644) == 0;
}

int write_network_file(int argc, char **argv)
{
    const struct smx_program program = program_of_directory();
    static struct settings settings;
    struct smx_state state = {.lock = -1};
    struct smx_network n;
    const char *out = NULL;
    char *rest[ARGS_MAX] = {argv[0]}, *text = NULL;
    struct smx_key *key;
    int rest_count = 1, code;

    for (int i = 2; i < argc; i++) {
        if (strcmp(argv[i], "--out") == 0 && i + 1 < argc)
            out = argv[++i];
        else if (rest_count < ARGS_MAX - 1)
            rest[rest_count++] = argv[i];
    }
    code = smx_args(&program, rest_count, rest, &settings);
    if (code != SMX_ARGS_RUN)
        return code;
    if (sodium_init() < 0)
        return SMX_EXIT_FAILED;
    key = open_state(&settings, &state, true);
    if (!key)
        return SMX_EXIT_FAILED;
    network_of(&settings, key->identity_public, &n);
    add_known_relays(&n, &settings);
    code = SMX_EXIT_FAILED;
    if (smx_network_encode(&n, &text) == SMX_OK && write_out(text, out))
        code = SMX_EXIT_OK;
    else
        fprintf(stderr, "%s: network file %s: %s\n", program.name, out ? out : "to stdout", strerror(errno));
    free(text);
    smx_key_free(key);
    if (state.lock >= 0)
        smx_state_close(&state);
    return code;
}
