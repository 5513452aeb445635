/* Authorization headers, one a line: whatever they say, nobody who does not know the password is let in. */
#include "client/sip/auth.h"

#include <stdlib.h>
#include <string.h>

static void must(bool holds)
{
    if (!holds)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const uint8_t seed[SMX_RNG_SEED] = {1};
    static const struct smx_auth_account account = {"alice", "what the fuzzer does not know"};
    static const struct smx_addr from = {.ip = {[10] = 0xff, 0xff, 127, 0, 0, 1}, .port = 5070};
    static struct smx_auth auth;
    struct smx_auth_ask ask = {"REGISTER", smx_span_of("sip:sipmix.alt"), &from, 0};
    struct smx_rng rng;
    smx_time now = SMX_SECOND(1000);

    smx_rng_init(&rng, seed);
    memset(&auth, 0, sizeof auth);
    must(smx_auth_init(&auth, &rng, "sipmix.alt", &account, 1, SMX_AUTH_BOTH));
    while (len > 0) {
        const uint8_t *end = memchr(data, '\n', len);
        size_t n = end ? (size_t)(end - data) : len;
        char *exact = malloc(n ? n : 1);
        struct smx_span value = {exact, n};
        enum smx_auth_verdict verdict;

        must(exact != NULL);
        memcpy(exact, data, n);
        verdict = smx_auth_check(&auth, now, &ask, &value, 1);
        must(verdict != SMX_AUTH_GOOD && verdict != SMX_AUTH_STALE);
        must((verdict == SMX_AUTH_WAIT) == smx_auth_waits(&auth, now, &from) || verdict == SMX_AUTH_WRONG);
        free(exact);
        n += end ? 1 : 0;
        data += n;
        len -= n;
        now += SMX_MS(300);
    }
    return 0;
}
