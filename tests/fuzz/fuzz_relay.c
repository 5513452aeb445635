/* A relay core in a living network of nine, told nonsense by its neighbours and by owners of circuits: no
 * order of commands and hop messages may crash it, whatever state they meet.  The world goes on from input to
 * input, and begins anew when its circuits run out, so a finding is repeated by the inputs since then. input:
 * { relay u8 | link or circuit u8 | kind u8 | 216 bytes } ... ; kind even: a link command, odd: a hop message
 */
#include <arpa/inet.h>
#include <sanitizer/lsan_interface.h>
#include <stdlib.h>

#define CMOCKA_H_              /* world.h asserts with cmocka's macros */
#define assert_true(x)         ((x) ? (void)0 : abort())
#define assert_false(x)        assert_true(!(x))
#define assert_int_equal(a, b) assert_true((a) == (b))
#define assert_non_null(x)     assert_true((x) != NULL)
#define fail()                 abort()

#include "relay/core.h"
#include "tests/unit/relay/world.h"

enum { CHUNK = 3 + SMX_CELL_BODY, INPUTS = 200 };

static struct world *world;
static unsigned inputs;

static void begin(void)
{
    if (sodium_init() < 0)
        abort();
    if (world)
        world_free(world);
    __lsan_disable(); /* it can't see what hangs on libsodium's guarded memory, and looks while the world is
                         alive */
    world = world_new(5, false);
    __lsan_enable();
    run_for(world, 1500);
    for (size_t i = 0; i < OWNERS; i++)
        for (size_t k = 0; k < CIRCUITS; k++)
            build(world, i, k, (i + k) % 3, (i + k) % 3);
    run_for(world, 2000);
    inputs = 0;
}

/* Where a field would have to be guessed, a chosen one is put in, so that what lies behind it is reached. */
static void help(struct smx_relay *r, uint8_t pick, uint8_t *body, bool command)
{
    if (command && body[0] == SMX_CMD_CREATE) {
        body[1] = SMX_SUITE_1;
        memcpy(body + 2, r->onion[0].tag, SMX_KEY_TAG);
        if (body[28] & 1) { /* a place that may be there to be shared */
            uint32_t id = htonl(r->circuit[pick % r->config.circuits_max].in_id);

            memcpy(body + 28, &id, sizeof id);
        }
    } else if (!command && body[SMX_HOP_ZERO] == SMX_HOP_EXTEND) {
        body[SMX_HOP_ZERO + 1] = SMX_EXTEND_SIZE;
        memcpy(body + SMX_HOP_ZERO + 3, r->consensus.relay[pick % RELAYS].id, SMX_RELAY_ID);
        memset(body + SMX_HOP_ZERO + 2 + SMX_EXTEND_SIZE, 0,
               SMX_CELL_BODY - SMX_HOP_ZERO - 2 - SMX_EXTEND_SIZE);
    }
}

static void one(const uint8_t *chunk)
{
    struct smx_relay *r = world->relay[chunk[0] % RELAYS];
    uint8_t cell[SMX_CELL_SIZE] = {0}, *body = cell + SMX_CELL_HEAD;
    uint32_t at = chunk[1] % (chunk[2] % 2 ? r->config.circuits_max : r->links);

    memcpy(body, chunk + 3, SMX_CELL_BODY);
    if (chunk[2] % 2 == 0) {
        help(r, chunk[2], body, true);
        if (r->neighbour[at].up)
            smx_relay_command(r, world->now, at, cell);
    } else if (r->circuit[at].used) {
        memset(body, 0, SMX_HOP_ZERO);
        help(r, chunk[2], body, false);
        smx_relay_hop_message(r, world->now, at, body);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    if (!world || ++inputs > INPUTS)
        begin();
    for (; len >= CHUNK; data += CHUNK, len -= CHUNK) {
        one(data);
        run_for(world, 20);
    }
    return 0;
}
