/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of request_token share; nobody else includes this.
 *
 *     request_token.c        the search, what is refused, and what goes out of the request
 *     request_token_read.c   the forms in which a text can stand in a slot
 *     request_token_field.c  slots that are header fields
 *     request_token_query.c  slots that are query parameters
 *     request_token_list.c   slots that are cookies or WebSocket subprotocols
 *     request_token_path.c   a segment of the path
 *     request_token_aws.c    the credential of an AWS signature, in a field or a presigned query
 *
 * A new place is a file with a family, and a row in the table of request_token.c.
 */
#ifndef KEYHOLE_REQUEST_TOKEN_INTERNAL_H
#define KEYHOLE_REQUEST_TOKEN_INTERNAL_H

#include "request.h"

/* The token's item in a list. */
struct search_item {
    size_t count; /* of items in slots */
    bool has_token;
    size_t field, item;
};

struct search {
    struct request *request;
    const struct http1_head *head;
    const struct route *const *route;
    size_t route_count;
    struct request_token found;
    bool has_token, has_foreign;
    const char *misplaced;  /* a sentence, once one is found to be */
    const char *unsignable; /* the same, of a signature that cannot be made anew */
    struct search_item item[REQUEST_LIST_COUNT];
    bool mask_path;
};

/* Look at all that the family's slots hold, with search_take and search_take_field; mark what goes
 * out of the request (is_slot); say in search->misplaced where a token may not stand. */
typedef void search_family_fn(struct search *search);

search_family_fn search_fields, search_query, search_lists, search_path, search_aws_query,
    search_head;

/* After the search: the token's items go out, and the path is masked. */
void search_drop_items(struct search *search);
void search_mask_path(struct request *request);

/* Whether some route has a slot of that kind. */
bool search_has_slot(const struct search *search, enum slot_kind kind);

/* ---- reading what stands in a slot ---- */

enum reading_kind {
    READING_OTHER = 0, /* not the form that this slot has */
    READING_NOTHING,   /* the form, and nothing in it */
    READING_TOKEN,
    READING_FOREIGN,
    READING_CONFLICT, /* two tokens at once */
};

struct reading {
    enum reading_kind kind;
    struct bytes text;
    bool in_user;
    struct message_aws aws;
};

/* The text is the token, or nothing, or somebody's key. */
struct reading reading_of_whole(struct bytes value);
/* "AWS4-HMAC-SHA256 Credential=TOKEN/…/aws4_request, SignedHeaders=…, Signature=…" */
struct reading reading_of_aws(struct search *search, struct bytes value);
/* "TOKEN/20261121/us-east-1/s3/aws4_request" */
struct reading reading_of_aws_credential(struct bytes value);
/* A token in any form that an upstream could read it in. */
bool reading_holds_token(struct bytes value);

/* Take what was read in a slot. */
void search_take(struct search *search, struct slot slot, const struct reading *reading);
/* Read a field that is a slot in the forms of `kinds` (bits by slot_kind), and take what it holds,
 * found in the slot of that kind (of that name) or in `instead`. */
void search_take_field(struct search *search, struct bytes value, unsigned kinds,
                       const struct slot *instead, struct bytes name);

#endif
