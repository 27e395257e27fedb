/* SPDX-License-Identifier: Apache-2.0
 *
 * Options that narrow a token.
 */
#include "attenuate_options.h"

#include "caret.h"
#include "moment.h"

#include <string.h>

enum { VALUES_MAX = 64 }; // of --host, --method or --path

// Values of one option; hosts and methods may also be written as a list, since neither has commas.
static enum kh_err
options_add_values(struct attenuation *a, const struct options *options, int id,
                   enum attribute attribute, bool list, struct fault *fault)
{
    struct bytes value[VALUES_MAX];
    size_t count = 0;
    for (size_t i = 0; i < options->given_count; i++) {
        if (options->given[i].id != id)
            continue;
        struct bytes rest = bytes_str(options->given[i].value), part = rest;
        bool more = !list || rest.n == 0 || bytes_cut(&rest, ',', &part);
        for (; more; more = list && bytes_cut(&rest, ',', &part)) {
            if (count == VALUES_MAX)
                return fault_set(fault, KH_ERR_USAGE, "--%s: at most %d values",
                                 attribute_info(attribute)->text, VALUES_MAX);
            value[count++] = list ? bytes_trim(part) : part;
        }
    }
    enum kh_err err = attenuation_add_any(a, attribute, value, count, fault);
    if (err == KH_ERR_USAGE)
        fault_prefix(fault, "--"); // it begins with the attribute, which is the option
    return err;
}

enum kh_err
attenuate_options_conditions(struct attenuation *a, const struct options *options,
                             struct fault *fault)
{
    enum kh_err err = KH_OK;
    for (size_t i = 0; err == KH_OK && i < options->given_count; i++)
        if (options->given[i].id == ATTENUATE_OPTION_CAVEAT)
            err = attenuation_add(a, bytes_str(options->given[i].value), fault);
    if (err == KH_OK)
        err = options_add_values(a, options, ATTENUATE_OPTION_HOST, ATTRIBUTE_HOST, true, fault);
    if (err == KH_OK)
        err =
            options_add_values(a, options, ATTENUATE_OPTION_METHOD, ATTRIBUTE_METHOD, true, fault);
    if (err == KH_OK)
        err = options_add_values(a, options, ATTENUATE_OPTION_PATH, ATTRIBUTE_PATH, false, fault);
    return err;
}

enum kh_err
attenuate_options_lifetime(const struct options *options, int64_t *seconds, struct fault *fault)
{
    const char *span = options_value(options, ATTENUATE_OPTION_FOR);
    if (span == NULL || moment_read_span(bytes_str(span), seconds, fault) == KH_OK)
        return KH_OK;
    fault_prefix(fault, "--for: ");
    return fault->err = KH_ERR_USAGE;
}

// A caveat or hole that is not well-formed is a wrong command line, whatever is wrong with it.
enum cli_exit
attenuate_options_refuse(const struct cli *cli, struct bytes refused, bool is_caveat,
                         const struct fault *fault)
{
    enum cli_exit status = cli_fail(cli, fault);
    if (refused.n == 0)
        return status;
    BUFFER_AUTO shown;
    buffer_init(&shown, 65536);
    caret_put(&shown, refused, fault);
    fputs(buffer_text(&shown), cli->err);
    if (is_caveat && bytes_find(refused, BYTES(" and ")) < refused.n)
        cli_say(cli, "for \"and\", give two caveats: all of them must hold");
    return CLI_USAGE;
}

void
attenuate_options_warn(const struct cli *cli, const struct attenuation *a,
                       const struct token *token)
{
    BUFFER_AUTO warnings;
    buffer_init(&warnings, 65536);
    attenuation_warn(a, token, cli->now, &warnings);
    struct bytes rest = buffer_bytes(&warnings), line;
    while (!warnings.failed && bytes_cut(&rest, '\n', &line))
        if (line.n > 0)
            cli_say(cli, "warning: %.*s", BYTES_ARG(line));
}
