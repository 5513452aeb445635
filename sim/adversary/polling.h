/* sim/adversary/polling.h - does a stranger learn whether somebody is in a call?  He calls him again and
 * again, and writes down what he hears and when.  Source: DESIGN, "polling shows nothing";
 * docs/threat-model.md.
 *
 * Time passes in blocks: in every second one the callee talks with a contact, who calls him while the
 * stranger does.  What the stranger hears in idle and in busy blocks is compared by the two-sample statistic
 * of Kolmogorov and Smirnov.  Samples of one block belong together (they go by the same circuits), so the
 * statistic is judged by exchanging whole blocks: p is the share of all ways to call half of them busy that
 * differ at least as much. */
#ifndef SMX_SIM_ADVERSARY_POLLING_H
#define SMX_SIM_ADVERSARY_POLLING_H

#include "sim/adversary/attack.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SMX_POLLING_BLOCKS = 80, SMX_POLLING_ATTEMPTS = 12 };

struct smx_polling_config {
    uint64_t seed;
    size_t blocks;   /* even: half of them busy */
    size_t attempts; /* in each, one in ten seconds */
    bool patient;    /* one attempt a block, and he waits until the call is refused */
    bool known;      /* the control: the callee knows him, and so tells him that he is busy */
};

struct smx_polling {
    bool ready; /* false: the network did not come to life, and nothing was measured */
    size_t blocks, attempts;
    double heard[SMX_POLLING_BLOCKS][SMX_POLLING_ATTEMPTS]; /* ms until it rang; else 10000 and more */
    size_t rang, refused, silent;                           /* attempts of each kind */
    size_t contact_calls, contact_answered;
    double d, p;
};

void smx_polling_run(struct smx_polling *r, const struct smx_polling_config *config);
/* The statistic of odd blocks against even ones, and its p. */
void smx_polling_judge(struct smx_polling *r);

extern const struct smx_attack smx_attack_polling;

#endif
