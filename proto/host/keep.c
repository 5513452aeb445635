#include "proto/host/keep.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct bytes {
    uint8_t *at; /* NULL: none, the file shall go */
    size_t len;
    bool waits;
};

struct smx_keep {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool stop;
    unsigned failures;
    size_t count;
    struct bytes waiting[SMX_KEEP_FILES];
    char path[SMX_KEEP_FILES][SMX_PATH_MAX];
};

static void wipe(struct bytes *b)
{
    if (b->at)
        sodium_memzero(b->at, b->len);
    free(b->at);
    *b = (struct bytes){.at = NULL};
}

/* count: none. */
static size_t first_waiting(const struct smx_keep *k)
{
    size_t i = 0;

    while (i < k->count && !k->waiting[i].waits)
        i++;
    return i;
}

static enum smx_err remove_file(const char *path)
{
    return unlink(path) == 0 || errno == ENOENT ? SMX_OK : SMX_E_IO;
}

static void *work(void *arg)
{
    struct smx_keep *k = arg;
    size_t i;

    pthread_mutex_lock(&k->lock);
    for (;;) {
        struct bytes b;
        enum smx_err err;

        while ((i = first_waiting(k)) == k->count && !k->stop)
            pthread_cond_wait(&k->wake, &k->lock);
        if (i == k->count)
            break; /* stopped, and nothing waits */
        b = k->waiting[i];
        k->waiting[i] = (struct bytes){.at = NULL};
        pthread_mutex_unlock(&k->lock);
        err = b.at ? smx_file_write(k->path[i], b.at, b.len, true) : remove_file(k->path[i]);
        wipe(&b);
        pthread_mutex_lock(&k->lock);
        k->failures += err != SMX_OK;
    }
    pthread_mutex_unlock(&k->lock);
    return NULL;
}

static enum smx_err path_of(const struct smx_state *state, const char *name, char out[SMX_PATH_MAX])
{
    size_t len = strlen(name);

    if (name[0] != '/')
        return smx_state_path(state, name, out);
    if (len >= SMX_PATH_MAX)
        return SMX_E_FULL;
    memcpy(out, name, len + 1);
    return SMX_OK;
}

struct smx_keep *smx_keep_start(const struct smx_state *state, const char *const *names, size_t count)
{
    struct smx_keep *k = calloc(1, sizeof *k);

    if (!k)
        return NULL;
    assert(count <= SMX_KEEP_FILES);
    k->count = count;
    for (size_t i = 0; i < count; i++)
        if (path_of(state, names[i], k->path[i]) != SMX_OK)
            goto fail;
    pthread_mutex_init(&k->lock, NULL);
    pthread_cond_init(&k->wake, NULL);
    if (pthread_create(&k->thread, NULL, work, k) == 0)
        return k;
    pthread_cond_destroy(&k->wake);
    pthread_mutex_destroy(&k->lock);
fail:
    free(k);
    return NULL;
}

void smx_keep_stop(struct smx_keep *k)
{
    if (!k)
        return;
    pthread_mutex_lock(&k->lock);
    k->stop = true;
    pthread_cond_signal(&k->wake);
    pthread_mutex_unlock(&k->lock);
    pthread_join(k->thread, NULL);
    pthread_cond_destroy(&k->wake);
    pthread_mutex_destroy(&k->lock);
    free(k);
}

void smx_keep(struct smx_keep *k, size_t file, const void *bytes, size_t len)
{
    struct bytes b = {bytes ? malloc(len > 0 ? len : 1) : NULL, len, true};

    pthread_mutex_lock(&k->lock);
    if (b.at || !bytes) {
        if (bytes)
            memcpy(b.at, bytes, len);
        wipe(&k->waiting[file]);
        k->waiting[file] = b;
        pthread_cond_signal(&k->wake);
    } else {
        k->failures++;
    }
    pthread_mutex_unlock(&k->lock);
}

unsigned smx_keep_failures(struct smx_keep *k)
{
    unsigned failures;

    pthread_mutex_lock(&k->lock);
    failures = k->failures;
    k->failures = 0;
    pthread_mutex_unlock(&k->lock);
    return failures;
}

uint8_t *smx_keep_load(const struct smx_state *state, const char *name, size_t max, size_t *len,
                       enum smx_err *err)
{
    char path[SMX_PATH_MAX];
    uint8_t *bytes = malloc(max);

    *err = bytes ? path_of(state, name, path) : SMX_E_MEMORY;
    if (*err == SMX_OK)
        *err = smx_file_read(path, bytes, max, len);
    if (*err == SMX_OK)
        return bytes;
    free(bytes);
    if (*err == SMX_E_ABSENT)
        *err = SMX_OK;
    return NULL;
}
