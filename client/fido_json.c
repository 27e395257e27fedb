/* SPDX-License-Identifier: Apache-2.0
 *
 * What goes over the network of a security key's answers.
 */
#include "fido_sign.h"

#include "../caveats/base64.h"

void
fido_client_data(const char *type, const uint8_t challenge[CHALLENGE_SIZE], const char *origin,
                 struct buffer *out)
{
    // The origin is that of a URL in canonical form: nothing in it needs an escape.
    buffer_printf(out, "{\"type\":\"%s\",\"challenge\":\"", type);
    base64_encode(BASE64_URL, bytes_of(challenge, CHALLENGE_SIZE), out);
    buffer_printf(out, "\",\"origin\":\"%s\",\"crossOrigin\":false}", origin);
}

bool
fido_set_base64(json_t *object, const char *member, struct bytes data)
{
    BUFFER_AUTO text;
    buffer_init(&text, FIDO_DATA_MAX);
    base64_encode(BASE64_URL, data, &text);
    return !text.failed &&
           json_object_set_new(object, member, json_string(buffer_text(&text))) == 0;
}

enum kh_err
fido_assertion_json(struct bytes credential, struct bytes client_data, struct bytes data,
                    struct bytes signature, json_t **out, struct fault *fault)
{
    json_t *answer = json_object();
    if (!fido_set_base64(answer, "credential", credential) ||
        !fido_set_base64(answer, "client_data", client_data) ||
        !fido_set_base64(answer, "authenticator_data", data) ||
        !fido_set_base64(answer, "signature", signature)) {
        json_decref(answer);
        return fault_set(fault, KH_ERR_MEMORY, "memory is used up");
    }
    *out = answer;
    return KH_OK;
}
