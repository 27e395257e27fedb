/* SPDX-License-Identifier: Apache-2.0
 *
 * A broker of the same user on this machine: where it is when nobody says, and its admin socket
 * (docs/PROTOCOL.admin.md), which is its operator's right and not that of keyhole.
 */
#ifndef KEYHOLE_CLIENT_LOCAL_BROKER_H
#define KEYHOLE_CLIENT_LOCAL_BROKER_H

#include "../caveats/token.h"
#include "broker.h"

enum { LOCAL_BROKER_PATH_MAX = 4096 };
#define LOCAL_BROKER_URL "http://127.0.0.1:8437"

/* keyholed's default state directory. KH_ERR_NOT_FOUND without a home. */
KH_MUST_CHECK enum kh_err local_broker_directory(char out[LOCAL_BROKER_PATH_MAX],
                                                 struct fault *fault);

/* The broker of `directory` (NULL: the default): its unix socket if somebody listens there and
 * `unix_socket`, else LOCAL_BROKER_URL if a broker answers. KH_ERR_USAGE, with what to do, when
 * there is none. */
KH_MUST_CHECK enum kh_err local_broker_find(const char *directory, bool unix_socket,
                                            struct broker_address *out, struct fault *fault);

/* Have the broker's operator, who is us, mint a token for these credentials. KH_ERR_NOT_FOUND when
 * there is no admin socket that we may use, KH_ERR_DENIED with what the broker says. */
KH_MUST_CHECK enum kh_err local_broker_mint(const char *directory, const char *const *credential,
                                            size_t count, int64_t lifetime_s, struct token **out,
                                            struct fault *fault);

#endif
