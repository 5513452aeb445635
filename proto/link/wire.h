/* proto/link/wire.h - what link datagrams look like: header and mask, the three handshake datagrams, their
 * MACs. Source: docs/protocol/10-link.md, sections 2 to 5.
 *
 *   header     index u32 | counter u64, masked under a key of the receiver (proto/crypto/mask.h)
 *   transport  header | sealed cells | tag 16
 *   handshake  index 0; counter = type u8 | cells u8 | suite u8 | zero 5; as long as a transport datagram:
 *     1 init      header | sender u32 | message 1, 120 | work u64 | padding | mac2 16 | mac1 16
 *     2 response  header | sender u32 | receiver u32 | message 2, 64 | padding | mac2 16 | mac1 16
 *     3 cookie    header | receiver u32 | nonce 24 | cookie 16, bits u8, tag 16 | padding | random 16
 *   mac1 = MAC of all before mac2, under a key of the receiver's public key; mac2 = MAC of all before it and
 *   mac1, under the cookie, else random.  The last 16 bytes are the mask's sample, so mac1 stands last.
 * Pure; the caller's memory; all handshake functions work on the unmasked datagram. */
#ifndef SMX_LINK_WIRE_H
#define SMX_LINK_WIRE_H

#include "proto/base/err.h"
#include "proto/base/rng.h"
#include "proto/base/time.h"
#include "proto/crypto/derive.h"
#include "proto/crypto/noise.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum smx_wire_type { SMX_WIRE_INIT = 1, SMX_WIRE_RESPONSE = 2, SMX_WIRE_COOKIE = 3 };

enum {
    SMX_WIRE_SUITE = 1,
    SMX_WIRE_HELLO_1 = 8 + 8 + 1 + 1 + 6,              /* bytes of message 1's payload */
    SMX_WIRE_HELLO_2 = 8 + 1 + 7,                      /* and of message 2's */
    SMX_WIRE_MSG1 = SMX_NOISE_IK_1 + SMX_WIRE_HELLO_1, /* 120 */
    SMX_WIRE_MSG2 = SMX_NOISE_IK_2 + SMX_WIRE_HELLO_2, /* 64 */
    SMX_WIRE_COOKIE_NONCE = 24,                        /* bytes */
    SMX_WIRE_COOKIE_PLAIN = SMX_MAC16 + 1,
    SMX_WIRE_COOKIE_BOX = SMX_WIRE_COOKIE_PLAIN + SMX_AEAD_TAG, /* bytes, sealed */
    SMX_WIRE_REKEY_1 = 1 + 4 + SMX_WIRE_MSG1,                   /* bytes of the rekey command's content */
    SMX_WIRE_REKEY_2 = 1 + 4 + 4 + SMX_WIRE_MSG2,               /* */
    SMX_WIRE_REKEY_TYPE = 7,                                    /* command number, docs/protocol/20-cell.md */
};

/* "sipmix link v1" | suite, what both sides of a handshake must agree on. */
enum { SMX_WIRE_PROLOGUE = 15 };
extern const uint8_t smx_wire_prologue[SMX_WIRE_PROLOGUE];

/* Keys that everybody can derive who knows a node's static public key. */
struct smx_wire_keys {
    uint8_t mask[SMX_KEY];
    uint8_t mac1[SMX_KEY];
    uint8_t cookie[SMX_KEY];
};
void smx_wire_keys(struct smx_wire_keys *keys, const uint8_t receiver_static[SMX_X25519]);

/* A header before masking. */
struct smx_wire_head {
    uint32_t index;   /* of the receiver's session; 0: handshake */
    uint64_t counter; /* tick << 8 | k */
};
struct smx_wire_head smx_wire_head_read(const uint8_t *datagram);
void smx_wire_head_write(uint8_t *datagram, struct smx_wire_head head);
/* Masks or unmasks, in place, a datagram of len bytes, at least 28. */
void smx_wire_mask(const uint8_t mask_key[SMX_KEY], uint8_t *datagram, size_t len);

/* Payload of message 1: wall time s u64 | boot u64 | kind u8 | cells u8 | zero 6. */
struct smx_wire_hello {
    struct smx_wall wall; /* not in message 2 */
    uint64_t boot;
    uint8_t kind; /* enum smx_link_kind; not in message 2 */
    uint8_t cells;
};
void smx_wire_hello1_write(uint8_t out[SMX_WIRE_HELLO_1], const struct smx_wire_hello *h);
enum smx_err smx_wire_hello1_read(struct smx_wire_hello *h,
                                  const uint8_t in[SMX_WIRE_HELLO_1]) SMX_MUST_CHECK;
/* Payload of message 2: boot u64 | cells u8 | zero 7. */
void smx_wire_hello2_write(uint8_t out[SMX_WIRE_HELLO_2], const struct smx_wire_hello *h);
enum smx_err smx_wire_hello2_read(struct smx_wire_hello *h,
                                  const uint8_t in[SMX_WIRE_HELLO_2]) SMX_MUST_CHECK;

/* A handshake datagram, read; the pointers go into it. */
struct smx_wire_handshake {
    enum smx_wire_type type;
    uint8_t cells;
    uint32_t sender, receiver; /* indexes; 0 where the type has none */
    const uint8_t *msg;        /* init, response: the Noise message; cookie: the sealed cookie */
    const uint8_t *nonce;      /* cookie */
    uint64_t work;             /* init */
};
/* SMX_E_MALFORMED: index, type, cells, suite, zeros or length are not as above.  No MAC is looked at. */
enum smx_err smx_wire_handshake_read(struct smx_wire_handshake *h, const uint8_t *datagram,
                                     size_t len) SMX_MUST_CHECK;

/* The work for an init with this message 1, under this cookie (proto/crypto/work.h): searches on from *nonce.
 */
bool smx_wire_work_search(const uint8_t msg1[SMX_WIRE_MSG1], const uint8_t cookie[SMX_MAC16], unsigned bits,
                          uint64_t *nonce);
/* Bits that an init shows. */
unsigned smx_wire_init_work(const uint8_t *datagram, const uint8_t cookie[SMX_MAC16]);

/* Write a whole datagram of SMX_LINK_DATAGRAM(cells) bytes but for its MACs; padding comes from rng.  work:
 * the nonce, random where none was asked for. */
void smx_wire_init_write(uint8_t *datagram, uint8_t cells, uint32_t sender, const uint8_t msg1[SMX_WIRE_MSG1],
                         uint64_t work, struct smx_rng *rng);
void smx_wire_response_write(uint8_t *datagram, uint8_t cells, uint32_t sender, uint32_t receiver,
                             const uint8_t msg2[SMX_WIRE_MSG2], struct smx_rng *rng);
/* The cookie, and how many bits of work are asked for with it, are sealed under cookie_key with the init's
 * mac1 as associated data. */
void smx_wire_cookie_write(uint8_t *datagram, uint8_t cells, uint32_t receiver,
                           const uint8_t cookie_key[SMX_KEY], const uint8_t init_mac1[SMX_MAC16],
                           const uint8_t cookie[SMX_MAC16], uint8_t bits, struct smx_rng *rng);
/* SMX_E_AUTH: not sealed as an answer to that init. */
enum smx_err smx_wire_cookie_open(uint8_t cookie[SMX_MAC16], uint8_t *bits,
                                  const struct smx_wire_handshake *h, const uint8_t cookie_key[SMX_KEY],
                                  const uint8_t init_mac1[SMX_MAC16]) SMX_MUST_CHECK;

/* Sets both MACs of an init or response; cookie NULL: mac2 stays random. */
void smx_wire_macs_write(uint8_t *datagram, size_t len, const uint8_t mac1_key[SMX_KEY],
                         const uint8_t *cookie);
bool smx_wire_mac1_holds(const uint8_t *datagram, size_t len, const uint8_t mac1_key[SMX_KEY]);
bool smx_wire_mac2_holds(const uint8_t *datagram, size_t len, const uint8_t cookie[SMX_MAC16]);
const uint8_t *smx_wire_mac1(const uint8_t *datagram, size_t len);

/* The two rekey commands as cells: circuit 0 | seq 0 | type 7 | step u8 | sender u32 | [receiver u32] |
 * message. */
struct smx_wire_rekey {
    uint8_t step; /* 1 or 2 */
    uint32_t sender, receiver;
    const uint8_t *msg;
};
bool smx_wire_is_rekey(const uint8_t *cell);
enum smx_err smx_wire_rekey_read(struct smx_wire_rekey *r, const uint8_t *cell) SMX_MUST_CHECK;
void smx_wire_rekey_write(uint8_t *cell, const struct smx_wire_rekey *r);

#endif
