#include "keys/passphrase.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

char *smx_passphrase_new(void)
{
    char *text = sodium_init() < 0 ? NULL : sodium_malloc(SMX_PASSPHRASE_MAX);

    if (text)
        sodium_memzero(text, SMX_PASSPHRASE_MAX);
    return text;
}

void smx_passphrase_free(char *passphrase)
{
    sodium_free(passphrase);
}

enum smx_err smx_passphrase_fetch(int fd, char *text)
{
    size_t len = 0;

    for (;;) {
        ssize_t got;

        if (len == SMX_PASSPHRASE_MAX)
            return SMX_E_MALFORMED;
        got = read(fd, text + len, 1); /* byte by byte: what follows the line is not ours */
        if (got < 0)
            return SMX_E_IO;
        if (got == 0 || text[len] == '\n')
            break;
        if (text[len] == 0)
            return SMX_E_MALFORMED;
        len++;
    }
    if (len && text[len - 1] == '\r')
        len--;
    text[len] = 0;
    return len ? SMX_OK : SMX_E_MALFORMED;
}

enum smx_err smx_passphrase_read(const char *path, char **passphrase)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC), saved;
    enum smx_err err;
    char *text;

    if (fd < 0)
        return SMX_E_IO;
    text = smx_passphrase_new();
    err = text ? smx_passphrase_fetch(fd, text) : SMX_E_MEMORY;
    saved = errno;
    close(fd);
    errno = saved;
    if (err == SMX_OK)
        *passphrase = text;
    else
        smx_passphrase_free(text);
    return err;
}
