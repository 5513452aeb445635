#include "proto/circuit/hop.h"

#include "proto/base/bytes.h"
#include "proto/crypto/work.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

static const char label[] = "sipmix hop v1";

enum { PROLOGUE = sizeof label - 1 + 1 + SMX_RELAY_ID + SMX_KEY_TAG + 1 }; /* bytes */

static void write_prologue(uint8_t out[PROLOGUE], const uint8_t id[SMX_RELAY_ID],
                           const uint8_t tag[SMX_KEY_TAG], uint8_t period)
{
    struct smx_wr w = {out, PROLOGUE};

    smx_wr_bytes(&w, label, sizeof label - 1);
    smx_wr_u8(&w, SMX_SUITE_1);
    smx_wr_bytes(&w, id, SMX_RELAY_ID);
    smx_wr_bytes(&w, tag, SMX_KEY_TAG);
    smx_wr_u8(&w, period);
    smx_wr_done(&w);
}

/* ---- messages ---- */

enum smx_err smx_extend_decode(struct smx_extend *e, const uint8_t *content, size_t len)
{
    struct smx_rd r = {content, len, false};
    struct smx_extend got;

    got.suite = smx_rd_u8(&r);
    smx_rd_bytes(&r, got.relay, sizeof got.relay);
    smx_rd_bytes(&r, got.tag, sizeof got.tag);
    got.period = smx_rd_u8(&r);
    got.d = smx_rd_u64(&r);
    got.work = smx_rd_u64(&r);
    smx_rd_bytes(&r, got.msg1, sizeof got.msg1);
    if (!smx_rd_done(&r) || got.period > SMX_PERIOD_LISTEN)
        return SMX_E_MALFORMED;
    *e = got;
    return SMX_OK;
}

void smx_extend_encode(uint8_t content[SMX_EXTEND_SIZE], const struct smx_extend *e)
{
    struct smx_wr w = {content, SMX_EXTEND_SIZE};

    smx_wr_u8(&w, e->suite);
    smx_wr_bytes(&w, e->relay, sizeof e->relay);
    smx_wr_bytes(&w, e->tag, sizeof e->tag);
    smx_wr_u8(&w, e->period);
    smx_wr_u64(&w, e->d);
    smx_wr_u64(&w, e->work);
    smx_wr_bytes(&w, e->msg1, sizeof e->msg1);
    smx_wr_done(&w);
}

void smx_hop_msg_encode(uint8_t body[SMX_CELL_BODY], uint8_t type, const void *content, size_t len)
{
    struct smx_wr w = {body, SMX_CELL_BODY};

    assert(len <= SMX_HOP_CONTENT);
    smx_wr_zeros(&w, SMX_HOP_ZERO);
    smx_wr_u8(&w, type);
    smx_wr_u8(&w, (uint8_t)len);
    smx_wr_bytes(&w, content, len);
    smx_wr_pad(&w);
}

bool smx_hop_is_own(const uint8_t body[SMX_CELL_BODY])
{
    return sodium_is_zero(body, SMX_HOP_ZERO);
}

enum smx_err smx_hop_msg_decode(struct smx_hop_msg *m, const uint8_t body[SMX_CELL_BODY])
{
    struct smx_rd r = {body, SMX_CELL_BODY, false};
    struct smx_hop_msg got;

    smx_rd_zeros(&r, SMX_HOP_ZERO);
    got.type = smx_rd_u8(&r);
    got.len = smx_rd_u8(&r);
    got.content = smx_rd_view(&r, got.len);
    smx_rd_zeros(&r, r.left);
    if (!smx_rd_done(&r))
        return SMX_E_MALFORMED;
    *m = got;
    return SMX_OK;
}

/* ---- layers ---- */

void smx_hop_layers_fini(struct smx_hop_layers *l)
{
    sodium_memzero(l, sizeof *l);
}

static void write_tweak(uint8_t tweak[SMX_WIDEBLOCK_TWEAK], enum smx_way dir, uint64_t count)
{
    struct smx_wr w = {tweak, SMX_WIDEBLOCK_TWEAK};

    smx_wr_u8(&w, (uint8_t)dir);
    smx_wr_zeros(&w, 7);
    smx_wr_u64(&w, count);
    smx_wr_done(&w);
}

void smx_hop_encipher(struct smx_hop_layers *l, enum smx_way dir, uint64_t count, uint8_t body[SMX_CELL_BODY])
{
    uint8_t tweak[SMX_WIDEBLOCK_TWEAK];

    write_tweak(tweak, dir, count);
    smx_wideblock_encipher(&l->seal, tweak, body, SMX_CELL_BODY);
}

void smx_hop_decipher(struct smx_hop_layers *l, enum smx_way dir, uint64_t count, uint8_t body[SMX_CELL_BODY])
{
    uint8_t tweak[SMX_WIDEBLOCK_TWEAK];

    write_tweak(tweak, dir, count);
    smx_wideblock_decipher(&l->open, tweak, body, SMX_CELL_BODY);
}

/* Keys from the finished handshake. */
static enum smx_err make_layers(struct smx_hop_layers *l, struct smx_noise *n, bool origin)
{
    struct {
        uint8_t forward[SMX_KEY], backward[SMX_KEY];
    } s;
    enum smx_err err = smx_noise_split(n, s.forward, s.backward);

    if (err == SMX_OK) {
        smx_wideblock_init(&l->seal, origin ? s.forward : s.backward);
        smx_wideblock_both_init(&l->open, origin ? s.backward : s.forward);
        memcpy(l->hash, smx_noise_hash(n), SMX_HOP_HASH);
        sodium_memzero(&s, sizeof s);
    }
    return err;
}

/* ---- work ---- */

static const char work_label[] = "circuit work";

unsigned smx_hop_work(const uint8_t tag[SMX_KEY_TAG], const uint8_t msg1[SMX_HOP_MSG1], uint64_t work)
{
    return smx_work_bits(work_label, tag, SMX_KEY_TAG, msg1, work);
}

bool smx_hop_work_search(const uint8_t tag[SMX_KEY_TAG], const uint8_t msg1[SMX_HOP_MSG1], unsigned bits,
                         uint64_t *work)
{
    return smx_work_search(work_label, tag, SMX_KEY_TAG, msg1, bits, work);
}

/* ---- handshake ---- */

enum smx_err smx_hop_start_with_ephemeral(struct smx_noise *n, uint8_t msg1[SMX_HOP_MSG1],
                                          const struct smx_hop_target *target, uint8_t period,
                                          const uint8_t secret[SMX_X25519])
{
    uint8_t prologue[PROLOGUE];

    write_prologue(prologue, target->id, target->tag, period);
    smx_noise_init(n, SMX_NOISE_NK, true, prologue, sizeof prologue, NULL, target->onion);
    return smx_noise_write_with_ephemeral(n, secret, NULL, 0, msg1);
}

enum smx_err smx_hop_start(struct smx_noise *n, uint8_t msg1[SMX_HOP_MSG1],
                           const struct smx_hop_target *target, uint8_t period, struct smx_rng *rng)
{
    uint8_t secret[SMX_X25519];
    enum smx_err err;

    smx_rng_bytes(rng, secret, sizeof secret);
    err = smx_hop_start_with_ephemeral(n, msg1, target, period, secret);
    sodium_memzero(secret, sizeof secret);
    return err;
}

enum smx_err smx_hop_finish(struct smx_hop_layers *l, struct smx_noise *n, const uint8_t msg2[SMX_HOP_MSG2])
{
    enum smx_err err = smx_noise_read(n, msg2, SMX_HOP_MSG2, NULL);

    return err == SMX_OK ? make_layers(l, n, true) : err;
}

enum smx_err smx_hop_answer_with_ephemeral(struct smx_hop_layers *l, uint8_t msg2[SMX_HOP_MSG2],
                                           const uint8_t msg1[SMX_HOP_MSG1], const uint8_t id[SMX_RELAY_ID],
                                           const struct smx_x25519 *onion, const uint8_t tag[SMX_KEY_TAG],
                                           uint8_t period, const uint8_t secret[SMX_X25519])
{
    uint8_t prologue[PROLOGUE];
    struct smx_noise n;
    enum smx_err err;

    write_prologue(prologue, id, tag, period);
    smx_noise_init(&n, SMX_NOISE_NK, false, prologue, sizeof prologue, onion, NULL);
    err = smx_noise_read(&n, msg1, SMX_HOP_MSG1, NULL);
    if (err == SMX_OK)
        err = smx_noise_write_with_ephemeral(&n, secret, NULL, 0, msg2);
    if (err == SMX_OK)
        err = make_layers(l, &n, false);
    smx_noise_fini(&n);
    return err;
}

enum smx_err smx_hop_answer(struct smx_hop_layers *l, uint8_t msg2[SMX_HOP_MSG2],
                            const uint8_t msg1[SMX_HOP_MSG1], const uint8_t id[SMX_RELAY_ID],
                            const struct smx_x25519 *onion, const uint8_t tag[SMX_KEY_TAG], uint8_t period,
                            struct smx_rng *rng)
{
    uint8_t secret[SMX_X25519];
    enum smx_err err;

    smx_rng_bytes(rng, secret, sizeof secret);
    err = smx_hop_answer_with_ephemeral(l, msg2, msg1, id, onion, tag, period, secret);
    sodium_memzero(secret, sizeof secret);
    return err;
}
