/* proto/media/edge.h - where a phone's audio ends and ours begins: one RTP leg of one call.
 * Source: docs/protocol/70-phone.md, sections 6 and 7; RFC 3550, appendices A.3 and A.8.
 *
 *   phone -- any ptime, jitter, own clock --> smx_edge_receive -> [frames] -> smx_edge_take --> a frame a
 * slot phone <-- one packet a slot, own SSRC, seq, timestamps -- smx_edge_put <-- a frame a slot, or a hole
 *
 * Nothing of the phone's numbers, marks or timing crosses.  The buffer holds as little as keeps it from
 * running dry.  At the start of a stream a frame waits SMX_EDGE_SLACK at least.  When it runs dry, slots stay
 * empty; what comes too late for its slot is dropped, so that the delay stays what it was, if that happens
 * seldom and the following frames are in time; else (the phone's clock is slow, or its jitter large) it is
 * played and the delay grows.  When frames have waited needlessly all through a window (its clock is fast),
 * the surplus is dropped.  Opus passes packet by packet as it is, if a packet is one frame of 20 ms: it is
 * not decoded here, and the phone conceals what is missing.  Pure; no allocation. */
#ifndef SMX_MEDIA_EDGE_H
#define SMX_MEDIA_EDGE_H

#include "proto/base/rng.h"
#include "proto/media/conceal.h"
#include "proto/media/rtp.h"

#define SMX_EDGE_SLACK  SMX_MS(5)      /* covers the jitter of timers on both sides */
#define SMX_EDGE_SELDOM SMX_SECOND(10) /* between two moments of running dry */
#define SMX_EDGE_WINDOW SMX_SECOND(2)  /* how long a surplus must last */
#define SMX_EDGE_BEGIN                                                                                       \
    SMX_MS(200) /* the same, at the start of a stream: phones like to begin with a burst                     \
                 */
#define SMX_EDGE_SETTLE SMX_SECOND(5) /* the same, after the delay has grown */

enum {
    SMX_EDGE_FRAMES = 16,   /* 320 ms; then the oldest go */
    SMX_EDGE_PAYLOAD = 960, /* bytes of one packet: 120 ms */
    SMX_EDGE_GAP = 480,     /* samples of silence put in for lost packets, at most; 60 ms */
    SMX_EDGE_REORDER = 50,  /* packets; a larger step in sequence is a new start */
    SMX_EDGE_HOLES = 3,     /* empty slots left empty before silence */
    SMX_EDGE_PAUSE = 10,    /* empty slots after which the stream starts anew */
    SMX_EDGE_PACKET = SMX_RTP_HEADER + SMX_FRAME_PAYLOAD,
};

struct smx_edge_frame {
    uint8_t payload[SMX_FRAME_PAYLOAD]; /* PCMU, or Opus */
    uint8_t len;                        /* of Opus; 0: it was lost */
    smx_time at;                        /* when it was whole */
};

struct smx_edge {
    /* towards the phone */
    uint8_t codec; /* what we send it */
    uint8_t type;  /* payload type of that */
    bool begun;    /* a packet has gone: the marker is used up */
    uint16_t seq;
    uint32_t ssrc, timestamp;
    uint32_t packets, payload_bytes;
    struct smx_conceal conceal;
    unsigned holes; /* of Opus, in a row */
    /* from the phone */
    uint8_t opus_type; /* payload type of its Opus, as we named it; `type` will do as well */
    bool heard;
    uint32_t heard_ssrc;
    uint16_t seq_next;
    uint32_t timestamp_next;
    struct smx_edge_frame frame[SMX_EDGE_FRAMES];
    size_t first, count;
    uint8_t part[SMX_FRAME_PAYLOAD]; /* a frame in the making */
    size_t part_len;
    bool playing;
    unsigned dry;   /* empty slots in a row */
    bool has_dried; /* at dried_at, last */
    smx_time dried_at;
    size_t surplus; /* least number of frames that waited needlessly in this window */
    smx_time window_end;
    /* for reports */
    smx_time started;
    smx_time report_at;             /* when smx_edge_report is due */
    uint32_t base_seq, highest_seq; /* extended */
    uint32_t received, expected_before, received_before;
    uint32_t jitter16, transit; /* 16ths of, and timestamp units */
    char cname[SMX_RTCP_CNAME];
};

/* codec: what the phone is sent.  Draws SSRC, offsets and CNAME from rng. */
void smx_edge_init(struct smx_edge *edge, smx_time now, uint8_t codec, struct smx_rng *rng);
/* The phone negotiated anew; numbers go on. */
void smx_edge_codec(struct smx_edge *edge, uint8_t codec);
/* The same for Opus: payload types of what it is sent, and of what it sends. */
void smx_edge_opus(struct smx_edge *edge, uint8_t type, uint8_t its_type);
/* The stream to the phone begins anew, as another one: SSRC, numbers and counts. */
void smx_edge_restart(struct smx_edge *edge, struct smx_rng *rng);
/* An RTP packet of the phone, from the right source.  SMX_E_MALFORMED: not RTP, too long, or of a payload
 * type other than PCMU, PCMA and comfort noise (which is a sign of life, and counted); in Opus, other than
 * that.  A packet of Opus that no cell can carry, by its length or its duration, is lost. */
enum smx_err smx_edge_receive(struct smx_edge *edge, smx_time now, const uint8_t *in, size_t in_len);
/* Once a slot: the next frame, PCMU or Opus.  After SMX_EDGE_HOLES empty slots it is silence.  False: this
 * slot is empty. */
bool smx_edge_take(struct smx_edge *edge, smx_time now, struct smx_frame *frame);
/* Once a slot: writes the packet for frame, or for what conceals it when NULL, to out; its length.  0, of
 * Opus only: a number is left out, and the phone conceals it; after SMX_EDGE_HOLES such slots it is silence.
 */
size_t smx_edge_put(struct smx_edge *edge, const struct smx_frame *frame, uint8_t out[SMX_EDGE_PACKET]);
/* The same for a slot in which an event goes out in place of audio (proto/media/dtmf.h): its payload, of a
 * payload type, begun `age` slots ago. */
size_t smx_edge_event(struct smx_edge *edge, uint8_t type, unsigned age, const uint8_t payload[4],
                      uint8_t out[SMX_EDGE_PACKET]);
/* Once a slot in which nothing is to be sent (hold): time goes on without a packet. */
void smx_edge_skip(struct smx_edge *edge);
/* Writes the report that is due and draws the time of the next; its length. */
size_t smx_edge_report(struct smx_edge *edge, smx_time now, struct smx_rng *rng,
                       uint8_t out[SMX_RTCP_REPORT]);

#endif
