/* SPDX-License-Identifier: Apache-2.0
 *
 * A restore is killed at each step, and so is what goes on with it: in the end there is what was
 * there, or what the backup has with the other aside, and never some of both.
 */
#include "../scratch.h"

#include "../../../broker/restore_journal.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

enum { TEXT_MAX = 8192 };

/* ---- killed at the Nth call that changes what is on the disk; calls that fail ---- */

static unsigned long step, kill_at; // 0: never
static const char *busy; // that name cannot be moved into a directory `before-restore-…`

static void
count_step(void)
{
    if (kill_at && ++step == kill_at)
        (void)kill(getpid(), SIGKILL);
}

#define STEPS_OWN_RENAMEAT2
#define STEPS_WITHOUT_DISK
#include "../../support/steps.h"

int
renameat2(int from_fd, const char *from, int to_fd, const char *to, unsigned flags)
{
    const char *slash = strrchr(from, '/');
    count_step();
    if (busy && slash && strcmp(slash + 1, busy) == 0 && strstr(to, "/before-restore-")) {
        errno = EBUSY;
        return -1;
    }
    return (int)syscall(SYS_renameat2, from_fd, from, to_fd, to, flags);
}

/* ---- what is in a directory, as text ---- */

static int
not_dots(const struct dirent *entry)
{
    return strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
}

static void
put_tree(const char *path, const char *name, char *out)
{
    struct dirent **entry;
    int n = scandir(path, &entry, not_dots, alphasort);
    size_t used = strlen(out);
    if (n < 0) {
        char text[64] = "";
        FILE *file = fopen(path, "r");
        assert_non_null(file);
        assert_non_null(fgets(text, sizeof text, file));
        fclose(file);
        snprintf(out + used, TEXT_MAX - used, "%s=%s ", name, text);
        return;
    }
    snprintf(out + used, TEXT_MAX - used, "%s/ ", name);
    for (int i = 0; i < n; i++) {
        char below[512], full[512];
        snprintf(below, sizeof below, "%s%s%.100s", name, name[0] ? "/" : "", entry[i]->d_name);
        snprintf(full, sizeof full, "%.300s/%.100s", path, entry[i]->d_name);
        put_tree(full, below, out);
        free(entry[i]);
    }
    free(entry);
}

static const char *
tree(const char *name)
{
    static char text[2][TEXT_MAX];
    static unsigned turn;
    char *out = text[turn++ % 2];
    out[0] = '\0';
    put_tree(test_path(name), "", out);
    return out;
}

/* ---- a state, and another one to put there ---- */

static struct restore_journal journal;

static void
make_files(const char *const *names, const char *text)
{
    for (; *names; names++) {
        size_t n = strlen(*names);
        if ((*names)[n - 1] == '/')
            assert_int_equal(mkdir(test_path(*names), 0700), 0);
        else
            write_file(*names, text, 0600);
    }
}

static void
remove_all(void)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s/'*", test_directory);
    assert_int_equal(system(command), 0);
}

static void
make_state(bool filled)
{
    static const char *const base[] = {"state/", "state/keyholed.lock", "state/before-restore-7/",
                                       "state/before-restore-7/mine", NULL};
    static const char *const names[] = {"state/keyholed.db",
                                        "state/keyholed.db-wal",
                                        "state/master.key",
                                        "state/audit.log",
                                        "state/gateway.key",
                                        "state/discharger/",
                                        "state/discharger/discharger.db",
                                        NULL};
    remove_all();
    make_files(base, "base");
    if (filled)
        make_files(names, "old");
}

static void
begin(void)
{
    static const char *const names[] = {
        "keyholed.db",      "master.key",         "ca.pem", "discharger", "discharger/db",
        "discharger/roots", "discharger/roots/a", NULL};
    struct fault fault = {0};
    assert_int_equal(restore_journal_begin(test_path("state"), 9, &journal, &fault), KH_OK);
    for (size_t i = 0; names[i]; i++) {
        char name[96];
        snprintf(name, sizeof name, "state/%.40s/%.40s", strrchr(journal.work, '/') + 1, names[i]);
        if (strcmp(names[i], "discharger") == 0 || strcmp(names[i], "discharger/roots") == 0)
            assert_int_equal(mkdir(test_path(name), 0700), 0);
        else
            write_file(name, "new", 0600);
    }
}

#define BASE "/ before-restore-7/ before-restore-7/mine=base "
#define OLD                                                                                        \
    "/ audit.log=old before-restore-7/ before-restore-7/mine=base discharger/ "                    \
    "discharger/discharger.db=old gateway.key=old keyholed.db=old keyholed.db-wal=old "            \
    "keyholed.lock=base master.key=old "
#define NEW_FILES                                                                                  \
    "ca.pem=new discharger/ discharger/db=new discharger/roots/ discharger/roots/a=new "           \
    "keyholed.db=new keyholed.lock=base master.key=new "
#define NEW                                                                                        \
    "/ before-restore-7/ before-restore-7/mine=base before-restore-9/ before-restore-9/audit.log=" \
    "old before-restore-9/discharger/ before-restore-9/discharger/discharger.db=old "              \
    "before-restore-9/gateway.key=old before-restore-9/keyholed.db=old "                           \
    "before-restore-9/keyholed.db-wal=old before-restore-9/master.key=old " NEW_FILES

/* ---- without an accident ---- */

static void
all_of_it(void **state)
{
    (void)state;
    struct fault fault = {0};
    struct restore_outcome outcome;
    char words[RESTORE_WORDS_MAX];
    make_state(true);
    begin();
    assert_int_equal(restore_journal_look(test_path("state")), RESTORE_END_DROPPED);
    assert_int_equal(restore_journal_commit(&journal, &outcome, &fault), KH_OK);
    assert_string_equal(tree("state"), NEW);
    assert_int_equal(outcome.end, RESTORE_END_FINISHED);
    assert_string_equal(outcome.aside, "before-restore-9");
    assert_non_null(strstr(restore_outcome_print(&outcome, "/x", words), "/x/before-restore-9"));
    restore_journal_drop(&journal); // nothing any more
    assert_string_equal(tree("state"), NEW);
    assert_int_equal(restore_journal_look(test_path("state")), RESTORE_END_NONE);
    assert_int_equal(restore_journal_recover(test_path("state"), &outcome, &fault), KH_OK);
    assert_int_equal(outcome.end, RESTORE_END_NONE);
    assert_string_equal(tree("state"), NEW);
}

static void
into_an_empty_one(void **state)
{
    (void)state;
    struct fault fault = {0};
    struct restore_outcome outcome;
    make_state(false);
    begin();
    assert_int_equal(restore_journal_commit(&journal, &outcome, &fault), KH_OK);
    assert_string_equal(tree("state"), BASE NEW_FILES);
    assert_string_equal(outcome.aside, "");
}

// Two in one second: the older one's directory is nobody's to fill.
static void
a_name_that_is_taken(void **state)
{
    (void)state;
    struct fault fault = {0};
    struct restore_outcome outcome;
    static const char *const names[] = {"state/before-restore-9/", "state/before-restore-9/x",
                                        "state/before-restore-9-2/", NULL};
    make_state(true);
    make_files(names, "first");
    begin();
    assert_int_equal(restore_journal_commit(&journal, &outcome, &fault), KH_OK);
    assert_string_equal(outcome.aside, "before-restore-9-3");
    assert_string_equal(tree("state/before-restore-9"), "/ x=first ");
}

static void
dropped(void **state)
{
    (void)state;
    struct fault fault = {0};
    struct restore_outcome outcome;
    make_state(true);
    begin();
    restore_journal_drop(&journal);
    assert_string_equal(tree("state"), OLD);
    begin();
    assert_int_equal(restore_journal_recover(test_path("state"), &outcome, &fault), KH_OK);
    assert_int_equal(outcome.end, RESTORE_END_DROPPED);
    assert_string_equal(tree("state"), OLD);
}

static void
names_that_are_none(void **state)
{
    (void)state;
    static const char *const names[] = {"state/.restore-.ready/", "state/.restore-1.other/",
                                        "state/.restore-1/",      "state/x.restore-1.ready/",
                                        "state/.restore-.new/",   NULL};
    struct fault fault = {0};
    struct restore_outcome outcome;
    make_state(true);
    make_files(names, "");
    assert_int_equal(restore_journal_look(test_path("state")), RESTORE_END_NONE);
    assert_int_equal(restore_journal_recover(test_path("state"), &outcome, &fault), KH_OK);
    assert_int_equal(outcome.end, RESTORE_END_NONE);
    assert_int_equal(access(test_path("state/.restore-1"), F_OK), 0);
    assert_int_equal(restore_journal_look("/nonexistent/kh"), RESTORE_END_NONE);
    static const char *const ours[] = {"keyholed.lock", ".restore-x", ".backup-x", "lost+found",
                                       "before-restore-1"};
    for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++)
        assert_true(restore_journal_ignores(ours[i]));
    assert_false(restore_journal_ignores("keyholed.db"));
    assert_false(restore_journal_ignores(".audit.new"));
}

/* ---- kill -9 ---- */

enum work { COMMIT, RECOVER };

// Whether it was killed; else it has to have gone as `expected`.
static bool
killed_at(unsigned long n, enum work work, enum kh_err expected)
{
    int status = 0;
    pid_t child = fork();
    if (child == 0) {
        struct fault fault = {0};
        struct restore_outcome outcome;
        kill_at = n;
        enum kh_err err = work == COMMIT
                              ? restore_journal_commit(&journal, &outcome, &fault)
                              : restore_journal_recover(test_path("state"), &outcome, &fault);
        if (err != expected)
            print_error("step %lu: %s\n", n, fault.detail);
        _exit(err != expected);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    if (WIFSIGNALED(status))
        return true;
    assert_int_equal(WEXITSTATUS(status), 0);
    return false;
}

static void
check_end(unsigned long n, unsigned long m, const char *new, unsigned *with_old, unsigned *with_new)
{
    const char *is = tree("state");
    if (strcmp(is, new) != 0 && strcmp(is, OLD) != 0)
        fail_msg("killed at step %lu, and at step %lu of what goes on with it: %s", n, m, is);
    *(strcmp(is, OLD) == 0 ? with_old : with_new) += 1;
}

static void
kill_everywhere(enum kh_err expected)
{
    unsigned with_old = 0, with_new = 0;
    bool killed = true;
    unsigned long n;
    for (n = 1; killed; n++) {
        bool again = true;
        for (unsigned long m = 1; again; m++) {
            make_state(true);
            begin();
            killed = killed_at(n, COMMIT, expected);
            again = killed_at(m, RECOVER, KH_OK);
            busy = NULL; // the next time it can be moved; what is decided is decided
            struct fault fault = {0};
            struct restore_outcome outcome;
            if (restore_journal_recover(test_path("state"), &outcome, &fault) != KH_OK)
                fail_msg("steps %lu, %lu: %s", n, m, fault.detail);
            busy = expected ? "gateway.key" : NULL;
            check_end(n, m, NEW, &with_old, &with_new);
        }
    }
    if (n < 20 || with_old < 10 || with_new < (expected ? 1 : 10))
        fail_msg("%lu steps, %u times what was there, %u times the backup", n, with_old, with_new);
}

static void
killed(void **state)
{
    (void)state;
    kill_everywhere(KH_OK);
}

/* ---- what cannot be moved ---- */

static void
kill_when_there(const char *name)
{
    unsigned long n = 1;
    do {
        make_state(true);
        begin();
        assert_true(killed_at(n++, COMMIT, KH_OK));
    } while (access(test_path(name), F_OK) != 0);
}

static void
put_back(void **state)
{
    (void)state;
    struct fault fault = {0};
    struct restore_outcome outcome;
    make_state(true);
    begin();
    busy = "gateway.key";
    assert_int_equal(restore_journal_commit(&journal, &outcome, &fault), KH_ERR_IO);
    busy = NULL;
    assert_says(fault, "gateway.key: cannot be put there");
    assert_string_equal(tree("state"), OLD);
    // One that is found is put back as well, and there is a state to start with.
    kill_when_there("state/.restore-9.ready");
    assert_int_equal(restore_journal_look(test_path("state")), RESTORE_END_FINISHED);
    busy = "gateway.key";
    assert_int_equal(restore_journal_recover(test_path("state"), &outcome, &fault), KH_OK);
    busy = NULL;
    assert_int_equal(outcome.end, RESTORE_END_BACK);
    assert_string_equal(outcome.aside, "");
    assert_string_equal(tree("state"), OLD);
}

static void
put_back_and_killed(void **state)
{
    (void)state;
    busy = "gateway.key";
    kill_everywhere(KH_ERR_IO);
    busy = NULL;
}

static void
something_in_the_way(void **state)
{
    (void)state;
    struct fault fault = {0};
    struct restore_outcome outcome;
    kill_when_there("state/.restore-9.enter");
    write_file("state/ca.pem", "another", 0600);
    assert_int_equal(restore_journal_recover(test_path("state"), &outcome, &fault), KH_ERR_EXISTS);
    assert_says(fault, "state/ca.pem: cannot be put there");
    assert_says(fault, "move that elsewhere");
    assert_int_equal(restore_journal_look(test_path("state")), RESTORE_END_FINISHED);
    assert_int_not_equal(access(test_path("state/keyholed.db"), F_OK), 0);
    assert_int_equal(unlink(test_path("state/ca.pem")), 0);
    assert_int_equal(restore_journal_recover(test_path("state"), &outcome, &fault), KH_OK);
    assert_string_equal(tree("state"), NEW);
}

int
main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, directory_setup, directory_teardown)
    const struct CMUnitTest tests[] = {
        CASE(all_of_it), CASE(into_an_empty_one),   CASE(a_name_that_is_taken),
        CASE(dropped),   CASE(names_that_are_none), CASE(killed),
        CASE(put_back),  CASE(put_back_and_killed), CASE(something_in_the_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
