/* client/sip/auth.c - see auth.h. */
#include "client/sip/auth.h"

#include <osipparser2/osip_md5.h>
#include <sodium.h>
#include <string.h>

enum {
    TIME = 8,
    DRAWN = 8,
    NONCE = TIME + DRAWN + SMX_AUTH_MAC,
    CNONCE_MAX = 256,
    URI_MAX = 512,
    REALM_MAX = 64,
    HASHED = 2048, /* bytes of what is hashed for one answer */
    GROWTH_MAX = 16,
};

static const char *const names[SMX_AUTH_ALGS] = {"SHA-256", "MD5"};

/* ---- hashes ---- */

static void write_hex(const uint8_t *in, size_t len, char *out)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < len; i++) {
        *out++ = digits[in[i] >> 4];
        *out++ = digits[in[i] & 15];
    }
    *out = 0;
}

static void hash(enum smx_auth_algorithm alg, const char *at, size_t len, char out[SMX_AUTH_HEX])
{
    uint8_t raw[crypto_hash_sha256_BYTES];
    osip_MD5_CTX md5;

    if (alg == SMX_AUTH_ALG_SHA256) {
        crypto_hash_sha256(raw, (const uint8_t *)at, len);
        write_hex(raw, sizeof raw, out);
        return;
    }
    osip_MD5Init(&md5);
    osip_MD5Update(&md5, (unsigned char *)at, (unsigned)len);
    osip_MD5Final(raw, &md5);
    write_hex(raw, 16, out);
    sodium_memzero(&md5, sizeof md5);
}

static void hash_user(const struct smx_auth *a, const char *user, uint8_t out[16])
{
    (void)crypto_generichash(out, 16, (const uint8_t *)user, strlen(user), a->key, sizeof a->key);
}

/* ---- accounts ---- */

static bool fits(const char *text, size_t size)
{
    return text && text[0] && strlen(text) < size;
}

bool smx_auth_init(struct smx_auth *a, struct smx_rng *rng, const char *realm,
                   const struct smx_auth_account *accounts, size_t count, enum smx_auth_offer offer)
{
    char room[SMX_AUTH_USER + REALM_MAX + SMX_AUTH_PASSWORD];
    bool ok = count <= SMX_AUTH_ACCOUNTS && smx_span_copy(a->realm, sizeof a->realm, smx_span_of(realm));

    smx_rng_bytes(rng, a->key, sizeof a->key);
    a->offer = offer;
    a->count = ok ? count : 0;
    for (size_t i = 0; ok && i < count; i++) {
        struct smx_text t = {room, 0, sizeof room, false};

        ok = fits(accounts[i].user, SMX_AUTH_USER) && fits(accounts[i].password, SMX_AUTH_PASSWORD);
        if (!ok)
            break;
        hash_user(a, accounts[i].user, a->account[i].user);
        smx_text_add(&t, accounts[i].user);
        smx_text_add(&t, ":");
        smx_text_add(&t, realm);
        smx_text_add(&t, ":");
        smx_text_add(&t, accounts[i].password);
        for (enum smx_auth_algorithm alg = 0; alg < SMX_AUTH_ALGS; alg++)
            hash(alg, t.at, t.len, a->account[i].secret[alg]);
    }
    for (enum smx_auth_algorithm alg = 0; alg < SMX_AUTH_ALGS; alg++) {
        uint8_t raw[32];

        smx_rng_bytes(rng, raw, sizeof raw);
        hash(alg, (const char *)raw, sizeof raw, a->account[SMX_AUTH_ACCOUNTS].secret[alg]);
    }
    sodium_memzero(room, sizeof room);
    return ok;
}

/* The secret of this user, or nobody's; as long whichever it is. */
static void find_secret(const struct smx_auth *a, const char *user, enum smx_auth_algorithm alg,
                        char out[SMX_AUTH_HEX])
{
    uint8_t wanted[16];

    hash_user(a, user, wanted);
    memcpy(out, a->account[SMX_AUTH_ACCOUNTS].secret[alg], SMX_AUTH_HEX);
    for (size_t i = 0; i < a->count; i++) {
        uint8_t mask = (uint8_t)(sodium_memcmp(wanted, a->account[i].user, sizeof wanted) == 0 ? 0xff : 0);

        for (size_t j = 0; j < SMX_AUTH_HEX; j++)
            out[j] = (char)((out[j] & ~mask) | (a->account[i].secret[alg][j] & mask));
    }
}

/* ---- credentials (RFC 7616, 3.4) ---- */

struct digest {
    char username[SMX_AUTH_USER], realm[REALM_MAX], nonce[2 * NONCE + 1], uri[URI_MAX], cnonce[CNONCE_MAX],
        response[SMX_AUTH_HEX];
    enum smx_auth_algorithm alg;
    char nc_text[9];
    uint32_t nc;
};

/* "text" with its backslashes undone, or a token; false: neither, or it does not fit. */
static bool take_value(struct smx_span s, char *out, size_t cap)
{
    size_t n = 0;

    if (s.len < 2 || s.at[0] != '"')
        return smx_is_token(s) && smx_span_copy(out, cap, s);
    if (s.at[s.len - 1] != '"')
        return false;
    for (size_t i = 1; i + 1 < s.len; i++) {
        if (s.at[i] == '\\' && ++i + 1 == s.len)
            return false;
        if (n + 1 >= cap)
            return false;
        out[n++] = s.at[i];
    }
    out[n] = 0;
    return true;
}

/* Up to the next comma outside quotes, whose backslashes count. */
static struct smx_span cut_param(struct smx_span *s)
{
    struct smx_span head = *s;
    bool quoted = false;
    size_t i = 0;

    for (; i < s->len && (quoted || s->at[i] != ','); i++) {
        if (quoted && s->at[i] == '\\' && i + 1 < s->len)
            i++;
        else if (s->at[i] == '"')
            quoted = !quoted;
    }
    head.len = i;
    i += i < s->len;
    s->at += i;
    s->len -= i;
    return head;
}

static bool take_algorithm(struct digest *d, struct smx_span value)
{
    char text[16];

    if (!take_value(value, text, sizeof text))
        return false;
    for (d->alg = 0; d->alg < SMX_AUTH_ALGS; d->alg++)
        if (smx_span_is_nocase(smx_span_of(text), names[d->alg]))
            return true;
    return false;
}

static bool take_count(struct digest *d, struct smx_span value)
{
    d->nc = 0;
    if (value.len != 8 || !smx_span_copy(d->nc_text, sizeof d->nc_text, value))
        return false;
    for (size_t i = 0; i < 8; i++) {
        char c = smx_lower(value.at[i]);

        if (!smx_is_digit(c) && !(c >= 'a' && c <= 'f'))
            return false;
        d->nc = d->nc << 4 | (uint32_t)(smx_is_digit(c) ? c - '0' : c - 'a' + 10);
    }
    return d->nc > 0;
}

/* False: not what we asked for. */
static bool read_digest(struct digest *d, struct smx_span s)
{
    enum { USERNAME, REALM, NONCE_, URI, RESPONSE, ALGORITHM, CNONCE, QOP, NC, COUNT };
    static const char *const params[COUNT] = {"username",  "realm",  "nonce", "uri", "response",
                                              "algorithm", "cnonce", "qop",   "nc"};
    struct smx_span scheme = smx_span_cut(&s, ' ');
    bool seen[COUNT] = {false};
    char qop[8];

    d->alg = SMX_AUTH_ALG_MD5; /* without a word (RFC 7616, 3.4) */
    if (!smx_span_is_nocase(scheme, "Digest"))
        return false;
    while (s.len > 0) {
        struct smx_span value = cut_param(&s), name;
        bool ok = true;
        size_t i = 0;

        name = smx_span_trim(smx_span_cut(&value, '='));
        value = smx_span_trim(value);
        while (i < COUNT && !smx_span_is_nocase(name, params[i]))
            i++;
        if (i == COUNT)
            continue;
        switch (i) {
        case USERNAME:
            ok = take_value(value, d->username, sizeof d->username);
            break;
        case REALM:
            ok = take_value(value, d->realm, sizeof d->realm);
            break;
        case NONCE_:
            ok = take_value(value, d->nonce, sizeof d->nonce);
            break;
        case URI:
            ok = take_value(value, d->uri, sizeof d->uri);
            break;
        case RESPONSE:
            ok = take_value(value, d->response, sizeof d->response);
            break;
        case ALGORITHM:
            ok = take_algorithm(d, value);
            break;
        case CNONCE:
            ok = take_value(value, d->cnonce, sizeof d->cnonce);
            break;
        case QOP:
            ok = take_value(value, qop, sizeof qop) && smx_span_is_nocase(smx_span_of(qop), "auth");
            break;
        case NC:
            ok = take_count(d, value);
            break;
        default:
            break;
        }
        if (!ok || seen[i])
            return false;
        seen[i] = true;
    }
    for (size_t i = 0; i < COUNT; i++)
        if (!seen[i] && i != ALGORITHM)
            return false;
    return true;
}

static bool is_offered(const struct smx_auth *a, enum smx_auth_algorithm alg)
{
    return a->offer == SMX_AUTH_BOTH || (a->offer == SMX_AUTH_SHA256) == (alg == SMX_AUTH_ALG_SHA256);
}

/* ---- nonces ---- */

static void mac_of(const struct smx_auth *a, const uint8_t *head, enum smx_auth_algorithm alg,
                   const struct smx_auth_ask *ask, uint8_t out[SMX_AUTH_MAC])
{
    uint8_t about[TIME + DRAWN + 2 + 16];

    memcpy(about, head, TIME + DRAWN);
    about[TIME + DRAWN] = (uint8_t)alg;
    about[TIME + DRAWN + 1] = ask->way;
    memcpy(about + TIME + DRAWN + 2, ask->from->ip, 16);
    (void)crypto_generichash(out, SMX_AUTH_MAC, about, sizeof about, a->key, sizeof a->key);
}

static void write_nonce(const struct smx_auth *a, smx_time now, struct smx_rng *rng,
                        enum smx_auth_algorithm alg, const struct smx_auth_ask *ask, char out[2 * NONCE + 1])
{
    uint8_t raw[NONCE];

    for (size_t i = 0; i < TIME; i++)
        raw[i] = (uint8_t)(now >> (56 - 8 * i));
    smx_rng_bytes(rng, raw + TIME, DRAWN);
    mac_of(a, raw, alg, ask, raw + TIME + DRAWN);
    write_hex(raw, sizeof raw, out);
}

/* Ours, for this source and algorithm, and young enough. */
static bool is_fresh(const struct smx_auth *a, smx_time now, const struct digest *d,
                     const struct smx_auth_ask *ask, smx_time *issued, uint8_t mac[SMX_AUTH_MAC])
{
    uint8_t raw[NONCE];
    size_t len;

    if (sodium_hex2bin(raw, sizeof raw, d->nonce, strlen(d->nonce), NULL, &len, NULL) != 0 ||
        len != sizeof raw)
        return false;
    mac_of(a, raw, d->alg, ask, mac);
    if (sodium_memcmp(mac, raw + TIME + DRAWN, SMX_AUTH_MAC) != 0)
        return false;
    *issued = 0;
    for (size_t i = 0; i < TIME; i++)
        *issued = *issued << 8 | raw[i];
    return *issued <= now && now - *issued<SMX_AUTH_NONCE && * issued> a->floor;
}

/* Uses a count of a nonce up; false: it has been used. */
static bool use_count(struct smx_auth *a, smx_time now, smx_time issued, const uint8_t mac[SMX_AUTH_MAC],
                      uint32_t nc)
{
    size_t place = 0;
    uint32_t back;

    for (size_t i = 0; i < SMX_AUTH_NONCES; i++) {
        if (a->used[i].issued != 0 && memcmp(a->used[i].mac, mac, SMX_AUTH_MAC) == 0) {
            if (nc > a->used[i].highest) {
                uint32_t step = nc - a->used[i].highest;

                a->used[i].window = step < SMX_AUTH_WINDOW ? a->used[i].window << step | 1 : 1;
                a->used[i].highest = nc;
                return true;
            }
            back = a->used[i].highest - nc;
            if (back >= SMX_AUTH_WINDOW || a->used[i].window >> back & 1)
                return false;
            a->used[i].window |= (uint64_t)1 << back;
            return true;
        }
        if (a->used[i].issued != 0 && now - a->used[i].issued >= SMX_AUTH_NONCE)
            a->used[i].issued = 0;
        if (a->used[i].issued < a->used[place].issued)
            place = i;
    }
    if (a->used[place].issued > a->floor) /* the oldest makes room, and is not to come back as a new one */
        a->floor = a->used[place].issued;
    memcpy(a->used[place].mac, mac, SMX_AUTH_MAC);
    a->used[place].issued = issued;
    a->used[place].highest = nc;
    a->used[place].window = 1;
    return true;
}

/* ---- who guesses ---- */

static void source_of(const struct smx_addr *from, uint8_t out[16])
{
    memcpy(out, from->ip, 16);
    if (!smx_addr_is_v4(from))
        memset(out + 8, 0, 8); /* a host has the whole lower half of it */
}

static size_t find_source(const struct smx_auth *a, const struct smx_addr *from)
{
    uint8_t ip[16];
    size_t i = 0;

    source_of(from, ip);
    while (i < SMX_AUTH_SOURCES && (a->source[i].forget == 0 || memcmp(a->source[i].ip, ip, sizeof ip) != 0))
        i++;
    return i;
}

bool smx_auth_waits(const struct smx_auth *a, smx_time now, const struct smx_addr *from)
{
    size_t i = find_source(a, from);

    return i < SMX_AUTH_SOURCES && now < a->source[i].until;
}

static void guessed_wrong(struct smx_auth *a, smx_time now, const struct smx_addr *from)
{
    size_t i = find_source(a, from), place = 0;

    if (i == SMX_AUTH_SOURCES) {
        for (size_t j = 0; j < SMX_AUTH_SOURCES; j++)
            if (a->source[j].forget < a->source[place].forget)
                place = j;
        i = place;
        source_of(from, a->source[i].ip);
        a->source[i].wrong = 0;
        a->source[i].until = 0;
    } else if (a->source[i].forget <= now) {
        a->source[i].wrong = 0;
    }
    a->source[i].wrong++;
    a->source[i].forget = now + SMX_AUTH_FORGET;
    if (a->source[i].wrong >= SMX_AUTH_FREE) {
        unsigned doubles = a->source[i].wrong - SMX_AUTH_FREE;
        unsigned seconds = doubles < GROWTH_MAX ? 1U << doubles : SMX_AUTH_WAIT_MAX;

        a->source[i].until = now + SMX_SECOND(seconds < SMX_AUTH_WAIT_MAX ? seconds : SMX_AUTH_WAIT_MAX);
    }
}

static void guessed_right(struct smx_auth *a, const struct smx_addr *from)
{
    size_t i = find_source(a, from);

    if (i < SMX_AUTH_SOURCES)
        a->source[i].forget = 0;
}

/* ---- verdicts ---- */

/* H(secret:nonce:nc:cnonce:auth:H(method:uri)) */
static bool is_right(const struct smx_auth *a, const struct digest *d, const char *method)
{
    struct {
        char secret[SMX_AUTH_HEX], room[HASHED], want[SMX_AUTH_HEX], given[SMX_AUTH_HEX];
    } s;
    struct smx_text t = {s.room, 0, sizeof s.room, false};
    char second[SMX_AUTH_HEX];
    bool right;

    smx_text_add(&t, method);
    smx_text_add(&t, ":");
    smx_text_add(&t, d->uri);
    hash(d->alg, t.at, t.len, second);
    find_secret(a, d->username, d->alg, s.secret);
    t.len = 0;
    smx_text_add(&t, s.secret);
    smx_text_add(&t, ":");
    smx_text_add(&t, d->nonce);
    smx_text_add(&t, ":");
    smx_text_add(&t, d->nc_text);
    smx_text_add(&t, ":");
    smx_text_add(&t, d->cnonce);
    smx_text_add(&t, ":auth:");
    smx_text_add(&t, second);
    memset(s.want, 0, sizeof s.want);
    memset(s.given, 0, sizeof s.given);
    hash(d->alg, t.at, t.len, s.want);
    for (size_t i = 0; d->response[i]; i++)
        s.given[i] = smx_lower(d->response[i]);
    right = !t.full && sodium_memcmp(s.want, s.given, sizeof s.want) == 0;
    sodium_memzero(&s, sizeof s);
    return right;
}

enum smx_auth_verdict smx_auth_check(struct smx_auth *a, smx_time now, const struct smx_auth_ask *ask,
                                     const struct smx_span *credentials, size_t count)
{
    struct digest d;
    smx_time issued;
    uint8_t mac[SMX_AUTH_MAC];
    size_t i = 0;

    if (a->count == 0)
        return SMX_AUTH_GOOD;
    if (smx_auth_waits(a, now, ask->from))
        return SMX_AUTH_WAIT;
    while (i < count && !(read_digest(&d, credentials[i]) && smx_span_is(smx_span_of(d.realm), a->realm)))
        i++;
    if (i == count || !is_offered(a, d.alg))
        return SMX_AUTH_ASK;
    if (!is_right(a, &d, ask->method)) {
        guessed_wrong(a, now, ask->from);
        return SMX_AUTH_WRONG;
    }
    if (!smx_span_is(ask->uri, d.uri))
        return SMX_AUTH_ASK; /* another request's */
    if (!is_fresh(a, now, &d, ask, &issued, mac) || !use_count(a, now, issued, mac, d.nc))
        return SMX_AUTH_STALE;
    guessed_right(a, ask->from);
    return SMX_AUTH_GOOD;
}

void smx_auth_challenge(const struct smx_auth *a, smx_time now, struct smx_rng *rng,
                        const struct smx_auth_ask *ask, bool stale, struct smx_text *out)
{
    char nonce[2 * NONCE + 1];

    for (enum smx_auth_algorithm alg = 0; alg < SMX_AUTH_ALGS; alg++) {
        if (!is_offered(a, alg))
            continue;
        write_nonce(a, now, rng, alg, ask, nonce);
        smx_text_add(out, "WWW-Authenticate: Digest realm=\"");
        smx_text_add(out, a->realm);
        smx_text_add(out, "\", nonce=\"");
        smx_text_add(out, nonce);
        smx_text_add(out, "\", algorithm=");
        smx_text_add(out, names[alg]);
        smx_text_add(out, ", qop=\"auth\"");
        smx_text_add(out, stale ? ", stale=true\r\n" : "\r\n");
    }
}
