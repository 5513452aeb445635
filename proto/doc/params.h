/* proto/doc/params.h - the network parameters: what all nodes of one network must agree on.
 * They stand in the signed consensus, as a JSON object {"tick_ms": 10, ...}.  One table (smx_param_table)
 * gives each its name, default and range; codec, configuration and documentation all read that table. Source:
 * docs/protocol/60-directory.md, section 2; DESIGN: "Network parameters". */
#ifndef SMX_DOC_PARAMS_H
#define SMX_DOC_PARAMS_H

#include "proto/base/err.h"

#include <stddef.h>
#include <stdint.h>

/* All fields are uint32_t, so that the table can reach them by offset; switches are 0 or 1. */
struct smx_params {
    uint32_t tick_ms;           /* the mix clock of relays */
    uint32_t slot_period_ms;    /* one cell of a media slot each way; a multiple of tick_ms */
    uint32_t listen_period_ms;  /* listening and errand circuits: twice slot_period_ms */
    uint32_t epoch_s;           /* one consensus, one onion key, one renewal of each circuit */
    uint32_t margin_min_us;     /* bounds of a link's jitter margin */
    uint32_t margin_max_us;     /* */
    uint32_t margin_unknown_us; /* while too little was measured */
    uint32_t batch_s;           /* interval of pseudonym batches and of rounds of uploads */
    uint32_t batch_valid;       /* batches: an answer older than this many intervals is refused */
    uint32_t link_floor;        /* datagrams per tick on a link that no rate is listed for */
    uint32_t fanout;            /* neighbours per adjacent layer at most, in the mean; end relays at most */
    uint32_t floor_circuits;    /* live circuits below which a relay adds idle clients of its own */
    uint32_t slots_max;         /* media slots of a client */
    uint32_t distinct_subnets;  /* 1: relays of a path stand in different /16 (IPv6: /32) */
    uint32_t private_addresses; /* 1: private and loopback addresses are allowed (test networks) */
    uint32_t claim_work_bits;   /* leading zero bits that an upload's work must show */
    uint32_t name_grace_s;      /* a name lapses this long after its last claim, renewal or transfer */
    uint32_t nearness; /* power by which middle and end relays weigh less that are far from the others */
    uint32_t nearness_guard;  /* the same of guards; 0: all weigh the same */
    uint32_t consensus_valid; /* epochs from a consensus' start until it is refused */
};

struct smx_param_def {
    const char *name;
    size_t offset; /* into struct smx_params */
    uint32_t preset, min, max;
    const char *what; /* a few words, with the unit */
};

extern const struct smx_param_def smx_param_table[];
extern const size_t smx_param_count;

void smx_params_preset(struct smx_params *p);
/* The entry called name, or NULL. */
const struct smx_param_def *smx_param_find(const char *name);
uint32_t smx_param_get(const struct smx_params *p, const struct smx_param_def *def);
/* SMX_E_MALFORMED: outside def's range; *p is then untouched. */
enum smx_err smx_param_set(struct smx_params *p, const struct smx_param_def *def,
                           uint64_t value) SMX_MUST_CHECK;
/* The rules between parameters (periods are multiples of ticks, margins are in order, ...).
 * SMX_E_MALFORMED, with the broken rule in *why (constant text; why may be NULL). */
enum smx_err smx_params_check(const struct smx_params *p, const char **why) SMX_MUST_CHECK;

#endif
