/* sim/adversary/voice.h - does the voice itself show?  Two attacks on what the pattern of speech leaves in
 * traffic.  In both all phones send nothing in silence, as many do.
 *
 *   voice    somebody knows when each caller spoke and when he was silent (he sat beside him, or watched the
 *            phone's own leg), and looks for that pattern in what is sent to each of those who were called
 *   phrases  callers say one of 32 phrases each four seconds; somebody who knows these and when they begin
 *            tells from the caller's access link which was said.  As a second control, each arm also says how
 *            often he is right on the phone's own leg with a codec of variable rate, whose packets' sizes
 *            follow the speech (a figure, "found_on_the_phones_leg"): that must succeed
 *
 * Running out of memory ends the program. */
#ifndef SMX_SIM_ADVERSARY_VOICE_H
#define SMX_SIM_ADVERSARY_VOICE_H

#include "sim/adversary/attack.h"

extern const struct smx_attack smx_attack_voice, smx_attack_phrases;

#endif
