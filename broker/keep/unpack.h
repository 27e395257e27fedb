/* SPDX-License-Identifier: Apache-2.0
 *
 * A backup's files, unpacked into a directory that nobody looks at yet; none of them is to be
 * trusted before unpack() returned.
 */
#ifndef KEYHOLE_KEEP_UNPACK_H
#define KEYHOLE_KEEP_UNPACK_H

#include "contents.h"

#include <jansson.h>

struct unpacked {
    json_t *manifest;
    struct secret *master_key; /* NULL: it is not inside */
    char sha256[2 * ENVELOPE_HASH_SIZE + 1];
};

/* To check a backup, key files are read and not written. unpack_fini in any case. */
KH_MUST_CHECK enum kh_err unpack(int fd, const struct envelope_opener *opener,
                                 const char *directory, bool with_keys, struct unpacked *out,
                                 struct fault *fault);
void unpack_fini(struct unpacked *unpacked);

#endif
