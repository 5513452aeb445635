#include "proto/host/log.h"

#include "proto/host/loop.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

enum { LINE = 512 }; /* bytes; longer lines are cut */

static const char *const level_words[] = {"error", "warn", "info", "debug"};
static const char *program = "sipmix";
static enum smx_log_level level_max = SMX_LOG_INFO;

void smx_log_init(const char *name, enum smx_log_level level)
{
    program = name;
    level_max = level;
}

/* A line may be written: the site's minute is new, or has room. */
static bool admit(struct smx_log_site *site, smx_time now)
{
    if (site->lines == 0 || now - site->minute >= SMX_SECOND(60)) {
        site->minute = now;
        site->lines = 0;
    }
    if (site->lines == SMX_LOG_BURST) {
        site->left_out++;
        return false;
    }
    site->lines++;
    return true;
}

void smx_log_line(struct smx_log_site *site, enum smx_log_level level, const char *format, ...)
{
    char line[LINE];
    int used, more;
    va_list args;

    if (level > level_max || !admit(site, smx_loop_now()))
        return;
    used = snprintf(line, sizeof line, "%s: %s: ", program, level_words[level]);
    va_start(args, format);
    more = vsnprintf(line + used, sizeof line - (size_t)used, format, args);
    va_end(args);
    used += more > 0 ? more : 0;
    if (site->left_out && used < LINE)
        used += snprintf(line + used, sizeof line - (size_t)used, " (%u like it left out)", site->left_out);
    site->left_out = 0;
    if (used > LINE - 1)
        used = LINE - 1;
    for (char *p = line; p < line + used; p++)
        if ((unsigned char)*p < ' ' || *p == 0x7f)
            *p = ' '; /* one line, whatever a configured name holds */
    line[used] = '\n';
    /* one write, so that lines of several processes don't mix; nobody to tell when it fails */
    if (write(STDERR_FILENO, line, (size_t)used + 1) < 0)
        return;
}
