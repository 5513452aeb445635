#include "proto/crypto/work.h"

#include "proto/base/bytes.h"
#include "proto/crypto/derive.h"

#include <assert.h>

/* purpose || key || nonce, and where the nonce stands. */
struct text {
    uint8_t bytes[SMX_WORK_PURPOSE + SMX_WORK_KEY + 8];
    size_t len;
};

static struct text text_of(const void *purpose, size_t purpose_len, const uint8_t key[SMX_WORK_KEY])
{
    struct text t = {.len = purpose_len + SMX_WORK_KEY + 8};
    struct smx_wr w = {t.bytes, sizeof t.bytes};

    assert(purpose_len <= SMX_WORK_PURPOSE);
    smx_wr_bytes(&w, purpose, purpose_len);
    smx_wr_bytes(&w, key, SMX_WORK_KEY);
    return t;
}

static unsigned bits_with(struct text *t, const char *label, uint64_t nonce)
{
    struct smx_wr w = {t->bytes + t->len - 8, 8};
    uint8_t hash[32];
    unsigned bits = 0;

    smx_wr_u64(&w, nonce);
    smx_derive(hash, sizeof hash, label, t->bytes, t->len);
    while (bits < 8 * sizeof hash && !(hash[bits / 8] & 0x80 >> bits % 8))
        bits++;
    return bits;
}

unsigned smx_work_bits(const char *label, const void *purpose, size_t purpose_len,
                       const uint8_t key[SMX_WORK_KEY], uint64_t nonce)
{
    struct text t = text_of(purpose, purpose_len, key);

    return bits_with(&t, label, nonce);
}

bool smx_work_search(const char *label, const void *purpose, size_t purpose_len,
                     const uint8_t key[SMX_WORK_KEY], unsigned bits, uint64_t *nonce)
{
    struct text t = text_of(purpose, purpose_len, key);

    for (unsigned i = 0; i < SMX_WORK_TRIES; i++, ++*nonce)
        if (bits_with(&t, label, *nonce) >= bits)
            return true;
    return false;
}

/* Once a second.  What many send without working keeps the least demand up, no more: else a moment's work
 * would raise it for good. */
static void look(struct smx_demand *d, smx_time now)
{
    uint64_t wanted = d->rate * ((now - d->since) / SMX_SECOND(1));

    if (now < d->since + SMX_SECOND(1))
        return;
    if (d->good > wanted) {
        if (d->bits == 0)
            d->bits = SMX_WORK_BITS_MIN - 1;
        for (uint64_t left = d->good; left > wanted && d->bits < SMX_WORK_BITS_MAX; left /= 2)
            d->bits++;
    } else if (d->bits > SMX_WORK_BITS_MIN && d->good < wanted / 2) {
        d->bits--;
    } else if (d->bits == SMX_WORK_BITS_MIN && d->good + d->poor < wanted / 2) {
        d->bits = 0;
    }
    if (now >= d->since + SMX_SECOND(SMX_WORK_BITS_MAX)) /* nobody has asked for long */
        d->bits = 0;
    d->good = d->poor = 0;
    d->since = now;
}

unsigned smx_demand_bits(struct smx_demand *d, smx_time now)
{
    look(d, now);
    return d->bits;
}

bool smx_demand_meets(struct smx_demand *d, smx_time now, unsigned bits)
{
    bool enough;

    look(d, now);
    enough = d->bits == 0 || bits + SMX_WORK_SLACK >= d->bits;
    if (enough)
        d->good++;
    else
        d->poor++;
    return enough;
}
