/* SPDX-License-Identifier: Apache-2.0
 *
 * What a hole demands: predicates over what a discharger can vouch for, all of which must hold, and
 * for how long a discharge is good.
 *
 *     user = alice and factor = yubikey for 8h
 *     factor in yubikey, ssh and verification = pin for 15m
 *
 * The text stands in a `hole` caveat, in a ticket, and in a policy's demands. Two texts demand the
 * same when their canonical forms are equal.
 */
#ifndef KEYHOLE_HOLE_H
#define KEYHOLE_HOLE_H

#include "bytes.h"
#include "errors.h"

enum { HOLE_TEXT_MAX = 512, HOLE_PREDICATES_MAX = 8, HOLE_VALUES_MAX = 16 };

/* What was read, beside its canonical text. */
struct hole {
    int64_t lifetime_s; /* of a discharge */
    bool names_user;    /* it says who */
};

/* Strict; the canonical text is appended to `canonical`. KH_ERR_SYNTAX, _UNKNOWN, _TYPE, _RANGE,
 * _TOO_LONG with the place in the fault. */
KH_MUST_CHECK enum kh_err hole_parse(struct bytes text, struct buffer *canonical, struct hole *out,
                                     struct fault *fault);

/* The hole that is minted for that user where `demand` (canonical) is asked for. */
void hole_print_for_user(struct bytes demand, bool names_user, struct bytes user,
                         struct buffer *out);

/* Whether a filled hole (canonical) gives what is demanded (canonical): it is the same, or the same
 * for that user. */
bool hole_satisfies(struct bytes filled, struct bytes demand, struct bytes user);

#endif
