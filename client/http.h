/* SPDX-License-Identifier: Apache-2.0
 *
 * One HTTP exchange, over libcurl.
 *
 * Redirects are not followed, proxies of the environment are not used, TLS is verified: what is
 * sent goes to where it was meant for, and nowhere else. Answers are bounded.
 */
#ifndef KEYHOLE_CLIENT_HTTP_H
#define KEYHOLE_CLIENT_HTTP_H

#include "../caveats/errors.h"

enum { HTTP_ANSWER_MAX = 65536, HTTP_TIMEOUT_MS = 30000, HTTP_URL_MAX = 2048 };

enum http_method { HTTP_GET = 0, HTTP_POST };

struct http_request {
    enum http_method method;
    const char *url;       /* whole; http or https */
    const char *unix_path; /* NULL: TCP */
    const char *ca_file;   /* PEM: only these are trusted; NULL: the system's roots */
    struct bytes bearer;   /* Authorization; empty: none */
    struct bytes json;     /* the body of a POST; empty: none */
    long timeout_ms;       /* 0: HTTP_TIMEOUT_MS */
};

struct http_answer {
    long status;
    char content_type[64];  /* lower case, without parameters */
    uint32_t retry_after_s; /* of Retry-After in seconds; 0: none */
    struct buffer body;     /* owned, secret; at most HTTP_ANSWER_MAX */
};

/* A status is no error here. KH_ERR_IO, KH_ERR_TIMEOUT, KH_ERR_MEMORY, KH_ERR_PROTOCOL (too long),
 * KH_ERR_MALFORMED (a bearer that no header field carries). Free with http_answer_free. */
KH_MUST_CHECK enum kh_err http_call(const struct http_request *request, struct http_answer *out,
                                    struct fault *fault);
void http_answer_free(struct http_answer *answer);

#endif
