/* SPDX-License-Identifier: Apache-2.0 */
/* Which keys are taken, and that they are keys: points on their curves, moduli of their size. */
#include "cose_key.h"

#include <fido.h>
#include <fido/es256.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

enum { KEY_TYPE = 1, KEY_ALGORITHM = 3 }; // labels
enum { RSA_MODULUS_SIZE = 256, RSA_EXPONENT_SIZE = 3, FIELD_SIZE = 32 };

struct parameter {
    int label;
    size_t size; // of bytes; 0: it is a number
    int64_t value;
};
static const struct algorithm {
    int64_t id;
    const char *name;
    int64_t key_type;
    struct parameter parameter[3]; // in the order of libfido2's raw key
} algorithms[] = {
    {COSE_ES256,
     "ES256",
     COSE_KTY_EC2,
     {{-1, 0, COSE_P256}, {-2, FIELD_SIZE, 0}, {-3, FIELD_SIZE, 0}}},
    {COSE_EDDSA, "EdDSA", COSE_KTY_OKP, {{-1, 0, COSE_ED25519}, {-2, FIELD_SIZE, 0}}},
    {COSE_RS256, "RS256", COSE_KTY_RSA, {{-1, RSA_MODULUS_SIZE, 0}, {-2, RSA_EXPONENT_SIZE, 0}}},
};

static const struct algorithm *
algorithm_find(int64_t id)
{
    for (size_t i = 0; i < sizeof(algorithms) / sizeof(algorithms[0]); i++)
        if (algorithms[i].id == id)
            return &algorithms[i];
    return NULL;
}

const char *
cose_algorithm_name(int64_t algorithm)
{
    const struct algorithm *row = algorithm_find(algorithm);
    return row != NULL ? row->name : NULL;
}

static bool
parameter_read(const struct cbor_item *map, const struct parameter *parameter, struct cose_key *out)
{
    struct cbor_item item;
    int64_t number;
    if (!cbor_map_number(map, parameter->label, &item))
        return false;
    if (parameter->size == 0)
        return cbor_number(&item, &number) && number == parameter->value;
    if (item.type != CBOR_BYTES || item.data.n != parameter->size)
        return false;
    memcpy(out->raw + out->raw_n, item.data.p, item.data.n);
    out->raw_n += item.data.n;
    return true;
}

// libfido2 looks no further than a verification needs; a key for which anybody can sign is no key.
static bool
key_is_sound(const struct cose_key *key)
{
    static const uint8_t exponent[RSA_EXPONENT_SIZE] = {1, 0, 1};
    if (key->algorithm == COSE_EDDSA)
        return crypto_core_ed25519_is_valid_point(key->raw) == 1;
    if (key->algorithm == COSE_RS256)
        return (key->raw[0] & 0x80) != 0 && (key->raw[RSA_MODULUS_SIZE - 1] & 1) != 0 &&
               memcmp(key->raw + RSA_MODULUS_SIZE, exponent, sizeof(exponent)) == 0;
    es256_pk_t *point = es256_pk_new();
    EVP_PKEY *evp = NULL;
    if (point != NULL && es256_pk_from_ptr(point, key->raw, key->raw_n) == FIDO_OK)
        evp = es256_pk_to_EVP_PKEY(point); // refuses what is not on the curve
    bool sound = evp != NULL;
    EVP_PKEY_free(evp);
    es256_pk_free(&point);
    return sound;
}

bool
cose_key_read(struct bytes text, struct cose_key *out, char why[WHY_MAX])
{
    struct cbor_item map, item;
    struct cose_key key = {0};
    int64_t id, type;
    uint64_t members = 2;
    if (!cbor_read_all(text, &map) || !cbor_map_number(&map, KEY_ALGORITHM, &item) ||
        !cbor_number(&item, &id))
        return why_not(why, "the key names no algorithm");
    const struct algorithm *row = algorithm_find(id);
    if (row == NULL)
        return why_not(why, "algorithm %lld", (long long)id);
    key.algorithm = (int)id;
    bool good = cbor_map_number(&map, KEY_TYPE, &item) && cbor_number(&item, &type) &&
                type == row->key_type;
    for (const struct parameter *p = row->parameter;
         good && p < row->parameter + 3 && p->label != 0; p++, members++)
        good = parameter_read(&map, p, &key);
    if (!good || map.value != members)
        return why_not(why, "%s, but the key is not of its form%s", row->name,
                       id == COSE_RS256 ? ": a modulus of 2048 bits" : "");
    if (!key_is_sound(&key))
        return why_not(why, "%s, but that is no key of it", row->name);
    *out = key;
    return true;
}

bool
cose_algorithm_fits(int algorithm, const EVP_PKEY *key, char why[WHY_MAX])
{
    char group[32] = "";
    size_t group_n;
    bool fits = false;
    if (algorithm == COSE_ES256)
        fits = EVP_PKEY_get_base_id(key) == EVP_PKEY_EC &&
               EVP_PKEY_get_group_name(key, group, sizeof(group), &group_n) == 1 &&
               strcmp(group, "prime256v1") == 0;
    else if (algorithm == COSE_EDDSA)
        fits = EVP_PKEY_get_base_id(key) == EVP_PKEY_ED25519;
    else if (algorithm == COSE_RS256)
        fits = EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA && EVP_PKEY_get_bits(key) >= 2048;
    const char *name = cose_algorithm_name(algorithm);
    return fits || why_not(why, "its key is not one for %s", name ? name : "that algorithm");
}
