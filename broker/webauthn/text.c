/* SPDX-License-Identifier: Apache-2.0 */
/* AAGUIDs and firmware versions, as people write them. */
#include "webauthn.h"

#include <stdio.h>

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

void
webauthn_firmware_print(uint32_t firmware, char out[16])
{
    snprintf(out, 16, "%u.%u.%u", (unsigned)(firmware >> 16 & 255), (unsigned)(firmware >> 8 & 255),
             (unsigned)(firmware & 255));
}
