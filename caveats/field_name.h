/* SPDX-License-Identifier: Apache-2.0
 *
 * What is known about header fields, by name: one table for the parser, for trailers, for the
 * canonical request, for the search of tokens, and for whoever tells beforehand what a broker will
 * see of a request.
 */
#ifndef KEYHOLE_FIELD_NAME_H
#define KEYHOLE_FIELD_NAME_H

#include "bytes.h"

enum field_trait {
    FIELD_SINGLE_REQUEST = 1,  /* a second one refuses the request */
    FIELD_SINGLE_RESPONSE = 2, /* a second one refuses the response */
    FIELD_NO_TRAILER = 4,      /* framing, cookies, credentials: not after a body */
    FIELD_NO_OPTION = 8,       /* Connection must not name it */
    FIELD_HOP = 16,            /* is for the neighbour alone (RFC 9110 7.6.1) */
    FIELD_ROUTE = 32,      /* says where a message came from or goes to: written anew or dropped */
    FIELD_CREDENTIAL = 64, /* clients put keys there */
    FIELD_DIGEST = 256,    /* says what the bytes of the body are */
    FIELD_NO_ANSWER = 512, /* does not go from an upstream's answer to the client */
    FIELD_OVERRIDE = 128,  /* asks for another method or path than the one that is judged */
};

/* Traits of a name, without regard to case; 0 for a name that is nothing special. `*row` (may be
 * NULL) is a number below 64, one for each name of the table, or -1. */
unsigned field_traits(struct bytes name, int *row);

/* The same for a name as a server may read it, to whom '_' is '-'. */
unsigned field_traits_read(struct bytes name);

#endif
