#include "sim/adversary/attack.h"

#include "sim/adversary/build.h"
#include "sim/adversary/corrupt.h"
#include "sim/adversary/discover.h"
#include "sim/adversary/intersect.h"
#include "sim/adversary/jammer.h"
#include "sim/adversary/passive.h"
#include "sim/adversary/polling.h"
#include "sim/adversary/sparse.h"
#include "sim/adversary/tagging.h"
#include "sim/adversary/voice.h"
#include "sim/adversary/watermark.h"

#include <string.h>

/* Each attack stands in a file of its own, declared here and listed once. */
const struct smx_attack *const smx_attacks[] = {
    &smx_attack_build,           /* when circuits were built */
    &smx_attack_corrupt,         /* sets of corrupt relays */
    &smx_attack_discover,        /* whose guard is it */
    &smx_attack_intersect,       /* who was on line */
    &smx_attack_jammer,          /* cuts of access links */
    &smx_attack_passive,         /* rates on links */
    &smx_attack_phrases,         /* sizes and phrases */
    &smx_attack_polling,         /* a stranger who calls and calls */
    &smx_attack_sparse,          /* few circuits */
    &smx_attack_startstop,       /* rates that change */
    &smx_attack_tagging,         /* marks and replays */
    &smx_attack_voice,           /* the voice's own pattern */
    &smx_attack_watermark,       /* delays on a caller's link */
    &smx_attack_watermark_drop,  /* losses on it */
    &smx_attack_watermark_guard, /* delays behind his guard */
    NULL,
};

const struct smx_attack *smx_attack_find(const char *name)
{
    for (size_t i = 0; smx_attacks[i]; i++)
        if (strcmp(smx_attacks[i]->name, name) == 0)
            return smx_attacks[i];
    return NULL;
}
