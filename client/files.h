/* SPDX-License-Identifier: Apache-2.0
 *
 * Small files of the person who runs this: what they trust, discharges that can be used again.
 */
#ifndef KEYHOLE_CLIENT_FILES_H
#define KEYHOLE_CLIENT_FILES_H

#include "../caveats/errors.h"

/* Append "$variable/rest", or "$HOME/fallback/rest" where the variable is not set to an absolute
 * path (XDG Base Directory Specification). KH_ERR_NOT_FOUND when there is no home either. */
KH_MUST_CHECK enum kh_err files_path(const char *variable, const char *fallback, const char *rest,
                                     struct buffer *out, struct fault *fault);

/* Append a regular file's contents. KH_ERR_NOT_FOUND, KH_ERR_TOO_LONG (longer than the buffer's
 * limit), KH_ERR_IO. */
KH_MUST_CHECK enum kh_err files_read(const char *path, struct buffer *out, struct fault *fault);

/* Put a file in place, whole or not at all, with mode 0600; directories that are missing are made
 * with mode 0700. KH_ERR_IO. */
KH_MUST_CHECK enum kh_err files_write(const char *path, struct bytes contents, struct fault *fault);

#endif
