/* SPDX-License-Identifier: Apache-2.0 */
/* What jansson frees is wiped. */
#include "../../../broker/json_memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

enum { BLOCK = 256, LIST_POINTERS = 32 /* glibc keeps its lists in the first bytes */ };

static void
test_nothing_is_freed(void **state)
{
    json_malloc_t allocate;
    json_free_t release;
    (void)state;
    json_get_alloc_funcs(&allocate, &release);
    release(NULL);
}

static void
test_freed_memory_is_empty(void **state)
{
#ifdef KH_SANITIZE
    (void)state;
    skip(); // freed memory cannot be looked at under AddressSanitizer
#else
    json_malloc_t allocate;
    json_free_t release;
    (void)state;
    json_get_alloc_funcs(&allocate, &release);
    uint8_t *block = allocate(BLOCK);
    assert_non_null(block);
    memset(block, 'S', BLOCK);
    // As an attacker with the address would: the compiler must not know that it is freed.
    volatile uintptr_t address = (uintptr_t)block;
    release(block);
    const volatile uint8_t *freed = (const volatile uint8_t *)address;
    for (size_t i = LIST_POINTERS; i < BLOCK; i++)
        assert_int_not_equal(freed[i], 'S');
#endif
}

static void
test_documents_still_work(void **state)
{
    (void)state;
    json_t *value = json_loads("{\"a\": {\"b\": [1, \"two\"]}}", 0, NULL);
    assert_non_null(value);
    assert_string_equal(
        json_string_value(json_array_get(json_object_get(json_object_get(value, "a"), "b"), 1)),
        "two");
    json_decref(value);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_is_freed),
        cmocka_unit_test(test_freed_memory_is_empty),
        cmocka_unit_test(test_documents_still_work),
    };
    json_memory_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
