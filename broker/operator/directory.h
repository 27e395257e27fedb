/* SPDX-License-Identifier: Apache-2.0
 *
 * Making state directories.
 */
#ifndef KEYHOLE_OPERATOR_DIRECTORY_H
#define KEYHOLE_OPERATOR_DIRECTORY_H

#include "../../caveats/errors.h"

/* The directories above, as mkdir -p does, mode 0700. */
KH_MUST_CHECK enum kh_err directory_make_parents(const char *directory, struct fault *fault);
/* And that one, unless it is there. */
KH_MUST_CHECK enum kh_err directory_make(const char *directory, struct fault *fault);

#endif
