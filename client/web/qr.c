#include "client/web/qr.h"

#include <qrencode.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RUN_MAX = sizeof "M177 177h177v1h-177z" - 1 }; /* of the largest code */

/* A dark run at least every other module, at most one for each two. */
static char *draw(const QRcode *code)
{
    size_t width = (size_t)code->width, room = (width + 1) / 2 * width * RUN_MAX + 1, at = 0;
    char *path = malloc(room);

    if (!path)
        return NULL;
    path[0] = 0;
    for (size_t y = 0; y < width; y++) {
        for (size_t x = 0, run; x < width; x += run + 1) {
            for (run = 0; x + run < width && code->data[y * width + x + run] & 1; run++)
                ;
            if (run > 0)
                at += (size_t)snprintf(path + at, room - at, "M%zu %zuh%zuv1h-%zuz", x, y, run, run);
        }
    }
    return path;
}

enum smx_err smx_qr(const char *text, char **path, unsigned *size)
{
    size_t len = strlen(text);
    QRcode *code;

    *path = NULL;
    if (len == 0 || len > SMX_QR_TEXT_MAX)
        return SMX_E_FULL;
    code = QRcode_encodeString8bit(text, 0, QR_ECLEVEL_M);
    if (!code)
        return SMX_E_MEMORY;
    *path = draw(code);
    *size = (unsigned)code->width;
    QRcode_free(code);
    return *path ? SMX_OK : SMX_E_MEMORY;
}
