#include "keys/backup.h"
#include "keys/keyfile.h"
#include "keys/passphrase.h"
#include "proto/host/file.h"
#include "tests/support/vectors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static const struct {
    const char *word;
    enum smx_key_err err;
} results[] = {
    {"ok", SMX_KEY_OK},
    {"foreign", SMX_KEY_E_FOREIGN},
    {"version", SMX_KEY_E_VERSION},
    {"truncated", SMX_KEY_E_TRUNCATED},
    {"damaged", SMX_KEY_E_DAMAGED},
    {"sealed", SMX_KEY_E_SEALED},
    {"passphrase", SMX_KEY_E_PASSPHRASE},
};

static enum smx_key_err result_of(struct smx_vec *v)
{
    for (size_t i = 0; i < sizeof results / sizeof *results; i++)
        if (smx_vec_is(v, "result", results[i].word))
            return results[i].err;
    fail_msg("[%s]: unknown result", v->name);
    return SMX_KEY_OK;
}

/* The record's passphrase as a string, or NULL. */
static const char *passphrase_of(struct smx_vec *v, char text[SMX_PASSPHRASE_MAX])
{
    const uint8_t *bytes;
    size_t len;

    if (!smx_vec_has(v, "passphrase"))
        return NULL;
    bytes = smx_vec_bytes(v, "passphrase", &len);
    memcpy(text, bytes, len);
    text[len] = 0;
    return text;
}

static void check_key(struct smx_vec *v, const struct smx_key *key, const char *passphrase)
{
    struct smx_key_seal seal = {.passphrase = passphrase};
    char print[SMX_KEY_FINGERPRINT];
    uint8_t out[SMX_KEYFILE_MAX];
    const uint8_t *file;
    size_t file_len, out_len;

    assert_true(smx_vec_is(v, "kind", smx_key_kind_word(key->kind)));
    assert_int_equal(smx_key_kind_parse(smx_vec_text(v, "kind")), key->kind);
    assert_memory_equal(key->identity_secret, smx_vec_fixed(v, "seed", 32), 32);
    assert_memory_equal(key->identity_public, smx_vec_fixed(v, "identity", 32), 32);
    smx_key_fingerprint(key, print);
    assert_string_equal(print, smx_vec_text(v, "fingerprint"));
    if (key->kind == SMX_KEY_RELAY) {
        assert_memory_equal(key->link.secret, smx_vec_fixed(v, "link_secret", 32), 32);
        assert_memory_equal(key->link.public, smx_vec_fixed(v, "link_public", 32), 32);
    }
    if (passphrase) {
        seal.cost.passes = (uint32_t)smx_vec_int(v, "passes");
        seal.cost.memory_kib = (uint32_t)smx_vec_int(v, "memory_kib");
        memcpy(seal.salt, smx_vec_fixed(v, "salt", 16), 16);
        memcpy(seal.nonce, smx_vec_fixed(v, "nonce", 24), 24);
    }
    file = smx_vec_bytes(v, "file", &file_len);
    assert_int_equal(smx_keyfile_encode(key, passphrase ? &seal : NULL, out, &out_len), SMX_KEY_OK);
    assert_int_equal(out_len, file_len);
    assert_memory_equal(out, file, file_len);
}

static void check_backup(struct smx_vec *v)
{
    uint8_t file[SMX_KEYFILE_MAX];
    char text[SMX_BACKUP_MAX];
    size_t len, text_len, want_len;
    const char *given = (const char *)smx_vec_bytes(v, "text", &text_len);
    const uint8_t *want;

    assert_int_equal(smx_backup_decode(file, &len, given, text_len), result_of(v));
    if (result_of(v) != SMX_KEY_OK)
        return;
    want = smx_vec_bytes(v, "file", &want_len);
    assert_int_equal(len, want_len);
    assert_memory_equal(file, want, len);
    if (!smx_vec_has(v, "written"))
        return;
    smx_backup_encode(text, file, len);
    assert_int_equal(strlen(text), text_len);
    assert_memory_equal(text, given, text_len);
}

static void files_and_backups_match_their_vectors(void **state)
{
    struct smx_vec v;
    size_t count = 0;

    (void)state;
    smx_vec_open(&v, "tests/vectors/keyfile.txt");
    for (; smx_vec_next(&v); count++) {
        char text[SMX_PASSPHRASE_MAX];
        struct smx_key *key = NULL;
        const char *passphrase = passphrase_of(&v, text);
        const uint8_t *file;
        size_t len;

        if (smx_vec_has(&v, "text")) {
            check_backup(&v);
            continue;
        }
        file = smx_vec_bytes(&v, "file", &len);
        assert_int_equal(smx_keyfile_decode(&key, file, len, passphrase), result_of(&v));
        if (result_of(&v) == SMX_KEY_OK)
            check_key(&v, key, passphrase);
        else
            assert_null(key);
        smx_key_free(key);
    }
    assert_true(count >= 30);
}

struct fixture {
    struct smx_rng rng;
    struct smx_key *key;
    uint8_t file[SMX_KEYFILE_MAX];
    size_t len;
    char dir[64], path[96];
};

static int setup(void **state)
{
    static struct fixture f;

    memset(&f, 0, sizeof f);
    smx_rng_init(&f.rng, (const uint8_t[SMX_RNG_SEED]){1});
    f.key = smx_key_new(SMX_KEY_RELAY, &f.rng);
    strcpy(f.dir, "/tmp/sipmix-keys-XXXXXX");
    if (!f.key || !mkdtemp(f.dir))
        return -1;
    snprintf(f.path, sizeof f.path, "%s/key", f.dir);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    smx_key_free(f->key);
    unlink(f->path);
    return rmdir(f->dir);
}

static void encode(struct fixture *f, const char *passphrase)
{
    struct smx_key_seal seal;

    if (passphrase)
        smx_key_seal_init(&seal, passphrase, &f->rng);
    seal.cost = (struct smx_key_cost){1, SMX_KEY_MEMORY_KIB_MIN};
    assert_int_equal(smx_keyfile_encode(f->key, passphrase ? &seal : NULL, f->file, &f->len), SMX_KEY_OK);
}

static void every_truncation_and_every_flipped_bit_is_refused(void **state)
{
    struct fixture *f = *state;
    struct smx_key *key = NULL;

    for (int sealed = 0; sealed < 2; sealed++) {
        encode(f, sealed ? "secret" : NULL);
        for (size_t len = 0; len < f->len; len++) {
            uint8_t *cut = malloc(len ? len : 1); /* so that ASan sees a read past it */

            memcpy(cut, f->file, len);
            assert_int_equal(smx_keyfile_decode(&key, cut, len, "secret"), SMX_KEY_E_TRUNCATED);
            free(cut);
        }
        for (size_t bit = 0; bit < f->len * 8; bit++) {
            f->file[bit / 8] ^= (uint8_t)(1 << bit % 8);
            assert_int_not_equal(smx_keyfile_decode(&key, f->file, f->len, "secret"), SMX_KEY_OK);
            f->file[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
        assert_int_equal(smx_keyfile_decode(&key, f->file, f->len, "secret"), SMX_KEY_OK);
        assert_memory_equal(key, f->key, sizeof *key);
        smx_key_free(key);
        key = NULL;
    }
}

static void a_sealed_file_shows_nothing_of_the_key(void **state)
{
    struct fixture *f = *state;

    encode(f, "secret");
    for (size_t i = 0; i + 8 <= f->len; i++) {
        assert_memory_not_equal(f->file + i, f->key->identity_public, 8);
        assert_memory_not_equal(f->file + i, f->key->identity_secret, 8);
        assert_memory_not_equal(f->file + i, f->key->link.secret, 8);
    }
}

static void sealing_twice_never_repeats_salt_or_nonce(void **state)
{
    struct fixture *f = *state;
    struct smx_key_seal a, b;

    smx_key_seal_init(&a, "x", &f->rng);
    smx_key_seal_init(&b, "x", &f->rng);
    assert_memory_not_equal(a.salt, b.salt, sizeof a.salt);
    assert_memory_not_equal(a.nonce, b.nonce, sizeof a.nonce);
}

static void a_saved_key_is_loaded_again_and_only_by_its_kind(void **state)
{
    struct fixture *f = *state;
    struct smx_key *key;

    assert_int_equal(smx_key_load(&key, f->path, SMX_KEY_ANY, NULL), SMX_KEY_E_ABSENT);
    assert_int_equal(smx_key_save(f->key, f->path, NULL, false, &f->rng), SMX_KEY_OK);
    assert_int_equal(smx_key_save(f->key, f->path, NULL, false, &f->rng), SMX_KEY_E_EXISTS);
    assert_int_equal(smx_key_load(&key, f->path, SMX_KEY_AUTHORITY, NULL), SMX_KEY_E_KIND);
    assert_int_equal(smx_key_load(&key, f->path, SMX_KEY_RELAY, NULL), SMX_KEY_OK);
    assert_memory_equal(key, f->key, sizeof *key);
    smx_key_free(key);
}

static void a_file_open_to_others_is_refused(void **state)
{
    struct fixture *f = *state;
    struct smx_key *key;

    assert_int_equal(smx_key_save(f->key, f->path, NULL, false, &f->rng), SMX_KEY_OK);
    chmod(f->path, 0640);
    assert_int_equal(smx_key_load(&key, f->path, SMX_KEY_ANY, NULL), SMX_KEY_E_OPEN);
    chmod(f->path, 0602);
    assert_int_equal(smx_key_load(&key, f->path, SMX_KEY_ANY, NULL), SMX_KEY_E_OPEN);
    chmod(f->path, 0400);
    assert_int_equal(smx_key_load(&key, f->path, SMX_KEY_ANY, NULL), SMX_KEY_OK);
    smx_key_free(key);
}

static void a_daemon_makes_its_key_once(void **state)
{
    struct fixture *f = *state;
    struct smx_key *first, *second;
    bool made;

    assert_int_equal(smx_key_load_or_make(&first, f->path, SMX_KEY_AUTHORITY, NULL, &f->rng, &made),
                     SMX_KEY_OK);
    assert_true(made);
    assert_int_equal(smx_key_load_or_make(&second, f->path, SMX_KEY_AUTHORITY, NULL, &f->rng, &made),
                     SMX_KEY_OK);
    assert_false(made);
    assert_memory_equal(first, second, sizeof *first);
    smx_key_free(first);
    smx_key_free(second);
}

static void a_damaged_file_is_never_replaced_by_a_new_key(void **state)
{
    struct fixture *f = *state;
    struct smx_key *key;
    bool made;

    assert_int_equal(smx_file_write(f->path, "sipmix key", 10, false), SMX_OK);
    assert_int_equal(smx_key_load_or_make(&key, f->path, SMX_KEY_RELAY, NULL, &f->rng, &made),
                     SMX_KEY_E_TRUNCATED);
    assert_false(made);
}

static enum smx_err passphrase_from(struct fixture *f, const char *bytes, size_t len, char **passphrase)
{
    assert_int_equal(smx_file_write(f->path, bytes, len, true), SMX_OK);
    return smx_passphrase_read(f->path, passphrase);
}

static void a_passphrase_is_the_first_line_of_its_file(void **state)
{
    struct fixture *f = *state;
    char *p, longest[SMX_PASSPHRASE_MAX + 1];

    assert_int_equal(passphrase_from(f, "two words\nmore\n", 15, &p), SMX_OK);
    assert_string_equal(p, "two words");
    smx_passphrase_free(p);
    assert_int_equal(passphrase_from(f, "dos\r\n", 5, &p), SMX_OK);
    assert_string_equal(p, "dos");
    smx_passphrase_free(p);
    memset(longest, 'x', sizeof longest);
    assert_int_equal(passphrase_from(f, longest, SMX_PASSPHRASE_MAX - 1, &p), SMX_OK);
    assert_int_equal(strlen(p), SMX_PASSPHRASE_MAX - 1);
    smx_passphrase_free(p);
    assert_int_equal(passphrase_from(f, longest, SMX_PASSPHRASE_MAX, &p), SMX_E_MALFORMED);
    assert_int_equal(passphrase_from(f, "", 0, &p), SMX_E_MALFORMED);
    assert_int_equal(passphrase_from(f, "\n", 1, &p), SMX_E_MALFORMED);
    assert_int_equal(passphrase_from(f, "a\0b\n", 4, &p), SMX_E_MALFORMED);
    unlink(f->path);
    assert_int_equal(smx_passphrase_read(f->path, &p), SMX_E_IO);
}

static void every_error_has_a_text_of_its_own(void **state)
{
    (void)state;
    for (enum smx_key_err a = SMX_KEY_OK; a <= SMX_KEY_E_IO; a++)
        for (enum smx_key_err b = SMX_KEY_OK; b < a; b++)
            assert_string_not_equal(smx_key_err_text(a), smx_key_err_text(b));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_and_backups_match_their_vectors),
        cmocka_unit_test_setup_teardown(every_truncation_and_every_flipped_bit_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(a_sealed_file_shows_nothing_of_the_key, setup, teardown),
        cmocka_unit_test_setup_teardown(sealing_twice_never_repeats_salt_or_nonce, setup, teardown),
        cmocka_unit_test_setup_teardown(a_saved_key_is_loaded_again_and_only_by_its_kind, setup, teardown),
        cmocka_unit_test_setup_teardown(a_file_open_to_others_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(a_daemon_makes_its_key_once, setup, teardown),
        cmocka_unit_test_setup_teardown(a_damaged_file_is_never_replaced_by_a_new_key, setup, teardown),
        cmocka_unit_test_setup_teardown(a_passphrase_is_the_first_line_of_its_file, setup, teardown),
        cmocka_unit_test(every_error_has_a_text_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
