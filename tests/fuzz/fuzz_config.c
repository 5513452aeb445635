/* tests/fuzz/fuzz_config.c - reads a configuration with a key of each kind.
 * A refusal is one line that begins with the file's name. */
#include "proto/host/config.h"

#include <stdlib.h>
#include <string.h>

struct conf {
    char path[64], text[8];
    bool yes;
    int64_t number;
    struct smx_addr addr;
    struct smx_config_addrs addrs;
    struct smx_config_texts texts;
    int word;
};

static const struct smx_config_key keys[] = {
    SMX_KEY_PATH("", "path", struct conf, path, "", ""),
    SMX_KEY_STRING("a", "text", struct conf, text, "", ""),
    SMX_KEY_BOOL("a", "yes", struct conf, yes, "no", ""),
    SMX_KEY_INT("a", "number", struct conf, number, "0", -5, 5000, ""),
    SMX_KEY_ADDR("b", "addr", struct conf, addr, "", ""),
    SMX_KEY_ADDRS("b", "addrs", struct conf, addrs, "", ""),
    SMX_KEY_TEXTS("b", "texts", struct conf, texts, "", ""),
    SMX_KEY_ENUM("b", "word", struct conf, word, "one", "one two three", ""),
};

static void must(bool holds)
{
    if (!holds)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const struct smx_config_table table = {keys, sizeof keys / sizeof *keys, sizeof(struct conf),
                                                  NULL};
    struct conf c;
    char why[1024] = "";

    if (smx_config_parse(&table, "/d/f", (const char *)data, len, &c, why, sizeof why) != SMX_OK) {
        must(strncmp(why, "/d/f:", 5) == 0 && strchr(why, '\n') == NULL);
        return 0;
    }
    must(strlen(c.path) < sizeof c.path && strlen(c.text) < sizeof c.text);
    must(c.number >= -5 && c.number <= 5000 && c.word >= 0 && c.word <= 2);
    must(c.addrs.count <= SMX_CONFIG_LIST_MAX && c.texts.count <= SMX_CONFIG_LIST_MAX);
    return 0;
}
