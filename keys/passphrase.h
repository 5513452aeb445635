/* keys/passphrase.h - a passphrase from a file: its first line, in locked memory. */
#ifndef SMX_KEYS_PASSPHRASE_H
#define SMX_KEYS_PASSPHRASE_H

#include "proto/base/err.h"

#include <stddef.h>

enum { SMX_PASSPHRASE_MAX = 1024 }; /* bytes, with the final NUL */

/* Reads to the first newline or the end; a pipe will do.  SMX_E_MALFORMED: empty, too long, or a NUL in it.
 * SMX_E_IO: errno says why (EINTR too). */
enum smx_err smx_passphrase_read(const char *path, char **passphrase) SMX_MUST_CHECK;
/* The same from an open file or terminal, into memory of smx_passphrase_new. */
enum smx_err smx_passphrase_fetch(int fd, char *text) SMX_MUST_CHECK;
/* Memory for one of SMX_PASSPHRASE_MAX bytes, or NULL. */
char *smx_passphrase_new(void);
void smx_passphrase_free(char *passphrase); /* wipes; NULL is fine */

#endif
