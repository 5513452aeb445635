/* proto/media/dtmf.h - keys of a phone as events in its RTP: read from it, and played to it.
 * Source: RFC 4733, 2.3 and 2.5; docs/protocol/70-phone.md, section 6.
 *
 *   event u8 | E:1 R:1 volume:6 | duration u16        4 bytes; durations in units of 1/8000 s
 *
 * What crosses between clients is which key and for how many slots of 20 ms, once it is released; volume,
 * packets and times are our own again at the other end: one packet a slot, three that say the end, and a
 * pause. Pure: no I/O, clock or allocation. */
#ifndef SMX_MEDIA_DTMF_H
#define SMX_MEDIA_DTMF_H

#include "proto/base/err.h"
#include "proto/base/time.h"
#include "proto/media/rtp.h"

enum {
    SMX_DTMF_PAYLOAD = 4,     /* bytes */
    SMX_DTMF_TYPE = 101,      /* the payload type that we offer */
    SMX_DTMF_EVENT_MAX = 15,  /* 0..9, *, #, A..D */
    SMX_DTMF_SLOTS_MIN = 2,   /* 40 ms, the least that receivers take for a key (Q.24) */
    SMX_DTMF_SLOTS_MAX = 250, /* 5 s */
    SMX_DTMF_QUEUE = 32,      /* keys that wait to be played; what comes then is lost */
    SMX_DTMF_ENDS = 3,        /* packets that say the end (RFC 4733, 2.5.1.4) */
    SMX_DTMF_PAUSE = 2,       /* slots between two keys at least */
};

struct smx_dtmf_key {
    uint8_t event;
    uint8_t slots;
};

/* Slots for a duration in 1/8000 s, rounded up and within the bounds. */
uint8_t smx_dtmf_slots(uint32_t duration);

/* ---- from the phone ---- */

struct smx_dtmf_in {
    bool known, down; /* an event of this timestamp has been seen; its key is not released yet */
    uint32_t timestamp;
    uint8_t event;
    uint16_t duration;
    smx_time heard;
};

/* A packet of the event's payload type.  SMX_OK: *key is a key that was released.  SMX_E_ABSENT: none is,
 * yet. SMX_E_MALFORMED: no event of ours. */
enum smx_err smx_dtmf_receive(struct smx_dtmf_in *in, smx_time now, const struct smx_rtp *rtp,
                              struct smx_dtmf_key *key) SMX_MUST_CHECK;
/* Once a slot: a key whose end was lost is released 100 ms after its last packet. */
bool smx_dtmf_is_released(struct smx_dtmf_in *in, smx_time now, struct smx_dtmf_key *key);

/* ---- to the phone ---- */

struct smx_dtmf_out {
    struct smx_dtmf_key queue[SMX_DTMF_QUEUE];
    size_t first, count;
    unsigned slot; /* of the first key: played so far, ends and pause included */
};

void smx_dtmf_push(struct smx_dtmf_out *out, struct smx_dtmf_key key);
/* Once a slot.  True: payload goes out in place of audio, with the timestamp of `age` slots ago; age 0 has
 * the marker. */
bool smx_dtmf_next(struct smx_dtmf_out *out, uint8_t payload[SMX_DTMF_PAYLOAD], unsigned *age);

#endif
