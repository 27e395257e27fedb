/* SPDX-License-Identifier: Apache-2.0
 *
 * TLS on a connection of which some bytes were read already: a BIO that gives these first.
 */
#ifndef KEYHOLE_TLS_PREFIX_H
#define KEYHOLE_TLS_PREFIX_H

#include "../../caveats/bytes.h"

#include <openssl/bio.h>

/* A chain that reads `prefix` (copied) and then `next`, and writes to `next`, which it owns. NULL:
 * no memory, and `next` is freed. */
BIO *tls_prefix_new(struct bytes prefix, BIO *next);

/* What is below a prefix that was read to its end; any other BIO is returned itself. */
BIO *tls_prefix_passed(BIO *bio);

#endif
