/* client/sip/media.c - the phone's audio of an answered call: which packets are its, and when it has gone.
 *
 * Packets to the phone go to the address that its signalling comes from, at the port it named; once it has
 * sent one itself, to where that came from, and from then on no other source is heard.  It may come from the
 * signalling address, from the one in its session description, or from this host if the phone runs on it:
 * never from anywhere else. */
#include "client/sip/core.h"

#include <string.h>

#define LOST_AFTER SMX_SECOND(60) /* without any packet, though it is not on hold */

static struct smx_leg *winner(struct smx_call *call)
{
    return &call->leg[call->winner];
}

static uint8_t codec_of(const struct smx_sdp *sdp)
{
    return sdp->pcma && !sdp->pcmu ? SMX_FRAME_PCMA : SMX_FRAME_PCMU;
}

bool smx_ua_has_opus(const struct smx_ua *ua)
{
    return ua->opus;
}

void smx_ua_call_answered_opus(struct smx_ua *ua, smx_time now, uint32_t id)
{
    struct smx_call *call = smx_call_get(ua, id);

    if (call && call->from_phone && call->opus && (call->leg[0].state == SMX_LEG_ASKED || call->join.out))
        call->leg[0].codecs = SMX_SDP_OPUS_ALONE;
    smx_ua_call_answered(ua, now, id);
}

bool smx_media_choose(struct smx_leg *leg, const struct smx_sdp *sdp)
{
    if (leg->codecs == SMX_SDP_OPUS_G711) /* of an answer with several, its first counts */
        leg->codecs = sdp->opus != 0 && sdp->opus_first ? SMX_SDP_OPUS_ALONE : SMX_SDP_G711;
    return leg->codecs == SMX_SDP_OPUS_ALONE;
}

static void tune(struct smx_call *call)
{
    const struct smx_leg *leg = winner(call);

    if (leg->codecs == SMX_SDP_OPUS_ALONE)
        smx_edge_opus(&call->edge, leg->sdp.opus, leg->opus);
    else
        smx_edge_codec(&call->edge, codec_of(&leg->sdp));
}

void smx_media_start(struct smx_ua *ua, smx_time now, struct smx_call *call)
{
    smx_edge_init(&call->edge, now, SMX_FRAME_PCMU, &ua->rng);
    tune(call);
    call->latched = false;
    call->heard_at = now;
}

void smx_media_change(smx_time now, struct smx_call *call, uint16_t port_before)
{
    tune(call);
    if (winner(call)->sdp.port != port_before)
        call->latched = false;
    call->heard_at = now; /* it may come from a hold */
}

static bool sends(const struct smx_leg *leg)
{
    return smx_sdp_sends(leg->sdp.direction) && smx_sdp_receives(leg->said);
}

static bool receives(const struct smx_leg *leg)
{
    return smx_sdp_receives(leg->sdp.direction) && smx_sdp_sends(leg->said);
}

static bool is_loopback(const uint8_t ip[16])
{
    static const uint8_t v4[13] = {[10] = 0xff, 0xff, 127}, v6[16] = {[15] = 1};

    return memcmp(ip, v4, sizeof v4) == 0 || memcmp(ip, v6, sizeof v6) == 0;
}

static bool is_from_phone(const struct smx_leg *leg, const struct smx_addr *from)
{
    const uint8_t *signalling = leg->flow.addr.ip;

    if (memcmp(from->ip, signalling, sizeof from->ip) == 0)
        return true;
    /* on one host, the system chooses among the loopback addresses */
    if (is_loopback(from->ip) && is_loopback(signalling))
        return true;
    return leg->sdp.has_ip && memcmp(from->ip, leg->sdp.ip, sizeof from->ip) == 0;
}

/* Where the phone's RTP socket is, if anybody knows. */
static bool peer_of(const struct smx_call *call, struct smx_addr *to)
{
    const struct smx_leg *leg = &call->leg[call->winner];

    *to = call->latched ? call->peer : leg->flow.addr;
    if (!call->latched)
        to->port = leg->sdp.port;
    return to->port != 0;
}

/* RFC 5761, 4: on one port, the type tells reports from audio. */
static bool is_report(const struct smx_call *call, const uint8_t *bytes, size_t len)
{
    return call->leg[call->winner].sdp.rtcp_mux && len >= 2 && bytes[1] >= 192 && bytes[1] <= 223;
}

void smx_ua_rtp(struct smx_ua *ua, smx_time now, size_t pair, bool is_rtcp, const struct smx_addr *from,
                const uint8_t *bytes, size_t len)
{
    _Alignas(4) uint8_t packet[SMX_RTP_MAX];
    struct smx_call *call = NULL;

    for (size_t i = 0; i < ua->call_max && !call; i++) {
        call = smx_call_at(ua, i);
        if (call && (!call->has_pair || call->pair != pair || !call->answered))
            call = NULL;
    }
    if (!call || !is_from_phone(winner(call), from) ||
        (!is_rtcp && call->latched && !smx_addr_equal(from, &call->peer))) {
        ua->stats.rtp_refused++;
        return;
    }
    is_rtcp = is_rtcp || is_report(call, bytes, len);
    memcpy(packet, bytes, len < sizeof packet ? len : 0);
    if (len > sizeof packet || !smx_secure_follow(ua, call) ||
        (call->hears && !smx_srtp_unprotect(call->hears, is_rtcp, packet, &len))) {
        ua->stats.rtp_refused++;
        return;
    }
    if (is_rtcp) { /* a sign of life, and nothing else that we would want to know */
        call->heard_at = now;
        return;
    }
    if (!smx_digit_rtp(ua, now, call, packet, len) &&
        smx_edge_receive(&call->edge, now, packet, len) != SMX_OK) {
        ua->stats.rtp_refused++;
        return;
    }
    call->heard_at = now;
    call->latched = true;
    call->peer = *from;
}

static struct smx_call *answered(struct smx_ua *ua, uint32_t id)
{
    struct smx_call *call = smx_call_get(ua, id);

    return call && call->answered && !call->over ? call : NULL;
}

bool smx_ua_media_take(struct smx_ua *ua, uint32_t id, smx_time now, struct smx_frame *frame)
{
    struct smx_call *call = answered(ua, id);

    if (!call)
        return false;
    if (call->join.through)
        return smx_transfer_take(call, frame);
    if (call->join.parted)
        return false;
    smx_digit_slot(ua, now, call);
    return sends(winner(call)) && smx_edge_take(&call->edge, now, frame);
}

/* packet has SMX_SRTP_SPARE bytes behind it */
static void send_packet(struct smx_ua *ua, struct smx_call *call, bool is_rtcp, struct smx_addr to,
                        uint8_t *packet, size_t len)
{
    bool mux = winner(call)->sdp.rtcp_mux;

    if (!smx_secure_follow(ua, call) ||
        (call->speaks && !smx_srtp_protect(call->speaks, is_rtcp, packet, &len)))
        return;
    if (is_rtcp && !mux)
        to.port++; /* RFC 3550, 11 */
    smx_out_media(ua, is_rtcp && !mux ? SMX_UA_SEND_RTCP : SMX_UA_SEND_RTP, call->pair, &to, packet, len);
}

void smx_ua_media_put(struct smx_ua *ua, uint32_t id, smx_time now, const struct smx_frame *frame)
{
    struct smx_call *call = answered(ua, id);
    _Alignas(4) uint8_t packet[SMX_EDGE_PACKET + SMX_SRTP_SPARE];
    struct smx_addr to;
    size_t len;

    (void)now; /* the slots are the clock */
    if (!call)
        return;
    if (call->join.through)
        smx_transfer_put(ua, call, frame);
    if (call->join.through || call->join.parted)
        return;
    if (!receives(winner(call)) || !peer_of(call, &to)) {
        smx_edge_skip(&call->edge);
        return;
    }
    (void)smx_secure_follow(ua, call); /* before the packet has its SSRC */
    len = smx_digit_packet(call, packet);
    if (len == 0)
        len = smx_edge_put(&call->edge, frame, packet);
    if (len > 0)
        send_packet(ua, call, false, to, packet, len);
}

void smx_media_expire(struct smx_ua *ua, smx_time now, struct smx_call *call)
{
    _Alignas(4) uint8_t report[SMX_RTCP_REPORT + SMX_SRTP_SPARE];
    struct smx_addr to;
    size_t len;

    if (call->join.through || call->join.parted)
        return;
    if (!sends(winner(call)))
        call->heard_at = now;
    if (call->heard_at + LOST_AFTER <= now) {
        smx_call_lost(ua, now, call);
        return;
    }
    if (call->edge.report_at > now)
        return;
    (void)smx_secure_follow(ua, call); /* before the report has its SSRC */
    len = smx_edge_report(&call->edge, now, &ua->rng, report);
    if (peer_of(call, &to))
        send_packet(ua, call, true, to, report, len);
}

smx_time smx_media_deadline(const struct smx_call *call)
{
    if (call->join.through || call->join.parted)
        return SMX_NEVER;
    return smx_time_min(call->edge.report_at, call->heard_at + LOST_AFTER);
}
