/* SPDX-License-Identifier: Apache-2.0
 *
 * In what two versions of a credential's settings differ, in words: for the operator and for the
 * audit log. None of it is a secret.
 */
#ifndef KEYHOLE_CREDENTIAL_CHANGE_H
#define KEYHOLE_CREDENTIAL_CHANGE_H

#include "credential.h"

/* Lines as "hosts: a.example -> a.example, b.example", newlines between them; nothing when they are
 * equal. KH_ERR_TOO_LONG, KH_ERR_MEMORY. */
KH_MUST_CHECK enum kh_err credential_change_print(const struct store_credential *before,
                                                  const struct store_credential *after,
                                                  struct buffer *out, struct fault *fault);

#endif
