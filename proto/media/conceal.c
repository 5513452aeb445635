/* proto/media/conceal.c - see conceal.h.
 *
 * The library's own history is a ring that it turns, at the first lost frame, by a memcpy onto itself; where
 * the ring stands at its beginning there is nothing to turn.  So the history is kept here, and handed over in
 * one piece when a frame is missing. */
#include "proto/media/conceal.h"

#include <spandsp/telephony.h>

#include <spandsp/plc.h>

#include <string.h>

_Static_assert(sizeof(plc_state_t) == SMX_CONCEAL_STATE, "of version 0.0.6");
_Static_assert(2 * SMX_CONCEAL_SAMPLES >= PLC_HISTORY_LEN, "two frames are all that it looks at");

static plc_state_t *library(struct smx_conceal *c)
{
    return (plc_state_t *)(void *)c->state;
}

void smx_conceal_init(struct smx_conceal *c)
{
    memset(c, 0, sizeof *c);
}

bool smx_conceal_heard(struct smx_conceal *c, int16_t samples[SMX_CONCEAL_SAMPLES])
{
    bool blended = c->missing > 0;

    if (blended)
        (void)plc_rx(library(c), samples, SMX_CONCEAL_SAMPLES);
    c->missing = 0;
    memcpy(c->heard, c->heard + SMX_CONCEAL_SAMPLES, sizeof c->heard / 2);
    memcpy(c->heard + SMX_CONCEAL_SAMPLES, samples, sizeof c->heard / 2);
    return blended;
}

void smx_conceal_fill(struct smx_conceal *c, int16_t samples[SMX_CONCEAL_SAMPLES])
{
    if (c->missing == SMX_CONCEAL_FADE) { /* the library would count on, to where its counter ends */
        memset(samples, 0, SMX_CONCEAL_SAMPLES * sizeof *samples);
        return;
    }
    if (c->missing++ == 0) {
        (void)plc_init(library(c)); /* allocates for NULL only */
        (void)plc_rx(library(c), c->heard, 2 * SMX_CONCEAL_SAMPLES);
    }
    (void)plc_fillin(library(c), samples, SMX_CONCEAL_SAMPLES);
}
