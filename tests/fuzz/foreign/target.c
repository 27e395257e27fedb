/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Covers: caveats/foreign.c caveats/foreign_json.c caveats/token_codec.c
 *
 * A macaroon of another library that is taken scans as a token, and comes back as the same token
 * from each of the three formats.
 *
 * Input: V1, V2 or JSON as other libraries write it.
 */

#include "../../../caveats/foreign.h"
#include "../../../caveats/token.h"
#include "../fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum foreign_format formats[] = {FOREIGN_V1, FOREIGN_V2, FOREIGN_V2_JSON};
    struct fault fault = {0};
    struct token *token = NULL;
    BUFFER_AUTO text = {0};

    buffer_init(&text, TOKEN_TEXT_MAX);
    if (foreign_import(bytes_of(data, size), &text, &fault) != KH_OK) {
        FUZZ_CHECK(text.n == 0 && fault.detail[0] != '\0');
        return 0;
    }
    FUZZ_CHECK(token_scan(buffer_bytes(&text), &token, &fault) == KH_OK);
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        BUFFER_AUTO exported = {0};
        BUFFER_AUTO again = {0};
        buffer_init(&exported, FOREIGN_TEXT_MAX);
        buffer_init(&again, TOKEN_TEXT_MAX);
        if (foreign_export(token, formats[i], &exported, &fault) != KH_OK)
            continue;
        FUZZ_CHECK(foreign_import(buffer_bytes(&exported), &again, &fault) == KH_OK);
        FUZZ_SAME(buffer_bytes(&text), buffer_bytes(&again));
    }
    token_free(&token);
    return 0;
}
