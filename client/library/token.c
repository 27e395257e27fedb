/* SPDX-License-Identifier: Apache-2.0
 *
 * Tokens: read, written, looked at as a whole.
 */
#include "internal.h"

#include "../convert.h"
#include "../input.h"
#include "../inspect.h"

#include <stdlib.h>

_Static_assert((int)KEYHOLE_TOKEN_MAX == (int)TOKEN_TEXT_MAX, "keyhole.h");
_Static_assert((int)KEYHOLE_CAVEATS_MAX == (int)TOKEN_CAVEATS_MAX, "keyhole.h");
_Static_assert((int)KEYHOLE_CAVEAT_MAX == CAVEAT_TEXT_MAX, "keyhole.h");
_Static_assert((int)KEYHOLE_DISCHARGES_MAX == (int)TOKEN_DISCHARGES_MAX, "keyhole.h");
_Static_assert((int)KEYHOLE_PREFIX_MAX == (int)TOKEN_PREFIX_MAX, "keyhole.h");
_Static_assert((int)KEYHOLE_FOREIGN_MAX == (int)INPUT_TEXT_MAX, "keyhole.h");
_Static_assert((int)KEYHOLE_FORMAT_KEYHOLE == (int)CONVERT_KEYHOLE &&
                   (int)KEYHOLE_FORMAT_V1 == (int)CONVERT_V1 &&
                   (int)KEYHOLE_FORMAT_V2 == (int)CONVERT_V2 &&
                   (int)KEYHOLE_FORMAT_JSON == (int)CONVERT_JSON,
               "keyhole.h");

enum { LIBRARY_JSON_MAX = 4 << 20 };

bool
keyhole_text_has_token(const char *text, size_t size)
{
    struct bytes given;
    return library_take(text, size, &given) && token_is_shaped(given);
}

enum keyhole_status
library_token_make(struct token *token, struct keyhole_token **out, struct keyhole_error *error)
{
    struct fault fault = {.err = KH_ERR_INTERNAL};
    struct keyhole_token *made = calloc(1, sizeof *made);
    if (made == NULL) {
        token_free(&token);
        return library_fail(error, KH_ERR_MEMORY, NULL);
    }
    made->token = token;
    enum kh_err err = library_claims_fill(made, &fault);
    if (err != KH_OK) {
        keyhole_token_free(made);
        return library_fail(error, err, &fault);
    }
    *out = made;
    return KEYHOLE_OK;
}

enum keyhole_status
library_token_read(const struct buffer *text, struct keyhole_token **out,
                   struct keyhole_error *error)
{
    struct fault fault = {.err = KH_ERR_INTERNAL};
    struct token *token = NULL;
    enum kh_err err = text->failed ? KH_ERR_MEMORY : token_scan(buffer_bytes(text), &token, &fault);
    return err == KH_OK ? library_token_make(token, out, error) : library_fail(error, err, &fault);
}

enum keyhole_status
keyhole_token_parse(const char *text, size_t size, struct keyhole_token **out,
                    struct keyhole_error *error)
{
    struct fault fault = {.err = KH_ERR_INTERNAL};
    struct token *token = NULL;
    struct bytes given;
    if (!library_take(text, size, &given) || out == NULL)
        return library_refuse(error, "a token's text and a place for the token are needed");
    if (given.n > KEYHOLE_FOREIGN_MAX)
        return library_fail(
            error, fault_set(&fault, KH_ERR_TOO_LONG, "this is too long to be a token"), &fault);
    enum kh_err err = input_scan(given, &token, &fault);
    return err == KH_OK ? library_token_make(token, out, error) : library_fail(error, err, &fault);
}

void
keyhole_token_free(struct keyhole_token *token)
{
    if (token == NULL)
        return;
    token_free(&token->token);
    buffer_free(&token->strings);
    free(token);
}

enum keyhole_status
keyhole_token_encode(const struct keyhole_token *token, enum keyhole_format format, char **text,
                     size_t *size, struct keyhole_error *error)
{
    struct fault fault = {.err = KH_ERR_INTERNAL};
    BUFFER_AUTO out;
    buffer_init_secret(&out, KEYHOLE_FOREIGN_MAX);
    if (token == NULL || text == NULL)
        return library_refuse(error, "a token and a place for its text are needed");
    enum kh_err err = convert_token(token->token, (enum convert_format)format, &out, &fault);
    return err == KH_OK ? library_give(&out, text, size, error) : library_fail(error, err, &fault);
}

enum keyhole_status
keyhole_token_json(const struct keyhole_token *token, int64_t now, char **text,
                   struct keyhole_error *error)
{
    struct fault fault = {.err = KH_ERR_INTERNAL};
    struct inspection *inspection = NULL;
    BUFFER_AUTO out;
    buffer_init(&out, LIBRARY_JSON_MAX);
    if (token == NULL || text == NULL)
        return library_refuse(error, "a token and a place for the JSON are needed");
    enum kh_err err = inspect_token(token->token, library_moment(now), &inspection, &fault);
    if (err == KH_OK)
        err = inspect_print_json(inspection, &out, &fault);
    inspection_free(&inspection);
    return err == KH_OK ? library_give(&out, text, NULL, error) : library_fail(error, err, &fault);
}
