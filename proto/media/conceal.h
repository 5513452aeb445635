/* proto/media/conceal.h - what is heard in place of lost audio: spandsp's concealment behind one file.
 * Source: ITU-T G.711, Appendix I, in the variant of spandsp's plc.h, without its delay.
 *
 * What was heard last is continued by its own pitch period, fading to silence over 50 ms; where audio comes
 * again, its beginning is blended with that.  Linear samples at 8000/s, SMX_CONCEAL_SAMPLES at a time.  Pure:
 * no allocation, no I/O; the state is plain bytes of the caller's, nothing to free. */
#ifndef SMX_MEDIA_CONCEAL_H
#define SMX_MEDIA_CONCEAL_H

#include <stdbool.h>
#include <stdint.h>

enum {
    SMX_CONCEAL_SAMPLES = 160,
    SMX_CONCEAL_FADE = 3,    /* frames in a row after which nothing but silence is left */
    SMX_CONCEAL_STATE = 1056 /* bytes of the library's state */
};

struct smx_conceal {
    _Alignas(8) uint8_t state[SMX_CONCEAL_STATE];
    unsigned missing;                       /* frames in a row, up to SMX_CONCEAL_FADE */
    int16_t heard[2 * SMX_CONCEAL_SAMPLES]; /* the last two frames, the older one first */
};

void smx_conceal_init(struct smx_conceal *c);
/* A frame has come.  True: its beginning was changed, since some before it were missing. */
bool smx_conceal_heard(struct smx_conceal *c, int16_t samples[SMX_CONCEAL_SAMPLES]);
/* A frame is missing: writes what is heard instead. */
void smx_conceal_fill(struct smx_conceal *c, int16_t samples[SMX_CONCEAL_SAMPLES]);

#endif
