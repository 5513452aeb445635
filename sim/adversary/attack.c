#include "sim/adversary/attack.h"

#include "sim/adversary/corrupt.h"
#include "sim/adversary/discover.h"
#include "sim/adversary/intersect.h"
#include "sim/adversary/passive.h"
#include "sim/adversary/voice.h"
#include "sim/adversary/watermark.h"

#include <string.h>

/* Each attack stands in a file of its own, declared here and listed once. */
// clang-format off: one a line
const struct smx_attack *const smx_attacks[] = {
    &smx_attack_corrupt,        &smx_attack_discover,
    &smx_attack_intersect,      &smx_attack_passive,
    &smx_attack_phrases,        &smx_attack_startstop,
    &smx_attack_voice,          &smx_attack_watermark,
    &smx_attack_watermark_drop, NULL,
};
// clang-format on

const struct smx_attack *smx_attack_find(const char *name)
{
    for (size_t i = 0; smx_attacks[i]; i++)
        if (strcmp(smx_attacks[i]->name, name) == 0)
            return smx_attacks[i];
    return NULL;
}
