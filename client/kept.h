/* SPDX-License-Identifier: Apache-2.0
 *
 * Discharges that can be used again: one touch is enough for as long as it was asked for, however
 * often the same token is filled. A kept discharge is for one ticket and one exact token (its
 * lineage id); for a sibling it is not even looked at.
 *
 * They stand in $XDG_STATE_HOME/keyhole/discharges (0700), a file each (0600). A discharge without
 * its token is worth nothing.
 */
#ifndef KEYHOLE_CLIENT_KEPT_H
#define KEYHOLE_CLIENT_KEPT_H

#include "../caveats/token.h"

enum { KEPT_MARGIN_S = 30, KEPT_FILES_MAX = 1024 };

/* When that discharge ends by its own `time <` caveats; INT64_MAX when it has none. */
int64_t kept_end(const struct macaroon_view *discharge);
/* Whether it fills that ticket for the token of that lineage: identifier, and a `parent` of this
 * lineage and no other. */
bool kept_fits(const struct token_discharge *discharge, struct bytes ticket,
               const uint8_t lineage[LINEAGE_ID_SIZE]);

/* Append the path of the directory. KH_ERR_NOT_FOUND without a home. */
KH_MUST_CHECK enum kh_err kept_directory(struct buffer *out, struct fault *fault);

/* Append a discharge (V2 binary) that is good for KEPT_MARGIN_S more, at least. KH_ERR_NOT_FOUND.
 */
KH_MUST_CHECK enum kh_err kept_get(const char *directory, struct bytes ticket,
                                   const uint8_t lineage[LINEAGE_ID_SIZE], int64_t now,
                                   struct buffer *out, struct fault *fault);
KH_MUST_CHECK enum kh_err kept_put(const char *directory, struct bytes ticket,
                                   const uint8_t lineage[LINEAGE_ID_SIZE], struct bytes discharge,
                                   struct fault *fault);
/* Remove those that have ended, and files of ours that are no discharges. */
void kept_sweep(const char *directory, int64_t now);

#endif
