/* SPDX-License-Identifier: Apache-2.0
 *
 * Gateway keys: with one a gateway proves that it is one, on a listener that has an address. The
 * file gateway.key in the state directory has a line for each, the newest first; the one before it
 * is good until the next is made.
 */
#ifndef KEYHOLE_GATEWAY_KEY_H
#define KEYHOLE_GATEWAY_KEY_H

#include "messages.h"

enum {
    GATEWAY_KEY_SIZE = 32,     /* random bytes */
    GATEWAY_KEY_TEXT_MAX = 64, /* "khg_" and base64url */
    GATEWAY_KEY_FILE_MAX = 1024,
};
#define GATEWAY_KEY_FILE "gateway.key"

struct gateway_keys {
    char text[LISTENER_GATEWAY_KEYS_MAX][GATEWAY_KEY_TEXT_MAX]; /* the newest first */
    size_t count;
};

/* KH_ERR_NOT_FOUND when there is no file: the fault says how to make one. KH_ERR_PERMISSION when
 * others may read it. Wipe `out` after use. */
KH_MUST_CHECK enum kh_err gateway_keys_read(const char *directory, struct gateway_keys *out,
                                            struct fault *fault);
/* A new key before those that are there; the oldest one goes. */
KH_MUST_CHECK enum kh_err gateway_keys_add(struct gateway_keys *keys, struct fault *fault);
/* The file, replaced at once. */
KH_MUST_CHECK enum kh_err gateway_keys_write(const char *directory, const struct gateway_keys *keys,
                                             struct fault *fault);
/* SHA-256 of the text, which is all that a proxy is told. */
void gateway_key_hash(const char *text, uint8_t hash[GATEWAY_KEY_HASH_SIZE]);

#endif
