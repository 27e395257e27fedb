/* SPDX-License-Identifier: Apache-2.0
 *
 * Sealing at rest: AES-256-GCM under a key made from the master key, which is not in the database.
 *
 *     sealed = u8 version | 12 bytes nonce | ciphertext | 16 bytes tag
 *
 * Associated data is where the value stands (table, row, column), so that a sealed value that was
 * copied to another place does not open.
 */
#ifndef KEYHOLE_SEAL_H
#define KEYHOLE_SEAL_H

#include "secret.h"

struct seal;

enum { MASTER_KEY_SIZE = 32, SEAL_CHECK_SIZE = 16, SEAL_OVERHEAD = 1 + 12 + 16 };

struct seal_place {
    const char *table;
    int64_t id;
    const char *column;
};

KH_MUST_CHECK enum kh_err seal_new(const struct secret *master_key, struct seal **out,
                                   struct fault *fault);
void seal_free(struct seal **seal);

/* Names the master key without giving it away: kept in the database to tell a wrong master key from
 * a damaged row. */
void seal_check_value(const struct seal *seal, uint8_t out[SEAL_CHECK_SIZE]);

/* Appended to `out`. */
KH_MUST_CHECK enum kh_err seal_close(const struct seal *seal, struct seal_place place,
                                     struct bytes plain, struct buffer *out, struct fault *fault);
/* KH_ERR_DATABASE when it was changed, damaged or stood elsewhere. */
KH_MUST_CHECK enum kh_err seal_open(const struct seal *seal, struct seal_place place,
                                    struct bytes sealed, struct secret **out, struct fault *fault);

#endif
