/* client/sip/text.c - see text.h. */
#include "client/sip/text.h"

#include <string.h>

char smx_lower(char c)
{
    if (c >= 'A' && c <= 'Z')
        c = (char)(c | 0x20);
    return c;
}

bool smx_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

struct smx_span smx_span_of(const char *text)
{
    return (struct smx_span){text, strlen(text)};
}

bool smx_span_is(struct smx_span s, const char *text)
{
    return strlen(text) == s.len && memcmp(s.at, text, s.len) == 0;
}

bool smx_span_is_nocase(struct smx_span s, const char *text)
{
    if (strlen(text) != s.len)
        return false;
    for (size_t i = 0; i < s.len; i++)
        if (smx_lower(s.at[i]) != smx_lower(text[i]))
            return false;
    return true;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

struct smx_span smx_span_trim(struct smx_span s)
{
    while (s.len > 0 && is_blank(s.at[0])) {
        s.at++;
        s.len--;
    }
    while (s.len > 0 && is_blank(s.at[s.len - 1]))
        s.len--;
    return s;
}

/* Splits *s at offset i, the byte there dropped. */
static struct smx_span split(struct smx_span *s, size_t i)
{
    struct smx_span head = {s->at, i};
    size_t used = i < s->len ? i + 1 : i;

    if (used == 0)
        return head; /* at may be NULL */
    s->at += used;
    s->len -= used;
    return head;
}

struct smx_span smx_span_cut(struct smx_span *s, char c)
{
    size_t i = 0;

    while (i < s->len && s->at[i] != c)
        i++;
    return split(s, i);
}

struct smx_span smx_span_cut_outside(struct smx_span *s, char c)
{
    bool quoted = false, bracketed = false;
    size_t i;

    for (i = 0; i < s->len; i++) {
        char here = s->at[i];

        if (quoted) {
            if (here == '\\')
                i++; /* the next byte is literal */
            else if (here == '"')
                quoted = false;
        } else if (bracketed) {
            bracketed = here != '>';
        } else if (here == c) {
            break;
        } else {
            quoted = here == '"';
            bracketed = here == '<';
        }
    }
    return split(s, i < s->len ? i : s->len);
}

bool smx_span_u32(struct smx_span s, uint32_t max, uint32_t *out)
{
    uint64_t v = 0;

    if (s.len == 0 || s.len > 10)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        if (!smx_is_digit(s.at[i]))
            return false;
        v = v * 10 + (uint64_t)(s.at[i] - '0');
    }
    if (v > max)
        return false;
    *out = (uint32_t)v;
    return true;
}

bool smx_span_copy(char *out, size_t cap, struct smx_span s)
{
    if (s.len >= cap) {
        out[0] = 0;
        return false;
    }
    if (s.len > 0)
        memcpy(out, s.at, s.len);
    out[s.len] = 0;
    return true;
}

void smx_text_span(struct smx_text *t, struct smx_span s)
{
    if (t->full || s.len > t->cap - t->len) {
        t->full = true;
        return;
    }
    if (s.len > 0)
        memcpy(t->at + t->len, s.at, s.len);
    t->len += s.len;
}

void smx_text_add(struct smx_text *t, const char *text)
{
    smx_text_span(t, smx_span_of(text));
}

void smx_text_u64(struct smx_text *t, uint64_t v)
{
    char digits[20];
    size_t i = sizeof digits;

    do {
        digits[--i] = (char)('0' + v % 10);
        v /= 10;
    } while (v != 0);
    smx_text_span(t, (struct smx_span){digits + i, sizeof digits - i});
}

struct smx_span smx_text_done(const struct smx_text *t)
{
    return (struct smx_span){t->at, t->full ? 0 : t->len};
}

bool smx_is_token(struct smx_span s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = smx_lower(s.at[i]);

        if (!smx_is_digit(c) && !(c >= 'a' && c <= 'z') && (c == 0 || !strchr("-.!%*_+`'~", c)))
            return false;
    }
    return s.len > 0;
}
