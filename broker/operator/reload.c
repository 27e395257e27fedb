/* SPDX-License-Identifier: Apache-2.0 */
/* keyholed reload, and what check --diff shows. */
#include "reload.h"

#include "admin.h"
#include "terminal.h"

#include <string.h>

enum { NAME_WIDTH = 26 };

static void
print_value(const char *value)
{
    if (value[0] == '\0')
        fputs("(none)", stdout);
    else
        terminal_print_safe(stdout, value);
}

// An outcome is one word, or "failed: " and why.
static void
print_outcome(const char *outcome, bool look)
{
    bool applied = strcmp(outcome, "applied") == 0, restart = strcmp(outcome, "restart") == 0;
    fputs(terminal_colour(stdout, applied   ? COLOUR_GOOD
                                  : restart ? COLOUR_STRONG
                                            : COLOUR_BAD),
          stdout);
    if (applied)
        fputs(look ? "by a reload" : "applied", stdout);
    else if (restart)
        fputs(look ? "by a restart" : "needs a restart", stdout);
    else
        terminal_print_safe(stdout, outcome);
    fputs(terminal_colour(stdout, COLOUR_NONE), stdout);
}

static bool
is_failure(const json_t *change)
{
    return strncmp(admin_text(change, "outcome"), "failed", 6) == 0;
}

static void
print_changes(const json_t *changes, bool look)
{
    size_t i;
    const json_t *change;
    json_array_foreach(changes, i, change)
    {
        printf("%-*s", NAME_WIDTH, admin_text(change, "setting"));
        print_value(admin_text(change, "old"));
        fputs(" -> ", stdout);
        print_value(admin_text(change, "new"));
        fputs("   ", stdout);
        print_outcome(admin_text(change, "outcome"), look);
        putchar('\n');
    }
}

enum operator_exit
reload_ask(const struct invocation *invocation, bool look)
{
    json_t *result = NULL;
    bool is_discharger = false;
    enum operator_exit status = admin_ask_either(
        invocation->directory, look ? "config.diff" : "config.reload", &result, &is_discharger);
    if (status != EXIT_DONE)
        return status;
    const json_t *changes = json_object_get(result, "changes"), *change;
    size_t i;
    json_array_foreach(changes, i, change)
    {
        if (is_failure(change))
            status = EXIT_FAILED;
    }
    if (invocation->json) {
        admin_print_json(result);
    } else {
        print_changes(changes, look);
        const char *file = admin_text(result, "file");
        fprintf(stderr, "%s%s%s\n", look ? "" : "reloaded ",
                file[0] != '\0' ? file : "the defaults",
                json_array_size(changes) == 0 ? look ? ": as in effect" : ": nothing changed" : "");
    }
    json_decref(result);
    return status;
}

static enum operator_exit
reload_run(const struct invocation *invocation)
{
    return reload_ask(invocation, false);
}

const struct operator_command reload_commands[] = {
    {
        .name = "reload",
        .operands = "",
        .summary = "Have the running broker read its configuration again, and say what changed",
        .text =
            "A line for each setting that changed: what it was, what it is, and whether it is in\n"
            "effect or waits for a restart. A file with a mistake is refused with its line, and\n"
            "the configuration stays as it was: exit status 1. SIGHUP does the same, and tells\n"
            "the log. keyholed check --diff shows it beforehand. A discharger that runs alone "
            "reads\n"
            "its own again in the same way.",
        .examples = "  keyholed reload\n"
                    "  keyholed check --diff && keyholed reload",
        .json = true,
        .run = reload_run,
    },
    {0},
};
