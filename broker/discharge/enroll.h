/* SPDX-License-Identifier: Apache-2.0
 *
 * Enrolling: what the files enroll*.c and invitation.c share.
 */
#ifndef KEYHOLE_DISCHARGE_ENROLL_H
#define KEYHOLE_DISCHARGE_ENROLL_H

#include "service_internal.h"

enum { INVITATION_HASH_SIZE = 32 };

/* ---- invitation.c ---- */

/* SHA-256 of a code's letters, however they were typed: case, dashes and spaces do not matter, and
 * O is 0, I and L are 1 (Crockford's base32). False when it cannot be a code. */
KH_MUST_CHECK bool invitation_hash(struct bytes typed, uint8_t out[INVITATION_HASH_SIZE]);
/* A new code, "K7QF-2M9X-0TRB"; appended. */
void invitation_print_new(struct buffer *code);

#endif
