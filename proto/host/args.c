#include "proto/host/args.h"

#include "proto/base/version.h"

#include <getopt.h>
#include <stdio.h>

enum { WHY = 2048 };

static void usage(FILE *to, const struct smx_program *p)
{
    fprintf(to, "usage: %s --config FILE [--check-config]\n       %s --version | --help\n", p->name, p->name);
}

static void help(const struct smx_program *p)
{
    printf("%s - %s\n\n", p->name, p->summary);
    usage(stdout, p);
    printf("\n"
           "  --config FILE    the configuration\n"
           "  --check-config   say what is wrong with it, and end\n"
           "  --version        print the version\n"
           "  --help           print this\n"
           "\n"
           "Keys of the configuration, with their defaults:\n\n");
    smx_config_help(&p->table);
}

int smx_args(const struct smx_program *program, int argc, char **argv, void *config)
{
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'},
        {"check-config", no_argument, NULL, 'k'},
        {"version", no_argument, NULL, 'v'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    const char *path = NULL;
    bool check = false;
    char why[WHY];
    int option;

    optind = 1;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
        case 'c':
            path = optarg;
            break;
        case 'k':
            check = true;
            break;
        case 'v':
            printf("%s %s\n", program->name, SMX_VERSION_TEXT);
            return SMX_EXIT_OK;
        case 'h':
            help(program);
            return SMX_EXIT_OK;
        default: /* getopt_long has named it */
            usage(stderr, program);
            return SMX_EXIT_USAGE;
        }
    }
    if (optind < argc || !path) {
        if (optind < argc)
            fprintf(stderr, "%s: unexpected argument '%s'\n", program->name, argv[optind]);
        else
            fprintf(stderr, "%s: --config FILE is needed\n", program->name);
        usage(stderr, program);
        return SMX_EXIT_USAGE;
    }
    if (smx_config_load(&program->table, path, config, why, sizeof why) != SMX_OK) {
        fprintf(stderr, "%s\n", why);
        return SMX_EXIT_USAGE;
    }
    if (check) {
        printf("%s: ok\n", path);
        return SMX_EXIT_OK;
    }
    return SMX_ARGS_RUN;
}
