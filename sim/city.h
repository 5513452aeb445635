/* sim/city.h - cities of the world and how far apart they are, in km and in ms.
 *
 * Delays are derived, not measured: light runs in fibre at two thirds of its speed in vacuum (199,862 km/s),
 * and a path is longer than the great circle between two cities by a factor, the stretch.  One way:
 *
 *     delay = stretch * great circle / 199,862 km/s
 *
 * With the preset of the stretch, 1.5, a round trip London - New York takes 84 ms, New York - San Francisco
 * 62 ms, London - Tokyo 143 ms.  Where no cable goes anywhere near straight, real paths take longer.  What a
 * home's or a data centre's line adds is a scenario's net.access and net.site.
 * Positions are of the city centres, rounded to 0.01 degrees; the earth
 * is a sphere of 6,371 km (off by at most 0.6 %).  The first cities are those with the largest Internet
 * exchanges, so that "relays in the first 8" means places where relays would be rented. */
#ifndef SMX_SIM_CITY_H
#define SMX_SIM_CITY_H

#include "proto/base/time.h"

#include <stddef.h>
#include <stdint.h>

struct smx_city {
    const char *name;
    double north, east; /* degrees */
};

enum { SMX_CITIES = 32 };
extern const struct smx_city smx_cities[SMX_CITIES];

double smx_city_km(size_t a, size_t b);
/* One way; stretch in millionths. */
smx_time smx_city_delay(size_t a, size_t b, uint32_t stretch);

#endif
