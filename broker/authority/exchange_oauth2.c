/* SPDX-License-Identifier: Apache-2.0
 *
 * OAuth 2.0 (RFC 6749): the grants refresh_token (section 6) and client_credentials (section 4.4),
 * and the secrets of both.
 */
#include "exchange_rules.h"

#include "../../caveats/base64.h"
#include "../../caveats/json_parse.h"
#include "../../caveats/path.h"

#include <jansson.h>
#include <string.h>

static bool
is_printable(struct bytes text)
{
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] < 0x20 || text.p[i] > 0x7e)
            return false;
    }
    return true;
}

// ---- secrets ----

void
oauth2_secret_free(struct oauth2_secret *secret)
{
    buffer_free(&secret->text);
}

static struct bytes
keep_member(struct oauth2_secret *out, const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);
    size_t start = out->text.n;

    if (json_is_string(value))
        buffer_put(&out->text, bytes_of(json_string_value(value), json_string_length(value)));
    return bytes_from(buffer_bytes(&out->text), start);
}

static enum kh_err
read_object(struct bytes secret, struct oauth2_secret *out, struct fault *fault)
{
    json_t *object = json_parse(secret, JSON_REJECT_DUPLICATES, NULL);

    if (!json_is_object(object)) {
        json_decref(object);
        return fault_set(fault, KH_ERR_SYNTAX, "the secret begins as a JSON object and is none");
    }
    out->client_id = keep_member(out, object, "client_id");
    out->client_secret = keep_member(out, object, "client_secret");
    out->refresh_token = keep_member(out, object, "refresh_token");
    json_decref(object);
    return KH_OK;
}

static bool
is_client_grant(const struct credential *credential)
{
    return bytes_is(credential_option(credential, "grant"), "client");
}

enum kh_err
oauth2_secret_read(const struct credential *credential, struct bytes secret,
                   struct oauth2_secret *out, struct fault *fault)
{
    bool client = is_client_grant(credential);
    enum kh_err err = KH_OK;

    memset(out, 0, sizeof *out);
    buffer_init_secret(&out->text, 2 * CREDENTIAL_SECRET_MAX);
    if (!buffer_reserve(&out->text, CREDENTIAL_SECRET_MAX + 1))
        return fault_set(fault, KH_ERR_MEMORY, "memory is used up");
    if (bytes_starts(secret, BYTES("{")))
        err = read_object(secret, out, fault);
    else if (client)
        out->client_secret = secret;
    else
        out->refresh_token = secret;
    if (err)
        return err;
    if (out->client_id.n == 0)
        out->client_id = credential_option(credential, "client-id");
    if (!is_printable(out->client_id) || !is_printable(out->client_secret) ||
        !is_printable(out->refresh_token))
        return fault_set(fault, KH_ERR_SYNTAX, "the secret has parts that are not printable ASCII");
    if (client && (out->client_id.n == 0 || out->client_secret.n == 0))
        return fault_set(fault, KH_ERR_USAGE,
                         "grant=client needs the client's id (option client-id, or client_id in "
                         "the secret's JSON) and its secret");
    if (!client && out->refresh_token.n == 0)
        return fault_set(fault, KH_ERR_USAGE,
                         "grant=refresh needs a refresh token: the secret, or refresh_token in "
                         "its JSON");
    return KH_OK;
}

enum kh_err
exchange_new_secret(struct bytes secret, struct bytes refresh_token, struct buffer *out,
                    struct fault *fault)
{
    if (!bytes_starts(secret, BYTES("{"))) {
        buffer_put(out, refresh_token);
        return out->failed ? fault_set(fault, KH_ERR_TOO_LONG, "it is too long") : KH_OK;
    }
    json_t *object = json_parse(secret, JSON_REJECT_DUPLICATES, NULL);
    json_t *value = json_stringn((const char *)refresh_token.p, refresh_token.n);
    bool fine = object && value && json_object_set(object, "refresh_token", value) == 0;
    size_t n = fine ? json_dumpb(object, NULL, 0, JSON_COMPACT) : 0;
    uint8_t *room = n > 0 ? buffer_reserve(out, n) : NULL;

    if (room)
        buffer_advance(out, json_dumpb(object, (char *)room, n, JSON_COMPACT));
    json_decref(value);
    json_decref(object);
    return room ? KH_OK : fault_set(fault, KH_ERR_TOO_LONG, "it is too long");
}

// ---- the request ----

// Each part encoded as a form has it, before they are put together (RFC 6749 section 2.3.1).
static void
add_basic(struct exchange_request *out, const struct oauth2_secret *secret)
{
    BUFFER_AUTO pair;
    size_t start = out->text.n;

    buffer_init_secret(&pair, 8 * CREDENTIAL_SECRET_MAX);
    form_encode(secret->client_id, &pair);
    buffer_put_byte(&pair, ':');
    form_encode(secret->client_secret, &pair);
    buffer_put_str(&out->text, "Basic ");
    base64_encode(BASE64_STANDARD, buffer_bytes(&pair), &out->text);
    if (pair.failed)
        out->text.failed = true;
    exchange_add_field(out, "Authorization", exchange_since(out, start));
}

static void
put_body(const struct credential *credential, const struct oauth2_secret *secret, bool basic,
         struct exchange_request *out)
{
    bool client = is_client_grant(credential);
    size_t start = out->text.n;

    buffer_put_str(&out->text, "grant_type=");
    buffer_put_str(&out->text, client ? "client_credentials" : "refresh_token");
    if (!client)
        exchange_put_form(out, "refresh_token", secret->refresh_token);
    exchange_put_form(out, "scope", credential_option(credential, "scope"));
    exchange_put_form(out, "audience", credential_option(credential, "audience"));
    if (!basic) {
        exchange_put_form(out, "client_id", secret->client_id);
        exchange_put_form(out, "client_secret", secret->client_secret);
    }
    out->carry.body = exchange_since(out, start);
}

enum kh_err
exchange_compose_oauth2(const struct credential *credential, struct bytes secret,
                        struct exchange_request *out, struct fault *fault)
{
    struct oauth2_secret parts;
    enum kh_err err = oauth2_secret_read(credential, secret, &parts, fault);

    if (!err)
        err = exchange_set_url(out, credential_option(credential, "token-url"), fault);
    if (!err) {
        // A client without a secret only says who it is.
        bool basic =
            parts.client_secret.n > 0 && !bytes_is(credential_option(credential, "auth"), "post");
        exchange_add_field(out, "Content-Type", BYTES("application/x-www-form-urlencoded"));
        exchange_add_field(out, "Accept", BYTES("application/json"));
        if (basic)
            add_basic(out, &parts);
        put_body(credential, &parts, basic, out);
        if (out->text.failed)
            err = fault_set(fault, KH_ERR_TOO_LONG, "the request for a token is too long");
    }
    oauth2_secret_free(&parts);
    return err;
}
