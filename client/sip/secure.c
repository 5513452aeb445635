/* client/sip/secure.c - SRTP towards a phone: whether, by which suite, and under which keys (RFC 4568).
 * Source: docs/protocol/70-phone.md, section 13.
 *
 * Each leg has a secret, out of which the key of each suite comes that we name in our offers and answers; the
 * phone's key stands in its own.  Whoever wrote the last, what the two name together is what holds, and the
 * sessions of the library follow when the next packet comes or goes.  A key of ours is never used for a
 * second stream: with another suite the leg has another secret, and the stream to the phone another SSRC. */
#include "client/sip/core.h"

#include <sodium.h>
#include <string.h>

#define EVERY ((1U << SMX_SRTP_SUITES) - 1)

static bool is_loopback(const uint8_t ip[16])
{
    static const uint8_t v4[13] = {[10] = 0xff, 0xff, 127}, v6[16] = {[15] = 1};

    return memcmp(ip, v4, sizeof v4) == 0 || memcmp(ip, v6, sizeof v6) == 0;
}

/* Keys stand in the session as they are: they may go where nobody else can read it. */
static bool may_name_keys(const struct smx_ua *ua, const struct smx_flow *flow)
{
    return ua->srtp != SMX_UA_SRTP_OFF && (flow->tls || is_loopback(flow->addr.ip));
}

unsigned smx_secure_admit(const struct smx_ua *ua, const struct smx_flow *flow, struct smx_sdp *sdp)
{
    bool named = false;

    if (sdp->media_count == 0)
        return 0;
    if (!may_name_keys(ua, flow))
        sodium_memzero(sdp->crypto, sizeof sdp->crypto);
    for (enum smx_srtp_suite i = 0; i < SMX_SRTP_SUITES; i++)
        named = named || sdp->crypto[i].named;
    return named || (!sdp->savp && ua->srtp != SMX_UA_SRTP_DEMAND) ? 0 : 488;
}

/* The suite in use if it can stay, else the best; SMX_SRTP_SUITES: none. */
static enum smx_srtp_suite pick(const struct smx_sdp *sdp, unsigned of, enum smx_srtp_suite used)
{
    enum smx_srtp_suite i = 0;

    if (used != SMX_SRTP_SUITES && sdp->crypto[used].named && of >> used & 1)
        return used;
    while (i < SMX_SRTP_SUITES && !(sdp->crypto[i].named && of >> i & 1))
        i++;
    return i;
}

static void derive(const struct smx_leg *leg, enum smx_srtp_suite suite, uint8_t key[SMX_SRTP_KEY])
{
    uint8_t label = (uint8_t)suite;

    (void)crypto_generichash(key, smx_srtp_key_len(suite), &label, 1, leg->srtp.secret,
                             sizeof leg->srtp.secret);
}

static void draw(struct smx_ua *ua, struct smx_leg *leg)
{
    smx_rng_bytes(&ua->rng, leg->srtp.secret, sizeof leg->srtp.secret);
    leg->srtp.serial++;
}

static enum smx_srtp_suite suite_of(const struct smx_leg *leg)
{
    return leg->srtp.used ? leg->srtp.suite : SMX_SRTP_SUITES;
}

void smx_secure_own(struct smx_ua *ua, struct smx_leg *leg, const struct smx_sdp *to, struct smx_sdp_own *own)
{
    enum smx_srtp_suite used = suite_of(leg), suite = used;
    bool asks = leg->flow.tls || leg->srtp.savp || used != SMX_SRTP_SUITES || ua->srtp == SMX_UA_SRTP_DEMAND;
    uint32_t tag = 1;

    leg->srtp.told = 0;
    own->savp = to ? to->savp : leg->srtp.savp || leg->sdp.savp || ua->srtp == SMX_UA_SRTP_DEMAND;
    if (!may_name_keys(ua, &leg->flow)) {
        own->savp = false;
        return;
    }
    if (to) {
        suite = pick(to, EVERY, used);
        if (suite == SMX_SRTP_SUITES)
            return;
        tag = to->crypto[suite].tag;
    } else if (!asks) {
        return;
    }
    if (suite != used || used == SMX_SRTP_SUITES)
        draw(ua, leg);
    leg->srtp.told = suite == SMX_SRTP_SUITES ? EVERY : 1U << suite;
    for (enum smx_srtp_suite i = 0; i < SMX_SRTP_SUITES; i++)
        if (leg->srtp.told >> i & 1) {
            own->crypto[i].named = true;
            own->crypto[i].tag = tag++;
            derive(leg, i, own->crypto[i].key);
        }
}

bool smx_secure_raised(const struct smx_ua *ua, struct smx_leg *leg)
{
    bool was = leg->srtp.savp || ua->srtp == SMX_UA_SRTP_DEMAND;

    leg->srtp.savp = may_name_keys(ua, &leg->flow);
    return !was && leg->srtp.savp;
}

static void forget(struct smx_call *call)
{
    smx_srtp_free(call->hears);
    smx_srtp_free(call->speaks);
    call->hears = call->speaks = NULL;
}

void smx_secure_end(struct smx_call *call)
{
    forget(call);
    sodium_memzero(call->heard_key, sizeof call->heard_key);
}

bool smx_secure_follow(struct smx_ua *ua, struct smx_call *call)
{
    struct smx_leg *leg = &call->leg[call->winner];
    enum smx_srtp_suite suite = pick(&leg->sdp, leg->srtp.told, suite_of(leg));
    bool same_suite = leg->srtp.used && suite == leg->srtp.suite;
    uint8_t key[SMX_SRTP_KEY] = {0};

    if (suite == SMX_SRTP_SUITES) {
        forget(call);
        leg->srtp.used = false;
        return !leg->sdp.savp;
    }
    if (!call->hears || !same_suite ||
        sodium_memcmp(call->heard_key, leg->sdp.crypto[suite].key, SMX_SRTP_KEY) != 0) {
        smx_srtp_free(call->hears);
        call->hears = smx_srtp_receiver(suite, leg->sdp.crypto[suite].key);
        memcpy(call->heard_key, leg->sdp.crypto[suite].key, SMX_SRTP_KEY);
    }
    if (!call->speaks || !same_suite || call->spoken_serial != leg->srtp.serial) {
        if (call->speaks)
            smx_edge_restart(&call->edge, &ua->rng);
        smx_srtp_free(call->speaks);
        derive(leg, suite, key);
        call->speaks = smx_srtp_sender(suite, key, call->edge.ssrc);
        call->spoken_serial = leg->srtp.serial;
        sodium_memzero(key, sizeof key);
    }
    leg->srtp.used = true;
    leg->srtp.suite = suite;
    return call->hears && call->speaks;
}
