/* SPDX-License-Identifier: Apache-2.0 */
/* Wrong codes, counted. */
#include "../../../broker/discharge/guess.h"
#include "services.h"

static struct guesses guesses;

static uint32_t
after(const char *client, unsigned count, int64_t now)
{
    struct question_client key = question_client_of(bytes_str(client));
    for (unsigned i = 0; i < count; i++)
        guesses_count(&guesses, &key, now);
    return guesses_wait(&guesses, &key, now);
}

// threat 16
static void
ten_and_then_a_wait(void **state)
{
    (void)state;
    guesses = (struct guesses){0};
    assert_int_equal(after("192.0.2.1", 0, 100), 0);
    assert_int_equal(after("192.0.2.1", GUESSES_MAX - 1, 100), 0);
    assert_int_equal(after("192.0.2.1", 1, 150), 550);
    assert_int_equal(after("192.0.2.2", 1, 150), 0);
    assert_int_equal(after("192.0.2.1", 0, 699), 1);
    assert_int_equal(after("192.0.2.1", 0, 700), 0);
    assert_int_equal(after("192.0.2.1", 1, 700), 0);
}

static void
when_all_rows_are_taken_the_oldest_makes_room(void **state)
{
    char client[32];
    (void)state;
    guesses = (struct guesses){0};
    for (int i = 0; i < GUESSES_CLIENTS; i++) {
        snprintf(client, sizeof client, "10.0.0.%d", i);
        assert_int_equal(after(client, GUESSES_MAX, 100 + i), GUESSES_WINDOW_S);
    }
    assert_int_equal(after("192.0.2.1", GUESSES_MAX, 400), GUESSES_WINDOW_S);
    assert_int_equal(after("10.0.0.0", 0, 400), 0);
    assert_true(after("10.0.0.1", 0, 400) > 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ten_and_then_a_wait),
        cmocka_unit_test(when_all_rows_are_taken_the_oldest_makes_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
