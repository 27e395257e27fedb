/* SPDX-License-Identifier: Apache-2.0 */
/* keyholed backup, backup key, restore; key master change. */
#include "admin.h"
#include "directory.h"
#include "keeper.h"
#include "recover.h"
#include "terminal.h"
#include "values.h"

#include "../backup_key.h"
#include "../restore_journal.h"
#include "../supervisor/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { PASSPHRASE_MIN = 8, PASSPHRASE_MAX = 1024 };

/* ---- secrets ---- */

// From the descriptor of the option; without one from a terminal, if `prompt` is given.
static enum operator_exit
read_secret(const struct invocation *invocation, const char *option, const char *prompt, bool twice,
            struct buffer *out)
{
    const char *text = option != NULL ? invocation_value(invocation, option) : NULL;
    struct fault fault = {0};
    uint64_t fd = 0;
    if (text != NULL && value_number(text, 0, 1023, &fd, &fault) != KH_OK)
        return usage_fault(invocation, "--%s: %s", option, fault.detail);
    if (text == NULL && prompt == NULL)
        return EXIT_DONE;
    if (terminal_read_secret(text != NULL ? (int)fd : -1, prompt != NULL ? prompt : "", twice, out,
                             &fault) != KH_OK)
        return command_failed("%s: %s", prompt != NULL ? prompt : option, fault.detail);
    return out->n <= PASSPHRASE_MAX
               ? EXIT_DONE
               : command_failed("a passphrase has at most %d bytes", PASSPHRASE_MAX);
}

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

static void
print_size(FILE *stream, int64_t bytes)
{
    if (bytes < 10240)
        fprintf(stream, "%lld bytes", (long long)bytes);
    else if (bytes < 10 << 20)
        fprintf(stream, "%lld KiB", (long long)(bytes >> 10));
    else
        fprintf(stream, "%lld MiB", (long long)(bytes >> 20));
}

/* ---- backup ---- */

static enum operator_exit
check_recipients(const struct invocation *invocation)
{
    const struct invocation_values *to = invocation_values(invocation, "to");
    for (size_t i = 0; i < to->count; i++) {
        uint8_t key[BACKUP_KEY_SIZE];
        struct fault fault = {0};
        if (backup_key_parse(bytes_str(to->value[i]), key, &fault) != KH_OK)
            return usage_fault(invocation, "--to: %s", fault.detail);
    }
    return EXIT_DONE;
}

static enum operator_exit
read_backup_passphrase(const struct invocation *invocation, bool twice, bool needed,
                       struct buffer *out)
{
    bool given = invocation_value(invocation, "passphrase-fd") != NULL;
    if (needed && !given && !isatty(STDIN_FILENO))
        return usage_fault(invocation, "who is to open it? --to KEY, or --passphrase-fd N");
    enum operator_exit status =
        read_secret(invocation, "passphrase-fd", needed ? "passphrase of the backup" : NULL,
                    twice && !given, out);
    if (status == EXIT_DONE && twice && out->n > 0 && out->n < PASSPHRASE_MIN)
        return command_failed("the passphrase of a backup has at least %d characters: whoever has "
                              "the file can try as often as they like",
                              PASSPHRASE_MIN);
    return status;
}

static void
tell_backup(const json_t *report)
{
    bool inside = json_is_true(json_object_get(report, "master_key"));
    terminal_print_safe(stderr, admin_text(report, "file"));
    fputs(": ", stderr);
    print_size(stderr, admin_number(report, "bytes"));
    fprintf(stderr, ", of %s, up to audit record %lld\n", admin_text(report, "created_at"),
            (long long)admin_number(report, "audit_seq"));
    fprintf(stderr, "SHA-256 %s\n", admin_text(report, "sha256"));
    if (!inside && admin_number(report, "schema") > 0)
        fputs("the master key is not in it: keep that (or its passphrase) in another place, or the "
              "backup opens nothing\n",
              stderr);
}

static enum operator_exit backup_check(const struct invocation *invocation);

static enum operator_exit
backup_run(const struct invocation *invocation)
{
    if (invocation_flag(invocation, "check"))
        return backup_check(invocation);
    struct keeper keeper;
    json_t *report = NULL;
    BUFFER_AUTO passphrase;
    buffer_init_secret(&passphrase, TERMINAL_SECRET_MAX);
    const struct invocation_values *to = invocation_values(invocation, "to");
    const char *file = invocation->operand[0];
    enum operator_exit status = check_recipients(invocation);
    if (status == EXIT_DONE && strcmp(file, "-") == 0 && isatty(STDOUT_FILENO))
        return usage_fault(invocation, "a backup is nothing for a terminal");
    if (status == EXIT_DONE && strcmp(file, "-") == 0 && invocation->json)
        return usage_fault(invocation, "--json and - are not for one call");
    if (status == EXIT_DONE)
        status = read_backup_passphrase(invocation, true, to->count == 0, &passphrase);
    if (status != EXIT_DONE)
        return status;
    keeper_init(&keeper, "backup", invocation->directory);
    keeper_add_value(&keeper, "--file", file);
    keeper_add_value(&keeper, "--config", invocation_value(invocation, "config"));
    static const char *const flags[][2] = {{"force", "--force"},
                                           {"without-master-key", "--without-master-key"},
                                           {"without-audit-log", "--without-audit-log"}};
    for (size_t i = 0; i < 3; i++)
        if (invocation_flag(invocation, flags[i][0]))
            keeper_add(&keeper, flags[i][1]);
    if (isatty(STDERR_FILENO))
        keeper_add(&keeper, "--progress");
    for (size_t i = 0; i < to->count; i++)
        keeper_add_value(&keeper, "--to", to->value[i]);
    keeper_add_secret(&keeper, "--passphrase-fd", &passphrase);
    status = keeper_run(&keeper, &report);
    if (status != EXIT_DONE)
        return status;
    if (invocation->json)
        admin_print_json(report);
    else
        tell_backup(report);
    json_decref(report);
    return EXIT_DONE;
}

/* ---- backup key ---- */

static enum operator_exit
write_key_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0 && errno == EEXIST)
        return command_failed("%s: is there already; a key file is never overwritten", path);
    size_t n = strlen(text);
    bool ok = fd >= 0 && write(fd, text, n) == (ssize_t)n && fsync(fd) == 0;
    int error = errno;
    if (fd >= 0)
        close(fd);
    if (ok)
        return EXIT_DONE;
    if (fd >= 0)
        unlink(path);
    return command_failed("%s: %s", path, strerror(error));
}

static enum operator_exit
backup_key(const struct invocation *invocation)
{
    uint8_t secret[BACKUP_KEY_SIZE], public[BACKUP_KEY_SIZE];
    char text[BACKUP_KEY_TEXT_MAX + 1], name[BACKUP_KEY_TEXT_MAX];
    if (sodium_init() < 0)
        return command_failed("libsodium does not start");
    backup_key_make(secret, public);
    backup_key_print(public, name);
    backup_key_print_secret(secret, text);
    strcat(text, "\n"); // NOLINT: there is room for it
    enum operator_exit status = write_key_file(invocation->operand[0], text);
    sodium_memzero(secret, sizeof(secret));
    sodium_memzero(text, sizeof(text));
    if (status != EXIT_DONE)
        return status;
    puts(name);
    fprintf(stderr,
            "%s opens backups that are made with --to and the word above. Keep it away from the\n"
            "broker's host, and a copy of it: nothing else opens them.\n",
            invocation->operand[0]);
    return EXIT_DONE;
}

/* ---- restore, backup --check ---- */

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
    status = read_secret(invocation, "passphrase-fd", "passphrase of the backup", false, secret);
    keeper_add_secret(keeper, "--passphrase-fd", secret);
    return status;
}

static enum operator_exit
backup_check(const struct invocation *invocation)
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
        return backup_check(invocation);
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
        status =
            recover_lock(invocation->directory, "a restore is into a directory of its own", &lock);
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

/* ---- the master key ---- */

struct master_secrets {
    struct buffer old, new;
};

// Each of them is a passphrase, a key, or nothing.
static enum operator_exit
read_master_secrets(const struct invocation *invocation, struct keeper *keeper,
                    struct master_secrets *secrets)
{
    static const struct {
        const char *option, *argument, *prompt;
        bool new;
    } sources[] = {
        {"passphrase-fd", "--passphrase-fd", NULL, false},
        {"key-fd", "--key-fd", NULL, false},
        {"new-passphrase-fd", "--new-passphrase-fd", NULL, true},
        {"new-key-fd", "--new-key-fd", NULL, true},
    };
    int given[2] = {invocation_flag(invocation, "passphrase"),
                    invocation_flag(invocation, "new-passphrase")};
    for (size_t i = 0; i < 4; i++)
        given[sources[i].new] += invocation_value(invocation, sources[i].option) != NULL;
    if (given[0] > 1 || given[1] > 1)
        return usage_fault(invocation, "one old key and one new key");
    enum operator_exit status = EXIT_DONE;
    for (size_t i = 0; status == EXIT_DONE && i < 4; i++) {
        struct buffer *secret = sources[i].new ? &secrets->new : &secrets->old;
        if (invocation_value(invocation, sources[i].option) == NULL)
            continue;
        status = read_secret(invocation, sources[i].option, NULL, false, secret);
        keeper_add_secret(keeper, sources[i].argument, secret);
    }
    if (status == EXIT_DONE && invocation_flag(invocation, "passphrase")) {
        status = read_secret(invocation, NULL, "passphrase as it is", false, &secrets->old);
        keeper_add_secret(keeper, "--passphrase-fd", &secrets->old);
    }
    if (status == EXIT_DONE && invocation_flag(invocation, "new-passphrase")) {
        status = read_secret(invocation, NULL, "new passphrase", true, &secrets->new);
        keeper_add_secret(keeper, "--new-passphrase-fd", &secrets->new);
    }
    return status;
}

static void
tell_master_key(const struct invocation *invocation, const json_t *report)
{
    const char *kept = admin_text(report, "master_key");
    fputs("everything is sealed under the new master key\n", stderr);
    if (strcmp(kept, "file") == 0)
        fprintf(stderr, "it is in %s/master.key; the old one is overwritten\n",
                invocation->directory);
    else if (strcmp(kept, "passphrase") == 0)
        fputs("it is made from the new passphrase, which keyholed run needs from now on: "
              "--passphrase-fd\n",
              stderr);
    else
        fputs("it is where you have it: keyholed run finds it as "
              "$CREDENTIALS_DIRECTORY/keyhole-master-key\n",
              stderr);
    fputs("backups from before hold the old one, and what it opens: make a new backup now\n",
          stderr);
}

static enum operator_exit
key_master_change(const struct invocation *invocation)
{
    struct keeper keeper;
    struct fault fault = {0};
    struct master_secrets secrets;
    json_t *report = NULL;
    int lock = -1;
    buffer_init_secret(&secrets.old, TERMINAL_SECRET_MAX);
    buffer_init_secret(&secrets.new, TERMINAL_SECRET_MAX);
    keeper_init(&keeper, "change-master-key", invocation->directory);
    enum operator_exit status = recover_directory(invocation->directory);
    if (status == EXIT_DONE && lock_check_directory(invocation->directory, &fault) != KH_OK)
        status = command_failed("%s", fault.detail);
    if (status == EXIT_DONE)
        status = recover_lock(invocation->directory, "its master key changes while nobody uses it",
                              &lock);
    if (status == EXIT_DONE)
        status = read_master_secrets(invocation, &keeper, &secrets);
    if (status == EXIT_DONE)
        status = keeper_run(&keeper, &report);
    if (lock >= 0)
        close(lock);
    buffer_free(&secrets.old);
    buffer_free(&secrets.new);
    if (status != EXIT_DONE)
        return status;
    if (invocation->json)
        admin_print_json(report);
    else
        tell_master_key(invocation, report);
    json_decref(report);
    return EXIT_DONE;
}

/* ---- the table ---- */

static const struct operator_option backup_options[] = {
    {"to", 0, "KEY", true, "a public key (kb1_…) that it is sealed to: keyholed backup key"},
    {"passphrase-fd", 0, "N", false, "a passphrase that opens it, from descriptor N"},
    {"config", 0, "FILE", false, "the configuration (default: DIR/keyholed.yaml if it is there)"},
    {"without-master-key", 0, NULL, false, "leave DIR/master.key out"},
    {"without-audit-log", 0, NULL, false, "leave the audit log out"},
    {"force", 0, NULL, false, "in the place of a FILE that is there"},
    {"check", 0, NULL, false, "do not make one: see whether FILE can be restored"},
    {"key-file", 0, "FILE", false, "with --check: the secret key that opens it"},
    {"sha256", 0, "HEX", false, "with --check: what the file has to be"},
    {0},
};

static const struct operator_option restore_options[] = {
    {"key-file", 0, "FILE", false, "the secret key that opens it, as keyholed backup key wrote it"},
    {"passphrase-fd", 0, "N", false, "the passphrase that opens it, from descriptor N"},
    {"sha256", 0, "HEX", false, "what the file has to be, as backup said when it was made"},
    {"revoke-before", 0, NULL, false, "revoke every token that was minted before now"},
    {"force", 0, NULL, false, "into a directory that is not empty: what is there is moved aside"},
    {"check", 0, NULL, false, "look at all of it, and put nothing back"},
    {0},
};

static const struct operator_option master_options[] = {
    {"passphrase", 0, NULL, false, "ask for the passphrase as it is"},
    {"passphrase-fd", 0, "N", false, "take it from descriptor N"},
    {"key-fd", 0, "N", false, "the key as it is, where the service manager has it: 64 hex digits"},
    {"new-passphrase", 0, NULL, false, "ask for a new passphrase instead of making a key file"},
    {"new-passphrase-fd", 0, "N", false, "take that from descriptor N"},
    {"new-key-fd", 0, "N", false, "a new key of 64 hex digits, which you keep; no key file"},
    {0},
};

const struct operator_command keep_commands[] = {
    {
        .name = "backup key",
        .operands = "FILE",
        .operands_min = 1,
        .operands_max = 1,
        .summary = "Make a key pair for backups: the secret key in FILE, the public one printed",
        .text =
            "With the public key a host can make backups that it cannot open itself. FILE is for\n"
            "a safe place elsewhere.",
        .examples = "  keyholed backup key backup.key     on another machine",
        .run = backup_key,
    },
    {
        .name = "backup",
        .operands = "FILE",
        .operands_min = 1,
        .operands_max = 1,
        .summary = "Write a sealed backup of everything, also while the broker serves",
        .text =
            "One file, encrypted and authenticated as a whole, so that it may lie on foreign\n"
            "storage: database, policy, master.key, audit log, configuration, the local CA and "
            "the\n"
            "discharger's key and database. It is there whole or not at all; - is standard "
            "output.\n"
            "Without --to and --passphrase-fd a passphrase is asked for; a file can have several\n"
            "keys, and a passphrase as well. Files that the configuration names (certificates) "
            "are\n"
            "not in it, and neither is a master key that comes from a passphrase or the service\n"
            "manager.",
        .examples = "  keyholed backup keyhole.backup\n"
                    "  keyholed backup --to kb1_… /backup/keyhole-$(date +%F)\n"
                    "  keyholed backup --to kb1_… - | ssh store 'cat > keyhole.backup'\n"
                    "  keyholed backup --check --key-file backup.key keyhole.backup",
        .option = backup_options,
        .json = true,
        .run = backup_run,
    },
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

const struct operator_command master_key_commands[] = {
    {
        .name = "key change-master",
        .operands = "",
        .summary = "Seal everything under another master key; the broker must not run",
        .text =
            "Without options a new key is made and takes the place of DIR/master.key, and the old\n"
            "one is overwritten. An end in between leaves the old key or the new one in force.\n"
            "From a passphrase to a key file and back: --passphrase, --new-passphrase. For a key "
            "of\n"
            "the service manager give both as they are kept there, and put the new one there.",
        .examples = "  keyholed key change-master\n"
                    "  keyholed key change-master --new-passphrase\n"
                    "  openssl rand -hex 32 > new.key && keyholed key change-master --new-key-fd 3 "
                    "3< new.key",
        .option = master_options,
        .json = true,
        .run = key_master_change,
    },
    {0},
};
