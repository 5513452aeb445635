/* proto/doc/relaydesc.h - what a relay says about itself to the directory, signed by its identity.
 * JSON in the envelope of signed.h (kind 1, one signature, by "id" itself).
 * Source: docs/protocol/60-directory.md, section 5.
 *
 *   {"sipmix": "relay", "version": 1, "network": HEX64, "id": HEX64, "link_key": HEX64,
 *    "onion": [{"key": HEX64, "epoch": 495123}, ...], "addr": ["192.0.2.9:9001"], "role": "relay",
 *    "software": "0.1", "published": 1790000000, "rate": 20000, "links": [[HEX64, 7], ...],
 *    "rtt": [23, ...]}                        as many as links; missing in descriptors of older relays */
#ifndef SMX_DOC_RELAYDESC_H
#define SMX_DOC_RELAYDESC_H

#include "proto/base/time.h"
#include "proto/doc/network.h"

enum {
    SMX_ONION_KEYS = 3, /* at most in one document; relays name this epoch's and the next's */
    SMX_ONION_TAG = 8,  /* first bytes of BLAKE2b-256 of the key */
    SMX_RELAYDESC_REPORTS = 256,
    SMX_RELAYDESC_SOFTWARE = 32,                     /* bytes, with the NUL */
    SMX_RELAYDESC_RAW_MAX = 32 << 10,                /* bytes */
    SMX_RELAYDESC_MAX = SMX_RELAYDESC_RAW_MAX + 128, /* bytes of the envelope */
};

enum smx_role { SMX_ROLE_RELAY, SMX_ROLE_EXIT };

struct smx_onion_key {
    uint8_t tag[SMX_ONION_TAG]; /* derived, not in the JSON */
    uint8_t key[SMX_DOC_KEY];   /* X25519 */
    uint64_t epoch;             /* meant for this epoch: wall time / epoch_s */
};

struct smx_link_report {
    uint8_t id[SMX_DOC_KEY]; /* the neighbour */
    uint32_t circuits;       /* most at one time since the last report, in cells per slot period */
    uint16_t rtt_ms;         /* there and back, of late; 0: not known */
};

struct smx_relaydesc {
    uint8_t network[SMX_DOC_HASH];
    uint8_t id[SMX_DOC_KEY], link_key[SMX_DOC_KEY];
    struct smx_onion_key onion[SMX_ONION_KEYS]; /* ascending epochs */
    size_t onion_count;                         /* 1..3 */
    struct smx_addr addr[SMX_RELAY_ADDRS];
    size_t addr_count; /* 1..2 */
    enum smx_role role;
    char software[SMX_RELAYDESC_SOFTWARE]; /* printable ASCII */
    struct smx_wall published;
    uint32_t rate; /* datagrams per second that the relay carries, as measured by itself; 0: unknown */
    struct smx_link_report report[SMX_RELAYDESC_REPORTS];
    size_t report_count; /* 0..256 */
};

void smx_onion_tag(uint8_t tag[SMX_ONION_TAG], const uint8_t key[SMX_DOC_KEY]);

/* Make the signed envelope (malloc, the caller's); secret must be that of d->id. */
enum smx_err smx_relaydesc_encode(uint8_t **out, size_t *out_len, const struct smx_relaydesc *d,
                                  const uint8_t secret[SMX_DOC_SECRET]) SMX_MUST_CHECK;
/* Open, parse and verify.  Whether network, time and addresses suit is the directory's to judge.
 * SMX_E_MALFORMED, SMX_E_AUTH, SMX_E_MEMORY; *d is then untouched. */
enum smx_err smx_relaydesc_decode(struct smx_relaydesc *d, const uint8_t *in, size_t len) SMX_MUST_CHECK;

#endif
