/* sim/check_links.h - what every link carries, judged from the datagrams that are sent.  Sources:
 * docs/protocol/10-link.md (counters, ticks), 30-circuit.md, section 3 (timetables).
 *
 * Of every datagram the header is read, with keys that the sender holds: tick t and number k.  It must hold
 * that
 *   - in each tick of a link that is up there are as many datagrams as the sender's consensus says, numbered
 *     from 0, and one in a client link's tick; no tick is left out, none comes twice;
 *   - the tick's datagrams leave when the sender's mix clock shows t, and ticks are a tick's length apart on
 * a clock that runs right, within SMX_LINKS_SLACK_PPM. Links that are opened are deciphered too.  There it
 * must hold that
 *   - every circuit of the sender's table, in either direction, has exactly one cell in each of its periods;
 *     two that share a place have one together (20-cell, section 8);
 *   - counts follow the timetable: one more in each period, from the first cell to the last.
 * A tick may be left out by a node that stood still (smx_check_links_excuse), and while a link was down. On a
 * client link a link command may take the turn of a listening or errand circuit.
 *
 * It looks into cores, never changes them.  Pure, but it allocates; running out of memory ends the program,
 * as in sim/world.h. */
#ifndef SMX_SIM_CHECK_LINKS_H
#define SMX_SIM_CHECK_LINKS_H

#include "sim/check.h"
#include "sim/network.h"

enum { SMX_LINKS_SLACK_PPM = 1000 }; /* clocks run wrong by 100, and are corrected by as much again */

struct smx_check_links;

/* One directed link in open_one_in, drawn by seed, is opened; 1: all. */
struct smx_check_links *smx_check_links_new(struct smx_sim_network *n, struct smx_verdict *verdict,
                                            uint64_t seed, uint32_t open_one_in);
void smx_check_links_free(struct smx_check_links *c);
/* Watches the network's world from now on, and so sees every datagram by itself; until _free. */
void smx_check_links_watch(struct smx_check_links *c);
/* A datagram as its sender made it, in the order of sending; of nodes of the network only. */
void smx_check_links_datagram(struct smx_check_links *c, smx_time now, uint32_t from, uint32_t to,
                              const uint8_t *bytes, size_t len);
/* Now and then, between events: are cells there of all circuits, does no link keep silent? */
void smx_check_links_look(struct smx_check_links *c);
/* The node stood still, until now at most: its next ticks may be late, and some left out. */
void smx_check_links_excuse(struct smx_check_links *c, uint32_t node);

/* Pairs of living relays that should have a link, as the consensus of either says, and have none that is up;
 * one of them in words in text.  0: none. */
size_t smx_check_links_missing(const struct smx_check_links *c, char text[SMX_COMPLAINT]);

struct smx_check_links_counters {
    uint64_t ticks; /* of links, judged */
    uint64_t handshakes;
    uint64_t cells;    /* of circuits, on links that are opened */
    uint64_t circuits; /* looks at a circuit's direction that found its cell */
};
const struct smx_check_links_counters *smx_check_links_counters(const struct smx_check_links *c);

#endif
