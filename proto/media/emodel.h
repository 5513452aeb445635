/* proto/media/emodel.h - how a call probably sounds: the E-model.  Source: ITU-T G.107 (06/2015).
 *
 * It turns delay and loss into a rating factor R, and that into a mean opinion score.  All its other
 * parameters have their defaults (R 93.2 without delay and loss; no echo), the codec is G.711 with
 * concealment (Ie 0, Bpl 25.1: G.113, appendix I).  Delay is mouth to ear, in ms.  Pure. */
#ifndef SMX_MEDIA_EMODEL_H
#define SMX_MEDIA_EMODEL_H

#define SMX_R_BEST 93.2 /* G.107, table 2: all at their defaults */
#define SMX_BPL    25.1 /* G.113, appendix I: G.711 with concealment */

/* Idd, equations 7-27 and 7-28 with sT = 1, mT = 100 ms: nothing up to 100 ms of one-way delay. */
double smx_delay_impairment(double ms);
/* Ie,eff, equation 7-29.  percent: of frames lost.  burst: how much longer runs of lost frames are than if as
 * many were lost at random; 1: random. */
double smx_loss_impairment(double percent, double burst);
double smx_rating(double ms, double percent, double burst); /* R */
double smx_mos(double rating);                              /* annex B; 1 to 4.5 */

#endif
