/* SPDX-License-Identifier: Apache-2.0
 *
 * libfido2 in front of a software authenticator.
 */
#ifndef KEYHOLE_TESTS_SOFTAUTHN_FIDO_H
#define KEYHOLE_TESTS_SOFTAUTHN_FIDO_H

#include <fido.h>

#include "softauthn.h"

/* In this process. NULL: libfido2 did not open it. The caller closes and frees the device, and the
 * authenticator after it. */
fido_dev_t *softauthn_fido_open(struct softauthn *a);
/* Behind a socket, with CTAPHID's reports. NULL: nobody is there, or libfido2 did not open it. */
fido_dev_t *softauthn_fido_connect(const char *path);

#endif
