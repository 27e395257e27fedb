/* SPDX-License-Identifier: Apache-2.0
 *
 * Variables of a run. Client libraries append to what they find or put something in its place
 * (OpenSandbox #884, codex #22668): the whole list is set, and what would lead past it is unset.
 */
#include "run_variables.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* ---- for every program ---- */

static const char *const proxy_variable[] = {
    "HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "https_proxy", "http_proxy", "all_proxy",
};

// These replace what a program trusts, so they lead to the whole bundle.
static const char *const bundle_variable[] = {
    "SSL_CERT_FILE",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "GIT_SSL_CAINFO",
    "PIP_CERT",
    "npm_config_cafile",
    "BUNDLE_SSL_CA_CERT",
    "CARGO_HTTP_CAINFO",
    "AWS_CA_BUNDLE",
    "DENO_CERT",
    "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH",
    "NIX_SSL_CERT_FILE",
    "HTTPLIB2_CA_CERTS",
    "CLOUDSDK_CORE_CUSTOM_CA_CERTS_FILE",
    "HEX_CACERTS_PATH",
    "PERL_LWP_SSL_CA_FILE",
    "COMPOSER_CAFILE",
    "SYSTEM_CERTIFICATE_PATH",
};

// These do so where they are set, or else the above decides; and some programs refuse what they do
// not know: Yarn, of another version.
static const char *const bundle_variable_if_set[] = {
    "CODEX_CA_CERTIFICATE",
    "CONAN_CACERT_PATH",
    "CONDA_SSL_VERIFY",
    "HTTPLIB_CA_CERTS_PATH",
    "HTTPS_CA_FILE",
    "JULIA_SSL_CA_ROOTS_PATH",
    "NIX_GIT_SSL_CAINFO",
    "NPM_CONFIG_CAFILE",
    "RCLONE_CA_CERT",
    "RESTIC_CACERT",
    "TENSORSTORE_CA_BUNDLE",
    "TWINE_CERT",
    "WEBSOCKET_CLIENT_CA_BUNDLE",
    "YARN_CAFILE",
    "YARN_CA_FILE_PATH",
    "YARN_HTTPS_CA_FILE_PATH",
    "yarn_cafile",
};

// What a program would prefer to the above. npm takes its variables in any case.
static const char *const unset_variable[] = {
    "KEYHOLE_CA",
    "KEYHOLE_TOKENS",
    "SSL_CERT_DIR",
    "npm_config_ca",
    "NPM_CONFIG_CA",
    "npm_config_proxy",
    "NPM_CONFIG_PROXY",
    "npm_config_noproxy",
    "NPM_CONFIG_NOPROXY",
    "npm_config_https_proxy",
    "NPM_CONFIG_HTTPS_PROXY",
    "npm_config_http_proxy",
    "NPM_CONFIG_HTTP_PROXY",
    "PIP_PROXY",
    "CARGO_HTTP_PROXY",
    "CLOUDSDK_PROXY_TYPE",
    "CLOUDSDK_PROXY_ADDRESS",
    "CLOUDSDK_PROXY_PORT",
    "CLOUDSDK_PROXY_USERNAME",
    "CLOUDSDK_PROXY_PASSWORD",
    "GLOBAL_AGENT_HTTP_PROXY",
    "GLOBAL_AGENT_HTTPS_PROXY",
    "GLOBAL_AGENT_NO_PROXY",
    "YARN_HTTP_PROXY",
    "YARN_HTTPS_PROXY",
    "WSS_PROXY",
    "wss_proxy",
    "WS_PROXY",
    "ws_proxy",
    "SOCKS_PROXY",
    "socks_proxy",
    "CURL_SSL_BACKEND",
    "GIT_SSL_CAPATH",
    "PERL_LWP_SSL_CA_PATH",
    "HTTPS_CA_DIR",
    "TENSORSTORE_CA_PATH",
    "grpc_proxy",
    "no_grpc_proxy",
};

static bool
is_set(char *const envp[], const char *name)
{
    size_t n = strlen(name);
    for (; *envp != NULL; envp++)
        if (strncmp(*envp, name, n) == 0 && (*envp)[n] == '=' && (*envp)[n + 1] != '\0')
            return true;
    return false;
}

// PHP reads them behind the user's, or behind its own, which an empty name stands for.
static void
put_php_ini(const char *directory, char *const envp[], struct variables *out)
{
    static const char name[] = "PHP_INI_SCAN_DIR=";
    BUFFER_AUTO path;
    buffer_init(&path, PATH_MAX);
    for (; *envp != NULL; envp++)
        if (strncmp(*envp, name, sizeof name - 1) == 0)
            buffer_put_str(&path, *envp + sizeof name - 1);
    buffer_printf(&path, ":%s", directory);
    if (!path.failed)
        variables_set(out, "PHP_INI_SCAN_DIR", buffer_text(&path));
}

static void
put_trust(const struct run_place *place, char *const envp[], struct variables *out)
{
    for (size_t i = 0; i < sizeof unset_variable / sizeof *unset_variable; i++)
        variables_set(out, unset_variable[i], NULL);
    for (size_t i = 0; i < sizeof bundle_variable / sizeof *bundle_variable; i++)
        variables_set(out, bundle_variable[i], place->bundle);
    for (size_t i = 0; i < sizeof bundle_variable_if_set / sizeof *bundle_variable_if_set; i++)
        if (is_set(envp, bundle_variable_if_set[i]))
            variables_set(out, bundle_variable_if_set[i], place->bundle);
    variables_set(out, "NODE_EXTRA_CA_CERTS", place->ca); // appends
    if (place->wgetrc != NULL)
        variables_set(out, "WGETRC", place->wgetrc);
    if (place->php_ini != NULL)
        put_php_ini(place->php_ini, envp, out);
    variables_set(out, "UV_NATIVE_TLS", "1");
    variables_set(out, "NODE_USE_ENV_PROXY", "1");
    variables_set(out, "NO_PROXY", "");
    variables_set(out, "no_proxy", "");
}

// "http://host:port" with the token as the password.
static enum kh_err
put_proxies(const struct run_tokens *tokens, const struct run_place *place, struct variables *out,
            struct fault *fault)
{
    struct buffer token, url;
    buffer_init_secret(&token, TOKEN_TEXT_MAX);
    buffer_init_secret(&url, TOKEN_TEXT_MAX + 512);
    enum kh_err err = KH_OK;
    const char *host = strstr(place->base, "://");
    host = host != NULL ? host + 3 : place->base;
    if (place->proxy_token)
        err = run_token_for(&tokens->token[0], RUN_PASS_THROUGH, "", &token, fault);
    buffer_put(&url, bytes_of(place->base, (size_t)(host - place->base)));
    if (place->proxy_token)
        buffer_printf(&url, "keyhole:%s@", buffer_text(&token));
    buffer_put_str(&url, host);
    for (size_t i = 0; err == KH_OK && i < sizeof proxy_variable / sizeof *proxy_variable; i++)
        variables_set(out, proxy_variable[i], buffer_text(&url));
    buffer_free(&token);
    buffer_free(&url);
    return err;
}

/* ---- for the broker's own clients, such as another keyhole run ---- */

static enum kh_err
put_own(const struct run_tokens *tokens, const struct run_place *place, struct variables *out,
        struct fault *fault)
{
    struct buffer all;
    buffer_init_secret(&all, (size_t)RUN_TOKENS_MAX * (TOKEN_TEXT_MAX + 1));
    for (size_t i = 0; i < tokens->count; i++) {
        if (i > 0)
            buffer_put_byte(&all, ' ');
        token_print(tokens->token[i].token, BYTES_EMPTY, &all);
        if (i == 0)
            variables_set(out, "KEYHOLE_TOKEN", buffer_text(&all));
    }
    if (tokens->count > 1)
        variables_set(out, "KEYHOLE_TOKENS", buffer_text(&all));
    variables_set(out, "KEYHOLE_BROKER", place->base);
    bool failed = all.failed;
    buffer_free(&all);
    return failed ? fault_set(fault, KH_ERR_MEMORY, "memory is used up") : KH_OK;
}

/* ---- for the clients of a credential ---- */

// Another key of the same service, which a client would send along.
static const struct {
    const char *set, *unset;
} companion[] = {
    {"AWS_ACCESS_KEY_ID", "AWS_SESSION_TOKEN"},
    {"AWS_ACCESS_KEY_ID", "AWS_SECURITY_TOKEN"},
    {"AWS_ACCESS_KEY_ID", "AWS_PROFILE"},
};

static bool
template_needs(const char *template, const char *mark)
{
    return strstr(template, mark) != NULL;
}

static void
template_put(const char *template, const char *token, const char *base, struct buffer *out)
{
    while (*template != '\0') {
        if (strncmp(template, "{token}", 7) == 0) {
            buffer_put_str(out, token);
            template += 7;
        } else if (strncmp(template, "{base}", 6) == 0) {
            buffer_put_str(out, base);
            template += 6;
        } else {
            buffer_put_byte(out, (uint8_t) * template ++);
        }
    }
}

enum { OWNERS_MAX = 256 };

struct owners {
    const char *variable[OWNERS_MAX], *credential[OWNERS_MAX];
    size_t count;
};

// NULL: nobody's yet.
static const char *
owners_find(const struct owners *owners, const char *text, size_t n)
{
    for (size_t i = 0; i < owners->count; i++)
        if (strcspn(owners->variable[i], "=") == n && strncmp(owners->variable[i], text, n) == 0)
            return owners->credential[i];
    return NULL;
}

static void
put_variable(const char *text, const char *token, const char *base,
             const struct environment_credential *credential, struct owners *owners,
             struct variables *out, struct buffer *notes)
{
    size_t n = strcspn(text, "=");
    const char *owner = owners_find(owners, text, n);
    if (owner != NULL) {
        buffer_printf(notes,
                      "warning: %.*s is what %s and %s want; it is %s's (the first --credential "
                      "has it)\n",
                      (int)n, text, owner, credential->name, owner);
        return;
    }
    if (template_needs(text, "{base}") && credential->base_path == NULL)
        return;
    if (owners->count == sizeof owners->variable / sizeof *owners->variable)
        return;
    struct buffer name, value;
    buffer_init(&name, 256);
    buffer_init_secret(&value, TOKEN_TEXT_MAX + 1024);
    buffer_put(&name, bytes_of(text, n));
    template_put(text + n + 1, token, base, &value);
    if (name.failed || value.failed)
        out->failed = true;
    else
        variables_set(out, buffer_text(&name), buffer_text(&value));
    for (size_t i = 0; i < sizeof companion / sizeof *companion; i++)
        if (strcmp(companion[i].set, buffer_text(&name)) == 0)
            variables_set(out, companion[i].unset, NULL);
    owners->variable[owners->count] = text;
    owners->credential[owners->count++] = credential->name;
    buffer_free(&name);
    buffer_free(&value);
}

static enum kh_err
put_credential(const struct run_token *token, const struct environment_credential *credential,
               const struct run_place *place, struct owners *owners, struct variables *out,
               struct buffer *notes, struct fault *fault)
{
    struct buffer text, base;
    buffer_init_secret(&text, TOKEN_TEXT_MAX);
    buffer_init(&base, HTTP_URL_MAX);
    enum kh_err err = run_token_for(token, credential->name, credential->prefix, &text, fault);
    if (credential->base_path != NULL)
        buffer_printf(&base, "%s%s", place->base, credential->base_path);
    for (size_t i = 0; err == KH_OK && i < credential->variable_count; i++)
        put_variable(credential->variable[i], buffer_text(&text), buffer_text(&base), credential,
                     owners, out, notes);
    buffer_free(&text);
    buffer_free(&base);
    return err;
}

static const struct environment_credential *
find_credential(const struct environment *environment, const char *name)
{
    for (size_t i = 0; i < environment->count; i++)
        if (strcmp(environment->credential[i].name, name) == 0)
            return &environment->credential[i];
    return NULL;
}

// In the order of --credential; without any, in that of the tokens.
static enum kh_err
put_credentials(const struct run_tokens *tokens, const struct environment *environment,
                const struct run_place *place, struct variables *out, struct buffer *notes,
                struct fault *fault)
{
    struct owners owners = {.count = 0};
    enum kh_err err = KH_OK;
    for (size_t i = 0; err == KH_OK && i < tokens->pick_count; i++) {
        const struct run_token *token = run_tokens_find(tokens, tokens->pick[i]);
        const struct environment_credential *credential =
            token != NULL ? find_credential(&environment[token - tokens->token], tokens->pick[i])
                          : NULL;
        if (credential == NULL)
            return fault_set(fault, KH_ERR_NOT_FOUND, "the broker has no credential %.64s any more",
                             tokens->pick[i]);
        err = put_credential(token, credential, place, &owners, out, notes, fault);
    }
    for (size_t i = 0; tokens->pick_count == 0 && i < tokens->count; i++)
        for (size_t j = 0; err == KH_OK && j < environment[i].count; j++) {
            const struct environment_credential *credential = &environment[i].credential[j];
            const struct run_token *token = run_tokens_find(tokens, credential->name);
            // One token for a credential is enough.
            if (token == &tokens->token[i])
                err = put_credential(token, credential, place, &owners, out, notes, fault);
        }
    return err;
}

/* ---- what stands in the environment already ---- */

static const char *const preset_environment[] = {
#define KH_PRESET(name, hosts, slots, inject, basic_user, environment, ...) environment,
#include "../schema/presets.def"
#undef KH_PRESET
};

static bool
is_key_name(struct bytes name)
{
    static const char *const ends[] = {"_KEY", "_TOKEN", "_SECRET", "_PASSWORD"};
    bool found = false;
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        found = found || bytes_ends(name, bytes_str(ends[i]));
    return found;
}

static bool
is_known_key(struct bytes name)
{
    for (size_t i = 0; i < sizeof preset_environment / sizeof *preset_environment; i++) {
        struct bytes rest = bytes_str(preset_environment[i]), part;
        while (bytes_cut(&rest, ' ', &part)) {
            struct bytes template = bytes_from(part, bytes_index(part, '='));
            if (bytes_equal(bytes_slice(part, 0, part.n - template.n), name) &&
                (bytes_find(template, BYTES("{token}")) < template.n || is_key_name(name)))
                return true;
        }
    }
    return false;
}

static void
put_other_keys(const struct run_place *place, char *const envp[], struct variables *out,
               struct buffer *notes)
{
    BUFFER_AUTO names;
    buffer_init(&names, 4096);
    for (size_t i = 0; envp[i] != NULL; i++) {
        struct bytes entry = bytes_str(envp[i]), name;
        if (!bytes_cut(&entry, '=', &name) || entry.n == 0 || token_is_shaped(entry) ||
            !is_known_key(name))
            continue;
        char text[128];
        snprintf(text, sizeof text, "%.*s", BYTES_ARG(name));
        if (variables_find(out, text) != NULL)
            continue;
        if (place->clear_keys)
            variables_set(out, text, NULL);
        else
            buffer_printf(&names, "%s%s", names.n > 0 ? ", " : "", text);
    }
    if (names.n > 0)
        buffer_printf(notes,
                      "warning: the program inherits %s as they are, with the keys in them; "
                      "--clear-keys unsets them\n",
                      buffer_text(&names));
}

enum kh_err
run_variables_make(const struct run_tokens *tokens, const struct environment *environment,
                   const struct run_place *place, char *const envp[], struct variables *out,
                   struct buffer *notes, struct fault *fault)
{
    struct variables variables = {.count = 0};
    put_trust(place, envp, &variables);
    enum kh_err err = put_proxies(tokens, place, &variables, fault);
    if (err == KH_OK)
        err = put_own(tokens, place, &variables, fault);
    if (err == KH_OK)
        err = put_credentials(tokens, environment, place, &variables, notes, fault);
    if (err == KH_OK)
        put_other_keys(place, envp, &variables, notes);
    if (err == KH_OK && variables.failed)
        err = fault_set(fault, KH_ERR_MEMORY, "memory is used up");
    if (err == KH_OK)
        *out = variables;
    else
        variables_free(&variables);
    return err;
}
