#include "sim/paper.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST = 256 };

void smx_paper_fini(struct smx_paper *t)
{
    free(t->bytes);
    *t = (struct smx_paper){0};
}

/* Room for so many bytes more, and a NUL. */
static void make_room(struct smx_paper *t, size_t more)
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

void smx_paper_put(struct smx_paper *t, const char *bytes, size_t len)
{
    make_room(t, len);
    memcpy(t->bytes + t->len, bytes, len);
    t->len += len;
    t->bytes[t->len] = '\0';
}

void smx_paper_add(struct smx_paper *t, const char *s)
{
    smx_paper_put(t, s, strlen(s));
}

void smx_paper_format(struct smx_paper *t, const char *format, ...)
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

void smx_paper_html(struct smx_paper *t, const char *s)
{
    for (; *s; s++)
        switch (*s) {
        case '&':
            smx_paper_add(t, "&amp;");
            break;
        case '<':
            smx_paper_add(t, "&lt;");
            break;
        case '>':
            smx_paper_add(t, "&gt;");
            break;
        case '"':
            smx_paper_add(t, "&quot;");
            break;
        case '\'':
            smx_paper_add(t, "&#39;");
            break;
        default:
            smx_paper_put(t, s, 1);
        }
}

void smx_paper_csv(struct smx_paper *t, const char *s)
{
    if (!strpbrk(s, ",\"\r\n")) {
        smx_paper_add(t, s);
        return;
    }
    smx_paper_add(t, "\"");
    for (; *s; s++)
        smx_paper_put(t, *s == '"' ? "\"\"" : s, *s == '"' ? 2 : 1);
    smx_paper_add(t, "\"");
}

char *smx_paper_take(struct smx_paper *t)
{
    char *bytes;

    smx_paper_put(t, "", 0);
    bytes = t->bytes;
    *t = (struct smx_paper){0};
    return bytes;
}
