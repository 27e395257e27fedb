/* SPDX-License-Identifier: Apache-2.0
 *
 * Narrowing a token, offline: caveats are collected, checked, written canonically, and appended.
 */
#ifndef KEYHOLE_CLIENT_ATTENUATE_H
#define KEYHOLE_CLIENT_ATTENUATE_H

#include "../caveats/caveat.h"
#include "../caveats/token.h"

struct attenuation {
    struct caveat *caveat[TOKEN_CAVEATS_MAX]; /* owned, in the order in which they will stand */
    struct bytes text[TOKEN_CAVEATS_MAX];     /* canonical; points into `storage` */
    size_t count;
    struct buffer storage[TOKEN_CAVEATS_MAX];
    struct buffer refused; /* the text that the last failing call could not read; else empty */
};

void attenuation_init(struct attenuation *a);
void attenuation_free(struct attenuation *a);

/* Each adds one caveat or fails and adds none. KH_ERR_SYNTAX, KH_ERR_UNKNOWN, KH_ERR_TYPE,
 * KH_ERR_RANGE or KH_ERR_TOO_LONG with `refused` set, KH_ERR_USAGE, KH_ERR_MEMORY. */
KH_MUST_CHECK enum kh_err attenuation_add(struct attenuation *a, struct bytes text,
                                          struct fault *fault);
/* "attribute = v" or "attribute in v, w"; values with a `*` become "attribute ~ v", joined by or.
 * Nothing is added when there is no value. Methods in small letters and paths without a root are
 * KH_ERR_USAGE. */
KH_MUST_CHECK enum kh_err attenuation_add_any(struct attenuation *a, enum attribute attribute,
                                              const struct bytes *value, size_t count,
                                              struct fault *fault);
KH_MUST_CHECK enum kh_err attenuation_add_label(struct attenuation *a, struct bytes label,
                                                struct fault *fault);
/* "time < now + seconds" */
KH_MUST_CHECK enum kh_err attenuation_add_lifetime(struct attenuation *a, int64_t now,
                                                   int64_t seconds, struct fault *fault);

/* Whether that can stand before a token; empty: nothing. KH_ERR_USAGE. */
KH_MUST_CHECK enum kh_err attenuation_check_prefix(struct bytes prefix, struct fault *fault);

/* Append the new token's text to `out`. `prefix` is NULL to keep the vendor prefix, else what is
 * put in its place (may be empty). */
KH_MUST_CHECK enum kh_err attenuation_apply(const struct attenuation *a, const struct token *token,
                                            const struct bytes *prefix, struct buffer *out,
                                            struct fault *fault);

/* Sentences, one a line, about caveats that make the token useless from the start: two that can
 * never hold together, a moment that is past. Only what is certain is said. */
void attenuation_warn(const struct attenuation *a, const struct token *token, int64_t now,
                      struct buffer *out);

#endif
