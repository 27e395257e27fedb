/* SPDX-License-Identifier: Apache-2.0
 *
 * The access token of a credential whose key comes from a token endpoint: in locked memory, until
 * it expires or is dropped; never in the database. And what is remembered when there is none.
 */
#ifndef KEYHOLE_ACCESS_H
#define KEYHOLE_ACCESS_H

#include "secret.h"

enum { ACCESS_DETAIL_MAX = 256, ACCESS_EARLIER_MAX = 4 };

struct access {
    struct secret *token;           /* NULL: none */
    int64_t expires_at, refresh_at; /* seconds since 1970 */
    int64_t obtained_ms;            /* steady clock */
    enum kh_reason failure;         /* of the last exchange; KH_REASON_UNSET: it went well */
    char detail[ACCESS_DETAIL_MAX]; /* for the client and the operator; nothing of an answer */
    int64_t retry_at;
    unsigned failures, drops; /* in a row */
    int64_t drop_at_ms;       /* the next 401 that counts, steady clock */
    uint64_t secret_version;  /* another one with each secret of the operator's */
    uint64_t settings;        /* and with each change of what tokens are asked for */
    /* A refresh token that the endpoint gave and the database did not take. The one that is stored
     * is worth nothing any more. */
    struct secret *unsaved;
    /* Those that were got with a secret before this one, in its grace. */
    struct {
        struct secret *token;
        int64_t until;
    } earlier[ACCESS_EARLIER_MAX];
    unsigned earlier_next;
};

/* NULL: no memory. */
struct access *access_new(void);
void access_free(struct access **access);

enum access_state {
    ACCESS_NONE = 0, /* to be got */
    ACCESS_READY,
    ACCESS_FAILED, /* and not to be tried again yet */
};
enum access_state access_look(const struct access *access, int64_t now);
/* It serves, and is to be refreshed before it does not. */
bool access_is_due(const struct access *access, int64_t now);

/* KH_ERR_RANGE: no token that can stand in a header, or no lifetime. */
KH_MUST_CHECK enum kh_err access_take(struct access *access, struct bytes token, int64_t lifetime_s,
                                      int64_t now, int64_t steady_ms, struct fault *fault);
void access_fail(struct access *access, enum kh_reason reason, const char *detail, int64_t now);
/* Forget the token and past failures: the credential was disabled, or has another secret. */
void access_drop(struct access *access);
/* The operator gave another secret: answers to exchanges of the old one do not count. */
void access_change_secret(struct access *access);

/* The same secret, but another question: a token that was asked for before does not serve, and a
 * refresh token that comes with it is kept all the same. */
void access_change_settings(struct access *access);

/* The token of now is one of an earlier secret from here on, whose grace lasts until then; what
 * runs goes on with it. 0: there is no grace, and those before are forgotten as well. */
void access_keep_earlier(struct access *access, int64_t until);
/* The token of that number, while its grace lasts; else empty. */
struct bytes access_earlier(const struct access *access, unsigned number, int64_t now);
/* What is over goes from memory. */
void access_expire_earlier(struct access *access, int64_t now);

/* The upstream answered 401, or took the key, to a request that began then. A token that was there
 * by then is dropped; when that does not help, less and less often. True: it was. */
bool access_refused(struct access *access, int64_t began_ms, int64_t steady_ms);
void access_accepted(struct access *access);

#endif
