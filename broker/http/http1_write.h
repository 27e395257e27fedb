/* SPDX-License-Identifier: Apache-2.0
 *
 * Writing HTTP/1.1 heads and chunks from structures. What is written here parses again with
 * http1.h to the same structure; tests hold it to that.
 */
#ifndef KEYHOLE_HTTP1_WRITE_H
#define KEYHOLE_HTTP1_WRITE_H

#include "http1.h"

/* Each marks the buffer failed rather than write something that does not parse: a name that is no
 * token, a value with a control character, a method or target with white space. */
/* Always HTTP/1.1. The target is an origin form, or "*". */
void http1_write_request_line(struct buffer *out, struct bytes method, struct bytes target);
void http1_write_status_line(struct buffer *out, unsigned status); /* reason from RFC 9110 */
void http1_write_field(struct buffer *out, struct bytes name, struct bytes value);
/* Of the parser, which has checked them, or of our own: they are not checked again. */
void http1_put_field(struct buffer *out, struct bytes name, struct bytes value);
void http1_write_field_str(struct buffer *out, const char *name, const char *value);
void http1_write_length(struct buffer *out, uint64_t content_length);
void http1_write_end(struct buffer *out);

void http1_write_chunk(struct buffer *out, struct bytes data); /* empty data writes nothing */
/* What comes before `n` bytes of data, n > 0, and what after them. */
void http1_write_chunk_size(struct buffer *out, size_t n);
#define HTTP1_CHUNK_END BYTES("\r\n")
void http1_write_last_chunk(struct buffer *out);

const char *http1_status_text(unsigned status); /* "" for what is not in RFC 9110 */

/*
 * A whole answer of our own: problem details (RFC 9457) with the code, the caveat or what was wrong
 * as `detail`, and a sentence; the headers that go with the status (WWW-Authenticate, Retry-After,
 * Proxy-Authenticate, Connection). No body for HEAD. `request_id_hex` may be empty.
 */
struct http1_problem {
    const char *code, *title, *advice;
    struct bytes detail;
    unsigned status;
    uint32_t retry_after_s;
    struct bytes request_id_hex;
    bool close;           /* say Connection: close */
    bool head;            /* the request was HEAD */
    bool basic_challenge; /* 401: offer Basic as well, and first: git asks for nothing else. 407
                             always does, because proxy URLs carry a user and a password */
    bool for_nginx;    /* auth_request knows 401 and 403 alone: others are 403, and the status and
                          the body stand in Keyhole-Status and Keyhole-Problem too */
    const char *allow; /* 405: the methods; else NULL */
};
/* Marks `out` failed when a member cannot stand in a head. */
void http1_write_problem(struct buffer *out, const struct http1_problem *problem);

#endif
