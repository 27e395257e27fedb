/* SPDX-License-Identifier: Apache-2.0
 *
 * keyhole enroll
 */
#include "../caveats/json_print.h"
#include "../caveats/text.h"
#include "commands.h"
#include "discharge_options.h"
#include "enroll.h"
#include "terminal.h"

#include <jansson.h>
#include <string.h>
#include <unistd.h>

enum { OPTION_CODE = 1, OPTION_NAME, OPTION_SSH, OPTION_BROWSER, OPTION_JSON };

const struct option_spec command_enroll_options[] = {
    {OPTION_CODE, "code", "CODE|-", false,
     "the code of the invitation, or - for standard input; else it is asked for at the terminal"},
    {OPTION_NAME, "name", "NAME", false,
     "what to call it, among one's own; else \"key 1\" and so on"},
    {OPTION_SSH, "ssh", NULL, false,
     "an SSH key instead of a security key: the KEYFILE, else the only one of ssh-agent or ~/.ssh"},
    {OPTION_BROWSER, "browser", NULL, false, "show the page on which a browser does it"},
    DISCHARGE_OPTIONS_FIDO,
    DISCHARGE_OPTIONS_TRUST,
    {OPTION_JSON, "json", NULL, false, "one JSON object, for programs"},
    {0},
};

// ---- where, and with which code ----

static enum kh_err
enroll_find_discharger(struct discharge_settings *settings, const char **url, struct fault *fault)
{
    struct dischargers *list = settings->trusted;
    struct fault why = {.err = KH_OK};
    // Its own are the broker's first word, and what one gave oneself comes before that.
    if (list->count == 0 && settings->broker != NULL &&
        dischargers_ask_broker(list, settings->broker, settings->ca_file, &why) != KH_OK)
        return fault_set(fault, why.err, "which discharger? The broker does not say: %s",
                         why.detail);
    if (list->count == 0)
        return fault_set(fault, KH_ERR_USAGE,
                         "which discharger? Give --discharger or --broker, or see keyhole help "
                         "trust");
    if (list->count > 1 && list->source[0] == DISCHARGERS_FILE)
        return fault_set(fault, KH_ERR_USAGE,
                         "you trust several dischargers: say which with --discharger (keyhole "
                         "trust --list)");
    *url = list->entry[0].url;
    return KH_OK;
}

static enum kh_err
enroll_read_code(const struct cli *cli, const struct options *options, struct buffer *out,
                 struct fault *fault)
{
    const char *given = options_value(options, OPTION_CODE);
    char line[TERMINAL_LINE_MAX];
    enum kh_err err = KH_OK;
    if (given == NULL) {
        err = terminal_ask("Code of the invitation: ", false, out, fault);
        if (err == KH_ERR_NOT_FOUND)
            err = fault_set(fault, KH_ERR_USAGE, "which invitation? Give its --code");
    } else if (strcmp(given, "-") == 0) {
        if (fgets(line, sizeof line, cli->in) != NULL)
            buffer_put_str(out, line);
        wipe(line, sizeof line);
    } else {
        buffer_put_str(out, given);
    }
    while (out->n > 0 && strchr(" \t\r\n", out->p[out->n - 1]) != NULL)
        out->n--;
    if (err == KH_OK && (out->n == 0 || out->failed))
        err = fault_set(fault, KH_ERR_USAGE, "the code is empty, or too long");
    return err;
}

// ---- the result ----

static void
enroll_say(const struct cli *cli, const struct enroll_result *result)
{
    BUFFER_AUTO text;
    buffer_init(&text, 4096);
    buffer_put_str(&text, "enrolled: ");
    text_put_safe(&text, bytes_str(result->name));
    buffer_put_str(&text, " of ");
    text_put_safe(&text, bytes_str(result->user));
    buffer_put_str(&text, result->yubikey    ? ", a YubiKey by its attestation"
                          : result->attested ? ", attested by its maker"
                                             : ", without an attestation");
    if (result->model[0] != '\0') {
        buffer_put_str(&text, ", ");
        text_put_safe(&text, bytes_str(result->model));
    }
    if (result->firmware[0] != '\0') {
        buffer_put_str(&text, ", firmware ");
        text_put_safe(&text, bytes_str(result->firmware));
    }
    cli_say(cli, "%s", buffer_text(&text));
}

static enum cli_exit
enroll_print_json(const struct cli *cli, const struct enroll_result *result)
{
    BUFFER_AUTO out;
    buffer_init(&out, 8192);
    json_t *object =
        json_pack("{s:s, s:s, s:s, s:b, s:b}", "user", result->user, "name", result->name, "kind",
                  result->kind, "attested", result->attested, "yubikey", result->yubikey);
    if (result->model[0] != '\0')
        json_object_set_new(object, "model", json_string(result->model));
    if (result->firmware[0] != '\0')
        json_object_set_new(object, "firmware", json_string(result->firmware));
    json_print(object, JSON_ENSURE_ASCII, &out);
    json_decref(object);
    buffer_put_byte(&out, '\n');
    return cli_result(cli, &out);
}

static enum cli_exit
enroll_by_browser(const struct cli *cli, const char *url)
{
    BUFFER_AUTO out;
    buffer_init(&out, DISCHARGER_URL_MAX + 16);
    buffer_printf(&out, "%s/enroll\n", url);
    cli_say(cli, "open this page, and type the code of the invitation there");
    return cli_result(cli, &out);
}

static enum cli_exit
enroll_with(const struct cli *cli, const struct options *options, struct discharge_setup *setup,
            struct enrolment *enrolment, struct fault *fault)
{
    struct enroll_result result;
    struct buffer code;
    buffer_init_secret(&code, TERMINAL_LINE_MAX);
    enum kh_err err = enroll_read_code(cli, options, &code, fault);
    enrolment->code = buffer_text(&code);
    if (err == KH_OK)
        err = enroll_run(&setup->settings, enrolment, &result, fault);
    buffer_free(&code);
    if (err != KH_OK)
        return cli_fail(cli, fault);
    enroll_say(cli, &result);
    return options_has(options, OPTION_JSON) ? enroll_print_json(cli, &result) : CLI_DONE;
}

enum cli_exit
command_enroll(struct cli *cli, const struct options *options)
{
    struct fault fault = {.err = KH_ERR_INTERNAL};
    struct discharge_setup setup;
    bool ssh = options_has(options, OPTION_SSH), browser = options_has(options, OPTION_BROWSER);
    struct enrolment enrolment = {.kind = ssh ? ENROLL_SSH : ENROLL_FIDO2,
                                  .name = options_value(options, OPTION_NAME)};
    if (options->positional_count > ssh || (ssh && browser)) {
        fault_set(&fault, KH_ERR_USAGE,
                  "one way, and a KEYFILE with --ssh alone; the code is given as --code CODE");
        return cli_fail(cli, &fault);
    }
    if (discharge_setup_read(cli, options, &setup, &fault) != KH_OK)
        return cli_fail(cli, &fault);
    if (options->positional_count == 1)
        setup.settings.ssh_key = options->positional[0];
    enum cli_exit status;
    if (enroll_find_discharger(&setup.settings, &enrolment.url, &fault) != KH_OK)
        status = cli_fail(cli, &fault);
    else if (browser)
        status = enroll_by_browser(cli, enrolment.url);
    else
        status = enroll_with(cli, options, &setup, &enrolment, &fault);
    discharge_setup_free(&setup);
    return status;
}
