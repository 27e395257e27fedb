/* SPDX-License-Identifier: Apache-2.0
 *
 * What envelope.c and envelope_recipient.c share.
 */
#ifndef KEYHOLE_ENVELOPE_INTERNAL_H
#define KEYHOLE_ENVELOPE_INTERNAL_H

#include "envelope.h"

#define ENVELOPE_MAGIC "keyhole-backup-1\n"

enum {
    ENVELOPE_FILE_KEY = crypto_secretstream_xchacha20poly1305_KEYBYTES,
    ENVELOPE_STREAM_HEADER = crypto_secretstream_xchacha20poly1305_HEADERBYTES,
    ENVELOPE_CHUNK_MORE = crypto_secretstream_xchacha20poly1305_ABYTES,
    ENVELOPE_HEADER_MAX = 4096,
};

/* A row of the header for each recipient. */
KH_MUST_CHECK enum kh_err envelope_recipients_put(const struct envelope_recipients *recipients,
                                                  const struct secret *file_key, struct buffer *out,
                                                  struct fault *fault);

/* The file key out of one of the rows; `rows` is what follows the magic, and has all of them. */
KH_MUST_CHECK enum kh_err envelope_recipients_open(struct bytes rows,
                                                   const struct envelope_opener *opener,
                                                   struct secret **file_key, struct fault *fault);
/* How long a row of that kind is, with its kind; 0: there is no such kind. */
size_t envelope_recipient_size(uint8_t kind);

#endif
