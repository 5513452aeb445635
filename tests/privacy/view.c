/* tests/privacy/view.c - what a relay sees inside its cells, for tests only: linked into a relay of its own
 * (`make view`) with --wrap, so that the programs people run hold no trace of it.
 *
 * Each cell body that the relay deciphers or enciphers goes to the end of the file named by SIPMIX_TEST_VIEW,
 * before and after: time u64 (ns, wall clock) | direction u8 | zero 7 | before 216 | after 216    448 bytes,
 * native order.  What left one relay is what comes to the next, so the records of all relays show each cell's
 * way. If SIPMIX_TEST_VIEW_WHILE names a file, only while it exists: else a long test fills the disk. */
#include "proto/circuit/hop.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

void __real_smx_hop_encipher(struct smx_hop_layers *l, enum smx_way dir, uint64_t count,
                             uint8_t body[SMX_CELL_BODY]);
void __real_smx_hop_decipher(struct smx_hop_layers *l, enum smx_way dir, uint64_t count,
                             uint8_t body[SMX_CELL_BODY]);
void __wrap_smx_hop_encipher(struct smx_hop_layers *l, enum smx_way dir, uint64_t count,
                             uint8_t body[SMX_CELL_BODY]);
void __wrap_smx_hop_decipher(struct smx_hop_layers *l, enum smx_way dir, uint64_t count,
                             uint8_t body[SMX_CELL_BODY]);

struct record {
    uint64_t time;
    uint8_t direction, zero[7];
    uint8_t before[SMX_CELL_BODY], after[SMX_CELL_BODY];
};

static int view(void)
{
    static int file = -1;

    if (file < 0) {
        const char *path = getenv("SIPMIX_TEST_VIEW");

        file = path ? open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1;
        if (file < 0) {
            perror("SIPMIX_TEST_VIEW");
            abort();
        }
    }
    return file;
}

static bool is_wanted(void)
{
    const char *gate = getenv("SIPMIX_TEST_VIEW_WHILE");

    return !gate || access(gate, F_OK) == 0;
}

static struct record begin(enum smx_way dir, const uint8_t body[SMX_CELL_BODY])
{
    struct record r = {.direction = (uint8_t)dir};
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    r.time = (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
    memcpy(r.before, body, SMX_CELL_BODY);
    return r;
}

/* One write each: whole records, even if the relay is killed. */
static void end(struct record *r, const uint8_t body[SMX_CELL_BODY])
{
    memcpy(r->after, body, SMX_CELL_BODY);
    if (is_wanted() && write(view(), r, sizeof *r) != sizeof *r) {
        perror("SIPMIX_TEST_VIEW");
        abort();
    }
}

void __wrap_smx_hop_encipher(struct smx_hop_layers *l, enum smx_way dir, uint64_t count,
                             uint8_t body[SMX_CELL_BODY])
{
    struct record r = begin(dir, body);

    __real_smx_hop_encipher(l, dir, count, body);
    end(&r, body);
}

void __wrap_smx_hop_decipher(struct smx_hop_layers *l, enum smx_way dir, uint64_t count,
                             uint8_t body[SMX_CELL_BODY])
{
    struct record r = begin(dir, body);

    __real_smx_hop_decipher(l, dir, count, body);
    end(&r, body);
}
