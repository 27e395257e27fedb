/* SPDX-License-Identifier: Apache-2.0 */
/* Credentials on standard output, for people. */
#include "credential_print.h"

#include "health.h"
#include "terminal.h"

#include <stdio.h>
#include <string.h>

static void
print_texts(const char *label, const json_t *list)
{
    size_t i;
    const json_t *item;
    json_array_foreach(list, i, item)
    {
        fprintf(stdout, "%-16s", i == 0 ? label : "");
        char number[32];
        const char *text = json_string_value(item);
        if (text == NULL) {
            snprintf(number, sizeof(number), "%lld", (long long)json_integer_value(item));
            text = number;
        }
        terminal_print_safe(stdout, text);
        putchar('\n');
    }
}

// Objects that are a sentence for people.
static const struct {
    const char *member, *label;
    void (*print)(const json_t *value, char *text, size_t size);
} troubles[] = {
    {"refused_by_upstream", "key", health_print},
    {"token_answers_refused", "token answers", health_print_token_answers},
};

static void
print_member(const char *member, const json_t *value)
{
    char label[32];
    snprintf(label, sizeof(label), "%.30s", member);
    for (char *p = label; *p != '\0'; p++)
        if (*p == '_')
            *p = ' ';
    if (json_is_array(value)) {
        print_texts(label, value);
        return;
    }
    for (size_t i = 0; i < sizeof(troubles) / sizeof(troubles[0]); i++) {
        if (strcmp(member, troubles[i].member) != 0)
            continue;
        char text[200];
        troubles[i].print(value, text, sizeof(text));
        printf("%-16s%s%s%s\n", troubles[i].label, terminal_colour(stdout, COLOUR_BAD), text,
               terminal_colour(stdout, COLOUR_NONE));
        return;
    }
    fprintf(stdout, "%-16s", label);
    if (json_is_string(value))
        terminal_print_safe(stdout, strstr(json_string_value(value), "-----BEGIN") == NULL
                                        ? json_string_value(value)
                                        : "PEM");
    else if (json_is_integer(value))
        printf("%lld", (long long)json_integer_value(value));
    else if (json_is_boolean(value))
        fputs(json_is_true(value) ? "yes" : "no", stdout);
    putchar('\n');
}

// Whatever the broker says of a credential, so that a newer broker's members show as well.
void
credential_print(const struct invocation *invocation, json_t *credential)
{
    (void)invocation;
    const char *member;
    json_t *value;
    json_object_foreach(credential, member, value)
    {
        bool empty = json_is_null(value) || (json_is_array(value) && json_array_size(value) == 0) ||
                     (json_is_string(value) && json_string_length(value) == 0);
        if (!empty)
            print_member(member, value);
    }
}

static void
print_row(const json_t *credential)
{
    const json_t *hosts = json_object_get(credential, "hosts");
    const json_t *enabled = json_object_get(credential, "enabled");
    bool off = json_is_false(enabled);
    printf("%-20s%s%-10s%s", admin_text(credential, "name"),
           terminal_colour(stdout, off ? COLOUR_BAD : COLOUR_GOOD), off ? "disabled" : "enabled",
           terminal_colour(stdout, COLOUR_NONE));
    size_t i;
    const json_t *host;
    json_array_foreach(hosts, i, host)
    {
        if (i > 0)
            putchar(' ');
        terminal_print_safe(stdout, json_string_value(host) != NULL ? json_string_value(host) : "");
    }
    char text[200];
    health_print(json_object_get(credential, "refused_by_upstream"), text, sizeof(text));
    if (text[0] != '\0')
        printf("  %s%s%s", terminal_colour(stdout, COLOUR_BAD), text,
               terminal_colour(stdout, COLOUR_NONE));
    putchar('\n');
}

void
credential_print_list(const struct invocation *invocation, json_t *result)
{
    const json_t *list = json_object_get(result, "credentials"), *credential;
    size_t i;
    (void)invocation;
    json_array_foreach(list, i, credential)
    {
        print_row(credential);
    }
    if (json_array_size(list) == 0)
        fputs("there are no credentials: add one with keyholed credential add\n", stderr);
}

void
credential_print_trial(const struct invocation *invocation, json_t *result)
{
    bool accepted = json_is_true(json_object_get(result, "accepted"));
    (void)invocation;
    printf("%s%s%s: ", terminal_colour(stdout, accepted ? COLOUR_GOOD : COLOUR_BAD),
           admin_text(result, "outcome"), terminal_colour(stdout, COLOUR_NONE));
    terminal_print_safe(stdout, admin_text(result, "detail"));
    fputs(" (", stdout);
    terminal_print_safe(stdout, admin_text(result, "request"));
    if (admin_number(result, "status") > 0)
        printf(" answered %lld", (long long)admin_number(result, "status"));
    puts(")");
}
