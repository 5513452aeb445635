/* client/sip/text.h - views of text, and a writer of text that cannot overrun.
 * Pure; no allocation; both borrow the memory for their life. */
#ifndef SMX_SIP_TEXT_H
#define SMX_SIP_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct smx_span {
    const char *at; /* not terminated */
    size_t len;     /* bytes */
};

struct smx_span smx_span_of(const char *text);
bool smx_span_is(struct smx_span s, const char *text);
bool smx_span_is_nocase(struct smx_span s, const char *text);
/* Without blanks and tabs at both ends. */
struct smx_span smx_span_trim(struct smx_span s);
/* What stands before the first of c (all, if there is none); *s keeps what stands behind it. */
struct smx_span smx_span_cut(struct smx_span *s, char c);
/* The same, but a c inside "quotes" or <brackets> does not count. */
struct smx_span smx_span_cut_outside(struct smx_span *s, char c);
/* Only decimal digits, at most max. */
bool smx_span_u32(struct smx_span s, uint32_t max, uint32_t *out);
/* Copies with a final NUL; false, and an empty text, when it needs more than cap bytes. */
bool smx_span_copy(char *out, size_t cap, struct smx_span s);

struct smx_text {
    char *at;
    size_t len, cap; /* bytes */
    bool full;       /* something found no room: the text is of no use */
};

void smx_text_add(struct smx_text *t, const char *text);
void smx_text_span(struct smx_text *t, struct smx_span s);
void smx_text_u64(struct smx_text *t, uint64_t v);
struct smx_span smx_text_done(const struct smx_text *t); /* len 0 when full */

char smx_lower(char c); /* ASCII only, whatever the locale */
bool smx_is_digit(char c);
/* RFC 3261, 25.1: token */
bool smx_is_token(struct smx_span s);

#endif
