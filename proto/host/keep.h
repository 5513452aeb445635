/* proto/host/keep.h - files of a daemon's folder, written by a thread of their own: a slow disk must not move
 * a datagram. Each file is written whole (proto/host/file.h); a newer version replaces one that still waits.
 */
#ifndef SMX_HOST_KEEP_H
#define SMX_HOST_KEEP_H

#include "proto/host/file.h"

struct smx_keep;

enum { SMX_KEEP_FILES = 8 }; /* at most */

/* names: of the files, in the folder unless they begin with a slash; a file is known by its place there.
 * NULL: no thread or memory to be had. */
struct smx_keep *smx_keep_start(const struct smx_state *state, const char *const *names, size_t count);
/* Writes what still waits, then ends.  NULL is fine. */
void smx_keep_stop(struct smx_keep *k);
/* Copies the bytes; they are wiped after the writing.  bytes NULL: removes the file. */
void smx_keep(struct smx_keep *k, size_t file, const void *bytes, size_t len);
/* Files that could not be written or removed since the last call. */
unsigned smx_keep_failures(struct smx_keep *k);
/* Loads a file at start into malloc'ed memory of its length; NULL and *err SMX_OK when there is none. */
uint8_t *smx_keep_load(const struct smx_state *state, const char *name, size_t max, size_t *len,
                       enum smx_err *err);

#endif
