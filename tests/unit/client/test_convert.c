/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens in other formats, and back. */
#include "../../../client/convert.h"
#include "../../../client/input.h"
#include "client_test.h"

#include <jansson.h>

static void
test_formats(void **state)
{
    (void)state;
    assert_int_equal(convert_format_read(BYTES("v1")), CONVERT_V1);
    assert_int_equal(convert_format_read(BYTES("keyhole")), CONVERT_KEYHOLE);
    assert_int_equal(convert_format_read(BYTES("V1")), CONVERT_UNSET);
    assert_int_equal(convert_format_read(BYTES("")), CONVERT_UNSET);
    assert_int_equal(convert_format_read(BYTES_EMPTY), CONVERT_UNSET);

    struct fault fault;
    char *text = test_mint(NULL);
    struct token *token = test_scan(text);
    BUFFER_AUTO out;
    buffer_init(&out, 65536);
    assert_int_equal(convert_token(token, CONVERT_UNSET, &out, &fault), KH_ERR_USAGE);
    assert_int_equal(out.n, 0);
    token_free(&token);
    free(text);
}

// There and back is the same token, and it still verifies.
static void
there_and_back(const char *text, enum convert_format format)
{
    struct fault fault = {.err = KH_OK};
    struct token *token = test_scan(text), *back = NULL;
    BUFFER_AUTO foreign, again;
    buffer_init(&foreign, 65536);
    buffer_init(&again, 65536);
    assert_ok(convert_token(token, format, &foreign, &fault));
    token_free(&token);
    assert_ok(input_scan(buffer_bytes(&foreign), &back, &fault));
    assert_ok(convert_token(back, CONVERT_KEYHOLE, &again, &fault));
    assert_string_equal(buffer_text(&again), text);
    struct token_verified *verified = calloc(1, sizeof *verified);
    assert_ok(token_verify(back, test_key, verified, &fault));
    free(verified);
    token_free(&back);
}

static void
test_there_and_back(void **state)
{
    (void)state;
    char *few = test_mint("method in GET, HEAD", "path ~ /v1/**", NULL);
    char *none = test_mint(NULL);
    for (int format = CONVERT_KEYHOLE; format <= CONVERT_JSON; format++) {
        there_and_back(few, (enum convert_format)format);
        there_and_back(none, (enum convert_format)format);
    }
    free(few);
    free(none);
}

static void
test_json_is_what_others_read(void **state)
{
    (void)state;
    struct fault fault = {.err = KH_OK};
    char *text = test_mint("method = GET", NULL);
    struct token *token = test_scan(text);
    BUFFER_AUTO out;
    buffer_init(&out, 65536);
    assert_ok(convert_token(token, CONVERT_JSON, &out, &fault));
    json_t *object = json_loadb((const char *)out.p, out.n, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(object);
    const json_t *caveat = json_array_get(json_object_get(object, "c"), 0);
    assert_string_equal(json_string_value(json_object_get(caveat, "i")), "method = GET");
    assert_string_equal(json_string_value(json_object_get(object, "l")), "http://127.0.0.1:8437");
    json_decref(object);
    token_free(&token);
    free(text);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_formats),
        cmocka_unit_test(test_there_and_back),
        cmocka_unit_test(test_json_is_what_others_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
