/* SPDX-License-Identifier: Apache-2.0
 *
 * Options, and the report as a line of JSON on a descriptor of its own.
 */
#include "keep.h"

#include "../authority/master_key_change.h"
#include "../authority/state.h"
#include "../database/private_file.h"
#include "../read_all.h"
#include "backup.h"
#include "restore.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

enum { KEY_TEXT_MAX = 4096 };

struct keep_options {
    const char *directory, *file, *config, *sha256;
    bool force, check, revoke_before, without_master_key, without_audit_log;
    int report_fd;
    struct secret *passphrase, *new_passphrase; /* what opens or seals; the one that is to be */
    struct secret *key, *new_key;               /* master keys */
    struct secret *backup_key;
    struct envelope_recipients recipients;
};

// ---- what is read from descriptors ----

static enum kh_err
read_fd(int fd, struct buffer *out, struct fault *fault)
{
    enum kh_err err = read_all(fd, out);
    if (err == KH_ERR_TOO_LONG)
        return fault_set(fault, err, "a key is longer than keys are");
    if (err)
        return fault_set(fault, err, "descriptor %d: %s", fd, strerror(errno));
    close(fd);
    return KH_OK;
}

static enum kh_err
read_master_key(int fd, struct secret **out, struct fault *fault)
{
    BUFFER_AUTO text;

    buffer_init_secret(&text, KEY_TEXT_MAX + READ_ALL_STEP);
    enum kh_err err = read_fd(fd, &text, fault);
    return err ? err : master_key_parse(buffer_bytes(&text), "the key that was given", out, fault);
}

static enum kh_err
read_backup_key(int fd, struct secret **out, struct fault *fault)
{
    BUFFER_AUTO text;
    struct secret *key = NULL;

    buffer_init_secret(&text, KEY_TEXT_MAX + READ_ALL_STEP);
    enum kh_err err = read_fd(fd, &text, fault);
    if (!err)
        err = secret_new_zero(BACKUP_KEY_SIZE, &key, fault);
    if (!err)
        err = backup_key_parse_secret(buffer_bytes(&text), secret_writable(key), fault);
    if (err) {
        secret_free(&key);
        return err;
    }
    *out = key;
    return KH_OK;
}

// ---- options ----

enum option_kind {
    OPTION_FLAG,
    OPTION_TEXT,
    OPTION_PASSPHRASE, // of a descriptor, as the two below
    OPTION_MASTER_KEY,
    OPTION_BACKUP_KEY,
    OPTION_REPORT,
    OPTION_RECIPIENT,
};

#define AT(member) offsetof(struct keep_options, member)
static const struct keep_option {
    const char *name;
    enum option_kind kind;
    size_t at;
} keep_option[] = {
    {"dir", OPTION_TEXT, AT(directory)},
    {"file", OPTION_TEXT, AT(file)},
    {"config", OPTION_TEXT, AT(config)},
    {"sha256", OPTION_TEXT, AT(sha256)},
    {"force", OPTION_FLAG, AT(force)},
    {"check", OPTION_FLAG, AT(check)},
    {"revoke-before", OPTION_FLAG, AT(revoke_before)},
    {"without-master-key", OPTION_FLAG, AT(without_master_key)},
    {"without-audit-log", OPTION_FLAG, AT(without_audit_log)},
    {"report-fd", OPTION_REPORT, AT(report_fd)},
    {"passphrase-fd", OPTION_PASSPHRASE, AT(passphrase)},
    {"new-passphrase-fd", OPTION_PASSPHRASE, AT(new_passphrase)},
    {"key-fd", OPTION_MASTER_KEY, AT(key)},
    {"new-key-fd", OPTION_MASTER_KEY, AT(new_key)},
    {"backup-key-fd", OPTION_BACKUP_KEY, AT(backup_key)},
    {"to", OPTION_RECIPIENT, 0},
};
enum { OPTIONS = sizeof keep_option / sizeof keep_option[0] };

static enum kh_err
add_recipient(struct keep_options *out, struct fault *fault)
{
    struct envelope_recipients *to = &out->recipients;

    if (to->key_count == ENVELOPE_KEYS_MAX)
        return fault_set(fault, KH_ERR_RANGE, "a backup has at most %d keys", ENVELOPE_KEYS_MAX);
    return backup_key_parse(bytes_str(optarg), to->key[to->key_count++], fault);
}

static enum kh_err
set_option(struct keep_options *out, const struct keep_option *option, struct fault *fault)
{
    void *at = (char *)out + option->at;
    uint64_t fd = 0;

    if (option->kind >= OPTION_PASSPHRASE && option->kind <= OPTION_REPORT &&
        (!bytes_to_u64(bytes_str(optarg), &fd) || fd > 1023))
        return fault_set(fault, KH_ERR_USAGE, "--%s: that is no descriptor", option->name);
    switch (option->kind) {
    case OPTION_FLAG:
        *(bool *)at = true;
        return KH_OK;
    case OPTION_TEXT:
        *(const char **)at = optarg;
        return KH_OK;
    case OPTION_PASSPHRASE:
        return master_key_read_passphrase((int)fd, at, fault);
    case OPTION_MASTER_KEY:
        return read_master_key((int)fd, at, fault);
    case OPTION_BACKUP_KEY:
        return read_backup_key((int)fd, at, fault);
    case OPTION_REPORT:
        *(int *)at = (int)fd;
        return KH_OK;
    case OPTION_RECIPIENT:
        return add_recipient(out, fault);
    }
    return fault_set(fault, KH_ERR_INTERNAL, "an option of no kind");
}

static enum kh_err
parse_options(int argc, char **argv, struct keep_options *out, struct fault *fault)
{
    struct option known[OPTIONS + 1] = {0};
    enum kh_err err = KH_OK;
    int index = 0;

    for (size_t i = 0; i < OPTIONS; i++)
        known[i] =
            (struct option){keep_option[i].name, keep_option[i].kind != OPTION_FLAG, NULL, 'o'};
    *out = (struct keep_options){.report_fd = STDOUT_FILENO};
    out->recipients.cost = master_key_cost_default;
    while (!err && (index = 0, getopt_long(argc, argv, "", known, &index)) != -1) {
        if (optopt || known[index].name == NULL)
            return fault_set(fault, KH_ERR_USAGE, "that option is not known");
        err = set_option(out, &keep_option[index], fault);
    }
    if (!err && (optind != argc || out->directory == NULL))
        err = fault_set(fault, KH_ERR_USAGE, "--dir is missing, or something is too much");
    return err;
}

static void
free_options(struct keep_options *options)
{
    secret_free(&options->passphrase);
    secret_free(&options->new_passphrase);
    secret_free(&options->key);
    secret_free(&options->new_key);
    secret_free(&options->backup_key);
}

// ---- the works ----

static enum kh_err
work_backup(struct keep_options *options, json_t **report, struct fault *fault)
{
    struct backup_options backup = {
        .directory = options->directory,
        .config = options->config,
        .file = options->file,
        .force = options->force,
        .without_master_key = options->without_master_key,
        .without_audit_log = options->without_audit_log,
        .recipients = options->recipients,
    };

    backup.recipients.passphrase = options->passphrase;
    return options->file ? backup_make(&backup, report, fault)
                         : fault_set(fault, KH_ERR_USAGE, "--file is missing");
}

static enum kh_err
work_restore(struct keep_options *options, json_t **report, struct fault *fault)
{
    const struct restore_options restore = {
        .file = options->file,
        .directory = options->directory,
        .check = options->check,
        .force = options->force,
        .revoke_before = options->revoke_before,
        .sha256 = options->sha256,
        .opener = {.passphrase = options->passphrase, .key = options->backup_key},
    };

    return options->file ? restore_run(&restore, report, fault)
                         : fault_set(fault, KH_ERR_USAGE, "--file is missing");
}

static enum kh_err
work_change_master_key(struct keep_options *options, json_t **report, struct fault *fault)
{
    static struct authority authority;
    const char *credentials = getenv("CREDENTIALS_DIRECTORY");
    const struct master_key_source source = {
        .directory = options->directory,
        .credentials_directory = credentials && credentials[0] ? credentials : NULL,
        .passphrase = options->passphrase,
        .key = options->key,
    };
    const struct master_key_target target = {
        .passphrase = options->new_passphrase,
        .key = options->new_key,
        .cost = master_key_cost_default,
    };
    enum kh_err err = authority_open(&authority, &source, clock_system(), fault);

    if (!err)
        err = master_key_change(&authority, &target, fault);
    authority_close(&authority);
    if (err)
        return err;
    *report = json_pack("{s:s}", "master_key",
                        target.key          ? "outside"
                        : target.passphrase ? "passphrase"
                                            : "file");
    return *report ? KH_OK : fault_set(fault, KH_ERR_MEMORY, "memory is used up");
}

static const struct work {
    const char *name;
    enum kh_err (*run)(struct keep_options *options, json_t **report, struct fault *fault);
} works[] = {
    {"backup", work_backup},
    {"restore", work_restore},
    {"change-master-key", work_change_master_key},
};

static const struct work *
find_work(int argc, char **argv)
{
    for (size_t i = 0; argc > 1 && i < sizeof works / sizeof works[0]; i++) {
        if (strcmp(argv[1], works[i].name) == 0)
            return &works[i];
    }
    return NULL;
}

bool
keep_is_wanted(int argc, char **argv)
{
    return find_work(argc, argv) != NULL;
}

// ---- all ----

static enum kh_err
print_report(int fd, const json_t *report, struct fault *fault)
{
    char *text = json_dumps(report, JSON_COMPACT);
    bool ok = text && private_file_write_all(fd, bytes_str(text)) &&
              private_file_write_all(fd, BYTES("\n"));

    free(text);
    return ok ? KH_OK : fault_set(fault, KH_ERR_IO, "the report could not be written");
}

int
keep_main(int argc, char **argv)
{
    const struct work *work = find_work(argc, argv);
    struct keep_options options;
    struct fault fault = {0};
    json_t *report = NULL;

    backup_cancel_by_signals();
    // Without the command that started it nobody waits for what it does.
    (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
    opterr = 0;
    enum kh_err err = parse_options(argc - 1, argv + 1, &options, &fault);
    if (!err)
        err = work->run(&options, &report, &fault);
    if (!err)
        err = print_report(options.report_fd, report, &fault);
    json_decref(report);
    free_options(&options);
    if (err)
        fprintf(stderr, "keyholed: %s\n", fault.detail);
    return err == KH_OK ? 0 : err == KH_ERR_USAGE ? 2 : 1;
}
