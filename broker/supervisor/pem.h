/* SPDX-License-Identifier: Apache-2.0
 *
 * The operator's certificate and key files, read whole and handed on unparsed.
 */
#ifndef KEYHOLE_SUPERVISOR_PEM_H
#define KEYHOLE_SUPERVISOR_PEM_H

#include "../../caveats/errors.h"

/* Appends the file to `out`. It must have a PEM block whose label ends in `label` ("PRIVATE KEY"
 * fits "EC PRIVATE KEY"). A private key that others can read is refused. */
KH_MUST_CHECK enum kh_err pem_read(const char *path, const char *label, struct buffer *out,
                                   struct fault *fault);

#endif
