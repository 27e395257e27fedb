/* SPDX-License-Identifier: Apache-2.0
 *
 * Yubico's published attestation roots: what `factor = yubikey` means.
 */
#ifndef KEYHOLE_YUBICO_H
#define KEYHOLE_YUBICO_H

#include "../../caveats/bytes.h"

struct yubico_root {
    const char *name;
    uint8_t sha256[32];
    /* It vouches for keys of other applications too (PIV, OpenPGP), with which their holder can
     * sign anything: a leaf below it must say that it is an authenticator's. */
    bool shared;
};

/* By the SHA-256 of its DER; NULL when it is none of them. */
const struct yubico_root *yubico_root_find(const uint8_t sha256[32]);

#endif
