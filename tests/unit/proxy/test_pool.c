/* SPDX-License-Identifier: Apache-2.0 */
/* The pool: what is handed out fits the whole key, and there is never too much of it. */
#include "unit.h"

#include "../../../broker/proxy/pool.h"

struct thing {
    struct pool_item item; /* first */
    bool discarded;
};

static struct pool *pool;

static void
discard(struct pool_item *item)
{
    ((struct thing *)(void *)item)->discarded = true;
    pool_leave(pool, item);
}

static int
setup(void **state)
{
    (void)state;
    assert_int_equal(pool_new(discard, &pool), KH_OK);
    pool_set_limits(pool, 2, 3, 1000);
    return 0;
}

static int
teardown(void **state)
{
    (void)state;
    pool_free(&pool);
    return 0;
}

static void
join(struct thing *thing, const char *key)
{
    *thing = (struct thing){0};
    assert_int_equal(pool_join(pool, bytes_str(key), &thing->item), KH_OK);
}

// threat 7
static void
test_keys_differ_in_every_part(void **state)
{
    static const uint8_t one[32] = {1}, two[32] = {2};
    static const struct {
        const char *credential;
        bool plain;
        const char *host;
        uint16_t port;
        const uint8_t *fingerprint;
    } rows[] = {
        {"a", false, "h", 443, one}, {"b", false, "h", 443, one},  {"a", true, "h", 443, one},
        {"a", false, "i", 443, one}, {"a", false, "h", 8443, one}, {"a", false, "h", 443, two},
        {"ah", false, "", 443, one}, {"", false, "ah", 443, one},
    };
    struct buffer key[COUNT(rows)];
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        buffer_init(&key[i], 1024);
        pool_key(bytes_str(rows[i].credential), rows[i].plain, bytes_str(rows[i].host),
                 rows[i].port, rows[i].fingerprint, 32, &key[i]);
        for (size_t j = 0; j < i; j++)
            assert_false(bytes_equal(buffer_bytes(&key[i]), buffer_bytes(&key[j])));
    }
    for (size_t i = 0; i < COUNT(rows); i++)
        buffer_free(&key[i]);
}

static void
test_only_the_same_key_is_served(void **state)
{
    struct thing a;
    (void)state;
    assert_null(pool_take(pool, BYTES("a")));
    join(&a, "a");
    assert_null(pool_take(pool, BYTES("a"))); // in use
    pool_put(pool, &a.item, 0);
    assert_null(pool_take(pool, BYTES("b")));
    assert_null(pool_take(pool, BYTES("")));
    assert_ptr_equal(pool_take(pool, BYTES("a")), &a.item);
    assert_null(pool_take(pool, BYTES("a"))); // once
    pool_leave(pool, &a.item);
    pool_leave(pool, &a.item);
}

static void
test_bounds(void **state)
{
    struct thing a[3], b[2];
    (void)state;
    for (int i = 0; i < 3; i++) {
        join(&a[i], "a");
        pool_put(pool, &a[i].item, i);
    }
    assert_true(a[0].discarded); // two for one place
    assert_int_equal(pool_idle_count(pool), 2);
    for (int i = 0; i < 2; i++) {
        join(&b[i], "b");
        pool_put(pool, &b[i].item, 10 + i);
    }
    assert_true(a[1].discarded); // three in all, the oldest goes
    assert_false(a[2].discarded);
    assert_ptr_equal(pool_take(pool, BYTES("b")), &b[1].item); // the one used last
    pool_leave(pool, &b[1].item);
    pool_set_limits(pool, 2, 0, 1000);
    assert_int_equal(pool_idle_count(pool), 0);
    assert_true(a[2].discarded && b[0].discarded);
}

static void
test_nothing_is_kept_when_the_limit_is_zero(void **state)
{
    struct thing a;
    (void)state;
    pool_set_limits(pool, 0, 10, 1000);
    join(&a, "a");
    pool_put(pool, &a.item, 0);
    assert_true(a.discarded);
}

static void
test_age(void **state)
{
    struct thing a, b;
    (void)state;
    assert_int_equal(pool_expire(pool, 0), -1);
    join(&a, "a");
    join(&b, "b");
    pool_put(pool, &a.item, 100);
    pool_put(pool, &b.item, 600);
    assert_int_equal(pool_expire(pool, 1099), 1);
    assert_false(a.discarded);
    assert_int_equal(pool_expire(pool, 1100), 500);
    assert_true(a.discarded);
    assert_int_equal(pool_expire(pool, 1600), -1);
    assert_true(b.discarded);
}

static void
test_sessions_belong_to_the_key(void **state)
{
    struct thing a, a2, b;
    SSL_SESSION *session = SSL_SESSION_new(), *newer = SSL_SESSION_new();
    (void)state;
    join(&a, "a");
    pool_keep_session(&a.item, session);
    pool_leave(pool, &a.item); // the session stays with the place
    join(&a2, "a");
    join(&b, "b");
    assert_ptr_equal(pool_session(&a2.item), session);
    assert_null(pool_session(&b.item));
    pool_keep_session(&a2.item, newer);
    assert_ptr_equal(pool_session(&a2.item), newer);
    pool_leave(pool, &a2.item);
    pool_leave(pool, &b.item);
    assert_null(pool_session(&a2.item));
    pool_keep_session(&a2.item, SSL_SESSION_new()); // too late: it is freed
}

static void
test_places_are_bounded(void **state)
{
    struct thing in_use, thing;
    (void)state;
    join(&in_use, "kept");
    pool_keep_session(&in_use.item, SSL_SESSION_new());
    for (int i = 0; i < 3 * POOL_PLACES_MAX; i++) {
        char key[32];
        snprintf(key, sizeof key, "place %d", i);
        join(&thing, key);
        pool_leave(pool, &thing.item);
    }
    assert_non_null(pool_session(&in_use.item));
    pool_leave(pool, &in_use.item);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_keys_differ_in_every_part),
        TEST(test_only_the_same_key_is_served),
        TEST(test_bounds),
        TEST(test_nothing_is_kept_when_the_limit_is_zero),
        TEST(test_age),
        TEST(test_sessions_belong_to_the_key),
        TEST(test_places_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
