/* SPDX-License-Identifier: Apache-2.0
 *
 * A state directory that was unpacked: is it whole, does it open, and what has to be changed in it
 * because time has gone on since.
 */
#ifndef KEYHOLE_KEEP_RESTORE_STATE_H
#define KEYHOLE_KEEP_RESTORE_STATE_H

#include "../authority/secret.h"

#include <jansson.h>

struct restore_state {
    const char *directory;
    const struct secret *master_key; /* NULL: what is sealed is not looked at */
    const char *created_at;          /* of the backup */
    bool check;                      /* look, and change nothing */
    bool revoke_before;
};

/* Adds to `report`: "sealed_values" ("open", "not-checked"), and where there is an audit log or
 * tokens were revoked "audit_records" and "revoked_before". */
KH_MUST_CHECK enum kh_err restore_state_check(const struct restore_state *state, json_t *report,
                                              struct fault *fault);

#endif
