/* tests/bench/floors.h - what no relay can beat, measured: the cryptography alone, and a bare UDP forwarder.
 * Both for the datagrams of relay links, full ones. */
#ifndef SMX_TESTS_FLOORS_H
#define SMX_TESTS_FLOORS_H

#include "proto/circuit/cell.h"
#include "proto/circuit/hop.h"
#include "proto/link/link.h"
#include "proto/link/session.h"
#include "proto/link/wire.h"
#include "tests/bench/bench.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    FLOOR_LINKS = 12,
    FLOOR_SIZE = SMX_LINK_DATAGRAM_MAX, /* bytes */
    BURST = 32,                         /* UDP: few enough for a socket's buffer */
    BURSTS = 32,
};

/* ---- cryptography alone ---- */

struct floor {
    struct smx_session in[FLOOR_LINKS], in_peer[FLOOR_LINKS], out[FLOOR_LINKS];
    struct smx_aead *aead;
    struct smx_wire_keys keys;
    struct smx_hop_layers *circuit;
    uint32_t *order; /* a permutation of the circuits' layers, two each */
    size_t layers, next;
    uint64_t tick;
    uint32_t rate;
    uint8_t (*datagram)[FLOOR_SIZE];
};

static inline void floor_new(struct floor *f, struct smx_rng *rng, size_t circuits, uint32_t rate)
{
    uint64_t *bits = calloc((size_t)FLOOR_LINKS * SMX_SESSION_RELAY_WINDOW / 64, sizeof *bits);
    uint8_t key[SMX_KEY];
    uint32_t j;

    *f = (struct floor){.layers = 2 * circuits, .rate = rate};
    f->circuit = calloc(circuits + 1, sizeof *f->circuit);
    f->order = calloc(f->layers + 1, sizeof *f->order);
    f->datagram = calloc((size_t)FLOOR_LINKS * rate, sizeof *f->datagram);
    f->aead = smx_aead_new();
    need(f->aead && bits && f->circuit && f->order && f->datagram, "out of memory");
    smx_rng_bytes(rng, key, sizeof key);
    smx_wire_keys(&f->keys, key);
    for (size_t i = 0; i < FLOOR_LINKS; i++) {
        smx_session_init(&f->in[i], false, bits + i * (SMX_SESSION_RELAY_WINDOW / 64),
                         SMX_SESSION_RELAY_WINDOW);
        smx_rng_bytes(rng, f->in[i].receive, SMX_KEY);
        smx_rng_bytes(rng, f->out[i].send, SMX_KEY);
        memcpy(f->in_peer[i].send, f->in[i].receive, SMX_KEY);
    }
    for (size_t i = 0; i < f->layers; i++) {
        smx_rng_bytes(rng, key, sizeof key);
        if (i % 2)
            smx_wideblock_both_init(&f->circuit[i / 2].open, key);
        else
            smx_wideblock_init(&f->circuit[i / 2].seal, key);
        j = smx_rng_below(rng, (uint32_t)i + 1);
        f->order[i] = f->order[j];
        f->order[j] = (uint32_t)i;
    }
}

static inline void floor_free(struct floor *f)
{
    smx_aead_free(f->aead);
    free(f->in[0].window.bits);
    free(f->circuit);
    free(f->order);
    free(f->datagram);
}

static inline void one_layer(struct floor *f, uint8_t *body)
{
    uint8_t tweak[SMX_WIDEBLOCK_TWEAK] = {(uint8_t)f->next};
    uint32_t at = f->order[f->next];
    const struct smx_hop_layers *l = &f->circuit[at / 2];

    if (at % 2)
        smx_wideblock_decipher(&l->open, tweak, body, SMX_CELL_BODY);
    else
        smx_wideblock_encipher(&l->seal, tweak, body, SMX_CELL_BODY);
    f->next = (f->next + 1) % f->layers;
}

/* One tick's work: all datagrams in, `cells` layers, all datagrams out. */
static inline double floor_tick(struct floor *f, size_t cells)
{
    size_t count = (size_t)FLOOR_LINKS * f->rate, places = count * SMX_LINK_CELLS_MAX;
    double start;

    f->tick++;
    for (size_t i = 0; i < count; i++)
        smx_session_seal(&f->in_peer[i % FLOOR_LINKS], f->aead, f->keys.mask, f->datagram[i], FLOOR_SIZE,
                         f->tick << 8 | i / FLOOR_LINKS);
    start = cpu_ns();
    for (size_t i = 0; i < count; i++) {
        smx_wire_mask(f->keys.mask, f->datagram[i], FLOOR_SIZE);
        need(smx_session_open(&f->in[i % FLOOR_LINKS], f->aead, f->datagram[i], FLOOR_SIZE,
                              smx_wire_head_read(f->datagram[i]).counter) == SMX_OK,
             "the floor does not open");
    }
    for (size_t i = 0; i < cells; i++) {
        size_t at = i * places / cells; /* spread over all datagrams */

        one_layer(f, f->datagram[at / SMX_LINK_CELLS_MAX] + SMX_LINK_HEAD +
                         at % SMX_LINK_CELLS_MAX * SMX_CELL_SIZE + SMX_CELL_HEAD);
    }
    for (size_t i = 0; i < count; i++)
        smx_session_seal(&f->out[i % FLOOR_LINKS], f->aead, f->keys.mask, f->datagram[i], FLOOR_SIZE,
                         f->tick << 8 | i / FLOOR_LINKS);
    return cpu_ns() - start;
}

/* ---- a bare UDP forwarder ---- */

static inline int udp_socket(struct sockaddr_in *at)
{
    socklen_t len = sizeof *at;
    int fd = socket(AF_INET, SOCK_DGRAM, 0);

    *at = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    need(fd >= 0 && bind(fd, (struct sockaddr *)at, sizeof *at) == 0 &&
             getsockname(fd, (struct sockaddr *)at, &len) == 0,
         "no UDP socket");
    return fd;
}

static inline void udp_transfer(int fd, const struct sockaddr_in *to, uint8_t bytes[FLOOR_SIZE])
{
    need(sendto(fd, bytes, FLOOR_SIZE, 0, (const struct sockaddr *)to, sizeof *to) == FLOOR_SIZE,
         "send failed");
}

static inline void udp_take(int fd, uint8_t bytes[FLOOR_SIZE])
{
    struct sockaddr_in from;
    socklen_t len = sizeof from;

    need(recvfrom(fd, bytes, FLOOR_SIZE, MSG_DONTWAIT, (struct sockaddr *)&from, &len) == FLOOR_SIZE,
         "receive failed");
}

/* CPU time of one datagram taken and sent on. */
static inline double udp_ns(void)
{
    struct sockaddr_in source_at, middle_at, sink_at;
    int source = udp_socket(&source_at), middle = udp_socket(&middle_at), sink = udp_socket(&sink_at);
    uint8_t bytes[FLOOR_SIZE] = {0};
    double sum = 0, start;

    for (size_t i = 0; i < BURSTS; i++) {
        for (size_t k = 0; k < BURST; k++)
            udp_transfer(source, &middle_at, bytes);
        start = cpu_ns();
        for (size_t k = 0; k < BURST; k++) {
            udp_take(middle, bytes);
            udp_transfer(middle, &sink_at, bytes);
        }
        sum += cpu_ns() - start;
        for (size_t k = 0; k < BURST; k++)
            udp_take(sink, bytes);
    }
    close(source);
    close(middle);
    close(sink);
    return sum / (BURST * BURSTS);
}

#endif
