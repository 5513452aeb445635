/* relay/loose.c - departures without a timetable, or on one that moves: test networks only.
 *
 * What the network promises rests on timetables that are chosen once.  The two modes here are what it would
 * be without them, for attacks to be measured against (sim/adversary); decisions/002-fixed-timetables.md says
 * what they showed.
 *
 *   OFF       a cell leaves in the first tick of its link after it came, in order; nothing stands in for one
 *             that does not come.  Only the relay's own words to an owner still have a timetable.
 *   ADAPTIVE  one cell a period as ever, but a cell that comes too late moves the timetable behind it, and
 *             when each of WINDOW cells in a row had a tick to spare, it moves before.  A jitter buffer does
 *             so; a delay that somebody makes then goes on, from relay to relay. */
#include "relay/core.h"

#include <stdlib.h>
#include <string.h>

enum { WINDOW = 10 /* cells: a fifth of a second */, FAR = 32 };

enum smx_err smx_relay_loose_new(struct smx_relay *r)
{
    if (r->config.timetables == SMX_TIMETABLES_FIXED)
        return SMX_OK;
    r->loose = calloc(r->config.circuits_max, 2 * sizeof *r->loose);
    return r->loose ? SMX_OK : SMX_E_MEMORY;
}

static uint32_t ref_of(const struct smx_relay *r, const struct departure *d)
{
    size_t at = (size_t)((const char *)d - (const char *)r->circuit) / sizeof *r->circuit;

    return (uint32_t)at * 2 + (d == &r->circuit[at].bwd ? BWD : FWD);
}

/* Each new timetable begins at another number. */
static struct loose *loose_of(struct smx_relay *r, uint32_t ref)
{
    const struct departure *d = smx_relay_departure(r, ref);
    struct loose *l = &r->loose[ref];

    if (l->number0 != d->tt.number0)
        *l = (struct loose){.number0 = d->tt.number0, .sent = d->tt.number0 - 1, .spare = UINT32_MAX};
    return l;
}

/* ---- timetables that follow ---- */

/* On a client's link the ticks are his, so a cell moves by whole turns.  Elsewhere it goes where there is
 * room.
 */
static bool new_tick0(const struct smx_relay *r, uint32_t ref, const struct departure *d, uint64_t by,
                      bool later, uint64_t *tick0)
{
    uint32_t period = d->tt.period;

    if (r->neighbour[d->link].kind == SMX_LINK_CLIENT) {
        by = (later ? by + period - 1 : by) / period * period;
        *tick0 = later ? d->tt.tick0 + by : d->tt.tick0 - by;
        return true;
    }
    for (uint32_t i = 0; i < (later ? period : by); i++) {
        *tick0 = later ? d->tt.tick0 + by + i : d->tt.tick0 - by + i;
        if (*tick0 % period == d->tt.tick0 % period ||
            smx_relay_has_room(r, d->link, r->circuit[ref / 2].period, (uint32_t)(*tick0 % period)))
            return true;
    }
    return false;
}

static void move(struct smx_relay *r, uint32_t ref, uint64_t by, bool later)
{
    struct departure *d = smx_relay_departure(r, ref);
    uint64_t tick0;

    if (!new_tick0(r, ref, d, by, later, &tick0))
        return;
    if (tick0 % d->tt.period == d->tt.tick0 % d->tt.period) {
        d->tt.tick0 = tick0;
        return;
    }
    smx_relay_depart_move(r, ref / 2, (int)(ref % 2), tick0);
}

static void follow(struct smx_relay *r, uint32_t ref, struct loose *l, uint64_t number)
{
    const struct departure *d = smx_relay_departure(r, ref);
    uint64_t tick = smx_timetable_tick(&d->tt, number);

    if (tick < r->next) {
        move(r, ref, r->next - tick, true);
        l->seen = 0;
        l->spare = UINT32_MAX;
        return;
    }
    if (tick - r->next < l->spare)
        l->spare = (uint32_t)(tick - r->next);
    if (++l->seen < WINDOW)
        return;
    if (l->spare > 0)
        move(r, ref, l->spare, false);
    l->seen = 0;
    l->spare = UINT32_MAX;
}

/* ---- cells in ---- */

void smx_relay_loose_put(struct smx_relay *r, struct departure *d, uint64_t number,
                         const uint8_t body[SMX_CELL_BODY])
{
    uint32_t ref = ref_of(r, d);
    struct loose *l;
    size_t i = number % RING;

    if (d->link == NONE || number < d->tt.number0)
        return;
    l = loose_of(r, ref);
    if (r->config.timetables == SMX_TIMETABLES_ADAPTIVE && number <= l->sent + FAR && number + FAR > l->sent)
        follow(r, ref, l, number);
    if (number <= l->sent) {
        r->count.cells_late++;
        return;
    }
    if ((d->have >> i & 1) && d->number[i] >= number) {
        r->count.cells_repeated++;
        return;
    }
    if (r->config.timetables == SMX_TIMETABLES_ADAPTIVE &&
        smx_timetable_tick(&d->tt, number) >= r->next + (uint64_t)RING * d->tt.period) {
        r->count.cells_early++;
        return;
    }
    smx_relay_depart_keep(r, d, i, number, body);
}

/* ---- cells out ---- */

static bool oldest(const struct departure *d, uint64_t *number)
{
    bool any = false;

    for (size_t i = 0; i < RING; i++)
        if ((d->have >> i & 1) && (!any || d->number[i] < *number)) {
            *number = d->number[i];
            any = true;
        }
    return any;
}

/* Lets the cell with this number go; false: no room. */
static bool send_cell(struct smx_relay *r, uint32_t ref, uint64_t number, smx_time now, struct smx_quantum *q,
                      uint32_t *real)
{
    uint8_t *cell = smx_quantum_add(q);

    if (!cell)
        return false;
    if (smx_relay_depart_as(r, ref, number, now, cell)) {
        loose_of(r, ref)->sent = number;
        (*real)++;
    } else {
        smx_quantum_undo(q); /* cover is off */
    }
    return true;
}

static bool is_due(struct smx_relay *r, uint32_t ref, uint64_t tick, uint64_t *number)
{
    const struct circuit *c = &r->circuit[ref / 2];

    if (!smx_relay_is_due(r, ref, tick))
        return false;
    if (r->config.timetables == SMX_TIMETABLES_OFF &&
        (ref % 2 == FWD || (c->note_count == 0 && (c->down == DOWN_LINK || c->down == DOWN_PEER))))
        return false;
    *number = smx_timetable_number(&smx_relay_departure(r, ref)->tt, tick);
    return *number > loose_of(r, ref)->sent; /* it has left before the timetable moved */
}

static uint32_t depart_list(struct smx_relay *r, uint32_t head, uint64_t tick, smx_time now, uint32_t *skip,
                            struct smx_quantum *q)
{
    uint32_t real = 0;

    for (uint32_t ref = head; ref != NONE; ref = smx_relay_departure(r, ref)->next) {
        struct departure *d = smx_relay_departure(r, ref);
        uint64_t number = 0;

        if (d->id == 0)
            smx_relay_depart_empty(r, d); /* its CREATE is not answered yet */
        if (r->config.timetables == SMX_TIMETABLES_OFF)
            while (oldest(d, &number))
                if (!send_cell(r, ref, number, now, q, &real))
                    return real; /* the rest next time */
        if (!is_due(r, ref, tick, &number))
            continue;
        if (*skip > 0)
            (*skip)--;
        else if (!send_cell(r, ref, number, now, q, &real))
            return real;
    }
    return real;
}

uint32_t smx_relay_loose_depart(struct smx_relay *r, uint32_t link, uint64_t tick, smx_time now,
                                uint32_t skip, struct smx_quantum *q)
{
    const struct neighbour *n = &r->neighbour[link];
    bool all = r->config.timetables == SMX_TIMETABLES_OFF; /* whatever class it is of */
    uint32_t real = 0, none = 0;

    for (uint32_t k = 0; k < r->period[SMX_PERIOD_SLOT]; k++)
        if (all || k == tick % r->period[SMX_PERIOD_SLOT])
            real += depart_list(r, n->slot[k], tick, now, &none, q);
    for (uint32_t k = 0; k < r->period[SMX_PERIOD_LISTEN]; k++)
        if (all || k == tick % r->period[SMX_PERIOD_LISTEN])
            real += depart_list(r, n->listen[k], tick, now, &skip, q);
    return real;
}
