/* SPDX-License-Identifier: Apache-2.0
 *
 * keyhole attenuate
 */
#include "attenuate.h"
#include "caret.h"
#include "commands.h"
#include "holes.h"
#include "input.h"
#include "moment.h"

#include <string.h>

enum {
    OPTION_CAVEAT = 1,
    OPTION_HOST,
    OPTION_METHOD,
    OPTION_PATH,
    OPTION_FOR,
    OPTION_LABEL,
    OPTION_PREFIX,
    OPTION_HOLE,
    OPTION_DISCHARGER,
    VALUES_MAX = 64, /* of --host, --method or --path */
};

const struct option_spec command_attenuate_options[] = {
    {OPTION_CAVEAT, "caveat", "TEXT", true,
     "a condition, as 'query[limit] <= 100'; several must all hold"},
    {OPTION_HOST, "host", "HOST", true, "this host; given several times, any of them"},
    {OPTION_METHOD, "method", "METHOD", true, "this method; given several times, any of them"},
    {OPTION_PATH, "path", "PATH", true,
     "this path; * is a segment or part of one, ** any number of segments; given several times, "
     "any of them"},
    {OPTION_FOR, "for", "TIME", false, "for so long from now: 90s, 10m, 12h, 7d, 1h30m"},
    {OPTION_LABEL, "label", "NAME", false,
     "a name for whoever gets the token: shown by inspect, kept in the audit log"},
    {OPTION_PREFIX, "prefix", "TEXT", false,
     "put TEXT before the token, for clients that check how a key begins ('' takes a prefix away)"},
    {OPTION_HOLE, "hole", "SPEC", true,
     "demand that somebody vouches, as 'user = alice and factor = yubikey for 15m'; holes stand "
     "after the caveats that are given with them"},
    {OPTION_DISCHARGER, "discharger", "URL#KEY|URL|NAME", false,
     "who is to fill the holes: its address with its public key, or one that is trusted; without "
     "it, the first of KEYHOLE_DISCHARGER and of those that are trusted"},
    {0},
};

// Values of one option; hosts and methods may also be written as a list, since neither has commas.
static enum kh_err
attenuate_add_values(struct attenuation *a, const struct options *options, int id,
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
    return attenuation_add_any(a, attribute, value, count, fault);
}

static enum kh_err
attenuate_check_spelling(const struct options *options, struct fault *fault)
{
    for (size_t i = 0; i < options->given_count; i++) {
        const char *value = options->given[i].value;
        if (options->given[i].id == OPTION_METHOD && strpbrk(value, "abcdefghijklmnopqrstuvwxyz"))
            return fault_set(fault, KH_ERR_USAGE,
                             "--method: methods are written in capitals, and compared as they are: "
                             "GET, not get");
        if (options->given[i].id == OPTION_PATH && value[0] != '/' && value[0] != '*')
            return fault_set(fault, KH_ERR_USAGE, "--path: a path begins with /");
    }
    return KH_OK;
}

static enum kh_err
attenuate_collect(struct attenuation *a, const struct cli *cli, const struct options *options,
                  struct fault *fault)
{
    enum kh_err err = attenuate_check_spelling(options, fault);
    const char *label = options_value(options, OPTION_LABEL);
    const char *span = options_value(options, OPTION_FOR);
    int64_t seconds = 0;
    // The label first: it heads the caveats of this holder.
    if (err == KH_OK && label != NULL)
        err = attenuation_add_label(a, bytes_str(label), fault);
    for (size_t i = 0; err == KH_OK && i < options->given_count; i++)
        if (options->given[i].id == OPTION_CAVEAT)
            err = attenuation_add(a, bytes_str(options->given[i].value), fault);
    if (err == KH_OK)
        err = attenuate_add_values(a, options, OPTION_HOST, ATTRIBUTE_HOST, true, fault);
    if (err == KH_OK)
        err = attenuate_add_values(a, options, OPTION_METHOD, ATTRIBUTE_METHOD, true, fault);
    if (err == KH_OK)
        err = attenuate_add_values(a, options, OPTION_PATH, ATTRIBUTE_PATH, false, fault);
    if (err == KH_OK && span != NULL) {
        err = moment_read_span(bytes_str(span), &seconds, fault);
        if (err != KH_OK) {
            fault_prefix(fault, "--for: ");
            return fault->err = KH_ERR_USAGE;
        }
        err = attenuation_add_lifetime(a, cli->now, seconds, fault);
    }
    return err;
}

static enum kh_err
attenuate_collect_holes(struct holes *holes, struct discharger *discharger,
                        const struct options *options, struct fault *fault)
{
    const char *where = options_value(options, OPTION_DISCHARGER);
    for (size_t i = 0; i < options->given_count; i++)
        if (options->given[i].id == OPTION_HOLE &&
            holes_add(holes, bytes_str(options->given[i].value), fault) != KH_OK)
            return fault->err = KH_ERR_USAGE;
    if (holes->count == 0)
        return where == NULL
                   ? KH_OK
                   : fault_set(fault, KH_ERR_USAGE, "--discharger is for holes: give a --hole");
    enum kh_err err = holes_discharger(where, discharger, fault);
    if (err != KH_OK && where != NULL) {
        fault_prefix(fault, "--discharger: ");
        err = fault->err = err == KH_ERR_SYNTAX ? KH_ERR_USAGE : err;
    }
    return err;
}

// A caveat or hole that is not well-formed is a wrong command line, whatever is wrong with it.
static enum cli_exit
attenuate_refuse(const struct cli *cli, struct bytes refused, bool is_caveat,
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

static void
attenuate_say_warnings(const struct cli *cli, const struct attenuation *a,
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

static enum cli_exit
attenuate_token(const struct cli *cli, const struct options *options, const struct attenuation *a,
                const struct holes *holes, const struct discharger *discharger, struct fault *fault)
{
    const char *prefix_text = options_value(options, OPTION_PREFIX);
    struct bytes prefix = bytes_str(prefix_text);
    struct token *token = NULL;
    BUFFER_AUTO narrowed;
    struct buffer text;
    buffer_init_secret(&narrowed, TOKEN_TEXT_MAX);
    buffer_init_secret(&text, TOKEN_TEXT_MAX + 1);
    enum kh_err err = input_token(cli, options, &token, fault);
    if (err == KH_OK)
        err = attenuation_apply(a, token, prefix_text != NULL ? &prefix : NULL, &narrowed, fault);
    if (err == KH_OK)
        err = holes_apply(holes, discharger, buffer_bytes(&narrowed), &text, fault);
    enum cli_exit status;
    if (err == KH_OK) {
        attenuate_say_warnings(cli, a, token);
        if (holes->count > 0 && !options_has(options, OPTION_DISCHARGER))
            cli_say(cli, "to be filled at %s", discharger->url);
        buffer_put_byte(&text, '\n');
        status = cli_result(cli, &text);
    } else {
        status = cli_fail(cli, fault);
    }
    token_free(&token);
    buffer_free(&text);
    return status;
}

enum cli_exit
command_attenuate(struct cli *cli, const struct options *options)
{
    struct fault fault = {.err = KH_ERR_INTERNAL};
    struct discharger discharger = {.url = ""};
    struct attenuation a;
    struct holes holes;
    enum cli_exit status;
    attenuation_init(&a);
    holes_init(&holes);
    if (options->given_count == 0) {
        fault_set(&fault, KH_ERR_USAGE,
                  "what is to be narrowed? Give a --caveat, --host, --method, "
                  "--path, --for, --label, --hole or --prefix");
        status = cli_fail(cli, &fault);
    } else if (attenuate_collect(&a, cli, options, &fault) != KH_OK) {
        status = attenuate_refuse(cli, buffer_bytes(&a.refused), true, &fault);
    } else if (attenuate_collect_holes(&holes, &discharger, options, &fault) != KH_OK) {
        status = attenuate_refuse(cli, buffer_bytes(&holes.refused), false, &fault);
    } else {
        status = attenuate_token(cli, options, &a, &holes, &discharger, &fault);
    }
    attenuation_free(&a);
    holes_free(&holes);
    return status;
}
