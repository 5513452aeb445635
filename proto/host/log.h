/* proto/host/log.h - what the operator reads: one line on stderr, "sipmix-relay: info: text", the system's
 * journal adds the time.
 *
 * A log never holds an address, pseudonym, Call-ID or key of a user, at any level: a log outlives the call
 * and gets copied.  So the format is a literal, and its values are numbers, constant texts (smx_err_text,
 * strerror) and, while starting, what the operator himself wrote into the configuration.  Nothing that came
 * from the network or from a phone is ever a value.
 *
 * Each place in the code may write SMX_LOG_BURST lines a minute; what is left out is counted in its next
 * line. One thread only. */
#ifndef SMX_HOST_LOG_H
#define SMX_HOST_LOG_H

#include "proto/base/time.h"

enum smx_log_level { SMX_LOG_ERROR, SMX_LOG_WARN, SMX_LOG_INFO, SMX_LOG_DEBUG };

#define SMX_LOG_WORDS "error warn info debug" /* for SMX_KEY_ENUM: the indices are the levels */

enum { SMX_LOG_BURST = 10 };

struct smx_log_site {
    smx_time minute; /* start of the running minute */
    unsigned lines, left_out;
};

/* program is kept, not copied.  Before it is called, lines begin with "sipmix" and debug ones are left out.
 */
void smx_log_init(const char *program, enum smx_log_level level);
void smx_log_line(struct smx_log_site *site, enum smx_log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* "" format makes the compiler refuse a format that is not a literal. */
#define smx_log_(level, format, ...)                                                                         \
    do {                                                                                                     \
        static struct smx_log_site smx_log_site_;                                                            \
        smx_log_line(&smx_log_site_, level, "" format, ##__VA_ARGS__);                                       \
    } while (0)
#define smx_log_error(...) smx_log_(SMX_LOG_ERROR, __VA_ARGS__)
#define smx_log_warn(...)  smx_log_(SMX_LOG_WARN, __VA_ARGS__)
#define smx_log_info(...)  smx_log_(SMX_LOG_INFO, __VA_ARGS__)
#define smx_log_debug(...) smx_log_(SMX_LOG_DEBUG, __VA_ARGS__)

#endif
