#include "sim/tool/tool.h"

#include "sim/adversary/attack.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SCENARIOS "/usr/share/sipmix/scenarios" /* a package's */
#define SUFFIX    ".scenario"

enum { PATH = 4096, SCENARIOS_MAX = 256 };

static bool is_folder(const char *path)
{
    DIR *dir = opendir(path);

    if (dir)
        closedir(dir);
    return dir != NULL;
}

/* The folder of the scenarios that came with the program: $SIPMIX_SCENARIOS, or beside the program (in a
 * source tree, and after `make install` anywhere), or a package's. */
static const char *folder(char path[PATH])
{
    static const char *const beside[] = {"../share/sipmix/scenarios", "../sim/scenarios",
                                         "../../sim/scenarios"};
    const char *named = getenv("SIPMIX_SCENARIOS");
    char program[PATH / 2];
    ssize_t len = readlink("/proc/self/exe", program, sizeof program - 1);
    char *slash;

    if (named)
        return named;
    program[len > 0 ? len : 0] = '\0';
    slash = strrchr(program, '/');
    for (size_t i = 0; slash && i < sizeof beside / sizeof beside[0]; i++) {
        snprintf(path, PATH, "%.*s/%s", (int)(slash - program), program, beside[i]);
        if (is_folder(path))
            return path;
    }
    return SCENARIOS;
}

static bool is_path(const char *name)
{
    size_t len = strlen(name);

    return strchr(name, '/') || (len > strlen(SUFFIX) && strcmp(name + len - strlen(SUFFIX), SUFFIX) == 0);
}

static bool read_file(const char *path, char *text, size_t size)
{
    FILE *f = fopen(path, "r");
    size_t len = f ? fread(text, 1, size, f) : 0;
    bool whole = f && !ferror(f) && len < size;

    if (!f || ferror(f))
        fprintf(stderr, NAME ": %s: %s\n", path, strerror(errno));
    else if (!whole)
        fprintf(stderr, NAME ": %s: longer than %zu bytes\n", path, size - 1);
    if (f)
        fclose(f);
    text[whole ? len : 0] = '\0';
    return whole;
}

/* The file's name without folder and suffix. */
static void base_name(char out[SMX_SCENARIO_NAME], const char *path)
{
    const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
    size_t len = strlen(base);

    if (len > strlen(SUFFIX) && strcmp(base + len - strlen(SUFFIX), SUFFIX) == 0)
        len -= strlen(SUFFIX);
    snprintf(out, SMX_SCENARIO_NAME, "%.*s", (int)len, base);
}

static bool set_one(struct source *s, const char *text, char why[SMX_SCENARIO_WHY])
{
    const char *equals = strchr(text, '=');
    char key[64];
    size_t len = strlen(s->text);

    if (!equals || (size_t)(equals - text) >= sizeof key) {
        snprintf(why, SMX_SCENARIO_WHY, "expected KEY=VALUE");
        return false;
    }
    snprintf(key, sizeof key, "%.*s", (int)(equals - text), text);
    key[strcspn(key, " ")] = '\0';
    if (smx_scenario_set(&s->scenario, key, equals + 1 + strspn(equals + 1, " "), why) != SMX_OK)
        return false;
    snprintf(s->text + len, sizeof s->text - len, "%s = %s\n", key, equals + 1 + strspn(equals + 1, " "));
    return true;
}

static bool known_attacks(const struct smx_scenario *s)
{
    for (size_t i = 0; i < s->attacks; i++)
        if (!smx_attack_find(s->attack[i])) {
            fprintf(stderr, NAME ": there is no attack \"%s\"; there are:", s->attack[i]);
            for (size_t k = 0; smx_attacks[k]; k++)
                fprintf(stderr, " %s", smx_attacks[k]->name);
            fprintf(stderr, "\n");
            return false;
        }
    return true;
}

bool source_read(struct source *s, const char *name, const char *const *set, size_t count)
{
    char path[PATH], where[PATH], why[SMX_SCENARIO_WHY];

    if (is_path(name))
        snprintf(path, sizeof path, "%s", name);
    else
        snprintf(path, sizeof path, "%.*s/%s" SUFFIX, PATH - 128, folder(where), name);
    if (!read_file(path, s->text, SMX_SCENARIO_TEXT))
        return false;
    if (smx_scenario_read(&s->scenario, s->text, why) != SMX_OK) {
        fprintf(stderr, NAME ": %s: %s\n", path, why);
        return false;
    }
    base_name(s->scenario.name, path);
    for (size_t i = 0; i < count; i++)
        if (!set_one(s, set[i], why)) {
            fprintf(stderr, NAME ": --set %s: %s\n", set[i], why);
            return false;
        }
    if (smx_scenario_check(&s->scenario, why) != SMX_OK) {
        fprintf(stderr, NAME ": %s: %s\n", path, why);
        return false;
    }
    return known_attacks(&s->scenario);
}

/* ---- list ---- */

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

int list(void)
{
    char path[PATH], *name[SCENARIOS_MAX];
    const char *where = folder(path);
    DIR *dir = opendir(where);
    struct dirent *entry;
    size_t count = 0;
    int status = OK;

    if (!dir) {
        fprintf(stderr, NAME ": %s: %s\n", where, strerror(errno));
        return FAILED;
    }
    while ((entry = readdir(dir)) && count < SCENARIOS_MAX)
        if (is_path(entry->d_name))
            name[count++] = strdup(entry->d_name);
    closedir(dir);
    qsort(name, count, sizeof name[0], by_name);
    for (size_t i = 0; i < count; i++) {
        struct source *s = calloc(1, sizeof *s);
        char file[PATH], base[SMX_SCENARIO_NAME];

        snprintf(file, sizeof file, "%.*s/%s", PATH - 256, where, name[i] ? name[i] : "");
        base_name(base, file);
        if (s && source_read(s, file, NULL, 0))
            printf("%-16s %s\n", base, s->scenario.about);
        else
            status = FAILED;
        free(s);
        free(name[i]);
    }
    return status;
}

/* ---- explain ---- */

static void explain_keys(const struct smx_scenario *s)
{
    char value[SMX_SCENARIO_ABOUT];
    struct smx_params preset;

    for (size_t i = 0; i < smx_scenario_key_count; i++) {
        const struct smx_scenario_key *key = &smx_scenario_keys[i];

        smx_scenario_value(s, key, value);
        if (value[0] != '\0' && strcmp(key->name, "about") != 0)
            printf("  %-20s %-14s %s\n", key->name, value, key->what);
    }
    smx_params_preset(&preset);
    for (size_t i = 0; i < smx_param_count; i++) {
        uint32_t now = smx_param_get(&s->params, &smx_param_table[i]);

        printf("  param.%-17s %-11" PRIu32 " %s%s\n", smx_param_table[i].name, now, smx_param_table[i].what,
               now == smx_param_get(&preset, &smx_param_table[i]) ? "" : " (not the default)");
    }
}

int explain(const struct source *source)
{
    const struct smx_scenario *s = &source->scenario;
    char text[SMX_SCENARIO_WHY];

    printf("%s\n  %s\n\n", s->name, s->about);
    explain_keys(s);
    for (size_t i = 0; i < s->faults; i++) {
        smx_fault_write(&s->fault[i], text);
        printf("\nfault: %s\n  %s\n", text, smx_fault_forms[s->fault[i].kind].does);
    }
    for (size_t i = 0; i < s->attacks; i++) {
        const struct smx_attack *attack = smx_attack_find(s->attack[i]);

        printf("\nattack: %s\n  %s\n  arms:", attack->name, attack->does);
        for (size_t k = 0; attack->arms[k]; k++)
            printf(" %s", attack->arms[k]);
        printf("\n");
    }
    return OK;
}
