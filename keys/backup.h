/* keys/backup.h - a sealed key file as text, to print or to keep elsewhere.
 * Source: docs/protocol/80-keyfile.md, section 3. */
#ifndef SMX_KEYS_BACKUP_H
#define SMX_KEYS_BACKUP_H

#include "keys/keyfile.h"

enum { SMX_BACKUP_MAX = 1024 }; /* bytes of text, with the final NUL; no backup that we write is longer */

/* The text for the len bytes of a sealed key file. */
void smx_backup_encode(char text[SMX_BACKUP_MAX], const uint8_t *file, size_t len);
/* The key file in a text; what stands before and after it is not looked at.  The file itself is not yet
 * checked. */
enum smx_key_err smx_backup_decode(uint8_t file[SMX_KEYFILE_MAX], size_t *len, const char *text,
                                   size_t text_len) SMX_MUST_CHECK;

#endif
