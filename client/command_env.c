/* SPDX-License-Identifier: Apache-2.0
 *
 * keyhole env
 */
#include "bundle.h"
#include "commands.h"
#include "env_format.h"
#include "files.h"
#include "moment.h"
#include "run_setup.h"
#include "run_variables.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { OPTION_FORMAT = 1, OPTION_CA_BUNDLE, ENV_TEXT_MAX = 1 << 20 };

const struct option_spec command_env_options[] = {
    RUN_OPTIONS,
    {OPTION_FORMAT, "format", ENV_FORMATS, false, "how to print them; shell if not given"},
    {OPTION_CA_BUNDLE, "ca-bundle", "FILE", false,
     "write the certificates to FILE, an absolute path as the program will see it; else to "
     "$XDG_CACHE_HOME/keyhole"},
    {0},
};

/* ---- certificates, in files that last ---- */

struct env_files {
    struct buffer ca, bundle; /* paths */
};

// Not secret, and programs of other users read them.
static enum kh_err
env_write(const char *path, struct bytes contents, struct fault *fault)
{
    enum kh_err err = files_write(path, contents, fault);
    if (err == KH_OK && chmod(path, 0644) != 0)
        err = fault_set(fault, KH_ERR_IO, "%s: %s", path, strerror(errno));
    return err;
}

// A name for each content: two brokers do not take one another's.
static enum kh_err
env_write_cached(const char *kind, struct bytes contents, struct buffer *path, struct fault *fault)
{
    uint8_t hash[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    char hex[17], name[64];
    if (EVP_Digest(contents.p, contents.n, hash, &n, EVP_sha256(), NULL) != 1 ||
        !bytes_to_hex(bytes_of(hash, 8), hex, sizeof hex))
        return fault_set(fault, KH_ERR_CRYPTO, "no SHA-256");
    snprintf(name, sizeof name, "keyhole/%s-%s.pem", kind, hex);
    enum kh_err err = files_path("XDG_CACHE_HOME", ".cache", name, path, fault);
    return err == KH_OK ? env_write(buffer_text(path), contents, fault) : err;
}

// Clients have to trust the broker too, where it is reached by TLS.
static enum kh_err
env_put_ca(const struct run_setup *setup, struct buffer *out, struct fault *fault)
{
    enum kh_err err = KH_OK;
    BUFFER_AUTO own;
    buffer_init(&own, BUNDLE_MAX);
    bundle_put(bytes_str(setup->environment[0].ca), out);
    if (setup->ca_file != NULL && strncmp(setup->broker.url, "https:", 6) == 0)
        err = files_read(setup->ca_file, &own, fault);
    bundle_put(buffer_bytes(&own), out);
    return err;
}

static enum kh_err
env_write_files(const struct run_setup *setup, struct env_files *files, struct fault *fault)
{
    const char *given = options_value(setup->options, OPTION_CA_BUNDLE);
    BUFFER_AUTO ca, bundle;
    buffer_init(&ca, BUNDLE_MAX);
    buffer_init(&bundle, BUNDLE_MAX);
    enum kh_err err = env_put_ca(setup, &ca, fault);
    if (err == KH_OK)
        err = bundle_make(buffer_bytes(&ca), &bundle, fault);
    if (err != KH_OK)
        return err;
    if (given == NULL) {
        err = env_write_cached("ca", buffer_bytes(&ca), &files->ca, fault);
        return err == KH_OK
                   ? env_write_cached("bundle", buffer_bytes(&bundle), &files->bundle, fault)
                   : err;
    }
    if (given[0] != '/')
        return fault_set(fault, KH_ERR_USAGE, "--ca-bundle wants an absolute path");
    buffer_put_str(&files->ca, given); // NODE_EXTRA_CA_CERTS takes the whole as well
    buffer_put_str(&files->bundle, given);
    return env_write(given, buffer_bytes(&bundle), fault);
}

/* ---- what is printed ---- */

// GitHub's runner hides from its logs what it was told of, on either stream: a value as a whole,
// and the token in it, which a program may print without its prefix or the proxy's URL around it.
static void
env_mask(const struct cli *cli, const struct variables *variables)
{
    static const char in_token[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    for (size_t i = 0; i < variables->count; i++) {
        const char *value = variables->item[i].value;
        if (value == NULL || !token_is_shaped(bytes_str(value)))
            continue;
        fprintf(cli->err, "::add-mask::%s\n", value);
        for (const char *at = strstr(value, "kh1_"); at != NULL; at = strstr(at + 4, " kh1_")) {
            at += *at == ' ';
            int n = (int)strspn(at, in_token);
            if (at != value || value[n] != '\0')
                fprintf(cli->err, "::add-mask::%.*s\n", n, at);
        }
    }
}

static enum cli_exit
env_print(const struct run_setup *setup, const struct env_format *format,
          const struct variables *variables, struct fault *fault)
{
    struct buffer text;
    BUFFER_AUTO end;
    buffer_init_secret(&text, ENV_TEXT_MAX);
    buffer_init(&end, 128);
    enum cli_exit status;
    if (env_format_print(format, variables, &text, fault) != KH_OK) {
        status = cli_fail(setup->cli, fault);
    } else {
        if (format == env_format_find("github"))
            env_mask(setup->cli, variables);
        status = cli_result(setup->cli, &text);
        if (run_setup_end(setup) != INT64_MAX)
            moment_put(&end, run_setup_end(setup));
        else
            buffer_put_str(&end, "they are revoked");
        run_setup_say(setup, "the tokens are good until %s; keyhole revoke ends them before",
                      buffer_text(&end));
    }
    buffer_free(&text);
    return status;
}

static enum cli_exit
env_make(const struct run_setup *setup, const struct env_format *format,
         const struct env_files *files, struct fault *fault)
{
    struct variables variables = {.count = 0};
    BUFFER_AUTO notes;
    buffer_init(&notes, 16384);
    // text of paths that were written is there already
    const struct run_place place = {
        .base = setup->broker.url,
        .proxy_token = true,
        .ca = (const char *)files->ca.p,
        .bundle = (const char *)files->bundle.p,
        .clear_keys = options_has(setup->options, RUN_OPTION_CLEAR_KEYS),
    };
    if (run_variables_make(&setup->tokens, setup->environment, &place, environ, &variables, &notes,
                           fault) != KH_OK)
        return cli_fail(setup->cli, fault);
    run_setup_say_notes(setup, &notes);
    enum cli_exit status = env_print(setup, format, &variables, fault);
    variables_free(&variables);
    return status;
}

static enum cli_exit
env_run(struct run_setup *setup, const struct env_format *format, struct fault *fault)
{
    struct env_files files;
    enum cli_exit status;
    buffer_init(&files.ca, 4096);
    buffer_init(&files.bundle, 4096);
    enum kh_err err =
        setup->broker.unix_path == NULL
            ? env_write_files(setup, &files, fault)
            : fault_set(fault, KH_ERR_USAGE,
                        "no variable leads a program to a unix socket: give --broker the broker's "
                        "URL, or use keyhole run");
    if (err == KH_OK &&
        (buffer_text(&files.ca)[0] == '\0' || buffer_text(&files.bundle)[0] == '\0'))
        err = fault_set(fault, KH_ERR_MEMORY, "memory is used up");
    status = err == KH_OK ? env_make(setup, format, &files, fault) : cli_fail(setup->cli, fault);
    buffer_free(&files.ca);
    buffer_free(&files.bundle);
    return status;
}

enum cli_exit
command_env(struct cli *cli, const struct options *options)
{
    struct fault fault = {.err = KH_ERR_INTERNAL};
    const char *name = options_value(options, OPTION_FORMAT);
    const struct env_format *format = env_format_find(name != NULL ? name : "shell");
    if (options->positional_count > 0 || format == NULL) {
        fault_set(&fault, KH_ERR_USAGE, "%s",
                  format == NULL ? "--format is one of " ENV_FORMATS
                                 : "env prints variables and runs nothing: keyhole run does");
        return cli_fail(cli, &fault);
    }
    struct run_setup *setup = calloc(1, sizeof *setup);
    if (setup == NULL) {
        cli_say(cli, "memory is used up");
        return CLI_FAILED;
    }
    enum cli_exit status = run_setup_read(setup, cli, options, "env", false);
    if (status == CLI_DONE)
        status = env_run(setup, format, &fault);
    run_setup_free(setup);
    free(setup);
    return status;
}
