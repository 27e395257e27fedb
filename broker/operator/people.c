/* SPDX-License-Identifier: Apache-2.0 */
/* keyholed user, invite, authenticator: whom the discharger vouches for. */
#include "admin.h"
#include "terminal.h"

#include <stdio.h>
#include <string.h>

/* ---- asking ---- */

// One text member for each of `member`, from the operands in their order.
static enum operator_exit
ask(const struct invocation *invocation, const char *command, const char *const *member,
    json_t **result)
{
    struct admin_request request;
    admin_request_init(&request);
    for (int i = 0; member != NULL && i < invocation->operand_count; i++)
        // A command has a name for each operand that it takes.
        // NOLINTNEXTLINE(clang-analyzer-core.CallAndMessage)
        admin_put_text(&request, member[i], invocation->operand[i]);
    return admin_ask_discharger(invocation->directory, command, &request, result);
}

// Text that somebody else chose, padded to a column.
static void
print_column(const char *text, size_t width)
{
    size_t n = strlen(text);
    terminal_print_safe(stdout, text);
    printf("%*s", n < width ? (int)(width - n) : 2, "");
}

/* ---- users ---- */

static const char *const name_member[] = {"name"};

static void
tell_added(const struct invocation *invocation, json_t *result)
{
    const char *name = admin_text(result, "name");
    (void)invocation;
    fprintf(stderr, "%s is a user, with nothing to prove it yet: keyholed invite %s\n", name, name);
}

static enum operator_exit
user_add(const struct invocation *invocation)
{
    json_t *result = NULL;
    enum operator_exit status = ask(invocation, "user.add", name_member, &result);
    return admin_show(invocation, status, result, tell_added);
}

static void
show_users(const struct invocation *invocation, json_t *result)
{
    const json_t *users = json_object_get(result, "users"), *user;
    size_t i;
    (void)invocation;
    json_array_foreach(users, i, user)
    {
        long long count = (long long)admin_number(user, "authenticators");
        print_column(admin_text(user, "name"), 24);
        printf("%-24s%lld authenticator%s\n", admin_text(user, "created_at"), count,
               count == 1 ? "" : "s");
    }
    if (json_array_size(users) == 0)
        fputs("there are no users: add one with keyholed user add\n", stderr);
}

static enum operator_exit
user_list(const struct invocation *invocation)
{
    json_t *result = NULL;
    enum operator_exit status = ask(invocation, "user.list", NULL, &result);
    return admin_show(invocation, status, result, show_users);
}

static void
tell_removed(const struct invocation *invocation, json_t *result)
{
    const char *name = admin_text(result, "name");
    (void)invocation;
    fprintf(stderr,
            "%s is removed, with all authenticators and invitations: no hole is filled for\n"
            "them any more. Tokens that they hold live on until they expire, or until\n"
            "  keyholed revoke --user %s\n",
            name, name);
}

static enum operator_exit
user_remove(const struct invocation *invocation)
{
    json_t *result = NULL;
    enum operator_exit status = ask(invocation, "user.remove", name_member, &result);
    return admin_show(invocation, status, result, tell_removed);
}

/* ---- invitations ---- */

// The code is not said twice: standard error may go into a log.
static void
show_invitation(const struct invocation *invocation, json_t *result)
{
    const char *user = invocation->operand[0], *page = admin_text(result, "url");
    size_t n = strlen(page), tail = strlen("/enroll");
    int origin = n > tail && strcmp(page + n - tail, "/enroll") == 0 ? (int)(n - tail) : (int)n;
    puts(admin_text(result, "code"));
    fflush(stdout);
    fprintf(stderr,
            "Good once, until %s, for %s to register a security key or an SSH key:\n"
            "  keyhole enroll --discharger %.*s --code CODE\n"
            "  %s in a browser\n",
            admin_text(result, "expires_at"), user, origin, page, page);
}

static enum operator_exit
invite(const struct invocation *invocation)
{
    static const char *const member[] = {"user"};
    json_t *result = NULL;
    enum operator_exit status = ask(invocation, "invite", member, &result);
    return admin_show(invocation, status, result, show_invitation);
}

/* ---- authenticators ---- */

// "YubiKey 5.7.4", "attested", "".
static void
print_model(const json_t *row)
{
    const char *firmware = admin_text(row, "firmware");
    char text[64] = "";
    if (json_is_true(json_object_get(row, "yubikey")))
        snprintf(text, sizeof(text), "YubiKey%s%.32s", firmware[0] != '\0' ? " " : "", firmware);
    else if (json_is_true(json_object_get(row, "attested")))
        snprintf(text, sizeof(text), "attested");
    print_column(text, 16);
}

static void
print_authenticator(const json_t *row)
{
    const char *used = admin_text(row, "used_at"), *cloned = admin_text(row, "cloned_at");
    print_column(admin_text(row, "user"), 16);
    print_column(admin_text(row, "name"), 24);
    print_column(admin_text(row, "kind"), 8);
    print_model(row);
    printf("credential %s  ", admin_text(row, "credential"));
    printf("%s%s", used[0] != '\0' ? "used " : "never used", used);
    if (cloned[0] != '\0')
        printf("  %sblocked since %s: there may be a copy of it%s",
               terminal_colour(stdout, COLOUR_BAD), cloned, terminal_colour(stdout, COLOUR_NONE));
    putchar('\n');
}

static void
show_authenticators(const struct invocation *invocation, json_t *result)
{
    const json_t *list = json_object_get(result, "authenticators"), *row;
    size_t i;
    (void)invocation;
    json_array_foreach(list, i, row)
    {
        print_authenticator(row);
    }
    if (json_array_size(list) == 0)
        fputs("there are no authenticators: keyholed invite USER, and they register one\n", stderr);
}

static enum operator_exit
authenticator_list(const struct invocation *invocation)
{
    struct admin_request request;
    json_t *result = NULL;
    admin_request_init(&request);
    admin_put_text(&request, "user", invocation_value(invocation, "user"));
    enum operator_exit status =
        admin_ask_discharger(invocation->directory, "authenticator.list", &request, &result);
    return admin_show(invocation, status, result, show_authenticators);
}

static void
tell_authenticator_removed(const struct invocation *invocation, json_t *result)
{
    (void)invocation;
    terminal_print_safe(stderr, admin_text(result, "name"));
    fprintf(stderr, " of %s is removed: it fills no hole any more\n", admin_text(result, "user"));
}

static enum operator_exit
authenticator_remove(const struct invocation *invocation)
{
    static const char *const member[] = {"user", "name"};
    json_t *result = NULL;
    enum operator_exit status = ask(invocation, "authenticator.remove", member, &result);
    return admin_show(invocation, status, result, tell_authenticator_removed);
}

/* ---- the table ---- */

static const struct operator_option list_options[] = {
    {"user", 0, "U", false, "those of that user"},
    {0},
};

const struct operator_command people_commands[] = {
    {
        .name = "user add",
        .operands = "NAME",
        .operands_min = 1,
        .operands_max = 1,
        .summary = "Make somebody known to the discharger",
        .text =
            "A name is 1 to 64 letters, digits or \"._@+-\". It is what a hole asks for, as in\n"
            "'user = alice and factor = yubikey for 8h'.",
        .examples = "  keyholed user add alice && keyholed invite alice",
        .json = true,
        .run = user_add,
    },
    {
        .name = "user list",
        .operands = "",
        .summary = "List the users whom the discharger knows",
        .examples = "  keyholed user list\n"
                    "  keyholed user list --json | jq -r '.users[].name'",
        .json = true,
        .run = user_list,
    },
    {
        .name = "user remove",
        .operands = "NAME",
        .operands_min = 1,
        .operands_max = 1,
        .summary = "Forget a user, with every authenticator and invitation",
        .text = "No hole is filled for them from then on. Tokens that they hold already live on\n"
                "until they expire, or until keyholed revoke --user NAME.",
        .examples = "  keyholed user remove alice && keyholed revoke --user alice",
        .json = true,
        .run = user_remove,
    },
    {
        .name = "invite",
        .operands = "NAME",
        .operands_min = 1,
        .operands_max = 1,
        .summary = "Make a single-use code with which a user registers an authenticator",
        .text = "The code stands alone on standard output and is shown once. It is good for ten\n"
                "minutes and for one security key or SSH key; a newer one ends it.",
        .examples = "  CODE=$(keyholed invite alice)\n"
                    "  keyholed invite alice --json | jq -r .url     the page for a browser",
        .json = true,
        .run = invite,
    },
    {
        .name = "authenticator list",
        .operands = "",
        .summary = "List the enrolled security keys and SSH keys",
        .text = "The credential is what the audit log shows in the label of a discharge.",
        .examples = "  keyholed authenticator list --user alice",
        .option = list_options,
        .json = true,
        .run = authenticator_list,
    },
    {
        .name = "authenticator remove",
        .operands = "USER NAME",
        .operands_min = 2,
        .operands_max = 2,
        .summary = "Remove one authenticator of a user: it is lost, or there is a copy of it",
        .examples = "  keyholed authenticator remove alice 'blue key'",
        .json = true,
        .run = authenticator_remove,
    },
    {0},
};
