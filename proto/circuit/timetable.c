#include "proto/circuit/timetable.h"

#include <assert.h>

uint64_t smx_timetable_tick(const struct smx_timetable *t, uint64_t number)
{
    return t->tick0 + (number - t->number0) * t->period;
}

uint64_t smx_timetable_number(const struct smx_timetable *t, uint64_t tick)
{
    assert(t->period > 0);
    if (tick < t->tick0)
        return t->number0 - 1;
    return t->number0 + (tick - t->tick0) / t->period;
}

bool smx_timetable_is_due(const struct smx_timetable *t, uint64_t tick)
{
    assert(t->period > 0);
    return tick >= t->tick0 && (tick - t->tick0) % t->period == 0;
}

uint64_t smx_tick_unwrap(uint32_t low, uint64_t newest)
{
    return newest + (uint64_t)(int64_t)(int32_t)(low - (uint32_t)newest);
}
