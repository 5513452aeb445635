/* proto/media/srtp.c - see srtp.h. */
#include "proto/media/srtp.h"

#include <sodium.h>
#include <srtp2/srtp.h>
#include <stdlib.h>
#include <string.h>

enum { WINDOW = 128, SSRC_AT = 8, HEADER = 12 };

_Static_assert((int)SMX_SRTP_SPARE >= (int)SRTP_MAX_TRAILER_LEN + 4, "what the library may add");

struct smx_srtp {
    srtp_t session;
    enum smx_srtp_suite suite;
    uint8_t key[SMX_SRTP_KEY];
    uint32_t ssrc; /* of a receiver's: the last */
    bool sends;
    unsigned refused; /* in a row */
    unsigned ssrcs;
};

static const struct {
    const char *name;
    size_t key_len;
} suites[SMX_SRTP_SUITES] = {
    [SMX_SRTP_GCM_128] = {"AEAD_AES_128_GCM", 16 + 12},
    [SMX_SRTP_GCM_256] = {"AEAD_AES_256_GCM", 32 + 12},
    [SMX_SRTP_CM_80] = {"AES_CM_128_HMAC_SHA1_80", 16 + 14},
    [SMX_SRTP_CM_32] = {"AES_CM_128_HMAC_SHA1_32", 16 + 14},
};

const char *smx_srtp_name(enum smx_srtp_suite suite)
{
    return suites[suite].name;
}

size_t smx_srtp_key_len(enum smx_srtp_suite suite)
{
    return suites[suite].key_len;
}

bool smx_srtp_library(void)
{
    return srtp_init() == srtp_err_status_ok;
}

static void set_policy(srtp_policy_t *policy, struct smx_srtp *s)
{
    memset(policy, 0, sizeof *policy);
    switch (s->suite) {
    case SMX_SRTP_GCM_128:
        srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy->rtp);
        srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy->rtcp);
        break;
    case SMX_SRTP_GCM_256:
        srtp_crypto_policy_set_aes_gcm_256_16_auth(&policy->rtp);
        srtp_crypto_policy_set_aes_gcm_256_16_auth(&policy->rtcp);
        break;
    case SMX_SRTP_CM_32: /* RFC 4568, 6.2.2: of RTP only */
        srtp_crypto_policy_set_aes_cm_128_hmac_sha1_32(&policy->rtp);
        srtp_crypto_policy_set_aes_cm_128_hmac_sha1_80(&policy->rtcp);
        break;
    case SMX_SRTP_CM_80:
    case SMX_SRTP_SUITES:
        srtp_crypto_policy_set_aes_cm_128_hmac_sha1_80(&policy->rtp);
        srtp_crypto_policy_set_aes_cm_128_hmac_sha1_80(&policy->rtcp);
        break;
    }
    policy->ssrc.type = s->sends ? ssrc_specific : ssrc_any_inbound;
    policy->ssrc.value = s->sends ? s->ssrc : 0;
    policy->key = s->key;
    policy->window_size = WINDOW;
}

/* A session at its beginning, in the place of the one that there is. */
static bool begin(struct smx_srtp *s)
{
    srtp_policy_t policy;
    srtp_t session;

    set_policy(&policy, s);
    if (srtp_create(&session, &policy) != srtp_err_status_ok)
        return false;
    if (s->session)
        (void)srtp_dealloc(s->session);
    s->session = session;
    s->refused = 0;
    s->ssrcs = 0;
    return true;
}

static struct smx_srtp *make(enum smx_srtp_suite suite, const uint8_t *key, bool sends, uint32_t ssrc)
{
    struct smx_srtp *s = calloc(1, sizeof *s);

    if (!s)
        return NULL;
    s->suite = suite;
    s->sends = sends;
    s->ssrc = ssrc;
    memcpy(s->key, key, smx_srtp_key_len(suite));
    if (begin(s))
        return s;
    smx_srtp_free(s);
    return NULL;
}

struct smx_srtp *smx_srtp_sender(enum smx_srtp_suite suite, const uint8_t *key, uint32_t ssrc)
{
    return make(suite, key, true, ssrc);
}

struct smx_srtp *smx_srtp_receiver(enum smx_srtp_suite suite, const uint8_t *key)
{
    return make(suite, key, false, 0);
}

void smx_srtp_free(struct smx_srtp *s)
{
    if (!s)
        return;
    if (s->session)
        (void)srtp_dealloc(s->session);
    sodium_memzero(s, sizeof *s);
    free(s);
}

bool smx_srtp_protect(struct smx_srtp *s, bool is_rtcp, uint8_t *packet, size_t *len)
{
    int n = (int)*len;
    srtp_err_status_t err =
        is_rtcp ? srtp_protect_rtcp(s->session, packet, &n) : srtp_protect(s->session, packet, &n);

    *len = err == srtp_err_status_ok ? (size_t)n : 0;
    return err == srtp_err_status_ok;
}

/* Streams of the library stay until their session ends, and a phone should not be able to pile them up. */
static void count_ssrc(struct smx_srtp *s, const uint8_t *packet)
{
    uint32_t ssrc;

    memcpy(&ssrc, packet + SSRC_AT, sizeof ssrc);
    if (s->ssrcs > 0 && ssrc == s->ssrc)
        return;
    s->ssrc = ssrc;
    s->ssrcs++;
}

bool smx_srtp_unprotect(struct smx_srtp *s, bool is_rtcp, uint8_t *packet, size_t *len)
{
    int n = (int)*len;
    srtp_err_status_t err;

    if (*len < HEADER)
        return false;
    err = is_rtcp ? srtp_unprotect_rtcp(s->session, packet, &n) : srtp_unprotect(s->session, packet, &n);
    if (err == srtp_err_status_ok) {
        s->refused = 0;
        if (!is_rtcp)
            count_ssrc(s, packet);
        if (s->ssrcs > SMX_SRTP_SSRCS)
            (void)begin(s);
        *len = (size_t)n;
        return true;
    }
    /* with its counts begun anew under the same key, a phone would not be heard any more; who injects packets
     * beside a phone that is heard does not get there */
    if (!is_rtcp && ++s->refused >= SMX_SRTP_DEAF)
        (void)begin(s);
    return false;
}
