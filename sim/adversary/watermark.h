/* sim/adversary/watermark.h - the active adversary: he puts a mark on what a caller sends, on the caller's
 * access link or behind his guard, and looks for it at the callee, on the callee's access link and as the
 * callee's guard.
 *
 *   watermark       holds datagrams back by 0 or a swing of 6, 20, 40 or 100 ms (3 to 50 ms around the mean),
 *                   in chips of 0.2 or 1 s
 *   watermark-drop  loses datagrams of 1 % of all 20 ms
 *   watermark-guard holds all back that every second guard sends to middles, as watermark does
 *
 * Of the first two, every second caller is marked from when his call is answered.  A trial is a marked call;
 * it succeeds when the true mark fits what is seen at the callee better than each of 99 that were never used,
 * so a guess succeeds in one of a hundred, by construction.  Whoever runs neither relay on his path sees the
 * access link only; that is given as a figure of its own. */
#ifndef SMX_SIM_ADVERSARY_WATERMARK_H
#define SMX_SIM_ADVERSARY_WATERMARK_H

#include "sim/adversary/attack.h"

extern const struct smx_attack smx_attack_watermark, smx_attack_watermark_drop, smx_attack_watermark_guard;

#endif
