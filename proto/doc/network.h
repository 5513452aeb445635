/* proto/doc/network.h - the network file: all that a relay or client needs to join a network.
 * JSON, trusted as a file of one's own (it is the root of all trust: nobody signs it).
 * Source: docs/protocol/60-directory.md, section 4.
 *
 *   {"sipmix": "network", "version": 1, "id": HEX64, "domain": "sipmix.alt",
 *    "authorities": [{"name": "one", "key": HEX64, "http": "192.0.2.1:8080"}],
 *    "relays": [{"id": HEX64, "link_key": HEX64, "addr": ["192.0.2.9:9001"]}]}
 *
 * id = smx_derive(32, "network", authority keys sorted by bytes); a file whose id differs from its keys is
 * refused.  Unknown members are ignored. */
#ifndef SMX_DOC_NETWORK_H
#define SMX_DOC_NETWORK_H

#include "proto/base/out.h"
#include "proto/doc/signed.h"

enum {
    SMX_NETWORK_RELAYS = 32,         /* bootstrap relays at most */
    SMX_NETWORK_NAME = 32,           /* bytes of an authority's name, with the NUL */
    SMX_NETWORK_DOMAIN = 64,         /* bytes, with the NUL */
    SMX_NETWORK_FILE_MAX = 64 << 10, /* bytes */
    SMX_RELAY_ADDRS = 2,             /* one IPv4, one IPv6, in any order */
};

struct smx_authority {
    char name[SMX_NETWORK_NAME]; /* a-z 0-9 . _ - */
    uint8_t key[SMX_DOC_KEY];
    struct smx_addr http;
};

struct smx_boot_relay {
    uint8_t id[SMX_DOC_KEY], link_key[SMX_DOC_KEY];
    struct smx_addr addr[SMX_RELAY_ADDRS];
    size_t addr_count; /* 1..2 */
};

struct smx_network {
    uint8_t id[SMX_DOC_HASH];
    char domain[SMX_NETWORK_DOMAIN];                 /* lower-case */
    struct smx_authority authority[SMX_DOC_SIGNERS]; /* sorted by key: the place is the signer number */
    size_t authority_count;                          /* 1..16 */
    struct smx_boot_relay relay[SMX_NETWORK_RELAYS];
    size_t relay_count; /* 0..32 */
};

/* SMX_E_MALFORMED: *why (constant text, may be NULL) says what; *n is then untouched. */
enum smx_err smx_network_decode(struct smx_network *n, const uint8_t *in, size_t len,
                                const char **why) SMX_MUST_CHECK;
/* Sorts the authorities, sets id, and gives the file's text (malloc, the caller's). */
enum smx_err smx_network_encode(struct smx_network *n, char **out) SMX_MUST_CHECK;
/* Sorts the authorities by key and sets id: what decode and encode do as well. */
void smx_network_seal(struct smx_network *n);

/* Signatures that a document needs: more than half of the authorities. */
size_t smx_network_threshold(const struct smx_network *n);
/* Threshold check over a message's signatures, each verified.
 * SMX_E_AUTH: an unknown signer, a wrong signature or too few. */
enum smx_err smx_network_verify(const struct smx_network *n, const struct smx_doc_sig *sig, size_t sig_count,
                                enum smx_doc_kind kind, const uint8_t *raw, size_t len) SMX_MUST_CHECK;

#endif
