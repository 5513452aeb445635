/* proto/host/args.h - the command line that all daemons share:
 *     sipmix-X --config FILE [--check-config] | --version | --help
 * Exit codes: 0 done, 1 it failed at work, 2 the command line or configuration is wrong. */
#ifndef SMX_HOST_ARGS_H
#define SMX_HOST_ARGS_H

#include "proto/host/config.h"

enum { SMX_EXIT_OK = 0, SMX_EXIT_FAILED = 1, SMX_EXIT_USAGE = 2 };

struct smx_program {
    const char *name;    /* "sipmix-relay" */
    const char *summary; /* one line for --help */
    struct smx_config_table table;
};

enum { SMX_ARGS_RUN = -1 };

/* Reads the command line and the configuration, and prints what is to be said about them.
 * SMX_ARGS_RUN: config is filled, go on.  Otherwise the exit code. */
int smx_args(const struct smx_program *program, int argc, char **argv, void *config) SMX_MUST_CHECK;

#endif
