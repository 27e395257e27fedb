/* SPDX-License-Identifier: Apache-2.0 */
/* Open questions: an answer finds who asked it, once, and nobody else. */
#include "unit.h"

#include "../../../broker/proxy/question.h"

static void
test_unknown_ids(void **state)
{
    struct questions questions = {0};
    struct question out;
    (void)state;
    assert_false(questions_take(&questions, 0, QUESTION_DECIDE, &out));
    assert_false(questions_take(&questions, 1, QUESTION_DECIDE, &out));
    assert_false(questions_take(&questions, UINT64_MAX, QUESTION_DECIDE, &out));
    assert_false(questions_take_any(&questions, &out));
    questions_orphan(&questions, 0);
    questions_orphan(&questions, 77);
    questions_fini(&questions);
}

static void
test_answered_once_and_by_its_kind(void **state)
{
    struct questions questions = {0};
    struct question out;
    int owner;
    (void)state;
    uint64_t id = questions_add(&questions, QUESTION_DECIDE, &owner);
    assert_true(id != 0);
    assert_false(questions_take(&questions, id, QUESTION_REJUDGE, &out));
    assert_false(questions_take(&questions, id ^ UINT64_C(1) << 40, QUESTION_DECIDE, &out));
    assert_true(questions_take(&questions, id, QUESTION_DECIDE, &out));
    assert_ptr_equal(out.owner, &owner);
    assert_false(questions_take(&questions, id, QUESTION_DECIDE, &out));
    questions_fini(&questions);
}

static void
test_ids_are_not_used_again(void **state)
{
    struct questions questions = {0};
    struct question out;
    uint64_t last = 0;
    int owner;
    (void)state;
    for (int i = 0; i < 1000; i++) {
        uint64_t id = questions_add(&questions, QUESTION_LEAF, &owner);
        assert_true(id != last);
        assert_false(questions_take(&questions, last, QUESTION_LEAF, &out));
        assert_true(questions_take(&questions, id, QUESTION_LEAF, &out));
        last = id;
    }
    assert_int_equal(questions.count, 1); // the slot is
    questions_fini(&questions);
}

static void
test_orphans_and_the_rest(void **state)
{
    struct questions questions = {0};
    struct question out;
    int owner[200];
    uint64_t id[200];
    size_t orphans = 0, owned = 0;
    (void)state;
    for (int i = 0; i < 200; i++)
        id[i] = questions_add(&questions, QUESTION_DECIDE, &owner[i]);
    for (int i = 0; i < 200; i += 4)
        questions_orphan(&questions, id[i]);
    assert_int_equal(questions_open(&questions), 200);
    while (questions_take_any(&questions, &out)) {
        orphans += out.owner == NULL;
        owned += out.owner != NULL;
    }
    assert_int_equal(orphans, 50);
    assert_int_equal(owned, 150);
    assert_int_equal(questions_open(&questions), 0);
    questions_fini(&questions);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unknown_ids),
        cmocka_unit_test(test_answered_once_and_by_its_kind),
        cmocka_unit_test(test_ids_are_not_used_again),
        cmocka_unit_test(test_orphans_and_the_rest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
