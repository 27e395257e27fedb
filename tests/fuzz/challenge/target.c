/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Covers: caveats/challenge.c
 *
 * A challenge's text that is read is printed byte for byte the same: no two texts say one thing.
 * What is escaped for people has no control character and no two spellings.
 *
 * Input: the text of a challenge.
 */

#include "../../../caveats/challenge.h"
#include "../fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct challenge_line line[CHALLENGE_LINES_MAX];
    struct fault fault = {0};
    size_t count = 0;
    BUFFER_AUTO storage = {0};
    BUFFER_AUTO again = {0};
    BUFFER_AUTO escaped = {0};

    buffer_init(&storage, CHALLENGE_TEXT_MAX);
    buffer_init(&again, CHALLENGE_TEXT_MAX);
    buffer_init(&escaped, 1 << 19);
    challenge_escape(bytes_of(data, size), &escaped);
    for (size_t i = 0; i < escaped.n; i++)
        FUZZ_CHECK(escaped.p[i] >= 0x20 && escaped.p[i] != 0x7f);
    if (challenge_text_parse(bytes_of(data, size), &storage, line, &count, &fault) != KH_OK)
        return 0;
    FUZZ_CHECK(challenge_text_print(line, count, &again, &fault) == KH_OK);
    FUZZ_SAME(buffer_bytes(&again), bytes_of(data, size));
    return 0;
}
