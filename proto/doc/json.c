#include "proto/doc/json.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

enum smx_err smx_json_open(json_t **doc, const char *kind, const uint8_t *in, size_t len)
{
    json_error_t error;
    json_t *got = json_loadb((const char *)in, len, JSON_REJECT_DUPLICATES, &error);
    const char *is;
    uint64_t version;

    *doc = NULL;
    if (!got)
        return json_error_code(&error) == json_error_out_of_memory ? SMX_E_MEMORY : SMX_E_MALFORMED;
    is = json_string_value(json_object_get(got, "sipmix"));
    if (!is || strcmp(is, kind) != 0 || !smx_json_u64(&version, json_object_get(got, "version"), 1, 1)) {
        json_decref(got);
        return SMX_E_MALFORMED;
    }
    *doc = got;
    return SMX_OK;
}

bool smx_json_u64(uint64_t *out, const json_t *value, uint64_t min, uint64_t max)
{
    json_int_t v;

    if (!json_is_integer(value))
        return false;
    v = json_integer_value(value);
    if (v < 0 || (uint64_t)v < min || (uint64_t)v > max)
        return false;
    *out = (uint64_t)v;
    return true;
}

static int digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool smx_json_hex(uint8_t *out, size_t len, const json_t *value)
{
    const char *text = json_string_value(value);

    if (!text || json_string_length(value) != 2 * len)
        return false;
    for (size_t i = 0; i < len; i++) {
        int high = digit(text[2 * i]), low = digit(text[2 * i + 1]);

        if (high < 0 || low < 0)
            return false;
        out[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

bool smx_json_copy(char *out, size_t cap, const json_t *value)
{
    const char *text = json_string_value(value);
    size_t len = json_string_length(value);

    if (!text || len == 0 || len >= cap)
        return false;
    for (size_t i = 0; i < len; i++)
        if (text[i] < ' ' || text[i] > '~')
            return false;
    memcpy(out, text, len + 1);
    return true;
}

bool smx_json_array(size_t *count, const json_t *value, size_t min, size_t max)
{
    if (!json_is_array(value) || json_array_size(value) < min || json_array_size(value) > max)
        return false;
    *count = json_array_size(value);
    return true;
}

bool smx_json_addr(struct smx_addr *out, const json_t *value)
{
    char text[SMX_ADDR_TEXT];

    return smx_json_copy(text, sizeof text, value) && smx_addr_parse(out, text) == SMX_OK && out->port > 0;
}

bool smx_json_addrs(struct smx_addr *out, size_t *count, size_t cap, const json_t *value)
{
    size_t n;

    if (!smx_json_array(&n, value, 1, cap))
        return false;
    for (size_t i = 0; i < n; i++) {
        if (!smx_json_addr(&out[i], json_array_get(value, i)))
            return false;
        for (size_t j = 0; j < i; j++)
            if (smx_addr_equal(&out[i], &out[j]))
                return false;
    }
    *count = n;
    return true;
}

void smx_json_put(json_t **doc, const char *name, json_t *value)
{
    if (json_object_set_new(*doc, name, value) == 0)
        return; /* it takes value in any case, and refuses NULL on either side */
    json_decref(*doc);
    *doc = NULL;
}

void smx_json_add(json_t **list, json_t *value)
{
    if (json_array_append_new(*list, value) == 0)
        return;
    json_decref(*list);
    *list = NULL;
}

json_t *smx_json_new(const char *kind)
{
    json_t *doc = json_object();

    smx_json_put(&doc, "sipmix", json_string(kind));
    smx_json_put(&doc, "version", json_integer(1));
    return doc;
}

json_t *smx_json_from_hex(const uint8_t *in, size_t len)
{
    char text[2 * 64 + 1];

    assert(len <= 64);
    return json_string(sodium_bin2hex(text, sizeof text, in, len));
}

json_t *smx_json_from_addr(const struct smx_addr *addr)
{
    char text[SMX_ADDR_TEXT];

    smx_addr_format(addr, text);
    return json_string(text);
}

json_t *smx_json_from_addrs(const struct smx_addr *addr, size_t count)
{
    json_t *list = json_array();

    for (size_t i = 0; i < count; i++)
        smx_json_add(&list, smx_json_from_addr(&addr[i]));
    return list;
}

char *smx_json_text(json_t *doc)
{
    char *text = doc ? json_dumps(doc, JSON_COMPACT) : NULL;

    json_decref(doc);
    return text;
}
