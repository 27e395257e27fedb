/* SPDX-License-Identifier: Apache-2.0
 *
 * Listeners for gateways: a unix socket for users or a group that the operator lists, or an
 * address on which a gateway shows its key. Without a proof that can be asked for, none listens.
 */
#ifndef KEYHOLE_SUPERVISOR_GATEWAY_H
#define KEYHOLE_SUPERVISOR_GATEWAY_H

#include "listener.h"

/* Everything but the socket itself: users, group, key, address, certificate. For `keyholed check`.
 */
KH_MUST_CHECK enum kh_err gateway_check(const struct config_gateway *config, const char *directory,
                                        struct fault *fault);
KH_MUST_CHECK enum kh_err gateway_open(const struct config_gateway *config, const char *directory,
                                       struct listener *out, struct fault *fault);

#endif
