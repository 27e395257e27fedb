/* SPDX-License-Identifier: Apache-2.0
 *
 * From options to tokens that are narrowed, and what the broker says of them.
 */
#include "run_setup.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

void
run_setup_free(struct run_setup *setup)
{
    for (size_t i = 0; i < RUN_TOKENS_MAX; i++)
        environment_free(&setup->environment[i]);
    run_tokens_free(&setup->tokens);
    broker_address_free(&setup->broker);
}

void
run_setup_say(const struct run_setup *setup, const char *format, ...)
{
    char *text = NULL;
    va_list arguments;
    va_start(arguments, format);
    if (vasprintf(&text, format, arguments) >= 0 && !options_has(setup->options, RUN_OPTION_QUIET))
        cli_say(setup->cli, "%s", text);
    va_end(arguments);
    free(text);
}

void
run_setup_say_notes(const struct run_setup *setup, const struct buffer *notes)
{
    struct bytes rest = buffer_bytes(notes), line;
    while (!notes->failed && bytes_cut(&rest, '\n', &line))
        if (line.n > 0)
            run_setup_say(setup, "%.*s", BYTES_ARG(line));
}

int64_t
run_setup_end(const struct run_setup *setup)
{
    int64_t end = INT64_MAX;
    for (size_t i = 0; i < setup->tokens.count; i++)
        if (setup->tokens.token[i].ends_at < end)
            end = setup->tokens.token[i].ends_at;
    return end;
}

/* ---- the broker ---- */

static enum kh_err
setup_find_broker(struct run_setup *setup, bool unix_socket, struct fault *fault)
{
    const char *given = options_value(setup->options, RUN_OPTION_BROKER);
    const char *directory = options_value(setup->options, RUN_OPTION_DIR);
    setup->ca_file = options_value(setup->options, RUN_OPTION_CACERT);
    if (setup->ca_file == NULL)
        setup->ca_file = cli_environment("KEYHOLE_CA");
    if (given == NULL && directory == NULL)
        given = cli_environment("KEYHOLE_BROKER");
    if (given != NULL) {
        enum kh_err err = broker_address_read(given, &setup->broker, fault);
        if (err == KH_OK && setup->broker.exposed)
            run_setup_say(setup,
                          "warning: %s has no TLS; whoever listens on the way can read the tokens",
                          setup->broker.url);
        return err;
    }
    enum kh_err err = local_broker_find(directory, unix_socket, &setup->broker, fault);
    if (err == KH_OK)
        run_setup_say(setup, "the broker is %s",
                      setup->broker.unix_path != NULL ? setup->broker.unix_path
                                                      : setup->broker.url);
    return err;
}

/* ---- tokens ---- */

static enum kh_err
setup_read_picks(struct run_setup *setup, struct fault *fault)
{
    struct run_tokens *tokens = &setup->tokens;
    const struct options *options = setup->options;
    for (size_t i = 0; i < options->given_count; i++) {
        const char *name = options->given[i].value;
        bool again = false;
        if (options->given[i].id != RUN_OPTION_CREDENTIAL)
            continue;
        for (size_t j = 0; j < tokens->pick_count; j++)
            again = again || strcmp(tokens->pick[j], name) == 0;
        if (again)
            continue;
        if (name[0] == '\0')
            return fault_set(fault, KH_ERR_USAGE, "--credential needs a name");
        if (tokens->pick_count == TOKEN_CREDENTIALS_MAX)
            return fault_set(fault, KH_ERR_USAGE, "%d credentials at most", TOKEN_CREDENTIALS_MAX);
        tokens->pick[tokens->pick_count++] = name;
    }
    return KH_OK;
}

static enum kh_err
setup_mint(struct run_setup *setup, int64_t lifetime_s, struct fault *fault)
{
    struct run_tokens *tokens = &setup->tokens;
    struct fault why = {.err = KH_OK};
    if (tokens->pick_count == 0)
        return fault_set(fault, KH_ERR_USAGE,
                         "which token? Give --token or set KEYHOLE_TOKEN (keyhole login gives you "
                         "one), or --credential with a broker of your own on this machine");
    struct run_token minted = {.minted = true};
    enum kh_err err = local_broker_mint(options_value(setup->options, RUN_OPTION_DIR), tokens->pick,
                                        tokens->pick_count, lifetime_s, &minted.given, &why);
    if (err == KH_ERR_NOT_FOUND)
        return fault_set(fault, KH_ERR_USAGE,
                         "there is no token, and no broker here that would mint one for you "
                         "(%.160s).\n  keyhole login gives you one: set KEYHOLE_TOKEN to it, or "
                         "give --token",
                         why.detail);
    if (err == KH_OK)
        tokens->token[tokens->count++] = minted;
    else
        *fault = why;
    return err;
}

static enum kh_err
setup_find_tokens(struct run_setup *setup, int64_t lifetime_s, struct fault *fault)
{
    const struct options *options = setup->options;
    struct run_tokens *tokens = &setup->tokens;
    enum kh_err err = setup_read_picks(setup, fault);
    for (size_t i = 0; err == KH_OK && i < options->given_count; i++)
        if (options->given[i].id == RUN_OPTION_TOKEN)
            err = run_tokens_add(tokens, setup->cli, options->given[i].value, fault);
    if (err == KH_OK && tokens->count == 0)
        err = run_tokens_add_environment(tokens, fault);
    if (err == KH_OK && tokens->count == 0)
        err = setup_mint(setup, lifetime_s, fault);
    return err == KH_OK ? run_tokens_check(tokens, setup->cli->now, fault) : err;
}

static enum kh_err
setup_ask_broker(struct run_setup *setup, struct fault *fault)
{
    enum kh_err err = KH_OK;
    for (size_t i = 0; err == KH_OK && i < setup->tokens.count; i++) {
        struct buffer text;
        buffer_init_secret(&text, TOKEN_TEXT_MAX);
        token_print(setup->tokens.token[i].token, BYTES_EMPTY, &text);
        err = environment_fetch(&setup->broker, setup->ca_file, buffer_bytes(&text),
                                &setup->environment[i], fault);
        buffer_free(&text);
    }
    return err;
}

static enum cli_exit
setup_with(struct run_setup *setup, struct attenuation *conditions, const char *program,
           bool unix_socket)
{
    struct fault fault = {.err = KH_ERR_INTERNAL};
    const struct cli *cli = setup->cli;
    int64_t lifetime_s = RUN_LIFETIME_S;
    if (attenuate_options_conditions(conditions, setup->options, &fault) != KH_OK)
        return attenuate_options_refuse(cli, buffer_bytes(&conditions->refused), true, &fault);
    enum kh_err err = attenuate_options_lifetime(setup->options, &lifetime_s, &fault);
    if (err == KH_OK)
        err = setup_find_broker(setup, unix_socket, &fault);
    if (err == KH_OK)
        err = setup_find_tokens(setup, lifetime_s, &fault);
    if (err == KH_OK) {
        run_label(program, setup->label);
        err = run_tokens_narrow(&setup->tokens, conditions,
                                options_value(setup->options, ATTENUATE_OPTION_LABEL), setup->label,
                                cli->now, lifetime_s, &fault);
    }
    if (err == KH_OK)
        err = setup_ask_broker(setup, &fault);
    if (err != KH_OK)
        return cli_fail(cli, &fault);
    if (!options_has(setup->options, RUN_OPTION_QUIET))
        attenuate_options_warn(cli, conditions, setup->tokens.token[0].given);
    return CLI_DONE;
}

enum cli_exit
run_setup_read(struct run_setup *setup, const struct cli *cli, const struct options *options,
               const char *program, bool unix_socket)
{
    struct attenuation conditions;
    *setup = (struct run_setup){.cli = cli, .options = options};
    attenuation_init(&conditions);
    enum cli_exit status = setup_with(setup, &conditions, program, unix_socket);
    attenuation_free(&conditions);
    return status;
}
