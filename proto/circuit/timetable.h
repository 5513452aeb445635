/* proto/circuit/timetable.h - which cell goes in which tick, fixed when a circuit's direction is born and
 * never moved. Source: docs/protocol/30-circuit.md, section 3.  Pure arithmetic. */
#ifndef SMX_CIRCUIT_TIMETABLE_H
#define SMX_CIRCUIT_TIMETABLE_H

#include <stdbool.h>
#include <stdint.h>

/* Cell number0 belongs to tick0, the next to tick0 + period, and so on. */
struct smx_timetable {
    uint64_t tick0;   /* of the sender's clock on that link */
    uint64_t number0; /* 64-bit count */
    uint32_t period;  /* ticks, >= 1 */
};

/* The tick of a number; number >= number0. */
uint64_t smx_timetable_tick(const struct smx_timetable *t, uint64_t number);
/* The number whose tick is the last at or before tick; number0 - 1 before the first. */
uint64_t smx_timetable_number(const struct smx_timetable *t, uint64_t tick);
/* True when a cell is due in exactly this tick. */
bool smx_timetable_is_due(const struct smx_timetable *t, uint64_t tick);
/* The 64-bit tick nearest to newest whose low half is low. */
uint64_t smx_tick_unwrap(uint32_t low, uint64_t newest);

#endif
