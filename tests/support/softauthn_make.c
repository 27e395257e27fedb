/* SPDX-License-Identifier: Apache-2.0 */
/* authenticatorMakeCredential of the software authenticator (CTAP 2.1, 6.1). */

#include "softauthn_internal.h"

#include <string.h>

struct request {
    struct bytes hash, rp_id, user, tag;
    bool has_tag, has_exclude, discoverable, verify, presence;
    struct cbor_reader exclude;
    int algorithm, protocol, protection;
    uint8_t rp_hash[SOFTAUTHN_HASH_SIZE];
};

/* The value of "id" in a map with text keys: a text or byte string. */
static struct bytes
read_id(struct cbor_reader *in, bool text)
{
    struct bytes id = BYTES("");
    for (uint64_t n = cbor_read_map(in); n > 0 && !in->failed; n--) {
        if (!bytes_is(cbor_read_text(in), "id"))
            cbor_read_item(in);
        else
            id = text ? cbor_read_text(in) : cbor_read_bytes(in);
    }
    return id;
}

static int
read_algorithm(struct cbor_reader *in, int only)
{
    int chosen = 0;
    for (uint64_t n = cbor_read_array(in); n > 0 && !in->failed; n--)
        for (uint64_t m = cbor_read_map(in); m > 0 && !in->failed; m--) {
            if (!bytes_is(cbor_read_text(in), "alg")) {
                cbor_read_item(in);
                continue;
            }
            int algorithm = (int)cbor_read_int(in);
            bool known = algorithm == SOFTAUTHN_ES256 || algorithm == SOFTAUTHN_EDDSA ||
                         algorithm == SOFTAUTHN_RS256;
            if (known && chosen == 0 && (only == 0 || only == algorithm))
                chosen = algorithm;
        }
    return chosen;
}

static void
read_extensions(struct cbor_reader *in, struct request *out)
{
    for (uint64_t n = cbor_read_map(in); n > 0 && !in->failed; n--) {
        if (bytes_is(cbor_read_text(in), "credProtect"))
            out->protection = (int)cbor_read_int(in);
        else
            cbor_read_item(in);
    }
}

static void
read_options(struct cbor_reader *in, struct request *out)
{
    for (uint64_t n = cbor_read_map(in); n > 0 && !in->failed; n--) {
        struct bytes name = cbor_read_text(in);
        bool value = cbor_read_bool(in);
        if (bytes_is(name, "rk"))
            out->discoverable = value;
        else if (bytes_is(name, "uv"))
            out->verify = value;
        else if (bytes_is(name, "up"))
            out->presence = value;
    }
}

static bool
read_request(const struct softauthn *a, struct cbor_reader *in, struct request *out)
{
    *out = (struct request){.presence = true};
    for (uint64_t n = cbor_read_map(in); n > 0 && !in->failed; n--)
        switch (cbor_read_int(in)) {
        case 1:
            out->hash = cbor_read_bytes(in);
            break;
        case 2:
            out->rp_id = read_id(in, true);
            break;
        case 3:
            out->user = read_id(in, false);
            break;
        case 4:
            out->algorithm = read_algorithm(in, a->options.algorithm);
            break;
        case 5:
            out->exclude = cbor_read_item(in);
            out->has_exclude = true;
            break;
        case 6:
            read_extensions(in, out);
            break;
        case 7:
            read_options(in, out);
            break;
        case 8:
            out->tag = cbor_read_bytes(in);
            out->has_tag = true;
            break;
        case 9:
            out->protocol = (int)cbor_read_int(in);
            break;
        default:
            cbor_read_item(in);
        }
    sha256(out->rp_id, out->rp_hash);
    return !in->failed;
}

static enum softauthn_status
judge(struct softauthn *a, const struct request *request)
{
    if (request->hash.n != SOFTAUTHN_HASH_SIZE || request->rp_id.n == 0 || request->user.n == 0)
        return SOFTAUTHN_MISSING_PARAMETER;
    if (request->user.n > sizeof(a->state.credential[0].user) || request->protection < 0 ||
        request->protection > 3)
        return SOFTAUTHN_INVALID_PARAMETER;
    if (request->has_tag && request->tag.n == 0)
        return pin_select(a);
    if (request->algorithm == 0)
        return SOFTAUTHN_UNSUPPORTED_ALGORITHM;
    if (!request->presence)
        return SOFTAUTHN_INVALID_OPTION;
    if (request->has_tag)
        return pin_check_token(a, request->protocol, request->hash, request->tag,
                               SOFTAUTHN_MAY_REGISTER, request->rp_hash);
    if (request->verify)
        return SOFTAUTHN_INVALID_OPTION; // no built-in verification, as on most YubiKeys
    return a->state.pin_set ? SOFTAUTHN_PIN_REQUIRED : SOFTAUTHN_OK;
}

static bool
is_excluded(struct softauthn *a, const struct request *request)
{
    bool found = false;
    struct cbor_reader list = request->exclude;
    if (!request->has_exclude)
        return false;
    for (uint64_t n = cbor_read_array(&list); n > 0 && !list.failed; n--) {
        const struct softauthn_credential *c =
            credential_find(a, read_id(&list, false), request->rp_hash);
        if (c && (c->protection < 3 || request->has_tag))
            found = true;
    }
    return found;
}

static bool
write_data(struct softauthn *a, const struct request *request,
           const struct softauthn_credential *credential, struct buffer *data)
{
    EVP_PKEY *key = key_load(&credential->key);
    if (key == NULL)
        return false;
    uint8_t flags = SOFTAUTHN_FLAG_UP | SOFTAUTHN_FLAG_CREDENTIAL;
    if (request->has_tag)
        flags |= SOFTAUTHN_FLAG_UV;
    if (request->protection)
        flags |= SOFTAUTHN_FLAG_EXTENSIONS;
    credential_write_data(a, request->rp_hash, flags, data);
    buffer_put(data, bytes_of(softauthn_aaguid(), 16));
    buffer_put_byte(data, 0);
    buffer_put_byte(data, SOFTAUTHN_ID_SIZE);
    buffer_put(data, bytes_of(credential->id, SOFTAUTHN_ID_SIZE));
    key_write_cose(data, key, credential->key.algorithm);
    if (request->protection) {
        cbor_write_map(data, 1);
        cbor_write_text(data, "credProtect");
        cbor_write_int(data, request->protection);
    }
    if (lies(a, SOFTAUTHN_LIE_TRAILING))
        buffer_put_byte(data, 0);
    EVP_PKEY_free(key);
    return !data->failed;
}

static bool
write_statement(struct softauthn *a, const struct softauthn_credential *credential,
                struct bytes data, struct bytes hash, struct buffer *out)
{
    if (a->options.format == SOFTAUTHN_NONE) {
        cbor_write_map(out, 0);
        return true;
    }
    bool self = a->options.format == SOFTAUTHN_SELF;
    const struct softauthn_key *key = self ? &credential->key : &a->state.leaf_key;
    BUFFER_AUTO signature, leaf;
    buffer_init(&signature, 1024);
    buffer_init(&leaf, SOFTAUTHN_CERTIFICATE_MAX);
    if (!credential_sign(a, key, data, hash, &signature) ||
        (!self && !certificate_make_leaf(a, &leaf)))
        return false;
    cbor_write_map(out, self ? 2 : 3);
    cbor_write_text(out, "alg");
    cbor_write_int(out, key->algorithm);
    cbor_write_text(out, "sig");
    cbor_write_bytes(out, buffer_bytes(&signature));
    if (!self) {
        cbor_write_text(out, "x5c");
        cbor_write_array(out, 1);
        cbor_write_bytes(out, buffer_bytes(&leaf));
    }
    return true;
}

static void
forget_former(struct softauthn *a, const struct request *request)
{
    for (size_t i = 0; i < SOFTAUTHN_CREDENTIALS_MAX; i++) {
        struct softauthn_credential *c = &a->state.credential[i];
        if (c->used && c->discoverable &&
            memcmp(c->rp_hash, request->rp_hash, SOFTAUTHN_HASH_SIZE) == 0 &&
            bytes_equal(bytes_of(c->user, c->user_n), request->user))
            c->used = false;
    }
}

enum softauthn_status
softauthn_make_credential(struct softauthn *a, struct cbor_reader *in, struct buffer *out)
{
    struct request request;
    if (!read_request(a, in, &request))
        return SOFTAUTHN_INVALID_CBOR;
    enum softauthn_status status = judge(a, &request);
    if (status != SOFTAUTHN_OK)
        return status;
    bool excluded = is_excluded(a, &request);
    // touched first: else anyone could ask which credentials are here
    status = touched(a, true);
    if (status != SOFTAUTHN_OK)
        return status;
    if (excluded)
        return SOFTAUTHN_CREDENTIAL_EXCLUDED;
    if (request.discoverable)
        forget_former(a, &request);
    struct softauthn_credential *c = credential_make(a, request.algorithm, request.rp_hash);
    if (c == NULL)
        return SOFTAUTHN_KEY_STORE_FULL;
    c->discoverable = request.discoverable;
    c->user_n = (uint32_t)request.user.n;
    memcpy(c->user, request.user.p, request.user.n);
    if (request.protection)
        c->protection = request.protection;

    BUFFER_AUTO data;
    buffer_init(&data, SOFTAUTHN_MESSAGE_MAX);
    if (!write_data(a, &request, c, &data))
        return SOFTAUTHN_OTHER;
    cbor_write_map(out, 3);
    cbor_write_int(out, 1);
    cbor_write_text(out, a->options.format == SOFTAUTHN_NONE ? "none" : "packed");
    cbor_write_int(out, 2);
    cbor_write_bytes(out, buffer_bytes(&data));
    cbor_write_int(out, 3);
    if (!write_statement(a, c, buffer_bytes(&data), request.hash, out) || !state_save(a))
        return SOFTAUTHN_OTHER;
    return SOFTAUTHN_OK;
}
