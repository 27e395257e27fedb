/* SPDX-License-Identifier: Apache-2.0
 *
 * The questions of `keyholed credential add`: a preset from a list, or a host and a slot; a name.
 * The broker judges the answers; only what would make the next question pointless is looked at
 * here.
 */
#include "credential_ask.h"

#include "suggest.h"
#include "terminal.h"

#include <string.h>

static const struct known {
    const char *name, *hosts, *inject;
} presets[] = {
#define KH_PRESET(name_, hosts_, slots_, inject_, basic_user_, environment_, path_exceptions_,     \
                  token_prefix_, doc_, options_, probe_)                                           \
    {.name = (name_), .hosts = (hosts_), .inject = (inject_)},
#include "../../schema/presets.def"
};

enum { PRESETS = sizeof presets / sizeof presets[0], LINE_MAX_COLUMNS = 78 };

static const struct known *
find_preset(const char *name)
{
    for (size_t i = 0; name != NULL && i < PRESETS; i++) {
        if (strcmp(presets[i].name, name) == 0)
            return &presets[i];
    }
    return NULL;
}

static void
print_presets(void)
{
    size_t column = 0;

    fputs("Services that are known here:\n", stderr);
    for (size_t i = 0; i < PRESETS; i++) {
        size_t n = strlen(presets[i].name) + 1;
        if (column + n > LINE_MAX_COLUMNS) {
            fputc('\n', stderr);
            column = 0;
        }
        fprintf(stderr, "%s%s", column == 0 ? "  " : " ", presets[i].name);
        column += n;
    }
    fputc('\n', stderr);
}

static enum kh_err
ask_preset(char out[CREDENTIAL_ANSWER_MAX], struct fault *fault)
{
    print_presets();
    for (;;) {
        enum kh_err err = terminal_read_line("preset (empty: another service)", out,
                                             CREDENTIAL_ANSWER_MAX, fault);
        if (err || out[0] == '\0' || find_preset(out))
            return err;
        struct suggestion suggestion;
        suggest_init(&suggestion, out);
        for (size_t i = 0; i < PRESETS; i++)
            suggest_offer(&suggestion, presets[i].name);
        fprintf(stderr, "there is no such preset%s%s%s\n", suggestion.best ? "; did you mean " : "",
                suggestion.best ? suggestion.best : "", suggestion.best ? "?" : "");
    }
}

static enum kh_err
ask_until_given(const char *prompt, char out[CREDENTIAL_ANSWER_MAX], struct fault *fault)
{
    enum kh_err err;

    do {
        err = terminal_read_line(prompt, out, CREDENTIAL_ANSWER_MAX, fault);
    } while (!err && out[0] == '\0');
    return err;
}

static bool
has_host(const struct invocation *invocation)
{
    return invocation_values(invocation, "host")->count > 0;
}

bool
credential_is_open(const struct invocation *invocation)
{
    const struct known *preset = find_preset(invocation_value(invocation, "preset"));

    if (invocation->operand_count == 0)
        return true;
    if (invocation_value(invocation, "preset") == NULL)
        return !has_host(invocation);
    return preset && preset->hosts[0] == '\0' && !has_host(invocation);
}

static enum kh_err
ask_places(const struct invocation *invocation, const struct known *preset,
           struct credential_answers *out, struct fault *fault)
{
    enum kh_err err = KH_OK;

    if (!has_host(invocation) && (preset == NULL || preset->hosts[0] == '\0'))
        err = ask_until_given("host that the key may go to", out->host, fault);
    if (err || preset || invocation_values(invocation, "slot")->count > 0 ||
        invocation_value(invocation, "inject"))
        return err;
    err = terminal_read_line("where clients put their key: bearer, basic, header:NAME, query:NAME "
                             "(empty: bearer)",
                             out->slot, CREDENTIAL_ANSWER_MAX, fault);
    if (!err && out->slot[0] == '\0')
        strcpy(out->slot, "bearer");
    return err;
}

static enum kh_err
ask_name(const struct known *preset, char out[CREDENTIAL_ANSWER_MAX], struct fault *fault)
{
    char prompt[CREDENTIAL_ANSWER_MAX];

    if (preset == NULL)
        return ask_until_given("name of the credential", out, fault);
    snprintf(prompt, sizeof prompt, "name of the credential (empty: %s)", preset->name);
    enum kh_err err = terminal_read_line(prompt, out, CREDENTIAL_ANSWER_MAX, fault);
    if (!err && out[0] == '\0')
        snprintf(out, CREDENTIAL_ANSWER_MAX, "%s", preset->name);
    return err;
}

enum kh_err
credential_ask(const struct invocation *invocation, struct credential_answers *out,
               struct fault *fault)
{
    const char *given = invocation_value(invocation, "preset");
    enum kh_err err = KH_OK;

    *out = (struct credential_answers){0};
    if (given == NULL && !has_host(invocation))
        err = ask_preset(out->preset, fault);
    const struct known *preset = find_preset(given ? given : out->preset);
    // A private key is many lines: none that a prompt could take.
    if (!err && preset && strcmp(preset->inject, "jwt") == 0)
        return fault_set(fault, KH_ERR_USAGE,
                         "the secret of %s is a file: keyholed credential add NAME --preset %s "
                         "< FILE",
                         preset->name, preset->name);
    if (!err)
        err = ask_places(invocation, preset, out, fault);
    if (!err && invocation->operand_count == 0)
        err = ask_name(preset, out->name, fault);
    return err;
}
