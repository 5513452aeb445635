/* sim/adversary/mouth.h - what a user's phone says, as somebody hears it who stands beside him or watches the
 * phone's own leg; and phones that say what an attack wants said.
 *
 * It stands between a user's phone and whoever speaks into it (struct smx_sim_follower): it notes in which
 * 20 ms the client took a packet of speech, and may keep silent for others.  A frame that it keeps back
 * counts as never spoken.  Running out of memory ends the program. */
#ifndef SMX_SIM_ADVERSARY_MOUTH_H
#define SMX_SIM_ADVERSARY_MOUTH_H

#include "sim/run.h"

#include <stdint.h>

enum { SMX_MOUTH_MS = 20 };

struct smx_mouths;

/* Does this client's phone say anything in this bin?  Asked once for each, in order. */
typedef bool (*smx_mouth_says)(void *arg, size_t client, size_t bin);

/* Of all clients, from now to the end of measured time.  says NULL: phones say what they would. */
struct smx_mouths *smx_mouths_open(struct smx_sim *sim, smx_mouth_says says, void *arg);
/* Phones are as before; what was noted stays until _free. */
void smx_mouths_close(struct smx_mouths *m);
void smx_mouths_free(struct smx_mouths *m);

/* Bins of 20 ms since it was opened: 1 where a packet of speech was taken. */
size_t smx_mouth_bins(const struct smx_mouths *m);
const uint8_t *smx_mouth(const struct smx_mouths *m, size_t client);

#endif
