/* proto/doc/onion.h - a relay's onion keys in JSON, [{"key": HEX64, "epoch": E}, ...] in ascending epochs:
 * relay descriptor and consensus write them alike; only for proto/doc. */
#ifndef SMX_DOC_ONION_H
#define SMX_DOC_ONION_H

#include "proto/doc/json.h"
#include "proto/doc/relaydesc.h"

/* 1..SMX_ONION_KEYS keys; tags are derived. */
bool smx_onion_read(struct smx_onion_key *onion, size_t *count, const json_t *list);
json_t *smx_onion_write(const struct smx_onion_key *onion, size_t count);

#endif
