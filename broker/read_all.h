/* SPDX-License-Identifier: Apache-2.0
 *
 * A descriptor, read to its end.
 */
#ifndef KEYHOLE_READ_ALL_H
#define KEYHOLE_READ_ALL_H

#include "../caveats/bytes.h"
#include "../caveats/errors.h"

enum { READ_ALL_STEP = 4096 };

/* What comes is appended to `out`, whose limit is READ_ALL_STEP above what may come at most.
 * KH_ERR_TOO_LONG: more came. KH_ERR_IO: errno says why. Which file it was is the caller's to say.
 */
KH_MUST_CHECK enum kh_err read_all(int fd, struct buffer *out);

#endif
