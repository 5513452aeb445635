/* sim/adversary/tagging.h - a corrupt relay marks cells, and its accomplice behind an honest relay looks for
 * the mark; and whether anything that is sent twice counts twice.
 *
 * Two users talk over real cores.  The caller's guard and his rendezvous are corrupt, his middle is honest.
 * Time passes in trials: in every second one the guard alters, repeats, delays, drops or replays cells of the
 * call's circuit for half a second, and the rendezvous says from what it sees whether he did.  It sees
 * whether a cell is there in each turn, whether two are alike, how many bits are set, and whether the mark
 * itself is to be found at the front of what it deciphers.
 *
 *   caller -- guard* -- middle -- end* = end -- middle -- guard -- callee          * corrupt
 *
 * Replays: every link's datagrams are recorded, and some come again later, at the relay they were for. */
#ifndef SMX_SIM_ADVERSARY_TAGGING_H
#define SMX_SIM_ADVERSARY_TAGGING_H

#include "sim/adversary/attack.h"
#include "sim/adversary/inside.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SMX_TAGGING_TRIALS = 512 };

struct smx_tagging_config {
    uint64_t seed;
    size_t trials;  /* of each deed; half of them are none */
    bool cover_off; /* control: relays send only what carries something */
};

struct smx_tagging_tally {
    bool ready;                                 /* false: no call came to stand, and nothing was measured */
    size_t trials;                              /* of each deed */
    double seen[SMX_DEEDS][SMX_TAGGING_TRIALS]; /* the rendezvous' score; odd trials are marked */
    uint64_t lost[SMX_DEEDS][2];   /* frames missing at the callee's phone, in unmarked and marked trials */
    uint64_t frames[SMX_DEEDS][2]; /* and all */
    uint64_t deeds[SMX_DEEDS];     /* done */
    /* noise on the way back to the caller: does he ask his end something? (docs/threat-model.md, the limit)
     */
    size_t asked[2];
    /* cells and datagrams sent again, and what the relays took of them */
    uint64_t cells_again, cells_taken;
    uint64_t datagrams_again, datagrams_taken;
};

void smx_tagging_run(struct smx_tagging_tally *t, const struct smx_tagging_config *config);

/* The control for what a cipher must do: the same mark on a cell for the end, under three layers of a stream
 * cipher instead (wide 0), or of the real one (wide 1).  How many of `cells` show the mark at the end. */
size_t smx_tagging_layers(bool wide, size_t cells, struct smx_rng *rng);

extern const struct smx_attack smx_attack_tagging;

#endif
