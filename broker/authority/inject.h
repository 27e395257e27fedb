/* SPDX-License-Identifier: Apache-2.0
 *
 * How the real secret is put on a request: the edits for the proxy, and what it must look for in
 * the answer.
 */
#ifndef KEYHOLE_INJECT_H
#define KEYHOLE_INJECT_H

#include "content.h"
#include "credential.h"

enum {
    INJECTION_TEXT_MAX = 114688, /* in a decision, which has 128 KiB */
    INJECTION_SCRUB_MIN = 4,
    INJECTION_REFUSAL_MAX = 256,
};

struct credentials;

/* What an injection may look at. */
struct injection_context {
    const struct message_decide *request;  /* canonical, and where the token was */
    const struct credentials *credentials; /* of `several`; NULL: there are no others */
    int64_t now;                           /* seconds since 1970 */
    enum content_state content_state;      /* of the body itself, for what signs it */
    struct bytes content;
};

enum injection_result {
    INJECTION_FAILED = 0, /* memory, or a fault of our own */
    INJECTION_READY,
    INJECTION_BUSY,      /* there is no room at the moment */
    INJECTION_MISPLACED, /* the token does not stand where the secret goes: `refusal` says it */
    INJECTION_REFUSED,   /* no signature can be made for such a request: `refusal` says why */
    /* Whoever puts several injections together hands `waits`, `due` and `reason` on. */
    INJECTION_WAITING,     /* for the access token of `waits`: look again when there is one */
    INJECTION_UNAVAILABLE, /* there is none: `reason` and `refusal` say why */
};

struct injection {
    size_t edit_count, secret_count; /* no secrets when the credential is not scrubbed */
    struct buffer text;              /* owns what the slices point into; wiped */
    enum kh_reason reason;           /* of INJECTION_UNAVAILABLE */
    const struct credential *waits;  /* of INJECTION_WAITING, else NULL */
    const struct credential *due;    /* its access token serves, and is to be refreshed */
    /* What lies behind the counts is not set. */
    struct edit edit[DECISION_EDITS_MAX];
    struct bytes secret[DECISION_SECRETS_MAX];
    char refusal[INJECTION_REFUSAL_MAX]; /* for the client */
};

/* As if nothing had been made yet. */
void injection_init(struct injection *injection);
/* The same for one that is zeroed, or was made before: what was in it is wiped, and its memory
 * serves what is made next. */
void injection_clear(struct injection *injection);

/* What of the body has to be known before the injection can be made, and is not. */
struct injection_needs {
    bool sha256, content;
};
struct injection_needs injection_needs(const struct credential *credential,
                                       const struct injection_context *context);

/* Of a set: all of them are there and enabled. True for others. */
bool injection_members_are_enabled(const struct credential *credential,
                                   const struct injection_context *context);
/* Of a set: all of them allow the host of the request. True for others. */
bool injection_members_allow_host(const struct credential *credential,
                                  const struct injection_context *context);

bool injection_has_member(const struct credential *credential, struct bytes name);

/* Of a set: no member signs a part of the request that another one changes. Who is not there yet is
 * looked at when a request is made. KH_ERR_USAGE with a sentence. */
KH_MUST_CHECK enum kh_err injection_check_members(const struct credential *credential,
                                                  const struct credentials *credentials,
                                                  struct fault *fault);

/* There is something to put on the request with INJECTION_READY alone. Call injection_free in any
 * case. */
KH_MUST_CHECK enum injection_result injection_make(const struct credential *credential,
                                                   const struct injection_context *context,
                                                   struct injection *out);
/* The same in the memory of one that injection_clear() may be given. */
KH_MUST_CHECK enum injection_result injection_make_again(const struct credential *credential,
                                                         const struct injection_context *context,
                                                         struct injection *out);
void injection_free(struct injection *injection);

#endif
