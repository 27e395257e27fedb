/* SPDX-License-Identifier: Apache-2.0 */
/* Reading and writing tokens: bad arguments, hostile texts, formats, ownership. */
#include "library_test.h"

static void
test_bad_arguments(void **state)
{
    (void)state;
    struct keyhole_token *token = NULL;
    struct keyhole_error error;
    char *text = NULL;
    size_t size = 7;
    assert_int_equal(keyhole_token_parse(NULL, 4, &token, &error), KEYHOLE_ERROR_USAGE);
    assert_true(strlen(error.message) > 0);
    ASSERT_USAGE(keyhole_token_parse("kh1_", KEYHOLE_WHOLE, NULL, NULL));
    ASSERT_STATUS(keyhole_token_parse("", 0, &token, NULL), KEYHOLE_ERROR_MALFORMED);
    ASSERT_STATUS(keyhole_token_parse("kh1_AgE", 0, &token, NULL), KEYHOLE_ERROR_MALFORMED);
    assert_null(token);
    ASSERT_USAGE(keyhole_token_encode(NULL, KEYHOLE_FORMAT_V2, &text, &size, NULL));
    ASSERT_USAGE(keyhole_token_json(NULL, 0, &text, NULL));
    ASSERT_USAGE(keyhole_caveat_words(NULL, 0, 0, &text, NULL));
    assert_null(text);
    assert_int_equal(size, 7);
    assert_null(keyhole_token_claims(NULL));
    assert_null(keyhole_token_caveat(NULL, 0));
    assert_null(keyhole_token_open_hole(NULL, 0));
    assert_false(keyhole_text_has_token(NULL, 0));
    keyhole_token_free(NULL);
    keyhole_free(NULL);

    token = library_token("method = GET");
    ASSERT_USAGE(keyhole_token_encode(token, KEYHOLE_FORMAT_V2, NULL, NULL, NULL));
    ASSERT_USAGE(keyhole_token_encode(token, (enum keyhole_format)0, &text, NULL, NULL));
    ASSERT_USAGE(keyhole_token_encode(token, (enum keyhole_format)99, &text, NULL, NULL));
    ASSERT_USAGE(keyhole_token_json(token, 0, NULL, NULL));
    ASSERT_STATUS(keyhole_caveat_words(token, 1, 0, &text, NULL), KEYHOLE_ERROR_RANGE);
    ASSERT_STATUS(keyhole_caveat_words(token, SIZE_MAX, 0, &text, NULL), KEYHOLE_ERROR_RANGE);
    assert_null(text);
    keyhole_token_free(token);
}

// What crashed or looped other readers of macaroons (test_token_crash.c), every cut of a good
// token, and every byte of it changed: an answer, and nothing else.
static void
test_hostile_texts(void **state)
{
    (void)state;
    static const char *const hostile[] = {
        "MDAwMA",
        "kh1_MDAwMA",
        "MDAwMDAwMDA",
        "{",
        "{}",
        "{\"v\":2}",
        "[",
        "[]",
        "[[[[[[[[[[[[[[[[[[",
        "{\"location\":\"a\",\"identifier\":\"b\",\"signature\":\"c\"}",
        "kh1_",
        "kh1_kh1_",
        "\xff\xfe",
        "kh1_AgEXaHR0cHM6Ly8",
        "\n\n\n",
        "AgAA",
        "kh1_____",
    };
    struct keyhole_error error;
    for (size_t i = 0; i < sizeof hostile / sizeof hostile[0]; i++) {
        struct keyhole_token *token = NULL;
        if (keyhole_token_parse(hostile[i], KEYHOLE_WHOLE, &token, &error) == KEYHOLE_OK)
            fail_msg("taken: %s", hostile[i]);
        assert_null(token);
    }
    char *good = test_mint_fresh("method in GET, HEAD", "path = /v1", NULL);
    for (size_t n = 0; n < strlen(good); n++) {
        struct keyhole_token *token = NULL;
        char kept = good[n];
        ASSERT_STATUS(keyhole_token_parse(good, n, &token, NULL), KEYHOLE_ERROR_MALFORMED);
        good[n] = kept == 'A' ? 'B' : 'A';
        if (keyhole_token_parse(good, KEYHOLE_WHOLE, &token, &error) == KEYHOLE_OK)
            keyhole_token_free(token);
        good[n] = kept;
    }
    free(good);
    struct keyhole_token *token = NULL;
    char *long_one = malloc(KEYHOLE_FOREIGN_MAX + 2);
    memset(long_one, 'A', KEYHOLE_FOREIGN_MAX + 1);
    long_one[KEYHOLE_FOREIGN_MAX + 1] = '\0';
    ASSERT_STATUS(keyhole_token_parse(long_one, KEYHOLE_WHOLE, &token, NULL),
                  KEYHOLE_ERROR_TOO_LONG);
    free(long_one);
}

// A message never repeats the secret.
static void
test_no_secret_in_a_message(void **state)
{
    (void)state;
    struct keyhole_error error;
    struct keyhole_token *token = NULL;
    char *text = test_mint_fresh("method = GET", NULL);
    size_t n = strlen(text);
    assert_int_not_equal(keyhole_token_parse(text, n - 1, &token, &error), KEYHOLE_OK);
    text[n - 1] = '\0';
    assert_null(strstr(error.message, text + 40));
    free(text);
}

static void
test_formats(void **state)
{
    (void)state;
    struct keyhole_token *token = library_token("method in GET, HEAD");
    char *own = NULL;
    size_t size = 0;
    ASSERT_GOOD(keyhole_token_encode(token, KEYHOLE_FORMAT_KEYHOLE, &own, &size, NULL));
    assert_int_equal(size, strlen(own));
    assert_true(keyhole_text_has_token(own, size));
    for (int format = KEYHOLE_FORMAT_V1; format <= KEYHOLE_FORMAT_JSON; format++) {
        char *text = NULL, *again = NULL;
        ASSERT_GOOD(keyhole_token_encode(token, (enum keyhole_format)format, &text, NULL, NULL));
        struct keyhole_token *back = library_parse(text);
        ASSERT_GOOD(keyhole_token_encode(back, KEYHOLE_FORMAT_KEYHOLE, &again, NULL, NULL));
        assert_string_equal(again, own);
        keyhole_token_free(back);
        keyhole_free(text);
        keyhole_free(again);
    }
    keyhole_free(own);
    keyhole_token_free(token);
}

static void
test_white_space_and_prefix(void **state)
{
    (void)state;
    BUFFER_AUTO text;
    char *plain = test_mint_fresh("method = GET", NULL);
    buffer_init(&text, TOKEN_TEXT_MAX);
    buffer_printf(&text, "  sk-ant-%s\r\n", plain);
    struct keyhole_token *token = library_parse(buffer_text(&text));
    assert_string_equal(keyhole_token_claims(token)->prefix, "sk-ant-");
    keyhole_token_free(token);
    free(plain);
}

static void
test_json(void **state)
{
    (void)state;
    struct keyhole_token *token = library_token("method = GET");
    char *text = NULL;
    ASSERT_GOOD(keyhole_token_json(token, KEYHOLE_NOW, &text, NULL));
    json_t *object = json_loads(text, 0, NULL);
    assert_string_equal(json_string_value(json_object_get(object, "user")), "alice");
    assert_true(json_is_false(json_object_get(object, "verified")));
    assert_true(json_is_false(json_object_get(object, "ended")));
    json_decref(object);
    keyhole_free(text);
    // The moment counts.
    ASSERT_GOOD(keyhole_token_json(token, INT64_MAX, &text, NULL));
    object = json_loads(text, 0, NULL);
    assert_true(json_is_true(json_object_get(object, "ended")));
    json_decref(object);
    keyhole_free(text);
    keyhole_token_free(token);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bad_arguments),          cmocka_unit_test(test_hostile_texts),
        cmocka_unit_test(test_no_secret_in_a_message), cmocka_unit_test(test_formats),
        cmocka_unit_test(test_white_space_and_prefix), cmocka_unit_test(test_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
