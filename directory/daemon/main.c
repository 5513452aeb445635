/* sipmix-directory: HTTP, one timer and the directory core. */
#include "directory/daemon/daemon.h"
#include "keys/passphrase.h"
#include "keys/start.h"
#include "proto/host/log.h"
#include "proto/host/random.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

struct smx_key *open_state(const struct settings *s, struct smx_state *state, bool busy_ok)
{
    struct smx_key *key;
    struct smx_rng rng;
    char *passphrase;
    bool busy = false;

    if (!smx_start_state(state, s->state, busy_ok ? &busy : NULL) ||
        !smx_start_passphrase(&passphrase, s->passphrase_file))
        return NULL;
    smx_random_init(&rng);
    key = smx_start_key(s->state, "authority.key", SMX_KEY_AUTHORITY, passphrase, busy ? NULL : &rng);
    smx_rng_fini(&rng);
    smx_passphrase_free(passphrase);
    return key;
}

struct smx_store *open_store(const struct settings *s, bool read_only)
{
    char path[SMX_PATH_MAX];
    struct smx_store *store = NULL;
    const char *why = "its path is too long";

    if (s->store == STORE_MEMORY) {
        store = smx_store_memory();
        if (!store)
            smx_log_error("out of memory");
        return store;
    }
    if (snprintf(path, sizeof path, "%s/directory.db", s->state) >= (int)sizeof path ||
        smx_store_sqlite(&store, path, read_only, &why) != SMX_OK)
        smx_log_error("database %s/directory.db: %s", s->state, why);
    return store;
}

static struct smx_directory *make_core(const struct settings *s, const struct smx_key *key,
                                       struct smx_store *store)
{
    struct smx_directory_config config = {.secret = key->identity_secret,
                                          .early = s->early,
                                          .relays_max = (size_t)s->relays_max,
                                          .names_max = (size_t)s->names_max,
                                          .descs_max = (size_t)s->descs_max,
                                          .uploads_busy = (size_t)s->uploads_busy};
    struct smx_directory *d;
    enum smx_err err;

    network_of(s, key->identity_public, &config.network);
    params_of(s, &config.params);
    err = smx_directory_new(&d, &config, store, smx_loop_wall());
    if (err == SMX_E_REFUSED)
        smx_log_error("database %s/directory.db: belongs to another authority key", s->state);
    else if (err == SMX_E_IO)
        smx_log_error("database %s/directory.db: %s", s->state, store->fault(store));
    else if (err != SMX_OK)
        smx_log_error("database %s/directory.db: %s", s->state, smx_err_text(err));
    return d;
}

static int run(const struct settings *s)
{
    struct smx_state state = {.lock = -1};
    struct smx_directory *directory = NULL;
    struct smx_store *store = NULL;
    struct server *server = NULL;
    struct smx_loop *loop = NULL;
    struct smx_key *key = open_state(s, &state, false);
    int code = SMX_EXIT_FAILED;

    if (key)
        store = open_store(s, false);
    if (store)
        directory = make_core(s, key, store);
    if (directory) {
        loop = smx_loop_new();
        if (!loop)
            smx_log_error("event loop: %s", strerror(errno));
    }
    if (loop)
        server = serve_start(loop, directory, store, &s->listen);
    if (server) {
        smx_log_info("running");
        code = smx_loop_run(loop) == SMX_OK ? SMX_EXIT_OK : SMX_EXIT_FAILED;
        smx_log_info("stopped");
    }
    serve_stop(server);
    if (loop)
        smx_loop_free(loop);
    smx_directory_free(directory);
    if (store)
        store->free(store);
    smx_key_free(key);
    if (state.lock >= 0)
        smx_state_close(&state);
    return code;
}

int main(int argc, char **argv)
{
    const struct smx_program program = program_of_directory();
    static struct settings settings;
    int code;

    umask(077); /* the database and its journals too are nobody else's business */
    if (argc > 1 && strcmp(argv[1], "network") == 0) {
        smx_log_init(program.name, SMX_LOG_WARN);
        return write_network_file(argc, argv);
    }
    code = smx_args(&program, argc, argv, &settings);
    if (code != SMX_ARGS_RUN)
        return code;
    smx_log_init(program.name, (enum smx_log_level)settings.log);
    if (sodium_init() < 0)
        return SMX_EXIT_FAILED;
    return run(&settings);
}
