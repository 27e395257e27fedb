/* SPDX-License-Identifier: Apache-2.0
 *
 * What a backup has takes the place of what is in a state directory, so that an end at any moment
 * leaves the one or the other and never some of both. The directory that is put in place says by
 * its name how far it is:
 *
 *     .restore-NAME.new    is being unpacked: nothing has happened      it is removed
 *     .restore-NAME.ready  whole, checked, and on the disk              the rest is done
 *     .restore-NAME.enter  what was there is in before-restore-NAME     the rest is done
 *     .restore-NAME.back   what was there could not be moved aside      it is put back
 *
 * To the right is what is done with one that is found. The rename from .new to .ready decides;
 * every step behind it can be done again.
 *
 * Whoever calls any of this but restore_journal_look holds the directory's lock.
 */
#ifndef KEYHOLE_RESTORE_JOURNAL_H
#define KEYHOLE_RESTORE_JOURNAL_H

#include "../caveats/errors.h"

#include <limits.h>
#include <stdbool.h>

#define RESTORE_JOURNAL_ASIDE "before-restore-"

enum { RESTORE_NAME_MAX = 64, RESTORE_WORDS_MAX = PATH_MAX + 256 };

enum restore_end {
    RESTORE_END_NONE,     /* there was nothing */
    RESTORE_END_DROPPED,  /* it had not begun */
    RESTORE_END_FINISHED, /* the backup is in force */
    RESTORE_END_BACK,     /* what was there is */
};

struct restore_journal {
    char directory[PATH_MAX], work[PATH_MAX], name[RESTORE_NAME_MAX];
};

struct restore_outcome {
    enum restore_end end;
    /* The directory in which it is what was there; "": it was empty, or is there again. */
    char aside[sizeof RESTORE_JOURNAL_ASIDE + RESTORE_NAME_MAX];
};

/* What an interrupted restore would end as; a look, without the lock. */
enum restore_end restore_journal_look(const char *directory);
/* Finish it, or undo it. On failure it is tried again the next time, and the fault says what is in
 * the way. */
KH_MUST_CHECK enum kh_err restore_journal_recover(const char *directory,
                                                  struct restore_outcome *outcome,
                                                  struct fault *fault);
/* A sentence of what it did, for a person. */
const char *restore_outcome_print(const struct restore_outcome *outcome, const char *directory,
                                  char words[RESTORE_WORDS_MAX]);

/* An empty directory `work` of mode 0700, in `directory`. */
KH_MUST_CHECK enum kh_err restore_journal_begin(const char *directory, long long now,
                                                struct restore_journal *out, struct fault *fault);
/* What is in `work` takes the place of what is in the directory. On failure this is as it was,
 * unless the fault says that the next start goes on. */
KH_MUST_CHECK enum kh_err restore_journal_commit(struct restore_journal *journal,
                                                 struct restore_outcome *outcome,
                                                 struct fault *fault);
/* The end of one that was not committed. */
void restore_journal_drop(const struct restore_journal *journal);

/* Whether a name in a state directory is none of its state: locks, work, what was moved aside. */
bool restore_journal_ignores(const char *name);

#endif
