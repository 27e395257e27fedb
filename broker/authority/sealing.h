/* SPDX-License-Identifier: Apache-2.0
 *
 * Access tokens that stand in an upstream's answer, and become the secret of a credential (option
 * token-answers=seal:NAME). A proxy may hand one over for a request that was allowed with that
 * credential, that it carries itself, and that is not over; once.
 */
#ifndef KEYHOLE_SEALING_H
#define KEYHOLE_SEALING_H

#include "../messages.h"
#include "credentials.h"

#include <sys/queue.h>

struct authority;
struct authority_proxy;

enum { SEALINGS_MAX = 4096, SEALINGS_BUCKETS = 256 };

struct sealing;
TAILQ_HEAD(sealing_list, sealing);

/* Zeroed, there are none. */
struct sealings {
    LIST_HEAD(, sealing) bucket[SEALINGS_BUCKETS]; /* by the id's first byte */
    struct sealing_list list;                      /* by age; initialised with the first one */
    size_t count;
};

/* For credential.add: the NAME of the option is there, or is its own, and takes such a secret. */
KH_MUST_CHECK enum kh_err sealing_check(const struct credentials *credentials,
                                        const struct credential *credential, struct fault *fault);

/* A request was allowed, and `proxy` carries it: nothing is noted unless its credential seals. When
 * there are too many, the oldest one is forgotten. */
void sealing_expect(struct authority *authority, const struct authority_proxy *proxy,
                    const uint8_t request_id[REQUEST_ID_SIZE], struct bytes credential);
void sealing_forget(struct authority *authority, const uint8_t request_id[REQUEST_ID_SIZE]);
void sealing_forget_proxy(struct authority *authority, const struct authority_proxy *proxy);
void sealing_forget_all(struct authority *authority);

/* What the handler of SEAL_TOKEN does; `out` points into `fault`. */
void sealing_serve(struct authority *authority, const struct authority_proxy *proxy,
                   const struct message_seal_token *message, struct message_token_sealed *out,
                   struct fault *fault);

#endif
