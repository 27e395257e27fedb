/* SPDX-License-Identifier: Apache-2.0
 *
 * Facts from a request as people write it: "POST https://api.openai.com/v1/chat/completions". For
 * explaining, for a policy's tests, and for reading the audit log back; what comes over the wire is
 * read by broker/http alone.
 */
#ifndef KEYHOLE_REQUEST_TEXT_H
#define KEYHOLE_REQUEST_TEXT_H

#include "errors.h"
#include "facts.h"
#include "path.h"

enum { REQUEST_TEXT_MAX = 16384, REQUEST_TEXT_PAIRS_MAX = 64 };

/* All exceptions that a credential may have (path.h): for where the credential is not known. */
enum {
    REQUEST_TEXT_LENIENT =
        PATH_ALLOW_ESCAPED_SLASH | PATH_ALLOW_SEMICOLON | PATH_ALLOW_EMPTY_SEGMENT,
};

/* Owns what its facts point to; must not be copied. */
struct request_text {
    struct facts facts; /* scheme, host, port, method, path, query and header are filled in */
    struct fact_pair query[REQUEST_TEXT_PAIRS_MAX];
    struct fact_pair given[REQUEST_TEXT_PAIRS_MAX]; /* header fields, as they were added */
    size_t given_count;
    struct fact_pair header[REQUEST_TEXT_PAIRS_MAX]; /* of those, what a broker judges by */
    struct bytes path_encoded;
    struct buffer storage; /* never grows */
};

/* METHOD and URL with one space between. `path_exceptions` as for path_canonical. KH_ERR_SYNTAX
 * says what is wrong. request_text_free in any case. */
KH_MUST_CHECK enum kh_err request_text_read(struct bytes line, unsigned path_exceptions,
                                            struct request_text *out, struct fault *fault);
/*
 * Add "Name: value". Of fields that the broker keeps from caveats nothing is in the facts: those
 * for the neighbour alone and those that Connection names, those that say where the request goes
 * (Host, Content-Length, X-Forwarded-*, Keyhole-*), and one that holds a token. `upgrade` is filled
 * in.
 */
KH_MUST_CHECK enum kh_err request_text_header(struct request_text *request, struct bytes line,
                                              struct fault *fault);
/* Copy text to where it lives as long as `request`; empty when there is no room. */
struct bytes request_text_keep(struct request_text *request, struct bytes text);
void request_text_free(struct request_text *request);

#endif
