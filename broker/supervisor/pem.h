/* SPDX-License-Identifier: Apache-2.0
 *
 * The operator's certificate and key files, read whole. Only that they fit is looked at here;
 * the proxy parses them again.
 */
#ifndef KEYHOLE_SUPERVISOR_PEM_H
#define KEYHOLE_SUPERVISOR_PEM_H

#include "../../caveats/errors.h"

/* Appends the file to `out`. It must have a PEM block whose label ends in `label` ("PRIVATE KEY"
 * fits "EC PRIVATE KEY"). A private key that others can read is refused. */
KH_MUST_CHECK enum kh_err pem_read(const char *path, const char *label, struct buffer *out,
                                   struct fault *fault);

/* Whether the first certificate and the key belong together. Names are for the fault. */
KH_MUST_CHECK enum kh_err pem_check_pair(struct bytes certificate, const char *certificate_name,
                                         struct bytes key, const char *key_name,
                                         struct fault *fault);

#endif
