#include "proto/base/out.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const uint8_t v4_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

bool smx_addr_equal(const struct smx_addr *a, const struct smx_addr *b)
{
    return a->port == b->port && memcmp(a->ip, b->ip, sizeof a->ip) == 0;
}

bool smx_addr_is_v4(const struct smx_addr *a)
{
    return memcmp(a->ip, v4_prefix, sizeof v4_prefix) == 0;
}

enum smx_err smx_addr_parse(struct smx_addr *addr, const char *text)
{
    struct smx_addr got = {.port = 0};
    char host[SMX_ADDR_TEXT];
    const char *colon = strrchr(text, ':');
    size_t host_len;
    unsigned long port = 0;

    if (!colon || (size_t)(colon - text) >= sizeof host)
        return SMX_E_MALFORMED;
    for (const char *p = colon + 1; *p; p++) {
        if (*p < '0' || *p > '9' || port > UINT16_MAX)
            return SMX_E_MALFORMED;
        port = port * 10 + (unsigned long)(*p - '0');
    }
    if (colon[1] == 0 || port > UINT16_MAX)
        return SMX_E_MALFORMED;
    host_len = (size_t)(colon - text);
    if (host_len >= 2 && text[0] == '[' && text[host_len - 1] == ']') {
        memcpy(host, text + 1, host_len - 2);
        host[host_len - 2] = 0;
        if (inet_pton(AF_INET6, host, got.ip) != 1)
            return SMX_E_MALFORMED;
    } else {
        memcpy(host, text, host_len);
        host[host_len] = 0;
        memcpy(got.ip, v4_prefix, sizeof v4_prefix);
        if (inet_pton(AF_INET, host, got.ip + 12) != 1)
            return SMX_E_MALFORMED;
    }
    got.port = (uint16_t)port;
    *addr = got;
    return SMX_OK;
}

void smx_addr_format(const struct smx_addr *addr, char text[SMX_ADDR_TEXT])
{
    char host[INET6_ADDRSTRLEN];

    if (smx_addr_is_v4(addr)) {
        inet_ntop(AF_INET, addr->ip + 12, host, sizeof host);
        snprintf(text, SMX_ADDR_TEXT, "%s:%u", host, addr->port);
    } else {
        inet_ntop(AF_INET6, addr->ip, host, sizeof host);
        snprintf(text, SMX_ADDR_TEXT, "[%s]:%u", host, addr->port);
    }
}

enum smx_err smx_out_new(struct smx_out *out, size_t dgram_cap, size_t bytes_cap)
{
    *out = (struct smx_out){.dgram_cap = dgram_cap, .bytes_cap = bytes_cap};
    out->dgram = calloc(dgram_cap, sizeof *out->dgram);
    out->bytes = malloc(bytes_cap);
    if (!out->dgram || !out->bytes) {
        smx_out_free(out);
        return SMX_E_MEMORY;
    }
    return SMX_OK;
}

void smx_out_free(struct smx_out *out)
{
    free(out->dgram);
    free(out->bytes);
    *out = (struct smx_out){0};
}

void smx_out_reset(struct smx_out *out)
{
    out->dgram_count = 0;
    out->bytes_len = 0;
}

uint8_t *smx_out_add(struct smx_out *out, const struct smx_addr *to, size_t len)
{
    struct smx_dgram *d;

    if (out->dgram_count == out->dgram_cap || len > UINT16_MAX || len > out->bytes_cap - out->bytes_len) {
        out->dropped++;
        return NULL;
    }
    d = &out->dgram[out->dgram_count++];
    *d = (struct smx_dgram){.to = *to, .at = (uint32_t)out->bytes_len, .len = (uint16_t)len};
    out->bytes_len += len;
    return out->bytes + d->at;
}
