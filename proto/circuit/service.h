/* proto/circuit/service.h - the messages between a client and the relay at the end of one of its circuits;
 * the consensus' also between a client that has none and any relay.  Source: docs/protocol/30-circuit.md,
 * section 6. Each is one message of a stream (proto/stream/stream.h): type u8 | request u16 | content.  The
 * asker chooses the request number, the answer repeats it; what is lost is asked again. */
#ifndef SMX_CIRCUIT_SERVICE_H
#define SMX_CIRCUIT_SERVICE_H

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
    SMX_SERVICE_MSG1 = 256, /* bytes */
};

#endif
