/* tests/fuzz/fuzz_keyfile.c - reads a key file, and a backup with one in it.
 * Sealed files are opened only where that is cheap.  What decodes must encode to the same bytes. */
#include "keys/backup.h"
#include "keys/keyfile.h"

#include <stdlib.h>
#include <string.h>

static void must(bool holds)
{
    if (!holds)
        abort();
}

static bool is_cheap(const uint8_t *file, size_t len)
{
    static const uint8_t cost[] = {0, 0, 0, 1, 0, 0, 0, SMX_KEY_MEMORY_KIB_MIN};

    return len >= 28 && memcmp(file + 20, cost, sizeof cost) == 0;
}

static void open_file(const uint8_t *file, size_t len)
{
    uint8_t again[SMX_KEYFILE_MAX];
    struct smx_key *key = NULL;
    enum smx_key_kind kind;
    enum smx_key_err err = smx_keyfile_decode(&key, file, len, is_cheap(file, len) ? "correct horse" : NULL);
    size_t again_len;
    bool sealed;

    must((err == SMX_KEY_OK) == (key != NULL));
    if (!key)
        return;
    must(smx_keyfile_peek(file, len, &kind, &sealed) == SMX_KEY_OK && kind == key->kind);
    if (!sealed) {
        must(smx_keyfile_encode(key, NULL, again, &again_len) == SMX_KEY_OK);
        must(again_len == len && memcmp(again, file, len) == 0);
    }
    smx_key_free(key);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    uint8_t file[SMX_KEYFILE_MAX];
    size_t file_len;

    open_file(data, len);
    if (smx_backup_decode(file, &file_len, (const char *)data, len) == SMX_KEY_OK)
        open_file(file, file_len);
    return 0;
}
