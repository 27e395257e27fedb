/* SPDX-License-Identifier: Apache-2.0 */
/* keyholed status. */
#include "admin.h"
#include "health.h"
#include "terminal.h"
#include "values.h"

#include "../../caveats/timestamp.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

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

static void
print_processes(const json_t *processes)
{
    size_t i;
    const json_t *process;
    json_array_foreach(processes, i, process)
    {
        bool running = json_is_true(json_object_get(process, "running"));
        const char *note = admin_text(process, "note");
        char name[64];
        snprintf(name, sizeof(name), "%.32s %lld", admin_text(process, "role"),
                 (long long)admin_number(process, "index"));
        printf("%-14s%-14s%s%-8s%s", i == 0 ? "processes" : "", name,
               terminal_colour(stdout, running ? COLOUR_GOOD : COLOUR_BAD),
               running ? "running" : "down", terminal_colour(stdout, COLOUR_NONE));
        printf("  pid %-8lld", (long long)admin_number(process, "pid"));
        if (admin_number(process, "restarts") > 0)
            printf("restarts %lld", (long long)admin_number(process, "restarts"));
        if (note[0] != '\0') {
            fputs(", last: ", stdout);
            terminal_print_safe(stdout, note);
        }
        putchar('\n');
    }
}

static void
print_listeners(const json_t *listeners)
{
    size_t i;
    const json_t *listener;
    json_array_foreach(listeners, i, listener)
        print_row(i == 0 ? "listeners" : "",
                  json_string_value(listener) != NULL ? json_string_value(listener) : "");
}

static void
print_dischargers(const json_t *dischargers)
{
    size_t i;
    const json_t *discharger;
    char text[512];
    json_array_foreach(dischargers, i, discharger)
    {
        snprintf(text, sizeof(text), "%-13.64s %.250s", admin_text(discharger, "name"),
                 admin_text(discharger, "url"));
        print_row(i == 0 ? "dischargers" : "", text);
    }
}

static void
print_refused(const char *label, const json_t *refused, const char *member,
              void (*print)(const json_t *counted, char *out, size_t cap))
{
    size_t i;
    const json_t *credential;
    json_array_foreach(refused, i, credential)
    {
        char text[200];
        print(json_object_get(credential, member), text, sizeof(text));
        printf("%-14s%s", i == 0 ? label : "", terminal_colour(stdout, COLOUR_BAD));
        terminal_print_safe(stdout, admin_text(credential, "name"));
        printf("%s: %s\n", terminal_colour(stdout, COLOUR_NONE), text);
    }
}

static void
print_status(const json_t *result)
{
    const json_t *decisions = json_object_get(result, "decisions");
    const json_t *audit = json_object_get(result, "audit");
    print_row("version", admin_text(result, "version"));
    print_started(result);
    print_listeners(json_object_get(result, "listeners"));
    print_processes(json_object_get(result, "processes"));
    print_dischargers(json_object_get(result, "dischargers"));
    print_count("credentials", admin_number(result, "credentials"));
    print_refused("keys refused", json_object_get(result, "keys_refused"), "refused_by_upstream",
                  health_print);
    print_refused("token answers", json_object_get(result, "token_answers_refused"),
                  "token_answers_refused", health_print_token_answers);
    print_count("root keys", admin_number(result, "keys"));
    print_count("tokens minted", admin_number(result, "tokens_minted"));
    print_count("revocations", admin_number(result, "revocations"));
    printf("%-14s%s%lld allowed%s, %s%lld denied%s\n", "decisions",
           terminal_colour(stdout, COLOUR_GOOD), (long long)admin_number(decisions, "allow"),
           terminal_colour(stdout, COLOUR_NONE), terminal_colour(stdout, COLOUR_BAD),
           (long long)admin_number(decisions, "deny"), terminal_colour(stdout, COLOUR_NONE));
    print_row("audit", admin_text(audit, "file"));
    printf("%-14s%lld:%s\n", "audit head", (long long)admin_number(audit, "seq"),
           admin_text(audit, "hash"));
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

static enum operator_exit
status_run(const struct invocation *invocation)
{
    json_t *result = NULL;
    bool is_discharger = false;
    enum operator_exit status =
        admin_ask_either(invocation->directory, "status", &result, &is_discharger);
    if (status != EXIT_DONE)
        return status;
    json_object_set_new(result, "role", json_string(is_discharger ? "discharger" : "broker"));
    if (invocation->json)
        admin_print_json(result);
    else if (is_discharger)
        print_discharger(result);
    else
        print_status(result);
    json_decref(result);
    return EXIT_DONE;
}

const struct operator_command status_commands[] = {
    {
        .name = "status",
        .operands = "",
        .summary = "Show how the broker is: listeners, processes, counts",
        .text = "Where a discharger runs alone, how that is (\"role\" in the JSON says which).",
        .examples = "  keyholed status\n"
                    "  keyholed status --json | jq .decisions",
        .json = true,
        .run = status_run,
    },
    {0},
};
