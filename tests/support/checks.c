#include "tests/support/checks.h"

#include "client/core.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void complain(struct verdict *v, smx_time now, const char *format, ...)
{
    va_list args;

    if (v->count++ >= COMPLAINTS_KEPT)
        return;
    v->kept[v->count - 1].at = now;
    va_start(args, format);
    vsnprintf(v->kept[v->count - 1].text, COMPLAINT, format, args);
    va_end(args);
}

/* ---- pace ---- */

/* Clocks run wrong by 100 ppm, and are corrected by as much again, with something to spare. */
enum { SLACK_PPM = 1000 };

static bool is_tick(smx_time gap, smx_time tick)
{
    smx_time slack = tick / (1000000 / SLACK_PPM);

    return gap >= tick - slack && gap <= tick + slack;
}

/* A datagram at `now`: closes the tick before, if this is another one. */
static void count(struct pace *p, struct pace_link *l, smx_time now, smx_time tick, uint32_t rate,
                  const char *kind, size_t from, size_t to)
{
    if (l->runs && l->at == now) {
        l->count++;
        return;
    }
    if (l->runs && now - l->at > SMX_SECOND(1)) /* it was down, and is up again; pace_look judges silence */
        l->settled = now + SMX_SECOND(SETTLED_S);
    if (l->runs && now >= l->settled && l->at >= l->settled) {
        p->ticks++;
        if (l->count != l->rate)
            complain(p->verdict, now, "%s %zu to %zu: %u datagrams in a tick, not %u", kind, from, to,
                     l->count, l->rate);
        if (!is_tick(now - l->at, tick))
            complain(p->verdict, now, "%s %zu to %zu: %.6f ms between ticks", kind, from, to,
                     (double)(now - l->at) / 1e6);
    }
    l->runs = true;
    l->at = now;
    l->count = 1;
    l->rate = rate;
}

static bool tap(void *arg, smx_time now, uint32_t from, uint32_t to, uint8_t *bytes, size_t len,
                smx_time *delay)
{
    struct pace *p = arg;
    size_t relays = p->n->relays;

    (void)bytes;
    (void)len;
    (void)delay;
    if (from < relays && to < relays)
        count(p, &p->link[from][to], now, p->tick[0], p->rate[from][to], "relay", from, to);
    else if (from < relays)
        count(p, &p->down[from][to - relays], now, p->tick[1], 1, "relay to client", from, to - relays);
    else if (to < relays)
        count(p, &p->up[from - relays][to], now, p->tick[1], 1, "client to relay", from - relays, to);
    return true;
}

static void unsettle(struct pace *p, struct pace_link *l)
{
    smx_time until = smx_world_now(p->n->world) + SMX_SECOND(SETTLED_S);

    if (until > l->settled)
        l->settled = until;
    l->runs = false;
}

static void read_rates(void *arg, size_t relay)
{
    struct pace *p = arg;
    const struct smx_consensus *c = smx_relay_current(p->n->relay[relay].core);
    size_t own = smx_consensus_find(c, p->n->relay[relay].id);

    for (size_t i = 0; i < p->n->relays; i++) {
        size_t place = smx_consensus_find(c, p->n->relay[i].id);
        uint32_t before = p->rate[relay][i];
        uint32_t rate = i == relay || own == SMX_RELAY_NONE || place == SMX_RELAY_NONE
                            ? 0
                            : smx_consensus_link_rate(c, own, place);

        p->rate[relay][i] = rate < SMX_RELAY_RATE ? rate : SMX_RELAY_RATE;
        if ((before == 0) != (rate == 0)) {
            unsettle(p, &p->link[relay][i]);
            unsettle(p, &p->link[i][relay]);
        }
    }
}

void pace_relay_disturbed(struct pace *p, size_t relay)
{
    for (size_t i = 0; i < p->n->relays; i++) {
        unsettle(p, &p->link[relay][i]);
        unsettle(p, &p->link[i][relay]);
    }
    for (size_t i = 0; i < p->n->clients; i++) {
        if (p->up[i][relay].runs || p->down[relay][i].runs) /* its client may go elsewhere, and come back */
            pace_client_disturbed(p, i);
        unsettle(p, &p->up[i][relay]);
        unsettle(p, &p->down[relay][i]);
    }
}

void pace_client_disturbed(struct pace *p, size_t client)
{
    for (size_t i = 0; i < p->n->relays; i++) {
        unsettle(p, &p->up[client][i]);
        unsettle(p, &p->down[i][client]);
    }
    p->client_settled[client] = smx_world_now(p->n->world) + SMX_SECOND(SETTLED_S);
}

void pace_client_moved(struct pace *p, size_t client)
{
    for (size_t i = 0; i < p->n->relays; i++)
        unsettle(p, &p->down[i][client]);
}

void pace_watch(struct pace *p, struct smx_sim_network *n, struct verdict *verdict)
{
    memset(p, 0, sizeof *p);
    SMX_SIM_MUST(n->relays <= PACE_RELAYS && n->config.clients_max <= PACE_CLIENTS);
    p->n = n;
    p->verdict = verdict;
    for (size_t i = 0; i < n->relays; i++)
        pace_relay_disturbed(p, i);
    for (size_t i = 0; i < n->relays; i++)
        if (n->relay[i].core && smx_relay_current(n->relay[i].core)) {
            const struct smx_params *params = &smx_relay_current(n->relay[i].core)->params;

            p->tick[0] = SMX_MS(params->tick_ms);
            p->tick[1] = SMX_MS(params->slot_period_ms);
            read_rates(p, i);
        }
    n->consensus_taken = read_rates;
    n->consensus_arg = p;
    smx_world_watch(n->world, tap, p);
}

static bool is_silent(const struct pace_link *l, smx_time now, smx_time tick)
{
    return now >= l->settled + tick && (!l->runs || now - l->at > tick + tick / (1000000 / SLACK_PPM));
}

void pace_look(struct pace *p)
{
    const struct smx_sim_network *n = p->n;
    smx_time now = smx_world_now(n->world);

    for (size_t a = 0; a < n->relays; a++)
        for (size_t b = 0; b < n->relays; b++)
            if (n->relay[a].core && n->relay[b].core && p->rate[a][b] > 0 &&
                is_silent(&p->link[a][b], now, p->tick[0])) {
                complain(p->verdict, now, "relay %zu to %zu: silent", a, b);
                unsettle(p, &p->link[a][b]); /* said once in a while */
            }
    for (size_t c = 0; c < n->clients; c++) {
        size_t up = 0, down = 0;

        if (now < p->client_settled[c])
            continue;
        for (size_t i = 0; i < n->relays; i++) {
            up += p->up[c][i].runs && now - p->up[c][i].at <= 2 * p->tick[1];
            down += p->down[i][c].runs && now - p->down[i][c].at <= 2 * p->tick[1];
        }
        if (up == 0 || down == 0) {
            complain(p->verdict, now, "client %zu: %s", c, up == 0 ? "sends nothing" : "is sent nothing");
            p->client_settled[c] = now + SMX_SECOND(SETTLED_S);
        }
    }
}

/* ---- slots ---- */

bool slots_are_idle(const struct smx_client *c)
{
    for (size_t i = 0; i < c->slots; i++)
        if (c->meeting[i].state != MEETING_IDLE ||
            (smx_circuit_is_open(&c->circuit[c->meeting[i].slot]) && !c->meeting[i].cookie_ready))
            return false;
    return true;
}

size_t free_slots(const struct smx_client *c)
{
    size_t count = 0;

    for (size_t i = 0; i < c->slots; i++)
        count += c->meeting[i].state == MEETING_IDLE && c->meeting[i].cookie_ready;
    return count;
}

const char *slots_text(const struct smx_client *c, char text[COMPLAINT])
{
    int len = 0;

    for (size_t i = 0; i < c->slots; i++)
        len +=
            snprintf(text + len, (size_t)COMPLAINT - (size_t)len,
                     "%smeeting %zu: state %d, cookie %d, circuit %d", i ? "; " : "", i, c->meeting[i].state,
                     c->meeting[i].cookie_ready, c->circuit[c->meeting[i].slot].origin.state);
    return text;
}
