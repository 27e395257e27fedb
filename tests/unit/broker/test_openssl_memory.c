/* SPDX-License-Identifier: Apache-2.0 */
/* What OpenSSL frees is wiped, also when it grows. */
#include "../../../broker/openssl_memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

enum { BLOCK = 256, LIST_POINTERS = 32 /* glibc keeps its lists in the first bytes */ };

#ifndef KH_SANITIZE // freed memory cannot be looked at under AddressSanitizer
// As an attacker with the address would: the compiler must not know that it is freed.
static void
assert_gone(uintptr_t address)
{
    const volatile uint8_t *freed = (const volatile uint8_t *)address;
    for (size_t i = LIST_POINTERS; i < BLOCK; i++)
        assert_int_not_equal(freed[i], 'S');
}
#endif

// threat 18
static void
test_freed_memory_is_empty(void **state)
{
    (void)state;
#ifdef KH_SANITIZE
    skip();
#else
    uint8_t *block = OPENSSL_malloc(BLOCK);
    assert_non_null(block);
    memset(block, 'S', BLOCK);
    volatile uintptr_t address = (uintptr_t)block;
    OPENSSL_free(block);
    assert_gone(address);
#endif
}

static void
test_growing_leaves_no_copy(void **state)
{
    (void)state;
#ifdef KH_SANITIZE
    skip();
#else
    uint8_t *block = OPENSSL_malloc(BLOCK);
    assert_non_null(block);
    memset(block, 'S', BLOCK);
    volatile uintptr_t address = (uintptr_t)block;
    uint8_t *grown = OPENSSL_realloc(block, 64 * BLOCK);
    assert_non_null(grown);
    for (size_t i = 0; i < BLOCK; i++)
        assert_int_equal(grown[i], 'S');
    assert_true((uintptr_t)grown != address);
    assert_gone(address);
    OPENSSL_free(grown);
#endif
}

static void
test_edges(void **state)
{
    (void)state;
    OPENSSL_free(NULL);
    uint8_t *block = OPENSSL_realloc(NULL, BLOCK);
    assert_non_null(block);
    memset(block, 7, BLOCK);
    block = OPENSSL_realloc(block, 8);
    assert_non_null(block);
    assert_int_equal(block[7], 7);
    assert_null(OPENSSL_realloc(block, 0));
}

static void
test_openssl_still_works(void **state)
{
    uint8_t hash[32];
    (void)state;
    assert_int_equal(EVP_Digest("abc", 3, hash, NULL, EVP_sha256(), NULL), 1);
    assert_int_equal(hash[0], 0xba);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_freed_memory_is_empty),
        cmocka_unit_test(test_growing_leaves_no_copy),
        cmocka_unit_test(test_edges),
        cmocka_unit_test(test_openssl_still_works),
    };
    openssl_memory_init();
    return cmocka_run_group_tests_name("openssl_memory", tests, NULL, NULL);
}
