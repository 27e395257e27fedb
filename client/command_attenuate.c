/* SPDX-License-Identifier: Apache-2.0
 *
 * keyhole attenuate
 */
#include "attenuate_options.h"
#include "commands.h"
#include "holes.h"
#include "input.h"

enum { OPTION_PREFIX = 1, OPTION_HOLE, OPTION_DISCHARGER };

const struct option_spec command_attenuate_options[] = {
    ATTENUATE_OPTIONS_CONDITIONS,
    {ATTENUATE_OPTION_FOR, "for", "TIME", false, "for so long from now: 90s, 10m, 12h, 7d, 1h30m"},
    {ATTENUATE_OPTION_LABEL, "label", "NAME", false,
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

static enum kh_err
attenuate_collect(struct attenuation *a, const struct cli *cli, const struct options *options,
                  struct fault *fault)
{
    const char *label = options_value(options, ATTENUATE_OPTION_LABEL);
    int64_t seconds = 0;
    // The label first: it heads the caveats of this holder.
    enum kh_err err = label != NULL ? attenuation_add_label(a, bytes_str(label), fault) : KH_OK;
    if (err == KH_OK)
        err = attenuate_options_conditions(a, options, fault);
    if (err == KH_OK)
        err = attenuate_options_lifetime(options, &seconds, fault);
    if (err == KH_OK && seconds > 0)
        err = attenuation_add_lifetime(a, cli->now, seconds, fault);
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
        attenuate_options_warn(cli, a, token);
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
        status = attenuate_options_refuse(cli, buffer_bytes(&a.refused), true, &fault);
    } else if (attenuate_collect_holes(&holes, &discharger, options, &fault) != KH_OK) {
        status = attenuate_options_refuse(cli, buffer_bytes(&holes.refused), false, &fault);
    } else {
        status = attenuate_token(cli, options, &a, &holes, &discharger, &fault);
    }
    attenuation_free(&a);
    holes_free(&holes);
    return status;
}
