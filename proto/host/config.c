#include "proto/host/config.h"

#include "proto/host/file.h"

#include <assert.h>
#include <errno.h>
#include <ini.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KEYS_MAX = 256, FILE_MAX = 256 * 1024 };

/* A parse in progress.  inih calls line_read for each line and then key_read for what it found there, so
 * at_line is the line of every message. */
struct parse {
    const struct smx_config_table *table;
    const char *name;     /* of the file */
    const char *at, *end; /* text not read yet */
    int at_line;
    bool given[KEYS_MAX];
    int line[KEYS_MAX]; /* where, last */
    uint8_t *config;
    char *why;
    size_t why_len;
    bool failed; /* why holds the first mistake */
};

/* The name of a key as messages write it. */
static const char *full_name(const char *section, const char *name, char out[SMX_CONFIG_TEXT_MAX])
{
    snprintf(out, SMX_CONFIG_TEXT_MAX, "%s%s%s", section, *section ? "." : "", name);
    return out;
}

/* line 0 is for what is nowhere in the file.  Only the first mistake counts: the others may follow from it.
 */
__attribute__((format(printf, 3, 4))) static void fail(struct parse *p, const char *key, const char *format,
                                                       ...)
{
    char text[SMX_CONFIG_TEXT_MAX * 4];
    va_list args;

    if (p->failed)
        return;
    p->failed = true;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (p->at_line)
        snprintf(p->why, p->why_len, "%s:%d: %s%s%s", p->name, p->at_line, key, *key ? ": " : "", text);
    else
        snprintf(p->why, p->why_len, "%s: %s%s%s", p->name, key, *key ? ": " : "", text);
}

/* What a key takes, in words. */
static void allowed(const struct smx_config_key *k, char *out, size_t len)
{
    switch (k->type) {
    case SMX_CONFIG_BOOL:
        snprintf(out, len, "yes or no");
        return;
    case SMX_CONFIG_INT:
        snprintf(out, len, "%lld to %lld", (long long)k->min, (long long)k->max);
        return;
    case SMX_CONFIG_STRING:
        snprintf(out, len, "a text of %s %zu characters", k->def && !*k->def ? "at most" : "1 to",
                 k->size - 1);
        return;
    case SMX_CONFIG_PATH:
        snprintf(out, len, "a path of at most %zu characters", k->size - 1);
        return;
    case SMX_CONFIG_ADDR:
        snprintf(out, len, "IP:PORT, such as 192.0.2.1:7000 or [2001:db8::1]:7000");
        return;
    case SMX_CONFIG_ADDRS:
        snprintf(out, len, "at most %d of IP:PORT, separated by commas", SMX_CONFIG_LIST_MAX);
        return;
    case SMX_CONFIG_TEXTS:
        snprintf(out, len, "at most %d lines of 1 to %d characters", SMX_CONFIG_LIST_MAX,
                 SMX_CONFIG_TEXT_MAX - 1);
        return;
    case SMX_CONFIG_ENUM:
        snprintf(out, len, "%s", k->words);
        return;
    }
}

/* --- Values: each returns false when the text is none of its kind --- */

/* Index of word in a list separated by blanks, or -1. */
static int word_index(const char *words, const char *word)
{
    size_t len = strlen(word);

    for (int i = 0; *words; i++) {
        size_t span = strcspn(words, " ");

        if (span == len && memcmp(words, word, len) == 0)
            return i;
        words += span;
        words += strspn(words, " ");
    }
    return -1;
}

static bool set_bool(bool *to, const char *text)
{
    int i = word_index("no false off yes true on", text);

    *to = i >= 3;
    return i >= 0;
}

static bool set_int(int64_t *to, const char *text, int64_t min, int64_t max)
{
    char *end;

    errno = 0;
    *to = strtoll(text, &end, 10);
    /* strtoll would also take leading blanks and a plus sign */
    return (*text == '-' || (*text >= '0' && *text <= '9')) && *end == 0 && errno == 0 && *to >= min &&
           *to <= max;
}

static bool set_text(char *to, size_t size, const char *text)
{
    size_t len = strlen(text);

    if (len >= size)
        return false;
    memcpy(to, text, len + 1);
    return true;
}

/* A relative path counts from the folder of the configuration file. */
static bool set_path(char *to, size_t size, const char *text, const char *file)
{
    const char *slash = strrchr(file, '/');
    size_t folder = slash ? (size_t)(slash - file) + 1 : 0;
    int n;

    if (*text == '/' || *text == 0)
        folder = 0;
    n = snprintf(to, size, "%.*s%s", (int)folder, file, text);
    return n >= 0 && (size_t)n < size;
}

static bool set_addr(struct smx_addr *to, const char *text)
{
    *to = (struct smx_addr){.port = 0};
    return *text == 0 || smx_addr_parse(to, text) == SMX_OK;
}

static bool add_addrs(struct smx_config_addrs *to, const char *text)
{
    while (*text) {
        char one[SMX_ADDR_TEXT];
        size_t len = strcspn(text, ", \t");

        if (to->count == SMX_CONFIG_LIST_MAX || len == 0 || len >= sizeof one)
            return false;
        memcpy(one, text, len);
        one[len] = 0;
        if (smx_addr_parse(&to->at[to->count], one) != SMX_OK)
            return false;
        to->count++;
        text += len;
        text += strspn(text, ", \t");
    }
    return true;
}

static bool add_text(struct smx_config_texts *to, const char *text)
{
    if (*text == 0)
        return true;
    return to->count < SMX_CONFIG_LIST_MAX && set_text(to->at[to->count++], sizeof to->at[0], text);
}

static bool is_list(const struct smx_config_key *k)
{
    return k->type == SMX_CONFIG_ADDRS || k->type == SMX_CONFIG_TEXTS;
}

static bool set_value(const struct parse *p, const struct smx_config_key *k, const char *text)
{
    void *to = p->config + k->offset;
    int i;

    switch (k->type) {
    case SMX_CONFIG_BOOL:
        return set_bool(to, text);
    case SMX_CONFIG_INT:
        return set_int(to, text, k->min, k->max);
    case SMX_CONFIG_STRING:
        return set_text(to, k->size, text);
    case SMX_CONFIG_PATH:
        return set_path(to, k->size, text, p->name);
    case SMX_CONFIG_ADDR:
        return set_addr(to, text);
    case SMX_CONFIG_ADDRS:
        return add_addrs(to, text);
    case SMX_CONFIG_TEXTS:
        return add_text(to, text);
    case SMX_CONFIG_ENUM:
        i = word_index(k->words, text);
        if (i < 0)
            return false;
        *(int *)to = i;
        return true;
    }
    return false;
}

/* The value itself is not repeated: it may be a password, and the line number is enough. */
static const char *cause(const struct smx_config_key *k)
{
    switch (k->type) {
    case SMX_CONFIG_BOOL:
    case SMX_CONFIG_ENUM:
        return "none of the words";
    case SMX_CONFIG_INT:
        return "not a number in the range";
    case SMX_CONFIG_STRING:
    case SMX_CONFIG_PATH:
        return "too long";
    case SMX_CONFIG_TEXTS:
        return "too long or too many";
    case SMX_CONFIG_ADDR:
        return "not an address with port";
    case SMX_CONFIG_ADDRS:
        return "not addresses with port, or too many";
    }
    return "not possible";
}

/* An empty value is one only where the default is empty too. */
static bool may_be_empty(const struct smx_config_key *k)
{
    return k->def && *k->def == 0;
}

/* --- The file --- */

/* Writes the names of the section's keys, or of the sections when there is no such one. */
static void list_names(const struct smx_config_table *t, const char *section, bool sections, char *out,
                       size_t len)
{
    size_t used = 0;

    out[0] = 0;
    for (size_t i = 0; i < t->key_count && used < len; i++) {
        const struct smx_config_key *k = &t->keys[i];
        bool repeated = false;

        if (sections ? *k->section == 0 : strcmp(k->section, section) != 0)
            continue;
        for (size_t j = 0; sections && j < i; j++)
            repeated |= strcmp(t->keys[j].section, k->section) == 0;
        if (!repeated)
            used += (size_t)snprintf(out + used, len - used, sections ? "%s[%s]" : "%s%s", used ? ", " : "",
                                     sections ? k->section : k->name);
    }
}

static void unknown_key(struct parse *p, const char *section, const char *name)
{
    char full[SMX_CONFIG_TEXT_MAX], names[SMX_CONFIG_TEXT_MAX * 2];

    list_names(p->table, section, false, names, sizeof names);
    if (*names) {
        fail(p, full_name(section, name, full), "unknown key; allowed: %s", names);
        return;
    }
    list_names(p->table, section, true, names, sizeof names);
    if (*section)
        fail(p, section, "unknown section; allowed: %s", *names ? names : "none");
    else
        fail(p, name, "no section begun; allowed: %s", *names ? names : "none");
}

/* inih's callback: nonzero goes on. */
static int key_read(void *arg, const char *section, const char *name, const char *value)
{
    struct parse *p = arg;
    char full[SMX_CONFIG_TEXT_MAX], words[SMX_CONFIG_TEXT_MAX];

    for (size_t i = 0; i < p->table->key_count; i++) {
        const struct smx_config_key *k = &p->table->keys[i];

        if (strcmp(k->section, section) != 0 || strcmp(k->name, name) != 0)
            continue;
        allowed(k, words, sizeof words);
        full_name(section, name, full);
        if (p->given[i] && !is_list(k))
            fail(p, full, "given twice; allowed: once");
        else if (*value == 0 && !may_be_empty(k))
            fail(p, full, "empty; allowed: %s", words);
        else if (!set_value(p, k, value))
            fail(p, full, "%s; allowed: %s", cause(k), words);
        p->given[i] = true;
        p->line[i] = p->at_line;
        return 1;
    }
    unknown_key(p, section, name);
    return 1;
}

/* inih's fgets: one line without leading blanks, since it would take an indented line as a continuation. */
static char *line_read(char *to, int size, void *arg)
{
    struct parse *p = arg;
    const char *newline, *stop;
    size_t len;

    if (p->at == p->end)
        return NULL;
    p->at_line++;
    newline = memchr(p->at, '\n', (size_t)(p->end - p->at));
    stop = newline ? newline : p->end;
    while (p->at < stop && (*p->at == ' ' || *p->at == '\t'))
        p->at++;
    len = (size_t)(stop - p->at);
    if (memchr(p->at, 0, len)) {
        fail(p, "", "a NUL byte; allowed: text");
        len = 0;
    } else if (len > SMX_CONFIG_LINE_MAX || len >= (size_t)size) {
        fail(p, "", "a line of %zu bytes; allowed: at most %d", len, SMX_CONFIG_LINE_MAX);
        len = 0;
    }
    memcpy(to, p->at, len);
    to[len] = 0;
    /* inih reports these only after the whole file */
    if (len && to[0] == '[' && !strchr(to, ']'))
        fail(p, "", "a section without \"]\"; allowed: [NAME]");
    else if (len && !strchr("[;#", to[0]) && !strpbrk(to, "=:") && to[strspn(to, " \t\r")])
        fail(p, "", "neither a key nor a section; allowed: KEY = VALUE, [SECTION], # comment");
    p->at = newline ? newline + 1 : p->end;
    return to;
}

static void set_defaults(struct parse *p)
{
    for (size_t i = 0; i < p->table->key_count; i++) {
        const struct smx_config_key *k = &p->table->keys[i];

        if (k->def && !p->given[i] && !set_value(p, k, k->def))
            assert(!"a default of the table is not allowed by its key");
    }
}

static void find_missing(struct parse *p)
{
    char full[SMX_CONFIG_TEXT_MAX], words[SMX_CONFIG_TEXT_MAX];

    for (size_t i = 0; i < p->table->key_count; i++) {
        const struct smx_config_key *k = &p->table->keys[i];

        if (k->def || p->given[i])
            continue;
        allowed(k, words, sizeof words);
        fail(p, full_name(k->section, k->name, full), "missing; allowed: %s", words);
    }
}

/* Where the key stands that a message of the whole begins with ("sip.udp, sip.tcp: ..."); 0: nowhere. */
static int line_of(const struct parse *p, const char *message)
{
    char full[SMX_CONFIG_TEXT_MAX];
    size_t len = strcspn(message, ",:");

    for (size_t i = 0; i < p->table->key_count; i++) {
        full_name(p->table->keys[i].section, p->table->keys[i].name, full);
        if (strlen(full) == len && memcmp(full, message, len) == 0)
            return p->line[i];
    }
    return 0;
}

enum smx_err smx_config_parse(const struct smx_config_table *table, const char *name, const char *text,
                              size_t len, void *config, char *why, size_t why_len)
{
    struct parse p = {.table = table,
                      .name = name,
                      .at = text,
                      .end = text + len,
                      .config = config,
                      .why = why,
                      .why_len = why_len};
    char whole[SMX_CONFIG_TEXT_MAX];

    assert(table->key_count <= KEYS_MAX);
    memset(config, 0, table->size);
    if (ini_parse_stream(line_read, &p, key_read, &p) != 0)
        fail(&p, "", "not in INI form; allowed: KEY = VALUE, [SECTION], # comment");
    p.at_line = 0;
    set_defaults(&p);
    find_missing(&p);
    if (!p.failed && table->check && !table->check(config, whole, sizeof whole)) {
        p.at_line = line_of(&p, whole);
        fail(&p, "", "%s", whole);
    }
    return p.failed ? SMX_E_MALFORMED : SMX_OK;
}

enum smx_err smx_config_load(const struct smx_config_table *table, const char *path, void *config, char *why,
                             size_t why_len)
{
    char *text = malloc(FILE_MAX);
    enum smx_err err = SMX_E_MEMORY;
    size_t len;

    if (!text) {
        snprintf(why, why_len, "%s: out of memory", path);
        return err;
    }
    err = smx_file_read(path, text, FILE_MAX, &len);
    if (err == SMX_OK)
        err = smx_config_parse(table, path, text, len, config, why, why_len);
    else if (err == SMX_E_FULL)
        snprintf(why, why_len, "%s: longer than a configuration can be; allowed: %d bytes", path, FILE_MAX);
    else
        snprintf(why, why_len, "%s: cannot be read: %s", path, strerror(errno));
    free(text);
    return err;
}

void smx_config_help(const struct smx_config_table *table)
{
    const char *section = "";

    for (size_t i = 0; i < table->key_count; i++) {
        const struct smx_config_key *k = &table->keys[i];
        char words[SMX_CONFIG_TEXT_MAX];

        if (strcmp(section, k->section) != 0)
            printf("  [%s]\n", section = k->section);
        allowed(k, words, sizeof words);
        printf("  %s = %s\n        %s (%s)\n", k->name, k->def ? k->def : "...must be given", k->help, words);
    }
}
