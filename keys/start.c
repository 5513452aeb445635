#include "keys/start.h"

#include "keys/passphrase.h"
#include "proto/crypto/wideblock.h"
#include "proto/host/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool smx_start_network(struct smx_network *network, const char *path)
{
    uint8_t *text = malloc(SMX_NETWORK_FILE_MAX);
    const char *why = "can't be read";
    size_t len;
    bool ok;

    ok = text && smx_file_read(path, text, SMX_NETWORK_FILE_MAX, &len) == SMX_OK &&
         smx_network_decode(network, text, len, &why) == SMX_OK;
    if (!ok)
        smx_log_error("network file %s: %s", path, why);
    free(text);
    return ok;
}

bool smx_start_state(struct smx_state *state, const char *path, bool *busy)
{
    enum smx_err err = smx_state_open(state, path);

    if (busy) {
        *busy = err == SMX_E_STATE;
        if (*busy)
            return true;
    }
    if (err != SMX_OK)
        smx_log_error("state folder %s: %s", path,
                      err == SMX_E_STATE     ? "another process uses it"
                      : err == SMX_E_REFUSED ? "not a folder of ours that is closed to others"
                                             : strerror(errno));
    return err == SMX_OK;
}

bool smx_start_passphrase(char **passphrase, const char *path)
{
    *passphrase = NULL;
    if (path[0] == 0 || smx_passphrase_read(path, passphrase) == SMX_OK)
        return true;
    smx_log_error("passphrase_file %s: can't be read, or is empty", path);
    return false;
}

struct smx_key *smx_start_key(const char *state, const char *file, enum smx_key_kind kind,
                              const char *passphrase, struct smx_rng *rng)
{
    char path[SMX_PATH_MAX];
    enum smx_key_err err = SMX_KEY_E_ABSENT;
    struct smx_key *key = NULL;
    bool made = false;
    int len = file[0] == '/' ? snprintf(path, sizeof path, "%s", file)
                             : snprintf(path, sizeof path, "%s/%s", state, file);

    if (len > 0 && (size_t)len < sizeof path)
        err = rng ? smx_key_load_or_make(&key, path, kind, passphrase, rng, &made)
                  : smx_key_load(&key, path, kind, passphrase);
    if (err != SMX_KEY_OK)
        smx_log_error("key file %s: %s", path, smx_key_err_text(err));
    else if (made)
        smx_log_info("made a new %s key: keep a backup of it (sipmix-keys backup)", smx_key_kind_word(kind));
    return key;
}

bool smx_start_udp(struct smx_udp **udp, struct smx_loop *loop, const struct smx_addr *at, int buffer,
                   const struct smx_udp_events *events, void *arg)
{
    char text[SMX_ADDR_TEXT];

    if (smx_udp_open(udp, loop, at, buffer, events, arg) == SMX_OK)
        return true;
    smx_addr_format(at, text);
    smx_log_error("UDP %s: %s", text, strerror(errno));
    return false;
}

void smx_start_look_at_cpu(void)
{
    if (!smx_wideblock_is_steady())
        smx_log_warn("this CPU has no instructions for AES: who else runs programs on it may learn keys");
}
