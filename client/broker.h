/* SPDX-License-Identifier: Apache-2.0
 *
 * Where a broker is, and calls to its public endpoints (docs/PROTOCOL.public.md).
 */
#ifndef KEYHOLE_CLIENT_BROKER_H
#define KEYHOLE_CLIENT_BROKER_H

#include "http.h"

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

/* A call to one of its public endpoints, as http_call; `request.url` and `.unix_path` are set here.
 */
KH_MUST_CHECK enum kh_err broker_call(const struct broker_address *address, const char *path,
                                      struct http_request request, struct http_answer *out,
                                      struct fault *fault);

#endif
