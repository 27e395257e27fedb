/* SPDX-License-Identifier: Apache-2.0 */
/* Values of holes that are more than words: models and versions. */

#include <string.h>

#include "hole_internal.h"

enum { AAGUID_TEXT_SIZE = 36, VERSION_DIGITS_MAX = 9 };

bool
hole_value_is_aaguid(struct bytes text)
{
    for (size_t i = 0; i < text.n; i++) {
        bool is_dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (is_dash ? text.p[i] != '-' : bytes_hex_digit(text.p[i]) < 0)
            return false;
    }
    return text.n == AAGUID_TEXT_SIZE;
}

bool
hole_value_version(struct bytes text, uint32_t out[HOLE_VERSION_PARTS])
{
    uint32_t version[HOLE_VERSION_PARTS] = {0};
    struct bytes rest = text, part = BYTES_EMPTY;
    size_t n = 0;
    for (; bytes_cut(&rest, '.', &part); n++) {
        uint64_t number = 0;
        if (n == HOLE_VERSION_PARTS || part.n > VERSION_DIGITS_MAX || !bytes_to_u64(part, &number))
            return false;
        version[n] = (uint32_t)number;
    }
    if (n == 0)
        return false;
    memcpy(out, version, sizeof version);
    return true;
}
