/* The file that a run leaves for the next one: whatever it holds, it is refused or acted on, and what is kept
 * of that can be read again. */
#include "client/sip/ua.h"

#include <stdlib.h>

static void must(bool holds)
{
    if (!holds)
        abort();
}

static void drain(struct smx_ua *ua)
{
    while (smx_ua_next_send(ua))
        continue;
    must(smx_ua_next_order(ua) == NULL); /* the network side has nothing to do with it */
}

static struct smx_ua *make(struct smx_rng *rng)
{
    static const struct smx_ua_ports ports[1] = {{30000, 30001}};
    struct smx_ua_config config = {.domain = "sipmix.alt", .ports = ports, .port_count = 1};
    struct smx_ua *ua;

    must(smx_addr_parse(&config.udp, "127.0.0.1:5060") == SMX_OK);
    config.tcp = config.udp;
    ua = smx_ua_new(&config, rng);
    must(ua != NULL);
    return ua;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const uint8_t seed[SMX_RNG_SEED] = {3};
    static uint8_t again[SMX_UA_KEPT_MAX];
    smx_time now = SMX_SECOND(1000);
    struct smx_addr from;
    struct smx_rng rng;
    struct smx_ua *ua;
    size_t left;

    smx_rng_init(&rng, seed);
    ua = make(&rng);
    if (smx_ua_resume(ua, now, data, len) == SMX_OK) {
        drain(ua);
        left = smx_ua_keep(ua, again);
        must(left <= sizeof again);
        must(smx_addr_parse(&from, "127.0.0.1:50000") == SMX_OK);
        smx_ua_tcp_open(ua, now, 1, &from);
        smx_ua_tls_open(ua, now, 2, &from);
        for (int wakes = 0; smx_ua_deadline(ua) != SMX_NEVER; wakes++) {
            must(wakes < 2000);
            now = smx_ua_deadline(ua) > now ? smx_ua_deadline(ua) : now;
            smx_ua_expire(ua, now);
            drain(ua);
        }
        must(smx_ua_usage(ua).calls == 0 && smx_ua_usage(ua).transactions == 0);
        smx_ua_free(ua);
        ua = make(&rng);
        must(left == 0 || smx_ua_resume(ua, now, again, left) == SMX_OK);
    }
    smx_ua_free(ua);
    return 0;
}
