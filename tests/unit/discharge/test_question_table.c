/* SPDX-License-Identifier: Apache-2.0 */
/* All questions: limits, looking up, growing old. */
#include "../../../broker/discharge/question.h"
#include "services.h"

static struct question *
add(struct question_table *table, const char *client, int64_t expires_at)
{
    struct question *q = question_new(CHALLENGE_DISCHARGE, QUESTION_BROWSER);
    q->client = question_client_of(bytes_str(client));
    q->expires_at = expires_at;
    assert_ok(question_table_add(table, q, fault));
    return q;
}

static enum failure
admit(struct question_table *table, const char *client, int64_t now)
{
    struct question_client key = question_client_of(bytes_str(client));
    return question_table_admit(table, &key, now);
}

static void
a_client_has_so_many_and_no_more(void **state)
{
    struct question_table table = {0};
    struct question *q = NULL;
    (void)state;
    for (int i = 0; i < SERVICE_QUESTIONS_PER_CLIENT; i++) {
        assert_int_equal(admit(&table, "192.0.2.1", 100), FAILURE_NONE);
        q = add(&table, "192.0.2.1", 400);
    }
    assert_int_equal(admit(&table, "192.0.2.1", 100), FAILURE_TOO_MANY);
    assert_int_equal(admit(&table, "::ffff:192.0.2.1", 100), FAILURE_TOO_MANY);
    assert_int_equal(admit(&table, "192.0.2.2", 100), FAILURE_NONE);
    // A declined one is a row in the database, and counts until its time is over.
    assert_true(question_step(q, QUESTION_EVENT_DECLINE));
    assert_int_equal(admit(&table, "192.0.2.1", 100), FAILURE_TOO_MANY);
    // One that was answered does not.
    q = table.question[0];
    assert_true(question_step(q, QUESTION_EVENT_CHALLENGE));
    assert_true(question_step(q, QUESTION_EVENT_TAKE));
    assert_true(question_step(q, QUESTION_EVENT_ACCEPT));
    assert_int_equal(admit(&table, "192.0.2.1", 100), FAILURE_NONE);
    assert_int_equal(admit(&table, "192.0.2.1", 400), FAILURE_NONE);
    question_table_free(&table);
}

static void
one_network_of_ipv6_is_one_client(void **state)
{
    struct question_client a = question_client_of(BYTES("2001:db8:1:2::1")),
                           b = question_client_of(BYTES("2001:db8:1:2:ffff::9")),
                           c = question_client_of(BYTES("2001:db8:1:3::1")),
                           u = question_client_of(BYTES("unix"));
    (void)state;
    assert_memory_equal(a.key, b.key, sizeof a.key);
    assert_memory_not_equal(a.key, c.key, sizeof a.key);
    assert_memory_not_equal(a.key, u.key, sizeof a.key);
    a = question_client_of(BYTES("192.0.2.1"));
    b = question_client_of(BYTES("192.0.2.2"));
    assert_memory_not_equal(a.key, b.key, sizeof a.key);
}

static void
a_full_table_is_busy_and_ended_ones_make_room(void **state)
{
    struct question_table table = {0};
    struct question *spare = NULL;
    char client[32];
    (void)state;
    for (int i = 0; i < SERVICE_QUESTIONS_MAX; i++) {
        snprintf(client, sizeof client, "10.0.%d.%d", i / 256, i % 256);
        spare = add(&table, client, 400);
    }
    assert_int_equal(admit(&table, "192.0.2.1", 100), FAILURE_BUSY);
    assert_fault(question_table_add(&table, spare, fault), KH_ERR_RANGE, "1024");
    assert_true(question_step(spare, QUESTION_EVENT_DECLINE));
    assert_int_equal(admit(&table, "192.0.2.1", 100), FAILURE_BUSY);
    assert_true(question_step(spare, QUESTION_EVENT_COLLECT));
    assert_int_equal(admit(&table, "192.0.2.1", 100), FAILURE_NONE);
    assert_int_equal(table.count, SERVICE_QUESTIONS_MAX - 1);
    question_table_free(&table);
}

static void
each_id_finds_its_own(void **state)
{
    struct question_table table = {0};
    (void)state;
    struct question *a = add(&table, "192.0.2.1", 400), *b = add(&table, "192.0.2.1", 400);
    assert_ptr_equal(question_table_find(&table, QUESTION_ID_PAGE, a->page), a);
    assert_ptr_equal(question_table_find(&table, QUESTION_ID_POLL, b->poll), b);
    assert_ptr_equal(question_table_find(&table, QUESTION_ID_ANSWER, b->answer), b);
    assert_null(question_table_find(&table, QUESTION_ID_POLL, a->page));
    assert_null(question_table_find(&table, QUESTION_ID_PAGE, a->poll));
    assert_null(question_table_find(&table, QUESTION_ID_ANSWER, a->page));
    question_table_take(&table, a);
    assert_null(question_table_find(&table, QUESTION_ID_PAGE, a->page));
    assert_int_equal(table.count, 1);
    question_free(&a);
    question_table_free(&table);
}

static void
what_is_too_old_expires_and_later_goes(void **state)
{
    struct question_table table = {0};
    (void)state;
    struct question *q = add(&table, "192.0.2.1", 400);
    struct question *direct = question_new(CHALLENGE_DISCHARGE, QUESTION_FIDO2);
    direct->expires_at = 400;
    assert_ok(question_table_add(&table, direct, fault));
    assert_int_equal(question_table_open(&table), 2);
    question_table_tick(&table, 399);
    assert_true(question_is_open(q));
    question_table_tick(&table, 400);
    assert_int_equal(table.count, 1); // nobody polls for the direct one
    assert_int_equal(q->state, QUESTION_EXPIRED);
    assert_int_equal(q->failure, FAILURE_EXPIRED);
    assert_int_equal(question_table_open(&table), 0);
    question_table_tick(&table, 400 + QUESTION_GRACE_S - 1);
    assert_int_equal(table.count, 1);
    question_table_tick(&table, 400 + QUESTION_GRACE_S);
    assert_int_equal(table.count, 0);
    question_table_free(&table);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_client_has_so_many_and_no_more),
        cmocka_unit_test(one_network_of_ipv6_is_one_client),
        cmocka_unit_test(a_full_table_is_busy_and_ended_ones_make_room),
        cmocka_unit_test(each_id_finds_its_own),
        cmocka_unit_test(what_is_too_old_expires_and_later_goes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
