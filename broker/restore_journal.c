/* SPDX-License-Identifier: Apache-2.0
 *
 * The steps of a restore: renames in one file system, each of which can be done again.
 */
#include "restore_journal.h"

#include "leftover.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define WORK_PREFIX ".restore-"
#define DATABASE    "keyholed.db"

enum { NAMES_MAX = 1000, SYNC_DEPTH = 16 };

static bool
begins(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

bool
restore_journal_ignores(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0 ||
           strcmp(name, "keyholed.lock") == 0 || strcmp(name, "lost+found") == 0 ||
           begins(name, WORK_PREFIX) || begins(name, LEFTOVER_BACKUP) ||
           begins(name, RESTORE_JOURNAL_ASIDE);
}

// ---- names ----

enum phase { PHASE_NEW, PHASE_READY, PHASE_ENTER, PHASE_BACK, PHASES };

static const struct {
    const char *suffix;
    enum restore_end end;
} phases[PHASES] = {
    [PHASE_NEW] = {".new", RESTORE_END_DROPPED},
    [PHASE_READY] = {".ready", RESTORE_END_FINISHED},
    [PHASE_ENTER] = {".enter", RESTORE_END_FINISHED},
    [PHASE_BACK] = {".back", RESTORE_END_BACK},
};

static enum kh_err
join(char out[PATH_MAX], const char *directory, const char *a, const char *b, const char *c,
     struct fault *fault)
{
    int n = snprintf(out, PATH_MAX, "%s/%s%s%s", directory, a, b, c);

    return n > 0 && n < PATH_MAX
               ? KH_OK
               : fault_set(fault, KH_ERR_TOO_LONG, "%s: the name is too long", directory);
}

static enum kh_err
work_path(const struct restore_journal *journal, enum phase phase, char out[PATH_MAX],
          struct fault *fault)
{
    return join(out, journal->directory, WORK_PREFIX, journal->name, phases[phase].suffix, fault);
}

static enum kh_err
aside_path(const struct restore_journal *journal, char out[PATH_MAX], struct fault *fault)
{
    return join(out, journal->directory, RESTORE_JOURNAL_ASIDE, journal->name, "", fault);
}

// ".restore-NAME.SUFFIX"
static bool
parse_name(const char *text, char name[RESTORE_NAME_MAX], enum phase *phase)
{
    const char *dot = strrchr(text, '.');

    if (!begins(text, WORK_PREFIX) || dot < text + sizeof WORK_PREFIX)
        return false;
    size_t n = (size_t)(dot - text) - (sizeof WORK_PREFIX - 1);
    for (int i = 0; i < PHASES; i++) {
        if (n >= RESTORE_NAME_MAX || strcmp(dot, phases[i].suffix) != 0)
            continue;
        memcpy(name, text + sizeof WORK_PREFIX - 1, n);
        name[n] = '\0';
        *phase = (enum phase)i;
        return true;
    }
    return false;
}

// ---- on the disk ----

static enum kh_err
sync_directory(const char *directory, struct fault *fault)
{
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = fd >= 0 && fsync(fd) == 0;
    int error = errno;

    if (fd >= 0)
        close(fd);
    return ok ? KH_OK : fault_set(fault, KH_ERR_IO, "%s: %s", directory, strerror(error));
}

static int
sync_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)type;
    (void)ftw;
    if (!S_ISREG(st->st_mode) && !S_ISDIR(st->st_mode))
        return 0;
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    bool ok = fd >= 0 && fsync(fd) == 0;
    int error = errno;
    if (fd >= 0)
        close(fd);
    errno = error;
    return ok ? 0 : -1;
}

static enum kh_err
sync_tree(const char *directory, struct fault *fault)
{
    return nftw(directory, sync_one, SYNC_DEPTH, FTW_DEPTH | FTW_PHYS) == 0
               ? KH_OK
               : fault_set(fault, KH_ERR_IO, "%s: %s", directory, strerror(errno));
}

// ---- moving ----

static enum kh_err
move_one(const char *from, const char *to, const char *name, struct fault *fault)
{
    char source[PATH_MAX], target[PATH_MAX];
    enum kh_err err = join(source, from, name, "", "", fault);

    if (!err)
        err = join(target, to, name, "", "", fault);
    if (err)
        return err;
    if (renameat2(AT_FDCWD, source, AT_FDCWD, target, RENAME_NOREPLACE) && errno != ENOENT)
        return fault_set(fault, errno == EEXIST ? KH_ERR_EXISTS : KH_ERR_IO,
                         "%s: cannot be put there: %s", target, strerror(errno));
    return KH_OK;
}

static enum kh_err
move_some(const char *from, const char *to, bool databases, struct fault *fault)
{
    DIR *listing = opendir(from);
    const struct dirent *entry;
    enum kh_err err = KH_OK;

    if (listing == NULL)
        return fault_set(fault, KH_ERR_IO, "%s: %s", from, strerror(errno));
    while (!err && (entry = readdir(listing)) != NULL)
        if (!restore_journal_ignores(entry->d_name) && begins(entry->d_name, DATABASE) == databases)
            err = move_one(from, to, entry->d_name, fault);
    closedir(listing);
    return err;
}

// Without the database there is no broker, also for a program that knows nothing of this: it leaves
// first and comes last.
static enum kh_err
move_all(const char *from, const char *to, bool database_first, struct fault *fault)
{
    enum kh_err err = move_some(from, to, database_first, fault);

    if (!err)
        err = sync_directory(to, fault);
    if (!err)
        err = move_some(from, to, !database_first, fault);
    if (!err)
        err = sync_directory(to, fault);
    return err ? err : sync_directory(from, fault);
}

static bool
is_empty(const char *directory)
{
    DIR *listing = opendir(directory);
    const struct dirent *entry;
    bool empty = listing != NULL;

    while (empty && (entry = readdir(listing)) != NULL)
        empty = restore_journal_ignores(entry->d_name);
    if (listing)
        closedir(listing);
    return empty;
}

// ---- the steps ----

static enum kh_err
enter_phase(struct restore_journal *journal, enum phase phase, struct fault *fault)
{
    char path[PATH_MAX];
    enum kh_err err = work_path(journal, phase, path, fault);

    if (!err && renameat2(AT_FDCWD, journal->work, AT_FDCWD, path, RENAME_NOREPLACE))
        err = fault_set(fault, KH_ERR_IO, "%s: cannot be made: %s", path, strerror(errno));
    if (err)
        return err;
    memcpy(journal->work, path, sizeof path);
    return sync_directory(journal->directory, fault);
}

static enum kh_err
move_aside(const struct restore_journal *journal, struct fault *fault)
{
    char aside[PATH_MAX];
    enum kh_err err = aside_path(journal, aside, fault);

    if (err)
        return err;
    if (is_empty(journal->directory))
        return access(aside, F_OK) == 0 ? sync_directory(aside, fault) : KH_OK;
    if (mkdir(aside, 0700) && errno != EEXIST)
        return fault_set(fault, KH_ERR_IO, "%s: cannot be made: %s", aside, strerror(errno));
    return move_all(journal->directory, aside, true, fault);
}

static enum kh_err
move_back(struct restore_journal *journal, struct fault *fault)
{
    char aside[PATH_MAX];
    enum kh_err err = aside_path(journal, aside, fault);

    if (!err && access(aside, F_OK) == 0)
        err = move_all(aside, journal->directory, false, fault);
    if (err)
        return err;
    (void)rmdir(aside);
    leftover_remove_tree(journal->work);
    return sync_directory(journal->directory, fault);
}

static enum kh_err
move_in(struct restore_journal *journal, struct fault *fault)
{
    enum kh_err err = move_all(journal->work, journal->directory, false, fault);

    if (err)
        return err;
    if (rmdir(journal->work))
        return fault_set(fault, KH_ERR_IO, "%s: %s", journal->work, strerror(errno));
    return sync_directory(journal->directory, fault);
}

static void
explain(enum phase phase, enum kh_err err, struct fault *fault)
{
    const char *what = phase == PHASE_BACK ? "what was there is not back in its place yet"
                                           : "the backup is not in its place yet";

    fault_prefix(fault,
                 err == KH_ERR_EXISTS
                     ? "%s; move that elsewhere, and the next start or keyholed check goes on: "
                     : "%s; the next start or keyholed check goes on: ",
                 what);
}

static enum kh_err
go_on(struct restore_journal *journal, enum phase phase, struct restore_outcome *outcome,
      struct fault *fault)
{
    char aside[PATH_MAX];
    enum kh_err err = aside_path(journal, aside, fault), why = KH_OK;

    if (!err && phase == PHASE_READY) {
        why = move_aside(journal, fault);
        phase = why ? PHASE_BACK : PHASE_ENTER;
        err = enter_phase(journal, phase, why ? NULL : fault);
    }
    if (!err)
        err =
            phase == PHASE_BACK ? move_back(journal, why ? NULL : fault) : move_in(journal, fault);
    if (err) {
        explain(phase, err, fault);
        return why ? why : err;
    }
    *outcome = (struct restore_outcome){.end = phases[phase].end};
    if (phase == PHASE_ENTER && access(aside, F_OK) == 0)
        snprintf(outcome->aside, sizeof outcome->aside, RESTORE_JOURNAL_ASIDE "%s", journal->name);
    return why;
}

// ---- one that is found ----

// The one that was decided; if there is none, one that was not.
static bool
find(const char *directory, struct restore_journal *journal, enum phase *phase)
{
    DIR *listing = opendir(directory);
    const struct dirent *entry;
    bool found = false;

    if (listing == NULL)
        return false;
    while ((entry = readdir(listing)) != NULL) {
        char name[RESTORE_NAME_MAX];
        enum phase seen;
        if (!parse_name(entry->d_name, name, &seen) || (found && seen == PHASE_NEW))
            continue;
        found = true;
        *phase = seen;
        snprintf(journal->name, sizeof journal->name, "%s", name);
    }
    closedir(listing);
    return found && snprintf(journal->directory, PATH_MAX, "%s", directory) < PATH_MAX &&
           !work_path(journal, *phase, journal->work, NULL);
}

enum restore_end
restore_journal_look(const char *directory)
{
    static struct restore_journal journal;
    enum phase phase;

    return find(directory, &journal, &phase) ? phases[phase].end : RESTORE_END_NONE;
}

enum kh_err
restore_journal_recover(const char *directory, struct restore_outcome *outcome, struct fault *fault)
{
    static struct restore_journal journal;
    enum phase phase;

    *outcome = (struct restore_outcome){.end = RESTORE_END_NONE};
    while (find(directory, &journal, &phase)) {
        struct restore_outcome ended = {.end = RESTORE_END_DROPPED};
        enum kh_err err = KH_OK;
        restore_journal_drop(&journal);
        if (phase != PHASE_NEW)
            err = go_on(&journal, phase, &ended, fault);
        else if (access(journal.work, F_OK) == 0)
            err = fault_set(fault, KH_ERR_IO, "%s: cannot be removed", journal.work);
        if (err && ended.end != RESTORE_END_BACK) {
            fault_prefix(fault, "a restore was interrupted: ");
            return err;
        }
        if (outcome->end <= RESTORE_END_DROPPED)
            *outcome = ended;
    }
    return KH_OK;
}

const char *
restore_outcome_print(const struct restore_outcome *outcome, const char *directory,
                      char words[RESTORE_WORDS_MAX])
{
    static const char *const said[] = {
        [RESTORE_END_NONE] = "no restore was interrupted",
        [RESTORE_END_DROPPED] = "a restore was interrupted before it changed anything; what it had "
                                "unpacked is removed",
        [RESTORE_END_FINISHED] =
            "a restore was interrupted, and is finished now: the backup is in force",
        [RESTORE_END_BACK] = "a restore was interrupted, and what was there is back in its place",
    };

    if (outcome->aside[0] != '\0')
        snprintf(words, RESTORE_WORDS_MAX, "%s; what was there before is in %s/%s",
                 said[outcome->end], directory, outcome->aside);
    else
        snprintf(words, RESTORE_WORDS_MAX, "%s", said[outcome->end]);
    return words;
}

// ---- one that begins ----

static bool
is_taken(const struct restore_journal *journal)
{
    char path[PATH_MAX];

    return !aside_path(journal, path, NULL) && access(path, F_OK) == 0;
}

enum kh_err
restore_journal_begin(const char *directory, long long now, struct restore_journal *out,
                      struct fault *fault)
{
    int n = snprintf(out->directory, PATH_MAX, "%s", directory);

    while (n > 1 && n < PATH_MAX && out->directory[n - 1] == '/')
        out->directory[--n] = '\0';
    if (n <= 0 || n >= PATH_MAX)
        return fault_set(fault, KH_ERR_TOO_LONG, "the state directory's name is too long");
    snprintf(out->name, sizeof out->name, "%lld", now);
    for (int i = 2; i < NAMES_MAX && is_taken(out); i++)
        snprintf(out->name, sizeof out->name, "%lld-%d", now, i);
    enum kh_err err = work_path(out, PHASE_NEW, out->work, fault);
    if (!err && mkdir(out->work, 0700))
        err = fault_set(fault, KH_ERR_IO, "%s: cannot be made: %s", out->work, strerror(errno));
    return err;
}

enum kh_err
restore_journal_commit(struct restore_journal *journal, struct restore_outcome *outcome,
                       struct fault *fault)
{
    enum kh_err err = sync_tree(journal->work, fault);

    if (!err)
        err = enter_phase(journal, PHASE_READY, fault);
    return err ? err : go_on(journal, PHASE_READY, outcome, fault);
}

void
restore_journal_drop(const struct restore_journal *journal)
{
    char path[PATH_MAX];

    // What is decided is under another name by then.
    if (!work_path(journal, PHASE_NEW, path, NULL) && strcmp(path, journal->work) == 0)
        leftover_remove_tree(path);
}
