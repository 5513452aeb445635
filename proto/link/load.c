#include "proto/link/load.h"

#include "proto/link/wire.h"

#include <sodium.h>
#include <string.h>

#define SECRET_LIFE SMX_SECOND(120)

/* Tokens are counted as the time in which they come, so that no fraction is lost. */
static bool bucket_take(struct smx_load_bucket *b, smx_time now)
{
    smx_time one = SMX_SECOND(1) / b->rate;

    if (now > b->filled) {
        b->level += now - b->filled;
        if (b->level > SMX_SECOND(1))
            b->level = SMX_SECOND(1);
        b->filled = now;
    }
    if (b->level < one)
        return false;
    b->level -= one;
    return true;
}

void smx_load_init(struct smx_load *l, uint32_t rate, struct smx_rng *rng)
{
    memset(l, 0, sizeof *l);
    l->free = (struct smx_load_bucket){.rate = rate, .level = SMX_SECOND(1)};
    l->proven = (struct smx_load_bucket){.rate = rate * SMX_LOAD_PROVEN, .level = SMX_SECOND(1)};
    l->demand.rate = rate * SMX_LOAD_PROVEN;
    smx_rng_bytes(rng, l->secret, sizeof l->secret);
    smx_rng_bytes(rng, l->hash_key, sizeof l->hash_key);
}

static void secret_turn(struct smx_load *l, smx_time now, struct smx_rng *rng)
{
    if (now < l->secret_since + SECRET_LIFE)
        return;
    if (now < l->secret_since + 2 * SECRET_LIFE)
        memcpy(l->secret[1], l->secret[0], SMX_KEY);
    else
        smx_rng_bytes(rng, l->secret[1], SMX_KEY); /* both are too old */
    smx_rng_bytes(rng, l->secret[0], SMX_KEY);
    l->secret_since = now;
}

static void cookie_make(uint8_t cookie[SMX_MAC16], const uint8_t secret[SMX_KEY], const struct smx_addr *from)
{
    uint8_t where[sizeof from->ip + 2];

    memcpy(where, from->ip, sizeof from->ip);
    where[sizeof from->ip] = (uint8_t)(from->port >> 8);
    where[sizeof from->ip + 1] = (uint8_t)from->port;
    smx_mac16(cookie, secret, where, sizeof where);
}

void smx_load_cookie(struct smx_load *l, smx_time now, const struct smx_addr *from, uint8_t cookie[SMX_MAC16],
                     struct smx_rng *rng)
{
    secret_turn(l, now, rng);
    cookie_make(cookie, l->secret[0], from);
}

static bool has_cookie(struct smx_load *l, smx_time now, const struct smx_addr *from, const uint8_t *datagram,
                       size_t len, uint8_t cookie[SMX_MAC16], struct smx_rng *rng)
{
    secret_turn(l, now, rng);
    for (int i = 0; i < 2; i++) {
        cookie_make(cookie, l->secret[i], from);
        if (smx_wire_mac2_holds(datagram, len, cookie))
            return true;
    }
    return false;
}

static bool source_may(struct smx_load *l, smx_time now, const struct smx_addr *from)
{
    uint8_t hash[crypto_shorthash_BYTES];
    uint16_t *count;

    if (now >= l->source_since + SMX_SECOND(1)) {
        memset(l->source, 0, sizeof l->source);
        l->source_since = now;
    }
    crypto_shorthash(hash, from->ip, smx_addr_is_v4(from) ? 16 : 8, l->hash_key);
    count = &l->source[(hash[0] | hash[1] << 8) % SMX_LOAD_SOURCES];
    if (*count >= SMX_LOAD_PER_SOURCE)
        return false;
    ++*count;
    return true;
}

enum smx_load_verdict smx_load_init_verdict(struct smx_load *l, smx_time now, const struct smx_addr *from,
                                            const uint8_t *datagram, size_t len, struct smx_rng *rng)
{
    uint8_t cookie[SMX_MAC16];
    unsigned bits;

    if (bucket_take(&l->free, now))
        return SMX_LOAD_GO;
    if (!has_cookie(l, now, from, datagram, len, cookie, rng))
        return SMX_LOAD_COOKIE;
    if (!source_may(l, now, from))
        return SMX_LOAD_DROP; /* before it is counted: one source can't raise the demand for all */
    bits = smx_demand_bits(&l->demand, now);
    if (!smx_demand_meets(&l->demand, now, bits > 0 ? smx_wire_init_work(datagram, cookie) : 0))
        return SMX_LOAD_COOKIE;
    if (!bucket_take(&l->proven, now))
        return SMX_LOAD_DROP;
    return bits > 0 ? SMX_LOAD_PAID : SMX_LOAD_GO;
}

unsigned smx_load_work_bits(struct smx_load *l, smx_time now)
{
    return smx_demand_bits(&l->demand, now);
}

bool smx_load_response_may(struct smx_load *l, smx_time now)
{
    return bucket_take(&l->proven, now);
}
