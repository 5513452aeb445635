#include "sim/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST = 256 };

void smx_text_fini(struct smx_text *t)
{
    free(t->bytes);
    *t = (struct smx_text){0};
}

/* Room for so many bytes more, and a NUL. */
static void make_room(struct smx_text *t, size_t more)
{
    char *bytes;

    if (t->room - t->len > more)
        return;
    t->room = 2 * (t->len + more) + FIRST;
    bytes = realloc(t->bytes, t->room);
    if (!bytes)
        abort();
    t->bytes = bytes;
}

void smx_text_put(struct smx_text *t, const char *bytes, size_t len)
{
    make_room(t, len);
    memcpy(t->bytes + t->len, bytes, len);
    t->len += len;
    t->bytes[t->len] = '\0';
}

void smx_text_add(struct smx_text *t, const char *s)
{
    smx_text_put(t, s, strlen(s));
}

void smx_text_format(struct smx_text *t, const char *format, ...)
{
    va_list args, again;
    int len;

    va_start(args, format);
    va_copy(again, args);
    len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (len < 0)
        abort();
    make_room(t, (size_t)len);
    (void)vsnprintf(t->bytes + t->len, (size_t)len + 1, format, again);
    va_end(again);
    t->len += (size_t)len;
}

void smx_text_html(struct smx_text *t, const char *s)
{
    for (; *s; s++)
        switch (*s) {
        case '&':
            smx_text_add(t, "&amp;");
            break;
        case '<':
            smx_text_add(t, "&lt;");
            break;
        case '>':
            smx_text_add(t, "&gt;");
            break;
        case '"':
            smx_text_add(t, "&quot;");
            break;
        case '\'':
            smx_text_add(t, "&#39;");
            break;
        default:
            smx_text_put(t, s, 1);
        }
}

void smx_text_csv(struct smx_text *t, const char *s)
{
    if (!strpbrk(s, ",\"\r\n")) {
        smx_text_add(t, s);
        return;
    }
    smx_text_add(t, "\"");
    for (; *s; s++)
        smx_text_put(t, *s == '"' ? "\"\"" : s, *s == '"' ? 2 : 1);
    smx_text_add(t, "\"");
}

char *smx_text_take(struct smx_text *t)
{
    char *bytes;

    smx_text_put(t, "", 0);
    bytes = t->bytes;
    *t = (struct smx_text){0};
    return bytes;
}
