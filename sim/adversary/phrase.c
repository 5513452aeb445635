#include "sim/adversary/phrase.h"

#include "sim/adversary/signal.h"

#include <string.h>

enum { PIECES = 5, PIECE = SMX_PHRASE_BINS / PIECES, DRIFT = 8, WINDOWS = SMX_PHRASE_SEEN - PIECE + 1 };
_Static_assert(PIECE *PIECES == SMX_PHRASE_BINS, "pieces fill a phrase");

void smx_phrases_draw(struct smx_phrase phrase[SMX_PHRASES], struct smx_rng *rng)
{
    for (size_t p = 0; p < SMX_PHRASES; p++) {
        size_t i = 0;

        memset(&phrase[p], 0, sizeof phrase[p]);
        while (i < SMX_PHRASE_BINS) {
            size_t syllable = 4 + smx_rng_below(rng, 8);
            size_t gap = smx_rng_below(rng, 3) == 0 ? 4 + smx_rng_below(rng, 9) : smx_rng_below(rng, 3);
            uint8_t level = (uint8_t)(1 + smx_rng_below(rng, 7));

            for (; syllable > 0 && i < SMX_PHRASE_BINS; syllable--)
                phrase[p].level[i++] = level;
            i += gap;
        }
    }
}

void smx_phrase_say(uint8_t said[SMX_PHRASE_SPAN], const struct smx_phrase *phrase, struct smx_rng *rng)
{
    size_t at = 0;

    memset(said, 0, SMX_PHRASE_SPAN);
    for (size_t i = 0; i < SMX_PHRASE_BINS && at < SMX_PHRASE_SAID_MAX; i++) {
        uint32_t luck = smx_rng_below(rng, 40); /* one bin in twenty is left out, or said twice */

        for (size_t times = luck == 0 ? 0 : luck == 1 ? 2 : 1; times > 0 && at < SMX_PHRASE_SAID_MAX; times--)
            said[at++] = phrase->level[i];
    }
}

float smx_phrase_bytes(uint8_t level)
{
    return level == 0 ? 0 : (float)(12 + 8 * level);
}

static float shape(uint8_t level, enum smx_phrase_by by)
{
    if (by == SMX_PHRASE_BY_SIZE)
        return smx_phrase_bytes(level);
    return level > 0 ? 1 : 0;
}

/* Tempo varies, so each fifth of a phrase is looked for near where it should be, by itself. */
static double fit_piece(const float *piece, float window[WINDOWS][PIECE], size_t place)
{
    double best = -2;

    for (size_t at = place > DRIFT ? place - DRIFT : 0; at <= place + DRIFT && at < WINDOWS; at++) {
        double r = smx_signal_at_lag(piece, window[at], PIECE, 0);

        best = r > best ? r : best;
    }
    return best;
}

void smx_phrase_fit(double fit[SMX_PHRASES], const struct smx_phrase phrase[SMX_PHRASES],
                    enum smx_phrase_by by, const float seen[SMX_PHRASE_SEEN])
{
    float window[WINDOWS][PIECE], piece[PIECES][PIECE];

    for (size_t at = 0; at < WINDOWS; at++) {
        memcpy(window[at], seen + at, sizeof window[at]);
        smx_signal_standardize(window[at], PIECE);
    }
    for (size_t p = 0; p < SMX_PHRASES; p++) {
        for (size_t k = 0; k < PIECES; k++) {
            for (size_t i = 0; i < PIECE; i++)
                piece[k][i] = shape(phrase[p].level[k * PIECE + i], by);
            smx_signal_standardize(piece[k], PIECE);
        }
        fit[p] = -2 * PIECES;
        for (size_t lag = 0; lag < SMX_PHRASE_LAG; lag += DRIFT / 2) {
            double sum = 0;

            for (size_t k = 0; k < PIECES; k++)
                sum += fit_piece(piece[k], window, k * PIECE + lag);
            fit[p] = sum > fit[p] ? sum : fit[p];
        }
    }
}
