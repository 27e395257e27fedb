/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of libkeyhole share. Nobody else includes this.
 */
#ifndef KEYHOLE_LIBRARY_INTERNAL_H
#define KEYHOLE_LIBRARY_INTERNAL_H

#include "../attenuate.h"
#include "../holes.h"
#include "keyhole.h"

struct keyhole_token {
    struct token *token;
    struct keyhole_claims claims;
    const char *credential[TOKEN_CREDENTIALS_MAX];
    struct keyhole_caveat caveat[TOKEN_CAVEATS_MAX];
    const struct keyhole_caveat *open_hole[TOKEN_CAVEATS_MAX];
    struct buffer strings; /* never grows */
};

struct keyhole_attenuation {
    struct attenuation conditions;
    struct holes holes;
    struct discharger discharger[TOKEN_DISCHARGES_MAX]; /* of each hole */
    struct buffer prefix;
    bool has_prefix;
};

/* ---- error.c ---- */

/* The status for `err`. `fault` may be NULL; then the error's own sentence is the message. */
enum keyhole_status library_fail(struct keyhole_error *error, enum kh_err err,
                                 const struct fault *fault);
/* The same for text that was given: which of several, and at which byte of it. */
enum keyhole_status library_fail_at(struct keyhole_error *error, enum kh_err err,
                                    const struct fault *fault, size_t index, bool has_byte);
/* An argument that cannot be meant; `what` is a sentence. */
enum keyhole_status library_refuse(struct keyhole_error *error, const char *what);
/* For a status that somebody who was called back returned. */
enum kh_err library_error_of(enum keyhole_status status);

/* ---- memory.c ---- */

/* Text for keyhole_free(); NULL when memory is used up. */
char *library_text(struct bytes text);
/* What was written, as text for the caller; a buffer that failed is an error. */
enum keyhole_status library_give(const struct buffer *from, char **text, size_t *size,
                                 struct keyhole_error *error);
/* Text that a caller gave; false when it is NULL. */
KH_MUST_CHECK bool library_take(const char *text, size_t size, struct bytes *out);
int64_t library_moment(int64_t now); /* KEYHOLE_NOW becomes a moment */

/* ---- token.c ---- */

/* Takes `token` over, whatever comes of it. */
enum keyhole_status library_token_make(struct token *token, struct keyhole_token **out,
                                       struct keyhole_error *error);
/* The same from text that was just written. */
enum keyhole_status library_token_read(const struct buffer *text, struct keyhole_token **out,
                                       struct keyhole_error *error);

/* ---- claims.c ---- */

/* Fill in claims and caveats. */
KH_MUST_CHECK enum kh_err library_claims_fill(struct keyhole_token *token, struct fault *fault);

#endif
