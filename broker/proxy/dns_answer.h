/* SPDX-License-Identifier: Apache-2.0
 *
 * A DNS responder without I/O: one message in, at most one out (RFC 1035, 2308, 6891). Names that
 * requests may go to have one address, which is the caller's; all others are refused. It asks
 * nobody, so that no name that a client makes up leaves this place.
 *
 * An answer is at most DNS_ANSWER_EXTRA bytes longer than its question, so nobody is flooded by way
 * of it, and always fits 512 bytes, so that it is never cut.
 */
#ifndef KEYHOLE_PROXY_DNS_ANSWER_H
#define KEYHOLE_PROXY_DNS_ANSWER_H

#include "../../caveats/bytes.h"

enum {
    DNS_QUERY_MAX = 1232,  /* with padding and cookies, which are not looked at */
    DNS_ANSWER_MAX = 300,  /* header, the longest name, one address, EDNS */
    DNS_ANSWER_EXTRA = 16, /* one address */
    DNS_TTL_S = 10,        /* a reload may take the name away */
    DNS_NAME_TEXT_MAX = 253,
};

struct dns_rules {
    uint8_t address[4]; /* zeros: every name is refused */
    void *context;
    bool (*allowed)(void *context, struct bytes host); /* `host` is canonical */
};

enum dns_outcome {
    DNS_DROPPED = 0, /* no question that may be answered: say nothing */
    DNS_ANSWERED,    /* the address, or that there is nothing of that type */
    DNS_NAME_REFUSED,
    DNS_FAULT, /* malformed, or not served: an error was written */
};

/* What was asked for, for the list of refusals: lower case, what is no host character as '?'. */
struct dns_name {
    char text[DNS_NAME_TEXT_MAX + 1];
};

/* The answer is appended to `out`, unless it is DNS_DROPPED. `name` is written when the question
 * could be read, that is for DNS_ANSWERED and DNS_NAME_REFUSED ("" is the root). */
KH_MUST_CHECK enum dns_outcome dns_answer(struct bytes query, const struct dns_rules *rules,
                                          struct dns_name *name, struct buffer *out);

#endif
