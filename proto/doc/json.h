/* proto/doc/json.h - reading and writing the JSON of documents, strictly; only for proto/doc and its users.
 * A reader returns false for what is absent, of a wrong type or out of range: one document, one verdict.
 * A writer that runs out of memory leaves NULL, and so does all that it is put into: one check, at the end.
 */
#ifndef SMX_DOC_JSON_H
#define SMX_DOC_JSON_H

#include "proto/base/out.h"

#include <jansson.h>
#include <stdbool.h>

#define SMX_JSON_INT_MAX ((uint64_t)INT64_MAX) /* times and epochs */

/* One object without double members, its "sipmix" being kind and its "version" 1.
 * SMX_E_MALFORMED, SMX_E_MEMORY; *doc (the caller's: json_decref) is then NULL. */
enum smx_err smx_json_open(json_t **doc, const char *kind, const uint8_t *in, size_t len) SMX_MUST_CHECK;

bool smx_json_u64(uint64_t *out, const json_t *value, uint64_t min, uint64_t max);
/* Exactly 2 * len lower-case hex digits. */
bool smx_json_hex(uint8_t *out, size_t len, const json_t *value);
/* 1..cap-1 printable ASCII characters, copied with a NUL. */
bool smx_json_copy(char *out, size_t cap, const json_t *value);
/* An array of min..max entries; *count is their number. */
bool smx_json_array(size_t *count, const json_t *value, size_t min, size_t max);
/* "192.0.2.1:9001" with a port above 0; arrays of 1..cap of them, no two the same. */
bool smx_json_addr(struct smx_addr *out, const json_t *value);
bool smx_json_addrs(struct smx_addr *out, size_t *count, size_t cap, const json_t *value);

json_t *smx_json_new(const char *kind);
/* Both take value; *doc and *list become NULL when value is NULL or memory is short. */
void smx_json_put(json_t **doc, const char *name, json_t *value);
void smx_json_add(json_t **list, json_t *value);
json_t *smx_json_from_hex(const uint8_t *in, size_t len); /* len at most 64 */
json_t *smx_json_from_addr(const struct smx_addr *addr);
json_t *smx_json_from_addrs(const struct smx_addr *addr, size_t count);
/* Compact text in the order of insertion (malloc, the caller's); takes doc.  NULL: no memory. */
char *smx_json_text(json_t *doc);

#endif
