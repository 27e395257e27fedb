/* SPDX-License-Identifier: Apache-2.0 */
/* What browsers' toJSON() writes. Members beside those that are needed are let be: there will be
 * more of them. */
#include "../../caveats/base64.h"
#include "../../caveats/json_parse.h"
#include "webauthn.h"

#include <jansson.h>

enum { JSON_TEXT_MAX = 4 * WEBAUTHN_INPUT_MAX };

static enum failure
refuse(struct fault *fault, const char *member, const char *why)
{
    (void)fault_set(fault, KH_ERR_SYNTAX, "%s%s", member, why);
    return FAILURE_REQUEST_INVALID;
}

static enum failure
binary_read(const json_t *object, const char *member, struct buffer *out, struct fault *fault)
{
    const json_t *value = json_object_get(object, member);
    if (!json_is_string(value))
        return refuse(fault, member, " is missing, or is no text");
    struct bytes text = bytes_of(json_string_value(value), json_string_length(value));
    if (!base64_decode(BASE64_URL, text, out) || out->n == 0)
        return refuse(fault, member, " is not base64url without padding, or is empty");
    return FAILURE_NONE;
}

// What a registration and an assertion have in common: type, id, and rawId, which says the same.
static enum failure
credential_read(const json_t *object, struct buffer *id, struct fault *fault)
{
    const json_t *type = json_object_get(object, "type"), *raw = json_object_get(object, "rawId");
    if (!json_is_object(object))
        return refuse(fault, "the text", " is not a JSON object, or names a member twice");
    if (!json_is_string(type) || !bytes_is(BYTES("public-key"), json_string_value(type)))
        return refuse(fault, "type", " is not public-key");
    enum failure failure = binary_read(object, "id", id, fault);
    if (failure == FAILURE_NONE && raw != NULL && !json_equal(raw, json_object_get(object, "id")))
        return refuse(fault, "rawId", " is not the same as id");
    if (failure == FAILURE_NONE && id->n > WEBAUTHN_CREDENTIAL_ID_MAX)
        return refuse(fault, "id", " is too long");
    return failure;
}

static json_t *
text_read(struct bytes text)
{
    if (text.n > JSON_TEXT_MAX)
        return NULL;
    return json_parse(text, JSON_REJECT_DUPLICATES, NULL);
}

// The members of "response" that are wanted, each into a buffer of its own.
struct member {
    const char *name;
    struct buffer *out;
};

static enum failure
response_read(struct bytes json, struct buffer *id, const struct member *member, size_t count,
              struct fault *fault)
{
    json_t *object = text_read(json);
    const json_t *response = json_object_get(object, "response");

    buffer_init(id, WEBAUTHN_INPUT_MAX);
    for (size_t i = 0; i < count; i++)
        buffer_init(member[i].out, WEBAUTHN_INPUT_MAX);
    enum failure failure = credential_read(object, id, fault);
    for (size_t i = 0; failure == FAILURE_NONE && i < count; i++)
        failure = binary_read(response, member[i].name, member[i].out, fault);
    json_decref(object);
    return failure;
}

enum failure
webauthn_registration_read(struct bytes json, struct webauthn_registration_json *out,
                           struct fault *fault)
{
    struct webauthn_registration_json read = {0};
    const struct member members[] = {{"clientDataJSON", &read.client_data},
                                     {"attestationObject", &read.attestation}};
    enum failure failure =
        response_read(json, &read.id, members, sizeof(members) / sizeof(members[0]), fault);
    if (failure == FAILURE_NONE)
        *out = read;
    else
        webauthn_registration_free(&read);
    return failure;
}

void
webauthn_registration_free(struct webauthn_registration_json *json)
{
    buffer_free(&json->id);
    buffer_free(&json->client_data);
    buffer_free(&json->attestation);
}

enum failure
webauthn_assertion_read(struct bytes json, struct webauthn_assertion_json *out, struct fault *fault)
{
    struct webauthn_assertion_json read = {0};
    const struct member members[] = {{"clientDataJSON", &read.client_data},
                                     {"authenticatorData", &read.authenticator_data},
                                     {"signature", &read.signature}};
    enum failure failure =
        response_read(json, &read.id, members, sizeof(members) / sizeof(members[0]), fault);
    if (failure == FAILURE_NONE)
        *out = read;
    else
        webauthn_assertion_free(&read);
    return failure;
}

void
webauthn_assertion_free(struct webauthn_assertion_json *json)
{
    buffer_free(&json->id);
    buffer_free(&json->client_data);
    buffer_free(&json->authenticator_data);
    buffer_free(&json->signature);
}
