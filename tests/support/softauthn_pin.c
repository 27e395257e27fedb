/* SPDX-License-Identifier: Apache-2.0 */
/* authenticatorClientPIN of the software authenticator: PIN/UV protocols 1 and 2 (CTAP 2.1, 6.5).
 */

#include "softauthn_internal.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/hmac.h>
#include <openssl/kdf.h>
#include <openssl/rand.h>
#include <string.h>

enum {
    GET_RETRIES = 1,
    GET_KEY_AGREEMENT = 2,
    SET_PIN = 3,
    CHANGE_PIN = 4,
    GET_TOKEN = 5,
    GET_TOKEN_WITH_PERMISSIONS = 9,

    COSE_ECDH = -25,
    PIN_PADDED = 64,
    PIN_MIN = 4,
    BLOCK = 16,
    ENCRYPTED_MAX = 128,
};

struct request {
    int protocol, subcommand, permissions;
    bool has_key, has_rp;
    struct ctap_reader key;
    struct bytes tag, new_pin, pin_hash, rp_id;
};

struct secret {
    int protocol;
    uint8_t mac[32], cipher[32];
};

bool
softauthn_pin_set(struct softauthn *a, struct bytes pin)
{
    uint8_t hash[SOFTAUTHN_HASH_SIZE];
    softauthn_sha256(pin, hash);
    memcpy(a->state.pin_hash, hash, sizeof(a->state.pin_hash));
    a->state.pin_set = true;
    a->state.pin_retries = SOFTAUTHN_PIN_RETRIES;
    softauthn_pin_new_token(a);
    return softauthn_state_save(a);
}

void
softauthn_pin_new_token(struct softauthn *a)
{
    RAND_bytes(a->token, sizeof(a->token));
    a->token_permissions = 0;
    a->token_rp_bound = false;
}

static bool
derive(const uint8_t shared[32], const char *purpose, uint8_t out[32])
{
    uint8_t salt[32] = {0};
    EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
    EVP_KDF_CTX *context = kdf ? EVP_KDF_CTX_new(kdf) : NULL;
    char digest[] = "SHA256", info[32];
    size_t n = strlen(purpose);
    memcpy(info, purpose, n);
    uint8_t key[32];
    memcpy(key, shared, sizeof(key));
    OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, key, sizeof(key)),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, salt, sizeof(salt)),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, info, n), OSSL_PARAM_END};
    bool done = context && EVP_KDF_derive(context, out, 32, parameters) == 1;
    EVP_KDF_CTX_free(context);
    EVP_KDF_free(kdf);
    return done;
}

static bool
read_point(struct ctap_reader *r, uint8_t point[65])
{
    int found = 0;
    point[0] = 4;
    for (uint64_t n = ctap_read_map(r); n > 0 && !r->failed; n--) {
        int64_t label = ctap_read_int(r);
        if (label != -2 && label != -3) {
            ctap_read_item(r);
            continue;
        }
        struct bytes coordinate = ctap_read_bytes(r);
        if (coordinate.n != 32)
            return false;
        memcpy(point + (label == -2 ? 1 : 33), coordinate.p, 32);
        found++;
    }
    return !r->failed && found == 2;
}

static EVP_PKEY *
load_point(uint8_t point[65])
{
    char group[] = "P-256";
    OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point, 65), OSSL_PARAM_END};
    EVP_PKEY *key = NULL;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    if (context == NULL || EVP_PKEY_fromdata_init(context) != 1 ||
        EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, parameters) != 1)
        key = NULL;
    EVP_PKEY_CTX_free(context);
    return key;
}

static bool
agree(struct softauthn *a, const struct request *request, struct secret *out)
{
    struct ctap_reader r = request->key;
    uint8_t point[65], shared[32];
    size_t n = sizeof(shared);
    if (!read_point(&r, point))
        return false;
    EVP_PKEY *peer = load_point(point);
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(a->agreement, NULL);
    bool done = peer && context && EVP_PKEY_derive_init(context) == 1 &&
                EVP_PKEY_derive_set_peer(context, peer) == 1 &&
                EVP_PKEY_derive(context, shared, &n) == 1 && n == sizeof(shared);
    EVP_PKEY_CTX_free(context);
    EVP_PKEY_free(peer);
    if (!done)
        return false;
    out->protocol = request->protocol;
    if (request->protocol == 2)
        return derive(shared, "CTAP2 HMAC key", out->mac) &&
               derive(shared, "CTAP2 AES key", out->cipher);
    softauthn_sha256(bytes_of(shared, sizeof(shared)), out->mac);
    memcpy(out->cipher, out->mac, sizeof(out->cipher));
    return true;
}

static bool
mac_holds(int protocol, const uint8_t key[32], struct bytes message, struct bytes tag)
{
    uint8_t mac[32];
    unsigned n = sizeof(mac);
    size_t wanted = protocol == 1 ? 16 : 32;
    return HMAC(EVP_sha256(), key, 32, message.p, message.n, mac, &n) && tag.n == wanted &&
           CRYPTO_memcmp(mac, tag.p, wanted) == 0;
}

/* AES-256-CBC without padding; gives the length, 0 for failure. */
static size_t
crypt_cbc(const struct secret *s, bool encrypt, struct bytes in, uint8_t out[ENCRYPTED_MAX])
{
    uint8_t iv[BLOCK] = {0};
    size_t head = 0;
    if (s->protocol == 2 && encrypt) {
        RAND_bytes(iv, BLOCK);
        memcpy(out, iv, BLOCK);
        head = BLOCK;
    } else if (s->protocol == 2) {
        if (in.n < BLOCK)
            return 0;
        memcpy(iv, in.p, BLOCK);
        in = bytes_from(in, BLOCK);
    }
    if (in.n == 0 || in.n % BLOCK != 0 || head + in.n > ENCRYPTED_MAX)
        return 0;
    int n = 0, last = 0;
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    bool done = context &&
                EVP_CipherInit_ex(context, EVP_aes_256_cbc(), NULL, s->cipher, iv, encrypt) == 1 &&
                EVP_CIPHER_CTX_set_padding(context, 0) == 1 &&
                EVP_CipherUpdate(context, out + head, &n, in.p, (int)in.n) == 1 &&
                EVP_CipherFinal_ex(context, out + head + n, &last) == 1;
    EVP_CIPHER_CTX_free(context);
    return done ? head + (size_t)n : 0;
}

static bool
read_request(struct ctap_reader *in, struct request *out)
{
    *out = (struct request){0};
    for (uint64_t n = ctap_read_map(in); n > 0 && !in->failed; n--)
        switch (ctap_read_int(in)) {
        case 1:
            out->protocol = (int)ctap_read_int(in);
            break;
        case 2:
            out->subcommand = (int)ctap_read_int(in);
            break;
        case 3:
            out->key = ctap_read_item(in);
            out->has_key = true;
            break;
        case 4:
            out->tag = ctap_read_bytes(in);
            break;
        case 5:
            out->new_pin = ctap_read_bytes(in);
            break;
        case 6:
            out->pin_hash = ctap_read_bytes(in);
            break;
        case 9:
            out->permissions = (int)ctap_read_int(in);
            break;
        case 10:
            out->rp_id = ctap_read_text(in);
            out->has_rp = true;
            break;
        default:
            ctap_read_item(in);
        }
    return !in->failed;
}

/* `hash` is what the client says, 16 bytes. */
static enum softauthn_status
check_hash(struct softauthn *a, struct bytes hash)
{
    // counted before it is looked at, so that pulling the plug gains nothing
    a->state.pin_retries--;
    if (!softauthn_state_save(a))
        return SOFTAUTHN_OTHER;
    if (hash.n == sizeof(a->state.pin_hash) &&
        CRYPTO_memcmp(hash.p, a->state.pin_hash, hash.n) == 0) {
        a->state.pin_retries = SOFTAUTHN_PIN_RETRIES;
        a->pin_mismatches = 0;
        return softauthn_state_save(a) ? SOFTAUTHN_OK : SOFTAUTHN_OTHER;
    }
    a->pin_mismatches++;
    EVP_PKEY_free(a->agreement);
    a->agreement = EVP_EC_gen("P-256");
    if (a->state.pin_retries == 0)
        return SOFTAUTHN_PIN_BLOCKED;
    return a->pin_mismatches >= SOFTAUTHN_PIN_MISMATCHES ? SOFTAUTHN_PIN_AUTH_BLOCKED
                                                         : SOFTAUTHN_PIN_INVALID;
}

static enum softauthn_status
may_try(const struct softauthn *a)
{
    if (!a->state.pin_set)
        return SOFTAUTHN_PIN_NOT_SET;
    if (a->state.pin_retries == 0)
        return SOFTAUTHN_PIN_BLOCKED;
    return a->pin_mismatches >= SOFTAUTHN_PIN_MISMATCHES ? SOFTAUTHN_PIN_AUTH_BLOCKED
                                                         : SOFTAUTHN_OK;
}

static enum softauthn_status
check_pin(struct softauthn *a, const struct request *request, const struct secret *secret)
{
    enum softauthn_status status = may_try(a);
    if (status != SOFTAUTHN_OK)
        return status;
    uint8_t hash[ENCRYPTED_MAX];
    size_t n = crypt_cbc(secret, false, request->pin_hash, hash);
    return check_hash(a, bytes_of(hash, n));
}

enum softauthn_status
softauthn_pin_authorise(struct softauthn *a, const char *pin, int permission, struct bytes hash,
                        uint8_t tag[32])
{
    enum softauthn_status status = may_try(a);
    if (status != SOFTAUTHN_OK)
        return status;
    uint8_t digest[SOFTAUTHN_HASH_SIZE];
    softauthn_sha256(bytes_str(pin), digest);
    status = check_hash(a, bytes_of(digest, sizeof(a->state.pin_hash)));
    if (status != SOFTAUTHN_OK)
        return status;
    softauthn_pin_new_token(a);
    a->token_permissions = permission;
    unsigned n = 32;
    return HMAC(EVP_sha256(), a->token, sizeof(a->token), hash.p, hash.n, tag, &n)
               ? SOFTAUTHN_OK
               : SOFTAUTHN_OTHER;
}

static enum softauthn_status
take_new_pin(struct softauthn *a, const struct request *request, const struct secret *secret)
{
    uint8_t padded[ENCRYPTED_MAX];
    if (crypt_cbc(secret, false, request->new_pin, padded) != PIN_PADDED)
        return SOFTAUTHN_INVALID_PARAMETER;
    size_t n = strnlen((const char *)padded, PIN_PADDED);
    if (n < PIN_MIN || n == PIN_PADDED)
        return SOFTAUTHN_PIN_POLICY;
    return softauthn_pin_set(a, bytes_of(padded, n)) ? SOFTAUTHN_OK : SOFTAUTHN_OTHER;
}

static enum softauthn_status
set_or_change(struct softauthn *a, const struct request *request, const struct secret *secret)
{
    bool change = request->subcommand == CHANGE_PIN;
    if (!change && a->state.pin_set)
        return SOFTAUTHN_PIN_AUTH_INVALID;
    if (request->new_pin.n == 0 || request->tag.n == 0 || (change && request->pin_hash.n == 0))
        return SOFTAUTHN_MISSING_PARAMETER;
    BUFFER_AUTO message;
    buffer_init(&message, 2 * ENCRYPTED_MAX);
    buffer_put(&message, request->new_pin);
    buffer_put(&message, request->pin_hash);
    if (message.failed ||
        !mac_holds(secret->protocol, secret->mac, buffer_bytes(&message), request->tag))
        return SOFTAUTHN_PIN_AUTH_INVALID;
    enum softauthn_status status = change ? check_pin(a, request, secret) : SOFTAUTHN_OK;
    return status == SOFTAUTHN_OK ? take_new_pin(a, request, secret) : status;
}

static enum softauthn_status
give_token(struct softauthn *a, const struct request *request, const struct secret *secret,
           struct buffer *out)
{
    if (request->pin_hash.n == 0)
        return SOFTAUTHN_MISSING_PARAMETER;
    enum softauthn_status status = check_pin(a, request, secret);
    if (status != SOFTAUTHN_OK)
        return status;
    softauthn_pin_new_token(a);
    a->token_permissions = request->subcommand == GET_TOKEN
                               ? SOFTAUTHN_MAY_REGISTER | SOFTAUTHN_MAY_ASSERT
                               : request->permissions;
    if (request->has_rp) {
        softauthn_sha256(request->rp_id, a->token_rp_hash);
        a->token_rp_bound = true;
    }
    uint8_t encrypted[ENCRYPTED_MAX];
    size_t n = crypt_cbc(secret, true, bytes_of(a->token, sizeof(a->token)), encrypted);
    if (n == 0)
        return SOFTAUTHN_OTHER;
    ctap_write_map(out, 1);
    ctap_write_int(out, 2);
    ctap_write_bytes(out, bytes_of(encrypted, n));
    return SOFTAUTHN_OK;
}

enum softauthn_status
softauthn_client_pin(struct softauthn *a, struct ctap_reader *in, struct buffer *out)
{
    struct request request;
    struct secret secret;
    if (!read_request(in, &request))
        return SOFTAUTHN_INVALID_CBOR;
    if (request.subcommand == GET_RETRIES) {
        ctap_write_map(out, 1);
        ctap_write_int(out, 3);
        ctap_write_int(out, a->state.pin_retries);
        return SOFTAUTHN_OK;
    }
    bool known = request.protocol == 1 || request.protocol == 2;
    if (!known || (a->options.pin_protocol && a->options.pin_protocol != request.protocol))
        return SOFTAUTHN_INVALID_PARAMETER;
    if (request.subcommand == GET_KEY_AGREEMENT) {
        ctap_write_map(out, 1);
        ctap_write_int(out, 1);
        softauthn_key_write_cose(out, a->agreement, COSE_ECDH);
        return SOFTAUTHN_OK;
    }
    if (!request.has_key || !agree(a, &request, &secret))
        return SOFTAUTHN_MISSING_PARAMETER;
    if (request.subcommand == SET_PIN || request.subcommand == CHANGE_PIN)
        return set_or_change(a, &request, &secret);
    if (request.subcommand == GET_TOKEN || request.subcommand == GET_TOKEN_WITH_PERMISSIONS)
        return give_token(a, &request, &secret, out);
    return SOFTAUTHN_INVALID_SUBCOMMAND;
}

enum softauthn_status
softauthn_pin_check_token(const struct softauthn *a, int protocol, struct bytes hash,
                          struct bytes tag, int permission,
                          const uint8_t rp_hash[SOFTAUTHN_HASH_SIZE])
{
    if (protocol != 1 && protocol != 2)
        return SOFTAUTHN_INVALID_PARAMETER;
    bool holds =
        mac_holds(protocol, a->token, hash, tag) && (a->token_permissions & permission) != 0 &&
        (!a->token_rp_bound || memcmp(a->token_rp_hash, rp_hash, SOFTAUTHN_HASH_SIZE) == 0);
    return holds ? SOFTAUTHN_OK : SOFTAUTHN_PIN_AUTH_INVALID;
}

enum softauthn_status
softauthn_pin_select(struct softauthn *a)
{
    enum softauthn_status status = softauthn_touched(a, true);
    if (status != SOFTAUTHN_OK)
        return status;
    return a->state.pin_set ? SOFTAUTHN_PIN_INVALID : SOFTAUTHN_PIN_NOT_SET;
}
