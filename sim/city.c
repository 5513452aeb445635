#include "sim/city.h"

#include <math.h>

#define EARTH_KM   6371.0
#define FIBRE_KM_S 199862.0 /* two thirds of 299,792 */
#define PI         3.14159265358979323846

const struct smx_city smx_cities[SMX_CITIES] = {
    {"Frankfurt", 50.11, 8.68},
    {"Amsterdam", 52.37, 4.90},
    {"London", 51.51, -0.13},
    {"Paris", 48.86, 2.35},
    {"New York", 40.71, -74.01},
    {"Stockholm", 59.33, 18.07},
    {"Chicago", 41.88, -87.63},
    {"Warsaw", 52.23, 21.01},
    {"Toronto", 43.65, -79.38},
    {"Madrid", 40.42, -3.70},
    {"Milan", 45.46, 9.19},
    {"Vienna", 48.21, 16.37},
    {"San Francisco", 37.77, -122.42},
    {"Istanbul", 41.01, 28.98},
    {"Moscow", 55.76, 37.62},
    {"Miami", 25.76, -80.19},
    {"Sao Paulo", -23.55, -46.63},
    {"Singapore", 1.35, 103.82},
    {"Tokyo", 35.68, 139.69},
    {"Mumbai", 19.08, 72.88},
    {"Sydney", -33.87, 151.21},
    {"Johannesburg", -26.20, 28.05},
    {"Hong Kong", 22.32, 114.17},
    {"Cairo", 30.04, 31.24},
    {"Seoul", 37.57, 126.98},
    {"Dubai", 25.20, 55.27},
    {"Lagos", 6.52, 3.38},
    {"Mexico City", 19.43, -99.13},
    {"Buenos Aires", -34.60, -58.38},
    {"Nairobi", -1.29, 36.82},
    {"Jakarta", -6.21, 106.85},
    {"Los Angeles", 34.05, -118.24},
};

/* The haversine formula, with the arctangent, which is exact enough at both ends. */
double smx_city_km(size_t a, size_t b)
{
    const double degree = PI / 180;
    double north_a = smx_cities[a].north * degree, north_b = smx_cities[b].north * degree;
    double half_north = (north_b - north_a) / 2,
           half_east = (smx_cities[b].east - smx_cities[a].east) * degree / 2;
    double h =
        sin(half_north) * sin(half_north) + cos(north_a) * cos(north_b) * sin(half_east) * sin(half_east);

    return 2 * EARTH_KM * atan2(sqrt(h), sqrt(1 - h));
}

smx_time smx_city_delay(size_t a, size_t b, uint32_t stretch)
{
    double us = smx_city_km(a, b) / FIBRE_KM_S * stretch; /* stretch is in millionths */

    return SMX_US((uint64_t)llround(us));
}
