/* SPDX-License-Identifier: Apache-2.0
 *
 * Holes that a holder adds, offline: the ticket is sealed to the discharger's public key, and
 * nobody is asked.
 */
#ifndef KEYHOLE_CLIENT_HOLES_H
#define KEYHOLE_CLIENT_HOLES_H

#include "../caveats/hole.h"
#include "../caveats/ticket.h"
#include "options.h"

struct holes {
    struct buffer condition[TOKEN_DISCHARGES_MAX]; /* canonical */
    size_t count;
    struct buffer refused; /* the text that the last failing call could not read; else empty */
};

void holes_init(struct holes *holes);
void holes_free(struct holes *holes);

/* "factor = yubikey for 8h": one more, or a fault and none. KH_ERR_SYNTAX, … with `refused` set. */
KH_MUST_CHECK enum kh_err holes_add(struct holes *holes, struct bytes text, struct fault *fault);

/* The discharger that `text` means: "URL#kd1_…", or a name or URL that is trusted
 * (KEYHOLE_DISCHARGER, then the file); NULL means the first of these. No network. KH_ERR_USAGE,
 * KH_ERR_NOT_FOUND, … */
KH_MUST_CHECK enum kh_err holes_discharger(const char *text, struct discharger *out,
                                           struct fault *fault);

/* Append the text of the token with one hole of that condition, which is canonical. */
KH_MUST_CHECK enum kh_err holes_apply_one(struct bytes text, struct bytes condition,
                                          const struct discharger *discharger, struct buffer *out,
                                          struct fault *fault);
/* Append the text of the token with all of them added, in order. KH_ERR_MALFORMED when the token's
 * identifier is not a Keyhole broker's: a ticket says who and what it is for. */
KH_MUST_CHECK enum kh_err holes_apply(const struct holes *holes,
                                      const struct discharger *discharger, struct bytes text,
                                      struct buffer *out, struct fault *fault);

#endif
