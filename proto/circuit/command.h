/* proto/circuit/command.h - the commands of circuit 0: what two neighbours say to each other.
 * Source: docs/protocol/20-cell.md, section 2.  One command fills one cell: type u8, content, zeros to the
 * end. REKEY belongs to proto/link and never comes here.  Pure; the caller's memory. */
#ifndef SMX_CIRCUIT_COMMAND_H
#define SMX_CIRCUIT_COMMAND_H

#include "proto/base/err.h"
#include "proto/circuit/cell.h"

#include <stddef.h>
#include <stdint.h>

enum smx_command_type {
    SMX_CMD_FILLER = 0,
    SMX_CMD_CREATE = 1,
    SMX_CMD_CREATED = 2,
    SMX_CMD_REFUSED = 3,
    SMX_CMD_RELEASE = 4,
    SMX_CMD_INTRODUCE = 5,
    SMX_CMD_INTRODUCED = 6,
    SMX_CMD_REKEY = 7,
    SMX_CMD_STREAM = 8,
};

enum smx_period { SMX_PERIOD_SLOT = 0, SMX_PERIOD_LISTEN = 1 }; /* params slot_period_ms, listen_period_ms */

enum smx_refusal {
    SMX_REFUSAL_NONE = 0,
    SMX_REFUSAL_SUITE = 1,  /* unknown suite or onion key */
    SMX_REFUSAL_ROOM = 2,   /* the tick class, or the relay, is full */
    SMX_REFUSAL_PATH = 3,   /* no such neighbour, or not one that may come next */
    SMX_REFUSAL_ABSENT = 4, /* no such cookie, in JOIN */
    SMX_REFUSAL_WORK = 5    /* many ask: show so many bits of work, and ask again */
};

enum {
    SMX_SUITE_1 = 1,
    SMX_KEY_TAG = 8,                         /* bytes */
    SMX_HOP_MSG1 = 32 + 16,                  /* bytes: Noise_NK message 1, empty payload */
    SMX_HOP_MSG2 = 32 + 16,                  /* bytes */
    SMX_COMMAND_PART = 192,                  /* bytes of an introduction in one cell */
    SMX_COMMAND_SEGMENT = SMX_CELL_BODY - 2, /* bytes of stream segment at the most */
    SMX_INTRODUCE_SIZE = 32 + 256,           /* pseudonym key, message 1 */
    SMX_INTRODUCE_PARTS = 2                  /* ceil(288 / 192) */
};

/* suite u8 | key tag 8 | period u8 | back class u8 | back id u32 | first tick u32 | first number u64 |
 * replaces u32 | work u64 | message 1.  Of another suite all but the message stands where it stands here, so
 * that it can be refused. */
struct smx_create {
    uint8_t suite;
    uint8_t tag[SMX_KEY_TAG];
    uint8_t period;        /* enum smx_period */
    uint8_t back_class;    /* tick class on which the creator wants the backward cells, in the receiver's link
                              ticks */
    uint32_t back_id;      /* circuit id of backward cells */
    uint32_t first_tick;   /* low half of the creator's link tick of the first forward cell */
    uint64_t first_number; /* that cell's count */
    uint32_t replaces;     /* clients: forward id of the circuit whose place backward it shares; 0: none */
    uint64_t work;         /* nonce, proto/circuit/hop.h; 0 where none was asked for */
    uint8_t msg1[SMX_HOP_MSG1];
};

/* back id u32 | forward id u32 | first tick u32 | first number u64 | message 2 */
struct smx_created {
    uint32_t back_id;      /* says which CREATE is answered */
    uint32_t forward_id;   /* circuit id of forward cells */
    uint32_t first_tick;   /* low half of the answerer's link tick of the first backward cell */
    uint64_t first_number; /* that cell's count */
    uint8_t msg2[SMX_HOP_MSG2];
};

struct smx_refused { /* back id u32 | reason u8 | bits u8 */
    uint32_t back_id;
    uint8_t reason; /* enum smx_refusal */
    uint8_t bits;   /* of work, with SMX_REFUSAL_WORK; else 0 */
};

struct smx_release { /* id u32: as in cells sent the same way as the command */
    uint32_t id;
};

/* handle u64 | part u8 | 192 bytes of it.  An introduction is pseudonym key 32 | message 1 256, zero padded
 * to two parts. */
struct smx_introduce_part {
    uint64_t handle; /* random, one-time: names the introduction to whoever answers */
    uint8_t part;    /* 0 or 1 */
    uint8_t bytes[SMX_COMMAND_PART];
};

struct smx_introduced { /* handle u64 */
    uint64_t handle;
};

/* The type of a command cell, whatever it is. */
uint8_t smx_command_type(const uint8_t cell[SMX_CELL_SIZE]);

/* Decoders: SMX_E_MALFORMED when the content, or its padding, is not as above; *c is then untouched. */
enum smx_err smx_create_decode(struct smx_create *c, const uint8_t cell[SMX_CELL_SIZE]) SMX_MUST_CHECK;
enum smx_err smx_created_decode(struct smx_created *c, const uint8_t cell[SMX_CELL_SIZE]) SMX_MUST_CHECK;
enum smx_err smx_refused_decode(struct smx_refused *c, const uint8_t cell[SMX_CELL_SIZE]) SMX_MUST_CHECK;
enum smx_err smx_release_decode(struct smx_release *c, const uint8_t cell[SMX_CELL_SIZE]) SMX_MUST_CHECK;
enum smx_err smx_introduce_part_decode(struct smx_introduce_part *c,
                                       const uint8_t cell[SMX_CELL_SIZE]) SMX_MUST_CHECK;
enum smx_err smx_introduced_decode(struct smx_introduced *c,
                                   const uint8_t cell[SMX_CELL_SIZE]) SMX_MUST_CHECK;
/* STREAM: length u8 | segment.  *segment points into the cell. */
enum smx_err smx_command_segment(const uint8_t **segment, size_t *len,
                                 const uint8_t cell[SMX_CELL_SIZE]) SMX_MUST_CHECK;

void smx_filler_encode(uint8_t cell[SMX_CELL_SIZE]);
void smx_create_encode(uint8_t cell[SMX_CELL_SIZE], const struct smx_create *c);
void smx_created_encode(uint8_t cell[SMX_CELL_SIZE], const struct smx_created *c);
void smx_refused_encode(uint8_t cell[SMX_CELL_SIZE], const struct smx_refused *c);
void smx_release_encode(uint8_t cell[SMX_CELL_SIZE], const struct smx_release *c);
void smx_introduce_part_encode(uint8_t cell[SMX_CELL_SIZE], const struct smx_introduce_part *c);
void smx_introduced_encode(uint8_t cell[SMX_CELL_SIZE], const struct smx_introduced *c);
/* len <= SMX_COMMAND_SEGMENT */
void smx_command_segment_encode(uint8_t cell[SMX_CELL_SIZE], const uint8_t *segment, size_t len);

#endif
