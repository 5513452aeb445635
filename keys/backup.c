#include "keys/backup.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

static const char begin[] = "-----BEGIN SIPMIX KEY BACKUP-----\n";
static const char end[] = "-----END SIPMIX KEY BACKUP-----\n";

enum {
    LINE = 48, /* bytes that a line of 64 characters holds */
    LINES = (SMX_KEYFILE_MAX + LINE - 1) / LINE
};

_Static_assert(sizeof begin + sizeof end + (size_t)LINES * 65 <= SMX_BACKUP_MAX, "every backup fits");

void smx_backup_encode(char text[SMX_BACKUP_MAX], const uint8_t *file, size_t len)
{
    size_t used = sizeof begin - 1;

    memcpy(text, begin, used);
    for (size_t at = 0; at < len; at += LINE) {
        size_t part = len - at < LINE ? len - at : LINE;

        sodium_bin2base64(text + used, SMX_BACKUP_MAX - used, file + at, part,
                          sodium_base64_VARIANT_ORIGINAL);
        used += strlen(text + used);
        text[used++] = '\n';
    }
    memcpy(text + used, end, sizeof end);
}

enum smx_key_err smx_backup_decode(uint8_t file[SMX_KEYFILE_MAX], size_t *len, const char *text,
                                   size_t text_len)
{
    const size_t begin_len = sizeof begin - 2, end_len = sizeof end - 2; /* however lines end */
    const char *from = memmem(text, text_len, begin, begin_len), *to;

    if (!from)
        return SMX_KEY_E_FOREIGN;
    from += begin_len;
    to = memmem(from, text_len - (size_t)(from - text), end, end_len);
    if (!to)
        return SMX_KEY_E_TRUNCATED;
    if (sodium_base642bin(file, SMX_KEYFILE_MAX, from, (size_t)(to - from), " \t\r\n", len, NULL,
                          sodium_base64_VARIANT_ORIGINAL) != 0)
        return SMX_KEY_E_DAMAGED;
    return SMX_KEY_OK;
}
