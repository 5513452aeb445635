/* sim/text.h - a text that grows, for what people read: JSON, HTML, scripts, tables.
 *
 * All zeros is an empty text.  Numbers are written by smx_text_format, the same in every locale a core runs
 * in (programs of this tree never call setlocale). Running out of memory ends the program, as in sim/world.h.
 */
#ifndef SMX_SIM_TEXT_H
#define SMX_SIM_TEXT_H

#include <stddef.h>

struct smx_text {
    char *bytes; /* ends with a NUL that len doesn't count; NULL: empty, nothing was put yet */
    size_t len, room;
};

void smx_text_fini(struct smx_text *t); /* leaves it empty */
void smx_text_put(struct smx_text *t, const char *bytes, size_t len);
void smx_text_add(struct smx_text *t, const char *s);
void smx_text_format(struct smx_text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* With & < > " ' as HTML writes them. */
void smx_text_html(struct smx_text *t, const char *s);
/* A field of CSV (RFC 4180): in quotes, if it must be. */
void smx_text_csv(struct smx_text *t, const char *s);
/* The bytes (malloc, the caller's), never NULL; t is empty then. */
char *smx_text_take(struct smx_text *t);

#endif
