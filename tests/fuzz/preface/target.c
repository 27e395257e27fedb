/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Covers: caveats/preface.c
 *
 * A preface that is read is written as the same bytes; a shorter piece of it is never read as
 * something else; a connection may go to no host that is not listed.
 *
 * Input: the first bytes of a connection.
 */

#include "../../../caveats/preface.h"
#include "../fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct preface preface, other;
    struct bytes input = bytes_of(data, size);
    size_t used = 0, used_other = 0;
    enum preface_result result = preface_read(input, &preface, &used);
    BUFFER_AUTO again = {0};

    for (size_t n = 0; n < size; n += n < 64 ? 1 : 97) {
        enum preface_result part = preface_read(bytes_slice(input, 0, n), &other, &used_other);
        if (result == PREFACE_READ)
            FUZZ_CHECK(n >= used ? part == PREFACE_READ : part == PREFACE_MORE);
        if (result == PREFACE_MORE)
            FUZZ_CHECK(part == PREFACE_MORE);
        if (part == PREFACE_BAD || part == PREFACE_NONE)
            FUZZ_CHECK(part == result);
    }
    if (result != PREFACE_READ)
        return 0;
    FUZZ_CHECK(used >= PREFACE_HEAD_SIZE && used <= size && used <= PREFACE_MAX);
    FUZZ_CHECK(preface.hosts.n == 0 ||
               !preface_allows(&preface, BYTES("not.in.any.list.invalid")) ||
               bytes_find(preface.hosts, BYTES("invalid")) < preface.hosts.n);
    buffer_init(&again, PREFACE_MAX);
    preface_write(&preface, &again);
    FUZZ_CHECK(!again.failed);
    FUZZ_CHECK(preface_read(buffer_bytes(&again), &other, &used_other) == PREFACE_READ);
    FUZZ_CHECK(used_other == again.n);
    FUZZ_CHECK(preface.kind == other.kind && preface.port == other.port &&
               preface.require_token == other.require_token);
    FUZZ_SAME(preface.token, other.token);
    FUZZ_SAME(preface.hosts, other.hosts);
    FUZZ_SAME(bytes_of(preface.run, sizeof preface.run), bytes_of(other.run, sizeof other.run));
    FUZZ_SAME(bytes_of(preface.answer, 4), bytes_of(other.answer, 4));
    return 0;
}
