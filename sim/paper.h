/* sim/paper.h - a text that grows, for what people read: JSON, HTML, scripts, tables.
 *
 * All zeros is an empty text.  Numbers are written by smx_paper_format, the same in every locale a core runs
 * in (programs of this tree never call setlocale). Running out of memory ends the program, as in sim/world.h.
 */
#ifndef SMX_SIM_PAPER_H
#define SMX_SIM_PAPER_H

#include <stddef.h>

struct smx_paper {
    char *bytes; /* ends with a NUL that len doesn't count; NULL: empty, nothing was put yet */
    size_t len, room;
};

void smx_paper_fini(struct smx_paper *t); /* leaves it empty */
void smx_paper_put(struct smx_paper *t, const char *bytes, size_t len);
void smx_paper_add(struct smx_paper *t, const char *s);
void smx_paper_format(struct smx_paper *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* With & < > " ' as HTML writes them. */
void smx_paper_html(struct smx_paper *t, const char *s);
/* A field of CSV (RFC 4180): in quotes, if it must be. */
void smx_paper_csv(struct smx_paper *t, const char *s);
/* The bytes (malloc, the caller's), never NULL; t is empty then. */
char *smx_paper_take(struct smx_paper *t);

#endif
