#include "sim/units.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct unit {
    const char *name;
    uint64_t size;
};

/* From the greatest to the least, for writers. */
static const struct unit time_unit[] = {{"d", UINT64_C(86400000000000)},
                                        {"h", UINT64_C(3600000000000)},
                                        {"min", UINT64_C(60000000000)},
                                        {"s", UINT64_C(1000000000)},
                                        {"ms", 1000000},
                                        {"us", 1000},
                                        {"ns", 1}};
static const struct unit rate_unit[] = {
    {"Gbit/s", UINT64_C(1000000000)}, {"Mbit/s", 1000000}, {"kbit/s", 1000}, {"bit/s", 1}};
enum {
    TIME_UNITS = sizeof time_unit / sizeof time_unit[0],
    RATE_UNITS = sizeof rate_unit / sizeof rate_unit[0],
    MILLION = 1000000,
    DIGITS = 18, /* of a number, all together: fits 64 bits */
};

static const char *skip_blanks(const char *at)
{
    return at + strspn(at, " \t");
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* A decimal number: digits times 10 to the power of -decimals. */
struct decimal {
    uint64_t digits;
    unsigned decimals;
};

static bool read_decimal(const char **at, struct decimal *out)
{
    struct decimal d = {0, 0};
    unsigned count = 0;
    bool point = false;

    for (;; (*at)++) {
        if (**at == '.' && !point) {
            point = true;
            continue;
        }
        if (!is_digit(**at))
            break;
        if (++count > DIGITS)
            return false;
        d.digits = 10 * d.digits + (uint64_t)(**at - '0');
        d.decimals += point;
    }
    *out = d;
    return count > 0;
}

/* d times size, if that is a whole number of 64 bits. */
static bool scale(struct decimal d, uint64_t size, uint64_t *out)
{
    uint64_t whole;

    for (; d.decimals > 0 && d.digits % 10 == 0; d.decimals--)
        d.digits /= 10;
    for (; d.decimals > 0 && size % 10 == 0; d.decimals--)
        size /= 10;
    if (d.decimals > 0 || __builtin_mul_overflow(d.digits, size, &whole))
        return false;
    *out = whole;
    return true;
}

static bool read_with_unit(const char **text, const struct unit *unit, size_t units, uint64_t *out)
{
    const char *at = skip_blanks(*text);
    struct decimal d;
    size_t len;

    if (!read_decimal(&at, &d))
        return false;
    at = skip_blanks(at);
    len = strcspn(at, " \t");
    for (size_t i = 0; i < units; i++)
        if (strlen(unit[i].name) == len && memcmp(unit[i].name, at, len) == 0) {
            if (!scale(d, unit[i].size, out))
                return false;
            *text = skip_blanks(at + len);
            return true;
        }
    if (d.digits != 0) /* 0 of anything is 0 */
        return false;
    *out = 0;
    *text = at;
    return true;
}

bool smx_units_word(const char **text, char *out, size_t out_len)
{
    const char *at = skip_blanks(*text);
    size_t len = strspn(at, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.");

    if (len == 0)
        return false;
    snprintf(out, out_len, "%.*s", (int)len, at);
    *text = skip_blanks(at + len);
    return true;
}

bool smx_units_count(const char **text, uint64_t *out)
{
    const char *at = skip_blanks(*text);
    struct decimal d;

    if (!read_decimal(&at, &d) || !scale(d, 1, out))
        return false;
    *text = skip_blanks(at);
    return true;
}

bool smx_units_time(const char **text, smx_time *out)
{
    uint64_t value;

    if (!read_with_unit(text, time_unit, TIME_UNITS, &value))
        return false;
    *out = value;
    return true;
}

bool smx_units_rate(const char **text, uint64_t *out)
{
    return read_with_unit(text, rate_unit, RATE_UNITS, out);
}

bool smx_units_share(const char **text, uint32_t *out)
{
    const char *at = skip_blanks(*text);
    struct decimal d;
    uint64_t value;
    bool percent;

    if (!read_decimal(&at, &d))
        return false;
    at = skip_blanks(at);
    percent = *at == '%';
    if (!scale(d, percent ? MILLION / 100 : MILLION, &value) || value > MILLION)
        return false;
    *out = (uint32_t)value;
    *text = skip_blanks(at + percent);
    return true;
}

bool smx_units_factor(const char **text, uint32_t *out)
{
    const char *at = skip_blanks(*text);
    struct decimal d;
    uint64_t value;

    if (!read_decimal(&at, &d) || !scale(d, MILLION, &value) || value > UINT32_MAX)
        return false;
    *out = (uint32_t)value;
    *text = skip_blanks(at);
    return true;
}

/* ---- writers ---- */

static void write_with_unit(char out[SMX_UNITS_TEXT], const struct unit *unit, size_t units, uint64_t value)
{
    size_t i = 0;

    while (i + 1 < units && (value == 0 || value % unit[i].size != 0))
        i++;
    snprintf(out, SMX_UNITS_TEXT, "%" PRIu64 " %s", value / unit[i].size, unit[i].name);
}

void smx_units_write_time(char out[SMX_UNITS_TEXT], smx_time value)
{
    write_with_unit(out, time_unit, TIME_UNITS, value);
}

void smx_units_write_rate(char out[SMX_UNITS_TEXT], uint64_t value)
{
    write_with_unit(out, rate_unit, RATE_UNITS, value);
}

/* value / 10^decimals, without zeros at its end. */
static void write_decimal(char out[SMX_UNITS_TEXT], uint64_t value, unsigned decimals, const char *behind)
{
    uint64_t size = 1;

    for (; decimals > 0 && value % 10 == 0; decimals--)
        value /= 10;
    for (unsigned i = 0; i < decimals; i++)
        size *= 10;
    if (decimals > 0)
        snprintf(out, SMX_UNITS_TEXT, "%" PRIu64 ".%0*" PRIu64 "%s", value / size, (int)decimals,
                 value % size, behind);
    else
        snprintf(out, SMX_UNITS_TEXT, "%" PRIu64 "%s", value, behind);
}

void smx_units_write_share(char out[SMX_UNITS_TEXT], uint32_t value)
{
    write_decimal(out, value, 4, " %");
}

void smx_units_write_factor(char out[SMX_UNITS_TEXT], uint32_t value)
{
    write_decimal(out, value, 6, "");
}
