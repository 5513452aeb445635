/* directory/relays.h - the relays that a directory knows, and by which rules it lets them in.
 * Source: docs/protocol/60-directory.md, sections 5 and 6.  Pure. */
#ifndef SMX_DIRECTORY_RELAYS_H
#define SMX_DIRECTORY_RELAYS_H

#include "directory/directory.h"

struct smx_dir_relay {
    struct smx_relaydesc desc; /* first: sorted by its id */
    uint8_t layer;
    struct smx_wall seen;
};

struct smx_dir_relays {
    struct smx_dir_relay **at; /* ours, sorted by id */
    size_t count, max;
};

enum smx_err smx_dir_relays_new(struct smx_dir_relays *r, size_t max) SMX_MUST_CHECK;
void smx_dir_relays_free(struct smx_dir_relays *r);
struct smx_dir_relay *smx_dir_relays_find(const struct smx_dir_relays *r, const uint8_t id[SMX_DOC_KEY]);
/* Adds or replaces.  SMX_E_FULL, SMX_E_MEMORY. */
enum smx_err smx_dir_relays_put(struct smx_dir_relays *r, const struct smx_dir_relay *relay) SMX_MUST_CHECK;
/* Forgets those that are not listed any more, except in the store, which keeps their layer. */
void smx_dir_relays_purge(struct smx_dir_relays *r, const struct smx_params *p, struct smx_wall now);

/* Whether its last descriptor came within SMX_DIRECTORY_LISTED_EPOCHS; within one and a half. */
bool smx_dir_relay_is_listed(const struct smx_dir_relay *r, const struct smx_params *p, struct smx_wall now);
bool smx_dir_relay_is_fresh(const struct smx_dir_relay *r, const struct smx_params *p, struct smx_wall now);
/* The layer for a relay that has none yet. */
enum smx_layer smx_dir_relays_layer(const struct smx_dir_relays *r, const struct smx_params *p,
                                    enum smx_role role);
/* Whether a descriptor keeps the rules, given all other relays.  As smx_directory_relay. */
enum smx_err smx_dir_relays_judge(const struct smx_dir_relays *r, const struct smx_relaydesc *d,
                                  const struct smx_network *n, const struct smx_params *p,
                                  struct smx_wall now, const char **why) SMX_MUST_CHECK;

#endif
