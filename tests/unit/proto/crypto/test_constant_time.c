/* No branch and no address depends on a secret.  valgrind's memcheck finds out: a branch or an address that
 * is computed from memory marked as undefined is an error, so keys and data are marked so (A. Langley's
 * ctgrind). The program starts itself again under valgrind; where that is absent or can't read the binary
 * (sanitizers, clang's debug data) the tests are skipped. */
#include "proto/crypto/polyval.h"
#include "proto/crypto/wideblock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>
#include <cmocka.h>

#if __has_include(<valgrind/memcheck.h>)
#include <valgrind/memcheck.h>
#else
#define RUNNING_ON_VALGRIND                 0
#define VALGRIND_COUNT_ERRORS               0
#define VALGRIND_MAKE_MEM_UNDEFINED(p, len) ((void)(p))
#define VALGRIND_MAKE_MEM_DEFINED(p, len)   ((void)(p))
#endif

enum { CELL = 216 };

static void need_valgrind(void)
{
    if (!RUNNING_ON_VALGRIND)
        skip();
}

static unsigned errors(void)
{
    return (unsigned)VALGRIND_COUNT_ERRORS;
}

static void polyval_takes_the_same_path_for_every_key_and_input(void **state)
{
    (void)state;
    need_valgrind();
    for (int portable = 0; portable < 2; portable++) {
        uint8_t h[SMX_POLYVAL_BLOCK] = {1}, data[13 * SMX_POLYVAL_BLOCK] = {2}, out[SMX_POLYVAL_BLOCK];
        struct smx_polyval_element sum = {{0, 0}};
        struct smx_polyval_key key;

        VALGRIND_MAKE_MEM_UNDEFINED(h, sizeof h);
        VALGRIND_MAKE_MEM_UNDEFINED(data, sizeof data);
        (portable ? smx_polyval_key_init_portable : smx_polyval_key_init)(&key, h);
        smx_polyval_update(&key, &sum, data, sizeof data / SMX_POLYVAL_BLOCK);
        smx_polyval_bytes(out, &sum);
    }
    assert_int_equal(errors(), 0);
}

static void the_wide_block_takes_the_same_path_for_every_key_and_cell(void **state)
{
    uint8_t key[SMX_KEY] = {1}, tweak[SMX_WIDEBLOCK_TWEAK] = {0}, cell[CELL] = {0};
    struct smx_wideblock_both wb;

    (void)state;
    need_valgrind();
    smx_wideblock_both_init(&wb, key); /* Nettle looks the key's bytes up: docs/threat-model.md, section 4 */
    VALGRIND_MAKE_MEM_UNDEFINED(&wb, sizeof wb);
    VALGRIND_MAKE_MEM_DEFINED(&wb.forth.hash.clmul, sizeof wb.forth.hash.clmul);
    VALGRIND_MAKE_MEM_UNDEFINED(cell, sizeof cell);
    smx_wideblock_encipher(&wb.forth, tweak, cell, sizeof cell);
    smx_wideblock_decipher(&wb, tweak, cell, sizeof cell);
    assert_int_equal(errors(), 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(polyval_takes_the_same_path_for_every_key_and_input),
        cmocka_unit_test(the_wide_block_takes_the_same_path_for_every_key_and_cell),
    };

    (void)argc;
    (void)argv; /* unused where valgrind can't be */
#if !defined(__clang__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    if (!RUNNING_ON_VALGRIND)
        execlp("valgrind", "valgrind", "-q", argv[0], (char *)NULL);
#endif
    return cmocka_run_group_tests(tests, NULL, NULL);
}
