/* SPDX-License-Identifier: Apache-2.0
 *
 * AWS Signature Version 4 (AWS General Reference, "Create a signed AWS API request"): from a
 * request as it is sent to its signature, in a header or in the query of a presigned URL. No state,
 * no clock, no policy: which headers are signed and for what is the caller's to say.
 */
#ifndef KEYHOLE_SIGV4_H
#define KEYHOLE_SIGV4_H

#include "../../caveats/errors.h"
#include "../../caveats/facts.h"

enum {
    SIGV4_TIME_SIZE = 17, /* "20150830T123600Z" with its NUL */
    SIGV4_HEX_SIZE = 65,
    SIGV4_PAIRS_MAX = 160, /* headers, and parameters */
};

#define SIGV4_ALGORITHM     "AWS4-HMAC-SHA256"
#define SIGV4_EMPTY_PAYLOAD "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

/* How the path that is sent becomes the canonical one. */
enum sigv4_path {
    SIGV4_PATH_TWICE =
        0,           /* dot and empty segments resolved, then encoded once more: most services */
    SIGV4_PATH_ONCE, /* decoded and encoded, nothing resolved: S3, whose keys are any text */
};

struct sigv4_request {
    struct bytes method;
    struct bytes path; /* encoded, as it is sent */
    enum sigv4_path path_form;
    const struct fact_pair *query; /* decoded, with those of a presigned URL but the signature */
    size_t query_count;
    const struct fact_pair *header; /* those to be signed: lower-case names, host among them */
    size_t header_count;
    struct bytes payload; /* hash in hexadecimal, or a word such as UNSIGNED-PAYLOAD */
};

struct sigv4_scope {
    char time[SIGV4_TIME_SIZE];
    struct bytes region, service;
};

/* "20150830T123600Z" and seconds since 1970. */
KH_MUST_CHECK bool sigv4_time_parse(struct bytes text, int64_t *out);
void sigv4_time_print(int64_t seconds, char out[SIGV4_TIME_SIZE]);

/* "host;x-amz-date": sorted, each name once. */
void sigv4_put_signed_headers(const struct sigv4_request *request, struct buffer *out);
/* "20150830/us-east-1/s3/aws4_request", without and with the access key id before it. */
void sigv4_put_scope(const struct sigv4_scope *scope, struct buffer *out);
void sigv4_put_credential(const struct sigv4_scope *scope, struct bytes access_key,
                          struct buffer *out);
/* The canonical request, and the string to sign that is made of it. `out` fails when there are more
 * than SIGV4_PAIRS_MAX of something. */
void sigv4_put_canonical(const struct sigv4_request *request, struct buffer *out);
KH_MUST_CHECK enum kh_err sigv4_put_string_to_sign(const struct sigv4_scope *scope,
                                                   struct bytes canonical, struct buffer *out);

/* The signature in hexadecimal. KH_ERR_CRYPTO, KH_ERR_MEMORY. */
KH_MUST_CHECK enum kh_err sigv4_sign(const struct sigv4_request *request,
                                     const struct sigv4_scope *scope, struct bytes secret_key,
                                     char out[SIGV4_HEX_SIZE]);

#endif
