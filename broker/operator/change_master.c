/* SPDX-License-Identifier: Apache-2.0 */
/* keyholed key change-master. */
#include "admin.h"
#include "keeper.h"
#include "recover.h"
#include "secret_input.h"
#include "terminal.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

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
        status = secret_input_passphrase(invocation, sources[i].option, NULL, false, secret);
        keeper_add_secret(keeper, sources[i].argument, secret);
    }
    if (status == EXIT_DONE && invocation_flag(invocation, "passphrase")) {
        status =
            secret_input_passphrase(invocation, NULL, "passphrase as it is", false, &secrets->old);
        keeper_add_secret(keeper, "--passphrase-fd", &secrets->old);
    }
    if (status == EXIT_DONE && invocation_flag(invocation, "new-passphrase")) {
        status = secret_input_passphrase(invocation, NULL, "new passphrase", true, &secrets->new);
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
        status = recover_lock(invocation->directory, LOCK_CHANGE_MASTER,
                              "its master key changes while nobody uses it", &lock);
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

static const struct operator_option master_options[] = {
    {"passphrase", 0, NULL, false, "ask for the passphrase as it is"},
    {"passphrase-fd", 0, "N", false, "take it from descriptor N"},
    {"key-fd", 0, "N", false, "the key as it is, where the service manager has it: 64 hex digits"},
    {"new-passphrase", 0, NULL, false, "ask for a new passphrase instead of making a key file"},
    {"new-passphrase-fd", 0, "N", false, "take that from descriptor N"},
    {"new-key-fd", 0, "N", false, "a new key of 64 hex digits, which you keep; no key file"},
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
