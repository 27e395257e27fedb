/* SPDX-License-Identifier: Apache-2.0
 *
 * Calls to a broker's public endpoints, over libcurl.
 *
 * Redirects are not followed, proxies of the environment are not used, TLS is verified: a token
 * goes to the broker that was named, and nowhere else.
 */
#ifndef KEYHOLE_CLIENT_BROKER_H
#define KEYHOLE_CLIENT_BROKER_H

#include "../caveats/errors.h"

enum { BROKER_ANSWER_MAX = 65536, BROKER_TIMEOUT_MS = 30000 };

struct broker_address {
    char *url;       /* base, without a trailing slash; owned */
    char *unix_path; /* owned; NULL: TCP */
    bool exposed;    /* HTTP without TLS to an address that is not this machine */
};

/* "https://broker.example", "http://127.0.0.1:8437", a socket's path (has a '/'), "unix:PATH".
 * KH_ERR_USAGE with a sentence. Free with broker_address_free. */
KH_MUST_CHECK enum kh_err broker_address_read(const char *text, struct broker_address *out,
                                              struct fault *fault);
void broker_address_free(struct broker_address *address);

struct broker_answer {
    long status;
    char content_type[64]; /* lower case, without parameters */
    struct buffer body;    /* owned; at most BROKER_ANSWER_MAX */
};

/* POST without a body. `ca_file` may be NULL for the system's roots, else only these are trusted.
 * KH_ERR_IO, KH_ERR_TIMEOUT, KH_ERR_MEMORY, KH_ERR_PROTOCOL; a status is no error here. */
KH_MUST_CHECK enum kh_err broker_post(const struct broker_address *address, const char *path,
                                      struct bytes token, const char *ca_file,
                                      struct broker_answer *out, struct fault *fault);
void broker_answer_free(struct broker_answer *answer);

#endif
