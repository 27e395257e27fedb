/* SPDX-License-Identifier: Apache-2.0 */
/* One token, read and narrowed by many threads; to be run under helgrind too. */
#include "library_test.h"

#include <pthread.h>

enum { THREADS = 4, ROUNDS = 8 };

static struct keyhole_token *shared;

// Without cmocka, whose failures belong to one thread: NULL is good.
static const char *
work(struct keyhole_token *token)
{
    static const char *const caveat[] = {"path = /x"};
    struct keyhole_token *narrow = NULL;
    struct keyhole_request *request = NULL;
    struct keyhole_judgement *judgement = NULL;
    struct keyhole_error error = {.status = KEYHOLE_OK};
    char *text = NULL, *words = NULL;
    bool good =
        keyhole_token_narrow(token, caveat, 1, &narrow, &error) == KEYHOLE_OK &&
        keyhole_token_encode(narrow, KEYHOLE_FORMAT_V2, &text, NULL, &error) == KEYHOLE_OK &&
        keyhole_caveat_words(token, 0, 0, &words, &error) == KEYHOLE_OK &&
        keyhole_request_new("GET", "https://a.example/x", &request, &error) == KEYHOLE_OK &&
        keyhole_judge(narrow, request, &judgement, &error) == KEYHOLE_OK &&
        keyhole_judgement_verdict(judgement) == KEYHOLE_VERDICT_HOLDS &&
        strcmp(keyhole_token_claims(token)->user, "alice") == 0;
    keyhole_judgement_free(judgement);
    keyhole_request_free(request);
    keyhole_free(text);
    keyhole_free(words);
    keyhole_token_free(narrow);
    return good ? NULL : "a thread's work failed";
}

static void *
run(void *context)
{
    const char **failed = context;
    for (int i = 0; i < ROUNDS && *failed == NULL; i++)
        *failed = work(shared);
    return NULL;
}

static void
test_one_token_many_threads(void **state)
{
    (void)state;
    pthread_t thread[THREADS];
    const char *failed[THREADS] = {NULL};
    shared = library_token("method = GET");
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, run, &failed[i]), 0);
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(thread[i], NULL), 0);
        if (failed[i] != NULL)
            fail_msg("%s", failed[i]);
    }
    keyhole_token_free(shared);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_one_token_many_threads)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
