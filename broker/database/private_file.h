/* SPDX-License-Identifier: Apache-2.0
 *
 * Files that nobody else may read: checked before they are trusted, and written whole or not at
 * all.
 */
#ifndef KEYHOLE_PRIVATE_FILE_H
#define KEYHOLE_PRIVATE_FILE_H

#include "../../caveats/bytes.h"
#include "../../caveats/errors.h"

#include <sys/types.h>

/* A regular file (a directory) of this process's own user, with no right for group or others.
 * KH_ERR_NOT_FOUND, KH_ERR_PERMISSION or KH_ERR_IO; the fault says how to mend it. */
KH_MUST_CHECK enum kh_err private_file_check(const char *path, struct fault *fault);
KH_MUST_CHECK enum kh_err private_directory_check(const char *path, struct fault *fault);
/* The same for an open descriptor; `path` is for the message. */
KH_MUST_CHECK enum kh_err private_file_check_fd(int fd, const char *path, struct fault *fault);

/* A file that systemd hands to a service (LoadCredential): it gives the service's user a right of
 * its own (an access control list), which shows as a right of the group. That others cannot read it
 * is what is left to check. KH_ERR_NOT_FOUND, with no fault; KH_ERR_PERMISSION, KH_ERR_IO. */
KH_MUST_CHECK enum kh_err private_file_check_granted(const char *path, struct fault *fault);

/* Append the whole file to `out`. With `rights_checked` the file must pass private_file_check. A
 * file longer than `max` bytes is KH_ERR_TOO_LONG. */
KH_MUST_CHECK enum kh_err private_file_read(const char *path, size_t max, bool rights_checked,
                                            struct buffer *out, struct fault *fault);

/* A new file with these contents, on the disk when this returns. KH_ERR_EXISTS when there is one.
 */
KH_MUST_CHECK enum kh_err private_file_create(const char *path, mode_t mode, struct bytes contents,
                                              struct fault *fault);

/* Replace the file at once: a reader sees the old or the new contents. With `sync`, the contents
 * are on the disk before the name points to them. */
KH_MUST_CHECK enum kh_err private_file_replace(const char *path, struct bytes contents, bool sync,
                                               struct fault *fault);

/* fsync the directory that holds `path`, so that a new name survives a power cut. */
KH_MUST_CHECK enum kh_err private_file_sync_parent(const char *path, struct fault *fault);

/* write() until all is written; false with errno set. */
KH_MUST_CHECK bool private_file_write_all(int fd, struct bytes data);

#endif
