#include "tests/support/vectors.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { REPEAT_MAX = 1 << 20 }; /* bytes a value may have: stops a slip of the pen, not an attacker */

__attribute__((noreturn)) static void give_up(const struct smx_vec *v, const char *what, const char *which)
{
    fprintf(stderr, "%s: near line %d, [%s]: %s %s\n", v->path, v->line, v->name ? v->name : "", what, which);
    abort();
}

/* Makes room for one more element of size bytes. */
static void *grow(const struct smx_vec *v, void *array, size_t count, size_t *cap, size_t size)
{
    if (count < *cap)
        return array;
    *cap = *cap ? *cap * 2 : 16;
    array = realloc(array, *cap * size);
    if (!array)
        give_up(v, "out of memory", "");
    return array;
}

static void *own(struct smx_vec *v, size_t len)
{
    void *p = malloc(len);

    if (!p)
        give_up(v, "out of memory", "");
    v->owned = grow(v, v->owned, v->owned_count, &v->owned_cap, sizeof *v->owned);
    v->owned[v->owned_count++] = p;
    return p;
}

static void disown_all(struct smx_vec *v)
{
    while (v->owned_count > 0)
        free(v->owned[--v->owned_count]);
}

void smx_vec_open(struct smx_vec *v, const char *path)
{
    FILE *f = fopen(path, "rb");
    long len;

    memset(v, 0, sizeof *v);
    v->path = path;
    v->line = 1;
    if (!f)
        give_up(v, "cannot open:", strerror(errno));
    if (fseek(f, 0, SEEK_END) != 0 || (len = ftell(f)) < 0 || fseek(f, 0, SEEK_SET) != 0)
        give_up(v, "cannot read:", strerror(errno));
    v->at = v->text = malloc((size_t)len + 1);
    if (!v->text || fread(v->text, 1, (size_t)len, f) != (size_t)len)
        give_up(v, "cannot read:", "");
    v->text[len] = '\0';
    fclose(f);
}

void smx_vec_close(struct smx_vec *v)
{
    disown_all(v);
    free(v->owned);
    free(v->word);
    free(v->field);
    free(v->text);
    memset(v, 0, sizeof *v);
}

/* Skips blanks and comments; tells whether a new line began. */
static bool skip_blank(struct smx_vec *v)
{
    bool new_line = false;

    for (;;) {
        if (*v->at == '#') {
            v->at += strcspn(v->at, "\n");
        } else if (*v->at == '\n') {
            v->line++;
            v->at++;
            new_line = true;
        } else if (*v->at && isspace((unsigned char)*v->at)) {
            v->at++;
        } else {
            return new_line;
        }
    }
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* Reads the string whose opening quote stands at v->at. */
static struct smx_vec_word read_quoted(struct smx_vec *v)
{
    static const char code[] = "rnt0\"\\", value[] = "\r\n\t\0\"\\";
    struct smx_vec_word w = {NULL, 0, true};
    const char *in = v->at + 1;

    w.at = own(v, strcspn(in, "\n") + 1); /* unescaping only shortens */
    while (*in != '"') {
        char c = *in++;

        if (c == '\0' || c == '\n')
            give_up(v, "string without an end", "");
        if (c == '\\' && *in == 'x') {
            if (hex_digit(in[1]) < 0 || hex_digit(in[2]) < 0)
                give_up(v, "\\x without two digits", "");
            c = (char)((unsigned)hex_digit(in[1]) << 4 | (unsigned)hex_digit(in[2]));
            in += 3;
        } else if (c == '\\') {
            const char *known = *in ? strchr(code, *in) : NULL;

            if (!known)
                give_up(v, "unknown escape in a string", "");
            c = value[known - code];
            in++;
        }
        w.at[w.len++] = c;
    }
    w.at[w.len] = '\0';
    v->at = in + 1;
    return w;
}

static struct smx_vec_word read_word(struct smx_vec *v)
{
    struct smx_vec_word w = {NULL, 0, false};

    if (*v->at == '"')
        return read_quoted(v);
    while (v->at[w.len] && !isspace((unsigned char)v->at[w.len]))
        w.len++;
    w.at = own(v, w.len + 1);
    memcpy(w.at, v->at, w.len);
    w.at[w.len] = '\0';
    v->at += w.len;
    return w;
}

static const struct smx_vec_field *find(const struct smx_vec *v, const char *key)
{
    for (size_t i = 0; i < v->field_count; i++)
        if (strcmp(v->field[i].key, key) == 0)
            return &v->field[i];
    return NULL;
}

static void open_field(struct smx_vec *v)
{
    size_t key = v->word_count - 1; /* the word before the "=" was not a value, but this field's key */

    if (v->word_count == 0 || v->word[key].quoted || (v->field_count == 0 && key > 0))
        give_up(v, "value without a key", "");
    if (v->field_count > 0)
        v->field[v->field_count - 1].word_count--;
    if (find(v, v->word[key].at))
        give_up(v, "field twice:", v->word[key].at);
    v->field = grow(v, v->field, v->field_count, &v->field_cap, sizeof *v->field);
    v->field[v->field_count++] = (struct smx_vec_field){v->word[key].at, key, 0};
    v->word_count = key;
}

static void add_word(struct smx_vec *v, struct smx_vec_word w)
{
    v->word = grow(v, v->word, v->word_count, &v->word_cap, sizeof *v->word);
    v->word[v->word_count++] = w;
    if (v->field_count > 0)
        v->field[v->field_count - 1].word_count++;
}

bool smx_vec_next(struct smx_vec *v)
{
    bool line_began;

    skip_blank(v);
    disown_all(v);
    v->word_count = v->field_count = 0;
    v->name = NULL;
    if (!*v->at) {
        smx_vec_close(v);
        return false;
    }
    if (*v->at != '[')
        give_up(v, "a record should begin here", "");
    do {
        struct smx_vec_word w = read_word(v);

        if (!v->name) {
            if (w.len < 3 || w.at[w.len - 1] != ']')
                give_up(v, "record without a name:", w.at);
            w.at[w.len - 1] = '\0';
            v->name = w.at + 1;
        } else if (!w.quoted && strcmp(w.at, "=") == 0) {
            open_field(v);
        } else {
            add_word(v, w);
        }
        line_began = skip_blank(v);
    } while (*v->at && !(line_began && *v->at == '['));
    if (v->field_count == 0 && v->word_count > 0)
        give_up(v, "word outside a field:", v->word[0].at);
    return true;
}

static const struct smx_vec_field *need(const struct smx_vec *v, const char *key)
{
    const struct smx_vec_field *f = find(v, key);

    if (!f)
        give_up(v, "no field", key);
    return f;
}

bool smx_vec_has(const struct smx_vec *v, const char *key)
{
    return find(v, key) != NULL;
}

/* Bytes of one word, written to out unless that is NULL. */
static size_t word_bytes(const struct smx_vec *v, const struct smx_vec_word *w, uint8_t *out)
{
    size_t digits = strspn(w->at, "0123456789abcdefABCDEF");
    unsigned long times = 1;
    char *end = w->at + digits;

    if (w->quoted) {
        if (out)
            memcpy(out, w->at, w->len);
        return w->len;
    }
    if (*end == '*')
        times = strtoul(end + 1, &end, 10);
    if (*end || digits == 0 || digits % 2 != 0 || times == 0 || times > REPEAT_MAX)
        give_up(v, "not hex bytes:", w->at);
    for (size_t i = 0; out && i < digits / 2 * times; i++) {
        const char *d = w->at + i * 2 % digits;

        out[i] = (uint8_t)((unsigned)hex_digit(d[0]) << 4 | (unsigned)hex_digit(d[1]));
    }
    return digits / 2 * times;
}

const uint8_t *smx_vec_bytes(struct smx_vec *v, const char *key, size_t *len)
{
    const struct smx_vec_field *f = need(v, key);
    uint8_t *bytes, *at;

    *len = 0;
    for (size_t i = 0; i < f->word_count; i++)
        *len += word_bytes(v, &v->word[f->word + i], NULL);
    at = bytes = own(v, *len);
    for (size_t i = 0; i < f->word_count; i++)
        at += word_bytes(v, &v->word[f->word + i], at);
    return bytes;
}

const uint8_t *smx_vec_fixed(struct smx_vec *v, const char *key, size_t len)
{
    size_t got;
    const uint8_t *bytes = smx_vec_bytes(v, key, &got);

    if (got != len)
        give_up(v, "wrong length of field", key);
    return bytes;
}

uint64_t smx_vec_int(struct smx_vec *v, const char *key)
{
    const struct smx_vec_field *f = need(v, key);
    const char *text = f->word_count == 1 ? v->word[f->word].at : "";
    int base = strncmp(text, "0x", 2) == 0 ? 16 : 10;
    unsigned long long n;
    char *end;

    errno = 0;
    n = strtoull(text, &end, base);
    if (errno || *end || !isdigit((unsigned char)*text))
        give_up(v, "not a number: field", key);
    return n;
}

const char *smx_vec_text(struct smx_vec *v, const char *key)
{
    const struct smx_vec_field *f = need(v, key);
    size_t room = 1;
    char *text, *at;

    for (size_t i = 0; i < f->word_count; i++)
        room += v->word[f->word + i].len + 1;
    at = text = own(v, room);
    for (size_t i = 0; i < f->word_count; i++) {
        const struct smx_vec_word *w = &v->word[f->word + i];

        if (i > 0)
            *at++ = ' ';
        memcpy(at, w->at, w->len);
        at += w->len;
    }
    *at = '\0';
    return text;
}

bool smx_vec_is(struct smx_vec *v, const char *key, const char *what)
{
    return smx_vec_has(v, key) && strcmp(smx_vec_text(v, key), what) == 0;
}
