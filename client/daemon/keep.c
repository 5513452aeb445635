#include "client/daemon/daemon.h"

#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

struct bytes {
    uint8_t *at;
    size_t len;
};

struct keeper {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool stop;
    unsigned failures;
    struct bytes waiting[KEPT_COUNT];
    char path[KEPT_COUNT][SMX_PATH_MAX];
};

const char *keep_name(enum kept file)
{
    static const char *const names[KEPT_COUNT] = {"client.state", "contacts", "consensus", "status.json"};

    return names[file];
}

static void wipe(struct bytes *b)
{
    if (b->at)
        sodium_memzero(b->at, b->len);
    free(b->at);
    *b = (struct bytes){NULL, 0};
}

static int first_waiting(const struct keeper *k)
{
    for (int i = 0; i < KEPT_COUNT; i++)
        if (k->waiting[i].at)
            return i;
    return -1;
}

static void *work(void *arg)
{
    struct keeper *k = arg;
    int i;

    pthread_mutex_lock(&k->lock);
    for (;;) {
        struct bytes b;
        enum smx_err err;

        while ((i = first_waiting(k)) < 0 && !k->stop)
            pthread_cond_wait(&k->wake, &k->lock);
        if (i < 0)
            break; /* stopped, and nothing waits */
        b = k->waiting[i];
        k->waiting[i] = (struct bytes){NULL, 0};
        pthread_mutex_unlock(&k->lock);
        err = smx_file_write(k->path[i], b.at, b.len, true);
        wipe(&b);
        pthread_mutex_lock(&k->lock);
        k->failures += err != SMX_OK;
    }
    pthread_mutex_unlock(&k->lock);
    return NULL;
}

struct keeper *keep_start(const struct smx_state *state)
{
    struct keeper *k = calloc(1, sizeof *k);

    if (!k)
        return NULL;
    for (int i = 0; i < KEPT_COUNT; i++)
        if (smx_state_path(state, keep_name((enum kept)i), k->path[i]) != SMX_OK)
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

void keep_stop(struct keeper *k)
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

void keep(struct keeper *k, enum kept file, const void *bytes, size_t len)
{
    struct bytes b = {malloc(len > 0 ? len : 1), len};

    pthread_mutex_lock(&k->lock);
    if (b.at) {
        memcpy(b.at, bytes, len);
        wipe(&k->waiting[file]);
        k->waiting[file] = b;
        pthread_cond_signal(&k->wake);
    } else {
        k->failures++;
    }
    pthread_mutex_unlock(&k->lock);
}

unsigned keep_failures(struct keeper *k)
{
    unsigned failures;

    pthread_mutex_lock(&k->lock);
    failures = k->failures;
    k->failures = 0;
    pthread_mutex_unlock(&k->lock);
    return failures;
}

uint8_t *keep_load(const struct smx_state *state, enum kept file, size_t max, size_t *len, enum smx_err *err)
{
    char path[SMX_PATH_MAX];
    uint8_t *bytes = malloc(max);

    *err = bytes ? smx_state_path(state, keep_name(file), path) : SMX_E_MEMORY;
    if (*err == SMX_OK)
        *err = smx_file_read(path, bytes, max, len);
    if (*err == SMX_OK)
        return bytes;
    free(bytes);
    if (*err == SMX_E_ABSENT)
        *err = SMX_OK;
    return NULL;
}
