/* SPDX-License-Identifier: Apache-2.0 */
/* authenticatorMakeCredential of the software authenticator (CTAP 2.1, 6.1). */

#include "softauthn_internal.h"

#include <string.h>

struct request {
    struct bytes hash, rp_id, user, tag;
    bool has_tag, has_exclude, discoverable, verify, presence;
    struct ctap_reader exclude;
    int algorithm, protocol, protection;
    uint8_t rp_hash[SOFTAUTHN_HASH_SIZE];
};

/* The value of "id" in a map with text keys: a text or byte string. */
static struct bytes
read_id(struct ctap_reader *in, bool text)
{
    struct bytes id = BYTES("");
    for (uint64_t n = ctap_read_map(in); n > 0 && !in->failed; n--) {
        if (!bytes_is(ctap_read_text(in), "id"))
            ctap_read_item(in);
        else
            id = text ? ctap_read_text(in) : ctap_read_bytes(in);
    }
    return id;
}

static int
read_algorithm(struct ctap_reader *in, int only)
{
    int chosen = 0;
    for (uint64_t n = ctap_read_array(in); n > 0 && !in->failed; n--)
        for (uint64_t m = ctap_read_map(in); m > 0 && !in->failed; m--) {
            if (!bytes_is(ctap_read_text(in), "alg")) {
                ctap_read_item(in);
                continue;
            }
            int algorithm = (int)ctap_read_int(in);
            bool known = algorithm == SOFTAUTHN_ES256 || algorithm == SOFTAUTHN_EDDSA ||
                         algorithm == SOFTAUTHN_RS256;
            if (known && chosen == 0 && (only == 0 || only == algorithm))
                chosen = algorithm;
        }
    return chosen;
}

static void
read_extensions(struct ctap_reader *in, struct request *out)
{
    for (uint64_t n = ctap_read_map(in); n > 0 && !in->failed; n--) {
        if (bytes_is(ctap_read_text(in), "credProtect"))
            out->protection = (int)ctap_read_int(in);
        else
            ctap_read_item(in);
    }
}

static void
read_options(struct ctap_reader *in, struct request *out)
{
    for (uint64_t n = ctap_read_map(in); n > 0 && !in->failed; n--) {
        struct bytes name = ctap_read_text(in);
        bool value = ctap_read_bool(in);
        if (bytes_is(name, "rk"))
            out->discoverable = value;
        else if (bytes_is(name, "uv"))
            out->verify = value;
        else if (bytes_is(name, "up"))
            out->presence = value;
    }
}

static bool
read_request(const struct softauthn *a, struct ctap_reader *in, struct request *out)
{
    *out = (struct request){.presence = true};
    for (uint64_t n = ctap_read_map(in); n > 0 && !in->failed; n--)
        switch (ctap_read_int(in)) {
        case 1:
            out->hash = ctap_read_bytes(in);
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
            out->exclude = ctap_read_item(in);
            out->has_exclude = true;
            break;
        case 6:
            read_extensions(in, out);
            break;
        case 7:
            read_options(in, out);
            break;
        case 8:
            out->tag = ctap_read_bytes(in);
            out->has_tag = true;
            break;
        case 9:
            out->protocol = (int)ctap_read_int(in);
            break;
        default:
            ctap_read_item(in);
        }
    softauthn_sha256(out->rp_id, out->rp_hash);
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
        return softauthn_pin_select(a);
    if (request->algorithm == 0)
        return SOFTAUTHN_UNSUPPORTED_ALGORITHM;
    if (!request->presence)
        return SOFTAUTHN_INVALID_OPTION;
    if (request->has_tag)
        return softauthn_pin_check_token(a, request->protocol, request->hash, request->tag,
                                         SOFTAUTHN_MAY_REGISTER, request->rp_hash);
    if (request->verify)
        return SOFTAUTHN_INVALID_OPTION; // no built-in verification, as on most YubiKeys
    return a->state.pin_set ? SOFTAUTHN_PIN_REQUIRED : SOFTAUTHN_OK;
}

static bool
is_excluded(struct softauthn *a, const struct request *request)
{
    bool found = false;
    struct ctap_reader list = request->exclude;
    if (!request->has_exclude)
        return false;
    for (uint64_t n = ctap_read_array(&list); n > 0 && !list.failed; n--) {
        const struct softauthn_credential *c =
            softauthn_credential_find(a, read_id(&list, false), request->rp_hash);
        if (c && (c->protection < 3 || request->has_tag))
            found = true;
    }
    return found;
}

static bool
write_data(struct softauthn *a, const struct request *request,
           const struct softauthn_credential *credential, struct buffer *data)
{
    EVP_PKEY *key = softauthn_key_load(&credential->key);
    if (key == NULL)
        return false;
    uint8_t flags = SOFTAUTHN_FLAG_UP | SOFTAUTHN_FLAG_CREDENTIAL;
    if (request->has_tag)
        flags |= SOFTAUTHN_FLAG_UV;
    if (request->protection)
        flags |= SOFTAUTHN_FLAG_EXTENSIONS;
    softauthn_credential_write_data(a, request->rp_hash, flags, data);
    buffer_put(data, bytes_of(softauthn_aaguid(), 16));
    buffer_put_byte(data, 0);
    buffer_put_byte(data, SOFTAUTHN_ID_SIZE);
    buffer_put(data, bytes_of(credential->id, SOFTAUTHN_ID_SIZE));
    softauthn_key_write_cose(data, key, credential->key.algorithm);
    if (request->protection) {
        ctap_write_map(data, 1);
        ctap_write_text(data, "credProtect");
        ctap_write_int(data, request->protection);
    }
    if (softauthn_lies(a, SOFTAUTHN_LIE_TRAILING))
        buffer_put_byte(data, 0);
    EVP_PKEY_free(key);
    return !data->failed;
}

static bool
write_statement(struct softauthn *a, const struct softauthn_credential *credential,
                struct bytes data, struct bytes hash, struct buffer *out)
{
    if (a->options.format == SOFTAUTHN_NONE) {
        ctap_write_map(out, 0);
        return true;
    }
    bool self = a->options.format == SOFTAUTHN_SELF;
    const struct softauthn_key *key = self ? &credential->key : &a->state.leaf_key;
    BUFFER_AUTO signature, leaf;
    buffer_init(&signature, 1024);
    buffer_init(&leaf, SOFTAUTHN_CERTIFICATE_MAX);
    if (!softauthn_credential_sign(a, key, data, hash, &signature) ||
        (!self && !softauthn_certificate_make_leaf(a, &leaf)))
        return false;
    ctap_write_map(out, self ? 2 : 3);
    ctap_write_text(out, "alg");
    ctap_write_int(out, key->algorithm);
    ctap_write_text(out, "sig");
    ctap_write_bytes(out, buffer_bytes(&signature));
    if (!self) {
        ctap_write_text(out, "x5c");
        ctap_write_array(out, 1);
        ctap_write_bytes(out, buffer_bytes(&leaf));
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
softauthn_make_credential(struct softauthn *a, struct ctap_reader *in, struct buffer *out)
{
    struct request request;
    if (!read_request(a, in, &request))
        return SOFTAUTHN_INVALID_CBOR;
    enum softauthn_status status = judge(a, &request);
    if (status != SOFTAUTHN_OK)
        return status;
    bool excluded = is_excluded(a, &request);
    // touched first: else anyone could ask which credentials are here
    status = softauthn_touched(a, true);
    if (status != SOFTAUTHN_OK)
        return status;
    if (excluded)
        return SOFTAUTHN_CREDENTIAL_EXCLUDED;
    if (request.discoverable)
        forget_former(a, &request);
    struct softauthn_credential *c =
        softauthn_credential_make(a, request.algorithm, request.rp_hash);
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
    ctap_write_map(out, 3);
    ctap_write_int(out, 1);
    ctap_write_text(out, a->options.format == SOFTAUTHN_NONE ? "none" : "packed");
    ctap_write_int(out, 2);
    ctap_write_bytes(out, buffer_bytes(&data));
    ctap_write_int(out, 3);
    if (!write_statement(a, c, buffer_bytes(&data), request.hash, out) || !softauthn_state_save(a))
        return SOFTAUTHN_OTHER;
    return SOFTAUTHN_OK;
}
