/* sim/agenda.h - what is to be done when, outside the nodes: people who answer and hang up, faults that
 * strike.  Entries at equal times are done in the order in which they were made.  It runs on a world's time,
 * and is freed before it.  Running out of memory ends the program. */
#ifndef SMX_SIM_AGENDA_H
#define SMX_SIM_AGENDA_H

#include "sim/world.h"

struct smx_agenda;

struct smx_agenda *smx_agenda_new(struct smx_world *world);
/* What is left is forgotten.  The world must not run any more. */
void smx_agenda_free(struct smx_agenda *a);
/* Calls fn(arg, number) at that time, or at once if it is past. */
void smx_agenda_at(struct smx_agenda *a, smx_time at, void (*fn)(void *arg, uint64_t number), void *arg,
                   uint64_t number);

#endif
