/* SPDX-License-Identifier: Apache-2.0 */
/* Locking a state directory, and ending what was interrupted in it. */
#include "recover.h"

#include "../leftover.h"
#include "../restore_journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static enum operator_exit
recover(const char *directory)
{
    struct restore_outcome outcome;
    struct fault fault = {0};
    char words[RESTORE_WORDS_MAX];
    if (restore_journal_recover(directory, &outcome, &fault) != KH_OK)
        return command_failed("%s", fault.detail);
    if (outcome.end != RESTORE_END_NONE)
        fprintf(stderr, "%s: %s\n", directory, restore_outcome_print(&outcome, directory, words));
    return EXIT_DONE;
}

enum operator_exit
recover_lock(const char *directory, enum lock_use use, const char *why, int *fd)
{
    struct stat status;
    struct fault fault = {0};
    *fd = -1;
    if (stat(directory, &status) != 0)
        return EXIT_DONE;
    enum kh_err err = lock_check_owner(directory, &fault);
    if (err == KH_OK)
        err = lock_take(directory, use, fd, &fault);
    if (err == KH_ERR_EXISTS)
        return command_failed("%s%s%s", fault.detail, why != NULL ? "; " : "",
                              why != NULL ? why : "");
    // The child has it as well: should this process be killed, nobody starts a broker meanwhile.
    if (err == KH_OK && fcntl(*fd, F_SETFD, 0) != 0)
        return command_failed("%s: %s", directory, strerror(errno));
    if (err != KH_OK)
        return command_failed("%s", fault.detail);
    (void)leftover_clean(directory, LEFTOVER_BACKUP, "", S_IFDIR);
    return recover(directory);
}

enum operator_exit
recover_directory(const char *directory)
{
    int lock = -1;
    (void)leftover_clean(directory, LEFTOVER_BACKUP, "", S_IFDIR);
    if (restore_journal_look(directory) == RESTORE_END_NONE)
        return EXIT_DONE;
    enum operator_exit status = recover_lock(directory, LOCK_RESTORE, NULL, &lock);
    if (lock >= 0)
        close(lock);
    return status;
}

void
recover_mention(const char *directory)
{
    enum restore_end end = restore_journal_look(directory);
    if (end == RESTORE_END_FINISHED || end == RESTORE_END_BACK)
        fprintf(stderr,
                "keyholed: a restore in %s is at work, or was interrupted: what is here may be a "
                "part of it.\nkeyholed check brings it to its end\n",
                directory);
}
