/* client/web/mos.h - how a call probably sounds, 1 (bad) to 4.4 (as good as G.711 can be): ITU-T G.107
 * (06/2015, the E-model) with its default values, for G.711 with concealment (G.113, appendix I).  Pure. */
#ifndef SMX_WEB_MOS_H
#define SMX_WEB_MOS_H

/* mouth_to_ear_ms: absolute delay Ta; loss_percent: of frames, at random. */
double smx_mos(double mouth_to_ear_ms, double loss_percent);

#endif
