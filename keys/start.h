/* keys/start.h - what every daemon does first: its network file, its folder, its key, its sockets.
 * Each says in the log what is wrong, with the path or address from the configuration, and returns false or
 * NULL. */
#ifndef SMX_KEYS_START_H
#define SMX_KEYS_START_H

#include "keys/keyfile.h"
#include "proto/base/rng.h"
#include "proto/doc/network.h"
#include "proto/host/file.h"
#include "proto/host/loop.h"
#include "proto/host/udp.h"

bool smx_start_network(struct smx_network *network, const char *path);
/* busy: NULL, or told whether another process holds the folder, which then is no failure (state is not open).
 */
bool smx_start_state(struct smx_state *state, const char *path, bool *busy);
/* The passphrase in the first line of a file, or NULL for path "" (freed with smx_passphrase_free). */
bool smx_start_passphrase(char **passphrase, const char *path);
/* The key file `file` of the state folder (an absolute path counts as it is); made if it is not there and rng
 * is given. */
struct smx_key *smx_start_key(const char *state, const char *file, enum smx_key_kind kind,
                              const char *passphrase, struct smx_rng *rng);
bool smx_start_udp(struct smx_udp **udp, struct smx_loop *loop, const struct smx_addr *at, int buffer,
                   const struct smx_udp_events *events, void *arg);
/* Warns when the onion layer's AES is one by tables here (proto/crypto/wideblock.h). */
void smx_start_look_at_cpu(void);

#endif
