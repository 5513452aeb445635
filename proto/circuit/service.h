/* proto/circuit/service.h - the messages between a client and the relay at the end of one of its circuits;
 * the consensus' also between a client that has none and any relay.  Source: docs/protocol/30-circuit.md,
 * section 6. Each is one message of a stream (proto/stream/stream.h): type u8 | request u16 | content.  The
 * asker chooses the request number, the answer repeats it; what is lost is asked again.
 * Pure; no allocation. */
#ifndef SMX_CIRCUIT_SERVICE_H
#define SMX_CIRCUIT_SERVICE_H

#include "proto/base/err.h"

#include <stddef.h>
#include <stdint.h>

enum smx_service {
    SMX_SERVICE_LOOKUP = 1,    /* index 32 (proto/doc/pseudonym.h) */
    SMX_SERVICE_ANSWER = 2,    /* an answer of proto/doc/batch.h; empty: this relay has no batch */
    SMX_SERVICE_INTRODUCE = 3, /* introduction relay 32 | pseudonym key 32 | message 1 of the meeting 256 */
    SMX_SERVICE_INTRODUCE_ACK = 4, /* status u8: SMX_SERVICE_TAKEN, whoever is or is not there */
    SMX_SERVICE_UPLOAD = 5,        /* an upload of proto/doc/pseudonym.h */
    SMX_SERVICE_UPLOAD_ACK = 6,    /* enum smx_upload_result u8, after the next round; SMX_UPLOAD_NO_WORK: and
                                      at once, with the head of the newest batch (proto/doc/batch.h) */
    SMX_SERVICE_CONSENSUS_GET = 7, /* valid_after u64 of the consensus held, 0 for none */
    SMX_SERVICE_CONSENSUS = 8,     /* an envelope of proto/doc/consensus.h; empty: nothing newer */
    SMX_SERVICE_INTRODUCED = 9,    /* relay to listening client, request 0: message 1 of a meeting 256 */
};

enum {
    SMX_SERVICE_HEAD = 1 + 2, /* bytes before the content */
    SMX_SERVICE_TAKEN = 0,
    SMX_SERVICE_MSG1 = 256,                                /* bytes */
    SMX_SERVICE_INTRODUCTION = 32 + 32 + SMX_SERVICE_MSG1, /* bytes of an INTRODUCE's content */
};

struct smx_service_msg {
    enum smx_service type;
    uint16_t request;
    const uint8_t *content; /* borrowed */
    size_t len;             /* of the content, which type allows */
};

/* Writes SMX_SERVICE_HEAD + m->len bytes, which is what it returns. */
size_t smx_service_encode(uint8_t *out, const struct smx_service_msg *m);
/* SMX_E_MALFORMED: an unknown type, or a content that is shorter or longer than its type's; *m is then
 * untouched.  What a content of variable length says is for who it is for. */
enum smx_err smx_service_decode(struct smx_service_msg *m, const uint8_t *in, size_t len) SMX_MUST_CHECK;

#endif
