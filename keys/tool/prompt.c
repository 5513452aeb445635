#include "keys/tool/prompt.h"

#include "keys/passphrase.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

static const int ending[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP};

enum { ENDING = sizeof ending / sizeof *ending };

static volatile sig_atomic_t caught;

static void on_signal(int number)
{
    caught = number;
}

/* One line from the terminal into text.  A signal meanwhile must not leave the terminal without echo: it is
 * held until the echo is back, and then does what it does. */
static enum smx_err ask(const char *question, char *text)
{
    int tty = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
    struct sigaction old[ENDING], act = {.sa_handler = on_signal};
    struct termios with_echo, without;
    enum smx_err err;

    if (tty < 0 || tcgetattr(tty, &with_echo) != 0) {
        if (tty >= 0)
            close(tty);
        return SMX_E_ABSENT;
    }
    caught = 0;
    for (int i = 0; i < ENDING; i++)
        sigaction(ending[i], &act, &old[i]);
    without = with_echo;
    without.c_lflag &= (tcflag_t) ~(ECHO | ECHONL);
    tcsetattr(tty, TCSAFLUSH, &without);
    dprintf(tty, "%s: ", question);
    err = smx_passphrase_fetch(tty, text);
    tcsetattr(tty, TCSAFLUSH, &with_echo);
    dprintf(tty, "\n");
    for (int i = 0; i < ENDING; i++)
        sigaction(ending[i], &old[i], NULL);
    close(tty);
    if (caught)
        raise(caught);
    return err;
}

static void complain(const struct smx_prompt *p, enum smx_err err)
{
    const char *from = p->file ? p->file : "passphrase";

    switch (err) {
    case SMX_E_ABSENT:
        fprintf(stderr, "%s: no terminal to ask for a passphrase: use --passphrase-file\n", p->program);
        return;
    case SMX_E_MALFORMED:
        fprintf(stderr, "%s: %s: allowed are 1 to %d bytes on one line\n", p->program, from,
                SMX_PASSPHRASE_MAX - 1);
        return;
    default:
        fprintf(stderr, "%s: %s: %s\n", p->program, from, strerror(errno));
        return;
    }
}

char *smx_prompt_passphrase(const struct smx_prompt *p, const char *question, bool is_new)
{
    char *text = NULL, *again = NULL;
    enum smx_err err;

    if (p->file) {
        err = smx_passphrase_read(p->file, &text);
        if (err != SMX_OK)
            complain(p, err);
        return err == SMX_OK ? text : NULL;
    }
    text = smx_passphrase_new();
    again = smx_passphrase_new();
    err = text && again ? ask(question, text) : SMX_E_MEMORY;
    if (err == SMX_OK && is_new) {
        err = ask("once more", again);
        if (err == SMX_OK && strcmp(text, again) != 0) {
            fprintf(stderr, "%s: the two passphrases differ\n", p->program);
            goto fail;
        }
    }
    if (err != SMX_OK) {
        complain(p, err);
        goto fail;
    }
    smx_passphrase_free(again);
    return text;
fail:
    smx_passphrase_free(text);
    smx_passphrase_free(again);
    return NULL;
}
