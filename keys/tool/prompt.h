/* keys/tool/prompt.h - asks a person for a passphrase, on the terminal and without echo. */
#ifndef SMX_KEYS_TOOL_PROMPT_H
#define SMX_KEYS_TOOL_PROMPT_H

#include <stdbool.h>

/* Where passphrases come from.  NULL: from the terminal. */
struct smx_prompt {
    const char *program, *file;
};

/* An existing passphrase, or a new one, which is asked for twice.  NULL: it has printed why.
 * The caller frees it with smx_passphrase_free. */
char *smx_prompt_passphrase(const struct smx_prompt *p, const char *question, bool is_new);

#endif
