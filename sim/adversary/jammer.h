/* sim/adversary/jammer.h - the limit of the threat table: the other party, and somebody who jams access
 * links.
 *
 * The other party talks with a pseudonym.  His accomplice can cut the access links of any set of suspects for
 * a moment; the other party hears whether frames are missing just then.  With half of the suspects at a time
 * and Bayes' rule he names the one.  Nothing can prevent that as long as a call needs its link; what counts
 * is how many cuts it takes, how much is heard of each, and what redundancy does to it.
 *
 * Real cores; only the accomplice stands between the nodes. */
#ifndef SMX_SIM_ADVERSARY_JAMMER_H
#define SMX_SIM_ADVERSARY_JAMMER_H

#include "sim/adversary/attack.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SMX_JAMMER_CUTS = 1024 };

struct smx_jammer_config {
    uint64_t seed;
    size_t suspects; /* clients besides the other party; one of them talks with him */
    size_t searches; /* each from the start */
    unsigned cut_ms; /* length of a cut */
    uint8_t slots;   /* of each client */
    uint32_t loss;   /* of datagrams on each link, millionths */
    bool repeated;   /* as if each cell carried the frame before once more: a frame is missing only when the
                        next one is, too (smaller codecs; G.711 has no room for it) */
};

struct smx_jammer_tally {
    bool ready;                      /* false: no call came to stand, and nothing was measured */
    size_t searches, named, right;   /* named: sure at 99 % within 40 cuts; right: it was he */
    size_t cuts;                     /* in all */
    double missing[SMX_JAMMER_CUTS]; /* frames, in and just after each cut */
    bool hit[SMX_JAMMER_CUTS];       /* did it cut the right link? */
    double calm;                     /* frames missing in as long without a cut, mean */
};

void smx_jammer_run(struct smx_jammer_tally *t, const struct smx_jammer_config *config);

extern const struct smx_attack smx_attack_jammer;

#endif
