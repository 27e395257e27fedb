/* SPDX-License-Identifier: Apache-2.0 */
/* Who shares a search, and for how long there is one. */
#include "unit.h"

#include "../../../broker/proxy/scrub_search.h"
#include "../heap.h"
#include "../memcheck.h"

#define KEY "sk-shared-0123456789"

static struct scrub_search *
hold(const struct bytes *secret, size_t count)
{
    struct scrub_search *search = NULL;
    assert_int_equal(scrub_search_hold(secret, count, &search), KH_OK);
    return search;
}

static struct scrub_search *
hold_one(struct bytes secret)
{
    return hold(&secret, 1);
}

static bool
finds(const struct scrub_search *search, struct bytes text)
{
    return scrub_search_find(search, text, 0, text.n).pattern != SCRUB_NO_PATTERN;
}

static void
test_nothing_to_search_for(void **state)
{
    const struct bytes secret[] = {BYTES_EMPTY, BYTES("12345")};
    struct scrub_search *none = NULL;
    (void)state;
    assert_null(hold(NULL, 0));
    assert_null(hold(secret, COUNT(secret)));
    scrub_search_release(&none);
}

static void
test_equal_secrets_share(void **state)
{
    // Two texts that are equal, not one text twice.
    char one[] = KEY, other[] = KEY;
    (void)state;
    struct scrub_search *first = hold_one(bytes_str(one)), *second = hold_one(bytes_str(other));
    wipe(one, sizeof one);
    wipe(other, sizeof other);
    assert_ptr_equal(first, second);
    scrub_search_release(&first);
    assert_null(first);
    assert_true(finds(second, BYTES("a " KEY)));
    struct scrub_search *third = hold_one(BYTES(KEY));
    assert_ptr_equal(second, third);
    scrub_search_release(&second);
    assert_true(finds(third, BYTES("a " KEY)));
    scrub_search_release(&third);
}

static void
test_other_secrets_do_not(void **state)
{
    // What stands beside the secret of the search that is there; the last of them is equal.
    static const struct {
        struct bytes secret[3];
        size_t count;
    } rows[] = {
        {{BYTES("sk-shared-0123456788"), BYTES("second-secret")}, 2},
        {{BYTES("sk-shared-012345678"), BYTES("second-secret")}, 2},
        {{BYTES("sk-shared-0123456789s"), BYTES("econd-secret")}, 2},
        {{BYTES("second-secret"), BYTES(KEY)}, 2},
        {{BYTES(KEY)}, 1},
        {{BYTES(KEY), BYTES("second-secret"), BYTES("third-secret")}, 3},
        {{BYTES(KEY), BYTES("second-secret"), BYTES_EMPTY}, 3},
        {{BYTES(KEY), BYTES("second-secret")}, 2},
    };
    const struct bytes secret[] = {BYTES(KEY), BYTES("second-secret")};
    struct scrub_search *search = hold(secret, COUNT(secret));
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct scrub_search *other = hold(rows[i].secret, rows[i].count);
        if ((other == search) != (i == COUNT(rows) - 1))
            fail_msg("row %zu: shared: %d", i, other == search);
        for (size_t j = 0; j < rows[i].count; j++)
            assert_int_equal(finds(other, rows[i].secret[j]), rows[i].secret[j].n > 0);
        scrub_search_release(&other);
    }
    assert_false(finds(search, BYTES("third-secret")));
    scrub_search_release(&search);
}

// More than are compared: each finds its own, whoever comes and goes.
static void
test_many_at_once(void **state)
{
    enum { MANY = 40 };
    struct scrub_search *search[2][MANY];
    char text[MANY][32];
    (void)state;
    for (size_t i = 0; i < MANY; i++)
        snprintf(text[i], sizeof text[i], "secret-number-%zu", 100 + i);
    for (size_t i = 0; i < MANY; i++)
        search[0][i] = hold_one(bytes_str(text[i]));
    for (size_t i = 0; i < MANY; i++)
        search[1][i] = hold_one(bytes_str(text[i]));
    for (size_t i = 0; i < MANY; i++)
        scrub_search_release(&search[0][i]);
    for (size_t i = 0; i < MANY; i++) {
        for (size_t j = 0; j < MANY; j++)
            assert_int_equal(finds(search[1][i], bytes_str(text[j])), i == j);
        scrub_search_release(&search[1][i]);
    }
}

// The table that a long text is searched with is everybody's who shares.
static void
test_a_long_text_of_one(void **state)
{
    static uint8_t text[8000];
    struct scrub_search *one = hold_one(BYTES(KEY)), *other = hold_one(BYTES(KEY));
    (void)state;
    memset(text, 'x', sizeof text);
    memcpy(text + 7000, KEY, sizeof KEY - 1);
    scrub_search_expect(one, sizeof text);
    assert_int_equal(scrub_search_find(one, bytes_of(text, sizeof text), 0, sizeof text).at, 7000);
    scrub_search_release(&one);
    assert_int_equal(scrub_search_find(other, bytes_of(text, sizeof text), 0, sizeof text).at,
                     7000);
    assert_true(finds(other, BYTES(KEY)));
    scrub_search_release(&other);
}

/* ---- what is left of a secret ---- */

enum { HIDDEN = 24 };
static uint8_t hidden[HIDDEN]; // not as it is, or it would be found here

static size_t
search_range(const uint8_t *p, size_t n)
{
    size_t found = 0;
    for (size_t at = 0; at + HIDDEN <= n; at++) {
        size_t same = 0;
        while (same < HIDDEN && (p[at + same] ^ 0x5a) == hidden[same])
            same++;
        found += same == HIDDEN;
    }
    return found;
}

static void
test_nothing_is_left(void **state)
{
    uint8_t secret[HIDDEN];
    (void)state;
#if defined(__SANITIZE_ADDRESS__)
    skip(); // its allocator keeps what is freed elsewhere
#endif
    memcheck_cannot("has another heap than the one that is searched");
    for (size_t i = 0; i < HIDDEN; i++) {
        secret[i] = (uint8_t)('A' + i * 7 % 50);
        hidden[i] = secret[i] ^ 0x5a;
    }
    struct scrub_search *one = hold_one(bytes_of(secret, sizeof secret));
    struct scrub_search *other = hold_one(bytes_of(secret, sizeof secret));
    wipe(secret, sizeof secret);
    assert_true(heap_search(search_range) > 0); // else this test sees nothing
    scrub_search_release(&one);
    assert_true(heap_search(search_range) > 0);
    scrub_search_release(&other);
    assert_int_equal(heap_search(search_range), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_to_search_for), cmocka_unit_test(test_equal_secrets_share),
        cmocka_unit_test(test_other_secrets_do_not),  cmocka_unit_test(test_many_at_once),
        cmocka_unit_test(test_a_long_text_of_one),    cmocka_unit_test(test_nothing_is_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
