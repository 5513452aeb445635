#include "proto/media/emodel.h"

#include <math.h>

double smx_delay_impairment(double ms)
{
    double x = log2(ms / 100);

    if (ms <= 100)
        return 0;
    return 25 * (pow(1 + pow(x, 6), 1.0 / 6) - 3 * pow(1 + pow(x / 3, 6), 1.0 / 6) + 2);
}

double smx_loss_impairment(double percent, double burst)
{
    return 95 * percent / (percent / burst + SMX_BPL);
}

double smx_rating(double ms, double percent, double burst)
{
    return SMX_R_BEST - smx_delay_impairment(ms) - smx_loss_impairment(percent, burst);
}

double smx_mos(double r)
{
    if (r <= 0)
        return 1;
    if (r >= 100)
        return 4.5;
    return fmax(1, 1 + 0.035 * r + r * (r - 60) * (100 - r) * 7e-6); /* the cubic dips below 1 for R < 6.5 */
}
