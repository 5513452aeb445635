/* tests/fuzz/fuzz_link.c - whatever arrives on a link.  The first byte chooses what the rest is:
 *   0  a datagram, as it comes                     to a relay with one client that is up
 *   1  a handshake, masked, its MACs made good     to that relay
 *   2  cells, inside an authentic datagram         to that relay
 *   3  as 0, 4 as 1                                to a client whose handshake is under way
 *   5  the decoders, whose results are encoded again and must give the same bytes
 * Afterwards the client's next datagram must still arrive. */
#include "proto/link/link.h"
#include "proto/link/wire.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

static void must(bool holds)
{
    if (!holds)
        abort();
}

static const struct smx_link_timing timing = {SMX_MS(10), SMX_MS(20), SMX_MS(1), SMX_MS(15), SMX_MS(5)};
static const struct smx_addr here = {.ip = {[10] = 0xff, 0xff, 10, 0, 0, 1}, .port = 1};
static const struct smx_addr there = {.ip = {[10] = 0xff, 0xff, 10, 0, 0, 2}, .port = 2};
static const struct smx_wall wall = {1800000000};

enum { CELLS = 2 };

struct pair {
    struct smx_endpoint *relay, *client;
    struct smx_x25519 relay_keys, client_keys;
    struct smx_out out;
    uint32_t link;
    smx_time now;
    uint64_t tick;
};

/* Gives the newest datagram in out to an endpoint. */
static struct smx_link_rx pass(struct pair *p, struct smx_endpoint *to, const struct smx_addr *from)
{
    uint8_t bytes[SMX_LINK_DATAGRAM_MAX];
    struct smx_link_rx rx;
    size_t len;

    must(p->out.dgram_count == 1);
    len = p->out.dgram[0].len;
    memcpy(bytes, p->out.bytes + p->out.dgram[0].at, len);
    smx_out_reset(&p->out);
    smx_endpoint_receive(to, p->now, wall, from, bytes, len, &p->out, &rx);
    return rx;
}

static void start(struct pair *p, bool up)
{
    static const uint8_t seed[SMX_RNG_SEED] = {5};
    struct smx_endpoint_config config = {.client_links_max = 2, .relay_links_max = 1, .timing = timing};
    struct smx_rng rng;

    must(sodium_init() >= 0);
    smx_rng_init(&rng, seed);
    p->now = SMX_SECOND(100);
    p->tick = 1000;
    smx_x25519_make(&p->relay_keys, &rng);
    smx_x25519_make(&p->client_keys, &rng);
    config.local = p->client_keys;
    must(!smx_endpoint_new(&p->client, &config, &rng));
    config.local = p->relay_keys;
    config.accept_clients = true;
    must(!smx_endpoint_new(&p->relay, &config, &rng));
    must(!smx_out_new(&p->out, 16, (size_t)16 * SMX_LINK_DATAGRAM_MAX));
    must(!smx_endpoint_connect(p->client, p->now, &here, p->relay_keys.public, SMX_LINK_CLIENT, CELLS,
                               &p->link));
    smx_endpoint_expire(p->client, p->now, wall, &p->out);
    if (!up)
        return;
    pass(p, p->relay, &there);
    must(pass(p, p->client, &here).what == SMX_LINK_RX_UP);
}

/* The client's next datagram, whose cells begin with these bytes. */
static struct smx_link_rx send_cells(struct pair *p, const uint8_t *data, size_t len)
{
    uint8_t *cells;

    smx_out_reset(&p->out);
    cells = smx_link_begin(p->client, p->link, &p->out);
    must(cells != NULL);
    memset(cells, 0, CELLS * SMX_LINK_CELL);
    if (len > 0)
        memcpy(cells, data, len < CELLS * SMX_LINK_CELL ? len : CELLS * SMX_LINK_CELL);
    smx_link_seal(p->client, p->link, cells, ++p->tick, 0);
    return pass(p, p->relay, &there);
}

static void check_handshake(const uint8_t *data, size_t len)
{
    struct smx_wire_handshake h;
    struct smx_rng rng = {.used = 0};
    uint8_t again[SMX_LINK_DATAGRAM_MAX];
    size_t head = SMX_LINK_HEAD;

    if (smx_wire_handshake_read(&h, data, len))
        return;
    switch (h.type) {
    case SMX_WIRE_INIT:
        smx_wire_init_write(again, h.cells, h.sender, h.msg, h.work, &rng);
        head += 4 + SMX_WIRE_MSG1 + 8;
        break;
    case SMX_WIRE_RESPONSE:
        smx_wire_response_write(again, h.cells, h.sender, h.receiver, h.msg, &rng);
        head += 8 + SMX_WIRE_MSG2;
        break;
    case SMX_WIRE_COOKIE:
        return;
    }
    must(memcmp(again, data, head) == 0);
}

static void check_decoders(const uint8_t *data, size_t len)
{
    struct smx_wire_rekey rekey;
    struct smx_wire_hello hello;
    uint8_t again[SMX_LINK_CELL];

    check_handshake(data, len);
    if (len < SMX_LINK_CELL)
        return;
    if (!smx_wire_rekey_read(&rekey, data)) {
        must(smx_wire_is_rekey(data));
        smx_wire_rekey_write(again, &rekey);
        must(memcmp(again, data, SMX_LINK_CELL) == 0);
    }
    if (!smx_wire_hello1_read(&hello, data)) {
        smx_wire_hello1_write(again, &hello);
        must(memcmp(again, data, SMX_WIRE_HELLO_1) == 0);
    }
    if (!smx_wire_hello2_read(&hello, data)) {
        smx_wire_hello2_write(again, &hello);
        must(memcmp(again, data, SMX_WIRE_HELLO_2) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct pair p = {.relay = NULL};
    struct smx_link_rx rx;
    uint8_t *bytes;
    uint8_t mode;

    if (len < 1 || len > 2000)
        return 0;
    mode = data[0] % 6;
    data++;
    len--;
    if (mode == 5) {
        check_decoders(data, len);
        return 0;
    }
    start(&p, mode < 3);
    bytes = malloc(len + 1); /* exactly as long as the datagram, but for the empty one */
    must(bytes != NULL);
    memcpy(bytes, data, len);
    if (mode == 2) {
        rx = send_cells(&p, data, len);
        must(rx.cell_count == CELLS);
        for (int i = 0; i < CELLS; i++)
            must(!smx_wire_is_rekey(rx.cells + (size_t)i * SMX_LINK_CELL));
    } else {
        bool to_relay = mode < 3;
        struct smx_wire_keys keys;

        smx_wire_keys(&keys, to_relay ? p.relay_keys.public : p.client_keys.public);
        if ((mode == 1 || mode == 4) && len >= SMX_LINK_DATAGRAM(1) && len <= SMX_LINK_DATAGRAM_MAX) {
            memset(bytes, 0, 4);
            smx_wire_macs_write(bytes, len, keys.mac1, NULL);
            smx_wire_mask(keys.mask, bytes, len);
        }
        smx_endpoint_receive(to_relay ? p.relay : p.client, p.now, wall, &there, bytes, len, &p.out, &rx);
        must(rx.what == SMX_LINK_RX_NONE); /* nobody can make an authentic one but the two */
    }
    if (mode < 3)
        must(send_cells(&p, NULL, 0).cell_count == CELLS);
    free(bytes);
    smx_endpoint_free(p.relay);
    smx_endpoint_free(p.client);
    smx_out_free(&p.out);
    return 0;
}
