/* SPDX-License-Identifier: Apache-2.0 */
/* keyholed status. */
#include "status.h"
#include "admin.h"
#include "terminal.h"
#include "values.h"

#include "../../caveats/timestamp.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { WATCH_MAX_S = 86400 };

/* ---- a discharger that runs alone ---- */

static void
print_row(const char *label, const char *text)
{
    printf("%-14s", label);
    terminal_print_safe(stdout, text);
    putchar('\n');
}

static void
print_count(const char *label, int64_t number)
{
    printf("%-14s%lld\n", label, (long long)number);
}

static void
print_started(const json_t *result)
{
    const char *started = admin_text(result, "started_at");
    char span[48] = "", text[96];
    int64_t since;
    if (timestamp_parse(bytes_str(started), &since))
        value_print_span((int64_t)time(NULL) - since, span, sizeof(span));
    snprintf(text, sizeof(text), "%.24s%s%s", started, span[0] != '\0' ? ", for " : "", span);
    print_row("running since", text);
}

// It runs alone: what there is of a broker is not to be looked for.
static void
print_discharger(const json_t *result)
{
    static const struct {
        const char *label, *member;
    } counts[] = {{"users", "users"},          {"enrolled keys", "authenticators"},
                  {"questions", "questions"},  {"discharges", "discharges"},
                  {"declines", "declines"},    {"failures", "failures"},
                  {"enrolments", "enrolments"}};
    char address[512];
    print_row("running", "the discharger alone, without a broker");
    print_row("version", admin_text(result, "version"));
    print_started(result);
    (void)snprintf(address, sizeof(address), "%.250s#%.250s", admin_text(result, "url"),
                   admin_text(result, "public_key"));
    print_row("address", address);
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
        print_count(counts[i].label, admin_number(result, counts[i].member));
}

/* ---- the broker's ---- */

static enum operator_exit
show_broker(const struct invocation *invocation, json_t *result, bool redraw)
{
    struct screen screen;
    int64_t now = (int64_t)time(NULL);
    BUFFER_AUTO text;
    buffer_init(&text, STATUS_OUTPUT_MAX);
    status_complete(invocation->directory, now, result);
    bool ok = json_is_true(json_object_get(json_object_get(result, "health"), "ok"));
    if (invocation->json) {
        admin_print_json(result);
    } else {
        terminal_look(stdout, &screen);
        status_print(result, &screen, now, &text);
        fputs(redraw && screen.terminal ? "\033[H\033[2J" : "", stdout);
        fputs(buffer_text(&text), stdout);
    }
    return ok ? EXIT_DONE : EXIT_FAILED;
}

static enum operator_exit
show_once(const struct invocation *invocation, bool redraw)
{
    json_t *result = NULL;
    bool is_discharger = false;
    enum operator_exit status =
        admin_ask_either(invocation->directory, "status", &result, &is_discharger);
    if (status != EXIT_DONE)
        return status;
    json_object_set_new(result, "role", json_string(is_discharger ? "discharger" : "broker"));
    if (!is_discharger)
        status = show_broker(invocation, result, redraw);
    else if (invocation->json)
        admin_print_json(result);
    else
        print_discharger(result);
    json_decref(result);
    fflush(stdout);
    return status;
}

static volatile sig_atomic_t over;

static void
on_signal(int number)
{
    (void)number;
    over = 1;
}

static enum operator_exit
status_run(const struct invocation *invocation)
{
    const char *every = invocation_value(invocation, "watch");
    struct fault fault = {0};
    struct sigaction action = {.sa_handler = on_signal};
    int64_t seconds = 0;
    if (every == NULL)
        return show_once(invocation, false);
    if (value_duration_s(every, &seconds, &fault) != KH_OK || seconds > WATCH_MAX_S)
        return usage_fault(invocation, "--watch takes a time from 1s to 1d, as 2s");
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    while (!over && !ferror(stdout)) {
        // A broker that is started again is waited for: why there is none stands on standard error.
        (void)show_once(invocation, true);
        poll(NULL, 0, (int)seconds * 1000);
    }
    return EXIT_DONE;
}

static const struct operator_option status_options[] = {
    {"watch", 0, "TIME", false, "again and again, as 2s, until ^C"},
    {0},
};

const struct operator_command status_commands[] = {
    {
        .name = "status",
        .operands = "",
        .summary = "Show how the broker is: whether all is well, and what to do",
        .text =
            "Listeners, processes, requests of the last hour, credentials, keys, the audit log.\n"
            "Exit status 1 when something is wrong or no broker runs, so that a script can tell.\n"
            "Where a discharger runs alone, how that is (\"role\" in the JSON says which).",
        .examples = "  keyholed status\n"
                    "  keyholed status --watch 2s\n"
                    "  keyholed status --json | jq .health",
        .option = status_options,
        .json = true,
        .run = status_run,
    },
    {0},
};
