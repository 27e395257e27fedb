/* SPDX-License-Identifier: Apache-2.0
 *
 * What the tests of libkeyhole share. They use its header and link its static library, in which
 * nothing but the header's names is visible; tokens to try it on are made by Keyhole's own code.
 */
#ifndef KEYHOLE_LIBRARY_TEST_H
#define KEYHOLE_LIBRARY_TEST_H

#include "../client/discharges.h"

#include <keyhole.h>

#define ASSERT_STATUS(call, expected)                                                              \
    do {                                                                                           \
        enum keyhole_status got_ = (call);                                                         \
        if (got_ != (expected))                                                                    \
            fail_msg("%s: %s and not %s", #call, keyhole_error_code(got_),                         \
                     keyhole_error_code(expected));                                                \
    } while (0)
#define ASSERT_GOOD(call)  ASSERT_STATUS(call, KEYHOLE_OK)
#define ASSERT_USAGE(call) ASSERT_STATUS(call, KEYHOLE_ERROR_USAGE)

static inline struct keyhole_token *
library_parse(const char *text)
{
    struct keyhole_error error = {.status = KEYHOLE_OK};
    struct keyhole_token *token = NULL;
    if (keyhole_token_parse(text, KEYHOLE_WHOLE, &token, &error) != KEYHOLE_OK)
        fail_msg("the token is not read: %s", error.message);
    return token;
}

/* A fresh token of alice's for openai, with that caveat from the mint. */
static inline struct keyhole_token *
library_token(const char *caveat)
{
    char *text = test_mint_fresh(caveat, NULL);
    struct keyhole_token *token = library_parse(text);
    free(text);
    return token;
}

static inline struct keyhole_token *
library_narrow(const struct keyhole_token *token, const char *caveat)
{
    struct keyhole_token *narrow = NULL;
    ASSERT_GOOD(keyhole_token_narrow(token, &caveat, 1, &narrow, NULL));
    return narrow;
}

#endif
