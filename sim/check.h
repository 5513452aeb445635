/* sim/check.h - what checkers found.  A checker stands outside the nodes: it looks at datagrams as they are
 * sent and arrive (taps of sim/world.h), and at what nodes hold, and complains when something that must hold
 * at any time does not.  It changes nothing that a node sees, and draws nothing from the world's generator.
 *
 *   check_wire    every datagram: its size, no planted word, no structure
 *   check_links   every link's ticks and counters; on links that are opened, every circuit's cells
 *   check_once    nothing is accepted twice, nothing that was not sent
 *   check_known   what nodes hold: addresses of neighbours and nobody else's, no planted word
 *   check_tables  tables of relays and slots of clients: bounded, nothing lost
 *
 * Pure. */
#ifndef SMX_SIM_CHECK_H
#define SMX_SIM_CHECK_H

#include "proto/base/time.h"

#include <stdint.h>

enum { SMX_VERDICT_KEPT = 32, SMX_COMPLAINT = 160 };

struct smx_complaint {
    smx_time at;    /* of the world */
    const char *by; /* the checker, as above without "check_"; constant text */
    char text[SMX_COMPLAINT];
};

struct smx_verdict {
    uint64_t count;
    struct smx_complaint kept[SMX_VERDICT_KEPT]; /* the first ones */
};

void smx_complain(struct smx_verdict *v, smx_time now, const char *by, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
