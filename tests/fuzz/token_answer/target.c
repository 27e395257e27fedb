/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Covers: broker/proxy/token_scan.c
 *
 * Whatever a JSON reader takes for an OAuth token's answer is found, however it is cut; what was
 * found stays found.
 *
 * Input: a byte for the kind and the size of pieces, and the body of an answer.
 */

#include <jansson.h>

#include "../../../broker/proxy/token_scan.h"
#include "../fuzz.h"

static enum token_scan_state
scan(enum token_scan_kind kind, struct bytes in, size_t piece)
{
    struct token_scan scan;
    enum token_scan_state state = TOKEN_SCAN_OPEN;
    token_scan_init(&scan, kind);
    while (in.n) {
        enum token_scan_state next = token_scan_feed(&scan, fuzz_part(&in, piece));
        FUZZ_CHECK(state != TOKEN_SCAN_FOUND || next == TOKEN_SCAN_FOUND);
        state = next;
    }
    return state;
}

static bool
is_token_answer(struct bytes in)
{
    static const char *const names[] = {"access_token", "refresh_token", "id_token"};
    json_error_t error;
    json_t *json = json_loadb((const char *)in.p, in.n, JSON_ALLOW_NUL, &error);
    bool found = false;
    for (size_t i = 0; i < 3 && json_is_object(json); i++)
        found |= json_string_length(json_object_get(json, names[i])) > 0;
    json_decref(json);
    return found;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes in = bytes_of(data, size);
    uint8_t how = fuzz_u8(&in);
    enum token_scan_kind kind = (enum token_scan_kind)(how % 3);
    enum token_scan_state whole = scan(kind, in, SIZE_MAX);

    FUZZ_CHECK(scan(kind, in, how / 3 + 1U) == whole);
    FUZZ_CHECK(scan(kind, in, 1) == whole);
    FUZZ_CHECK(token_scan_finds(kind, in) == (whole == TOKEN_SCAN_FOUND));
    if (is_token_answer(in))
        FUZZ_CHECK(whole == TOKEN_SCAN_FOUND);
    return 0;
}
