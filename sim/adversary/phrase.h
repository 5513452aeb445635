/* sim/adversary/phrase.h - made-up phrases, as a codec with variable rate and a phone with silence
 * suppression would send them, and a classifier that tells which one was said from the series that it left.
 *
 * A phrase is a level for each 20 ms: 0 in gaps between syllables and words, 1 to 7 (loudness, say) in them.
 * Said anew it takes a little more or less time here and there.  A codec's packets grow with the level; a
 * phone with silence suppression sends none in gaps; G.711 packets all have one size.  What is planted here
 * is far easier to tell apart than real speech, which is as it should be: whoever can't tell these can't tell
 * those.  Sources: C. Wright et al., "Spot me if you can: uncovering spoken phrases in encrypted VoIP
 * conversations" (IEEE S&P 2008); A. White et al., "Phonotactic reconstruction of encrypted VoIP
 * conversations" (IEEE S&P 2011).  Pure; the caller's memory. */
#ifndef SMX_SIM_ADVERSARY_PHRASE_H
#define SMX_SIM_ADVERSARY_PHRASE_H

#include "proto/base/rng.h"

#include <stddef.h>
#include <stdint.h>

enum {
    SMX_PHRASES = 32,
    SMX_PHRASE_BINS = 150,     /* 3 s */
    SMX_PHRASE_SPAN = 200,     /* of a turn: the phrase, and silence */
    SMX_PHRASE_SAID_MAX = 190, /* bins that saying it takes at most */
    SMX_PHRASE_LAG = 25,       /* bins that it may be seen later */
};

struct smx_phrase {
    uint8_t level[SMX_PHRASE_BINS];
};

void smx_phrases_draw(struct smx_phrase phrase[SMX_PHRASES], struct smx_rng *rng);
/* Says it: fills said, 0 behind its end. */
void smx_phrase_say(uint8_t said[SMX_PHRASE_SPAN], const struct smx_phrase *phrase, struct smx_rng *rng);
/* Bytes of a packet with this level from a codec with variable rate. */
float smx_phrase_bytes(uint8_t level);

/* How well each phrase fits what was seen in the bins of one turn and SMX_PHRASE_LAG more. */
enum { SMX_PHRASE_SEEN = SMX_PHRASE_SPAN + SMX_PHRASE_LAG };
enum smx_phrase_by { SMX_PHRASE_BY_SIZE, SMX_PHRASE_BY_SILENCE };
void smx_phrase_fit(double fit[SMX_PHRASES], const struct smx_phrase phrase[SMX_PHRASES],
                    enum smx_phrase_by by, const float seen[SMX_PHRASE_SEEN]);

#endif
