/* SPDX-License-Identifier: Apache-2.0
 *
 * What the supervisor says of a reload, as an answer on an admin socket:
 *
 *     "ok" LF file LF, and for each change: name TAB old TAB new TAB outcome LF
 *     "failed" LF why
 */
#ifndef KEYHOLE_ADMIN_RELOAD_REPORT_H
#define KEYHOLE_ADMIN_RELOAD_REPORT_H

#include "../../caveats/bytes.h"
#include "../../caveats/errors.h"

#include <jansson.h>

/* {"reloaded", "file", "changes"}, and how many changes; the caller's. NULL: the fault says why the
 * configuration stays (KH_ERR_CONFIG), or KH_ERR_MEMORY. With `look` nothing was changed. */
KH_MUST_CHECK json_t *reload_report_read(struct bytes text, bool look, size_t *count,
                                         struct fault *fault);

#endif
