/* sim/units.h - numbers with units, as people write them into a scenario: "20 ms", "1.5 %", "10 Mbit/s".
 *
 * A reader takes what it needs from the front of *text, moves *text behind it (and behind blanks), and says
 * whether it was there; what is not there moves nothing.  Decimals are exact down to the unit that is kept
 * (ns, millionths, bit/s), finer ones are refused.  Pure; no locale. */
#ifndef SMX_SIM_UNITS_H
#define SMX_SIM_UNITS_H

#include "proto/base/time.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SMX_UNITS_TEXT = 32 }; /* bytes that a writer needs at most */

/* The next word: letters, digits, '-', '_', '.'; cut at out_len - 1 bytes. */
bool smx_units_word(const char **text, char *out, size_t out_len);
bool smx_units_count(const char **text, uint64_t *out);
bool smx_units_time(const char **text, smx_time *out); /* ns us ms s min h d; the unit is needed, but for 0 */
bool smx_units_share(const char **text, uint32_t *out);  /* "1.5 %", "0.015"; millionths, at most 1 */
bool smx_units_factor(const char **text, uint32_t *out); /* "1.6"; millionths, below 4000 */
bool smx_units_rate(const char **text, uint64_t *out);   /* bit/s kbit/s Mbit/s Gbit/s; the same */

/* The shortest text that reads back as the same. */
void smx_units_write_time(char out[SMX_UNITS_TEXT], smx_time value);
void smx_units_write_share(char out[SMX_UNITS_TEXT], uint32_t value);
void smx_units_write_factor(char out[SMX_UNITS_TEXT], uint32_t value);
void smx_units_write_rate(char out[SMX_UNITS_TEXT], uint64_t value);

#endif
