/* tests/support/stranger.h - does a stranger learn whether somebody is in a call?  He calls him again and
 * again, and writes down what he hears and when.  Source: DESIGN, "polling shows nothing";
 * docs/threat-model.md.
 *
 * Time passes in blocks: in every second one the callee talks with a contact, who calls him while the
 * stranger does.  What the stranger hears in idle and in busy blocks is compared by the two-sample statistic
 * of Kolmogorov and Smirnov.  Samples of one block belong together (they go by the same circuits), so the
 * statistic is judged by exchanging whole blocks: p is the share of all ways to call half of them busy that
 * differ at least as much. */
#ifndef SMX_TEST_STRANGER_H
#define SMX_TEST_STRANGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { STRANGER_BLOCKS = 80, STRANGER_ATTEMPTS = 12 };

struct stranger_config {
    uint64_t seed;
    size_t blocks;   /* even: half of them busy */
    size_t attempts; /* in each, one in ten seconds */
    bool patient;    /* one attempt a block, and he waits until the call is refused */
    bool known;      /* the control: the callee knows him, and so tells him that he is busy */
};

struct stranger_result {
    bool ready; /* false: the network did not come to life, and nothing was measured */
    size_t blocks, attempts;
    double heard[STRANGER_BLOCKS][STRANGER_ATTEMPTS]; /* ms until it rang; else 10000 and more */
    size_t rang, refused, silent;                     /* attempts of each kind */
    size_t contact_calls, contact_answered;
    double d, p;
};

void stranger_run(struct stranger_result *r, const struct stranger_config *config);
/* The statistic of odd blocks against even ones, and its p. */
void stranger_judge(struct stranger_result *r);
/* One line of JSON. */
void stranger_tell(const struct stranger_result *r, const struct stranger_config *config);

#endif
