/* tests/support/option.h - numbers from the command line of a test program. */
#ifndef SMX_TEST_OPTION_H
#define SMX_TEST_OPTION_H

#include <stdlib.h>
#include <string.h>

/* What follows name, or preset.  Options stand in pairs: NAME VALUE. */
static inline double option(int argc, char **argv, const char *name, double preset)
{
    for (int i = 1; i + 1 < argc; i += 2)
        if (strcmp(argv[i], name) == 0)
            return strtod(argv[i + 1], NULL);
    return preset;
}

#endif
