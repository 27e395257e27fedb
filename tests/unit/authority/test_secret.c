/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include "../../../broker/authority/secret.h"

static void
bad_sizes(void **state)
{
    struct secret *secret = NULL;

    (void)state;
    assert_fault(secret_new(BYTES_EMPTY, &secret, fault), KH_ERR_RANGE, "1 to");
    assert_fault(secret_new_zero(SECRET_MAX + 1, &secret, fault), KH_ERR_RANGE, "65536");
    assert_null(secret);
    secret_free(&secret); // nothing to free is fine
    assert_int_equal(secret_bytes(NULL).n, 0);
}

static void
holds_a_copy(void **state)
{
    char text[] = "swordfish";
    struct secret *secret = NULL;

    (void)state;
    assert_ok(secret_new(bytes_str(text), &secret, fault));
    memset(text, 'x', sizeof text - 1);
    assert_true(bytes_is(secret_bytes(secret), "swordfish"));
    secret_free(&secret);
    assert_null(secret);
}

static void
wiped_when_freed(void **state)
{
    struct secret *secret = NULL;

    (void)state;
    assert_ok(secret_new(BYTES("0123456789012345678901234567890123456789"), &secret, fault));
    const uint8_t *p = secret_bytes(secret).p;
    secret_free(&secret);
    // The first bytes hold the link of the free list; the arena keeps the page.
    for (size_t i = sizeof(void *); i < 40; i++)
        assert_int_equal(p[i], 0);
    assert_ok(secret_new_zero(40, &secret, fault));
    assert_ptr_equal(secret_bytes(secret).p, p);
    for (size_t i = 0; i < 40; i++)
        assert_int_equal(secret_bytes(secret).p[i], 0);
    secret_free(&secret);
}

static void
small_ones_share_pages(void **state)
{
    struct secret *secret[400];
    struct secret_statistics before, after;

    (void)state;
    secret_statistics(&before);
    for (int i = 0; i < 400; i++)
        assert_ok(secret_new_random(32, &secret[i], fault));
    secret_statistics(&after);
    assert_int_equal(after.secrets - before.secrets, 400);
    assert_true(after.mapped - before.mapped <= 65536);
    for (int i = 0; i < 400; i++)
        secret_free(&secret[i]);
    secret_statistics(&after);
    assert_int_equal(after.secrets, before.secrets);
}

static void
all_sizes_are_apart(void **state)
{
    struct secret *secret[17];

    (void)state;
    for (unsigned i = 0; i < 17; i++) {
        assert_ok(secret_new_zero((size_t)1 << i, &secret[i], fault));
        memset(secret_writable(secret[i]), (int)i + 1, (size_t)1 << i);
    }
    for (unsigned i = 0; i < 17; i++) {
        for (size_t j = 0; j < (size_t)1 << i; j++)
            assert_int_equal(secret_bytes(secret[i]).p[j], i + 1);
        secret_free(&secret[i]);
    }
}

#ifndef KH_SANITIZE
static size_t
kilobytes(const char *smaps, const char *name)
{
    const char *p = strstr(smaps, name);
    return p ? strtoul(p + strlen(name), NULL, 10) : 0;
}
#endif

// The kernel says of these pages that they are locked and not dumped.
static void
pages_are_locked_and_not_dumped(void **state)
{
    struct secret *secret = NULL;
    struct secret_statistics statistics;
    struct buffer maps;
    char start[32];

    (void)state;
    assert_ok(secret_new_random(32, &secret, fault));
    uintptr_t page = (uintptr_t)secret_bytes(secret).p;
    (void)fixture_read("/proc/self/smaps", &maps);
    const char *text = buffer_text(&maps), *found = NULL;
    for (const char *line = text; line; line = strchr(line, '\n')) {
        unsigned long from, to;
        line += *line == '\n';
        if (sscanf(line, "%lx-%lx", &from, &to) == 2 && page >= from && page < to)
            found = line;
    }
    assert_non_null(found);
    snprintf(start, sizeof start, "VmFlags:");
    const char *flags = strstr(found, start);
    assert_non_null(flags);
    char line[256];
    snprintf(line, sizeof line, "%.*s", (int)strcspn(flags, "\n"), flags);
    assert_non_null(strstr(line, " dd"));
    secret_statistics(&statistics);
#ifndef KH_SANITIZE // AddressSanitizer makes mlock do nothing
    if (!statistics.unlocked) {
        assert_non_null(strstr(line, " lo"));
        assert_true(kilobytes(found, "Locked:") > 0);
    }
#endif
    buffer_free(&maps);
    secret_free(&secret);
}

static void
random_is_random(void **state)
{
    struct secret *a = NULL, *b = NULL;

    (void)state;
    assert_ok(secret_new_random(32, &a, fault));
    assert_ok(secret_new_random(32, &b, fault));
    assert_false(bytes_equal(secret_bytes(a), secret_bytes(b)));
    secret_free(&a);
    secret_free(&b);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_sizes),           cmocka_unit_test(holds_a_copy),
        cmocka_unit_test(wiped_when_freed),    cmocka_unit_test(small_ones_share_pages),
        cmocka_unit_test(all_sizes_are_apart), cmocka_unit_test(pages_are_locked_and_not_dumped),
        cmocka_unit_test(random_is_random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
