/* sipmix-keys: makes, shows, seals, backs up and restores key files, and signs consents.  Manual:
 * docs/man/sipmix-keys.1. */
#include "keys/backup.h"
#include "keys/keyfile.h"
#include "keys/passphrase.h"
#include "keys/start.h"
#include "keys/tool/prompt.h"
#include "proto/base/base32.h"
#include "proto/base/version.h"
#include "proto/doc/pseudonym.h"
#include "proto/host/file.h"
#include "proto/host/log.h"
#include "proto/host/random.h"

#include <errno.h>
#include <getopt.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>

enum { OK = 0, FAILED = 1, USAGE = 2 };

#define NAME "sipmix-keys"

struct job {
    const char *const *arg; /* after the command's name */
    bool seal, force;
    struct smx_prompt old, fresh; /* --passphrase-file, --new-passphrase-file */
    struct smx_rng rng;
};

static int fail(const char *path, enum smx_key_err err)
{
    fprintf(stderr, NAME ": %s: %s%s\n", path, err == SMX_KEY_E_IO ? strerror(errno) : smx_key_err_text(err),
            err == SMX_KEY_E_EXISTS ? "; --force replaces it" : "");
    return FAILED;
}

/* The key at path and, if it is sealed, its passphrase, which has been asked for.  Has complained if false.
 */
static bool open_key(struct job *j, const char *path, struct smx_key **key, char **passphrase)
{
    uint8_t bytes[SMX_KEYFILE_MAX];
    enum smx_key_kind kind;
    enum smx_key_err err;
    bool sealed;
    size_t len;

    *passphrase = NULL;
    err = smx_keyfile_read(path, bytes, &len);
    if (err == SMX_KEY_OK)
        err = smx_keyfile_peek(bytes, len, &kind, &sealed);
    if (err == SMX_KEY_OK && sealed) {
        *passphrase = smx_prompt_passphrase(&j->old, "passphrase", false);
        if (!*passphrase)
            return false;
    }
    if (err == SMX_KEY_OK)
        err = smx_keyfile_decode(key, bytes, len, *passphrase);
    sodium_memzero(bytes, sizeof bytes);
    if (err == SMX_KEY_OK)
        return true;
    smx_passphrase_free(*passphrase);
    fail(path, err);
    return false;
}

static void print_key(const struct smx_key *key)
{
    char text[SMX_KEY_TEXT], print[SMX_KEY_FINGERPRINT], hex[2 * 32 + 1];

    smx_base32_encode(text, key->identity_public, sizeof key->identity_public);
    smx_key_fingerprint(key, print);
    printf("kind:        %s\nidentity:    %s\nfingerprint: %s\n", smx_key_kind_word(key->kind), text, print);
    if (key->kind == SMX_KEY_PSEUDONYM)
        printf("address:     sip:%s@sipmix.alt\n", text);
    else /* as the network file and the consensus write it */
        printf("id:          %s\n",
               sodium_bin2hex(hex, sizeof hex, key->identity_public, sizeof key->identity_public));
    if (key->kind == SMX_KEY_RELAY)
        printf("link_key:    %s\n",
               sodium_bin2hex(hex, sizeof hex, key->link.public, sizeof key->link.public));
}

static int make(struct job *j)
{
    enum smx_key_kind kind = smx_key_kind_parse(j->arg[0]);
    char *passphrase = NULL;
    struct smx_key *key;
    enum smx_key_err err;

    if (kind == SMX_KEY_ANY) {
        fprintf(stderr, NAME ": %s: no such kind of key; allowed: relay, authority, pseudonym\n", j->arg[0]);
        return USAGE;
    }
    if (j->seal && !(passphrase = smx_prompt_passphrase(&j->old, "new passphrase", true)))
        return FAILED;
    key = smx_key_new(kind, &j->rng);
    err = key ? smx_key_save(key, j->arg[1], passphrase, j->force, &j->rng) : SMX_KEY_E_MEMORY;
    if (err == SMX_KEY_OK)
        print_key(key);
    smx_key_free(key);
    smx_passphrase_free(passphrase);
    return err == SMX_KEY_OK ? OK : fail(j->arg[1], err);
}

static int show(struct job *j)
{
    struct smx_key *key;
    char *passphrase;

    if (!open_key(j, j->arg[0], &key, &passphrase))
        return FAILED;
    print_key(key);
    printf("sealed:      %s\n", passphrase ? "yes" : "no");
    smx_key_free(key);
    smx_passphrase_free(passphrase);
    return OK;
}

static int seal(struct job *j)
{
    struct smx_key *key;
    char *passphrase, *fresh;
    enum smx_key_err err;
    int status = FAILED;

    if (!open_key(j, j->arg[0], &key, &passphrase))
        return FAILED;
    /* only a sealed file has two passphrases in play */
    fresh = smx_prompt_passphrase(passphrase || j->fresh.file ? &j->fresh : &j->old, "new passphrase", true);
    if (fresh) {
        err = smx_key_save(key, j->arg[0], fresh, true, &j->rng);
        status = err == SMX_KEY_OK ? OK : fail(j->arg[0], err);
    }
    smx_key_free(key);
    smx_passphrase_free(passphrase);
    smx_passphrase_free(fresh);
    return status;
}

static int unseal(struct job *j)
{
    struct smx_key *key;
    char *passphrase;
    enum smx_key_err err;

    if (!open_key(j, j->arg[0], &key, &passphrase))
        return FAILED;
    err = smx_key_save(key, j->arg[0], NULL, true, &j->rng);
    smx_key_free(key);
    smx_passphrase_free(passphrase);
    return err == SMX_KEY_OK ? OK : fail(j->arg[0], err);
}

static enum smx_key_err write_file(const char *path, const void *bytes, size_t len, bool replace)
{
    switch (smx_file_write(path, bytes, len, replace)) {
    case SMX_OK:
        return SMX_KEY_OK;
    case SMX_E_REFUSED:
        return SMX_KEY_E_EXISTS;
    case SMX_E_STATE:
        return SMX_KEY_E_BUSY;
    default:
        return SMX_KEY_E_IO;
    }
}

static int backup(struct job *j)
{
    uint8_t bytes[SMX_KEYFILE_MAX];
    char text[SMX_BACKUP_MAX], *passphrase;
    struct smx_key_seal s;
    struct smx_key *key;
    enum smx_key_err err;
    size_t len;

    if (!open_key(j, j->arg[0], &key, &passphrase))
        return FAILED;
    if (!passphrase && !(passphrase = smx_prompt_passphrase(&j->old, "passphrase for the backup", true))) {
        smx_key_free(key);
        return FAILED;
    }
    smx_key_seal_init(&s, passphrase, &j->rng);
    err = smx_keyfile_encode(key, &s, bytes, &len);
    if (err == SMX_KEY_OK) {
        smx_backup_encode(text, bytes, len);
        err = write_file(j->arg[1], text, strlen(text), j->force);
    }
    smx_key_free(key);
    smx_passphrase_free(passphrase);
    return err == SMX_KEY_OK ? OK : fail(j->arg[1], err);
}

static int restore(struct job *j)
{
    char text[SMX_BACKUP_MAX * 16], *passphrase; /* with what people wrote around it */
    uint8_t bytes[SMX_KEYFILE_MAX];
    struct smx_key *key;
    enum smx_key_kind kind;
    enum smx_key_err err;
    bool sealed;
    size_t text_len, len;

    switch (smx_file_read(j->arg[0], text, sizeof text, &text_len)) {
    case SMX_OK:
        break;
    case SMX_E_ABSENT:
        return fail(j->arg[0], SMX_KEY_E_ABSENT);
    case SMX_E_FULL:
        return fail(j->arg[0], SMX_KEY_E_FOREIGN);
    default:
        return fail(j->arg[0], SMX_KEY_E_IO);
    }
    err = smx_backup_decode(bytes, &len, text, text_len);
    if (err == SMX_KEY_OK)
        err = smx_keyfile_peek(bytes, len, &kind, &sealed);
    if (err == SMX_KEY_OK && !sealed)
        err = SMX_KEY_E_DAMAGED;
    if (err == SMX_KEY_E_FOREIGN) {
        fprintf(stderr, NAME ": %s: not a backup of a sipmix key\n", j->arg[0]);
        return FAILED;
    }
    if (err != SMX_KEY_OK)
        return fail(j->arg[0], err);
    passphrase = smx_prompt_passphrase(&j->old, "passphrase of the backup", false);
    if (!passphrase)
        return FAILED;
    err = smx_keyfile_decode(&key, bytes, len, passphrase);
    smx_passphrase_free(passphrase);
    if (err != SMX_KEY_OK)
        return fail(j->arg[0], err);
    err = write_file(j->arg[1], bytes, len, j->force);
    if (err == SMX_KEY_OK)
        print_key(key);
    smx_key_free(key);
    return err == SMX_KEY_OK ? OK : fail(j->arg[1], err);
}

/* "sip:KEY@domain", "KEY@domain" or "KEY". */
static bool parse_address(uint8_t key[SMX_DOC_KEY], const char *text)
{
    if (strncmp(text, "sip:", 4) == 0)
        text += 4;
    return smx_base32_decode(key, SMX_DOC_KEY, text, strcspn(text, "@")) == SMX_OK;
}

/* To be given NAME by its holder. */
static int consent(struct job *j)
{
    char name[SMX_NAME_MAX + 1], text[SMX_CONSENT_TEXT], *passphrase;
    uint8_t holder[SMX_DOC_KEY];
    struct smx_network network;
    struct smx_consent t;
    struct smx_key *key;

    smx_log_init(NAME, SMX_LOG_WARN);
    if (!smx_start_network(&network, j->arg[1]))
        return FAILED;
    if (smx_name_parse(name, j->arg[2], strlen(j->arg[2])) != SMX_OK) {
        fprintf(stderr, NAME ": %s: not a name; allowed: 3 to 32 of a-z 0-9 . _ -\n", j->arg[2]);
        return USAGE;
    }
    if (!parse_address(holder, j->arg[3])) {
        fprintf(stderr, NAME ": %s: not an address sip:KEY@domain\n", j->arg[3]);
        return USAGE;
    }
    if (!open_key(j, j->arg[0], &key, &passphrase))
        return FAILED;
    smx_passphrase_free(passphrase);
    if (key->kind != SMX_KEY_PSEUDONYM) {
        fprintf(stderr, NAME ": %s: not a pseudonym's key\n", j->arg[0]);
        smx_key_free(key);
        return FAILED;
    }
    t.seq = (uint64_t)time(NULL);
    memcpy(t.key, key->identity_public, sizeof t.key);
    smx_consent_sign(&t, name, holder, network.id, key->identity_secret);
    smx_key_free(key);
    smx_consent_encode(text, &t);
    printf("%s\n", text);
    return OK;
}

static const struct command {
    const char *name, *args, *help;
    int arg_count;
    bool may_seal, may_force;
    int (*run)(struct job *j);
} commands[] = {
    {"make", "KIND FILE", "make a key: relay, authority or pseudonym", 2, true, true, make},
    {"show", "FILE", "print the public parts", 1, false, false, show},
    {"seal", "FILE", "protect the file by a passphrase, or change it", 1, false, false, seal},
    {"unseal", "FILE", "take the passphrase away", 1, false, false, unseal},
    {"backup", "FILE OUT", "write a sealed copy as text", 2, false, true, backup},
    {"restore", "BACKUP FILE", "make a sealed key file from a backup", 2, false, true, restore},
    {"consent", "FILE NETWORK NAME HOLDER", "agree to be given a name by its present holder, sip:KEY@domain",
     4, false, false, consent},
};

enum { COMMANDS = sizeof commands / sizeof *commands };

static int usage(FILE *to)
{
    fprintf(to, "usage: " NAME " COMMAND ARGUMENTS [OPTIONS]\n\n");
    for (int i = 0; i < COMMANDS; i++)
        fprintf(to, "  %-8s %-25s %s\n", commands[i].name, commands[i].args, commands[i].help);
    fprintf(to, "\n"
                "  --seal                    (make) ask for a passphrase and seal the file\n"
                "  --force                   (make, backup, restore) replace an existing file\n"
                "  --passphrase-file F       take the passphrase from the first line of F\n"
                "  --new-passphrase-file F   (seal) the same for the new one\n"
                "  --version, --help\n");
    return to == stdout ? OK : USAGE;
}

/* An option that the command doesn't know is a mistake, not something to pass over. */
static int run(const struct command *c, struct job *j, int arg_count)
{
    int status;

    if (arg_count != c->arg_count) {
        fprintf(stderr, NAME ": %s takes %s\n", c->name, c->args);
        return USAGE;
    }
    if ((j->seal && !c->may_seal) || (j->force && !c->may_force) || (j->fresh.file && c->run != seal)) {
        fprintf(stderr, NAME ": %s does not take %s\n", c->name,
                j->seal && !c->may_seal     ? "--seal"
                : j->force && !c->may_force ? "--force"
                                            : "--new-passphrase-file");
        return USAGE;
    }
    smx_random_init(&j->rng);
    status = c->run(j);
    smx_rng_fini(&j->rng);
    return status;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"seal", no_argument, NULL, 's'},
        {"force", no_argument, NULL, 'f'},
        {"passphrase-file", required_argument, NULL, 'p'},
        {"new-passphrase-file", required_argument, NULL, 'n'},
        {"version", no_argument, NULL, 'v'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    const struct rlimit no_core = {0, 0};
    struct job j = {.old = {NAME, NULL}, .fresh = {NAME, NULL}};
    int option;

    /* nothing of a key may reach a core file, nor another process of the same user */
    setrlimit(RLIMIT_CORE, &no_core);
    prctl(PR_SET_DUMPABLE, 0);
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
        case 's':
            j.seal = true;
            break;
        case 'f':
            j.force = true;
            break;
        case 'p':
            j.old.file = optarg;
            break;
        case 'n':
            j.fresh.file = optarg;
            break;
        case 'v':
            printf(NAME " " SMX_VERSION_TEXT "\n");
            return OK;
        case 'h':
            return usage(stdout);
        default: /* getopt_long has named it */
            return usage(stderr);
        }
    }
    if (optind == argc)
        return usage(stderr);
    for (int i = 0; i < COMMANDS; i++) {
        if (strcmp(argv[optind], commands[i].name) != 0)
            continue;
        j.arg = (const char *const *)argv + optind + 1;
        return run(&commands[i], &j, argc - optind - 1);
    }
    fprintf(stderr, NAME ": %s: no such command\n", argv[optind]);
    return usage(stderr);
}
