/* SPDX-License-Identifier: Apache-2.0
 *
 * Canonical hosts, paths and queries, and the path patterns of the caveat language.
 *
 * A path is judged in decoded form and sent in encoded form; both are made here from the same
 * input, and a path for which they could be read differently is refused (RFC 3986 section 6;
 * Envoy CVE-2019-9901 is what happens otherwise).
 */
#ifndef KEYHOLE_PATH_H
#define KEYHOLE_PATH_H

#include "bytes.h"
#include "errors.h"

/* What an upstream may need that is refused by default; a credential lists its exceptions. */
enum path_exception {
    PATH_ALLOW_ESCAPED_SLASH = 1, /* %2F stays %2F in both forms (GitLab's project ids) */
    PATH_ALLOW_SEMICOLON = 2,     /* matrix parameters */
    PATH_ALLOW_EMPTY_SEGMENT = 4, /* a//b */
};

/*
 * Canonical form of the path of a request target (no query, begins with '/').
 * Unreserved characters are decoded, other escapes upper-cased. Appended to `encoded` (what is
 * sent) and `decoded` (what is judged). In the decoded form everything is decoded except what an
 * exception let through. Refused with KH_ERR_SYNTAX: bytes that RFC 3986 does not allow, bad
 * escapes, dot segments (plain or escaped), empty segments other than a trailing slash, %2F %5C
 * %00 and other escaped control characters, backslash, ';', and "%25" before two hexadecimal
 * digits (double encoding).
 */
KH_MUST_CHECK enum kh_err path_canonical(struct bytes path, unsigned exceptions,
                                         struct buffer *encoded, struct buffer *decoded,
                                         struct fault *fault);

/* Whether path_canonical would take it as it is, in both forms: true for the paths of most
 * requests. False says nothing. */
bool path_is_plain(struct bytes path);

/*
 * A host as it stands in a Host field, an authority or SNI: lower case, IDNA A-label (libidn2,
 * non-transitional), no trailing dot, IPv4 in dotted-quad only (no octal, no short forms), IPv6
 * compressed as RFC 5952 and without brackets. Appended to `out`. KH_ERR_SYNTAX otherwise.
 */
KH_MUST_CHECK enum kh_err host_canonical(struct bytes host, struct buffer *out);
/* Whether host_canonical would change nothing. */
bool host_is_canonical(struct bytes host);

/* "host", "host:port", "[v6]:port" into a canonical host and a port (0 when absent). */
KH_MUST_CHECK enum kh_err authority_split(struct bytes authority, struct buffer *host,
                                          uint16_t *port);

/* application/x-www-form-urlencoded: '+' is a space, escapes are decoded. KH_ERR_SYNTAX on a bad
 * escape or an escaped NUL. Appended to `out`. */
KH_MUST_CHECK enum kh_err form_decode(struct bytes text, struct buffer *out);
/* The other way: what is not unreserved is escaped; a space as %20, which both readings take. */
void form_encode(struct bytes text, struct buffer *out);

/* Whether a pattern of the language is well-formed: at least one byte, begins with '/' or `**`,
 * `**` a segment by itself. */
KH_MUST_CHECK enum kh_err path_pattern_check(struct bytes pattern, struct fault *fault);
/*
 * `*` is a whole segment (at least one byte) or part of one, `**` any number of segments, none
 * included. Linear in pattern times text; `steps` (may be NULL) counts comparisons for tests.
 */
bool path_pattern_matches(struct bytes pattern, struct bytes path, uint64_t *steps);
/* The same for words and strings, where `*` stands for any bytes and '/' is nothing special. */
bool text_pattern_matches(struct bytes pattern, struct bytes text, uint64_t *steps);
/* Whether a host pattern is well-formed: a canonical host, or "*." and a canonical name. */
bool host_pattern_check(struct bytes pattern);
/* An exact host, or one leading "*." that stands for exactly one label or more. */
bool host_pattern_matches(struct bytes pattern, struct bytes host);

#endif
