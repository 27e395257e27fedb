/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include "../../../broker/authority/content.h"

static struct message_body_part
part(uint8_t id, uint64_t offset, struct bytes data)
{
    return (struct message_body_part){.request_id = {id}, .offset = offset, .data = data};
}

static enum content_state
find(const struct contents *contents, uint8_t id, struct bytes *out)
{
    const uint8_t request_id[REQUEST_ID_SIZE] = {id};
    return contents_find(contents, request_id, out);
}

static void
parts_follow_one_another(void **state)
{
    struct contents contents = {0};
    struct bytes body = BYTES_EMPTY;
    const struct message_body_part a = part(1, 0, BYTES("abc")), b = part(1, 3, BYTES("de")),
                                   gap = part(1, 6, BYTES("x")), back = part(1, 4, BYTES("x")),
                                   other = part(2, 5, BYTES("x"));

    (void)state;
    assert_int_equal(find(&contents, 1, &body), CONTENT_NONE);
    assert_true(contents_add(&contents, &a, 100));
    assert_true(contents_add(&contents, &b, 100));
    assert_false(contents_add(&contents, &gap, 100));
    assert_false(contents_add(&contents, &back, 100));
    assert_true(contents_add(&contents, &other, 100)); // of one that is gone: of no use to anybody
    assert_int_equal(find(&contents, 2, &body), CONTENT_NONE);
    assert_null(body.p);
    assert_int_equal(find(&contents, 1, &body), CONTENT_HERE);
    assert_true(bytes_is(body, "abcde"));
    assert_int_equal(contents.total, 5);
    assert_true(contents_add(&contents, &a, 100)); // begins anew
    assert_int_equal(find(&contents, 1, &body), CONTENT_HERE);
    assert_true(bytes_is(body, "abc"));
    assert_int_equal(contents.total, 3);
    assert_int_equal(contents.count, 1);
    contents_free(&contents);
    assert_int_equal(contents.total, 0);
}

static void
gone_when_dropped_and_in_time(void **state)
{
    struct contents contents = {0};
    struct bytes body;
    const struct message_body_part a = part(1, 0, BYTES("a")), b = part(2, 0, BYTES("b")),
                                   c = part(3, 0, BYTES("c"));
    const uint8_t second[REQUEST_ID_SIZE] = {2}, none[REQUEST_ID_SIZE] = {9};

    (void)state;
    assert_true(contents_add(&contents, &a, 100));
    assert_true(contents_add(&contents, &b, 100));
    assert_true(contents_add(&contents, &c, 110));
    contents_drop(&contents, second);
    contents_drop(&contents, none);
    assert_int_equal(find(&contents, 2, &body), CONTENT_NONE);
    contents_expire(&contents, 100 + CONTENT_LIFETIME_S);
    assert_int_equal(contents.count, 2);
    contents_expire(&contents, 101 + CONTENT_LIFETIME_S);
    assert_int_equal(find(&contents, 1, &body), CONTENT_NONE);
    assert_int_equal(find(&contents, 3, &body), CONTENT_HERE);
    contents_free(&contents);
}

static void
bounded(void **state)
{
    static uint8_t data[BODY_PART_MAX];
    struct contents contents = {0};
    struct bytes body = BYTES_EMPTY;

    (void)state;
    // Five bodies of 16 MiB: the last finds no room, and says so to the end.
    for (uint8_t id = 1; id <= 5; id++) {
        for (uint64_t at = 0; at < BODY_CONTENT_MAX;) {
            size_t n = BODY_CONTENT_MAX - at < sizeof data ? BODY_CONTENT_MAX - at : sizeof data;
            const struct message_body_part p = part(id, at, bytes_of(data, n));
            assert_true(contents_add(&contents, &p, 1));
            at += n;
        }
    }
    assert_int_equal(find(&contents, 4, &body), CONTENT_HERE);
    assert_int_equal(body.n, BODY_CONTENT_MAX);
    assert_int_equal(find(&contents, 5, &body), CONTENT_LOST);
    assert_int_equal(contents.total, CONTENT_TOTAL_MAX);
    contents_free(&contents);

    for (int i = 0; i <= CONTENT_COUNT_MAX; i++) {
        struct message_body_part p = part((uint8_t)i, 0, BYTES("x"));
        p.request_id[1] = (uint8_t)(i >> 8);
        assert_true(contents_add(&contents, &p, 1));
    }
    assert_int_equal(contents.count, CONTENT_COUNT_MAX);
    contents_free(&contents);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_follow_one_another),
        cmocka_unit_test(gone_when_dropped_and_in_time),
        cmocka_unit_test(bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
