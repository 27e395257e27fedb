/* SPDX-License-Identifier: Apache-2.0 */
/* keyholed init, run, check. */
#include "directory.h"
#include "operator.h"
#include "recover.h"
#include "reload.h"
#include "secret_input.h"
#include "terminal.h"
#include "values.h"

#include "../supervisor/gateway.h"
#include "../supervisor/listener.h"
#include "../supervisor/spawn.h"
#include "../supervisor/supervisor.h"
#include "../supervisor/watch.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* ---- init ---- */

// Runs the program to its end. `passphrase` goes through a pipe, as descriptor 4.
static enum kh_err
run_authority_init(const char *directory, struct bytes passphrase, int *status, struct fault *fault)
{
    char program[PATH_MAX];
    enum kh_err err = spawn_find_program("keyhole-authority", program, sizeof(program), fault);
    if (err != KH_OK)
        return err;
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return fault_set(fault, KH_ERR_IO, "no pipe: %s", strerror(errno));
    const char *argv[] = {"keyhole-authority", "--init", "--dir", directory, NULL, NULL, NULL};
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    if (passphrase.n > 0) {
        argv[4] = "--passphrase-fd";
        argv[5] = "4"; // SPAWN_EXTRA_FD
        posix_spawn_file_actions_adddup2(&actions, ends[0], SPAWN_EXTRA_FD);
    }
    pid_t pid;
    int error = posix_spawn(&pid, program, &actions, NULL, (char *const *)(uintptr_t)argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[0]);
    // At most 1,024 bytes: a pipe takes them at once, whether they are read or not.
    bool written = passphrase.n == 0 || (error == 0 && write(ends[1], passphrase.p, passphrase.n) ==
                                                           (ssize_t)passphrase.n);
    close(ends[1]);
    if (error != 0)
        return fault_set(fault, KH_ERR_IO, "%s: %s", program, strerror(error));
    while (waitpid(pid, status, 0) < 0)
        if (errno != EINTR)
            return fault_set(fault, KH_ERR_IO, "waiting for %s: %s", program, strerror(errno));
    return written ? KH_OK : fault_set(fault, KH_ERR_IO, "the passphrase could not be handed on");
}

static enum kh_err
write_configuration(const char *directory, char *path, struct fault *fault)
{
    BUFFER_AUTO text;
    buffer_init(&text, 1 << 20);
    if (snprintf(path, PATH_MAX, "%s/keyholed.yaml", directory) >= PATH_MAX)
        return fault_set(fault, KH_ERR_TOO_LONG, "the state directory's name is too long");
    config_print_default(&text);
    if (text.failed)
        return fault_set(fault, KH_ERR_MEMORY, "no memory for the configuration");
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0 && errno == EEXIST)
        return KH_OK; // the operator's own
    ssize_t n = fd >= 0 ? write(fd, text.p, text.n) : -1;
    if (n != (ssize_t)text.n) {
        enum kh_err err = fault_set(fault, KH_ERR_IO, "%s: %s", path,
                                    n >= 0 ? "the disk is full" : strerror(errno));
        if (fd >= 0) {
            unlink(path);
            close(fd);
        }
        return err;
    }
    close(fd);
    return KH_OK;
}

static void
tell_next_steps(const char *directory, const char *configuration)
{
    fprintf(stderr,
            "%s is ready.\n"
            "  configuration   %s\n"
            "next:\n"
            "  keyholed run --dir %s\n"
            "  keyholed credential add openai --preset openai --dir %s   (the key on standard "
            "input)\n"
            "  keyholed mint --credential openai --for 12h --dir %s\n",
            directory, configuration, directory, directory, directory);
}

static enum operator_exit
service_init(const struct invocation *invocation)
{
    struct fault fault = {0};
    char configuration[PATH_MAX];
    int ended = 0;
    BUFFER_AUTO passphrase;
    buffer_init_secret(&passphrase, TERMINAL_SECRET_MAX);
    enum operator_exit status = secret_input_passphrase(
        invocation, "passphrase-fd",
        invocation_flag(invocation, "passphrase") ? "passphrase" : NULL, true, &passphrase);
    if (status == EXIT_DONE)
        status = recover_directory(invocation->directory);
    if (status != EXIT_DONE)
        return status;
    if (directory_make_parents(invocation->directory, &fault) != KH_OK ||
        run_authority_init(invocation->directory, buffer_bytes(&passphrase), &ended, &fault) !=
            KH_OK)
        return command_failed("%s", fault.detail);
    if (!WIFEXITED(ended) || WEXITSTATUS(ended) != 0)
        return EXIT_FAILED; // it has said why
    if (write_configuration(invocation->directory, configuration, &fault) != KH_OK)
        return command_failed("%s", fault.detail);
    tell_next_steps(invocation->directory, configuration);
    return EXIT_DONE;
}

/* ---- run ---- */

static enum operator_exit
service_run(const struct invocation *invocation)
{
    BUFFER_AUTO passphrase;
    buffer_init_secret(&passphrase, TERMINAL_SECRET_MAX);
    const struct invocation_values *listen = invocation_values(invocation, "listen");
    for (size_t i = 0; i < listen->count; i++) {
        struct fault fault = {0};
        const struct config_listener listener = {.address = (char *)(uintptr_t)listen->value[i]};
        if (listener_check(&listener, &fault) != KH_OK)
            return usage_fault(invocation, "--listen: %s", fault.detail);
    }
    struct fault fault = {0};
    const char *discharger = invocation_value(invocation, "discharger");
    if (discharger != NULL && invocation_flag(invocation, "no-discharger"))
        return usage_fault(invocation, "--discharger and --no-discharger are not for one call");
    if (discharger != NULL && supervisor_check_discharger(discharger, &fault) != KH_OK)
        return usage_fault(invocation, "--discharger: %s", fault.detail);
    enum operator_exit status =
        secret_input_passphrase(invocation, "passphrase-fd", NULL, false, &passphrase);
    if (status != EXIT_DONE)
        return status;
    const struct supervisor_options options = {
        .directory = invocation->directory,
        .config_path = invocation_value(invocation, "config"),
        .listen = listen->value,
        .listen_count = listen->count,
        .passphrase = &passphrase,
        .discharger = discharger,
        .no_discharger = invocation_flag(invocation, "no-discharger"),
    };
    return supervisor_run(&options) == 0 ? EXIT_DONE : EXIT_FAILED;
}

/* ---- check ---- */

static enum operator_exit
check_defaults(void)
{
    BUFFER_AUTO text;
    buffer_init(&text, 1 << 20);
    config_print_default(&text);
    if (text.failed || fputs(buffer_text(&text), stdout) == EOF || fflush(stdout) != 0)
        return command_failed("the configuration cannot be written: %s", strerror(errno));
    return EXIT_DONE;
}

static enum operator_exit
service_check(const struct invocation *invocation)
{
    if (invocation_flag(invocation, "defaults"))
        return check_defaults();
    if (invocation->json && !invocation_flag(invocation, "diff"))
        return usage_fault(invocation, "--json goes with --diff");
    if (invocation_flag(invocation, "diff") && invocation_flag(invocation, "config"))
        return usage_fault(invocation, "--diff is about the file that the broker reads");
    enum operator_exit recovered = recover_directory(invocation->directory);
    if (recovered != EXIT_DONE)
        return recovered;
    struct fault fault = {0};
    struct config config;
    char used[PATH_MAX];
    config_init(&config);
    enum kh_err err = supervisor_read_config(
        invocation->directory, invocation_value(invocation, "config"), &config, used, &fault);
    for (size_t i = 0; err == KH_OK && i < config.listener_count; i++)
        err = listener_check(&config.listener[i], &fault);
    for (size_t i = 0; err == KH_OK && i < config.discharger.listener_count; i++)
        err = listener_check(&config.discharger.listener[i], &fault);
    size_t line = 0;
    for (size_t i = 0; err == KH_OK && i < config.gateway_count; i++) {
        err = gateway_check(&config.gateway[i], invocation->directory, &fault);
        line = config.gateway[i].line;
    }
    for (size_t i = 0; err == KH_OK && i < config.metrics_count; i++) {
        err = watch_check(&config.metrics[i], &fault);
        line = config.metrics[i].line;
    }
    config_free(&config);
    if (err != KH_OK && line > 0)
        return command_failed("%s:%zu: %s", used, line, fault.detail);
    if (err != KH_OK)
        return command_failed("%s", fault.detail);
    if (invocation_flag(invocation, "diff"))
        return reload_ask(invocation, true);
    if (used[0] == '\0')
        fprintf(stderr, "there is no %s/keyholed.yaml: the defaults are used\n",
                invocation->directory);
    else
        fprintf(stderr, "%s: ok\n", used);
    return EXIT_DONE;
}

/* ---- the table ---- */

static const struct operator_option init_options[] = {
    {"passphrase", 0, NULL, false, "ask for a passphrase instead of keeping a key file"},
    {"passphrase-fd", 0, "N", false, "take that passphrase from descriptor N"},
    {0},
};

static const struct operator_option run_options[] = {
    {"config", 0, "FILE", false, "the configuration (default: DIR/keyholed.yaml if it is there)"},
    {"listen", 0, "ADDRESS:PORT", true, "in place of the configuration's listeners; port 0: any"},
    {"discharger", 0, "ADDRESS:PORT", false,
     "a loopback address for the discharger, in place of the configuration's; port 0: any"},
    {"no-discharger", 0, NULL, false, "start no discharger beside the broker"},
    {"passphrase-fd", 0, "N", false, "the passphrase of the master key, from descriptor N"},
    {0},
};

static const struct operator_option check_options[] = {
    {"config", 0, "FILE", false, "the configuration (default: DIR/keyholed.yaml if it is there)"},
    {"defaults", 0, NULL, false, "print a configuration with every setting commented out instead"},
    {"diff", 0, NULL, false, "and what a reload of the running broker would change"},
    {0},
};

const struct operator_command service_commands[] = {
    {
        .name = "init",
        .operands = "",
        .summary = "Make the state directory: database, keys, local CA, configuration",
        .text =
            "Secrets in the database are sealed with a master key. It is kept in DIR/master.key,\n"
            "mode 0600; or comes from a passphrase, which run then needs as well; or, when\n"
            "$CREDENTIALS_DIRECTORY holds one, from the service manager.\n"
            "Nothing that is there already is overwritten.",
        .examples = "  keyholed init\n"
                    "  keyholed init --dir /srv/keyhole --passphrase",
        .option = init_options,
        .run = service_init,
    },
    {
        .name = "run",
        .operands = "",
        .summary = "Run the broker, in the foreground",
        .text =
            "When it serves, it prints one line on standard output:\n"
            "  ready http=127.0.0.1:8437 admin=/…/admin.sock unix=/…/proxy.sock "
            "discharger=http://localhost:8438\n"
            "The discharger fills holes for whoever touches a security key; it runs beside the\n"
            "broker, with state of its own in DIR/discharger.\n"
            "SIGHUP reads the configuration again. SIGTERM lets running requests finish, for as\n"
            "long as the configuration says; a second SIGTERM does not wait.",
        .examples = "  keyholed run\n"
                    "  keyholed run --dir /srv/keyhole --listen 127.0.0.1:0\n"
                    "  keyholed run --no-discharger\n"
                    "  keyholed run --passphrase-fd 3 3< passphrase.txt",
        .option = run_options,
        .run = service_run,
    },
    {
        .name = "check",
        .operands = "",
        .summary = "Read the configuration and say what is wrong",
        .text = "Exit status 0 when the broker would accept it, else 1. A restore that was\n"
                "interrupted in DIR is brought to its end first, as a start does.",
        .examples = "  keyholed check\n"
                    "  keyholed check --config new.yaml && systemctl reload keyholed\n"
                    "  keyholed check --diff\n"
                    "  keyholed check --defaults > keyholed.yaml",
        .option = check_options,
        .json = true,
        .run = service_check,
    },
    {0},
};
