#include "client/web/mos.h"

#include <math.h>

static const double r_best = 93.2; /* table 2: all parameters at their defaults */
static const double bpl = 25.1;    /* robustness of G.711 with concealment against random loss */

/* Idd, equation 7-27: nothing up to 100 ms. */
static double delay_impairment(double ms)
{
    double x = ms > 100 ? log2(ms / 100) : 0;

    if (x <= 0)
        return 0;
    return 25 * (pow(1 + pow(x, 6), 1.0 / 6) - 3 * pow(1 + pow(x / 3, 6), 1.0 / 6) + 2);
}

double smx_mos(double mouth_to_ear_ms, double loss_percent)
{
    double loss = 95 * loss_percent / (loss_percent + bpl); /* Ie,eff, equation 7-29, for Ie = 0 */
    double r = r_best - delay_impairment(mouth_to_ear_ms) - loss;

    return r <= 0 ? 1 : 1 + 0.035 * r + r * (r - 60) * (100 - r) * 7e-6; /* annex B */
}
