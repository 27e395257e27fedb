/* SPDX-License-Identifier: Apache-2.0
 *
 * Assertions (RFC 7523): made here with the credential's private key, and exchanged for access
 * tokens with Google, GitHub, and whoever else keeps to the RFC.
 */
#include "exchange_rules.h"

#include "../../caveats/json_parse.h"
#include "../../caveats/path.h"
#include "jwt.h"

#include <jansson.h>
#include <openssl/rand.h>
#include <string.h>

#define GOOGLE_TOKEN_URL "https://oauth2.googleapis.com/token"
#define GITHUB_API_URL   "https://api.github.com"

enum {
    LIFETIME_S = 300,
    GOOGLE_LIFETIME_S = 3600,
    // GitHub takes ten minutes at most, and its clock may be behind ours.
    GITHUB_LIFETIME_S = 540,
    GITHUB_SKEW_S = 60,
};

// ---- secrets ----

void
jwt_secret_free(struct jwt_secret *secret)
{
    buffer_free(&secret->text);
}

static struct bytes
keep_member(struct jwt_secret *out, const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);
    size_t start = out->text.n;

    if (json_is_string(value))
        buffer_put(&out->text, bytes_of(json_string_value(value), json_string_length(value)));
    return bytes_from(buffer_bytes(&out->text), start);
}

enum kh_err
jwt_secret_read(struct bytes secret, struct jwt_secret *out, struct fault *fault)
{
    memset(out, 0, sizeof *out);
    buffer_init_secret(&out->text, 2 * CREDENTIAL_SECRET_MAX);
    if (!buffer_reserve(&out->text, CREDENTIAL_SECRET_MAX + 1))
        return fault_set(fault, KH_ERR_MEMORY, "memory is used up");
    if (!bytes_starts(secret, BYTES("{"))) {
        out->key = secret;
        return KH_OK;
    }
    json_t *object = json_parse(secret, JSON_REJECT_DUPLICATES, NULL);
    out->key = keep_member(out, object, "private_key");
    out->key_id = keep_member(out, object, "private_key_id");
    out->email = keep_member(out, object, "client_email");
    out->token_url = keep_member(out, object, "token_uri");
    json_decref(object);
    if (out->key.n == 0 || out->email.n == 0)
        return fault_set(fault, KH_ERR_SYNTAX,
                         "the secret is a private key in PEM, or the JSON of a Google service "
                         "account with client_email and private_key");
    return KH_OK;
}

// ---- assertions ----

static bool
exchanges_with(const struct credential *credential, const char *whom)
{
    return bytes_is(credential_option(credential, "exchange"), whom);
}

int64_t
jwt_lifetime(const struct credential *credential)
{
    bool google = exchanges_with(credential, "google");
    int64_t otherwise = exchanges_with(credential, "github") ? GITHUB_LIFETIME_S
                        : google                             ? GOOGLE_LIFETIME_S
                                                             : LIFETIME_S;
    return credential_option_number(credential, "lifetime", otherwise);
}

static struct bytes
or_else(struct bytes text, struct bytes otherwise)
{
    return text.n > 0 ? text : otherwise;
}

static struct bytes
token_url_of(const struct credential *credential, const struct jwt_secret *secret)
{
    struct bytes url = or_else(credential_option(credential, "token-url"), secret->token_url);
    bool google = exchanges_with(credential, "google");
    return or_else(url, google ? BYTES(GOOGLE_TOKEN_URL) : BYTES_EMPTY);
}

// Whom an assertion is for: the option, or whoever it is sent to.
static struct bytes
audience_of(const struct credential *credential, const struct jwt_secret *secret)
{
    bool sent = exchanges_with(credential, "google") || exchanges_with(credential, "rfc7523");
    return or_else(credential_option(credential, "audience"),
                   sent ? token_url_of(credential, secret) : BYTES_EMPTY);
}

// RFC 7523 section 3: two assertions of one second are two.
static bool
make_id(char out[33])
{
    uint8_t random[16];
    return RAND_bytes(random, sizeof random) == 1 &&
           bytes_to_hex(bytes_of(random, sizeof random), out, 33);
}

static enum kh_err
sign(const struct credential *credential, const struct jwt_secret *secret, int64_t now,
     struct buffer *out, struct fault *fault)
{
    JWT_KEY_AUTO *key = NULL;
    enum jwt_algorithm algorithm = JWT_ANY;
    struct bytes wanted = credential_option(credential, "algorithm");
    char id[33];
    bool github = exchanges_with(credential, "github");
    bool in_claims = !exchanges_with(credential, "rfc7523");
    enum kh_err err = wanted.n > 0 ? jwt_algorithm_find(wanted, &algorithm) : KH_OK;

    if (!err)
        err = jwt_key_read(secret->key, algorithm, &key, fault);
    if (err)
        return err;
    if (!make_id(id))
        return fault_set(fault, KH_ERR_CRYPTO, "there are no random numbers");
    const struct jwt_claims claims = {
        .issuer = or_else(credential_option(credential, "issuer"), secret->email),
        .subject = or_else(credential_option(credential, "subject"),
                           exchanges_with(credential, "rfc7523") ? secret->email : BYTES_EMPTY),
        .audience = audience_of(credential, secret),
        .scope = in_claims ? credential_option(credential, "scope") : BYTES_EMPTY,
        .issued_at = now - (github ? GITHUB_SKEW_S : 0),
        .expires_at = now + jwt_lifetime(credential),
        .id = github ? BYTES_EMPTY : bytes_str(id),
    };
    return jwt_sign(key, or_else(credential_option(credential, "key-id"), secret->key_id), &claims,
                    out, fault);
}

enum kh_err
jwt_assertion(const struct credential *credential, struct bytes secret, int64_t now,
              struct buffer *out, struct fault *fault)
{
    struct jwt_secret parts;
    enum kh_err err = jwt_secret_read(secret, &parts, fault);

    if (!err)
        err = sign(credential, &parts, now, out, fault);
    jwt_secret_free(&parts);
    return err;
}

// ---- requests ----

static enum kh_err
set_github_url(const struct credential *credential, struct exchange_request *out,
               struct fault *fault)
{
    BUFFER_AUTO url;
    struct bytes base = credential_option(credential, "token-url");

    buffer_init(&url, 4096);
    buffer_put(&url, or_else(base, BYTES(GITHUB_API_URL)));
    if (!bytes_ends(base, BYTES("/access_tokens"))) {
        buffer_put_str(&url, bytes_ends(base, BYTES("/")) ? "" : "/");
        buffer_put_str(&url, "app/installations/");
        form_encode(credential_option(credential, "installation"), &url);
        buffer_put_str(&url, "/access_tokens");
    }
    return exchange_set_url(out, buffer_bytes(&url), fault);
}

static enum kh_err
compose_github(const struct credential *credential, const struct jwt_secret *secret, int64_t now,
               struct exchange_request *out, struct fault *fault)
{
    enum kh_err err = set_github_url(credential, out, fault);
    size_t start = out->text.n;

    buffer_put_str(&out->text, "Bearer ");
    if (!err)
        err = sign(credential, secret, now, &out->text, fault);
    exchange_add_field(out, "Authorization", exchange_since(out, start));
    exchange_add_field(out, "Accept", BYTES("application/vnd.github+json"));
    exchange_add_field(out, "X-GitHub-Api-Version", BYTES("2022-11-28"));
    exchange_add_field(out, "User-Agent", BYTES("keyhole")); // it refuses those that say nothing
    return err;
}

static enum kh_err
compose_bearer(const struct credential *credential, const struct jwt_secret *secret, int64_t now,
               struct exchange_request *out, struct fault *fault)
{
    enum kh_err err = exchange_set_url(out, token_url_of(credential, secret), fault);
    size_t start = out->text.n;

    exchange_add_field(out, "Content-Type", BYTES("application/x-www-form-urlencoded"));
    exchange_add_field(out, "Accept", BYTES("application/json"));
    buffer_put_str(&out->text, "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer"
                               "&assertion=");
    if (!err)
        err = sign(credential, secret, now, &out->text, fault);
    if (exchanges_with(credential, "rfc7523"))
        exchange_put_form(out, "scope", credential_option(credential, "scope"));
    out->carry.body = exchange_since(out, start);
    return err;
}

enum kh_err
exchange_compose_jwt(const struct credential *credential, struct bytes secret, int64_t now,
                     struct exchange_request *out, struct fault *fault)
{
    struct jwt_secret parts;
    bool github = exchanges_with(credential, "github");
    enum kh_err err = jwt_secret_read(secret, &parts, fault);

    if (!err)
        err = (github ? compose_github : compose_bearer)(credential, &parts, now, out, fault);
    if (!err && out->text.failed)
        err = fault_set(fault, KH_ERR_TOO_LONG, "the request for a token is too long");
    jwt_secret_free(&parts);
    return err;
}
