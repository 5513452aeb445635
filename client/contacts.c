#include "client/core.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CONTACTS_FIRST = 8 }; /* room for so many at first; doubled when it is full */
_Static_assert(CONTACTS % CONTACTS_FIRST == 0 &&
                   (CONTACTS / CONTACTS_FIRST & (CONTACTS / CONTACTS_FIRST - 1)) == 0,
               "doubling meets the bound");

bool smx_contact_is_of(const struct smx_client *c, const struct contact *k, size_t identity)
{
    return sodium_is_zero(k->own, sizeof k->own)
               ? identity == 0
               : memcmp(k->own, c->identity[identity].own.public, SMX_DOC_KEY) == 0;
}

const struct contact *smx_contact_by_user(const struct smx_client *c, size_t identity, const char *user)
{
    for (size_t i = 0; i < c->contact_count; i++)
        if (strcmp(c->contact[i].user, user) == 0 && smx_contact_is_of(c, &c->contact[i], identity))
            return &c->contact[i];
    return NULL;
}

/* One with a name, if there is one. */
const struct contact *smx_contact_by_key(const struct smx_client *c, size_t identity,
                                         const uint8_t key[SMX_DOC_KEY])
{
    const struct contact *found = NULL;

    for (size_t i = 0; i < c->contact_count; i++) {
        if (memcmp(c->contact[i].key, key, SMX_DOC_KEY) != 0 ||
            !smx_contact_is_of(c, &c->contact[i], identity))
            continue;
        found = &c->contact[i];
        if (strlen(found->user) <= SMX_NAME_MAX)
            break;
    }
    return found;
}

bool smx_contact_is_blocked(const struct smx_client *c, const uint8_t key[SMX_DOC_KEY])
{
    for (size_t i = 0; i < c->contact_count; i++)
        if (c->contact[i].blocked && memcmp(c->contact[i].key, key, SMX_DOC_KEY) == 0)
            return true;
    return false;
}

/* ---- who asks ---- */

static void unask(struct smx_client *c, size_t identity, const uint8_t key[SMX_DOC_KEY])
{
    for (size_t i = 0; i < c->asking_count; i++) {
        if (c->asking[i].identity != identity || memcmp(c->asking[i].key, key, SMX_DOC_KEY) != 0)
            continue;
        c->asking_count--;
        memmove(&c->asking[i], &c->asking[i + 1], (c->asking_count - i) * sizeof c->asking[0]);
        c->changes |= SMX_CLIENT_STATUS;
    }
}

/* The newest first; with too many the oldest goes. */
static void ask(struct smx_client *c, size_t identity, const uint8_t key[SMX_DOC_KEY])
{
    unask(c, identity, key);
    if (c->asking_count == SMX_CLIENT_ASKING)
        c->asking_count--;
    memmove(&c->asking[1], &c->asking[0], c->asking_count * sizeof c->asking[0]);
    c->asking[0].identity = (uint8_t)identity;
    memcpy(c->asking[0].key, key, SMX_DOC_KEY);
    c->asking_count++;
    c->changes |= SMX_CLIENT_STATUS;
}

const char *smx_client_asking(const struct smx_client *c, size_t i, char key_text[SMX_CLIENT_USER])
{
    if (i >= c->asking_count)
        return NULL;
    smx_base32_encode(key_text, c->asking[i].key, SMX_DOC_KEY);
    return key_text;
}

bool smx_contact_may_reach(struct smx_client *c, const struct meeting *m)
{
    if (m->key_known && smx_contact_is_blocked(c, m->key))
        return false;
    if (!m->stranger || c->reach == SMX_CLIENT_EVERYBODY ||
        (m->key_known && smx_contact_by_key(c, m->identity, m->key)))
        return true; /* he may have become a contact since he was let in */
    if (c->reach == SMX_CLIENT_ASK && m->key_known)
        ask(c, m->identity, m->key);
    return false;
}

/* ---- new ones ---- */

/* For one more, up to CONTACTS; false: no memory. */
static bool has_room(struct smx_client *c)
{
    size_t room = c->contact_room > 0 ? 2 * c->contact_room : CONTACTS_FIRST;
    struct contact *more;

    if (c->contact_count < c->contact_room || c->contact_room == CONTACTS)
        return true;
    more = realloc(c->contact, room * sizeof *more);
    if (!more)
        return false;
    c->contact = more;
    c->contact_room = room;
    return true;
}

/* The oldest makes room, but for blocked ones, who would come back as strangers. */
static bool makes_room(struct smx_client *c)
{
    size_t i = 0;

    while (i < c->contact_count && c->contact[i].blocked)
        i++;
    if (i == c->contact_count)
        return false;
    c->contact_count--;
    memmove(&c->contact[i], &c->contact[i + 1], (c->contact_count - i) * sizeof c->contact[0]);
    return true;
}

/* Without memory a contact is not remembered, as if he had never been called. */
void smx_contact_add(struct smx_client *c, size_t identity, const char *user, const uint8_t key[SMX_DOC_KEY])
{
    struct contact *new;

    unask(c, identity, key);
    if (smx_contact_by_user(c, identity, user) || !has_room(c) ||
        (c->contact_count == CONTACTS && !makes_room(c)))
        return;
    new = &c->contact[c->contact_count];
    *new = (struct contact){.blocked = false};
    snprintf(new->user, sizeof new->user, "%s", user);
    memcpy(new->key, key, SMX_DOC_KEY);
    if (c->identity_count > 1)
        memcpy(new->own, c->identity[identity].own.public, SMX_DOC_KEY);
    c->contact_count++;
    c->changes |= SMX_CLIENT_CONTACTS;
}

/* ---- the text: "NAME KEY[ as OWN][ blocked]\n"; empty lines and lines that begin with # are skipped ---- */

static bool read_line(struct contact *out, const char *line, size_t len)
{
    static const char blocked[] = " blocked", as[] = " as ";
    const char *blank;
    char name[SMX_NAME_MAX + 1];
    size_t user_len, mark = sizeof blocked - 1, own = sizeof as - 1 + SMX_KEY_TEXT - 1;

    if (len > mark && memcmp(line + len - mark, blocked, mark) == 0) {
        out->blocked = true;
        len -= mark;
    }
    if (len > own && memcmp(line + len - own, as, sizeof as - 1) == 0) {
        if (smx_base32_decode(out->own, SMX_DOC_KEY, line + len - (SMX_KEY_TEXT - 1), SMX_KEY_TEXT - 1) !=
            SMX_OK)
            return false;
        len -= own;
    }
    blank = memchr(line, ' ', len);
    if (!blank)
        return false;
    user_len = (size_t)(blank - line);
    if (smx_base32_decode(out->key, SMX_DOC_KEY, blank + 1, len - user_len - 1) != SMX_OK)
        return false;
    if (smx_name_parse(name, line, user_len) == SMX_OK) {
        memcpy(out->user, name, sizeof name);
        return true;
    }
    smx_base32_encode(out->user, out->key, SMX_DOC_KEY);
    return user_len == strlen(out->user) && memcmp(out->user, line, user_len) == 0;
}

enum smx_err smx_client_load_contacts(struct smx_client *c, const char *text, size_t len, unsigned *line)
{
    const char *end = text + len;

    *line = 0;
    c->contact_count = 0;
    while (text < end) {
        const char *eol = memchr(text, '\n', (size_t)(end - text));
        size_t part = (size_t)((eol ? eol : end) - text);
        struct contact got = {.user = ""};

        ++*line;
        if (part > 0 && text[0] != '#') {
            bool good = c->contact_count < CONTACTS && read_line(&got, text, part);

            if (!good || !has_room(c)) {
                c->contact_count = 0;
                return good ? SMX_E_MEMORY : SMX_E_MALFORMED;
            }
            c->contact[c->contact_count++] = got;
        }
        text += part + 1;
    }
    return SMX_OK;
}

size_t smx_client_save_contacts(const struct smx_client *c, char out[SMX_CLIENT_CONTACTS_MAX])
{
    static const char head[] =
        "# Whom you have called, and the key remembered for each.  A changed key is refused;\n"
        "# to accept it, delete the line.  A line that ends with \" blocked\" is of one who never reaches "
        "you.\n";
    size_t at = sizeof head - 1;

    memcpy(out, head, at);
    for (size_t i = 0; i < c->contact_count; i++) {
        const struct contact *k = &c->contact[i];
        char key[SMX_KEY_TEXT], own[SMX_KEY_TEXT];
        bool first = sodium_is_zero(k->own, sizeof k->own);

        smx_base32_encode(key, k->key, SMX_DOC_KEY);
        smx_base32_encode(own, k->own, SMX_DOC_KEY);
        at += (size_t)snprintf(out + at, SMX_CLIENT_CONTACTS_MAX - at, "%s %s%s%s%s\n", k->user, key,
                               first ? "" : " as ", first ? "" : own, k->blocked ? " blocked" : "");
    }
    return at;
}
_Static_assert(CONTACTS *(SMX_CLIENT_USER + 2 * SMX_KEY_TEXT + 2 + 4 + 8) + 256 < SMX_CLIENT_CONTACTS_MAX,
               "all lines fit");
