/* sim/adversary/intersect.h - who is it?  The long-term intersection of who is on line when something
 * happens.
 *
 * Users come and go, each by himself; a share of them never goes.  Access links show to an observer who is on
 * line, which no cover can hide.  Four questions are asked about a target, and each is answered by striking
 * out, round by round, everybody who does not fit:
 *   holder     which user holds this pseudonym?  He who can be reached when it can: a round is one call to
 * it, which anybody may make attaching  the same, for the introduction relay: a round is one coming;
 * candidates came on line in the seconds before the listening circuit did partner    who calls me?  The
 * callee's question, with the observer's help: a round is one call of his contact    who calls this pseudonym
 * most?  The introduction relay's question: it sees calls of all contacts, so nobody is struck out, and the
 * candidate wins who was on line in most rounds, beyond what he is on line otherwise (statistical disclosure)
 *
 * Events only, no packets: users who are on line send the same whether they call or not, so there is nothing
 * else to model.  Sources: Berthold, Pfitzmann, Standtke (PET 2000) for intersection; Danezis (2003) for
 * statistical disclosure. */
#ifndef SMX_SIM_ADVERSARY_INTERSECT_H
#define SMX_SIM_ADVERSARY_INTERSECT_H

#include "proto/base/rng.h"
#include "sim/adversary/attack.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum smx_intersect_question {
    SMX_ASK_HOLDER,
    SMX_ASK_ATTACHING,
    SMX_ASK_PARTNER,
    SMX_ASK_CONTACT,
    SMX_INTERSECT_QUESTIONS
};

struct smx_intersect_config {
    size_t users;
    double always;              /* share of them who never go */
    bool target_stays;          /* the target (holder, or caller) is one of those */
    double online_h, offline_h; /* means of a session and of a break of the others; exponential */
    double poll_h;              /* holder: between two calls to the pseudonym */
    double calls_day;           /* partner: calls of the one who is looked for */
    double others_day; /* contact: calls of all other contacts together, each from a random user on line */
    double attach_s;   /* attaching: from coming on line until the listening circuit stands, mean */
    unsigned days;     /* then the attacker gives up */
};

struct smx_intersect_answer {
    bool found;      /* the target is the only candidate, or leads at the end (contact) */
    unsigned rounds; /* until only he was left; contact: until he led for good; else all there were */
    double days;     /* until then; else all there were */
    size_t left;     /* candidates at the end; contact: users with at least the target's score */
};

/* One target; each user's presence is drawn anew. */
void smx_intersect_run(struct smx_intersect_answer *answer, enum smx_intersect_question question,
                       const struct smx_intersect_config *config, struct smx_rng *rng);

extern const struct smx_attack smx_attack_intersect;

#endif
