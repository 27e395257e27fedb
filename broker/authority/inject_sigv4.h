/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of the injection "sigv4" share: a request as it is to be signed.
 *
 *     inject_sigv4.c          the rules of the kind, and the edits that a signature makes
 *     inject_sigv4_prepare.c  what is signed, and for whom, when and where
 */
#ifndef KEYHOLE_AUTHORITY_INJECT_SIGV4_H
#define KEYHOLE_AUTHORITY_INJECT_SIGV4_H

#include "inject_internal.h"
#include "sigv4.h"

/* ACCESSKEYID:SECRETKEY[:SESSIONTOKEN]; points into the secret. */
struct inject_sigv4_key {
    struct bytes access_key, secret_key, session_token;
};

struct inject_sigv4 {
    struct inject_sigv4_key key;
    struct sigv4_scope scope;
    struct sigv4_request request;
    struct fact_pair query[SIGV4_PAIRS_MAX], header[SIGV4_PAIRS_MAX];
    char payload[SIGV4_HEX_SIZE], signature[SIGV4_HEX_SIZE];
    bool set_payload, set_time;
    struct buffer text; // what header and query point into
};

/* False: the secret is none. */
bool inject_sigv4_read_key(struct bytes secret, struct inject_sigv4_key *out);

/* Services whose paths are names of the customers' own, and are signed as they are. */
bool inject_sigv4_is_s3(struct bytes service);

/* The only value of that field; empty without one. False: there are several. */
bool inject_sigv4_only_header(const struct message_decide *request, const char *name,
                              struct bytes *out);

/* `s` is zeroed, its text initialised. All of it but the signature; a request that cannot be
 * signed is refused, with why in `work`. */
enum injection_result inject_sigv4_prepare(struct inject_work *work, struct inject_sigv4 *s);

#endif
