/* client/sip/admit.c - who may register, call and send texts: whoever comes, or those who know a password. */
#include "client/sip/core.h"

#include <string.h>

/* Other requests change nothing, or belong to a dialog, whose names and source nobody else has. */
static const char *method_to_prove(const struct smx_sip *sip)
{
    switch (sip->method) {
    case SMX_M_REGISTER:
        return "REGISTER";
    case SMX_M_MESSAGE:
        return "MESSAGE";
    case SMX_M_INVITE:
        return sip->to_tag ? NULL : "INVITE";
    default:
        return NULL;
    }
}

bool smx_ua_admits(struct smx_ua *ua, smx_time now, const struct smx_sip *sip, const struct smx_flow *flow)
{
    struct smx_span credentials[SMX_SIP_CONTACTS], rest = sip->gate.start;
    struct smx_auth_ask ask = {
        .method = method_to_prove(sip), .from = &flow->addr, .way = (uint8_t)(flow->tcp + flow->tls)};
    char room[1024];
    struct smx_text lines = {room, 0, sizeof room, false};
    enum smx_auth_verdict verdict;
    size_t count = 0;

    if (ua->auth.count == 0 || !ask.method)
        return true;
    (void)smx_span_cut(&rest, ' ');
    ask.uri = smx_span_cut(&rest, ' ');
    for (size_t i = 0; i < sip->gate.line_count && count < SMX_SIP_CONTACTS; i++)
        if (sip->gate.line[i].id == SMX_H_AUTHORIZATION)
            credentials[count++] = sip->gate.line[i].value;
    verdict = smx_auth_check(&ua->auth, now, &ask, credentials, count);
    switch (verdict) {
    case SMX_AUTH_GOOD:
        return true;
    case SMX_AUTH_WAIT:
        ua->stats.auth_waits++;
        smx_ua_reply(ua, sip, flow, 503);
        return false;
    case SMX_AUTH_WRONG:
        ua->stats.auth_wrong++;
        break;
    case SMX_AUTH_ASK:
    case SMX_AUTH_STALE:
        break;
    }
    smx_auth_challenge(&ua->auth, now, &ua->rng, &ask, verdict == SMX_AUTH_STALE, &lines);
    smx_ua_answer(ua, sip, flow, &(struct smx_response){.status = 401, .challenge = smx_text_done(&lines)});
    return false;
}
