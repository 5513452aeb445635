#include "proto/media/conceal.h"

#include <spandsp/telephony.h>

#include <spandsp/plc.h>

#include <string.h>

_Static_assert(sizeof(plc_state_t) == SMX_CONCEAL_STATE, "of version 0.0.6");

static plc_state_t *library(struct smx_conceal *c)
{
    return (plc_state_t *)(void *)c->state;
}

void smx_conceal_init(struct smx_conceal *c)
{
    memset(c, 0, sizeof *c);
    (void)plc_init(library(c)); /* allocates for NULL only */
}

bool smx_conceal_heard(struct smx_conceal *c, int16_t samples[SMX_CONCEAL_SAMPLES])
{
    bool blended = c->missing > 0;

    (void)plc_rx(library(c), samples, SMX_CONCEAL_SAMPLES);
    c->missing = 0;
    return blended;
}

void smx_conceal_fill(struct smx_conceal *c, int16_t samples[SMX_CONCEAL_SAMPLES])
{
    if (c->missing == SMX_CONCEAL_FADE) { /* the library would count on, to where its counter ends */
        memset(samples, 0, SMX_CONCEAL_SAMPLES * sizeof *samples);
        return;
    }
    c->missing++;
    (void)plc_fillin(library(c), samples, SMX_CONCEAL_SAMPLES);
}
