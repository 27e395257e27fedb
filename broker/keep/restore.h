/* SPDX-License-Identifier: Apache-2.0
 *
 * Putting a backup back, all or nothing: it is unpacked beside its place and everything about it is
 * checked, before anything is where a broker would find it. Then one rename decides
 * (../restore_journal.h).
 *
 * What was since the backup is not in it. Counters are made stricter: those of tokens from before
 * the restore are used up. Revocations are lost, unless all tokens from before are revoked.
 */
#ifndef KEYHOLE_KEEP_RESTORE_H
#define KEYHOLE_KEEP_RESTORE_H

#include "envelope.h"

#include <jansson.h>

struct restore_options {
    const char *file;      /* "-": standard input */
    const char *directory; /* is there, locked by whoever started this, and empty */
    bool check;            /* look at it all, and put nothing back */
    bool force;            /* what is in the directory is moved to DIR/before-restore-TIME */
    bool revoke_before;    /* tokens minted before now are revoked */
    const char *sha256;    /* what the file has to be, in hexadecimal; or NULL */
    struct envelope_opener opener;
};

/* `*report` is the caller's: the manifest's members and what was found and done. On failure the
 * directory is as it was, or the fault says that the next start goes on (restore_journal.h). */
KH_MUST_CHECK enum kh_err restore_run(const struct restore_options *options, json_t **report,
                                      struct fault *fault);

#endif
