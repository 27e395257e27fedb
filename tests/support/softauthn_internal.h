/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of the software authenticator share.
 */
#ifndef KEYHOLE_TESTS_SOFTAUTHN_INTERNAL_H
#define KEYHOLE_TESTS_SOFTAUTHN_INTERNAL_H

#include <openssl/evp.h>

#include "softauthn.h"

enum {
    SOFTAUTHN_HASH_SIZE = 32,
    SOFTAUTHN_ID_SIZE = 48,
    SOFTAUTHN_CREDENTIALS_MAX = 32,
    SOFTAUTHN_KEY_MAX =
        1300, /* PKCS#8 or traditional DER; an RSA key of 2048 bits is the largest */
    SOFTAUTHN_CERTIFICATE_MAX = 1024,
    SOFTAUTHN_PIN_RETRIES = 8,
    SOFTAUTHN_PIN_MISMATCHES = 3, /* in a row, until the key is plugged in anew */

    SOFTAUTHN_FLAG_UP = 0x01,
    SOFTAUTHN_FLAG_UV = 0x04,
    SOFTAUTHN_FLAG_BACKED_UP = 0x10,
    SOFTAUTHN_FLAG_RESERVED = 0x20,
    SOFTAUTHN_FLAG_CREDENTIAL = 0x40,
    SOFTAUTHN_FLAG_EXTENSIONS = 0x80,

    SOFTAUTHN_MAY_REGISTER = 0x01, /* permissions of a PIN token */
    SOFTAUTHN_MAY_ASSERT = 0x02,
};

/* ---- CBOR (RFC 8949), what CTAP needs of it ---- */

struct ctap_reader {
    struct bytes rest;
    bool failed; /* all that follows is zero and empty */
};
uint64_t ctap_read_map(struct ctap_reader *r); /* its number of pairs */
uint64_t ctap_read_array(struct ctap_reader *r);
int64_t ctap_read_int(struct ctap_reader *r);
bool ctap_read_bool(struct ctap_reader *r);
struct bytes ctap_read_bytes(struct ctap_reader *r);
struct bytes ctap_read_text(struct ctap_reader *r);
/* Pass over one item; gives a reader of it alone. */
struct ctap_reader ctap_read_item(struct ctap_reader *r);

void ctap_write_map(struct buffer *b, uint64_t pairs);
void ctap_write_array(struct buffer *b, uint64_t items);
void ctap_write_int(struct buffer *b, int64_t value);
void ctap_write_bool(struct buffer *b, bool value);
void ctap_write_bytes(struct buffer *b, struct bytes value);
void ctap_write_text(struct buffer *b, const char *value);

/* ---- keys ---- */

struct softauthn_key {
    int algorithm; /* COSE */
    uint32_t n;
    uint8_t der[SOFTAUTHN_KEY_MAX];
};
bool softauthn_key_generate(int algorithm, struct softauthn_key *out);
EVP_PKEY *softauthn_key_load(const struct softauthn_key *key); /* the caller's */
void softauthn_key_write_cose(struct buffer *b, EVP_PKEY *key, int algorithm);
bool softauthn_key_point(EVP_PKEY *key, uint8_t out[65]); /* of P-256, uncompressed */
bool softauthn_key_sign(const struct softauthn_key *key, struct bytes message,
                        struct buffer *signature);
void softauthn_sha256(struct bytes in, uint8_t out[SOFTAUTHN_HASH_SIZE]);

/* ---- what outlives the authenticator ---- */

struct softauthn_credential {
    bool used, discoverable;
    uint8_t id[SOFTAUTHN_ID_SIZE];
    uint8_t rp_hash[SOFTAUTHN_HASH_SIZE];
    uint8_t user[64];
    uint32_t user_n;
    int32_t protection; /* credProtect: 1 to 3 */
    struct softauthn_key key;
};

struct softauthn_state {
    uint32_t magic, size;
    uint32_t counter;
    bool pin_set;
    int32_t pin_retries;
    uint8_t pin_hash[16];
    struct softauthn_key root_key, leaf_key;
    uint32_t root_n;
    uint8_t root[SOFTAUTHN_CERTIFICATE_MAX];
    struct softauthn_credential credential[SOFTAUTHN_CREDENTIALS_MAX];
};

struct softauthn {
    struct softauthn_options options;
    char *state_path;
    struct softauthn_state state;

    EVP_PKEY *agreement; /* for the PIN protocols */
    uint8_t token[32];
    int token_permissions;
    uint8_t token_rp_hash[SOFTAUTHN_HASH_SIZE];
    bool token_rp_bound;
    int pin_mismatches;

    struct {
        size_t credential[SOFTAUTHN_CREDENTIALS_MAX], count, next;
        uint8_t hash[SOFTAUTHN_HASH_SIZE];
        uint8_t flags;
    } answers; /* of the last getAssertion, for getNextAssertion */
};

bool softauthn_state_load(struct softauthn *a);
bool softauthn_state_save(const struct softauthn *a);
bool softauthn_lies(const struct softauthn *a, enum softauthn_lie lie);
enum softauthn_status softauthn_touched(struct softauthn *a, bool wait);

struct softauthn_credential *softauthn_credential_find(struct softauthn *a, struct bytes id,
                                                       const uint8_t rp_hash[SOFTAUTHN_HASH_SIZE]);
struct softauthn_credential *softauthn_credential_make(struct softauthn *a, int algorithm,
                                                       const uint8_t rp_hash[SOFTAUTHN_HASH_SIZE]);
/* The first 37 bytes, as honest as the lie allows; counts. */
void softauthn_credential_write_data(struct softauthn *a,
                                     const uint8_t rp_hash[SOFTAUTHN_HASH_SIZE], uint8_t flags,
                                     struct buffer *out);
/* Sign authenticator data and client data hash, as honest as the lie allows. */
bool softauthn_credential_sign(const struct softauthn *a, const struct softauthn_key *key,
                               struct bytes data, struct bytes client_data_hash,
                               struct buffer *signature);

bool softauthn_certificate_make_root(const struct softauthn_key *key,
                                     uint8_t out[SOFTAUTHN_CERTIFICATE_MAX], uint32_t *n);
/* The leaf for one attestation, DER. */
bool softauthn_certificate_make_leaf(const struct softauthn *a, struct buffer *out);

enum softauthn_status softauthn_make_credential(struct softauthn *a, struct ctap_reader *in,
                                                struct buffer *out);
enum softauthn_status softauthn_get_assertion(struct softauthn *a, struct ctap_reader *in,
                                              struct buffer *out);
enum softauthn_status softauthn_next_assertion(struct softauthn *a, struct buffer *out);
enum softauthn_status softauthn_client_pin(struct softauthn *a, struct ctap_reader *in,
                                           struct buffer *out);

bool softauthn_pin_set(struct softauthn *a, struct bytes pin);
void softauthn_pin_new_token(struct softauthn *a);
/* pinUvAuthParam over a client data hash. */
enum softauthn_status softauthn_pin_check_token(const struct softauthn *a, int protocol,
                                                struct bytes hash, struct bytes tag, int permission,
                                                const uint8_t rp_hash[SOFTAUTHN_HASH_SIZE]);
/* What a client does to verify a user: the PIN, a token, and the tag over a client data hash
 * (protocol 2). Wrong PINs count. */
enum softauthn_status softauthn_pin_authorise(struct softauthn *a, const char *pin, int permission,
                                              struct bytes hash, uint8_t tag[32]);
/* What a zero-length pinUvAuthParam asks for: to be touched, so that a person can choose a key. */
enum softauthn_status softauthn_pin_select(struct softauthn *a);

#endif
