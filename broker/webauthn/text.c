/* SPDX-License-Identifier: Apache-2.0 */
/* AAGUIDs and firmware versions, as people write them. */
#include "webauthn.h"

#include <stdio.h>
#include <string.h>

static const size_t dashes[] = {8, 13, 18, 23};

static bool
is_dash(size_t i)
{
    for (size_t k = 0; k < sizeof(dashes) / sizeof(dashes[0]); k++)
        if (dashes[k] == i)
            return true;
    return false;
}

void
webauthn_aaguid_print(const uint8_t aaguid[WEBAUTHN_AAGUID_SIZE], char out[AAGUID_TEXT_SIZE])
{
    static const char digits[] = "0123456789abcdef";
    size_t nibble = 0;
    for (size_t i = 0; i < AAGUID_TEXT_SIZE - 1; i++) {
        if (is_dash(i)) {
            out[i] = '-';
            continue;
        }
        out[i] = digits[aaguid[nibble / 2] >> (nibble % 2 == 0 ? 4 : 0) & 15];
        nibble++;
    }
    out[AAGUID_TEXT_SIZE - 1] = '\0';
}

bool
webauthn_aaguid_parse(struct bytes text, uint8_t out[WEBAUTHN_AAGUID_SIZE])
{
    uint8_t digits[2 * WEBAUTHN_AAGUID_SIZE];
    size_t n = 0;
    if (text.n != AAGUID_TEXT_SIZE - 1)
        return false;
    for (size_t i = 0; i < text.n; i++) {
        if (is_dash(i) != (text.p[i] == '-'))
            return false;
        if (!is_dash(i))
            digits[n++] = text.p[i];
    }
    uint8_t aaguid[WEBAUTHN_AAGUID_SIZE];
    if (!bytes_from_hex(bytes_of(digits, n), aaguid, sizeof(aaguid)))
        return false;
    memcpy(out, aaguid, sizeof(aaguid));
    return true;
}

void
webauthn_firmware_print(uint32_t firmware, char out[16])
{
    snprintf(out, 16, "%u.%u.%u", (unsigned)(firmware >> 16 & 255), (unsigned)(firmware >> 8 & 255),
             (unsigned)(firmware & 255));
}

// What is left out is zero: 5.7 is 5.7.0.
bool
webauthn_firmware_parse(struct bytes text, uint32_t *out)
{
    uint32_t firmware = 0;
    struct bytes part;
    unsigned parts = 0;
    while (bytes_cut(&text, '.', &part)) {
        uint64_t number;
        if (parts == 3 || !bytes_to_u64(part, &number) || number > 255)
            return false;
        firmware |= (uint32_t)number << (16 - 8 * parts);
        parts++;
    }
    if (parts == 0)
        return false;
    *out = firmware;
    return true;
}
