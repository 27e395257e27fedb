/* SPDX-License-Identifier: Apache-2.0
 *
 * A backup of a state directory, also of one that serves: a sealed file with what is needed to
 * begin anew on another host. The database is copied as it was at one moment, and the audit log is
 * read after it, so that the log can only be ahead. Nobody is held up by it.
 */
#ifndef KEYHOLE_KEEP_BACKUP_H
#define KEYHOLE_KEEP_BACKUP_H

#include "envelope.h"

#include <jansson.h>

struct backup_options {
    const char *directory;
    const char *config; /* the configuration's file; NULL: DIR/keyholed.yaml */
    const char *file;   /* a new one, in one step when it is whole; "-": standard output */
    bool force;         /* in the place of one that is there */
    bool without_master_key, without_audit_log;
    struct envelope_recipients recipients;
};

/* `*report` is the caller's: file, bytes, sha256, and the manifest's members. On failure there is
 * no new file, and nothing is left behind. How far it is stands on standard error, where that is a
 * terminal. */
KH_MUST_CHECK enum kh_err backup_make(const struct backup_options *options, json_t **report,
                                      struct fault *fault);

/* From now on SIGINT and SIGTERM mean: whoever asked does not want it any more, and it ends with
 * KH_ERR_CLOSED. */
void backup_cancel_by_signals(void);
bool backup_is_cancelled(void);

#endif
