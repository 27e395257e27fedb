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

/* ---- judging: what a discharger knows of whoever answered ---- */

enum hole_factor {
    HOLE_FACTOR_UNSET = 0,
    HOLE_FACTOR_FIDO2,   /* any enrolled FIDO2 authenticator */
    HOLE_FACTOR_YUBIKEY, /* FIDO2 with an attestation that leads to a root of Yubico: fido2 too */
    HOLE_FACTOR_SSH,
    HOLE_FACTOR_SSH_SK, /* an SSH key in a FIDO authenticator: ssh too */
};
const char *hole_factor_name(enum hole_factor factor); /* "yubikey" */

struct hole_facts {
    struct bytes user; /* the owner of the authenticator */
    enum hole_factor factor;
    bool presence;       /* touched */
    bool verified;       /* by PIN or fingerprint: `verification = pin`; `none` holds either way */
    struct bytes aaguid; /* hexadecimal with dashes, or empty: then a predicate on it fails */
    struct bytes firmware; /* "5.7.4", or empty: then a predicate on it fails. 5.7 is 5.7.0 */
};

/* Whether all predicates hold. `canonical` is what hole_parse printed. When not, the first one that
 * fails is appended to `failing` (may be NULL) as it stands there. Anything unreadable fails, and
 * so does everything without a user and a factor. */
KH_MUST_CHECK bool hole_judge(struct bytes canonical, const struct hole_facts *facts,
                              struct buffer *failing);

/* What a hole asks for before anybody answered. */
struct hole_demand {
    int64_t lifetime_s;
    struct bytes user[HOLE_VALUES_MAX]; /* into `storage`; none: any enrolled user */
    size_t user_count;
    bool yubikey, fido2, ssh, ssh_sk; /* whether any such can fill it; none: nobody can */
    bool verification;                /* a PIN or fingerprint is demanded */
    struct buffer storage;            /* owned; hole_demand_free */
};
KH_MUST_CHECK enum kh_err hole_demand_read(struct bytes canonical, struct hole_demand *out,
                                           struct fault *fault);
void hole_demand_free(struct hole_demand *demand);

#endif
