/* SPDX-License-Identifier: Apache-2.0
 *
 * Attestation objects (WebAuthn 6.5.4) and the statements of the formats that are taken.
 */
#ifndef KEYHOLE_ATTESTATION_OBJECT_H
#define KEYHOLE_ATTESTATION_OBJECT_H

#include "cbor.h"
#include "why.h"

enum attestation_format {
    FORMAT_OTHER = 0, /* its statement was not looked into */
    FORMAT_NONE,
    FORMAT_PACKED,
    FORMAT_U2F,
};

enum { ATTESTATION_CERTIFICATES_MAX = 6 };

struct attestation_object {
    enum attestation_format format;
    struct bytes format_name; /* UTF-8 */
    struct bytes data;        /* authenticator data */
    struct bytes statement;   /* CBOR, whole */
    int64_t algorithm;        /* of packed; 0: not given */
    struct bytes signature;
    struct bytes certificate[ATTESTATION_CERTIFICATES_MAX]; /* DER; the leaf is the first */
    size_t certificate_count;                               /* 0 in packed: self attestation */
};

/* Slices point into `text`. `why` (160 bytes) says what is wrong. */
KH_MUST_CHECK bool attestation_object_read(struct bytes text, struct attestation_object *out,
                                           char why[WHY_MAX]);

#endif
