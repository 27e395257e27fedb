/* SPDX-License-Identifier: Apache-2.0 */
/* rpIdHash, flags, counter, credential, extensions, and nothing behind them: libfido2 does not look
 * whether something follows. */
#include "authenticator_data.h"

#include "webauthn.h"

#include <fido.h>
#include <stdio.h>

enum { HEAD_SIZE = 37, HASH_SIZE = 32, PROTECTION_MAX = 3, PIN_MINIMUM_MAX = 255 };

static bool
credential_read(struct bytes *rest, struct authenticator_data *out, char why[WHY_MAX])
{
    struct cbor_item key;
    if (rest->n < WEBAUTHN_AAGUID_SIZE + 2)
        return why_not(why, "it ends in the credential");
    out->aaguid = bytes_slice(*rest, 0, WEBAUTHN_AAGUID_SIZE);
    size_t id_n = (size_t)rest->p[WEBAUTHN_AAGUID_SIZE] << 8 | rest->p[WEBAUTHN_AAGUID_SIZE + 1];
    *rest = bytes_from(*rest, WEBAUTHN_AAGUID_SIZE + 2);
    if (id_n == 0 || id_n > WEBAUTHN_CREDENTIAL_ID_MAX || id_n > rest->n)
        return why_not(why, "the credential id has a length that cannot be");
    out->credential_id = bytes_slice(*rest, 0, id_n);
    *rest = bytes_from(*rest, id_n);
    if (!cbor_read(*rest, &key, rest) || key.type != CBOR_MAP)
        return why_not(why, "the public key is not strict CBOR");
    if (!cbor_map_is_sorted(&key))
        return why_not(why, "the public key is not in CTAP2's order");
    if (key.whole.n > WEBAUTHN_PUBLIC_KEY_MAX)
        return why_not(why, "the public key is too long");
    out->public_key = key.whole;
    return true;
}

/* ---- extensions ---- */

// hmac-secret and credBlob say yes or no at a registration, and carry bytes in an assertion.
static bool
take_secret(const struct cbor_item *value, bool registration, int bit,
            struct authenticator_data *out)
{
    bool flag = value->type == CBOR_SIMPLE && value->value != CBOR_NULL;
    if (registration ? !flag : value->type != CBOR_BYTES)
        return false;
    if (!registration || value->value == CBOR_TRUE)
        out->extension_mask |= bit;
    return true;
}

static bool
take_hmac_secret(const struct cbor_item *value, bool registration, struct authenticator_data *out)
{
    return take_secret(value, registration, FIDO_EXT_HMAC_SECRET, out);
}

static bool
take_blob(const struct cbor_item *value, bool registration, struct authenticator_data *out)
{
    return take_secret(value, registration, FIDO_EXT_CRED_BLOB, out);
}

static bool
take_protection(const struct cbor_item *value, bool registration, struct authenticator_data *out)
{
    if (value->type != CBOR_UNSIGNED || value->value < 1 || value->value > PROTECTION_MAX)
        return false;
    out->protection = (int)value->value;
    if (registration)
        out->extension_mask |= FIDO_EXT_CRED_PROTECT;
    return true;
}

static bool
take_pin_minimum(const struct cbor_item *value, bool registration, struct authenticator_data *out)
{
    if (value->type != CBOR_UNSIGNED || value->value < 1 || value->value > PIN_MINIMUM_MAX)
        return false;
    out->pin_minimum = (unsigned)value->value;
    if (registration)
        out->extension_mask |= FIDO_EXT_MINPINLEN;
    return true;
}

// Those that libfido2 looks at; others are signed like all the rest, and mean nothing here.
static const struct {
    const char *name;
    bool (*take)(const struct cbor_item *value, bool registration, struct authenticator_data *out);
} extensions[] = {
    {"credProtect", take_protection},
    {"hmac-secret", take_hmac_secret},
    {"minPinLength", take_pin_minimum},
    {"credBlob", take_blob},
};

static bool
extensions_read(struct bytes *rest, bool registration, struct authenticator_data *out,
                char why[WHY_MAX])
{
    struct cbor_item map, value;
    if (!cbor_read(*rest, &map, rest) || map.type != CBOR_MAP)
        return why_not(why, "the extensions are not strict CBOR");
    if (!cbor_map_is_sorted(&map))
        return why_not(why, "the extensions are not in CTAP2's order");
    for (size_t i = 0; i < sizeof(extensions) / sizeof(extensions[0]); i++) {
        if (cbor_map_text(&map, extensions[i].name, &value) &&
            !extensions[i].take(&value, registration, out))
            return why_not(why, "the extension %s has a value that cannot be", extensions[i].name);
    }
    return true;
}

bool
authenticator_data_read(struct bytes text, bool registration, struct authenticator_data *out,
                        char why[WHY_MAX])
{
    struct authenticator_data data = {0};
    if (text.n < HEAD_SIZE)
        return why_not(why, "it is shorter than 37 bytes");
    data.rp_id_hash = bytes_slice(text, 0, HASH_SIZE);
    data.flags = text.p[HASH_SIZE];
    for (size_t i = HASH_SIZE + 1; i < HEAD_SIZE; i++)
        data.counter = data.counter << 8 | text.p[i];
    struct bytes rest = bytes_from(text, HEAD_SIZE);
    bool has_credential = (data.flags & FLAG_CREDENTIAL) != 0;
    if (has_credential != registration)
        return why_not(why, registration ? "there is no credential in it"
                                         : "there is a credential in it, as in a registration");
    if (has_credential && !credential_read(&rest, &data, why))
        return false;
    if ((data.flags & FLAG_EXTENSIONS) != 0 && !extensions_read(&rest, registration, &data, why))
        return false;
    if (rest.n != 0)
        return why_not(why, "%zu bytes follow it", rest.n);
    *out = data;
    return true;
}
