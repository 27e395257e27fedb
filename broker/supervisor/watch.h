/* SPDX-License-Identifier: Apache-2.0
 *
 * Listeners of whoever watches the broker (`metrics:`).
 */
#ifndef KEYHOLE_SUPERVISOR_WATCH_H
#define KEYHOLE_SUPERVISOR_WATCH_H

#include "listener.h"

/* Everything but the socket itself. For `keyholed check`. */
KH_MUST_CHECK enum kh_err watch_check(const struct config_metrics *config, struct fault *fault);
KH_MUST_CHECK enum kh_err watch_open(const struct config_metrics *config, struct listener *out,
                                     struct fault *fault);

#endif
