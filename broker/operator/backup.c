/* SPDX-License-Identifier: Apache-2.0 */
/* keyholed backup and backup key. */
#include "admin.h"
#include "keeper.h"
#include "restore.h"
#include "secret_input.h"
#include "terminal.h"

#include "../backup_key.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { PASSPHRASE_MIN = 8 };

/* ---- backup ---- */

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
        secret_input_passphrase(invocation, "passphrase-fd",
                                needed ? "passphrase of the backup" : NULL, twice && !given, out);
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

static enum operator_exit
backup_run(const struct invocation *invocation)
{
    if (invocation_flag(invocation, "check"))
        return restore_check(invocation);
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

const struct operator_command backup_commands[] = {
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
    {0},
};
