/* SPDX-License-Identifier: Apache-2.0
 *
 * The discharger's key pair (X25519): what tickets are sealed to. It is made from a seed of 32
 * bytes, which is the whole secret: one line of base64url in a file that nobody else may read.
 */
#ifndef KEYHOLE_DISCHARGE_KEY_H
#define KEYHOLE_DISCHARGE_KEY_H

#include "../../caveats/ticket.h"

#define DISCHARGE_KEY_FILE "discharger.key"

struct discharge_key {
    uint8_t public_key[TICKET_PUBLIC_KEY_SIZE];
    uint8_t *secret_key; /* TICKET_SECRET_KEY_SIZE in locked pages of their own; wiped when freed */
    bool made;           /* there was none before */
};

/* From `credentials_directory` (that of systemd, or NULL) if there is one in it, else from
 * `directory`, where one is made if there is none. A file that others can read, or that is no seed,
 * is KH_ERR_PERMISSION or KH_ERR_MASTER_KEY with a sentence; nothing is then made or changed. */
KH_MUST_CHECK enum kh_err discharge_key_load(const char *directory,
                                             const char *credentials_directory,
                                             struct discharge_key *out, struct fault *fault);
void discharge_key_free(struct discharge_key *key);

#endif
