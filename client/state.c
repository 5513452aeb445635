/* client/state.c - what outlives a run, as one blob.  Integers in network order.
 *
 *   "SMXC" | version u8 = 3 | has batch u8, header of the newest batch seen 49 (zeros: none)
 *   guards u8 (0..2) * id[32]
 *   identities u8 * { key[32], middles u8 (0..4) * { id[32], until u64 },
 *     seq u64, has intro u8, intro[32], published day u32, published intro[32],
 *     names u8 (0..4) * { state u8, flags u8 (1 of a phone, 2 drawn), length u8, text, renew u64 },
 *     days u8 (0..3) * { day u32, secret[32], memory key[16], seen u32 * hash u64 } }
 *   BLAKE2b-128 of all before
 *
 * Identities that are no longer configured are dropped.  The ephemeral keys seen are kept with the day's key:
 * else a restart would let old introductions in again. */
#include "client/core.h"

#include "proto/base/bytes.h"

#include <sodium.h>
#include <string.h>

enum { VERSION = 3, SUM = 16, FLAG_PHONE = 1, FLAG_DRAWN = 2 };

static const char magic[4] = {'S', 'M', 'X', 'C'};

static void sum_of(uint8_t sum[SUM], const uint8_t *in, size_t len)
{
    crypto_generichash(sum, SUM, in, len, NULL, 0);
}

/* ---- writing ---- */

static void save_day(struct smx_wr *w, const struct day *d)
{
    smx_wr_u32(w, d->day);
    smx_wr_bytes(w, d->key.secret, sizeof d->key.secret);
    smx_wr_bytes(w, d->memory.key, sizeof d->memory.key);
    smx_wr_u32(w, (uint32_t)d->memory.used);
    for (size_t i = 0; i < d->memory.slot_count; i++)
        if (d->memory.slot[i] != 0)
            smx_wr_u64(w, d->memory.slot[i]);
}

static void save_identity(struct smx_wr *w, const struct identity *id)
{
    uint8_t names = 0, days = 0;

    smx_wr_bytes(w, id->own.public, SMX_DOC_KEY);
    smx_wr_u8(w, (uint8_t)id->middle_count);
    for (size_t i = 0; i < id->middle_count; i++) {
        smx_wr_bytes(w, id->middle[i].id, SMX_DOC_KEY);
        smx_wr_u64(w, id->middle[i].until);
    }
    smx_wr_u64(w, id->seq);
    smx_wr_u8(w, id->has_intro);
    smx_wr_bytes(w, id->intro, SMX_DOC_KEY);
    smx_wr_u32(w, id->published_day);
    smx_wr_bytes(w, id->published_intro, SMX_DOC_KEY);
    for (size_t i = 0; i < NAMES; i++)
        names += id->name[i].state != NAME_NONE;
    smx_wr_u8(w, names);
    for (size_t i = 0; i < NAMES; i++) {
        const struct name *n = &id->name[i];

        if (n->state == NAME_NONE)
            continue;
        /* Whether a name is on its way out stands in the configuration. */
        smx_wr_u8(w, (uint8_t)(n->state == NAME_LEAVING ? NAME_OURS : n->state));
        smx_wr_u8(w, (uint8_t)((n->of_phone ? FLAG_PHONE : 0) | (n->drawn ? FLAG_DRAWN : 0)));
        smx_wr_u8(w, (uint8_t)strlen(n->text));
        smx_wr_bytes(w, n->text, strlen(n->text));
        smx_wr_u64(w, n->renew);
    }
    for (size_t i = 0; i < DAYS; i++)
        days += id->day[i].day != 0;
    smx_wr_u8(w, days);
    for (size_t i = 0; i < DAYS; i++)
        if (id->day[i].day != 0)
            save_day(w, &id->day[i]);
}

size_t smx_client_save(const struct smx_client *c, uint8_t out[SMX_CLIENT_STATE_MAX])
{
    struct smx_wr w = {out, SMX_CLIENT_STATE_MAX};
    uint8_t sum[SUM];

    smx_wr_bytes(&w, magic, sizeof magic);
    smx_wr_u8(&w, VERSION);
    smx_wr_u8(&w, c->has_batch);
    smx_batch_header_write(&w, &c->batch);
    smx_wr_u8(&w, (uint8_t)c->paths.guard_count);
    smx_wr_bytes(&w, c->paths.guard, c->paths.guard_count * SMX_DOC_KEY);
    smx_wr_u8(&w, (uint8_t)c->identity_count);
    for (size_t i = 0; i < c->identity_count; i++)
        save_identity(&w, &c->identity[i]);
    sum_of(sum, out, SMX_CLIENT_STATE_MAX - w.left);
    smx_wr_bytes(&w, sum, sizeof sum);
    return SMX_CLIENT_STATE_MAX - w.left;
}
_Static_assert(SMX_CLIENT_IDENTITIES *DAYS *SEEN / 4 * 3 * 8 + 4096 < SMX_CLIENT_STATE_MAX,
               "a full state fits");

/* ---- reading ---- */

static void load_day(struct smx_rd *r, struct day *d, enum smx_err *err)
{
    uint8_t secret[SMX_X25519];
    const uint8_t *key;
    uint32_t seen;

    d->day = smx_rd_u32(r);
    smx_rd_bytes(r, secret, sizeof secret);
    smx_x25519_from_secret(&d->key, secret);
    sodium_memzero(secret, sizeof secret);
    key = smx_rd_view(r, sizeof d->memory.key);
    seen = smx_rd_u32(r);
    if (!key || seen > SEEN / 4 * 3 || d->day == 0)
        r->bad = true;
    else if (smx_day_remembers(d, key, seen) != SMX_OK)
        *err = SMX_E_MEMORY;
    for (uint32_t i = 0; i < seen && !r->bad && *err == SMX_OK; i++)
        smx_meet_memory_add(&d->memory, smx_rd_u64(r));
}

static void load_name(struct smx_rd *r, struct name *n)
{
    uint8_t flags, len;
    const uint8_t *text;

    n->state = (enum name_state)smx_rd_u8(r);
    flags = smx_rd_u8(r);
    n->of_phone = flags & FLAG_PHONE;
    n->drawn = flags & FLAG_DRAWN;
    len = smx_rd_u8(r);
    text = smx_rd_view(r, len);
    n->renew = smx_rd_u64(r);
    if (!text || (n->state != NAME_WANTED && n->state != NAME_OURS) ||
        smx_name_parse(n->text, (const char *)text, len) != SMX_OK)
        r->bad = true;
}

static void load_identity(struct smx_rd *r, struct identity *id, enum smx_err *err)
{
    uint8_t count = smx_rd_u8(r);

    if (count > MIDDLES)
        r->bad = true;
    for (id->middle_count = 0; id->middle_count < count && !r->bad; id->middle_count++) {
        struct middle *m = &id->middle[id->middle_count];

        smx_rd_bytes(r, m->id, SMX_DOC_KEY);
        m->until = smx_rd_u64(r);
    }
    id->seq = smx_rd_u64(r);
    id->has_intro = smx_rd_u8(r);
    smx_rd_bytes(r, id->intro, SMX_DOC_KEY);
    id->published_day = smx_rd_u32(r);
    smx_rd_bytes(r, id->published_intro, SMX_DOC_KEY);
    count = smx_rd_u8(r);
    if (count > NAMES)
        r->bad = true;
    for (uint8_t i = 0; i < count && !r->bad; i++)
        load_name(r, &id->name[i]);
    count = smx_rd_u8(r);
    if (count > DAYS)
        r->bad = true;
    for (uint8_t i = 0; i < count && !r->bad && *err == SMX_OK; i++)
        load_day(r, &id->day[i], err);
}

static struct identity *find_identity(struct smx_client *c, const uint8_t *key)
{
    for (size_t i = 0; key && i < c->identity_count; i++)
        if (memcmp(c->identity[i].own.public, key, SMX_DOC_KEY) == 0)
            return &c->identity[i];
    return NULL;
}

enum smx_err smx_client_load(struct smx_client *c, const uint8_t *in, size_t len)
{
    struct smx_rd r = {in, len < SUM ? 0 : len - SUM, false};
    uint8_t sum[SUM], head[sizeof magic], count;
    struct identity *spare; /* takes what belongs to nobody any more */
    enum smx_err err = SMX_OK;

    sum_of(sum, in, r.left);
    smx_rd_bytes(&r, head, sizeof head);
    if (len < SUM || memcmp(sum, in + len - SUM, SUM) != 0 || memcmp(head, magic, sizeof magic) != 0 ||
        smx_rd_u8(&r) != VERSION)
        return SMX_E_MALFORMED;
    /* The sum is right: what follows was written by smx_client_save, or by somebody who may as well take the
     * keys. */
    spare = sodium_malloc(sizeof *spare);
    if (!spare)
        return SMX_E_MEMORY;
    c->has_batch = smx_rd_u8(&r);
    if (smx_batch_header_read(&r, &c->batch) != SMX_OK)
        r.bad = true;
    count = smx_rd_u8(&r);
    c->paths.guard_count = count <= GUARDS ? count : 0;
    smx_rd_bytes(&r, c->paths.guard, c->paths.guard_count * SMX_DOC_KEY);
    count = smx_rd_u8(&r);
    for (uint8_t i = 0; i < count && !r.bad && err == SMX_OK; i++) {
        struct identity *id = find_identity(c, smx_rd_view(&r, SMX_DOC_KEY));

        if (!id) {
            memset(spare, 0, sizeof *spare);
            id = spare;
        }
        load_identity(&r, id, &err);
        for (size_t d = 0; id == spare && d < DAYS; d++)
            smx_day_forget(&spare->day[d]);
    }
    sodium_free(spare);
    if (err != SMX_OK)
        return err;
    return smx_rd_done(&r) ? SMX_OK : SMX_E_MALFORMED;
}
