/* SPDX-License-Identifier: Apache-2.0
 *
 * A bundle of certificates for programs that take one in place of the system's: its roots, and the
 * broker's.
 */
#ifndef KEYHOLE_CLIENT_BUNDLE_H
#define KEYHOLE_CLIENT_BUNDLE_H

#include "../caveats/errors.h"

enum { BUNDLE_MAX = 8 << 20, BUNDLE_PLACES_MAX = 8 };

/* Append the system's roots (SSL_CERT_FILE and SSL_CERT_DIR are respected) and then the
 * certificates in `extra`, as PEM; nothing but certificates. A system without roots is none to
 * complain of. KH_ERR_NOT_FOUND when SSL_CERT_FILE leads nowhere, KH_ERR_TOO_LONG. */
KH_MUST_CHECK enum kh_err bundle_make(struct bytes extra, struct buffer *out, struct fault *fault);
/* Append the certificates in a PEM text: nothing else that may stand in it, such as a key. */
void bundle_put(struct bytes pem, struct buffer *out);

/* The files in which programs look for the system's roots when nothing tells them otherwise, be
 * they there or not. How many. */
size_t bundle_places(const char *place[BUNDLE_PLACES_MAX]);

#endif
