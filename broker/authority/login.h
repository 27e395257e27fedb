/* SPDX-License-Identifier: Apache-2.0
 *
 * Login: a token for whoever asks, whose hole is the login. It is worth nothing until the user that
 * it names fills the hole, and nothing is stored for it.
 *
 * Whoever asks learns neither who exists nor what they may do: users and credentials that are not
 * known get a token of the same shape, by the same way, as those that are.
 */
#ifndef KEYHOLE_LOGIN_H
#define KEYHOLE_LOGIN_H

#include "authority.h"

#define LOGIN_LIFETIME_DEFAULT_S (INT64_C(8) * 3600)
#define LOGIN_LIFETIME_MAX_S     (INT64_C(30) * 86400) /* where no grant says less */

/* `*out` is a token or a reason; its text is appended to `token`, a secret buffer. */
void login_serve(struct authority *authority, const struct message_login_ask *ask,
                 struct message_login_done *out, struct buffer *token);

#endif
