/* SPDX-License-Identifier: Apache-2.0 */
/* authenticatorGetAssertion of the software authenticator, and the next ones (CTAP 2.1, 6.2, 6.3).
 */

#include "softauthn_internal.h"

#include <string.h>

struct request {
    struct bytes hash, rp_id, tag;
    bool has_tag, has_allow, verify, presence;
    struct ctap_reader allow;
    int protocol;
    uint8_t rp_hash[SOFTAUTHN_HASH_SIZE];
};

static void
read_options(struct ctap_reader *in, struct request *out)
{
    for (uint64_t n = ctap_read_map(in); n > 0 && !in->failed; n--) {
        struct bytes name = ctap_read_text(in);
        bool value = ctap_read_bool(in);
        if (bytes_is(name, "uv"))
            out->verify = value;
        else if (bytes_is(name, "up"))
            out->presence = value;
    }
}

static bool
read_request(struct ctap_reader *in, struct request *out)
{
    *out = (struct request){.presence = true};
    for (uint64_t n = ctap_read_map(in); n > 0 && !in->failed; n--)
        switch (ctap_read_int(in)) {
        case 1:
            out->rp_id = ctap_read_text(in);
            break;
        case 2:
            out->hash = ctap_read_bytes(in);
            break;
        case 3:
            out->allow = ctap_read_item(in);
            out->has_allow = true;
            break;
        case 5:
            read_options(in, out);
            break;
        case 6:
            out->tag = ctap_read_bytes(in);
            out->has_tag = true;
            break;
        case 7:
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
    if (request->hash.n != SOFTAUTHN_HASH_SIZE || request->rp_id.n == 0)
        return SOFTAUTHN_MISSING_PARAMETER;
    if (request->has_tag && request->tag.n == 0)
        return softauthn_pin_select(a);
    if (request->has_tag)
        return softauthn_pin_check_token(a, request->protocol, request->hash, request->tag,
                                         SOFTAUTHN_MAY_ASSERT, request->rp_hash);
    return request->verify ? SOFTAUTHN_INVALID_OPTION : SOFTAUTHN_OK;
}

static struct bytes
read_descriptor(struct ctap_reader *in)
{
    struct bytes id = BYTES("");
    for (uint64_t n = ctap_read_map(in); n > 0 && !in->failed; n--) {
        if (bytes_is(ctap_read_text(in), "id"))
            id = ctap_read_bytes(in);
        else
            ctap_read_item(in);
    }
    return id;
}

static void
find_allowed(struct softauthn *a, const struct request *request)
{
    struct ctap_reader list = request->allow;
    for (uint64_t n = ctap_read_array(&list); n > 0 && !list.failed; n--) {
        const struct softauthn_credential *c =
            softauthn_credential_find(a, read_descriptor(&list), request->rp_hash);
        if (c && a->answers.count == 0 && (c->protection < 3 || request->has_tag))
            a->answers.credential[a->answers.count++] = (size_t)(c - a->state.credential);
    }
}

static void
find_discoverable(struct softauthn *a, const struct request *request)
{
    for (size_t i = SOFTAUTHN_CREDENTIALS_MAX; i-- > 0;) {
        const struct softauthn_credential *c = &a->state.credential[i];
        if (c->used && c->discoverable && (c->protection < 2 || request->has_tag) &&
            memcmp(c->rp_hash, request->rp_hash, SOFTAUTHN_HASH_SIZE) == 0)
            a->answers.credential[a->answers.count++] = i;
    }
}

static const struct softauthn_credential *
next_credential(struct softauthn *a)
{
    const struct softauthn_credential *c =
        &a->state.credential[a->answers.credential[a->answers.next++]];
    if (softauthn_lies(a, SOFTAUTHN_LIE_CREDENTIAL))
        return softauthn_credential_make(a, c->key.algorithm, c->rp_hash);
    return c;
}

static enum softauthn_status
answer(struct softauthn *a, size_t total, struct buffer *out)
{
    const struct softauthn_credential *c = next_credential(a);
    BUFFER_AUTO data, signature;
    buffer_init(&data, 256);
    buffer_init(&signature, 1024);
    if (c == NULL)
        return SOFTAUTHN_KEY_STORE_FULL;
    softauthn_credential_write_data(a, c->rp_hash, a->answers.flags, &data);
    if (softauthn_lies(a, SOFTAUTHN_LIE_TRAILING))
        buffer_put_byte(&data, 0);
    if (!softauthn_credential_sign(a, &c->key, buffer_bytes(&data),
                                   bytes_of(a->answers.hash, SOFTAUTHN_HASH_SIZE), &signature))
        return SOFTAUTHN_OTHER;
    ctap_write_map(out, 3 + (c->discoverable ? 1 : 0) + (total > 1 ? 1 : 0));
    ctap_write_int(out, 1);
    ctap_write_map(out, 2);
    ctap_write_text(out, "id");
    ctap_write_bytes(out, bytes_of(c->id, SOFTAUTHN_ID_SIZE));
    ctap_write_text(out, "type");
    ctap_write_text(out, "public-key");
    ctap_write_int(out, 2);
    ctap_write_bytes(out, buffer_bytes(&data));
    ctap_write_int(out, 3);
    ctap_write_bytes(out, buffer_bytes(&signature));
    if (c->discoverable) {
        ctap_write_int(out, 4);
        ctap_write_map(out, 1);
        ctap_write_text(out, "id");
        ctap_write_bytes(out, bytes_of(c->user, c->user_n));
    }
    if (total > 1) {
        ctap_write_int(out, 5);
        ctap_write_int(out, (int64_t)total);
    }
    return softauthn_state_save(a) ? SOFTAUTHN_OK : SOFTAUTHN_OTHER;
}

enum softauthn_status
softauthn_get_assertion(struct softauthn *a, struct ctap_reader *in, struct buffer *out)
{
    struct request request;
    a->answers.count = a->answers.next = 0;
    if (!read_request(in, &request))
        return SOFTAUTHN_INVALID_CBOR;
    enum softauthn_status status = judge(a, &request);
    if (status != SOFTAUTHN_OK)
        return status;
    if (request.has_allow)
        find_allowed(a, &request);
    else
        find_discoverable(a, &request);
    if (request.presence)
        status = softauthn_touched(a, true);
    if (status != SOFTAUTHN_OK || a->answers.count == 0) {
        a->answers.count = 0;
        return status != SOFTAUTHN_OK ? status : SOFTAUTHN_NO_CREDENTIALS;
    }
    memcpy(a->answers.hash, request.hash.p, SOFTAUTHN_HASH_SIZE);
    a->answers.flags = (uint8_t)((request.presence ? SOFTAUTHN_FLAG_UP : 0) |
                                 (request.has_tag ? SOFTAUTHN_FLAG_UV : 0));
    return answer(a, a->answers.count, out);
}

enum softauthn_status
softauthn_next_assertion(struct softauthn *a, struct buffer *out)
{
    if (a->answers.next == 0 || a->answers.next >= a->answers.count)
        return SOFTAUTHN_NOT_ALLOWED;
    return answer(a, 1, out);
}
