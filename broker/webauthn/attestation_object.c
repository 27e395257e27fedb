/* SPDX-License-Identifier: Apache-2.0 */
/* Attestation objects: exactly the members that WebAuthn names, each of its type. */
#include "attestation_object.h"

#include <stdio.h>

enum { SIGNATURE_MAX = 1024 };

static bool
certificates_read(const struct cbor_item *x5c, struct attestation_object *out, char why[WHY_MAX])
{
    struct bytes walk = x5c->data;
    struct cbor_item item;
    if (x5c->type != CBOR_ARRAY || x5c->value == 0 || x5c->value > ATTESTATION_CERTIFICATES_MAX)
        return why_not(why, "x5c is no list of one to six certificates");
    while (cbor_next(&walk, &item)) {
        if (item.type != CBOR_BYTES || item.data.n == 0)
            return why_not(why, "x5c holds something that is no certificate");
        out->certificate[out->certificate_count++] = item.data;
    }
    return true;
}

static bool
signature_read(const struct cbor_item *statement, struct attestation_object *out, char why[WHY_MAX])
{
    struct cbor_item item;
    if (!cbor_map_text(statement, "sig", &item) || item.type != CBOR_BYTES || item.data.n == 0 ||
        item.data.n > SIGNATURE_MAX)
        return why_not(why, "the statement has no signature");
    out->signature = item.data;
    return true;
}

static bool
packed_read(const struct cbor_item *statement, struct attestation_object *out, char why[WHY_MAX])
{
    struct cbor_item item;
    if (!cbor_map_text(statement, "alg", &item) || !cbor_number(&item, &out->algorithm) ||
        out->algorithm == 0)
        return why_not(why, "the statement names no algorithm");
    if (!signature_read(statement, out, why))
        return false;
    bool has_certificates = cbor_map_text(statement, "x5c", &item);
    if (has_certificates && !certificates_read(&item, out, why))
        return false;
    return statement->value == (has_certificates ? 3 : 2) ||
           why_not(why, "the statement has members that are not known");
}

// WebAuthn 8.6: one certificate, no more.
static bool
u2f_read(const struct cbor_item *statement, struct attestation_object *out, char why[WHY_MAX])
{
    struct cbor_item item;
    if (!signature_read(statement, out, why))
        return false;
    if (!cbor_map_text(statement, "x5c", &item))
        return why_not(why, "the statement has no certificate");
    if (!certificates_read(&item, out, why))
        return false;
    if (out->certificate_count != 1)
        return why_not(why, "the statement has more than one certificate");
    return statement->value == 2 || why_not(why, "the statement has members that are not known");
}

static bool
none_read(const struct cbor_item *statement, struct attestation_object *out, char why[WHY_MAX])
{
    (void)out;
    return statement->value == 0 || why_not(why, "the statement of format none is not empty");
}

static const struct {
    const char *name;
    enum attestation_format format;
    bool (*read)(const struct cbor_item *statement, struct attestation_object *out,
                 char why[WHY_MAX]);
} formats[] = {
    {"none", FORMAT_NONE, none_read},
    {"packed", FORMAT_PACKED, packed_read},
    {"fido-u2f", FORMAT_U2F, u2f_read},
};

bool
attestation_object_read(struct bytes text, struct attestation_object *out, char why[WHY_MAX])
{
    struct attestation_object object = {0};
    struct cbor_item map, name, data, statement;
    if (!cbor_read_all(text, &map) || map.type != CBOR_MAP)
        return why_not(why, "it is not one map of strict CBOR");
    if (map.value != 3 || !cbor_map_text(&map, "fmt", &name) || name.type != CBOR_TEXT ||
        !cbor_map_text(&map, "authData", &data) || data.type != CBOR_BYTES ||
        !cbor_map_text(&map, "attStmt", &statement) || statement.type != CBOR_MAP)
        return why_not(why, "it is not of fmt, authData and attStmt");
    object.format_name = name.data;
    object.data = data.data;
    object.statement = statement.whole;
    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
        if (!bytes_is(name.data, formats[i].name))
            continue;
        object.format = formats[i].format;
        if (!cbor_map_is_sorted(&statement))
            return why_not(why, "the statement is not in CTAP2's order");
        if (!formats[i].read(&statement, &object, why))
            return false;
    }
    *out = object;
    return true;
}
