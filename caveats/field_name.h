/* SPDX-License-Identifier: Apache-2.0
 *
 * What is known about header fields, by name: one table (field_name.def) for the parser, for
 * trailers, for the canonical request, for the search of tokens, and for whoever tells beforehand
 * what a broker will see of a request.
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
    FIELD_OVERRIDE = 128,  /* asks for another method or path than the one that is judged */
    FIELD_DIGEST = 256,    /* says what the bytes of the body are */
    FIELD_NO_ANSWER = 512, /* does not go from an upstream's answer to the client */
};

/* One for each row of the table; those of a prefix end with '_' and stand for many names. */
enum field_id {
    FIELD_ID_OTHER = 0, /* a name that is nothing special */
#define FIELD(id, name, traits) FIELD_ID_##id,
#include "field_name.def"
#undef FIELD
    FIELD_ID_COUNT
};
_Static_assert(FIELD_ID_COUNT <= 64, "sets of them are the bits of a uint64_t");

/* Without regard to case. */
enum field_id field_identify(struct bytes name);
unsigned field_id_traits(enum field_id id);

/* Traits of a name; 0 for one that is nothing special. */
unsigned field_traits(struct bytes name);

/* The same for a name as a server may read it, to whom '_' is '-'. */
unsigned field_traits_read(struct bytes name);

#endif
