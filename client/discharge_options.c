/* SPDX-License-Identifier: Apache-2.0
 *
 * Options of the commands that fill holes, and their result.
 */
#include "discharge_options.h"

#include "../caveats/json_print.h"
#include "../caveats/timestamp.h"
#include "moment.h"
#include "monotonic.h"

#include <limits.h>

enum { DISCHARGE_TIMEOUT_S = 300, DISCHARGE_TIMEOUT_MOST_S = 3600 };

static enum kh_err
discharge_read_timeout(const struct options *options, int64_t *deadline_ms, struct fault *fault)
{
    const char *text = options_value(options, DISCHARGE_OPTION_TIMEOUT);
    int64_t seconds = DISCHARGE_TIMEOUT_S;
    if (text != NULL && moment_read_span(bytes_str(text), &seconds, fault) != KH_OK) {
        fault_prefix(fault, "--timeout: ");
        return fault->err = KH_ERR_USAGE;
    }
    if (seconds > DISCHARGE_TIMEOUT_MOST_S)
        return fault_set(fault, KH_ERR_USAGE, "--timeout: an hour at most");
    *deadline_ms = monotonic_ms() + seconds * 1000;
    return KH_OK;
}

static enum kh_err
discharge_read_pin_fd(const struct options *options, int *fd, struct fault *fault)
{
    const char *text = options_value(options, DISCHARGE_OPTION_PIN_FD);
    uint64_t number = 0;
    if (text != NULL && (!bytes_to_u64(bytes_str(text), &number) || number > INT_MAX))
        return fault_set(fault, KH_ERR_USAGE, "--pin-fd takes the number of a descriptor");
    *fd = text != NULL ? (int)number : -1;
    return KH_OK;
}

static enum kh_err
discharge_read_way(const struct options *options, enum discharge_way *way, struct fault *fault)
{
    const char *text = options_value(options, DISCHARGE_OPTION_WITH);
    if (text != NULL && !discharge_way_parse(bytes_str(text), way))
        return fault_set(fault, KH_ERR_USAGE, "--with takes fido2, ssh or browser");
    // A key that is named is one that is meant.
    if (text == NULL && options_has(options, DISCHARGE_OPTION_DEVICE))
        *way = DISCHARGE_FIDO2;
    if (text == NULL && options_has(options, DISCHARGE_OPTION_SSH_KEY))
        *way = DISCHARGE_SSH;
    return KH_OK;
}

static enum kh_err
discharge_read_broker(const struct options *options, struct discharge_setup *setup,
                      struct fault *fault)
{
    const char *text = options_value(options, DISCHARGE_OPTION_BROKER);
    if (text == NULL)
        text = cli_environment("KEYHOLE_BROKER");
    if (text == NULL)
        return KH_OK;
    enum kh_err err = broker_address_read(text, &setup->broker, fault);
    if (err == KH_OK)
        setup->settings.broker = &setup->broker;
    return err;
}

enum kh_err
discharge_setup_read(const struct cli *cli, const struct options *options,
                     struct discharge_setup *out, struct fault *fault)
{
    *out = (struct discharge_setup){.trusted = {.count = 0}};
    struct discharge_settings *settings = &out->settings;
    settings->means = &discharge_terminal;
    settings->now = cli->now;
    settings->fido.cli = cli;
    settings->fido.backend = &fido_backend_system;
    settings->fido.device = options_value(options, DISCHARGE_OPTION_DEVICE);
    settings->trusted = &out->trusted;
    settings->ssh_key = options_value(options, DISCHARGE_OPTION_SSH_KEY);
    settings->no_open = options_has(options, DISCHARGE_OPTION_NO_OPEN);
    settings->no_reuse = options_has(options, DISCHARGE_OPTION_NO_REUSE);
    settings->ca_file = options_value(options, DISCHARGE_OPTION_CACERT);
    if (settings->ca_file == NULL)
        settings->ca_file = cli_environment("KEYHOLE_CA");
    enum kh_err err = discharge_read_timeout(options, &settings->fido.deadline_ms, fault);
    if (err == KH_OK)
        err = discharge_read_pin_fd(options, &settings->fido.pin_fd, fault);
    if (err == KH_OK)
        err = discharge_read_way(options, &settings->way, fault);
    if (err == KH_OK)
        err = discharge_read_broker(options, out, fault);
    if (err == KH_OK)
        err = dischargers_collect(&out->trusted, options, DISCHARGE_OPTION_DISCHARGER, fault);
    if (err != KH_OK)
        discharge_setup_free(out);
    return err;
}

void
discharge_setup_free(struct discharge_setup *setup)
{
    broker_address_free(&setup->broker);
}

// ---- the result ----

static json_t *
discharge_filled_json(const struct discharge_filled *filled)
{
    char until[TIMESTAMP_SIZE];
    json_t *object = json_pack("{s:s, s:s}", "location", filled->location, "with",
                               discharge_way_name(filled->way));
    if (filled->demand[0] != '\0')
        json_object_set_new(object, "demand", json_string(filled->demand));
    if (filled->expires_at < INT64_MAX) {
        timestamp_print(filled->expires_at, until);
        json_object_set_new(object, "expires_at", json_string(until));
    }
    return object;
}

static void
discharge_put_json(const char *token, const struct discharge_report *report, struct buffer *out)
{
    json_t *holes = json_array();
    for (size_t i = 0; i < report->count; i++)
        json_array_append_new(holes, discharge_filled_json(&report->hole[i]));
    json_t *object = json_pack("{s:s, s:o}", "token", token, "holes", holes);
    json_print(object, JSON_ENSURE_ASCII, out);
    json_decref(object);
}

enum cli_exit
discharge_print(const struct cli *cli, const struct token *token,
                const struct discharge_report *report, bool json)
{
    struct buffer text, out;
    buffer_init_secret(&text, TOKEN_TEXT_MAX);
    buffer_init_secret(&out, 4 * TOKEN_TEXT_MAX);
    token_print(token, token->prefix, &text);
    if (json)
        discharge_put_json(buffer_text(&text), report, &out);
    else
        buffer_put(&out, buffer_bytes(&text));
    buffer_put_byte(&out, '\n');
    out.failed = out.failed || text.failed;
    enum cli_exit status = cli_result(cli, &out);
    buffer_free(&text);
    buffer_free(&out);
    return status;
}
