/* SPDX-License-Identifier: Apache-2.0
 *
 * HTTP/1.1 (RFC 9110, RFC 9112), strict, without input or output: bytes in, structure out.
 *
 * Every MAY-reject of the RFCs is a reject here, for requests and for responses, because what is
 * judged must be what the next program reads. A head is parsed once into slices of the caller's
 * buffer; nothing is allocated. The upstream head is written from the structure (http1_write.h).
 */
#ifndef KEYHOLE_HTTP1_H
#define KEYHOLE_HTTP1_H

#include "../../caveats/bytes.h"
#include "../../caveats/field_name.h"

enum {
    HTTP1_FIELDS_MAX = 100,
    HTTP1_HEAD_MAX = 64 * 1024, /* bytes, start line included */
    HTTP1_LINE_MAX = 16 * 1024,
    HTTP1_CHUNK_LINE_MAX = 256,
    HTTP1_TRAILER_MAX = 8 * 1024,
};

enum http1_result {
    HTTP1_REJECT = 0, /* zero value: refuse and close */
    HTTP1_MORE,       /* incomplete so far: read more */
    HTTP1_DONE,
};

struct http1_field {
    struct bytes name;  /* as it came; compare with bytes_equal_nocase */
    struct bytes value; /* trimmed */
    uint16_t traits;    /* of the name: enum field_trait; FIELD_HOP also when Connection names it */
    uint8_t id;         /* of the name: enum field_id */
    bool has_capital, has_underscore; /* in the name */
};

enum http1_target_form { TARGET_ORIGIN, TARGET_ABSOLUTE, TARGET_AUTHORITY, TARGET_ASTERISK };

enum http1_body {
    BODY_NONE,
    BODY_LENGTH, /* exactly content_length bytes */
    BODY_CHUNKED,
    BODY_CLOSE, /* responses: until the connection ends */
};

struct http1_head {
    /* request */
    struct bytes method;
    enum http1_target_form form;
    struct bytes target;    /* as it came */
    struct bytes scheme;    /* absolute form: "http" or "https", lower case compare done */
    struct bytes authority; /* absolute and authority form */
    struct bytes path;      /* begins with '/', no query; "*" for the asterisk form */
    struct bytes query;     /* without '?' */
    bool has_query;         /* "/a?" has an empty one */
    struct bytes host;      /* the authority where there is one, else the value of Host, which is
                               checked to be the same host and port as the authority */
    /* response */
    unsigned status; /* 100 to 599 */
    struct bytes reason;
    /* both */
    unsigned minor; /* HTTP/1.minor: 0 or 1 */
    size_t field_count;
    uint64_t present; /* fields of which id there are, as bits */
    enum http1_body body;
    uint64_t content_length;
    bool keep_alive;      /* the connection may carry another message after this one; for a
                             request never in HTTP/1.0 (RFC 9112 9.3) */
    bool expect_continue; /* request: Expect: 100-continue */
    bool expect_other;    /* request: some other Expect: 417 */
    struct bytes upgrade; /* value of Upgrade when Connection names it, else empty */
    size_t length;        /* bytes of the head, an ignored leading CRLF included */
    /* 4 KiB, of which most messages need little: what lies behind the count is not set. */
    struct http1_field field[HTTP1_FIELDS_MAX];
};

/*
 * Parse a request head from the start of `in`. HTTP1_DONE fills `head`; HTTP1_REJECT sets `*why` to
 * a short static sentence (no input in it). `*scanned` (start with 0 for each message, keep between
 * calls on the same growing input) spares reading the bytes again that were found incomplete
 * before. One empty line before the request is taken for part of it.
 */
enum http1_result http1_parse_request(struct bytes in, struct http1_head *head, size_t *scanned,
                                      const char **why);

/* The same where Host decides nothing: HTTP/1.0 knows none (RFC 1945), and `host` is then empty. */
enum http1_result http1_parse_request_hostless(struct bytes in, struct http1_head *head,
                                               size_t *scanned, const char **why);

/* The same for a response to a request with method `method`; decides the body by RFC 9112 6.3. A
 * 101 is HTTP1_DONE with status 101, the caller knows whether it asked for one. */
enum http1_result http1_parse_response(struct bytes in, struct bytes method,
                                       struct http1_head *head, size_t *scanned, const char **why);

/* First field of that name, or NULL. Names are matched without case. */
const struct http1_field *http1_find_name(const struct http1_head *head, struct bytes name);
/* The same for a name of the table, which is none of its prefixes. */
const struct http1_field *http1_find_id(const struct http1_head *head, enum field_id id);

static inline const struct http1_field *
http1_find(const struct http1_head *head, const char *name)
{
    return http1_find_name(head, bytes_str(name));
}

/* ---- bodies ---- */

/* Decoder of one body, whatever its framing. */
struct http1_body_reader {
    enum http1_body kind;
    int state;               /* enum in http1_body.c */
    uint64_t left;           /* of the body or of the current chunk */
    uint64_t total;          /* body bytes so far */
    unsigned line_length;    /* of the chunk-size or trailer line being read */
    unsigned trailer_length; /* bytes of the trailer section so far */
    unsigned trailer_count;
    uint8_t line[HTTP1_CHUNK_LINE_MAX]; /* set as far as line_length says */
};

void http1_body_start(struct http1_body_reader *reader, const struct http1_head *head);

/*
 * Take bytes from `in`. `*used` is how many were consumed, `*data` the body bytes among them (at
 * most one run a call; may be empty, and may come with HTTP1_DONE). HTTP1_DONE: the body is
 * complete and bytes after `*used` belong to the next message. HTTP1_MORE: call again with what is
 * left, or with more. Trailers are read, checked and dropped. After HTTP1_REJECT the reader stays
 * refused.
 */
enum http1_result http1_body_read(struct http1_body_reader *reader, struct bytes in, size_t *used,
                                  struct bytes *data, const char **why);
/* The connection ended. True when that completes the body (BODY_CLOSE, or nothing is missing). */
bool http1_body_end(struct http1_body_reader *reader);

#endif
