/* client/daemon/watch.c - what this computer does to us: it sleeps, or loses its network.  The core copes
 * with both by itself; here they are told apart from troubles of the network's, and said once each time. */
#include "client/daemon/daemon.h"

#include "proto/host/log.h"

enum {
    GAP_S = 5,       /* without a tick */
    CHECK_MS = 1000, /* of what was sent */
    CALM_S = 10,     /* without a refusal: the network is back */
};

static void check_sending(struct client_daemon *d, smx_time now)
{
    struct watch *w = &d->watch;
    uint64_t sent = 0, failed = 0;

    for (size_t i = 0; i < d->udp_count; i++) {
        struct smx_udp_stats s = smx_udp_stats(d->udp[i]);

        sent += s.sent;
        failed += s.failed;
    }
    if (failed > w->failed && sent == w->sent) {
        w->refused_at = now;
        if (!w->refused)
            smx_log_warn("this computer has no network: the system lets no datagram out; trying again");
        w->refused = true;
    } else if (w->refused && sent > w->sent && now >= w->refused_at + SMX_SECOND(CALM_S)) {
        smx_log_info("datagrams go out again");
        w->refused = false;
    }
    w->sent = sent;
    w->failed = failed;
}

void watch_tick(struct client_daemon *d, smx_time now)
{
    struct watch *w = &d->watch;

    if (w->last != 0 && now >= w->last + SMX_SECOND(GAP_S))
        smx_log_info("this computer slept, or stood still, for %u s; going on",
                     (unsigned)((now - w->last) / SMX_SECOND(1)));
    w->last = now;
    if (now < w->checked + SMX_MS(CHECK_MS))
        return;
    w->checked = now;
    check_sending(d, now);
}
