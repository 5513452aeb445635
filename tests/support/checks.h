/* tests/support/checks.h - what must hold in a network of sim/network.h at any time, judged from
 * outside the nodes: from datagrams under way, and from the sizes of their tables. */
#ifndef SMX_TEST_CHECKS_H
#define SMX_TEST_CHECKS_H

#include "tests/support/networks.h"

/* ---- what was found ---- */

enum { COMPLAINTS_KEPT = 32, COMPLAINT = 160 };

struct verdict {
    uint64_t count;
    struct {
        smx_time at;
        char text[COMPLAINT];
    } kept[COMPLAINTS_KEPT]; /* the first ones */
};

void complain(struct verdict *v, smx_time now, const char *format, ...) __attribute__((format(printf, 3, 4)));

enum { PACE_RELAYS = 24, PACE_CLIENTS = 16 }; /* of the networks that are judged, at most */

/* ---- pace: every link's datagrams against the consensus that its sender has ---- */

enum {
    SETTLED_S = 25
}; /* a link stands by then, after a disturbance at one of its ends: it is tried again within 20 s */

struct pace_link {
    smx_time at;      /* of the last datagram */
    uint32_t count;   /* datagrams then */
    uint32_t rate;    /* in a tick, while this one lasted */
    smx_time settled; /* from when on it is judged */
    bool runs;
};

struct pace {
    struct smx_sim_network *n;
    struct verdict *verdict;
    smx_time tick[2];                        /* of relays; of client links */
    uint32_t rate[PACE_RELAYS][PACE_RELAYS]; /* as the relay's consensus says */
    struct pace_link link[PACE_RELAYS][PACE_RELAYS];
    struct pace_link up[PACE_CLIENTS][PACE_RELAYS], down[PACE_RELAYS][PACE_CLIENTS];
    smx_time client_settled[PACE_CLIENTS];
    uint64_t ticks; /* of links, judged */
};

/* Watches the world of n from now on; takes n->consensus_taken. */
void pace_watch(struct pace *p, struct smx_sim_network *n, struct verdict *verdict);
/* Something happens to a node: what others send it, and it sends, is not judged until it has settled. */
void pace_relay_disturbed(struct pace *p, size_t relay);
void pace_client_disturbed(struct pace *p, size_t client);
/* Its address is another: what is under way to it, and what its guard sends before it hears from there, is
 * lost. */
void pace_client_moved(struct pace *p, size_t client);
/* Once a second or so: is there a link that has fallen silent? */
void pace_look(struct pace *p);

/* ---- tables ---- */

struct tables { /* things in use */
    size_t circuits, joined, cookies, waiting, listeners, notes, streams, commands, introductions, uploads;
    size_t lost; /* places of a table that are neither free nor in use */
};
void relay_tables(const struct smx_relay *r, struct tables *t);
/* Of all relays that live. */
struct tables network_tables(const struct smx_sim_network *n);

/* All slots idle, and as far as their circuits stand with a new cookie out. */
bool slots_are_idle(const struct smx_client *c);
/* Slots that are idle with a cookie. */
size_t free_slots(const struct smx_client *c);
/* What its slots do, for people. */
const char *slots_text(const struct smx_client *c, char text[COMPLAINT]);

#endif
