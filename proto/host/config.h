/* proto/host/config.h - one INI file into one struct, by a table of keys.
 * A mistake is one line on stderr, "FILE:LINE: KEY: what is wrong; allowed: ...", and nothing starts.
 *
 *     # comment; values end at the line's end or at " ;"
 *     network = network.json            a key before any section
 *     [relay]
 *     listen = 192.0.2.1:7000, [2001:db8::1]:7000
 *
 * A table looks like this:
 *     static const struct smx_config_key keys[] = {
 *         SMX_KEY_PATH("", "network", struct conf, network, NULL, "network file"),
 *         SMX_KEY_INT("relay", "slots", struct conf, slots, "512", 1, 8192, "circuits at once"), ... }; */
#ifndef SMX_HOST_CONFIG_H
#define SMX_HOST_CONFIG_H

#include "proto/base/err.h"
#include "proto/base/out.h"

enum smx_config_type {
    SMX_CONFIG_BOOL,   /* bool: yes, no, true, false, on, off */
    SMX_CONFIG_INT,    /* int64_t: decimal, min..max */
    SMX_CONFIG_STRING, /* char[N]: what fits; default "" means: may be empty */
    SMX_CONFIG_PATH,   /* char[N]: as STRING; a relative one counts from the configuration file's folder */
    SMX_CONFIG_ADDR,   /* struct smx_addr: IP:PORT; default "" gives all zeros */
    SMX_CONFIG_ADDRS,  /* struct smx_config_addrs: by commas; the key may be repeated */
    SMX_CONFIG_TEXTS,  /* struct smx_config_texts: one a line; the key may be repeated */
    SMX_CONFIG_ENUM,   /* int: index of the word in words */
};

enum {
    SMX_CONFIG_LIST_MAX = 16,
    SMX_CONFIG_TEXT_MAX = 256,
    SMX_CONFIG_PATH_MAX = 1024,
    SMX_CONFIG_LINE_MAX = 196
};

struct smx_config_addrs {
    struct smx_addr at[SMX_CONFIG_LIST_MAX];
    size_t count;
};

struct smx_config_texts {
    char at[SMX_CONFIG_LIST_MAX][SMX_CONFIG_TEXT_MAX];
    size_t count;
};

struct smx_config_key {
    const char *section; /* "" for a key before any section */
    const char *name;
    enum smx_config_type type;
    size_t offset, size; /* of the member in the target struct */
    const char *def;     /* the default, as in the file; NULL: the key must be given */
    int64_t min, max;    /* INT only */
    const char *words;   /* ENUM only: "memory sqlite postgres" */
    const char *help;    /* one line */
};

#define SMX_KEY_(section, name, type, st, member, def, min, max, words, help)                                \
    {                                                                                                        \
        section, name, type, offsetof(st, member), sizeof(((st *)0)->member), def, min, max, words, help     \
    }
#define SMX_KEY_BOOL(section, name, st, member, def, help)                                                   \
    SMX_KEY_(section, name, SMX_CONFIG_BOOL, st, member, def, 0, 0, NULL, help)
#define SMX_KEY_INT(section, name, st, member, def, min, max, help)                                          \
    SMX_KEY_(section, name, SMX_CONFIG_INT, st, member, def, min, max, NULL, help)
#define SMX_KEY_STRING(section, name, st, member, def, help)                                                 \
    SMX_KEY_(section, name, SMX_CONFIG_STRING, st, member, def, 0, 0, NULL, help)
#define SMX_KEY_PATH(section, name, st, member, def, help)                                                   \
    SMX_KEY_(section, name, SMX_CONFIG_PATH, st, member, def, 0, 0, NULL, help)
#define SMX_KEY_ADDR(section, name, st, member, def, help)                                                   \
    SMX_KEY_(section, name, SMX_CONFIG_ADDR, st, member, def, 0, 0, NULL, help)
#define SMX_KEY_ADDRS(section, name, st, member, def, help)                                                  \
    SMX_KEY_(section, name, SMX_CONFIG_ADDRS, st, member, def, 0, 0, NULL, help)
#define SMX_KEY_TEXTS(section, name, st, member, def, help)                                                  \
    SMX_KEY_(section, name, SMX_CONFIG_TEXTS, st, member, def, 0, 0, NULL, help)
#define SMX_KEY_ENUM(section, name, st, member, def, words, help)                                            \
    SMX_KEY_(section, name, SMX_CONFIG_ENUM, st, member, def, 0, 0, words, help)

/* The whole table, with the struct that it fills. */
struct smx_config_table {
    const struct smx_config_key *keys;
    size_t key_count;
    size_t size; /* of the struct */
    /* Looks at a struct that is right key by key and writes what is wrong with the whole to why, or returns
     * true. When why begins with a key ("relay.slots: ..."), the message names its line.  NULL: nothing to
     * check. */
    bool (*check)(const void *config, char *why, size_t why_len);
};

/* Fills config with defaults and what the text says.  name stands for FILE in messages and gives the folder
 * of relative paths.  SMX_E_MALFORMED: why holds the one line, without newline; config is then not to be
 * used. */
enum smx_err smx_config_parse(const struct smx_config_table *table, const char *name, const char *text,
                              size_t len, void *config, char *why, size_t why_len) SMX_MUST_CHECK;
/* The same from a file; SMX_E_IO: it can't be read. */
enum smx_err smx_config_load(const struct smx_config_table *table, const char *path, void *config, char *why,
                             size_t why_len) SMX_MUST_CHECK;
/* Prints every key with its values, default and help, for --help. */
void smx_config_help(const struct smx_config_table *table);

#endif
