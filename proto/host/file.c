#include "proto/host/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum smx_err smx_file_read(const char *path, void *buf, size_t cap, size_t *len)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    uint8_t *to = buf, extra;
    enum smx_err err = SMX_OK;
    size_t used = 0;
    ssize_t got;

    if (fd < 0)
        return errno == ENOENT ? SMX_E_ABSENT : SMX_E_IO;
    for (;;) {
        /* one byte more than there is room for tells "full" from "just fits" */
        got = used < cap ? read(fd, to + used, cap - used) : read(fd, &extra, 1);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        if (used == cap) {
            err = SMX_E_FULL;
            break;
        }
        used += (size_t)got;
    }
    if (got < 0)
        err = SMX_E_IO;
    got = errno;
    close(fd);
    errno = (int)got;
    *len = used;
    return err;
}

static bool write_all(int fd, const uint8_t *bytes, size_t len)
{
    while (len) {
        ssize_t put = write(fd, bytes, len);

        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return false;
        bytes += put;
        len -= (size_t)put;
    }
    return true;
}

/* Opens path, locked and empty.  Whoever holds the lock of the file that the name points to is its only
 * writer; the file may have been moved away between open and lock, then again. */
static int open_locked(const char *path)
{
    for (int tries = 0; tries < 3; tries++) {
        int fd = open(path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
        struct stat ours, named;

        if (fd < 0)
            return -1;
        if (flock(fd, LOCK_EX | LOCK_NB) == 0 && fstat(fd, &ours) == 0 && lstat(path, &named) == 0 &&
            ours.st_ino == named.st_ino && ours.st_dev == named.st_dev && fchmod(fd, 0600) == 0 &&
            ftruncate(fd, 0) == 0)
            return fd;
        close(fd);
    }
    errno = EWOULDBLOCK;
    return -1;
}

/* The new name of a file is on the disk only when its folder is. */
static bool sync_folder(const char *path)
{
    char folder[SMX_PATH_MAX];
    const char *slash = strrchr(path, '/');
    size_t len = slash == path ? 1 : slash ? (size_t)(slash - path) : 0;
    bool ok;
    int fd;

    memcpy(folder, slash ? path : ".", slash ? len : 1);
    folder[slash ? len : 1] = 0;
    fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ok = fsync(fd) == 0 || errno == EINVAL; /* some file systems can't */
    close(fd);
    return ok;
}

enum smx_err smx_file_write(const char *path, const void *bytes, size_t len, bool replace)
{
    char temp[SMX_PATH_MAX];
    enum smx_err err = SMX_E_IO;
    int fd, saved, n = snprintf(temp, sizeof temp, "%s.new", path);

    if (n < 0 || (size_t)n >= sizeof temp) {
        errno = ENAMETOOLONG;
        return SMX_E_IO;
    }
    if (!replace && access(path, F_OK) == 0)
        return SMX_E_REFUSED;
    fd = open_locked(temp);
    if (fd < 0)
        return errno == EWOULDBLOCK ? SMX_E_STATE : SMX_E_IO;
    if (!write_all(fd, bytes, len) || fsync(fd) != 0)
        goto fail;
    if (replace ? rename(temp, path) != 0 : link(temp, path) != 0) {
        if (!replace && errno == EEXIST)
            err = SMX_E_REFUSED;
        goto fail;
    }
    if (!replace)
        unlink(temp);
    if (!sync_folder(path))
        goto out;
    err = SMX_OK;
    goto out;
fail:
    saved = errno;
    unlink(temp);
    errno = saved;
out:
    saved = errno;
    close(fd);
    errno = saved;
    return err;
}

enum smx_err smx_state_open(struct smx_state *state, const char *path)
{
    struct smx_state got = {.lock = -1};
    char lock[SMX_PATH_MAX];
    size_t len = strlen(path);
    struct stat st;

    if (len >= sizeof got.path) {
        errno = ENAMETOOLONG;
        return SMX_E_IO;
    }
    memcpy(got.path, path, len + 1);
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        return SMX_E_IO;
    if (stat(path, &st) != 0)
        return SMX_E_IO;
    if (!S_ISDIR(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 077))
        return SMX_E_REFUSED;
    if (smx_state_path(&got, "lock", lock) != SMX_OK) {
        errno = ENAMETOOLONG;
        return SMX_E_IO;
    }
    got.lock = open(lock, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (got.lock < 0)
        return SMX_E_IO;
    if (flock(got.lock, LOCK_EX | LOCK_NB) != 0) {
        bool held = errno == EWOULDBLOCK;

        close(got.lock);
        return held ? SMX_E_STATE : SMX_E_IO;
    }
    *state = got;
    return SMX_OK;
}

void smx_state_close(struct smx_state *state)
{
    if (state->lock >= 0)
        close(state->lock);
    state->lock = -1;
}

enum smx_err smx_state_path(const struct smx_state *state, const char *name, char out[SMX_PATH_MAX])
{
    int n = snprintf(out, SMX_PATH_MAX, "%s/%s", state->path, name);

    return n < 0 || n >= SMX_PATH_MAX ? SMX_E_FULL : SMX_OK;
}
