/* proto/host/file.h - files that are either whole or not there, and a state folder for one daemon only. */
#ifndef SMX_HOST_FILE_H
#define SMX_HOST_FILE_H

#include "proto/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SMX_PATH_MAX = 1024 }; /* bytes, with the final NUL */

/* Reads the whole file into the caller's memory.  SMX_E_ABSENT: there is none.  SMX_E_FULL: longer than cap.
 * SMX_E_IO: errno says why. */
enum smx_err smx_file_read(const char *path, void *buf, size_t cap, size_t *len) SMX_MUST_CHECK;

/* Writes path.new (mode 0600), syncs it, and moves it to path: after a crash or a full disk path holds the
 * old bytes or the new ones, never a mixture.  A path.new left by a crash is overwritten next time. replace
 * false and path there: SMX_E_REFUSED, nothing changed.  SMX_E_STATE: another process is writing it.
 * SMX_E_IO: errno says why; path is unchanged, or whole but perhaps not on the disk yet. */
enum smx_err smx_file_write(const char *path, const void *bytes, size_t len, bool replace) SMX_MUST_CHECK;

/* A daemon's folder; it holds the lock while open. */
struct smx_state {
    char path[SMX_PATH_MAX];
    int lock; /* file descriptor */
};

/* Makes the folder (0700; its parent must be there) or takes an existing one of ours that is closed to
 * others. SMX_E_STATE: another process holds it.  SMX_E_REFUSED: not a folder, not ours, or open to group or
 * others. SMX_E_IO: errno says why. */
enum smx_err smx_state_open(struct smx_state *state, const char *path) SMX_MUST_CHECK;
void smx_state_close(struct smx_state *state);
/* Path of a file in the folder.  SMX_E_FULL: too long. */
enum smx_err smx_state_path(const struct smx_state *state, const char *name,
                            char out[SMX_PATH_MAX]) SMX_MUST_CHECK;

#endif
