/* SPDX-License-Identifier: Apache-2.0
 *
 * Authenticator data (WebAuthn 6.1), read to its last byte.
 */
#ifndef KEYHOLE_AUTHENTICATOR_DATA_H
#define KEYHOLE_AUTHENTICATOR_DATA_H

#include "cbor.h"
#include "why.h"

enum authenticator_flag {
    FLAG_PRESENT = 0x01,
    FLAG_VERIFIED = 0x04,
    FLAG_BACKUP_ELIGIBLE = 0x08,
    FLAG_BACKED_UP = 0x10,
    FLAG_CREDENTIAL = 0x40, /* attested credential data follow */
    FLAG_EXTENSIONS = 0x80,
    FLAGS_RESERVED = 0x22,
};

struct authenticator_data {
    struct bytes rp_id_hash; /* 32 bytes */
    uint8_t flags;
    uint32_t counter;
    struct bytes aaguid; /* of a registration, as the next two */
    struct bytes credential_id;
    struct bytes public_key; /* COSE: a map, not looked into */
    int extension_mask;      /* FIDO_EXT_*: what libfido2 has to be told to expect */
    int protection;          /* credProtect; 0: not given */
    unsigned pin_minimum;    /* minPinLength; 0: not given */
};

/* `registration`: with attested credential data; else without. Slices point into `text`. `why` (160
 * bytes) says what is wrong. */
KH_MUST_CHECK bool authenticator_data_read(struct bytes text, bool registration,
                                           struct authenticator_data *out, char why[WHY_MAX]);

#endif
