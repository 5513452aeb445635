#include "proto/link/wire.h"

#include "proto/base/bytes.h"
#include "proto/crypto/mask.h"
#include "proto/crypto/work.h"
#include "proto/link/link.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

_Static_assert(SMX_LINK_DATAGRAM_MAX == 1372, "1420 bytes with IPv6 and UDP");
_Static_assert(SMX_LINK_HEAD + 4 + SMX_WIRE_MSG1 + 8 + 2 * SMX_MAC16 <= SMX_LINK_DATAGRAM(1),
               "an init fits any link");
_Static_assert((int)SMX_LINK_HEAD == (int)SMX_MASK_HEADER && (int)SMX_LINK_TAG == (int)SMX_MASK_SAMPLE,
               "mask");
_Static_assert(SMX_WIRE_COOKIE_NONCE == crypto_aead_xchacha20poly1305_ietf_NPUBBYTES, "cookie");
_Static_assert(1 + SMX_WIRE_REKEY_1 <= SMX_LINK_CELL - 8, "a rekey command fits a cell");

const uint8_t smx_wire_prologue[SMX_WIRE_PROLOGUE] = "sipmix link v1\x01"; /* the last byte is the suite */

void smx_wire_keys(struct smx_wire_keys *keys, const uint8_t receiver_static[SMX_X25519])
{
    smx_mask_key(keys->mask, receiver_static);
    smx_derive(keys->mac1, sizeof keys->mac1, "link mac1", receiver_static, SMX_X25519);
    smx_derive(keys->cookie, sizeof keys->cookie, "link cookie", receiver_static, SMX_X25519);
}

/* ---- header ---- */

struct smx_wire_head smx_wire_head_read(const uint8_t *datagram)
{
    struct smx_rd r = {datagram, SMX_LINK_HEAD, false};
    struct smx_wire_head head;

    head.index = smx_rd_u32(&r);
    head.counter = smx_rd_u64(&r);
    return head;
}

void smx_wire_head_write(uint8_t *datagram, struct smx_wire_head head)
{
    struct smx_wr w = {datagram, SMX_LINK_HEAD};

    smx_wr_u32(&w, head.index);
    smx_wr_u64(&w, head.counter);
    smx_wr_done(&w);
}

void smx_wire_mask(const uint8_t mask_key[SMX_KEY], uint8_t *datagram, size_t len)
{
    assert(len >= SMX_LINK_HEAD + SMX_LINK_TAG);
    smx_mask_xor(mask_key, datagram + len - SMX_LINK_TAG, datagram);
}

/* ---- payloads ---- */

void smx_wire_hello1_write(uint8_t out[SMX_WIRE_HELLO_1], const struct smx_wire_hello *h)
{
    struct smx_wr w = {out, SMX_WIRE_HELLO_1};

    smx_wr_u64(&w, (uint64_t)h->wall.s);
    smx_wr_u64(&w, h->boot);
    smx_wr_u8(&w, h->kind);
    smx_wr_u8(&w, h->cells);
    smx_wr_zeros(&w, 6);
    smx_wr_done(&w);
}

enum smx_err smx_wire_hello1_read(struct smx_wire_hello *h, const uint8_t in[SMX_WIRE_HELLO_1])
{
    struct smx_rd r = {in, SMX_WIRE_HELLO_1, false};
    struct smx_wire_hello got;

    got.wall.s = (int64_t)smx_rd_u64(&r);
    got.boot = smx_rd_u64(&r);
    got.kind = smx_rd_u8(&r);
    got.cells = smx_rd_u8(&r);
    smx_rd_zeros(&r, 6);
    if (!smx_rd_done(&r))
        return SMX_E_MALFORMED;
    *h = got;
    return SMX_OK;
}

void smx_wire_hello2_write(uint8_t out[SMX_WIRE_HELLO_2], const struct smx_wire_hello *h)
{
    struct smx_wr w = {out, SMX_WIRE_HELLO_2};

    smx_wr_u64(&w, h->boot);
    smx_wr_u8(&w, h->cells);
    smx_wr_zeros(&w, 7);
    smx_wr_done(&w);
}

enum smx_err smx_wire_hello2_read(struct smx_wire_hello *h, const uint8_t in[SMX_WIRE_HELLO_2])
{
    struct smx_rd r = {in, SMX_WIRE_HELLO_2, false};
    struct smx_wire_hello got = {.kind = 0};

    got.boot = smx_rd_u64(&r);
    got.cells = smx_rd_u8(&r);
    smx_rd_zeros(&r, 7);
    if (!smx_rd_done(&r))
        return SMX_E_MALFORMED;
    *h = got;
    return SMX_OK;
}

/* ---- handshake datagrams ---- */

enum smx_err smx_wire_handshake_read(struct smx_wire_handshake *h, const uint8_t *datagram, size_t len)
{
    struct smx_rd r = {datagram, len, false};
    struct smx_wire_handshake got = {.sender = 0};
    uint32_t index = smx_rd_u32(&r);
    uint8_t type = smx_rd_u8(&r);
    uint8_t suite;

    got.cells = smx_rd_u8(&r);
    suite = smx_rd_u8(&r);
    smx_rd_zeros(&r, 5);
    if (r.bad || index != 0 || suite != SMX_WIRE_SUITE)
        return SMX_E_MALFORMED;
    if (got.cells < 1 || got.cells > SMX_LINK_CELLS_MAX || len != SMX_LINK_DATAGRAM(got.cells))
        return SMX_E_MALFORMED;
    switch (type) {
    case SMX_WIRE_INIT:
        got.sender = smx_rd_u32(&r);
        got.msg = smx_rd_view(&r, SMX_WIRE_MSG1);
        got.work = smx_rd_u64(&r);
        break;
    case SMX_WIRE_RESPONSE:
        got.sender = smx_rd_u32(&r);
        got.receiver = smx_rd_u32(&r);
        got.msg = smx_rd_view(&r, SMX_WIRE_MSG2);
        break;
    case SMX_WIRE_COOKIE:
        got.receiver = smx_rd_u32(&r);
        got.nonce = smx_rd_view(&r, SMX_WIRE_COOKIE_NONCE);
        got.msg = smx_rd_view(&r, SMX_WIRE_COOKIE_BOX);
        break;
    default:
        return SMX_E_MALFORMED;
    }
    got.type = (enum smx_wire_type)type;
    *h = got; /* the shortest datagram has room for all of it (asserted above) */
    return SMX_OK;
}

static struct smx_wr handshake_begin(uint8_t *datagram, enum smx_wire_type type, uint8_t cells)
{
    struct smx_wr w = {datagram, SMX_LINK_DATAGRAM(cells)};

    smx_wr_u32(&w, 0);
    smx_wr_u8(&w, (uint8_t)type);
    smx_wr_u8(&w, cells);
    smx_wr_u8(&w, SMX_WIRE_SUITE);
    smx_wr_zeros(&w, 5);
    return w;
}

/* All to the end: padding, and what stands in for mac2 or the mask's sample while there is none. */
static void handshake_end(struct smx_wr *w, struct smx_rng *rng)
{
    smx_rng_bytes(rng, w->at, w->left);
}

/* ---- work ---- */

static const char work_label[] = "link work";

bool smx_wire_work_search(const uint8_t msg1[SMX_WIRE_MSG1], const uint8_t cookie[SMX_MAC16], unsigned bits,
                          uint64_t *nonce)
{
    return smx_work_search(work_label, cookie, SMX_MAC16, msg1, bits, nonce); /* it begins with the key */
}

unsigned smx_wire_init_work(const uint8_t *datagram, const uint8_t cookie[SMX_MAC16])
{
    const uint8_t *msg1 = datagram + SMX_LINK_HEAD + 4;
    struct smx_rd r = {msg1 + SMX_WIRE_MSG1, 8, false};

    return smx_work_bits(work_label, cookie, SMX_MAC16, msg1, smx_rd_u64(&r));
}

/* ---- writing them ---- */

void smx_wire_init_write(uint8_t *datagram, uint8_t cells, uint32_t sender, const uint8_t msg1[SMX_WIRE_MSG1],
                         uint64_t work, struct smx_rng *rng)
{
    struct smx_wr w = handshake_begin(datagram, SMX_WIRE_INIT, cells);

    smx_wr_u32(&w, sender);
    smx_wr_bytes(&w, msg1, SMX_WIRE_MSG1);
    smx_wr_u64(&w, work);
    handshake_end(&w, rng);
}

void smx_wire_response_write(uint8_t *datagram, uint8_t cells, uint32_t sender, uint32_t receiver,
                             const uint8_t msg2[SMX_WIRE_MSG2], struct smx_rng *rng)
{
    struct smx_wr w = handshake_begin(datagram, SMX_WIRE_RESPONSE, cells);

    smx_wr_u32(&w, sender);
    smx_wr_u32(&w, receiver);
    smx_wr_bytes(&w, msg2, SMX_WIRE_MSG2);
    handshake_end(&w, rng);
}

void smx_wire_cookie_write(uint8_t *datagram, uint8_t cells, uint32_t receiver,
                           const uint8_t cookie_key[SMX_KEY], const uint8_t init_mac1[SMX_MAC16],
                           const uint8_t cookie[SMX_MAC16], uint8_t bits, struct smx_rng *rng)
{
    struct smx_wr w = handshake_begin(datagram, SMX_WIRE_COOKIE, cells);
    uint8_t nonce[SMX_WIRE_COOKIE_NONCE];
    uint8_t plain[SMX_WIRE_COOKIE_PLAIN], box[SMX_WIRE_COOKIE_BOX];

    memcpy(plain, cookie, SMX_MAC16);
    plain[SMX_MAC16] = bits;
    smx_rng_bytes(rng, nonce, sizeof nonce);
    crypto_aead_xchacha20poly1305_ietf_encrypt(box, NULL, plain, sizeof plain, init_mac1, SMX_MAC16, NULL,
                                               nonce, cookie_key);
    smx_wr_u32(&w, receiver);
    smx_wr_bytes(&w, nonce, sizeof nonce);
    smx_wr_bytes(&w, box, sizeof box);
    handshake_end(&w, rng);
}

enum smx_err smx_wire_cookie_open(uint8_t cookie[SMX_MAC16], uint8_t *bits,
                                  const struct smx_wire_handshake *h, const uint8_t cookie_key[SMX_KEY],
                                  const uint8_t init_mac1[SMX_MAC16])
{
    uint8_t got[SMX_WIRE_COOKIE_PLAIN];

    if (crypto_aead_xchacha20poly1305_ietf_decrypt(got, NULL, NULL, h->msg, SMX_WIRE_COOKIE_BOX, init_mac1,
                                                   SMX_MAC16, h->nonce, cookie_key) != 0)
        return SMX_E_AUTH;
    memcpy(cookie, got, SMX_MAC16);
    *bits = got[SMX_MAC16];
    return SMX_OK;
}

/* ---- MACs ---- */

const uint8_t *smx_wire_mac1(const uint8_t *datagram, size_t len)
{
    return datagram + len - SMX_MAC16;
}

static size_t mac2_at(size_t len)
{
    return len - SMX_MAC16 - SMX_MAC16;
}

static void mac1_make(uint8_t mac[SMX_MAC16], const uint8_t *datagram, size_t len, const uint8_t key[SMX_KEY])
{
    smx_mac16(mac, key, datagram, mac2_at(len));
}

/* The cookie is the key, spread to a key's length; what is authenticated is all but mac2 itself. */
static void mac2_make(uint8_t mac[SMX_MAC16], const uint8_t *datagram, size_t len,
                      const uint8_t cookie[SMX_MAC16])
{
    uint8_t key[SMX_KEY];
    uint8_t all[SMX_LINK_DATAGRAM_MAX];

    smx_derive(key, sizeof key, "link mac2", cookie, SMX_MAC16);
    memcpy(all, datagram, mac2_at(len));
    memcpy(all + mac2_at(len), smx_wire_mac1(datagram, len), SMX_MAC16);
    smx_mac16(mac, key, all, mac2_at(len) + SMX_MAC16);
}

void smx_wire_macs_write(uint8_t *datagram, size_t len, const uint8_t mac1_key[SMX_KEY],
                         const uint8_t *cookie)
{
    mac1_make(datagram + len - SMX_MAC16, datagram, len, mac1_key);
    if (cookie)
        mac2_make(datagram + mac2_at(len), datagram, len, cookie);
}

bool smx_wire_mac1_holds(const uint8_t *datagram, size_t len, const uint8_t mac1_key[SMX_KEY])
{
    uint8_t mac[SMX_MAC16];

    mac1_make(mac, datagram, len, mac1_key);
    return sodium_memcmp(mac, smx_wire_mac1(datagram, len), sizeof mac) == 0;
}

bool smx_wire_mac2_holds(const uint8_t *datagram, size_t len, const uint8_t cookie[SMX_MAC16])
{
    uint8_t mac[SMX_MAC16];

    mac2_make(mac, datagram, len, cookie);
    return sodium_memcmp(mac, datagram + mac2_at(len), sizeof mac) == 0;
}

/* ---- rekey commands ---- */

bool smx_wire_is_rekey(const uint8_t *cell)
{
    static const uint8_t circuit_zero[4];

    return memcmp(cell, circuit_zero, sizeof circuit_zero) == 0 && cell[8] == SMX_WIRE_REKEY_TYPE;
}

enum smx_err smx_wire_rekey_read(struct smx_wire_rekey *rekey, const uint8_t *cell)
{
    struct smx_rd r = {cell, SMX_LINK_CELL, false};
    struct smx_wire_rekey got = {.receiver = 0};

    smx_rd_zeros(&r, 4 + 4); /* circuit, seq */
    if (smx_rd_u8(&r) != SMX_WIRE_REKEY_TYPE)
        return SMX_E_MALFORMED;
    got.step = smx_rd_u8(&r);
    if (got.step != 1 && got.step != 2)
        return SMX_E_MALFORMED;
    got.sender = smx_rd_u32(&r);
    if (got.step == 2)
        got.receiver = smx_rd_u32(&r);
    got.msg = smx_rd_view(&r, got.step == 1 ? SMX_WIRE_MSG1 : SMX_WIRE_MSG2);
    smx_rd_zeros(&r, r.left);
    if (!smx_rd_done(&r))
        return SMX_E_MALFORMED;
    *rekey = got;
    return SMX_OK;
}

void smx_wire_rekey_write(uint8_t *cell, const struct smx_wire_rekey *rekey)
{
    struct smx_wr w = {cell, SMX_LINK_CELL};

    assert(rekey->step == 1 || rekey->step == 2);
    smx_wr_zeros(&w, 4 + 4); /* circuit, seq */
    smx_wr_u8(&w, SMX_WIRE_REKEY_TYPE);
    smx_wr_u8(&w, rekey->step);
    smx_wr_u32(&w, rekey->sender);
    if (rekey->step == 2)
        smx_wr_u32(&w, rekey->receiver);
    smx_wr_bytes(&w, rekey->msg, rekey->step == 1 ? SMX_WIRE_MSG1 : SMX_WIRE_MSG2);
    smx_wr_pad(&w);
}
