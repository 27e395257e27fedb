/* SPDX-License-Identifier: Apache-2.0 */
/* One question: its codes, its ids, and what may happen to it when. */
#include "../../../broker/discharge/question.h"
#include "services.h"

static void
ids_that_are_none(void **state)
{
    static const char *const rows[] = {"",
                                       "A",
                                       "AAAAAAAAAAAAAAAAAAAAA",
                                       "AAAAAAAAAAAAAAAAAAAAAAA",
                                       "AAAAAAAAAAAAAAAAAAAAA=",
                                       "AAAAAAAAAAAAAAAAAAAAAB", // stray bits
                                       "AAAAAAAAAAAAAAAAAAAA+A",
                                       "AAAAAAAAAAAAAAAAAAAA%2"};
    uint8_t id[QUESTION_ID_SIZE] = {9};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_false(question_id_read(bytes_str(rows[i]), id));
    assert_int_equal(id[0], 9);
}

static void
ids_are_read_as_they_are_printed(void **state)
{
    struct question *q = question_new(CHALLENGE_DISCHARGE, QUESTION_BROWSER);
    uint8_t id[QUESTION_ID_SIZE];
    BUFFER_AUTO text;
    (void)state;
    buffer_init(&text, 64);
    question_id_print(q->page, &text);
    assert_int_equal(text.n, QUESTION_ID_TEXT);
    assert_true(question_id_read(buffer_bytes(&text), id));
    assert_memory_equal(id, q->page, sizeof id);
    assert_memory_not_equal(q->page, q->poll, sizeof id);
    assert_memory_not_equal(q->page, q->answer, sizeof id);
    assert_memory_not_equal(q->poll, q->answer, sizeof id);
    question_free(&q);
    question_free(&q);
}

static void
codes_have_no_vowels_and_differ(void **state)
{
    char before[QUESTION_CODE_SIZE + 1] = "";
    (void)state;
    for (int i = 0; i < 64; i++) {
        struct question *q = question_new(CHALLENGE_DISCHARGE, QUESTION_BROWSER);
        assert_int_equal(strlen(q->code), 9);
        assert_int_equal(q->code[4], '-');
        assert_int_equal(strspn(q->code, "BCDFGHJKLMNPQRSTVWXZ-"), 9);
        assert_string_not_equal(q->code, before);
        strcpy(before, q->code);
        question_free(&q);
    }
}

// Every cell of the table, written down once more: '.' is refused.
static void
what_may_happen_when(void **state)
{
    static const struct {
        enum question_state from;
        const char *to; /* by challenge, take, refuse, accept, decline, expire, collect */
    } rows[] = {
        {QUESTION_ENDED, "......."},      {QUESTION_ASKED, "C...DX."},
        {QUESTION_CHALLENGED, "CJ..DX."}, {QUESTION_JUDGING, "..AW..."},
        {QUESTION_ANSWERED, "......E"},   {QUESTION_DECLINED, "......E"},
        {QUESTION_EXPIRED, "......E"},
    };
    static const char letters[QUESTION_STATES + 1] = "EACJWDX";
    (void)state;
    assert_int_equal(sizeof rows / sizeof rows[0], QUESTION_STATES);
    for (size_t i = 0; i < QUESTION_STATES; i++) {
        for (int event = 0; event < QUESTION_EVENTS; event++) {
            struct question *q = question_new(CHALLENGE_DISCHARGE, QUESTION_BROWSER);
            q->state = rows[i].from;
            bool stepped = question_step(q, (enum question_event)event);
            char got = stepped ? letters[q->state] : '.';
            if (got != rows[i].to[event] || (!stepped && q->state != rows[i].from))
                fail_msg("state %d, event %d: %c, not %c", rows[i].from, event, got,
                         rows[i].to[event]);
            question_free(&q);
        }
    }
}

// threat 16
static void
each_challenge_ends_the_one_before(void **state)
{
    uint8_t first[CHALLENGE_SIZE], second[CHALLENGE_SIZE];
    struct question *q = question_new(CHALLENGE_DISCHARGE, QUESTION_BROWSER);
    (void)state;
    buffer_put_str(&q->text, "text");
    assert_true(question_step(q, QUESTION_EVENT_CHALLENGE));
    assert_true(question_digest(q, first));
    assert_true(question_step(q, QUESTION_EVENT_CHALLENGE));
    assert_true(question_digest(q, second));
    assert_memory_not_equal(first, second, sizeof first);
    question_free(&q);
}

static void
what_was_secret_is_wiped(void **state)
{
    static const uint8_t zero[TOKEN_KEY_SIZE];
    struct question *q = question_new(CHALLENGE_DISCHARGE, QUESTION_BROWSER);
    (void)state;
    memset(q->ticket.root_key, 7, sizeof q->ticket.root_key);
    buffer_init_secret(&q->ticket.storage, 64);
    buffer_put_str(&q->ticket.storage, "the root key again");
    assert_int_equal(q->failure, FAILURE_UNSET);
    assert_true(question_step(q, QUESTION_EVENT_CHALLENGE));
    assert_true(question_step(q, QUESTION_EVENT_TAKE));
    assert_int_equal(q->ticket.root_key[0], 7);
    buffer_put_str(&q->discharge, "a discharge");
    assert_true(question_step(q, QUESTION_EVENT_ACCEPT));
    assert_int_equal(q->failure, FAILURE_NONE);
    assert_memory_equal(q->ticket.root_key, zero, sizeof zero);
    assert_int_equal(q->ticket.storage.n, 0);
    assert_memory_equal(q->nonce, zero, sizeof q->nonce);
    assert_int_equal(q->discharge.n, 11);
    assert_true(question_step(q, QUESTION_EVENT_COLLECT));
    assert_int_equal(q->discharge.n, 0);
    assert_int_equal(q->failure, FAILURE_NONE);
    question_free(&q);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_that_are_none),
        cmocka_unit_test(ids_are_read_as_they_are_printed),
        cmocka_unit_test(codes_have_no_vowels_and_differ),
        cmocka_unit_test(what_may_happen_when),
        cmocka_unit_test(each_challenge_ends_the_one_before),
        cmocka_unit_test(what_was_secret_is_wiped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
