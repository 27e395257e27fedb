/* SPDX-License-Identifier: Apache-2.0 */
/* keyholed restore, and backup --check: a restore that puts nothing back. */
#include "restore.h"

#include "admin.h"
#include "directory.h"
#include "keeper.h"
#include "recover.h"
#include "secret_input.h"
#include "terminal.h"
#include "values.h"

#include "../restore_journal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* ---- what it says ---- */

static void
print_age(const char *created_at)
{
    struct fault fault = {0};
    int64_t then;
    if (value_time(created_at, &then, &fault) != KH_OK)
        return;
    int64_t age = (int64_t)time(NULL) - then;
    if (age >= 2 * 86400)
        fprintf(stderr, " (%lld days ago)", (long long)(age / 86400));
    else if (age >= 2 * 3600)
        fprintf(stderr, " (%lld hours ago)", (long long)(age / 3600));
    else if (age >= 120)
        fprintf(stderr, " (%lld minutes ago)", (long long)(age / 60));
}

static void
tell_found(const json_t *report)
{
    fprintf(stderr, "a backup of %s", admin_text(report, "created_at"));
    print_age(admin_text(report, "created_at"));
    fprintf(stderr, ", by keyholed %s: %zu files, audit log to record %lld\n",
            admin_text(report, "keyholed"), json_array_size(json_object_get(report, "files")),
            (long long)admin_number(report, "audit_seq"));
    if (strcmp(admin_text(report, "sealed_values"), "not-checked") == 0)
        fputs("the master key is not in it: what is sealed in the database was not opened\n",
              stderr);
}

static void
tell_restored(const struct invocation *invocation, const json_t *report)
{
    const char *created_at = admin_text(report, "created_at");
    const char *aside = admin_text(report, "moved_aside");
    const char *revoked = admin_text(report, "revoked_before");
    tell_found(report);
    fprintf(stderr, "restored to %s\n", invocation->directory);
    if (aside[0] != '\0')
        fprintf(stderr, "what was there is in %s/%s\n", invocation->directory, aside);
    if (admin_number(report, "schema") == 0)
        return;
    fprintf(stderr,
            "%sWhat happened since %s is not in it:%s\n"
            "  - secrets that were rotated and credentials that were changed since are as they "
            "were\n"
            "  - tokens with a number of uses are used up\n",
            terminal_colour(stderr, COLOUR_STRONG), created_at,
            terminal_colour(stderr, COLOUR_NONE));
    if (revoked[0] != '\0')
        fprintf(stderr, "  - every token minted before %s is revoked\n", revoked);
    else
        fprintf(stderr,
                "  - %sREVOCATIONS MADE SINCE ARE LOST: tokens that were revoked work again%s\n"
                "    end all tokens from before, once it runs:\n"
                "    keyholed revoke --minted-before $(date -u +%%Y-%%m-%%dT%%H:%%M:%%SZ) --dir "
                "%s\n",
                terminal_colour(stderr, COLOUR_BAD), terminal_colour(stderr, COLOUR_NONE),
                invocation->directory);
}

/* ---- opening ---- */

static enum operator_exit
read_key_file(const char *path, struct buffer *out)
{
    struct stat status;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0 || fstat(fd, &status) != 0) {
        int error = errno;
        if (fd >= 0)
            close(fd);
        return command_failed("%s: %s", path, strerror(error));
    }
    if (S_ISREG(status.st_mode) && (status.st_mode & 077) != 0)
        fprintf(stderr, "keyholed: %s can be read by others: chmod 0600\n", path);
    struct fault fault = {0};
    enum kh_err err = terminal_read_secret(fd, "", false, out, &fault);
    close(fd);
    return err == KH_OK ? EXIT_DONE : command_failed("%s: %s", path, fault.detail);
}

static enum operator_exit
open_backup(const struct invocation *invocation, struct keeper *keeper, struct buffer *secret)
{
    const char *key_file = invocation_value(invocation, "key-file");
    const char *file = invocation->operand[0];
    keeper_add_value(keeper, "--file", file);
    keeper_add_value(keeper, "--sha256", invocation_value(invocation, "sha256"));
    if (key_file != NULL && invocation_value(invocation, "passphrase-fd") != NULL)
        return usage_fault(invocation, "--key-file and --passphrase-fd are not for one call");
    enum operator_exit status;
    if (key_file != NULL) {
        status = read_key_file(key_file, secret);
        keeper_add_secret(keeper, "--backup-key-fd", secret);
        return status;
    }
    if (invocation_value(invocation, "passphrase-fd") == NULL && !isatty(STDIN_FILENO))
        return usage_fault(invocation, "what opens it? --key-file FILE, or --passphrase-fd N");
    status = secret_input_passphrase(invocation, "passphrase-fd", "passphrase of the backup", false,
                                     secret);
    keeper_add_secret(keeper, "--passphrase-fd", secret);
    return status;
}

enum operator_exit
restore_check(const struct invocation *invocation)
{
    struct keeper keeper;
    json_t *report = NULL;
    BUFFER_AUTO secret;
    buffer_init_secret(&secret, TERMINAL_SECRET_MAX);
    keeper_init(&keeper, "restore", invocation->directory);
    keeper_add(&keeper, "--check");
    enum operator_exit status = open_backup(invocation, &keeper, &secret);
    if (status == EXIT_DONE)
        status = keeper_run(&keeper, &report);
    if (status != EXIT_DONE)
        return status;
    if (invocation->json)
        admin_print_json(report);
    else {
        tell_found(report);
        fputs("ok: it can be restored\n", stderr);
    }
    json_decref(report);
    return EXIT_DONE;
}

/* ---- restoring ---- */

// One that was made for nothing. Another command that waits for the lock finds that it is gone.
static void
remove_directory(const char *directory)
{
    char path[PATH_MAX];
    if (restore_journal_look(directory) != RESTORE_END_NONE ||
        snprintf(path, sizeof(path), "%s/keyholed.lock", directory) >= (int)sizeof(path))
        return;
    (void)unlink(path);
    (void)rmdir(directory);
}

static enum operator_exit
restore_run(const struct invocation *invocation)
{
    if (invocation_flag(invocation, "check"))
        return restore_check(invocation);
    struct keeper keeper;
    struct fault fault = {0};
    json_t *report = NULL;
    int lock = -1;
    BUFFER_AUTO secret;
    buffer_init_secret(&secret, TERMINAL_SECRET_MAX);
    keeper_init(&keeper, "restore", invocation->directory);
    if (invocation_flag(invocation, "force"))
        keeper_add(&keeper, "--force");
    if (invocation_flag(invocation, "revoke-before"))
        keeper_add(&keeper, "--revoke-before");
    enum operator_exit status = open_backup(invocation, &keeper, &secret);
    if (status == EXIT_DONE && directory_make_parents(invocation->directory, &fault) != KH_OK)
        return command_failed("%s", fault.detail);
    bool made = status == EXIT_DONE && mkdir(invocation->directory, 0700) == 0;
    if (status == EXIT_DONE)
        status = recover_lock(invocation->directory, LOCK_RESTORE,
                              "a restore is into a directory of its own", &lock);
    if (status == EXIT_DONE)
        status = keeper_run(&keeper, &report);
    if (status != EXIT_DONE && made)
        remove_directory(invocation->directory);
    if (lock >= 0)
        close(lock);
    if (status != EXIT_DONE)
        return status;
    if (invocation->json)
        admin_print_json(report);
    else
        tell_restored(invocation, report);
    json_decref(report);
    return EXIT_DONE;
}

/* ---- the table ---- */

static const struct operator_option restore_options[] = {
    {"key-file", 0, "FILE", false, "the secret key that opens it, as keyholed backup key wrote it"},
    {"passphrase-fd", 0, "N", false, "the passphrase that opens it, from descriptor N"},
    {"sha256", 0, "HEX", false, "what the file has to be, as backup said when it was made"},
    {"revoke-before", 0, NULL, false, "revoke every token that was minted before now"},
    {"force", 0, NULL, false, "into a directory that is not empty: what is there is moved aside"},
    {"check", 0, NULL, false, "look at all of it, and put nothing back"},
    {0},
};

const struct operator_command restore_commands[] = {
    {
        .name = "restore",
        .operands = "FILE",
        .operands_min = 1,
        .operands_max = 1,
        .summary = "Put a backup back, into a directory that is new or empty",
        .text = "All of it is checked first: seal, databases, audit log, and that the master key "
                "opens\n"
                "what is sealed. Then all of it is there, or nothing. Revocations that were made "
                "after\n"
                "the backup are lost; --revoke-before ends all tokens from before. Tokens with a "
                "number\n"
                "of uses are used up in any case.",
        .examples = "  keyholed restore keyhole.backup --dir /var/lib/keyholed\n"
                    "  keyholed restore --key-file backup.key --revoke-before keyhole.backup",
        .option = restore_options,
        .json = true,
        .run = restore_run,
    },
    {0},
};
