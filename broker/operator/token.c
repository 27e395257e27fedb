/* SPDX-License-Identifier: Apache-2.0 */
/* keyholed mint and revoke. */
#include "admin.h"
#include "secret_input.h"
#include "terminal.h"
#include "values.h"

#include "../../caveats/token.h"

#include <stdio.h>
#include <string.h>

/* ---- mint ---- */

static void
tell_holes(const json_t *result)
{
    size_t i;
    const json_t *hole, *holes = json_object_get(result, "holes");
    json_array_foreach(holes, i, hole)
    {
        fputs("hole: ", stderr);
        terminal_print_safe(stderr, json_is_string(hole) ? json_string_value(hole) : "");
        fputc('\n', stderr);
    }
    size_t count = json_array_size(holes);
    if (count > 0)
        fprintf(stderr, "It is worth nothing before %s filled at %s: keyhole discharge\n",
                count == 1 ? "the hole is" : "they are", admin_text(result, "discharger"));
}

static void
show_token(const struct invocation *invocation, json_t *result)
{
    (void)invocation;
    puts(admin_text(result, "token"));
    fprintf(stderr, "token %s for %s, until %s\n", admin_text(result, "token_id"),
            admin_text(result, "user"), admin_text(result, "expires_at"));
    tell_holes(result);
}

static enum operator_exit
mint_run(const struct invocation *invocation)
{
    struct fault fault = {0};
    struct admin_request request;
    json_t *result = NULL;
    int64_t lifetime = 0;
    const char *lifetime_text = invocation_value(invocation, "for");
    if (invocation_values(invocation, "credential")->count == 0)
        return usage_fault(invocation, "--credential is missing");
    if (lifetime_text != NULL && value_duration_s(lifetime_text, &lifetime, &fault) != KH_OK)
        return usage_fault(invocation, "--for: %s", fault.detail);
    admin_request_init(&request);
    admin_put_list(&request, "credentials", invocation_values(invocation, "credential"));
    admin_put_text(&request, "user", invocation_value(invocation, "user"));
    if (lifetime_text != NULL)
        admin_put(&request, "lifetime_s", json_integer(lifetime));
    admin_put_list(&request, "caveats", invocation_values(invocation, "caveat"));
    admin_put_text(&request, "prefix", invocation_value(invocation, "prefix"));
    admin_put_list(&request, "holes", invocation_values(invocation, "hole"));
    admin_put_text(&request, "discharger", invocation_value(invocation, "discharger"));
    enum operator_exit status = admin_ask(invocation->directory, "mint", &request, &result);
    return admin_show(invocation, status, result, show_token);
}

/* ---- revoke ---- */

// What "TOKEN-OR-ID" is: a token has the mark in it, an id is 32 hexadecimal digits.
static enum operator_exit
put_token_or_id(const struct invocation *invocation, struct bytes text, bool lineage,
                struct admin_request *request)
{
    uint8_t id[TOKEN_ID_SIZE];
    if (token_is_shaped(text)) {
        admin_put_bytes(request, "token", text);
        if (lineage)
            admin_put(request, "lineage", json_true());
        return EXIT_DONE;
    }
    if (bytes_from_hex(text, id, sizeof(id))) {
        admin_put_bytes(request, lineage ? "lineage" : "id", text);
        return EXIT_DONE;
    }
    // Not repeated: what is no token may be a key that was pasted into the wrong window.
    return usage_fault(invocation,
                       "that is neither a token (…%s…) nor an id of 32 hexadecimal "
                       "digits",
                       TOKEN_MARK);
}

static enum operator_exit
put_from_operand(const struct invocation *invocation, struct admin_request *request)
{
    bool lineage = invocation_flag(invocation, "lineage");
    BUFFER_AUTO text;
    buffer_init_secret(&text, TERMINAL_SECRET_MAX);
    enum operator_exit status = secret_input_token(invocation->operand[0], &text);
    if (status != EXIT_DONE)
        return status;
    return put_token_or_id(invocation, bytes_trim(buffer_bytes(&text)), lineage, request);
}

static enum operator_exit
put_what_to_revoke(const struct invocation *invocation, struct admin_request *request)
{
    static const char *const options[][2] = {
        {"user", "user"}, {"credential", "credential"}, {"minted-before", "minted_before"}};
    int given = invocation->operand_count;
    for (size_t i = 0; i < 3; i++)
        given += invocation_flag(invocation, options[i][0]);
    if (given != 1)
        return usage_fault(invocation, "%s",
                           given == 0 ? "what is to be revoked is missing"
                                      : "one thing at a time: a token, a user, a credential or a "
                                        "date");
    if (invocation->operand_count == 1)
        return put_from_operand(invocation, request);
    if (invocation_flag(invocation, "lineage"))
        return usage_fault(invocation, "--lineage goes with a token or a lineage id");
    const char *before = invocation_value(invocation, "minted-before");
    int64_t moment;
    struct fault fault = {0};
    if (before != NULL && value_time(before, &moment, &fault) != KH_OK)
        return usage_fault(invocation, "--minted-before: %s", fault.detail);
    for (size_t i = 0; i < 3; i++)
        admin_put_text(request, options[i][1], invocation_value(invocation, options[i][0]));
    return EXIT_DONE;
}

static void
tell_revoked(const struct invocation *invocation, json_t *result)
{
    (void)invocation;
    fputs("revoked: ", stderr);
    terminal_print_safe(stderr, admin_text(result, "revoked"));
    fputc('\n', stderr);
}

static enum operator_exit
revoke_run(const struct invocation *invocation)
{
    struct admin_request request;
    json_t *result = NULL;
    admin_request_init(&request);
    enum operator_exit status = put_what_to_revoke(invocation, &request);
    if (status != EXIT_DONE) {
        json_decref(request.object);
        return status;
    }
    status = admin_ask(invocation->directory, "revoke", &request, &result);
    return admin_show(invocation, status, result, tell_revoked);
}

/* ---- the table ---- */

static const struct operator_option mint_options[] = {
    {"credential", 0, "NAME", true, "what the token is for"},
    {"user", 0, "U", false, "for whom it is minted, as the audit log will say"},
    {"for", 0, "TIME", false,
     "how long it lives: 15m, 12h, 7d (default 12h, or less where the policy's grant says so)"},
    {"caveat", 0, "TEXT", true, "a condition on every request, as 'method in GET, HEAD'"},
    {"hole", 0, "SPEC", true,
     "what somebody has to vouch for first, as 'user = alice and factor = yubikey for 8h'"},
    {"discharger", 0, "NAME", false, "who fills the holes (default: the broker's default)"},
    {"prefix", 0, "P", false, "a vendor's prefix, for clients that look at the shape of their key"},
    {0},
};

static const struct operator_option revoke_options[] = {
    {"lineage", 0, NULL, false, "this token and what was made from it; its siblings live on"},
    {"user", 0, "U", false, "every token minted for that user so far"},
    {"credential", 0, "C", false, "every token for that credential so far"},
    {"minted-before", 0, "TIME", false, "every token minted before, as 2026-12-01T00:00:00Z"},
    {0},
};

const struct operator_command token_commands[] = {
    {
        .name = "mint",
        .operands = "",
        .summary = "Mint a token; it stands alone on standard output",
        .text =
            "Whoever holds the token can narrow it further with keyhole attenuate, without the\n"
            "broker.\n"
            "A token with a hole is worth nothing before the hole is filled, with keyhole\n"
            "discharge, by whoever it names. Under a policy the holes that the user's grant "
            "demands\n"
            "are minted in any case.",
        .examples =
            "  TOKEN=$(keyholed mint --credential openai --for 8h)\n"
            "  keyholed mint --credential github --user alice --caveat 'method in GET, HEAD'\n"
            "  keyholed mint --credential anthropic --prefix sk-ant- --for 15m\n"
            "  keyholed mint --credential stripe --user alice \\\n"
            "    --hole 'user = alice and factor = yubikey for 8h'",
        .option = mint_options,
        .json = true,
        .run = mint_run,
    },
    {
        .name = "revoke",
        .operands = "[TOKEN-OR-ID | -]",
        .operands_max = 1,
        .summary = "End tokens, at once, with everything made from them",
        .text = "With - the token or id is read from standard input. A token that is given as an\n"
                "argument is revoked as well, with a warning: every user of the machine sees\n"
                "arguments. Running requests are cut.",
        .examples = "  echo \"$TOKEN\" | keyholed revoke -\n"
                    "  echo \"$NARROWED\" | keyholed revoke - --lineage\n"
                    "  keyholed revoke --user alice\n"
                    "  keyholed revoke --minted-before 2026-12-01T00:00:00Z",
        .option = revoke_options,
        .json = true,
        .run = revoke_run,
    },
    {0},
};
